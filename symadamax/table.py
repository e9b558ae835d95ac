"""A CSV or Parquet file -> columns of numbers; what is no number is refused with its line."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError, require

__all__ = ["column_names", "read_columns"]

Column = npt.NDArray[np.float64]

PARQUET = (".parquet", ".pq")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
SHOWN = 20  # names in a sentence


def column_names(path: str | PathLike[str]) -> list[str]:
    """Return the names of the columns of a file.

    Parameters
    ----------
    path : str or path
        A Parquet file (``.parquet`` or ``.pq``), or else a CSV file in UTF-8 with the names in its
        first line, separated by commas, semicolons or tabs.

    Raises
    ------
    InputError
        When the file is empty or not such a file.
    OSError
        When it cannot be opened.
    MissingDependencyError
        When pyarrow, which reads Parquet, is not installed.
    """
    path = Path(path)
    if _is_parquet(path):
        return [str(name) for name in _parquet(path).schema_arrow.names]
    with _opened(path) as file:
        return _Reader(file, path).names


def read_columns(path: str | PathLike[str], wanted: Sequence[str]) -> dict[str, Column]:
    r"""Return the numbers of some columns of a file, by name.

    Parameters
    ----------
    path : str or path
        As for `column_names`.
    wanted : sequence of str
        The names of the columns.

    Returns
    -------
    dict of str to ndarray of float64, shape (rows,)

    Raises
    ------
    InputError
        When a column is not there, or twice; when an entry is missing, infinite or no number; when
        a line has more or fewer cells than the first one; when there are no rows.
    OSError, MissingDependencyError
        As for `column_names`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "data.csv")
    ...     _ = path.write_text("t,name,y\n0,first,1.5\n1,second,2\n")
    ...     read_columns(path, ["t", "y"])
    {'t': array([0., 1.]), 'y': array([1.5, 2. ])}
    """
    path = Path(path)
    names = column_names(path)
    for name in wanted:
        if names.count(name) != 1:
            there = "has several columns" if name in names else "has no column"
            raise InputError(f"{path.name} {there} {name!r}; its columns are {_listed(names)}.")
    columns = _parquet_columns(path, wanted) if _is_parquet(path) else _csv_columns(path, wanted)
    if wanted and not len(columns[wanted[0]]):
        raise InputError(f"{path.name} has the names of columns, and no rows.")
    return columns


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


# ---- CSV ---------------------------------------------------------------------------------------


def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", newline="")


class _Reader:
    """The cells of a CSV file, line by line, each as long as the line of the names."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self.place = path.name
        self.cells = csv.reader(file, delimiter=_separator(self._line(file)))
        file.seek(0)
        names = next(self._rows(), None)
        if names is None:
            raise InputError(f"{self.place} is empty: its first line must name the columns.")
        self.names = [name.strip() for name in names]
        if all(map(_is_number, self.names)):
            raise InputError(
                f"The first line of {self.place} has numbers, {_listed(self.names)}; "
                "it must name the columns."
            )

    def __iter__(self) -> Iterator[list[str]]:
        for row in self._rows():
            if len(row) != len(self.names):
                raise InputError(
                    f"Line {self.cells.line_num} of {self.place} has {len(row)} "
                    f"{'cell' if len(row) == 1 else 'cells'}, and the first line names "
                    f"{len(self.names)} columns. Decimal numbers are written with a point."
                )
            yield row

    def number(self, text: str, name: str) -> float:
        """Return the number in a cell of the line that was read last."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        where = f"line {self.cells.line_num} of {self.place}, column {name!r}"
        if text.strip().lower() in MISSING:
            raise InputError(f"There is no number in {where}: drop such lines, or fill them in.")
        raise InputError(
            f"{text.strip()[:40]!r} in {where}, is not accepted; accepted are finite numbers such "
            "as -1.5 or 2e-3."
        )

    def _rows(self) -> Iterator[list[str]]:
        try:
            yield from filter(None, self.cells)  # an empty line is no row
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._no_text(error) from None

    def _line(self, file: TextIO) -> str:
        try:
            return file.readline(10**6)
        except UnicodeDecodeError as error:
            raise self._no_text(error) from None

    def _no_text(self, error: Exception) -> InputError:
        return InputError(
            f"{self.place} cannot be read as CSV ({error}); accepted are text files in UTF-8, and "
            f"Parquet files that end in {' or '.join(PARQUET)}."
        )


def _separator(line: str) -> str:
    return max(",;\t", key=line.count)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _csv_columns(path: Path, wanted: Sequence[str]) -> dict[str, Column]:
    columns = {name: array("d") for name in wanted}
    with _opened(path) as file:
        reader = _Reader(file, path)
        targets = [(reader.names.index(name), name, columns[name]) for name in wanted]
        for row in reader:
            for place, name, column in targets:
                column.append(reader.number(row[place], name))
    return {name: np.array(column) for name, column in columns.items()}


# ---- Parquet -----------------------------------------------------------------------------------


def _parquet(path: Path) -> Any:
    parquet: Any = require("pyarrow.parquet", "parquet", "reading Parquet files")
    arrow: Any = require("pyarrow", "parquet", "reading Parquet files")
    try:
        return parquet.ParquetFile(path)
    except arrow.ArrowException as error:
        raise InputError(f"{path.name} cannot be read as Parquet: {error}") from error


def _parquet_columns(path: Path, wanted: Sequence[str]) -> dict[str, Column]:
    table = _parquet(path).read(columns=list(wanted))
    return {name: _numbers(table.column(name), name, path.name) for name in wanted}


def _numbers(column: Any, name: str, file: str) -> Column:
    types: Any = require("pyarrow.types", "parquet", "reading Parquet files")
    kind = column.type
    if not any(holds(kind) for holds in (types.is_integer, types.is_floating, types.is_boolean)):
        raise InputError(f"The column {name!r} of {file} holds {kind}; accepted are numbers.")
    values = np.asarray(column.cast("float64").to_numpy(), dtype=np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    if len(broken):
        raise InputError(
            f"There is no finite number in row {broken[0] + 1} of {file}, column {name!r} "
            f"({len(broken)} such rows in all): drop them, or fill them in."
        )
    return values

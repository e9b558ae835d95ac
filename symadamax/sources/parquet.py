"""Parquet files -> rows: whole row groups are read, and files stay open."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symadamax.errors import InputError, require
from symadamax.sources.source import Outline

__all__ = ["ParquetFiles", "parquet_paths"]

ENDINGS = (".parquet", ".pq")
MOST_OPEN = 16  # files of a thread
PURPOSE = "reading Parquet files"


def parquet_paths(given: Any) -> list[str] | None:
    """Return the absolute paths of Parquet files: of a path, a folder or a sequence of them.

    None where what was given are no paths.
    """
    paths = list(given) if isinstance(given, (list, tuple)) else [given]
    if not paths or not all(isinstance(path, (str, os.PathLike)) for path in paths):
        return None
    found: list[str] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in ENDINGS)
            if not inside:
                raise InputError(f"The folder {path} has no files that end in .parquet or .pq.")
            found += [str(p.absolute()) for p in inside]
        elif path.suffix.lower() in ENDINGS:
            found.append(str(path.absolute()))
        else:
            raise InputError(
                f"Rows cannot be read from {str(path)!r}; accepted are Parquet files, which end in "
                ".parquet or .pq, and folders of them. Of .npy files give a mapping of the name of "
                "an array to its path."
            )
    return found


class ParquetFiles:
    """The rows of some files with the same columns, one file after the other.

    What is pickled are the paths and what was found there: each process opens the files for itself,
    and refuses one that has changed.
    """

    fixed = False
    free = False

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = list(paths)
        self._open = threading.local()
        files = [_opened(path) for path in self.paths]
        self.schema = files[0].schema_arrow
        for path, file in zip(paths, files, strict=True):
            _hold_same(self.schema, file.schema_arrow, paths[0], path)
        self.names = [str(name) for name in self.schema.names]
        twice = [name for name in self.names if self.names.count(name) > 1]
        if twice:
            raise InputError(f"{_short(paths[0])} has several columns {twice[0]!r}.")
        groups = [
            [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
            for file in files
        ]
        self.group_file = np.repeat(np.arange(len(files)), [len(of_file) for of_file in groups])
        self.group_number = np.concatenate([np.arange(len(of_file)) for of_file in groups])
        lengths = np.array([n for of_file in groups for n in of_file], dtype=np.int64)
        self.cuts: np.ndarray = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.count = int(self.cuts[-1])
        self.file_rows = [sum(of_file) for of_file in groups]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_open"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open = threading.local()

    def __str__(self) -> str:
        more = f" and {len(self.paths) - 1} more files" if len(self.paths) > 1 else ""
        return f"{_short(self.paths[0])}{more}"

    def outline(self, name: str) -> Outline:
        """Return the shape and the type of a column."""
        held = kind = self.schema.field(name).type
        width = None
        if _is(kind, "fixed_size_list"):
            kind, width = kind.value_type, kind.list_size
        if not any(_is(kind, numbers) for numbers in ("integer", "floating", "boolean")):
            raise InputError(
                f"The column {name!r} of {_short(self.paths[0])} holds {held}; accepted are "
                "numbers, truth values, and lists of fixed size of them."
            )
        shape = (self.count,) if width is None else (self.count, width)
        return Outline(shape, np.dtype(kind.to_pandas_dtype()))

    def read(self, first: int, last: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return some columns of the rows `first` to ``last - 1``."""
        begin = int(np.searchsorted(self.cuts, first, side="right")) - 1
        end = max(int(np.searchsorted(self.cuts, last, side="left")), begin + 1)
        arrow: Any = require("pyarrow", "parquet", PURPOSE)
        tables = []
        for number in dict.fromkeys(self.group_file[begin:end].tolist()):
            mine = begin + np.flatnonzero(self.group_file[begin:end] == number)
            groups = self.group_number[mine].tolist()
            try:
                file = self._file(number)
                tables.append(file.read_row_groups(groups, columns=list(names), use_threads=False))
            except (arrow.ArrowException, OSError) as error:
                raise InputError(f"{self.paths[number]} cannot be read: {error}") from error
        table = arrow.concat_tables(tables).slice(first - int(self.cuts[begin]), last - first)
        return {name: self._numbers(table.column(name), name, first) for name in names}

    def place(self, row: int) -> str:
        """Say in which file a row stands."""
        for path, rows in zip(self.paths, self.file_rows, strict=True):
            if row < rows:
                return f"row {row} of {_short(path)} (the first is row 0)"
            row -= rows
        raise IndexError(row)

    def _file(self, number: int) -> Any:
        """Return an open file of this thread: two threads must not read by the same one."""
        files: dict[int, Any] = self._open.__dict__.setdefault("files", {})
        if number not in files:
            while len(files) >= MOST_OPEN:
                del files[next(iter(files))]
            file = _opened(self.paths[number])
            if file.metadata.num_rows != self.file_rows[number]:
                raise InputError(
                    f"{self.paths[number]} has {file.metadata.num_rows} rows here, and had "
                    f"{self.file_rows[number]} where the run began: every worker must see the same "
                    "files, and nobody may change them during a run."
                )
            files[number] = file
        return files[number]

    def _numbers(self, column: Any, name: str, first: int) -> np.ndarray:
        """Return the numbers of a column; what is missing becomes NaN."""
        shape = self.outline(name).shape[1:]
        array = column.combine_chunks()
        if shape:
            if array.null_count:
                row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
                raise InputError(f"The data {name!r} have no list in {self.place(first + row)}.")
            array = array.flatten()
        numbers: np.ndarray = array.to_numpy(zero_copy_only=False)
        if numbers.dtype == object:  # truth values, of which some are missing
            numbers = numbers.astype(np.float64)
        return numbers.reshape(-1, *shape)


def _opened(path: str) -> Any:
    parquet: Any = require("pyarrow.parquet", "parquet", PURPOSE)
    arrow: Any = require("pyarrow", "parquet", PURPOSE)
    try:
        # Not mapped, which would be 1.4 times faster: where somebody cuts such a file short, the
        # system ends the process. One thread decodes a part; parts are read side by side.
        return parquet.ParquetFile(path, memory_map=False, pre_buffer=False)
    except FileNotFoundError as error:
        raise InputError(
            f"There is no file {path}. Every worker must see the files at the same path."
        ) from error
    except (arrow.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error


def _hold_same(schema: Any, other: Any, path: str, another: str) -> None:
    if schema.names != other.names or schema.types != other.types:
        raise InputError(
            f"{_short(another)} has other columns than {_short(path)}; files that are read "
            "together must have the same columns of the same types."
        )


def _is(kind: Any, what: str) -> bool:
    types: Any = require("pyarrow.types", "parquet", PURPOSE)
    return bool(getattr(types, f"is_{what}")(kind))


def _short(path: str) -> str:
    return Path(path).name

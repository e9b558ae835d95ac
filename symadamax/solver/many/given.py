"""Given: starts that are numbers, read where they lie; what does not fit is refused by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.points import NO_SHAPES, Shapes, by_symbol, finite, listed, shown
from symadamax.solver.columns import common_count, is_column

__all__ = ["Given", "Picked", "given_starts", "is_table", "width_of"]

Array = npt.NDArray[Any]

ROWS = 65_536  # looked at together: nothing as large as what was given is made

ACCEPTED = (
    "an array of shape (B, n), a mapping of unknown to array of shape (B,) (or to a number for all "
    "runs), a table with the unknowns as columns, or symadamax.sample(box, count)"
)


@dataclass(frozen=True, eq=False)
class Given:
    """Starts that were given as numbers.

    Attributes
    ----------
    pieces : tuple of ndarray, shapes (rows, k)
        Side by side they are the points. A piece of one row is the same for all runs.
    count : int
        B.
    first : int
        The number of the first row; others are in other parts.

    Examples
    --------
    >>> starts = Given((np.array([[1.0], [2.0], [3.0]]), np.array([[7.0]])), 3)
    >>> starts.points(1, 3)
    array([[2., 7.],
           [3., 7.]])
    """

    pieces: tuple[Array, ...]
    count: int
    first: int = 0

    def __len__(self) -> int:
        return self.count

    def points(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the starts first, ..., last - 1."""
        rows, widths = last - first, [piece.shape[1] for piece in self.pieces]
        result = np.empty((rows, sum(widths)))
        place = 0
        for piece, width in zip(self._slices(first, last), widths, strict=True):
            result[:, place : place + width] = piece
            place += width
        return result

    def part(self, first: int, last: int) -> Given:
        """Return these rows alone, under the same numbers."""
        return Given(tuple(self._slices(first, last)), self.count, first)

    def _slices(self, first: int, last: int) -> Iterator[Array]:
        for piece in self.pieces:
            yield piece if len(piece) == 1 else piece[first - self.first : last - self.first]


@dataclass(frozen=True, eq=False)
class Picked:
    """Some starts of many, kept for the runs that are kept.

    Attributes
    ----------
    count : int
        How many there were.
    numbers : ndarray of int64, shape (m,)
        Which these are, in ascending order.
    rows : ndarray, shape (m, n)
    """

    count: int
    numbers: npt.NDArray[np.int64]
    rows: Array

    def __len__(self) -> int:
        return self.count

    def points(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the starts first, ..., last - 1, which must be among them."""
        place = int(np.searchsorted(self.numbers, first))
        return np.asarray(self.rows[place : place + last - first], np.float64)

    def part(self, first: int, last: int) -> Picked:
        """Return these starts themselves."""
        return self


def given_starts(given: Any, unknowns: Sequence[Any], dtype: str) -> tuple[Given, Shapes]:
    """Return starts that were given as `starts_of` takes them, and the shapes of arrays."""
    arrays = [unknown for unknown in unknowns if hasattr(unknown, "shape")]
    if is_table(given):
        given = _table_columns(given, unknowns)
    elif not isinstance(given, Mapping):
        if not arrays:
            return _of_array(given, unknowns, dtype), NO_SHAPES
        if len(unknowns) > 1:
            names = listed([unknown.name for unknown in unknowns])
            raise InputError(
                f"The starts are not a mapping, and among the unknowns {names} are arrays: give a "
                f"mapping such as {{{unknowns[0].name}: ..., {arrays[-1].name}: array}}."
            )
        given = {unknowns[0]: given}
    return _of_mapping(given, unknowns, dtype)


def width_of(given: Any) -> int:
    """Return how many numbers a point has, where starts are given as an array."""
    shape = _reals(given, "the starts").shape
    if shape and shape[-1] == 0:
        raise InputError("The starts have no numbers: there is nothing to optimise.")
    return int(shape[-1]) if shape else 1  # what is no array is refused as starts


# ---- an array ------------------------------------------------------------------------------------


def _of_array(given: Any, unknowns: Sequence[Any], dtype: str) -> Given:
    names = [unknown.name for unknown in unknowns]
    if isinstance(given, (str, bytes)) or not (hasattr(given, "__len__") or is_column(given)):
        raise InputError(f"The starts are {_brief(given)}; accepted is {ACCEPTED}.")
    points, n = _reals(given, "the starts"), len(names)
    if points.ndim == 1 and (n == 1 or len(points) == 0):
        points = points.reshape(-1, n)
    elif points.shape == (n,):
        points = points.reshape(1, n)
    if points.ndim != 2 or points.shape[1] != n:
        turned = " Transpose it." if points.ndim == 2 and points.shape[0] == n else ""
        raise InputError(
            f"The starts have the shape {points.shape}; accepted is (B, {n}), a row for each run "
            f"with the unknowns {listed(names)}.{turned}"
        )
    _hold_finite(points, names, dtype)
    return Given((points,), len(points))


# ---- a mapping or a table ------------------------------------------------------------------------


def is_table(given: Any) -> bool:
    """Tell whether starts are a table with columns by name."""
    columned = hasattr(given, "columns") or hasattr(given, "column_names")
    return columned and not isinstance(given, (Mapping, np.ndarray))


def _table_columns(given: Any, unknowns: Sequence[Any]) -> dict[Any, Any]:
    names = given.column_names if hasattr(given, "column_names") else given.columns
    there = {str(name) for name in names}
    return {unknown: given[unknown.name] for unknown in unknowns if unknown.name in there}


def _of_mapping(
    given: Mapping[Any, Any], unknowns: Sequence[Any], dtype: str
) -> tuple[Given, Shapes]:
    values = by_symbol(given, unknowns, "unknown", "the starts")
    names = [unknown.name for unknown in unknowns]
    missing = [unknown.name for unknown in unknowns if unknown not in values]
    if missing:
        raise InputError(
            f"No starts are given for {listed(missing)}. Give an array, or a number for all runs, "
            f"for each of the unknowns {listed(names)}."
        )
    pieces, counts, shapes = [], {}, {}
    for unknown in unknowns:
        numbers, shape, count = _of_unknown(values[unknown], unknown)
        _hold_finite(numbers, _Elements(unknown.name, shape), dtype)
        pieces.append(numbers)
        counts[unknown.name] = count
        if shape is not None:
            shapes[unknown] = shape
    if sum(piece.shape[1] for piece in pieces) == 0:
        raise InputError("The starts have no numbers: there is nothing to optimise.")
    count = common_count(counts)
    return Given(tuple(pieces), 1 if count is None else count), shapes or NO_SHAPES


def _of_unknown(given: Any, unknown: Any) -> tuple[Array, tuple[int, ...] | None, int | None]:
    """Return the numbers of one unknown, its shape (None of a scalar), and for how many runs."""
    name = unknown.name
    if not hasattr(unknown, "shape"):
        if not is_column(given):
            return np.array([[finite(given, name)]]), None, None
        numbers = _reals(given, f"the starts of {name!r}")
        if numbers.ndim != 1:
            raise InputError(
                f"The starts of {name!r} have the shape {numbers.shape}; accepted is (B,), a "
                "number for each run, or one number for all."
            )
        return numbers[:, np.newaxis], None, len(numbers)
    numbers = _reals(given, f"the starts of {name!r}")
    if numbers.ndim < 2:
        raise InputError(
            f"The starts of {name!r} have the shape {numbers.shape}, and it is an array of "
            "unknowns; accepted is (B, ...), an array for each run, or (1, ...), one for all."
        )
    rows, shape = len(numbers), numbers.shape[1:]
    size = int(np.prod(shape, dtype=np.int64))
    return numbers.reshape(rows, size), shape, None if rows == 1 else rows


# ---- numbers -------------------------------------------------------------------------------------


def _reals(given: Any, what: str) -> Array:
    """Return an array of real numbers, the same memory where that can be read."""
    what = what[0].upper() + what[1:]
    try:
        array = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are not a regular array of numbers.") from error
    if np.ma.is_masked(given):
        row = int(np.argwhere(np.ma.getmaskarray(given))[0][0])
        raise InputError(f"{what} are masked in row {row}; give numbers, or drop such rows.")
    if array.ndim == 0 and array.dtype.kind not in "fiu":
        raise InputError(f"{what} are {_brief(given)}; accepted are arrays of real numbers.")
    if array.dtype.kind in "fiu" or array.size == 0:
        return array if array.dtype.kind in "fiu" else array.astype(np.float64)
    if array.dtype.kind != "O":
        raise InputError(f"{what} are of {array.dtype}; accepted are real numbers.")
    numbers = np.empty(array.shape)
    for place, entry in np.ndenumerate(array):
        try:
            numbers[place] = finite(entry, "")
        except InputError:
            raise InputError(
                f"{what} have {_brief(entry)} in row {place[0]}; accepted are real, finite numbers."
            ) from None
    return numbers


class _Elements(Sequence[str]):
    """The names of one unknown's numbers: its own, or with the position in an array."""

    def __init__(self, name: str, shape: tuple[int, ...] | None) -> None:
        self.name, self.shape = name, shape

    def __len__(self) -> int:
        return 1 if self.shape is None else int(np.prod(self.shape))

    def __getitem__(self, place: Any) -> Any:
        if self.shape is None:
            return self.name
        position = ", ".join(str(int(k)) for k in np.unravel_index(place, self.shape))
        return f"{self.name}[{position}]"


def _hold_finite(points: Array, names: Sequence[str], dtype: str) -> None:
    """Refuse numbers that are not finite in the run's dtype, by row and name."""
    for first in range(0, len(points), ROWS):
        block = points[first : first + ROWS]
        with np.errstate(over="ignore"):
            good = np.isfinite(block.astype(dtype, copy=False))
        if not good.all():
            row, column = (int(k) for k in np.argwhere(~good)[0])
            raise InputError(
                f"The start of {names[column]!r} in row {first + row} is {block[row, column]}; it "
                f"must be finite in {dtype}."
            )


def _brief(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

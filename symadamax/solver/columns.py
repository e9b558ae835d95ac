"""Columns: settings and parameters that have a number of their own for each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.points import listed
from symadamax.solver.checks import number

__all__ = ["Column", "column", "common_count", "is_column", "parameters_of"]

Array = npt.NDArray[np.float64]


class Column(Sequence[float]):
    """One finite number for each run: an array that does not change, and is equal by content.

    Parameters
    ----------
    values : array_like of shape (B,)
        Numbers that have been checked; they are copied.

    Examples
    --------
    >>> column = Column([0.1, 0.2])
    >>> column, column[1], column == Column([0.1, 0.2])
    (array of 2, 0.2, True)
    """

    __slots__ = ("_hash", "values")

    values: Array
    _hash: int | None

    def __init__(self, values: Any) -> None:
        self.values = np.array(values, dtype=np.float64)
        self.values.flags.writeable = False
        self._hash = None

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Column(self.values[place])
        return float(self.values[place])

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[float]:
        return iter(self.values.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.values + 0.0).tobytes())  # -0.0 equals 0.0
        return self._hash

    def __repr__(self) -> str:
        return f"array of {len(self)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Column, (self.values,)


def is_column(given: Any) -> bool:
    """Tell whether numbers for many runs were given, and not one number."""
    if isinstance(given, (Column, list, tuple)):
        return True
    is_array = hasattr(given, "__array__") and hasattr(given, "__len__")
    return is_array and getattr(given, "ndim", 1) > 0


def column(given: Any, name: str, accepted: str, holds: Callable[[Any], Any]) -> Column:
    """Return a number for each run, each real and finite with `holds` true, or say which is not.

    `holds` is asked with an array.
    """
    if isinstance(given, Column):
        values = given.values
    else:
        values = _plain(given, name, accepted)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(values) & holds(values)
    if not good.all():
        place = int(good.argmin())
        raise InputError(f"{name}[{place}] is {values[place]}; accepted is {accepted}.")
    return given if isinstance(given, Column) else Column(values)


def _plain(given: Any, name: str, accepted: str) -> Array:
    """Return an array of floats of one axis from what can be read as one."""
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different length
        return _one_by_one(given, name, accepted)
    if array.ndim != 1:
        raise InputError(
            f"{name} is an array of the shape {array.shape}; accepted is {accepted}, or an array "
            "of shape (B,) with one for each run."
        )
    if np.ma.is_masked(given):
        place = int(np.ma.getmaskarray(given).argmax())
        raise InputError(f"{name}[{place}] is masked; accepted is {accepted}.")
    if array.dtype.kind in "fiu" or array.size == 0:
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
    return _one_by_one(given, name, accepted)


def _one_by_one(given: Any, name: str, accepted: str) -> Array:
    entries = [
        number(entry, f"{name}[{place}]", accepted, lambda value: True)
        for place, entry in enumerate(given)
    ]
    return np.array(entries)


def parameters_of(given: Any) -> tuple[dict[Any, Any], dict[Any, Column]]:
    """Return parameters as `Objective` takes them, and by the same keys those of many numbers.

    Parameters
    ----------
    given : mapping of symbol (or its name) to number or array of shape (B,), or None

    Returns
    -------
    numbers : dict
        One number for each; of a column its first, or 0 where there are no runs.
    columns : dict of key to Column

    Raises
    ------
    InputError
        When it is no mapping, or an entry is not a real and finite number.

    Examples
    --------
    >>> parameters_of({"a": 2, "c": [1.0, 3.0]})
    ({'a': 2, 'c': 1.0}, {'c': array of 2})
    """
    if given is None:
        return {}, {}
    if not isinstance(given, Mapping):
        raise InputError(
            f"parameters is {given!r}; accepted is a mapping of symbol to number, or to an array "
            "with a number for each run."
        )
    columns = {
        key: column(value, f"parameters[{key}]", "a finite number", np.isfinite)
        for key, value in given.items()
        if is_column(value)
    }
    firsts = {key: values[0] if len(values) else 0.0 for key, values in columns.items()}
    return {**given, **firsts}, columns


def common_count(counts: Mapping[str, int | None]) -> int | None:
    """Return how many runs arrays are for, None where there is no array.

    Parameters
    ----------
    counts : mapping of str to int or None
        The length by the name of each, None for what is one number.

    Raises
    ------
    InputError
        When they differ.

    Examples
    --------
    >>> common_count({"beta1": None, "learning_rate": 100})
    100
    """
    given = {name: count for name, count in counts.items() if count is not None}
    if len(set(given.values())) > 1:
        told = [f"{name} {count}" for name, count in given.items()]
        raise InputError(
            f"The arrays are for different numbers of runs: {listed(told)}. Give each the same "
            "length, one number for each run; symadamax.product makes all combinations."
        )
    return next(iter(given.values()), None)

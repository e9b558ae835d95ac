"""Data -> NumPy arrays that compiled loops read where they lie; what cannot be read is refused.

Nothing is copied that a loop can convert on the way: float32, whole numbers and truth values stay
as they are, and so do arrays that are read-only, strided or mapped from a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symadamax.errors import InputError
from symadamax.points import Symbol, all_finite, by_symbol

__all__ = ["READ_AS_IS", "data_array", "data_arrays", "hold_finite"]

READ_AS_IS = frozenset({"f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"})


def data_arrays(given: Any, arrays: Sequence[Symbol], allow_nan: bool) -> dict[Symbol, np.ndarray]:
    """Return the arrays of a mapping, or of a table whose columns bear their names.

    Parameters
    ----------
    given : mapping, or DataFrame of pandas or polars, or table of Arrow
        Anything that gives an array, by IndexedBase or by its name. A table may have more columns.
    arrays : sequence of IndexedBase
        Those of the objective.
    allow_nan : bool
        Whether NaN and infinities are taken as they are.

    Raises
    ------
    InputError
        When a name is no array of the objective, or its values are not real numbers.
    """
    if isinstance(given, Mapping):
        values = by_symbol(given, arrays, "array", "data")
    elif hasattr(given, "columns") or hasattr(given, "column_names"):
        columns = given.column_names if hasattr(given, "column_names") else given.columns
        names = {str(name) for name in columns}
        values = {array: given[array.name] for array in arrays if array.name in names}
    else:
        raise InputError(
            f"data is a {type(given).__name__}; accepted is a mapping of IndexedBase (or its name) "
            "to an array, or a table whose columns have the arrays' names."
        )
    return {array: data_array(value, array.name, allow_nan) for array, value in values.items()}


def data_array(value: Any, name: str, allow_nan: bool = False) -> np.ndarray:
    """Return an array of real numbers, the same memory where that can be read.

    Examples
    --------
    >>> data_array([[1, 2], [3, 4]], "X").dtype
    dtype('int64')
    """
    if np.ma.is_masked(value):
        row = int(np.flatnonzero(np.ma.getmaskarray(value).reshape(-1))[0])
        raise InputError(f"The data {name!r} are masked at entry {row}; {_REMEDY}")
    array = _plain_array(value, name)
    if not allow_nan:
        hold_finite(array, name)
    if array.size == 0:
        array = np.zeros(array.shape, array.dtype)  # an address that can be read
    return array


_REMEDY = "drop such rows, or fill them in, or pass allow_nan=True to compute with NaN."


def _plain_array(value: Any, name: str) -> np.ndarray:
    """Return an array of a type that loops read."""
    try:
        array = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
    except (TypeError, ValueError) as error:
        raise InputError(f"The data {name!r} are not a regular array of numbers.") from error
    if array.ndim == 0 and (value is None or array.dtype.kind != "O"):
        raise InputError(f"The data {name!r} are the single value {value!r}, not an array.")
    if array.ndim == 0:
        advice = "; give value.toarray(), or rows, columns and entries as three arrays"
        raise InputError(
            f"The data {name!r} are a {type(value).__name__}, not an array"
            f"{advice if hasattr(value, 'toarray') else ''}."
        )
    if array.dtype.str[1:] in READ_AS_IS and array.dtype.isnative:
        return array if _aligned(array) else array.copy()
    if array.dtype.kind in "fiub":
        return array.astype(
            np.float64 if array.dtype.kind == "f" else array.dtype.newbyteorder("=")
        )
    if array.dtype.kind != "O":
        raise InputError(
            f"The data {name!r} are of {array.dtype}; accepted are real numbers, whole numbers and "
            "truth values."
        )
    return _from_objects(array, name)


def _aligned(array: np.ndarray) -> bool:
    return bool(array.flags.aligned)


def _from_objects(array: np.ndarray, name: str) -> np.ndarray:
    """Return float64 from Python's objects; what is missing becomes NaN."""
    result = np.empty(array.shape)
    for place, entry in np.ndenumerate(array):
        missing = entry is None or type(entry).__name__ in ("NAType", "NaTType")
        try:
            result[place] = np.nan if missing else float(_number(entry))
        except (TypeError, ValueError, OverflowError):
            where = place[0] if len(place) == 1 else place
            raise InputError(
                f"The data {name!r} have {entry!r} in row {where}; accepted are real numbers."
            ) from None
    return result


def _number(entry: Any) -> Any:
    if isinstance(entry, (str, bytes, complex)):
        raise TypeError
    return entry


def hold_finite(
    array: np.ndarray, name: str, place: Callable[[int], str] = "row {}".format
) -> None:
    """Refuse NaN and infinities, and say where the first stands; `place` names a row."""
    if array.dtype.kind != "f" or all_finite(array):
        return
    broken = np.argwhere(~np.isfinite(array))
    first = tuple(int(k) for k in broken[0])
    where = place(first[0]) + (f", column {first[1]}" if len(first) > 1 else "")
    raise InputError(
        f"The data {name!r} have {array[first]} in {where} "
        f"({len(broken)} such entries in all); {_REMEDY}"
    )

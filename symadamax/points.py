"""Numbers by symbol, by name or in order -> arrays; what does not fit is refused by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Number
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from symadamax.errors import InputError

__all__ = [
    "NO_SHAPES", "Shapes", "Symbol", "all_finite", "by_symbol", "finite", "flat_point", "in_lines",
    "listed", "point_array", "shaped", "shown",
]  # fmt: skip

DATA = "Arrays that hold data are no unknowns: give them in data."
PAGE, SHIFT = 4096, 704  # bytes; SHIFT is an odd number of cache lines


class Symbol(Protocol):
    """What is known here of a symbol: that it has a name, and can be a key."""

    name: str

    def __hash__(self) -> int: ...


Shapes = Mapping[Any, tuple[int, ...]]  # those of the arrays of unknowns
NO_SHAPES: Shapes = MappingProxyType({})


def flat_point(point: Any, unknowns: Sequence[Any], dtype: str) -> tuple[np.ndarray, Shapes]:
    """Return a point as one array, and the shapes of the arrays in it.

    Parameters
    ----------
    point : mapping, sequence or array
        As `point_array` takes it. With arrays among the unknowns, a mapping with a number or an
        array for each; the array alone where there is one unknown.
    unknowns : sequence of Symbol and IndexedBase
        The scalars first.
    dtype : {"float64", "float32"}

    Raises
    ------
    InputError
        When an array is missing, has the wrong number of axes, or is not real and finite.
    """
    arrays = [unknown for unknown in unknowns if hasattr(unknown, "shape")]
    if not arrays:
        return point_array(point, unknowns, dtype), NO_SHAPES
    if not isinstance(point, Mapping):
        if len(unknowns) > 1:
            raise InputError(
                "The start is not a mapping, and among the unknowns "
                f"{listed([u.name for u in unknowns])} are arrays: give a mapping such as "
                f"{{{unknowns[0].name}: ..., {arrays[-1].name}: array}}. {DATA}"
            )
        point = {unknowns[0]: point}
    values = by_symbol(point, unknowns, "unknown", "the start")
    missing = [unknown.name for unknown in unknowns if unknown not in values]
    if missing:
        raise InputError(
            f"No start is given for {listed(missing)}. Give one for each of the unknowns "
            f"{listed([unknown.name for unknown in unknowns])}; an array's start gives its shape. "
            f"{DATA}"
        )
    scalars = [unknown for unknown in unknowns if not hasattr(unknown, "shape")]
    numbers = {unknown: values[unknown] for unknown in scalars}
    pieces = [point_array(numbers, scalars, dtype)] if scalars else []
    shapes = {}
    for array in arrays:
        entries = _array_start(values[array], array.name, dtype)
        shapes[array] = entries.shape
        pieces.append(entries.reshape(-1))
    flat = in_lines(sum(piece.size for piece in pieces), dtype, len(scalars))
    if flat.size == 0:
        raise InputError("The start has no numbers: there is nothing to optimise.")
    return np.concatenate(pieces, out=flat), shapes


def in_lines(size: int, dtype: Any, first: int = 0, row: int = 0) -> np.ndarray:
    """Return an array that is not filled, in which the entry `first` begins a cache line.

    Arrays that are used together have different rows, so that equal entries of them are not 4 KB
    apart: a processor takes a load for one that waits for a store when their addresses agree modulo
    4096.
    """
    itemsize = np.dtype(dtype).itemsize
    room = np.empty(size * itemsize + PAGE, np.int8)
    wanted = row * SHIFT % PAGE
    skipped = (wanted - room.ctypes.data - first * itemsize) % PAGE
    return room[skipped : skipped + size * itemsize].view(dtype)


def _array_start(given: Any, name: str, dtype: str) -> np.ndarray:
    """Return the start of an array of unknowns, all of it finite."""
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.asarray(None)
    if np.ma.is_masked(given) or array.dtype.kind not in "fiu" or array.ndim == 0:
        raise InputError(
            f"The start of {name!r} is {_brief(given)}; accepted is an array of real numbers."
        )
    with np.errstate(over="ignore"):
        array = np.asarray(array, dtype=dtype)
    if not all_finite(array):
        place = ", ".join(str(int(k)) for k in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"The start of {name}[{place}] is {np.asarray(given)[~np.isfinite(array)][0]}; it must "
            f"be finite in {dtype}."
        )
    return array


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def shaped(x: np.ndarray, unknowns: Sequence[Any], shapes: Shapes) -> dict[Any, Any]:
    """Return a point by unknown: numbers, and arrays of the shapes given."""
    if not shapes:
        return dict(zip(unknowns, x.tolist(), strict=True))
    scalars = len(unknowns) - len(shapes)
    result: dict[Any, Any] = dict(zip(unknowns[:scalars], x[:scalars].tolist(), strict=True))
    place = scalars
    for array, shape in shapes.items():
        size = math.prod(shape)
        result[array] = x[place : place + size].reshape(shape)
        place += size
    return result


def point_array(point: Any, unknowns: Sequence[Symbol], dtype: str) -> np.ndarray:
    """Return the array of a point given by symbol, by name, or in the order of `unknowns`."""
    if type(point) in (list, tuple) and len(point) == len(unknowns) and _plain(point):
        return _cast(np.array(point), unknowns, dtype) if dtype != "float64" else np.array(point)
    if _is_labelled(point):
        point = dict(zip(point.keys(), point, strict=True))
    if isinstance(point, Mapping):
        values = by_symbol(point, unknowns, "unknown", "the start")
        missing = [symbol.name for symbol in unknowns if symbol not in values]
        if missing:
            raise InputError(
                f"No number is given for {listed(missing)}. Give one for each of the unknowns "
                f"{listed([symbol.name for symbol in unknowns])}."
            )
        numbers = [finite(values[symbol], symbol.name) for symbol in unknowns]
        return _cast(np.array(numbers, dtype="float64"), unknowns, dtype)
    array = _array(point, unknowns)
    if array.shape not in {(len(unknowns),), (len(unknowns), 1), (1, len(unknowns))}:
        n = len(unknowns)
        raise InputError(
            f"The point has the shape {array.shape}; accepted are ({n},), ({n}, 1) and (1, {n}), "
            f"for the unknowns {listed([symbol.name for symbol in unknowns])}."
        )
    return _cast(array.reshape(-1), unknowns, dtype)


def _plain(point: Sequence[Any]) -> bool:
    """Tell whether there are only finite floats, which need no more looking at."""
    return all(type(value) is float and math.isfinite(value) for value in point)


def _is_labelled(point: Any) -> bool:
    """Tell whether a sequence, such as a Series of pandas, names its numbers."""
    if isinstance(point, (Mapping, np.ndarray)) or not hasattr(point, "keys"):
        return False
    labels = list(point.keys())
    return hasattr(point, "iloc") and any(not isinstance(label, Integral) for label in labels)


def _array(point: Any, unknowns: Sequence[Symbol]) -> np.ndarray:
    """Return a new float64 array of any shape from numbers in the order of the unknowns."""
    if np.ma.is_masked(point):
        wanted = listed([symbol.name for symbol in unknowns])
        raise InputError(f"The point has masked entries; give a number for each of {wanted}.")
    if isinstance(point, np.ndarray) and point.dtype == np.float64:
        return point.copy()
    if isinstance(point, np.ndarray) and point.dtype.kind in "fiu":
        with np.errstate(over="ignore"):
            return point.astype("float64")
    if isinstance(point, (str, bytes)) or not hasattr(point, "__len__"):
        raise InputError(
            f"The point {point!r} is neither a mapping of unknowns to numbers nor a sequence of "
            "numbers in the order of the unknowns."
        )
    try:
        array = np.array(point, dtype=object)
    except ValueError as error:
        raise InputError(f"The point {point!r} is not a regular array of numbers.") from error
    names = [symbol.name for symbol in unknowns] if array.size == len(unknowns) else None
    numbers = [
        finite(value, names[k] if names else f"entry {k}") for k, value in enumerate(array.flat)
    ]
    return np.array(numbers, dtype="float64").reshape(array.shape)


def _cast(array: np.ndarray, unknowns: Sequence[Symbol], dtype: str) -> np.ndarray:
    """Return an array of the dtype, all of it finite."""
    cast = array
    if dtype != "float64":
        with np.errstate(over="ignore"):
            cast = array.astype(dtype)
    if not all_finite(cast):
        place = int(np.flatnonzero(~np.isfinite(cast))[0])
        raise InputError(
            f"The number for {unknowns[place].name!r} is {array[place]}; "
            f"it must be finite in {dtype}."
        )
    return cast


def all_finite(array: np.ndarray) -> bool:
    """Tell whether all numbers are finite; of long arrays the sum says so in no memory.

    Examples
    --------
    >>> all_finite(np.array([1e308, 1e308])), all_finite(np.array([np.inf, -np.inf]))
    (True, False)
    """
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def finite(value: Any, name: str) -> float:
    """Return a real, finite number as a float, or say for which symbol it is not one."""
    number = math.nan
    numeric = isinstance(value, (Number, np.generic)) or hasattr(value, "__float__")
    if numeric and not isinstance(value, (str, bytes, bool, np.bool_, complex, np.complexfloating)):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
    if not math.isfinite(number):
        raise InputError(f"The number for {name!r} is {shown(value)}; it must be real and finite.")
    return number


def shown(value: Any) -> str:
    """Return the repr of what was given; Python refuses to print integers of many digits."""
    if isinstance(value, int) and value.bit_length() > 400:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


def by_symbol(
    given: Mapping[Any, Any], symbols: Sequence[Symbol], kind: str, what: str
) -> dict[Symbol, Any]:
    """Return a mapping by symbol from one by symbol or by name."""
    named: dict[str, list[Symbol]] = {}
    for symbol in symbols:
        named.setdefault(symbol.name, []).append(symbol)
    known, result = set(symbols), {}
    for key, value in given.items():
        found = [key] if key in known else named.get(key, []) if isinstance(key, str) else []
        if len(found) != 1 or found[0] in result:
            raise InputError(_no_symbol(key, found, named, kind, what))
        result[found[0]] = value
    return result


def _no_symbol(
    key: Any, found: list[Symbol], named: Mapping[str, object], kind: str, what: str
) -> str:
    if len(found) > 1:
        return f"Several symbols are named {key!r}: give {what} by symbol, not by name."
    if found:
        return f"{found[0].name!r} stands twice in {what}, by symbol and by name."
    accepted = f"Accepted are {listed(list(named))}." if named else f"There is no {kind}."
    if getattr(key, "name", None) in named:
        return (
            f"The symbol {key.name!r} in {what} has other assumptions than the {kind} of that "
            f"name, so SymPy takes them as different. Use the same symbol, or the name."
        )
    return f"There is no {kind} {str(key)!r}, which stands in {what}. {accepted}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Join names for a message; of many, the first and their number."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"

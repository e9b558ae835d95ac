"""Bounds: pairs by unknown or in order, or those of SciPy -> two arrays, or a refusal by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds

from symadamax.errors import InputError
from symadamax.points import by_symbol, finite

__all__ = ["bounds_of"]

Array = npt.NDArray[Any]

ACCEPTED = (
    "a pair (min, max) for each unknown with None where there is none, a mapping of unknown to "
    "pair, or scipy.optimize.Bounds"
)


def bounds_of(
    given: Any, places: Callable[[], Mapping[Any, Any]], names: Sequence[str], start: Array
) -> tuple[Array, Array]:
    """Return the lower and the upper bounds of a run, arrays of the start's shape and dtype.

    `places` returns where the numbers of each unknown stand in the start, and `names` how each
    number is called.
    """
    lower, upper = _limits(given, places, names, len(start))
    if lower.shape != start.shape or upper.shape != start.shape:
        raise InputError(
            f"bounds are given for {max(lower.size, upper.size)} unknowns, and there are "
            f"{len(start)}; accepted is {ACCEPTED}."
        )
    with np.errstate(over="ignore"):
        lower, upper = (np.ascontiguousarray(a, start.dtype) for a in (lower, upper))
    for broken, fault in (
        (np.isnan(lower) | np.isnan(upper), "is not a number"),
        (lower > upper, "leaves nothing: the minimum is above the maximum"),
        ((lower == np.inf) | (upper == -np.inf), "leaves no finite number"),
        ((start < lower) | (start > upper), "does not hold at the start, {start}"),
    ):
        if broken.any():
            k = int(broken.argmax())
            fault = fault.format(start=start[k])
            raise InputError(f"The bound ({lower[k]}, {upper[k]}) of {names[k]!r} {fault}.")
    return lower, upper


def _limits(
    given: Any, places: Callable[[], Mapping[Any, Any]], names: Sequence[str], size: int
) -> tuple[Array, Array]:
    """Return both bounds as they were given, in float64."""
    try:
        if isinstance(given, Bounds):
            return np.broadcast_to(_reals(given.lb), size), np.broadcast_to(_reals(given.ub), size)
        if isinstance(given, np.ndarray) and given.shape == (size, 2) and given.dtype != object:
            return _reals(given[:, 0]), _reals(given[:, 1])
    except ValueError as error:
        raise InputError(f"bounds is {given!r}, for {size} unknowns: {error}.") from error
    if isinstance(given, np.ndarray) and given.ndim > 0:
        given = list(given)
    if isinstance(given, Mapping):
        at = places()
        chosen = by_symbol(given, list(at), "unknown", "bounds")
        pairs = ((at[unknown], unknown.name, pair) for unknown, pair in chosen.items())
        return _of_pairs(pairs, size)
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        return _of_pairs(((k, names[k], pair) for k, pair in enumerate(given[:size])), len(given))
    raise InputError(f"bounds is {given!r}; accepted is {ACCEPTED}.")


def _of_pairs(pairs: Iterable[tuple[Any, str, Any]], size: int) -> tuple[Array, Array]:
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    for place, name, pair in pairs:
        try:
            least, most = pair
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The bound of {name!r} is {pair!r}; accepted is a pair (min, max), with None "
                "where there is none."
            ) from error
        for limits, limit in ((lower, least), (upper, most)):
            if limit is not None:
                limits[place] = _limit(limit, name, np.shape(place))
    return lower, upper


def _limit(given: Any, name: str, shape: tuple[int, ...]) -> Any:
    """Return one bound, which may be infinite: a float, or for an array also an array."""
    if isinstance(given, (float, np.floating)) and np.isinf(given):
        return float(given)
    try:
        if shape and np.ndim(given):
            return np.broadcast_to(_reals(given), shape)
        return finite(given, name)
    except ValueError as error:
        raise InputError(
            f"A bound of {name!r} is {given!r}; accepted is a real number or None"
            f"{f', or an array of the shape {shape}' if shape else ''}."
        ) from error


def _reals(given: Any) -> Array:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise ValueError("they are not real numbers")
    return array.astype(np.float64)

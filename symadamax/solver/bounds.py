"""Bounds: pairs by unknown or in order, or those of SciPy -> two arrays, or a refusal by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds

from symadamax.errors import InputError
from symadamax.points import Symbol, by_symbol, finite

__all__ = ["bounds_of"]

Array = npt.NDArray[Any]

ACCEPTED = (
    "a pair (min, max) for each unknown with None where there is none, a mapping of unknown to "
    "pair, or scipy.optimize.Bounds"
)


def bounds_of(given: Any, unknowns: Sequence[Symbol], start: Array) -> tuple[Array, Array]:
    """Return the lower and the upper bounds of a run, arrays of the start's shape and dtype."""
    lower, upper = _limits(given, unknowns)
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
            raise InputError(f"The bound ({lower[k]}, {upper[k]}) of {unknowns[k].name!r} {fault}.")
    return lower, upper


def _limits(given: Any, unknowns: Sequence[Symbol]) -> tuple[Array, Array]:
    """Return both bounds as they were given, in float64."""
    size = (len(unknowns),)
    try:
        if isinstance(given, Bounds):
            return np.broadcast_to(_reals(given.lb), size), np.broadcast_to(_reals(given.ub), size)
        if isinstance(given, np.ndarray) and given.shape == (*size, 2) and given.dtype != object:
            return _reals(given[:, 0]), _reals(given[:, 1])
    except ValueError as error:
        raise InputError(f"bounds is {given!r}, for {size[0]} unknowns: {error}.") from error
    if isinstance(given, np.ndarray) and given.ndim > 0:
        given = list(given)
    if isinstance(given, Mapping):
        symbols = list(unknowns)
        pairs = by_symbol(given, symbols, "unknown", "bounds")
        given = [pairs.get(symbol, (None, None)) for symbol in symbols]
        return _of_pairs(given, symbols)
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        return _of_pairs(given, unknowns)
    raise InputError(f"bounds is {given!r}; accepted is {ACCEPTED}.")


def _of_pairs(given: Sequence[Any], unknowns: Sequence[Symbol]) -> tuple[Array, Array]:
    lower, upper = np.full(len(given), -np.inf), np.full(len(given), np.inf)
    for k, pair in enumerate(given[: len(unknowns)]):
        try:
            least, most = pair
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The bound of {unknowns[k].name!r} is {pair!r}; accepted is a pair (min, max), "
                "with None where there is none."
            ) from error
        lower[k] = -np.inf if least is None else _limit(least, unknowns[k].name)
        upper[k] = np.inf if most is None else _limit(most, unknowns[k].name)
    return lower, upper


def _limit(given: Any, name: str) -> float:
    """Return one bound as a float, which may be infinite."""
    if isinstance(given, (float, np.floating)) and np.isinf(given):
        return float(given)
    try:
        return finite(given, name)
    except InputError as error:
        raise InputError(
            f"A bound of {name!r} is {given!r}; accepted is a real number or None."
        ) from error


def _reals(given: Any) -> Array:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise ValueError("they are not real numbers")
    return array.astype(np.float64)

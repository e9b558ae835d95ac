"""Box: the ends between which each unknown starts; refused by name where they are no ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds

from symadamax.errors import InputError
from symadamax.points import NO_SHAPES, Shapes, by_symbol, finite, listed
from symadamax.solver.columns import is_column

__all__ = ["Box", "box_of"]

Array = npt.NDArray[np.float64]
Shape = tuple[int, ...] | None

ACCEPTED = (
    "a mapping of unknown to (low, high), a sequence of such pairs in the order of the unknowns, "
    "or scipy.optimize.Bounds"
)


class Box(NamedTuple):
    """Low and high ends, number by number.

    Attributes
    ----------
    keys : tuple of Symbol or str, or None
        The unknowns, in the order of the ends; None where they were given in order.
    shapes : tuple
        The shape of each unknown, None of a scalar.
    low, high : ndarray, shape (n,)
    """

    keys: tuple[Any, ...] | None
    shapes: tuple[Shape, ...]
    low: Array
    high: Array

    def over(self, unknowns: Sequence[Any]) -> tuple[npt.NDArray[np.intp], Shapes]:
        """Return where the numbers of the unknowns stand in the box, and the shapes of arrays.

        Raises
        ------
        InputError
            When an unknown is not in the box, or the box has others, or has it in another form.
        """
        if self.keys is None:
            return self._in_order(unknowns)
        ends = np.cumsum([0, *(_size(shape) for shape in self.shapes)])
        places = {key: k for k, key in enumerate(self.keys)}
        chosen = by_symbol(places, unknowns, "unknown", "the box")
        missing = [unknown.name for unknown in unknowns if unknown not in chosen]
        if missing:
            raise InputError(
                f"The box lacks {listed(missing)}. Give (low, high) for each of the unknowns "
                f"{listed([unknown.name for unknown in unknowns])}."
            )
        pieces, shapes = [], {}
        for unknown in unknowns:
            k = chosen[unknown]
            shape = self.shapes[k]
            if hasattr(unknown, "shape"):
                shapes[unknown] = _array_shape(shape, unknown.name)
            elif shape is not None:
                raise InputError(
                    f"The box of {unknown.name!r} has arrays of the shape {shape}, and it is one "
                    "number; accepted is a pair (low, high)."
                )
            pieces.append(np.arange(ends[k], ends[k + 1]))
        return np.concatenate(pieces), shapes or NO_SHAPES

    def hold_finite(self, dtype: str) -> None:
        """Refuse ends that are infinite in the run's dtype."""
        for end in (self.low, self.high):
            with np.errstate(over="ignore"):
                good = np.isfinite(end.astype(dtype))
            if not good.all():
                place = int(good.argmin())
                raise InputError(
                    f"The box has the end {end[place]} for {self._name(place)}; it must be finite "
                    f"in {dtype}."
                )

    def _name(self, place: int) -> str:
        """Return what is said of the unknown with this number."""
        ends = np.cumsum([_size(shape) for shape in self.shapes])
        k = int(np.searchsorted(ends, place, side="right"))
        return f"pair {k}" if self.keys is None else repr(str(self.keys[k]))

    def _in_order(self, unknowns: Sequence[Any]) -> tuple[npt.NDArray[np.intp], Shapes]:
        everywhere = np.arange(len(self.low))
        arrays = [unknown for unknown in unknowns if hasattr(unknown, "shape")]
        names = listed([unknown.name for unknown in unknowns])
        if arrays and len(unknowns) == 1:
            return everywhere, {arrays[0]: self.low.shape}
        if arrays:
            raise InputError(
                f"The box is not a mapping, and among the unknowns {names} are arrays: give a "
                f"mapping, in which {arrays[0].name!r} has a pair of arrays (low, high)."
            )
        if len(everywhere) != len(unknowns):
            raise InputError(
                f"The box has {len(everywhere)} pairs, and there are {len(unknowns)} unknowns, "
                f"{names}; accepted is a pair (low, high) for each."
            )
        return everywhere, NO_SHAPES

    def __repr__(self) -> str:
        ends = np.cumsum([0, *(_size(shape) for shape in self.shapes)])
        shown = []
        for k, shape in enumerate(self.shapes[:4]):
            name = "" if self.keys is None else f"{self.keys[k]} in "
            if shape is None:
                shown.append(f"{name}[{self.low[ends[k]]:g}, {self.high[ends[k]]:g}]")
            else:
                shown.append(f"{name}an array of {shape}")
        return ", ".join(shown) + (", ..." if len(self.shapes) > 4 else "")


def box_of(given: Any) -> Box:
    """Return the box that was given in one of the accepted forms.

    Examples
    --------
    >>> box_of({"x": (-5, 5), "y": (0, 1)})
    x in [-5, 5], y in [0, 1]
    """
    if isinstance(given, Bounds):
        return _of_bounds(given)
    if isinstance(given, Mapping):
        for key in given:
            if not isinstance(key, str) and not hasattr(key, "name"):
                raise InputError(f"The box has the key {key!r}; accepted are unknowns or names.")
        names = [key if isinstance(key, str) else key.name for key in given]
        return _of_pairs(tuple(given), names, list(given.values()))
    if isinstance(given, (str, bytes)) or not hasattr(given, "__len__"):
        raise InputError(f"The box is {given!r}; accepted is {ACCEPTED}.")
    pairs = list(given)
    return _of_pairs(None, [f"pair {k}" for k in range(len(pairs))], pairs)


def _of_bounds(given: Bounds) -> Box:
    try:
        low, high = np.broadcast_arrays(
            *(np.atleast_1d(_reals(end, "Bounds")) for end in (given.lb, given.ub))
        )
    except ValueError as error:
        raise InputError(f"The box is {given!r}: {error}.") from error
    return _of_pairs(
        None, [f"pair {k}" for k in range(len(low))], list(zip(low, high, strict=True))
    )


def _of_pairs(keys: tuple[Any, ...] | None, names: list[str], pairs: list[Any]) -> Box:
    if not pairs:
        raise InputError(f"The box is empty; accepted is {ACCEPTED}.")
    lows, highs, shapes = [], [], []
    for name, pair in zip(names, pairs, strict=True):
        low, high, shape = _ends(pair, name, keys is not None)
        lows.append(low)
        highs.append(high)
        shapes.append(shape)
    low, high = np.concatenate(lows), np.concatenate(highs)
    low.flags.writeable = high.flags.writeable = False
    return Box(keys, tuple(shapes), low, high)


def _ends(pair: Any, name: str, arrays: bool) -> tuple[Array, Array, Shape]:
    """Return both ends of one unknown, flat, and their shape, None of numbers."""
    try:
        low, high = pair
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The box of {name!r} is {pair!r}; accepted is a pair (low, high)."
        ) from error
    shape = None
    if arrays and (is_column(low) or is_column(high)):
        low, high = _broadcast(low, high, name)
        shape = low.shape
        low, high = low.reshape(-1), high.reshape(-1)
    else:
        low, high = (np.array([_end(end, low, high, name)]) for end in (low, high))
    with np.errstate(over="ignore"):
        for broken, fault in (
            (low > high, "the low end is above the high end"),
            (~np.isfinite(high - low), "they are farther apart than the largest number"),
        ):
            if broken.any():
                k = int(broken.argmax())
                raise InputError(
                    f"The box of {name!r} is ({low[k]}, {high[k]}): {fault}. Give (low, high)."
                )
    return low, high, shape


def _end(end: Any, low: Any, high: Any, name: str) -> float:
    try:
        return finite(end, name)
    except InputError:
        ends = [repr(e.item() if isinstance(e, np.generic) else e) for e in (low, high)]
        raise InputError(
            f"The box of {name!r} is ({', '.join(ends)}); its ends must be real and finite numbers."
        ) from None


def _broadcast(low: Any, high: Any, name: str) -> tuple[Array, Array]:
    try:
        ends = np.broadcast_arrays(*(_reals(end, name) for end in (low, high)))
    except ValueError as error:
        raise InputError(f"The box of {name!r} has ends that do not fit: {error}.") from error
    for end in ends:
        if not np.isfinite(end).all():
            value = end[~np.isfinite(end)][0]
            raise InputError(f"The box of {name!r} has the end {value}; it must be finite.")
    return ends[0], ends[1]


def _reals(given: Any, name: str) -> Array:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{given!r} is not an array of real numbers")
    return array.astype(np.float64)


def _size(shape: Shape) -> int:
    return 1 if shape is None else int(np.prod(shape, dtype=np.int64))


def _array_shape(shape: Shape, name: str) -> tuple[int, ...]:
    if shape is None:
        raise InputError(
            f"The box of {name!r} is a pair of numbers, and it is an array of unknowns; give a "
            "pair of arrays (low, high), whose shape is that of the unknown."
        )
    return shape

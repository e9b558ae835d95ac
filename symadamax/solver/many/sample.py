"""sample: a box and a count -> a description of starts; points are drawn where they are used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.points import Shapes
from symadamax.solver.checks import natural
from symadamax.solver.many import draws
from symadamax.solver.many.box import Box, box_of

__all__ = ["METHODS", "Sample", "sample"]

Array = npt.NDArray[np.float64]

METHODS = ("sobol", "latin", "uniform", "grid")


def sample(box: Any, count: Any, method: str = "sobol", *, rng: Any = None) -> Sample:
    """Return starts spread over a box: a description, whose points are drawn where they are used.

    Parameters
    ----------
    box : mapping, sequence or scipy.optimize.Bounds
        By unknown (or its name) a pair (low, high) of finite numbers, or for an array of unknowns a
        pair of arrays; or such pairs in the order of the unknowns; or SciPy's bounds. Equal ends
        hold an unknown still.
    count : int, or sequence of int
        How many points, at least 1. For a grid a number of points for each unknown; or their
        product, which must be the same for all of them: 10,000 for two unknowns is 100 by 100.
    method : {"sobol", "latin", "uniform", "grid"}
        ``"sobol"``: Sobol's sequence, scrambled; it fills the box evenly, best with a power of two.
        At most 2**30 points. ``"latin"``: a Latin hypercube; in each unknown every one of `count`
        slices of equal width has one point. All points are drawn together, once in a process, so
        there are at most 10**7 numbers. ``"uniform"``: independent points. ``"grid"``: a regular
        grid with the ends of the box; the last unknown changes fastest, and a single point stands
        in the middle.
    rng : seed or numpy.random.Generator, optional
        As `numpy.random.default_rng` takes it; of a generator the next numbers are the seed. A grid
        has none. Default: that of `minimize_many`, or else fresh at each call.

    Returns
    -------
    Sample

    Raises
    ------
    InputError
        When the box is upside down or not finite, or something else cannot be used.

    Notes
    -----
    With the same seed the points are those of ``scipy.stats.qmc.Sobol(n, rng=seed)``,
    ``scipy.stats.qmc.LatinHypercube(n, rng=seed)`` and ``numpy.random.default_rng(seed)``, scaled
    to the box by ``low + u*(high - low)``.

    Examples
    --------
    >>> starts = sample({"x": (-1, 1), "y": (0, 10)}, 9, method="grid")
    >>> starts
    Sample of 9 points, grid of 3 x 3: x in [-1, 1], y in [0, 10]
    >>> starts.points(3, 6)
    array([[ 0.,  0.],
           [ 0.,  5.],
           [ 0., 10.]])
    >>> sample([(0, 1)], 10**6, rng=0).points(10**6 - 1, 10**6).round(3)
    array([[0.43]])
    """
    if not isinstance(method, str) or method not in METHODS:
        raise InputError(f"method is {method!r}; accepted are {', '.join(map(repr, METHODS))}.")
    ends = box_of(box)
    if method == "grid":
        if rng is not None:
            raise _no_use_of_rng()
        sides = _sides(count, len(ends.low))
        return Sample(ends, natural(math.prod(sides), "count"), method, sides)
    points = natural(count, "count", least=1)
    _hold_possible(method, points, len(ends.low))
    return Sample(ends, points, method, (), None if rng is None else draws.seed_of(rng))


@dataclass(frozen=True, eq=False)
class Sample:
    """Points in a box, described by how they are drawn; `sample` makes it.

    Attributes
    ----------
    box : Box
    count : int
    method : {"sobol", "latin", "uniform", "grid"}
    sides : tuple of int
        The points of a grid along each unknown.
    seed : Seed or None
        None of a grid, and where it is still to be given.
    order : ndarray of int, shape (n,), or None
        Which number of the box each unknown is; None: in the order of the box.
    """

    box: Box
    count: int
    method: str
    sides: tuple[int, ...] = ()
    seed: draws.Seed | None = None
    order: npt.NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return self.count

    def points(self, first: int, last: int) -> Array:
        """Return the points first, ..., last - 1, of shape (last - first, n).

        Raises
        ------
        InputError
            When there is no seed yet.
        """
        if self.method == "grid":
            points = _grid(self.box, self.sides, first, last)
        else:
            # u < 1, so u*width rounds to less than width, and the sum to no more than the high end.
            points = self._unit(first, last)
            points *= self.box.high - self.box.low
            points += self.box.low
        return points if self.order is None else points[:, self.order]

    def part(self, first: int, last: int) -> Sample:
        """Return the sample itself: it is what travels."""
        return self

    def with_rng(self, rng: Any) -> Sample:
        """Return the sample with this seed, where it has none; with None a fresh one.

        Raises
        ------
        InputError
            When it has one, or is a grid.
        """
        if self.method == "grid":
            if rng is not None:
                raise _no_use_of_rng()
            return self
        if self.seed is None:
            return replace(self, seed=draws.seed_of(rng))
        if rng is not None:
            raise InputError(
                "rng was given twice, once with the sample and once with the call: give one of "
                "them."
            )
        return self

    def over(self, unknowns: Sequence[Any]) -> tuple[Sample, Shapes]:
        """Return the sample with its numbers in the order of the unknowns, and arrays' shapes."""
        order, shapes = self.box.over(unknowns)
        straight = np.array_equal(order, np.arange(len(order)))
        return replace(self, order=None if straight else order), shapes

    def _unit(self, first: int, last: int) -> Array:
        if self.seed is None:
            raise InputError(
                "The sample has no seed yet, so it has no points: give one, as in "
                "sample(box, count, rng=0) or with_rng(0)."
            )
        size = len(self.box.low)
        if self.method == "sobol":
            return draws.sobol(self.seed, size, self.count, first, last)
        if self.method == "latin":
            return draws.latin(self.seed, size, self.count, first, last).copy()
        return draws.uniform(self.seed, size, first, last)

    def _content(self) -> tuple[Any, ...]:
        box, order = self.box, self.order
        ends = box.low.tobytes(), box.high.tobytes()
        drawn = self.method, self.count, self.sides, self.seed
        return box.keys, box.shapes, ends, drawn, None if order is None else order.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sample) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def __repr__(self) -> str:
        how = self.method
        if self.sides:
            shown = " x ".join(map(str, self.sides[:8]))
            how = f"grid of {shown}{' x ...' if len(self.sides) > 8 else ''}"
        return f"Sample of {self.count:,} points, {how}: {self.box!r}"


def _hold_possible(method: str, count: int, size: int) -> None:
    limit = draws.SOBOL_COUNT
    if method == "sobol" and count > limit:
        raise InputError(
            f"count is {count}; Sobol's sequence has 2**30 = {limit} points. Give fewer, or "
            "method='uniform'."
        )
    if method == "sobol" and size > draws.SOBOL_SIZE:
        raise InputError(
            f"The box has {size} numbers; Sobol's sequence is known for {draws.SOBOL_SIZE}. Give "
            "method='latin' or 'uniform'."
        )
    if method == "latin" and count * size > draws.LATIN_NUMBERS:
        raise InputError(
            f"{count} points of {size} numbers are more than the {draws.LATIN_NUMBERS} that a "
            "Latin hypercube is drawn for, all together. Give fewer, or method='sobol', which is "
            "as even for so many."
        )


def _no_use_of_rng() -> InputError:
    return InputError("rng was given, and a grid draws nothing: leave it out.")


# ---- grids ---------------------------------------------------------------------------------------


def _sides(count: Any, size: int) -> tuple[int, ...]:
    """Return the number of points along each of the numbers of a box."""
    if isinstance(count, (list, tuple, np.ndarray)):
        if len(count) != size:
            raise InputError(
                f"count has {len(count)} numbers, and the box has {size}; accepted is one for each."
            )
        return tuple(natural(side, f"count[{k}]", least=1) for k, side in enumerate(count))
    total = natural(count, "count", least=1)
    side = round(total ** (1 / size))
    if side**size != total:
        below = side if side**size < total else side - 1
        raise InputError(
            f"count is {total}, and a grid with as many points for each of {size} unknowns has "
            f"{below**size} or {(below + 1) ** size}. Give one of these, or a sequence with a "
            "number of points for each unknown."
        )
    return (side,) * size


def _grid(box: Box, sides: tuple[int, ...], first: int, last: int) -> Array:
    points = np.empty((last - first, len(sides)))
    rest = np.arange(first, last)
    for column in reversed(range(len(sides))):
        rest, place = np.divmod(rest, sides[column])
        points[:, column] = _line(box.low[column], box.high[column], sides[column], place)
    return points


def _line(low: float, high: float, side: int, place: npt.NDArray[np.int64]) -> Array:
    """Return some of the points of ``np.linspace(low, high, side)``, bit for bit."""
    if side == 1:
        return np.full(len(place), low + (high - low) / 2)
    return np.where(place == side - 1, high, place * ((high - low) / (side - 1)) + low)

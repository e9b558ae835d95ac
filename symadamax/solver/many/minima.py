"""Minima: the places where runs ended, told apart by a tolerance; those of parts can be joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symadamax.solver.checks import number
from symadamax.solver.columns import Column
from symadamax.solver.many.runs import Runs

__all__ = ["MOST", "Minima", "checked_tolerance", "labelled", "minima_of", "usual_tolerance"]

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]

MOST = 256  # minima that are told apart, the best of all: 256 n doubles are kept

FEW = 8  # minima that are found by looking at all runs: so many times that is faster than to sort

# At rest every run ended within 0.65 learning rates of the best of its minimum: Himmelblau, Ackley,
# Rastrigin, Rosenbrock, Beale and |x| + |y|, learning rates 0.002 to 1, 5,000 steps.
SWING = 2.0
LEAST, LARGEST, OF_SCHEDULES = 1e-3, 0.5, 1e-2


class Minima(NamedTuple):
    r"""Distinct minima, the best first.

    The best run is a minimum, and all runs within the tolerance of it ended there; the best of the
    rest is the next. Run j ended within `tol` of run i where
    :math:`|x_{j,k} - x_{i,k}| \le \mathrm{tol}\,\max(1, |x_{i,k}|)` for all k.

    Attributes
    ----------
    best : Runs
        The best run of each.
    counts : ndarray of int64, shape (c,)
        How many runs ended at each.
    elsewhere : int
        How many ended at others, beyond the `MOST` best.
    tol : float
    """

    best: Runs
    counts: npt.NDArray[np.int64]
    elsewhere: int
    tol: float

    @classmethod
    def joined(cls, parts: Sequence[Minima], tol: float, most: int = MOST) -> Minima:
        """Return the minima of several parts, told apart by a tolerance that is not below theirs.

        The runs of a part stay together. So for parts of more than `most` minima, and for runs at
        about the tolerance of two of them, counts may differ from those of all runs at once. The
        same parts in the same order give the same.
        """
        runs = Runs.joined([part.best for part in parts])
        minima, _ = _told_apart(runs, np.concatenate([part.counts for part in parts]), tol, most)
        return minima._replace(elsewhere=minima.elsewhere + sum(part.elsewhere for part in parts))


def usual_tolerance(method: Any) -> float:
    r"""Return the tolerance of runs with these settings: :math:`\min(\max(2\alpha, 10^{-3}), 0.5)`.

    With a fixed learning rate :math:`\alpha` a run swings about a minimum with a kink at up to half
    of it. For a schedule, which often ends with small rates, it is 0.01.
    """
    rate = method.learning_rate
    if isinstance(rate, Column):
        rate = float(rate.values.max(initial=0.0))
    return min(max(SWING * rate, LEAST), LARGEST) if isinstance(rate, float) else OF_SCHEDULES


def checked_tolerance(tol: Any) -> float:
    """Return a tolerance that can be used."""
    return number(tol, "tol", "a number in [0, 1)", lambda value: 0 <= value < 1)


def minima_of(runs: Runs, tol: float, most: int = MOST) -> Minima:
    """Return the distinct minima of runs; those that ended with a failure count for none."""
    return labelled(runs, tol, most)[0]


def labelled(runs: Runs, tol: float, most: int = MOST) -> tuple[Minima, Labels]:
    """Return the minima, and which of them each run ended at, shape (m,); -1 where at none."""
    usable = (runs.status >= 0) & np.isfinite(runs.fun)
    if not np.isfinite(runs.x).all():
        usable &= np.isfinite(runs.x).all(axis=1)
    if usable.all():
        return _told_apart(runs, None, tol, most)
    labels = np.full(runs.rows, -1)
    minima, labels[usable] = _told_apart(runs.take(usable), None, tol, most)
    return minima, labels


def _told_apart(
    runs: Runs, weights: npt.NDArray[np.int64] | None, tol: float, most: int
) -> tuple[Minima, Labels]:
    """Return the minima of usable runs, each of which stands for `weights` of them, or for one."""
    order: Any = slice(None)
    if (np.diff(runs.number) < 0).any():
        order = np.argsort(runs.number, kind="stable")
    x, fun = np.asarray(runs.x[order], dtype=np.float64), runs.fun[order]
    labels = np.empty(runs.rows, np.int64)
    with np.errstate(over="ignore"):  # of differences, which are then too large
        best, labels[order] = _gathered(x, fun, tol, most)
    counts = np.bincount(labels + 1, weights, minlength=len(best) + 1).astype(np.int64)
    rows = np.arange(runs.rows)[order][best]
    return Minima(runs.take(rows), counts[1:], int(counts[0]), tol), labels


def _gathered(x: Array, fun: Array, tol: float, most: int) -> tuple[Rows, Labels]:
    """Return the rows of the best runs, and at which of them each row ended; -1 beyond `most`.

    Of equal values the first row is the best.
    """
    labels, left = np.full(len(x), -1), fun.copy()  # infinite where a row is taken
    search = _Search(x)
    best: list[int] = []
    while len(best) < most and len(left):
        row = int(left.argmin())
        if left[row] == np.inf:
            break
        if len(best) == FEW:
            search.sort(np.flatnonzero(left < np.inf))
        near = search.near(row, tol)
        near = near[left[near] < np.inf]
        labels[near] = len(best)
        left[near] = np.inf
        best.append(row)
    return np.array(best, np.intp), labels


class _Search:
    """Rows near a row: among all of them, or once they are sorted along one axis among few."""

    def __init__(self, x: Array) -> None:
        self.columns = np.ascontiguousarray(x.T)
        self.axes = list(range(x.shape[1]))
        self.rows = np.arange(len(x))
        self.along: Array | None = None

    def sort(self, rows: Rows) -> None:
        """Go on with these rows, in their order along the axis on which they are spread most."""
        self.axes = _by_spread(self.columns)
        coordinate = self.columns[self.axes[0]][rows]
        order = np.argsort(coordinate, kind="stable")
        self.rows, self.along = rows[order], coordinate[order]

    def near(self, row: int, tol: float) -> Rows:
        """Return the rows within the tolerance of a row, which is one of them."""
        point = self.columns[:, row]
        width = tol * np.maximum(1.0, np.abs(point))
        near = self._around(point[self.axes[0]], width[self.axes[0]])
        for axis in self.axes:
            if len(near) == 1:
                break
            near = near[np.abs(self.columns[axis][near] - point[axis]) <= width[axis]]
        return near

    def _around(self, middle: float, width: float) -> Rows:
        """Return all rows that can be as near as that along the first axis, and perhaps more."""
        if self.along is None:
            return self.rows
        reach = width * (1 + 1e-9)  # what is computed from rounded numbers is looked at again
        ends = np.nextafter([middle - reach, middle + reach], [-np.inf, np.inf])
        first, last = np.searchsorted(self.along, ends)
        return self.rows[first : last + 1]


def _by_spread(columns: Array) -> list[int]:
    """Return the axes, first that on which the middle of some rows is widest for its size."""
    some = columns[:, :: max(1, columns.shape[1] // 256)]
    low, middle, high = np.quantile(some, (0.1, 0.5, 0.9), axis=1)
    widths = (high - low) / np.maximum(1.0, np.abs(middle))
    return [int(axis) for axis in np.argsort(-widths, kind="stable")]

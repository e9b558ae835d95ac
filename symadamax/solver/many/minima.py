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

MOST = 256  # minima that are told apart, the best of all: 256 n doubles are kept

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
    x : ndarray of float64, shape (c, n)
        Where the best run of each ended.
    fun : ndarray of float64, shape (c,)
        The values there.
    number : ndarray of int64, shape (c,)
        Which runs these are.
    counts : ndarray of int64, shape (c,)
        How many runs ended at each.
    elsewhere : int
        How many ended at others, beyond the `MOST` best.
    tol : float
    """

    x: Array
    fun: Array
    number: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    elsewhere: int
    tol: float

    @classmethod
    def joined(cls, parts: Sequence[Minima], tol: float, most: int = MOST) -> Minima:
        """Return the minima of several parts, told apart by a tolerance that is not below theirs.

        The runs of a part stay together. So for parts of more than `most` minima, and for runs at
        about the tolerance of two of them, counts may differ from those of all runs at once; they
        do not depend on the order in which parts were computed.
        """
        x, fun, number, counts = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("x", "fun", "number", "counts")
        )
        elsewhere = sum(part.elsewhere for part in parts)
        return _minima(x, fun, number, counts, elsewhere, tol, most)[0]


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
    usable &= np.isfinite(runs.x).all(axis=1)
    rows = np.flatnonzero(usable)
    chosen = runs if len(rows) == runs.rows else runs.take(rows)
    x = np.asarray(chosen.x, dtype=np.float64)
    minima, found = _minima(x, chosen.fun, chosen.number, None, 0, tol, most)
    labels = np.full(runs.rows, -1)
    labels[rows] = found
    return minima, labels


def _minima(
    x: Array,
    fun: Array,
    number: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64] | None,
    elsewhere: int,
    tol: float,
    most: int,
) -> tuple[Minima, Labels]:
    """Return the minima of finite points, each of which stands for `count` runs, or for one."""
    if (np.diff(number) < 0).any():
        order = np.argsort(number, kind="stable")
        count = None if count is None else count[order]
        minima, labels = _minima(x[order], fun[order], number[order], count, elsewhere, tol, most)
        found = np.empty_like(labels)
        found[order] = labels
        return minima, found
    best, labels = _gathered(x, fun, tol, most)
    counts = np.zeros(len(best) + 1, np.int64)  # the last is that of label -1
    np.add.at(counts, labels, 1 if count is None else count)
    minima = Minima(x[best], fun[best], number[best], counts[:-1], elsewhere + int(counts[-1]), tol)
    return minima, labels


def _gathered(x: Array, fun: Array, tol: float, most: int) -> tuple[npt.NDArray[np.intp], Labels]:
    """Return the rows of the best runs, and at which of them each row ended; -1 beyond `most`.

    Of equal values the first row is the best. Rows that can be near one are looked for along the
    axis on which they are spread most.
    """
    best: list[int] = []
    labels = np.full(len(x), -1)
    left = fun.copy()  # infinite where a row is taken
    axis = _spread_axis(x)
    order = np.argsort(x[:, axis], kind="stable")
    along = x[order, axis]
    while len(best) < most and len(left):
        row = int(left.argmin())
        if left[row] == np.inf:
            break
        width = tol * np.maximum(1.0, np.abs(x[row]))
        reach = width[axis] * (1 + 1e-9)  # the ends are looked at below
        ends = np.searchsorted(along, [x[row, axis] - reach, x[row, axis] + reach])
        near = order[ends[0] : ends[1] + 1]
        near = near[left[near] < np.inf]
        with np.errstate(over="ignore"):
            near = near[(np.abs(x[near] - x[row]) <= width).all(axis=1)]
        labels[near] = len(best)
        left[near] = np.inf
        best.append(row)
    return np.array(best, np.intp), labels


def _spread_axis(x: Array) -> int:
    """Return the axis on which the middle of some rows is widest, in units of its own size."""
    if x.shape[1] == 1 or len(x) == 0:
        return 0
    some = x[:: max(1, len(x) // 256)]
    low, middle, high = np.quantile(some, (0.1, 0.5, 0.9), axis=0)
    with np.errstate(over="ignore"):
        return int(((high - low) / np.maximum(1.0, np.abs(middle))).argmax())

"""The objective around the path: a window, values on a grid inside it, levels for its contours."""

from __future__ import annotations

from typing import Any

import numpy as np

from symadamax.viewer.run import FARTHEST, Array, Run

__all__ = ["Masked", "heights", "levels", "sample", "spans_decades", "window"]

Masked = np.ma.MaskedArray[Any, np.dtype[np.float64]]

LEVELS = 16


def window(run: Run, margin: float) -> Array:
    """Return the low and high end of each unknown, of shape (n, 2).

    The path and the minimum lie inside, with a margin in units of their extent on each side. A
    path that stands still gets a window of the size of its own coordinates.
    """
    points = np.vstack([run.points, run.minimum])
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    extent = np.where(high - low > 1e-9 * size, high - low, np.maximum(size, 1))
    return np.stack([low - margin * extent, high + margin * extent], axis=1)


def sample(objective: Any, *grid: Array) -> Masked:
    """Return the values on a grid, with what cannot be drawn masked."""
    value, _ = objective.lambdify()
    with np.errstate(all="ignore"):
        values = np.asarray(value(*grid), dtype=np.float64)
    values = np.broadcast_to(values, grid[0].shape)
    return np.ma.array(values, mask=~(np.abs(values) < FARTHEST))


def heights(values: Masked, path: Array) -> Masked:
    """Return how far each value is above the smallest.

    What is deeper under the path than twice the path's own descent counts as the smallest: a pole
    to minus infinity at the rim of the window leaves the contours around the path.
    """
    low, high = path.min(), path.max()
    smallest = min(float(values.min(fill_value=np.inf)), low)
    if high > low:
        smallest = max(smallest, low - 2 * (high - low))
    return np.ma.maximum(values - smallest, 0)


def levels(height: Masked) -> Array:
    """Return the levels at which heights above the smallest value are drawn as contours.

    They are squares of even steps, so that a quadratic has evenly spaced ellipses; or, when the
    highest is more than 10 times the median, powers of one ratio. A plane has none.
    """
    inside = height.compressed()
    high = float(inside.max(initial=0.0))
    if not high > 0:
        return np.empty(0)
    if high <= 10 * np.median(inside):
        return high * np.linspace(0, 1, LEVELS) ** 2
    low = max(float(np.quantile(inside[inside > 0], 0.02)), high * 1e-12)
    return np.concatenate([[0.0], np.geomspace(low, high, LEVELS - 1)])


def spans_decades(values: Array) -> bool:
    """Tell whether the values are positive and span more than two decades: they want a log axis."""
    return bool(values.max() > 100 * values.min() > 0)

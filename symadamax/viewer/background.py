"""What stays still behind a path: the curve of one unknown or the contours of two, a minimum."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from symadamax.viewer.landscape import heights, levels, sample, window
from symadamax.viewer.run import Array, Run
from symadamax.viewer.style import BLUE, DEPTH, INK, label
from symadamax.viewer.wording import number

__all__ = ["draw_contours", "draw_curve"]


def draw_curve(axes: Axes, run: Run) -> None:
    """Draw the objective of one unknown, and a dashed line at its minimum."""
    low, high = window(run, margin=0.6)[0]
    grid = np.linspace(low, high, 801)
    curve = sample(run.objective, grid)
    place = float(run.minimum[0])
    axes.plot(grid, curve, color=BLUE, linewidth=2)
    axes.axvline(
        place,
        color=INK,
        linewidth=1.2,
        linestyle=(0, (5, 4)),
        label=f"{run.place_name}: {run.names[0]} = {number(place)}",
    )
    axes.set_xlim(low, high)
    _frame_values(axes, run, curve.compressed())
    label(axes, run.names[0], f"f({run.names[0]})")


def draw_contours(axes: Axes, run: Run) -> None:
    """Draw the contours of an objective of two unknowns, and a star at its minimum."""
    limits = _square(axes, window(run, margin=0.35))
    grid = np.meshgrid(*(np.linspace(low, high, 241) for low, high in limits))
    height = heights(sample(run.objective, *grid), run.values)
    steps = levels(height)
    if len(steps):
        bands = DEPTH(np.linspace(0, 1, len(steps) - 1))
        axes.contourf(*grid, height, levels=steps, colors=list(bands))
        axes.contour(*grid, height, levels=steps[1:-1], colors="white", linewidths=0.5, alpha=0.6)
    axes.plot(
        *run.minimum,
        marker="*",
        markersize=15,
        color="none",
        markeredgecolor=INK,
        markeredgewidth=1.4,
        linestyle="none",
        label=f"{run.place_name}: ({', '.join(map(number, run.minimum))})",
        zorder=4,
    )
    axes.set_axisbelow("line")
    axes.grid(True, color=INK, linewidth=0.8, alpha=0.12)
    label(axes, *run.names)


def _frame_values(axes: Axes, run: Run, curve: Array) -> None:
    """Frame the values of the path, with the curve for 1.5 times their extent on either side."""
    low, high = run.values.min(), run.values.max()
    room = 1.5 * (high - low) or np.ptp(curve) or 1.0
    low, high = max(curve.min(), low - room), min(curve.max(), high + room)
    axes.set_ylim(low - 0.06 * room, high + 0.06 * room)


def _square(axes: Axes, limits: Array) -> Array:
    """Return the window widened to one scale for both unknowns, unless one dwarfs the other."""
    box = axes.get_window_extent()
    scale = (limits[:, 1] - limits[:, 0]) / (box.width, box.height)
    if scale.max() > 4 * scale.min():
        return limits
    axes.set_aspect("equal", adjustable="box")
    widened = scale.max() / scale[:, np.newaxis]
    middle = limits.mean(axis=1, keepdims=True)
    return np.asarray(middle + widened * (limits - middle))

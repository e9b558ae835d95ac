"""The still picture of a run: its path on the left, its value against the step on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symadamax.viewer.background import draw_contours, draw_curve
from symadamax.viewer.landscape import spans_decades
from symadamax.viewer.run import Array, Run
from symadamax.viewer.style import (
    BLUE,
    CYCLE,
    INK,
    PATH,
    RIM,
    Picture,
    count_steps,
    headline,
    label,
    legend,
    new_picture,
)
from symadamax.viewer.wording import number

__all__ = ["draw_still"]


def draw_still(run: Run, size: tuple[int, int]) -> Picture:
    """Return the picture of a run of any number of unknowns."""
    figure, (left, right) = new_picture(size, panels=2)
    unknowns = 0 if run.objective is None else len(run.names)
    {1: _path_on_curve, 2: _path_on_contours}.get(unknowns, _coordinates)(left, run)
    headline(left, run.settings, run.formula)
    _descent(right, run)
    return figure


def _path_on_curve(axes: Axes, run: Run) -> None:
    draw_curve(axes, run)
    _path(axes, run.points[:, 0], run.values)


def _path_on_contours(axes: Axes, run: Run) -> None:
    draw_contours(axes, run)
    across, up = run.points.T
    _path(axes, across, up, RIM)


def _path(axes: Axes, across: Array, up: Array, effects: Sequence[Any] = ()) -> None:
    axes.plot(across, up, color=PATH, linewidth=2.5, path_effects=effects, label="path")
    style: dict[str, Any] = {
        "linestyle": "none",
        "marker": "o",
        "markersize": 8,
        "markeredgecolor": PATH,
    }
    axes.plot(across[:1], up[:1], color="white", markeredgewidth=2, label="start", **style)
    axes.plot(across[-1:], up[-1:], color=PATH, label="end", **style)
    legend(axes, loc="best")


def _coordinates(axes: Axes, run: Run) -> None:
    """Draw each unknown against the step: the seven that moved most when there are more."""
    moved = np.ptp(run.points, axis=0)
    shown = np.sort(np.argsort(-moved, kind="stable")[: len(CYCLE)])
    for color, column in zip(CYCLE, shown, strict=False):
        # The space keeps matplotlib from hiding a name that starts with an underscore.
        name = f" {run.names[column]}"
        axes.plot(run.steps, run.points[:, column], color=color, linewidth=1.8, label=name)
    count_steps(axes)
    every = len(shown) == len(run.names)
    label(
        axes,
        "step",
        "unknowns" if every else f"the {len(shown)} of {len(run.names):,} unknowns that moved most",
    )
    legend(axes, loc="best", ncols=2)


def _descent(axes: Axes, run: Run) -> None:
    """Draw the value against the step, and a dashed line at the smallest."""
    axes.plot(run.steps, run.values, color=BLUE, linewidth=2)
    axes.axhline(
        run.minimum_value,
        color=INK,
        linewidth=1.2,
        linestyle=(0, (5, 4)),
        label=f"{run.value_name}: {number(run.minimum_value)}",
    )
    if spans_decades(np.append(run.values, run.minimum_value)):
        axes.set_yscale("log")
    count_steps(axes)
    label(axes, "step", "value")
    legend(axes, loc="best")

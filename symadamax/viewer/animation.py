"""The frames of an animation: the background is drawn once, and only what moves is drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from symadamax.viewer.background import draw_contours, draw_curve
from symadamax.viewer.run import Run
from symadamax.viewer.style import INK, PATH, PLAIN, RIM, headline, legend, new_picture
from symadamax.viewer.wording import number

__all__ = ["Film"]

Pixels = npt.NDArray[np.uint8]


class Film:
    """The frames of a run, each drawn when it is asked for.

    Parameters
    ----------
    run : Run
        A run of one or two unknowns.
    size : (int, int)
        Width and height in pixels.
    frames : int
        How many frames; the rows of the run are spread evenly over them.
    """

    def __init__(self, run: Run, size: tuple[int, int], frames: int) -> None:
        self.run, self.size = run, size
        self.rows = np.linspace(0, len(run.steps) - 1, frames).round().astype(int)
        figure, (self.axes,) = new_picture(size, panels=1)
        curved = len(run.names) == 1
        (draw_curve if curved else draw_contours)(self.axes, run)
        self.path = (run.points[:, 0], run.values) if curved else tuple(run.points.T)
        headline(self.axes, run.settings, run.formula)
        legend(self.axes, loc="best")
        self.moving = _add_moving(self.axes, effects=[] if curved else RIM)
        self.canvas = FigureCanvasAgg(figure)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Pixels]:
        return map(self.frame, range(len(self)))

    def frame(self, index: int) -> Pixels:
        """Return one frame as (height, width, 4) RGBA; it is valid until the next is asked for."""
        row = self.rows[index]
        trail, point, counter = self.moving
        across, up = self.path
        trail.set_data(across[: row + 1], up[: row + 1])
        point.set_data(across[row : row + 1], up[row : row + 1])
        value = number(self.run.values[row], "#.6g")
        counter.set_text(f"step {self.run.steps[row]:,}\nf = {value}")
        self.canvas.restore_region(self.background)
        for artist in self.moving:
            self.axes.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())


def _add_moving(axes: Axes, effects: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Return the trail, the point and the counter, which the background leaves out."""
    (trail,) = axes.plot([], [], color=PATH, linewidth=2.5, path_effects=effects, animated=True)
    (point,) = axes.plot(
        [],
        [],
        "o",
        color=PATH,
        markersize=13,
        markeredgecolor="white",
        markeredgewidth=2,
        animated=True,
    )
    counter = axes.annotate(
        "",
        (1, 1),
        xytext=(0, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        horizontalalignment="right",
        color=INK,
        fontsize=11,
        linespacing=1.5,
        animated=True,
        **PLAIN,
    )
    return trail, point, counter

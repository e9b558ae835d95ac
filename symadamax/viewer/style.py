"""One look for all pictures: the colours of Okabe and Ito, thin grids, titles in plain text.

The palette is that of M. Okabe and K. Ito, "Color Universal Design" (2008), which people with any
of the common colour-vision deficiencies can tell apart. Every property is set on the figure itself
and none in matplotlib's global settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke
from matplotlib.ticker import Formatter, MaxNLocator

from symadamax.viewer.wording import number

__all__ = [
    "BLUE",
    "CYCLE",
    "DEPTH",
    "GREY",
    "INK",
    "PATH",
    "PLAIN",
    "RIM",
    "Picture",
    "Ticks",
    "count_steps",
    "headline",
    "label",
    "legend",
    "new_picture",
]

BLUE, PATH, INK, GREY = "#0072B2", "#D55E00", "#222222", "#6E6E6E"
# The eighth colour is yellow, too faint for a line on white.
CYCLE = [BLUE, PATH, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
DEPTH = LinearSegmentedColormap.from_list("depth", ["#FFFFFF", "#C9E0F0", "#6FAFD8", BLUE])

# Text that may hold a symbol's name: no mathtext and no TeX, whatever the settings are.
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}

# A white rim, so that a line stands out from any contour.
RIM = [withStroke(linewidth=4.5, foreground="white")]

# The side in inches of a square as large as any picture, so that text grows with the pixels.
SIDE = 7.2


class Picture(Figure):
    """A figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_picture(size: tuple[int, int], panels: int) -> tuple[Picture, list[Axes]]:
    """Return an empty picture of exactly that many pixels, and its axes along its longer side."""
    dots = math.sqrt(size[0] * size[1]) / SIDE
    # Half a pixel more, because matplotlib cuts the fraction off.
    figure = Picture(
        figsize=((size[0] + 0.5) / dots, (size[1] + 0.5) / dots),
        dpi=dots,
        facecolor="white",
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.05),
    )
    FigureCanvasAgg(figure)
    grid = (1, panels) if size[0] >= size[1] else (panels, 1)
    axes = [figure.add_subplot(*grid, 1 + panel) for panel in range(panels)]
    for each in axes:
        _dress(each)
    return figure, axes


class Ticks(Formatter):
    """Each tick as the shortest number that tells it from its neighbours, with no offset apart."""

    def __call__(self, value: float, position: int | None = None) -> str:
        """Return the text of one tick."""
        return number(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the text of all ticks of an axis."""
        largest, step = np.abs(values).max(initial=0), np.diff(values).min(initial=np.inf)
        digits = 6
        if 0 < step < np.inf:
            # Steps are 1, 2, 2.5 or 5 times a power of ten: they have two digits of their own.
            digits += max(0, math.floor(math.log10(largest)) - math.floor(math.log10(step)) - 4)
        return [number(value, f".{min(digits, 17)}g") for value in values]


def count_steps(axes: Axes) -> None:
    """Tick the horizontal axis at whole numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def _dress(axes: Axes) -> None:
    axes.set_facecolor("white")
    axes.set_axisbelow(True)
    axes.grid(True, color="#DDDDDD", linewidth=0.8)
    axes.xaxis.set_major_formatter(Ticks())
    axes.yaxis.set_major_formatter(Ticks())
    axes.tick_params(colors=GREY, labelsize=9, which="both", length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#BBBBBB")


def label(axes: Axes, across: str, up: str) -> None:
    """Name both axes, in plain text."""
    axes.set_xlabel(across, color=INK, fontsize=10, **PLAIN)
    axes.set_ylabel(up, color=INK, fontsize=10, **PLAIN)


def legend(axes: Axes, **options: Any) -> None:
    """Show the labels of what is drawn, in plain text."""
    for text in axes.legend(fontsize=9, labelcolor=INK, framealpha=0.9, **options).get_texts():
        text.set(**PLAIN)


def headline(axes: Axes, title: str, under: str) -> None:
    """Write the title, and another line in small letters under it."""
    axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=22, **PLAIN)
    axes.annotate(
        under,
        (0, 1),
        xytext=(0, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        color=GREY,
        fontsize=10,
        **PLAIN,
    )

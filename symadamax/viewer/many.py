"""The picture of many runs: the values they reached, and from where they reached which minimum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba, to_rgba_array
from scipy.spatial import cKDTree

from symadamax.errors import InputError
from symadamax.viewer.run import FARTHEST
from symadamax.viewer.style import (
    CYCLE,
    GREY,
    INK,
    Picture,
    Ticks,
    headline,
    label,
    legend,
    new_picture,
)
from symadamax.viewer.wording import formula, number, plain

__all__ = ["draw_many"]

Array = npt.NDArray[Any]

COLOURED = 6  # minima with a colour of their own; more are coloured by their value
BY_VALUE = "cividis"  # which people with colour-vision deficiencies see alike
NOWHERE = "#DDDDDD"  # runs that reached none of the minima
BINS = 40
BARS = 12
DOTS = 1_000  # starts that are drawn as such; more paint the panel
PAINTED = 200_000  # starts that are looked at: more are thinned evenly
PIXELS = (400, 320)


class Seen(NamedTuple):
    """What the picture shows of many runs.

    Attributes
    ----------
    names : tuple of str
    start, fun : ndarray of shape (m, n), (m,)
        Where each began, and the value it reached.
    basin : ndarray of int, shape (m,)
        Which minimum it reached; -1 is none.
    minima : tuple of Minimum
        The best first.
    colours : ndarray, shape (minima + 1, 4)
        Those of the minima; the last, at -1, is that of none.
    """

    names: tuple[str, ...]
    start: Array
    fun: Array
    basin: Array
    minima: tuple[Any, ...]
    colours: Array

    @property
    def few(self) -> bool:
        return len(self.minima) <= COLOURED


def draw_many(results: Any, size: tuple[int, int], tol: float | None) -> Picture:
    """Return the picture of the rows of results of any number of unknowns."""
    seen = _see(results, tol)
    figure, (left, right) = new_picture(size, panels=2)
    headline(left, *_titles(results, seen))
    _values(left, seen)
    if len(seen.names) == 2:
        _basins(right, seen)
        if not seen.few:
            _scale(figure, right, seen)
    else:
        _shares(right, seen, len(results))
    return figure


def _see(results: Any, tol: float | None) -> Seen:
    rows = results[:]  # of those that are kept
    summary, basin = rows.summary(tol), rows.basins(tol)
    drawable = (rows.status >= 0) & (np.abs(rows.fun) < FARTHEST)
    if not drawable.any():
        raise InputError(
            f"No run has ended at a usable point with a value within {FARTHEST:g}: there is "
            "nothing to draw. summary() says how they ended."
        )
    names = tuple(plain(rows.asked.names[k]) for k in range(rows.x.shape[1]))
    minima = summary.minima
    start, fun = rows.start.astype(np.float64), np.where(drawable, rows.fun, np.nan)
    return Seen(names, start, fun, basin, minima, _colours(minima))


def _colours(minima: tuple[Any, ...]) -> Array:
    if len(minima) <= COLOURED:
        return to_rgba_array([*CYCLE[: len(minima)], NOWHERE])
    values = np.array([minimum.fun for minimum in minima])
    return np.vstack([_by_value(minima, values), to_rgba(NOWHERE)])


def _by_value(minima: tuple[Any, ...], values: Array) -> Array:
    """Return the colours of values on the scale from the best minimum to the worst."""
    norm = Normalize(minima[0].fun, minima[-1].fun, clip=True)
    return np.asarray(colormaps[BY_VALUE](norm(values)))


def _titles(results: Any, seen: Seen) -> tuple[str, str]:
    rate, objective = results.method.learning_rate, results.objective
    shown = number(rate) if isinstance(rate, float) else str(rate)
    kept = "" if len(results) == results.total else f" of {results.total:,}"
    what = "a Python function"
    if objective is not None:
        what = formula(objective.expression, seen.names)
    return f"{len(results):,}{kept} runs of Adamax, learning rate {shown}", what


# ---- the values ----------------------------------------------------------------------------------


def _values(axes: Axes, seen: Seen) -> None:
    """Draw how often which value was reached, in the colours of the minima."""
    edges, logarithmic, cut = _edges(seen.fun[np.isfinite(seen.fun)])
    values = np.clip(seen.fun, edges[0], edges[-1])
    floor = np.zeros(len(edges) - 1)
    for basin, colour, name in _groups(seen, (edges[1:] + edges[:-1]) / 2):
        chosen = np.isin(seen.basin, basin) & np.isfinite(values)
        counts = np.histogram(values[chosen], edges)[0]
        axes.bar(edges[:-1], counts, np.diff(edges), floor, align="edge", color=colour, label=name)
        floor += counts
    if logarithmic:
        axes.set_xscale("log")
    label(axes, "value" + (" (the last bar: and above)" if cut else ""), "runs")
    if seen.few:
        legend(axes, loc="best")


def _groups(seen: Seen, middles: Array) -> list[tuple[Array, Any, str]]:
    """Return which runs are drawn alike: their minima, their colour, and what they are called.

    Of more than a few minima each bar has the colour of the value in its middle.
    """
    if not seen.few:
        return [(np.arange(-1, len(seen.minima)), _by_value(seen.minima, middles), "")]
    groups = [
        (np.array([k]), seen.colours[k], _called(minimum, len(seen.fun)))
        for k, minimum in enumerate(seen.minima)
    ]
    other = (seen.basin == -1) & np.isfinite(seen.fun)
    return groups + ([(np.array([-1]), NOWHERE, "elsewhere")] if other.any() else [])


def _called(minimum: Any, runs: int) -> str:
    x = [number(value, ".4g") for value in minimum.x[:3]]
    place = f" at ({', '.join(x)})" if len(x) <= 2 else ""
    return f"{number(minimum.fun, '.4g')}{place}: {minimum.count / runs:.1%}"


def _edges(values: Array) -> tuple[Array, bool, bool]:
    """Return the edges of the bars, whether they grow by a ratio, and whether values lie above."""
    low, high = float(values.min()), float(values.max())
    size = max(1e-12, abs(low), abs(high)) if high <= low + 1e-12 else 1.0
    if high - low <= 1e-6 * max(size, abs(low)):
        return np.linspace(low - 0.5 * size, low + 0.5 * size, BINS + 2), False, False
    middle, most = np.quantile(values, (0.5, 0.99))
    if low > 0 and high > 100 * middle:
        return np.geomspace(max(low, 1e-12 * high), high, BINS + 1), True, False
    cut = most > low and high > low + 3 * (most - low)
    return np.linspace(low, most if cut else high, BINS + 1), False, bool(cut)


# ---- the basins ----------------------------------------------------------------------------------


def _basins(axes: Axes, seen: Seen) -> None:
    """Draw each start in the colour of the minimum that was reached from there."""
    rows = np.linspace(0, len(seen.start) - 1, min(len(seen.start), PAINTED)).round().astype(int)
    rows = rows[(np.abs(seen.start[rows]) < FARTHEST).all(axis=1)]
    points, colours = seen.start[rows], seen.colours[seen.basin[rows]]
    if len(rows) > DOTS and (np.ptp(points, axis=0) > 0).all():
        _paint(axes, points, colours)
    else:
        axes.scatter(points[:, 0], points[:, 1], s=_dot(axes, len(rows)), c=colours, linewidths=0)
    _mark(axes, seen)
    axes.margins(0.02)
    axes.grid(False)
    label(axes, *seen.names)
    title = "start → minimum" if seen.few else "start → value of its minimum"
    axes.set_title(title, loc="left", color=GREY, fontsize=10)


def _dot(axes: Axes, count: int) -> float:
    """Return the area of a dot, in points, with which so many dots leave room between them."""
    box = axes.get_window_extent()
    points = box.width * box.height * (72 / axes.figure.dpi) ** 2
    return float(min(60.0, 0.5 * points / max(1, count)))


def _paint(axes: Axes, points: Array, colours: Array) -> None:
    """Give each pixel the colour of the start nearest to it, if there is one near."""
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    across, up = ((np.arange(count) + 0.5) / count for count in PIXELS)
    pixels = np.stack(np.meshgrid(across, up), axis=-1)
    distance, nearest = cKDTree((points - low) / size).query(pixels)
    image = colours[nearest]
    image[distance > 4 / np.sqrt(len(points)), 3] = 0  # no start is there
    extent = (low[0], low[0] + size[0], low[1], low[1] + size[1])
    axes.imshow(image, extent=extent, origin="lower", aspect="auto", interpolation="nearest")


def _mark(axes: Axes, seen: Seen) -> None:
    """Mark the minima: a star each, or of many a star at the best and a dot at the others."""
    places = np.array([minimum.x for minimum in seen.minima], np.float64).reshape(-1, 2)
    places = places[(np.abs(places) < FARTHEST).all(axis=1)]
    stars = len(places) if seen.few else 1
    axes.plot(*places[stars:].T, ".", color="white", markeredgecolor=INK, markersize=5)
    axes.plot(
        *places[:stars].T,
        "*",
        color="white",
        markeredgecolor=INK,
        markersize=14,
        markeredgewidth=1.2,
    )


def _scale(figure: Picture, axes: Axes, seen: Seen) -> None:
    """Draw the scale of the colours of minima that are coloured by their value."""
    norm = Normalize(seen.minima[0].fun, seen.minima[-1].fun)
    bar = figure.colorbar(ScalarMappable(norm, BY_VALUE), ax=axes, pad=0.02, format=Ticks())
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=GREY, labelsize=9, length=0)


def _shares(axes: Axes, seen: Seen, runs: int) -> None:
    """Draw how many runs reached each of the best minima."""
    shown = seen.minima[:BARS]
    rest = runs - sum(minimum.count for minimum in shown)
    counts = [minimum.count for minimum in shown] + ([rest] if rest else [])
    names = [number(minimum.fun) for minimum in shown] + (["others"] if rest else [])
    places = np.arange(len(counts))
    colours = [*seen.colours[: len(shown)], to_rgba(NOWHERE)][: len(counts)]
    axes.barh(places, counts, color=colours)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    label(axes, "runs", "value of the minimum")

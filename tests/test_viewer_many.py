"""The picture of many runs: bars are counts, colours are minima; what cannot be drawn is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from matplotlib.colors import to_rgba
from PIL import Image

import symadamax as sx
from symadamax.errors import InputError
from symadamax.solver.many.results import Description, Results
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.starts import starts_of
from symadamax.viewer.many import BINS, COLOURED, DOTS, NOWHERE
from symadamax.viewer.style import CYCLE

x, y, z = sp.symbols("x y z")
HIMMELBLAU = sx.Objective((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2)
METHOD = sx.Adamax(0.05)
BOX = {x: (-5, 5), y: (-5, 5)}


def himmelblau(count: int) -> Results:
    return sx.minimize_many(HIMMELBLAU, sx.sample(BOX, count, rng=1), method=METHOD, steps=1500)


def results_of(start: Any, x: Any, fun: Any, status: Any = 1) -> Results:
    """Return results of runs that began and ended there."""
    start, x = np.array(start, float), np.array(x, float)
    rows, size = x.shape
    runs = Runs(
        np.arange(rows), x, np.array(fun, float), 0 * x,
        np.broadcast_to(np.asarray(status, np.int8), rows).copy(), np.full(rows, 9),
    )  # fmt: skip
    unknowns = sp.symbols(f"x:{size}")
    names = tuple(unknown.name for unknown in unknowns)
    starts, shapes = starts_of(start, unknowns)
    return Results(runs, Description(rows, METHOD, sx.Stop(), names, None, shapes, starts))


def heights(axes: Any) -> dict[str, float]:
    """Return how many runs the bars of each label stand for."""
    return {bars.get_label(): sum(bar.get_height() for bar in bars) for bars in axes.containers}


@pytest.fixture(scope="module")
def four() -> Results:
    return himmelblau(256)


def test_the_bars_count_the_runs_of_each_minimum(four: Results) -> None:
    left = sx.plot(four).axes[0]
    counts = list(heights(left).values())
    assert counts == [minimum.count for minimum in four.summary().minima]
    assert next(iter(heights(left))).startswith("0 at (")
    edges = [bar.get_x() for bar in left.containers[0]]
    assert edges[0] <= four.fun.min()
    assert (left.get_xlabel().startswith("value"), left.get_ylabel()) == (True, "runs")
    assert left.get_title(loc="left") == "256 runs of Adamax, learning rate 0.05"


def test_few_starts_are_dots_in_the_colours_of_their_minima(four: Results) -> None:
    right = sx.plot(four).axes[1]
    (dots,) = right.collections
    assert np.array_equal(dots.get_offsets(), four.start)
    colours = np.array([to_rgba(colour) for colour in CYCLE])
    assert np.array_equal(dots.get_facecolors(), colours[four.basins()])
    assert (right.get_xlabel(), right.get_ylabel()) == ("x", "y")


def test_the_minima_are_stars(four: Results) -> None:
    stars = sx.plot(four).axes[1].get_lines()[-1]
    assert stars.get_marker() == "*"
    places = np.array([minimum.x for minimum in four.summary().minima])
    assert np.array_equal(np.transpose(stars.get_data()), places)


def test_many_starts_paint_the_basins_of_attraction() -> None:
    side = 40
    starts = sx.sample(BOX, (side, side), "grid")
    assert len(starts) > DOTS
    results = sx.minimize_many(HIMMELBLAU, starts, method=METHOD, steps=1500)
    right = sx.plot(results).axes[1]
    (image,) = right.images
    assert image.get_extent() == [-5, 5, -5, 5]
    pixels = np.asarray(image.get_array())
    colours = np.array([to_rgba(colour) for colour in CYCLE])[results.basins()]
    grid = colours.reshape(side, side, 4).transpose(1, 0, 2)  # y upwards, x to the right
    tall, wide = pixels.shape[:2]
    rows, columns = (np.arange(side) + 0.25) / side * tall, (np.arange(side) + 0.25) / side * wide
    hits = pixels[np.ix_(rows.astype(int), columns.astype(int))]
    assert (hits == grid).all(axis=-1).mean() > 0.97


def test_where_no_start_is_nothing_is_painted() -> None:
    angle = np.linspace(0, 2 * np.pi, 4 * DOTS)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    pixels = np.asarray(
        sx.plot(results_of(ring, ring.round(), 0 * angle)).axes[1].images[0].get_array()
    )
    assert pixels[pixels.shape[0] // 2, pixels.shape[1] // 2, 3] == 0
    assert (pixels[..., 3] == 1).any()


def test_starts_on_a_line_are_dots_however_many() -> None:
    start = np.zeros((DOTS + 1, 2))
    start[:, 0] = np.arange(DOTS + 1)
    axes = sx.plot(results_of(start, 0 * start, start[:, 0])).axes[1]
    assert len(axes.collections[0].get_offsets()) == DOTS + 1
    assert not axes.images


def test_more_than_a_few_minima_are_coloured_by_their_value() -> None:
    count = COLOURED + 1
    points = np.arange(2.0 * count).reshape(count, 2)
    figure = sx.plot(results_of(points, points, np.arange(count)))
    left, right, scale = figure.axes
    colours = right.collections[0].get_facecolors()
    assert len({tuple(colour) for colour in colours}) == count
    assert scale.get_ylim() == (0, count - 1)
    assert right.get_title(loc="left") == "start → value of its minimum"
    assert left.get_legend() is None
    assert sum(heights(left).values()) == count


@pytest.mark.parametrize("size", [1, 3])
def test_of_another_number_of_unknowns_the_runs_of_each_minimum_are_bars(size: int) -> None:
    points = np.repeat([[0.0], [5.0], [9.0]], [4, 2, 1], axis=0) + np.zeros(size)
    right = sx.plot(results_of(points, points, points[:, 0])).axes[1]
    assert [bar.get_width() for bar in right.containers[0]] == [4, 2, 1]
    assert [text.get_text() for text in right.get_yticklabels()] == ["0", "5", "9"]


def test_of_many_minima_the_best_have_bars_and_the_others_one() -> None:
    points = 2.0 ** np.arange(30)[:, np.newaxis] * [1, 1, 1]
    right = sx.plot(results_of(points, points, points[:, 0])).axes[1]
    assert [bar.get_width() for bar in right.containers[0]] == [1] * 12 + [18]
    assert right.get_yticklabels()[-1].get_text() == "others"


def test_runs_that_failed_are_pale_and_have_no_bar() -> None:
    points = np.array([[0.0, 0], [1, 1], [2, 2]])
    figure = sx.plot(results_of(points, points, [1, 2, -7], [1, 1, -1]))
    assert sum(heights(figure.axes[0]).values()) == 2
    assert figure.axes[1].collections[0].get_facecolors()[2].tolist() == list(to_rgba(NOWHERE))


def test_values_over_many_decades_have_bars_of_one_ratio() -> None:
    points = np.zeros((200, 2))
    left = sx.plot(results_of(points, points, np.geomspace(1e-9, 1, 200))).axes[0]
    assert left.get_xscale() == "log"
    assert sum(heights(left).values()) == 200


def test_a_few_large_values_do_not_squeeze_the_others() -> None:
    points = np.zeros((1000, 2))
    fun = np.linspace(-1, 1, 1000)
    fun[7] = 1e6
    left = sx.plot(results_of(points, points, fun)).axes[0]
    assert left.get_xlim()[1] < 2
    assert left.get_xlabel() == "value (the last bar: and above)"
    assert sum(heights(left).values()) == 1000


@pytest.mark.parametrize("value", [0.0, 3.0, -1e-20, 1e90])
def test_equal_values_are_one_bar(value: float) -> None:
    points = np.zeros((5, 2))
    left = sx.plot(results_of(points, points, [value] * 5)).axes[0]
    bars = [bar.get_height() for bar in left.containers[0]]
    assert sorted(bars) == [0] * BINS + [5]


def test_single_precision_is_drawn_too() -> None:
    results = sx.minimize_many(
        HIMMELBLAU, sx.sample(BOX, 32, rng=1), method=METHOD, steps=800, dtype="float32"
    )
    assert len(sx.plot(results).axes) == 2


def test_kept_rows_are_drawn_alone() -> None:
    starts = sx.sample(BOX, 64, rng=1)
    kept = sx.minimize_many(HIMMELBLAU, starts, method=METHOD, steps=1500, keep=9)
    figure = sx.plot(kept)
    assert figure.axes[0].get_title(loc="left").startswith("9 of 64 runs of Adamax")
    assert sum(heights(figure.axes[0]).values()) == 9


def test_names_and_settings_of_any_kind_have_a_title() -> None:
    a = sp.Symbol("$a_b^2$")
    results = sx.minimize_many(a**2, {a: [1.0, 2.0]}, method=sx.Adamax([0.1, 0.2]), steps=5)
    assert sx.plot(results).axes[0].get_title(loc="left").endswith("learning rate array of 2")
    t = sp.Symbol("t")
    scheduled = sx.minimize_many(a**2, {a: [1.0, 2.0]}, method=sx.Adamax(1 / t), steps=5)
    figure = sx.plot(scheduled)
    assert figure.axes[0].get_title(loc="left").endswith("learning rate 1/t")
    figure.canvas.draw()


def test_a_file_is_written(tmp_path: Any, four: Results) -> None:
    four.plot(tmp_path / "many.png", size=(600, 300))
    with Image.open(tmp_path / "many.png") as picture:
        assert picture.size == (600, 300)
    assert four.plot(tol=0.3).axes[0].get_ylabel() == "runs"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minimum": (3, 2)}, "minimum is marked on a single run; of many runs the minima found"),
        ({"tol": 2}, r"tol is 2; accepted is a number in \[0, 1\)"),
        ({"size": (10, 10)}, r"size is \(width, height\)"),
        ({"path": "many.txt"}, "The file must end in .png, .svg or .pdf"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(
    four: Results, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        four.plot(**options)


def test_a_tolerance_for_a_single_run_is_refused() -> None:
    single = sx.minimize(HIMMELBLAU, [1, 1], steps=3, record=1)
    with pytest.raises(InputError, match="tol tells the minima of many runs apart"):
        sx.plot(single, tol=0.1)


@pytest.mark.parametrize("rows", [0, 2])
def test_without_usable_runs_there_is_nothing_to_draw(rows: int) -> None:
    results = results_of(np.zeros((rows, 2)), np.zeros((rows, 2)), [np.nan] * rows, -1)
    with pytest.raises(InputError, match=r"No run has ended at a usable point .* nothing to draw"):
        results.plot()

"""Pictures: what is drawn is what the run did, and what cannot be drawn is refused in words."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import symadamax as sx
from symadamax import InputError, MissingDependencyError, Objective
from symadamax.viewer import animate, plot
from symadamax.viewer.animation import Film
from symadamax.viewer.landscape import heights, levels, sample, spans_decades, window
from symadamax.viewer.palette import Palette
from symadamax.viewer.run import MOST_ROWS, read_run
from symadamax.viewer.style import CYCLE, PATH
from symadamax.viewer.wording import formula, number, plain

x, y = sp.symbols("x y")
CUBIC = x - x**3
BOWL = 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x
ROSENBROCK = (1 - x) ** 2 + 100 * (y - x**2) ** 2
METHOD = sx.Adamax(learning_rate=0.01)
SMALL = {"frames": 5, "size": (320, 200)}


def solve(expression, start, *, steps=60):
    """Return a run with every step recorded."""
    return sx.minimize(expression, start, method=METHOD, steps=steps, record=1)


def record(objective, points, values):
    """Return a result with this history, as far as pictures look at it."""
    best = int(np.nanargmin(values))
    names = tuple(symbol.name for symbol in objective.unknowns)
    steps = np.arange(len(values))
    history = sx.History(steps, np.array(points, dtype=float), np.array(values), names=names)
    return SimpleNamespace(
        objective=objective,
        method=METHOD,
        history=history,
        best_x=history.x[best],
        best_fun=history.fun[best],
    )


def line(axes, label):
    """Return the one line of this label."""
    (found,) = [line for line in axes.get_lines() if line.get_label().startswith(label)]
    return found


@pytest.fixture(scope="module")
def one():
    return solve(CUBIC, [-1], steps=1000)


@pytest.fixture(scope="module")
def two():
    return solve(BOWL, [1, 0], steps=1000)


# ---- stills --------------------------------------------------------------------------------------


def test_one_unknown_is_the_curve_with_the_path_over_it(one):
    place, descent = plot(one).axes
    curve = place.get_lines()[0]
    assert np.allclose(curve.get_ydata(), curve.get_xdata() - curve.get_xdata() ** 3)
    assert np.array_equal(line(place, "path").get_xdata(), one.history.x[:, 0])
    assert np.array_equal(line(place, "path").get_ydata(), one.history.fun)
    assert np.array_equal(descent.get_lines()[0].get_xdata(), one.history.step)
    assert np.array_equal(descent.get_lines()[0].get_ydata(), one.history.fun)
    assert place.get_xlabel() == "x"
    assert place.get_title(loc="left") == "Adamax, learning rate 0.01"


def test_the_dashed_line_stands_at_the_best_point_or_at_a_known_minimum(one):
    best = line(plot(one).axes[0], "best point")
    assert best.get_xdata() == [one.best_x[0]] * 2
    assert best.get_linestyle() == "--"
    for given in (-1 / 3**0.5, [-1 / 3**0.5], {x: -1 / 3**0.5}, {"x": -1 / 3**0.5}):
        known = line(plot(one, minimum=given).axes[0], "minimum: x = −0.57735")
        assert known.get_xdata() == [-1 / 3**0.5] * 2
    assert line(plot(one, minimum=0).axes[1], "minimum: 0").get_ydata() == [0, 0]


def test_two_unknowns_are_contours_with_the_path(two):
    place, descent = plot(two, minimum=(2, -1)).axes
    assert len(place.collections) == 2
    assert np.array_equal(np.transpose(line(place, "path").get_data()), two.history.x)
    assert np.array_equal(np.ravel(line(place, "minimum: (2, −1)").get_data()), [2, -1])
    assert np.array_equal(descent.get_lines()[0].get_ydata(), two.history.fun)
    assert (place.get_xlabel(), place.get_ylabel()) == ("x", "y")


def test_more_unknowns_are_coordinates_against_the_step():
    a, b, c = sp.symbols("a b c")
    run = solve((a - 1) ** 2 + (b - 2) ** 2 + (c - 3) ** 2, [0, 0, 0])
    coordinates, _ = plot(run).axes
    drawn = {line.get_label().strip(): line.get_ydata() for line in coordinates.get_lines()}
    assert list(drawn) == ["a", "b", "c"]
    assert np.array_equal(drawn["b"], run.history.x[:, 1])


def test_of_many_unknowns_those_that_moved_most_are_drawn():
    unknowns = sp.symbols("z:30")
    objective = Objective(sum(z**2 for z in unknowns), unknowns)
    moved = np.arange(30) % 10
    coordinates, _ = plot(record(objective, [0 * moved, moved, moved], [2.0, 1.0, 1.5])).axes
    names = [line.get_label().strip() for line in coordinates.get_lines()]
    assert len(names) == len(CYCLE) == 7
    assert {"z9", "z19", "z29", "z8", "z18", "z28"} < set(names)
    assert coordinates.get_ylabel() == "the 7 of 30 unknowns that moved most"


@pytest.mark.parametrize("rate", [sx.schedules.cosine(0.1, 60), lambda t: 0.1 / t])
def test_a_run_with_a_schedule_is_drawn(rate):
    run = sx.minimize(BOWL, [1, 0], method=sx.Adamax(rate), steps=60, record=1)
    assert any("schedule" in text.get_text() for text in plot(run).axes[0].findobj(Text))


def test_one_of_many_runs_is_drawn_with_the_best_point_of_its_rows():
    many = sx.minimize_many(CUBIC, {x: [-1, -0.9]}, method=METHOD, steps=25, record=10)
    run = read_run(many[1])
    assert run.minimum == many[1].x
    assert run.minimum_value == many[1].fun < run.values.min()


@pytest.mark.parametrize(("start", "scale"), [(101.0, "log"), (99.0, "linear")])
def test_values_over_decades_get_a_logarithmic_axis(start, scale):
    run = record(Objective(x), [[start], [1.0]], [start, 1.0])
    assert plot(run).axes[1].get_yscale() == scale


def test_a_grid_is_drawn_on_every_panel(two):
    for axes in plot(two).axes:
        assert axes.xaxis.get_gridlines()[0].get_visible()


@pytest.mark.parametrize("size", [(333, 257), (600, 200), (200, 600)])
def test_a_png_has_the_size_that_was_asked_for(two, tmp_path, size):
    plot(two, tmp_path / "two.png", size=size)
    with Image.open(tmp_path / "two.png") as picture:
        assert picture.size == size


@pytest.mark.parametrize(
    ("ending", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")]
)
def test_a_still_is_written_in_the_format_of_its_ending(one, tmp_path, ending, begins):
    figure = plot(one, str(tmp_path / f"one{ending}"))
    assert isinstance(figure, Figure)
    assert (tmp_path / f"one{ending}").read_bytes().startswith(begins)


def test_a_still_shows_itself_in_a_notebook(one):
    assert plot(one)._repr_png_().startswith(b"\x89PNG")


def test_pictures_leave_pyplot_and_the_settings_alone(tmp_path):
    program = """if True:
        import sys, matplotlib, sympy, symadamax as sx
        before = matplotlib.rcParams.copy()
        run = sx.minimize(sympy.Symbol("x") ** 2, [1], steps=5, record=1)
        sx.plot(run)
        sx.animate(run, sys.argv[1], frames=2)
        assert matplotlib.rcParams.copy() == before
        assert "matplotlib.pyplot" not in sys.modules
    """
    command = [sys.executable, "-c", program, str(tmp_path / "one.gif")]
    subprocess.run(command, check=True)


# ---- names ---------------------------------------------------------------------------------------

UGLY = ["$x", "a_b^2", r"$\frac{", "_x", "x\ny", "\ud800", "%s{}", "a" * 300]


@pytest.mark.parametrize("names", [UGLY[:1], UGLY[1:2], UGLY[2:4], UGLY[4:6], UGLY[6:], UGLY[:7]])
def test_any_name_of_a_symbol_is_drawn_as_plain_text(names, tmp_path):
    unknowns = [sp.Symbol(name) for name in names]
    run = solve(sum(unknown**2 for unknown in unknowns), range(1, 1 + len(names)))
    figure = plot(run, tmp_path / "still.png", size=(400, 200))
    for name in map(plain, names):
        shown = [text for text in figure.findobj(Text) if name in text.get_text()]
        assert shown
        assert not any(text.get_parse_math() or text.get_usetex() for text in shown)
    if len(names) < 3:
        animate(run, tmp_path / "film.gif", frames=2, size=(200, 200))


def test_formulas_are_written_for_reading():
    assert formula(BOWL, ["x", "y"]) == "f(x, y) = 2x² + 2x·y − 6x + 2y²"
    assert formula(CUBIC, ["x"]) == "f(x) = x − x³"
    assert formula(ROSENBROCK, ["x", "y"]) == "f(x, y) = (1 − x)² + 100·(y − x²)²"
    assert formula(x**12 - 1.0e30 * x, ["x"]) == "f(x) = x¹² − 1.0e+30·x"
    assert formula(x ** sp.Rational(5, 2), ["x"]) == "f(x) = x^(5/2)"
    assert formula(sum(sp.symbols("z:40")), [f"z{k}" for k in range(40)]) == "f(z0, …, z39)"
    assert number(-1e-7) == "−1e−07"


def test_the_text_of_a_deep_expression_is_not_asked_for():
    deep = x
    for _ in range(5000):
        deep = sp.sin(deep, evaluate=False)
    assert formula(deep, ["x"]) == "f(x)"


# ---- the landscape -------------------------------------------------------------------------------


def test_the_window_holds_the_path_and_the_minimum(two):
    limits = window(read_run(two, minimum=(5, 5)), margin=0.5)
    assert np.all(limits[:, 0] < two.history.x.min(axis=0))
    assert np.all(limits[:, 1] > [5, 5])


def test_a_path_that_stands_still_has_a_window():
    still = record(Objective(x**2 + y**2), [[0, 100]] * 3, [1e4] * 3)
    assert np.array_equal(window(read_run(still), margin=0.5), [[-0.5, 0.5], [50, 150]])


def test_what_is_not_finite_is_masked():
    grid = np.array([-1.0, 0.0, 4.0])
    values = sample(Objective(sp.sqrt(x) + 1 / x), grid)
    assert values.mask.tolist() == [True, True, False]
    assert values[2] == 2.25


def test_levels_of_a_bowl_are_evenly_spaced_ellipses():
    across, up = np.meshgrid(np.linspace(-1, 1, 101), np.linspace(-1, 1, 101))
    steps = levels(np.ma.array(across**2 + up**2))
    assert np.allclose(np.diff(np.sqrt(steps)), np.sqrt(2) / 15)


def test_levels_of_a_steep_function_are_powers_of_one_ratio():
    across, up = np.meshgrid(np.linspace(-2, 2, 101), np.linspace(-2, 2, 101))
    steps = levels(np.ma.array(np.exp(4 * across**2 + 4 * up**2) - 1))
    ratios = steps[2:] / steps[1:-1]
    assert steps[0] == 0
    assert np.allclose(ratios, ratios[0])
    assert ratios[0] > 2


def test_a_plane_has_no_levels_and_is_drawn():
    assert len(levels(np.ma.zeros((3, 3)))) == 0
    flat = record(Objective(sp.floor(x) + sp.floor(y)), [[0.5, 0.5], [0.4, 0.4]], [0.0, 0.0])
    assert plot(flat).axes[0].get_xlim()[0] < 0.4


def test_a_pole_at_the_rim_leaves_the_contours_around_the_path():
    values = np.ma.array([-1e9, 0.0, 1.0, 3.0])
    assert heights(values, np.array([1.0, 0.0])).tolist() == [0, 2, 3, 5]


def test_decades_are_counted_among_positive_values():
    assert spans_decades(np.array([1.0, 101.0]))
    assert not spans_decades(np.array([1.0, 99.0]))
    assert not spans_decades(np.array([0.0, 1e9]))


# ---- animations ----------------------------------------------------------------------------------


def test_a_gif_has_200_frames_of_20_ms_and_repeats(one, tmp_path):
    path = animate(one, tmp_path / "one.gif")
    assert path == tmp_path / "one.gif"
    with Image.open(path) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (200, (960, 540), 0)
        assert {film.seek(index) or film.info["duration"] for index in range(200)} == {20}


@pytest.mark.parametrize("which", ["one", "two"])
def test_the_point_stands_where_the_run_was(which, request):
    run = read_run(request.getfixturevalue(which))
    film = Film(run, (640, 360), frames=5)
    orange = np.round(np.multiply(to_rgb(PATH), 255))
    for index, row in enumerate([0, 250, 500, 750, 1000]):
        pixels = film.frame(index)
        place = run.points[row] if which == "two" else [run.points[row, 0], run.values[row]]
        column, line = film.axes.transData.transform(place)
        assert np.array_equal(pixels[360 - round(line), round(column), :3], orange)
    assert film.moving[0].get_xdata().tolist() == run.points[:, 0].tolist()


def test_the_background_is_drawn_once(one, tmp_path, monkeypatch):
    drawn = []
    draw = Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda *args: (drawn.append(1), draw(*args)))
    animate(one, tmp_path / "one.gif", **SMALL)
    assert len(drawn) == 1


def test_a_gif_shows_what_was_drawn_in_nearly_its_colours(two, tmp_path):
    film = Film(read_run(two), (320, 200), frames=5)
    drawn = [film.frame(index)[..., :3].astype(int) for index in range(5)]
    with Image.open(animate(two, tmp_path / "two.gif", **SMALL)) as gif:
        for index, exact in enumerate(drawn):
            gif.seek(index)
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - exact).max() < 24
            assert np.abs(shown - exact).mean() < 0.5
            assert shown[0, 0].tolist() == [255, 255, 255]


def test_a_palette_keeps_few_colours_exactly():
    pixels = np.zeros((4, 4, 4), dtype=np.uint8)
    pixels[..., 0] = np.arange(16).reshape(4, 4) * 3
    pixels[..., 3] = 255
    palette = Palette([pixels])
    assert np.array_equal(np.asarray(palette.image(pixels).convert("RGB")), pixels[..., :3])
    other = pixels.copy()
    other[0, 0, 0] = 1
    assert palette.image(other).convert("RGB").getpixel((0, 0)) == (0, 0, 0)


def test_fewer_steps_than_frames_last_as_long(tmp_path):
    run = solve(CUBIC, [-1], steps=3)
    path = animate(run, tmp_path / "short.gif", frames=40, size=(320, 200))
    with Image.open(path) as film:
        lengths = [film.seek(index) or film.info["duration"] for index in range(film.n_frames)]
    assert len(lengths) == 4
    assert sum(lengths) == 40 * 20


def test_a_long_history_is_thinned_and_keeps_its_ends():
    points = np.linspace(-1, -0.5, 20_001)
    run = read_run(record(Objective(CUBIC), points[:, np.newaxis], points - points**3))
    assert len(run.steps) == MOST_ROWS
    assert (run.steps[0], run.steps[-1]) == (0, 20_000)
    assert np.array_equal(run.points[:, 0], points[run.steps])


def test_rows_that_cannot_be_drawn_are_left_out(tmp_path):
    run = record(Objective(x**4), [[1.0], [1e200], [np.inf], [2.0]], [1.0, 2.0, np.inf, np.nan])
    assert read_run(run).points.tolist() == [[1.0]]
    animate(run, tmp_path / "one.gif", **SMALL)
    with pytest.raises(InputError, match="nothing to draw"):
        plot(record(Objective(x**4), [[1e200]], [np.inf]))


def stand_in_for_ffmpeg(folder, body):
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}")
    program.chmod(0o755)
    return str(folder)


def test_an_mp4_is_handed_to_ffmpeg_frame_by_frame(one, tmp_path, monkeypatch):
    body = "open(sys.argv[-1], 'wb').write(sys.stdin.buffer.read())"
    monkeypatch.setenv("PATH", stand_in_for_ffmpeg(tmp_path, body))
    path = animate(one, tmp_path / "one.mp4", interval=16.5, **SMALL)
    frames = np.frombuffer(path.read_bytes(), dtype=np.uint8).reshape(5, 200, 320, 4)
    film = Film(read_run(one), (320, 200), frames=5)
    assert all(np.array_equal(frame, film.frame(k)) for k, frame in enumerate(frames))


@pytest.mark.parametrize("body", ["sys.exit('no room')", "sys.stdin.close(); sys.exit('no room')"])
def test_a_failure_of_ffmpeg_is_passed_on(one, tmp_path, monkeypatch, body):
    monkeypatch.setenv("PATH", stand_in_for_ffmpeg(tmp_path, body))
    with pytest.raises(InputError, match=r"ffmpeg could not write .*one.mp4: no room"):
        animate(one, tmp_path / "one.mp4", **SMALL)


def test_without_ffmpeg_an_mp4_is_refused(one, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"apt install ffmpeg.* ends in \.gif"):
        animate(one, tmp_path / "one.mp4", **SMALL)


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "one.txt"}, r"must end in \.gif or \.mp4: 'one.txt' does not"),
        ({"path": "one"}, r"must end in \.gif or \.mp4"),
        ({"path": "nowhere/one.gif"}, "There is no folder nowhere: make it first"),
        ({"path": os.curdir}, "is a folder: give the name of a file"),
        ({"path": 7}, "path must be a text or a pathlib.Path, not 7"),
        ({"path": None}, "path must be a text or a pathlib.Path, not None"),
        ({"frames": 1}, "frames is a whole number from 2 to 1929 at this size: 1 was given"),
        ({"frames": 2.5}, "frames is a whole number"),
        ({"frames": True}, "frames is a whole number"),
        ({"frames": 10**6}, "from 2 to 1929 at this size"),
        ({"interval": 0}, "interval is 10 to 10,000 milliseconds: 0 was given"),
        ({"interval": float("nan")}, "interval is 10 to 10,000 milliseconds"),
        ({"interval": "20"}, "interval is 10 to 10,000 milliseconds"),
        ({"interval": 16}, r"steps of 10 milliseconds: interval=16 cannot .* Give 20, or"),
        ({"size": (1921, 1080)}, "from 200 by 200 to 1920 by 1080"),
        ({"size": (1920, 1081)}, "from 200 by 200 to 1920 by 1080"),
        ({"size": (199, 300)}, "from 200 by 200"),
        ({"size": (1200, 300)}, "no side is more than three times the other"),
        ({"size": 500}, r"size is \(width, height\)"),
        ({"size": (500.0, 400)}, r"size is \(width, height\)"),
        ({"minimum": (1, 2)}, "x"),
        ({"minimum": float("nan")}, "x"),
        ({"minimum": "here"}, "here"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(one, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        animate(one, **{"path": "one.gif", **change})
    assert list(tmp_path.iterdir()) == []


def test_a_still_is_not_written_as_a_film(one, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.png, \.svg or \.pdf"):
        plot(one, tmp_path / "one.gif")


@pytest.mark.parametrize(("draw", "name"), [(plot, "one.png"), (animate, "one.gif")])
def test_a_run_without_a_history_is_refused(tmp_path, draw, name):
    bare = sx.minimize(CUBIC, [-1], steps=5)
    with pytest.raises(InputError, match=r"no history .*minimize\(..., record=1\)"):
        draw(bare, tmp_path / name)


@pytest.mark.parametrize("thing", [None, 3, "result", Objective(CUBIC)])
def test_what_is_not_a_result_is_refused(thing):
    with pytest.raises(InputError, match="drawn of what minimize returned"):
        plot(thing)


def test_more_than_two_unknowns_are_not_animated(tmp_path):
    three = solve(sum(sp.symbols("a b c")) ** 2, [1, 2, 3])
    with pytest.raises(InputError, match=r"of f\(a, b, c\).* with 3: use plot\(result\)"):
        animate(three, tmp_path / "three.gif")


def test_a_python_function_is_drawn_as_coordinates_and_not_animated(tmp_path):
    run = solve(lambda point: (float(point @ point), 2 * point), [1, 2])
    coordinates, _ = plot(run).axes
    assert [line.get_label() for line in coordinates.get_lines()] == [" x[0]", " x[1]"]
    with pytest.raises(InputError, match=r"of a Python function with 2: use plot\(result\)"):
        animate(run, tmp_path / "run.gif")
    with pytest.raises(InputError, match="minimum= needs an objective in SymPy"):
        plot(run, minimum=[0, 0])


@pytest.mark.parametrize("draw", [plot, animate])
def test_without_matplotlib_the_extra_is_named(one, tmp_path, monkeypatch, draw):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "symadamax\[plot\]"'):
        draw(one, tmp_path / ("one.png" if draw is plot else "one.gif"))

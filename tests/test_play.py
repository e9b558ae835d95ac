"""The page that moves: what it shows is what the library computes.

Its JavaScript runs under node. Objectives that are polynomials give the library's bits; exp and cos
are those of the browser, and may differ from ours in the last place.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from page import (
    OBJECTIVES,
    PLACEMENTS,
    ROUGH,
    RUN,
    USUAL,
    ask,
    by_library,
    case,
    lay_out,
    method,
    needs_node,
)  # fmt: skip

from symadamax import Adamax, InputError, minimize


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("play"))


# ---- runs ---------------------------------------------------------------------------------------


FIRST = [
    case(name, placement=place, epsilon=epsilon)
    for name in OBJECTIVES
    for place, epsilon in zip(PLACEMENTS, (1e-8, 1e-3, 0.0), strict=True)
]
ODD = [
    # These swing for ever, and a unit in the last place would grow by many powers of ten.
    case("bowl", start=[0.25, 0.0], beta1=0.3, beta2=0.95, steps=5000),
    case("rosenbrock", beta1=0.5, beta2=0.95, steps=5000),
    case("himmelblau", start=[-3.0, 3.0], learningRate=0.5, beta1=0.0, beta2=0.9),
    case("saddle", start=[-1.4, 0.0], placement="none"),  # 0/0 at each step
    case("bowl", start=[2.0, -1.0], placement="none"),
    case("noisy", seed=2147483646, beta1=0.99, beta2=0.0),
    case("beale", start=[1.0, 1.5], beta1=0.9, beta2=0.9),
    case("cubic", start=[0.6], learningRate=1.0),
    case("ackley", steps=1),
]


def named(given: dict[str, Any]) -> str:
    changed = {key: value for key, value in given.items() if key in ("start", "steps")}
    return " ".join(map(str, [given["name"], *given["settings"].values(), *changed.values()]))


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[dict[str, Any]]:
    return ask(folder, RUN, FIRST + ODD)


@needs_node
@pytest.mark.parametrize("k", range(len(FIRST + ODD)), ids=map(named, FIRST + ODD))
def test_a_run_is_the_librarys(runs: list[dict[str, Any]], k: int) -> None:
    given, shown = (FIRST + ODD)[k], runs[k]
    result = by_library(given)
    assert (shown["status"], shown["message"]) == (result.status.name, result.message)
    history = result.history
    rows = {"x": history.x, "value": history.fun, "m": history.m, "u": history.u}
    tolerance = 1e-12 if given["name"] in ROUGH else 0.0
    for name, theirs in rows.items():
        ours = np.array([row[name] for row in shown["rows"]])
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=name)


@needs_node
def test_a_move_is_what_a_step_adds(runs: list[dict[str, Any]]) -> None:
    for shown in runs:
        x, move = (np.array([row[name] for row in shown["rows"]]) for name in ("x", "move"))
        np.testing.assert_array_equal(x[1:], x[:-1] + move[1:])


BROKEN = {
    "VALUE_NOT_FINITE": case("rosenbrock", learningRate=1e100),
    # The learning rate, corrected, is infinite.
    "POINT_NOT_FINITE": case("saddle", start=[1.0, 0.5], learningRate=1.7e308),
    # The first step leads to (0, 0), where the root has no derivative.
    "GRADIENT_NOT_FINITE": case("ackley", start=[0.5, 0.5], learningRate=0.5, placement="none"),
}


@needs_node
def test_a_broken_run_says_what_the_library_says(folder: Path) -> None:
    for status, shown in zip(BROKEN, ask(folder, RUN, list(BROKEN.values())), strict=True):
        result = by_library(BROKEN[status])
        assert (shown["status"], shown["message"]) == (result.status.name, result.message)
        assert shown["status"] == status
        assert len(shown["rows"]) == result.nit + 1


@needs_node
@pytest.mark.parametrize("start", [[0.0, 0.0], [1e200, 0.5], [1.0, -1e155]])
def test_a_start_that_is_not_finite_is_refused_as_by_the_library(
    folder: Path, start: list[float]
) -> None:
    given = case("ackley" if start == [0, 0] else "himmelblau", start=start)
    with pytest.raises(InputError) as refused:
        by_library(given)
    (shown,) = ask(folder, RUN, [given])
    assert shown["rows"] == []
    assert shown["message"] == str(refused.value)


@needs_node
def test_moments_do_not_stick_among_the_subnormal_numbers(folder: Path) -> None:
    """A gradient that is 0 from the second step on, for 3,000 steps."""
    settings = {"learningRate": 0.01, **USUAL, "beta2": 0.5, "placement": "none"}
    body = """
    const { run } = await import("./adamax.mjs");
    const evaluate = ([x]) => (x > 0.995 ? [x, [1]] : [0, [0]]);
    return run({ names: ["x"], noise: 0, evaluate }, [1], given, 3000, 7).rows.at(-1);
    """
    shown = ask(folder, body, settings)
    result = minimize(
        lambda point: (point[0], [1.0]) if point[0] > 0.995 else (0.0, [0.0]), [1.0],
        method=method(settings), steps=3000,
    )  # fmt: skip
    assert shown["u"] == result.state.u.tolist()
    assert shown["m"] == result.state.m.tolist()
    assert shown["x"] == result.x.tolist()


# ---- equations ----------------------------------------------------------------------------------


@needs_node
def test_the_bound_is_the_longest_that_any_gradients_make(folder: Path) -> None:
    """It is reached by gradients that fall as u does, g_i = beta2**i."""
    body = """
    const { bound } = await import("./update.mjs");
    return given.map(([beta1, beta2, t]) => bound({ beta1, beta2, t }));
    """
    betas = [(0.9, 0.999), (0.5, 0.25), (0.9, 0.9), (0.0, 0.5)]
    cases = [(*pair, t) for pair in betas for t in range(1, 31)]
    for (beta1, beta2, t), bound in zip(cases, ask(folder, body, cases), strict=True):
        one, two = Fraction(beta1), Fraction(beta2)
        m = sum(one ** (t - i) * (1 - one) * two**i for i in range(1, t + 1))
        assert bound == pytest.approx(float(m / (1 - one**t) / two**t), rel=1e-12)


@needs_node
def test_the_bound_of_the_usual_settings_tends_to_111_110(folder: Path) -> None:
    body = """
    const { bound } = await import("./update.mjs");
    return bound({ ...given, t: 100000 });
    """
    assert ask(folder, body, USUAL) == pytest.approx(111 / 110, rel=1e-13)


@needs_node
def test_the_bound_without_a_memory_is_its_limit(folder: Path) -> None:
    """A weight of the newest gradient alone bounds the first step, and a mean of it every step."""
    body = """
    const { bound } = await import("./update.mjs");
    return given.map(([beta1, beta2, t]) => String(bound({ beta1, beta2, t })));
    """
    cases = {
        (0.5, 0, 1): "1", (0, 0, 1): "1", (0, 0, 9): "1", (0, 0.5, 9): "1", (0.5, 0, 2): "Infinity",
        (0.9, 0, 5000): "Infinity", (0.9, 0.01, 5000): "Infinity", (0.9, 0.9, 1): "1",
    }  # fmt: skip
    assert ask(folder, body, list(cases)) == list(cases.values())


@needs_node
def test_the_warning_is_the_librarys(folder: Path) -> None:
    body = """
    const { warning } = await import("./adamax.mjs");
    return given.map(([beta1, beta2]) => warning({ beta1, beta2 }));
    """
    texts = ask(folder, body, [[0.9, 0.5], [0.75, 0.75], [0.9, 0.999]])
    for betas, text in zip([(0.9, 0.5), (0.75, 0.75)], texts, strict=False):
        with pytest.warns(RuntimeWarning) as caught:
            Adamax(0.01, *betas)
        assert str(caught[0].message) == text
    assert texts[2] == ""


@needs_node
def test_powers_are_rounded_correctly(folder: Path) -> None:
    pairs = [[base, t] for base in (0.9, 0.99, 0.999, 0.3, 0.0, 1e-3) for t in range(1, 1001)]
    body = 'const { power } = await import("./power.mjs"); return given.map((p) => power(...p));'
    with mpmath.workprec(2000):
        exact = [float(mpmath.mpf(base) ** t) for base, t in pairs]
    shown = ask(folder, body, pairs)
    assert [1 - p for p in shown] == [1 - base**t for base, t in pairs]
    normal = [(p, e) for p, e in zip(shown, exact, strict=True) if e == 0 or e > 1e-280]
    assert all(p == e for p, e in normal)


@needs_node
def test_the_generator_is_that_of_park_and_miller(folder: Path) -> None:
    """The 10,000th state from 1 is given by the standard of C++ for minstd_rand."""
    body = """
    const { generator } = await import("./adamax.mjs");
    const draw = generator(1);
    for (let k = 1; k < 10000; k++) draw();
    return draw();
    """
    assert ask(folder, body) == 2 * 399268537 / (2**31 - 1) - 1


# ---- objectives ---------------------------------------------------------------------------------


def points_of(objective: Any) -> np.ndarray:
    middle, radius = np.array(objective.centre), objective.radius
    return middle + radius * np.random.default_rng(1).uniform(-1, 1, (20, len(middle)))


@pytest.fixture(scope="module")
def evaluated(folder: Path) -> list[list[list[float]]]:
    body = """
    const { OBJECTIVES } = await import("./objectives.mjs");
    return OBJECTIVES.map((objective, k) =>
      given[k].map((x) => [objective.value(x), ...objective.evaluate(x).flat()]));
    """
    return ask(folder, body, [points_of(objective).tolist() for objective in OBJECTIVES.values()])


@needs_node
@pytest.mark.parametrize("name", OBJECTIVES)
def test_values_and_derivatives_are_sympys(evaluated: list[list[list[float]]], name: str) -> None:
    objective, rows = OBJECTIVES[name], evaluated[list(OBJECTIVES).index(name)]
    expression, unknowns = objective.objective.expression, objective.objective.unknowns
    exact = [expression, *map(expression.diff, unknowns)]
    function = sp.lambdify(unknowns, exact, "mpmath")
    for point, (alone, *shown) in zip(points_of(objective), rows, strict=True):
        with mpmath.workdps(40):
            value, *gradient = map(float, function(*map(mpmath.mpf, point)))
        np.testing.assert_allclose(shown, [value, *gradient], rtol=1e-12, atol=1e-11)
        assert alone == pytest.approx(shown[0], rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_points_that_are_marked_are_minima(name: str) -> None:
    objective = OBJECTIVES[name]
    expression, unknowns = objective.objective.expression, objective.objective.unknowns
    gradient = sp.lambdify(unknowns, [expression.diff(u) for u in unknowns])
    hessian = sp.lambdify(unknowns, sp.hessian(expression, unknowns))
    for point in objective.minima:
        if name != "ackley":  # which has no derivative there
            assert np.abs(gradient(*point)).max() < 1e-12
            assert np.linalg.eigvalsh(hessian(*point)).min() > 0
        assert all(
            abs(c - m) <= objective.radius for c, m in zip(objective.centre, point, strict=True)
        )

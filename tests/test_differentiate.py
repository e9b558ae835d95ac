from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from evaluation import Exact, evaluate
from expressions import SYMBOLS, expressions, points, smooth_expressions
from hypothesis import assume, given, settings
from problems import PROBLEMS, SMOOTH, Problem

from symadamax.compiler.differentiate import differentiate
from symadamax.compiler.ir import verify
from symadamax.compiler.trace import trace
from symadamax.objective import Objective

x, y, z = SYMBOLS
BACKENDS = pytest.mark.parametrize("backend", ["native", "numpy"])
DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def gradient_at(
    expression: Any, point: tuple[float, ...], backend: str, dtype: str = "float64"
) -> list[float]:
    unknowns = SYMBOLS[: len(point)]
    return list(
        map(float, evaluate(Objective(expression, unknowns), [point], backend, dtype)[1][0])
    )


def hold_exact(expression: Any, point: tuple[float, ...]) -> None:
    """Compare with mpmath's gradient, where no number on the way is so large that it cancels."""
    exact = Exact(expression, SYMBOLS)
    wanted = np.array([float(g) for g in exact.gradient(point)])
    assume(exact.largest < 1e3)
    for backend in ("native", "numpy"):
        got = evaluate(Objective(expression, SYMBOLS), [point], backend)[1][0]
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11 * (1 + abs(wanted).max()))


@settings(max_examples=25, deadline=None)
@given(expressions(), points())
def test_random_gradients_are_those_of_mpmath(expression: Any, point: tuple[float, ...]) -> None:
    hold_exact(expression, point)


@settings(max_examples=25, deadline=None)
@given(smooth_expressions(), points())
def test_random_smooth_gradients_are_those_of_mpmath(
    expression: Any, point: tuple[float, ...]
) -> None:
    hold_exact(expression, point)


@settings(max_examples=25, deadline=None)
@given(expressions())
def test_the_grammar_holds_after_differentiation(expression: Any) -> None:
    program = differentiate(trace(expression, SYMBOLS))
    verify(program)
    assert len(program.outputs) == 4


@pytest.mark.parametrize("problem", SMOOTH, ids=repr)
def test_the_gradient_vanishes_at_the_minimum(problem: Problem) -> None:
    objective = Objective(problem.expression, problem.unknowns)
    value, gradient = objective.value_and_gradient(problem.minimum)
    start = objective.value_and_gradient(problem.start)[1]
    assert value == pytest.approx(problem.value, rel=1e-9, abs=1e-12)
    assert abs(gradient).max() <= 1e-6 * max(1.0, abs(start).max())


@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
def test_the_minimum_lies_below_its_surroundings(problem: Problem) -> None:
    objective = Objective(problem.expression, problem.unknowns)
    lowest = np.array(problem.minimum)
    rng = np.random.default_rng(1)
    steps = 1e-3 * rng.uniform(-1, 1, (50, lowest.size)) * np.where(lowest == 0, 1, abs(lowest))
    values = evaluate(objective, lowest + steps)[0]
    assert (values >= problem.value - 1e-12 * max(1, abs(problem.value))).all()


@BACKENDS
@pytest.mark.parametrize("problem", SMOOTH, ids=repr)
def test_central_differences_converge_to_the_gradient_with_order_two(
    problem: Problem, backend: str
) -> None:
    """Halve h, and the error falls fourfold, or is none where the third derivative is 0."""
    objective = Objective(problem.expression, problem.unknowns)
    start = np.array(problem.start)
    rng = np.random.default_rng(5)
    start = start + 0.01 * rng.uniform(-1, 1, start.size) * (1 + abs(start))
    way = rng.uniform(0.5, 1, start.size) * np.where(start == 0, 1, abs(start))
    errors, scale = [], 0.0
    slope = evaluate(objective, [start], backend)[1][0] @ way
    for h in (2e-3, 1e-3):
        values = evaluate(objective, [start + h * way, start - h * way], backend)[0]
        errors.append(abs((values[0] - values[1]) / (2 * h) - slope))
        scale = max(scale, *abs(values))
    noise = 1e-12 * scale / 1e-3
    assert errors[1] <= 10 * noise or 3.5 <= errors[0] / errors[1] <= 4.5


# Kinks, as Objective documents them.
KINKS: list[tuple[Any, tuple[float, ...], list[float]]] = [
    (sp.Abs(x), (0.0,), [0.0]),
    (sp.Abs(x), (-0.0,), [0.0]),
    (sp.Abs(x - y), (2.0, 2.0), [0.0, 0.0]),
    (sp.sign(x) + x, (0.0,), [1.0]),
    (sp.floor(x) + x, (2.0,), [1.0]),
    (sp.ceiling(x) + x, (2.0,), [1.0]),
    (sp.Heaviside(x) + x, (0.0,), [1.0]),
    (sp.frac(x), (2.0,), [1.0]),
    (sp.Mod(x, y), (5.0, 2.0), [1.0, -2.0]),
    (sp.Mod(x, y), (-5.0, 2.0), [1.0, 3.0]),
    (sp.Max(x, y), (1.0, 1.0), [0.5, 0.5]),
    (sp.Min(x, y), (1.0, 1.0), [0.5, 0.5]),
    (sp.Max(x, y), (2.0, 1.0), [1.0, 0.0]),
    (sp.Min(x, y), (2.0, 1.0), [0.0, 1.0]),
    (sp.Max(x, y, z), (1.0, 1.0, 1.0), [1 / 3, 1 / 3, 1 / 3]),
    (sp.Min(x, y, z), (1.0, 1.0, 1.0), [1 / 3, 1 / 3, 1 / 3]),
    (sp.Max(x, y, z), (1.0, 0.0, 1.0), [0.5, 0.0, 0.5]),
    (sp.Max(x, 2 * x, 3 * x), (0.0,), [2.0]),
    (sp.Max(x, 0), (0.0,), [0.5]),
    (sp.Max(x, 0), (-0.0,), [0.5]),
    (sp.Piecewise((x**2, x < 1), (2 * x, True)), (1.0,), [2.0]),
    (sp.Piecewise((x**2, x <= 0), (3 * x, True)), (0.0,), [0.0]),
    (sp.Piecewise((5 * x, sp.Eq(x, 0)), (x**2, True)), (0.0,), [5.0]),
    (sp.sqrt(x**2), (2.0,), [1.0]),
]

# A branch that is not taken does not reach the gradient, whatever its own derivative is.
GUARDS: list[tuple[Any, tuple[float, ...], list[float]]] = [
    (sp.Piecewise((sp.sqrt(x), x > 0), (0, True)), (-1.0,), [0.0]),
    (sp.Piecewise((sp.sqrt(x), x > 0), (0, True)), (0.0,), [0.0]),
    (sp.Piecewise((1 / x, sp.Ne(x, 0)), (x, True)), (0.0,), [1.0]),
    (sp.Piecewise((sp.sin(x) / x, sp.Ne(x, 0)), (1, True)), (0.0,), [0.0]),
    (sp.Piecewise((sp.log(x) * y, x > 0), (y, True)), (-1.0, 2.0), [0.0, 1.0]),
    (sp.Piecewise((sp.exp(sp.sqrt(x)), x > 0), (x, True)), (-1.0,), [1.0]),
    (
        sp.Piecewise((sp.Piecewise((sp.sqrt(x - 1), x > 1), (sp.log(x), True)), x > 0), (y, True)),
        (-1.0, 2.0), [0.0, 1.0],
    ),
    (
        sp.Piecewise((sp.Piecewise((sp.sqrt(x - 1), x > 1), (sp.log(x), True)), x > 0), (y, True)),
        (0.5, 2.0), [2.0, 0.0],
    ),
    # sqrt(x) stands in two branches; neither is taken.
    (
        sp.Piecewise((sp.sqrt(x), x > 1), (2 * sp.sqrt(x) + x, x > 0), (x, True)), (-1.0,), [1.0],
    ),
    (sp.Piecewise((sp.sqrt(x), x > 1), (2 * sp.sqrt(x) + x, x > 0), (x, True)), (0.25,), [3.0]),
    (sp.Max(0, sp.log(x)), (0.0,), [0.0]),
    (sp.Max(0, sp.log(x)), (0.5,), [0.0]),
    (sp.Max(0, -1 / x), (0.0,), [0.0]),
    (sp.Min(1, 1 / x**2), (0.0,), [0.0]),
    (sp.Piecewise((sp.Abs(x) ** sp.pi * sp.log(x), x > 0), (0, True)), (0.0,), [0.0]),
    (sp.Piecewise((sp.acosh(x), x >= 1), (sp.acos(x), True)), (0.0,), [-1.0]),
]  # fmt: skip


@DTYPES
@BACKENDS
@pytest.mark.parametrize(("expression", "point", "gradient"), KINKS, ids=str)
def test_kinks(
    expression: Any, point: tuple[float, ...], gradient: list[float], backend: str, dtype: str
) -> None:
    assert gradient_at(expression, point, backend, dtype) == pytest.approx(gradient, rel=1e-7)


@DTYPES
@BACKENDS
@pytest.mark.parametrize(("expression", "point", "gradient"), GUARDS, ids=str)
def test_guards(
    expression: Any, point: tuple[float, ...], gradient: list[float], backend: str, dtype: str
) -> None:
    assert gradient_at(expression, point, backend, dtype) == pytest.approx(gradient, rel=1e-6)


@BACKENDS
def test_a_piecewise_without_a_branch_is_nan(backend: str) -> None:
    objective = Objective(sp.Piecewise((x**2, x > 0)))
    assert math.isnan(evaluate(objective, [(-1.0,)], backend)[0][0])


@BACKENDS
def test_an_unknown_that_does_not_occur_has_derivative_zero(backend: str) -> None:
    assert gradient_at(y**2, (1.0, 3.0, 5.0), backend) == [0.0, 6.0, 0.0]


@pytest.mark.parametrize(
    ("expression", "point", "wanted"),
    [
        # SymPy's 1 - tanh(x)**2 is 0 there.
        (sp.tanh(x), 25.0, mp.sech(25) ** 2),
        (sp.asin(x), 1 - 2.0**-50, 1 / mp.sqrt(1 - (1 - mp.mpf(2) ** -50) ** 2)),
        (sp.atanh(x), 1 - 2.0**-50, 1 / (1 - (1 - mp.mpf(2) ** -50) ** 2)),
        (sp.acot(x), 0.0, -1),
        (sp.LambertW(x), 0.0, 1),
        (sp.jn(1, x), 0.0, mp.mpf(1) / 3),
        (sp.sinc(x), 0.0, 0),
        (x**y, 0.0, None),
    ],
    ids=str,
)
def test_derivatives_where_the_usual_formula_fails(
    expression: Any, point: float, wanted: Any
) -> None:
    if wanted is None:
        assert gradient_at(expression, (point, 3.0), "native") == [0.0, 0.0]
    else:
        assert gradient_at(expression, (point,), "native") == pytest.approx(
            [float(wanted)], rel=1e-15
        )


def test_the_gradient_grows_with_the_expression_and_not_faster() -> None:
    sizes = []
    for depth in (20, 40):
        expression = x
        for _ in range(depth):
            expression = sp.Mul(sp.sin(expression), expression, evaluate=False)
        sizes.append(len(differentiate(trace(expression, [x])).nodes()))
    assert sizes[1] <= 2.1 * sizes[0]


def test_a_product_of_a_thousand_factors() -> None:
    unknowns = sp.symbols("a:1000")
    objective = Objective(sp.Mul(*unknowns), unknowns)
    point = np.linspace(0.99, 1.01, 1000)
    for backend in ("native", "numpy"):
        values, gradients = evaluate(objective, [point], backend)
        np.testing.assert_allclose(gradients[0], np.prod(point) / point, rtol=1e-12)
        assert values[0] == pytest.approx(np.prod(point), rel=1e-12)


def test_a_nest_four_thousand_deep() -> None:
    expression = x
    for _ in range(4_000):
        expression = sp.sin(expression, evaluate=False)
    objective = Objective(expression)
    native, numpy = (evaluate(objective, [(0.5,)], backend) for backend in ("native", "numpy"))
    np.testing.assert_allclose(native[1], numpy[1], rtol=1e-10)
    value, slope = 0.5, 1.0
    for _ in range(4_000):
        slope *= math.cos(value)
        value = math.sin(value)
    assert native[1][0, 0] == pytest.approx(slope, rel=1e-10)


def test_fifty_shared_nests() -> None:
    expression = x
    for _ in range(50):
        expression = sp.Mul(
            sp.Rational(1, 2),
            sp.Add(expression, sp.sin(expression, evaluate=False)),
            evaluate=False,
        )
    value, slope = 0.7, 1.0
    for _ in range(50):
        slope *= (1 + math.cos(value)) / 2
        value = (value + math.sin(value)) / 2
    got = Objective(expression).value_and_gradient([0.7])
    assert (got[0], got[1][0]) == pytest.approx((value, slope), rel=1e-13)

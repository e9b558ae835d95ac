"""log(1 + exp(z)) and its relatives: found in every form, and exact where exp(z) overflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from evaluation import evaluate, same_bits
from sympy.codegen.cfunctions import log1p

from symadamax import Objective, minimize
from symadamax.compiler.trace import trace

x, y, z = sp.symbols("x y z")
i, n = sp.symbols("i n", integer=True)
w, c, t = (sp.IndexedBase(name) for name in "wct")
exp, log = sp.exp, sp.log


def names(expression: Any) -> set[str]:
    program = trace(expression, sorted(expression.free_symbols, key=str))
    return {node.name for node in program.nodes() if node.arguments}


@pytest.mark.parametrize(
    "expression",
    [
        log(1 + exp(x)), log(exp(x) + 1.0), log1p(exp(x)), log(1 + exp(-x)), log(1 + 1 / exp(x)),
        -log(1 / (1 + exp(-x))), log(1 - 1 / (1 + exp(x))),
        log(exp(x) / (1 + exp(x))), log1p(exp(2 * x - y)), sp.Pow(log(1 + exp(x)), 2),
        log(1 + exp(x), 2),
    ],
    ids=str,
)  # fmt: skip
def test_the_softplus_is_found(expression: Any) -> None:
    found = names(expression)
    assert "softplus" in found
    assert not found & {"exp", "log", "log1p", "logistic"}


@pytest.mark.parametrize(
    "expression",
    [
        1 / (1 + exp(x)), 1 / (1 + exp(-x)), exp(x) / (1 + exp(x)), exp(-x) / (1 + exp(-x)),
        y * exp(x) / (exp(x) + 1), exp(x) / (1 + exp(x)) ** 2, (exp(x) / (1 + exp(x))) ** 2,
        exp(-2 * x) / (1 + exp(-2 * x)), 1 - 1 / (1 + exp(-x)), y / (1 + exp(-x)) ** 3,
        3 - 3 / (1 + exp(-x)), (1 + exp(-x)) ** sp.Rational(-5, 2), exp(x + y) / (1 + exp(x + y)),
        1 / (1 + exp(-x)) / (1 + exp(x)),
    ],
    ids=str,
)  # fmt: skip
def test_the_logistic_function_is_found(expression: Any) -> None:
    found = names(expression)
    assert "logistic" in found
    assert not found & {"exp", "div"}


@pytest.mark.parametrize(
    "expression",
    [
        log(2 + exp(x)), log(1 - exp(x)), log(1 + exp(x) + y), log(1 + 2 * exp(x)), log1p(2**x),
        1 / (2 + exp(x)), exp(y) / (2 + exp(x)), exp(x) / (1 + y), 1 / (1 - exp(x)),
        (1 + exp(x)) ** 2, sp.sqrt(1 + exp(x)), exp(x) - 1, exp(sp.Float(0.5) * x) / (1 + x),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_another_function_is_left_alone(expression: Any) -> None:
    assert not names(expression) & {"softplus", "logistic"}


@pytest.mark.parametrize("expression", [exp(y) / (1 + exp(x)), exp(-3 * x) / (1 + exp(-x)) ** 2])
def test_an_exponential_of_something_else_stays(expression: Any) -> None:
    assert {"exp", "logistic"} <= names(expression)


FORMS: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "softplus": (log(1 + exp(x)), lambda a: mp.log1p(mp.exp(a)), lambda a: 1 / (1 + mp.exp(-a))),
    "its mirror": (log1p(exp(-x)), lambda a: mp.log1p(mp.exp(-a)), lambda a: -1 / (1 + mp.exp(a))),
    "the log of a probability": (
        log(1 / (1 + exp(-x))), lambda a: -mp.log1p(mp.exp(-a)), lambda a: 1 / (1 + mp.exp(a))
    ),
    "logistic": (
        exp(x) / (1 + exp(x)), lambda a: 1 / (1 + mp.exp(-a)),
        lambda a: mp.exp(-abs(a)) / (1 + mp.exp(-abs(a))) ** 2,
    ),
    "one minus it": (
        1 - 1 / (1 + exp(-x)), lambda a: 1 / (1 + mp.exp(a)),
        lambda a: -mp.exp(-abs(a)) / (1 + mp.exp(-abs(a))) ** 2,
    ),
}  # fmt: skip
UGLY = [0.0, 5e-324, 1e-310, 2.2e-308, 1e-20, 1e-8, 0.5, 0.693, 1.0, 3.4, 17.0, 36.7, 37.5, 700.0,
        708.4, 709.0, 709.79, 710.0, 720.5, 744.4, 745.0, 745.2, 800.0, 1e5, 1e300]  # fmt: skip
POINTS = [*UGLY, *(-point for point in UGLY), *np.random.default_rng(0).normal(size=200) * 5]


def apart(found: float, exact: Any) -> float:
    """Return a difference in ulps of the exact result."""
    return float(abs(mp.mpf(float(found)) - exact) / mp.mpf(float(np.spacing(abs(float(exact))))))


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("name", FORMS)
def test_value_and_gradient_are_exact_to_ulps(name: str, backend: str) -> None:
    expression, value, slope = FORMS[name]
    values, gradients = evaluate(Objective(expression), [[point] for point in POINTS], backend)
    allowed = 2.0 if "log" in str(expression) else 2.1
    with mp.workdps(400):
        worst = max(
            apart(found, value(mp.mpf(at))) for found, at in zip(values, POINTS, strict=True)
        )
        steepest = max(
            apart(g, slope(mp.mpf(at))) for g, at in zip(gradients[:, 0], POINTS, strict=True)
        )
    assert worst <= allowed
    assert steepest <= 4.0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_infinities_and_nan(backend: str, dtype: str) -> None:
    points = [[np.inf], [-np.inf], [np.nan], [-0.0]]
    values, gradients = evaluate(Objective(log(1 + exp(x))), points, backend, dtype)
    assert values[:2].tolist() == [np.inf, 0.0]
    assert gradients[[0, 1, 3], 0].tolist() == [1.0, 0.0, 0.5]
    assert np.isnan([values[2], gradients[2, 0]]).all()
    values, gradients = evaluate(Objective(1 / (1 + exp(-x))), points, backend, dtype)
    assert values[[0, 1, 3]].tolist() == [1.0, 0.0, 0.5]
    assert gradients[[0, 1, 3], 0].tolist() == [0.0, 0.0, 0.25]
    assert np.isnan([values[2], gradients[2, 0]]).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_lanes_have_the_bits_of_scalars(dtype: str) -> None:
    """The derivative by c[i] is the softplus, and that by w[i] the logistic function."""
    points = np.clip(np.array(POINTS), -1e30, 1e30).astype(dtype)
    total = sp.Sum(c[i] * log(1 + exp(w[i])), (i, 0, n - 1))
    x0, shapes = Objective(total, [c, w]).flat({c: np.ones_like(points), w: points}, dtype)
    from symadamax import _core

    bound = Objective(total, [c, w]).bound(shapes, "native", dtype)
    gradient = np.empty_like(x0)
    _core.evaluate(bound.function, bound.context, x0, gradient)
    values, slopes = evaluate(Objective(log(1 + exp(x))), points[:, None], "native", dtype)
    assert same_bits(gradient[: points.size], values)
    assert same_bits(gradient[points.size :], slopes[:, 0])


def test_the_logarithm_of_a_hyperbolic_cosine() -> None:
    assert names(log(sp.cosh(x * y))) == {"mul", "logcosh"}
    values, gradients = evaluate(Objective(log(sp.cosh(x))), [[1e300], [-800.0], [0.0], [1e-160]])
    assert values.tolist() == [1e300, 800.0 - np.log(2), 0.0, 5e-321]
    assert gradients[:, 0].tolist() == [1.0, -1.0, 0.0, 1e-160]


def test_what_the_user_wrote_is_shown() -> None:
    objective = Objective(log(1 + exp(x)))
    assert objective.expression == log(1 + exp(x))
    assert objective.gradient == [exp(x) / (exp(x) + 1)]


def test_a_logistic_regression_with_margins_beyond_709() -> None:
    rows = {t: np.array([-3.0, -1.0, 2.0, 5.0]), c: np.array([-1.0, -1.0, 1.0, 1.0])}
    loss = sp.Sum(log(1 + exp(-c[i] * x * t[i])), (i, 0, n - 1))
    objective = Objective(loss, data=rows)
    margins = rows[c] * rows[t]
    value, gradient = objective.value_and_gradient([-1e3])
    assert value == pytest.approx(np.logaddexp(0, 1e3 * margins).sum(), rel=1e-15)
    assert gradient == pytest.approx([-margins.sum()], rel=1e-15)
    assert minimize(objective, [-1e3], steps=5).success is not None


def test_an_own_function_of_that_name_is_still_refused() -> None:
    from symadamax import UnsupportedError

    with pytest.raises(UnsupportedError, match="has no definition"):
        Objective(sp.Function("Softplus")(x))

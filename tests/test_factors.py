"""Logarithms of densities as they stand in books: factor by factor, where the product overflows."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy import stats

from symadamax import Objective, minimize

i, n = sp.symbols("i n", integer=True)
x, y = sp.IndexedBase("x"), sp.IndexedBase("y")
a, b, v, z = sp.symbols("a b v z")
HALF = sp.Rational(1, 2)

rng = np.random.default_rng(0)
COUNTS, NORMAL = rng.poisson(300, 20), rng.normal(size=2_000)
LONG, SHARE, TAILS = rng.gamma(200, 1, 20), rng.beta(500, 700, 20), rng.standard_t(5, 20)
SOME = rng.binomial(2_000, 0.3, 20)

# Each density overflows or underflows, by itself or in the product of all.
DENSITIES: dict[str, tuple[Any, Any, dict[Any, float], Any]] = {
    "Poisson": (
        sp.exp(-a) * a ** x[i] / sp.factorial(x[i]), COUNTS, {a: 310.0},
        lambda a: stats.poisson.logpmf(COUNTS, a),
    ),
    "gamma": (
        b**a * x[i] ** (a - 1) * sp.exp(-b * x[i]) / sp.gamma(a), LONG, {a: 210.0, b: 1.1},
        lambda a, b: stats.gamma.logpdf(LONG, a, scale=1 / b),
    ),
    "beta": (
        x[i] ** (a - 1) * (1 - x[i]) ** (b - 1) / sp.beta(a, b), SHARE, {a: 510.0, b: 690.0},
        lambda a, b: stats.beta.logpdf(SHARE, a, b),
    ),
    "Student": (
        sp.gamma((v + 1) / 2) / (sp.gamma(v / 2) * sp.sqrt(v * sp.pi) * b)
        * (1 + (x[i] / b) ** 2 / v) ** (-(v + 1) / 2), TAILS, {b: 1.1, v: 400.0},
        lambda b, v: stats.t.logpdf(TAILS, v, scale=b),
    ),
    "binomial": (
        sp.binomial(2_000, x[i]) * a ** x[i] * (1 - a) ** (2_000 - x[i]), SOME, {a: 0.32},
        lambda a: stats.binom.logpmf(SOME, 2_000, a),
    ),
    "normal": (
        sp.exp(-((x[i] - a) ** 2) / (2 * b**2)) / (b * sp.sqrt(2 * sp.pi)), NORMAL,
        {a: 0.1, b: 1.2}, lambda a, b: stats.norm.logpdf(NORMAL, a, b),
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("whole", [False, True], ids=["sum of logarithms", "log of the product"])
@pytest.mark.parametrize("name", DENSITIES)
def test_a_likelihood_is_that_of_scipy(name: str, whole: bool, backend: str) -> None:
    density, data, point, logarithm = DENSITIES[name]
    limits = (i, 0, n - 1)
    written = sp.log(sp.Product(density, limits)) if whole else sp.Sum(sp.log(density), limits)
    result = minimize(Objective(-written, data={x: data}), point, steps=0, backend=backend)
    assert result.fun == pytest.approx(-logarithm(*point.values()).sum(), rel=1e-11)
    for place, value in enumerate(point.values()):
        ends = []
        for sign in (1, -1):
            moved = list(point.values())
            moved[place] = value * (1 + sign * 1e-5)
            ends.append(-logarithm(*moved).sum())
        slope = (ends[0] - ends[1]) / (2e-5 * value)
        assert result.jac[place] == pytest.approx(slope, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("name", DENSITIES)
def test_a_likelihood_in_single_precision(name: str) -> None:
    density, data, point, logarithm = DENSITIES[name]
    loss = -sp.Sum(sp.log(density), (i, 0, n - 1))
    result = minimize(Objective(loss, data={x: data}), point, steps=0, dtype="float32")
    assert result.fun == pytest.approx(-logarithm(*point.values()).sum(), rel=2e-5, abs=0.02)
    assert np.isfinite(result.jac).all()


@pytest.mark.parametrize(
    ("expression", "at", "value"),
    [
        (sp.log(sp.gamma(z)), -1.5, mp.log(mp.gamma(-1.5))),
        (sp.log(sp.gamma(z) * sp.gamma(z + 1)), -0.5, mp.nan),
        (sp.log(sp.gamma(z) * sp.gamma(z - 2)), -1.5, mp.log(mp.gamma(-1.5) * mp.gamma(-3.5))),
        (sp.log(z ** sp.Symbol("c")), -3.0, mp.log(9)),
        (sp.log(sp.exp(-z) * z ** sp.Symbol("c")), -3.0, 3 + mp.log(9)),
        (sp.log((z - 4) ** 13 * (z - 5) ** 13), -3.0, 13 * mp.log(56)),
        (sp.log((z - 4) ** 13), -3.0, mp.nan),
        (sp.log(z**200), -40.0, 200 * mp.log(40)),
        (sp.log(sp.beta(z, HALF)), 50.0, mp.log(mp.beta(50, 0.5))),
        (sp.log(sp.beta(z, z)), 2e3, mp.log(mp.beta(2e3, 2e3))),
        (sp.log(sp.Product(z + i, (i, 0, 1))), -3.0, mp.log(6)),
        (sp.log(sp.Product(z + i, (i, 0, 2))), -3.5, mp.nan),
    ],
    ids=str,
)
def test_signs_are_those_of_the_product(expression: Any, at: float, value: Any) -> None:
    parameters = {"c": 2.0} if expression.has(sp.Symbol("c")) else None
    found = Objective(expression, [z], parameters=parameters).value([at])
    assert found == pytest.approx(float(value), rel=1e-14, nan_ok=True)


def test_a_power_of_nothing_to_the_nothing_is_one() -> None:
    assert Objective(sp.log(z**a), [z, a]).value([0.0, 0.0]) == 0.0


def test_powers_may_be_nested_deeply() -> None:
    tower = z
    for _ in range(1_000):
        tower = sp.Pow(sp.Mul(z, tower, evaluate=False), a, evaluate=False)
    objective = Objective(sp.log(tower, evaluate=False), [z, a])
    assert objective.value([2.0, 0.5]) == pytest.approx(math.log(2.0), rel=1e-14)


def test_short_powers_stay_in_the_product() -> None:
    assert "loggamma" not in str(Objective(sp.log(z**3 * (1 + z**2))).stages.ir)
    assert str(Objective(sp.log(z**3)).stages.ir).count("log") == 1


def test_a_product_of_positive_factors_becomes_a_sum_that_batches_can_sample() -> None:
    density = sp.exp(-((x[i] - a) ** 2) / 2) / sp.sqrt(2 * sp.pi)
    objective = Objective(-sp.log(sp.Product(density, (i, 0, n - 1))) / n, data={x: NORMAL})
    assert "product" not in str(objective.stages.ir)
    batched = minimize(objective, {a: 1.0}, batch=64, epochs=40, rng=0)
    assert math.isfinite(batched.fun)
    assert batched.fun < objective.value({a: 1.0})

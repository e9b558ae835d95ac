"""Logarithms and quotients of sums of exponentials, where these overflow and where not."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from evaluation import evaluate
from loops import both_backends

from symadamax import InputError, Objective, minimize
from symadamax.compiler.trace import trace

a, b, c = sp.symbols("a b c")
i, j, k, n, m = sp.symbols("i j k n m", integer=True)
w, v, t, W, X, L = (sp.IndexedBase(name) for name in "wvtWXL")
exp, log, Sum = sp.exp, sp.log, sp.Sum
POOL = Sum(exp(w[i]), (i, 0, n - 1))


def names(expression: Any) -> set[str]:
    nodes = Objective(expression).stages.ir.nodes()
    return {node.name for node in nodes if node.arguments}


@pytest.mark.parametrize(
    "expression",
    [
        log(exp(a) + exp(b)), log(exp(a) + exp(b) + 3), log(1 + 2 * exp(a)), log(1 + POOL),
        log(POOL), log(POOL / n), -log(1 / POOL), log(exp(a) + POOL), exp(a) / POOL,
        exp(a) / (exp(a) + exp(b)), log(exp(a) / POOL), exp(a) / (1 + exp(b) + exp(c)),
        log(Sum(exp(w[i] * w[j]), (i, 0, n - 1), (j, 0, n - 1))),
        log(1 + a * exp(b)), log(Sum(a * exp(w[i]), (i, 0, 4))), log(a * exp(b) + exp(c) / a),
        Sum(v[i] * exp(w[i]), (i, 0, n - 1)) / POOL,
    ],
    ids=str,
)  # fmt: skip
def test_the_largest_exponent_is_taken_out(expression: Any) -> None:
    assert "detached" in names(expression)


@pytest.mark.parametrize(
    "expression",
    [
        log(exp(a) - exp(b)), log(a + exp(b)), 1 / POOL,
        exp(a) * POOL, log(1 + a), exp(a) / b, log(exp(a) + POOL - 1), exp(a) + exp(b),
    ],
    ids=str,
)  # fmt: skip
def test_another_function_is_left_alone(expression: Any) -> None:
    assert "detached" not in names(expression)


@pytest.mark.parametrize(
    "expression",
    [log(exp(a)), log(b * exp(a)), log(exp(-(a**2)) / c), log(-b * exp(a) / 3)],
    ids=str,
)
def test_the_exponent_of_a_product_stands_outside_of_its_logarithm(expression: Any) -> None:
    assert "exp" not in names(expression)


def test_a_quotient_within_a_logarithm_is_shifted_once() -> None:
    program = trace(log(exp(a) / (exp(a) + exp(b))), [a, b])
    assert sum(node.name == "detached" for node in program.nodes()) == 1


CASES = {
    "two": log(exp(a) + exp(b)),
    "two and a number": log(exp(a) + 3 * exp(b) + 2),
    "two and 1": log(1 + exp(a) + exp(b)),
    "a share": exp(a) / (exp(a) + exp(b)),
    "a share besides 1": exp(a) / (1 + exp(a) + exp(b)),
    "the log of a share": log(exp(b) / (exp(a) + exp(b))),
    "two with weights": log(a**2 * exp(b) + exp(-b) / (1 + a**2)),
    "1 and one with a weight": log(1 + a**2 * exp(b)),
    "a density": log(exp(-(a**2) / 2) / sp.sqrt(2 * sp.pi)) * b,
    "a product of both": log(exp(a) * (1 + exp(b)) * (2 + b**2)),
}
PLACES = [-1e5, -900.0, -745.2, -40.0, -1.25, 0.0, 1e-9, 3.5, 36.0, 709.9, 1e4]


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_many_digits(name: str, backend: str) -> None:
    expression = CASES[name]
    points = [(x, y) for x in PLACES for y in (*PLACES, x + 0.5)]
    values, gradients = evaluate(Objective(expression, [a, b]), points, backend)
    exact = [sp.lambdify([a, b], f, "mpmath") for f in (expression, *map(expression.diff, (a, b)))]
    for point, *found in zip(points, values, *gradients.T, strict=True):
        with mp.workprec(300):
            wanted = [float(function(*map(mp.mpf, point))) for function in exact]
        unit = 2e-16 * max(1, *map(abs, point))  # to which the exponents themselves are rounded
        assert found[0] == pytest.approx(wanted[0], rel=1e-14, abs=unit)
        assert found[1:] == pytest.approx(wanted[1:], rel=1e-14 + unit, abs=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_weight_of_0_has_no_say_and_one_below_0_counts(backend: str, dtype: str) -> None:
    total = log(Sum(v[i] * exp(a * t[i]), (i, 0, n - 1)))
    objective = Objective(total, [a], data={v: [0.0, 2.0, -1.0], t: [1000.0, 3.0, 2.0]})
    run = minimize(objective, [2.0], steps=0, backend=backend, dtype=dtype)
    parts, digits = np.array([2 * np.exp(6.0), -np.exp(4.0)]), 1e-14 if dtype == "float64" else 1e-6
    assert run.fun == pytest.approx(np.log(parts.sum()), rel=digits)
    assert run.jac == pytest.approx(parts @ [3.0, 2.0] / parts.sum(), rel=digits)


def test_two_negative_factors_have_a_logarithm_also_where_one_is_a_sum() -> None:
    objective = Objective(log((1 + a * exp(b)) * c), [a, b, c])
    assert objective.value([-3.0, 1.0, -2.0]) == pytest.approx(np.log(6 * np.e - 2), rel=1e-15)
    assert objective.value([3.0, 900.0, 2.0]) == pytest.approx(900 + np.log(6), rel=1e-15)
    assert np.isnan(objective.value([-3.0, 1.0, 2.0]))
    turned = Objective(log(-1 - a * exp(b)), [a, b])
    assert turned.value([-3.0, 1.0]) == pytest.approx(np.log(3 * np.e - 1), rel=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_mixture_with_weights_and_widths_from_far_away(dtype: str) -> None:
    parts = v[k] * exp(-((t[i] - w[k]) ** 2) / (2 * a**2)) / (a * sp.sqrt(2 * sp.pi))
    loss = -Sum(log(Sum(parts, (k, 0, m - 1))), (i, 0, n - 1))
    places = np.array([0.0, 1.0, 60.0, -700.0])
    start = {v: np.array([0.25, 0.75]), w: np.array([0.0, 2.0]), a: 0.5}
    alone = -((places[:, None] - start[w]) ** 2) / 0.5 + np.log(start[v] / 0.5)
    wanted = -np.logaddexp(*alone.T).sum() + 4 * np.log(np.sqrt(2 * np.pi))
    for value, gradient in both_backends(Objective(loss, data={t: places}), start, dtype):
        assert value == pytest.approx(wanted, rel=1e-14 if dtype == "float64" else 1e-6)
        assert np.isfinite(gradient).all()


def test_a_kernel_estimate_far_from_all_data() -> None:
    near = exp(-a * (t[i] - 500) ** 2)
    estimate = Sum(v[i] * near, (i, 0, n - 1)) / Sum(near, (i, 0, n - 1))
    data = {t: np.array([1.0, 2.0, 3.0]), v: np.array([-4.0, 5.0, 6.0])}
    for value, gradient in both_backends(Objective(estimate, data=data), {a: 1.0}):
        assert value == 6.0
        assert gradient.tolist() == [0.0]


def test_what_is_tiny_beside_1_keeps_its_digits() -> None:
    objective = Objective(log(1 + exp(a) + 3 * exp(b)))
    assert objective.value([-40, -45]) == pytest.approx(np.exp(-40) + 3 * np.exp(-45), rel=1e-15)


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_infinities_and_nan(backend: str) -> None:
    inf, nan = np.inf, np.nan
    points = [(inf, 0), (-inf, 2), (-inf, -inf), (inf, -inf), (nan, 0)]
    values, gradients = evaluate(Objective(log(exp(a) + exp(b))), points, backend)
    np.testing.assert_array_equal(values, [inf, 2, -inf, inf, nan])
    np.testing.assert_array_equal(gradients[1], [0, 1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 2048, 5000])
@pytest.mark.parametrize("shift", [0.0, 3e4, -3e4])
def test_a_sum_of_any_length(size: int, shift: float, dtype: str) -> None:
    data = np.random.default_rng(size).normal(size=size) * 3
    total = log(Sum(exp(a * t[i] + b), (i, 0, n - 1)))
    point = {a: 1.0, b: shift}
    objective = Objective(total, data={t: data}, parameters={n: size})
    exponents = data + shift
    precision = 1e-5 if dtype == "float32" else 1e-13
    for value, slope in both_backends(objective, point, dtype):
        if size == 0:
            assert value == -np.inf
            continue
        shares = np.exp(data - data.max()) / np.exp(data - data.max()).sum()
        wanted = exponents.max() + np.log(np.exp(data - data.max()).sum())
        assert value == pytest.approx(wanted, rel=precision)
        off = 0.03 if shift and dtype == "float32" else 10 * precision  # exponents are rounded
        np.testing.assert_allclose(slope, [shares @ data, 1], rtol=off, atol=off)


def test_a_row_of_a_triangle_has_a_largest_of_its_own() -> None:
    table = np.random.default_rng(1).normal(size=(20, 20)) * 1000
    rows = Sum(log(Sum(exp(a * X[i, j]), (j, 0, i))), (i, 0, n - 1))
    wanted = sum(np.logaddexp.reduce(table[r, : r + 1]) for r in range(20))
    for value, _ in both_backends(Objective(rows, data={X: table}), {a: 1.0}):
        assert value == pytest.approx(wanted, rel=1e-14)


def test_a_softmax_regression_from_far_away() -> None:
    rng = np.random.default_rng(0)
    table, labels = rng.normal(size=(40, 3)), rng.integers(0, 4, 40)
    score = Sum(W[k, j] * X[i, j], (j, 0, 2))
    losses = log(Sum(exp(score), (k, 0, 3))) - Sum(W[L[i], j] * X[i, j], (j, 0, 2))
    objective = Objective(Sum(losses, (i, 0, n - 1)) / n, data={X: table, L: labels})
    weights = rng.normal(size=(4, 3)) * 1e4
    scores = table @ weights.T
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    wanted = np.mean(np.logaddexp.reduce(scores, axis=1) - scores[range(40), labels])
    slopes = (shares - np.eye(4)[labels]).T @ table / 40
    for value, gradient in both_backends(objective, {W: weights}):
        assert value == pytest.approx(wanted, rel=1e-13)
        np.testing.assert_allclose(gradient.reshape(4, 3), slopes, atol=1e-12)


def test_the_bits_are_the_same_for_any_number_of_threads() -> None:
    start = {w: np.random.default_rng(0).normal(size=50_000) * 500}
    loss = log(POOL) + Sum(w[i] ** 2, (i, 0, n - 1)) / 1e6
    one, two = (minimize(loss, start, steps=5, threads=threads) for threads in (1, 2))
    assert one.fun == two.fun
    assert one.x.tobytes() == two.x.tobytes()


def test_a_batch_of_a_logarithm_is_refused_as_before() -> None:
    with pytest.raises(InputError, match="stands inside log"):
        minimize(log(Sum(exp(a * t[i]), (i, 0, n - 1))), [0.0], data={t: np.ones(9)}, batch=2)


def test_what_the_user_wrote_is_shown() -> None:
    objective = Objective(log(exp(a) + exp(b)))
    assert objective.gradient == [exp(a) / (exp(a) + exp(b)), exp(b) / (exp(a) + exp(b))]

"""Objectives with sums: value and gradient against an evaluation that unrolls them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from loops import (
    Case,
    G,
    W,
    X,
    a,
    b,
    both_backends,
    cases,
    i,
    j,
    k,
    m,
    n,
    slopes,
    v,
    w,
    y,
)  # fmt: skip

from symadamax import InputError, Objective, minimize

BLOCK = 2048
Sum, Product = sp.Sum, sp.Product


def compare(case: Case) -> None:
    """Hold both backends against the unrolled expression."""
    with np.errstate(all="ignore"):
        value, gradient = slopes(case.expression, {**case.values, **case.sizes}, case.unknowns)
    allowed = 1e-9 * max(1.0, abs(value), float(np.abs(gradient).max(initial=0)))
    for found, slope in both_backends(case.objective, case.point):
        assert abs(found - value) <= allowed
        assert np.abs(slope - gradient).max(initial=0) <= allowed


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_any_nest_of_sums_has_the_value_and_gradient_of_the_unrolled_expression(case: Case) -> None:
    try:
        compare(case)
    except InputError as error:
        # A position that leaves its array only where an inner loop has no turns is refused as well.
        if "leaves the array" not in str(error):
            raise


FIXED = {
    "an element outside of the sum's index": Sum((a + w[0])*w[n - 3], (i, 0, 2)),
    "a sum over an outer index of what depends on the inner": Sum(
        sp.tanh(Sum(X[i, j]*sp.exp(w[j]), (j, 0, m - 1))), (i, 0, n - 1)
    ),
    "the same index twice": Sum(w[j]*Sum(X[i, j]*Sum(X[i, j]*w[j], (j, 0, m - 1)), (i, 0, n - 1)),
                                (j, 0, m - 1)),
    "a lookup on a ragged index": Sum(w[G[j]]*i*a, (j, 0, i), (i, 0, n - 1)),
    "a lookup in a lookup": Sum(w[G[G[i]]]**2, (i, 0, n - 1)),
    "a lookup and an index": Sum(y[G[i] + i]*a, (i, 0, n - 1)),
    "a triangle with factors": Sum(X[2*j, i]*w[2*i - j], (j, i, 2*i), (i, 0, 2)),
    "bounds of three indices": Sum(a*i*j*k, (k, i - j, i + j), (j, 0, i), (i, 0, n)),
    "an order of indices met before": Sum(w[i], (k, 0, 2), (i, 0, n - 1))
    + Sum(w[i - j]*a, (j, 0, i), (i, 0, n - 1)),
    "a product with a zero factor": Product(w[i] - w[0], (i, 0, n - 1)) + a,
    "a product of signs": Product(w[i], (i, 0, n - 1)),
    "a reversed array": Sum(w[n - 1 - i]*w[i]*i, (i, 0, n - 1)),
    "a choice by index": Sum(sp.Piecewise((w[i]**3, i < 2), (a*w[i], True)), (i, 0, n - 1)),
    "a choice by an unknown": Sum(sp.Piecewise((w[i]**3, w[i] < a), (a*w[i], True)), (i, 0, n - 1)),
    "a sum inside a function": sp.log(Sum(sp.exp(w[i] + a), (i, 0, n - 1))),
    "a product of sums": Sum(w[i], (i, 0, n - 1))*Sum(w[i]**2*a, (i, 0, n - 1)),
    "neighbours": Sum((w[i + 1] - w[i]**2)**2 + w[i + 2]*w[i], (i, 0, n - 3)) + w[0]*a,
    "an array in two shapes of loop": Sum(w[i]**2, (i, 0, n - 1)) + Sum(w[i]*w[j]*a, (i, 0, j),
                                                                        (j, 0, n - 1)),
    "a matrix of unknowns": Sum(W[i, j]*W[j, i]*a, (i, 0, 2), (j, 0, 2)),
    "a range that begins elsewhere on each lane": Sum(
        Sum(sp.exp(a*w[i + j]), (j, -i, n - 1 - i))**2*w[i], (i, 0, n - 1)
    ),
    "nothing but an index": Sum(sp.sin(a*i), (i, 1, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("size", [3, 4, 9])
def test_a_form_that_has_its_own_path(name: str, size: int) -> None:
    shapes = {w: (max(size, 5),), v: (size,), y: (2 * size,), G: (size,), X: (9, 9), W: (3, 3)}
    present = {part.base for part in FIXED[name].atoms(sp.Indexed)}
    case = Case(FIXED[name], {n: size, m: 4}, {k: s for k, s in shapes.items() if k in present})
    if G in present:
        case.values[G] = case.values[G] % size
    compare(case)


def test_a_power_series_has_a_slope_at_0() -> None:
    """Its first term is x**0, of which n*x**(n - 1) is 0 times infinity."""
    series = Sum(Sum((b * w[i]) ** j * (j + 2), (j, 0, 4)), (i, 0, n - 1))
    for value, slope in both_backends(Objective(series), {b: 2.0, w: [0.0, 0.0]}):
        assert value == 4.0
        assert slope.tolist() == [0.0, 6.0, 6.0]


# ---- sizes: nothing, one, whole vectors and blocks, and one more ---------------------------------

SIZES = [0, 1, 2, 3, 7, 8, 9, 15, 17, BLOCK - 1, BLOCK, BLOCK + 1, 5000]


def against_oracle(objective: Objective, point: Any, tolerance: float = 1e-12) -> None:
    (value, slope), (wanted, gradient) = both_backends(objective, point)
    assert abs(value - wanted) <= tolerance * max(1.0, abs(wanted))
    assert np.abs(slope - gradient).max(initial=0) <= tolerance * max(1, np.abs(gradient).max())


@pytest.mark.parametrize("size", SIZES)
def test_data_of_any_length(size: int) -> None:
    rng = np.random.default_rng(size)
    data = {X: rng.normal(size=(size, 3)), y: rng.normal(size=size)}
    loss = Sum(sp.log(1 + sp.exp(-y[i] * Sum(X[i, j] * w[j], (j, 0, 2)))), (i, 0, n - 1)) + a**2
    against_oracle(Objective(loss, [a, w], data=data), {a: 0.5, w: rng.normal(size=3)})


@pytest.mark.parametrize("size", SIZES[1:])
def test_unknowns_of_any_number(size: int) -> None:
    chain = Sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2))
    against_oracle(Objective(chain), {w: np.random.default_rng(size).normal(size=size)})


@pytest.mark.parametrize("size", [1, 2, 8, 9, 40, 257])
def test_triangles_of_any_size(size: int) -> None:
    rng = np.random.default_rng(size)
    triangle = Sum(sp.sin(X[i, j] * a * w[j]) * w[i - j], (j, 0, i), (i, 0, n - 1))
    objective = Objective(triangle, [a, w], data={X: rng.normal(size=(size, size))})
    against_oracle(objective, {a: 0.7, w: rng.normal(size=size)})


def test_float32_throughout() -> None:
    rng = np.random.default_rng(0)
    objective = Objective(
        Sum((a * sp.exp(-X[i, 0]) - y[i]) ** 2 * w[i + 1], (i, 0, n - 2)),
        data={X: rng.normal(size=(776, 1)).astype("f4"), y: rng.normal(size=776)},
        unknowns=[a, w],
    )
    point = {a: 0.5, w: rng.normal(size=777)}
    (value, slope), (wanted, gradient) = both_backends(objective, point, "float32")
    assert slope.dtype == np.float32
    assert abs(value - wanted) <= 1e-6 * abs(wanted)
    assert np.abs(slope - gradient).max() <= 1e-5 * np.abs(gradient).max()


# ---- rounding -----------------------------------------------------------------------------------


def mixed_terms(size: int) -> np.ndarray:
    rng = np.random.default_rng(size)
    return rng.normal(size=size) * 10.0 ** rng.uniform(-12, 12, size)


def exact_sum(terms: np.ndarray) -> float:
    return float(sum(map(Fraction, terms.tolist()), Fraction()))


UNIT = 2.0**-53


def test_a_long_sum_rounds_as_a_block_does() -> None:
    """A lane adds up 256 terms, three halvings the lanes, and the sum of blocks loses nothing."""
    terms = mixed_terms(100_000)
    value = Objective(Sum(y[i] * a, (i, 0, n - 1)), [a], data={y: terms}).value([1.0])
    bound = (BLOCK / 8 + 3 + 2) * UNIT * np.abs(terms).sum()
    assert abs(value - exact_sum(terms)) <= bound


def test_a_long_inner_sum_rounds_as_its_blocks_do() -> None:
    """A block adds up 256 terms, and the sums of the blocks are added one after another."""
    terms = mixed_terms(100_000).reshape(1, -1)
    inner = Sum(X[i, j], (j, 0, m - 1))
    value = Objective(Sum(a * inner, (i, 0, n - 1)), [a], data={X: terms}).value([1.0])
    bound = (256 + terms.size / 256 + 2) * UNIT * np.abs(terms).sum()
    assert abs(value - exact_sum(terms.reshape(-1))) <= bound


def test_equal_terms_show_that_sums_are_cut() -> None:
    """One after another, a million tenths would be off by 1e-12 of their sum."""
    size = 1_000_000
    for expression, data in (
        (Sum(y[i] * a, (i, 0, n - 1)), {y: np.full(size, 0.1)}),
        (Sum(a * Sum(X[i, j], (j, 0, m - 1)), (i, 0, n - 1)), {X: np.full((1, size), 0.1)}),
    ):
        value = Objective(expression, [a], data=data).value([1.0])
        assert abs(value - float(Fraction(0.1) * size)) <= 1e-13 * value


# ---- objectives with data -----------------------------------------------------------------------

FIT = Sum((a - y[i]) ** 2, (i, 0, n - 1))


def test_other_data_have_another_length_dtype_and_layout() -> None:
    objective = Objective(FIT, data={y: np.arange(5.0)})
    other = objective.with_data({"y": np.arange(9, dtype="i2")[::-2]})
    assert other.value([1.0]) == sum((1 - t) ** 2 for t in (8, 6, 4, 2, 0))
    assert objective.value([1.0]) == sum((1 - t) ** 2 for t in range(5))


def test_the_same_array_twice() -> None:
    values = np.arange(1.0, 20.0)
    objective = Objective(Sum(a * y[i] * v[i], (i, 0, n - 1)), [a], data={y: values, v: values})
    assert objective.value([2.0]) == 2 * (values**2).sum()


def test_equal_content_is_an_equal_objective() -> None:
    objective = Objective(FIT, data={y: [1.0, 2.0]})
    assert objective == Objective(FIT, data={y: np.array([1.0, 2.0])})
    assert hash(objective) == hash(Objective(FIT, data={y: [1.0, 2.0]}))
    assert objective != Objective(FIT, data={y: [1.0, 3.0]})


def test_a_pickle_holds_the_data() -> None:
    import pickle

    objective = Objective(FIT, data={y: np.array([1.0, np.nan])}, allow_nan=True)
    other = pickle.loads(pickle.dumps(objective))
    assert other == objective
    assert np.isnan(other.value([0.0]))


def test_an_array_and_scalars_are_minimised_together() -> None:
    loss = Sum((w[i] - y[i] - a) ** 2 + w[i] ** 2, (i, 0, n - 1)) + (a - b) ** 2 + b**2
    start = {a: 0.0, b: 0.0, w: np.zeros(4)}
    result = minimize(loss, start, data={y: [1, 2, 3, 4]}, steps=3000)
    assert np.abs(result.jac).max() < 1e-2
    assert result.point[w].shape == (4,)

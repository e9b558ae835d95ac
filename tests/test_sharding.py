"""A value that is cut by rows: a rest, and parts of which nothing is lost; or it is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import InputError, Objective, rows
from symadamax.compiler.affine import Affine
from symadamax.compiler.ir import verify
from symadamax.compiler.sharding import Shards
from symadamax.sharded import Sharded

i, j, k, n, d = sp.symbols("i j k n d", integer=True)
a, b = sp.symbols("a b")
w, y, t, X, G = (sp.IndexedBase(name) for name in "wytXG")
SQUARES = sp.Sum((a - y[i]) ** 2, (i, 0, n - 1))
ROWS = 23
RNG = np.random.default_rng(0)
DATA = {
    y: RNG.normal(size=ROWS), t: RNG.normal(size=ROWS), X: RNG.normal(size=(ROWS, 3)),
    G: RNG.integers(0, 3, ROWS),
}  # fmt: skip
START = {a: 0.7, b: 0.3, w: RNG.normal(size=3)}


def given(expression: Any) -> dict[Any, np.ndarray]:
    return {base: values for base, values in DATA.items() if expression.has(base)}


def start(expression: Any, size: int = 3) -> dict[Any, Any]:
    point = {**START, w: np.resize(START[w], size)}
    return {unknown: value for unknown, value in point.items() if expression.has(unknown)}


def cut(expression: Any, unknowns: Any = None, shard: int = 5, size: int = 3) -> Sharded:
    data = rows(given(expression), shard=shard)
    shapes = {w: (size,)} if expression.has(w) else {}
    return Objective(expression, unknowns, data=data).sharded(shapes)


LINEAR = {
    "a sum": SQUARES,
    "a mean": SQUARES / n,
    "a mean and a penalty": SQUARES / n + b**2,
    "a difference": b - SQUARES,
    "its negative": -SQUARES - b,
    "a sum by an unknown": SQUARES * sp.exp(b) / (1 + b**2) + sp.sin(b),
    "two sums over the same rows": SQUARES + 2 * sp.Sum(y[i] * a, (i, 0, n - 1)),
    "two sums by others": b * SQUARES - sp.Sum(y[i] * a, (i, 0, n - 1)) / b,
    "sums over other rows": SQUARES + sp.Sum((y[i + 1] - b * y[i]) ** 2, (i, 0, n - 2)),
    "a sum from 1": sp.Sum((y[i - 1] - a) ** 2 * t[i - 1], (i, 1, n)),
    "neighbours on both sides": sp.Sum((y[i - 1] - a*y[i] + b*y[i + 1]) ** 2, (i, 1, n - 2)),
    "an index as a number": sp.Sum((i * a - y[i]) ** 2, (i, 0, n - 1)),
    "a choice by row": sp.Sum(
        sp.Piecewise((a * y[i], i < 5), (a**2 * y[i], True)), (i, 0, n - 1)
    ),
    "a sum inside": sp.Sum(sp.tanh(sp.Sum(X[i, j] * w[j], (j, 0, d - 1))), (i, 0, n - 1)),
    "a sum around": sp.Sum(w[j] * sp.Sum(X[i, j] * a, (i, 0, n - 1)), (j, 0, d - 1)),
    "a lookup": sp.Sum((w[G[i]] - y[i]) ** 2, (i, 0, n - 1)),
    "a penalty on an array": SQUARES + sp.Sum(w[j] ** 2, (j, 0, d - 1)),
    "no unknown in the sum": b * sp.Sum(y[i] ** 2, (i, 0, n - 1)),
}  # fmt: skip
KNOWN = {"a sum from 1": {n: ROWS}, "a penalty on an array": {d: 3}}


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("name", LINEAR)
def test_the_rest_and_all_parts_are_the_whole(name: str, backend: str) -> None:
    expression, known = LINEAR[name], KNOWN.get(name)
    whole = Objective(expression, data=given(expression), parameters=known)
    data = rows(given(expression), shard=5)
    point = start(expression)
    value, slope = whole.value_and_gradient(point)
    x, shapes = whole.flat(point)
    sharded = Objective(expression, data=data, parameters=known).sharded(shapes, backend)
    gradient = np.empty_like(x)
    assert sharded(x, gradient) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-13)
    assert sharded.count == 5


def test_an_unknown_of_each_row() -> None:
    expression = sp.Sum((w[i] - y[i]) ** 2 * w[0], (i, 0, n - 1)) + sp.Sum(w[i] ** 2, (i, 0, n - 1))
    point = {w: RNG.normal(size=ROWS)}
    value, slope = Objective(expression, data={y: DATA[y]}).value_and_gradient(point)
    found = Objective(expression, data=rows({y: DATA[y]}, shard=4)).value_and_gradient(point)
    assert found[0] == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(found[1], slope, rtol=1e-12, atol=1e-13)


def test_a_matrix_has_its_rows_along_the_first_axis() -> None:
    rows_, columns = sp.symbols("m c", integer=True)
    A = sp.MatrixSymbol("A", rows_, columns)
    x, v = sp.MatrixSymbol("x", columns, 1), sp.MatrixSymbol("v", rows_, 1)
    least_squares = (A * x - v).T * (A * x - v)
    data = {"A": DATA[X], "v": DATA[y]}
    point = {x: np.ones((3, 1))}
    whole = Objective(least_squares, data={A: DATA[X], v: DATA[y][:, None]})
    found = Objective(least_squares, data=rows(data, shard=4)).value(point)
    assert found == pytest.approx(whole.value(point), rel=1e-13)


def programs(expression: Any, unknowns: Any = None) -> Shards:
    return cut(expression, unknowns).shards


def test_the_programs_are_verified_and_printed() -> None:
    shards = programs(SQUARES / n + b**2)
    verify(shards.rest)
    verify(shards.part)
    assert str(shards.rest) == "program(x0, x1)\n  t0 = power[2] x1\n  return t0"
    assert str(shards.part) == (
        "program(x0, x1)\n"
        "  t0 = sub x0 y[-base + first_i + i]\n"
        "  t1 = power[2] t0\n"
        "  t2 = sum[i = 0 .. count_i - 1] t1\n"
        "  t3 = div t2 n\n"
        "  return t3"
    )


def test_what_is_read_around_a_turn_is_known() -> None:
    shards = programs(LINEAR["neighbours on both sides"])
    assert shards.reach == {Affine(-1), Affine(0), Affine(1)}


def test_sums_with_other_bounds_are_loops_of_their_own() -> None:
    assert len(programs(LINEAR["sums over other rows"]).loops) == 2
    assert len(programs(LINEAR["two sums over the same rows"]).loops) == 1


@pytest.mark.parametrize(
    ("expression", "around"),
    [
        (sp.log(SQUARES), "log"),
        (SQUARES**2, "power"),
        (SQUARES * sp.Sum(y[i] * a, (i, 0, n - 1)), "mul"),
        (b / SQUARES, "div"),
        (sp.Max(SQUARES, b), "max"),
        (sp.sin(b + 2 * SQUARES), "sin"),
        (sp.Product(a + y[i], (i, 0, n - 1)), "product"),
        (sp.Sum(y[i] * sp.Sum(a * y[k], (k, 0, n - 1)), (i, 0, n - 1)), "sum"),
        (sp.Sum(sp.Sum(a * y[k] * y[i], (k, 0, n - 1)), (i, 0, n - 1)), "sum"),
    ],
    ids=str,
)
def test_a_value_that_is_not_linear_in_the_sum_is_refused(expression: Any, around: str) -> None:
    with pytest.raises(InputError, match=f"stands inside {around}, so it cannot be computed shard"):
        programs(expression)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (SQUARES + a * y[0], r"y\[0\]"),
        (sp.Sum((a - y[n - 1 - i]) ** 2, (i, 0, n - 1)), r"y\[n - i - 1\]"),
        (sp.Sum((a - y[2 * i]) ** 2, (i, 0, 5)), r"y\[2\*i\]"),
        (sp.Sum((a - y[G[i]]) ** 2, (i, 0, n - 1)), r"y\[G\[i\]\]"),
        (sp.Sum(a * y[j], (j, 0, i), (i, 0, n - 1)), r"y\[j\]"),
        (sp.Sum(a * y[i + j], (j, 0, 2), (i, 0, 5)), r"y\[i \+ j\]"),
    ],
    ids=str,
)
def test_what_is_not_read_row_by_row_is_refused(expression: Any, shown: str) -> None:
    with pytest.raises(InputError, match=f"{shown} cannot be read shard by shard"):
        programs(expression)


def test_an_objective_that_only_counts_rows_is_refused() -> None:
    with pytest.raises(InputError, match="None of the columns y is an array of the objective"):
        Objective(a**2 + sp.Sum(a * i, (i, 0, n - 1)), data=rows({y: DATA[y]}), parameters={n: 3})

"""Estimates from a batch: unbiased where they are made, refused where they cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import InputError, Objective, minimize
from symadamax.compiler.ir import verify
from symadamax.compiler.loop_stages import LoopStages
from symadamax.compiler.sampling import row_indices, sampled

i, j, n, m = sp.symbols("i j n m", integer=True)
a, b = sp.symbols("a b")
w, y, X = (sp.IndexedBase(name) for name in "wyX")
SQUARES = sp.Sum((a - y[i]) ** 2, (i, 0, n - 1))


def stages(expression: Any, unknowns: Any = None, **data: Any) -> LoopStages:
    given = {name: np.zeros(shape) for name, shape in data.items()}
    found = Objective(expression, unknowns, data=given).stages
    assert isinstance(found, LoopStages)
    return found


def test_the_rows_are_those_of_the_outermost_sum_over_data() -> None:
    logit = sp.Sum(sp.exp(sp.Sum(X[i, j] * w[j], (j, 0, m - 1))), (i, 0, n - 1))
    penalty = sp.Sum(w[j] ** 2, (j, 0, m - 1))
    found = row_indices(stages(logit + penalty, X=(3, 2)).ir)
    assert [index.name for index in found] == ["i"]


def test_sums_over_two_data_sets_may_both_be_sampled() -> None:
    two = SQUARES + sp.Sum((b - X[j]) ** 2, (j, 0, m - 1))
    found = row_indices(stages(two, y=3, X=2).ir)
    assert {index.name for index in found} == {"i", "j"}


LINEAR = {
    "a sum": SQUARES,
    "a mean": SQUARES / n,
    "a mean and a penalty": SQUARES / n + b**2,
    "a difference": b - SQUARES,
    "a sum by a parameter": SQUARES * sp.exp(b) / (1 + b**2),
    "two sums": SQUARES + 2 * sp.Sum(y[i] * a, (i, 0, n - 1)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_value_that_is_linear_in_the_sum_is_estimated(name: str) -> None:
    program = stages(LINEAR[name], y=3).ir
    (index,) = row_indices(program)
    estimate = sampled(program, index)
    verify(estimate)
    assert estimate.parameters == program.parameters + 1
    drawn = {node.value.sampled for node in estimate.nodes() if node.name == "sum"}
    assert drawn == {True}


@pytest.mark.parametrize(
    ("expression", "around"),
    [
        (sp.log(SQUARES), "log"),
        (SQUARES**2, "power"),
        (SQUARES * sp.Sum(y[i] * a, (i, 0, n - 1)), "mul"),
        (b / SQUARES, "div"),
        (sp.Max(SQUARES, b), "max"),
    ],
)
def test_a_value_that_is_not_linear_in_the_sum_is_refused(expression: Any, around: str) -> None:
    program = stages(expression, y=3).ir
    (index,) = row_indices(program)
    with pytest.raises(InputError) as caught:
        sampled(program, index)
    assert str(caught.value) == (
        f"The sum over i stands inside {around}, so a batch gives a biased estimate: the objective "
        "must be linear in the sum that is sampled, such as a sum or a mean of losses plus a "
        "penalty. Without batch= the whole sum is computed."
    )


def test_bounds_of_inner_sums_follow_the_drawn_row() -> None:
    triangle = sp.Sum(sp.Sum(X[i, j] * a, (j, 0, i)), (i, 0, n - 1))
    program = stages(triangle, X=(3, 3)).ir
    (index,) = row_indices(program)
    estimate = sampled(program, index)
    indices = {found for node in estimate.nodes() for found in node.indices}
    assert all(found.sampled for found in indices if found.name == "i")
    assert all("i" not in str(found.upper) or len(found.indices) == 2 for found in indices)


ROWS = 21
G = sp.IndexedBase("G")
RNG = np.random.default_rng(0)
DATA = {
    y: RNG.normal(size=ROWS), X: RNG.normal(size=(ROWS, ROWS)), G: RNG.integers(0, ROWS, ROWS),
}  # fmt: skip
START = {a: 0.3, b: 0.2, w: RNG.normal(size=ROWS)}
ESTIMATED = {
    "an index as a number": (sp.Sum((i*a - y[i])**2, (i, 0, n - 1))/n + b**2, [a, b]),
    "a triangle": (sp.Sum(sp.tanh(sp.Sum(X[i, j]*a*w[i - j], (j, 0, i))), (i, 0, n - 1)), [a, w]),
    "a lookup": (sp.Sum((w[G[G[i]]] - y[i])**2, (i, 0, n - 1)), [w]),
    "an unknown of each row": (sp.Sum((w[i] - y[i])**2*w[0], (i, 0, n - 1)), [w]),
    "a choice by row": (
        sp.Sum(sp.Piecewise((a*y[i], i < 5), (a**2*y[i], True)), (i, 0, n - 1)), [a],
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("name", ESTIMATED)
def test_a_batch_of_all_rows_is_the_whole(name: str, backend: str) -> None:
    expression, unknowns = ESTIMATED[name]
    data = {base: values for base, values in DATA.items() if expression.has(base)}
    start = {unknown: START[unknown] for unknown in unknowns}
    whole = minimize(expression, start, data=data, steps=3)
    drawn = minimize(expression, start, data=data, steps=3, batch=ROWS, rng=0, backend=backend)
    assert np.abs(drawn.x - whole.x).max() <= 1e-12


@pytest.mark.parametrize("name", ESTIMATED)
def test_both_backends_draw_the_same_rows(name: str) -> None:
    expression, unknowns = ESTIMATED[name]
    data = {base: values for base, values in DATA.items() if expression.has(base)}
    start = {unknown: START[unknown] for unknown in unknowns}
    one, other = (
        minimize(expression, start, data=data, steps=20, batch=5, rng=0, backend=backend)
        for backend in ("native", "numpy")
    )
    assert np.abs(one.x - other.x).max() <= 1e-12

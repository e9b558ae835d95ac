"""Sums inside loops over their own index, against NumPy and against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax.objective import Objective

i, j, k = sp.symbols("i j k", integer=True)
n, h, c = sp.symbols("n h c", integer=True)
p, m = sp.symbols("p m", integer=True)
a, b, B, X, V, W, Z, L = map(sp.IndexedBase, "abBXVWZL")
sum_, rng = sp.Sum, np.random.default_rng(0)
POINT = {
    a: rng.normal(size=3), b: rng.normal(size=4), B: rng.normal(size=(3, 4)),
    V: rng.normal(size=(4, 3)), W: rng.normal(size=(3, 2)),
}  # fmt: skip
DATA = {X: rng.normal(size=5), Z: rng.normal(size=(5, 2)), L: rng.integers(0, 4, 5)}

rows, columns = (j, 0, h - 1), (k, 0, c - 1)
HIDDEN = sp.tanh(a[j] + sum_(W[j, p] * Z[i, p], (p, 0, m - 1)))


def output(place: Any) -> Any:
    return b[place] + sum_(V[place, j] * HIDDEN, rows)


NETWORK = sum_(sp.log(sum_(sp.exp(output(k)), columns)) - output(L[i]), (i, 0, n - 1)) / n
OBJECTIVES = [
    NETWORK,
    sum_(a[j], rows) + sum_(sum_(B[j, k], rows) ** 2, columns),
    sum_(sum_(a[j] * B[j, k], rows) ** 2, columns) + sum_(sum_(B[j, k], columns) ** 3, rows),
    sum_(sp.sin(a[j]) * sum_(b[k] * sum_(B[j, k] * a[j], rows), columns), rows),
    sum_(sum_(sum_(X[i] * a[j] * B[j, k], rows) ** 2, columns), (i, 0, n - 1)),
    sum_(a[j] ** 2, rows)
    + sum_(b[k] ** 2, columns)
    + sum_(sum_(sp.tanh(sum_(X[i] * a[j] * B[j, k], rows)) ** 2 * b[k], columns), (i, 0, n - 1)),
]


def bound_and_point(expression: Any) -> tuple[Objective, np.ndarray, Any]:
    arrays = {part.base for part in expression.atoms(sp.Indexed)}
    data = {array: values for array, values in DATA.items() if array in arrays}
    objective = Objective(expression, data=data)
    x, shapes = objective.flat({array: POINT[array] for array in arrays if array in POINT})
    return objective, x, shapes


@pytest.mark.parametrize("expression", OBJECTIVES, ids=range(len(OBJECTIVES)))
def test_the_gradient_is_that_of_numpy(expression: Any) -> None:
    objective, x, shapes = bound_and_point(expression)
    _, gradient = objective.value_and_gradient(objective_point(objective, x, shapes))
    right = np.empty_like(x)
    objective.bound(shapes, backend="numpy").function(x, right)
    np.testing.assert_allclose(gradient, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("expression", OBJECTIVES, ids=range(len(OBJECTIVES)))
def test_the_gradient_is_that_of_differences(expression: Any) -> None:
    objective, x, shapes = bound_and_point(expression)
    point = objective_point(objective, x, shapes)
    _, gradient = objective.value_and_gradient(point)

    def value(shift: np.ndarray) -> float:
        return objective.value(objective_point(objective, x + shift, shapes))

    steps = 1e-5 * np.eye(len(x))
    differences = [(value(step) - value(-step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


def test_a_hidden_layer_is_computed_once() -> None:
    """Forward, and for its weights: not again for each output."""
    objective, _, _ = bound_and_point(NETWORK)
    shown = str(objective.stages.loops)
    assert shown.count("for p = 0 .. m - 1") == 2
    assert "j'" not in shown


def objective_point(objective: Objective, x: np.ndarray, shapes: Any) -> dict[Any, np.ndarray]:
    point, place = {}, 0
    for array, shape in shapes.items():
        size = int(np.prod(shape))
        point[array] = x[place : place + size].reshape(shape)
        place += size
    return point

"""Sums inside loops over their own index, against NumPy and against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax.objective import Objective

i, j, k = sp.symbols("i j k", integer=True)
n, h, c = sp.symbols("n h c", integer=True)
a, b, B, X = map(sp.IndexedBase, "abBX")
sum_, rng = sp.Sum, np.random.default_rng(0)
POINT = {a: rng.normal(size=3), b: rng.normal(size=4), B: rng.normal(size=(3, 4))}
ROWS = rng.normal(size=5)

rows, columns = (j, 0, h - 1), (k, 0, c - 1)
OBJECTIVES = [
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
    data = {X: ROWS} if X in arrays else None
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


def objective_point(objective: Objective, x: np.ndarray, shapes: Any) -> dict[Any, np.ndarray]:
    point, place = {}, 0
    for array, shape in shapes.items():
        size = int(np.prod(shape))
        point[array] = x[place : place + size].reshape(shape)
        place += size
    return point

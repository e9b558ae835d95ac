"""The compiled loop gives the learner's bits: every point, moment and weight of 1,000 steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from learner import adamax

from symadamax.objective import Objective
from symadamax.solver import Adamax, Record, minimize

x, y = sp.symbols("x y")
METHOD = Adamax(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8)
CLASSICS = {
    "one unknown": (Objective(x - x**3, [x]), [-1.0], [-1 / np.sqrt(3)]),
    "two unknowns": (Objective(2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x), [1.0, 0.0], [2.0, -1.0]),
}
classics = pytest.mark.parametrize(
    ("objective", "start", "minimum"), CLASSICS.values(), ids=CLASSICS.keys()
)


def gradient_of(objective: Objective) -> Any:
    """Return the gradient on NumPy arrays, in the order of operations that is compiled."""
    value_and_gradient = objective.lambdify()[1]
    return lambda point: value_and_gradient(*point)[1]


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


@classics
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_the_classic_runs_are_the_learners_to_the_bit(
    objective: Objective, start: list[float], minimum: list[float], backend: str
) -> None:
    points, moments, weights = adamax(gradient_of(objective), np.array(start), METHOD, 1000)
    record = Record(every=1, moments=True)
    result = minimize(objective, start, method=METHOD, record=record, backend=backend)
    history = result.history
    assert same_bits(history.x, points)
    assert same_bits(history.m, moments)
    assert same_bits(history.u, weights)
    assert np.allclose(result.x, minimum, atol=1e-6, rtol=0)


def quadratic(point: np.ndarray) -> np.ndarray:
    """The gradient of 2*x**2 + 2*x*y + 2*y**2 - 6*x, in the order in which it is compiled."""
    x, y = point
    return np.array([2 * y - 6 + 4 * x, 2 * x + 4 * y])


def cubic(point: np.ndarray) -> np.ndarray:
    """The gradient of x - x**3, with a product for the square."""
    return 1 - 3 * (point * point)


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("placement", ["denominator", "maximum", "none"])
@pytest.mark.parametrize(
    ("name", "gradient"), [("one unknown", cubic), ("two unknowns", quadratic)]
)
def test_the_learners_bits_in_each_type_and_place_of_epsilon(
    name: str, gradient: Any, placement: str, dtype: str, backend: str
) -> None:
    objective, start, _ = CLASSICS[name]
    method = Adamax(learning_rate=0.01, epsilon=1e-4, epsilon_placement=placement)
    record = Record(moments=True)
    history = minimize(
        objective, start, method=method, record=record, backend=backend, dtype=dtype
    ).history
    rows = adamax(gradient, np.array(start, dtype), method, 1000)
    assert history.x.dtype == dtype
    assert all(
        same_bits(a, b) for a, b in zip((history.x, history.m, history.u), rows, strict=True)
    )


@classics
def test_500_random_starts_give_the_learners_bits_at_every_step(
    objective: Objective, start: list[float], minimum: list[float]
) -> None:
    # On [-1.5, 0.5] every run of x - x**3 goes down into its valley and none falls off to infinity.
    low, high = (-1.5, 0.5) if len(start) == 1 else (-5.0, 5.0)
    starts = np.random.default_rng(2024).uniform(low, high, (len(start), 500))
    points, _, _ = adamax(gradient_of(objective), starts, METHOD, 1000)
    for k in range(500):
        history = minimize(objective, starts[:, k], method=METHOD, record=1).history
        assert same_bits(history.x, np.ascontiguousarray(points[:, :, k])), f"start {k}"


def test_the_minimum_of_x_minus_x_cubed_is_reached_at_step_165() -> None:
    objective, start, minimum = CLASSICS["one unknown"]
    history = minimize(objective, start, method=METHOD, record=1).history
    away = abs(history.x[:, 0] - minimum[0])
    assert int(np.flatnonzero(away < 5e-3)[0]) == 165


@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 2)])
def test_a_start_as_a_column_or_a_row_is_the_same_start(shape: tuple[int, ...]) -> None:
    objective, start, _ = CLASSICS["two unknowns"]
    result = minimize(objective, np.array(start).reshape(shape), method=METHOD)
    assert same_bits(result.x, minimize(objective, start, method=METHOD).x)
    assert result.x.shape == (2,)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.99])
def test_the_power_of_beta1_is_computed_afresh_at_every_step(beta1: float) -> None:
    method = Adamax(learning_rate=0.01, beta1=beta1)
    objective, start, _ = CLASSICS["two unknowns"]
    points, _, _ = adamax(gradient_of(objective), np.array(start), method, 5000)
    assert same_bits(
        minimize(objective, start, method=method, steps=5000, record=1).history.x, points
    )

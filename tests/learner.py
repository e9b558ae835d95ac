"""Adamax as a learner writes it in NumPy, step by step: the reference of the compiled loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symadamax.solver import Adamax

__all__ = ["adamax"]


def adamax(
    gradient: Callable[[np.ndarray], np.ndarray], start: np.ndarray, method: Adamax, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the points, moments and weights at steps 0, 1, ..., each (steps + 1, *start.shape).

    All of them have the dtype of the start: NumPy rounds a Python float to that of its array.
    """
    inside = method.epsilon if method.epsilon_placement == "maximum" else 0
    outside = method.epsilon if method.epsilon_placement == "denominator" else 0
    point = np.array(start)
    moment, weight = np.zeros_like(point), np.zeros_like(point)
    rows = [(point.copy(), moment, weight)]
    for i in range(steps):
        slope = gradient(point)
        learning_rate_hat = method.learning_rate / (1 - method.beta1 ** (i + 1))
        moment = method.beta1 * moment + (1 - method.beta1) * slope
        weight = np.maximum(method.beta2 * weight, np.abs(slope) + inside)
        update = -learning_rate_hat * moment / (weight + outside)
        point += update
        rows.append((point.copy(), moment, weight))
    points, moments, weights = (np.array(parts) for parts in zip(*rows, strict=True))
    return points, moments, weights

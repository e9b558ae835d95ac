"""Settings of Adamax in their ranges: numbers, or columns with one for each run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from symadamax.solver.checks import number
from symadamax.solver.columns import Column, column, is_column

__all__ = ["RANGES", "in_range", "warn_of_long_steps"]

# What is accepted in words, and asked of a number or of an array of them.
RANGES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "beta1": ("a number in [0, 1)", lambda value: (value >= 0) & (value < 1)),
    "beta2": ("a number in [0, 1)", lambda value: (value >= 0) & (value < 1)),
    "epsilon": ("a finite number >= 0", lambda value: value >= 0),
    "weight_decay": ("a finite number >= 0", lambda value: value >= 0),
    "l2": ("a finite number >= 0", lambda value: value >= 0),
    "clip_norm": ("a finite number > 0, or None", lambda value: value > 0),
    "clip_value": ("a finite number > 0, or None", lambda value: value > 0),
}


def in_range(value: Any, name: str) -> float | Column | None:
    """Return a setting as a float, as a column, or None where that is accepted."""
    accepted, holds = RANGES[name]
    if value is None and accepted.endswith("None"):
        return None
    if is_column(value):
        return column(value, name, accepted.removesuffix(", or None"), holds)
    return number(value, name, accepted, holds)


def warn_of_long_steps(beta1: Any, beta2: Any) -> None:
    """Warn where beta1 >= beta2: once, with the first run where it is so."""
    above = np.atleast_1d(np.greater_equal(beta1, beta2))
    if not above.any():
        return
    first, runs = int(above.argmax()), ""
    if isinstance(beta1, Column) or isinstance(beta2, Column):
        runs = f" in {above.sum()} of {len(above)} runs, the first of them run {first}"
        beta1, beta2 = (np.broadcast_to(beta, len(above))[first] for beta in (beta1, beta2))
    warnings.warn(
        f"beta1 = {beta1} is not below beta2 = {beta2}{runs}: the moment m outlives the weight u "
        "that it is divided by, so a step can become longer than any multiple of the learning "
        "rate. Usual are beta1 = 0.9 and beta2 = 0.999.",
        RuntimeWarning,
        stacklevel=4,
    )

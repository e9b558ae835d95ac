"""Trajectories of other libraries and of exact arithmetic, for each place of epsilon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax.objective import Objective
from symadamax.solver import Adamax, minimize

GOLDEN = json.loads((Path(__file__).parent / "golden" / "adamax.json").read_text())
x, y, z = sp.symbols("x y z")
OBJECTIVES = {
    "rosenbrock": Objective((1 - x) ** 2 + 100 * (y - x**2) ** 2),
    "quadratic": Objective(0.1 * x**2 + 0.2 * y**2 + 0.3 * z**2),
}
# What PyTorch calls weight_decay is our l2.
VARIANTS = ("weight_decay_l2", "maximize")
TRAJECTORIES = GOLDEN["trajectories"]
PLACEMENTS = ("none", "maximum", "denominator")


def points(trajectory: dict[str, Any], placement: str, **settings: Any) -> np.ndarray:
    method = Adamax(
        *(trajectory[name] for name in ("learning_rate", "beta1", "beta2", "epsilon")), placement,
        l2=trajectory.get("weight_decay_l2", 0),
    )  # fmt: skip
    result = minimize(
        OBJECTIVES[trajectory["objective"]], trajectory["start"], method=method, record=1,
        steps=trajectory["steps"], maximize=trajectory.get("maximize", False), **settings,
    )  # fmt: skip
    return result.history.x[1:]


def named(trajectory: dict[str, Any]) -> str:
    variants = [name for name in VARIANTS if name in trajectory]
    return "-".join([trajectory["objective"], str(trajectory["learning_rate"]), *variants])


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("trajectory", [t for t in TRAJECTORIES if "reference" in t], ids=named)
def test_exact_arithmetic(trajectory: dict[str, Any], placement: str, backend: str) -> None:
    exact = trajectory["reference"][placement]["points"]
    computed = points(trajectory, placement, backend=backend)
    np.testing.assert_allclose(computed, np.array(exact, float), rtol=2e-13, atol=2e-13)


def test_the_places_of_epsilon_are_told_apart_by_the_tolerance() -> None:
    exact = next(t["reference"] for t in TRAJECTORIES if t["epsilon"] == 1e-6)
    ends = [np.array(exact[placement]["points"][-1], float) for placement in PLACEMENTS]
    for k in range(3):
        assert abs(ends[k] - ends[k - 1]).max() > 2e-12


@pytest.mark.parametrize("trajectory", TRAJECTORIES, ids=named)
def test_pytorch_has_epsilon_in_the_maximum(trajectory: dict[str, Any]) -> None:
    theirs = np.array(trajectory["pytorch"]["points"])
    np.testing.assert_allclose(points(trajectory, "maximum"), theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", GOLDEN["keras"], ids=lambda case: case["from"])
def test_keras_has_epsilon_in_the_denominator(case: dict[str, Any], dtype: str) -> None:
    start, target = np.array(case["start"], float), np.array(case["points"])
    slopes = case["gradients"]
    if isinstance(slopes, str):  # the text in the file, as numbers
        slopes = [[0.01] * len(start)] + [np.arange(1, len(start) + 1) / 10] * (len(target) - 1)
    steps = iter([*slopes, np.zeros(len(start))])
    method = Adamax(*(case[name] for name in ("learning_rate", "beta1", "beta2", "epsilon")))
    result = minimize(
        lambda _: (0.0, next(steps)), start, method=method, steps=len(target), record=1, dtype=dtype
    )
    np.testing.assert_allclose(result.history.x[1:], target, atol=case["tolerance"], rtol=0)

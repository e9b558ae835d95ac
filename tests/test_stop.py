"""Each criterion stops where its formula says, with its own status and sentence."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax.errors import InputError
from symadamax.objective import Objective
from symadamax.solver import Adamax, Status, Stop, minimize

x, y = sp.symbols("x y")
BOWL = Objective(2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x)
START = [1.0, 0.0]
METHOD = Adamax(learning_rate=0.01)


def path(steps: int = 1000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every point, value and gradient of the run that the criteria are applied to."""
    history = minimize(BOWL, START, method=METHOD, steps=steps, record=1).history
    gradients = np.array([BOWL.value_and_gradient(point)[1] for point in history.x])
    return history.x, history.fun, gradients


def first(holds: np.ndarray) -> int:
    return int(np.flatnonzero(holds)[0])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gtol_is_the_largest_entry_of_the_gradient(dtype: str) -> None:
    stop = Stop(gtol=1e-2)
    result = minimize(BOWL, START, method=METHOD, stop=stop, dtype=dtype, record=1)
    assert result.status == Status.GTOL_MET
    assert result.success
    assert np.abs(result.jac).max() <= 1e-2
    assert "gtol = 0.01" in result.message
    if dtype == "float64":
        assert result.nit == first(np.abs(path()[2]).max(axis=1) <= 1e-2)


def test_ftol_is_the_change_of_the_value_relative_to_its_size() -> None:
    _, fun, _ = path()
    result = minimize(BOWL, START, method=METHOD, stop=Stop(ftol=1e-6))
    scale = np.maximum(1, np.maximum(abs(fun[1:]), abs(fun[:-1])))
    assert result.status == Status.FTOL_MET
    assert result.nit == first(abs(np.diff(fun)) <= 1e-6 * scale) + 1
    assert "ftol = 1e-06" in result.message


def test_xtol_is_the_move_of_each_unknown_relative_to_its_size() -> None:
    points, _, _ = path()
    result = minimize(BOWL, START, method=METHOD, stop=Stop(xtol=1e-4))
    moved = abs(np.diff(points, axis=0)) <= 1e-4 * np.maximum(1, abs(points[1:]))
    assert result.status == Status.XTOL_MET
    assert result.nit == first(moved.all(axis=1)) + 1
    assert "xtol = 0.0001" in result.message


def test_target_is_a_value_that_is_reached() -> None:
    _, fun, _ = path()
    result = minimize(BOWL, START, method=METHOD, stop=Stop(target=-5.9))
    assert result.status == Status.TARGET_MET
    assert result.nit == first(fun <= -5.9)
    assert result.fun <= -5.9
    assert "target -5.9" in result.message


def test_a_criterion_that_holds_at_the_start_leaves_the_start() -> None:
    assert minimize(BOWL, START, stop=Stop(target=0)).nit == 0
    assert minimize(BOWL, [2, -1], stop=Stop(gtol=0)).status == Status.GTOL_MET


def test_two_steps_are_needed_for_a_change() -> None:
    flat = Objective(0 * x + sp.Min(x, 5), [x])
    assert minimize(flat, [9], stop=Stop(ftol=0)).nit == 1
    assert minimize(flat, [9], stop=Stop(xtol=0)).nit == 1


def test_a_stop_that_is_not_met_says_so() -> None:
    result = minimize(BOWL, START, steps=5, stop=Stop(gtol=1e-9, target=-100))
    assert result.status == Status.NOT_CONVERGED
    assert not result.success
    assert result.nit == 5
    assert (
        result.message == "All 5 steps are done, and this was not met: gtol = 1e-09, target = -100."
    )


def test_without_a_stop_all_steps_are_what_was_asked() -> None:
    result = minimize(BOWL, START, steps=5)
    assert result.status == Status.STEPS_DONE
    assert result.success


@pytest.mark.parametrize(("criteria", "success"), [({}, True), ({"target": -9.0}, False)])
def test_seconds_end_the_run(criteria: dict[str, float], success: bool) -> None:
    begin = time.perf_counter()
    result = minimize(x - x**3, [-1], steps=10**12, stop=Stop(seconds=0.05, **criteria))
    assert 0.04 < time.perf_counter() - begin < 0.5
    assert result.status == Status.TIME_LIMIT
    assert result.success is success
    assert "time limit of 0.05 s" in result.message


def test_seconds_are_looked_at_after_each_slow_evaluation() -> None:
    def slow(point: np.ndarray) -> tuple[float, np.ndarray]:
        time.sleep(0.02)
        return float(point @ point), 2 * point

    result = minimize(slow, [1.0], steps=1000, stop=Stop(seconds=0.05))
    assert result.status == Status.TIME_LIMIT
    assert 1 <= result.nit <= 4


@pytest.mark.parametrize("name", ["gtol", "ftol", "xtol"])
@pytest.mark.parametrize("value", [-1e-9, float("nan"), float("inf"), "1", True, 1j])
def test_a_tolerance_must_not_be_negative(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"^{name} is .*; accepted is a finite number >= 0"):
        Stop(**{name: value})


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "low"])
def test_a_target_must_be_finite(value: Any) -> None:
    with pytest.raises(InputError, match=r"^target is .*; accepted is a finite number"):
        Stop(target=value)


@pytest.mark.parametrize("value", [0, -1, float("inf"), "1 min"])
def test_seconds_must_be_above_0(value: Any) -> None:
    with pytest.raises(InputError, match=r"^seconds is .*; accepted is a finite number > 0"):
        Stop(seconds=value)

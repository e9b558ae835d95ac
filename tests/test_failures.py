"""What goes wrong loses nothing, in every kind of run: the last finite point and its state remain.

And the odd ways to write a start or an option, each either understood or refused in a sentence.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import Adamax, InputError, State, Status, minimize

x, y = sp.symbols("x y")
BOWL = x**2 + y**2
NAN, INF = math.nan, math.inf


def bowl(point: np.ndarray) -> tuple[float, np.ndarray]:
    return float(point @ point), 2 * point


def refused(message: str, *arguments: Any, **options: Any) -> None:
    with pytest.raises(InputError, match=message):
        minimize(*arguments, **options)


# ---- the start ----------------------------------------------------------------------------------

NO_POINT = "neither a mapping of unknowns to numbers nor a sequence of numbers in the order"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({x: 1}, "No number is given for y. Give one for each of the unknowns x, y"),
        ({}, "No number is given for x, y"),
        ({x: 1, y: 2, "z": 3}, "no unknown 'z', which stands in the start. Accepted are x, y"),
        ({x: 1, y: 2, sp.Symbol("z"): 3}, "no unknown 'z'"),
        ({x: 1, y: 2, "x": 3}, "'x' stands twice in the start, by symbol and by name"),
        ({sp.Symbol("x", real=True): 1, y: 2}, "other assumptions .* Use the same symbol"),
        ({x: 1, y: NAN}, "number for 'y' is nan; it must be real and finite"),
        ({x: -INF, y: 1}, "number for 'x' is -inf"),
        ({x: 1, y: 1j}, "number for 'y' is 1j; it must be real"),
        ({x: "1", y: 1}, "number for 'x' is '1'; it must be real"),
        ({x: True, y: 1}, "number for 'x' is True"),
        ({x: None, y: 1}, "number for 'x' is None"),
        ({x: [1, 2], y: 1}, r"number for 'x' is \[1, 2\]"),
        ({x: sp.oo, y: 1}, "number for 'x' is oo"),
        ({x: sp.I, y: 1}, "number for 'x' is I"),
        ({x: y, y: 1}, "number for 'x' is y"),
        ({x: 10**400, y: 1}, "number for 'x' is an integer of 1329 bits"),
        ([1.0, NAN], "number for 'y' is nan; it must be real and finite"),
        ([1, INF], "number for 'y' is inf"),
        (np.array([1.0, NAN]), "number for 'y' is nan"),
        (np.array([1.0, 2j]), "number for 'x' is .*; it must be real"),
        (np.array(["1", "2"]), "number for 'x' is '1'"),
        (np.array([True, False]), "number for 'x' is True"),
        (["1", 2], "number for 'x' is '1'"),
        ([1], r"shape \(1,\); accepted are \(2,\), \(2, 1\) and \(1, 2\), for the unknowns x, y"),
        ([1, 2, 3], r"shape \(3,\)"),
        (np.ones((2, 2)), r"shape \(2, 2\)"),
        (np.ones((1, 2, 1)), r"shape \(1, 2, 1\)"),
        (np.array(1.0), r"shape \(\)"),
        ([], r"shape \(0,\)"),
        ("12", NO_POINT),
        (b"12", NO_POINT),
        (1.0, NO_POINT),
        (None, NO_POINT),
        ((number for number in (1.0, 2.0)), NO_POINT),
    ],
    ids=repr,
)
def test_a_start_that_is_none(start: Any, message: str) -> None:
    refused(message, BOWL, start)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({x: 1}, "a Python function has no symbols; give the start as a sequence or an array"),
        ([], "no numbers: there is nothing to optimise"),
        ([[1, 2], [3]], "not a regular array of numbers"),
        ([1.0, NAN], r"number for 'x\[1\]' is nan"),
        (np.ones((2, 2)), r"shape \(2, 2\); accepted are \(4,\), \(4, 1\) and \(1, 4\)"),
        ("ab", NO_POINT),
        (2.0, NO_POINT),
    ],
)
def test_a_start_that_is_none_for_a_python_function(start: Any, message: str) -> None:
    refused(message, bowl, start)


def test_a_start_too_large_for_float32() -> None:
    refused("number for 'x' is 1e\\+300; it must be finite in float32", x, [1e300], dtype="float32")


@pytest.mark.parametrize(
    "start",
    [
        [1, 2], (1, 2.0), np.array([1, 2]), np.array([1, 2], "uint8"), np.float32([1, 2]),
        np.array([[1], [2]]), [[1, 2]], {x: 1, "y": 2}, {"y": 2, "x": 1}, sp.Matrix([1, 2]),
        [sp.Integer(1), sp.Rational(4, 2)], [Decimal(1), Fraction(2)], [np.float64(1), np.int8(2)],
        np.array([1, 2], np.longdouble),
    ],
    ids=repr,
)  # fmt: skip
def test_every_way_to_write_a_start(start: Any) -> None:
    result = minimize(BOWL, start, steps=0)
    assert result.x.dtype == np.float64
    assert result.point == {x: 1.0, y: 2.0}


# ---- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        *(("steps", v, "steps is .*; accepted is a whole number >= 0")
          for v in (-1, 1.0, 2.5, "3", True, np.float64(3), np.True_)),
        ("steps", 2**62, "accepted is a whole number >= 0 and below 2"),
        pytest.param("steps", 10**5000, "integer of 16610 bits; accepted is", id="many digits"),
        ("method", "adam", r"method is 'adam'; accepted is Adamax\(...\)"),
        ("method", Adamax, "accepted is Adamax"),
        ("stop", 1e-3, r"stop is 0.001; accepted is Stop\(...\) or None"),
        ("stop", {"gtol": 1}, "accepted is Stop"),
        ("state", (1, [0, 0], [0, 0]), "state is .*; accepted is the State of a Result"),
        ("record", 0, "record is 0; accepted is a whole number >= 1|record's every is 0"),
        ("record", 2.5, "record is 2.5"),
        ("record", True, "record is True; accepted is a number of steps, such as 1, or Record"),
        ("record", "all", "record is 'all'"),
        ("callback", 3, "callback is 3; accepted is a function of one argument"),
        ("progress", 1, "progress is 1; accepted is True or False"),
        *(("backend", v, "backend is .*; accepted are 'native', 'numpy'")
          for v in ("cuda", None, ["native"])),
        *(("dtype", v, "dtype is .*; accepted are 'float64', 'float32'")
          for v in ("float16", None, float, np.float32, np.dtype("float32"), ["float64"])),
    ],
)  # fmt: skip
@pytest.mark.parametrize("objective", [BOWL, bowl], ids=["expression", "function"])
def test_options(objective: Any, option: str, value: Any, message: str) -> None:
    refused(message, objective, [1.0, 2.0], **{option: value})


@pytest.mark.parametrize("setting", ["learning_rate", "epsilon"])
@pytest.mark.parametrize("value", [1e-50, 1e50])
def test_settings_that_float32_cannot_hold(setting: str, value: float) -> None:
    method = Adamax(**{setting: value})
    assert minimize(BOWL, [1, 2], method=method, steps=0).success
    message = f"{setting} is {value!r}, which becomes .* in float32; use dtype='float64'"
    refused(message.replace("+", r"\+"), BOWL, [1, 2], method=method, dtype="float32")


# ---- zero steps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", [BOWL, bowl], ids=["expression", "function"])
def test_zero_steps_return_the_start(objective: Any) -> None:
    called: list[Any] = []
    result = minimize(objective, [1, 2], steps=0, record=1, callback=called.append)
    assert (result.status, result.success) == (Status.STEPS_DONE, True)
    assert (result.nit, result.nfev, called) == (0, 1, [])
    assert (result.x.tolist(), result.fun, result.jac.tolist()) == ([1, 2], 5, [2, 4])
    assert (result.best_x.tolist(), result.best_fun) == ([1, 2], 5)
    assert (result.history.step.tolist(), result.history.x.tolist()) == ([0], [[1, 2]])
    assert result.state == State(0, [0.0, 0.0], [0.0, 0.0])


# ---- what breaks on the way ---------------------------------------------------------------------


def breaking(*broken: Any) -> Callable[[np.ndarray], Any]:
    """Return a bowl that returns or raises what is given in its fifth evaluation, at step 4."""
    calls = iter(range(10**6))

    def function(point: np.ndarray) -> Any:
        if next(calls) != 4:
            return bowl(point)
        if isinstance(broken[0], BaseException):
            raise broken[0]
        return broken if len(broken) > 1 else broken[0]

    return function


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("value", "gradient", "status", "message"),
    [
        (NAN, [1.0, 1.0], Status.VALUE_NOT_FINITE, "The value is nan at step 4"),
        (INF, [NAN, 1.0], Status.VALUE_NOT_FINITE, "The value is inf at step 4"),
        (1.0, [1.0, NAN], Status.GRADIENT_NOT_FINITE, r"derivative for x\[1\] is nan at step 4"),
        (1.0, [-INF, NAN], Status.GRADIENT_NOT_FINITE, r"derivative for x\[0\] is -inf at step 4"),
    ],
)
def test_what_is_not_finite_on_the_way(
    value: float, gradient: list[float], status: Status, message: str, dtype: str
) -> None:
    whole = minimize(bowl, [1, 2], steps=10, dtype=dtype)
    result = minimize(breaking(value, gradient), [1, 2], record=1, dtype=dtype)
    assert (result.status, result.success) == (status, False)
    assert status < 0
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(result.message)
    assert "The result is the last point where all was finite, that of step 3." in result.message
    assert (result.nit, result.nfev, result.state.step) == (3, 5, 3)
    assert result.history.step.tolist() == [0, 1, 2, 3]
    assert result.history.x[-1].tobytes() == result.x.tobytes()
    assert result.fun == pytest.approx(float(result.x @ result.x), rel=1e-6)
    rest = minimize(bowl, result.x, steps=7, state=result.state, dtype=dtype)
    assert (rest.x.tobytes(), rest.state) == (whole.x.tobytes(), whole.state)


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_value_that_overflows(backend: str) -> None:
    result = minimize(-sp.exp(x), [700], method=Adamax(learning_rate=0.5), backend=backend)
    assert result.status == Status.VALUE_NOT_FINITE
    assert result.message.startswith(f"The value is -inf at step {result.nit + 1}.")
    assert np.isfinite([result.fun, *result.x, *result.jac, *result.state.m, *result.state.u]).all()
    assert result.x[0] < math.log(np.finfo(float).max) < result.x[0] + 0.6


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_point_that_overflows(dtype: str) -> None:
    largest = float(np.finfo(dtype).max)
    method = Adamax(learning_rate=largest / 8, epsilon_placement="none")
    result = minimize(-x, [0], method=method, dtype=dtype)
    assert result.status == Status.POINT_NOT_FINITE
    assert result.message.startswith(f"Step {result.nit + 1} would take x to inf.")
    assert np.isfinite(result.x).all()


def test_no_python_function_sees_a_point_that_is_not_finite() -> None:
    seen = []

    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append(point)
        return -float(point[0]), np.array([-1.0, 0.0])

    method = Adamax(learning_rate=1e307, epsilon_placement="none")
    assert minimize(function, [0, 1], method=method).status == Status.POINT_NOT_FINITE
    assert np.isfinite(seen).all()


def test_a_python_function_that_raises() -> None:
    whole, error = minimize(bowl, [1, 2], steps=10), ZeroDivisionError("division by zero")
    with pytest.raises(ZeroDivisionError) as caught:
        minimize(breaking(error), [1, 2])
    assert caught.value is error
    assert "The run so far is the attribute `result` of this exception." in error.__notes__
    result = error.result  # type: ignore[attr-defined]
    assert (result.status, result.success, result.nit) == (Status.OBJECTIVE_FAILED, False, 3)
    assert "objective failed at step 4: ZeroDivisionError('division by zero')" in result.message
    rest = minimize(bowl, result.x, steps=7, state=result.state)
    assert (rest.x.tobytes(), rest.state) == (whole.x.tobytes(), whole.state)


def test_a_python_function_that_raises_at_the_start() -> None:
    with pytest.raises(ZeroDivisionError):
        minimize(lambda _: 1 / 0, [1.0])


def test_a_python_function_that_leaves() -> None:
    with pytest.raises(SystemExit, match="3"):
        minimize(breaking(SystemExit(3)), [1, 2])


def test_a_python_function_of_a_million_unknowns() -> None:
    result = minimize(bowl, np.ones(10**6), steps=2)
    assert np.abs(result.x - 0.996).max() < 1e-5


# ---- callbacks that fail ------------------------------------------------------------------------


def at_step(step: int, act: Callable[[], Any]) -> Callable[[Any], None]:
    def callback(intermediate: Any) -> None:
        if intermediate.nit == step:
            act()

    return callback


@pytest.mark.parametrize("steps", [3, 10], ids=["at the last step", "on the way"])
@pytest.mark.parametrize("objective", [BOWL, bowl], ids=["expression", "function"])
def test_a_callback_that_raises(objective: Any, steps: int) -> None:
    def fail() -> None:
        raise KeyError("no")

    whole = minimize(objective, [1, 2], steps=10)
    with pytest.raises(KeyError, match="no") as caught:
        minimize(objective, [1, 2], steps=steps, record=1, callback=at_step(3, fail))
    result = caught.value.result  # type: ignore[attr-defined]
    assert (result.status, result.success, result.nit) == (Status.CALLBACK_FAILED, False, 3)
    assert result.message == "The callback failed after 3 steps: KeyError('no')."
    assert len(result.history) == 4
    rest = minimize(objective, result.x, steps=7, state=result.state)
    assert (rest.x.tobytes(), rest.state) == (whole.x.tobytes(), whole.state)


def test_a_warning_is_all_that_a_warning_gives() -> None:
    def warn(point: np.ndarray) -> tuple[float, np.ndarray]:
        warnings.warn("mind", UserWarning, stacklevel=1)
        return bowl(point)

    with pytest.warns(UserWarning, match="mind"):
        result = minimize(warn, [1, 2], steps=3)
    assert result.success
    with pytest.raises(UserWarning, match="mind"):  # here, warnings are errors
        minimize(warn, [1, 2], steps=3)


# ---- labels and masks ---------------------------------------------------------------------------


def test_a_series_without_labels_is_a_sequence() -> None:
    pandas = pytest.importorskip("pandas")
    assert minimize(BOWL, pandas.Series([1, 2]), steps=0).point == {x: 1, y: 2}


def test_a_series_with_labels_is_a_mapping() -> None:
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0], index=["y", "x"])
    assert minimize(BOWL, series, steps=0).point == {x: 2, y: 1}


def test_a_masked_number_is_missing() -> None:
    refused("y", BOWL, np.ma.array([1.0, 2.0], mask=[False, True]), steps=0)

"""Wrong input to the solver: a clear error, and nothing lost. Each test reads the message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax.errors import InputError, UnsupportedError
from symadamax.objective import Objective
from symadamax.solver import Adamax, Record, State, Status, Stop, history, minimize

x, y, z = sp.symbols("x y z")
BOWL = Objective(x**2 + y**2)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({x: 1}, "No number is given for y"),
        ({x: 1, y: 2, z: 3}, "no unknown 'z'"),
        ({"x": 1, "q": 2}, "no unknown 'q'"),
        ({x: float("nan"), y: 0}, "'x' is nan; it must be real and finite"),
        ([1, float("inf")], "'y' is inf; it must be"),
        ([1, 2j], r"'y' is 2j; it must be"),
        ({x: "1", y: 0}, "'x' is '1'; it must be"),
        ([True, 0], "'x' is True; it must be"),
        ([1, 2, 3], r"shape \(3,\); accepted are \(2,\), \(2, 1\) and \(1, 2\)"),
        ([[1, 2], [3, 4]], r"shape \(2, 2\)"),
        ([[1], [2, 3]], "'x' is .1.; it must be real"),
        ("ab", "neither a mapping"),
        (1.0, "neither a mapping"),
        (None, "neither a mapping"),
    ],
)
def test_a_start_that_does_not_fit(start: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        minimize(BOWL, start)


def test_a_start_too_large_for_float32() -> None:
    with pytest.raises(InputError, match="'x' is 1e\\+39; it must be finite in float32"):
        minimize(BOWL, [1e39, 0], dtype="float32")


@pytest.mark.parametrize(
    ("objective", "kind", "message"),
    [
        (sp.Integer(3), InputError, "no unknowns"),
        ("x**2", InputError, "is the text 'x\\*\\*2'"),
        (None, InputError, "NoneType"),
        (sp.Eq(x, 1), UnsupportedError, "Equality"),
        (sp.Function("f")(x), UnsupportedError, "f"),
    ],
)
def test_an_objective_that_is_none(objective: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        minimize(objective, [1.0])


@pytest.mark.parametrize("steps", [-1, 1.5, "10", True, 2**63, float("nan")])
def test_steps_are_a_whole_number(steps: Any) -> None:
    with pytest.raises(InputError, match=r"^steps is .*; accepted is a whole number >= 0"):
        minimize(BOWL, [1, 1], steps=steps)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("method", "adamax", r"method is 'adamax'; accepted is Adamax"),
        ("method", 0.01, r"accepted is Adamax"),
        ("stop", 1e-6, r"stop is 1e-06; accepted is Stop"),
        ("callback", 3, "callback is 3; accepted is a function"),
        ("progress", "yes", "progress is 'yes'; accepted is True or False"),
        ("state", (0, 0), r"state is \(0, 0\); accepted is the State"),
        ("dtype", "float16", "dtype is 'float16'; accepted are 'float64', 'float32'"),
        ("dtype", np.float32, "dtype is .*accepted are 'float64', 'float32'"),
        ("backend", "gpu", "backend is 'gpu'; accepted are 'native', 'numpy'"),
        ("record", 0, "record is 0; accepted is a whole number >= 1"),
        ("record", -5, "record is -5"),
        ("record", 1.5, "record is 1.5"),
        ("record", True, "record is True; accepted is a number of steps, such as 1, or Record"),
        ("parameters", {z: 1}, "no symbol 'z'"),
        ("parameters", 3, "parameters is 3"),
    ],
)
def test_an_option_that_cannot_be_used(name: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        minimize(x**2 + y**2, [1, 1], **{name: value})


def test_a_record_that_cannot_be() -> None:
    with pytest.raises(InputError, match="record's every is 0"):
        Record(every=0)
    with pytest.raises(InputError, match="record's moments is 'yes'"):
        Record(moments="yes")  # type: ignore[arg-type]


# ---- memory -------------------------------------------------------------------------------------


def test_a_history_that_does_not_fit_is_refused_with_one_that_does() -> None:
    with pytest.raises(InputError, match=r"needs 32,000,000,000,000,032 bytes") as caught:
        minimize(BOWL, [1, 1], steps=10**15, record=1)
    every = int(str(caught.value).split("Use record=")[1].split()[0])
    assert history.allocate(Record(every), 10**15, 2, "float64")[0] is not None


def test_moments_take_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "available_bytes", lambda: 40 * 101)
    assert minimize(BOWL, [1, 1], steps=100, record=1).history is not None
    with pytest.raises(
        InputError, match=r"needs 6,464 bytes, and 4,040 are available. Use record="
    ):
        minimize(BOWL, [1, 1], steps=100, record=Record(moments=True))


def test_not_even_two_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "available_bytes", lambda: 50)
    with pytest.raises(InputError, match="Not even two rows fit"):
        minimize(BOWL, [1, 1], steps=100, record=1)


def test_what_is_available_is_told_or_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2**20 < history.available_bytes() < 2**50
    for name in ("_meminfo", "_control_group"):
        monkeypatch.setattr(history, name, lambda: None)
    assert history.available_bytes() >= 2**30


# ---- what is not finite -------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize(
    ("expression", "start", "message"),
    [
        (sp.log(x), -1, r"not finite at the start, x = -1: its value is nan"),
        (1 / x, 0, r"not finite at the start, x = 0: its value is (inf|nan)"),
        (sp.sqrt(x), 0, r"at the start, x = 0: its derivative for x is inf"),
        (sp.exp(x), 1000, "its value is inf"),
    ],
)
def test_a_start_where_the_objective_is_not_finite(
    expression: sp.Expr, start: float, message: str, backend: str
) -> None:
    with pytest.raises(InputError, match=message):
        minimize(expression, [start], backend=backend)


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_value_that_becomes_nan_on_the_way(backend: str) -> None:
    falling = x + x ** sp.Rational(3, 2)
    result = minimize(falling, [0.35], method=Adamax(0.1), backend=backend, record=1)
    assert result.status == Status.VALUE_NOT_FINITE < 0
    assert result.nit == 3
    assert not result.success
    assert np.isfinite(result.x).all()
    assert np.isfinite(result.jac).all()
    assert result.x.tolist() == result.history.x[-1].tolist()
    assert result.state.step == result.nit == len(result.history) - 1
    assert result.nfev == result.nit + 2


def test_a_value_that_overflows_says_at_which_step() -> None:
    result = minimize(-sp.exp(x), [700], method=Adamax(1.0))
    assert result.status == Status.VALUE_NOT_FINITE
    assert f"The value is -inf at step {result.nit + 1}." in result.message
    assert f"that of step {result.nit}." in result.message
    assert 709 < result.x[0] < 710


def test_a_gradient_that_breaks_names_the_unknown_and_the_step() -> None:
    result = minimize(lambda p: (p[0], np.array([1.0, np.nan if p[1] < 0.45 else 1.0])), [1, 1],
                      method=Adamax(0.1, epsilon_placement="none"))  # fmt: skip
    assert result.status == Status.GRADIENT_NOT_FINITE
    assert result.nit == 5
    assert "The derivative for x[1] is nan at step 6." in result.message


def test_an_infinite_slope_names_the_symbol() -> None:
    # With beta1 = 0 the first step is the learning rate to the last bit, and ends where y is 0.
    method = Adamax(0.25, beta1=0, epsilon_placement="none")
    result = minimize(sp.sqrt(y) + x**2, {x: 1, y: 0.25}, method=method)
    assert result.status == Status.GRADIENT_NOT_FINITE
    assert "The derivative for y is inf at step 1." in result.message
    assert result.point == {x: 1.0, y: 0.25}


def test_a_point_that_overflows_names_the_unknown() -> None:
    result = minimize(-x + 0 * y, [1e308], method=Adamax(1e307))
    assert result.status == Status.POINT_NOT_FINITE
    assert "Step 8 would take x to inf." in result.message
    assert np.isfinite(result.x).all()


# ---- state --------------------------------------------------------------------------------------


def test_a_state_of_another_problem() -> None:
    state = minimize(x**2, [1], steps=3).state
    with pytest.raises(InputError, match="state is of 1 unknowns in float64, and the start of 2"):
        minimize(BOWL, [1, 1], state=state)
    with pytest.raises(InputError, match="start of 1 in float32; they must agree"):
        minimize(x**2, [1], state=state, dtype="float32")


def test_a_state_of_too_many_steps() -> None:
    with pytest.raises(InputError, match="state's step"):
        State(2**62, [0.0], [0.0])


# ---- Python functions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (1.0, "returned 1.0; it must return two things: the value and the gradient"),
        ((1.0,), "two things"),
        ((1.0, [1.0]), r"gradient has the shape \(1,\); it must be \(2,\)"),
        ((1.0, 1.0), r"shape \(\)"),
        (([1.0, 2.0], [1.0, 2.0]), "must be one number"),
        (("low", [1.0, 2.0]), "value is 'low'; it must consist of real numbers"),
        ((1j, [1.0, 2.0]), "value is 1j"),
        ((1.0, [1j, 2.0]), "gradient is"),
        ((1.0, [[1.0], [1.0, 2.0]]), "gradient is"),
        ((1.0, None), "gradient is None"),
    ],
)
def test_a_function_that_returns_something_else(returned: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        minimize(lambda point: returned, [1, 1])


def test_a_function_with_what_only_expressions_have() -> None:
    with pytest.raises(InputError, match="parameters was given with a Python function"):
        minimize(lambda p: (0.0, p), [1], parameters={"c": 1})
    with pytest.raises(
        InputError, match="start is a mapping, and a Python function has no symbols"
    ):
        minimize(lambda p: (0.0, p), {x: 1})


@pytest.mark.parametrize("start", [[], np.zeros((0, 1)), {}])
def test_a_function_of_nothing(start: Any) -> None:
    with pytest.raises(InputError, match=r"nothing to optimise|is a mapping"):
        minimize(lambda p: (0.0, p), start)


def test_a_function_of_a_start_that_is_no_point() -> None:
    with pytest.raises(InputError, match=r"'x\[1\]' is nan"):
        minimize(lambda p: (0.0, p), [1, float("nan")])
    with pytest.raises(InputError, match=r"shape \(2, 2\)"):
        minimize(lambda p: (0.0, p), np.ones((2, 2)))


def test_seconds_and_steps_are_both_limits() -> None:
    assert minimize(BOWL, [1, 1], steps=3, stop=Stop(seconds=100)).status == Status.STEPS_DONE

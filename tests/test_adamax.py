"""The settings and the state: what is accepted, what is refused, what is shown."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from symadamax.errors import InputError
from symadamax.solver import Adamax, State


def test_the_usual_settings_are_those_of_the_paper_with_epsilon_in_the_denominator() -> None:
    assert dataclasses.asdict(Adamax()) == {
        "learning_rate": 0.002,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "epsilon_placement": "denominator",
        "average": False,
        "weight_decay": 0.0,
        "l2": 0.0,
        "clip_norm": None,
        "clip_value": None,
    }


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "0.1", True, None, 1j])
def test_a_learning_rate_must_be_finite_and_above_0(value: Any) -> None:
    with pytest.raises(
        InputError, match=r"^learning_rate is .*; accepted is a finite number > 0, a"
    ):
        Adamax(learning_rate=value)


@pytest.mark.parametrize("name", ["beta1", "beta2"])
@pytest.mark.parametrize("value", [1, -0.1, 1.5, float("nan"), "0.9", False, None])
def test_a_beta_must_be_in_0_1(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"^{name} is .*; accepted is a number in \[0, 1\)"):
        Adamax(**{name: value})


@pytest.mark.parametrize("value", [-1e-9, float("nan"), float("inf"), "small", True])
def test_epsilon_must_not_be_negative(value: Any) -> None:
    with pytest.raises(InputError, match=r"^epsilon is .*; accepted is a finite number >= 0"):
        Adamax(epsilon=value)


@pytest.mark.parametrize("name", ["weight_decay", "l2"])
@pytest.mark.parametrize("value", [-1e-9, float("nan"), float("inf"), "small", True, None])
def test_a_decay_must_not_be_negative(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"^{name} is .*; accepted is a finite number >= 0"):
        Adamax(**{name: value})


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "1", True])
def test_a_clip_must_be_above_0(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"^{name} is .*; accepted is a finite number > 0, or No"):
        Adamax(**{name: value})


@pytest.mark.parametrize("value", [1, "yes", None, 0.0])
def test_average_is_true_or_false(value: Any) -> None:
    with pytest.raises(InputError, match=r"^average is .*; accepted is True or False"):
        Adamax(average=value)


def test_options_are_named_and_shown_where_they_are_given() -> None:
    with pytest.raises(TypeError, match="positional"):
        Adamax(0.1, 0.9, 0.999, 1e-8, "none", True)  # type: ignore[misc]
    assert "average" not in repr(Adamax())
    assert repr(Adamax(l2=0.5, average=np.True_)).endswith("'denominator', average=True, l2=0.5)")


def test_a_place_of_epsilon_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match="'inside'; accepted are 'denominator', 'maximum', 'none'"):
        Adamax(epsilon_placement="inside")


def test_numbers_of_numpy_become_floats() -> None:
    method = Adamax(np.float32(0.5), beta1=0, epsilon=np.int64(0))
    assert method == Adamax(learning_rate=0.5, beta1=0.0, epsilon=0.0)
    assert type(method.learning_rate) is type(method.epsilon) is float


def test_a_whole_number_too_large_for_a_float_is_refused() -> None:
    with pytest.raises(InputError, match="learning_rate"):
        Adamax(learning_rate=10**400)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.9), (0.99, 0.9), (0.5, 0.0)])
def test_beta1_not_below_beta2_warns_and_says_why(beta1: float, beta2: float) -> None:
    with pytest.warns(RuntimeWarning, match="longer than any multiple of the learning rate"):
        Adamax(beta1=beta1, beta2=beta2)


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Adamax().beta1 = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("placement", "shown", "hidden"),
    [
        ("denominator", r"{{u}_{t} + \epsilon}", r"\right| + \epsilon"),
        ("maximum", r"\right| + \epsilon", r"{{u}_{t} + \epsilon}"),
        ("none", r"\frac{{m}_{t}}{{u}_{t}}", r"\epsilon"),
    ],
)
def test_the_equations_show_epsilon_where_it_stands(
    placement: str, shown: str, hidden: str
) -> None:
    latex = Adamax(epsilon_placement=placement)._repr_latex_()
    assert shown in latex
    assert hidden not in latex
    assert r"\alpha = 0.002" in latex


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"l2": 0.5}, (r"{g}_{t} + \ell {x}_{t - 1}", r"\ell = 0.5")),
        ({"clip_norm": 2}, (r"\max\left(\left\lVert g_{t} \right\rVert, c\right)", "c = 2")),
        ({"clip_value": 3}, (r"\min\left(d, \max\left(- d, {g}_{t}\right)\right)", "d = 3")),
        ({"weight_decay": 0.1}, (r" - \alpha \lambda {x}_{t - 1}", r"\lambda = 0.1")),
        ({"average": True}, (r"\frac{{\bar{x}}_{t}}{1 - \beta_{2}^{t}}",)),
    ],
)
def test_the_equations_show_the_options_that_are_given(
    settings: dict[str, Any], shown: tuple[str, ...]
) -> None:
    given, usual = Adamax(**settings)._repr_latex_(), Adamax()._repr_latex_()
    for part in shown:
        assert part in given
        assert part not in usual


# ---- State --------------------------------------------------------------------------------------


def test_a_state_is_a_value() -> None:
    m = np.array([0.5, -1.0])
    state = State(3, m, [1, 2])
    m[0] = 9
    assert state == State(3, [0.5, -1.0], np.array([1.0, 2.0]))
    assert hash(state) == hash(State(3, [0.5, -1.0], [1.0, 2.0]))
    assert state != State(4, state.m, state.u)
    assert state != State(3, state.m, [1, 3])
    assert state != "a state"


def test_the_mean_belongs_to_the_state() -> None:
    state = State(3, [0.5], [1.0], [0.25])
    assert state == State(3, [0.5], [1.0], np.array([0.25]))
    assert hash(state) == hash(State(3, [0.5], [1.0], [0.25]))
    assert state != State(3, [0.5], [1.0])
    assert state != State(3, [0.5], [1.0], [0.5])
    copy = pickle.loads(pickle.dumps(state))
    assert copy == state
    assert not copy.mean.flags.writeable


def test_the_arrays_of_a_state_are_read_only_even_after_pickling() -> None:
    state = pickle.loads(pickle.dumps(State(1, [0.5], [1.0])))
    assert state == State(1, [0.5], [1.0])
    for array in (state.m, state.u):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("step", "m", "u", "message"),
    [
        (-1, [0], [0], "the state's step is -1"),
        (1.5, [0], [0], "the state's step is 1.5"),
        (True, [0], [0], "the state's step is True"),
        (1, [[0]], [[0]], "state's m .* one dimension"),
        (1, [0], [np.nan], "state's u .* finite"),
        (1, ["a"], [0], "state's m"),
        (1, [0, 1], [0], r"shape \(2,\).*\(1,\).*must agree"),
        (1, np.zeros(1, "float32"), [0], "float32.*float64.*must agree"),
        (1, [0], [-1], "negative"),
    ],
)
def test_a_state_that_cannot_be_is_refused(step: Any, m: Any, u: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        State(step, m, u)


@pytest.mark.parametrize(
    ("mean", "message"),
    [([np.nan], "state's mean .* finite"), ([0, 1], r"mean has \(2,\).*must agree")],
)
def test_a_mean_that_cannot_be_is_refused(mean: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        State(1, [0], [0], mean)

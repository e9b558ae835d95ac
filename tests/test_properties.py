"""What holds for every run of Adamax, whatever the gradients: found out by hypothesis.

Most runs here play gradients back, so that nothing but the four equations is looked at.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from problems import BY_NAME

from symadamax import Adamax, Objective, Record, Result, Status, Stop, minimize

settings.register_profile("solver", max_examples=50, deadline=None)
EVERY = settings.get_profile("solver")

PLACEMENTS = ("denominator", "maximum", "none")
EPSILON = float(np.finfo(float).eps)

slopes = st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)
rows = st.tuples(st.integers(1, 20), st.integers(1, 19))  # steps and unknowns, odd tails of lanes
played = arrays(float, rows, elements=slopes | st.just(0.0))
# A subnormal beta1 would make m subnormal, where a power of two does round.
beta1s = st.just(0.0) | st.floats(1e-3, 0.98)
methods = st.builds(
    Adamax, learning_rate=st.floats(1e-4, 1), beta1=beta1s,
    beta2=st.floats(0.99, 0.9999), epsilon=st.floats(1e-9, 1e-3),
    epsilon_placement=st.sampled_from(PLACEMENTS),
)  # fmt: skip
papers = st.builds(
    Adamax, learning_rate=st.floats(1e-4, 1), beta1=beta1s,
    beta2=st.floats(0.99, 0.9999), epsilon_placement=st.just("none"),
)  # fmt: skip


def play(gradients: Any, method: Adamax, start: Any = None, **options: Any) -> Result:
    """Run through the given gradients, of shape (steps, n), from 0 unless told otherwise."""
    steps, size = np.shape(gradients)
    coming = iter([*np.array(gradients, dtype=float), np.zeros(size)])
    options = {"record": Record(moments=True), **options}
    start = np.zeros(size) if start is None else start
    return minimize(lambda _: (0.0, next(coming)), start, method=method, steps=steps, **options)


def same_history(a: Result, b: Result) -> bool:
    fields = ("step", "x", "fun", "m", "u")
    pairs = [(getattr(a.history, name), getattr(b.history, name)) for name in fields]
    return a.state == b.state and all(p.tobytes() == q.tobytes() for p, q in pairs)


# ---- the length of a step -----------------------------------------------------------------------


@EVERY
@given(slope=st.floats(1e-200, 1e200), sign=st.sampled_from([1, -1]), method=papers)
def test_the_first_step_is_the_learning_rate_downhill(
    slope: float, sign: int, method: Adamax
) -> None:
    result = play([[sign * slope]], method)
    assert abs(result.x[0] + sign * method.learning_rate) <= 4 * np.spacing(method.learning_rate)


@EVERY
@given(slope=slopes, steps=st.integers(1, 60), method=papers)
def test_a_constant_gradient_gives_steps_of_the_learning_rate(
    slope: float, steps: int, method: Adamax
) -> None:
    points = play(np.full((steps, 1), slope), method).history.x[:, 0]
    moved = -np.sign(slope) * np.diff(points)
    rounded = 4 * EPSILON / (1 - method.beta1) * method.learning_rate + np.spacing(abs(points[-1]))
    assert np.abs(moved - method.learning_rate).max() <= rounded


def longest(method: Adamax, t: Any) -> Any:
    """Return the sharp bound on the length of step t, for gradients of any kind."""
    beta1, ratio = method.beta1, method.beta1 / method.beta2
    return method.learning_rate * (1 - beta1) / (1 - beta1**t) * (1 - ratio**t) / (1 - ratio)


@EVERY
@given(gradients=played, method=methods)
def test_no_step_is_longer_than_the_sharp_bound(gradients: Any, method: Adamax) -> None:
    points = play(gradients, method).history.x
    bound = longest(method, np.arange(1, len(points)))[:, None] * (1 + 1e-12)
    assert (np.abs(np.diff(points, axis=0)) <= bound + np.spacing(abs(points[1:]))).all()


def test_a_step_can_be_longer_than_the_learning_rate() -> None:
    method = Adamax(learning_rate=0.01, epsilon_placement="none")
    points = play([[1.0], [0.999]], method).history.x[:, 0]
    assert points[1] - points[2] > 0.01
    assert points[1] - points[2] == pytest.approx(0.01 * 2110 / 2109, rel=1e-13)


def test_gradients_that_fall_as_u_does_reach_the_bound() -> None:
    method = Adamax(learning_rate=1, epsilon_placement="none")
    points = play(0.999 ** np.arange(400.0)[:, None], method).history.x[:, 0]
    assert -np.diff(points) == pytest.approx(longest(method, np.arange(1, 401)), rel=1e-11)
    assert points[-2] - points[-1] == pytest.approx(111 / 110, rel=1e-11)


# ---- scale and order ----------------------------------------------------------------------------


@EVERY
@given(gradients=played, method=papers, power=st.integers(-100, 100))
def test_a_power_of_two_in_the_objective_changes_no_bit(
    gradients: Any, method: Adamax, power: int
) -> None:
    plain, scaled = play(gradients, method), play(gradients * 2.0**power, method)
    assert plain.history.x.tobytes() == scaled.history.x.tobytes()
    assert np.array_equal(plain.history.m * 2.0**power, scaled.history.m)
    assert np.array_equal(plain.history.u * 2.0**power, scaled.history.u)


@EVERY
@given(weights=st.lists(st.floats(0.01, 100), min_size=3, max_size=3))
def test_coordinates_of_any_scale_stay_together(weights: list[float]) -> None:
    unknowns = sp.symbols("x y z")
    bowl = sum(w * s**2 for w, s in zip(weights, unknowns, strict=True))
    method = Adamax(learning_rate=0.01, epsilon_placement="none")
    points = minimize(bowl, [1.0, 1.0, 1.0], method=method, steps=200, record=1).history.x
    assert np.ptp(points, axis=1).max() < 1e-12


@EVERY
@given(gradients=played, method=methods, data=st.data())
def test_permuted_unknowns_take_permuted_paths(gradients: Any, method: Adamax, data: Any) -> None:
    order = data.draw(st.permutations(range(gradients.shape[1])))
    plain, permuted = play(gradients, method), play(gradients[:, order], method)
    assert plain.history.x[:, order].tobytes() == permuted.history.x.tobytes()


@pytest.mark.parametrize("name", ["trid", "helical_valley", "rosenbrock", "powell"])
def test_an_objective_with_its_unknowns_in_another_order(name: str) -> None:
    problem = BY_NAME[name]
    plain = minimize(Objective(problem.expression, problem.unknowns), problem.start, steps=200)
    other = Objective(problem.expression, problem.unknowns[::-1])
    assert minimize(other, problem.start[::-1], steps=200).x[::-1].tobytes() == plain.x.tobytes()


# ---- m and u ------------------------------------------------------------------------------------


@EVERY
@given(gradients=played, method=methods)
def test_u_is_a_decaying_maximum_and_m_a_mean(gradients: Any, method: Adamax) -> None:
    history = play(gradients, method).history
    inside = method.epsilon if method.epsilon_placement == "maximum" else 0.0
    assert (history.u[1:] >= method.beta2 * history.u[:-1]).all()
    assert (history.u[1:] >= np.abs(gradients) + inside).all()
    largest = np.maximum.accumulate(np.abs(gradients))
    assert (history.u[1:] <= largest + inside).all()
    assert (np.abs(history.m[1:]) <= largest * (1 + 50 * EPSILON)).all()


def exact(gradients: Any, method: Adamax) -> list[Fraction]:
    """Return one unknown's points after steps 1, 2, ... from 0 without any rounding."""
    alpha, beta1, beta2 = map(Fraction, (method.learning_rate, method.beta1, method.beta2))
    epsilon, placement = Fraction(method.epsilon), method.epsilon_placement
    x = m = u = Fraction(0)
    points = []
    for t, g in enumerate(map(Fraction, gradients), 1):
        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, abs(g) + (epsilon if placement == "maximum" else 0))
        below = u + (epsilon if placement == "denominator" else 0)
        x -= alpha / (1 - beta1**t) * m / below if below else 0
        points.append(x)
    return points


@EVERY
@given(
    gradients=st.lists(slopes | st.just(0.0), min_size=1, max_size=6).map(np.array), method=methods
)
def test_a_few_steps_against_exact_fractions(gradients: Any, method: Adamax) -> None:
    points = play(gradients[:, None], method).history.x[1:, 0]
    a_step = 8 * EPSILON * method.learning_rate / (1 - method.beta1) + np.spacing(abs(points).max())
    for t, (point, x) in enumerate(zip(points.tolist(), exact(gradients, method), strict=True), 1):
        assert abs(Fraction(point) - x) <= t * a_step


# ---- 0/0 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("epsilon", [0.0, 1e-8])
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_zero_gradient_moves_nothing(
    placement: str, epsilon: float, dtype: str, backend: str
) -> None:
    problem = BY_NAME["rosenbrock"]
    method = Adamax(epsilon=epsilon, epsilon_placement=placement)
    result = minimize(
        problem.expression, [0.0, 0.0], method=method, steps=100, record=1, dtype=dtype,
        backend=backend,
    )  # fmt: skip
    assert result.status == Status.STEPS_DONE
    assert result.history.x[1] == pytest.approx([0.002, 0], rel=1e-6)
    assert result.history.x[1, 1] == 0
    assert (np.diff(result.history.fun) < 0).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("size", [1, 3, 8, 17])
def test_zeros_at_first_and_zeros_for_ever(size: int, placement: str, dtype: str) -> None:
    gradients = np.zeros((1000, size))
    gradients[5, ::2] = 1.0
    start = np.arange(1.0, size + 1)
    with pytest.warns(RuntimeWarning, match="beta1"):
        method = Adamax(beta1=0.5, beta2=0.5, epsilon_placement=placement)
    result = play(gradients, method, start, dtype=dtype)
    assert result.status == Status.STEPS_DONE
    assert (result.history.x[:6] == start).all()
    assert (result.x[1::2] == start[1::2]).all()
    assert (result.x[::2] < start[::2]).all()
    assert np.isfinite(result.state.u).all()


# ---- the same bits, however a run is cut and watched --------------------------------------------

WATCHED = Objective(BY_NAME["rosenbrock_10"].expression, BY_NAME["rosenbrock_10"].unknowns)
FROM = BY_NAME["rosenbrock_10"].start
UNREACHED = Stop(gtol=0, ftol=0, xtol=0, target=-1, seconds=1000)


@EVERY
@given(
    parts=st.lists(st.integers(0, 80), min_size=1, max_size=6),
    dtype=st.sampled_from(["float64", "float32"]),
    method=methods,
)
def test_a_run_in_parts_is_the_run_in_one(parts: list[int], dtype: str, method: Adamax) -> None:
    whole = minimize(WATCHED, FROM, method=method, steps=sum(parts), record=1, dtype=dtype)
    start, state, points = np.array(FROM, dtype), None, []
    for steps in parts:
        part = minimize(
            WATCHED, start, method=method, steps=steps, state=state, record=1, dtype=dtype
        )
        start, state = part.x, part.state
        points.append(part.history.x[1:])
    assert start.tobytes() == whole.x.tobytes()
    assert state == whole.state
    assert np.concatenate(points).tobytes() == whole.history.x[1:].tobytes()


@EVERY
@given(
    every=st.integers(1, 300), moments=st.booleans(), called=st.booleans(), watched=st.booleans()
)
def test_watching_a_run_changes_no_bit(
    every: int, moments: bool, called: bool, watched: bool
) -> None:
    plain = minimize(WATCHED, FROM, steps=250)
    seen: list[int] = []
    options = {"stop": UNREACHED if watched else None, "record": Record(every, moments)}
    callback = (lambda r: seen.append(r.nit)) if called else None
    result = minimize(WATCHED, FROM, steps=250, callback=callback, **options)
    assert result.x.tobytes() == plain.x.tobytes()
    assert result.state == plain.state
    assert (result.best_fun, result.fun) == (plain.best_fun, plain.fun)
    assert result.history.step.tolist() == list(range(0, 251, every))
    assert seen == (list(range(every, 251, every)) if called else [])


def test_a_bar_changes_no_bit(capsys: pytest.CaptureFixture[str]) -> None:
    plain, shown = minimize(WATCHED, FROM), minimize(WATCHED, FROM, progress=True)
    assert plain.x.tobytes() == shown.x.tobytes()
    assert plain.state == shown.state
    assert "1000/1000" in capsys.readouterr().err


@pytest.mark.parametrize("epsilon_placement", PLACEMENTS)
def test_no_epsilon_is_the_same_in_every_place(epsilon_placement: str) -> None:
    none = Adamax(epsilon_placement="none")
    zero = Adamax(epsilon=0, epsilon_placement=epsilon_placement)
    runs = [minimize(WATCHED, FROM, method=m, record=Record(1, True)) for m in (none, zero)]
    assert same_history(*runs)

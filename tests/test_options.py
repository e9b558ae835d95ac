"""The options of a step, each against its equation in NumPy and all of them together."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds

from symadamax.errors import InputError
from symadamax.objective import Objective
from symadamax.solver import Adamax, State, Status, Stop, minimize

x, y, z, t = sp.symbols("x y z t")
BOWL = Objective(2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x)
START = [1.0, 0.0]
METHOD = Adamax(learning_rate=0.01)


class Given(NamedTuple):
    """What a run is given beside its method."""

    maximize: bool = False
    lower: Any = -np.inf
    upper: Any = np.inf
    frozen: Any = False


def reference(
    gradient: Any, start: np.ndarray, method: Adamax, steps: int, given: Given, rate: Any = None
) -> tuple[np.ndarray, ...]:
    """Return the points and the averaged iterate of each step, m and u of the last.

    As a learner writes it; the norm adds in order, in double.
    """
    kind = start.dtype.type
    inside = kind(method.epsilon if method.epsilon_placement == "maximum" else 0)
    outside = kind(method.epsilon if method.epsilon_placement == "denominator" else 0)
    free = ~np.broadcast_to(given.frozen, start.shape)
    p, m, u, mean = start.copy(), *np.zeros((3, len(start)), kind)
    points, averages = [p], [p]
    for t in range(1, steps + 1):
        alpha = rate(t) if rate else method.learning_rate
        g = kind(-1 if given.maximize else 1) * gradient(p) + kind(method.l2) * p
        if method.clip_norm is not None:
            norm = math.sqrt(sum(float(e) * float(e) for e in g[free]))
            g = kind(method.clip_norm / max(norm, method.clip_norm)) * g
        if method.clip_value is not None:
            g = np.clip(g, kind(-method.clip_value), kind(method.clip_value))
        m = np.where(free, kind(method.beta1) * m + kind(1 - method.beta1) * g, m)
        u = np.where(free, np.maximum(kind(method.beta2) * u, abs(g) + inside), u)
        with np.errstate(invalid="ignore"):
            change = np.where(m == 0, 0, kind(-alpha / (1 - method.beta1**t)) * m / (u + outside))
        moved = p + change - kind(alpha * method.weight_decay) * p
        moved = np.clip(moved, kind(given.lower), kind(given.upper))
        p = np.where(free, moved, p).astype(kind)
        mean = kind(method.beta2) * mean + kind(1 - method.beta2) * p
        points.append(p)
        average = np.clip(mean / kind(1 - method.beta2**t), kind(given.lower), kind(given.upper))
        averages.append(np.where(free, average, p))
    return np.array(points), np.array(averages), m, u


def bowl_gradient(p: np.ndarray) -> np.ndarray:
    return np.array(BOWL.lambdify()[1](*p)[1], p.dtype)


def same_bits(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and (a + 0.0).tobytes() == (b + 0.0).tobytes()  # -0 is 0


def run(method: Adamax = METHOD, steps: int = 300, **options: Any) -> Any:
    return minimize(BOWL, START, method=method, steps=steps, record=1, **options)


# ---- each by itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{"l2": 0.3}, {"weight_decay": 0.3}, {"clip_norm": 1.5}, {"clip_value": 0.7}],
    ids=lambda options: next(iter(options)),
)
def test_an_option_of_the_method_gives_the_bits_of_its_equation(options: dict[str, float]) -> None:
    method = Adamax(learning_rate=0.01, **options)  # type: ignore[arg-type]
    result = run(method)
    points, _, m, u = reference(bowl_gradient, np.array(START), method, 300, Given())
    assert same_bits(result.history.x, points)
    assert same_bits(result.state.m, m)
    assert same_bits(result.state.u, u)
    assert not same_bits(result.x, run().x)


def test_the_averaged_iterate_is_the_mean_of_the_points_without_its_bias() -> None:
    method = Adamax(learning_rate=0.01, average=True)
    for steps in (0, 1, 2, 300):
        result = run(method, steps)
        _, averages, _, _ = reference(bowl_gradient, np.array(START), method, steps, Given())
        assert same_bits(result.average_x, averages[-1])
    assert same_bits(result.x, run().x)
    assert run().average_x is None
    assert run().state.mean is None


def test_the_averaged_iterate_calms_a_run_that_swings() -> None:
    method = Adamax(learning_rate=0.1, average=True)
    result = minimize(sp.Abs(x - sp.pi), [0.0], method=method, steps=8000, record=1)
    swing = abs(result.history.x[-1000:, 0] - math.pi).max()
    assert abs(result.average_x[0] - math.pi) < swing / 10


def test_weight_decay_pulls_where_the_gradient_is_0() -> None:
    method = Adamax(0.1, weight_decay=0.5, epsilon_placement="none")
    result = minimize(Objective(0 * x + sp.Min(x, 0), [x]), [8.0], method=method, steps=3)
    assert result.x[0] == pytest.approx(8 * 0.95**3, rel=1e-15)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_norm_neither_overflows_nor_vanishes(scale: float) -> None:
    method = Adamax(0.1, clip_norm=scale, epsilon_placement="none")
    result = minimize(3 * scale * x + 4 * scale * y, [1, 1], method=method, steps=1)
    np.testing.assert_allclose(result.state.u, [0.6 * scale, 0.8 * scale], rtol=4e-16)


def test_a_gradient_that_is_0_has_nothing_to_clip() -> None:
    result = minimize(BOWL, [2, -1], method=Adamax(clip_norm=1e-3), steps=5)
    assert result.x.tolist() == [2, -1]


def test_bounds_are_kept_at_every_step_and_the_minimum_lies_on_them() -> None:
    result = run(steps=1000, bounds=[(None, 1.5), (-0.25, None)])
    assert (result.history.x[:, 0] <= 1.5).all()
    assert (result.history.x[:, 1] >= -0.25).all()
    assert result.x.tolist() == [1.5, -0.25]
    points, _, _, _ = reference(
        bowl_gradient, np.array(START), METHOD, 1000,
        Given(lower=np.array([-np.inf, -0.25]), upper=np.array([1.5, np.inf])),
    )  # fmt: skip
    assert same_bits(result.history.x, points)


BOTH = [(0.0, 1.5), (None, None)]


@pytest.mark.parametrize(
    "bounds",
    [
        BOTH, tuple(BOTH), [(0, 1.5), (-math.inf, math.inf)], {x: (0, 1.5)}, {"x": [0, 1.5]},
        Bounds([0, -np.inf], [1.5, np.inf]), np.array([[0, 1.5], [-np.inf, np.inf]]),
        [np.array([0, 1.5]), (None, np.inf)],
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_all_forms_of_bounds_are_the_same_run(bounds: Any, dtype: str) -> None:
    result = run(bounds=bounds, dtype=dtype)
    assert result.x.dtype == dtype
    assert result.x[0] == 1.5
    assert same_bits(result.history.x, run(bounds=BOTH, dtype=dtype).history.x)


def test_bounds_of_scipy_may_be_one_number_for_all() -> None:
    assert run(bounds=Bounds(-0.5, 1.25)).x.tolist() == [1.25, -0.5]


def test_bounds_that_do_not_bind_change_no_bit() -> None:
    assert same_bits(run(bounds=[(-9, 9), (None, None)]).history.x, run().history.x)


def test_an_option_that_is_not_given_changes_not_even_the_sign_of_a_zero() -> None:
    start = [-0.0, 1.0]
    plain = minimize(sp.Max(x, 0) + y**2, start, steps=3)
    wide = minimize(sp.Max(x, 0) + y**2, start, steps=3, bounds=[(-9, 9), (-9, 9)])
    assert wide.x.tobytes() == plain.x.tobytes()
    assert wide.state == plain.state


def test_gtol_is_met_where_only_the_bounds_hold_the_gradient() -> None:
    result = run(steps=5000, bounds=[(None, 1.5), (None, None)], stop=Stop(gtol=1e-9))
    assert result.status == Status.GTOL_MET
    assert result.x[0] == 1.5
    assert result.jac[0] < -1


def test_gtol_sees_the_way_that_is_left_to_a_bound() -> None:
    stop = Stop(gtol=0.25)
    near = minimize(x, [1.25], bounds=[(1, 2)], stop=stop, steps=0)
    assert near.status == Status.GTOL_MET
    assert minimize(x, [1.5], bounds=[(1, 2)], stop=stop, steps=0).status == Status.NOT_CONVERGED
    far = minimize(x, [1.75], bounds=[(1, 2)], stop=stop, steps=0, maximize=True)
    assert far.status == Status.GTOL_MET


@pytest.mark.parametrize("frozen", [[y], ["y"], (y,), {y}])
def test_what_is_frozen_does_not_move_and_the_others_do(frozen: Any) -> None:
    result = run(steps=1000, frozen=frozen)
    assert (result.history.x[:, 1] == 0).all()
    assert result.x[0] == pytest.approx(1.5, abs=1e-6)
    assert result.jac[1] == pytest.approx(3, abs=1e-5)
    assert result.state.m[1] == result.state.u[1] == 0
    alone = minimize(BOWL.expression.subs(y, 0), [1.0], method=METHOD, steps=1000)
    assert result.x[0] == pytest.approx(alone.x[0], abs=1e-12)


def test_what_is_frozen_counts_neither_for_gtol_nor_in_the_norm() -> None:
    assert run(steps=5000, frozen=[y], stop=Stop(gtol=1e-6)).status == Status.GTOL_MET
    method = Adamax(0.1, clip_norm=1.0)
    result = minimize(3 * x + 100 * y, [1, 1], method=method, frozen=["y"], steps=1)
    assert result.state.u.tolist() == [1, 0]


def test_nothing_frozen_is_a_plain_run() -> None:
    assert same_bits(run(frozen=[]).history.x, run().history.x)


def test_an_entry_of_a_python_function_goes_by_its_name() -> None:
    result = minimize(
        lambda p: (float(p @ p), 2 * p), [1.0, 2.0, 3.0], method=Adamax(0.1), steps=500,
        frozen=["x[1]"], bounds={"x[2]": (0.5, None)},
    )  # fmt: skip
    assert result.x[1:].tolist() == [2, 0.5]
    assert abs(result.x[0]) < 1e-6


def test_to_maximise_is_to_minimise_the_negative_with_values_of_its_own() -> None:
    def hill(p: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = BOWL.value_and_gradient(p)
        return -value, -gradient

    down, up = run(), minimize(hill, START, method=METHOD, steps=300, record=1, maximize=True)
    assert same_bits(up.history.x, down.history.x)
    assert same_bits(up.history.fun, -down.history.fun)
    assert (up.fun, up.best_fun) == (-down.fun, -down.best_fun)
    assert same_bits(up.jac, -down.jac)
    assert same_bits(up.best_x, down.best_x)


def test_the_best_of_a_maximum_is_the_largest() -> None:
    result = minimize(-((x - 1) ** 2), [0.0], method=Adamax(0.9), steps=50, record=1, maximize=True)
    best = int(result.history.fun.argmax())
    assert result.best_fun == result.history.fun[best] > result.fun
    assert result.best_x.tolist() == result.history.x[best].tolist()


def test_the_target_of_a_maximum_is_reached_from_below() -> None:
    result = minimize(-(x**2), [1.0], method=METHOD, maximize=True, stop=Stop(target=-0.25))
    assert result.status == Status.TARGET_MET
    assert -0.25 <= result.fun < -0.24
    assert minimize(-(x**2), [1.0], stop=Stop(target=-0.5), steps=0).status == Status.TARGET_MET


# ---- arrays of unknowns -------------------------------------------------------------------------

i, w = sp.Symbol("i", integer=True), sp.IndexedBase("w")
CHAIN = sp.Sum((w[i] - x) ** 2, (i, 0, 4)) + (x - 3) ** 2


def chain(**options: Any) -> Any:
    start = {w: np.arange(5) / 10, x: 0.5}
    return minimize(CHAIN, start, method=Adamax(0.05), steps=2000, **options)


@pytest.mark.parametrize("frozen", [[w], ["w"]])
def test_an_array_is_frozen_as_a_whole(frozen: Any) -> None:
    result = chain(frozen=frozen)
    assert result.point[w].tolist() == (np.arange(5) / 10).tolist()
    assert result.point[x] == pytest.approx((3 + 1) / 6, abs=1e-4)


def test_a_scalar_beside_an_array_is_frozen_or_bounded() -> None:
    np.testing.assert_allclose(chain(frozen=[x]).point[w], 0.5, atol=1e-4)
    assert chain(bounds={x: (0, 1)}).point[x] == 1


def test_an_array_has_one_bound_or_one_for_each_entry() -> None:
    assert (chain(bounds={w: (0, 0.5)}).point[w] == 0.5).all()
    most = np.linspace(0.5, 1, 5)
    assert chain(bounds={"w": (None, most)}).point[w].tolist() == most.tolist()
    flat = Bounds(-np.inf, np.array([9, *most]))
    assert chain(bounds=flat).point[w].tolist() == most.tolist()


def test_bounds_of_an_array_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"bound of 'w' is \[0, 1\].*array of the shape \(5,\)"):
        chain(bounds={w: ([0, 1], None)})
    with pytest.raises(InputError, match=r"of 'w\[1\]' does not hold at the start, 0\.1"):
        chain(bounds={w: (None, [0, 0, 1, 1, 1])})


# ---- all together -------------------------------------------------------------------------------

positive = st.floats(0.01, 2)
sometimes = st.none() | positive
bound = st.tuples(st.floats(-3, 0), st.floats(0, 3))


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.integers(1, 9))
    numbers = st.lists(st.floats(-3, 3), min_size=size, max_size=size)
    limits = np.array(draw(st.lists(bound, min_size=size, max_size=size)))
    frozen = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    frozen[draw(st.integers(0, size - 1))] = False
    rate = draw(st.sampled_from([0.05, 0.1 / sp.sqrt(t), 0.1 / t]))
    return {
        "centre": draw(numbers),
        "weights": draw(numbers),
        "start": draw(numbers),
        "bounded": draw(st.booleans()),
        "limits": limits,
        "frozen": frozen if draw(st.booleans()) else np.zeros(size, bool),
        "maximize": draw(st.booleans()),
        "steps": draw(st.integers(0, 40)),
        "cut": draw(st.integers(0, 40)),
        "dtype": draw(st.sampled_from(["float64", "float32"])),
        "method": Adamax(
            rate, draw(st.sampled_from([0.0, 0.5, 0.9])), 0.95, 1e-3,
            draw(st.sampled_from(["denominator", "maximum", "none"])),
            average=draw(st.booleans()), l2=draw(st.just(0) | positive),
            weight_decay=draw(st.just(0) | positive), clip_norm=draw(sometimes),
            clip_value=draw(sometimes),
        ),
    }  # fmt: skip


@settings(max_examples=80)
@given(problems())
def test_any_options_together_give_the_bits_of_the_equations(given: dict[str, Any]) -> None:
    method, dtype, steps = given["method"], given["dtype"], given["steps"]
    weights, centre = (np.array(given[name], dtype) for name in ("weights", "centre"))
    lower, upper = given["limits"].T if given["bounded"] else (-np.inf, np.inf)
    start = np.clip(given["start"], lower, upper).astype(dtype)

    def gradient(p: np.ndarray) -> np.ndarray:
        return weights * (p - centre)

    def follow(start: np.ndarray, steps: int, state: State | None) -> Any:
        return minimize(
            lambda p: (float(gradient(p).sum()), gradient(p)), start, method=method, steps=steps,
            state=state, dtype=dtype, record=1, callback=lambda step: None, stop=Stop(ftol=0),
            bounds=Bounds(lower, upper) if given["bounded"] else None,
            frozen=[f"x[{k}]" for k in np.flatnonzero(given["frozen"])],
            maximize=given["maximize"],
        )  # fmt: skip

    numeric = sp.lambdify(t, method.learning_rate, "numpy")
    points, averages, m, u = reference(
        gradient, start, method, steps,
        Given(given["maximize"], lower, upper, given["frozen"]), numeric,
    )  # fmt: skip
    first = follow(start, min(steps, given["cut"]), None)
    both = [first.history.x]
    if first.status in (Status.NOT_CONVERGED, Status.FTOL_MET) and first.nit < steps:
        last = follow(first.x, steps - first.nit, first.state)
        both.append(last.history.x[1:])
    else:
        last = first
    seen = np.concatenate(both)
    assert same_bits(seen, points[: len(seen)])
    if method.average:
        expected = averages[len(seen) - 1]
        np.testing.assert_array_equal(last.average_x, expected)
    if len(seen) == len(points):
        assert same_bits(last.state.m, m)
        assert same_bits(last.state.u, u)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_run_in_two_parts_gives_the_bits_of_one(backend: str, dtype: str) -> None:
    method = Adamax(
        sp.exp(-t / 100) / 10, average=True, l2=0.1, weight_decay=0.1, clip_norm=3, clip_value=2
    )
    options: dict[str, Any] = {
        "method": method, "dtype": dtype, "backend": backend, "maximize": True,
        "bounds": {x: (-2, 2), z: (0, 1)}, "frozen": [y],
    }  # fmt: skip
    hill = Objective(-((x - 1) ** 2) - (y - x) ** 2 + sp.sin(3 * z * x), [x, y, z])
    whole = minimize(hill, [0.1, 0.2, 0.3], steps=1000, **options)
    for cut in (0, 1, 16, 600, 1000):
        first = minimize(hill, [0.1, 0.2, 0.3], steps=cut, **options)
        last = minimize(hill, first.x, steps=1000 - cut, state=first.state, **options)
        assert same_bits(last.x, whole.x)
        assert same_bits(last.average_x, whole.average_x)
        assert last.state == whole.state


def test_what_is_not_finite_keeps_the_mean_of_the_last_point() -> None:
    method = Adamax(0.01, average=True)
    broken = minimize(x + sp.log(x), [0.035], method=method)
    assert broken.status < 0
    good = minimize(x + sp.log(x), [0.035], method=method, steps=broken.nit)
    assert broken.nit > 0
    assert same_bits(broken.average_x, good.average_x)
    assert broken.state == good.state


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([(2, 1), (None, None)], r"\(2\.0, 1\.0\) of 'x' leaves nothing: the minimum is above"),
        ([(None, None), (math.nan, 1)], r"bound of 'y' is nan; accepted is a real number or None"),
        ([(None, None), ("0", 1)], r"bound of 'y' is '0'; accepted is a real number or None"),
        ([(None, None), (0, True)], r"bound of 'y' is True"),
        ([(None, None), 3], r"bound of 'y' is 3; accepted is a pair"),
        ([(None, None), (1, 2, 3)], r"bound of 'y' is \(1, 2, 3\); accepted is a pair"),
        ([(0, 2)], "bounds are given for 1 unknowns, and there are 2"),
        ([(0, 2)] * 3, "bounds are given for 3 unknowns, and there are 2"),
        ([(None, None), (0.5, 1)], r"\(0\.5, 1\.0\) of 'y' does not hold at the start, 0\.0"),
        ([(None, None), (-2, -1)], r"'y' does not hold at the start"),
        ([(math.inf, math.inf), (None, None)], "'x' leaves no finite number"),
        ({z: (0, 1)}, "There is no unknown 'z', which stands in bounds"),
        ({"q": (0, 1)}, "There is no unknown 'q', which stands in bounds. Accepted are x, y"),
        ({x: (0, 2), "x": (0, 2)}, "'x' stands twice in bounds"),
        (Bounds([0, 0, 0], [2, 2, 2]), "bounds is Bounds.*, for 2 unknowns"),
        (Bounds([0, math.nan], [2, 2]), r"\(nan, 2\.0\) of 'y' is not a number"),
        (np.array([[0, 2], [math.nan, 2]]), r"\(nan, 2\.0\) of 'y' is not a number"),
        (np.array([["0", "2"], ["0", "2"]]), "not real numbers"),
        (3, "bounds is 3; accepted is a pair"),
        ("ab", "bounds is 'ab'; accepted is a pair"),
    ],
)
def test_bounds_that_cannot_be_used(bounds: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(bounds=bounds)


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        ([x, y], "All unknowns are frozen"),
        ([z], "There is no unknown 'z', which stands in frozen. Accepted are x, y"),
        (["q"], "There is no unknown 'q'"),
        ([x, "x"], "'x' stands twice in frozen"),
        ([0], "There is no unknown '0'"),
        ([[x]], "must consist of unknowns or names"),
        ("x", "frozen is 'x'; accepted is a sequence"),
        (x, "frozen is x; accepted is a sequence"),
        ({x: True}, "accepted is a sequence"),
        (True, "frozen is True; accepted is a sequence"),
    ],
)
def test_frozen_that_cannot_be_used(frozen: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(frozen=frozen)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_maximize_is_true_or_false(value: Any) -> None:
    with pytest.raises(InputError, match=r"^maximize is .*; accepted is True or False"):
        run(maximize=value)


def test_a_state_without_the_mean_cannot_go_on_with_it() -> None:
    state = run().state
    with pytest.raises(InputError, match="average=True was given with a state of a run without it"):
        run(Adamax(average=True), state=state)
    fresh = State(0, [0, 0], [0, 0])
    assert run(Adamax(average=True), state=fresh).average_x is not None


def test_a_mean_is_dropped_by_a_run_without_it() -> None:
    state = run(Adamax(average=True)).state
    assert run(state=state).state.mean is None


@pytest.mark.parametrize("name", ["l2", "weight_decay", "clip_norm", "clip_value"])
def test_a_setting_that_float32_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"{name} is 1e-60, which becomes 0\.0 in float32"):
        run(Adamax(**{name: 1e-60}), dtype="float32")

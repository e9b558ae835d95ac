"""minimize_many: run k has the bits of minimize from start k, whatever runs beside it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from problems import PROBLEMS, Problem

import symadamax as sx
from symadamax._core import Status
from symadamax.errors import InputError

x, y, c = sp.symbols("x y c")
ROSENBROCK = sx.Objective(100 * (y - x**2) ** 2 + (1 - x) ** 2)
FAST = sx.Adamax(learning_rate=0.05)


def starts_of(problem: Problem, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centre = np.array(problem.start)
    return centre + rng.uniform(-0.5, 0.5, (count, len(centre))) * (np.abs(centre) + 0.5)


def hold_same_bits(results: sx.Results, singles: list[sx.Result]) -> None:
    assert len(results) == len(singles)
    for k, single in enumerate(singles):
        found = results.x[k], results.jac[k], results.nit[k], results.status[k]
        wanted = single.x, single.jac, single.nit, single.status
        assert all(
            np.asarray(a).tobytes() == np.asarray(b, np.asarray(a).dtype).tobytes()
            for a, b in zip(found, wanted, strict=True)
        ), f"run {k}: {results[k]}\n{single}"
        assert np.float64(results.fun[k]).tobytes() == np.float64(single.fun).tobytes()


def hold_agreement(objective: Any, starts: np.ndarray, **asked: Any) -> sx.Results:
    """Hold every run against a single one; where that refuses its start, the run has failed."""
    results = sx.minimize_many(objective, starts, **asked)
    for k, start in enumerate(starts):
        try:
            single = sx.minimize(objective, start, **asked)
        except InputError:
            assert results.status[k] < 0
            assert results.nit[k] == 0
        else:
            hold_same_bits(results[k : k + 1], [single])
    return results


def singles(objective: Any, starts: np.ndarray, **given: Any) -> list[sx.Result]:
    return [sx.minimize(objective, start, **given) for start in starts]


# ---- the bits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
def test_every_problem_has_the_bits_of_single_runs(problem: Problem, dtype: str) -> None:
    objective = sx.Objective(problem.expression, problem.unknowns)
    results = hold_agreement(objective, starts_of(problem, 11), method=FAST, steps=60, dtype=dtype)
    assert (results.status >= 0).any()


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 63, 64, 65, 200])
def test_odd_numbers_of_runs(count: int) -> None:
    starts = np.random.default_rng(count).uniform(-2, 2, (count, 2))
    results = sx.minimize_many(ROSENBROCK, starts, method=FAST, steps=40)
    hold_same_bits(results, singles(ROSENBROCK, starts, method=FAST, steps=40))


@pytest.mark.parametrize(
    "stop",
    [
        sx.Stop(gtol=0.5),
        sx.Stop(ftol=1e-5),
        sx.Stop(xtol=1e-3),
        sx.Stop(target=0.3),
        sx.Stop(gtol=0.2, ftol=1e-9, xtol=1e-7, target=1e-3),
        sx.Stop(gtol=1e9),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_each_run_stops_by_itself_and_another_takes_its_place(stop: sx.Stop, dtype: str) -> None:
    starts = np.random.default_rng(1).uniform(-2, 2, (150, 2))
    asked: dict[str, Any] = {"method": FAST, "steps": 400, "stop": stop, "dtype": dtype}
    results = sx.minimize_many(ROSENBROCK, starts, **asked)
    hold_same_bits(results, singles(ROSENBROCK, starts, **asked))


@pytest.mark.parametrize(
    "method",
    [
        sx.Adamax(0.05, epsilon_placement="maximum", epsilon=1e-3),
        sx.Adamax(0.05, epsilon_placement="none"),
        sx.Adamax(0.05, epsilon=0.0),
        sx.Adamax(0.05, beta1=0.0),
        sx.Adamax(0.05, beta1=0.99, beta2=0.995),
        sx.Adamax(0.05, l2=0.3),
        sx.Adamax(0.05, weight_decay=0.1),
        sx.Adamax(0.05, clip_value=2.0),
        sx.Adamax(0.05, clip_norm=2.0),
        sx.Adamax(0.05, l2=0.1, weight_decay=0.2, clip_value=1.0, epsilon_placement="none"),
        sx.Adamax(sx.schedules.exponential(0.1, 0.97)),
        sx.Adamax(lambda t: 0.1 / t, weight_decay=0.1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_setting(method: sx.Adamax, dtype: str) -> None:
    starts = np.random.default_rng(2).uniform(-2, 2, (70, 2))
    starts[0] = 0.0  # the derivative by y is 0 there
    asked: dict[str, Any] = {"method": method, "steps": 50, "dtype": dtype}
    hold_same_bits(
        sx.minimize_many(ROSENBROCK, starts, **asked), singles(ROSENBROCK, starts, **asked)
    )


@pytest.mark.parametrize("beta1", [0.0, 0.45])
def test_long_runs_rest_as_single_ones_do(beta1: float) -> None:
    objective = sx.Objective(sp.Max(x, 0) ** 2 + y**2)  # flat for x < 0: u decays
    starts = np.array([[-1.0, 1.0], [1.0, -1.0], [-2.0, 0.0], [-1e-3, 1e-3]])
    asked: dict[str, Any] = {"method": sx.Adamax(0.1, beta1, 0.5), "steps": 2500}
    hold_same_bits(
        sx.minimize_many(objective, starts, **asked), singles(objective, starts, **asked)
    )


def test_refilled_lanes_rest_at_their_own_steps() -> None:
    objective = sx.Objective(sp.Max(x, 0) ** 2 + (y - 1) ** 2)
    starts = np.random.default_rng(3).uniform(-1, 1, (100, 2))
    asked: dict[str, Any] = {
        "method": sx.Adamax(0.01, 0.4, 0.5), "steps": 1500, "stop": sx.Stop(gtol=1e-3),
    }  # fmt: skip
    hold_same_bits(
        sx.minimize_many(objective, starts, **asked), singles(objective, starts, **asked)
    )


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 100])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    starts = np.random.default_rng(4).uniform(-2, 2, (700, 2))
    asked: dict[str, Any] = {"method": FAST, "steps": 100, "stop": sx.Stop(gtol=0.3)}
    one = sx.minimize_many(ROSENBROCK, starts, threads=1, **asked)
    more = sx.minimize_many(ROSENBROCK, starts, threads=threads, **asked)
    for mine, theirs in zip(one.runs, more.runs, strict=True):
        assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("arithmetic", ["precise", "relaxed"])
def test_other_arithmetic(arithmetic: str) -> None:
    waves = sx.Objective(x**2 + y**2 - sp.cos(3 * x) * sp.exp(-y))
    starts = np.random.default_rng(14).uniform(-2, 2, (20, 2))
    asked: dict[str, Any] = {"method": FAST, "steps": 20, "arithmetic": arithmetic}
    results, wanted = sx.minimize_many(waves, starts, **asked), singles(waves, starts, **asked)
    if arithmetic == "precise":
        hold_same_bits(results, wanted)
    np.testing.assert_allclose(results.x, [single.x for single in wanted], atol=1e-9)


LEAVES = st.sampled_from([x, y, c, sp.Integer(2), sp.Float(0.3), sp.Integer(-1)])


def grown(parts: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    one = st.sampled_from([sp.sin, sp.exp, sp.tanh, sp.Abs, sp.log, sp.sqrt, sp.atan, sp.floor])
    return st.one_of(
        st.builds(lambda f, a: f(a), one, parts),
        st.builds(sp.Add, parts, parts),
        st.builds(sp.Mul, parts, parts),
        st.builds(sp.Max, parts, parts),
        st.builds(lambda a, b: sp.Piecewise((a, a > b), (b, True)), parts, parts),
        st.builds(lambda a, n: a**n, parts, st.integers(2, 3)),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(LEAVES, grown, max_leaves=8), st.sampled_from(["float64", "float32"]))
def test_random_objectives_where_some_runs_fail(expression: sp.Expr, dtype: str) -> None:
    whole = expression + x**2 + y**2
    if whole.has(sp.I, sp.zoo, sp.nan):
        return
    try:
        objective = sx.Objective(whole, [x, y], parameters={c: 0.7})
    except sx.SymadamaxError:
        return
    starts = np.random.default_rng(5).uniform(-3, 3, (20, 2))
    stop = sx.Stop(gtol=1e-2)
    hold_agreement(objective, starts, method=sx.Adamax(0.3), steps=25, stop=stop, dtype=dtype)


# ---- failures ------------------------------------------------------------------------------------


def test_a_run_that_fails_disturbs_no_neighbour() -> None:
    objective = sx.Objective(sp.log(x) + 1 / x)  # from 0.05 a step of 0.1 leads below 0
    starts = np.array([[2.0], [0.05], [3.0], [-1.0], [0.0], [0.2]])
    asked: dict[str, Any] = {"method": sx.Adamax(0.3), "steps": 30}
    results = sx.minimize_many(objective, starts, **asked)
    for k in (0, 2, 5):
        hold_same_bits(results[k : k + 1], singles(objective, starts[k : k + 1], **asked))
    assert results.status[3] == Status.VALUE_NOT_FINITE
    assert results.status[4] == Status.VALUE_NOT_FINITE
    assert results.x[3] == -1.0
    assert results.nit[3] == 0
    assert "not finite at the start, x = -1" in results[3].message
    assert not results.success[3]


def test_a_run_that_leaves_the_domain_keeps_its_last_finite_point() -> None:
    objective = sx.Objective(x * sp.sqrt(x) + 10 * x)  # falls towards 0, NaN beyond
    starts = np.array([[1.0], [0.35]])
    asked: dict[str, Any] = {"method": sx.Adamax(0.1), "steps": 100}
    results = sx.minimize_many(objective, starts, **asked)
    assert (results.status == Status.VALUE_NOT_FINITE).all()
    assert (results.x > 0).all()
    hold_same_bits(results, singles(objective, starts, **asked))


def test_a_step_beyond_all_numbers() -> None:
    objective = sx.Objective(-x)
    starts = np.array([[1e308], [0.0]])
    asked: dict[str, Any] = {"method": sx.Adamax(1e308), "steps": 5}
    results = sx.minimize_many(objective, starts, **asked)
    assert results.status.tolist() == [Status.POINT_NOT_FINITE] * 2
    hold_same_bits(results, singles(objective, starts, **asked))


def test_a_schedule_that_ends_ends_all_runs() -> None:
    method = sx.Adamax(lambda t: 0.1 if t < 4 else np.nan)
    results = sx.minimize_many(ROSENBROCK, [[0.0, 1.0], [1.0, 2.0]], method=method, steps=10)
    assert results.nit.tolist() == [3, 3]
    assert results.status.tolist() == [Status.SCHEDULE_FAILED] * 2


def test_a_schedule_that_raises_raises() -> None:
    def schedule(t: int) -> float:
        raise RuntimeError(f"at step {t}")

    with pytest.raises(RuntimeError, match="at step 1"):
        sx.minimize_many(ROSENBROCK, [[0.0, 1.0]], method=sx.Adamax(schedule))


def test_a_function_that_raises_leaves_what_has_ended() -> None:
    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        if point[0] > 50:
            raise RuntimeError("too far")
        return float(point @ point), 2 * point

    starts = np.arange(100.0).reshape(-1, 1)
    with pytest.raises(RuntimeError, match="too far") as caught:
        sx.minimize_many(function, starts, steps=3, threads=1)
    done = caught.value.result  # type: ignore[attr-defined]
    assert (done.nit[:50] == 3).all()
    assert np.isnan(done.fun[52:]).all()


# ---- settings and parameters for each run --------------------------------------------------------


def test_settings_for_each_run() -> None:
    rng = np.random.default_rng(6)
    rates, beta1 = rng.uniform(0.001, 0.3, 30), rng.choice([0.5, 0.9, 0.95], 30)
    epsilon = rng.choice([0.0, 1e-8, 1e-2], 30)
    method = sx.Adamax(rates, beta1, 0.999, epsilon)
    results = sx.minimize_many(ROSENBROCK, {x: -1.0, y: 0.5}, method=method, steps=500)
    wanted = [
        sx.minimize(ROSENBROCK, [-1.0, 0.5], method=method.of_run(k), steps=500) for k in range(30)
    ]
    hold_same_bits(results, wanted)


def test_beta1_of_each_run_beyond_the_tables() -> None:
    beta1 = np.linspace(0.0, 0.99, 400)
    method = sx.Adamax(0.05, beta1)
    results = sx.minimize_many(ROSENBROCK, [[-1.0, 0.5]], method=method, steps=20)
    some = [0, 1, 200, 399]
    wanted = [sx.minimize(ROSENBROCK, [-1.0, 0.5], method=method.of_run(k), steps=20) for k in some]
    hold_same_bits(results[some], wanted)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_parameters_for_each_run(dtype: str) -> None:
    objective = sx.Objective((x - c) ** 2 + sp.sin(c * y) * y, [x, y], parameters={c: 1.0})
    values = np.linspace(-1, 2, 21)
    results = sx.minimize_many(
        objective, {x: 0.0, y: 1.0}, parameters={c: values}, method=FAST, steps=60, dtype=dtype
    )
    wanted = [
        sx.minimize(objective, [0.0, 1.0], parameters={c: value}, method=FAST, steps=60,
                    dtype=dtype)
        for value in values
    ]  # fmt: skip
    hold_same_bits(results, wanted)
    assert results[3].objective.parameters[c] == values[3]


# ---- objectives with sums, functions, bounds -----------------------------------------------------


def test_objectives_with_sums_and_data() -> None:
    i, n = sp.symbols("i n", integer=True)
    t, v = sp.IndexedBase("t"), sp.IndexedBase("v")
    times = np.linspace(0, 2, 50)
    loss = sp.Sum((x * sp.exp(-y * t[i]) - v[i]) ** 2, (i, 0, n - 1))
    objective = sx.Objective(loss, [x, y], data={t: times, v: 2 * np.exp(-times)})
    starts = np.random.default_rng(7).uniform(0.1, 2, (9, 2))
    asked: dict[str, Any] = {"method": FAST, "steps": 40, "stop": sx.Stop(gtol=1e-3)}
    results = sx.minimize_many(objective, starts, threads=3, **asked)
    hold_same_bits(results, singles(objective, starts, **asked))


def test_arrays_of_unknowns() -> None:
    i = sp.Symbol("i", integer=True)
    w = sp.IndexedBase("w")
    chain = sx.Objective(sp.Sum((w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, 5)), [w])
    starts = np.random.default_rng(8).uniform(-1, 1, (4, 7))
    results = sx.minimize_many(chain, {w: starts}, method=FAST, steps=30)
    wanted = [sx.minimize(chain, {w: start}, method=FAST, steps=30) for start in starts]
    hold_same_bits(results, wanted)
    assert results[2].point[w].shape == (7,)


def test_python_functions() -> None:
    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        return float(point @ point), 2 * point

    starts = np.random.default_rng(9).uniform(-1, 1, (5, 3))
    results = sx.minimize_many(function, starts, method=FAST, steps=20)
    hold_same_bits(results, singles(function, starts, method=FAST, steps=20))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "given_",
    [
        {"bounds": {x: (0, 0.5), y: (None, 1)}},
        {"frozen": [y]},
        {"bounds": {x: (0, 0.5)}, "frozen": [y], "stop": sx.Stop(gtol=0.2)},
        {"bounds": [(0, 0.5), (-1, 0.2)], "stop": sx.Stop(gtol=0.2, xtol=1e-9, ftol=1e-12)},
        {"bounds": [(0, 0.5), (-1, 0.5)], "method": sx.Adamax(1e308)},
        {"bounds": [(0, 0.5), (-1, 0.5)], "method": sx.Adamax(0.1, clip_norm=1.0)},
        {"bounds": [(0, 0.5), (-1, 0.5)],
         "method": sx.Adamax(0.05, l2=0.1, weight_decay=1.0, epsilon_placement="none")},
    ],
    ids=str,
)  # fmt: skip
def test_bounds_and_frozen_unknowns(given_: dict[str, Any], dtype: str) -> None:
    if dtype == "float32" and given_.get("method", FAST).learning_rate == 1e308:
        given_ = {**given_, "method": sx.Adamax(1e38)}
    starts = np.random.default_rng(10).uniform(0, 0.2, (70, 2))
    asked: dict[str, Any] = {"method": FAST, "steps": 30, "dtype": dtype, **given_}
    results = sx.minimize_many(ROSENBROCK, starts, **asked)
    hold_same_bits(results, singles(ROSENBROCK, starts, **asked))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_zero_keeps_its_sign_where_other_runs_have_options(dtype: str) -> None:
    objective = sx.Objective(sp.Max(x, 0) ** 2 + x * y**2)
    starts = np.array([[-0.0, 0.0], [0.0, -0.0], [-0.0, -0.0], [-1.0, -0.0]])
    for options in ({"l2": [0, 0, 0.1, 0]}, {"weight_decay": [0.1, 0, 0, 0]}):
        method = sx.Adamax(0.1, **options)  # type: ignore[arg-type]
        results = sx.minimize_many(objective, starts, method=method, steps=3, dtype=dtype)
        wanted = [
            sx.minimize(objective, start, method=method.of_run(k), steps=3, dtype=dtype)
            for k, start in enumerate(starts)
        ]
        hold_same_bits(results, wanted)


def test_histories() -> None:
    starts = np.array([[0.0, 1.0], [1.0, 2.0]])
    results = sx.minimize_many(ROSENBROCK, starts, steps=20, record=5)
    assert results.histories is not None
    for k, start in enumerate(starts):
        single = sx.minimize(ROSENBROCK, start, steps=20, record=5)
        assert results.histories[k].x.tobytes() == single.history.x.tobytes()
        assert results[k].history.step.tolist() == [0, 5, 10, 15, 20]


# ---- what is kept --------------------------------------------------------------------------------


def test_the_k_best() -> None:
    starts = np.random.default_rng(11).uniform(-2, 2, (1000, 2))
    everything = sx.minimize_many(ROSENBROCK, starts, method=FAST, steps=50)
    best = sx.minimize_many(ROSENBROCK, starts, method=FAST, steps=50, keep=7)
    assert best.number.tolist() == everything.top(7).number.tolist()
    assert best.x.tobytes() == everything.top(7).x.tobytes()
    assert best.total == 1000
    assert best.summary().runs == 1000
    assert best.summary().counts == everything.summary().counts


def test_samples_are_drawn_block_by_block() -> None:
    box = sx.sample({y: (0, 1), x: (-2, 2)}, 300, rng=1)
    drawn = box.over([x, y])[0].points(0, 300)
    given_ = sx.minimize_many(ROSENBROCK, drawn, method=FAST, steps=20)
    sampled = sx.minimize_many(ROSENBROCK, box, method=FAST, steps=20)
    assert sampled.x.tobytes() == given_.x.tobytes()
    seeded = sx.minimize_many(
        ROSENBROCK, sx.sample({y: (0, 1), x: (-2, 2)}, 300), method=FAST, steps=20, rng=1
    )
    assert seeded.x.tobytes() == sampled.x.tobytes()


@pytest.mark.parametrize("keep", ["all", 3])
def test_no_start_is_no_run(keep: Any) -> None:
    results = sx.minimize_many(ROSENBROCK, np.empty((0, 2)), keep=keep)
    assert len(results) == results.total == 0
    assert results.summary().runs == 0


def test_no_step_is_the_start() -> None:
    results = sx.minimize_many(ROSENBROCK, [[0.0, 1.0]], steps=0)
    hold_same_bits(results, [sx.minimize(ROSENBROCK, [0.0, 1.0], steps=0)])


def test_results_pickle() -> None:
    results = sx.minimize_many(ROSENBROCK, [[0.0, 1.0], [1.0, 1.0]], steps=5)
    again = pickle.loads(pickle.dumps(results))
    assert again.x.tobytes() == results.x.tobytes()
    assert again.best.point == results.best.point


def test_a_time_limit_is_that_of_the_call() -> None:
    starts = np.random.default_rng(12).uniform(-2, 2, (9000, 2))
    results = sx.minimize_many(ROSENBROCK, starts, steps=10**9, stop=sx.Stop(seconds=0.05))
    assert set(results.status.tolist()) == {Status.TIME_LIMIT}
    begun = ~np.isnan(results.fun)
    assert begun.any()
    assert not begun.all()
    assert (results.nit[~begun] == 0).all()


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    sx.minimize_many(ROSENBROCK, [[0.0, 1.0]] * 3, steps=5, progress=True)
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "best" in shown


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"keep": "best"}, "keep is 'best'; accepted is 'all' or a number of runs"),
        ({"keep": 0}, "keep is 0; accepted is a whole number >= 1"),
        ({"keep": 3, "record": 1}, "record was given with keep"),
        ({"steps": -1}, "steps is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"stop": 3}, "stop is 3"),
        ({"method": "adam"}, "method is 'adam'"),
        ({"method": sx.Adamax(average=True)}, "keeps no averaged iterates"),
        (
            {"method": sx.Adamax([0.1, 0.2, 0.3, 0.4])},
            "There are 3 starts, and 4 numbers",
        ),
        ({"parameters": {"c": [1.0]}}, "There is no symbol 'c'"),
        ({"dtype": "float16"}, "dtype is 'float16'"),
        ({"rng": 1}, "rng was given, and the starts are not drawn"),
        ({"progress": 1}, "progress is 1"),
        ({"starts": [[1.0, np.nan]]}, "The start of 'y' in row 0 is nan"),
        ({"starts": [[1.0, 2.0, 3.0]]}, r"shape \(1, 3\)"),
        ({"starts": {1.0, 2.0}}, r"The starts are {1.0, 2.0}; accepted are arrays"),
        (
            {"starts": sx.sample({x: (0, 1), y: (0, 1e39)}, 8), "dtype": "float32"},
            "The box has the end 1e\\+39 for 'y'; it must be finite in float32",
        ),
        (
            {"steps": 10**8, "method": sx.Adamax(lambda t: 0.1)},
            "steps is 100000000, and the learning rate changes with the step",
        ),
        ({"bounds": [(0, 1.5), (0, 9)]}, r"\(0.0, 1.5\) of 'x' does not hold at start 2, 1.6"),
        ({"frozen": "x"}, "frozen is 'x'"),
        ({"method": sx.Adamax(1e-60), "dtype": "float32"}, "which becomes 0.0 in float32"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_said(given_: dict[str, Any], sentence: str) -> None:
    asked = {"starts": [[0.0, 1.0], [1.0, 2.0], [1.6, 2.0]], **given_}
    with pytest.raises(InputError, match=sentence):
        sx.minimize_many(ROSENBROCK, **asked)


@pytest.mark.parametrize(
    ("starts", "sentence"),
    [
        ([], "The starts have no numbers"),
        (np.empty((2, 0)), "The starts have no numbers"),
        ([[1.0], [2.0, 3.0]], "The starts are not a regular array of numbers"),
        (3.0, "The starts are 3.0; accepted is an array"),
        ({"x": [1.0]}, "The starts are by name, and a Python function has no symbols"),
        (pandas.DataFrame({"x": [1.0]}), "The starts are by name"),
    ],
    ids=str,
)
def test_starts_of_a_function_that_cannot_be_used(starts: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        sx.minimize_many(lambda point: (0.0, point), starts)

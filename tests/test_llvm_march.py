"""Many steps in one function: the bits of steps one by one, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from expressions import SYMBOLS, expressions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from problems import PROBLEMS

import symadamax as sx
from symadamax import Status, _core
from symadamax.compiler.llvm_march import MOST_UNKNOWNS, fits
from symadamax.solver import session

x, y = sp.symbols("x y")
NEVER = 10**12


@pytest.fixture
def threshold(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda steps: monkeypatch.setattr(session, "MARCHING", steps)


@pytest.fixture
def marched(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each run that was made has a march."""
    seen: list[bool] = []
    made = _core.Run

    def run(*given: Any) -> Any:
        seen.append(given[-1] is not None)
        return made(*given)

    monkeypatch.setattr(_core, "Run", run)
    return seen


def content(result: Any) -> tuple[Any, ...]:
    """Return all that a run came to, by bits."""
    history = result.history
    arrays = [result.x, result.jac, result.best_x, result.state.m, result.state.u]
    if history is not None:
        arrays += [history.step, history.fun, history.x, history.m, history.u]
    bits = tuple(array.tobytes() for array in arrays if array is not None)
    numbers = np.array([result.fun, result.best_fun]).tobytes()
    return result.status, result.nit, result.message, numbers, bits


def both(threshold: Callable[[int], None], *given: Any, **options: Any) -> list[Any]:
    """Return what a run comes to in a march, and step by step."""
    found = []
    for steps in (1, NEVER):
        threshold(steps)
        found.append(content(sx.minimize(*given, **options)))
    return found


SMALL = [p for p in PROBLEMS if len(p.unknowns) <= MOST_UNKNOWNS]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("problem", SMALL, ids=repr)
def test_every_problem_ends_with_the_same_bits(problem: Any, dtype: str, threshold: Any) -> None:
    objective = sx.Objective(problem.expression, problem.unknowns)
    for method in (sx.Adamax(0.05), sx.Adamax(0.01, beta1=0.0, epsilon_placement="maximum")):
        one, other = both(
            threshold, objective, problem.start, method=method, steps=1500, dtype=dtype,
            record=sx.Record(every=77, moments=True),
        )  # fmt: skip
        assert one == other


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(expressions(), st.tuples(*[st.floats(-3, 3)] * 3), st.sampled_from([1e-3, 0.3, 50.0]))
def test_random_functions_end_with_the_same_bits(
    threshold: Any, expression: sp.Expr, start: tuple[float, ...], rate: float
) -> None:
    objective = sx.Objective(expression, SYMBOLS)
    try:
        one, other = both(threshold, objective, start, method=sx.Adamax(rate), steps=200)
    except sx.InputError:  # not finite at the start
        return
    assert one == other


@pytest.mark.parametrize(
    ("expression", "start"),
    [
        (sp.log(x) + y**2, [0.9, 1.0]),
        (sp.sqrt(x) + y, [0.9, 1.0]),
        (-sp.exp(x * x) + y, [1.0, 1.0]),
        (sp.Piecewise((x**2, x > 0.5), (sp.log(x - 0.5), True)) + y, [1.0, 1.0]),
    ],
    ids=["logarithm", "root", "overflow", "piecewise"],
)
@pytest.mark.parametrize("rate", [1e-3, 0.03, 0.4])
def test_what_is_not_finite_ends_a_run_where_it_does_step_by_step(
    expression: sp.Expr, start: list[float], rate: float, threshold: Any
) -> None:
    method = sx.Adamax(rate, beta1=0.5)
    one, other = both(threshold, expression, start, method=method, steps=20_000)
    assert one == other
    assert rate < 0.01 or one[0] < 0


def test_a_march_that_is_broken_off_goes_on_step_by_step(threshold: Any) -> None:
    """With epsilon nowhere, an unknown without any slope is 0/0 at each step, and stays."""
    method = sx.Adamax(0.01, epsilon_placement="none")
    one, other = both(
        threshold, sx.Objective((x - 1) ** 2 + sp.Max(y, 0) ** 2, [x, y]), [0.0, -3.0],
        method=method, steps=3000,
    )  # fmt: skip
    assert one == other
    assert one[0] == Status.STEPS_DONE


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_subnormal_moments_are_lifted_at_the_same_steps(dtype: str, threshold: Any) -> None:
    bend = sp.Piecewise((0, x < 0.9), ((x - 0.9) ** 2, True)) + y**2
    one, other = both(
        threshold, bend, [1.0, 1e-3], method=sx.Adamax(0.05, beta1=0.1, beta2=0.3), steps=9000,
        dtype=dtype, record=sx.Record(every=1000, moments=True),
    )  # fmt: skip
    assert one == other


def test_a_run_goes_on_from_a_state_with_the_same_bits(threshold: Any) -> None:
    threshold(1)
    f, start = 100 * (y - x**2) ** 2 + (1 - x) ** 2, [-1.2, 1.0]
    whole = sx.minimize(f, start, steps=1000)
    half = sx.minimize(f, start, steps=601)
    rest = sx.minimize(f, half.x, state=half.state, steps=399)
    assert content(rest)[4][0] == content(whole)[4][0]
    assert rest.state.u.tobytes() == whole.state.u.tobytes()


def test_parameters_are_read(threshold: Any) -> None:
    c = sp.Symbol("c")
    for value in (2, 3):
        one, other = both(threshold, c * x**2 + sp.sin(c * x), [1.0], parameters={c: value})
        assert one == other


def test_long_plain_runs_march(marched: list[bool]) -> None:
    bowl = sx.Objective(x**2 + y**2)
    sx.minimize(bowl, [1, 1], steps=session.MARCHING)
    sx.minimize(bowl, [1, 1], steps=session.MARCHING - 1)
    assert marched == [True, False]


ODD = {
    "criteria": {"stop": sx.Stop(gtol=1e-3)},
    "bounds": {"bounds": [(-2, 2)] * 2},
    "schedule": {"method": sx.Adamax(sx.schedules.inverse_square_root(0.01))},
    "decay": {"method": sx.Adamax(weight_decay=0.1)},
    "relaxed": {"arithmetic": "relaxed"},
    "numpy": {"backend": "numpy"},
}


@pytest.mark.parametrize("options", ODD.values(), ids=ODD.keys())
def test_other_runs_do_not(options: Any, marched: list[bool], threshold: Any) -> None:
    threshold(1)
    sx.minimize(x**2 + y**2, [1.0, 1.0], steps=20, **options)
    assert marched == [False]


def test_what_does_not_fit() -> None:
    many = sp.symbols(f"x:{MOST_UNKNOWNS + 1}")
    assert fits(sx.Objective(x**2).stages.loops, "portable")
    assert not fits(sx.Objective(x**2).stages.loops, "relaxed")
    assert not fits(sx.Objective(sum(s**2 for s in many)).stages.loops, "portable")


def test_the_core_refuses_what_is_no_march() -> None:
    with pytest.raises(ValueError, match="the address of a march is 0"):
        _core.march_capsule(0, "float64")


@pytest.mark.parametrize(
    ("size", "stop", "message"),
    [
        (MOST_UNKNOWNS + 1, sx.Stop(), "a march has 4 unknowns at most, not 5"),
        (2, sx.Stop(gtol=1e-3), "a march has neither options nor criteria"),
    ],
    ids=["unknowns", "criteria"],
)
def test_the_core_refuses_a_march_beside_what_it_would_ignore(
    size: int, stop: sx.Stop, message: str
) -> None:
    compiled = sx.Objective(x**2 + y**2).compiled()
    march, _ = sx.Objective(x**2 + y**2).stages.march("float64") or (None, None)
    work, none = np.zeros((_core.WORK_ROWS, size)), np.empty(0)
    given = (compiled.function, none, work, size, sx.Adamax(), stop, 0, 10, 0, None, None)
    with pytest.raises(ValueError, match=message):
        _core.Run(*given, march)

"""minimize as a whole: what it takes, how it goes on, what it tells on the way."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import OptimizeResult

from symadamax.errors import MissingDependencyError
from symadamax.objective import Objective
from symadamax.solver import Adamax, Record, State, Status, Stop, minimize

x, y, c = sp.symbols("x y c")
EXPRESSION = 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x
BOWL = Objective(EXPRESSION)
METHOD = Adamax(learning_rate=0.01)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


def numeric(point: np.ndarray) -> tuple[float, np.ndarray]:
    """Return what BOWL computes, in its order of operations."""
    value_and_gradient = BOWL.lambdify()[1]
    return value_and_gradient(*point)


# ---- what is minimised --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start", [{x: 1, y: 0}, {"y": 0, "x": 1}, [1, 0], (1.0, 0), np.array([1, 0])]
)
@pytest.mark.parametrize("objective", [EXPRESSION, BOWL], ids=["expression", "Objective"])
def test_any_form_of_problem_and_start_is_the_same_run(objective: Any, start: Any) -> None:
    result = minimize(objective, start, method=METHOD)
    assert same_bits(result.x, minimize(BOWL, [1.0, 0.0], method=METHOD).x)
    assert list(result.point) == [x, y]


def test_a_python_function_gives_the_bits_of_the_expression() -> None:
    python = minimize(numeric, [1, 0], method=METHOD, record=1)
    native = minimize(BOWL, [1, 0], method=METHOD, record=1)
    assert same_bits(python.history.x, native.history.x)
    assert same_bits(python.state.u, native.state.u)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_both_backends_give_the_same_bits(dtype: str) -> None:
    runs = [
        minimize(BOWL, [1, 0], method=METHOD, backend=backend, dtype=dtype, record=1)
        for backend in ("native", "numpy")
    ]
    assert runs[0].x.dtype == runs[0].jac.dtype == runs[0].state.m.dtype == dtype
    assert same_bits(runs[0].history.x, runs[1].history.x)


def test_float32_comes_close_to_float64() -> None:
    single = minimize(BOWL, [1, 0], method=METHOD, dtype="float32")
    assert np.allclose(single.x, [2, -1], atol=1e-3)


def test_parameters_are_values_of_the_other_symbols() -> None:
    result = minimize((x - c) ** 2, {"x": 0}, parameters={c: 3}, method=Adamax(0.1))
    assert result.point[x] == pytest.approx(3, abs=1e-3)
    objective = Objective((x - c) ** 2, parameters={c: 1})
    changed = minimize(objective, [0], parameters={"c": 3}, method=Adamax(0.1))
    assert same_bits(changed.x, result.x)
    assert changed.objective.parameters[c] == 3
    assert objective.parameters[c] == 1


def test_what_a_python_function_gets_is_its_own() -> None:
    kept = []

    def keeps_and_spoils(point: np.ndarray) -> tuple[float, np.ndarray]:
        kept.append(point.copy())
        value, gradient = numeric(point)
        point[:] = np.nan
        return value, gradient

    result = minimize(keeps_and_spoils, [1, 0], method=METHOD, steps=20, record=1)
    assert same_bits(np.array(kept), result.history.x)


@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 2)])
def test_a_python_function_may_return_a_column_or_a_row(shape: tuple[int, ...]) -> None:
    def shaped(point: np.ndarray) -> tuple[Any, Any]:
        value, gradient = numeric(point)
        return np.array([value]), gradient.reshape(shape)

    result = minimize(shaped, [[1], [0]], method=METHOD)
    assert same_bits(result.x, minimize(BOWL, [1, 0], method=METHOD).x)


# ---- how far ------------------------------------------------------------------------------------


def test_no_steps_return_the_start_with_its_value() -> None:
    result = minimize(BOWL, [1, 0], steps=0)
    assert result.x.tolist() == result.best_x.tolist() == [1, 0]
    assert (result.fun, result.nit, result.nfev, result.success) == (-4, 0, 1, True)
    assert result.jac.tolist() == [-2, 2]


def test_steps_may_be_an_integer_of_numpy() -> None:
    assert minimize(BOWL, [1, 0], steps=np.int32(7)).nit == 7


@pytest.mark.parametrize("cut", [0, 1, 355, 356, 600, 999, 1000])
def test_a_run_in_two_parts_gives_the_bits_of_one(cut: int) -> None:
    whole = minimize(BOWL, [1, 0], method=METHOD, steps=1000)
    first = minimize(BOWL, [1, 0], method=METHOD, steps=cut)
    second = minimize(BOWL, first.x, method=METHOD, steps=1000 - cut, state=first.state, record=1)
    assert same_bits(second.x, whole.x)
    assert second.state == whole.state
    assert second.state.step == 1000
    assert second.nit == 1000 - cut
    assert second.history.step.tolist() == list(range(1001 - cut))


def test_a_state_may_be_made_by_hand() -> None:
    first = minimize(BOWL, [1, 0], method=METHOD, steps=600)
    state = State(600, first.state.m.tolist(), first.state.u.tolist())
    second = minimize(BOWL, first.x, method=METHOD, steps=400, state=state)
    assert same_bits(second.x, minimize(BOWL, [1, 0], method=METHOD, steps=1000).x)


def test_two_parts_agree_after_the_gradient_has_been_0_for_long() -> None:
    flat = Objective(sp.Max(x, 0) ** 2, [x])
    method = Adamax(learning_rate=0.1, beta2=0.95)
    whole = minimize(flat, [1], method=method, steps=5000)
    for cut in (700, 1024, 3000):
        first = minimize(flat, [1], method=method, steps=cut)
        second = minimize(flat, first.x, method=method, steps=5000 - cut, state=first.state)
        assert second.state == whole.state
        assert same_bits(second.x, whole.x)


# ---- on the way ---------------------------------------------------------------------------------


def test_the_callback_sees_every_step() -> None:
    seen: list[OptimizeResult] = []
    result = minimize(BOWL, [1, 0], method=METHOD, steps=50, callback=seen.append, record=1)
    assert [step.nit for step in seen] == list(range(1, 51)) != []
    history = minimize(BOWL, [1, 0], method=METHOD, steps=50, record=1).history
    assert same_bits(np.array([step.x for step in seen]), history.x[1:])
    assert [step.fun for step in seen] == history.fun[1:].tolist()
    assert seen[-1].jac.tolist() == result.jac.tolist()
    assert isinstance(seen[0], OptimizeResult)


def test_without_a_record_the_callback_sees_every_step_too() -> None:
    seen: list[int] = []
    minimize(BOWL, [1, 0], steps=5, callback=lambda step: seen.append(step.nit))
    assert seen == [1, 2, 3, 4, 5]


def test_with_a_record_the_callback_sees_the_steps_that_are_kept() -> None:
    seen: list[int] = []
    minimize(BOWL, [1, 0], steps=35, record=10, callback=lambda step: seen.append(step.nit))
    assert seen == [10, 20, 30]


def test_a_callback_cannot_spoil_the_run() -> None:
    def spoil(step: OptimizeResult) -> None:
        step.x[:] = step.jac[:] = np.nan

    result = minimize(BOWL, [1, 0], method=METHOD, steps=100, callback=spoil)
    assert same_bits(result.x, minimize(BOWL, [1, 0], method=METHOD, steps=100).x)


def test_stop_iteration_ends_the_run() -> None:
    def enough(step: OptimizeResult) -> None:
        if step.nit == 7:
            raise StopIteration

    result = minimize(BOWL, [1, 0], method=METHOD, callback=enough)
    assert result.status == Status.STOPPED_BY_CALLBACK
    assert not result.success
    assert result.nit == 7
    assert result.message == "The callback ended the run after 7 steps."


def test_stop_iteration_at_the_last_step_takes_nothing_away() -> None:
    def late(step: OptimizeResult) -> None:
        if step.nit == 5:
            raise StopIteration

    assert minimize(BOWL, [1, 0], steps=5, callback=late).success


def test_a_callback_that_raises_leaves_the_result_on_its_exception() -> None:
    def fails(step: OptimizeResult) -> None:
        if step.nit == 7:
            raise KeyError("gone")

    with pytest.raises(KeyError, match="gone") as caught:
        minimize(BOWL, [1, 0], method=METHOD, callback=fails, record=1)
    result = caught.value.result  # type: ignore[attr-defined]
    assert result.status == Status.CALLBACK_FAILED
    assert same_bits(result.x, minimize(BOWL, [1, 0], method=METHOD, steps=7).x)
    assert len(result.history) == 8
    assert "KeyError('gone')" in result.message
    assert any("attribute `result`" in note for note in caught.value.__notes__)


def test_an_objective_that_raises_leaves_the_result_on_its_exception() -> None:
    calls = iter(range(100))

    def fails(point: np.ndarray) -> tuple[float, np.ndarray]:
        if next(calls) == 7:
            raise OverflowError("too large")
        return numeric(point)

    with pytest.raises(OverflowError, match="too large") as caught:
        minimize(fails, [1, 0], method=METHOD)
    result = caught.value.result  # type: ignore[attr-defined]
    assert result.status == Status.OBJECTIVE_FAILED < 0
    assert (result.nit, result.nfev) == (6, 8)
    assert same_bits(result.x, minimize(BOWL, [1, 0], method=METHOD, steps=6).x)
    again = minimize(BOWL, result.x, method=METHOD, steps=4, state=result.state)
    assert same_bits(again.x, minimize(BOWL, [1, 0], method=METHOD, steps=10).x)


def test_progress_shows_the_steps_and_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    minimize(BOWL, [1, 0], method=METHOD, steps=300, progress=True)
    shown = capsys.readouterr().err
    assert "300/300" in shown
    assert "value -5.9" in shown or "value -6" in shown


def test_progress_without_tqdm_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(MissingDependencyError, match=r'tqdm.*pip install "symadamax\[cli\]"'):
        minimize(BOWL, [1, 0], progress=True)


@pytest.mark.parametrize("record", [1, 3, Record(7, moments=True)])
def test_recording_and_looking_change_no_bit(record: Any) -> None:
    watched = minimize(
        BOWL, [1, 0], method=METHOD, record=record, callback=lambda _: None, progress=False,
        stop=Stop(gtol=0, ftol=0, xtol=0, target=-100, seconds=100),
        steps=300,
    )  # fmt: skip
    assert same_bits(watched.x, minimize(BOWL, [1, 0], method=METHOD, steps=300).x)


# ---- many at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_runs_in_many_threads_do_not_disturb_each_other(backend: str) -> None:
    starts = np.random.default_rng(1).uniform(-3, 3, (40, 2))

    def run(start: np.ndarray) -> bytes:
        result = minimize(BOWL, start, method=METHOD, steps=400, backend=backend, record=5)
        return bytes(result.history.x.tobytes())

    expected = [run(start) for start in starts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, starts)) == expected


def test_the_interpreter_is_free_while_machine_code_runs() -> None:
    done = threading.Event()
    thread = threading.Thread(
        target=lambda: (minimize(BOWL, [1, 0], steps=10**12, stop=Stop(seconds=0.4)), done.set())
    )
    thread.start()
    counted = 0
    while not done.is_set():
        counted += 1
    thread.join()
    assert counted > 10_000


def test_a_run_inside_the_callback_of_a_run() -> None:
    inner: list[float] = []

    def nested(step: OptimizeResult) -> None:
        inner.append(minimize(BOWL, step.x, method=METHOD, steps=10).fun)

    result = minimize(BOWL, [1, 0], method=METHOD, steps=20, callback=nested)
    assert same_bits(result.x, minimize(BOWL, [1, 0], method=METHOD, steps=20).x)
    assert len(inner) == 20

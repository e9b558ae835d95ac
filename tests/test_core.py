"""The core by itself, on machine functions and Python ones: its doors, its loop, its arrays."""

from __future__ import annotations

import pickle
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from native import capsule, parameters

from symadamax import _core
from symadamax._core import Status
from symadamax.solver import Adamax, Stop
from symadamax.solver.options import Options
from symadamax.solver.session import _row_length

X, GRADIENT, M, U = range(4)
NATIVE = {dtype: capsule(dtype) for dtype in ("float64", "float32")}


def make(
    start: Any = (1.0, -2.0),
    function: Any = None,
    context: np.ndarray | None = None,
    *,
    steps: int = 100,
    dtype: str = "float64",
    stop: Stop | None = None,
    **settings: Any,
) -> _core.Run:
    context = parameters() if context is None else context
    work = np.zeros((_core.WORK_ROWS, len(start)), dtype)
    work[X] = start
    return _core.Run(
        function or NATIVE[dtype], context.astype(dtype), work, len(start),
        settings.pop("method", Adamax(learning_rate=0.1)), stop or Stop(), settings.pop("t", 0),
        steps, **settings,
    )  # fmt: skip


def finish(run: _core.Run) -> Status:
    status = run.start()
    while status == Status.RUNNING:
        status = run.advance(10**9)
    return status


def options(**given: Any) -> Options:
    none = Options(False, 0.0, 0.0, np.inf, np.inf, False, None, None, None, None)
    return none._replace(**given)


def bowl(x: np.ndarray, gradient: np.ndarray) -> float:
    gradient[:] = 2 * x
    return float(x[0] * x[0] + x[1] * x[1])


# ---- the doors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_evaluate_returns_the_value_and_writes_the_gradient(dtype: str) -> None:
    x, gradient = np.array([1, -2], dtype), np.zeros(2, dtype)
    x.flags.writeable = False
    assert _core.evaluate(NATIVE[dtype], parameters(3).astype(dtype), x, gradient) == 15
    assert gradient.tolist() == [6, -12]


@pytest.mark.parametrize(
    ("x", "gradient", "message"),
    [
        (np.zeros(2), np.zeros(3), "2 entries and gradient 3"),
        (np.zeros(0), np.zeros(0), "0 entries"),
        (np.zeros(2, "float32"), np.zeros(2), "expected 'const double' but got 'float'"),
        (np.zeros(4)[::2], np.zeros(2), "not C-contiguous|not contiguous"),
        (np.zeros((2, 1)), np.zeros(2), "number of dimensions"),
    ],
)
def test_evaluate_takes_only_arrays_that_fit(
    x: np.ndarray, gradient: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _core.evaluate(NATIVE["float64"], parameters(), x, gradient)


def test_evaluate_takes_only_its_own_capsules() -> None:
    with pytest.raises(TypeError, match="a capsule made by function_capsule is needed"):
        _core.evaluate(len, parameters(), np.zeros(2), np.zeros(2))


def test_an_address_is_not_0_and_its_type_is_known() -> None:
    with pytest.raises(ValueError, match="is 0"):
        _core.function_capsule(0, "float64")
    with pytest.raises(ValueError, match="'float16'; the core knows 'float64' and 'float32'"):
        _core.function_capsule(1, "float16")


def test_a_capsule_of_another_type_than_the_arrays_is_refused() -> None:
    with pytest.raises(ValueError, match="PyCapsule"):
        make(function=NATIVE["float32"])


def test_work_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="Buffer dtype mismatch"):
        make(dtype="int64", function=NATIVE["float64"])


def test_statuses_pickle_as_themselves() -> None:
    assert pickle.loads(pickle.dumps(Status.VALUE_NOT_FINITE)) is Status.VALUE_NOT_FINITE


# ---- the loop -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_python_function_and_machine_code_give_the_same_bits(dtype: str) -> None:
    runs = [make(function=function, dtype=dtype) for function in (NATIVE[dtype], bowl)]
    assert [finish(run) for run in runs] == [Status.STEPS_DONE] * 2
    for row in (X, GRADIENT, M, U):
        native, python = (run.copy_slot()[row] for run in runs)
        assert native.dtype == dtype
        assert native.tobytes() == python.tobytes()


def test_chunks_change_no_bit() -> None:
    whole, pieces = make(), make()
    finish(whole)
    status = pieces.start()
    for length in (1, 0, 2, 30, 7, 100):
        status = pieces.advance(length)
    assert status == Status.STEPS_DONE
    assert pieces.nit == whole.nit == 100
    assert pieces.copy_slot()[X].tobytes() == whole.copy_slot()[X].tobytes()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 1000, 1027])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("placement", ["none", "maximum", "denominator"])
def test_the_sweep_gives_numpys_bits_at_any_length(size: int, dtype: str, placement: str) -> None:
    rng = np.random.default_rng(size)
    target, start = rng.normal(size=(2, size)).astype(dtype)

    def function(x: np.ndarray, gradient: np.ndarray) -> float:
        gradient[:] = x - target
        return 0.0

    method = Adamax(learning_rate=0.1, epsilon=1e-3, epsilon_placement=placement)
    run = make(start, function, steps=20, dtype=dtype, method=method)
    finish(run)
    kind = np.dtype(dtype).type
    inside = kind(method.epsilon if placement == "maximum" else 0)
    outside = kind(method.epsilon if placement == "denominator" else 0)
    x, m, u = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for t in range(1, 21):
        g, rate = x - target, kind(method.learning_rate / (1 - method.beta1**t))
        m = kind(method.beta1) * m + kind(1 - method.beta1) * g
        u = np.maximum(kind(method.beta2) * u, abs(g) + inside)
        x = x + -rate * m / (u + outside)
    for row, expected in ((X, x), (M, m), (U, u)):
        assert run.copy_slot()[row].tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("added", "status"),
    [
        ({"value": np.nan}, Status.VALUE_NOT_FINITE),
        ({"value": np.inf}, Status.VALUE_NOT_FINITE),
        ({"value": -np.inf}, Status.VALUE_NOT_FINITE),
        ({"slope": np.nan}, Status.GRADIENT_NOT_FINITE),
        ({"slope": -np.inf}, Status.GRADIENT_NOT_FINITE),
    ],
)
def test_what_is_not_finite_ends_the_run_at_the_last_finite_point(
    added: dict[str, float], status: Status
) -> None:
    run = make(context=parameters(edge=0.55, **added))
    assert finish(run) == status
    good = make(steps=run.nit)
    finish(good)
    for row in (X, GRADIENT, M, U):
        assert run.copy_slot()[row].tobytes() == good.copy_slot()[row].tobytes()
    assert run.fun == good.fun
    assert run.best_fun == good.fun
    assert run.copy_slot()[X][0] >= 0.55 > run.copy_slot(True)[X][0]
    if "value" in added:
        assert np.array_equal(run.rejected_value, added["value"], equal_nan=True)
    else:
        assert not np.isfinite(run.copy_slot(True)[GRADIENT][1])


def test_a_point_that_overflows_ends_the_run_before_anybody_sees_it() -> None:
    seen = []

    def slope(x: np.ndarray, gradient: np.ndarray) -> float:
        seen.append(x.copy())
        gradient[:] = -1
        return 0.0

    run = make((1e308,), slope, method=Adamax(learning_rate=1e307))
    assert finish(run) == Status.POINT_NOT_FINITE
    assert run.nit == 7
    assert np.isfinite(seen).all()
    assert run.copy_slot(True)[X][0] == np.inf


@pytest.mark.parametrize("function", [None, bowl])
def test_0_over_0_moves_nothing_and_the_others_go_on(function: Any) -> None:
    run = make((1.0, 0.0), function, method=Adamax(0.1, epsilon_placement="none"))
    assert finish(run) == Status.STEPS_DONE
    assert run.copy_slot()[X][1] == 0
    alone = make((1.0, 1.0), function, method=Adamax(0.1, epsilon_placement="none"))
    finish(alone)
    assert run.copy_slot()[X][0] == alone.copy_slot()[X][0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_gradient_that_stays_0_does_not_sink_into_subnormal_numbers(dtype: str) -> None:
    zeros = iter([2.0])

    def once(x: np.ndarray, gradient: np.ndarray) -> float:
        gradient[:] = next(zeros, 0.0)
        return 0.0

    method = Adamax(learning_rate=0.1, beta1=0.5, beta2=0.75)
    run = make((1.0,), once, steps=20_000, dtype=dtype, method=method)
    finish(run)
    tiny = np.finfo(dtype).smallest_normal
    assert run.copy_slot()[M][0] == 0
    assert 0 < run.copy_slot()[U][0] < tiny / np.finfo(dtype).eps * 1.001


def test_the_best_point_is_kept_when_later_ones_are_worse() -> None:
    run = make(method=Adamax(learning_rate=0.9), steps=50)
    status, seen = run.start(), []
    while status == Status.RUNNING:
        seen.append((run.fun, run.copy_slot()[X].tolist()))
        status = run.advance(1)
    seen.append((run.fun, run.copy_slot()[X].tolist()))
    assert (run.best_fun, run.best_x.tolist()) == min(seen)
    assert run.best_fun < run.fun


def test_rows_are_kept_every_so_many_steps_with_their_moments() -> None:
    rows = (np.zeros(5, int), np.zeros(5), *(np.zeros((5, 2)) for _ in range(3)))
    run = make(steps=14, every=3, history=rows)
    finish(run)
    assert run.rows == 5
    assert rows[0].tolist() == [0, 3, 6, 9, 12]
    shorter = make(steps=9)
    finish(shorter)
    assert rows[1][3] == shorter.fun
    for row, block in ((X, rows[2]), (M, rows[3]), (U, rows[4])):
        assert block[3].tobytes() == shorter.copy_slot()[row].tobytes()


# ---- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 1027])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_options_that_do_nothing_give_the_bits_of_the_plain_sweep(size: int, dtype: str) -> None:
    start = np.random.default_rng(size).normal(size=size).astype(dtype)

    def function(x: np.ndarray, gradient: np.ndarray) -> float:
        gradient[:] = x * x - 1
        return 0.0

    wide = np.full(size, np.inf, dtype)
    idle = options(lower=-wide, upper=wide, frozen=np.zeros(size, bool), mean=0 * start)
    plain, surrounded = (
        make(start, function, dtype=dtype, options=given) for given in (None, idle)
    )
    assert finish(plain) == finish(surrounded) == Status.STEPS_DONE
    for row in (X, M, U):
        assert plain.copy_slot()[row].tobytes() == surrounded.copy_slot()[row].tobytes()


def test_rates_are_fed_and_the_run_goes_no_further_than_they_reach() -> None:
    fed, plain = make(options=options(scheduled=True)), make()
    status = fed.start()
    assert fed.hungry
    for length in (1, 30, 0, 69, 5):
        while fed.hungry and length:
            fed.feed(np.full(length, 0.1))
            before = fed.nit
            status = fed.advance(10**9)
            assert fed.nit == min(before + length, 100)
            length = 0
    assert (status, finish(plain)) == (Status.STEPS_DONE, Status.STEPS_DONE)
    assert fed.copy_slot()[X].tobytes() == plain.copy_slot()[X].tobytes()


def test_without_rates_a_scheduled_run_does_not_move() -> None:
    run = make(options=options(scheduled=True))
    assert run.start() == run.advance(10) == Status.RUNNING
    assert run.nit == 0


@pytest.mark.parametrize("name", ["lower", "upper", "mean", "frozen"])
def test_an_option_of_another_length_is_refused(name: str) -> None:
    array = np.zeros(3, bool if name == "frozen" else float)
    with pytest.raises(ValueError, match="an option has 3 entries for 2 unknowns"):
        make(options=options(**{name: array}))


def test_an_option_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="Buffer dtype mismatch"):
        make(options=options(mean=np.zeros(2, "float32")))


# ---- Python objectives --------------------------------------------------------------------------


def test_an_exception_comes_out_as_it_is_and_the_last_point_is_kept() -> None:
    def fails(x: np.ndarray, gradient: np.ndarray) -> float:
        if x[0] < 0.55:
            raise ZeroDivisionError("too near")
        return bowl(x, gradient)

    run = make(function=fails)
    with pytest.raises(ZeroDivisionError, match="too near"):
        finish(run)
    assert run.copy_slot()[X][0] >= 0.55
    assert run.nit > 0
    with pytest.raises(ZeroDivisionError, match="too near"):
        run.advance(1)


def test_a_value_that_is_no_number_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="must be real number, not str"):
        make(function=lambda x, gradient: "low").start()


def test_the_method_and_the_stop_are_read_by_their_attributes() -> None:
    method = SimpleNamespace(
        learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_placement="denominator"
    )
    run, same = make(method=method), make()
    assert finish(run) == finish(same)
    assert run.copy_slot()[X].tobytes() == same.copy_slot()[X].tobytes()


def test_many_threads_run_at_once_without_disturbing_each_other() -> None:
    alone = make(steps=20_000)
    finish(alone)
    ends: list[bytes] = []

    def work() -> None:
        for function in (None, bowl):
            run = make(function=function, steps=20_000 if function is None else 500)
            finish(run)
            if function is None:
                ends.append(run.copy_slot()[X].tobytes())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [alone.copy_slot()[X].tobytes()] * 8


@pytest.mark.parametrize("itemsize", [4, 8])
def test_rows_hold_their_numbers_and_are_not_4_kb_apart(itemsize: int) -> None:
    for size in [*range(1, 3000, 7), 10**5, 2**20]:
        row = _row_length(size, itemsize) * itemsize
        assert size * itemsize <= row < size * itemsize + 4096 + 64
        assert all(64 <= k * row % 4096 <= 4032 for k in range(1, _core.WORK_ROWS))

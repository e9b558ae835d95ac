"""Ctrl-C in the middle of many runs, by a real signal: what has ended is there, at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sympy as sp
from problems import BY_NAME
from test_interruption import AFTER, FOR_EVER, SOON, python_rosenbrock

from symadamax import Objective, Results, Status, Stop, minimize, minimize_many, sample
from symadamax.solver.many import conduct
from symadamax.solver.many.block import run_block

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="a signal to itself needs POSIX"
)

ROSENBROCK = Objective(BY_NAME["rosenbrock"].expression)
BOX = sample([(-2, 2), (-1, 3)], 100_000, rng=0)
i, n = sp.symbols("i n", integer=True)
a, b = sp.symbols("a b")
t = sp.IndexedBase("t")
SUM = Objective(
    sp.Sum((a - t[i]) ** 2 + (b + t[i]) ** 2, (i, 0, n - 1)), [a, b], data={t: np.arange(9.0)}
)


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Run under Python's own handler, whatever the test runner has set, and find it still there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Send this process a SIGINT soon after the first block has begun; the time is noted."""
    sent: list[float] = []
    timers: list[threading.Timer] = []

    def send() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    def begun(*given: Any) -> Any:
        if not timers:
            timers.append(threading.Timer(AFTER, send))
            timers[0].start()
        return run_block(*given)

    monkeypatch.setattr(conduct, "run_block", begun)
    yield sent
    timers[0].join()


RUNS: dict[str, Callable[..., Results]] = {
    "lanes": lambda **options: minimize_many(ROSENBROCK, BOX, **options),
    "float32": lambda **options: minimize_many(ROSENBROCK, BOX, dtype="float32", **options),
    "sums": lambda **options: minimize_many(SUM, BOX, **options),
    "python": lambda **options: minimize_many(python_rosenbrock, BOX, **options),
}


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile beforehand: no signal interrupts the compiler."""
    for run in RUNS.values():
        for seconds in (Stop(seconds=1e-3), Stop(target=-1, seconds=1e-3)):
            run(steps=FOR_EVER, stop=seconds)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
@pytest.mark.parametrize("stop", [None, Stop(target=-1)], ids=["plain", "stop"])
@pytest.mark.parametrize("keep", ["all", 5])
def test_what_has_been_done_comes_back_at_once(
    run: Callable[..., Results], stop: Stop | None, keep: Any, interrupt: list[float]
) -> None:
    results = run(steps=FOR_EVER, stop=stop, keep=keep, threads=2)
    assert time.perf_counter() - interrupt[0] < SOON
    assert results.summary().counts == {Status.INTERRUPTED: len(BOX)}
    assert results.nit.max() > 0
    assert np.isfinite(results.best.fun)


@pytest.mark.usefixtures("interrupt")
def test_each_run_is_what_a_single_one_is_up_to_there() -> None:
    stop = Stop(gtol=1e-2)
    results = minimize_many(ROSENBROCK, BOX, steps=FOR_EVER, stop=stop, threads=2)
    ended = np.flatnonzero(results.status == Status.GTOL_MET)
    cut = np.flatnonzero((results.status == Status.INTERRUPTED) & (results.nit > 0))
    never = np.isnan(results.fun)
    assert ended.size
    assert cut.size
    assert never.any()
    assert (results.status[never] == Status.INTERRUPTED).all()
    for k in (*ended[:3], *cut[:3]):
        single = minimize(ROSENBROCK, results.start[k], steps=results.nit[k], stop=stop)
        assert single.x.tobytes() == results.x[k].tobytes()
        assert single.fun == results.fun[k]


@pytest.mark.usefixtures("interrupt")
def test_a_bar_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    results = minimize_many(ROSENBROCK, BOX, steps=FOR_EVER, progress=True)
    assert (results.status == Status.INTERRUPTED).all()
    assert capsys.readouterr().err.endswith("\n")


def test_a_handler_of_the_callers_own_is_called_and_the_runs_go_on(
    interrupt: list[float],
) -> None:
    seen: list[int] = []

    def note(number: int, _: Any) -> None:
        seen.append(number)

    signal.signal(signal.SIGINT, note)
    results = minimize_many(ROSENBROCK, BOX, steps=FOR_EVER, stop=Stop(seconds=10 * AFTER))
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is note
    assert interrupt
    assert seen == [signal.SIGINT]
    assert (results.status == Status.TIME_LIMIT).all()


def test_a_handler_that_raises_ends_the_runs_with_its_exception(interrupt: list[float]) -> None:
    class Enough(Exception):
        pass

    def refuse(*_: Any) -> None:
        raise Enough

    signal.signal(signal.SIGINT, refuse)
    try:
        with pytest.raises(Enough) as caught:
            minimize_many(ROSENBROCK, BOX, steps=FOR_EVER)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert time.perf_counter() - interrupt[0] < SOON
    assert caught.value.result.nit.max() > 0  # type: ignore[attr-defined]


SCRIPT = """
import time, sympy, symadamax
x = sympy.Symbol("x")
starts = symadamax.sample({x: (-1, 0.5)}, 100_000, rng=0)
symadamax.minimize_many(x - x**3, starts, steps=1)
print("ready", flush=True)
results = symadamax.minimize_many(x - x**3, starts, steps=10**12)
now = time.monotonic()
print({symadamax.Status(s).name for s in results.status}, results.nit.max() > 0, now, flush=True)
"""


def test_ctrl_c_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-c", SCRIPT]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(10 * AFTER)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        status, moved, returned = process.stdout.readline().split()
    assert (status, moved, process.returncode) == ("{'INTERRUPTED'}", "True", 0)
    assert float(returned) - sent < SOON


def test_an_interrupt_before_the_first_run_leaves_runs_that_were_never_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("symadamax.solver.many.on_threads", interrupted)
    results = minimize_many(ROSENBROCK, [[0.0, 1.0]] * 3)
    assert results.status.tolist() == [Status.INTERRUPTED] * 3
    assert np.isnan(results.x).all()

"""Ctrl-C, by a real signal: the run so far comes back at once, and can be gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import sympy as sp
from problems import BY_NAME

from symadamax import Objective, Result, Status, Stop, minimize

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="a signal to itself needs POSIX"
)

FOR_EVER = 10**12
AFTER = 0.05  # seconds until the signal
# The core looks for signals every 5 ms. What the test allows is for a machine that is busy.
SOON = 1.0

ROSENBROCK = Objective(BY_NAME["rosenbrock"].expression)
START = BY_NAME["rosenbrock"].start


def python_rosenbrock(point: np.ndarray) -> tuple[float, list[float]]:
    x, y = point
    slope_x = -400 * x * (y - x * x) - 2 * (1 - x)
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2, [slope_x, 200 * (y - x * x)]


@contextmanager
def interrupt_after(seconds: float) -> Iterator[None]:
    """Send this process a SIGINT, as Ctrl-C does."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Run under Python's own handler, whatever the test runner has set, and find it still there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile beforehand: a signal at that time is a KeyboardInterrupt, as in all of Python."""
    ROSENBROCK.compiled("native", "float64")
    ROSENBROCK.compiled("native", "float32")
    ROSENBROCK.compiled("numpy", "float64")


RUNS: dict[str, Callable[..., Result]] = {
    "native": lambda **options: minimize(ROSENBROCK, START, **options),
    "native float32": lambda **options: minimize(ROSENBROCK, START, dtype="float32", **options),
    "numpy": lambda **options: minimize(ROSENBROCK, START, backend="numpy", **options),
    "python": lambda **options: minimize(python_rosenbrock, START, **options),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
@pytest.mark.parametrize(
    "options",
    [{}, {"stop": Stop(target=-1)}, {"record": 10**9}, {"callback": lambda _: None}],
    ids=["plain", "stop", "record", "callback"],
)
def test_the_run_so_far_comes_back_at_once(
    run: Callable[..., Result], options: dict[str, Any]
) -> None:
    begin = time.perf_counter()
    with interrupt_after(AFTER):
        result = run(steps=FOR_EVER, **options)
    assert time.perf_counter() - begin < AFTER + SOON
    assert result.status == Status.INTERRUPTED
    assert not result.success
    assert result.message == f"The run was interrupted after {result.nit} steps."
    assert 0 < result.nit == result.state.step == result.nfev - 1
    assert result.best_fun <= result.fun


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_it_goes_on_to_the_same_bits(run: Callable[..., Result]) -> None:
    with interrupt_after(AFTER):
        broken = run(steps=FOR_EVER)
    whole = run(steps=broken.nit + 100)
    assert run(steps=broken.nit).x.tobytes() == broken.x.tobytes()
    function = python_rosenbrock if broken.objective is None else broken.objective
    backend = "numpy" if run is RUNS["numpy"] else "native"
    rest = minimize(
        function, broken.x, steps=100, state=broken.state, backend=backend,
        dtype=broken.x.dtype.name,
    )  # fmt: skip
    assert rest.x.tobytes() == whole.x.tobytes()
    assert rest.state == whole.state


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_in_fused_passes_ends_between_two_of_them(threads: int) -> None:
    i, n, w = *sp.symbols("i n", integer=True), sp.IndexedBase("w")
    chain = Objective(sp.Sum((w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2)))
    start = {w: np.linspace(-1, 1, 100_000)}
    minimize(chain, start, steps=300, threads=threads)  # compiles
    with interrupt_after(AFTER):
        broken = minimize(chain, start, steps=FOR_EVER, threads=threads)
    assert broken.status == Status.INTERRUPTED
    assert broken.nit == broken.state.step
    whole = minimize(chain, start, steps=broken.nit, threads=threads)
    assert whole.x.tobytes() == broken.x.tobytes()
    assert whole.state == broken.state


def test_a_bar_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    minimize(ROSENBROCK, START, steps=1, progress=True)  # imports tqdm
    assert "1/1" in capsys.readouterr().err
    with interrupt_after(AFTER):
        result = minimize(ROSENBROCK, START, steps=FOR_EVER, progress=True)
    assert result.status == Status.INTERRUPTED
    assert capsys.readouterr().err.endswith("\n")


def test_a_callback_that_is_interrupted() -> None:
    def wait(_: Any) -> None:
        time.sleep(10)

    begin = time.perf_counter()
    with interrupt_after(AFTER):
        result = minimize(ROSENBROCK, START, callback=wait)
    assert time.perf_counter() - begin < AFTER + SOON
    assert (result.status, result.nit) == (Status.INTERRUPTED, 1)


def test_a_python_function_that_is_interrupted_keeps_the_last_step() -> None:
    calls = []

    def slow(point: np.ndarray) -> Any:
        calls.append(point)
        if len(calls) == 5:
            time.sleep(10)
        return python_rosenbrock(point)

    with interrupt_after(AFTER):
        result = minimize(slow, START)
    assert (result.status, result.nit) == (Status.INTERRUPTED, 3)
    assert result.x.tobytes() == calls[3].tobytes()


def test_a_handler_of_the_callers_own_is_called_and_the_run_goes_on() -> None:
    seen: list[int] = []

    def note(number: int, _: Any) -> None:
        seen.append(number)

    signal.signal(signal.SIGINT, note)
    with interrupt_after(AFTER):
        result = minimize(ROSENBROCK, START, steps=FOR_EVER, stop=Stop(seconds=4 * AFTER))
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is note
    assert seen == [signal.SIGINT]
    assert result.status == Status.TIME_LIMIT


def test_a_handler_that_raises_ends_the_run_with_its_exception() -> None:
    class Enough(Exception):
        pass

    def refuse(*_: Any) -> None:
        raise Enough

    signal.signal(signal.SIGALRM, refuse)
    signal.setitimer(signal.ITIMER_REAL, AFTER)
    try:
        with pytest.raises(Enough) as caught:
            minimize(ROSENBROCK, START, steps=FOR_EVER)
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert caught.value.result.nit > 0  # type: ignore[attr-defined]


SCRIPT = """
import time, sympy, symadamax
x = sympy.Symbol("x")
symadamax.minimize(x - x**3, [-1], steps=1)
print("ready", flush=True)
result = symadamax.minimize(x - x**3, [-1], steps=10**12)
print(result.status.name, result.nit > 0, time.monotonic(), flush=True)
"""


def test_ctrl_c_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-c", SCRIPT]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(AFTER)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        status, moved, returned = process.stdout.readline().split()
    assert (status, moved, process.returncode) == ("INTERRUPTED", "True", 0)
    assert float(returned) - sent < SOON

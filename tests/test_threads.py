"""Runs side by side: in threads, without the GIL, after a fork, and in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import sympy as sp
from problems import BY_NAME

from symadamax import Adamax, Objective, Result, Status, Stop, minimize

ROSENBROCK = Objective(BY_NAME["rosenbrock"].expression)
STARTS = np.random.default_rng(8).uniform(-2, 2, (64, 2))


def python_rosenbrock(point: np.ndarray) -> tuple[float, list[float]]:
    x, y = point
    slope_x = -400 * x * (y - x * x) - 2 * (1 - x)
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2, [slope_x, 200 * (y - x * x)]


def bits(result: Result) -> bytes:
    state = result.state
    return b"".join(part.tobytes() for part in (result.x, state.m, state.u, result.best_x))


@pytest.mark.parametrize("kind", ["native", "numpy", "python"])
@pytest.mark.parametrize("threads", [2, 8])
def test_many_threads_give_the_bits_of_one(kind: str, threads: int) -> None:
    def run(start: np.ndarray) -> bytes:
        if kind == "python":
            return bits(minimize(python_rosenbrock, start, steps=100))
        return bits(
            minimize(ROSENBROCK, start, steps=2000 if kind == "native" else 100, backend=kind)
        )

    with ThreadPoolExecutor(threads) as pool:
        together = list(pool.map(run, STARTS))
    assert together == [run(start) for start in STARTS]


def test_many_threads_compile_and_run_at_once() -> None:
    x, y = sp.symbols("x y")
    barrier = threading.Barrier(8)

    def run(k: int) -> bytes:
        barrier.wait()
        return bits(minimize((x - k % 4) ** 2 + sp.exp(x * y / 97) + y**2, [1.0, 2.0], steps=200))

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(run, range(8)))
    assert ends[:4] == ends[4:]
    assert len(set(ends)) == 4


def test_one_callback_and_history_for_each_run() -> None:
    def run(start: np.ndarray) -> tuple[list[int], np.ndarray]:
        seen: list[int] = []
        result = minimize(
            ROSENBROCK, start, steps=200, record=7, callback=lambda r: seen.append(r.nit)
        )
        return seen, result.history.x

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, STARTS[:16]))
    for (seen, points), start in zip(together, STARTS, strict=False):
        assert seen == list(range(7, 201, 7))
        assert points.tobytes() == run(start)[1].tobytes()


def test_python_goes_on_while_machine_code_runs() -> None:
    minimize(ROSENBROCK, STARTS[0], steps=1)
    switches = sys.getswitchinterval()
    ended: list[Result] = []
    thread = threading.Thread(
        target=lambda: ended.append(
            minimize(ROSENBROCK, STARTS[0], steps=10**12, stop=Stop(seconds=0.5))
        )
    )
    # With so long an interval a thread gets the GIL only from one that gives it away.
    sys.setswitchinterval(1000)
    try:
        thread.start()
        turns = 0
        while thread.is_alive() and turns < 10:
            time.sleep(0.001)
            turns += 1
        alive = thread.is_alive()
        thread.join()
    finally:
        sys.setswitchinterval(switches)
    assert (turns, alive) == (10, True)
    assert ended[0].status == Status.TIME_LIMIT


def test_a_run_inside_a_run() -> None:
    def outer(point: np.ndarray) -> tuple[float, np.ndarray]:
        inner = minimize(ROSENBROCK, STARTS[0], steps=50)
        return float(point @ point) + inner.fun, 2 * point

    plain = minimize(lambda point: (float(point @ point), 2 * point), [1.0], steps=50)
    assert minimize(outer, [1.0], steps=50).x.tobytes() == plain.x.tobytes()


def test_an_objective_may_be_dropped_while_it_runs() -> None:
    x = sp.Symbol("x")

    def run(k: int) -> float:
        return float(minimize((x - k) ** 2 + k, [0.0], steps=20_000).fun)

    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(run, range(40)))
    assert values == pytest.approx(range(40), abs=0.1)


# ---- other processes ----------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_minimises() -> None:
    expected = bits(minimize(ROSENBROCK, STARTS[0]))
    x = sp.Symbol("x")
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads, from 3.12
        child = os.fork()
    if child == 0:
        try:
            fresh = minimize((x - 3) ** 2, [2.9], steps=2000)  # compiled in the child
            same = bits(minimize(ROSENBROCK, STARTS[0])) == expected
            os.write(writer, b"yes" if same and abs(fresh.x[0] - 3) < 0.01 else b"no")
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        assert answer.read() == b"yes"
    assert os.waitpid(child, 0)[1] == 0


def go_on(objective: Objective, result: Result) -> tuple[bytes, Result]:
    """Minimise in another process, and go on with a run of this one."""
    fresh = minimize(objective, STARTS[0])
    rest = minimize(result.objective, result.x, method=result.method, steps=400, state=result.state)
    return bits(fresh), rest


def test_a_spawned_process_takes_an_objective_and_a_result() -> None:
    method = Adamax(learning_rate=0.01, epsilon_placement="maximum")
    whole = minimize(ROSENBROCK, STARTS[1], method=method, steps=1000)
    part = minimize(ROSENBROCK, STARTS[1], method=method, steps=600, record=100)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        fresh, rest = pool.apply(go_on, (ROSENBROCK, part))
        pool.close()
        pool.join()
    assert fresh == bits(minimize(ROSENBROCK, STARTS[0]))
    assert rest.x.tobytes() == whole.x.tobytes()
    assert rest.state == whole.state
    assert rest.objective == ROSENBROCK


@pytest.mark.parametrize("run", [ROSENBROCK, python_rosenbrock], ids=["objective", "python"])
def test_a_result_survives_pickling(run: Any) -> None:
    result = minimize(run, STARTS[0], steps=50, record=10)
    again = pickle.loads(pickle.dumps(result))
    assert type(again) is Result
    assert bits(again) == bits(result)
    assert again.status is Status.STEPS_DONE
    assert repr(again) == repr(result)
    assert again.point == result.point
    assert again.history.x.tobytes() == result.history.x.tobytes()
    assert (again.state, again.method) == (result.state, result.method)

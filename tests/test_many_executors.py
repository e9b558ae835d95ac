"""Many starts on processes: the bits of one thread, and what happens when a worker is killed."""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symadamax as sx
from symadamax import InputError, Status, WorkerError
from symadamax.solver import parcel as parcels
from symadamax.solver.many import conduct, executors

x, y, c = sp.symbols("x y c")
HIMMELBLAU = sx.Objective((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2)
METHOD = sx.Adamax(learning_rate=0.05)
SAMPLE = sx.sample({x: (-5, 5), y: (-5, 5)}, 1000, rng=0)


def new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver"))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: Any) -> None:
    monkeypatch.setattr(conduct, "WORTH", 1)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with new_pool() as executor:
        yield executor


def run(objective: Any = HIMMELBLAU, starts: Any = SAMPLE, **options: Any) -> Any:
    settings = {"method": METHOD, "steps": 60, **options}
    return sx.minimize_many(objective, starts, **settings)


def content(results: Any) -> list[bytes]:
    return [np.ascontiguousarray(array).tobytes() for array in results.runs]


def bowl(point: np.ndarray) -> tuple[float, np.ndarray]:
    return float(point @ point), 2 * point


def failing(point: np.ndarray) -> tuple[float, np.ndarray]:
    if point[0] > 4:
        raise ArithmeticError("too far")
    return bowl(point)


i, n = sp.symbols("i n", integer=True)
t = sp.IndexedBase("t")
FIT = sx.Objective(sp.Sum((x * t[i] - y) ** 2, (i, 0, n - 1)), data={t: np.arange(10.0)})
CASES: dict[str, dict[str, Any]] = {
    "a sample": {},
    "given starts": {"starts": np.random.default_rng(0).uniform(-4, 4, (333, 2))},
    "one start": {"starts": [[1.0, 2.0]]},
    "no start": {"starts": np.empty((0, 2))},
    "float32": {"dtype": "float32"},
    "stops": {"stop": sx.Stop(gtol=1e-2), "steps": 500},
    "settings for each run": {
        "starts": [1.0, 2.0], "method": sx.Adamax(learning_rate=np.linspace(0.01, 0.1, 300)),
    },
    "parameters for each run": {
        "objective": sx.Objective((x - c) ** 2 + y**2, [x, y], parameters={c: 0}),
        "starts": np.ones((300, 2)), "parameters": {c: np.linspace(-1, 1, 300)},
    },
    "a schedule": {"method": sx.Adamax(learning_rate=lambda step: 0.1 / step)},
    "sums": {"objective": FIT, "starts": np.ones((70, 2))},
    "a function": {"objective": bowl, "starts": np.ones((70, 3))},
    "bounds": {"bounds": {x: (-1, 1), y: (-5, 5)}, "starts": np.ones((70, 2)) / 2},
    "histories": {"record": 20, "starts": np.ones((70, 2))},
    "the best": {"keep": 7},
    "the best of many blocks": {"keep": 100, "steps": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_processes_give_the_bits_of_one_thread(name: str, pool: Executor) -> None:
    expected = run(**CASES[name], threads=1)
    found = run(**CASES[name], executor=pool)
    assert content(found) == content(expected)
    assert repr(found.summary()) == repr(expected.summary())
    if expected.histories is not None:
        pairs = zip(found.histories, expected.histories, strict=True)
        assert all(one.x.tobytes() == other.x.tobytes() for one, other in pairs)


def test_threads_of_an_executor_need_no_pickle(pool: Executor) -> None:
    starts = np.ones((70, 2))
    with ThreadPoolExecutor(2) as threads:
        found = run(lambda point: bowl(point), starts, executor=threads)
    assert content(found) == content(run(bowl, starts))
    with pytest.raises(InputError, match=r"cannot be sent to other processes: .*lambda"):
        run(lambda point: bowl(point), starts, executor=pool)


def test_what_travels_does_not_grow_with_the_runs() -> None:
    task_sizes = []
    for count in (10, 100_000):
        noted = Noted()
        starts = np.ones((count, 2))
        rates = sx.Adamax(learning_rate=np.full(count, 0.1))
        run(starts=starts, method=rates, steps=0, executor=noted)
        task_sizes.append(noted.parcels[0])
    assert task_sizes[0] == task_sizes[1] < 6000


def test_a_sample_travels_as_its_description() -> None:
    noted = Noted()
    run(starts=sx.sample({x: (-5, 5), y: (-5, 5)}, 10**5, rng=0), steps=0, keep=3, executor=noted)
    assert max(noted.works) < 3000


class Noted(Executor):
    """Does at once what is submitted, and notes how long it is."""

    def __init__(self) -> None:
        self.parcels: list[int] = []
        self.works: list[int] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        parcel, work = args
        self.parcels.append(len(parcel.content or b""))
        self.works.append(len(pickle.dumps(work)))
        future: Future[Any] = Future()
        future.set_result(fn(*pickle.loads(pickle.dumps(args))))
        return future


class Losing(Noted):
    """Loses the worker of some calls, and says so as an executor that goes on."""

    def __init__(self, lost: set[int]) -> None:
        super().__init__()
        self.lost = lost

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if len(self.works) in self.lost:
            self.works.append(0)
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("a worker died"))
            return future
        return super().submit(fn, *args, **kwargs)


@pytest.mark.parametrize("keep", ["all", 5])
def test_what_a_lost_worker_had_is_done_again_and_counted_once(keep: Any) -> None:
    expected = run(keep=keep)
    found = run(keep=keep, executor=Losing({0, 2, 3}))
    assert content(found) == content(expected)
    assert sum(found.summary().counts.values()) == 1000


def test_a_call_that_loses_every_worker_ends_the_runs() -> None:
    with pytest.raises(WorkerError, match="The executor has no workers any more") as caught:
        run(executor=Losing(set(range(4, 10_000))), steps=1)
    results = caught.value.result  # type: ignore[attr-defined]
    ended = results.status == Status.STEPS_DONE
    assert 0 < ended.sum() < 1000
    assert (results.status[~ended] == Status.INTERRUPTED).all()
    assert results.x[ended].tobytes() == run(steps=1).x[ended].tobytes()


def test_calls_grow_to_about_a_second(monkeypatch: Any) -> None:
    class Sized(Noted):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            sizes.append(len(args[1].blocks))
            return super().submit(fn, *args, **kwargs)

    sizes: list[int] = []
    monkeypatch.setattr(executors, "WANTED", 100.0)
    executor: Any = Sized()
    executor._max_workers = 1
    run(starts=np.ones((6400, 2)), executor=executor)
    assert sizes[0] == 1
    assert max(sizes) > 4
    assert sizes[-1] == 1  # so that all end together


def test_a_failing_run_ends_all_with_what_is_finished(pool: Executor) -> None:
    starts = np.linspace(0, 5, 500)[:, None]
    with pytest.raises(ArithmeticError, match="too far") as caught:
        run(failing, starts, executor=pool)
    results = caught.value.result  # type: ignore[attr-defined]
    assert (results.status == Status.STEPS_DONE).any()
    assert (results.status != Status.STEPS_DONE).any()


class Killing(ProcessPoolExecutor):
    """Kills one of its own processes when it has got some calls."""

    calls = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        if self.calls == 7:
            os.kill(next(iter(self._processes)), signal.SIGKILL)
        return super().submit(fn, *args, **kwargs)


def test_a_killed_process_leaves_what_is_finished(tmp_path: Path) -> None:
    """The pool of processes cannot go on; the call goes on from its checkpoint without it."""
    path = tmp_path / "runs.npz"
    with (
        Killing(2, mp_context=multiprocessing.get_context("forkserver")) as pool,
        pytest.raises(WorkerError, match="make a new one to go on") as caught,
    ):
        run(executor=pool, checkpoint=path)
    results = caught.value.result  # type: ignore[attr-defined]
    expected = run()
    ended = results.status == Status.STEPS_DONE
    assert 0 < ended.sum() < 1000
    assert results.x[ended].tobytes() == expected.x[ended].tobytes()
    assert content(run(checkpoint=path)) == content(expected)


def test_ctrl_c_returns_what_is_finished(pool: Executor) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    starts = sx.sample({x: (-5, 5), y: (-5, 5)}, 10**6, rng=0)
    run(starts=starts, steps=0, keep=1, executor=pool)
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.7, interrupt)
    timer.start()
    try:
        results = run(starts=starts, steps=3000, keep=5, executor=pool)
        took = time.perf_counter() - sent[0]
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert took < 1.0  # 0.1 s, on a machine that is busy
    counts = results.summary().counts
    assert sum(counts.values()) == 10**6
    assert counts[Status.INTERRUPTED] > 0


def test_a_time_limit_ends_the_runs(pool: Executor) -> None:
    starts = sx.sample({x: (-5, 5), y: (-5, 5)}, 10**6, rng=0)
    run(starts=starts, steps=0, keep=1, executor=pool)
    results = run(starts=starts, steps=100_000, stop=sx.Stop(seconds=0.5), executor=pool, keep=1)
    counts = results.summary().counts
    assert counts[Status.TIME_LIMIT] > 0
    assert sum(counts.values()) == 10**6


def test_a_bar_shows_them(pool: Executor, capsys: Any) -> None:
    run(executor=pool, progress=True)
    assert "1000/1000" in capsys.readouterr().err


def test_what_is_no_executor_is_refused() -> None:
    with pytest.raises(InputError, match="executor is 3; accepted is an executor"):
        run(executor=3)
    with ThreadPoolExecutor(1) as pool, pytest.raises(InputError, match="threads=2 and an exec"):
        run(executor=pool, threads=2)


def test_the_objective_is_opened_once_in_a_process() -> None:
    parcels._opened.clear()
    opened = functools.partial(run, executor=Noted(), steps=1)
    opened()
    (task,) = parcels._opened.values()
    opened()
    assert list(parcels._opened.values()) == [task]

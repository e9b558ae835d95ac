"""Shards on processes: the same bits, and what happens when one of them fails or is killed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sympy as sp

import symadamax as sx
from symadamax import InputError, Objective, Status, WorkerError, rows
from symadamax.solver import parcel as parcels
from symadamax.solver.parcel import Parcel, is_missing, opened
from symadamax.solver.pools import Call, Pool, in_order
from symadamax.solver.shards import Recipe, ShardSum, _groups, _on_shards

i, n = sp.symbols("i n", integer=True)
a, b = sp.symbols("a b")
t, y = sp.IndexedBase("t"), sp.IndexedBase("y")
COUNT = 20_000
TIMES = np.linspace(0, 3, COUNT)
VALUES = 2 * np.exp(-0.7 * TIMES) + 0.01 * np.random.default_rng(1).normal(size=COUNT)
LOSS = sp.Sum((a * sp.exp(-b * t[i]) - y[i]) ** 2, (i, 0, n - 1)) / n + b**2 / 1000
METHOD = sx.Adamax(learning_rate=0.01)
FOR_EVER = 10**12
AFTER = 0.3  # seconds until something happens to a run


def new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver"))


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with new_pool() as executor:
        yield executor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    place: Path = tmp_path_factory.mktemp("rows")
    pq.write_table(pa.table({"t": TIMES, "y": VALUES}), place / "a.parquet", row_group_size=1500)
    np.save(place / "t.npy", TIMES)
    np.save(place / "y.npy", VALUES)
    return place


def parquet(folder: Path, **options: Any) -> Any:
    return rows(folder / "a.parquet", **{"shard": 1500, **options})


def mapped(folder: Path) -> Any:
    return rows({"t": folder / "t.npy", "y": folder / "y.npy"}, shard=1500)


def run(data: Any, **options: Any) -> Any:
    settings = {"start": [1, 1], "method": METHOD, "steps": 30, **options}
    return sx.minimize(LOSS, data=data, **settings)


def test_processes_give_the_bits_of_one_thread(folder: Path, pool: Executor) -> None:
    expected = run(rows({t: TIMES, y: VALUES}, shard=1500), threads=1)
    for data in (parquet(folder), parquet(folder, keep=0), mapped(folder)):
        found = run(data, executor=pool)
        assert found.x.tobytes() == expected.x.tobytes()
        assert found.jac.tobytes() == expected.jac.tobytes()
        assert found.fun == expected.fun


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"backend": "numpy"}])
def test_in_other_ways_of_computing(folder: Path, pool: Executor, options: Any) -> None:
    expected = run(parquet(folder), threads=1, **options)
    assert run(parquet(folder), executor=pool, **options).x.tobytes() == expected.x.tobytes()


def test_rows_in_memory_do_not_travel(pool: Executor) -> None:
    with pytest.raises(InputError, match="lie in the memory of this process, and do not travel"):
        run(rows({t: TIMES, y: VALUES}), executor=pool)


def test_what_a_worker_refuses_is_raised_here(tmp_path: Path, pool: Executor) -> None:
    values = VALUES.copy()
    values[7000] = np.nan
    pq.write_table(pa.table({"t": TIMES, "y": values}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"'y' have nan in row 7000 of b\.parquet"):
        run(rows(tmp_path, shard=1500), executor=pool)


def test_a_worker_that_fails_on_the_way_leaves_the_run_so_far(tmp_path: Path) -> None:
    """A file is cut short during the run; without room to keep rows it is read at each step."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"t": TIMES, "y": VALUES}), path, row_group_size=1500)
    data = rows(path, shard=1500, keep=0)

    def cut_short(result: Any) -> None:
        if result.nit == 3:
            path.write_bytes(path.read_bytes()[:1000])
            data.source._open.__dict__.clear()

    with pytest.raises(InputError, match="cannot be read") as caught:
        run(data, callback=cut_short, threads=1)
    assert caught.value.result.nit == 3  # type: ignore[attr-defined]
    assert caught.value.result.status == Status.OBJECTIVE_FAILED  # type: ignore[attr-defined]


def test_a_killed_process_is_an_error_with_the_run_so_far(folder: Path) -> None:
    with new_pool() as pool:

        def kill() -> None:
            os.kill(next(iter(pool._processes)), signal.SIGKILL)

        run(parquet(folder), executor=pool, steps=1)  # so that all is compiled
        timer = threading.Timer(AFTER, kill)
        timer.start()
        with pytest.raises(WorkerError, match="The executor has no workers any more") as caught:
            run(parquet(folder), executor=pool, steps=FOR_EVER)
        timer.join()
        result = caught.value.result  # type: ignore[attr-defined]
        assert result.nit > 0
        with pytest.raises(WorkerError, match="make a new one to go on"):
            run(parquet(folder), executor=pool, steps=1)
    rest = run(parquet(folder), start=result.x, state=result.state, steps=3)
    assert rest.x.tobytes() == run(parquet(folder), steps=result.nit + 3).x.tobytes()


def test_an_executor_that_was_shut_down_is_refused(folder: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        pass
    with pytest.raises(RuntimeError, match=r"shutdown|shut down"):
        run(parquet(folder), executor=pool)


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_ctrl_c_returns_the_run_so_far(folder: Path, pool: Executor, where: str) -> None:
    options: dict[str, Any] = {"executor": pool} if where == "processes" else {}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.1, interrupt)

    def begin_timer(so_far: Any) -> None:
        if so_far.nit == 2:
            timer.start()

    try:
        result = run(parquet(folder), steps=FOR_EVER, callback=begin_timer, **options)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - sent[0] < 1.0  # 0.1 s, on a machine that is busy
    assert result.status == Status.INTERRUPTED
    expected = run(parquet(folder), steps=result.nit)
    assert result.x.tobytes() == expected.x.tobytes()


# ---- parcels and calls ---------------------------------------------------------------------------


def test_what_travels_is_the_formula_and_places_in_files(folder: Path) -> None:
    recipe = Recipe(Objective(LOSS, data=parquet(folder)), {}, "native", "float64")
    content = Parcel.of(recipe).content
    assert content is not None
    assert len(content) < 8_000
    assert str(folder / "a.parquet").encode() in content


def test_a_parcel_is_opened_once_and_known_by_its_content() -> None:
    made: list[Any] = []

    def make(value: Any) -> Any:
        made.append(value)
        return value

    parcel = Parcel.of(("formula", 1))
    assert opened(parcel, make) is opened(Parcel.of(("formula", 1)), make)
    assert opened(parcel.light, make) == ("formula", 1)
    assert len(made) == 1
    assert is_missing(opened(Parcel("unknown", None), make))
    assert not is_missing(opened(parcel, make))


def test_another_version_is_refused() -> None:
    parcel = Parcel.of("formula")._replace(version="0.0.9")
    with pytest.raises(InputError, match=r"A worker has symadamax .*, and the caller 0\.0\.9"):
        opened(parcel, str)


def test_few_parcels_are_kept() -> None:
    for number in range(20):
        opened(Parcel.of(number), int)
    assert len(parcels._opened) <= parcels.MOST_OPEN


class Noted(Executor):
    """Does at once what is submitted, and notes whether the content was with it."""

    def __init__(self) -> None:
        self.whole: list[bool] = []
        self.keeps = True

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.whole.append(args[0].content is not None)
        future: Future[Any] = Future()
        future.set_result(fn(*pickle.loads(pickle.dumps(args))))
        if not self.keeps:
            parcels._opened.clear()
        return future


def test_the_content_travels_to_those_who_have_not_got_it(folder: Path) -> None:
    executor = Noted()
    executor._max_workers = 2  # type: ignore[attr-defined]
    with ShardSum(
        Recipe(Objective(LOSS, data=mapped(folder)), {}, "native", "float64"), None, executor
    ) as function:
        x, gradient = np.ones(2), np.empty(2)
        value = function(x, gradient)
        assert executor.whole == [True, True] + [False] * 6
        executor.keeps = False
        executor.whole.clear()
        parcels._opened.clear()
        assert function(x, gradient) == value
    assert executor.whole == [False] * 8 + [True] * 8


@pytest.mark.parametrize(("shards", "count"), [(1, 8), (7, 8), (8, 8), (9, 8), (1000, 8), (3, 1)])
def test_groups_of_shards_are_all_of_them_in_order(shards: int, count: int) -> None:
    groups = _groups(shards, count)
    assert [k for group in groups for k in group] == list(range(shards))
    assert len(groups) == min(shards, count)
    lengths = [len(group) for group in groups]
    assert max(lengths) - min(lengths) <= 1


def test_a_call_answers_in_the_end() -> None:
    pool = Pool(Noted())
    parcels._opened.clear()
    call = Call(pool, Parcel.of(Named()), _name, (), light=True)
    assert call.result() == "found"


class Named:
    name = "found"


def _name(parcel: Parcel) -> Any:
    found = opened(parcel, _itself)
    return found if is_missing(found) else found.name


def _itself(value: Any) -> Any:
    return value


def test_calls_are_answered_in_order_and_few_at_a_time() -> None:
    begun: list[int] = []

    def submit(number: int) -> Future[int]:
        begun.append(number)
        future: Future[int] = Future()
        future.set_result(number**2)
        return future

    answers = in_order(submit, 6, ahead=3)
    assert next(answers) == 0
    assert begun == [0, 1, 2]
    assert list(answers) == [1, 4, 9, 16, 25]


def test_calls_that_are_left_are_cancelled() -> None:
    futures: list[Future[int]] = [Future() for _ in range(4)]
    futures[0].set_result(0)
    answers = in_order(futures.__getitem__, 4, ahead=4)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert [future.cancelled() for future in futures] == [False, True, True, True]


def test_an_empty_answer_is_no_missing_content() -> None:
    assert not is_missing(np.zeros(2))
    assert is_missing(_on_shards(Parcel("unknown", None), range(1), np.zeros(2)))

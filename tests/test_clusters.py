"""A cluster of Dask, of real processes on this machine: the bits of one thread."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sympy as sp
from distributed import Client, LocalCluster

import symadamax as sx
from symadamax import InputError, Status, WorkerError, rows
from symadamax.solver.many import conduct, executors

i, j, n, d = sp.symbols("i j n d", integer=True)
a, b = sp.symbols("a b")
t, y, X, w = (sp.IndexedBase(name) for name in "tyXw")
COUNT = 6000
TIMES = np.linspace(0, 3, COUNT)
VALUES = 2 * np.exp(-0.7 * TIMES) + 0.01 * np.random.default_rng(1).normal(size=COUNT)
TABLE = pd.DataFrame({"t": TIMES, "y": VALUES, "name": ["text"] * COUNT})
LOSS = sp.Sum((a * sp.exp(-b * t[i]) - y[i]) ** 2, (i, 0, n - 1)) / n + b**2 / 1000
METHOD = sx.Adamax(learning_rate=0.01)


HERE = "127.0.0.1"
PAGES = {"dashboard_address": f"{HERE}:0", "worker_dashboard_address": f"{HERE}:0"}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host=HERE, **PAGES) as cluster,
        Client(cluster) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({"t": TIMES, "y": VALUES}), path, row_group_size=1000)
    return path


def run(data: Any, **options: Any) -> Any:
    settings = {"start": [1, 1], "method": METHOD, "steps": 5, **options}
    return sx.minimize(LOSS, data=data, **settings)


def in_memory() -> Any:
    return rows({t: TIMES, y: VALUES}, shard=1000)


def arrays(**chunks: int) -> Any:
    return {"t": da.from_array(TIMES, chunks=1000), "y": da.from_array(VALUES, chunks=700)}


def frame() -> Any:
    return dd.from_pandas(TABLE, npartitions=6, sort=False)


@pytest.mark.parametrize("keep", [2**30, 0], ids=["held", "read at each step"])
def test_workers_that_read_files_give_the_bits_of_one_thread(
    client: Client, file: Path, keep: int
) -> None:
    expected = run(in_memory(), threads=1)
    for executor in (client, client.get_executor()):
        found = run(rows(file, shard=1000, keep=keep), executor=executor)
        assert found.x.tobytes() == expected.x.tobytes()
        assert found.jac.tobytes() == expected.jac.tobytes()


@pytest.mark.parametrize("make", [frame, arrays])
def test_collections_give_the_bits_of_one_thread(client: Client, make: Any) -> None:
    expected = run(in_memory(), threads=1)
    data = rows(make())
    assert data.cuts.tolist() == list(range(0, COUNT + 1, 1000))
    for options in ({"executor": client}, {}):
        assert run(data, **options).x.tobytes() == expected.x.tobytes()


def test_arrays_of_two_axes(client: Client) -> None:
    table = np.random.default_rng(0).normal(size=(COUNT, 3))
    expression = sp.Sum((sp.Sum(X[i, j] * w[j], (j, 0, d - 1)) - y[i]) ** 2, (i, 0, n - 1)) / n
    cut = {"X": da.from_array(table, chunks=(1000, 2)), "y": da.from_array(VALUES, chunks=1000)}
    options: dict[str, Any] = {"start": {w: np.zeros(3)}, "steps": 3}
    expected = sx.minimize(expression, data=rows({X: table, y: VALUES}, shard=1000), **options)
    found = sx.minimize(expression, data=rows(cut), executor=client, **options)
    assert found.x.tobytes() == expected.x.tobytes()


def test_arrays_whose_lengths_are_not_known(client: Client) -> None:
    values = da.from_array(VALUES, chunks=1000)
    kept = values[values > 0.5]
    found = sx.minimize(sp.Sum((a - y[i]) ** 2, (i, 0, n - 1)) / n, [1], steps=0,
                        data=rows({"y": kept}), executor=client)  # fmt: skip
    assert found.fun == pytest.approx(np.mean((1 - VALUES[VALUES > 0.5]) ** 2), rel=1e-13)


def test_a_worker_that_is_killed_is_done_without(client: Client, file: Path) -> None:
    expected = run(in_memory(), threads=1, steps=10)

    def kill(result: Any) -> None:
        if result.nit == 4:
            os.kill(victim(client), signal.SIGKILL)

    found = run(rows(file, shard=1000), executor=client, steps=10, callback=kill)
    assert found.x.tobytes() == expected.x.tobytes()


def victim(client: Client) -> int:
    """Return the process of a worker."""
    return int(next(iter(client.run(os.getpid).values())))


def test_a_cluster_that_is_gone_leaves_the_run_so_far(file: Path) -> None:
    with LocalCluster(n_workers=1, processes=False, **PAGES) as cluster, Client(cluster) as client:

        def close(result: Any) -> None:
            if result.nit == 2:
                cluster.close()

        with pytest.raises(WorkerError, match="no workers any more") as caught:
            run(rows(file, shard=1000), executor=client, callback=close)
    assert caught.value.result.nit == 2  # type: ignore[attr-defined]


def test_ctrl_c_returns_the_run_so_far(client: Client, file: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    def begin(so_far: Any) -> None:
        if so_far.nit == 2:
            timer.start()

    try:
        result = run(rows(file, shard=1000), executor=client, steps=10**12, callback=begin)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.status == Status.INTERRUPTED
    assert result.x.tobytes() == run(in_memory(), steps=result.nit).x.tobytes()


# ---- many starts ---------------------------------------------------------------------------------

HIMMELBLAU = (a**2 + b - 11) ** 2 + (a + b**2 - 7) ** 2
SAMPLE = sx.sample({a: (-5, 5), b: (-5, 5)}, 2000, rng=0)


def many(objective: Any = HIMMELBLAU, starts: Any = SAMPLE, **options: Any) -> Any:
    return sx.minimize_many(objective, starts, **{"method": METHOD, "steps": 60, **options})


def content(results: Any) -> list[bytes]:
    return [np.ascontiguousarray(array).tobytes() for array in results.runs]


@pytest.mark.parametrize("options", [{}, {"keep": 9}, {"stop": sx.Stop(gtol=0.1), "steps": 500}])
def test_many_starts_have_the_bits_of_one_thread(
    client: Client, options: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(conduct, "WORTH", 1)
    expected = many(threads=1, **options)
    for executor in (client, client.get_executor()):
        found = many(executor=executor, **options)
        assert content(found) == content(expected)
        assert repr(found.summary()) == repr(expected.summary())


def test_a_function_of_no_module_is_sent(client: Client) -> None:
    factor = 2.0
    starts = np.ones((70, 2))

    def bowl(point: Any) -> Any:
        return factor * float(point @ point), 2 * factor * point

    assert content(many(bowl, starts, executor=client)) == content(many(bowl, starts))


def test_a_worker_that_is_killed_loses_no_run(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(conduct, "WORTH", 1)
    monkeypatch.setattr(executors, "WANTED", 0.0)  # calls of one block
    victims = [victim(client)]

    def take(self: Any, group: Any) -> None:
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)
        original(self, group)

    original = executors._Conductor._take
    monkeypatch.setattr(executors._Conductor, "_take", take)
    found = many(executor=client, steps=300)
    monkeypatch.setattr(executors._Conductor, "_take", original)
    assert victims == []
    assert content(found) == content(many(steps=300))
    assert sum(found.summary().counts.values()) == 2000


# ---- what is refused -----------------------------------------------------------------------------


def test_what_is_missing_is_named_with_its_partition(client: Client) -> None:
    values = VALUES.copy()
    values[2345] = np.nan
    broken = {"t": arrays()["t"], "y": da.from_array(values, chunks=1000)}
    for options in ({"executor": client}, {}):
        with pytest.raises(InputError, match="'y' have nan in row 345 of partition 2 "):
            run(rows(broken), **options)


def test_a_collection_is_read_by_dask_alone() -> None:
    with pytest.raises(InputError, match="is read by Dask's workers alone: give executor=client"):
        pickle.dumps(rows(arrays()))


def neighbours() -> Any:
    return sp.Sum((y[i + 1] - a * y[i]) ** 2, (i, 0, n - 2))


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (arrays, {"shard": 10}, "shard was given with a collection of Dask"),
        (lambda: frame().y, {}, "Rows cannot be read from a Series of Dask; accepted are a"),
        (lambda: {"y": arrays()["y"], "t": TIMES}, {}, "'t' is a ndarray, among arrays of Dask"),
        (lambda: {"y": arrays()["y"], "t": arrays()["t"][:9]}, {}, "has 6000 rows, and 't' has 9"),
    ],
)  # fmt: skip
def test_what_are_no_rows_is_refused(given: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows(given(), **options)


def test_text_and_neighbours_of_other_partitions_are_refused() -> None:
    with pytest.raises(InputError, match=r"The column 'name' holds str.*; accepted are"):
        rows(frame()).of(["name"]).outlines()
    with pytest.raises(InputError, match="reads neighbours of a row, and those of the last row of"):
        sx.minimize(neighbours(), [1], data=rows(arrays()))

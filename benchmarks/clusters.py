"""The same work by threads, by processes and on a cluster of Dask: many starts, and rows."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import LeftOut, Timing, need
from benchmarks.parts import Part, table
from benchmarks.report import Report, Target, duration, ratio
from benchmarks.starts import rastrigin

__all__ = ["run"]

SUMMARY = """\
Two threads, two processes of concurrent.futures and a LocalCluster of Dask with two processes take
turns at whole calls, once these are warm. Times are those of the clock, since a process cannot see
what its workers used. Rows are mapped from files that are in the memory of the system; a step is an
evaluation of all shards. The bits are held equal."""

ONE, TWO, PROCESSES, DASK = "one thread", "two threads", "two processes", "Dask, two processes"


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int
    starts: int
    steps: int
    rows: tuple[int, ...]
    shards: int
    seconds: float


FULL = Sizes(3, 2_000_000, 1000, (3_000, 30_000, 300_000, 3_000_000), 8, 1.0)
QUICK = Sizes(1, 640, 20, (1000,), 4, 0.02)

Call = Callable[[], Any]


def run(quick: bool = False) -> Report:
    """Return the report; `quick` for little work and few rounds."""
    sizes = QUICK if quick else FULL
    notes: list[str] = []
    with two_processes() as processes:
        executors: dict[str, Any] = {PROCESSES: processes}
        try:
            with cluster() as client:
                parts = [starts(sizes, {**executors, DASK: client}),
                         rows(sizes, {**executors, DASK: client})]  # fmt: skip
        except LeftOut as reason:
            notes.append(f"{DASK} is left out: {reason}.")
            parts = [starts(sizes, executors), rows(sizes, executors)]
    return Report(
        "Executors",
        SUMMARY,
        [found for part in parts for found in part.tables],
        [target for part in parts for target in part.targets],
        notes,
        ["sympy", "numpy", "llvmlite", "dask", "distributed"],
    )


def two_processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@contextmanager
def cluster() -> Iterator[Any]:
    """Yield a client of a cluster on this machine, which listens to this machine alone."""
    distributed, here = need("distributed"), "127.0.0.1"
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host=here, dashboard_address=f"{here}:0",
            worker_dashboard_address=f"{here}:0",
        ) as found,
        distributed.Client(found) as client,
    ):  # fmt: skip
        yield client


def in_turns(calls: Mapping[str, Call], rounds: int, units: int = 1) -> dict[str, Timing]:
    """Time each call once a round by the clock; hold what they return equal."""
    names, taken = list(calls), {name: [] for name in calls}
    expected: Any = None
    for turn in range(rounds):
        first = turn % len(names)
        for name in [*names[first:], *names[:first]]:
            begin = time.perf_counter()
            answer = calls[name]()
            taken[name].append((time.perf_counter() - begin) / units)
            expected = answer if expected is None else expected
            np.testing.assert_array_equal(answer, expected, err_msg=name)
    return {name: Timing(tuple(times), tuple(times)) for name, times in taken.items()}


def starts(sizes: Sizes, executors: Mapping[str, Any]) -> Part:
    """Time runs from many starts, of which the best are kept."""
    import sympy as sp

    import symadamax as sx

    x = sp.symbols("x:10")
    objective = sx.Objective(rastrigin(x, sp), x)

    def call(count: int, **how: Any) -> Any:
        sample = sx.sample([(-5, 5)] * 10, count, method="uniform", rng=0)
        return sx.minimize_many(objective, sample, steps=sizes.steps, keep=100, **how).x

    ways: dict[str, dict[str, Any]] = {TWO: {"threads": 2}}
    ways |= {name: {"executor": pool} for name, pool in executors.items()}
    for how in ways.values():  # the objective is compiled once in each process
        call(max(sizes.starts // 50, 100), **how)
    calls = {name: partial(call, sizes.starts, **how) for name, how in ways.items()}
    times = in_turns(calls, sizes.rounds)
    shares = {name: times[TWO].over(timing) for name, timing in times.items()}
    columns = {
        "the whole call": {name: duration(timing.seconds) for name, timing in times.items()},
        "throughput": {name: ratio(share) for name, share in shares.items()},
    }
    title = f"Rastrigin in ten unknowns, {sizes.starts:,} starts of {sizes.steps:,} steps, keep=100"
    what = "many starts: throughput of Dask to that of two threads"
    target = [Target(what, shares[DASK], 0.85, "x", at_least=True)] if DASK in shares else []
    return Part([table(title, columns)], target)


def rows(sizes: Sizes, executors: Mapping[str, Any]) -> Part:
    """Time steps on rows in shards of several sizes."""
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for shard in sizes.rows:
            tables.append(rows_of(shard, sizes, executors, Path(folder)))
    return Part(tables)


def rows_of(shard: int, sizes: Sizes, executors: Mapping[str, Any], folder: Path) -> Any:
    import sympy as sp

    import symadamax as sx

    i, n = sp.symbols("i n", integer=True)
    a, b = sp.symbols("a b")
    t, y = sp.IndexedBase("t"), sp.IndexedBase("y")
    curve = a * sp.exp(-b * t[i]) + sp.sin(a * t[i]) + sp.log(1 + (b * t[i]) ** 2)
    rng, count = np.random.default_rng(0), shard * sizes.shards
    for name in "ty":
        np.save(folder / f"{name}.npy", rng.uniform(0, 1, count))
    data = sx.rows({name: folder / f"{name}.npy" for name in "ty"}, shard=shard)
    objective = sx.Objective(sp.Sum((curve - y[i]) ** 2, (i, 0, n - 1)) / n, data=data)

    def call(steps: int, **how: Any) -> Any:
        return sx.minimize(objective, [1, 1], steps=steps, **how).x

    ways: dict[str, dict[str, Any]] = {ONE: {"threads": 1}, TWO: {"threads": 2}}
    ways |= {name: {"executor": pool} for name, pool in executors.items()}
    begin = time.perf_counter()
    call(3, threads=1)
    step = (time.perf_counter() - begin) / 4
    steps = max(3, int(sizes.seconds / step))
    for how in ways.values():
        call(3, **how)
    calls = {name: partial(call, steps, **how) for name, how in ways.items()}
    times = in_turns(calls, sizes.rounds, steps + 1)
    columns = {
        "a step": {name: duration(timing.seconds) for name, timing in times.items()},
        "speed": {name: ratio(times[ONE].over(timing)) for name, timing in times.items()},
    }
    work = duration(times[ONE].seconds / sizes.shards)
    return table(f"{sizes.shards} shards of {shard:,} rows, each {work} of one thread", columns)

"""Sums over arrays: millions of unknowns, millions of rows, batches, compile time and memory."""

from __future__ import annotations

import gc
import resource
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmarks.chain import CHAINS, RATE, UPDATE, C, chain_sum, stepper
from benchmarks.children import Failed, in_child, on_processors, side_by_side
from benchmarks.harness import Contender, Timing, paced, repeated, timed
from benchmarks.report import OURS, Report, Table, Target, busy, duration
from benchmarks.rows import (
    FITS,
    LOGISTICS,
    READ,
    evaluator,
    fit_data,
    fit_sum,
    logistic_data,
    logistic_sum,
)  # fmt: skip

__all__ = ["run"]

LIMIT = 60.0  # seconds of a processor to make and warm up a contender, or for a round of it
THREADS = 1, 2

SUMMARY = """\
Objectives written as sums over arrays, in float64. Each contender works in a process of its own,
and they take turns; where one thread is measured, the process is kept to one processor. What is
compared is held equal: gradients and steps agree. Compilation is not counted, but in the table of
its own. In Rosenbrock's function, all loops hold their arrays from step to step; JAX loops within
one jitted function with donated arrays, and torch.compile has gradient and update in one function.
The C loop reads and writes the point and both moments, and has the point itself for a gradient,
which costs nothing: it is what the memory allows. It is compiled by gcc -O3 -march=native."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything is measured."""

    rounds: int
    pace: float
    unknowns: tuple[int, ...]
    rows: int
    batch: int
    small: int


FULL = Sizes(7, 0.1, (10**3, 10**5, 10**7), 10**6, 256, 10**3)
QUICK = Sizes(2, 0.002, (10**3, 3 * 10**3), 2 * 10**3, 256, 10**2)


@dataclass
class Part:
    """What is said of one kind of work."""

    tables: list[Table]
    targets: list[Target] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)


def run(quick: bool = False) -> Report:
    """Return the report; `quick` for small arrays and few rounds."""
    sizes = QUICK if quick else FULL
    parts = [work(sizes) for work in (chains, fits, logistics, batches, compiling, memory)]
    timings = [timing for part in parts for timing in part.timings]
    notes = [busy(statistics.mean(timing.share for timing in timings))]
    software = ["sympy", "numpy", "llvmlite", "numba", "jax", "torch"]
    return Report(
        "Sums",
        SUMMARY,
        [table for part in parts for table in part.tables],
        [target for part in parts for target in part.targets],
        notes,
        software,
    )


# ---- Rosenbrock's function over an array ---------------------------------------------------------


def chains(sizes: Sizes) -> Part:
    columns, part = {}, Part([])
    for n in sizes.unknowns:
        makers = {name: partial(chain, name, n, sizes.pace) for name in CHAINS}
        times, found, missing = side_by_side(makers, sizes.rounds, LIMIT)
        hold_equal({name: step for name, step in found.items() if name not in (C, UPDATE)}, 1e-6)
        hold_equal({name: found[name] for name in (UPDATE, C) if name in found}, 1e-6)
        columns[f"{n:,} unknowns"] = {
            k: duration(t.seconds / n) for k, t in times.items()
        } | missing
        part.timings.append(times[OURS])
        part.targets += chain_targets(n, times, n == max(sizes.unknowns))
    part.tables.append(table("Rosenbrock, a step of Adamax, per unknown", columns))
    return part


def chain(name: str, n: int, pace: float) -> Contender:
    """Warm up and pace one loop; it returns the first steps, along some direction."""
    make, alone = CHAINS[name]
    on_processors(1 if alone else None)
    rng = np.random.default_rng(0)
    start, direction = rng.normal(size=n), rng.normal(size=n)
    loop = make(start)
    loop.advance(3)
    moved = float(direction @ (loop.point() - start)) / RATE
    contender = paced(loop.advance, pace)
    return Contender(lambda: (contender.run(), moved)[1], contender.units)


def chain_targets(n: int, times: Mapping[str, Timing], largest: bool) -> list[Target]:
    ours, title = times[OURS], f"Rosenbrock {n:,}"
    faster = {"JAX": 5, "Numba": 3, "PyTorch": 30} if largest else {"JAX": 1, "Numba": 1}
    made = faster_than(title, ours, times, faster)
    if largest and C in times:
        made.append(Target(f"{title}, to the update in C", ours.over(times[C]), 1.15, "x"))
        update = times[UPDATE].over(times[C])
        made.append(Target(f"update alone of {n:,}, to C", update, 1.05, "x"))
    return made


# ---- sums over rows ------------------------------------------------------------------------------


def fits(sizes: Sizes) -> Part:
    point = np.array([1.0, 1.1, 0.9, 2.0])
    times, part = by_threads("Fit", FITS, fit_data(sizes.rows), point, sizes)
    one, two = times
    faster = {"Numba": 8, "torch.compile": 2, "JAX": 15}
    part.targets = faster_than("fit, one thread", one[OURS], one, faster)
    share = one[OURS].over(two[OURS])
    part.targets.append(Target("fit, two threads to one", share, 1.8, "x", at_least=True))
    return part


def logistics(sizes: Sizes) -> Part:
    data = logistic_data(sizes.rows)
    point = np.linspace(-0.3, 0.3, data["X"].shape[1])
    times, part = by_threads("Logistic regression", LOGISTICS, data, point, sizes)
    for threads, by_name in zip(THREADS, times, strict=True):
        title = f"logistic regression, {threads} threads"
        part.targets += faster_than(title, by_name[OURS], by_name, {"PyTorch": 1, "JAX": 1})
    size = sum(array.nbytes for array in data.values())
    part.tables.append(bandwidth(size, times))
    return part


def by_threads(
    title: str, makers: Any, data: Mapping[str, np.ndarray], point: np.ndarray, sizes: Sizes
) -> tuple[list[dict[str, Timing]], Part]:
    """Time all routes on one thread and on two, in the same rounds."""
    both = {
        (name, k): partial(row_route, makers[name], data, point, k, sizes.pace)
        for name in makers
        for k in THREADS
    }
    times, found, missing = side_by_side(both, sizes.rounds, LIMIT)
    hold_equal({key: answer for key, answer in found.items() if key[0] != READ}, 1e-9)
    cells = {key: duration(timing.seconds) for key, timing in times.items()} | missing
    columns = {
        f"{k} thread{'s' * (k > 1)}": {name: cells[name, k] for name in makers} for k in THREADS
    }
    split = [{n: t for (n, k), t in times.items() if k == threads} for threads in THREADS]
    heading = f"{title} of {len(data['y']):,} rows, value and gradient"
    return split, Part([table(heading, columns)], timings=[times[OURS, 1]])


def row_route(
    make: Any, data: Mapping[str, np.ndarray], point: np.ndarray, threads: int, pace: float
) -> Contender:
    """Warm up one route; it returns the value and the length of the gradient."""
    on_processors(threads)
    evaluate = make(data, point, threads)
    value, gradient = evaluate()
    answer = np.array([float(value), float(np.linalg.norm(np.asarray(gradient)))])
    contender = repeated(evaluate, pace)
    return Contender(lambda: (contender.run(), answer)[1], contender.units)


def bandwidth(size: int, times: list[dict[str, Timing]]) -> Table:
    """Return how fast the data are read, beside the fastest reading."""
    rows = []
    for threads, by_name in zip(THREADS, times, strict=True):
        if READ in by_name:
            ours, read = by_name[OURS], by_name[READ]
            speeds = [f"{size / timing.seconds / 1e9:.1f} GB/s" for timing in (read, ours)]
            rows.append([str(threads), *speeds, f"{100 / ours.over(read):.0f} %"])
    header = ["threads", READ, OURS, "share of the bandwidth"]
    return Table("Logistic regression, how fast the data are read", header, rows)


# ---- batches -------------------------------------------------------------------------------------

STEP, ALL_ROWS = "a step on a batch", "a step on as many rows, all there are"
CALL, LITTLE = "an evaluation of as many rows, from Python", "an evaluation of one row, from Python"


def batches(sizes: Sizes) -> Part:
    kinds = (STEP, ALL_ROWS, CALL, LITTLE)
    times, _, missing = side_by_side(
        {kind: partial(batch_route, kind, sizes) for kind in kinds}, sizes.rounds, LIMIT
    )
    hold_all(missing)
    rows = [[kind, duration(times[kind].seconds)] for kind in kinds]
    kernel = times[CALL].seconds - times[LITTLE].seconds
    beyond = times[STEP].seconds - kernel
    rows.append(["a step beyond its kernel", duration(beyond)])
    title = f"Batches of {sizes.batch} of the fit of {sizes.rows:,} rows"
    target = Target("a step on a batch, beyond its kernel", 1e6 * beyond, 1, "us")
    return Part([Table(title, ["", "time"], rows)], [target], [times[STEP]])


def batch_route(kind: str, sizes: Sizes) -> Contender:
    import symadamax as sx
    from symadamax.solver.batches import Batches

    on_processors(1)
    point = dict(zip("abcd", (1.0, 1.1, 0.9, 2.0), strict=True))
    count = {STEP: sizes.rows, LITTLE: 1}.get(kind, sizes.batch)
    objective = sx.Objective(fit_sum(), data=fit_data(count))
    if kind in (STEP, ALL_ROWS):
        drawn = Batches(sizes.batch, "shuffle", 0, None) if kind == STEP else None
        return paced(stepper(objective, point, 1, drawn).advance, sizes.pace)
    return repeated(evaluator(objective, point, 1), sizes.pace)


# ---- compile time --------------------------------------------------------------------------------

WORKS: dict[str, tuple[Callable[[], Any], Callable[[int], tuple[Any, Any]]]] = {
    "Rosenbrock": (chain_sum, lambda n: (None, {"x": np.zeros(n)})),
    "fit": (fit_sum, lambda n: (fit_data(n), np.ones(4))),
    "logistic regression": (logistic_sum, lambda n: (logistic_data(n), {"w": np.zeros(30)})),
}


def compiling(sizes: Sizes) -> Part:
    columns: dict[str, dict[str, str]] = {}
    targets = []
    for size in (sizes.small, sizes.rows):
        columns[f"{size:,}"] = column = {}
        for name in WORKS:
            rounds = [in_child(partial(compile_time, name, size), LIMIT) for _ in range(3)]
            seconds = statistics.median(rounds)
            column[name] = duration(seconds)
            targets.append(Target(f"{name} {size:,}, to machine code", 1e3 * seconds, 100, "ms"))
    return Part(
        [table("From a sum to machine code, by the length of the arrays", columns)], targets
    )


def compile_time(name: str, size: int) -> float:
    """Return the seconds from SymPy's sum to what runs, in a process that has compiled before.

    The data are not searched for NaN, which takes the time of reading them.
    """
    import sympy as sp

    import symadamax as sx

    write, numbers = WORKS[name]
    a, i, n, v = sp.Symbol("a"), *sp.symbols("i n", integer=True), sp.IndexedBase("v")
    other = sp.Sum(sp.log(a * v[i]) + sp.exp(a) * sp.cos(v[i]), (i, 0, n - 1))
    sx.Objective(other, data={v: [1.0]}).bound()
    total, (data, point) = write(), numbers(size)

    def compiled() -> Any:
        objective = sx.Objective(total, data=data, allow_nan=True)
        return objective.bound(objective.flat(point)[1])

    return timed(compiled)[1].seconds


# ---- memory --------------------------------------------------------------------------------------


def memory(sizes: Sizes) -> Part:
    n = max(sizes.unknowns)
    arrays = in_child(partial(peak, n), LIMIT)
    rows = [["minimize, 3 steps", f"{arrays:.2f}"]]
    heading = f"Memory for {n:,} unknowns, in arrays of as many beyond the start"
    target = Target(f"memory for {n:,} unknowns", arrays, 5, "arrays")
    return Part([Table(heading, ["", "at its peak"], rows)], [target])


def peak(n: int) -> float:
    """Return how many arrays of n numbers a run takes at its peak, with its result."""
    import symadamax as sx

    total, method = chain_sum(), sx.Adamax(learning_rate=RATE)
    sx.minimize(total, {"x": np.zeros(2000)}, method=method, steps=3)
    start = np.random.default_rng(0).normal(size=n)
    gc.collect()
    before = largest_memory()
    sx.minimize(total, {"x": start}, method=method, steps=3)
    return (largest_memory() - before) / start.nbytes


def largest_memory() -> float:
    """Return the bytes that this process had in memory at its peak."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


# ---- what all have in common ---------------------------------------------------------------------


def faster_than(
    title: str, ours: Timing, times: Mapping[str, Timing], factors: Mapping[str, float]
) -> list[Target]:
    return [
        Target(f"{title}, faster than {peer}", times[peer].over(ours), factor, "x", at_least=True)
        for peer, factor in factors.items()
        if peer in times
    ]


def hold_equal(answers: Mapping[Any, Any], tolerance: float) -> None:
    """Refuse a comparison of answers that are not the same as the first."""
    first, *others = answers.items()
    for name, answer in others:
        if not np.allclose(answer, first[1], rtol=tolerance, atol=0):
            raise AssertionError(f"{name} has {answer!r}, and {first[0]} {first[1]!r}")


def hold_all(missing: Mapping[str, str]) -> None:
    for name, reason in missing.items():
        raise Failed(f"{name}: {reason}")


def table(title: str, columns: Mapping[str, Mapping[str, str]]) -> Table:
    names = dict.fromkeys(name for column in columns.values() for name in column)
    rows = [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    return Table(title, ["", *columns], rows)

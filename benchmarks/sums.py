"""Sums over arrays: millions of unknowns, millions of rows, batches, compile time and memory."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from benchmarks.batches import batches
from benchmarks.chain import CHAINS, RATE, UPDATE, C
from benchmarks.children import on_processors, side_by_side
from benchmarks.costs import compiling, memory
from benchmarks.harness import Contender, Timing, paced, repeated
from benchmarks.parts import FULL, LIMIT, QUICK, Part, Sizes, faster_than, hold_equal, table
from benchmarks.report import OURS, Report, Table, Target, busy, duration
from benchmarks.rows import FITS, LOGISTICS, READ, fit_data, logistic_data

__all__ = ["run"]

THREADS = 1, 2

SUMMARY = """\
Objectives written as sums over arrays, in float64. Each contender works in a process of its own,
and they take turns; where one thread is measured, the process is kept to one processor. What is
compared is held equal: gradients and steps agree. Compilation is not counted, but in the table of
its own. In Rosenbrock's function, all loops hold their arrays from step to step; JAX loops within
one jitted function with donated arrays, and torch.compile has gradient and update in one function.
The C loop reads and writes the point and both moments, and has the point itself for a gradient,
which costs nothing: it is what the memory allows. It is compiled by gcc -O3 -march=native.

A step on a batch draws its rows, evaluates them, and updates. What it takes beyond its kernel, the
evaluation, is counted for a million rows against an evaluation that reads them in a random order,
as a batch does, but nothing ahead of time; that can make it less than nothing. For rows that fit
into the cache it is counted against an evaluation of as many that lie one after another, less one
of one row. The C loop reads rows of the same data in an order drawn before, asks for each 64 rows
ahead, as symadamax does, and only adds them up: what it takes more than for rows that fit into the
cache, the memory takes of every such step."""


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
        title = f"logistic regression, {counted(threads)}"
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
    columns = {counted(k): {name: cells[name, k] for name in makers} for k in THREADS}
    split = [{n: t for (n, k), t in times.items() if k == threads} for threads in THREADS]
    heading = f"{title} of {len(data['y']):,} rows, value and gradient"
    return split, Part([table(heading, columns)], timings=[times[OURS, 1]])


def counted(threads: int) -> str:
    return f"{threads} thread{'s' * (threads > 1)}"


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

"""Many starts of one function: how long a step of one of them takes, in whole calls."""

from __future__ import annotations

import resource
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.children import in_child, on_processors, side_by_side
from benchmarks.harness import Contender, Timing
from benchmarks.parts import Part, faster_than, hold_equal, table
from benchmarks.report import OURS, Report, Table, Target, busy, duration
from benchmarks.starts import MANY, WORKS

__all__ = ["run"]

LIMIT = 120.0  # seconds of a processor to make and warm up a contender, or for a round of it
THREADS = 1, 2

SUMMARY = """\
Runs of Adamax from many starts, spread over [-2, 2] in each unknown, in float64. Every figure is
that of a whole call, divided by the number of starts and of steps; compilation is not counted.
Each contender works in a process of its own that is kept to as many processors as it has threads,
and they take turns; slow ones get fewer starts. Where they end is held equal. symadamax, JAX and
PyTorch differentiate by themselves; the gradient that Numba runs is written by hand; heyoka has its
own gradient of all starts, and the update in NumPy. PyTorch's Adamax has epsilon in the maximum."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int
    starts: Mapping[str, int]
    steps: int
    kept: int


FULL = Sizes(5, {"Rosenbrock 2": 100_000, "Ackley 2": 40_000, "Rastrigin 10": 16_000}, 1000, 10**8)
QUICK = Sizes(2, dict.fromkeys(WORKS, 640), 20, 10**4)

# By work: the most nanoseconds on one thread, and how many times as fast as whom on how many.
BOUNDS: dict[str, tuple[float, dict[str, tuple[float, int]]]] = {
    "Rosenbrock 2": (1.35, {"Numba": (8, 1), "JAX": (5, 2)}),
    "Ackley 2": (6.5, {"Numba": (7, 1), "JAX": (6, 2), "heyoka and NumPy": (2, 1)}),
    "Rastrigin 10": (15.0, {"Numba": (4, 1), "JAX": (6, 2)}),
}


def run(quick: bool = False) -> Report:
    """Return the report; `quick` for few starts and few rounds."""
    sizes = QUICK if quick else FULL
    parts = [*(work(name, sizes) for name in WORKS), memory(sizes)]
    timings = [timing for part in parts for timing in part.timings]
    return Report(
        "Many starts",
        SUMMARY,
        [table for part in parts for table in part.tables],
        [target for part in parts for target in part.targets],
        [busy(statistics.mean(timing.share for timing in timings))],
        ["sympy", "numpy", "llvmlite", "numba", "jax", "heyoka", "torch"],
    )


def work(title: str, sizes: Sizes) -> Part:
    """Time one function."""
    makers = {
        (name, threads): partial(route, title, name, threads, sizes)
        for name in MANY
        for threads in THREADS
    }
    times, found, missing = side_by_side(makers, sizes.rounds, LIMIT)  # type: ignore[type-var]
    hold_equal({key: ends for key, ends in found.items() if key[0] != "PyTorch"}, 1e-6)
    cells = {key: duration(timing.seconds) for key, timing in times.items()} | missing
    columns = {
        f"{k} thread{'s' * (k > 1)}": {name: cells[name, k] for name in MANY} for k in THREADS
    }
    heading = f"{title}: {sizes.starts[title]:,} starts of {sizes.steps:,} steps, a start and step"
    return Part([table(heading, columns)], targets(title, times), [times[OURS, k] for k in THREADS])


def route(title: str, name: str, threads: int, sizes: Sizes) -> Contender:
    """Warm up one route; it returns where the first starts end after few steps."""
    on_processors(threads)
    maker, slower = MANY[name]
    count, problem = max(64, sizes.starts[title] // slower), WORKS[title]
    starts = np.random.default_rng(0).uniform(-2, 2, (count, problem.unknowns))
    call = maker(problem, starts, threads)
    ends = np.array(call(5)[:64])
    return Contender(lambda: (call(sizes.steps), ends)[1], count * sizes.steps)


def targets(title: str, times: Mapping[Any, Timing]) -> list[Target]:
    """Return what is to be reached."""
    bound, peers = BOUNDS[title]
    one, two = (times[OURS, k] for k in THREADS)
    made = [Target(f"{title}, one thread", 1e9 * one.seconds, bound, "ns")]
    for peer, (factor, threads) in peers.items():
        by_name = {n: timing for (n, k), timing in times.items() if k == threads}
        heading = f"{title}, {threads} thread{'s' * (threads > 1)}"
        made += faster_than(heading, times[OURS, threads], by_name, {peer: factor})
    if title != "Rosenbrock 2":
        share = one.over(two)
        made.append(Target(f"{title}, two threads to one", share, 1.7, "x", at_least=True))
    return made


def memory(sizes: Sizes) -> Part:
    """Measure the memory of a call that keeps the best runs alone."""
    peak = in_child(partial(growth, sizes.kept), 20 * LIMIT)
    rows = [[f"minimize_many, {sizes.kept:,} starts, keep=100", f"{peak:.0f} MB"]]
    target = Target(f"memory of {sizes.kept:,} starts with keep=100", peak, 200, "MB")
    return Part([Table("Memory beyond that of a small call", ["", "at its peak"], rows)], [target])


def growth(count: int) -> float:
    """Return by how many MB the memory has grown at its peak; few steps need as much as many."""
    import sympy as sp

    import symadamax as sx

    x, y = sp.symbols("x y")
    objective = sx.Objective(100 * (y - x**2) ** 2 + (1 - x) ** 2)
    box = {x: (-2, 2), y: (-2, 2)}

    def call(count: int) -> float:
        starts = sx.sample(box, count, method="uniform", rng=0)
        sx.minimize_many(objective, starts, steps=10, keep=100)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024

    before = call(1000)
    return call(count) - before

"""What sums cost beside their kernels: compile time and memory."""

from __future__ import annotations

import gc
import resource
import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.chain import RATE, chain_sum
from benchmarks.children import in_child
from benchmarks.harness import timed
from benchmarks.parts import LIMIT, Part, Sizes, table
from benchmarks.report import Table, Target, duration
from benchmarks.rows import fit_data, fit_sum, logistic_data, logistic_sum

__all__ = ["compiling", "memory"]

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
            once = partial(compile_time, name, size)
            seconds = statistics.median(in_child(once, LIMIT) for _ in range(sizes.rounds // 2 + 1))
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


def memory(sizes: Sizes) -> Part:
    n = max(sizes.unknowns)
    arrays = round(in_child(partial(peak, n), LIMIT), 2)  # what is not in arrays is less than that
    rows = [["minimize, 3 steps", f"{arrays:.2f}"]]
    heading = f"Memory for {n:,} unknowns, in arrays of as many beyond the start"
    target = Target(f"memory for {n:,} unknowns", arrays, 5, "arrays")
    return Part([Table(heading, ["", "at its peak"], rows)], [target])


def peak(n: int) -> float:
    """Return how many arrays of n numbers a run takes at its peak, with its result."""
    import symadamax as sx

    total, method = chain_sum(), sx.Adamax(learning_rate=RATE)
    # What is compiled, and the threads, are there before: as many unknowns take the same path.
    sx.minimize(total, {"x": np.zeros(n // 8)}, method=method, steps=3)
    start = np.random.default_rng(0).normal(size=n)
    gc.collect()
    before = largest_memory()
    sx.minimize(total, {"x": start}, method=method, steps=3)
    return (largest_memory() - before) / start.nbytes


def largest_memory() -> float:
    """Return the bytes that this process had in memory at its peak."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

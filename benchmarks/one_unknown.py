"""One unknown, x - x**3 from -1: how long a step takes, and a run of 1,000."""

from __future__ import annotations

import math
from functools import partial

from benchmarks.harness import Contender, Timing, gather, interleave, repeated
from benchmarks.loops import LOOPS, NUMPY, OPTAX, C
from benchmarks.report import OURS, Report, Table, Target, busy, duration, ratio

__all__ = ["run"]

LONG, SHORT = 1_000_000, 1_000

# At this learning rate 10**6 steps cover 0.4, and the minimum is 0.42 away. Once it is reached the
# gradient is exactly 0, and in most of these loops m sinks into the subnormal numbers, where a step
# takes ten times as long (not in symadamax, nor under XLA): that would be measured instead.
ON_THE_WAY, USUAL = 4e-7, 0.01

SUMMARY = f"""\
Adamax on x - x**3 from x = -1, in float64 on one thread. Every loop does the same work, and ends at
the same point. Compilation is not counted. The first column is the time of a step in a run of
{LONG:,} steps (of fewer, where that would take long); the last is that of a whole run of {SHORT:,}
steps at learning rate {USUAL}, with what is around it."""


def run(quick: bool = False) -> Report:
    """Return the report; `quick` for fewer rounds of shorter runs."""
    made, notes = gather({name: make for name, (make, _) in LOOPS.items()})
    rounds, longest = (3, 20_000) if quick else (15, LONG)
    steps = {name: max(SHORT, longest // LOOPS[name][1]) for name in made}
    long = interleave(
        {n: Contender(partial(loop, steps[n], ON_THE_WAY), steps[n]) for n, loop in made.items()},
        rounds,
    )
    short = interleave(
        {name: repeated(partial(loop, SHORT, USUAL)) for name, loop in made.items()}, rounds
    )
    hold_equal({name: loop(SHORT, USUAL) for name, loop in made.items()})
    notes.append(busy(long[OURS].share))
    software = ["numpy", "llvmlite", "cython", "numba", "jax", "optax", "torch"]
    table = Table("A step, and a run of 1,000", *rows(long, short))
    return Report("One unknown", SUMMARY, [table], targets(long, short), notes, software)


def hold_equal(ends: dict[str, float]) -> None:
    """Refuse a comparison of loops that do not do the same."""
    for name, end in ends.items():
        if not math.isclose(end, ends[OURS], rel_tol=1e-9):
            raise AssertionError(f"{name} ends at {end!r}, and {OURS} at {ends[OURS]!r}")


def rows(long: dict[str, Timing], short: dict[str, Timing]) -> tuple[list[str], list[list[str]]]:
    base = C if C in long else OURS
    header = ["loop", "a step", f"to {base.partition(',')[0]}", "1,000 steps"]
    return header, [
        [name, duration(t.seconds), ratio(t.over(long[base])), duration(short[name].seconds)]
        for name, t in long.items()
    ]


def targets(long: dict[str, Timing], short: dict[str, Timing]) -> list[Target]:
    def faster(times: dict[str, Timing], peer: str) -> float:
        return times[peer].over(times[OURS])

    made = [
        Target("a run of 1,000 steps", 1e6 * short[OURS].seconds, 100, "us"),
        Target("faster than the NumPy loop", faster(long, NUMPY), 90, "x", at_least=True),
    ]
    if C in long:
        made.insert(0, Target("a step, to the C loop", long[OURS].over(long[C]), 1.45, "x"))
    if OPTAX in long:
        made += [
            Target("faster than Optax, a step", faster(long, OPTAX), 1.3, "x", at_least=True),
            Target("faster than Optax, a run", faster(short, OPTAX), 1.3, "x", at_least=True),
        ]
    return made

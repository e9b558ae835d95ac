"""What the benchmarks of sums have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.harness import Timing
from benchmarks.report import Table, Target

__all__ = ["FULL", "LIMIT", "QUICK", "Part", "Sizes", "faster_than", "hold_equal", "table"]

LIMIT = 60.0  # seconds of a processor to make and warm up a contender, or for a round of it


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
    names = list(answers)
    for name in names[1:]:
        first, answer = answers[names[0]], answers[name]
        if not np.allclose(answer, first, rtol=tolerance, atol=0):
            raise AssertionError(f"{name} has {answer!r}, and {names[0]} {first!r}")


def table(title: str, columns: Mapping[str, Mapping[str, str]]) -> Table:
    names = dict.fromkeys(name for column in columns.values() for name in column)
    rows = [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    return Table(title, ["", *columns], rows)

"""Measure the same work side by side: interleaved rounds, warmed up, medians.

Contenders take turns, so that a machine that slows down slows all of them. A ratio is the median
over the rounds of the ratio within a round. A time is the smaller of two: that on the clock, and
that for which this process and those it waited for had a processor. They agree on a quiet machine;
on a shared one the clock also counts what others do, and with threads the processors' times add up.
"""

from __future__ import annotations

import importlib
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

Made = TypeVar("Made")


class LeftOut(Exception):
    """A contender that cannot be had here, and why."""


@dataclass(frozen=True)
class Contender:
    """Work to be timed: `run` does `units` of it (steps, calls), and returns what it found."""

    run: Callable[[], Any]
    units: int = 1


@dataclass(frozen=True)
class Timing:
    """Seconds a unit in each round, on the clock and of the processor."""

    clock: tuple[float, ...]
    processor: tuple[float, ...]

    @property
    def rounds(self) -> tuple[float, ...]:
        """The smaller of the two in each round."""
        return tuple(map(min, self.clock, self.processor))

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(self.rounds)

    @property
    def share(self) -> float:
        """The part of the time for which there was a processor."""
        return sum(self.processor) / sum(self.clock)

    def over(self, other: Timing) -> float:
        """Return how many times as long as `other` this took."""
        return statistics.median(a / b for a, b in zip(self.rounds, other.rounds, strict=True))


def interleave(contenders: Mapping[str, Contender], rounds: int) -> dict[str, Timing]:
    """Time every contender once a round, after one run that is not counted."""
    for contender in contenders.values():
        contender.run()
    names = list(contenders)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in [*names[first:], *names[:first]]:
            taken[name].append(taken_by(contenders[name]))
    return {name: Timing(*zip(*pairs, strict=True)) for name, pairs in taken.items()}


def timed(work: Callable[[], Made]) -> tuple[Made, Timing]:
    """Do some work once."""
    clock, processor = time.perf_counter(), processor_time()
    result = work()
    clock, processor = time.perf_counter() - clock, processor_time() - processor
    return result, Timing((clock,), (processor,))


def processor_time() -> float:
    """Return the seconds that this process, and those that it waited for, had a processor."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def taken_by(contender: Contender) -> tuple[float, float]:
    """Return the seconds a unit, on the clock and of the processor."""
    _, timing = timed(contender.run)
    return timing.clock[0] / contender.units, timing.processor[0] / contender.units


def repeated(call: Callable[[], Any], seconds: float = 0.01) -> Contender:
    """Return a contender that repeats a short call for about `seconds`."""
    count = 1
    while (taken := taken_by(Contender(_repeat(call, count)))[0]) < seconds:
        count = max(2 * count, min(100 * count, int(count * seconds / max(taken, 1e-9))))
    return Contender(_repeat(call, count), count)


def paced(loop: Callable[[int], Any], seconds: float = 0.05) -> Contender:
    """Return a contender that asks a loop for as many steps as it takes in about `seconds`."""
    steps = 1
    while (taken := taken_by(Contender(partial(loop, steps)))[0]) < 0.7 * seconds:
        steps = max(2 * steps, min(30 * steps, int(steps * seconds / max(taken, 1e-9))))
    return Contender(partial(loop, steps), steps)


def _repeat(call: Callable[[], Any], count: int) -> Callable[[], Any]:
    def run() -> Any:
        for _ in range(count - 1):
            call()
        return call()

    return run


def need(module: str) -> ModuleType:
    """Import a peer, or say that it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise LeftOut(f"{module} cannot be imported") from error


def gather(makers: Mapping[str, Callable[[], Made]]) -> tuple[dict[str, Made], list[str]]:
    """Make every contender that can be had here; say which cannot, and why."""
    made, notes = {}, []
    for name, make in makers.items():
        try:
            made[name] = make()
        except LeftOut as reason:
            notes.append(f"{name} is left out: {reason}.")
    return made, notes

"""Blocks of runs on threads: each begun in its turn, delivered in order, and ended on Ctrl-C."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Protocol

from symadamax._core import Status
from symadamax.machine import processors
from symadamax.solver.many.block import Block, Watcher, fits_lanes, run_block
from symadamax.solver.many.collect import Keeping
from symadamax.solver.many.starts import Starts
from symadamax.solver.many.task import Task

__all__ = [
    "GLANCE", "Pulse", "Sink", "attended", "blocks_of", "on_threads", "run_part", "threads_for",
    "within",
]  # fmt: skip

# How many runs are in a block: small ones end together, large ones cost little to begin.
LEAST, MOST = 64, 65_536
WORTH = 10**8  # operations of a block on lanes that take some milliseconds
MOST_IN_TURN = 256
PARTS = 64  # into so many blocks the runs are cut, where that makes blocks of such sizes

GLANCE = 0.05  # seconds between two looks at what has been done
SHORTEST = 1e-6  # seconds that a run is given where none are left


class Sink(Protocol):
    """What ended runs are delivered to, block by block, in their order."""

    @property
    def keeping(self) -> Keeping:
        """What is kept of a block."""

    def take(self, block: Block) -> None:
        """Keep what is to be kept; rows bear the numbers of their starts."""

    def show(self, ended: int) -> None:
        """Take note of how many runs have ended, of all that were begun."""


@dataclass
class Pulse(Watcher):
    """How far the blocks under way have come, and what ends them all."""

    reason: Status = Status.RUNNING
    counts: dict[int, int] = field(default_factory=dict)

    def end(self, reason: Status) -> None:
        """End all runs where they stand; the first reason stays."""
        if self.reason == Status.RUNNING:
            self.reason = reason

    def of_block(self, number: int) -> _BlockPulse:
        """Return what watches one block."""
        return _BlockPulse(self, number)


@dataclass
class _BlockPulse(Watcher):
    pulse: Pulse
    number: int

    def ended(self, runs: int) -> None:
        self.pulse.counts[self.number] = runs

    def cancelled(self) -> bool:
        return self.pulse.reason not in (Status.RUNNING, Status.TIME_LIMIT)


def blocks_of(task: Task, count: int) -> list[tuple[int, int]]:
    """Return how runs are cut into blocks: by their number alone, not by who computes them."""
    if fits_lanes(task):
        worth = WORTH // (max(task.steps, 1) * task.objective.stages.operations)
        size = min(MOST, max(LEAST, worth // LEAST * LEAST, count // PARTS // LEAST * LEAST))
    else:
        size = min(MOST_IN_TURN, max(1, count // PARTS))
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def threads_for(blocks: int, asked: int | None) -> int:
    """Return how many threads are of use: as many as there are processors or blocks."""
    return max(1, min(processors() if asked is None else asked, blocks))


def run_part(
    task: Task, starts: Starts, first: int, last: int, keeping: Keeping, watcher: Watcher
) -> Block:
    """Return what is kept of the runs first, ..., last - 1, under their numbers.

    Parameters
    ----------
    task : Task
        The part for these runs alone.
    """
    block = run_block(task, starts.points(first, last), watcher)
    runs = block.runs._replace(number=block.runs.number + first)
    return keeping.of(block._replace(runs=runs, first=first))


def on_threads(task: Task, starts: Starts, threads: int, sink: Sink, begin: int = 0) -> Status:
    """Do all runs; say what ended them all: RUNNING for nothing, TIME_LIMIT or INTERRUPTED.

    On Ctrl-C the runs under way end where they stand, and their blocks are delivered, too. When a
    run raises, what has ended is delivered before that is raised again. The first `begin` blocks
    are left out.
    """
    pulse = Pulse()
    with ThreadPoolExecutor(threads, thread_name_prefix="symadamax") as pool:
        attended(pulse, partial(_deliver, pool, task, starts, 2 * threads, sink, pulse, begin))
    return pulse.reason


def attended(pulse: Pulse, deliver: Callable[[], None]) -> None:
    """Deliver in another thread; Ctrl-C ends all runs.

    Signals reach the main thread alone, which does nothing else meanwhile.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="symadamax") as pool:
        whole = pool.submit(deliver)
        try:
            _await(whole, pulse)
        except BaseException:  # a handler of signals may raise, and then the blocks end as well
            pulse.end(Status.INTERRUPTED)
            raise


def _await(whole: Future[None], pulse: Pulse) -> None:
    """Wait until all is delivered, which Ctrl-C brings about soon."""
    while True:
        try:
            while not whole.done():
                wait([whole], timeout=GLANCE)
            return whole.result()
        except KeyboardInterrupt:
            if whole.done():
                raise
            pulse.end(Status.INTERRUPTED)


def _deliver(
    pool: ThreadPoolExecutor, task: Task, starts: Starts, most: int, sink: Sink, pulse: Pulse,
    begin: int,
) -> None:  # fmt: skip
    """Deliver the blocks in their order, with at most so many under way."""
    all_blocks = blocks_of(task, len(starts))
    blocks = islice(enumerate(all_blocks), begin, None)
    deadline = time.monotonic() + (task.stop.seconds or float("inf"))
    futures: deque[tuple[int, Future[Block]]] = deque()
    trouble: BaseException | None = None
    done = all_blocks[begin - 1][1] if begin else 0

    def work(number: int, first: int, last: int) -> Block:
        part = within(task, deadline - time.monotonic()).part(first, last)
        return run_part(part, starts, first, last, sink.keeping, pulse.of_block(number))

    while True:
        if time.monotonic() >= deadline:
            pulse.end(Status.TIME_LIMIT)
        if pulse.reason == Status.RUNNING:
            for number, (first, last) in islice(blocks, most - len(futures)):
                futures.append((number, pool.submit(work, number, first, last)))
        if not futures:
            break
        number, future = futures[0]
        if wait([future], timeout=GLANCE).done:
            futures.popleft()
            pulse.counts.pop(number, None)
            try:
                block = future.result()
            except BaseException as error:
                pulse.end(Status.OBJECTIVE_FAILED)
                trouble = trouble or error
                continue
            done += block.rows
            sink.take(block)
        sink.show(done + sum(list(pulse.counts.values())))
    if trouble is not None:
        raise trouble


def within(task: Task, seconds: float) -> Task:
    """Return the task with what is left of its time."""
    if task.stop.seconds is None:
        return task
    return replace(task, stop=replace(task.stop, seconds=max(seconds, SHORTEST)))

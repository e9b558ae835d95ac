"""Blocks of runs on an executor: calls of about a second each, delivered in their order.

To a worker travels what the runs have in common, once, and then with each call where its runs
start. What comes back is what is kept of the blocks.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from symadamax._core import Status
from symadamax.errors import WorkerError
from symadamax.solver.adamax import Adamax
from symadamax.solver.columns import Column
from symadamax.solver.many.block import Block, Watcher
from symadamax.solver.many.collect import Keeping
from symadamax.solver.many.conduct import (
    GLANCE,
    Pulse,
    Sink,
    attended,
    blocks_of,
    run_part,
    within,
)
from symadamax.solver.many.starts import Starts
from symadamax.solver.many.task import Task
from symadamax.solver.parcel import MISSING, Parcel, is_missing, opened
from symadamax.solver.pools import Call, Pool

__all__ = ["on_executor"]

WANTED = 1.0  # seconds that a call is to last: a thousand times what it costs to send
GROWTH = 8  # times as many blocks as in the call before it, at most
MOST_TRIES = 3  # of a call whose worker is lost


def on_executor(task: Task, starts: Starts, pool: Pool, sink: Sink, begin: int = 0) -> Status:
    """Do all runs but those of the first blocks; say what ended them all, as `on_threads` does.

    On Ctrl-C the blocks that are finished are delivered. Calls under way go on to their end in the
    workers, and nobody waits for them. A call whose worker is lost is made again.

    Raises
    ------
    WorkerError
        When no worker is left; what was finished is delivered before.
    """
    pulse = Pulse()
    attended(pulse, _Conductor(task, starts, pool, sink, pulse, begin).deliver)
    return pulse.reason


@dataclass
class _Group:
    """Blocks that follow each other, and the call that does them."""

    blocks: tuple[tuple[int, int], ...]
    call: Call
    tries: int = 1


class _Conductor:
    def __init__(
        self, task: Task, starts: Starts, pool: Pool, sink: Sink, pulse: Pulse, begin: int
    ) -> None:
        self.task, self.starts, self.pool, self.sink, self.pulse = task, starts, pool, sink, pulse
        common = _common(task)
        self.parcel = Parcel.here(common) if pool.here else Parcel.of(common, pool.dumps)
        self.blocks = blocks_of(task, len(starts))
        self.next, self.size, self.sent = begin, 1, 0
        self.groups: deque[_Group] = deque()
        self.ended = self.blocks[begin - 1][1] if begin else 0
        self.deadline = time.monotonic() + (task.stop.seconds or float("inf"))
        self.trouble: BaseException | None = None

    def deliver(self) -> None:
        """Deliver the blocks in their order, until all are, or something ends them."""
        try:
            while self._goes_on():
                while self.groups and self.groups[0].call.done():
                    self._take(self.groups.popleft())
                self.sink.show(self.ended)
            self._deliver_finished()
        finally:
            for group in self.groups:
                group.call.cancel()
        if self.trouble is not None:
            raise self.trouble

    def _goes_on(self) -> bool:
        """Wait a moment for answers; tell whether all is well, and some are still to come."""
        if time.monotonic() >= self.deadline:
            self.pulse.end(Status.TIME_LIMIT)
        if self.pulse.reason == Status.RUNNING:
            self._submit()
        if self.groups:
            self._look()
        interrupted = self.pulse.reason == Status.INTERRUPTED
        return bool(self.groups) and self.trouble is None and not interrupted

    def _submit(self) -> None:
        """Keep every worker busy, and another call waiting for each."""
        while self.next < len(self.blocks):
            at_work = sum(not group.call.future.done() for group in self.groups)
            if at_work >= 2 * self.pool.workers or len(self.groups) >= 8 * self.pool.workers:
                return
            left = len(self.blocks) - self.next
            size = max(1, min(self.size, left // (2 * self.pool.workers)))
            blocks = tuple(self.blocks[self.next : self.next + size])
            self.groups.append(_Group(blocks, self._call(blocks)))
            self.next += size

    def _call(self, blocks: tuple[tuple[int, int], ...]) -> Call:
        first, last = blocks[0][0], blocks[-1][1]
        part = self.task.part(first, last)
        work = _Work(
            blocks, _sendable(part) if part.method.count else None, part.parameters,
            self.starts.part(first, last), self.sink.keeping,
            None if self.task.stop.seconds is None else self.deadline - time.monotonic(),
        )  # fmt: skip
        light = self.sent >= self.pool.workers
        self.sent += 1
        return Call(self.pool, self.parcel, _compute, (work,), light)

    def _look(self) -> None:
        """Wait for an answer, for a moment; make calls again whose worker was lost."""
        waited = [group.call.future for group in self.groups if not group.call.future.done()]
        if waited and not self.groups[0].call.future.done():
            wait(waited, timeout=GLANCE, return_when=FIRST_COMPLETED)
        for group in self.groups:
            if not group.call.done():
                continue
            try:
                group.call.result()
            except WorkerError as error:
                self._again(group, error)
            except KeyboardInterrupt:  # it has reached a worker as well
                self.pulse.end(Status.INTERRUPTED)
            except BaseException as error:
                self.trouble = self.trouble or error

    def _again(self, group: _Group, error: WorkerError) -> None:
        if group.tries == MOST_TRIES:
            self.trouble = self.trouble or error
            return
        group.tries += 1
        try:
            group.call.again()
        except WorkerError as final:
            self.trouble = self.trouble or final

    def _take(self, group: _Group) -> None:
        blocks, seconds = group.call.result()
        for block in blocks:
            self.sink.take(block)
            self.ended += block.rows
        pace = max(seconds, 1e-6) / len(blocks)
        self.size = max(1, min(int(WANTED / pace), GROWTH * self.size))

    def _deliver_finished(self) -> None:
        """Deliver what is finished behind something that is not."""
        for group in self.groups:
            future = group.call.future
            if group.call.done() and not future.cancelled() and future.exception() is None:
                self._take(group)
        self.sink.show(self.ended)


# ---- what travels --------------------------------------------------------------------------------


class _Work(NamedTuple):
    """What a call has of its own.

    Attributes
    ----------
    blocks : tuple of (int, int)
    method : Adamax or None
        The settings of these runs, where they differ.
    parameters : mapping of symbol to Column
        Theirs, of those that differ.
    starts : Starts
    keeping : Keeping
    seconds : float or None
        How long the call may last.
    """

    blocks: tuple[tuple[int, int], ...]
    method: Adamax | None
    parameters: Mapping[Any, Column]
    starts: Starts
    keeping: Keeping
    seconds: float | None


def _common(task: Task) -> Task:
    """Return what all calls have in common: no settings and parameters of single runs."""
    single = replace(task, method=task.method.of_run(0)) if task.method.count else task
    return replace(task, method=_sendable(single), parameters={})


def _sendable(task: Task) -> Adamax:
    """Return the settings, without a schedule that may be a function of no module."""
    if task.rates is None:
        return task.method
    return task.method._with({"learning_rate": _scheduled})


def _scheduled(step: int) -> float:
    """Stand for a schedule whose rates are known."""
    raise NotImplementedError


def _itself(task: Task) -> Task:
    return task


def _compute(parcel: Parcel, work: _Work) -> tuple[list[Block], float] | str:
    """Return what is kept of some blocks, and the seconds that it took: in a worker."""
    task = opened(parcel, _itself)
    if is_missing(task):
        return MISSING
    method = work.method or task.method
    task = replace(task, method=method, parameters=work.parameters)
    begun, base = time.monotonic(), work.blocks[0][0]
    found = []
    for first, last in work.blocks:
        part = task.part(first - base, last - base)
        if work.seconds is not None:
            part = within(part, work.seconds - (time.monotonic() - begun))
        found.append(run_part(part, work.starts, first, last, work.keeping, Watcher()))
    return found, time.monotonic() - begun

"""Run work in child processes, for a limited time."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.harness import Contender, LeftOut, Timing, taken_by

__all__ = ["Failed", "in_child", "on_processors", "side_by_side"]

PATIENCE = 2  # seconds on the clock for one of a processor, on a machine that is shared


class Failed(Exception):
    """The work was not done: it took too long, or ended with an error."""


class Child:
    """A fork of this process, which sends answers through a pipe.

    It has all that is in memory here (a large expression need not be built again), and what it
    imports, compiles and starts goes with it.
    """

    def __init__(self, serve: Callable[[Connection], None]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(serve, other, self.pipe))
        with warnings.catch_warnings():
            # Python warns that a fork has one thread: the child uses none of the others.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        other.close()

    def answer(self, limit: float) -> Any:
        """Return the next answer, for which there are `limit` seconds of a processor.

        Raises
        ------
        LeftOut
            When the work says so.
        Failed
            When it raises anything else, crashes, or is not done in time.
        """
        kind, answer = self._received(limit)
        if kind == "done":
            return answer
        raise LeftOut(answer) if kind == "left out" else Failed(answer)

    def _received(self, limit: float) -> tuple[str, Any]:
        assert self.process.pid is not None
        deadline = time.monotonic() + PATIENCE * limit
        spent = _spent(self.process.pid)
        while not self.pipe.poll(min(limit, 0.5)):
            if time.monotonic() > deadline or _spent(self.process.pid) - spent > limit:
                return "failed", f"over {limit:.0f} s"
            if not self.process.is_alive() and not self.pipe.poll():
                return "failed", "crashes"  # and something that it started holds the pipe open
        try:
            kind, answer = self.pipe.recv()
        except (EOFError, ConnectionError):
            return "failed", "crashes"
        return kind, answer

    def close(self) -> None:
        """End the process, and what it started, such as a compiler."""
        if self.pipe.closed:
            return
        assert self.process.pid is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.pipe.close()


def in_child(work: Callable[[], Any], limit: float) -> Any:
    """Return what `work` returns, from a child that has `limit` seconds, as `Child.answer` says."""
    with closing(Child(lambda pipe: pipe.send(_answer(work)))) as child:
        return child.answer(limit)


def side_by_side(
    makers: Mapping[str, Callable[[], Contender]], rounds: int, limit: float
) -> tuple[dict[str, Timing], dict[str, Any], dict[str, str]]:
    """Time contenders in turns, each made and run in a process of its own.

    Returns
    -------
    timings : dict of Timing
    found : dict
        What the run that is not counted returned.
    missing : dict of str
        Who is not among them, and why; each answer has `limit` seconds.
    """
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        children = {}
        for name, make in makers.items():
            child = stack.enter_context(closing(Child(partial(_take_turns, make))))
            if _asked(child, name, limit, found, missing):
                children[name] = child
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in children}
        for turn in range(rounds):
            _one_round(children, turn, limit, taken, missing)
        timings = {n: Timing(*zip(*taken[n], strict=True)) for n in children if n not in missing}
    return timings, found, missing


def on_processors(count: int | None) -> None:
    """Keep this process, and what it has yet to load, to some processors; None for all."""
    if count is None:
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(count)


def _one_round(
    children: dict[str, Child], turn: int, limit: float, taken: dict[str, Any], missing: Any
) -> None:
    names = list(children)
    first = turn % max(len(names), 1)
    for name in [*names[first:], *names[:first]]:
        if name not in missing:
            answer: dict[str, Any] = {}
            with suppress(ConnectionError):  # it has crashed meanwhile, and the answer says so
                children[name].pipe.send("run")
            if _asked(children[name], name, limit, answer, missing):
                taken[name].append(answer[name])


def _asked(
    child: Child, name: str, limit: float, answers: dict[str, Any], missing: dict[str, str]
) -> bool:
    """Put a child's answer among the others, or the reason why there is none; then it ends."""
    try:
        answers[name] = child.answer(limit)
    except (LeftOut, Failed) as reason:
        missing[name] = str(reason)
        child.close()
    return name in answers


def _take_turns(make: Callable[[], Contender], pipe: Connection) -> None:
    """Make and warm up a contender; then time it whenever the other end says so."""
    made: list[Contender] = []

    def begin() -> Any:
        made.append(make())
        return made[0].run()

    pipe.send(_answer(begin))
    while pipe.recv():
        pipe.send(_answer(partial(taken_by, made[0])))


def _spent(session: int) -> float:
    """Return the processor time of the processes of a session, where the system tells.

    A limit set on the child itself would make its own processor clock count in ticks of 4 ms.
    """
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _serve(serve: Callable[[Connection], None], pipe: Connection, other: Connection) -> None:
    os.setsid()
    other.close()  # so that this process ends when the one that asks does
    gc.freeze()  # what was inherited is not searched for garbage, nor copied for it
    with suppress(EOFError, ConnectionError):
        serve(pipe)


def _answer(work: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "done", work()
    except LeftOut as reason:
        return "left out", str(reason)
    except Exception as error:
        return "failed", type(error).__name__

"""Run a piece of work in a child process, for a limited time."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.harness import LeftOut

__all__ = ["Failed", "in_child"]


class Failed(Exception):
    """The work was not done: it took too long, or ended with an error."""


def in_child(work: Callable[[], Any], limit: float) -> Any:
    """Return what `work` returns, from a fork of this process that has `limit` seconds.

    The child has all that is in memory here (a large expression need not be built again), and
    what it imports and compiles goes with it. Its seconds are those of a processor; on the clock it
    has ten times as many, for a machine that is shared.

    Raises
    ------
    LeftOut
        When the work says so.
    Failed
        When it raises anything else, crashes, or is not done in time.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(work, sender))
    with warnings.catch_warnings():
        # Python warns that a fork has one thread: the child uses none of the others.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    sender.close()
    assert child.pid is not None
    try:
        kind, answer = _received(receiver, child.pid, limit)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # and what it started, such as a compiler
        child.kill()
        child.join()
    if kind == "done":
        return answer
    raise LeftOut(answer) if kind == "left out" else Failed(answer)


def _received(receiver: Connection, session: int, limit: float) -> tuple[str, Any]:
    """Return the child's answer, or that it ended without one, or that its time was up."""
    deadline = time.monotonic() + 10 * limit
    while not receiver.poll(min(limit, 0.5)):
        if time.monotonic() > deadline or _spent(session) > limit:
            return "failed", f"over {limit:.0f} s"
    try:
        kind, answer = receiver.recv()
    except EOFError:
        return "failed", "crashes"
    return kind, answer


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


def _answer(work: Callable[[], Any], sender: Connection) -> None:
    os.setsid()
    gc.freeze()  # what was inherited is not searched for garbage, nor copied for it
    try:
        answer = ("done", work())
    except LeftOut as reason:
        answer = ("left out", str(reason))
    except Exception as error:
        answer = ("failed", type(error).__name__)
    sender.send(answer)

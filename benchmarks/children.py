"""Run a piece of work in a child process, for a limited time."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.harness import LeftOut, processor_time

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
    child = context.Process(target=_answer, args=(work, sender, limit))
    with warnings.catch_warnings():
        # Python warns that a fork has one thread: the child uses none of the others.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    sender.close()
    assert child.pid is not None
    try:
        kind, answer = _received(receiver, limit)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # and what it started, such as a compiler
        child.kill()
        child.join()
    if kind == "done":
        return answer
    if kind == "ended":
        answer = _over(limit) if child.exitcode == -signal.SIGXCPU else "crashes"
    raise LeftOut(answer) if kind == "left out" else Failed(answer)


def _received(receiver: Connection, limit: float) -> tuple[str, Any]:
    """Return the child's answer, or that it ended without one, or had its time on the clock."""
    if not receiver.poll(10 * limit):
        return "failed", _over(limit)
    try:
        kind, answer = receiver.recv()
    except EOFError:
        return "ended", None
    return kind, answer


def _answer(work: Callable[[], Any], sender: Connection, limit: float) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(limit), resource.RLIM_INFINITY))
    try:
        answer = ("done", work())
    except LeftOut as reason:
        answer = ("left out", str(reason))
    except Exception as error:
        late = processor_time() >= limit  # a compiler that it started has the same limit
        answer = ("failed", _over(limit) if late else type(error).__name__)
    sender.send(answer)


def _over(limit: float) -> str:
    return f"over {limit:.0f} s"

"""Checks with a time limit: proofs run in a process of their own, which is ended when they hang.

A thread cannot be ended, and a signal reaches the main thread of some platforms only. The process
looks the step up by the name of its module, and proves it only when the statements there are those
that it was sent: so what is proved is what is shown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any

import sympy as sp

from symadamax.derivation.steps import Mutant, Step, Verdict

__all__ = ["Outcome", "Prover", "check"]

SERVE = "from symadamax.derivation.prove import serve; serve()"


@dataclass(frozen=True)
class Outcome:
    """What a check has found.

    Parameters
    ----------
    verdict : Verdict
        That of the step when its proof went through, QUOTED when it has none, else FAILED.
    reason : str
        Why it failed; empty when it did not.
    seconds : float
        How long it took.
    """

    verdict: Verdict
    reason: str
    seconds: float


def check(step: Step) -> Outcome:
    """Prove a step, within its time limit.

    Parameters
    ----------
    step : Step
        One of `STEPS` or `ERRATA`.

    Returns
    -------
    Outcome
        A proof that does not come back, or ends with an error, has failed.

    Examples
    --------
    >>> from symadamax.derivation import check, step
    >>> check(step("first-step")).verdict.value
    'Proved.'
    """
    with Prover() as prover:
        return prover.check(step)


class Prover:
    """A process that proves one step after the other; a context manager.

    Examples
    --------
    >>> from symadamax.derivation import STEPS, Prover
    >>> with Prover() as prover:
    ...     outcomes = [prover.check(step) for step in STEPS[:3]]
    >>> all(outcome.verdict.proved for outcome in outcomes)
    True
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Prover:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def check(self, step: Step, mutant: Mutant | None = None) -> Outcome:
        """Prove a step, or try to prove it with a wrong statement in its place."""
        if step.proof is None:
            return Outcome(Verdict.QUOTED, "", 0.0)
        which = None if mutant is None else step.mutants.index(mutant)
        request = {
            "module": step.chapter, "id": step.id, "mutant": which,
            "statements": _written(step.statements(mutant)),
        }  # fmt: skip
        process = self._started()
        began = time.perf_counter()
        reason = _asked(process, request, step.seconds)
        seconds = time.perf_counter() - began
        if reason is None:
            self._end()
            late = f"It has not come back within {step.seconds:g} s."
            reason = late if seconds >= step.seconds else "Its process has ended."
        return Outcome(Verdict.FAILED if reason else step.verdict, reason, seconds)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            paths = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(
                [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, env={**os.environ, "PYTHONPATH": paths},
            )  # fmt: skip
            assert self._process.stdout is not None
            self._process.stdout.readline()  # it has imported SymPy
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _asked(process: subprocess.Popen[str], request: Any, limit: float) -> str | None:
    """Return why the proof failed, "" where it did not; None where the process has ended first."""
    assert process.stdin is not None
    assert process.stdout is not None
    timer = threading.Timer(limit, process.kill)
    timer.start()
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except OSError:
        answer = ""
    finally:
        timer.cancel()
    return json.loads(answer) if answer else None


def _written(statements: list[Any]) -> list[str]:
    return [sp.srepr(statement) for statement in statements]


# ---- in the process ------------------------------------------------------------------------------


def serve() -> None:
    """Answer each request, a line on standard input, by a line on standard output."""
    answers, sys.stdout = sys.stdout, sys.stderr
    print(file=answers, flush=True)
    try:
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)
    except KeyboardInterrupt:
        pass


def _answer(request: dict[str, Any]) -> str:
    try:
        step = _found(request["module"], request["id"])
        mutant = None if request["mutant"] is None else step.mutants[request["mutant"]]
        statements = step.statements(mutant)
        if _written(statements) != request["statements"]:
            return f"The step {step.id} of {step.chapter} states something else."
        assert step.proof is not None
        step.proof(*statements)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _found(module: str, name: str) -> Step:
    steps: tuple[Step, ...] = import_module(module).STEPS
    return next(step for step in steps if step.id == name)

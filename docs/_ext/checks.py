"""The checks of the derivation, run when the pages are built, and what the pages show of them."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import FunctionType
from typing import Any

import sympy as sp

from symadamax import derivation
from symadamax.derivation import ERRATA, STEPS, Prover, Step, Verdict, rules

__all__ = ["SOURCES", "CheckFailed", "code", "found", "named_equations", "rules_of"]

MOST = 60.0  # seconds of all checks together
SOURCES = tuple(sorted(Path(derivation.__file__).parent.glob("*.py")))


class CheckFailed(Exception):
    """A step that is not proved, a wrong statement that is not rejected, or too long a time."""


@cache
def found(folder: Path) -> dict[str, Any]:
    """Return what each check has found, by the name of its step.

    It is kept in the folder for as long as the derivation and SymPy are the same.

    Raises
    ------
    CheckFailed
        When a step is not proved, or a mutant is not rejected, or all checks take longer than a
        minute; what was found is not kept then.
    """
    kept, state = folder / "checks.json", _state()
    if kept.exists():
        content = json.loads(kept.read_text(encoding="utf-8"))
        if content["state"] == state:
            return dict(content["checks"])
    with Prover() as prover:
        checks = {step.id: _check(prover, step) for step in (*STEPS, *ERRATA)}
    seconds = sum(check["seconds"] for check in checks.values())
    if seconds > MOST:
        raise CheckFailed(
            f"All checks take {seconds:.0f} seconds together; at most {MOST:.0f} are accepted."
        )
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"state": state, "checks": checks}), encoding="utf-8")
    return checks


def _state() -> str:
    digest = hashlib.sha256(f"{sp.__version__} {sys.version}".encode())
    for path in (*SOURCES, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _check(prover: Prover, step: Step) -> dict[str, Any]:
    outcome = prover.check(step)
    if outcome.verdict is not step.verdict:
        raise CheckFailed(f"The step {step.id} is not proved: {outcome.reason}")
    rejected = []
    for mutant in step.mutants:
        wrong = prover.check(step, mutant)
        if wrong.verdict is not Verdict.FAILED or not wrong.reason.startswith("Refuted: "):
            said = wrong.reason or "it was proved"
            mutated = f"({mutant.number}), {mutant.reason},"
            raise CheckFailed(f"A wrong {mutated} is not rejected: {said}")
        rejected.append(wrong.reason.removeprefix("Refuted: "))
    return {"seconds": outcome.seconds, "rejected": rejected}


# ---- the code of a check -------------------------------------------------------------------------


def code(proof: Callable[..., None]) -> str:
    """Return the source of a check, with the functions of its module that it calls."""
    functions = sorted(_called(proof), key=lambda function: function.__code__.co_firstlineno)
    return "\n\n".join(inspect.getsource(function).rstrip() for function in functions) + "\n"


def rules_of(proof: Callable[..., None]) -> list[str]:
    """Return the names of the rules of proof that a check uses."""
    used = {name for function in _called(proof) for name in _names(function)}
    return [name for name in rules.__all__ if name in used and _is_rule(getattr(rules, name))]


def _is_rule(value: object) -> bool:
    return isinstance(inspect.unwrap(value), FunctionType)  # type: ignore[arg-type]


def named_equations(proof: Callable[..., None]) -> dict[str, str]:
    """Return the numbers of the book's equations that the code of a check names, by their names."""
    numbers = {
        id(equation.statement): equation.number for step in STEPS for equation in step.equations
    }
    return {
        name: numbers[id(value)]
        for function in _called(proof)
        for name in _names(function)
        if id(value := function.__globals__.get(name)) in numbers
    }


def _called(proof: Callable[..., None]) -> list[FunctionType]:
    """Return a function and all of its module that it calls, directly or not."""
    assert isinstance(proof, FunctionType)
    known, waiting = [], [proof]
    while waiting:
        function = waiting.pop()
        if function not in known:
            known.append(function)
            waiting += _neighbours(function)
    return known


def _neighbours(function: FunctionType) -> Iterator[FunctionType]:
    for name in _names(function):
        other = inspect.unwrap(function.__globals__.get(name, len))
        if isinstance(other, FunctionType) and other.__module__ == function.__module__:
            yield other


def _names(function: FunctionType) -> list[str]:
    tree = ast.parse(dedent(inspect.getsource(function)))
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]

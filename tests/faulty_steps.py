"""Steps whose checks must fail: what a proof does that hangs, ends, errs or proves nothing."""

from __future__ import annotations

import os
from typing import Any

import sympy as sp

from symadamax.derivation import Equation, Step, Verdict
from symadamax.derivation.rules import equal, hold

x = sp.Symbol("x")


def hang(statement: Any) -> None:
    while True:
        pass


def hang_in_c(statement: Any) -> None:
    10 ** (10**9)  # one operation, which no thread and no signal can interrupt


def leave(statement: Any) -> None:
    os._exit(0)


def err(statement: Any) -> None:
    raise ZeroDivisionError("by 0")


def print_and_err(statement: Any) -> None:
    print("not an answer")
    equal(statement.lhs, statement.rhs)


def not_know(statement: Any) -> None:
    hold(x.is_positive, "x has no sign.")


STEPS = tuple(
    Step(
        proof.__name__,
        "A step",
        prose="A step.",
        equations=(Equation("0.1", sp.Eq(x, x + 1, evaluate=False)),),
        source="nowhere",
        verdict=Verdict.PROVED,
        proof=proof,
        chapter=__name__,
        seconds=1.0 if proof in (hang, hang_in_c) else 60.0,
    )
    for proof in (hang, hang_in_c, leave, err, print_and_err, not_know)
)

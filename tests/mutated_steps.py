"""The steps with one side of an equation replaced, since no side may be left unproved."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import sympy as sp

from symadamax import derivation
from symadamax.derivation import Step
from symadamax.derivation.rules import evaluated

OTHER = sp.Symbol("other", positive=True)


def _mutated() -> Iterator[Step]:
    for step in (*derivation.STEPS, *derivation.ERRATA):
        for place, equation in enumerate(step.equations if step.proof else ()):
            for kind, statement in _wrong(equation.statement):
                changed = dataclasses.replace(equation, statement=statement)
                equations = (*step.equations[:place], changed, *step.equations[place + 1 :])
                name = f"{step.id}-{equation.number}-{kind}"
                yield dataclasses.replace(step, id=name, equations=equations, chapter=__name__)


def _wrong(right: sp.Rel) -> Iterator[tuple[str, sp.Rel]]:
    yield "left", right.func(OTHER, right.rhs, evaluate=False)
    if type(right) is sp.Eq and evaluated(right.rhs) not in (0, sp.oo, sp.nan):
        with sp.evaluate(False):
            yield "doubled", sp.Eq(right.lhs, 2 * right.rhs)


STEPS = tuple(_mutated())

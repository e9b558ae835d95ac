"""Chapter 1: the mean that forgets, written as a sum."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import MOMENT
from symadamax.derivation.rules import (
    BASES,
    FRACTIONS,
    equal,
    evaluated,
    played,
    unrolled,
    value_of,
)
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import beta1, g, i, m, t, total, u

__all__ = ["STEPS", "TITLE", "UNROLLED"]

TITLE = "A mean that forgets"
_step = partial(Step, chapter=__name__, assumptions=(r"$0 < \beta_1 < 1$", "$m_0 = 0$"))

with sp.evaluate(False):
    UNROLLED = sp.Eq(m[t], (1 - beta1) * total(beta1 ** (t - i) * g[i]))


def _prove_average(average: Any) -> None:
    before = (m[t - 1], u[t - 1])
    computed, _, _ = reference.step(before, g[t], t, reference.symbolic())
    equal(value_of(m[t], average), computed)


def _prove_unrolled(statement: Any) -> None:
    unrolled(m, statement, MOMENT, lambda k: g[k])
    for k, (moment, _, _) in zip(BASES, played(), strict=True):
        equal(evaluated(statement.rhs).subs(t, k), moment)


def _prove_geometric(statement: Any) -> None:
    equal(statement.lhs, statement.rhs, FRACTIONS)
    for k in BASES:
        equal(evaluated(statement.lhs).subs(t, k), evaluated(statement.rhs).subs(t, k))


with sp.evaluate(False):
    STEPS = (
        _step(
            "moving-average",
            "The moving average of the gradients",
            prose=r"""
            Gradients are noisy, and a step should follow what several of them agree on. So keep a
            mean $m_t$ of the gradients $g_t$. At each step the old mean counts $\beta_1$ and the
            new gradient counts the rest; nothing but $m_{t-1}$ has to be remembered.""",
            equations=(
                Equation(
                    "1.1",
                    MOMENT,
                    wrong={
                        "the weights are swapped": sp.Eq(
                            m[t], (1 - beta1) * m[t - 1] + beta1 * g[t]
                        ),
                        "the gradient has no weight": sp.Eq(m[t], beta1 * m[t - 1] + g[t]),
                    },
                ),
            ),
            source="Kingma and Ba, arXiv 1412.6980, algorithms 1 and 2",
            verdict=Verdict.PROVED,
            proof=_prove_average,
        ),
        _step(
            "unrolled-mean",
            "The mean as a sum over all gradients",
            prose=r"""
            Put (1.1) into itself, again and again: each step multiplies what is there by $\beta_1$.
            A gradient that is $t-i$ steps old has shrunk by $\beta_1^{t-i}$, so it is forgotten
            little by little, and never at once.

            For the first six steps the sum is compared with the algorithm itself. For all others,
            by induction: one more step multiplies every weight by $\beta_1$, and the newest
            gradient comes in with $1-\beta_1$.""",
            equations=(
                Equation(
                    "1.2",
                    UNROLLED,
                    wrong={
                        "each gradient is one step too old": sp.Eq(
                            m[t], (1 - beta1) * total(beta1 ** (t - i + 1) * g[i])
                        ),
                        "the factor is dropped": sp.Eq(m[t], total(beta1 ** (t - i) * g[i])),
                    },
                ),
            ),
            source="Kingma and Ba, section 3, equation (1), there for the second moment",
            verdict=Verdict.INDUCTION,
            proof=_prove_unrolled,
        ),
        _step(
            "geometric-sum",
            "What the weights add up to",
            prose=r"""
            The weights of a mean should add up to 1. Those of (1.2) are a geometric sum, and it
            falls short: what is missing is $\beta_1^t$. This is the weight that the start $m_0$
            still has. It is multiplied by $\beta_1$ at each step like all else, and it is 0, so
            that (1.2) does not show it.""",
            equations=(
                Equation(
                    "1.3",
                    sp.Eq((1 - beta1) * total(beta1 ** (t - i)), 1 - beta1**t),
                    wrong={
                        "the sum begins one term too early": sp.Eq(
                            (1 - beta1) * total(beta1 ** (t - i), first=0), 1 - beta1**t
                        ),
                        "nothing is missing": sp.Eq((1 - beta1) * total(beta1 ** (t - i)), 1),
                    },
                ),
            ),
            source="Kingma and Ba, section 3, between equations (3) and (4)",
            verdict=Verdict.PROVED,
            proof=_prove_geometric,
        ),
    )

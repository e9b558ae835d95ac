"""Chapter 10: a mean of the points, freed of its own start."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import CORRECTED, MEAN
from symadamax.derivation.rules import BASES, FRACTIONS, equal, evaluated, hold, unrolled, value_of
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import beta1, beta2, i, t, total, x, xbar, xhat

__all__ = ["STEPS", "TITLE"]

TITLE = "The averaged iterate"
PAPER = "Kingma and Ba, section 7.2"
_step = partial(Step, chapter=__name__, assumptions=(r"$0 < \beta_2 < 1$", r"$\bar x_0 = 0$"))

with sp.evaluate(False):
    SUM = sp.Eq(xbar[t], (1 - beta2) * total(beta2 ** (t - i) * x[i]))


def _prove_average(recursion: Any, statement: Any) -> None:
    unrolled(xbar, statement, recursion, lambda k: x[k])
    before = sp.Integer(0)
    for k in BASES:
        before, _ = reference.mean(before, x[k], k, beta2)
        equal(evaluated(statement.rhs).subs(t, k), before)


def _prove_corrected(corrected: Any, weights: Any) -> None:
    factor = value_of(xhat[t], corrected) / xbar[t]
    hold(not factor.has(xbar), "The correction is no factor.")
    _, computed = reference.mean(xbar[t - 1], x[t], t, beta2)
    equal(factor * evaluated(MEAN.rhs), computed)
    equal(weights.lhs, (factor * evaluated(SUM.rhs)).replace(sp.Indexed, lambda *place: 1))
    equal(weights.lhs, weights.rhs, FRACTIONS)


with sp.evaluate(False):
    STEPS = (
        _step(
            "averaged-iterate",
            "The mean of the points",
            prose=r"""
            With a fixed learning rate the last point still moves by about $\alpha$ where gradients
            are noisy. A mean of the points moves less. It is the same moving average as that of the
            gradients, with the slower decay $\beta_2$, so it is unrolled in the same way.""",
            equations=(
                Equation(
                    "10.1",
                    MEAN,
                    wrong={
                        "the new point has no weight": sp.Eq(xbar[t], beta2 * xbar[t - 1] + x[t])
                    },
                ),
                Equation(
                    "10.2",
                    SUM,
                    wrong={
                        "the decay is the other one": sp.Eq(
                            xbar[t], (1 - beta1) * total(beta1 ** (t - i) * x[i])
                        ),
                        "the newest point is left out": sp.Eq(
                            xbar[t], (1 - beta2) * total(beta2 ** (t - i) * x[i], last=t - 1)
                        ),
                    },
                ),
            ),
            source=PAPER,
            verdict=Verdict.INDUCTION,
            proof=_prove_average,
        ),
        _step(
            "average-correction",
            "Its correction",
            prose=r"""
            It starts at 0, which has nothing to do with the points: without a correction it would
            be drawn to the origin. Divided by $1-\beta_2^t$ the weights add up to 1, so $\hat x_t$
            is a mean of the points that the run has seen and of nothing else. If they are all the
            same point, it is that point.""",
            equations=(
                Equation(
                    "10.3",
                    CORRECTED,
                    wrong={
                        "there is no correction": sp.Eq(xhat[t], xbar[t]),
                        "the decay is the other one": sp.Eq(xhat[t], xbar[t] / (1 - beta1**t)),
                    },
                ),
                Equation(
                    "10.4",
                    sp.Eq((1 - beta2) / (1 - beta2**t) * total(beta2 ** (t - i)), 1),
                    wrong={"it is not corrected": sp.Eq((1 - beta2) * total(beta2 ** (t - i)), 1)},
                ),
            ),
            source=PAPER,
            verdict=Verdict.PROVED,
            proof=_prove_corrected,
        ),
    )

"""Chapter 5: the update, its learning rate, and what the first and the constant steps are."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import ITERATE, RATE, WEIGHT
from symadamax.derivation.bias import CORRECTED_MEAN
from symadamax.derivation.rules import (
    BASES,
    equal,
    evaluated,
    hold,
    played,
    settled,
    tends_to,
    value_of,
)
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import Delta, alpha, alphahat, beta1, g, m, mhat, t, u, x

__all__ = ["FIRST", "STEPS", "TITLE"]

TITLE = "The update"
PAPER = "Kingma and Ba, section 7.1"
BETAS = r"$0 < \beta_1, \beta_2 < 1$"
_step = partial(Step, chapter=__name__)

constant = sp.Symbol("g", real=True)
SIZE = sp.Symbol("size", positive=True)  # the two cases of a number that is not 0: SIZE, -SIZE

with sp.evaluate(False):
    FIRST = sp.Eq(Delta[1], -alpha * sp.sign(g[1]))
    LIMIT_OF_RATE = sp.Limit(alphahat[t], t, sp.oo)


def _prove_update(iterate: Any, moved: Any) -> None:
    symbols = reference.symbolic()
    moment, weight, computed = reference.step((m[t - 1], u[t - 1]), g[t], t, symbols)
    hold(weight == evaluated(WEIGHT["none"].rhs), "The algorithm has another weight.")
    added = value_of(x[t], iterate) - x[t - 1]
    equal(added.subs({m[t]: moment, u[t]: weight}), computed)
    equal(value_of(Delta[t], moved).subs(mhat[t], evaluated(CORRECTED_MEAN.rhs)), added)


def _prove_rate(rate: Any, first: Any, last: Any) -> None:
    added = evaluated(ITERATE["none"].rhs) - x[t - 1]
    hat = value_of(alphahat[t], rate)
    equal(-hat * m[t] / u[t], added)
    equal(value_of(alphahat[1], first), hat.subs(t, 1))
    tends_to(last.lhs.subs(alphahat[t], hat), last.rhs)


def _prove_first(first: Any) -> None:
    moved = played()[0][2]
    for gradient in (SIZE, -SIZE):
        equal(moved.subs(g[1], gradient), value_of(Delta[1], first).subs(g[1], gradient))


def _prove_constant(mean: Any, weight: Any, moved: Any) -> None:
    claims = [value_of(m[t], mean), value_of(u[t], weight), value_of(Delta[t], moved)]
    for gradient in (SIZE, -SIZE):
        state = [claim.subs({constant: gradient, t: t - 1}) for claim in claims[:2]]
        later = reference.step((state[0], state[1]), gradient, t, reference.symbolic())
        _compare(later, [claim.subs(constant, gradient) for claim in claims])
        steps = reference.play([gradient] * BASES[-1], reference.symbolic())
        for k, computed in zip(BASES, steps, strict=True):
            _compare(computed, [claim.subs({constant: gradient, t: k}) for claim in claims])


def _compare(computed: tuple[Any, ...], claimed: list[Any]) -> None:
    for left, right in zip(computed, claimed, strict=True):
        equal(settled(left) - settled(right), 0)


with sp.evaluate(False):
    STEPS = (
        _step(
            "update",
            "One step of Adamax",
            prose=r"""
            Divide the mean by the weight $u_t$ of (4.8), and go against it. The correction (2.3) of
            the mean is put beside the learning rate $\alpha$, where it is computed once for all
            unknowns. The second form says the same with the corrected mean: this is $\Delta_t$,
            what a step adds to the unknown $x$.""",
            equations=(
                Equation(
                    "5.1",
                    ITERATE["none"],
                    wrong={
                        "it goes uphill": sp.Eq(
                            x[t], x[t - 1] + alpha / (1 - beta1**t) * (m[t] / u[t])
                        ),
                        "the correction is missing": sp.Eq(x[t], x[t - 1] - alpha * (m[t] / u[t])),
                    },
                ),
                Equation(
                    "5.2",
                    sp.Eq(Delta[t], -alpha * (mhat[t] / u[t])),
                    wrong={
                        "the correction is there twice": sp.Eq(
                            Delta[t], -alpha / (1 - beta1**t) * (mhat[t] / u[t])
                        )
                    },
                ),
            ),
            source=f"{PAPER}, algorithm 2",
            verdict=Verdict.PROVED,
            assumptions=(BETAS, "$u_t > 0$"),
            proof=_prove_update,
        ),
        _step(
            "learning-rate-hat",
            "The learning rate with the correction",
            prose=r"""
            Call the product $\hat\alpha_t$. It begins at $\alpha/(1-\beta_1)$, ten times $\alpha$
            for $\beta_1 = 0.9$, and falls to $\alpha$: within 1 % from step 44, since then
            $\beta_1^t < 0.01$.""",
            equations=(
                Equation(
                    "5.3",
                    RATE,
                    wrong={
                        "the exponent is one too small": sp.Eq(
                            alphahat[t], alpha / (1 - beta1 ** (t - 1))
                        )
                    },
                ),
                Equation(
                    "5.4",
                    sp.Eq(alphahat[1], alpha / (1 - beta1)),
                    wrong={"it begins at alpha": sp.Eq(alphahat[1], alpha)},
                ),
                Equation(
                    "5.5",
                    sp.Eq(LIMIT_OF_RATE, alpha),
                    wrong={"it stays where it began": sp.Eq(LIMIT_OF_RATE, alpha / (1 - beta1))},
                ),
            ),
            source=f"{PAPER}, algorithm 2",
            verdict=Verdict.PROVED,
            assumptions=(r"$0 < \beta_1 < 1$",),
            proof=_prove_rate,
        ),
        _step(
            "first-step",
            "The first step has the length of the learning rate",
            prose=r"""
            At the first step the corrected mean is the gradient, and the weight is its size. What
            is left is its sign: the first step is $\alpha$ long in every unknown, downhill,
            whatever the function is.""",
            equations=(
                Equation(
                    "5.6",
                    FIRST,
                    wrong={
                        "it goes uphill": sp.Eq(Delta[1], alpha * sp.sign(g[1])),
                        "it is uncorrected": sp.Eq(Delta[1], -alpha * (1 - beta1) * sp.sign(g[1])),
                        "it depends on the size": sp.Eq(Delta[1], -alpha * g[1]),
                    },
                ),
            ),
            source="from (5.1)",
            verdict=Verdict.PROVED,
            assumptions=(BETAS, r"$g_1 \ne 0$"),
            proof=_prove_first,
        ),
        _step(
            "constant-gradient",
            "Along a slope every step has that length",
            prose=r"""
            On a plane all gradients are the same number $g$. Then the bias of the mean and its
            correction cancel at every step, and so do the sizes: each step is $\alpha$ long. This
            is what the learning rate means, a length in the units of the unknowns.""",
            equations=(
                Equation(
                    "5.7",
                    sp.Eq(m[t], (1 - beta1**t) * constant),
                    wrong={"there is no bias": sp.Eq(m[t], constant)},
                ),
                Equation(
                    "5.8",
                    sp.Eq(u[t], sp.Abs(constant)),
                    wrong={
                        "the weight has the bias": sp.Eq(u[t], (1 - beta1**t) * sp.Abs(constant))
                    },
                ),
                Equation(
                    "5.9",
                    sp.Eq(Delta[t], -alpha * sp.sign(constant)),
                    wrong={
                        "the bias is left": sp.Eq(
                            Delta[t], -alpha * (1 - beta1**t) * sp.sign(constant)
                        )
                    },
                ),
            ),
            source="from (5.1)",
            verdict=Verdict.INDUCTION,
            assumptions=(BETAS, r"every $g_i$ is $g$, and $g \ne 0$"),
            proof=_prove_constant,
        ),
    )

"""Chapter 8: steps longer than the learning rate, and why beta1 is to be below beta2."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import RATE
from symadamax.derivation.bounds import BOUND, PER_RATE, RATIO
from symadamax.derivation.rules import FRACTIONS, equal, evaluated, hold, tends_to, value_of
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import Delta, alpha, beta1, beta2, s, t

__all__ = ["SECOND", "STEPS", "TITLE", "USUAL", "second_step"]

TITLE = "Longer than the learning rate"
USUAL = {beta1: sp.Rational(9, 10), beta2: sp.Rational(999, 1000)}
_step = partial(Step, chapter=__name__)

below, between = sp.symbols("delta rho", positive=True)
APART = {beta1: sp.exp(-below - between), beta2: sp.exp(-below)}  # beta1 < beta2 < 1

with sp.evaluate(False):
    SECOND = sp.Eq(sp.Abs(Delta[2]), sp.Rational(2110, 2109) * alpha)
    SECOND_BOUND = ((1 - beta1) / (1 - beta1**2)) * (
        (1 - (beta1 / beta2) ** 2) / (1 - beta1 / beta2)
    )
    LIMIT = sp.Limit(PER_RATE, t, sp.oo)
    LONGEST = (1 - beta1) / (1 - beta1 / beta2)
    LONGEST_USUAL = sp.Rational(1, 10) / (1 - sp.Rational(100, 111))
    EQUAL_DECAYS = (1 - beta1) * (t / (1 - beta1**t))
    SLOWER = ((beta1 / beta2) ** t - 1) / (beta1 / beta2 - 1)


def second_step() -> Any:
    """Return the second step for the gradients 1 and 999/1000, with the usual decays."""
    usual = reference.Settings(alpha, USUAL[beta1], USUAL[beta2])
    _, second = reference.play([sp.Integer(1), sp.Rational(999, 1000)], usual)
    return second[2]


def _prove_second(second: Any, excess: Any) -> None:
    length = value_of(sp.Abs(Delta[2]), second)
    equal(length, sp.Abs(second_step()))
    equal(excess.lhs, evaluated(BOUND).subs(t, 2) / alpha - 1)
    equal(excess.lhs, excess.rhs)
    positive = sp.simplify(evaluated(excess.rhs).subs(FRACTIONS)).is_positive
    hold(positive, "The excess is not known to be above 0.")
    equal(length / alpha - 1, evaluated(excess.rhs).subs(USUAL))


def _prove_longest(longest: Any, usual: Any) -> None:
    tends_to(longest.lhs, longest.rhs, APART)
    equal(longest.lhs.args[0], evaluated(BOUND) / alpha)
    equal(usual.lhs, evaluated(longest.rhs).subs(USUAL))
    equal(usual.lhs, usual.rhs)


def _prove_growth(same: Any, slower: Any) -> None:
    tends_to(same.lhs, same.rhs, FRACTIONS)
    tends_to(slower.lhs, slower.rhs, {beta1: beta2 * (1 + s)})
    rate = evaluated(RATE.rhs) / alpha
    equal(same.lhs.args[0], (rate * (1 - beta1) * RATIO).subs(beta2, beta1).doit())
    equal(slower.lhs.args[0], evaluated(RATIO), {beta1: beta2 * (1 + s)})


with sp.evaluate(False):
    STEPS = (
        _step(
            "longer-than-alpha",
            "A step can be longer than the learning rate",
            prose=r"""
            Two steps show it. With the usual decays and the gradients 1 and 0.999, the second step
            is 2110/2109 of the learning rate. They shrink as (7.6) asks for, so by (7.5) no two
            gradients do better. For any decays, (8.2) is what the second step can have beyond
            $\alpha$, in learning rates: never 0.""",
            equations=(
                Equation(
                    "8.1",
                    SECOND,
                    wrong={
                        "it is the learning rate": sp.Eq(sp.Abs(Delta[2]), alpha),
                        "it is the limit": sp.Eq(sp.Abs(Delta[2]), sp.Rational(111, 110) * alpha),
                    },
                ),
                Equation(
                    "8.2",
                    sp.Eq(SECOND_BOUND - 1, beta1 * (1 - beta2) / (beta2 * (1 + beta1))),
                    wrong={
                        "a factor is dropped": sp.Eq(
                            SECOND_BOUND - 1, (1 - beta2) / (beta2 * (1 + beta1))
                        )
                    },
                ),
            ),
            source='not in the paper, whose "simpler bound" is $\\alpha$ (section 7.1)',
            verdict=Verdict.PROVED,
            assumptions=(
                r"$g_1 = 1$, $g_2 = 999/1000$, $\beta_1 = 9/10$ and $\beta_2 = 999/1000$ in (8.1)",
                r"$0 < \beta_1, \beta_2 < 1$",
            ),
            proof=_prove_second,
        ),
        _step(
            "longest-step",
            "By how much",
            prose=r"""
            The bound (7.5) has a limit for large $t$. With the usual decays $\beta_1/\beta_2$ is
            100/111, and the limit 111/110 of the learning rate: less than 1 % longer. So the
            learning rate is a good measure for the length of a step, but no bound.""",
            equations=(
                Equation(
                    "8.3",
                    sp.Eq(LIMIT, LONGEST),
                    wrong={
                        "it is the learning rate": sp.Eq(LIMIT, 1),
                        "the ratio is the other way": sp.Eq(
                            LIMIT, (1 - beta1) / (1 - beta2 / beta1)
                        ),
                    },
                ),
                Equation(
                    "8.4",
                    sp.Eq(LONGEST_USUAL, sp.Rational(111, 110)),
                    wrong={"it is the second step": sp.Eq(LONGEST_USUAL, sp.Rational(2110, 2109))},
                ),
            ),
            source="not in the paper",
            verdict=Verdict.PROVED,
            assumptions=(r"$0 < \beta_1 < \beta_2 < 1$",),
            proof=_prove_longest,
        ),
        _step(
            "beta1-below-beta2",
            "Why the mean must forget faster than the weight",
            prose=r"""
            If $\beta_1 = \beta_2$, all terms of the sum in (7.4) are 1, and the bound grows like
            $t$. If $\beta_1 > \beta_2$, it grows like $(\beta_1/\beta_2)^t$. Gradients that die
            away as in (7.6) reach it: the weight forgets them before the mean does, and the steps
            become longer than any multiple of the learning rate. This is why `Adamax` warns of such
            decays.""",
            equations=(
                Equation(
                    "8.5",
                    sp.Eq(sp.Limit(EQUAL_DECAYS, t, sp.oo), sp.oo),
                    wrong={
                        "there is a bound": sp.Eq(sp.Limit(EQUAL_DECAYS, t, sp.oo), 1),
                        "the sum is not there": sp.Eq(
                            sp.Limit((1 - beta1) / (1 - beta1**t), t, sp.oo), sp.oo
                        ),
                    },
                ),
                Equation(
                    "8.6",
                    sp.Eq(sp.Limit(SLOWER, t, sp.oo), sp.oo),
                    wrong={
                        "there is a bound": sp.Eq(
                            sp.Limit(SLOWER, t, sp.oo), 1 / (1 - beta1 / beta2)
                        )
                    },
                ),
            ),
            source="not in the paper",
            verdict=Verdict.PROVED,
            assumptions=(r"$\beta_1 = \beta_2$ in (8.5)", r"$\beta_1 > \beta_2$ in (8.6)"),
            proof=_prove_growth,
        ),
    )

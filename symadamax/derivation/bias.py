"""Chapter 2: the bias of a mean that starts at 0, and its correction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation.algorithm import MOMENT
from symadamax.derivation.moments import UNROLLED
from symadamax.derivation.rules import (
    FRACTIONS,
    equal,
    evaluated,
    hold,
    iterated,
    played,
    split,
    tends_to,
    value_of,
)
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import E, Var, beta1, beta2, g, i, m, mhat, t, total

__all__ = ["CORRECTED_MEAN", "STEPS", "TITLE"]

TITLE = "The bias of the start, and its correction"
PAPER = "Kingma and Ba, section 3"
BELOW_ONE = r"$0 < \beta_1 < 1$"
_step = partial(Step, chapter=__name__, verdict=Verdict.PROVED)

mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
# The gradients of the case that is counted out: 2 in one third of all cases, and else -1.
GRADIENT, MU, VARIANCE = {2: sp.Rational(1, 3), -1: sp.Rational(2, 3)}, 0, 2

with sp.evaluate(False):
    BIAS = sp.Eq(E(m[t]), (1 - beta1**t) * mu)
    CORRECTED_MEAN = sp.Eq(mhat[t], m[t] / (1 - beta1**t))
    LIMIT_OF_NOISE = sigma**2 * ((1 - beta1) / (1 + beta1))


def _prove_bias(linear: Any, bias: Any) -> None:
    total_of_means, mean = (value_of(E(m[t]), equation) for equation in (linear, bias))
    equal(total_of_means.replace(E, lambda variable: variable), UNROLLED.rhs)
    equal(total_of_means.replace(E, lambda variable: mu), mean, FRACTIONS)
    equal(_of_four("E"), mean.subs({t: 4, mu: MU}))


def _prove_correction(corrected: Any, unbiased: Any) -> None:
    factor = value_of(mhat[t], corrected) / m[t]
    hold(not factor.has(m), "The correction is no factor of m.")
    equal(value_of(E(mhat[t]), unbiased), factor * BIAS.rhs)


def _prove_variance(spread: Any, noise: Any, limit: Any) -> None:
    variance, corrected = value_of(Var(m[t]), spread), value_of(Var(mhat[t]), noise)
    factor, term = split(variance)
    factor_of_m, term_of_m = split(UNROLLED.rhs)
    equal(factor * term, (factor_of_m * term_of_m / g[i]) ** 2 * sigma**2)
    correction = evaluated(CORRECTED_MEAN.rhs) / m[t]
    equal(variance * correction**2, corrected, FRACTIONS)
    tends_to(limit.lhs.subs(Var(mhat[t]), corrected), limit.rhs)
    equal(_of_four("variance"), variance.subs({t: 4, sigma: sp.sqrt(VARIANCE)}))


def _of_four(statistic: str) -> Any:
    """Return a statistic of m after four independent gradients, by counting their 16 cases."""
    from sympy import stats

    gradients = {g[k]: stats.FiniteRV(f"g{k}", GRADIENT) for k in (1, 2, 3, 4)}
    measure: Callable[[Any], Any] = getattr(stats, statistic)
    return measure(sp.expand(iterated(MOMENT, 4)).xreplace(gradients))


def _prove_first(moment: Any, corrected: Any) -> None:
    computed = played()[0][0]
    equal(value_of(m[1], moment), computed)
    factor = evaluated(CORRECTED_MEAN.rhs) / m[t]
    equal(value_of(mhat[1], corrected), factor.subs(t, 1) * computed)


with sp.evaluate(False):
    STEPS = (
        _step(
            "bias",
            "The mean is too small at first",
            prose=r"""
            Let every gradient have the expectation $\mu$. The expectation of a sum is the sum of
            the expectations, and (1.3) adds up the weights. So $m_t$ is too small, by the factor
            $1-\beta_1^t$. For $\beta_1 = 0.9$ this is 0.1 at the first step and 0.65 at the tenth.

            The check follows this for all $t$. It also counts out every case of four independent
            gradients with two values.""",
            equations=(
                Equation(
                    "2.1",
                    sp.Eq(E(m[t]), (1 - beta1) * total(beta1 ** (t - i) * E(g[i]))),
                    wrong={
                        "the factor is dropped": sp.Eq(E(m[t]), total(beta1 ** (t - i) * E(g[i])))
                    },
                ),
                Equation(
                    "2.2",
                    BIAS,
                    wrong={
                        "there is no bias": sp.Eq(E(m[t]), mu),
                        "the exponent is one too large": sp.Eq(
                            E(m[t]), (1 - beta1 ** (t + 1)) * mu
                        ),
                    },
                ),
            ),
            source=f"{PAPER}, equations (2) to (4)",
            assumptions=(BELOW_ONE, r"every $g_i$ has the expectation $\mu$"),
            proof=_prove_bias,
        ),
        _step(
            "bias-correction",
            "The correction",
            prose=r"""
            The factor is known, so divide by it. The corrected mean $\hat m_t$ has the expectation
            of the gradients at every step, also at the first.""",
            equations=(
                Equation(
                    "2.3",
                    CORRECTED_MEAN,
                    wrong={
                        "the decay is the other one": sp.Eq(mhat[t], m[t] / (1 - beta2**t)),
                        "the exponent is one too small": sp.Eq(
                            mhat[t], m[t] / (1 - beta1 ** (t - 1))
                        ),
                    },
                ),
                Equation(
                    "2.4",
                    sp.Eq(E(mhat[t]), mu),
                    wrong={"a bias is left": sp.Eq(E(mhat[t]), (1 - beta1) * mu)},
                ),
            ),
            source=f"{PAPER}, and algorithm 1",
            assumptions=(BELOW_ONE, r"every $g_i$ has the expectation $\mu$"),
            proof=_prove_correction,
        ),
        _step(
            "variance",
            "How much noise is left",
            prose=r"""
            Let the gradients also be independent, with the variance $\sigma^2$. Variances of
            independent terms add up with the squares of their weights. Corrected, the first mean is
            the first gradient with all its noise. Later ones are calmer, down to the factor
            $(1-\beta_1)/(1+\beta_1)$: 1/19 for $\beta_1 = 0.9$. It never falls to 0, since old
            gradients are forgotten.

            The sum in (2.5) is geometric again, as (1.3), with $\beta_1^2$ in the place of
            $\beta_1$. Divided by the square of the correction, $(1-\beta_1^t)^2$, it is (2.6).""",
            equations=(
                Equation(
                    "2.5",
                    sp.Eq(Var(m[t]), sigma**2 * (1 - beta1) ** 2 * total(beta1 ** (2 * (t - i)))),
                    wrong={
                        "the weights are not squared": sp.Eq(
                            Var(m[t]), sigma**2 * (1 - beta1) * total(beta1 ** (t - i))
                        )
                    },
                ),
                Equation(
                    "2.6",
                    sp.Eq(Var(mhat[t]), LIMIT_OF_NOISE * ((1 + beta1**t) / (1 - beta1**t))),
                    wrong={
                        "the last factor is dropped": sp.Eq(Var(mhat[t]), LIMIT_OF_NOISE),
                        "it is the variance of m": sp.Eq(
                            Var(mhat[t]), LIMIT_OF_NOISE * (1 - beta1 ** (2 * t))
                        ),
                    },
                ),
                Equation(
                    "2.7",
                    sp.Eq(sp.Limit(Var(mhat[t]), t, sp.oo), LIMIT_OF_NOISE),
                    wrong={
                        "the noise goes away": sp.Eq(sp.Limit(Var(mhat[t]), t, sp.oo), 0),
                        "all noise stays": sp.Eq(sp.Limit(Var(mhat[t]), t, sp.oo), sigma**2),
                    },
                ),
            ),
            source="not in the paper",
            assumptions=(BELOW_ONE, r"the $g_i$ are independent, with the variance $\sigma^2$"),
            proof=_prove_variance,
        ),
        _step(
            "uncorrected-start",
            "What goes wrong without it",
            prose=r"""
            At the first step there is one gradient and nothing to average. Without the correction
            the mean is $1-\beta_1$ times that gradient, a tenth of it for $\beta_1 = 0.9$, and the
            first step is a tenth of what it should be.""",
            equations=(
                Equation(
                    "2.8",
                    sp.Eq(m[1], (1 - beta1) * g[1]),
                    wrong={"the mean starts at the gradient": sp.Eq(m[1], g[1])},
                ),
                Equation(
                    "2.9",
                    sp.Eq(mhat[1], g[1]),
                    wrong={"the correction changes nothing": sp.Eq(mhat[1], (1 - beta1) * g[1])},
                ),
            ),
            source=PAPER,
            assumptions=(BELOW_ONE, "$m_0 = 0$"),
            proof=_prove_first,
        ),
    )

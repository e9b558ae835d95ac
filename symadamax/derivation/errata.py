"""Errors that are met elsewhere, each with an exact counter-example.

They are easy to make, and most stand in good company. What is claimed comes first; the equations
after it hold, and do not agree with it.
"""

from __future__ import annotations

from functools import partial

import sympy as sp

from symadamax.derivation.algorithm import WEIGHT
from symadamax.derivation.longer import SECOND
from symadamax.derivation.refutations import (
    NAN,
    OO,
    half,
    refute_fading,
    refute_half,
    refute_infinity,
    refute_length,
    refute_start,
    refute_sum,
    refute_uncorrected,
)
from symadamax.derivation.steps import Equation, Erratum, Verdict
from symadamax.derivation.symbols import (
    Delta,
    alpha,
    beta1,
    beta2,
    g,
    i,
    m,
    n,
    p,
    t,
    total,
    u,
    v,
)

__all__ = ["STEPS", "TITLE"]

TITLE = "Errors that are met elsewhere"
BETAS = r"$0 < \beta_1, \beta_2 < 1$"
_erratum = partial(Erratum, chapter=__name__, verdict=Verdict.REFUTED)

with sp.evaluate(False):
    LITERALLY = beta2**OO * v[t - 1] + (1 - beta2**OO) * sp.Abs(g[t]) ** OO
    AT_A_HALF = beta2**p + (1 - beta2**p) * sp.Rational(1, 2) ** p
    FADING = sp.Limit(beta1**n * m[t], n, OO)

with sp.evaluate(False):
    STEPS = (
        _erratum(
            "step-at-most-alpha",
            "No step is longer than the learning rate",
            prose=r"""
            The bound (7.5) is longer, and attained. Two gradients suffice, 1 and 0.999: at
            the second step the mean still has nearly all of the first gradient, and the weight has
            already shrunk with the second.""",
            equations=(
                Equation(
                    "E.1",
                    sp.Le(sp.Abs(Delta[t]), alpha),
                    wrong={"a bound that holds": sp.Le(sp.Abs(Delta[t]), 2 * alpha)},
                ),
                Equation(
                    "E.2",
                    SECOND,
                    wrong={
                        "another number": sp.Eq(sp.Abs(Delta[2]), sp.Rational(111, 110) * alpha)
                    },
                ),
            ),
            source="the paper: Kingma and Ba, section 7.1",
            assumptions=(r"in (E.2) $\beta_1 = 0.9$, $\beta_2 = 0.999$, $g_1 = 1$, $g_2 = 0.999$",),
            proof=refute_length,
        ),
        _erratum(
            "infinite-exponent",
            "The weight as a formula with infinite exponents",
            prose=r"""
            This puts $p = \infty$ into (3.3). But $\beta_2^p$ tends to 0, and the power of a
            gradient below 1 does too. For all such gradients the formula gives 0, where the
            maximum is at least the gradient. What is missing is the root: it is the root of (3.3)
            that has the limit (4.8).""",
            equations=(
                Equation(
                    "E.3",
                    sp.Eq(u[t], LITERALLY),
                    wrong={"the recursion that holds": WEIGHT["none"]},
                ),
                Equation(
                    "E.4",
                    sp.Eq(sp.Limit(beta2**p, p, OO), 0),
                    wrong={"the power stays": sp.Eq(sp.Limit(beta2**p, p, OO), beta2)},
                ),
                Equation(
                    "E.5",
                    sp.Eq(sp.Limit(AT_A_HALF, p, OO), 0),
                    wrong={"the maximum": sp.Eq(sp.Limit(AT_A_HALF, p, OO), sp.Rational(1, 2))},
                ),
            ),
            source="a widely copied survey: Ruder, arXiv 1609.04747, section 4.7",
            assumptions=(r"$0 < \beta_2 < 1$", r"$v_{t-1} = 1$ and $|g_t| = 1/2$ in (E.5)"),
            proof=refute_infinity,
        ),
        _erratum(
            "sum-off-by-one",
            "The sum of the weights, with one term too many",
            prose=r"""
            From 0 to $t$ there are $t+1$ terms, and the exponent is $t+1$. With the sum as it is
            claimed, the correction of the first step would be that of the second.""",
            equations=(
                Equation(
                    "E.6",
                    sp.Eq((1 - beta1) * total(beta1**i, first=0), 1 - beta1**t),
                    wrong={
                        "a sum that is right": sp.Eq(
                            (1 - beta1) * total(beta1**i, first=0), 1 - beta1 ** (t + 1)
                        )
                    },
                ),
                Equation(
                    "E.7",
                    sp.Eq((1 - beta1) * total(beta1**i, first=0), 1 - beta1 ** (t + 1)),
                    wrong={
                        "the exponent is too large": sp.Eq(
                            (1 - beta1) * total(beta1**i, first=0), 1 - beta1 ** (t + 2)
                        )
                    },
                ),
            ),
            source="older copies of a textbook's chapter on Adam, which is mended now: "
            "Dive into Deep Learning",
            assumptions=(r"$0 < \beta_1 < 1$",),
            proof=refute_sum,
        ),
        _erratum(
            "start-at-the-gradient",
            "A mean that starts at the first gradient, and is corrected all the same",
            prose=r"""
            Such a mean has no bias. The correction is for the 0 at the start; without that 0 it
            makes the first step $1/(1-\beta_1)$ times as long as it should be, ten times with the
            usual decay.""",
            equations=(
                Equation(
                    "E.8", sp.Eq(m[0], g[1]), wrong={"the start that is right": sp.Eq(m[0], 0)}
                ),
                Equation(
                    "E.9",
                    sp.Eq(Delta[1], -(alpha / (1 - beta1)) * sp.sign(g[1])),
                    wrong={"the step that is right": sp.Eq(Delta[1], -alpha * sp.sign(g[1]))},
                ),
                Equation(
                    "E.10",
                    sp.Eq(1 / (1 - sp.Rational(9, 10)), 10),
                    wrong={"another number": sp.Eq(1 / (1 - sp.Rational(9, 10)), 9)},
                ),
            ),
            source="the start of AdaMax in Optim.jl, a Julia library",
            assumptions=(BETAS, r"$g_1 \ne 0$"),
            proof=refute_start,
        ),
        _erratum(
            "no-correction",
            "No correction at all",
            prose=r"""
            Then the first step is $1-\beta_1$ times the learning rate, and the next ones are too
            short as well: along a slope they are within 1 % of the right length only from step 44
            on. It is a choice that one may make, but not the algorithm of the paper.""",
            equations=(
                Equation(
                    "E.11",
                    sp.Eq(Delta[t], -alpha * (m[t] / u[t])),
                    wrong={
                        "the step that is right": sp.Eq(
                            Delta[t], -alpha / (1 - beta1) * (m[t] / u[t])
                        )
                    },
                ),
                Equation(
                    "E.12",
                    sp.Eq(Delta[1], -(1 - beta1) * alpha * sp.sign(g[1])),
                    wrong={"the step that is right": sp.Eq(Delta[1], -alpha * sp.sign(g[1]))},
                ),
            ),
            source="MLX, whose documentation says that it leaves the correction out",
            assumptions=(BETAS, r"$g_1 \ne 0$"),
            proof=refute_uncorrected,
        ),
        _erratum(
            "one-nan",
            "A bad gradient is forgotten like any other",
            prose=r"""
            What a gradient weighs falls to 0, and this is true of every finite number. NaN times
            any weight is NaN, and NaN plus anything is NaN. One such gradient and the unknown is
            lost. An infinite one does the same, since infinity by infinity is NaN. A run must
            look at each gradient before it uses it, and stop.""",
            equations=(
                Equation(
                    "E.13",
                    sp.Eq(FADING, 0),
                    wrong={"the weight alone": sp.Eq(sp.Limit(beta1**n, n, OO), 0)},
                ),
                Equation(
                    "E.14",
                    sp.Eq(beta1 * NAN + (1 - beta1) * g[t], NAN),
                    wrong={
                        "the state is a number": sp.Eq(beta1 * m[t - 1] + (1 - beta1) * g[t], NAN)
                    },
                ),
                Equation(
                    "E.15",
                    sp.Eq(alpha * (OO / OO), NAN),
                    wrong={"infinity by infinity is 1": sp.Eq(alpha * (OO / OO), alpha)},
                ),
            ),
            source="what code assumes that does not look at its gradients, such as the Adamax of "
            "PyTorch and of Optax",
            assumptions=(r"$0 < \beta_1 < 1$",),
            proof=refute_fading,
        ),
        _erratum(
            "half-precision",
            "The correction in the type of the unknowns",
            prose=r"""
            Numbers of 16 bits just below 1 are 1/2048 apart. The decay 0.9999 is rounded to 1, and
            the correction divides by 0. With 0.999 it is 2.3 % off. The settings should stay in
            double precision, whatever the type of the unknowns is.""",
            equations=(
                Equation(
                    "E.16",
                    sp.Eq(1 - half(sp.Rational(9999, 10000)), sp.Rational(1, 10000)),
                    wrong={"what is computed": sp.Eq(1 - half(sp.Rational(9999, 10000)), 0)},
                ),
                Equation(
                    "E.17",
                    sp.Eq(1 - half(sp.Rational(9999, 10000)), 0),
                    wrong={
                        "a last bit is left": sp.Eq(
                            1 - half(sp.Rational(9999, 10000)), sp.Rational(1, 2048)
                        )
                    },
                ),
                Equation(
                    "E.18",
                    sp.Eq(1 - half(sp.Rational(999, 1000)), sp.Rational(1, 1024)),
                    wrong={
                        "it is exact": sp.Eq(1 - half(sp.Rational(999, 1000)), sp.Rational(1, 1000))
                    },
                ),
            ),
            source=r"code that computes $1-\beta^t$ in the type of its arrays",
            assumptions=("half(x) is x, rounded to the nearest number of 16 bits (IEEE 754)",),
            proof=refute_half,
        ),
    )

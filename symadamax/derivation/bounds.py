"""Chapter 7: the longest step there can be, and the gradients that make it so long."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation.algorithm import MOMENT, RATE, WEIGHT
from symadamax.derivation.limit import MAXIMUM
from symadamax.derivation.moments import UNROLLED
from symadamax.derivation.rules import (
    BASES,
    at_least,
    distributed,
    equal,
    evaluated,
    hold,
    played,
    settled,
    sides,
    split,
    value_of,
)
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import (
    Delta,
    Largest,
    alpha,
    beta1,
    beta2,
    c,
    g,
    i,
    m,
    s,
    t,
    total,
    u,
)

__all__ = ["BOUND", "PER_RATE", "RATIO", "STEPS", "TITLE", "per_weight"]

TITLE = "How long a step can be"
BETAS = r"$0 < \beta_1, \beta_2 < 1$ and $\beta_1 \ne \beta_2$"
_step = partial(Step, chapter=__name__)

# The cases of two decays that are not equal: beta1 < beta2, and beta1 > beta2.
UNEQUAL = ({beta2: beta1 * (1 + s)}, {beta1: beta2 * (1 + s)})
C, D, G, U = sp.symbols("C D G U", nonnegative=True)

with sp.evaluate(False):
    RATIO = total((beta1 / beta2) ** (t - i))
    PER_RATE = ((1 - beta1) / (1 - beta1**t)) * ((1 - (beta1 / beta2) ** t) / (1 - beta1 / beta2))
    BOUND = sp.Mul(alpha, *PER_RATE.args)


def _prove_weight(*statements: Any) -> None:
    old, new, each = map(sides, statements)
    hold(old[1] == new[1] == each[1] == u[t], "The bound is not for the weight.")
    for small, _ in (old, new):
        at_least(WEIGHT["none"].rhs, small)
    _, term = split(MAXIMUM.rhs, Largest)
    hold(each[0] == term, "It is no term of (4.6).")
    for k in BASES:
        for j in range(1, k + 1):
            at_least(distributed(played()[k - 1][1]), term.subs({t: k, i: j}))


def per_weight(statement: Any) -> Any:
    """Return the factor before u[t] in ``|m[t]| <= factor*u[t]``, a sum."""
    small, big = sides(statement)
    hold(small == sp.Abs(m[t]), "The bound is not for the size of m.")
    factor = big / u[t]
    hold(not factor.has(u), "The bound is no multiple of the weight.")
    return factor


def _prove_bound(mean: Any, bound: Any) -> None:
    factor, term = split(per_weight(mean))
    weight = sp.powsimp(factor * term)
    decay, gain = (evaluated(MOMENT.rhs).coeff(source) for source in (m[t - 1], g[t]))
    slower = evaluated(WEIGHT["none"].rhs).args
    ratio = decay / sum(member.coeff(u[t - 1]) for member in slower)
    # C(t) u[t] >= |m[t]|: the new C is ratio C + gain, and the next weight a maximum.
    equal(ratio * weight, weight.subs(t, t + 1))
    equal(gain, weight.subs(i, t))
    _one_step_more(decay, gain, ratio)
    small, longest = sides(bound)
    hold(small == sp.Abs(Delta[t]), "The bound is not for the size of a step.")
    for case in UNEQUAL:
        equal(longest / RATE.rhs, per_weight(mean), case)
    for k in BASES:
        equal(longest.subs(t, k), evaluated(RATE.rhs * per_weight(mean)).subs(t, k))
        _each_gradient(k, weight)


def _each_gradient(k: int, weight: Any) -> None:
    """Prove that what each gradient adds to |m[k]| is at most its part of the sum times u[k]."""
    moment, largest, _ = played()[k - 1]
    largest = distributed(largest)
    for j in range(1, k + 1):
        share = sp.expand(moment).coeff(g[j])
        at_least(weight.subs({t: k, i: j}) * largest, share * sp.Abs(g[j]))


def _one_step_more(decay: Any, gain: Any, ratio: Any) -> None:
    """Prove |decay m + gain g| <= (ratio C + gain) max(beta2 u, |g|) from |m| <= C u."""
    for moment in (D, -D):  # the triangle inequality, sign by sign
        for gradient in (G, -G):
            at_least(decay * D + gain * G, decay * moment + gain * gradient)
            at_least(decay * D + gain * G, -decay * moment - gain * gradient)
    later = evaluated(WEIGHT["none"].rhs).subs({u[t - 1]: U, sp.Abs(g[t]): G})
    at_least(ratio * C * later, decay * C * U)
    at_least(gain * later, gain * G)


def _prove_attained(attained: Any) -> None:
    worst = c * beta2**i
    _, term = split(MAXIMUM.rhs, Largest)
    weight = sp.simplify(term.subs(sp.Abs(g[i]), worst))
    hold(not weight.has(i), "The terms of (4.6) are not equal.")
    factor, gradients = split(UNROLLED.rhs)
    equal(gradients.subs(g[i], worst) / weight, RATIO.function)
    longest = value_of(sp.Abs(Delta[t]), attained)
    for case in UNEQUAL:
        equal(longest / RATE.rhs, factor * RATIO, case)
    for k in BASES:
        moved = played()[k - 1][2].subs({g[j]: worst.subs(i, j) for j in range(1, k + 1)})
        equal(settled(moved), settled(-longest.subs(t, k)))


with sp.evaluate(False):
    STEPS = (
        _step(
            "weight-bounds",
            "What the weight is never below",
            prose=r"""
            A maximum is at least each of its members. So the weight never falls faster than by
            $\beta_2$ a step, and it is never below the size of the gradient, nor below that of an
            older one that has shrunk.""",
            equations=(
                Equation(
                    "7.1",
                    sp.Le(beta2 * u[t - 1], u[t]),
                    wrong={"it never falls": sp.Le(u[t - 1], u[t])},
                ),
                Equation(
                    "7.2",
                    sp.Le(sp.Abs(g[t]), u[t]),
                    wrong={"it is twice the gradient": sp.Le(2 * sp.Abs(g[t]), u[t])},
                ),
                Equation(
                    "7.3",
                    sp.Le(beta2 ** (t - i) * sp.Abs(g[i]), u[t]),
                    wrong={"old gradients do not shrink": sp.Le(sp.Abs(g[i]), u[t])},
                ),
            ),
            source="from (4.6) and (4.8)",
            verdict=Verdict.PROVED,
            assumptions=(r"$0 < \beta_2 < 1$", r"$i \le t$ in (7.3)"),
            proof=_prove_weight,
        ),
        _step(
            "sharp-bound",
            "The longest step",
            prose=r"""
            The mean forgets by $\beta_1$ a step, the weight by $\beta_2$. So a gradient that is
            $t-i$ steps old counts in $m_t$ at most $(\beta_1/\beta_2)^{t-i}$ times as much as in
            $u_t$. Added up, with the learning rate of (5.3), this bounds every step, for every
            function.

            The induction: let (7.4) hold for $t-1$. By the triangle inequality $|m_t|$ is at most
            $\beta_1 |m_{t-1}| + (1-\beta_1) |g_t|$. In the first term $u_{t-1}$ is at most
            $u_t/\beta_2$, by (7.1), so its sum is multiplied by $\beta_1/\beta_2$: every term is a
            step older. In the second $|g_t|$ is at most $u_t$, by (7.2): this is the new term, 1.

            The sum is geometric again. Put into the step it gives (7.5), which is computed once for
            all $t$. For the first six steps both are also proved term by term.""",
            equations=(
                Equation(
                    "7.4",
                    sp.Le(sp.Abs(m[t]), (1 - beta1) * u[t] * RATIO),
                    wrong={
                        "old gradients do not count": sp.Le(sp.Abs(m[t]), (1 - beta1) * u[t]),
                        "the mean forgets twice as fast": sp.Le(
                            sp.Abs(m[t]),
                            (1 - beta1) * u[t] * total((beta1 / beta2) ** (2 * (t - i))),
                        ),
                    },
                ),
                Equation(
                    "7.5",
                    sp.Le(sp.Abs(Delta[t]), BOUND),
                    wrong={
                        "it is the learning rate": sp.Le(sp.Abs(Delta[t]), alpha),
                        "the correction is dropped": sp.Le(
                            sp.Abs(Delta[t]),
                            alpha
                            * (1 - beta1)
                            * ((1 - (beta1 / beta2) ** t) / (1 - beta1 / beta2)),
                        ),
                    },
                ),
            ),
            source="not in the paper, whose bound is another",
            verdict=Verdict.INDUCTION,
            assumptions=(BETAS, "any gradients"),
            proof=_prove_bound,
        ),
        _step(
            "bound-attained",
            "It is attained",
            prose=r"""
            Let the gradients shrink just as the weight does: $g_i = c \beta_2^i$. Then all terms of
            the maximum (4.6) are equal, no inequality loses anything, and every step has the length
            of its bound. There is no smaller bound for all functions.""",
            equations=(
                Equation(
                    "7.6",
                    sp.Eq(sp.Abs(Delta[t]), BOUND),
                    wrong={
                        "it is the learning rate": sp.Eq(sp.Abs(Delta[t]), alpha),
                        "the ratio is the other way": sp.Eq(
                            sp.Abs(Delta[t]),
                            alpha
                            * ((1 - beta1) / (1 - beta1**t))
                            * ((1 - (beta2 / beta1) ** t) / (1 - beta2 / beta1)),
                        ),
                    },
                ),
            ),
            source="not in the paper",
            verdict=Verdict.PROVED,
            assumptions=(BETAS, r"$g_i = c \beta_2^i$ with $c > 0$"),
            proof=_prove_attained,
        ),
    )

"""Chapter 11: what is known of where a run ends, and what is not."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import RATE, WEIGHT
from symadamax.derivation.moments import UNROLLED
from symadamax.derivation.rules import (
    BASES,
    FRACTIONS,
    equal,
    evaluated,
    hold,
    settled,
    sides,
    split,
    tends_to,
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
    s,
    t,
    total,
    u,
    x,
)

__all__ = ["STEPS", "TITLE"]

TITLE = "Where a run ends"
_step = partial(Step, chapter=__name__)

C = sp.Symbol("C", positive=True)
T, j, d = sp.symbols("T j d", integer=True, positive=True)
D, gamma, lam = sp.symbols("D gamma lambda", positive=True)
Dmax, Gmax = (sp.Symbol(rf"{name}_{{\infty}}", positive=True) for name in "DG")
vhat, norm = sp.IndexedBase("vhat", nonnegative=True), sp.IndexedBase("N", nonnegative=True)
R = sp.Function("R")

with sp.evaluate(False):
    SWINGING = ((1 - beta1) / (1 + beta1)) * ((1 - (-beta1) ** t) / (1 - beta1**t))
    LAST_SWING = sp.Limit(SWINGING, t, sp.oo)
    SWING = Largest(sp.Abs(x[t]), (t, 501, 1000))
    PERIOD = sp.Add(Delta[1], Delta[2], Delta[3])
    ROOTS = total(sp.sqrt(T * vhat[T, j]), d, j)
    NORMS = total(norm[j], d, j)
    REGRET = sp.Add(
        D**2 / (2 * alpha * (1 - beta1)) * ROOTS,
        alpha * (1 + beta1) * Gmax / ((1 - beta1) * sp.sqrt(1 - beta2) * (1 - gamma) ** 2) * NORMS,
        total(
            Dmax**2 * Gmax * sp.sqrt(1 - beta2) / (2 * alpha * (1 - beta1) * (1 - lam) ** 2), d, j
        ),
    )


def _prove_kink(moved: Any, last: Any) -> None:
    alternating = (-1) ** i * c
    factor, term = split(UNROLLED.rhs)
    moment = (factor * total(term.subs(g[i], alternating))).doit()
    weight = settled(evaluated(WEIGHT["none"].rhs).subs({u[t - 1]: c, sp.Abs(g[t]): c}))
    hold(weight == c, "The weight is not the size of the gradients.")
    claimed = value_of(Delta[t], moved)
    equal(claimed, -evaluated(RATE.rhs) * moment / weight)
    gradients = [alternating.subs(i, k) for k in BASES]
    for k, (_, _, computed) in enumerate(reference.play(gradients, reference.symbolic()), 1):
        equal(settled(computed), settled(claimed.subs(t, k)))
    hold(isinstance(last.lhs, sp.Limit), "It is no limit.")
    size = evaluated(last.lhs).args[0]
    equal(alpha * size * -((-1) ** t), claimed)
    for sign in (1, -1):  # that of (-beta1)**t, for even and for odd t
        tends_to(sp.Limit(size.subs((-beta1) ** t, sign * beta1**t), t, sp.oo), last.rhs)


def _prove_wrong_way(moved: Any, slope: Any) -> None:
    large = 2 + s  # C > 2
    settings = reference.Settings(alpha, sp.Integer(0), FRACTIONS[beta2] / large)  # beta2 < 1/C
    for before in (sp.Integer(0), sp.Integer(1)):  # of the first period, and of every other
        u_t, steps = before, {}
        for k, gradient in enumerate((large, sp.Integer(-1), sp.Integer(-1)), 1):
            _, u_t, added = reference.step((0, u_t), gradient, k, settings)
            u_t, steps[Delta[k]] = settled(u_t), settled(added)
        hold(u_t == 1, "The period does not end with the weight 1.")
        equal(evaluated(moved.lhs).subs(steps), moved.rhs)
    hold(type(slope) is sp.Lt and slope.lhs == 0, "It is not said what is above 0.")
    equal(slope.rhs, sum((C, -1, -1)))
    hold(sp.expand(evaluated(slope.rhs).subs(C, large)).is_positive, "It may not be above 0.")


def _witness_swing(low: Any, high: Any) -> None:
    usual = reference.Settings(0.01, 0.9, 0.999)
    value, m, u_t, sizes = 1.0, 0.0, 0.0, []
    for k in range(1, 1001):
        m, u_t, added = reference.step((m, u_t), math.copysign(1.0, value), k, usual)
        value += added
        sizes.append(abs(value))
    widest = max(sizes[500:])
    for bound in (low, high):
        small, big = (side.subs({SWING: widest, alpha: 0.01}) for side in sides(bound))
        hold((big - small).is_positive, f"The widest swing is {widest}.")


with sp.evaluate(False):
    STEPS = (
        _step(
            "kink",
            "At a kink the steps do not shrink to 0",
            prose=r"""
            Take gradients of one size whose sign alternates, as on both sides of the kink of $|x|$.
            The mean nearly cancels, but not all of it: the steps tend to
            $(1-\beta_1)/(1+\beta_1)$ of the learning rate, a nineteenth for $\beta_1 = 0.9$. As
            long as $\alpha$ is fixed, no such run comes to rest.""",
            equations=(
                Equation(
                    "11.1",
                    sp.Eq(Delta[t], -alpha * ((-1) ** t * SWINGING)),
                    wrong={
                        "they have the full length": sp.Eq(Delta[t], -alpha * (-1) ** t),
                        "the correction is dropped": sp.Eq(
                            Delta[t],
                            -alpha
                            * ((-1) ** t * ((1 - beta1) / (1 + beta1)) * (1 - (-beta1) ** t)),
                        ),
                    },
                ),
                Equation(
                    "11.2",
                    sp.Eq(LAST_SWING, (1 - beta1) / (1 + beta1)),
                    wrong={"they go away": sp.Eq(LAST_SWING, 0)},
                ),
            ),
            source="not in the paper",
            verdict=Verdict.PROVED,
            assumptions=(r"$0 < \beta_1, \beta_2 < 1$", "$g_i = (-1)^i c$ with $c > 0$"),
            proof=_prove_kink,
        ),
        _step(
            "swing",
            "How far a run swings",
            prose=r"""
            A run finds its own rhythm. This one minimises $|x|$ from $x_0 = 1$, with the learning
            rate 0.01 and the usual decays, and is looked at after 500 of its 1,000 steps. The
            farthest that it is then from the minimum, 0, is between a fifth and a half of the
            learning rate. A schedule that lets $\alpha$ fall, or the averaged iterate (10.3), mends
            that.""",
            equations=(
                Equation(
                    "11.3",
                    sp.Le(alpha / 5, SWING),
                    wrong={"it swings by the learning rate": sp.Le(alpha, SWING)},
                ),
                Equation(
                    "11.4",
                    sp.Le(SWING, alpha / 2),
                    wrong={"it has come to rest": sp.Le(SWING, alpha / 1000)},
                ),
            ),
            source="one run of the reference step, on floats",
            verdict=Verdict.WITNESSED,
            assumptions=(r"$\alpha = 1/100$", r"$\beta_1 = 0.9$, $\beta_2 = 0.999$"),
            proof=_witness_swing,
        ),
        _step(
            "wrong-way",
            "It can go the wrong way",
            prose=r"""
            Let the function itself change from step to step, as the rows of data do that a step
            sees. Here are three in turn: $f_t(x) = C x$ for $t = 1, 4, 7, \ldots$ and $-x$ for the
            others, with $C > 2$. Their sum rises (11.6), so on $[-1, 1]$ the best point is $-1$.
            But each gradient is divided by a weight that follows its own size: when $\beta_2$ is
            below $1/C$, the steep function is forgotten at once and moves the run no further than
            the others (11.5). Of every three steps two go up. The run climbs to the worst point, 1,
            with every learning rate.

            This is the example that Reddi, Kale and Kumar gave for Adam. It needs a $\beta_2$ that
            is small beside the rhythm of the functions.""",
            equations=(
                Equation(
                    "11.5",
                    sp.Eq(PERIOD, alpha),
                    wrong={"it goes downhill": sp.Eq(PERIOD, -alpha)},
                ),
                Equation(
                    "11.6",
                    sp.Lt(0, sp.Add(C, -1, -1)),
                    wrong={"the sum falls": sp.Lt(0, 1 + 1 - C)},
                ),
            ),
            source="after Reddi, Kale and Kumar, arXiv 1904.09237, theorem 1, there for Adam",
            verdict=Verdict.PROVED,
            assumptions=(r"$\beta_1 = 0$", r"$0 < \beta_2 < 1/C$", "$C > 2$"),
            proof=_prove_wrong_way,
        ),
        _step(
            "regret-bound",
            "What the paper states of Adam",
            prose=r"""
            Quoted, and not proved here. For convex functions $f_1, f_2, \ldots$ in $d$ unknowns,
            the regret $R(T)$ is how much more the run pays in $T$ steps than the best fixed point
            would. The theorem bounds it by a multiple of $\sqrt{T}$, so that the mean regret
            $R(T)/T$ tends to 0. It is a theorem on Adam, with a learning rate and a $\beta_1$ that
            fall. For Adamax, and for a fixed learning rate, the paper states none.""",
            equations=(Equation("11.7", sp.Le(R(T), REGRET)),),
            source="Kingma and Ba, theorem 4.1",
            verdict=Verdict.QUOTED,
            assumptions=(
                r"the $f_t$ are convex; their gradients are bounded in the Euclidean norm, and each"
                r" entry by $G_{\infty}$ in size",
                r"$\hat v_{T,j}$ is the second moment (3.1) of unknown $j$, divided by "
                r"$1-\beta_2^T$",
                "$N_j$ is the Euclidean norm of the $T$ gradients of unknown $j$",
                r"no two points of the run are further apart than $D$, and their entries than "
                r"$D_{\infty}$",
                r"$\gamma = \beta_1^2/\sqrt{\beta_2} < 1$",
                r"at step $t$ the learning rate is $\alpha/\sqrt{t}$, and $\beta_1 \lambda^{t-1}$ "
                r"stands for $\beta_1$, with $0 < \lambda < 1$",
            ),
        ),
        _step(
            "objections",
            "What is known against it, and what is open",
            prose=r"""
            Quoted, and not proved here. Bock, Goppold and Weiss (arXiv 1804.10587) point out
            mistakes in the proof of (11.7), and mend some. Reddi, Kale and Kumar show that what it
            claims is not true: they give convex functions for which the mean regret of Adam does
            not tend to 0, with $\beta_1 = 0$ in their theorem 1, and for any fixed decays with
            $\beta_1 < \sqrt{\beta_2}$ in theorem 2. Step `wrong-way` is such a case for Adamax.

            We found no proof that Adamax converges, for the settings that are in use. What this
            book proves is how long steps are and what they do not depend on. Where a run ends is
            for the run to show.""",
            equations=(Equation("11.8", sp.Ne(sp.Limit(R(T) / T, T, sp.oo), 0)),),
            source="Reddi, Kale and Kumar, arXiv 1904.09237, theorems 1 and 2",
            verdict=Verdict.QUOTED,
            assumptions=(r"functions that are chosen for the decays",),
        ),
    )

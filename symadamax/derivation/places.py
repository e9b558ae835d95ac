"""Chapter 9: the places of epsilon, and what each does to the weight and to the step."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import ITERATE, MOMENT, PLACEMENTS, WEIGHT
from symadamax.derivation.rules import (
    BASES,
    at_least,
    distributed,
    equal,
    evaluated,
    hold,
    played,
    sides,
    tends_to,
    value_of,
)
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import Delta, alpha, beta2, epsilon, g, m, t, u, x

__all__ = ["STEPS", "TITLE"]

TITLE = "The places of epsilon"
BETAS = r"$0 < \beta_1, \beta_2 < 1$"
POSITIVE = r"$\epsilon > 0$"
_step = partial(Step, chapter=__name__)

w = sp.IndexedBase("w", positive=True)  # the weight with epsilon in the maximum
size = sp.Symbol("a", positive=True)
# With epsilon = D + F, all w between u and u + epsilon are u + D.
A, D, F, G = sp.symbols("A D F G", nonnegative=True)
U = sp.Symbol("U", positive=True)

with sp.evaluate(False):
    FIRST = sp.Eq(Delta[1], -alpha * (g[1] / (sp.Abs(g[1]) + epsilon)))
    SHARE = size / (size + epsilon)


def _prove_places(iterate: Any, weight: Any) -> None:
    shown = {"denominator": (iterate, WEIGHT["none"]), "maximum": (ITERATE["none"], weight)}
    for placement, (iteration, recursion) in shown.items():
        before = (m[t - 1], u[t - 1])
        computed = reference.step(before, g[t], t, reference.symbolic(placement))
        hold(value_of(u[t], recursion) == computed[1], f"The weight of {placement} is another.")
        added = (value_of(x[t], iteration) - x[t - 1]).subs(u[t], computed[1])
        equal(added.subs(m[t], evaluated(MOMENT.rhs)), computed[2])


def _prove_sandwich(lower: Any, upper: Any) -> None:
    old = {u[t - 1]: G, w[t - 1]: G + D, epsilon: D + F, sp.Abs(g[t]): A}
    raised = evaluated(WEIGHT["maximum"].rhs).subs(u[t - 1], w[t - 1])
    later = {u[t]: evaluated(WEIGHT["none"].rhs), w[t]: raised}
    bases = [{u[t]: played()[k - 1][1], w[t]: played("maximum")[k - 1][1]} for k in BASES]
    for bound in (lower, upper):
        for weights, values in ((later, old), *((base, {}) for base in bases)):
            small, big = (side.subs(weights) for side in sides(bound))
            at_least(distributed(big).subs(values), distributed(small).subs(values))


def _prove_shorter(product: Any, *bounds: Any) -> None:
    equal(product.lhs, product.rhs)
    equal(product.lhs, -(evaluated(ITERATE["denominator"].rhs) - x[t - 1]) / _rate())
    for bound in bounds:
        between = {u[t]: U, w[t]: U + D, epsilon: D + F}
        small, big = (side.subs(between) for side in sides(bound))
        at_least(big, small)


def _rate() -> Any:
    return -(evaluated(ITERATE["none"].rhs) - x[t - 1]) * u[t] / m[t]


def _prove_first(first: Any, large: Any, small: Any) -> None:
    moved = value_of(Delta[1], first)
    for placement in ("denominator", "maximum"):
        equal(moved, played(placement)[0][2])
    tends_to(large.lhs, large.rhs)
    tends_to(small.lhs, small.rhs)
    share = -moved.subs(g[1], size) / alpha
    equal(large.lhs.args[0], share)
    equal(small.lhs.args[0], share / size)


def _prove_zero(nothing: Any) -> None:
    claimed = value_of(Delta[1], nothing)
    equal(claimed, evaluated(FIRST.rhs).subs(g[1], 0))
    for placement in PLACEMENTS:
        moments = reference.play([sp.Integer(0)] * BASES[-1], reference.symbolic(placement))
        for mean, _, moved in moments:
            equal(claimed, moved)
            hold(mean == 0, "The mean of zeros is not 0.")


with sp.evaluate(False):
    STEPS = (
        _step(
            "places-of-epsilon",
            "Two places, and none",
            prose=r"""
            The paper has no epsilon: a first gradient that is exactly 0 gives 0/0. Libraries add a
            small $\epsilon$, in one of two places. Keras and others widen the denominator of the
            step (9.1). PyTorch and others raise the gradient in the maximum (9.2). Here
            `epsilon_placement` chooses.""",
            equations=(
                Equation(
                    "9.1",
                    ITERATE["denominator"],
                    wrong={
                        "there is no epsilon": ITERATE["none"],
                        "epsilon is taken away": sp.Eq(
                            x[t], ITERATE["denominator"].rhs.subs(epsilon, -epsilon)
                        ),
                    },
                ),
                Equation(
                    "9.2",
                    WEIGHT["maximum"],
                    wrong={
                        "there is no epsilon": WEIGHT["none"],
                        "epsilon is a member of the maximum": sp.Eq(
                            u[t], sp.Max(beta2 * u[t - 1], sp.Abs(g[t]), epsilon)
                        ),
                    },
                ),
            ),
            source="Keras, Optimisers.jl (9.1); PyTorch, Optax (9.2)",
            verdict=Verdict.PROVED,
            assumptions=(BETAS, POSITIVE),
            proof=_prove_places,
        ),
        _step(
            "sandwich",
            "The two weights are close",
            prose=r"""
            Write $w_t$ for the weight with epsilon in the maximum, and $u_t$ for that without. For
            the same gradients $w_t$ lies between the denominators without and with epsilon, at
            every step. One more step makes the distance of the old ones smaller, by $\beta_2$, and
            that of the new gradients is $\epsilon$.""",
            equations=(
                Equation(
                    "9.3",
                    sp.Le(u[t], w[t]),
                    wrong={"it is always raised by all of epsilon": sp.Le(u[t] + epsilon, w[t])},
                ),
                Equation(
                    "9.4",
                    sp.Le(w[t], u[t] + epsilon),
                    wrong={"it is raised by less": sp.Le(w[t], u[t] + epsilon / 2)},
                ),
            ),
            source="not in the literature that we know",
            verdict=Verdict.INDUCTION,
            assumptions=(r"$0 < \beta_2 < 1$", POSITIVE, "$u_0 = w_0 = 0$"),
            proof=_prove_sandwich,
        ),
        _step(
            "shorter-steps",
            "Epsilon makes steps shorter",
            prose=r"""
            In the denominator, epsilon multiplies a step by $u_t/(u_t + \epsilon)$, which is below
            1. By (9.3) and (9.4) the step of PyTorch is between: not longer than without epsilon,
            and not shorter than that of Keras. So the bound (7.5) holds for all three.""",
            equations=(
                Equation(
                    "9.5",
                    sp.Eq(m[t] / (u[t] + epsilon), (u[t] / (u[t] + epsilon)) * (m[t] / u[t])),
                    wrong={
                        "the factor is above 1": sp.Eq(
                            m[t] / (u[t] + epsilon), ((u[t] + epsilon) / u[t]) * (m[t] / u[t])
                        )
                    },
                ),
                Equation(
                    "9.6",
                    sp.Le(1 / (u[t] + epsilon), 1 / w[t]),
                    wrong={"it is the other way": sp.Le(1 / w[t], 1 / (u[t] + epsilon))},
                ),
                Equation(
                    "9.7",
                    sp.Le(1 / w[t], 1 / u[t]),
                    wrong={"it is the other way": sp.Le(1 / u[t], 1 / w[t])},
                ),
            ),
            source="from (9.3) and (9.4)",
            verdict=Verdict.PROVED,
            assumptions=(BETAS, POSITIVE, "$u_t > 0$"),
            proof=_prove_shorter,
        ),
        _step(
            "epsilon-at-first",
            "Which gradients count as small",
            prose=r"""
            At the first step the two places agree: the sign in (5.6) becomes $g/(|g| + \epsilon)$.
            A gradient far above epsilon still gives a step of $\alpha$. One far below it gives only
            $\alpha |g|/\epsilon$, so noise of that size is no longer blown up to full steps.

            The two limits say this. For a gradient of size $a$, the first step is $a/(a+\epsilon)$
            of the learning rate. This share tends to 1 where $a$ is large; where $a$ is small, it
            is as good as $a/\epsilon$.""",
            equations=(
                Equation(
                    "9.8",
                    FIRST,
                    wrong={"epsilon has gone": sp.Eq(Delta[1], -alpha * sp.sign(g[1]))},
                ),
                Equation(
                    "9.9",
                    sp.Eq(sp.Limit(SHARE, size, sp.oo), 1),
                    wrong={"it is 0": sp.Eq(sp.Limit(SHARE, size, sp.oo), 0)},
                ),
                Equation(
                    "9.10",
                    sp.Eq(sp.Limit(1 / (size + epsilon), size, 0), 1 / epsilon),
                    wrong={"it has no end": sp.Eq(sp.Limit(1 / (size + epsilon), size, 0), sp.oo)},
                ),
            ),
            source="from (9.1) and (9.2)",
            verdict=Verdict.PROVED,
            assumptions=(BETAS, POSITIVE),
            proof=_prove_first,
        ),
        _step(
            "zero-gradient",
            "A gradient that was always 0 moves nothing",
            prose=r"""
            With an epsilon 0 is divided by it. Without one, 0/0 has no value, and must be
            given one. Here it is 0, which is what both other places tend to: an unknown without a
            slope stays where it is.""",
            equations=(
                Equation(
                    "9.11",
                    sp.Eq(Delta[1], -alpha * (0 / (0 + epsilon))),
                    wrong={"it moves": sp.Eq(Delta[1], -alpha)},
                ),
            ),
            source="a convention for what the paper leaves open",
            verdict=Verdict.PROVED,
            assumptions=("$g_1 = 0$",),
            proof=_prove_zero,
        ),
    )

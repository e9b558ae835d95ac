"""Chapter 6: what changes nothing: the scale of the function, and the order of the unknowns."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import ITERATE, MOMENT, RATE, WEIGHT
from symadamax.derivation.rules import BASES, distributed, equal, evaluated, hold, played
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import (
    Delta,
    alphahat,
    beta1,
    beta2,
    c,
    g,
    m,
    t,
    u,
    x,
)

__all__ = ["STEPS", "TITLE"]

TITLE = "What changes nothing"
BETAS = r"$0 < \beta_1, \beta_2 < 1$"
_step = partial(Step, chapter=__name__)

a, b = sp.symbols("a b", real=True)
# What one unknown remembers and what its step is, as functions of its own gradient.
Move, Mean, Weight = sp.Function("Delta"), sp.Function("m"), sp.Function("u")

with sp.evaluate(False):
    SWAP = sp.ImmutableMatrix([[0, 1], [1, 0]])
    STEPS_OF_BOTH = sp.ImmutableMatrix([Move(a), Move(b)])
    SCALED_STEP = -alphahat[t] * ((c * m[t]) / (c * u[t]))
    SCALE = {m[t - 1]: c * m[t - 1], u[t - 1]: c * u[t - 1], g[t]: c * g[t]}


def _prove_scale(mean: Any, weight: Any, moved: Any) -> None:
    scale = {evaluated(old): evaluated(new) for old, new in SCALE.items()}
    for scaled, recursion in ((mean, MOMENT), (weight, WEIGHT["none"])):
        plain = evaluated(recursion.rhs)
        hold(evaluated(scaled.lhs) == plain.subs(scale, simultaneous=True), "It is not scaled.")
        expected = evaluated(scaled.rhs).subs(recursion.lhs, plain)
        equal(distributed(evaluated(scaled.lhs)) - distributed(expected), 0)
    added = evaluated(ITERATE["none"].rhs) - x[t - 1]
    equal(evaluated(moved.rhs).subs(Delta[t], added), moved.lhs, {RATE.lhs: evaluated(RATE.rhs)})
    _run_scaled(evaluated(mean.rhs) / m[t])


def _run_scaled(factor: Any) -> None:
    """Run the first steps for gradients times c, beside those of the plain ones."""
    gradients = [c * g[k] for k in BASES]
    scaled = reference.play(gradients, reference.symbolic())
    for (m_c, u_c, _), (m_1, u_1, _) in zip(scaled, played(), strict=True):
        equal(m_c, factor * m_1)
        hold(distributed(u_c) == distributed(factor * u_1), "The weight is not scaled.")


def _prove_order(swapped: Any) -> None:
    def move(gradient: Any) -> Any:
        state = (Mean(gradient), Weight(gradient))
        return reference.step(state, gradient, t, reference.symbolic())[2]

    left, right = (side.doit().replace(Move, move) for side in swapped.args)
    hold(left == right, "The steps are others.")
    for one, other in ((a, b), (b, a)):
        hold(not move(one).has(other), "A step depends on the gradient of another unknown.")


with sp.evaluate(False):
    STEPS = (
        _step(
            "scale",
            "The scale of the function does not matter",
            prose=r"""
            Multiply the function by $c > 0$: measure it in other units. Every gradient is then $c$
            times as large, and so are $m_t$ and $u_t$, at every step. In the step they are divided,
            and $c$ is gone. The run goes through the same points.

            Each unknown may even have a $c$ of its own. For $0.1x^2 + 0.2y^2 + 0.3z^2$ from equal
            starts the three unknowns stay equal. With an epsilon this holds as long as
            epsilon is small beside the gradients.""",
            equations=(
                Equation(
                    "6.1",
                    sp.Eq(beta1 * (c * m[t - 1]) + (1 - beta1) * (c * g[t]), c * m[t]),
                    wrong={
                        "it is scaled twice": sp.Eq(
                            beta1 * (c * m[t - 1]) + (1 - beta1) * (c * g[t]), c**2 * m[t]
                        )
                    },
                ),
                Equation(
                    "6.2",
                    sp.Eq(sp.Max(beta2 * (c * u[t - 1]), sp.Abs(c * g[t])), c * u[t]),
                    wrong={
                        "it is not scaled": sp.Eq(
                            sp.Max(beta2 * (c * u[t - 1]), sp.Abs(c * g[t])), u[t]
                        )
                    },
                ),
                Equation(
                    "6.3",
                    sp.Eq(SCALED_STEP, Delta[t]),
                    wrong={"the step is scaled": sp.Eq(SCALED_STEP, c * Delta[t])},
                ),
            ),
            source="Kingma and Ba, section 2.1, for Adam",
            verdict=Verdict.INDUCTION,
            assumptions=(BETAS, "$c > 0$", "no epsilon"),
            proof=_prove_scale,
        ),
        _step(
            "order-of-unknowns",
            "The order of the unknowns does not matter",
            prose=r"""
            A step of an unknown is a function of its own gradients, $a$ or $b$, and of no other's.
            So if two unknowns change places, their steps change places with them. Any other order
            is reached by such swaps.

            A rotation of the axes is no such swap. It mixes the gradients of several unknowns, and
            Adamax then takes another path.""",
            equations=(
                Equation(
                    "6.4",
                    sp.Eq(
                        sp.MatMul(SWAP, STEPS_OF_BOTH),
                        sp.ImmutableMatrix([Move(b), Move(a)]),
                    ),
                    wrong={
                        "nothing is swapped": sp.Eq(sp.MatMul(SWAP, STEPS_OF_BOTH), STEPS_OF_BOTH)
                    },
                ),
            ),
            source="from (5.1)",
            verdict=Verdict.PROVED,
            proof=_prove_order,
        ),
    )

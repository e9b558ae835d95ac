"""Chapter 3: from Adam's second moment to the p-norm of all gradients."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation.rules import equal, evaluated, hold, split, unrolled
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import beta2, g, i, p, t, total, v

__all__ = ["NORM", "STEPS", "TITLE"]

TITLE = "From squares to the p-norm"
BELOW_ONE = r"$0 < \beta_2 < 1$"
_step = partial(Step, chapter=__name__)

with sp.evaluate(False):
    SECOND = sp.Eq(v[t], beta2 * v[t - 1] + (1 - beta2) * g[t] ** 2)
    POWER = sp.Eq(v[t], beta2**p * v[t - 1] + (1 - beta2**p) * sp.Abs(g[t]) ** p)
    NORM = sp.Eq(v[t], (1 - beta2**p) * total(beta2 ** (p * (t - i)) * sp.Abs(g[i]) ** p))


def _prove_second(recursion: Any, statement: Any) -> None:
    unrolled(v, statement, recursion, lambda k: g[k] ** 2)


def _prove_power(recursion: Any, statement: Any) -> None:
    unrolled(v, statement, recursion, lambda k: sp.Abs(g[k]) ** p)
    squares = evaluated(recursion.rhs).subs(p, 2)
    equal(squares, evaluated(SECOND.rhs).subs(beta2, beta2**2))


def _prove_root(root: Any) -> None:
    _, term = split(NORM.rhs)
    hold(evaluated(root.lhs) == term ** (1 / p), "It is not the root of a term of (3.4).")
    size = sp.Symbol("size", positive=True)
    for value in (size, sp.Integer(0)):
        left, right = (evaluated(side).subs(sp.Abs(g[i]), value) for side in root.args)
        equal(sp.powdenest(left), right)


with sp.evaluate(False):
    STEPS = (
        _step(
            "second-moment",
            "Adam divides by the root of the mean square",
            prose=r"""
            A step should not depend on the units of the function. Adam divides the mean of the
            gradients by $\sqrt{v_t}$, where $v_t$ is the same kind of mean, of their squares. It is
            unrolled as (1.2) was.""",
            equations=(
                Equation(
                    "3.1",
                    SECOND,
                    wrong={
                        "the old value keeps all its weight": sp.Eq(
                            v[t], v[t - 1] + (1 - beta2) * g[t] ** 2
                        )
                    },
                ),
                Equation(
                    "3.2",
                    sp.Eq(v[t], (1 - beta2) * total(beta2 ** (t - i) * g[i] ** 2)),
                    wrong={
                        "the weights are squared too": sp.Eq(
                            v[t], (1 - beta2) * total(beta2 ** (2 * (t - i)) * g[i] ** 2)
                        )
                    },
                ),
            ),
            source="Kingma and Ba, algorithm 1, and section 3, equation (1)",
            verdict=Verdict.INDUCTION,
            assumptions=(BELOW_ONE, "$v_0 = 0$"),
            proof=_prove_second,
        ),
        _step(
            "p-norm",
            "Any power in the place of the square",
            prose=r"""
            Nothing in this needs the number 2. Take the power $p$ of the sizes, and write the decay
            as $\beta_2^p$, for a reason that the next step shows. With $p = 2$ this is Adam again,
            with $\beta_2^2$ in the place of $\beta_2$.""",
            equations=(
                Equation(
                    "3.3",
                    POWER,
                    wrong={
                        "the second decay has no power": sp.Eq(
                            v[t], beta2**p * v[t - 1] + (1 - beta2) * sp.Abs(g[t]) ** p
                        )
                    },
                ),
                Equation(
                    "3.4",
                    NORM,
                    wrong={
                        "the exponent of the decay has lost its p": sp.Eq(
                            v[t], (1 - beta2**p) * total(beta2 ** (t - i) * sp.Abs(g[i]) ** p)
                        )
                    },
                ),
            ),
            source="Kingma and Ba, section 7.1, equations (6) and (7)",
            verdict=Verdict.INDUCTION,
            assumptions=(BELOW_ONE, "$p > 0$", "$v_0 = 0$"),
            proof=_prove_power,
        ),
        _step(
            "power-of-the-decay",
            "Why the decay has the power p",
            prose=r"""
            What a step is divided by is the root $v_t^{1/p}$, in the units of the gradients. Under
            that root each term of (3.4) is again a gradient that has shrunk by $\beta_2$ a step,
            whatever $p$ is. With $\beta_2$ alone it would shrink by $\beta_2^{1/p}$, and for large
            $p$ nothing would be forgotten.""",
            equations=(
                Equation(
                    "3.5",
                    sp.Eq(
                        (beta2 ** (p * (t - i)) * sp.Abs(g[i]) ** p) ** (1 / p),
                        beta2 ** (t - i) * sp.Abs(g[i]),
                    ),
                    wrong={
                        "the root is taken of the gradient only": sp.Eq(
                            (beta2 ** (p * (t - i)) * sp.Abs(g[i]) ** p) ** (1 / p),
                            beta2 ** (p * (t - i)) * sp.Abs(g[i]),
                        )
                    },
                ),
            ),
            source='Kingma and Ba, section 7.1: "note that the decay term is here equivalently '
            'parameterised"',
            verdict=Verdict.PROVED,
            assumptions=(BELOW_ONE, "$p > 0$"),
            proof=_prove_root,
        ),
    )

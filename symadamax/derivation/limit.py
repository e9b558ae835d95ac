"""Chapter 4: the limit of the p-norm is a maximum, which is a recursion of one line."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from symadamax.derivation.algorithm import WEIGHT
from symadamax.derivation.norm import NORM
from symadamax.derivation.rules import (
    BASES,
    FRACTIONS,
    distributed,
    equal,
    evaluated,
    hold,
    iterated,
    played,
    sides,
    split,
    tends_to,
    value_of,
)
from symadamax.derivation.steps import Equation, Step, Verdict
from symadamax.derivation.symbols import Largest, beta2, c, g, i, n, p, t, total, u, v

__all__ = ["MAXIMUM", "STEPS", "TITLE"]

TITLE = "The limit is a maximum"
PAPER = "Kingma and Ba, section 7.1"
BELOW_ONE = r"$0 < \beta_2 < 1$"
_step = partial(Step, chapter=__name__)

A, B = sp.symbols("A B", real=True)
M, y = sp.symbols("M y", positive=True)
a = sp.IndexedBase("a", nonnegative=True)

with sp.evaluate(False):
    POWERS = total(a[i] ** p, last=n)
    MAXIMUM = sp.Eq(u[t], Largest(beta2 ** (t - i) * sp.Abs(g[i]), (i, 1, t)))
    SHRUNK = (1 - beta2**p) ** (1 / p)


def _prove_factor(gain: Any, bias: Any) -> None:
    factor, term = split(NORM.rhs)
    weights = factor * term / sp.Abs(g[i]) ** p
    plain = weights.subs(p, 1)
    equal(total(plain), 1 - beta2**t, FRACTIONS)  # (1.3)
    equal(weights, plain.subs(beta2, beta2**p))
    for statement, base in ((gain, factor), (bias, 1 - (beta2**p) ** t)):
        tends_to(statement.lhs, statement.rhs)
        equal(evaluated(statement.lhs).args[0], base ** (1 / p))


def _prove_squeeze(below: Any, above: Any) -> None:
    # A term a > 0 is M exp(-y/p) for some y >= 0, so its power is M**p times one of (0, 1].
    hold(sp.calculus.util.function_range(sp.exp(-y), y, sp.Interval(0, sp.oo))
         == sp.Interval.Lopen(0, 1), "The range of exp(-y) is not (0, 1].")  # fmt: skip
    (least, powers_above), (powers_below, most) = sides(below), sides(above)
    for powers in (powers_above, powers_below):
        hold(powers == POWERS, "The sum is not that of the powers.")
        term = powers.function
        equal(term.subs(a[i], M * sp.exp(-y / p)) / M**p, sp.exp(-y))
        hold(term.subs(a[i], 0) == 0, "The power of 0 is not 0.")
    equal(least, M**p)  # the largest term alone, and no other below 0
    equal(most, total(M**p, last=n))  # each term as large as the largest


def _prove_limit(definition: Any, maximum: Any) -> None:
    root = sp.Limit(v[t] ** (1 / p), p, sp.oo)
    hold(value_of(u[t], definition) == root, "It is not the limit of the p-th root of v.")
    factor, term = split(NORM.rhs)
    before, largest = split(value_of(u[t], maximum), Largest)
    hold(before == 1, "There is a factor before the maximum.")
    size = sp.Symbol("size", nonnegative=True)
    equal(term.subs(sp.Abs(g[i]), size), sp.powdenest(largest.subs(sp.Abs(g[i]), size) ** p))
    # Between M factor**(1/p) and M (t factor)**(1/p), by the squeeze.
    for between in (factor, t * factor):
        tends_to(sp.Limit(M * between ** (1 / p), p, sp.oo), M)


def _prove_lemma(lemma: Any) -> None:
    equal(evaluated(lemma.lhs).rewrite(sp.Abs), evaluated(lemma.rhs).rewrite(sp.Abs))


def _prove_recursion(recursion: Any) -> None:
    body = value_of(u[t], recursion)
    hold(isinstance(body, sp.Max) and len(body.args) == 2, "It is no maximum of two.")
    (old,) = [member for member in body.args if member.has(u)] or [sp.S.NaN]
    (new,) = set(body.args) - {old}
    _, largest = split(MAXIMUM.rhs, Largest)
    for k, (_, weight, _) in zip(BASES, played(), strict=True):
        closed = evaluated(MAXIMUM.rhs).subs(t, k).doit()
        hold(distributed(iterated(recursion, k)) == closed, f"It is not the maximum at t = {k}.")
        hold(distributed(weight) == closed, f"The algorithm has another weight at t = {k}.")
    equal(old.subs(u[t - 1], largest.subs(t, t - 1)), largest)  # with the lemma, all older ones
    equal(new, largest.subs(i, t))


with sp.evaluate(False):
    STEPS = (
        _step(
            "root-of-the-factor",
            "The factors before the sum go away",
            prose=r"""
            Let $p$ grow. The factor $1-\beta_2^p$ in (3.4) tends to 1, and its root all the more.

            This is also why the weight of Adamax needs no correction. The weights of (3.4) add up
            to $1-\beta_2^{pt}$, by (1.3), so this would be the correction of $v_t$, as (2.3) is
            that of $m_t$. Its root tends to 1 as well, at every step.""",
            equations=(
                Equation(
                    "4.1",
                    sp.Eq(sp.Limit(SHRUNK, p, sp.oo), 1),
                    wrong={
                        "the limit is 0": sp.Eq(sp.Limit(SHRUNK, p, sp.oo), 0),
                        "the factor is the decay": sp.Eq(
                            sp.Limit((beta2**p) ** (1 / p), p, sp.oo), 1
                        ),
                    },
                ),
                Equation(
                    "4.2",
                    sp.Eq(sp.Limit((1 - beta2 ** (p * t)) ** (1 / p), p, sp.oo), 1),
                    wrong={
                        "a correction is left": sp.Eq(
                            sp.Limit((1 - beta2 ** (p * t)) ** (1 / p), p, sp.oo), 1 - beta2**t
                        )
                    },
                ),
            ),
            source=f"{PAPER}, from equation (9) to (10)",
            verdict=Verdict.PROVED,
            assumptions=(BELOW_ONE,),
            proof=_prove_factor,
        ),
        _step(
            "squeeze",
            "A sum of powers lies close to its largest term",
            prose=r"""
            Let $M$ be the largest of the numbers $a_1, \ldots, a_n$, and not 0. The sum of their
            powers is at least the power of the largest, and at most $n$ times that.""",
            equations=(
                Equation(
                    "4.3",
                    sp.Le(M**p, POWERS),
                    wrong={"the largest is counted n times": sp.Le(n * M**p, POWERS)},
                ),
                Equation(
                    "4.4",
                    sp.Le(POWERS, n * M**p),
                    wrong={"the number of terms is dropped": sp.Le(POWERS, M**p)},
                ),
            ),
            source="a lemma for the limit, which the paper leaves to the reader",
            verdict=Verdict.PROVED,
            assumptions=(r"$0 \le a_i \le M$, and one $a_i$ is $M$", "$p > 0$"),
            proof=_prove_squeeze,
        ),
        _step(
            "limit",
            "The limit for large p",
            prose=r"""
            Let the $a_i$ of the squeeze be the $t$ numbers of (3.5), $\beta_2^{t-i} |g_i|$, so that
            $M$ is the largest of them. Then $v_t$ is $1-\beta_2^p$ times the sum in (4.3), and its
            root lies between $M$ and $M t^{1/p}$, both times the root of (4.1). That root tends
            to 1, and so does $t^{1/p}$. So both sides tend to $M$, and what is between them has no
            choice: only the largest term is left, the largest gradient, with older ones counted
            less.""",
            equations=(
                Equation(
                    "4.5",
                    sp.Eq(u[t], sp.Limit(v[t] ** (1 / p), p, sp.oo)),
                    wrong={"the root is missing": sp.Eq(u[t], sp.Limit(v[t], p, sp.oo))},
                ),
                Equation(
                    "4.6",
                    MAXIMUM,
                    wrong={
                        "each gradient is one step too old": sp.Eq(
                            u[t], Largest(beta2 ** (t - i + 1) * sp.Abs(g[i]), (i, 1, t))
                        ),
                        "nothing decays": sp.Eq(u[t], Largest(sp.Abs(g[i]), (i, 1, t))),
                        "the first gradient is left out": sp.Eq(
                            u[t], Largest(beta2 ** (t - i) * sp.Abs(g[i]), (i, 2, t))
                        ),
                    },
                ),
            ),
            source=f"{PAPER}, equations (8) to (11)",
            verdict=Verdict.PROVED,
            assumptions=(BELOW_ONE, "some gradient is not 0"),
            proof=_prove_limit,
        ),
        _step(
            "max-lemma",
            "A positive factor goes into a maximum",
            prose=r"""
            The larger of two numbers stays the larger when both are multiplied by $c > 0$. With
            $\max(A, B) = (A + B + |A - B|)/2$ this is an identity that can be simplified.""",
            equations=(
                Equation(
                    "4.7",
                    sp.Eq(c * sp.Max(A, B), sp.Max(c * A, c * B)),
                    wrong={"one is left out": sp.Eq(c * sp.Max(A, B), sp.Max(c * A, B))},
                ),
            ),
            source="a lemma",
            verdict=Verdict.PROVED,
            assumptions=("$c > 0$", "$A$ and $B$ are real"),
            proof=_prove_lemma,
        ),
        _step(
            "weight-recursion",
            "The maximum from step to step",
            prose=r"""
            One more step ages every term of (4.6) by $\beta_2$ and adds the newest gradient. So the
            whole maximum is the larger of two numbers: the old one, times $\beta_2$, and the size
            of the gradient. No power, no root, and again only one number to remember.

            The first six steps are run, and give the maximum over all gradients so far. The
            induction ages each term by the lemma (4.7).""",
            equations=(
                Equation(
                    "4.8",
                    WEIGHT["none"],
                    wrong={
                        "the gradient keeps its sign": sp.Eq(u[t], sp.Max(beta2 * u[t - 1], g[t])),
                        "nothing decays": sp.Eq(u[t], sp.Max(u[t - 1], sp.Abs(g[t]))),
                        "it is a mean": sp.Eq(u[t], beta2 * u[t - 1] + (1 - beta2) * sp.Abs(g[t])),
                    },
                ),
            ),
            source=f"{PAPER}, equation (12)",
            verdict=Verdict.INDUCTION,
            assumptions=(BELOW_ONE, "$u_0 = 0$"),
            proof=_prove_recursion,
        ),
    )

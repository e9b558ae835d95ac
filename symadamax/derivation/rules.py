"""What proofs are made of. Each rule returns when a fact holds and raises `Refuted` otherwise.

A fact that SymPy does not know, None, does not hold. `Expr.equals`, which tries numbers, is not
used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.symbols import beta1, beta2, g, i, t

__all__ = [
    "BASES", "DECAYS", "FRACTIONS", "Refuted", "at_least", "distributed", "equal", "evaluated",
    "hold", "iterated", "played", "settled", "sides", "split", "tends_to", "unrolled", "value_of",
]  # fmt: skip

BASES = range(1, 7)  # the steps that are run one by one, before the induction

s1, s2, d1, d2 = sp.symbols("s_1 s_2 delta_1 delta_2", positive=True)
# SymPy has no sign for "between 0 and 1". These are all pairs of such numbers: for proofs by
# algebra, and for limits.
FRACTIONS = {beta1: 1 / (1 + s1), beta2: 1 / (1 + s2)}
DECAYS = {beta1: sp.exp(-d1), beta2: sp.exp(-d2)}


class Refuted(Exception):
    """A statement that its proof does not reach; the message says where it stops."""


def hold(fact: object, sentence: str) -> None:
    """Go on only when a fact is known to be true."""
    if fact is not True and fact is not sp.true:
        raise Refuted(sentence)


def evaluated(expression: Any) -> Any:
    """Return an expression that was held as it is written, evaluated by SymPy's usual rules."""
    expression = sp.sympify(expression)
    if not expression.args:
        return expression
    return expression.func(*map(evaluated, expression.args))


def value_of(symbol: Any, equation: Any) -> Any:
    """Return what an equation says of a symbol, which must be its left side."""
    hold(type(equation) is sp.Eq and equation.lhs == symbol, f"It is no equation for {symbol}.")
    return evaluated(equation.rhs)


def sides(inequality: Any) -> tuple[Any, Any]:
    """Return the smaller and the larger side of ``small <= big``."""
    hold(type(inequality) is sp.Le, "It is not written as a bound from above.")
    return evaluated(inequality.lhs), evaluated(inequality.rhs)


def equal(left: Any, right: Any, values: dict[Any, Any] | None = None) -> None:
    """Prove that two expressions are equal, by simplifying their difference to 0."""
    difference = (evaluated(left) - evaluated(right)).subs(values or {}).doit()
    rest = sp.powsimp(sp.simplify(difference), combine="base")
    hold(rest == 0, f"The two sides differ by {rest}.")


def tends_to(limit: Any, value: Any, values: dict[Any, Any] = DECAYS) -> None:
    """Prove that a Limit has a value, for decays beta = exp(-delta) unless told otherwise."""
    hold(isinstance(limit, sp.Limit), f"{limit} is no limit.")
    found = evaluated(limit).subs(values).doit()
    expected = evaluated(value).subs(values)
    if found != expected:  # a difference of two infinities would be NaN
        hold(sp.simplify(found - expected) == 0, f"The limit is {found}, and not {expected}.")


# ---- sums and recursions ------------------------------------------------------------------------


def iterated(recursion: Any, count: int) -> Any:
    """Return s[count] by a recursion ``s[t] = f(s[t - 1], t)`` from s[0] = 0."""
    value, body = sp.Integer(0), evaluated(recursion.rhs)
    for k in range(1, count + 1):
        value = body.subs(t, k).xreplace({recursion.lhs.base[k - 1]: value})
    return value


def split(right: Any, head: Any = sp.Sum) -> tuple[Any, Any]:
    """Return the factor before the one Sum (or Largest) over i = 1, ..., t, and the term in it."""
    right = evaluated(right)
    parts = right.atoms(head)
    hold(len(parts) == 1, f"There are {len(parts)} of {head.__name__} where one is due.")
    (part,) = parts
    hold(part.limits == (sp.Tuple(i, 1, t),), f"It goes over {part.limits}, not i = 1, ..., t.")
    factor = right / part
    hold(not factor.has(head), f"{head.__name__} is no factor of {right}.")
    return factor, part.function


def unrolled(sequence: Any, statement: Any, recursion: Any, source: Callable[[Any], Any]) -> None:
    """Prove that a weighted sum of sources solves a linear recursion for a sequence.

    The first steps are run. For the others: what a source weighs in s[t], w(t, i), decays as the
    recursion says, and the newest one weighs what the recursion gives it.
    """
    factor, term = split(value_of(sequence[t], statement))
    weight = sp.powsimp(factor * term / source(i))
    hold(not weight.has(sp.Indexed), f"{term} is no multiple of {source(i)}.")
    body, before = value_of(sequence[t], recursion), sequence[t - 1]
    decay, gain = body.coeff(before), body.coeff(source(t))
    equal(body, decay * before + gain * source(t))
    for k in BASES:
        equal(evaluated(statement.rhs).subs(t, k), iterated(recursion, k))
    equal(decay * weight, weight.subs(t, t + 1))
    equal(gain, weight.subs(i, t))


@cache
def played(placement: str = "none") -> tuple[tuple[Any, Any, Any], ...]:
    """Return m, u and the step of the first steps of the reference, on symbols."""
    gradients = [g[k] for k in BASES]
    return tuple(reference.play(gradients, reference.symbolic(placement)))


# ---- inequalities and maxima --------------------------------------------------------------------


def at_least(big: Any, small: Any, values: dict[Any, Any] = FRACTIONS) -> None:
    """Prove ``big >= small`` for all values of the symbols within their assumptions."""
    difference = (evaluated(big) - evaluated(small)).subs(values)
    hold(_not_negative(difference), f"{difference} is not known to be at least 0.")


def _not_negative(expression: Any) -> bool:
    """Tell whether an expression is known to be >= 0; a Max is at least each of its members.

    A Max that is taken away must leave enough with each of its members in its place; of one that is
    added, one member must do.
    """
    maxima = {part: sp.Dummy(real=True) for part in expression.atoms(sp.Max)}
    back = {stand_in: part for part, stand_in in maxima.items()}
    flat = sp.expand(expression.xreplace(maxima))  # SymPy takes long to expand within a Max
    for stand_in in flat.free_symbols & back.keys():
        rest = flat - sp.expand(flat.coeff(stand_in) * stand_in)
        factor = sp.factor(flat.coeff(stand_in))
        enough = all if factor.is_nonpositive else any if factor.is_nonnegative else None
        members = [(rest + factor * member).xreplace(back) for member in back[stand_in].args]
        if enough and not rest.has(stand_in) and enough(map(_not_negative, members)):
            return True
    if maxima:
        return False
    above, below = sp.fraction(sp.together(expression))
    return sp.expand(above).is_nonnegative is True and below.is_positive is True


def settled(expression: Any, values: dict[Any, Any] = FRACTIONS) -> Any:
    """Return an expression in which each Max is the one member that is never below the others."""

    def largest(*members: Any) -> Any:
        for member in members:
            if all(_not_negative(member - other) for other in members):
                return member
        raise Refuted(f"The largest of {members} depends on their values.")

    return expression.subs(values).replace(sp.Max, largest)


def distributed(expression: Any) -> Any:
    """Return an expression with positive factors inside of each Max: the lemma `max-lemma`."""

    def inside(*factors: Any) -> Any:
        maxima = [factor for factor in factors if isinstance(factor, sp.Max)]
        factor = sp.Mul(*(factor for factor in factors if factor not in maxima))
        if len(maxima) != 1 or factor.is_positive is not True:
            return sp.Mul(*factors)
        return sp.Max(*(factor * member for member in maxima[0].args))

    return expression.replace(sp.Mul, inside)

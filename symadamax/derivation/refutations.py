"""The proofs of the errata: each counter-example holds, and the claim does not agree with it."""

from __future__ import annotations

import math
import struct
from typing import Any

import sympy as sp

from symadamax.derivation import reference
from symadamax.derivation.algorithm import MOMENT
from symadamax.derivation.longer import USUAL, second_step
from symadamax.derivation.rules import FRACTIONS, equal, evaluated, hold, sides, tends_to, value_of
from symadamax.derivation.symbols import Delta, beta2, g, m, n, p, t, u, v
from symadamax.derivation.update import FIRST

__all__ = [
    "NAN",
    "OO",
    "half",
    "refute_fading",
    "refute_half",
    "refute_infinity",
    "refute_length",
    "refute_start",
    "refute_sum",
    "refute_uncorrected",
]

size = sp.Symbol("size", positive=True)
half = sp.Function("half")  # a number rounded to 16 bits
OO, NAN = sp.oo, sp.nan


def _differ(left: Any, right: Any, values: dict[Any, Any] = FRACTIONS) -> None:
    """Prove that two expressions are not equal, whatever the symbols are."""
    difference = sp.factor(sp.simplify((evaluated(left) - evaluated(right)).subs(values)))
    hold(difference.is_zero is False, "The claim may be true.")


def refute_length(claim: Any, second: Any) -> None:
    """Prove that one step is longer than is claimed of all."""
    small, longest = sides(claim)
    length = value_of(small.subs(t, 2), second)
    hold(small == sp.Abs(Delta[t]), "The claim is not for the length of a step.")
    equal(length, sp.Abs(second_step()))
    hold((length - longest).is_positive, "The step is not longer than is claimed.")


def refute_infinity(claim: Any, decay: Any, value: Any) -> None:
    """Prove that the formula gives less than the weight is."""
    tends_to(decay.lhs, decay.rhs)
    hold(evaluated(decay.lhs).args[0] == beta2**p, "It is not the decay.")
    value_of(u[t], claim)
    claimed = evaluated(claim.rhs.xreplace({OO: p})).subs(
        {v[t - 1]: 1, sp.Abs(g[t]): sp.Rational(1, 2)}
    )
    tends_to(value.lhs, value.rhs)
    equal(value.lhs.args[0], claimed)
    least = sp.Rational(1, 2)  # u is at least |g|, by (7.2)
    hold((least - evaluated(value.rhs)).is_positive, "The claim may be true.")


def refute_sum(claim: Any, right: Any) -> None:
    """Prove that the sum is never what is claimed."""
    equal(right.lhs, right.rhs, FRACTIONS)
    _differ(value_of(right.lhs, claim), right.rhs)


def refute_start(claim: Any, first: Any, tenfold: Any) -> None:
    """Prove that the first step is longer than it should be."""
    start, claimed = value_of(m[0], claim), value_of(Delta[1], first)
    for gradient in (size, -size):
        state = (start.subs(g[1], gradient), 0)
        moved = reference.step(state, gradient, 1, reference.symbolic())[2]
        equal(moved, claimed.subs(g[1], gradient))
        _differ(moved, evaluated(FIRST.rhs).subs(g[1], gradient))
    equal(tenfold.lhs, (claimed / FIRST.rhs).subs(USUAL))
    equal(tenfold.lhs, tenfold.rhs)


def refute_uncorrected(claim: Any, first: Any) -> None:
    """Prove that the first step is shorter than it should be."""
    mean, weight, right = reference.step((0, 0), size, 1, reference.symbolic())
    moved = value_of(Delta[t], claim).subs({m[t]: mean, u[t]: weight})
    equal(moved, value_of(Delta[1], first).subs(g[1], size))
    _differ(moved, right)


def refute_fading(claim: Any, poisoned: Any, infinite: Any) -> None:
    """Prove that NaN stays, and that infinity becomes NaN."""
    hold(isinstance(claim.lhs, sp.Limit), "The claim is no limit.")
    fading = evaluated(claim.lhs).args[0]
    tends_to(sp.Limit(fading.subs(m[t], size), n, OO), claim.rhs)  # true of every finite number
    hold(fading.subs(m[t], NAN) is NAN, "NaN does fade.")
    hold(evaluated(poisoned.lhs) is NAN is poisoned.rhs, "The next mean is a number.")
    equal(poisoned.lhs.subs(NAN, m[t - 1]), MOMENT.rhs)
    hold(evaluated(infinite.lhs) is NAN is infinite.rhs, "The step is a number.")
    floats = reference.Settings(0.002, 0.9, 0.999)
    for bad in (math.nan, math.inf):
        steps = [moved for _, _, moved in reference.play([bad, 1.0, 1.0, 1.0], floats)]
        hold(all(map(math.isnan, steps)), "A step after it is a number.")


def refute_half(claim: Any, nothing: Any, coarse: Any) -> None:
    """Prove what 16 bits make of the decays."""
    for statement in (nothing, coarse):
        rounded = evaluated(statement.lhs).replace(half, _to_half)
        hold(rounded == statement.rhs, f"It is {rounded}.")
    claimed = value_of(nothing.lhs, claim)
    equal(claimed, claim.lhs.replace(half, lambda number: number))
    hold(claimed != nothing.rhs, "The claim is true.")


def _to_half(number: Any) -> Any:
    return sp.Rational(struct.unpack("e", struct.pack("e", float(number)))[0])

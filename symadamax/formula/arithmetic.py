"""Sums, products and powers of parts; every constant among them is computed in doubles first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sympy as sp

from symadamax.formula.functions import applied
from symadamax.formula.limits import (
    BITS,
    bits,
    check_fractions,
    check_product,
    constant_bits,
    constant_size,
    in_range,
    power,
)
from symadamax.formula.names import FUNCTIONS
from symadamax.formula.parts import Part, blaming, made, real, value_of

__all__ = ["add", "multiply", "negate", "raise_to"]


def add(first: Part, rest: Sequence[tuple[Any, Part]]) -> Part:
    """Return first + ... from the signs and the terms that follow; SymPy is called once."""
    terms = [real(first), *(negate(sign, t) if sign == "-" else real(t) for sign, t in rest)]
    expressions = [term.expression for term in terms]
    with blaming(rest[0][0].start_pos):
        check_fractions(expressions)
        return made(lambda: sp.Add(*expressions), first.at, terms, value_of(terms, sum))


def negate(sign: Any, part: Part) -> Part:
    """Return -part."""
    value = None if part.value is None else -part.value
    with blaming(sign.start_pos):
        return made(lambda: -real(part).expression, sign.start_pos, [part], value)


def multiply(first: Part, rest: Sequence[tuple[Any, Part]]) -> Part:
    """Return first * ... from the operators and the factors that follow; SymPy is called once."""
    factors = [real(first)]
    size, length = constant_size(first.expression), constant_bits(first.expression)
    for sign, part in rest:
        with blaming(sign.start_pos):
            factor = raise_to(real(part), _MINUS_ONE) if sign == "/" else real(part)
            own = constant_size(factor.expression)
            zero = 0.0 in (size, own)
            size = in_range(size * own, "This product of constants", zero=zero)
            length += constant_bits(factor.expression)
            check_product(length)
        factors.append(factor)
    expressions = [factor.expression for factor in factors]
    with blaming(rest[0][0].start_pos):
        value = value_of(factors, math.prod)
        return made(lambda: sp.Mul(*expressions), first.at, factors, value)


_MINUS_ONE = Part(sp.S.NegativeOne, 0, value=-1.0)


def raise_to(base: Part, exponent: Part, deeper: int = 0) -> Part:
    """Return base**exponent, once it is known to be of bounded size."""
    if base.expression is sp.E and exponent.value is None:
        return applied(FUNCTIONS["exp"], "exp", [exponent], base.at)
    value, exact = None, True
    if exponent.value is not None:
        length = constant_bits(base.expression) * max(1.0, abs(exponent.value))
        if base.value is None:
            power(constant_size(base.expression), exponent.value)
            check_product(length)
        else:
            value = power(base.value, exponent.value)
            exact = length <= BITS and bits(exponent.expression) <= BITS
    return made(
        lambda: sp.Pow(base.expression, exponent.expression, evaluate=exponent.value is not None),
        base.at,
        [base, exponent],
        value,
        deeper=deeper,
        exact=exact,
    )

"""Sums, products and powers of parts; every constant among them is computed in doubles first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sympy as sp

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
        lambda: _power(base, exponent),
        base.at,
        [base, exponent],
        value,
        deeper=deeper,
        exact=exact,
    )


def _power(base: Part, exponent: Part) -> Any:
    """Return base**exponent, evaluated where that is a matter of numbers.

    To simplify a root of a root SymPy asks for the phase of all that stands below, in a time that
    grows exponentially with the roots inside one another: it is kept from looking.
    """
    if base.value is not None or exponent.expression.is_Integer:
        return sp.Pow(base.expression, exponent.expression, evaluate=exponent.value is not None)
    below = base.expression
    if any(map(_is_root, sp.Mul.make_args(below))):
        below = sp.UnevaluatedExpr(below)
    return sp.Pow(below, exponent.expression, evaluate=False)


def _is_root(expression: Any) -> bool:
    """Tell whether an expression is a power, or a power of one, that is not whole."""
    while expression.is_Pow and expression.exp.is_Integer:
        expression = expression.base
    return bool(expression.is_Pow)

"""Builder: what each rule of formula.lark makes of the parts below it, while the text is read."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symadamax.formula.arithmetic import add, multiply, negate, raise_to
from symadamax.formula.functions import applied, call, compare, join, negated
from symadamax.formula.limits import DIGITS, in_range
from symadamax.formula.names import CONSTANTS, FUNCTIONS, LETTERS, PIECEWISE, RESERVED, TRUTHS
from symadamax.formula.parts import MisplacedError, Pair, Part, blaming, enclosed, real

__all__ = ["Builder"]


class Builder:
    """One method for each rule, named after it; it has no state.

    A method takes the children of the rule in order: parts, and tokens with their text and place.
    """

    def start(self, children: list[Any]) -> Part:
        """The formula."""
        return real(children[0])

    def disjunction(self, children: list[Any]) -> Part:
        """``a or b or ...``."""
        return join(sp.Or, children[::2])

    def conjunction(self, children: list[Any]) -> Part:
        """``a and b and ...``."""
        return join(sp.And, children[::2])

    def negation(self, children: list[Any]) -> Part:
        """``not a``."""
        sign, part = children
        return negated(part, sign.start_pos)

    def comparison(self, children: list[Any]) -> Part:
        """``a < b`` or ``a < b < ...``."""
        return compare(children[::2], children[1::2])

    def sum(self, children: list[Any]) -> Part:
        """``a + b - ...``."""
        return add(children[0], _operands(children))

    def product(self, children: list[Any]) -> Part:
        """``a * b / ...``."""
        return multiply(children[0], _operands(children))

    def signed(self, children: list[Any]) -> Part:
        """``-a`` or ``+a``."""
        sign, part = children
        return negate(sign, part) if sign == "-" else real(part)

    def power(self, children: list[Any]) -> Part:
        """``a ** b``."""
        base, sign, exponent = children
        with blaming(sign.start_pos):
            if base.expression is sp.E and real(exponent).value is None:
                return applied(FUNCTIONS["exp"], "exp", [exponent], base.at)
            return raise_to(real(base), real(exponent), deeper=1)

    def group(self, children: list[Any]) -> Part:
        """``(a)``."""
        opening, part, _ = children
        with blaming(opening.start_pos):
            return enclosed(part)

    def arguments(self, children: list[Any]) -> list[Part | Pair]:
        """``a, b, ...``."""
        return children[::2]

    def pair(self, children: list[Any]) -> Pair:
        """``(value, condition)``."""
        opening, value, _, test, _ = children
        return Pair(value, test, opening.start_pos)

    def call(self, children: list[Any]) -> Part:
        """``name(a, b, ...)``."""
        name, _, arguments, _ = children
        return call(str(name), name.start_pos, arguments or [])

    def number(self, children: list[Any]) -> Part:
        """``12`` or ``1.2e3``."""
        (token,) = children
        at, text = token.start_pos, str(token)
        if len(text) > DIGITS:
            raise MisplacedError(
                f"This number has {len(text)} characters; at most {DIGITS} are accepted.", at
            )
        value = float(text)
        is_zero = not text.lower().partition("e")[0].strip("0.")
        with blaming(at):
            in_range(value, "This number", zero=is_zero)
        return Part(sp.Integer(text) if text.isdecimal() else sp.Float(value), at, value=value)

    def name(self, children: list[Any]) -> Part:
        """``x``."""
        (token,) = children
        at, name = token.start_pos, str(token)
        if name in CONSTANTS:
            return Part(CONSTANTS[name], at, value=float(CONSTANTS[name]), irrational=1)
        if name in TRUTHS:
            return Part(TRUTHS[name], at)
        if name in LETTERS:
            return Part(sp.Symbol(name), at)
        if name in RESERVED:
            raise MisplacedError(f"{name!r} cannot name an unknown. {RESERVED[name]}", at)
        if name in FUNCTIONS or name in PIECEWISE:
            raise MisplacedError(
                f"{name!r} is a function: write {name}(...), "
                f"or give the unknown another name, for example {name}_.",
                at,
            )
        return Part(sp.Symbol(name), at)


def _operands(children: list[Any]) -> list[tuple[Any, Part]]:
    """Return the operators with the operands that follow them."""
    return list(zip(children[1::2], children[2::2], strict=True))

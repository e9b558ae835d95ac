"""Constant sub-expressions -> doubles, each rounded once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy as sp

from symadamax.compiler.walk import show
from symadamax.errors import UnsupportedError

__all__ = ["nearest_double"]

INFINITIES = (type(sp.oo), type(-sp.oo))


def nearest_double(expression: Any) -> float:
    """Return the double nearest to a constant expression."""
    if isinstance(expression, sp.Rational):
        return _double(lambda: int(expression.p) / int(expression.q), expression)
    if not isinstance(expression, sp.Float):
        expression = _decimal(expression)
    return _double(lambda: float(expression), expression)


def _decimal(expression: Any) -> Any:
    try:
        value = sp.N(expression, 30)
    except (ArithmeticError, NotImplementedError, RecursionError, TypeError, ValueError) as error:
        raise UnsupportedError(f"The constant {show(expression)} cannot be evaluated.") from error
    if isinstance(value, (sp.Float, sp.Rational, *INFINITIES)):
        return value
    if value.is_number and value.is_real is False:
        raise UnsupportedError(f"The constant {show(expression)} is {value}, which is not real.")
    raise UnsupportedError(f"The constant {show(expression)} cannot be evaluated to a number.")


def _double(convert: Callable[[], float], expression: Any) -> float:
    try:
        value = convert()
    except OverflowError:
        value = math.inf
    infinite = math.isinf(value) and not isinstance(expression, INFINITIES)
    if infinite or (value == 0.0 and not expression.is_zero):
        raise UnsupportedError(
            f"The number {show(expression)} does not fit in a double, which holds magnitudes "
            "from 4.9e-324 to 1.8e308. Rescale the objective."
        )
    return value

"""asinh, acosh and atanh: logarithms of sums of two doubles."""

from __future__ import annotations

import math

from symadamax.compiler.elementary.algebra import Real, fma, quotient, root, select, two_sum
from symadamax.compiler.elementary.logarithm import log_of_sum

__all__ = ["acosh", "asinh", "atanh"]

LARGE = 2.0**27  # beyond it sqrt(x² + 1) is x, and x² - 1 too


def asinh(x: Real) -> Real:
    """log(|x| + sqrt(x² + 1))."""
    size = abs(x)
    near = size.at_most(LARGE)
    square = near * near
    total, low = two_sum(x.constant(1.0), square)
    r, r_low = _root(total, low + fma(near, near, -square))
    return _log_of_sum(size, *two_sum(r, near), r_low).signed_as(x)


def acosh(x: Real) -> Real:
    """log(x + sqrt(x² - 1)); NaN below 1."""
    near = x.at_most(LARGE)
    square = near * near
    total, low = two_sum(square, x.constant(-1.0))
    r, r_low = _root(total, low + fma(near, near, -square))
    return select(x < 1.0, math.nan, _log_of_sum(x, *two_sum(near, r), r_low))


def atanh(x: Real) -> Real:
    """log((1 + |x|)/(1 - |x|))/2; NaN beyond 1."""
    size = abs(x)
    one = x.constant(1.0)
    high, low = quotient(*two_sum(one, size), *two_sum(one, -size))
    found = 0.5 * log_of_sum(*two_sum(high, low), 0.0)
    return select(size.equals(1.0), math.inf, found).signed_as(x)


def _root(x: Real, low: Real) -> tuple[Real, Real]:
    """Return sqrt(x + low) as a double and what it leaves out."""
    high = root(x)
    return high, (fma(-high, high, x) + low) / (2.0 * high).at_least(2.0**-500)


def _log_of_sum(x: Real, y: Real, low: Real, more: Real) -> Real:
    """Return log(y + low + more), or log(2x) where x is large."""
    large = x > LARGE
    rest = select(large, 0.0, low + more)
    return log_of_sum(select(large, x, y), rest, select(large, 1.0, 0.0))

"""asin, acos and atan, with pi/2 in two doubles where the result is counted from it."""

from __future__ import annotations

from symadamax.compiler.elementary.algebra import (
    Real,
    Truth,
    fma,
    polynomial,
    quotient,
    root,
    select,
    two_sum,
)
from symadamax.compiler.elementary.coefficients import ASIN, ATAN, HALF_PI, HALF_PI_LOW

__all__ = ["acos", "asin", "atan"]

TAN_EIGHTH = 0.41421356237309503  # tan(pi/8), and 1/tan(pi/8) = tan(3/8 pi)
TAN_THREE_EIGHTHS = 2.414213562373095


def asin(x: Real) -> Real:
    """The inverse sine; NaN beyond 1."""
    outside, s, more = _half_angle(x)
    high, low = two_sum(x.constant(HALF_PI), -2.0 * s)
    far = high + (low + (HALF_PI_LOW - 2.0 * more))
    return select(outside, far, s + more).signed_as(x)


def acos(x: Real) -> Real:
    """The inverse cosine; NaN beyond 1."""
    outside, s, more = _half_angle(x)
    negative = x < 0.0
    turns = select(outside, select(negative, 2.0 * HALF_PI, 0.0), HALF_PI)
    turns_low = select(outside, select(negative, 2.0 * HALF_PI_LOW, 0.0), HALF_PI_LOW)
    scale = select(outside, select(negative, -2.0, 2.0), select(negative, 1.0, -1.0))
    main = scale * s
    high, low = two_sum(turns, main)
    return high + (low + fma(scale, more, turns_low))


def atan(x: Real) -> Real:
    """The inverse tangent: of x, of (x - 1)/(x + 1), or of -1/x."""
    size = abs(x).at_most(2.0**60)
    near, far = size < TAN_EIGHTH, size > TAN_THREE_EIGHTHS
    above, above_low = two_sum(size.constant(-1.0), size)
    below, below_low = two_sum(size.constant(1.0), size)
    r, r_low = quotient(
        select(near, size, select(far, -1.0, above)),
        select(near | far, 0.0, above_low),
        select(near, 1.0, select(far, size, below)),
        select(near | far, 0.0, below_low),
    )
    base = select(near, 0.0, select(far, HALF_PI, HALF_PI / 2))
    base_low = select(near, 0.0, select(far, HALF_PI_LOW, HALF_PI_LOW / 2))
    square = r * r
    high, low = two_sum(base, r)
    more = fma(r * square, polynomial(square, ATAN), base_low)
    return (high + (low + (r_low + more))).signed_as(x)


def _half_angle(x: Real) -> tuple[Truth, Real, Real]:
    """Return whether |x| > 1/2, s, and asin(s) - s, for s = |x| or s = sqrt((1 - |x|)/2)."""
    size = abs(x)
    outside = size > 0.5
    square = select(outside, 0.5 - 0.5 * size, size * size)
    s = select(outside, root(square), size)
    rest = fma(-s, s, square) / (2.0 * s).at_least(2.0**-500)
    more = s * square * polynomial(square, ASIN)
    return outside, s, select(outside, more + rest, more)

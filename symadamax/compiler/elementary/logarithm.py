"""log and its kin: x = 2**k m with m in [sqrt(1/2), sqrt(2)), and log(x) = k log(2) + log(m)."""

from __future__ import annotations

import math

from symadamax.compiler.elementary.algebra import Real, fma, polynomial, quotient, select
from symadamax.compiler.elementary.coefficients import (
    ATANH,
    LN2,
    LN2_LOW,
    LOG,
    LOG10_2,
    LOG10_2_LOW,
    THIRD,
    THIRD_LOW,
    TWO_LOG2_E,
    TWO_LOG2_E_LOW,
)

__all__ = ["log", "log1p", "log2", "log2_parts", "log10", "log_of_sum", "split"]

SMALLEST_NORMAL = 2.0**-1022
ROOT_HALF = 0x3FE6A09E00000000  # sqrt(1/2), its last places cut off
ONE = 0x3FF0000000000000
SIGNIFICAND = (1 << 52) - 1
TWO_52 = 0x4330000000000000  # a small whole number in its last bits is added to it


def log(x: Real) -> Real:
    """The natural logarithm."""
    k, m = split(x)
    return _edges(x, _sum(k, m - 1.0, None))


def log1p(x: Real) -> Real:
    """log(1 + x)."""
    y = 1.0 + x
    lost = select(abs(x) > 1.0, 1.0 - (y - x), x - (y - 1.0))
    return select(abs(x) < 2.0**-54, x, log_of_sum(y, lost, 0.0))


def log2(x: Real) -> Real:
    """The logarithm of base 2."""
    high, low = log2_parts(x)
    return _edges(x, high + low)


def log10(x: Real) -> Real:
    """The logarithm of base 10."""
    high, low = log2_parts(x)
    product = high * LOG10_2
    rest = fma(high, LOG10_2, -product)
    return _edges(x, product + fma(low, LOG10_2, fma(high, LOG10_2_LOW, rest)))


def log_of_sum(y: Real, low: Real, doublings: Real | float) -> Real:
    """Return log((y + low) 2**doublings), where `low` is below the last place of y."""
    k, m = split(y)
    return _edges(y, _sum(k + doublings, m - 1.0, low / y))


def log2_parts(x: Real) -> tuple[Real, Real]:
    """Return log2(x), for finite x > 0, as a sum of two doubles within 2**-65 of it.

    The second may reach a few of the last places of the first.
    """
    k, m = split(x)
    high, low = _twice_atanh(m - 1.0)
    total = k + high
    return total, (high - (total - k)) + low


def split(x: Real) -> tuple[Real, Real]:
    """Return k and m for finite x > 0, which may be subnormal."""
    tiny = x < SMALLEST_NORMAL
    bits = select(tiny, x * 2.0**54, x).bits() + (ONE - ROOT_HALF)
    biased = ((bits >> 52) | TWO_52).real()
    k = biased - select(tiny, 2.0**52 + 1023 + 54, 2.0**52 + 1023)
    return k, ((bits & SIGNIFICAND) + ROOT_HALF).real()


def _sum(k: Real, f: Real, more: Real | None) -> Real:
    """Return k log(2) + log(1 + f) + more, by s = f/(2 + f): log(1 + f) = 2 atanh(s)."""
    s = f / (2.0 + f)
    square = s * s
    half = 0.5 * f * f
    rest = s * fma(square, polynomial(square, LOG), half)
    if more is not None:
        rest = rest + more
    return fma(k, LN2, f - (half - fma(k, LN2_LOW, rest)))


def _twice_atanh(f: Real) -> tuple[Real, Real]:
    """Return log2(1 + f) = 2 log2(e) (s + s³/3 + s⁵/5 + ...), s = f/(2 + f), as a sum of two."""
    below = 2.0 + f
    s, s_low = quotient(f, 0.0, below, f - (below - 2.0))
    z = s * s
    z_low = fma(s + s, s_low, fma(s, s, -z))
    tail = z * polynomial(z, ATANH)
    third = THIRD + tail
    third_low = tail - (third - THIRD) + THIRD_LOW
    v, v_low = _product(z, z_low, third, third_low)
    w, w_low = _product(s, s_low, v, v_low)
    a = s + w
    a_low = (s - a) + w + (w_low + s_low)
    return _product(a, a_low, TWO_LOG2_E, TWO_LOG2_E_LOW)


def _product(a: Real, a_low: Real, b: Real | float, b_low: Real | float) -> tuple[Real, Real]:
    """Return (a + a_low)(b + b_low) as a sum of two."""
    high = a * b
    return high, fma(a_low, b, fma(a, b_low, fma(a, b, -high)))


def _edges(x: Real, found: Real) -> Real:
    """Return what was found for finite x > 0, and what holds elsewhere."""
    inside = (x > 0.0) & (x < math.inf)
    outside = select(x < 0.0, math.nan, x)
    return select(inside, found, select(x.equals(0.0), -math.inf, outside))

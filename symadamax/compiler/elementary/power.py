"""pow: x**y = 2**(y log2|x|), with the logarithm to twice the precision, and C99's edges. cbrt."""

from __future__ import annotations

import math

from symadamax.compiler.elementary.algebra import (
    Real,
    fma,
    nearest,
    polynomial,
    power_of_two,
    select,
)
from symadamax.compiler.elementary.coefficients import CUBE_ROOT_2, INVERSE_CUBE_ROOT, THIRD
from symadamax.compiler.elementary.exponential import two_to
from symadamax.compiler.elementary.logarithm import log2_parts, split

__all__ = ["cbrt", "power"]

LARGEST = 2.0**70  # of |y|: beyond it every power but that of 1 overflows or vanishes
SATURATED = 1100.0  # 2**1100 overflows, and 2**-1100 vanishes


def power(x: Real, y: Real) -> Real:
    """x**y."""
    size = abs(x)
    p, p_low = _exponent(size, y.at_least(-LARGEST).at_most(LARGEST))
    found = two_to(p, select(abs(p) < SATURATED, p_low, 0.0))
    whole = y.floor().equals(y)
    half = y * 0.5
    odd = whole & ~half.floor().equals(half)
    found = found.signed_as(select(odd, x, 1.0))
    undefined = (x < 0.0) & (x > -math.inf) & ~whole
    broken = undefined | x.compare("uno", y)
    one = x.equals(1.0) | y.equals(0.0)
    return select(one, 1.0, select(broken, math.nan, found))


def cbrt(x: Real) -> Real:
    """The cube root: by v**(-1/3), of which two steps of Newton's kind are taken."""
    size = abs(x)
    k, m = split(size)
    third = nearest(k * THIRD)
    rest = k - 3.0 * third
    up, down = rest > 0.0, rest < 0.0
    v = m * select(up, 2.0, select(down, 0.5, 1.0))
    start = select(up, 1.0 / CUBE_ROOT_2, select(down, CUBE_ROOT_2, 1.0))
    r = polynomial(m, INVERSE_CUBE_ROOT) * start
    error = fma(-(v * r), r * r, 1.0)
    r = fma(r * error, fma(error, 2.0 / 9.0, THIRD), r)
    y = v * r * r
    square = y * y
    square_low = fma(y, y, -square)
    missing = fma(-square_low, y, fma(-square, y, v))
    found = fma(missing, r * r * THIRD, y) * power_of_two(third)
    inside = (size > 0.0) & (size < math.inf)
    return select(inside, found.signed_as(x), x)


def _exponent(size: Real, y: Real) -> tuple[Real, Real]:
    """Return y log2(size) as a sum of two; the second is of no use where the first is infinite."""
    high, low = log2_parts(size)
    high = select(size.equals(0.0), -math.inf, select(size < math.inf, high, math.inf))
    product = y * high
    return product, fma(y, low, fma(y, high, -product))

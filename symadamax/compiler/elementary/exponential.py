"""exp and its kin: exp(x) = 2**k exp(r), with k whole and |r| <= log(2)/2.

One pair of polynomials serves all: the even part cosh(r) - 1 and the odd part sinh(r) - r. What
needs their sum alone takes both as one polynomial, which is shorter.
"""

from __future__ import annotations

from itertools import zip_longest

from symadamax.compiler.elementary.algebra import (
    BIAS,
    WHOLE,
    Real,
    Whole,
    fma,
    polynomial,
    power_of_two,
    quotient,
    select,
    two_sum,
)
from symadamax.compiler.elementary.coefficients import COSH, LN2, LN2_LOW, LOG2_E, SINH

__all__ = ["cosh", "exp", "exp2", "expm1", "sinh", "tanh", "two_to"]

# (exp(r) - 1 - r)/r² in r
TAIL = [c for pair in zip_longest(COSH, SINH) for c in pair if c is not None]
HALVES = 2 * BIAS  # k + HALVES is cut into two biased exponents, which may each be made a power


def exp(x: Real) -> Real:
    """e**x."""
    r, _, k = _reduced(x.at_least(-746.0).at_most(710.0), HALVES)
    return _scaled(1.0 + fma(r * r, polynomial(r, TAIL), r), k.bits())


def exp2(x: Real) -> Real:
    """2**x."""
    return two_to(x, None)


def two_to(x: Real, low: Real | None) -> Real:
    """2**(x + low), where `low` is below the last place of x."""
    x = x.at_least(-1100.0).at_most(1100.0)
    whole = x + (WHOLE + HALVES)
    rest = x - (whole - (WHOLE + HALVES))
    error = None
    if low is not None:
        near = rest + low
        error = low - (near - rest)
        rest = near
    r = rest * LN2
    r_low = fma(rest, LN2_LOW, fma(rest, LN2, -r))
    if error is not None:
        r_low = fma(error, LN2, r_low)
    return _scaled(1.0 + (r + fma(r * r, polynomial(r, TAIL), r_low)), whole.bits())


def expm1(x: Real) -> Real:
    """e**x - 1."""
    half, low = _half_expm1(x.at_least(-50.0).at_most(710.0))
    return select(abs(x) < 2.0**-54, x, 2.0 * (half + low))


def tanh(x: Real) -> Real:
    """(e**2x - 1)/(e**2x + 1) of |x|."""
    size = abs(x)
    half, low = two_sum(*_half_expm1(2.0 * size.at_most(22.0)))
    below, below_low = two_sum(half.constant(1.0), half)
    high, rest = quotient(half, low, below, below_low + low)
    return select(size < 2.0**-28, size, high + rest).signed_as(x)


def sinh(x: Real) -> Real:
    """(e**x - e**-x)/2."""
    return _hyperbolic(abs(x), odd=True).signed_as(x)


def cosh(x: Real) -> Real:
    """(e**x + e**-x)/2."""
    return _hyperbolic(abs(x), odd=False)


def _reduced(x: Real, bias: int) -> tuple[Real, Real, Real]:
    """Return r, what r leaves out, and k + bias + WHOLE, for x = k log(2) + r."""
    whole = fma(x, LOG2_E, WHOLE + bias)
    k = whole - (WHOLE + bias)
    near = fma(-k, LN2, x)  # exact: near x both have the same last place
    r = fma(-k, LN2_LOW, near)
    return r, fma(-k, LN2_LOW, near - r), whole


def _parts(r: Real) -> tuple[Real, Real]:
    """Return cosh(r) - 1 and sinh(r) - r."""
    square = r * r
    return square * polynomial(square, COSH), square * r * polynomial(square, SINH)


def _scaled(y: Real, k: Whole) -> Real:
    """Return y 2**(k - HALVES), rounded once also where it is subnormal or infinite."""
    first = k >> 1
    return y * (first << 52).real() * ((k - first) << 52).real()


def _half_expm1(x: Real) -> tuple[Real, Real]:
    """Return (e**x - 1)/2 as a sum of two: half of it does not overflow before it must."""
    r, low, k = _reduced(x, BIAS - 1)
    power = (k.bits() << 52).real()
    even, odd = _parts(r)
    shift = power - 0.5
    main = power * r
    high = shift + main
    return high, fma(power, low + (even + odd), main - (high - shift))


def _hyperbolic(x: Real, odd: bool) -> Real:
    """Return sinh or cosh of x >= 0: (a + b) cosh(r) + (a - b) sinh(r), or with a and b as -b.

    Here a = 2**(k - 1) and b = 2**(-k - 1), without regard to b where it is too small to count.
    """
    r, low, whole = _reduced(x.at_most(711.0), 0)
    k = whole - WHOLE
    even, rest = _parts(r)
    most = k.at_most(1000.0)
    a, b = power_of_two(most - 1.0), power_of_two(-1.0 - k.at_most(60.0))
    with_even, with_odd = (a - b, a + b) if odd else (a + b, a - b)
    high = fma(with_odd, r, with_even)
    missing = fma(with_odd, r, with_even - high)
    low = missing + fma(with_even, even, with_odd * (rest + low))
    return (high + low) * power_of_two(k - most)

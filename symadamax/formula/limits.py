"""What bounds the work of reading a formula: sizes that are known before SymPy computes anything.

SymPy computes with whole numbers and fractions of any length, and at once: ``9**9**9`` would fill
the memory. So every constant part of a formula is first computed in double precision, where it must
be finite; and exact arithmetic stops at a few thousand bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import sympy as sp

from symadamax.compiler.constants import nearest_double
from symadamax.errors import InputError

__all__ = [
    "BITS",
    "DEPTH",
    "DIGITS",
    "IRRATIONAL",
    "LENGTH",
    "bits",
    "check_exponents",
    "check_fractions",
    "check_product",
    "check_work",
    "constant_bits",
    "constant_size",
    "in_range",
    "power",
]

LENGTH = 100_000  # characters of a formula
DEPTH = 100  # of parentheses, calls and powers inside one another
WORK = 200_000  # terms, factors and arguments, each as often as it is gone through
DIGITS = 400  # characters of one number: a double's range needs 309 before the point
BITS = 4096  # of an exact numerator or denominator: a double's range needs 1,074
IRRATIONAL = 20  # constants such as pi or sqrt(2) that are kept exact together in a sum or product
PRODUCT_BITS = 20_000  # of the whole numbers and fractions in one product, together
LATENT_BITS = 2_000  # that a later cancellation may set free, as 2**(x + 2000)/2**x does

RANGE = "a double holds magnitudes from 4.9e-324 to 1.8e308"


def in_range(value: float, what: str, *, zero: bool = True) -> float:
    """Return a value that is finite (and not 0 unless `zero`), or raise an InputError."""
    if math.isnan(value):
        raise InputError(f"{what} has no real value.")
    if math.isinf(value):
        raise InputError(f"{what} is too large: {RANGE}.")
    if value == 0.0 and not zero:
        raise InputError(f"{what} is too small: {RANGE}.")
    return value


def power(base: float, exponent: float) -> float:
    """Return base**exponent, or raise an InputError that says why it is no double."""
    what = f"{base:.6g} to the power {exponent:.6g}"
    if base == 0.0 and exponent < 0.0:
        raise InputError("This divides by zero.")
    try:
        value = math.pow(base, exponent)
    except OverflowError:
        value = math.inf
    except ValueError:
        hint = " For the real cube root write cbrt(...)." if 3 * exponent == 1 else ""
        raise InputError(f"{what} is not real.{hint}") from None
    return in_range(value, what, zero=base == 0.0)


def bits(number: Any) -> float:
    """Return about how many bits a constant has: exactly for a fraction, from its size for others.

    Examples
    --------
    >>> bits(sp.Rational(255, 2)), bits(sp.Integer(-1))
    (8.0, 0.0)
    """
    if not number.is_Rational:
        size = abs(nearest_double(number))
        return 1.0 + abs(math.log2(size)) if size else 1.0
    longest = max(int(number.p).bit_length(), int(number.q).bit_length())
    return float(longest) if abs(number) != 1 else 0.0


def constant_bits(expression: Any) -> float:
    """Return about how many bits the constant factors of a product have together.

    Of a piecewise factor, in whose cases SymPy computes its powers, those of the longest case.
    """
    length = 0.0
    for factor in sp.Mul.make_args(expression):
        if factor.is_number:
            length += bits(factor)
        elif isinstance(factor, sp.Piecewise):
            length += max(constant_bits(case) for case, _ in factor.args)
    return length


def constant_size(expression: Any) -> float:
    """Return the absolute value of the product of the constant factors of a product."""
    factors = (factor for factor in sp.Mul.make_args(expression) if factor.is_number)
    return math.prod(abs(nearest_double(factor)) for factor in factors)


def check_product(length: float) -> None:
    """Refuse a product whose constants have too many bits together."""
    if length > PRODUCT_BITS:
        raise InputError(
            "The constants in this product or power have too many digits together. "
            "Write them as decimal numbers."
        )


def check_work(work: int) -> int:
    """Return the work so far, or refuse sums of sums of ... that are long at every level."""
    if work > WORK:
        raise InputError(
            "The formula is too long for its depth: its long sums or products stand many times "
            "inside one another. Write them once."
        )
    return work


def check_fractions(terms: Iterable[Any]) -> None:
    """Refuse a sum for which SymPy would have to find too long a common denominator."""
    common: dict[Any, int] = {}
    for term in terms:
        number, rest = term.as_coeff_Mul()
        if number.is_Rational and number.q != 1:
            common[rest] = math.lcm(common.get(rest, 1), int(number.q))
            if common[rest].bit_length() > BITS:
                raise InputError(
                    "The common denominator of these fractions is too long. "
                    "Write them as decimal numbers."
                )


def check_exponents(expression: Any) -> None:
    """Refuse powers of which SymPy would compute a part when they meet others in a product.

    ``3**(x + c)/3**x`` becomes the number ``3**c``, and ``exp(c*log(3*x))`` times anything becomes
    ``3**c*x**c``: so c is bounded.
    """
    for factor in sp.Mul.make_args(expression):
        if isinstance(factor, sp.exp):
            latent = _latent_bits(0.0, factor.args[0])
        elif isinstance(factor, sp.Pow) and factor.base.is_number:
            latent = _latent_bits(bits(factor.base), factor.exp)
        else:
            continue
        if latent > LATENT_BITS:
            raise InputError(
                "A constant in this exponent is too large to be computed exactly. "
                "Scale the exponent, or write the constant as a factor of its own."
            )


def _latent_bits(base: float, exponent: Any) -> float:
    """Return a bound on the bits that base**exponent may set free, for a base of so many bits."""
    found = 0.0
    for term in sp.Add.make_args(exponent):
        logs = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.log)]
        if term.is_number or logs:
            inside = sum(constant_bits(log.args[0]) for log in logs)
            found += constant_size(term) * (base + inside)
    return found

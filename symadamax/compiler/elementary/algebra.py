"""Instructions written as formulas: ``a*b + c`` on registers of doubles appends three lines.

Nothing is rearranged: each operator is one instruction, rounded once, in the order written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symadamax.compiler.writer import Writer

__all__ = [
    "BIAS",
    "WHOLE",
    "Real",
    "Truth",
    "Whole",
    "fma",
    "nearest",
    "polynomial",
    "power_of_two",
    "quotient",
    "root",
    "select",
    "two_sum",
]


# A double near WHOLE has no fraction; the low bits of its significand are its whole number.
WHOLE = 1.5 * 2.0**52
BIAS = 1023  # of the exponent of a double


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """A register of truth values."""

    writer: Writer
    name: str

    def __and__(self, other: Truth) -> Truth:
        return self._with("and", other.name)

    def __or__(self, other: Truth) -> Truth:
        return self._with("or", other.name)

    def __invert__(self) -> Truth:
        return self._with("xor", self.writer.splat("i1", "true"))

    def _with(self, instruction: str, other: str) -> Truth:
        line = f"{instruction} {self.writer.truth} {self.name}, {other}"
        return Truth(self.writer, self.writer.line(line))


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A register of 64 bits, read as whole numbers modulo 2**64."""

    writer: Writer
    name: str

    def __add__(self, other: Whole | int) -> Whole:
        return self._with("add", other)

    def __sub__(self, other: Whole | int) -> Whole:
        return self._with("sub", other)

    def __and__(self, other: Whole | int) -> Whole:
        return self._with("and", other)

    def __or__(self, other: Whole | int) -> Whole:
        return self._with("or", other)

    def __xor__(self, other: Whole | int) -> Whole:
        return self._with("xor", other)

    def __lshift__(self, places: int) -> Whole:
        return self._with("shl", places)

    def __rshift__(self, places: int) -> Whole:
        return self._with("lshr", places)

    def _with(self, instruction: str, other: Whole | int) -> Whole:
        text = other.name if isinstance(other, Whole) else self.writer.integer(other)
        line = f"{instruction} {self.writer.whole} {self.name}, {text}"
        return Whole(self.writer, self.writer.line(line))

    def nonzero(self) -> Truth:
        """Return where a bit is set."""
        line = f"icmp ne {self.writer.whole} {self.name}, {self.writer.integer(0)}"
        return Truth(self.writer, self.writer.line(line))

    def real(self) -> Real:
        """Read the bits as those of a double."""
        line = f"bitcast {self.writer.whole} {self.name} to {self.writer.real}"
        return Real(self.writer, self.writer.line(line))


@dataclass(frozen=True, slots=True, eq=False)
class Real:
    """A register of doubles."""

    writer: Writer
    name: str

    def __add__(self, other: Real | float) -> Real:
        return self._with("fadd", other)

    def __radd__(self, other: float) -> Real:
        return self.constant(other) + self

    def __sub__(self, other: Real | float) -> Real:
        return self._with("fsub", other)

    def __rsub__(self, other: float) -> Real:
        return self.constant(other) - self

    def __mul__(self, other: Real | float) -> Real:
        return self._with("fmul", other)

    def __rmul__(self, other: float) -> Real:
        return self * other

    def __truediv__(self, other: Real | float) -> Real:
        return self._with("fdiv", other)

    def __rtruediv__(self, other: float) -> Real:
        return self.constant(other) / self

    def __neg__(self) -> Real:
        return Real(self.writer, self.writer.line(f"fneg {self.writer.real} {self.name}"))

    def __abs__(self) -> Real:
        return Real(self.writer, self.writer.intrinsic("fabs", self.name))

    def __lt__(self, other: Real | float) -> Truth:
        return self.compare("olt", other)

    def __gt__(self, other: Real | float) -> Truth:
        return self.compare("ogt", other)

    def equals(self, other: Real | float) -> Truth:
        """Return where the two are equal; -0 equals 0."""
        return self.compare("oeq", other)

    def compare(self, condition: str, other: Real | float) -> Truth:
        """Return where a condition of LLVM's ``fcmp`` holds."""
        line = f"fcmp {condition} {self.writer.real} {self.name}, {self.constant(other).name}"
        return Truth(self.writer, self.writer.line(line))

    def at_most(self, bound: float) -> Real:
        """Return the smaller of the two; NaN stays."""
        return select(self > bound, self.constant(bound), self)

    def at_least(self, bound: float) -> Real:
        """Return the larger of the two; NaN stays."""
        return select(self < bound, self.constant(bound), self)

    def floor(self) -> Real:
        """Return the next whole number below."""
        return Real(self.writer, self.writer.intrinsic("floor", self.name))

    def signed_as(self, other: Real) -> Real:
        """Return the magnitude with the sign of another."""
        return Real(self.writer, self.writer.intrinsic("copysign", self.name, other.name))

    def bits(self) -> Whole:
        """Read the bits as a whole number."""
        line = f"bitcast {self.writer.real} {self.name} to {self.writer.whole}"
        return Whole(self.writer, self.writer.line(line))

    def constant(self, value: Real | float) -> Real:
        """Return a number on the lanes of this one."""
        return value if isinstance(value, Real) else Real(self.writer, self.writer.number(value))

    def _with(self, instruction: str, other: Real | float) -> Real:
        line = f"{instruction} {self.writer.real} {self.name}, {self.constant(other).name}"
        return Real(self.writer, self.writer.line(line))


def fma(a: Real, b: Real | float, c: Real | float) -> Real:
    """Return a*b + c, rounded once."""
    name = a.writer.intrinsic("fma", a.name, a.constant(b).name, a.constant(c).name)
    return Real(a.writer, name)


def root(x: Real) -> Real:
    """Return the square root, rounded once."""
    return Real(x.writer, x.writer.intrinsic("sqrt", x.name))


def select(condition: Truth, a: Real | float, b: Real | float) -> Real:
    """Return `a` where the condition holds, and `b` elsewhere."""
    writer = condition.writer
    first, second = (v.name if isinstance(v, Real) else writer.number(v) for v in (a, b))
    kinds = writer.truth, writer.real
    line = f"select {kinds[0]} {condition.name}, {kinds[1]} {first}, {kinds[1]} {second}"
    return Real(writer, writer.line(line))


def nearest(x: Real) -> Real:
    """Return the nearest whole number, for |x| < 2**50."""
    return (x + WHOLE) - WHOLE


def power_of_two(k: Real) -> Real:
    """Return 2**k for a whole k of a normal number."""
    return ((k + (WHOLE + BIAS)).bits() << 52).real()


def polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """Return c0 + c1 x + c2 x² + ..., in pairs (Estrin's scheme): few steps wait for others.

    The last three terms are done one by one: they wait no longer, and need one power less.
    """
    terms = [x.constant(c) for c in coefficients]
    while len(terms) > 3:
        alone = terms[len(terms) & ~1 :]
        terms = [fma(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms += alone
        x = x * x
    total = terms.pop()
    while terms:
        total = fma(total, x, terms.pop())
    return total


def two_sum(a: Real, b: Real) -> tuple[Real, Real]:
    """Return a + b as a double and what rounding took, where a is a multiple of b's last place."""
    total = a + b
    return total, b - (total - a)


def quotient(a: Real, a_low: Real | float, b: Real, b_low: Real | float) -> tuple[Real, Real]:
    """Return (a + a_low)/(b + b_low) as a double and what is missing to twice the precision."""
    inverse = 1.0 / b
    high = a * inverse
    rest = fma(-high, b, a) + a_low
    return high, fma(-high, b_low, rest) * inverse

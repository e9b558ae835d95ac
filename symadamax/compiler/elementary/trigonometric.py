"""sin, cos and tan: |x| = k pi/2 + r with k whole and |r| <= pi/4.

Where |x| is so large that pi/2 in three doubles does not suffice, the C library computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from symadamax.compiler.elementary.algebra import (
    WHOLE,
    Real,
    Truth,
    Whole,
    fma,
    polynomial,
    quotient,
    select,
    two_sum,
)
from symadamax.compiler.elementary.coefficients import (
    COS,
    HALF_PI,
    HALF_PI_LAST,
    HALF_PI_LOW,
    SIN,
    TWO_OVER_PI,
)
from symadamax.compiler.writer import Writer, bits

__all__ = ["any_beyond", "cos", "sin", "tan"]

FARTHEST = 2.0**30
NEAR = 1 << 29  # k is below, or |x| may be beyond FARTHEST
SIGN = -(1 << 63)
WHOLE_BITS = int(bits(WHOLE), 16)


def sin(x: Real) -> Real:
    """The sine."""
    return _wave(x, "sin")


def cos(x: Real) -> Real:
    """The cosine."""
    return _wave(x, "cos")


def any_beyond(writer: Writer) -> str:
    """Return whether a lane may be beyond `FARTHEST` in what the writer has gathered."""
    words = Whole(writer, writer.union(writer.whole, writer.beyond or []))
    return writer.any((words & -NEAR).nonzero().name)


def tan(x: Real) -> Real:
    """The tangent."""
    turn = _turn(x)
    sine, cosine = two_sum(*turn.sine), two_sum(*turn.cosine)
    above = [select(turn.odd, c, s) for s, c in zip(sine, cosine, strict=True)]
    below = [select(turn.odd, s, c) for s, c in zip(sine, cosine, strict=True)]
    high, rest = quotient(above[0], above[1], below[0], below[1])
    sign = (x.bits() & SIGN) ^ ((turn.k & 1) << 63)
    return _with_far(x, {"tan": ((high + rest).bits() ^ sign).real()})["tan"]


def _wave(x: Real, name: str) -> Real:
    """Return sin or cos; on lanes both are made at once, since a derivative needs the other."""
    writer = x.writer
    if writer.lanes == 1:
        return _with_far(x, {name: WAVES[name](x)})[name]
    key = "waves", x.name
    if key not in writer.shared:
        writer.shared[key] = _with_far(x, {name: wave(x) for name, wave in WAVES.items()})
    found: Real = writer.shared[key][name]
    return found


def _near_sine(x: Real) -> Real:
    turn = _turn(x)
    found = select(turn.odd, turn.cosine[0] + turn.cosine[1], turn.sine[0] + turn.sine[1])
    sign = (x.bits() & SIGN) ^ ((turn.k & 2) << 62)
    return (found.bits() ^ sign).real()


def _near_cosine(x: Real) -> Real:
    turn = _turn(x)
    found = select(turn.odd, turn.sine[0] + turn.sine[1], turn.cosine[0] + turn.cosine[1])
    return (found.bits() ^ (((turn.k + 1) & 2) << 62)).real()


WAVES = MappingProxyType({"sin": _near_sine, "cos": _near_cosine})


@dataclass(frozen=True)
class _Turn:
    """k, where it is odd, and sin(r) and cos(r), each as what stands before a last sum."""

    k: Whole
    odd: Truth
    sine: tuple[Real, Real]
    cosine: tuple[Real, Real]


def _turn(x: Real) -> _Turn:
    """Return what sin, cos and tan of one number share, written once in a block."""
    shared = x.writer.shared
    if ("turn", x.name) not in shared:
        r, low, k = _reduced(abs(x))
        odd = (k & 1).nonzero()
        shared["turn", x.name] = _Turn(k, odd, _sine(r, low), _cosine(r, low))
    turn: _Turn = shared["turn", x.name]
    return turn


def _reduced(x: Real) -> tuple[Real, Real, Whole]:
    """Return r, what r leaves out, and k in the low bits."""
    whole = fma(x, TWO_OVER_PI, WHOLE)
    k = whole - WHOLE
    near = fma(-k, HALF_PI, x)  # exact: a multiple of 2**-53 below 1
    second = k * HALF_PI_LOW
    second_low = fma(k, HALF_PI_LOW, -second)
    r = near - second
    low = ((near - r) - second) - second_low
    return r, fma(-k, HALF_PI_LAST, low), whole.bits()


def _sine(r: Real, low: Real) -> tuple[Real, Real]:
    square = r * r
    return r, fma(r * square, polynomial(square, SIN), low)


def _cosine(r: Real, low: Real) -> tuple[Real, Real]:
    square = r * r
    half = 0.5 * square
    main = 1.0 - half
    rest = ((1.0 - main) - half) - r * low
    return main, fma(square * square, polynomial(square, COS), rest)


def _with_far(x: Real, found: Mapping[str, Real]) -> Mapping[str, Real]:
    """Let the C functions compute the lanes beyond `FARTHEST`, in a block seldom entered.

    A writer that gathers what is beyond takes the bits of k instead: they differ from those of 0
    above `NEAR` where x is far, or NaN.
    """
    writer = x.writer
    if writer.beyond is not None:
        writer.beyond.append((_turn(x).k ^ WHOLE_BITS).name)
        return found
    far = abs(x) > FARTHEST
    before, far_label, done = writer.block, f"far.{writer.fresh()}", f"done.{writer.fresh()}"
    writer.do(f"br i1 {writer.any(far.name)}, label %{far_label}, label %{done}")
    shared = writer.shared  # it was written before the branch
    writer.begin(far_label)
    replaced = {name: _each_far(writer, name, x.name, near.name) for name, near in found.items()}
    writer.do(f"br label %{done}")
    writer.begin(done)
    writer.shared = shared
    line = "phi {kind} [ {near}, %{before} ], [ {far}, %{far_label} ]".format
    return {
        name: Real(writer, writer.line(line(
            kind=writer.real, near=near.name, before=before, far=replaced[name], far_label=far_label
        )))
        for name, near in found.items()
    }  # fmt: skip


def _each_far(writer: Writer, name: str, x: str, found: str) -> str:
    """Write a call of the function that replaces the lanes that are far."""
    if writer.lanes == 1:
        return writer.foreign("libm", name, ["double"], [x])
    symbol = f"@far_{name}_{writer.lanes}"
    foreign = writer.declare("libm", name, ["double"])
    writer.declared[symbol] = FAR_LANES.format(
        symbol=symbol,
        foreign=foreign,
        lanes=writer.lanes,
        kind=writer.real,
        highest=bits(FARTHEST),
        lowest=bits(-FARTHEST),
    )
    return writer.line(f"call {writer.real} {symbol}({writer.real} {x}, {writer.real} {found})")


FAR_LANES = """\
define internal {kind} {symbol}({kind} %x, {kind} %found) noinline nounwind {{
entry:
  br label %lane
lane:
  %k = phi i64 [ 0, %entry ], [ %next, %done ]
  %before = phi {kind} [ %found, %entry ], [ %after, %done ]
  %one = extractelement {kind} %x, i64 %k
  %above = fcmp ogt double %one, {highest}
  %below = fcmp olt double %one, {lowest}
  %far = or i1 %above, %below
  br i1 %far, label %call, label %done
call:
  %value = call double {foreign}(double %one) #1
  %put = insertelement {kind} %before, double %value, i64 %k
  br label %done
done:
  %after = phi {kind} [ %before, %lane ], [ %put, %call ]
  %next = add i64 %k, 1
  %more = icmp ne i64 %next, {lanes}
  br i1 %more, label %lane, label %exit
exit:
  ret {kind} %after
}}
"""

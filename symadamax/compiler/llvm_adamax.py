"""Adamax for one unknown -> LLVM IR: the operations of `cython_src/adamax.pxd`, in their order.

None of them is ever contracted, so that machine code has the bits of the Cython core.
"""

from __future__ import annotations

from collections.abc import Mapping

from symadamax.compiler.writer import Writer

__all__ = ["SETTINGS", "displacement", "moment", "weight"]

#: What the equations (1) to (4) of adamax.pxd need, each a register of every lane.
SETTINGS = ("-rate", "beta1", "1 - beta1", "beta2", "inside", "outside")

Setting = Mapping[str, str]


def moment(writer: Writer, setting: Setting, m: str, g: str) -> str:
    r"""Return m of (2).

    Examples
    --------
    >>> writer = Writer()
    >>> register = moment(writer, {"beta1": "%b", "1 - beta1": "%rest"}, "%m", "%g")
    >>> print("\n".join(writer.lines))
    %v1 = fmul double %b, %m
    %v2 = fmul double %rest, %g
    %v3 = fadd double %v1, %v2
    """
    old = _binary(writer, "fmul", setting["beta1"], m)
    return _binary(writer, "fadd", old, _binary(writer, "fmul", setting["1 - beta1"], g))


def weight(writer: Writer, setting: Setting, u: str, g: str) -> str:
    """Return u of (3)."""
    decayed = _binary(writer, "fmul", setting["beta2"], u)
    size = _binary(writer, "fadd", writer.intrinsic("fabs", g), setting["inside"])
    above = writer.line(f"fcmp ogt {writer.real} {decayed}, {size}")
    chosen = f"{writer.truth} {above}, {writer.real} {decayed}, {writer.real} {size}"
    return writer.line(f"select {chosen}")


def displacement(writer: Writer, setting: Setting, m: str, below: str) -> str:
    """Return what (4) adds to x; `below` is u + outside."""
    return _binary(writer, "fdiv", _binary(writer, "fmul", setting["-rate"], m), below)


def _binary(writer: Writer, instruction: str, a: str, b: str) -> str:
    return writer.line(f"{instruction} {writer.real} {a}, {b}")

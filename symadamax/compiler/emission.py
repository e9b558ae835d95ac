"""Operations -> LLVM IR: one operation on registers, on one lane or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from symadamax.compiler import elementary
from symadamax.compiler.elementary import FUNCTIONS
from symadamax.compiler.ir import Node
from symadamax.compiler.operations import Kind
from symadamax.compiler.writer import Writer, bits

__all__ = ["WRITTEN", "call_lanes", "operation"]

# In relaxed arithmetic LLVM may fuse a*b + c, and add in another order.
RELAXED = {kind: f"{kind} contract reassoc" for kind in ("fadd", "fsub", "fmul", "fdiv")}


def operation(writer: Writer, node: Node, arguments: Sequence[str]) -> str:
    """Write an operation of the table, and return the register of its result."""
    kind, _, name = node.operation.native.partition(":")
    if node.name in FUNCTIONS and writer.arithmetic != "precise":
        return _elementary(writer, node.name, arguments)
    if kind == "emit":
        return WRITTEN[name](writer, *arguments)
    if kind == "llvm":
        return writer.intrinsic(name, arguments[0])
    if kind == "parity":
        return _parity(writer, name, node, arguments[0])
    if kind in ("libm", "scipy", "core"):
        return function(writer, kind, name, node, arguments)
    if writer.arithmetic == "relaxed":
        kind = RELAXED.get(kind, kind)
    boolean = node.arguments[0].operation.result is Kind.BOOLEAN
    return writer.line(f"{kind} {writer.truth if boolean else writer.real} {', '.join(arguments)}")


def _elementary(writer: Writer, name: str, arguments: Sequence[str]) -> str:
    """Write an elementary function on lanes; on one lane, or where told so, call it."""
    if writer.lanes > 1 and not writer.calling:
        return FUNCTIONS[name](writer, *arguments)
    if writer.lanes > 1:
        return elementary.call(writer, name, arguments)
    return call_lanes(writer, "elementary", name, ["double"] * len(arguments), [], arguments)


def function(writer: Writer, source: str, name: str, node: Node, arguments: Sequence[str]) -> str:
    """Call a C function once a lane; an order or a branch stands first."""
    types, fixed = ["double"] * len(arguments), []
    if isinstance(node.value, (int, float)):
        whole = isinstance(node.value, int)
        types.insert(0, "integer" if whole else "double")
        fixed.append(str(node.value) if whole else bits(node.value))
    return call_lanes(writer, source, name, types, fixed, arguments)


def call_lanes(
    writer: Writer,
    source: str,
    name: str,
    types: Sequence[str],
    fixed: Sequence[str],
    registers: Sequence[str],
) -> str:
    r"""Call a C function on doubles for each lane, with constants before the registers.

    Parameters
    ----------
    writer : Writer
    source, name : str
        Where the function is from (``"libm"``, ``"scipy"``, ``"core"``), and its name there.
    types : sequence of str
        ``"double"`` or ``"integer"`` for each argument, the constant ones included.
    fixed : sequence of str
        Constants that stand first, such as an order, as LLVM reads them.
    registers : sequence of str
        The arguments behind them; in float32 they are extended, and the result is rounded.

    Examples
    --------
    >>> writer = Writer(lanes=2)
    >>> register = call_lanes(writer, "libm", "erf", ["double"], [], ["%x"])
    >>> print("\n".join(writer.lines))
    %v1 = extractelement <2 x double> %x, i64 0
    %v2 = call double @libm_erf_d(double %v1) #1
    %v3 = insertelement <2 x double> poison, double %v2, i64 0
    %v4 = extractelement <2 x double> %x, i64 1
    %v5 = call double @libm_erf_d(double %v4) #1
    %v6 = insertelement <2 x double> %v3, double %v5, i64 1
    """
    scalar = "float" if writer.single else "double"
    if writer.lanes == 1:
        return _narrow(
            writer,
            writer.foreign(source, name, types, [*fixed, *(_wide(writer, r) for r in registers)]),
        )
    result = "poison"
    for lane in range(writer.lanes):
        passed = [
            _wide(writer, writer.line(f"extractelement {writer.real} {r}, i64 {lane}"))
            for r in registers
        ]
        one = _narrow(writer, writer.foreign(source, name, types, [*fixed, *passed]))
        result = writer.line(f"insertelement {writer.real} {result}, {scalar} {one}, i64 {lane}")
    return result


def _wide(writer: Writer, scalar: str) -> str:
    return writer.line(f"fpext float {scalar} to double") if writer.single else scalar


def _narrow(writer: Writer, scalar: str) -> str:
    return writer.line(f"fptrunc double {scalar} to float") if writer.single else scalar


def _parity(writer: Writer, name: str, node: Node, argument: str) -> str:
    """Call a function of SciPy on |x|, which is even or odd as its order is."""
    value = function(writer, "scipy", name, node, [writer.intrinsic("fabs", argument)])
    assert isinstance(node.value, int)
    if node.value % 2 == 0:
        return value
    negative = writer.line(f"fcmp olt {writer.real} {argument}, {writer.number(0.0)}")
    return select(writer, negative, writer.line(f"fneg {writer.real} {value}"), value)


def select(writer: Writer, condition: str, a: str, b: str) -> str:
    """Write the choice between two numbers."""
    return writer.line(f"select {writer.truth} {condition}, {writer.real} {a}, {writer.real} {b}")


def _not(writer: Writer, a: str) -> str:
    return writer.line(f"xor {writer.truth} {a}, {writer.splat('i1', 'true')}")


def _extreme(writer: Writer, comparison: str, arguments: Sequence[str]) -> str:
    """Take the first that holds against the next, or is NaN."""
    result = arguments[0]
    for argument in arguments[1:]:
        chosen = writer.line(f"fcmp {comparison} {writer.real} {result}, {argument}")
        broken = writer.line(f"fcmp uno {writer.real} {result}, {result}")
        keep = writer.line(f"or {writer.truth} {chosen}, {broken}")
        result = select(writer, keep, result, argument)
    return result


def _max(writer: Writer, *arguments: str) -> str:
    return _extreme(writer, "oge", arguments)


def _min(writer: Writer, *arguments: str) -> str:
    return _extreme(writer, "ole", arguments)


def _sign(writer: Writer, a: str) -> str:
    """1, -1, 0 for either zero, and NaN."""
    zero, one, minus = (writer.number(v) for v in (0.0, 1.0, -1.0))
    above, below, broken = (
        writer.line(f"fcmp {how} {writer.real} {a}, {b}")
        for how, b in (("ogt", zero), ("olt", zero), ("uno", a))
    )
    result = select(writer, broken, a, zero)
    return select(writer, above, one, select(writer, below, minus, result))


def _mod(writer: Writer, a: str, b: str) -> str:
    """The remainder with the sign of b: fmod, moved by b where the signs differ."""
    zero, real = writer.number(0.0), writer.real
    rest = call_lanes(writer, "libm", "fmod", ["double", "double"], [], [a, b])
    negative = writer.line(f"fcmp olt {real} {rest}, {zero}")
    below = writer.line(f"fcmp olt {real} {b}, {zero}")
    differ = writer.line(f"xor {writer.truth} {negative}, {below}")
    moved = writer.line(f"fadd {real} {rest}, {b}")
    signed = writer.intrinsic("copysign", zero, b)
    empty = writer.line(f"fcmp oeq {real} {rest}, {zero}")
    return select(writer, empty, signed, select(writer, differ, moved, rest))


WRITTEN: Mapping[str, Callable[..., str]] = {
    "not": _not,
    "select": select,
    "max": _max,
    "min": _min,
    "sign": _sign,
    "mod": _mod,
}

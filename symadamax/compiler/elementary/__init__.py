"""Elementary functions as LLVM instructions, on one lane or several: the same bits on each.

Every function is a formula of correctly rounded operations (with fused multiply-add where it says
``fma``), so its bits depend neither on the number of lanes, nor on the processor, nor on what the
other lanes hold. Only beyond ``|x| = 2**30`` do sin, cos and tan call the C library. No error
exceeds 2 ulp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from symadamax.compiler.elementary import (
    area,
    exponential,
    inverse,
    logarithm,
    power,
    trigonometric,
)
from symadamax.compiler.elementary.algebra import Real
from symadamax.compiler.writer import ATTRIBUTES, Module, Writer

__all__ = ["FUNCTIONS", "definition"]

Emission = Callable[..., str]
OF_TWO = ("pow",)


def _emission(formula: Callable[..., Real]) -> Emission:
    def emit(writer: Writer, *registers: str) -> str:
        if writer.single:
            return _in_double(writer, emit, registers)
        return formula(*(Real(writer, register) for register in registers)).name

    return emit


def _in_double(writer: Writer, emit: Emission, registers: Sequence[str]) -> str:
    """Extend float32 to double, compute, and round."""
    short = writer.real
    writer.single = False
    try:
        longer = [writer.line(f"fpext {short} {r} to {writer.real}") for r in registers]
        result = emit(writer, *longer)
        return writer.line(f"fptrunc {writer.real} {result} to {short}")
    finally:
        writer.single = True


#: From the name of an operation to what writes it: ``f(writer, *registers) -> register``.
FUNCTIONS: Mapping[str, Emission] = MappingProxyType(
    {
        "exp": _emission(exponential.exp),
        "exp2": _emission(exponential.exp2),
        "expm1": _emission(exponential.expm1),
        "sinh": _emission(exponential.sinh),
        "cosh": _emission(exponential.cosh),
        "tanh": _emission(exponential.tanh),
        "log": _emission(logarithm.log),
        "log1p": _emission(logarithm.log1p),
        "log2": _emission(logarithm.log2),
        "log10": _emission(logarithm.log10),
        "pow": _emission(power.power),
        "sin": _emission(trigonometric.sin),
        "cos": _emission(trigonometric.cos),
        "tan": _emission(trigonometric.tan),
        "asin": _emission(inverse.asin),
        "acos": _emission(inverse.acos),
        "atan": _emission(inverse.atan),
        "asinh": _emission(area.asinh),
        "acosh": _emission(area.acosh),
        "atanh": _emission(area.atanh),
        "cbrt": _emission(power.cbrt),
    }
)


def definition(name: str) -> Module:
    """Return a module with the function `name` of `FUNCTIONS` on doubles, under that name.

    Examples
    --------
    >>> print(definition("exp2").text.splitlines()[1])
    define double @exp2(double %a) #0 {
    """
    writer = Writer()
    registers = ["%a", "%b"][: 2 if name in OF_TWO else 1]
    result = FUNCTIONS[name](writer, *registers)
    taken = ", ".join(f"double {register}" for register in registers)
    body = "\n".join(f"  {line}" for line in [*writer.lines, f"ret double {result}"])
    text = f"define double @{name}({taken}) #0 {{\nentry:\n{body}\n}}\n"
    texts = [*writer.declared.values(), text, ATTRIBUTES]
    return Module("\n".join(texts), tuple(writer.calls), (name,))

"""Lines of LLVM IR, written on one lane or on several: ``double`` or ``<8 x double>``.

What is written twice, once on one lane and once on eight, does the same operations in the same
order, and so gives the same bits on every lane.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symadamax.compiler.special import TRAILING

__all__ = ["ARITHMETIC", "ATTRIBUTES", "ENTRY", "Call", "Module", "Writer", "bits"]

Call = tuple[str, str, tuple[str, ...]]  # where a function is from, its name, its C signature
ENTRY = "evaluate"
ARITHMETIC = ("portable", "precise", "relaxed")  # see `symadamax.compiler.llvm_code.emit`
ATTRIBUTES = """\
attributes #0 = { nounwind }
attributes #1 = { nounwind nobuiltin willreturn memory(none) }"""


@dataclass(frozen=True)
class Module:
    """LLVM IR text, and the functions it calls: (where from, name, C signature of the call).

    `entries` names the functions whose addresses are wanted; the first is the module's own.
    """

    text: str
    calls: tuple[Call, ...]
    entries: tuple[str, ...] = (ENTRY,)


def bits(value: float) -> str:
    """Return a double as LLVM reads it: by its bits."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


class Writer:
    """The body of one function under way.

    Parameters
    ----------
    lanes : int
        How many numbers a register holds; 1 for a scalar.
    single : bool
        Whether numbers are float32; functions then compute in float64 and are rounded.
    arithmetic : str, default "portable"
        One of `ARITHMETIC`.

    Attributes
    ----------
    lines : list of str
    declared : dict of str to str
        Declarations of what is called, by name.
    calls : list of Call
        C functions whose addresses the linker needs.
    block : str
        The label of the basic block that is being written.
    calling : bool
        Whether elementary functions on lanes are called, and not written in place.
    shared : dict
        What may be used again in this block, by a key of those who share it.
    beyond : list of str, or None
        Where functions note words that tell which lanes are beyond what they do in place (see
        `symadamax.compiler.elementary.trigonometric.any_beyond`). None: they see to these
        themselves.

    Examples
    --------
    >>> writer = Writer(lanes=4)
    >>> writer.line(f"fadd {writer.real} %a, {writer.number(1.0)}")
    '%v1'
    >>> print(writer.lines[0])
    %v1 = fadd <4 x double> %a, splat (double 0x3FF0000000000000)
    """

    def __init__(self, lanes: int = 1, single: bool = False, arithmetic: str = "portable") -> None:
        self.lanes = lanes
        self.arithmetic = arithmetic
        self.single = single
        self.lines: list[str] = []
        self.declared: dict[str, str] = {}
        self.calls: list[Call] = []
        self.block = "entry"
        self.calling = False
        self.shared: dict[tuple[str, ...], Any] = {}
        self.beyond: list[str] | None = None
        self._count = 0

    # ---- types ---------------------------------------------------------------------------------

    @property
    def real(self) -> str:
        """The type of the numbers."""
        return self.of("float" if self.single else "double")

    @property
    def whole(self) -> str:
        """The type of whole numbers as wide as a double."""
        return self.of("i64")

    @property
    def truth(self) -> str:
        """The type of truth values."""
        return self.of("i1")

    def of(self, element: str) -> str:
        """Return the type of a register of `element`."""
        return element if self.lanes == 1 else f"<{self.lanes} x {element}>"

    # ---- constants -----------------------------------------------------------------------------

    def number(self, value: float) -> str:
        """Return a constant number on every lane; in float32 it must be a float32 already."""
        return self.splat("float" if self.single else "double", bits(value))

    def integer(self, value: int) -> str:
        """Return a constant whole number on every lane."""
        return self.splat("i64", str(value))

    def splat(self, element: str, text: str) -> str:
        """Return a constant of type `element` on every lane."""
        return text if self.lanes == 1 else f"splat ({element} {text})"

    # ---- lines ---------------------------------------------------------------------------------

    def fresh(self) -> str:
        """Return a name that is not used yet."""
        self._count += 1
        return f"v{self._count}"

    def line(self, text: str) -> str:
        """Write ``name = text`` and return the name of the new register."""
        name = f"%{self.fresh()}"
        self.lines.append(f"{name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Write an instruction that has no result."""
        self.lines.append(text)

    def begin(self, label: str) -> None:
        """Begin a basic block; the one before must have ended with a branch."""
        self.lines.append(f"{label}:")
        self.block = label
        self.shared = {}

    def intrinsic(self, name: str, *arguments: str) -> str:
        """Call an intrinsic of LLVM on numbers, such as ``fma`` or ``fabs``."""
        kind = "f32" if self.single else "f64"
        full = f"@llvm.{name}.{kind if self.lanes == 1 else f'v{self.lanes}{kind}'}"
        self.declared[full] = (
            f"declare {self.real} {full}({', '.join([self.real] * len(arguments))})"
        )
        passed = ", ".join(f"{self.real} {argument}" for argument in arguments)
        return self.line(f"call {self.real} {full}({passed})")

    def any(self, truths: str) -> str:
        """Return whether one of the lanes is true."""
        if self.lanes == 1:
            return truths
        name = f"@llvm.vector.reduce.or.v{self.lanes}i1"
        self.declared[name] = f"declare i1 {name}({self.truth})"
        return self.line(f"call i1 {name}({self.truth} {truths})")

    def union(self, kind: str, registers: Sequence[str]) -> str:
        """Return the bits that are set in any of several registers."""
        found = registers[0]
        for register in registers[1:]:
            found = self.line(f"or {kind} {found}, {register}")
        return found

    def foreign(
        self, source: str, name: str, types: Sequence[str], arguments: Sequence[str]
    ) -> str:
        """Call a C function once, on scalars of the C types ``double`` and ``integer``."""
        symbol = self.declare(source, name, types)
        passed = [*(f"{t} {a}" for t, a in zip(_lowered(types), arguments, strict=True))]
        passed += TRAILING if source == "scipy" else ()
        return self.line(f"call double {symbol}({', '.join(passed)}) #1")

    def declare(self, source: str, name: str, types: Sequence[str]) -> str:
        """Declare a C function, of the C types ``double`` and ``integer``; return its symbol."""
        self.calls.append((source, name, tuple(types)))
        symbol = f"@{source}_{name}_{''.join(t[0] for t in types)}"
        trailing = TRAILING if source == "scipy" else ()
        taken = [*_lowered(types), *(argument.partition(" ")[0] for argument in trailing)]
        self.declared[symbol] = f"declare double {symbol}({', '.join(taken)}) #1"
        return symbol


def _lowered(types: Sequence[str]) -> list[str]:
    return ["i64" if t == "integer" else t for t in types]

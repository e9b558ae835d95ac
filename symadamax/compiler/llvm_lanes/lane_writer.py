"""Lines of LLVM IR on the numbers of a deck: what one of its segments is written with."""

from __future__ import annotations

from types import MappingProxyType

from symadamax.compiler.elementary import FUNCTIONS
from symadamax.compiler.llvm_code import SegmentWriter
from symadamax.compiler.llvm_lanes.deck import Deck
from symadamax.compiler.schedule import Schedule, Segment
from symadamax.compiler.writer import bits

__all__ = ["POINTERS", "Constants", "LaneWriter"]

POINTERS = ("before", "x", "next", "rows", "stop", "limits")
STRIDED = ("%before", "%x", "%next", "%rows", "%context")


class Constants:
    """Numbers in memory.

    What the code itself holds, LLVM loads ahead of the loop into registers, and what does not fit
    these it stores in the stack, at each call. That took 2 % of the time of Ackley's function.
    """

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {"double": [], "float": []}

    def place(self, scalar: str, text: str) -> str:
        """Return the address of a number, as LLVM reads it."""
        values = self.values[scalar]
        if text not in values:
            values.append(text)
        return f"getelementptr {scalar}, ptr @{scalar}s, i64 {values.index(text)}"

    def lines(self) -> list[str]:
        """Return the declarations of what is in memory; not as constants, which would be moved."""
        return [
            f"@{scalar}s = internal global [{len(values)} x {scalar}] "
            f"[{', '.join(f'{scalar} {value}' for value in values)}]"
            for scalar, values in self.values.items()
            if values
        ]


class LaneWriter(SegmentWriter):
    """Writes the operations of a segment on the lanes of a group."""

    def __init__(
        self, plan: Schedule, segment: Segment, dtype: str, arithmetic: str, lanes: int,
        deck: Deck, constants: Constants,
    ) -> None:  # fmt: skip
        self.strides = MappingProxyType({"%slots": lanes, **dict.fromkeys(STRIDED, deck.row)})
        self.constants = constants
        self.in_memory = any(node.name in FUNCTIONS for node in segment.nodes)
        super().__init__(plan, segment, dtype, arithmetic, lanes)

    def number(self, value: float) -> str:
        """Return a constant number on every lane, from memory where the segment has many."""
        scalar = "float" if self.single else "double"
        if not self.in_memory or value == 0:
            return super().number(value)
        return self.spread(scalar, self.line(self.constants.place(scalar, bits(value))))

    def spread(self, scalar: str, at: str) -> str:
        """Return the number at an address on every lane."""
        kind, value = self.of(scalar), self.line(f"load {scalar}, ptr {at}")
        first = self.line(f"insertelement {kind} poison, {scalar} {value}, i64 0")
        zeros = f"<{self.lanes} x i32> zeroinitializer"
        return self.line(f"shufflevector {kind} {first}, {kind} poison, {zeros}")

    def binary(self, instruction: str, a: str, b: str) -> str:
        """Write an instruction on two numbers."""
        return self.line(f"{instruction} {self.real} {a}, {b}")

    def choose(self, condition: str, a: str, b: str) -> str:
        """Return the first of two numbers where a condition holds, and else the second."""
        return self.line(f"select {self.truth} {condition}, {self.real} {a}, {self.real} {b}")

    def choice(self, how: str, g: str, limit: str) -> str:
        """Return the limit where a number compares so with it, and the number elsewhere."""
        beyond = self.line(f"fcmp {how} {self.real} {g}, {limit}")
        return self.choose(beyond, limit, g)

"""Segments -> LLVM IR text: one function of the C interface ``evaluate(x, gradient, context)``.

Every operation is IEEE arithmetic in the order of the IR, with no flag that would allow LLVM to
contract or to reassociate (but in relaxed arithmetic): the bits are those of the NumPy backend.
Functions that are not instructions are called in double in both precisions: those of
`symadamax.compiler.elementary`, or of a library.

Each element of memory is read or written once in a segment, so loads and stores are volatile: it
costs nothing when the code runs, and keeps LLVM from looking for stores to merge, which took up to
two thirds of its time on long segments.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

from symadamax.compiler import emission
from symadamax.compiler.ir import Node
from symadamax.compiler.schedule import LEAVES, Schedule, Segment
from symadamax.compiler.writer import ARITHMETIC, ATTRIBUTES, ENTRY, Module, Writer
from symadamax.errors import InputError

__all__ = ["ENTRY", "LARGEST_STACK", "Module", "SegmentWriter", "emit", "single"]

LARGEST_STACK = 8192  # slots; more scratch than 64 KiB comes from the heap, for threads' stacks
POINTERS = "ptr noalias %x, ptr noalias %gradient, ptr noalias %context"


def emit(plan: Schedule, dtype: str, arithmetic: str = "portable") -> Module:
    """Return the module of a schedule.

    Parameters
    ----------
    plan : Schedule
    dtype : str
        ``"float64"`` or ``"float32"``.
    arithmetic : str, default "portable"
        ``"portable"``: elementary functions from `symadamax.compiler.elementary`, within 2 ulp,
        with the same bits on every processor and on lanes. ``"precise"``: those of the C library,
        within 1 ulp where it is so good. ``"relaxed"``: as portable, but LLVM may fuse a product
        into a sum and add in another order, so that bits differ between processors.

    Raises
    ------
    InputError
        For another arithmetic, or a constant that float32 cannot hold.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.schedule import schedule
    >>> from symadamax.compiler.trace import trace
    >>> x = sp.Symbol("x")
    >>> print(emit(schedule(trace(-x, [x])), "float64").text)
    define double @evaluate(ptr noalias %x, ptr noalias %gradient, ptr noalias %context) #0 {
      %v1 = load volatile double, ptr %x
      %v2 = fneg double %v1
      ret double %v2
    }
    <BLANKLINE>
    attributes #0 = { nounwind }
    attributes #1 = { nounwind nobuiltin willreturn memory(none) }
    """
    if arithmetic not in ARITHMETIC:
        raise InputError(f"arithmetic={arithmetic!r} was given; accepted are {ARITHMETIC}.")
    real = {"float64": "double", "float32": "float"}[dtype]
    writers = [SegmentWriter(plan, segment, dtype, arithmetic) for segment in plan.segments]
    texts = [[*writer.body(), f"ret {real} {writer.value}"] for writer in writers]
    if len(writers) == 1:
        bodies = [_define(f"{real} @{ENTRY}({POINTERS})", texts[0])]
    else:
        bodies = [
            _define(f"internal {real} @segment{k}({POINTERS}, ptr noalias %slots)", text)
            for k, text in enumerate(texts)
        ]
        bodies.append(_define(f"{real} @{ENTRY}({POINTERS})", _conduct(plan, real)))
    declared = {name: line for writer in writers for name, line in writer.declared.items()}
    calls = dict.fromkeys(call for writer in writers for call in writer.calls)
    return Module("\n".join([*declared.values(), *bodies, ATTRIBUTES]), tuple(calls))


def _define(signature: str, body: list[str]) -> str:
    lines = "\n".join(f"  {line}" for line in body)
    return f"define {signature} #0 {{\n{lines}\n}}\n"


def _conduct(plan: Schedule, real: str) -> list[str]:
    """Write the function that calls the segments in order."""
    size = max(1, len(plan.slots))
    heap = size > LARGEST_STACK
    width = 8 if real == "double" else 4
    lines = [
        f"%slots = call ptr @malloc(i64 {size * width})"
        if heap
        else f"%slots = alloca [{size} x {real}]"
    ]
    value = ""
    for k, segment in enumerate(plan.segments):
        lines.append(
            f"%r{k} = call {real} @segment{k}(ptr %x, ptr %gradient, ptr %context, ptr %slots)"
        )
        if any(place == 0 for place, _ in segment.outputs):
            value = f"%r{k}"
    if heap:
        lines.append("call void @free(ptr %slots)")
    return [*lines, f"ret {real} {value}"]


class SegmentWriter(Writer):
    """Writes the body of one segment.

    Parameters
    ----------
    plan : Schedule
    segment : Segment
    dtype, arithmetic : str
        As for `emit`.
    lanes : int
        How many points are evaluated side by side.

    Attributes
    ----------
    value : str
        The register of the objective's value, where this segment finishes it.
    """

    #: How far two numbers lie apart that stand one behind the other, where that is not one.
    strides: Mapping[str, int] = MappingProxyType({})

    def __init__(
        self, plan: Schedule, segment: Segment, dtype: str, arithmetic: str, lanes: int = 1
    ):
        super().__init__(lanes, single=dtype == "float32", arithmetic=arithmetic)
        self.plan = plan
        self.segment = segment
        self.names: dict[Node, str] = {}
        self.value = self.constant(0.0)
        if len(plan.slots) * lanes > LARGEST_STACK:
            self.declared["malloc"] = "declare ptr @malloc(i64)"
            self.declared["free"] = "declare void @free(ptr)"

    def body(self) -> list[str]:
        """Write the operations and what they finish; return the lines."""
        finished: dict[Node, list[int]] = {}
        for place, node in self.segment.outputs:
            finished.setdefault(node, []).append(place)
        for node in [*self.segment.nodes, *(n for n in finished if n.name in LEAVES)]:
            if node.name not in LEAVES:
                self.names[node] = emission.operation(
                    self, node, [self.name(a) for a in node.arguments]
                )
            if node in self.plan.slots:
                self.keep(node)
            for place in finished.get(node, ()):
                if place == 0:
                    self.value = self.name(node)
                else:
                    self.slope(place - 1, self.name(node))
        return self.lines

    def slope(self, place: int, register: str) -> None:
        """Write what is done with a derivative that is finished: here it is stored."""
        self.store(register, "%gradient", place)

    def pointer(self, base: str, place: int) -> str:
        """Return the address of a number."""
        if place == 0:
            return base
        distance = place * self.strides.get(base, 1)
        return self.line(f"getelementptr {self.scalar}, ptr {base}, i64 {distance}")

    def load(self, base: str, place: int) -> str:
        """Return a number of memory, of each lane."""
        return self.line(f"load volatile {self.real}, ptr {self.pointer(base, place)}{self.align}")

    def store(self, value: str, base: str, place: int) -> None:
        """Write a number to memory, of each lane."""
        pointer = self.pointer(base, place)
        self.do(f"store volatile {self.real} {value}, ptr {pointer}{self.align}")

    @property
    def scalar(self) -> str:
        """The type of a number of one lane."""
        return "float" if self.single else "double"

    @property
    def align(self) -> str:
        """How numbers lie: those of several lanes not always on whole vectors."""
        return "" if self.lanes == 1 else f", align {4 if self.single else 8}"

    def name(self, node: Node) -> str:
        """Return the register of a value, loaded where this segment did not compute it."""
        if node.name == "constant":
            assert node.value is not None
            return self.constant(float(node.value))
        if node.name == "truth":
            return self.splat("i1", "true" if node.value else "false")
        if node not in self.names:
            self.names[node] = self.fetch(node)
        return self.names[node]

    def fetch(self, node: Node) -> str:
        """Load a value."""
        if node.name in ("unknown", "parameter"):
            assert isinstance(node.value, int)
            return self.load("%x" if node.name == "unknown" else "%context", node.value)
        kept = self.load("%slots", self.plan.slots[node])
        if _is_truth(node):
            return self.line(f"fcmp une {self.real} {kept}, {self.constant(0.0)}")
        return kept

    def keep(self, node: Node) -> None:
        """Store a value for a later segment."""
        value = self.names[node]
        if _is_truth(node):
            value = self.line(f"uitofp {self.truth} {value} to {self.real}")
        self.store(value, "%slots", self.plan.slots[node])

    def constant(self, value: float) -> str:
        """Return a number as LLVM reads it."""
        return self.number(single(value) if self.single else value)


def _is_truth(node: Node) -> bool:
    return node.operation.result.value == "boolean"


def single(value: float) -> float:
    """Round to float32, and refuse what does not fit."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        rounded = 0.0
    if rounded == 0.0 and value != 0.0:
        raise InputError(
            f"The number {value!r} in the objective does not fit in float32, which holds "
            'magnitudes from 1.4e-45 to 3.4e38. Use dtype="float64".'
        )
    return rounded

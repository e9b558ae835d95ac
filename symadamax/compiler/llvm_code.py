"""Segments -> LLVM IR text: one function of the C interface ``evaluate(x, gradient, context)``.

Every operation is IEEE arithmetic in the order of the IR, with no flag that would allow LLVM to
contract or to reassociate: the bits are those of the NumPy backend. Functions that are not
instructions are called in double in both precisions.

Each element of memory is read or written once in a segment, so loads and stores are volatile: it
costs nothing when the code runs, and keeps LLVM from looking for stores to merge, which took up to
two thirds of its time on long segments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from symadamax.compiler.ir import Node
from symadamax.compiler.schedule import LEAVES, Schedule, Segment
from symadamax.compiler.special import TRAILING
from symadamax.errors import InputError

__all__ = ["ENTRY", "Module", "emit", "single"]

ENTRY = "evaluate"
LARGEST_STACK = 8192  # slots; more scratch than 64 KiB comes from the heap, for threads' stacks
POINTERS = "ptr noalias %x, ptr noalias %gradient, ptr noalias %context"


@dataclass(frozen=True)
class Module:
    """LLVM IR text, and the functions it calls: (where from, name, C signature of the call).

    `entries` names the functions whose addresses are wanted.
    """

    text: str
    calls: tuple[tuple[str, str, tuple[str, ...]], ...]
    entries: tuple[str, ...] = (ENTRY,)


def emit(plan: Schedule, dtype: str) -> Module:
    """Return the module of a schedule in ``"float64"`` or ``"float32"``.

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
    real = {"float64": "double", "float32": "float"}[dtype]
    writers = [_Writer(plan, segment, real) for segment in plan.segments]
    if len(writers) == 1:
        bodies = [_define(f"{real} @{ENTRY}({POINTERS})", writers[0].body())]
    else:
        bodies = [
            _define(f"internal {real} @segment{k}({POINTERS}, ptr noalias %slots)", writer.body())
            for k, writer in enumerate(writers)
        ]
        bodies.append(_define(f"{real} @{ENTRY}({POINTERS})", _conduct(plan, real)))
    declared = {name: line for writer in writers for name, line in writer.declared.items()}
    calls = dict.fromkeys(call for writer in writers for call in writer.calls)
    attributes = (
        "attributes #0 = { nounwind }\n"
        "attributes #1 = { nounwind nobuiltin willreturn memory(none) }"
    )
    return Module("\n".join([*declared.values(), *bodies, attributes]), tuple(calls))


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


@dataclass
class _Writer:
    """Writes the body of one segment."""

    plan: Schedule
    segment: Segment
    real: str
    lines: list[str] = field(default_factory=list)
    names: dict[Node, str] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    count: int = 0

    def body(self) -> list[str]:
        if len(self.plan.slots) > LARGEST_STACK:
            self.declared["malloc"] = "declare ptr @malloc(i64)"
            self.declared["free"] = "declare void @free(ptr)"
        finished: dict[Node, list[int]] = {}
        for place, node in self.segment.outputs:
            finished.setdefault(node, []).append(place)
        value = self.constant(0.0)
        for node in [*self.segment.nodes, *(n for n in finished if n.name in LEAVES)]:
            if node.name not in LEAVES:
                self.names[node] = self.operation(node)
            if node in self.plan.slots:
                self.keep(node)
            for place in finished.get(node, ()):
                if place == 0:
                    value = self.name(node)
                else:
                    self.store(self.name(node), "%gradient", place - 1)
        return [*self.lines, f"ret {self.real} {value}"]

    def line(self, text: str) -> str:
        """Append an instruction and return the name of its result."""
        self.count += 1
        self.lines.append(f"%v{self.count} = {text}")
        return f"%v{self.count}"

    def pointer(self, base: str, place: int) -> str:
        if place == 0:
            return base
        return self.line(f"getelementptr {self.real}, ptr {base}, i64 {place}")

    def load(self, base: str, place: int) -> str:
        return self.line(f"load volatile {self.real}, ptr {self.pointer(base, place)}")

    def store(self, value: str, base: str, place: int) -> None:
        self.lines.append(f"store volatile {self.real} {value}, ptr {self.pointer(base, place)}")

    def name(self, node: Node) -> str:
        """Return the name of a value, loaded where this segment did not compute it."""
        if node.name == "constant":
            assert node.value is not None
            return self.constant(float(node.value))
        if node.name == "truth":
            return "true" if node.value else "false"
        if node not in self.names:
            self.names[node] = self.fetch(node)
        return self.names[node]

    def fetch(self, node: Node) -> str:
        if node.name in ("unknown", "parameter"):
            assert isinstance(node.value, int)
            return self.load("%x" if node.name == "unknown" else "%context", node.value)
        kept = self.load("%slots", self.plan.slots[node])
        if _is_truth(node):
            return self.line(f"fcmp une {self.real} {kept}, {self.constant(0.0)}")
        return kept

    def keep(self, node: Node) -> None:
        value = self.names[node]
        if _is_truth(node):
            value = self.line(f"uitofp i1 {value} to {self.real}")
        self.store(value, "%slots", self.plan.slots[node])

    def constant(self, value: float) -> str:
        """Write a number by its bits; LLVM writes a float as the double that equals it."""
        if self.real == "float":
            value = single(value)
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"

    def operation(self, node: Node) -> str:
        arguments = [self.name(a) for a in node.arguments]
        kind, _, name = node.operation.native.partition(":")
        if kind == "emit":
            result: str = getattr(self, f"emit_{name}")(*arguments)
            return result
        if kind == "llvm":
            return self.intrinsic(name, arguments[0])
        if kind in ("libm", "scipy", "core"):
            return self.call(kind, name, node, arguments)
        if kind == "parity":
            return self.parity(name, node, arguments[0])
        argument_type = "i1" if _is_truth(node.arguments[0]) else self.real
        return self.line(f"{kind} {argument_type} {', '.join(arguments)}")

    def intrinsic(self, name: str, argument: str) -> str:
        full = f"@llvm.{name}.{'f64' if self.real == 'double' else 'f32'}"
        self.declared[full] = f"declare {self.real} {full}({self.real})"
        return self.line(f"call {self.real} {full}({self.real} {argument})")

    def call(self, source: str, name: str, node: Node, arguments: list[str]) -> str:
        """Call a C function on doubles; an order or a branch stands first."""
        if self.real == "float":
            arguments = [self.line(f"fpext float {a} to double") for a in arguments]
        types = ["double"] * len(arguments)
        if node.value is not None:
            whole = isinstance(node.value, int)
            types.insert(0, "integer" if whole else "double")
            arguments.insert(0, str(node.value) if whole else _bits(node.value))
        return self.foreign(source, name, types, arguments)

    def parity(self, name: str, node: Node, argument: str) -> str:
        """Call a function of SciPy on |x|, which is even or odd as its order is."""
        value = self.call("scipy", name, node, [self.intrinsic("fabs", argument)])
        assert isinstance(node.value, int)
        if node.value % 2 == 0:
            return value
        negative = self.line(f"fcmp olt {self.real} {argument}, {self.constant(0.0)}")
        return self.emit_select(negative, self.line(f"fneg {self.real} {value}"), value)

    def foreign(self, source: str, name: str, types: list[str], arguments: list[str]) -> str:
        self.calls.append((source, name, tuple(types)))
        symbol = f"@{source}_{name}_{''.join(t[0] for t in types)}"
        lowered = ["i64" if t == "integer" else t for t in types]
        passed = [f"{t} {a}" for t, a in zip(lowered, arguments, strict=True)]
        if source == "scipy":
            passed += TRAILING
        taken = ", ".join(argument.partition(" ")[0] for argument in passed)
        self.declared[symbol] = f"declare double {symbol}({taken}) #1"
        result = self.line(f"call double {symbol}({', '.join(passed)}) #1")
        return self.line(f"fptrunc double {result} to float") if self.real == "float" else result

    def emit_not(self, a: str) -> str:
        return self.line(f"xor i1 {a}, true")

    def emit_select(self, condition: str, a: str, b: str) -> str:
        return self.line(f"select i1 {condition}, {self.real} {a}, {self.real} {b}")

    def extreme(self, comparison: str, arguments: tuple[str, ...]) -> str:
        """Take the first that holds against the next, or is NaN."""
        result = arguments[0]
        for argument in arguments[1:]:
            chosen = self.line(f"fcmp {comparison} {self.real} {result}, {argument}")
            broken = self.line(f"fcmp uno {self.real} {result}, {result}")
            keep = self.line(f"or i1 {chosen}, {broken}")
            result = self.emit_select(keep, result, argument)
        return result

    def emit_max(self, *arguments: str) -> str:
        return self.extreme("oge", arguments)

    def emit_min(self, *arguments: str) -> str:
        return self.extreme("ole", arguments)

    def emit_sign(self, a: str) -> str:
        """1, -1, 0 for either zero, and NaN."""
        zero, one, minus = (self.constant(v) for v in (0.0, 1.0, -1.0))
        above = self.line(f"fcmp ogt {self.real} {a}, {zero}")
        below = self.line(f"fcmp olt {self.real} {a}, {zero}")
        broken = self.line(f"fcmp uno {self.real} {a}, {a}")
        result = self.emit_select(broken, a, zero)
        return self.emit_select(above, one, self.emit_select(below, minus, result))

    def emit_mod(self, a: str, b: str) -> str:
        """The remainder with the sign of b: fmod, moved by b where the signs differ."""
        zero = self.constant(0.0)
        rest = self.fmod(a, b)
        negative = self.line(f"fcmp olt {self.real} {rest}, {zero}")
        below = self.line(f"fcmp olt {self.real} {b}, {zero}")
        differ = self.line(f"xor i1 {negative}, {below}")
        moved = self.line(f"fadd {self.real} {rest}, {b}")
        full = f"@llvm.copysign.{'f64' if self.real == 'double' else 'f32'}"
        self.declared[full] = f"declare {self.real} {full}({self.real}, {self.real})"
        signed = self.line(f"call {self.real} {full}({self.real} {zero}, {self.real} {b})")
        empty = self.line(f"fcmp oeq {self.real} {rest}, {zero}")
        return self.emit_select(empty, signed, self.emit_select(differ, moved, rest))

    def fmod(self, a: str, b: str) -> str:
        if self.real == "float":
            a, b = (self.line(f"fpext float {v} to double") for v in (a, b))
        return self.foreign("libm", "fmod", ["double", "double"], [a, b])


def _is_truth(node: Node) -> bool:
    return node.operation.result.value == "boolean"


def _bits(value: float) -> str:
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


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

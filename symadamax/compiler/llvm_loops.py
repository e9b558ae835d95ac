"""Nests of loops -> LLVM IR text.

Every loop at the top becomes a function ``nest0(context, from, to)`` over some of its parts, with
the turns on `LANES` lanes: lane k does turn i + k. Loops inside it are loops of scalars around
operations on lanes. Blocks of `BLOCK` turns are summed lane by lane, then over the lanes, and the
sums of the blocks one after another: the same order whoever computes which part. What stands
between the loops becomes the functions ``open(context)``, ``close0(context)``, ...; and
``evaluate(x, gradient, context)`` does all in turn.

The turns of a loop are written twice: for lanes that are all inside it, and masked, for the ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symadamax.compiler.affine import Array
from symadamax.compiler.ir import Node, Program, Scatter
from symadamax.compiler.layout import BLOCK, LANES, Layout, Storage
from symadamax.compiler.llvm_body import Body, Function
from symadamax.compiler.llvm_code import ENTRY, Module
from symadamax.compiler.nests import Loop, Step

__all__ = ["Kernel", "emit"]


@dataclass(frozen=True)
class Kernel:
    """LLVM IR text, where it finds its numbers, and the loops at its top."""

    module: Module
    layout: Layout
    loops: tuple[Loop, ...]


def emit(
    program: Program, steps: Sequence[Step], storages: dict[Array, Storage], dtype: str
) -> Kernel:
    """Return the module of nests of loops.

    Parameters
    ----------
    program : Program
    steps : sequence of Step
        As `nests` returns them.
    storages : dict of Array to Storage
        How the arrays of data lie in memory.
    dtype : {"float64", "float32"}
    """
    return _Emitter(program, storages, dtype == "float32").kernel(steps)


class _Emitter:
    def __init__(self, program: Program, storages: dict[Array, Storage], single: bool) -> None:
        self.program = program
        self.storages = storages
        self.single = single
        self.layout = Layout()
        self.temps: dict[Node, int] = {}
        self.functions: list[Function] = []

    def kernel(self, steps: Sequence[Step]) -> Kernel:
        for word in ("x", "gradient", "value"):
            self.layout.word(word)
        loops = [step for step in steps if isinstance(step, Loop)]
        here = self.between("open")
        here.clear_gradient({s.access.array for s in self.program.scatters})
        for step in steps:
            if isinstance(step, Loop):
                here.finish()
                number = loops.index(step)
                _Nest(self, step, number).write()
                here = self.between(f"close{number}")
                here.close_loop(step, number)
            else:
                here.step(step)
        here.outputs(self.program.outputs)
        here.finish()
        bodies = [function.text() for function in self.functions]
        declared = {n: line for f in self.functions for n, line in f.writer.declared.items()}
        calls = dict.fromkeys(call for f in self.functions for call in f.writer.calls)
        text = "\n".join([*declared.values(), *HELPERS, *bodies, self.evaluate(loops), ATTRIBUTES])
        pieces = (f"{name}{k}" for k in range(len(loops)) for name in ("nest", "close"))
        entries = (ENTRY, "open", *pieces)
        return Kernel(Module(text, tuple(calls), entries), self.layout, tuple(loops))

    def function(self, name: str, parameters: str, lanes: int) -> Function:
        function = Function(name, parameters, lanes, self.single, self.layout, self.storages)
        self.functions.append(function)
        return function

    def between(self, name: str) -> _Between:
        return _Between(self, self.function(name, "ptr noalias %context", 1))

    def temp(self, node: Node) -> tuple[str, int]:
        """Return the word of a number that passes from one function to another."""
        return ("temp", self.temps.setdefault(node, len(self.temps)))

    def evaluate(self, loops: Sequence[Loop]) -> str:
        real = "float" if self.single else "double"
        lines = ["store ptr %x, ptr %context"]
        lines += ["%g = getelementptr i64, ptr %context, i64 1", "store ptr %gradient, ptr %g"]
        lines += ["call void @open(ptr %context)"]
        for k in range(len(loops)):
            place = self.layout.word("parts", k)
            lines += [
                f"%p{k} = getelementptr i64, ptr %context, i64 {place}",
                f"%n{k} = load i64, ptr %p{k}",
                f"call void @nest{k}(ptr %context, i64 0, i64 %n{k})",
                f"call void @close{k}(ptr %context)",
            ]
        lines += ["%v = getelementptr i64, ptr %context, i64 2", "%d = load double, ptr %v"]
        if self.single:
            lines += ["%r = fptrunc double %d to float", "ret float %r"]
        else:
            lines += ["ret double %d"]
        body = "\n".join(f"  {line}" for line in lines)
        return f"define {real} @{ENTRY}(ptr %x, ptr %gradient, ptr %context) #0 {{\n{body}\n}}\n"


class _Between:
    """What stands between two loops: operations on scalars, and the ends of a loop's sums."""

    def __init__(self, emitter: _Emitter, function: Function) -> None:
        self.emitter = emitter
        self.function = function
        self.writer = function.writer
        self.body = Body(function, None, {}, _Temps(emitter, function))
        self.done: list[Node] = []

    def step(self, step: Step) -> None:
        self.body.step(step)
        if isinstance(step, Node):
            self.done.append(step)

    def clear_gradient(self, arrays: set[Array]) -> None:
        """Set the stretches of the gradient that are added to, to 0."""
        width = 4 if self.emitter.single else 8
        for array in sorted(arrays, key=lambda array: array.place):
            start = self.function.gradient_of(array)
            length = self.function.word("length", array)
            count = self.writer.line(f"mul i64 {length}, {width}")
            self.function.memset(start, count)

    def close_loop(self, loop: Loop, number: int) -> None:
        """Combine the sums of the blocks, and the gradients of the parts."""
        word, writer = self.function.word, self.writer
        blocks = word("blocks", number)
        for place, node in enumerate(loop.reductions):
            start = self.function.element_of(
                word("partials", number, kind="ptr"), blocks, place, "double"
            )
            combine = "total" if node.name == "sum" else "product"
            result = writer.line(f"call double @{combine}(ptr {start}, i64 {blocks})")
            if self.emitter.single:
                result = writer.line(f"fptrunc double {result} to float")
            self.body.values[node] = result
            self.done.append(node)
        suffix = "32" if self.emitter.single else "64"
        for array in scattered(loop.steps):
            buffer = word("buffer", number, array, kind="ptr")
            target = self.function.gradient_of(array)
            length, parts = word("length", array), word("parts", number)
            writer.do(
                f"call void @combine{suffix}(ptr {target}, ptr {buffer}, i64 {length}, i64 {parts})"
            )

    def outputs(self, outputs: Sequence[Node]) -> None:
        """Store the value and the derivatives by the scalar unknowns."""
        value, *slopes = (self.body.name(node) for node in outputs)
        real = self.writer.real
        if self.emitter.single:
            value = self.writer.line(f"fpext float {value} to double")
        self.function.store_word(f"double {value}", "value")
        gradient = self.function.word("gradient", kind="ptr")
        for k, slope in enumerate(slopes):
            place = self.function.element_of(gradient, "1", k, real)
            self.writer.do(f"store {real} {slope}, ptr {place}")

    def finish(self) -> None:
        """Keep what later functions may need."""
        for node in self.done:
            value = self.body.values[node]
            if node.operation.result.value == "boolean":
                value = self.writer.line(f"uitofp i1 {value} to {self.writer.real}")
            self.function.store_word(f"{self.writer.real} {value}", *self.emitter.temp(node))
        self.writer.do("ret void")


class _Temps:
    """Numbers that an earlier function computed, loaded where they are first needed."""

    def __init__(self, emitter: _Emitter, function: Function) -> None:
        self.emitter = emitter
        self.function = function

    def __call__(self, node: Node) -> str:
        function, scalar = self.function, self.function.scalar
        value = function.word(*self.emitter.temp(node), kind=scalar)
        value = function.splat(value, scalar, function.prologue)
        if node.operation.result.value != "boolean":
            return value
        writer = function.writer
        return function.early(f"fcmp une {writer.real} {value}, {writer.number(0.0)}")


class _Nest:
    """The function of one loop at the top."""

    def __init__(self, emitter: _Emitter, loop: Loop, number: int) -> None:
        parameters = "ptr noalias %context, i64 %from, i64 %to"
        self.function = emitter.function(f"nest{number}", parameters, LANES)
        self.loop = loop
        self.number = number
        self.temps = _Temps(emitter, self.function)
        self.writer = self.function.writer
        self.kind = self.writer.of("double")

    def write(self) -> None:
        """Write the loops over parts, blocks and turns."""
        function, do, line = self.function, self.writer.do, self.writer.line
        word = self.word
        function.partition = self.number
        do("br label %parts")
        self.writer.begin("parts")
        do("%part = phi i64 [ %from, %entry ], [ %part.next, %parts.end ]")
        do("%parts.more = icmp slt i64 %part, %to")
        do("br i1 %parts.more, label %part.begin, label %done")
        self.writer.begin("part.begin")
        first = self.share("%part")
        do("%part.next = add i64 %part, 1")
        beyond = self.share("%part.next")
        function.open_buffers(scattered(self.loop.steps))
        do("br label %blocks")
        self.writer.begin("blocks")
        do(f"%block = phi i64 [ {first}, %part.begin ], [ %block.next, %blocks.end ]")
        do(f"%blocks.more = icmp slt i64 %block, {beyond}")
        do("br i1 %blocks.more, label %block.begin, label %parts.end")
        self.writer.begin("block.begin")
        offset = line(f"mul i64 %block, {BLOCK}")
        start = line(f"add i64 {word('lower')}, {offset}")
        full = line(f"add i64 {start}, {BLOCK}")
        last = line(f"add i64 {word('upper')}, 1")
        stop = function.whole_intrinsic("smin", full, last)
        do("br label %turns")
        self.turns(start, stop)
        self.close_block()
        self.writer.begin("parts.end")
        do("br label %parts")
        self.writer.begin("done")
        function.free_rooms()
        do("ret void")

    def word(self, name: str) -> str:
        return self.function.word(name, self.number)

    def share(self, part: str) -> str:
        """Return the first block of a part: parts are as equal as can be."""
        product = self.writer.line(f"mul i64 {part}, {self.word('blocks')}")
        return self.writer.line(f"sdiv i64 {product}, {self.word('parts')}")

    def turns(self, start: str, stop: str) -> None:
        do, writer, count = self.writer.do, self.writer, len(self.loop.reductions)
        names = [writer.fresh() for _ in range(3 * count)]
        self.sums = [f"%{name}" for name in names[:count]]
        writer.begin("turns")
        do(f"%i = phi i64 [ {start}, %block.begin ], [ %i.next, %turns.end ]")
        for node, total, new in zip(self.loop.reductions, self.sums, names[count:], strict=False):
            do(f"{total} = phi {self.kind} [ {self.neutral(node)}, %block.begin ], "
               f"[ %{new}, %turns.end ]")  # fmt: skip
        do(f"%turns.more = icmp slt i64 %i, {stop}")
        do("br i1 %turns.more, label %turn, label %blocks.end")
        writer.begin("turn")
        ahead = writer.line(f"add i64 %i, {LANES - 1}")
        above = writer.line(f"icmp sge i64 %i, {self.word('first')}")
        below = writer.line(f"icmp sle i64 {ahead}, {self.word('last')}")
        inner = writer.line(f"and i1 {above}, {below}")
        do(f"br i1 {inner}, label %inner, label %edge")
        inner_block, inner_sums = self.turn("inner", masked=False)
        edge_block, edge_sums = self.turn("edge", masked=True)
        writer.begin("turns.end")
        for new, a, b in zip(names[count : 2 * count], inner_sums, edge_sums, strict=True):
            do(f"%{new} = phi {self.kind} [ {a}, %{inner_block} ], [ {b}, %{edge_block} ]")
        do(f"%i.next = add i64 %i, {LANES}")
        do("br label %turns")

    def neutral(self, node: Node) -> str:
        return self.writer.splat("double", "0.0" if node.name == "sum" else "1.0")

    def turn(self, label: str, masked: bool) -> tuple[str, list[str]]:
        """Write one turn; return the block that it ends in, and the new sums."""
        self.writer.begin(label)
        index = self.loop.index
        body = Body(self.function, index, {index: "%i"}, self.temps)
        if masked:
            body.mask_ends(self.word("lower"), self.word("upper"))
        body.find(self.loop, self.kept_place)
        for step in self.loop.steps:
            body.step(step)
        body.keep(self.loop, self.kept_place)
        sums = [
            body.accumulate(node, total)
            for node, total in zip(self.loop.reductions, self.sums, strict=True)
        ]
        self.writer.do("br label %turns.end")
        return self.writer.block, sums

    def kept_place(self, node: Node) -> str:
        """Return where this turn's values of a node are kept."""
        memory = self.function.word("kept", node, kind="ptr")
        offset = self.writer.line(f"sub i64 %i, {self.word('lower')}")
        return self.function.element_of(memory, offset, 1, self.function.scalar)

    def close_block(self) -> None:
        writer, function = self.writer, self.function
        writer.begin("blocks.end")
        partials = function.word("partials", self.number, kind="ptr") if self.sums else ""
        for place, (node, total) in enumerate(zip(self.loop.reductions, self.sums, strict=True)):
            across = function.across(total, "fadd" if node.name == "sum" else "fmul")
            row = writer.line(f"mul i64 {self.word('blocks')}, {place}")
            spot = writer.line(f"add i64 {row}, %block")
            writer.do(
                f"store double {across}, ptr {function.element_of(partials, spot, 1, 'double')}"
            )
        writer.do("%block.next = add i64 %block, 1")
        writer.do("br label %blocks")


def scattered(steps: Sequence[Step]) -> list[Array]:
    """List the arrays that loops add to."""
    found: dict[Array, None] = {}
    for step in steps:
        if isinstance(step, Loop):
            found |= dict.fromkeys(scattered(step.steps))
        elif isinstance(step, Scatter):
            found[step.access.array] = None
    return list(found)


# Sums of blocks: Neumaier's, so that a million of them lose no digit; products one by one.
HELPERS = (
    """\
define internal double @total(ptr %values, i64 %count) #0 {
entry:
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  %s = phi double [ 0.0, %entry ], [ %t, %body ]
  %c = phi double [ 0.0, %entry ], [ %c1, %body ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %body, label %done
body:
  %p = getelementptr double, ptr %values, i64 %k
  %v = load double, ptr %p
  %t = fadd double %s, %v
  %as = call double @llvm.fabs.f64(double %s)
  %av = call double @llvm.fabs.f64(double %v)
  %larger = fcmp oge double %as, %av
  %big = select i1 %larger, double %s, double %v
  %small = select i1 %larger, double %v, double %s
  %d = fsub double %big, %t
  %e = fadd double %d, %small
  %c1 = fadd double %c, %e
  %k1 = add i64 %k, 1
  br label %next
done:
  %r = fadd double %s, %c
  %finite = fcmp ord double %c, %c
  %result = select i1 %finite, double %r, double %s
  ret double %result
}
declare double @llvm.fabs.f64(double)
""",
    """\
define internal double @product(ptr %values, i64 %count) #0 {
entry:
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  %s = phi double [ 1.0, %entry ], [ %t, %body ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %body, label %done
body:
  %p = getelementptr double, ptr %values, i64 %k
  %v = load double, ptr %p
  %t = fmul double %s, %v
  %k1 = add i64 %k, 1
  br label %next
done:
  ret double %s
}
""",
    *(
        f"""\
define internal void @combine{bits}(ptr %target, ptr %buffer, i64 %length, i64 %parts) #0 {{
entry:
  %direct = icmp eq ptr %buffer, null
  br i1 %direct, label %done, label %elements
elements:
  %k = phi i64 [ 0, %entry ], [ %k1, %stored ]
  %more = icmp slt i64 %k, %length
  br i1 %more, label %element, label %done
element:
  %spot = getelementptr {real}, ptr %target, i64 %k
  %old = load {real}, ptr %spot
  %wide = {"fpext float %old to double" if bits == 32 else "fadd double %old, 0.0"}
  br label %next
next:
  %part = phi i64 [ 0, %element ], [ %part1, %body ]
  %s = phi double [ %wide, %element ], [ %t, %body ]
  %again = icmp slt i64 %part, %parts
  br i1 %again, label %body, label %stored
body:
  %row = mul i64 %part, %length
  %place = add i64 %row, %k
  %p = getelementptr double, ptr %buffer, i64 %place
  %v = load double, ptr %p
  %t = fadd double %s, %v
  %part1 = add i64 %part, 1
  br label %next
stored:
  %new = {"fptrunc double %s to float" if bits == 32 else "fadd double %s, 0.0"}
  store {real} %new, ptr %spot
  %k1 = add i64 %k, 1
  br label %elements
done:
  ret void
}}
"""
        for bits, real in ((64, "double"), (32, "float"))
    ),
)
ATTRIBUTES = (
    "attributes #0 = { nounwind }\nattributes #1 = { nounwind nobuiltin willreturn memory(none) }"
)

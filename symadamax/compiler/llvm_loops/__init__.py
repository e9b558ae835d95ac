"""Nests of loops -> LLVM IR text.

Every loop at the top becomes a function ``nest0(context, from, to)`` over some of its parts, with
the turns on `LANES` lanes: lane k does turn i + k. Loops inside it are loops of scalars around
operations on lanes. Blocks of `BLOCK` turns are summed lane by lane, then over the lanes, and the
sums of the blocks one after another: the same order whoever computes which part. What stands
between the loops becomes the functions ``open(context)``, ``close0(context)``, ...; and
``evaluate(x, gradient, context)`` does all in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symadamax.compiler.affine import Array
from symadamax.compiler.ir import Node, Program
from symadamax.compiler.layout import HEAD, LANES, Layout, Storage
from symadamax.compiler.llvm_adamax import SETTINGS
from symadamax.compiler.llvm_code import ENTRY, Module
from symadamax.compiler.llvm_loops.between import Between, Temps, passed_on, pieces
from symadamax.compiler.llvm_loops.function import Function
from symadamax.compiler.llvm_loops.helpers import ATTRIBUTES, declarations, helpers
from symadamax.compiler.llvm_loops.nest import Nest, stores
from symadamax.compiler.llvm_loops.update import PAST_CACHE
from symadamax.compiler.steps import Loop, Step
from symadamax.compiler.writer import Writer

__all__ = ["Kernel", "emit"]


@dataclass(frozen=True)
class Kernel:
    """LLVM IR text, where it finds its numbers, and the loops at its top.

    Attributes
    ----------
    module : Module
    updates : Module or None
        Where each element of the gradient is stored once, by loops at the top: functions like
        ``nest0`` of these loops, ``update0`` and so on, which do not store it but update the
        unknowns by it.
    layout : Layout
    loops : tuple of Loop
    """

    module: Module
    updates: Module | None
    layout: Layout
    loops: tuple[Loop, ...]


def emit(
    program: Program,
    steps: Sequence[Step],
    storages: dict[Array, Storage],
    dtype: str,
    arithmetic: str = "portable",
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
    arithmetic : {"portable", "precise", "relaxed"}
        As for `symadamax.compiler.llvm_code.emit`.
    """
    return _Emitter(program, storages, dtype == "float32", arithmetic).kernel(steps)


class _Emitter:
    def __init__(
        self, program: Program, storages: dict[Array, Storage], single: bool, arithmetic: str
    ) -> None:
        self.program = program
        self.storages = storages
        self.single = single
        self.arithmetic = arithmetic
        self.layout = Layout()
        self.temps: dict[Node, int] = {}
        self.passed: set[Node] = set()
        self.functions: list[Function] = []

    def kernel(self, steps: Sequence[Step]) -> Kernel:
        for word in HEAD:
            self.layout.word(word)
        for name in SETTINGS:
            self.layout.word("setting", name)
        loops = [step for step in steps if isinstance(step, Loop)]
        groups = pieces(steps)
        self.passed = passed_on(groups, loops, self.program.outputs)
        drivers = [self.group(groups, number, loops) for number in range(len(groups))]
        names = (f"{name}{k}" for k in range(len(loops)) for name in ("nest", "close"))
        last = "\n".join([*drivers, self.evaluate(loops)])
        module = self.module(last, (ENTRY, "open", *names))
        return Kernel(module, self.updates(loops), self.layout, tuple(loops))

    def module(self, last: str, entries: tuple[str, ...]) -> Module:
        """Return the module of the functions that are written, with one more text behind them."""
        functions, self.functions = self.functions, []
        bodies = "\n".join(function.text() for function in functions)
        declared = [line for f in functions for line in f.writer.declared.values()]
        declared = list(dict.fromkeys([*declared, *declarations(bodies)]))
        calls = dict.fromkeys(call for f in functions for call in f.writer.calls)
        parts = [*declared, *helpers(bodies), bodies, last, ATTRIBUTES]
        return Module("\n".join(parts), tuple(calls), entries)

    def updates(self, loops: Sequence[Loop]) -> Module | None:
        storing = [k for k, loop in enumerate(loops) if stores(loop)]
        stored = {store.array for k in storing for store in stores(loops[k])}
        unknown = {array for array in self.program.arrays if array.unknown}
        if self.program.scatters or not stored or stored != unknown:
            return None
        for number in storing:
            self.nest(loops[number], number, updating=True)
        return self.module(PAST_CACHE, tuple(f"update{number}" for number in storing))

    def group(
        self, groups: Sequence[Sequence[Sequence[Step]]], number: int, loops: Sequence[Loop]
    ) -> str:
        """Write what stands behind a loop, and that loop; return what calls the pieces, if any."""
        name = f"close{number - 1}" if number else "open"
        pieces = groups[number]
        names = [f"{name}.{k}" for k in range(len(pieces))] if pieces[1:] else [name]
        for place, (piece, own) in enumerate(zip(pieces, names, strict=True)):
            here = Between(self, self.function(own, "ptr noalias %context", 1))
            if place == 0 and number == 0:
                here.clear_gradient({s.access.array for s in self.program.scatters})
            elif place == 0:
                self.nest(loops[number - 1], number - 1)
                here.close_loop(loops[number - 1], number - 1)
            for step in piece:
                here.step(step)
            if number == len(loops) and place == len(pieces) - 1:
                here.outputs(self.program.outputs)
            here.finish()
        if not pieces[1:]:
            return ""
        calls = "\n".join(f"  call void @{own}(ptr %context)" for own in names)
        return f"define void @{name}(ptr noalias %context) #0 {{\n{calls}\n  ret void\n}}\n"

    def function(self, name: str, parameters: str, lanes: int) -> Function:
        writer = Writer(lanes, self.single, self.arithmetic)
        function = Function(name, parameters, writer, self.layout, self.storages)
        self.functions.append(function)
        return function

    def nest(self, loop: Loop, number: int, updating: bool = False) -> None:
        parameters = "ptr noalias %context, i64 %from, i64 %to"
        name = "update" if updating else "nest"
        function = self.function(f"{name}{number}", parameters, LANES)
        function.updating = updating
        Nest(function, loop, number, Temps(self, function)).write()

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

"""The steps of one turn -> LLVM IR: operations, inner loops with their sums, effects."""

from __future__ import annotations

import math
from collections.abc import Callable

from symadamax.compiler import emission
from symadamax.compiler.affine import Affine, Index
from symadamax.compiler.ir import Node, Scatter, Store
from symadamax.compiler.layout import BLOCK, LANES
from symadamax.compiler.llvm_loops import gradient, kept
from symadamax.compiler.llvm_loops.leaves import leaf
from symadamax.compiler.llvm_loops.rows import Rows, along_memory
from symadamax.compiler.llvm_loops.turn import Turn
from symadamax.compiler.llvm_loops.update import update
from symadamax.compiler.steps import Loop, Step
from symadamax.compiler.writer import bits

__all__ = ["Body", "instruction", "neutral"]


class Body:
    """The steps of one turn, at one level.

    Parameters
    ----------
    turn : Turn
    outside : callable
        Returns the register of a node that another function has computed.
    values : dict of Node to str
        The registers of what has been computed.
    """

    def __init__(
        self,
        turn: Turn,
        outside: Callable[[Node], str],
        values: dict[Node, str] | None = None,
    ) -> None:
        self.turn = turn
        self.function = turn.function
        self.writer = turn.writer
        self.outside = outside
        self.values = {} if values is None else values

    def name(self, node: Node) -> str:
        """Return the register of a node that has been computed, or is a leaf."""
        found = self.values.get(node)
        if found is None:
            found = self.values[node] = leaf(self.turn, node) or self.outside(node)
        return found

    def step(self, step: Step) -> None:
        """Write a step."""
        if isinstance(step, Loop) and along_memory(self.turn, step):
            Rows(self, step, Body).write()
        elif isinstance(step, Loop):
            _Inner(self, step).write()
        elif isinstance(step, Scatter):
            gradient.scatter(self.turn, step, self.name(step.weight))
        elif isinstance(step, Store) and self.function.updating:
            self.turn.moved.append(update(self.turn, step, self.name(step.weight)))
        elif isinstance(step, Store):
            gradient.store(self.turn, step, self.name(step.weight))
        else:
            self.values[step] = self.compute(step)

    def steps(self, loop: Loop, first: str) -> None:
        """Write the steps of a turn, what it finds before and what it keeps after them.

        `first` is the turn that a loop begins with; of one that begins elsewhere on each lane, the
        first of all.
        """
        for keep in loop.found:
            self.values[keep.node] = kept.load(self.turn, keep, first)
        for step in loop.steps:
            self.step(step)
        for keep in loop.kept:
            kept.store(self.turn, keep, first, self.name(keep.node))

    def compute(self, node: Node) -> str:
        """Write an operation; where no turn is masked, each is within all ranges."""
        if node.name == "select" and node.arguments[0].name == "within" and not self.turn.mask:
            return self.name(node.arguments[1])
        return emission.operation(self.writer, node, [self.name(a) for a in node.arguments])

    def accumulate(self, node: Node, total: str, new: str) -> None:
        """Let `new` be a reduction with this turn in it."""
        writer, value = self.writer, self.name(node.arguments[0])
        kind = writer.of("double")
        if writer.single:
            value = writer.line(f"fpext {writer.real} {value} to {kind}")
        if self.turn.mask:
            other = writer.splat("double", neutral(node))
            chosen = f"{writer.truth} {self.turn.mask}, {kind} {value}, {kind} {other}"
            value = writer.line(f"select {chosen}")
        writer.do(f"{new} = {self.function.doubles(instruction(node), kind, total, value)}")


def neutral(node: Node) -> str:
    """Return what a sum, a product or the largest of nothing is."""
    return {"sum": "0.0", "product": "1.0", "largest": bits(-math.inf)}[node.name]


def instruction(node: Node) -> str:
    """Return how a sum, a product or the search for the largest goes on."""
    return {"sum": "fadd", "product": "fmul", "largest": "maximum"}[node.name]


class _Inner:
    """A loop of scalars around operations on lanes.

    Every `BLOCK // LANES` turns are summed by themselves, so that long sums lose few digits.
    """

    def __init__(self, around: Body, loop: Loop) -> None:
        self.around = around
        self.loop = loop
        self.writer = around.writer
        self.kind = self.writer.of("double")
        self.lower, self.upper, self.ragged = self.ends(loop.index)
        self.totals, self.parts, self.news, self.sums = (
            [self.register() for _ in loop.reductions] for _ in range(4)
        )

    def register(self) -> str:
        return f"%{self.writer.fresh()}"

    def ends(self, index: Index) -> tuple[str, str, bool]:
        """Return the ends; where they differ between lanes, those that hold all."""
        turn = self.around.turn
        if not (turn.varies(index.lower) or turn.varies(index.upper)):
            return turn.scalar(index.lower), turn.scalar(index.upper), False
        return self.extreme("smin", index.lower), self.extreme("smax", index.upper), True

    def extreme(self, name: str, bound: Affine) -> str:
        writer = self.writer
        full = f"@llvm.vector.reduce.{name}.v{writer.lanes}i64"
        writer.declared[full] = f"declare i64 {full}({writer.whole})"
        return writer.line(f"call i64 {full}({writer.whole} {self.around.turn.lanes(bound)})")

    def write(self) -> None:
        """Write the loops over blocks and turns."""
        writer, do = self.writer, self.writer.do
        before, start, beyond = writer.block, self.register(), self.register()
        blocks, block, done = (writer.fresh() for _ in range(3))
        do(f"br label %{blocks}")
        writer.begin(blocks)
        closing = writer.fresh()
        do(f"{start} = phi i64 [ {self.lower}, %{before} ], [ {beyond}, %{closing} ]")
        self.carry(self.totals, before, self.sums, closing)
        more = writer.line(f"icmp sle i64 {start}, {self.upper}")
        do(f"br i1 {more}, label %{block}, label %{done}")
        writer.begin(block)
        do(f"{beyond} = add i64 {start}, {BLOCK // LANES}")
        full = writer.line(f"sub i64 {beyond}, 1")
        last = self.around.function.whole_intrinsic("smin", full, self.upper)
        self.turns(start, last, closing)
        for node, total, part, new in zip(
            self.loop.reductions, self.totals, self.parts, self.sums, strict=True
        ):
            added = self.around.function.doubles(instruction(node), self.kind, total, part)
            do(f"{new} = {added}")
        do(f"br label %{blocks}")
        writer.begin(done)
        for node, total in zip(self.loop.reductions, self.totals, strict=True):
            self.around.values[node] = self.narrow(total)

    def carry(self, registers: list[str], before: str, news: list[str], after: str) -> None:
        """Let the reductions begin as those of nothing, and go on with what a turn makes."""
        for node, register, new in zip(self.loop.reductions, registers, news, strict=True):
            other = self.writer.splat("double", neutral(node))
            self.writer.do(
                f"{register} = phi {self.kind} [ {other}, %{before} ], [ {new}, %{after} ]"
            )

    def turns(self, first: str, last: str, closing: str) -> None:
        """Write the loop over the turns of a block; the label `closing` stands behind it."""
        writer, do = self.writer, self.writer.do
        head, label, end = (writer.fresh() for _ in range(3))
        counter, following = self.register(), self.register()
        before = writer.block
        do(f"br label %{head}")
        writer.begin(head)
        do(f"{counter} = phi i64 [ {first}, %{before} ], [ {following}, %{end} ]")
        self.carry(self.parts, before, self.news, end)
        more = writer.line(f"icmp sle i64 {counter}, {last}")
        do(f"br i1 {more}, label %{label}, label %{closing}")
        writer.begin(label)
        self.turn(counter)
        do(f"br label %{end}")
        writer.begin(end)
        do(f"{following} = add i64 {counter}, 1")
        do(f"br label %{head}")
        writer.begin(closing)

    def turn(self, counter: str) -> None:
        """Write one turn."""
        around, index = self.around, self.loop.index
        turn = around.turn.inside(index, counter)
        if self.ragged:
            turn.mask_ragged(index)
        body = Body(turn, around.outside, dict(around.values))
        body.steps(self.loop, self.lower)
        for node, part, new in zip(self.loop.reductions, self.parts, self.news, strict=True):
            body.accumulate(node, part, new)

    def narrow(self, total: str) -> str:
        if not self.writer.single:
            return total
        return self.writer.line(f"fptrunc {self.kind} {total} to {self.writer.real}")

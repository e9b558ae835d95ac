"""An inner loop along memory -> LLVM IR: its index on the lanes, one turn around after the other.

In ``sum_i f(sum_j X[i, j]*w[j])`` the lanes of the outer loop read X down its columns. Where the
elements along j lie side by side, the inner loop is written the other way round: for each lane of
the turn around, one row after another, with j on the lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from symadamax.compiler.affine import Access
from symadamax.compiler.costs import LEAVES
from symadamax.compiler.ir import Node, Scatter
from symadamax.compiler.layout import BLOCK, LANES
from symadamax.compiler.llvm_loops.function import Function
from symadamax.compiler.llvm_loops.turn import COUNTING, Turn
from symadamax.compiler.operations import Kind
from symadamax.compiler.steps import Loop

__all__ = ["Rows", "along_memory"]


def along_memory(turn: Turn, loop: Loop) -> bool:
    """Tell whether a loop has no loop inside and reads memory along its index."""
    index = loop.index
    if turn.lane is None or turn.varies(index.lower) or turn.varies(index.upper):
        return False
    plain = all(isinstance(step, (Node, Scatter)) for step in loop.steps)
    if not plain or loop.kept or any(n.name != "sum" for n in loop.reductions):
        return False
    if not all(keep.outermost and keep.indices[-1] == index for keep in loop.found):
        return False
    across = Turn(turn.function, index, {})
    accesses = list(_accesses(loop))
    along = [access for access in accesses if index in access.indices]
    return all(across.side_by_side(a) for a in along) and any(turn.lane in a.indices for a in along)


def _accesses(loop: Loop) -> Iterator[Access]:
    for node in _leaves(loop):
        if isinstance(node.value, Access):
            yield node.value
    for step in loop.steps:
        if isinstance(step, Scatter):
            yield step.access


def _leaves(loop: Loop) -> Iterator[Node]:
    """Yield what the steps of a loop need and do not compute."""
    done = set(loop.steps)
    for step in [*loop.steps, *loop.reductions]:
        needed = (step.weight,) if isinstance(step, Scatter) else step.arguments  # type: ignore[union-attr]
        yield from (node for node in needed if node not in done)


class Rows:
    """The loop over the lanes of the turn around, and inside it that over the inner index.

    Parameters
    ----------
    around : Body
        Its type is that of `symadamax.compiler.llvm_loops.body`, which writes this.
    loop : Loop
    body : callable
        Makes the body of a turn.
    """

    def __init__(self, around: Any, loop: Loop, body: Callable[..., Any]) -> None:
        self.around = around
        self.loop = loop
        self.body = body
        self.function: Function = around.function
        self.writer = around.writer
        self.kind = self.writer.of("double")
        turn = around.turn
        self.lower, self.upper = turn.scalar(loop.index.lower), turn.scalar(loop.index.upper)
        self.numbers = turn.turn_numbers()

    def registers(self) -> list[str]:
        """Return a new register for each sum."""
        return [f"%{self.writer.fresh()}" for _ in self.loop.reductions]

    def write(self) -> None:
        """Write both loops, and let the sums be known around."""
        writer, do = self.writer, self.writer.do
        before = writer.block
        head, check, row, end, done = (writer.fresh() for _ in range(5))
        lane, following = f"%{writer.fresh()}", f"%{writer.fresh()}"
        totals, news = self.registers(), self.registers()
        do(f"br label %{head}")
        writer.begin(head)
        do(f"{lane} = phi i64 [ 0, %{before} ], [ {following}, %{end} ]")
        for total, new in zip(totals, news, strict=True):
            do(f"{total} = phi {self.kind} [ zeroinitializer, %{before} ], [ {new}, %{end} ]")
        more = writer.line(f"icmp slt i64 {lane}, {LANES}")
        do(f"br i1 {more}, label %{check}, label %{done}")
        writer.begin(check)
        mask = self.around.turn.mask
        taken = writer.line(f"extractelement {writer.truth} {mask}, i64 {lane}") if mask else "true"
        do(f"br i1 {taken}, label %{row}, label %{end}")
        writer.begin(row)
        sums = self.row(lane)
        kept = [
            writer.line(f"insertelement {self.kind} {total}, double {value}, i64 {lane}")
            for total, value in zip(totals, sums, strict=True)
        ]
        last = writer.block
        do(f"br label %{end}")
        writer.begin(end)
        for new, total, one in zip(news, totals, kept, strict=True):
            do(f"{new} = phi {self.kind} [ {total}, %{check} ], [ {one}, %{last} ]")
        do(f"{following} = add i64 {lane}, 1")
        do(f"br label %{head}")
        writer.begin(done)
        for node, total in zip(self.loop.reductions, totals, strict=True):
            real = self.writer.real
            narrow = f"fptrunc {self.kind} {total} to {real}"
            self.around.values[node] = writer.line(narrow) if writer.single else total

    def row(self, lane: str) -> list[str]:
        """Write the inner loop for one lane, block after block; return the sums."""
        writer, do = self.writer, self.writer.do
        writer.shared.clear()
        number = writer.line(f"extractelement {writer.whole} {self.numbers}, i64 {lane}")
        values = {node: self.fetched(node, lane) for node in self.outside()}
        before = writer.block
        head, label, done = (writer.fresh() for _ in range(3))
        start, beyond = f"%{writer.fresh()}", f"%{writer.fresh()}"
        totals, news = self.registers(), self.registers()
        closing = writer.fresh()
        do(f"br label %{head}")
        writer.begin(head)
        do(f"{start} = phi i64 [ {self.lower}, %{before} ], [ {beyond}, %{closing} ]")
        for total, new in zip(totals, news, strict=True):
            do(f"{total} = phi double [ 0.0, %{before} ], [ {new}, %{closing} ]")
        more = writer.line(f"icmp sle i64 {start}, {self.upper}")
        do(f"br i1 {more}, label %{label}, label %{done}")
        writer.begin(label)
        do(f"{beyond} = add i64 {start}, {BLOCK}")
        full = writer.line(f"sub i64 {beyond}, 1")
        last = self.function.whole_intrinsic("smin", full, self.upper)
        parts = self.block(start, last, number, values, closing)
        for total, new, part in zip(totals, news, parts, strict=True):
            do(f"{new} = fadd double {total}, {self.function.across(part, 'fadd')}")
        do(f"br label %{head}")
        writer.begin(done)
        return totals

    def block(
        self, first: str, last: str, number: str, values: dict[Node, str], closing: str
    ) -> list[str]:
        """Write the loop over a block; return its sums on lanes, behind the label `closing`."""
        writer, do = self.writer, self.writer.do
        before = writer.block
        head, turn, inner, edge, end = (writer.fresh() for _ in range(5))
        counter, following = f"%{writer.fresh()}", f"%{writer.fresh()}"
        totals, news = self.registers(), self.registers()
        do(f"br label %{head}")
        writer.begin(head)
        do(f"{counter} = phi i64 [ {first}, %{before} ], [ {following}, %{end} ]")
        for total, new in zip(totals, news, strict=True):
            do(f"{total} = phi {self.kind} [ zeroinitializer, %{before} ], [ {new}, %{end} ]")
        more = writer.line(f"icmp sle i64 {counter}, {last}")
        do(f"br i1 {more}, label %{turn}, label %{closing}")
        writer.begin(turn)
        ahead = writer.line(f"add i64 {counter}, {LANES - 1}")
        whole = writer.line(f"icmp sle i64 {ahead}, {last}")
        do(f"br i1 {whole}, label %{inner}, label %{edge}")
        ends = [
            self.turn(label, masked, number, counter, values, totals, end)
            for label, masked in ((inner, False), (edge, True))
        ]
        writer.begin(end)
        for k, new in enumerate(news):
            sources = ", ".join(f"[ {added[k]}, %{block} ]" for block, added in ends)
            do(f"{new} = phi {self.kind} {sources}")
        do(f"{following} = add i64 {counter}, {LANES}")
        do(f"br label %{head}")
        writer.begin(closing)
        return totals

    def turn(
        self,
        label: str,
        masked: bool,
        number: str,
        counter: str,
        values: dict[Node, str],
        totals: list[str],
        end: str,
    ) -> tuple[str, list[str]]:
        """Write one turn; return the block that it ends in, and the new sums."""
        writer, outer = self.writer, self.around.turn
        writer.begin(label)
        indices = {**outer.indices, outer.lane: number, self.loop.index: counter}
        turn = Turn(self.function, self.loop.index, indices)
        if masked:
            first = self.function.splat(counter, "i64")
            turn.turns = writer.line(f"add {writer.whole} {first}, {COUNTING}")
            last = self.function.splat(self.upper, "i64")
            turn.mask = writer.line(f"icmp sle {writer.whole} {turn.turns}, {last}")
            turn.exact = True
        calling, writer.calling = writer.calling, masked or writer.calling
        body = self.body(turn, self.around.outside, dict(values))
        body.steps(self.loop, self.lower)
        news = self.registers()
        for node, total, new in zip(self.loop.reductions, totals, news, strict=True):
            body.accumulate(node, total, new)
        writer.calling = calling
        block = writer.block
        writer.do(f"br label %{end}")
        return block, news

    def outside(self) -> list[Node]:
        """List the nodes that the turn around has computed, and the steps need."""
        return [
            node
            for node in dict.fromkeys(_leaves(self.loop))
            if node.name not in LEAVES and node in self.around.values
        ]

    def fetched(self, node: Node, lane: str) -> str:
        """Put one lane of a register of the turn around on all lanes."""
        writer = self.writer
        element = "i1" if node.operation.result is Kind.BOOLEAN else self.function.scalar
        register = self.around.values[node]
        one = writer.line(f"extractelement {writer.of(element)} {register}, i64 {lane}")
        return self.function.splat(one, element)

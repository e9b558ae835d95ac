"""A loop at the top -> LLVM IR: a function over some of its parts.

The loop is cut into parts, parts into blocks of at most `BLOCK` turns, and blocks go on by
`LANES` turns. The turns are written twice: for lanes that are all inside the loop, and masked, for
its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symadamax.compiler.affine import Array
from symadamax.compiler.elementary import FUNCTIONS
from symadamax.compiler.ir import Node, Scatter, Store
from symadamax.compiler.layout import LANES
from symadamax.compiler.llvm_loops.ahead import fetch_ahead
from symadamax.compiler.llvm_loops.body import Body, instruction, neutral
from symadamax.compiler.llvm_loops.function import Function
from symadamax.compiler.llvm_loops.turn import Turn
from symadamax.compiler.steps import Loop, Step

__all__ = ["Nest", "scattered", "stores"]

LONG = 32  # elementary functions of a turn, above which they are called


class Nest:
    """The function of one loop at the top.

    Parameters
    ----------
    function : Function
        With the parameters ``context``, ``from`` and ``to``.
    loop : Loop
    number : int
        Which of the loops at the top it is.
    outside : callable
        Returns the register of a node that another function has computed.
    """

    def __init__(
        self, function: Function, loop: Loop, number: int, outside: Callable[[Node], str]
    ) -> None:
        self.function = function
        self.loop = loop
        self.number = number
        self.outside = outside
        self.writer = function.writer
        self.long = _functions(loop) > LONG
        self.kinds = [self.writer.of("double")] * len(loop.reductions)
        if function.updating:
            self.kinds.append(self.writer.real)  # NaN once an unknown is not finite

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
        do(f"%block = phi i64 [ {first}, %part.begin ], [ %block.next, %blocks.on ]")
        do(f"%blocks.more = icmp slt i64 %block, {beyond}")
        do("br i1 %blocks.more, label %block.begin, label %parts.end")
        self.writer.begin("block.begin")
        offset = line(f"mul i64 %block, {self.word('block')}")
        start = line(f"add i64 {word('lower')}, {offset}")
        full = line(f"add i64 {start}, {self.word('block')}")
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
        """Return a register with a word of the context about this loop."""
        return self.function.word(name, self.number)

    def share(self, part: str) -> str:
        """Return the first block of a part: parts are as equal as can be."""
        product = self.writer.line(f"mul i64 {part}, {self.word('blocks')}")
        return self.writer.line(f"sdiv i64 {product}, {self.word('parts')}")

    def turns(self, start: str, stop: str) -> None:
        """Write the loop over the turns of a block."""
        do, writer = self.writer.do, self.writer
        self.sums, news = self.registers(), self.registers()
        writer.begin("turns")
        do(f"%i = phi i64 [ {start}, %block.begin ], [ %i.next, %turns.end ]")
        self.carry(self.sums, "block.begin", self.neutrals(), "turns.end", news)
        do(f"%turns.more = icmp slt i64 %i, {stop}")
        do("br i1 %turns.more, label %turn, label %blocks.end")
        writer.begin("turn")
        if self.loop.index.sampled:
            fetch_ahead(self.function, self.loop, "%i")
        ahead = writer.line(f"add i64 %i, {LANES - 1}")
        above = writer.line(f"icmp sge i64 %i, {self.word('first')}")
        below = writer.line(f"icmp sle i64 {ahead}, {self.word('last')}")
        inner = writer.line(f"and i1 {above}, {below}")
        do(f"br i1 {inner}, label %inner, label %edge")
        inner_block, inner_sums = self.turn("inner", masked=False)
        edge_block, edge_sums = self.turn("edge", masked=True)
        writer.begin("turns.end")
        self.carry(news, inner_block, inner_sums, edge_block, edge_sums)
        do(f"%i.next = add i64 %i, {LANES}")
        do("br label %turns")

    def registers(self) -> list[str]:
        """Return a fresh register for each sum."""
        return [f"%{self.writer.fresh()}" for _ in self.kinds]

    def neutrals(self) -> list[str]:
        """Return what each sum is of no turns."""
        found = [self.writer.splat("double", neutral(node)) for node in self.loop.reductions]
        return [*found, self.writer.number(0.0)] if self.function.updating else found

    def carry(
        self, sums: list[str], here: str, some: list[str], there: str, others: list[str]
    ) -> None:
        """Let sums be some where one block was left, and others where another was."""
        for kind, total, one, other in zip(self.kinds, sums, some, others, strict=True):
            self.writer.do(f"{total} = phi {kind} [ {one}, %{here} ], [ {other}, %{there} ]")

    def turn(self, label: str, masked: bool) -> tuple[str, list[str]]:
        """Write one turn; return the block that it ends in, and the new sums."""
        self.writer.begin(label)
        self.writer.calling = masked or self.long
        index = self.loop.index
        turn = Turn(self.function, index, {index: "%i"})
        if masked:
            turn.mask_ends(self.word("upper"))
        body = Body(turn, self.outside)
        body.steps(self.loop, self.word("lower"))
        sums = self.registers()
        for node, total, new in zip(self.loop.reductions, self.sums, sums, strict=False):
            body.accumulate(node, total, new)
        if self.function.updating:
            sums[-1] = self.watched(turn, self.sums[-1])
        self.writer.do("br label %turns.end")
        return self.writer.block, sums

    def watched(self, turn: Turn, total: str) -> str:
        """Add 0 to a sum for each unknown that is finite after the step, and else NaN."""
        real, line = self.writer.real, self.writer.line
        for moved in turn.moved:
            nothing = line(f"fsub {real} {moved}, {moved}")
            if turn.mask:
                zero = self.writer.number(0.0)
                chosen = f"{self.writer.truth} {turn.mask}, {real} {nothing}, {real} {zero}"
                nothing = line(f"select {chosen}")
            total = line(f"fadd {real} {total}, {nothing}")
        return total

    def close_block(self) -> None:
        """Sum a block over the lanes."""
        writer, function = self.writer, self.function
        writer.begin("blocks.end")
        reductions = self.loop.reductions
        partials = function.word("partials", self.number, kind="ptr") if reductions else ""
        for place, (node, total) in enumerate(zip(reductions, self.sums, strict=False)):
            across = function.across(total, instruction(node))
            row = writer.line(f"mul i64 {self.word('blocks')}, {place}")
            spot = writer.line(f"add i64 {row}, %block")
            writer.do(
                f"store double {across}, ptr {function.element_of(partials, spot, 1, 'double')}"
            )
        if function.updating:
            self.report()
        writer.do("%block.next = add i64 %block, 1")
        self.look_up()

    def report(self) -> None:
        """Say that an unknown is not finite; threads that say so at once say the same."""
        writer, line = self.writer, self.writer.line
        broken = line(f"fcmp uno {writer.real} {self.sums[-1]}, {writer.number(0.0)}")
        lanes = line(f"bitcast {writer.truth} {broken} to i{LANES}")
        writer.do(f"br i1 {line(f'icmp ne i{LANES} {lanes}, 0')}, label %broken, label %sound")
        writer.begin("broken")
        place = self.function.place("broken")
        writer.do(f"store atomic i64 1, ptr {place} monotonic, align 8")
        writer.do("br label %sound")
        writer.begin("sound")

    def look_up(self) -> None:
        """Between two blocks, ask whoever evaluates whether to go on."""
        pause = self.function.word("pause", kind="ptr")
        alone = self.function.early(f"icmp eq ptr {pause}, null")
        self.writer.do(f"br i1 {alone}, label %blocks.on, label %pause")
        self.writer.begin("pause")
        stop = self.writer.line(f"call i32 {pause}(ptr %context)")
        ends = self.writer.line(f"icmp ne i32 {stop}, 0")
        self.writer.do(f"br i1 {ends}, label %done, label %blocks.on")
        self.writer.begin("blocks.on")
        self.writer.do("br label %blocks")


def _functions(loop: Loop) -> int:
    """Return how many elementary functions a loop and those inside it write."""
    inner = sum(_functions(step) for step in loop.steps if isinstance(step, Loop))
    return inner + sum(isinstance(s, Node) and s.name in FUNCTIONS for s in loop.steps)


def scattered(steps: Sequence[Step]) -> list[Array]:
    """List the arrays that loops add to."""
    found: dict[Array, None] = {}
    for step in steps:
        if isinstance(step, Loop):
            found |= dict.fromkeys(scattered(step.steps))
        elif isinstance(step, Scatter):
            found[step.access.array] = None
    return list(found)


def stores(loop: Loop) -> list[Store]:
    """List what a loop at the top stores of the gradient."""
    return [step for step in loop.steps if isinstance(step, Store)]

"""Segments -> LLVM IR text: one step of Adamax for many points side by side.

The function ``step(before, x, next, rows, stop, limits, alive, doubts, groups)`` takes a deck of
`groups` times `LANES` points. It evaluates value and gradient at `x`, updates the moments in place,
and writes the points that follow to `next`. `before` holds the points before `x`; `limits` the
lower bounds of the unknowns, and behind them the upper ones.

A number of a point stands in a row, with one entry for each lane of the deck; a row has `row`
entries (see `Deck`). The kernel does the operations of `cython_src/adamax.pxd` in the order of the
equations there, none of them contracted, so each lane has the bits that one run alone would have,
however many lanes are computed at once.

It does not decide how a run ends. It notes which lanes give cause for doubt: something there is
not finite, or a criterion of `stop` is met. The loop in `cython_src/lanes.pxi` looks at these one
by one.

What needs a call now and then, such as the sine of a huge number, is not done in place, since a
branch at each sine keeps the processor from what comes next. The step is written twice: as it is
nearly always, and thoroughly, for the lanes of which one is found to need it.
"""

from __future__ import annotations

from symadamax.compiler.layout import LANES
from symadamax.compiler.llvm_code import LARGEST_STACK
from symadamax.compiler.llvm_lanes.deck import SETTINGS, Deck, Watch
from symadamax.compiler.llvm_lanes.lane_writer import POINTERS, Constants
from symadamax.compiler.llvm_lanes.segment import StepWriter
from symadamax.compiler.schedule import Schedule
from symadamax.compiler.writer import ATTRIBUTES, Module

__all__ = ["SETTINGS", "STEP", "Deck", "Watch", "emit"]

STEP = "step"


def emit(
    plan: Schedule, dtype: str, watch: Watch, arithmetic: str = "portable", lanes: int = LANES
) -> Module:
    """Return the module of a step on lanes.

    Parameters
    ----------
    plan : Schedule
    dtype : {"float64", "float32"}
    watch : Watch
    arithmetic : {"portable", "precise", "relaxed"}
        As for `symadamax.compiler.llvm_code.emit`.
    lanes : int
        How many are computed at once: `LANES`, or twice as many where a row holds a multiple of
        these. The bits are the same.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.schedule import schedule
    >>> from symadamax.compiler.trace import trace
    >>> from symadamax.compiler.differentiate import differentiate
    >>> x = sp.Symbol("x")
    >>> text = emit(schedule(differentiate(trace(x*x, [x]))), "float64", Watch()).text
    >>> "fdiv <8 x double>" in text
    True
    """
    return _Emitter(plan, dtype, watch, arithmetic, lanes).module()


class _Emitter:
    def __init__(
        self, plan: Schedule, dtype: str, watch: Watch, arithmetic: str, lanes: int
    ) -> None:
        program = plan.program
        self.plan, self.watch, self.lanes = plan, watch, lanes
        self.deck = Deck(program.unknowns, program.parameters, dtype == "float32")
        self.constants = Constants()
        self.writers: list[StepWriter] = []
        self.kind = dtype, arithmetic

    def module(self) -> Module:
        count = len(self.plan.segments)
        if count == 1:
            body, functions = self.segment(0)
            texts = [*functions, self.loop(body, self.writers[0].block)]
        else:
            texts = [text for k in range(count) for text in self.segment_functions(k)]
            texts.append(self.loop(self.calls(), "loop"))
        declared = {n: line for writer in self.writers for n, line in writer.declared.items()}
        calls = dict.fromkeys(call for writer in self.writers for call in writer.calls)
        head = *declared.values(), *self.constants.lines()
        return Module("\n".join([*head, *texts, WIDE]), tuple(calls), (STEP,))

    def segment(self, number: int) -> tuple[list[str], list[str]]:
        """Write a segment as it is nearly always, and, where need be, one that is thorough."""
        segment = self.plan.segments[number]
        usual, thorough = (
            StepWriter(
                self.plan, segment, *self.kind, self.lanes, self.deck, self.watch, self.constants
            )
            for _ in range(2)
        )
        body = usual.usual(f"call i64 @thorough{number}({PASSED})")
        self.writers.append(usual)
        if not usual.beyond:
            return body, []
        self.writers.append(thorough)
        return body, [_segment(f"@thorough{number}", thorough.thorough(), "noinline")]

    def segment_functions(self, number: int) -> list[str]:
        """Write a segment as a function, and those that it needs."""
        body, functions = self.segment(number)
        return [*functions, _segment(f"@segment{number}", body)]

    def calls(self) -> list[str]:
        """Write the calls of the segments, and gather their notes."""
        lines, found = [], "0"
        for k in range(len(self.plan.segments)):
            lines.append(f"%r{k} = call i64 @segment{k}({PASSED})")
            lines.append(f"%n{k} = or i64 {found}, %r{k}")
            found = f"%n{k}"
        return [*lines, f"%note = or i64 {found}, 0"]

    def addresses(self) -> list[str]:
        """Return the lines that find the numbers of group `%g`."""
        scalar, context = "float" if self.deck.single else "double", self.deck.context
        return [
            f"%lane = mul i64 %g, {self.lanes}",
            *(f"%{n} = getelementptr {scalar}, ptr %{n}s, i64 %lane" for n in POINTERS[:-2]),
            *(f"%{n} = getelementptr i8, ptr %{n}s, i64 0" for n in POINTERS[-2:]),
            f"%context = getelementptr {scalar}, ptr %rows, i64 {context * self.deck.row}",
        ]

    def loop(self, body: list[str], last: str) -> str:
        """Return the function: a loop over groups of lanes around a body that finds `%note`."""
        scalar, width = ("float", 4) if self.deck.single else ("double", 8)
        slots, lanes = len(self.plan.slots) * self.lanes, f"i{self.lanes}"
        heap = slots > LARGEST_STACK
        room = f"alloca [{max(slots, 1)} x {scalar}], align 64"
        lines = [
            "entry:",
            f"%slots = {f'call ptr @malloc(i64 {slots * width})' if heap else room}",
            f"%rest = add i64 %groups, {self.lanes // LANES - 1}",
            f"%turns = udiv i64 %rest, {self.lanes // LANES}",
            "br label %loop",
            "loop:",
            f"%g = phi i64 [ 0, %entry ], [ %more, %{last} ]",
            f"%any = phi {lanes} [ 0, %entry ], [ %all, %{last} ]",
            *self.addresses(),
            *body,
            *self.verdict(),
            f"%alive_at = getelementptr {lanes}, ptr %alive, i64 %g",
            f"%living = load {lanes}, ptr %alive_at, align 1",
            f"%found = and {lanes} %doubt, %living",
            f"%doubt_at = getelementptr {lanes}, ptr %doubts, i64 %g",
            f"store {lanes} %found, ptr %doubt_at, align 1",
            f"%all = or {lanes} %any, %found",
            "%more = add i64 %g, 1",
            "%on = icmp slt i64 %more, %turns",
            "br i1 %on, label %loop, label %exit",
            "exit:",
            *(["call void @free(ptr %slots)"] if heap else []),
            f"%result = zext {lanes} %all to i64",
            "ret i64 %result",
        ]
        pointers = ", ".join(f"ptr noalias %{name}s" for name in POINTERS)
        signature = f"i64 @{STEP}({pointers}, ptr noalias %alive, ptr noalias %doubts, i64 %groups)"
        return _define(signature, lines)

    def verdict(self) -> list[str]:
        """Return the lines that make the doubts of a group from its note."""
        kind, lines = f"i{self.lanes}", [f"%d0 = trunc i64 %note to i{self.lanes}"]
        for k, watched in enumerate((self.watch.gtol, self.watch.xtol)):
            lines += [
                f"%s{k} = lshr i64 %note, {(k + 1) * self.lanes}",
                f"%t{k} = trunc i64 %s{k} to {kind}",
                f"%u{k} = xor {kind} %t{k}, -1",
                f"%d{k + 1} = or {kind} %d{k}, {f'%u{k}' if watched else '0'}",
            ]
        return [*lines, f"%doubt = or {kind} %d2, 0"]


PASSED = ", ".join(f"ptr %{name}" for name in (*POINTERS, "context", "slots"))
TAKEN = PASSED.replace("ptr", "ptr noalias")
WIDE = ATTRIBUTES.replace("nounwind }", 'nounwind "prefer-vector-width"="512" }', 1)


def _define(signature: str, lines: list[str]) -> str:
    body = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
    return f"define {signature} #0 {{\n{body}\n}}\n"


def _segment(name: str, body: list[str], attributes: str = "") -> str:
    """Return the function of one segment on the lanes of a group: its note."""
    lines = ["entry:", "br label %loop", "loop:", *body, "ret i64 %note"]
    return _define(f"internal i64 {name}({TAKEN}) {attributes}".strip(), lines)

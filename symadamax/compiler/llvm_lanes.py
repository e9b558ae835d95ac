"""Segments -> LLVM IR text: one step of Adamax for many points side by side.

The function ``step(before, x, next, rows, stop, limits, alive, doubts, groups)`` takes a deck of
`groups` times `LANES` points. It evaluates value and gradient at `x`, updates the moments in place,
and writes the points that follow to `next`. `before` holds the points before `x`; `limits` the
lower bounds of the unknowns, and behind them the upper ones.

A number of a point stands in a row, with one entry for each lane of the deck; a row has `row`
entries (see `Deck`). The kernel does the operations of `cython_src/adamax.pxd` in the order of the
equations there, none of them contracted, so each lane has the bits that one run alone would have.

It does not decide how a run ends. It notes which lanes give cause for doubt: something there is
not finite, or a criterion of `stop` is met. The loop in `cython_src/lanes.pxi` looks at these one
by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from symadamax.compiler.layout import LANES
from symadamax.compiler.llvm_adamax import SETTINGS as PLAIN
from symadamax.compiler.llvm_adamax import displacement, moment, weight
from symadamax.compiler.llvm_code import LARGEST_STACK, SegmentWriter
from symadamax.compiler.schedule import Schedule, Segment
from symadamax.compiler.writer import ATTRIBUTES, Module, bits

__all__ = ["SETTINGS", "STEP", "Deck", "Watch", "emit"]

STEP = "step"

#: The rows of settings, in order: see equations (1) to (4) of adamax.pxd, and then (5) to (8).
OPTIONS = ("l2", "clip", "-clip", "decay")
SETTINGS = (*PLAIN, *OPTIONS)

# The criteria in the array `stop`, in order.
GTOL, FTOL, XTOL, TARGET = range(4)

POINTERS = ("before", "x", "next", "rows", "stop", "limits")
STRIDED = ("%before", "%x", "%next", "%rows", "%context")


class Watch(NamedTuple):
    """What a kernel does beside the plain step, and looks for beside what is not finite.

    Attributes
    ----------
    gtol, ftol, xtol, target : bool
        The criteria of a Stop that are given.
    settling : bool
        Whether 0/0 may occur, which moves nothing: where epsilon is 0.
    options : bool
        Whether equations (5), (7) and (8) of adamax.pxd have a part in it.
    bounded : bool
        Whether (9) has.
    frozen : tuple of int
        The places of the unknowns that do not move.
    """

    gtol: bool = False
    ftol: bool = False
    xtol: bool = False
    target: bool = False
    settling: bool = False
    options: bool = False
    bounded: bool = False
    frozen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Deck:
    """How the numbers of many points lie in memory.

    Parameters
    ----------
    unknowns, parameters : int
    single : bool
        Whether numbers are float32.

    Examples
    --------
    >>> Deck(2, 0, False).row, Deck(10, 0, False).row
    (64, 16)
    """

    unknowns: int
    parameters: int
    single: bool

    @property
    def row(self) -> int:
        """How many lanes there are: as many as keep the deck within the first cache, 64 at most."""
        wide = 16 if self.single else 8
        most = 160 // max(self.unknowns, 1) // wide * wide
        return max(wide, min(8 * wide, most))

    def moment(self, k: int) -> int:
        """Return the row of m of an unknown."""
        return k

    def weight(self, k: int) -> int:
        """Return the row of u of an unknown."""
        return self.unknowns + k

    def setting(self, name: str) -> int:
        """Return the row of a setting."""
        return 2 * self.unknowns + SETTINGS.index(name)

    @property
    def context(self) -> int:
        """The first row of the parameters."""
        return 2 * self.unknowns + len(SETTINGS)

    @property
    def value(self) -> int:
        """The row of the value at the point before."""
        return self.context + self.parameters


def emit(plan: Schedule, dtype: str, watch: Watch, arithmetic: str = "portable") -> Module:
    """Return the module of a step on lanes.

    Parameters
    ----------
    plan : Schedule
    dtype : {"float64", "float32"}
    watch : Watch
    arithmetic : {"portable", "precise", "relaxed"}
        As for `symadamax.compiler.llvm_code.emit`.

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
    return _Emitter(plan, dtype, watch, arithmetic).module()


class _Emitter:
    def __init__(self, plan: Schedule, dtype: str, watch: Watch, arithmetic: str) -> None:
        program = plan.program
        self.plan, self.watch = plan, watch
        self.deck = Deck(program.unknowns, program.parameters, dtype == "float32")
        self.writers = [
            _LaneWriter(plan, segment, dtype, arithmetic, self.deck, watch)
            for segment in plan.segments
        ]

    def module(self) -> Module:
        bodies = [writer.written() for writer in self.writers]
        if len(bodies) == 1:
            texts = [self.loop(bodies[0], self.writers[0].block)]
        else:
            texts = [*map(_segment, range(len(bodies)), bodies), self.loop(self.calls(), "loop")]
        declared = {n: line for writer in self.writers for n, line in writer.declared.items()}
        calls = dict.fromkeys(call for writer in self.writers for call in writer.calls)
        return Module("\n".join([*declared.values(), *texts, WIDE]), tuple(calls), (STEP,))

    def calls(self) -> list[str]:
        """Write the calls of the segments, and gather their notes."""
        passed = ", ".join(f"ptr %{name}" for name in (*POINTERS, "context", "slots"))
        lines, found = [], "0"
        for k in range(len(self.writers)):
            lines.append(f"%r{k} = call i32 @segment{k}({passed})")
            lines.append(f"%n{k} = or i32 {found}, %r{k}")
            found = f"%n{k}"
        return [*lines, f"%note = or i32 {found}, 0"]

    def addresses(self) -> list[str]:
        """Return the lines that find the numbers of group `%g`."""
        scalar, context = self.writers[0].scalar, self.deck.context * self.deck.row
        return [
            f"%lane = mul i64 %g, {LANES}",
            *(f"%{n} = getelementptr {scalar}, ptr %{n}s, i64 %lane" for n in POINTERS[:-2]),
            *(f"%{n} = getelementptr i8, ptr %{n}s, i64 0" for n in POINTERS[-2:]),
            f"%context = getelementptr {scalar}, ptr %rows, i64 {context}",
        ]

    def loop(self, body: list[str], last: str) -> str:
        """Return the function: a loop over groups of lanes around a body that finds `%note`."""
        scalar, width = ("float", 4) if self.deck.single else ("double", 8)
        slots, heap = len(self.plan.slots) * LANES, len(self.plan.slots) > LARGEST_STACK // LANES
        room = f"alloca [{max(slots, 1)} x {scalar}], align 64"
        lines = [
            "entry:",
            f"%slots = {f'call ptr @malloc(i64 {slots * width})' if heap else room}",
            "br label %loop",
            "loop:",
            f"%g = phi i64 [ 0, %entry ], [ %more, %{last} ]",
            f"%any = phi i8 [ 0, %entry ], [ %all, %{last} ]",
            *self.addresses(),
            *body,
            *self.verdict(),
            "%alive_at = getelementptr i8, ptr %alive, i64 %g",
            "%living = load i8, ptr %alive_at",
            "%found = and i8 %doubt, %living",
            "%doubt_at = getelementptr i8, ptr %doubts, i64 %g",
            "store i8 %found, ptr %doubt_at",
            "%all = or i8 %any, %found",
            "%more = add i64 %g, 1",
            "%on = icmp slt i64 %more, %groups",
            "br i1 %on, label %loop, label %exit",
            "exit:",
            *(["call void @free(ptr %slots)"] if heap else []),
            "%result = zext i8 %all to i64",
            "ret i64 %result",
        ]
        pointers = ", ".join(f"ptr noalias %{name}s" for name in POINTERS)
        signature = f"i64 @{STEP}({pointers}, ptr noalias %alive, ptr noalias %doubts, i64 %groups)"
        return _define(signature, lines)

    def verdict(self) -> list[str]:
        """Return the lines that make the doubts of a group from its note."""
        lines = ["%d0 = trunc i32 %note to i8"]
        for k, (watched, shift) in enumerate(((self.watch.gtol, 8), (self.watch.xtol, 16))):
            lines += [
                f"%s{k} = lshr i32 %note, {shift}",
                f"%t{k} = trunc i32 %s{k} to i8",
                f"%u{k} = xor i8 %t{k}, -1",
                f"%d{k + 1} = or i8 %d{k}, {f'%u{k}' if watched else '0'}",
            ]
        return [*lines, "%doubt = or i8 %d2, 0"]


WIDE = ATTRIBUTES.replace("nounwind }", 'nounwind "prefer-vector-width"="512" }', 1)


def _define(signature: str, lines: list[str]) -> str:
    body = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
    return f"define {signature} #0 {{\n{body}\n}}\n"


def _segment(number: int, body: list[str]) -> str:
    """Return the function of one segment on the lanes of a group: its note."""
    taken = ", ".join(f"ptr noalias %{name}" for name in (*POINTERS, "context", "slots"))
    return _define(f"internal i32 @segment{number}({taken})", ["loop:", *body, "ret i32 %note"])


class _LaneWriter(SegmentWriter):
    """Writes the body of one segment, with the update of each unknown whose derivative it ends.

    It leaves a note of 32 bits, in which each lane has a bit of each byte: it is doubtful in any
    case; a derivative exceeds gtol; an unknown moved by more than xtol allows.
    """

    def __init__(
        self, plan: Schedule, segment: Segment, dtype: str, arithmetic: str, deck: Deck,
        watch: Watch,
    ) -> None:  # fmt: skip
        self.strides = MappingProxyType({"%slots": LANES, **dict.fromkeys(STRIDED, deck.row)})
        super().__init__(plan, segment, dtype, arithmetic, LANES)
        self.block = "loop"
        self.deck, self.watch = deck, watch
        self.settings: dict[str, str] = {}
        self.limits: dict[int, str] = {}
        self.nothing: list[str] = []  # 0 where a number is finite, and NaN elsewhere
        self.notes: tuple[list[str], list[str], list[str]] = ([], [], [])

    def written(self) -> list[str]:
        """Write the segment with its updates and its note; return the lines."""
        for name in SETTINGS if self.watch.options else PLAIN:
            self.settings[name] = self.load("%rows", self.deck.setting(name))
        self.body()
        if any(place == 0 for place, _ in self.segment.outputs):
            self.look_at_value()
        self.take_note()
        return self.lines

    # ---- the update ----------------------------------------------------------------------------

    def slope(self, place: int, register: str) -> None:
        """Update the unknown whose derivative is finished."""
        x, setting = self.load("%x", place), self.settings
        moment_row, weight_row = self.deck.moment(place), self.deck.weight(place)
        if self.watch.frozen or self.watch.bounded:  # then a number that is not finite may be lost
            self.nothing.append(self.binary("fsub", register, register))
        if place in self.watch.frozen:
            self.store(x, "%next", place)
            return
        self.look_at_unknown(place, x, register)
        g = self.with_options(register, x) if self.watch.options else register
        m = moment(self, setting, self.load("%rows", moment_row), g)
        self.store(m, "%rows", moment_row)
        u = weight(self, setting, self.load("%rows", weight_row), g)
        self.store(u, "%rows", weight_row)
        below = self.binary("fadd", u, setting["outside"])
        moved = self.binary("fadd", x, displacement(self, setting, m, below))
        if self.watch.settling:
            moved = self.settle(x, m, below, moved)
        if self.watch.options:  # (8)
            moved = self.with_multiple("fsub", moved, setting["decay"], x)
        if self.watch.bounded:  # (9)
            moved = self.choice("olt", moved, self.bound(place))
            moved = self.choice("ogt", moved, self.bound(place, upper=True))
        self.store(moved, "%next", place)
        self.nothing.append(self.binary("fsub", moved, moved))

    def with_options(self, g: str, x: str) -> str:
        """Return g of (5) and (7); what is clipped may not have been finite."""
        setting = self.settings
        self.nothing.append(self.binary("fsub", g, g))
        g = self.with_multiple("fadd", g, setting["l2"], x)
        g = self.choice("olt", g, setting["-clip"])
        return self.choice("ogt", g, setting["clip"])

    def with_multiple(self, instruction: str, a: str, factor: str, x: str) -> str:
        """Return a with factor*x added or taken, and a itself where the factor is 0."""
        given = self.line(f"fcmp une {self.real} {factor}, {self.number(0.0)}")
        whole = self.binary(instruction, a, self.binary("fmul", factor, x))
        return self.line(f"select {self.truth} {given}, {self.real} {whole}, {self.real} {a}")

    def choice(self, how: str, g: str, limit: str) -> str:
        """Return the limit where a number compares so with it, and the number elsewhere."""
        beyond = self.line(f"fcmp {how} {self.real} {g}, {limit}")
        return self.line(f"select {self.truth} {beyond}, {self.real} {limit}, {self.real} {g}")

    def bound(self, place: int, upper: bool = False) -> str:
        """Return a bound of an unknown on every lane."""
        number = place + self.deck.unknowns * upper
        at = self.line(f"getelementptr {self.scalar}, ptr %limits, i64 {number}")
        return self.spread(self.scalar, at)

    def projected(self, place: int, x: str, slope: str) -> str:
        """Return what the bounds leave of a derivative, as `projected` of adamax.pxd does."""
        below = self.binary("fsub", x, self.bound(place))
        above = self.binary("fsub", x, self.bound(place, upper=True))
        falling = self.choice("ogt", slope, below)
        rising = self.choice("olt", slope, above)
        positive = self.line(f"fcmp ogt {self.real} {slope}, {self.number(0.0)}")
        kind = self.real
        return self.line(f"select {self.truth} {positive}, {kind} {falling}, {kind} {rising}")

    def binary(self, instruction: str, a: str, b: str) -> str:
        """Write an instruction on two numbers."""
        return self.line(f"{instruction} {self.real} {a}, {b}")

    def settle(self, x: str, m: str, below: str, moved: str) -> str:
        """0/0 moves nothing."""
        zero = self.number(0.0)
        rests = self.line(f"fcmp oeq {self.real} {m}, {zero}")
        nought = self.line(f"fcmp oeq {self.real} {below}, {zero}")
        both = self.line(f"and {self.truth} {rests}, {nought}")
        return self.line(f"select {self.truth} {both}, {self.real} {x}, {self.real} {moved}")

    # ---- the doubts: the comparisons of `met` in loop.pxi, in double ----------------------------

    def look_at_unknown(self, place: int, x: str, slope: str) -> None:
        """Compare the derivative with gtol, and the last step with xtol."""
        _, steep, moved = self.notes
        if self.watch.gtol:
            if self.watch.bounded:
                slope = self.projected(place, x, slope)
            steep.append(self.compare("ugt", self.size(slope), self.limit(GTOL)))
        if self.watch.xtol:
            way = self.line(f"fsub {self.real} {x}, {self.load('%before', place)}")
            most = self.product(self.limit(XTOL), self.at_least_one(self.size(x)))
            moved.append(self.compare("ugt", self.size(way), most))

    def look_at_value(self) -> None:
        """Look whether the value is finite; compare it with the target and with the one before."""
        value, (doubtful, _, _) = self.value, self.notes
        self.nothing.append(self.binary("fsub", value, value))
        if self.watch.target:
            doubtful.append(self.compare("ole", self.double(value), self.limit(TARGET)))
        if self.watch.ftol:
            before = self.load("%rows", self.deck.value)
            self.store(value, "%rows", self.deck.value)
            most = self.larger(self.at_least_one(self.size(value)), self.size(before))
            most = self.product(self.limit(FTOL), most)
            pair = f"{self.double(value)}, {self.double(before)}"
            change = self.line(f"fsub {self.of('double')} {pair}")
            below = self.line(f"fneg {self.of('double')} {most}")
            small = self.compare("ole", change, most), self.compare("oge", change, below)
            doubtful.append(self.line(f"and {self.truth} {', '.join(small)}"))

    def take_note(self) -> None:
        """Write `%note`."""
        doubtful = self.notes[0]
        if self.nothing:
            whole = self.of("i32" if self.single else "i64")
            words = [self.line(f"bitcast {self.real} {name} to {whole}") for name in self.nothing]
            doubtful.append(self.line(f"icmp ne {whole} {self.union(whole, words)}, {ZERO}"))
        note = "0"
        for place, truths in enumerate(self.notes):
            if truths:
                byte = self.line(f"bitcast {self.truth} {self.union(self.truth, truths)} to i8")
                word = self.line(f"zext i8 {byte} to i32")
                note = self.line(f"or i32 {note}, {self.line(f'shl i32 {word}, {8 * place}')}")
        self.do(f"%note = or i32 {note}, 0")

    def union(self, kind: str, registers: list[str]) -> str:
        """Return the bits that are set in any."""
        found = registers[0]
        for register in registers[1:]:
            found = self.line(f"or {kind} {found}, {register}")
        return found

    def limit(self, criterion: int) -> str:
        """Return a tolerance on every lane."""
        if criterion not in self.limits:
            at = self.line(f"getelementptr double, ptr %stop, i64 {criterion}")
            self.limits[criterion] = self.spread("double", at)
        return self.limits[criterion]

    def spread(self, scalar: str, at: str) -> str:
        """Return the number at an address on every lane."""
        kind, value = self.of(scalar), self.line(f"load {scalar}, ptr {at}")
        first = self.line(f"insertelement {kind} poison, {scalar} {value}, i64 0")
        zeros = f"<{self.lanes} x i32> {ZERO}"
        return self.line(f"shufflevector {kind} {first}, {kind} poison, {zeros}")

    def double(self, register: str) -> str:
        """Return a number as a double."""
        if not self.single:
            return register
        return self.line(f"fpext {self.real} {register} to {self.of('double')}")

    def size(self, register: str) -> str:
        """Return the magnitude of a number, as a double."""
        return self.double(self.intrinsic("fabs", register))

    def compare(self, how: str, a: str, b: str) -> str:
        """Compare two doubles."""
        return self.line(f"fcmp {how} {self.of('double')} {a}, {b}")

    def product(self, a: str, b: str) -> str:
        """Multiply two doubles."""
        return self.line(f"fmul {self.of('double')} {a}, {b}")

    def larger(self, a: str, b: str, kind: str = "") -> str:
        """Return the larger of two numbers, by default doubles; the second where one is NaN."""
        kind = kind or self.of("double")
        above = self.line(f"fcmp ogt {kind} {a}, {b}")
        return self.line(f"select {self.truth} {above}, {kind} {a}, {kind} {b}")

    def at_least_one(self, size: str) -> str:
        """Return the larger of a double and 1."""
        return self.larger(size, self.splat("double", bits(1.0)))


ZERO = "zeroinitializer"

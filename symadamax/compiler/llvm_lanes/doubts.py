"""Which lanes of a group give cause for doubt: the comparisons of `met` in loop.pxi, in double."""

from __future__ import annotations

from symadamax.compiler.llvm_lanes.deck import FTOL, GTOL, TARGET, XTOL, Deck, Watch
from symadamax.compiler.llvm_lanes.lane_writer import LaneWriter
from symadamax.compiler.writer import bits

__all__ = ["Doubts"]


class Doubts:
    """Writes what is looked for, and a note of it.

    The note has three bits for each lane, first those of the first kind: the lane is doubtful in
    any case; a derivative exceeds gtol; an unknown moved by more than xtol allows.
    """

    def __init__(self, writer: LaneWriter, deck: Deck, watch: Watch) -> None:
        self.writer, self.deck, self.watch = writer, deck, watch
        self.limits: dict[int, str] = {}
        self.nothing: list[str] = []  # 0 where a number is finite, and NaN elsewhere
        self.notes: tuple[list[str], list[str], list[str]] = ([], [], [])

    def doubt(self, register: str) -> None:
        """Look whether a number is finite."""
        self.nothing.append(self.writer.binary("fsub", register, register))

    def look_at_unknown(self, place: int, x: str, slope: str) -> None:
        """Compare the derivative with gtol, and the last step with xtol."""
        _, steep, moved = self.notes
        if self.watch.gtol:
            if self.watch.bounded:
                slope = self.projected(place, x, slope)
            steep.append(self.compare("ugt", self.size(slope), self.limit(GTOL)))
        if self.watch.xtol:
            way = self.writer.binary("fsub", x, self.writer.load("%before", place))
            most = self.product(self.limit(XTOL), self.at_least_one(self.size(x)))
            moved.append(self.compare("ugt", self.size(way), most))

    def look_at_value(self, value: str) -> None:
        """Look whether the value is finite; compare it with the target and with the one before."""
        writer, (doubtful, _, _) = self.writer, self.notes
        self.doubt(value)
        if self.watch.target:
            doubtful.append(self.compare("ole", self.double(value), self.limit(TARGET)))
        if self.watch.ftol:
            before = writer.load("%rows", self.deck.value)
            writer.store(value, "%rows", self.deck.value)
            most = self.larger(self.at_least_one(self.size(value)), self.size(before))
            most = self.product(self.limit(FTOL), most)
            pair = f"{self.double(value)}, {self.double(before)}"
            change = writer.line(f"fsub {writer.of('double')} {pair}")
            below = writer.line(f"fneg {writer.of('double')} {most}")
            small = self.compare("ole", change, most), self.compare("oge", change, below)
            doubtful.append(writer.line(f"and {writer.truth} {', '.join(small)}"))

    def note(self) -> str:
        """Write the note; return its register."""
        writer, doubtful = self.writer, self.notes[0]
        if self.nothing:
            whole = writer.of("i32" if writer.single else "i64")
            words = [writer.line(f"bitcast {writer.real} {n} to {whole}") for n in self.nothing]
            any_bit = writer.union(whole, words)
            doubtful.append(writer.line(f"icmp ne {whole} {any_bit}, zeroinitializer"))
        note = "0"
        for place, truths in enumerate(self.notes):
            if truths:
                found = writer.union(writer.truth, truths)
                mask = writer.line(f"bitcast {writer.truth} {found} to i{writer.lanes}")
                word = writer.line(f"zext i{writer.lanes} {mask} to i64")
                word = writer.line(f"shl i64 {word}, {writer.lanes * place}")
                note = writer.line(f"or i64 {note}, {word}")
        return note

    # ---- the bounds -----------------------------------------------------------------------------

    def bound(self, place: int, upper: bool = False) -> str:
        """Return a bound of an unknown on every lane."""
        writer, number = self.writer, place + self.deck.unknowns * upper
        at = writer.line(f"getelementptr {writer.scalar}, ptr %limits, i64 {number}")
        return writer.spread(writer.scalar, at)

    def projected(self, place: int, x: str, slope: str) -> str:
        """Return what the bounds leave of a derivative, as `projected` of adamax.pxd does."""
        writer = self.writer
        below = writer.binary("fsub", x, self.bound(place))
        above = writer.binary("fsub", x, self.bound(place, upper=True))
        falling = writer.choice("ogt", slope, below)
        rising = writer.choice("olt", slope, above)
        positive = writer.line(f"fcmp ogt {writer.real} {slope}, {writer.number(0.0)}")
        return writer.choose(positive, falling, rising)

    # ---- doubles --------------------------------------------------------------------------------

    def limit(self, criterion: int) -> str:
        """Return a tolerance on every lane."""
        if criterion not in self.limits:
            at = self.writer.line(f"getelementptr double, ptr %stop, i64 {criterion}")
            self.limits[criterion] = self.writer.spread("double", at)
        return self.limits[criterion]

    def double(self, register: str) -> str:
        """Return a number as a double."""
        writer = self.writer
        if not writer.single:
            return register
        return writer.line(f"fpext {writer.real} {register} to {writer.of('double')}")

    def size(self, register: str) -> str:
        """Return the magnitude of a number, as a double."""
        return self.double(self.writer.intrinsic("fabs", register))

    def compare(self, how: str, a: str, b: str) -> str:
        """Compare two doubles."""
        return self.writer.line(f"fcmp {how} {self.writer.of('double')} {a}, {b}")

    def product(self, a: str, b: str) -> str:
        """Multiply two doubles."""
        return self.writer.line(f"fmul {self.writer.of('double')} {a}, {b}")

    def larger(self, a: str, b: str) -> str:
        """Return the larger of two doubles; the second where one is NaN."""
        kind, above = self.writer.of("double"), self.compare("ogt", a, b)
        return self.writer.line(f"select {self.writer.truth} {above}, {kind} {a}, {kind} {b}")

    def at_least_one(self, size: str) -> str:
        """Return the larger of a double and 1."""
        return self.larger(size, self.writer.splat("double", bits(1.0)))

"""The update of one unknown on the lanes of a group: the equations of `cython_src/adamax.pxd`."""

from __future__ import annotations

from symadamax.compiler.llvm_adamax import displacement, moment, weight
from symadamax.compiler.llvm_lanes.deck import Deck, Watch
from symadamax.compiler.llvm_lanes.doubts import Doubts
from symadamax.compiler.llvm_lanes.lane_writer import LaneWriter

__all__ = ["Update"]


class Update:
    """Takes unknowns one step further."""

    def __init__(self, writer: LaneWriter, deck: Deck, watch: Watch, doubts: Doubts) -> None:
        self.writer, self.deck, self.watch, self.doubts = writer, deck, watch, doubts
        self.setting = _Settings(writer, deck)

    def unknown(self, place: int, g: str) -> None:
        """Update an unknown by its derivative."""
        writer, setting, watch = self.writer, self.setting, self.watch
        x = writer.load("%x", place)
        moment_row, weight_row = self.deck.moment(place), self.deck.weight(place)
        if watch.frozen or watch.bounded:  # then a number that is not finite may be lost
            self.doubts.doubt(g)
        if place in watch.frozen:
            writer.store(x, "%next", place)
            return
        self.doubts.look_at_unknown(place, x, g)
        g = self.with_options(g, x) if watch.options else g
        m = moment(writer, setting, writer.load("%rows", moment_row), g)
        writer.store(m, "%rows", moment_row)
        u = weight(writer, setting, writer.load("%rows", weight_row), g)
        writer.store(u, "%rows", weight_row)
        moved = self.moved(place, x, m, writer.binary("fadd", u, setting["outside"]))
        writer.store(moved, "%next", place)
        self.doubts.doubt(moved)

    def moved(self, place: int, x: str, m: str, below: str) -> str:
        """Return where the unknown goes: (4), (8) and (9)."""
        writer, setting = self.writer, self.setting
        moved = writer.binary("fadd", x, displacement(writer, setting, m, below))
        if self.watch.settling:
            moved = self.settle(x, m, below, moved)
        if self.watch.options:
            moved = self.with_multiple("fsub", moved, setting["decay"], x)
        if self.watch.bounded:
            moved = writer.choice("olt", moved, self.doubts.bound(place))
            moved = writer.choice("ogt", moved, self.doubts.bound(place, upper=True))
        return moved

    def with_options(self, g: str, x: str) -> str:
        """Return g of (5) and (7); what is clipped may not have been finite."""
        setting, writer = self.setting, self.writer
        self.doubts.doubt(g)
        g = self.with_multiple("fadd", g, setting["l2"], x)
        g = writer.choice("olt", g, setting["-clip"])
        return writer.choice("ogt", g, setting["clip"])

    def with_multiple(self, instruction: str, a: str, factor: str, x: str) -> str:
        """Return a with factor*x added or taken, and a itself where the factor is 0."""
        writer = self.writer
        given = writer.line(f"fcmp une {writer.real} {factor}, {writer.number(0.0)}")
        return writer.choose(
            given, writer.binary(instruction, a, writer.binary("fmul", factor, x)), a
        )

    def settle(self, x: str, m: str, below: str, moved: str) -> str:
        """0/0 moves nothing."""
        writer, zero = self.writer, self.writer.number(0.0)
        rests = writer.line(f"fcmp oeq {writer.real} {m}, {zero}")
        nought = writer.line(f"fcmp oeq {writer.real} {below}, {zero}")
        both = writer.line(f"and {writer.truth} {rests}, {nought}")
        return writer.choose(both, x, moved)


class _Settings(dict[str, str]):
    """The settings of each lane, loaded once, but not before they are used: registers are few."""

    def __init__(self, writer: LaneWriter, deck: Deck) -> None:
        super().__init__()
        self.writer, self.deck = writer, deck

    def __missing__(self, name: str) -> str:
        self[name] = self.writer.load("%rows", self.deck.setting(name))
        return self[name]

"""One segment on the lanes of a group, with the update of each unknown whose derivative it ends."""

from __future__ import annotations

from symadamax.compiler.elementary.trigonometric import any_beyond
from symadamax.compiler.llvm_lanes.deck import Deck, Watch, is_long
from symadamax.compiler.llvm_lanes.doubts import Doubts
from symadamax.compiler.llvm_lanes.lane_writer import Constants, LaneWriter
from symadamax.compiler.llvm_lanes.update import Update
from symadamax.compiler.schedule import Schedule, Segment

__all__ = ["StepWriter"]

FAR = ("sin", "cos", "tan")  # what needs a call now and then


class StepWriter(LaneWriter):
    """Writes the body of one segment; it finds `%note` (see `Doubts`)."""

    def __init__(
        self, plan: Schedule, segment: Segment, dtype: str, arithmetic: str, lanes: int,
        deck: Deck, watch: Watch, constants: Constants,
    ) -> None:  # fmt: skip
        super().__init__(plan, segment, dtype, arithmetic, lanes, deck, constants)
        self.block = "loop"
        self.doubts = Doubts(self, deck, watch)
        self.update = Update(self, deck, watch, self.doubts)
        self.slopes: list[tuple[int, str]] | None = None

    def usual(self, thorough: str) -> list[str]:
        """Write the segment for lanes that can be done in place, and else the call `thorough`.

        Nothing is stored before it is known which of the two it is.
        """
        self.calling = is_long(self.plan.program)
        if not self.calling and any(node.name in FAR for node in self.segment.nodes):
            self.slopes, self.beyond = [], []
        self.body()
        if not self.beyond:
            self.finish()
            return self.lines
        self.do(f"br i1 {any_beyond(self)}, label %far, label %near")
        self.begin("far")
        called = self.line(thorough)
        self.do("br label %done")
        self.begin("near")
        note = self.finish("")
        self.do("br label %done")
        self.begin("done")
        self.do(f"%note = phi i64 [ {called}, %far ], [ {note}, %near ]")
        return self.lines

    def thorough(self) -> list[str]:
        """Write the segment for all lanes, as short code; return the lines."""
        self.calling = True
        self.body()
        self.finish()
        return self.lines

    def finish(self, name: str = "%note") -> str:
        """Write the updates that are left, and the note under a name if one is given."""
        for place, register in self.slopes or ():
            self.update.unknown(place, register)
        if any(place == 0 for place, _ in self.segment.outputs):
            self.doubts.look_at_value(self.value)
        note = self.doubts.note()
        if name:
            self.do(f"{name} = or i64 {note}, 0")
        return note

    def slope(self, place: int, register: str) -> None:
        """Update the unknown whose derivative is finished, or do it later."""
        if self.slopes is None:
            self.update.unknown(place, register)
        else:
            self.slopes.append((place, register))

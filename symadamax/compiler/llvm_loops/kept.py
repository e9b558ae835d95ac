"""Numbers that a loop keeps for later ones -> LLVM IR: where they stand, stored and loaded."""

from __future__ import annotations

from symadamax.compiler.affine import Affine, Index
from symadamax.compiler.llvm_loops.turn import Turn
from symadamax.compiler.steps import Keep

__all__ = ["load", "store"]


def load(turn: Turn, keep: Keep, first: str) -> str:
    """Load what an earlier loop has kept, on all lanes; the loop at hand begins with `first`."""
    writer, scalar = turn.writer, turn.function.scalar
    if keep.outermost and turn.lane not in keep.indices:
        place = _place(turn, keep, first)
        return turn.function.splat(writer.line(f"load {scalar}, ptr {place}"), scalar)
    if not _is_strided(turn, keep):
        return writer.line(f"load {writer.real}, ptr {_place(turn, keep, first)}, align 4")
    register = "poison"
    for lane, place in enumerate(_places(turn, keep)):
        one = writer.line(f"load {scalar}, ptr {place}, align 4")
        into = f"{writer.real} {register}, {scalar} {one}, i64 {lane}"
        register = writer.line(f"insertelement {into}")
    return register


def store(turn: Turn, keep: Keep, first: str, register: str) -> None:
    """Store a number of each lane, where a later loop finds it."""
    writer, scalar = turn.writer, turn.function.scalar
    if not _is_strided(turn, keep):
        place = _place(turn, keep, first)
        writer.do(f"store {writer.real} {register}, ptr {place}, align 4")
        return
    for lane, place in enumerate(_places(turn, keep)):
        one = writer.line(f"extractelement {writer.real} {register}, i64 {lane}")
        writer.do(f"store {scalar} {one}, ptr {place}, align 4")


def _is_strided(turn: Turn, keep: Keep) -> bool:
    """Tell whether neighbouring lanes are rows of an array."""
    return keep.outermost and turn.lane in keep.indices[:-1]


def _memory(turn: Turn, keep: Keep) -> str:
    return turn.function.word("kept", keep.node, kind="ptr")


def _place(turn: Turn, keep: Keep, first: str) -> str:
    """Return the address on lane 0: at the top one number for each turn, inside one for a lane."""
    function, line, last = turn.function, turn.writer.line, keep.indices[-1]
    offset = line(f"sub i64 {turn.indices[last]}, {first}")
    if not keep.outermost:
        memory = function.room("room", last, keep.node)
        return function.element_of(memory, offset, 1, turn.writer.real)
    row = "0"
    for index in keep.indices[:-1]:
        turns = line(f"sub i64 {turn.indices[index]}, {turn.scalar(index.lower)}")
        row = turn.add(_row(turn, row, index), turns)
    offset = turn.add(_row(turn, row, last), offset)
    return function.element_of(_memory(turn, keep), offset, 1, function.scalar)


def _row(turn: Turn, offset: str, index: Index) -> str:
    """Return where the row begins in which an index counts."""
    if offset == "0":
        return offset
    return turn.writer.line(f"mul i64 {offset}, {turn.function.word('room', index)}")


def _places(turn: Turn, keep: Keep) -> list[str]:
    """Return the address on each lane, of which those beyond the loop's end are the last one's."""
    writer, function = turn.writer, turn.function
    offsets, places = _offsets(turn, keep), []
    for lane in range(writer.lanes):
        offset = writer.line(f"extractelement {writer.whole} {offsets}, i64 {lane}")
        places.append(function.element_of(_memory(turn, keep), offset, 1, function.scalar))
    return places


def _offsets(turn: Turn, keep: Keep) -> str:
    """Return the place on each lane, in numbers from the first."""
    line, whole, function = turn.writer.line, turn.writer.whole, turn.function
    offsets = turn.writer.integer(0)
    for index in keep.indices:
        room = function.splat(function.word("room", index), "i64", function.prologue)
        offsets = line(f"mul {whole} {offsets}, {room}")
        turns = turn.lanes(Affine.of(index).plus(index.lower, -1))
        offsets = line(f"add {whole} {offsets}, {turns}")
    return offsets

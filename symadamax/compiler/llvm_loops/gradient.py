"""Derivatives by elements of arrays -> LLVM IR: stored, or added to their places."""

from __future__ import annotations

from symadamax.compiler import emission
from symadamax.compiler.affine import Access, Array
from symadamax.compiler.ir import Scatter, Store
from symadamax.compiler.llvm_loops.memory import load_masked, store_masked
from symadamax.compiler.llvm_loops.turn import Stride, Turn

__all__ = ["scatter", "store"]


def store(turn: Turn, effect: Store, value: str) -> None:
    """Write the derivatives by the elements of an array, each once."""
    writer, function = turn.writer, turn.function
    base = function.gradient_of(effect.array)
    place = function.element_of(base, turn.indices[effect.index], 1, function.scalar)
    real, align = writer.real, 4 if writer.single else 8
    if not turn.mask:
        writer.do(f"store {real} {value}, ptr {place}, align {align}")
        return
    store_masked(writer, turn.mask, value, place, function.scalar, str(align))


def scatter(turn: Turn, effect: Scatter, value: str) -> None:
    """Add to the derivatives by elements, lane after lane where lanes may meet."""
    writer, access = turn.writer, effect.access
    if turn.lane is None:
        _add_outside(turn, access, value)
        return
    if turn.mask:
        value = emission.select(writer, turn.mask, value, writer.number(0.0))
    if writer.single:
        value = writer.line(f"fpext {writer.real} {value} to {writer.of('double')}")
    if turn.is_scalar(access):
        _add(turn, _target(turn, access), turn.function.across(value, "fadd"), "double")
    elif turn.side_by_side(access) and turn.mask:
        place = _target(turn, access)
        old = load_masked(writer, turn.mask, place, "double", "8")
        new = writer.line(f"fadd {writer.of('double')} {old}, {value}")
        store_masked(writer, turn.mask, new, place, "double", "8")
    elif turn.side_by_side(access):
        _add(turn, _target(turn, access), value, writer.of("double"))
    else:
        _add_lanes(turn, access, value)


def _add(turn: Turn, place: str, value: str, kind: str) -> None:
    line = turn.writer.line
    old = line(f"load {kind}, ptr {place}, align 8")
    new = line(f"fadd {kind} {old}, {value}")
    turn.writer.do(f"store {kind} {new}, ptr {place}, align 8")


def _target(turn: Turn, access: Access) -> str:
    """Return where the derivative by an element, on lane 0, is added up."""
    offset = turn.offset(access, _step(turn), clamped=bool(turn.mask) and not turn.exact)
    buffer = turn.function.buffers[access.array]
    return turn.writer.line(f"getelementptr double, ptr {buffer}, i64 {offset}")


def _add_lanes(turn: Turn, access: Access, value: str) -> None:
    writer, line = turn.writer, turn.writer.line
    offsets = turn.offsets(access, _step(turn), clamped=bool(turn.mask))
    buffer = turn.function.buffers[access.array]
    for lane in range(writer.lanes):
        offset = line(f"extractelement {writer.whole} {offsets}, i64 {lane}")
        one = line(f"extractelement {writer.of('double')} {value}, i64 {lane}")
        _add(turn, line(f"getelementptr double, ptr {buffer}, i64 {offset}"), one, "double")


def _add_outside(turn: Turn, access: Access, value: str) -> None:
    """Add to the gradient itself, outside of all loops."""
    function, line, real = turn.function, turn.writer.line, turn.function.scalar
    offset = turn.offset(access, _step(turn), clamped=False)
    place = line(f"getelementptr {real}, ptr {function.gradient_of(access.array)}, i64 {offset}")
    new = line(f"fadd {real} {line(f'load {real}, ptr {place}')}, {value}")
    turn.writer.do(f"store {real} {new}, ptr {place}")


def _step(turn: Turn) -> Stride:
    """Return the distance in elements of neighbours along an axis of unknowns."""

    def step(array: Array, axis: int) -> str:
        return "1" if axis == array.axes - 1 else turn.function.word("step", array, axis)

    return step

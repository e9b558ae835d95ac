"""Leaves of the graph -> LLVM IR: numbers, elements of arrays, indices, on the lanes of a turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symadamax.compiler.affine import Access, Affine, Index, Within
from symadamax.compiler.ir import Node
from symadamax.compiler.llvm_code import single
from symadamax.compiler.llvm_loops.turn import Turn

__all__ = ["leaf"]


def leaf(turn: Turn, node: Node) -> str | None:
    """Return the register of a leaf, None for what is computed from others."""
    write = _WRITTEN.get(node.name)
    return write(turn, node.value) if write else None


def _constant(turn: Turn, value: float) -> str:
    return turn.writer.number(single(value) if turn.writer.single else value)


def _truth(turn: Turn, value: bool) -> str:
    return turn.writer.splat("i1", "true" if value else "false")


def _unknown(turn: Turn, place: int) -> str:
    function = turn.function
    start, scalar = function.word("x", kind="ptr"), function.scalar
    address = function.early(f"getelementptr {scalar}, ptr {start}, i64 {place}")
    loaded = function.early(f"load {scalar}, ptr {address}")
    return function.splat(loaded, scalar, function.prologue)


def _parameter(turn: Turn, place: int) -> str:
    function = turn.function
    number = function.word("parameter", place, kind="double")
    if turn.writer.single:
        number = function.early(f"fptrunc double {number} to float")
    return function.splat(number, function.scalar, function.prologue)


def _element(turn: Turn, access: Access) -> str:
    """Load an element, and convert it to the type of the numbers."""
    register, stored = turn.raw(access)
    scalar = turn.function.scalar
    if stored == scalar:
        how = ""
    elif stored in ("double", "float"):
        how = "fpext" if stored == "float" else "fptrunc"
    else:
        how = "uitofp" if turn.storage(access.array).dtype[0] == "u" else "sitofp"
    same = turn.is_scalar(access)
    if how:
        source, real = (stored, scalar) if same else (turn.writer.of(stored), turn.writer.real)
        register = turn.writer.line(f"{how} {source} {register} to {real}")
    return turn.function.splat(register, scalar) if same else register


def _whole(turn: Turn, affine: Affine) -> str:
    """Return a whole number as a real one."""
    line, writer = turn.writer.line, turn.writer
    if turn.varies(affine):
        return line(f"sitofp {writer.whole} {turn.lanes(affine)} to {writer.real}")
    scalar = turn.function.scalar
    return turn.function.splat(line(f"sitofp i64 {turn.scalar(affine)} to {scalar}"), scalar)


def _extent(turn: Turn, index: Index) -> str:
    """Return how many values an index has."""
    count = index.upper.plus(index.lower, -1).plus(Affine(1))
    function, line, writer = turn.function, turn.writer.line, turn.writer
    if turn.varies(count):
        zero = writer.integer(0)
        whole = function.whole_intrinsic("smax", turn.lanes(count), zero, lanes=True)
        return line(f"sitofp {writer.whole} {whole} to {writer.real}")
    whole = function.whole_intrinsic("smax", turn.scalar(count), "0")
    return function.splat(line(f"sitofp i64 {whole} to {function.scalar}"), function.scalar)


def _within(turn: Turn, within: Within) -> str:
    """Return the condition on an index; where nothing is masked it holds on all lanes."""
    if not turn.mask:
        return _truth(turn, True)
    line, whole = turn.writer.line, turn.writer.whole
    here = turn.lanes(Affine.of(within.index))
    below = line(f"icmp sle {whole} {turn.lanes(within.lower)}, {here}")
    above = line(f"icmp sle {whole} {here}, {turn.lanes(within.upper)}")
    return line(f"and {turn.writer.truth} {below}, {above}")


_WRITTEN: Mapping[str, Callable[..., str]] = {
    "constant": _constant,
    "truth": _truth,
    "unknown": _unknown,
    "parameter": _parameter,
    "element": _element,
    "whole": _whole,
    "extent": _extent,
    "within": _within,
}

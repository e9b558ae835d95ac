"""The rows that come next -> LLVM IR: their data are fetched while those at hand are computed.

Rows that were drawn at random lie anywhere in memory, and a processor that meets them one by one
waits for each. `AHEAD` turns before a row is due, every cache line is asked for that the loop reads
because of it, along inner indices some of them. Where the row is only looked up in an
array, as the user of a rating is, the array's line is asked for first, and in half of the turns
that are left, what it leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from symadamax.compiler.affine import Access, Affine, Array, Index, Lookup
from symadamax.compiler.ir import Node, Scatter
from symadamax.compiler.layout import AHEAD, LANES, Storage
from symadamax.compiler.llvm_loops.function import Function
from symadamax.compiler.llvm_loops.memory import fetch
from symadamax.compiler.llvm_loops.turn import Turn
from symadamax.compiler.steps import Loop

__all__ = ["Target", "fetch_ahead", "targets"]

DEEPEST = 3  # arrays that are looked up one in another
NEIGHBOURS = 8  # elements that are taken for one cache line


@dataclass(frozen=True)
class Target:
    """What a loop reads because of a row.

    Attributes
    ----------
    access : Access
        The first element that is read: its positions hold no index but that of the rows.
    axes : tuple of int
        The axes along which more is read.
    depth : int
        How many arrays are looked up before its place is known.
    """

    access: Access
    axes: tuple[int, ...]
    depth: int


def targets(loop: Loop, storage: Callable[[Array], Storage]) -> list[Target]:
    """List what is read because of a row, neighbours once."""
    found: dict[Target, None] = {}
    for access in _accesses([*loop.steps, *loop.reductions]):
        target = _target(access, loop.index, storage(access.array).unit)
        if target is not None:
            found[target] = None
    return list(found)


def fetch_ahead(function: Function, loop: Loop, turn: str) -> None:
    """Ask for the cache lines of the rows that come so many turns later."""
    by_depth: dict[int, list[Target]] = {}
    for target in targets(loop, Turn(function, None, {}).storage):
        by_depth.setdefault(target.depth, []).append(target)
    for depth, alike in by_depth.items():
        for lane in range(LANES):
            later = function.writer.line(f"add i64 {turn}, {(AHEAD >> depth) + lane}")
            row = Turn(function, None, {loop.index: function.drawn_row(later)})
            for target in alike:
                _fetch_lines(row, target)


def _fetch_lines(row: Turn, target: Target) -> None:
    """Ask for one line, or for those along the axes; how many is known when arrays are bound."""
    writer, place = row.writer, row.address(target.access)
    if not target.axes:
        fetch(writer, place)
        return
    about = target.access.array, target.axes
    count, step = row.function.word("lines", *about), row.function.word("leap", *about)
    before = writer.block
    head, done = writer.fresh(), writer.fresh()
    line, spot = (f"%{writer.fresh()}" for _ in range(2))
    following, beyond = (f"%{writer.fresh()}" for _ in range(2))
    writer.do(f"br label %{head}")
    writer.begin(head)
    writer.do(f"{line} = phi i64 [ 0, %{before} ], [ {following}, %{head} ]")
    writer.do(f"{spot} = phi ptr [ {place}, %{before} ], [ {beyond}, %{head} ]")
    fetch(writer, spot)
    writer.do(f"{following} = add i64 {line}, 1")
    writer.do(f"{beyond} = getelementptr i8, ptr {spot}, i64 {step}")
    more = writer.line(f"icmp slt i64 {following}, {count}")
    writer.do(f"br i1 {more}, label %{head}, label %{done}")
    writer.begin(done)


def _target(access: Access, rows: Index, unit: int) -> Target | None:
    """Return where the row stands for which an element is read; None where that is not known.

    Neighbours along the axis `unit`, such as y[i] and y[i + 1], are one target.
    """
    positions, axes, depth = [], [], 0
    for axis, position in enumerate(access.positions):
        first, deeper = _first(position, rows)
        apart = first.constant % NEIGHBOURS if axis == unit else 0
        positions.append(first.plus(Affine(-apart)))
        depth = max(depth, deeper)
        if not position.indices <= {rows}:
            axes.append(axis)
    start = Access(access.array, tuple(positions))
    return Target(start, tuple(axes), depth) if rows in start.indices and depth <= DEEPEST else None


def _first(position: Affine, rows: Index) -> tuple[Affine, int]:
    """Return a position at the start of all inner loops, and how many arrays lead to it."""
    result, depth = Affine(position.constant), 0
    for atom, factor in position.terms:
        by, deeper = Affine.of(atom), 0
        if isinstance(atom, Index) and atom != rows:
            by, deeper = _first(atom.lower, rows)
        elif isinstance(atom, Lookup) and atom.access.indices <= {rows}:
            deeper = 1 + max(_first(place, rows)[1] for place in atom.access.positions)
        elif isinstance(atom, Lookup):  # what an inner index leads to may be anywhere
            by = Affine()
        result = result.plus(by, factor)
        depth = max(depth, deeper)
    return result, depth


def _accesses(steps: Iterable[object]) -> Iterator[Access]:
    """Yield all elements that the steps of a loop read, once or more often."""
    seen: set[object] = set()
    waiting = list(steps)
    while waiting:
        step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        if isinstance(step, Loop):
            waiting += [*step.steps, *step.reductions]
        elif isinstance(step, Scatter):
            waiting += [step.weight, step.access]
        elif isinstance(step, Node):
            waiting += [*step.arguments, step.value]
        elif isinstance(step, Access):
            yield step
            waiting += [
                a.access for p in step.positions for a, _ in p.terms if isinstance(a, Lookup)
            ]

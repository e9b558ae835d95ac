"""IR -> segments: the order of the instructions, cut into pieces that LLVM compiles in linear time.

The time of LLVM's code generator grows faster than the block it is given. So a long program is cut
into segments of bounded length; each becomes a function of its own, and a value that a later
segment needs goes through a slot of scratch memory. Within the bound nothing is cut. A segment of
512 operations was as fast to run as the whole, and compiled four times faster, at 16,000.
"""

from __future__ import annotations

from dataclasses import dataclass

from symadamax.compiler.ir import Node, Program

__all__ = ["LEAVES", "Schedule", "Segment", "schedule"]

LONGEST_SEGMENT = 512
LEAVES = frozenset({"constant", "truth", "unknown", "parameter"})


@dataclass(frozen=True)
class Segment:
    """Operations in the order in which they are done, and the outputs that they finish."""

    nodes: tuple[Node, ...]
    outputs: tuple[tuple[int, Node], ...]


@dataclass(frozen=True)
class Schedule:
    """Segments in order; `slots` maps each value that crosses segments to its place in scratch."""

    program: Program
    segments: tuple[Segment, ...]
    slots: dict[Node, int]

    def __str__(self) -> str:
        sizes = ", ".join(str(len(segment.nodes)) for segment in self.segments)
        lines = [f"{len(self.segments)} segment(s) of {sizes} operations, {len(self.slots)} slots"]
        for number, segment in enumerate(self.segments):
            outputs = tuple(node for _, node in segment.outputs)
            piece = Program(
                self.program.graph,
                outputs or segment.nodes[-1:],
                self.program.unknowns,
                self.program.parameters,
            )
            written = ", ".join(
                "value" if k == 0 else f"gradient[{k - 1}]" for k, _ in segment.outputs
            )
            lines += [f"segment {number} finishes {written or 'no output'}"]
            if len(self.segments) == 1:
                lines += ["  " + line for line in str(piece).splitlines()]
        return "\n".join(lines)


def schedule(program: Program, longest: int = LONGEST_SEGMENT) -> Schedule:
    """Cut a program, depth first, into segments of at most `longest` operations.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.trace import trace
    >>> x = sp.Symbol("x")
    >>> print(schedule(trace(1 + x + sp.sin(x), [x]), longest=1))
    3 segment(s) of 1, 1, 1 operations, 2 slots
    segment 0 finishes no output
    segment 1 finishes no output
    segment 2 finishes value
    """
    nodes = [node for node in program.nodes() if node.name not in LEAVES]
    place = {node: number // longest for number, node in enumerate(nodes)}
    count = max(1, -(-len(nodes) // longest))
    finished: list[list[tuple[int, Node]]] = [[] for _ in range(count)]
    for k, node in enumerate(program.outputs):
        finished[place.get(node, count - 1)].append((k, node))
    segments = tuple(
        Segment(tuple(nodes[k * longest : (k + 1) * longest]), tuple(finished[k]))
        for k in range(count)
    )
    return Schedule(program, segments, _slots(nodes, place))


def _slots(nodes: list[Node], place: dict[Node, int]) -> dict[Node, int]:
    slots: dict[Node, int] = {}
    for node in nodes:
        for argument in node.arguments:
            if place.get(argument, place[node]) != place[node]:
                slots.setdefault(argument, len(slots))
    return slots

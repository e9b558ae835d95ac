"""The steps that nests of loops are made of: operations, loops, effects, and how they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from symadamax.compiler.affine import Index
from symadamax.compiler.ir import Node, Scatter, Store

__all__ = ["Effect", "Keep", "Loop", "Step", "text"]

Effect = Scatter | Store


@dataclass(eq=False)
class Keep:
    """A number that a loop keeps, at each turn, for later loops over the same index.

    Attributes
    ----------
    node : Node
    indices : tuple of Index
        Those of the array that it is kept in; the last is the loop's.
    outermost : bool
        Whether it depends on no other index, so that one array serves all turns of other loops.
    """

    node: Node
    indices: tuple[Index, ...]
    outermost: bool


@dataclass(eq=False)
class Loop:
    """A loop over an index: its steps, what it reduces, what it keeps for others and finds."""

    index: Index
    outermost: bool
    steps: list[Step]
    reductions: list[Node]
    computed: set[Node]
    found: list[Keep] = field(default_factory=list)
    kept: list[Keep] = field(default_factory=list)

    def keep(self, node: Node, around: tuple[Index, ...] = ()) -> Keep:
        """Keep a node, if that is not done yet, for each turn of the loops `around` too."""
        for keep in self.kept:
            if keep.node is node:
                return keep
        whole = self.outermost or bool(around)
        self.kept.append(Keep(node, (*around, self.index), whole))
        return self.kept[-1]


Step = Node | Loop | Effect


def text(steps: Sequence[Step], indent: str = "") -> str:
    """Show the loops as a person would write them down.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.nests import nests
    >>> from symadamax.compiler.trace import trace
    >>> x, i = sp.symbols("x i")
    >>> print(text(nests(trace(sp.Sum(sp.sin(x)*i**2, (i, 1, 9)), [x]))))
    1 operation
    for i = 1 .. 9
      2 operations
      sum
    """
    lines: list[str] = []
    count = 0
    for step in [*steps, None]:
        if isinstance(step, Node):
            count += 1
            continue
        if count:
            lines.append(f"{indent}{count} operation{'s' * (count > 1)}")
            count = 0
        if isinstance(step, Loop):
            lines += _loop_lines(step, indent)
        elif step is not None:
            target = step.access if isinstance(step, Scatter) else f"{step.array}[{step.index}]"
            sign = "+=" if isinstance(step, Scatter) else "="
            lines.append(f"{indent}gradient {target} {sign} ...")
    return "\n".join(lines)


def _loop_lines(loop: Loop, indent: str) -> Iterator[str]:
    index = loop.index
    yield f"{indent}for {index} = {index.lower} .. {index.upper}"
    inner = indent + "  "
    if loop.found:
        yield f"{inner}{len(loop.found)} found that an earlier loop kept"
    if body := text(loop.steps, inner):
        yield body
    if loop.kept:
        yield f"{inner}{len(loop.kept)} kept for a later loop"
    for node in loop.reductions:
        yield f"{inner}{node.name}"

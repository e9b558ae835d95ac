"""IR -> nests of loops: what is hoisted, what shares a loop, what is kept for a second one.

At each level, the top or the inside of a loop, stand the nodes that depend on the indices of the
loops around and on no other. Sums and scatters over a further index become loops; those over the
same index that do not wait for each other share one. What does not depend on an index is computed
before its loop. Where a second loop over the same index needs what the first has computed and that
was dear, the first keeps it in an array as long as the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from symadamax.compiler.affine import Index, ordered
from symadamax.compiler.ir import Node, Program, Scatter, Store

__all__ = ["LEAVES", "Effect", "Keep", "Loop", "Step", "nests"]

LEAVES = frozenset(
    {"constant", "truth", "unknown", "parameter", "element", "whole", "extent", "within"}
)
REDUCTIONS = frozenset({"sum", "product"})
CHEAP = 16  # what costs up to so many additions is computed again, not kept
COSTS = {"div": 4, "sqrt": 4, "sum": 1000, "product": 1000}
ARITHMETIC = frozenset(
    [
        "add",
        "sub",
        "mul",
        "neg",
        "abs",
        "max",
        "min",
        "sign",
        "floor",
        "ceiling",
        "select",
        "less",
        "less_equal",
        "equal",
        "not_equal",
        "and",
        "or",
        "not",
    ]
)
FUNCTION_COST = 20

Effect = Scatter | Store


@dataclass(eq=False)
class Keep:
    """A node that a loop keeps, at each turn, for later loops over the same index."""

    node: Node
    index: Index


@dataclass(eq=False)
class Loop:
    """A loop over an index: its steps, what it reduces, what it keeps for others and finds."""

    index: Index
    steps: list[Step]
    reductions: list[Node]
    computed: set[Node]
    found: list[Keep] = field(default_factory=list)
    kept: list[Keep] = field(default_factory=list)


Step = Node | Loop | Effect


def nests(program: Program) -> list[Step]:
    """Return the steps of a program: nodes, loops and effects, in the order of execution."""
    return _Level((), set(), program.outputs, program.effects).steps()


def text(steps: Sequence[Step], indent: str = "") -> str:
    """Show the loops as a person would write them down.

    Examples
    --------
    >>> import sympy as sp
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


class _Level:
    """One level: what is wanted of it, and in which order it is computed.

    Parameters
    ----------
    scope : tuple of Index
        The loops around.
    ready : set of Node
        What has been computed outside, or is found kept.
    wanted : iterable of Node
    effects : iterable of Effect
    """

    def __init__(
        self,
        scope: tuple[Index, ...],
        ready: set[Node],
        wanted: Iterable[Node],
        effects: Iterable[Effect],
    ) -> None:
        self.scope = scope
        self.inside = frozenset(scope)
        self.ready = ready
        self.effects = list(effects)
        self.needs: dict[Node | Effect, list[Node]] = {}
        self.order: list[Node] = []
        self.depth: dict[Node | Effect, int] = {}
        for root in (*wanted, *(n for e in self.effects for n in self.below(e.weight))):
            self.place(root)

    def below(self, root: Node) -> list[Node]:
        """List the nodes of this level that a node of this or of an inner level needs."""
        found: dict[Node, None] = {}
        stack, seen = [root], set()
        while stack:
            node = stack.pop()
            if node in seen or node in self.ready or node.name in LEAVES:
                continue
            seen.add(node)
            if node.indices <= self.inside:
                found[node] = None
            else:
                stack.extend(reversed(node.arguments))
        return list(found)

    def requirements(self, node: Node) -> list[Node]:
        found: dict[Node, None] = {}
        for argument in node.arguments:
            found |= dict.fromkeys(self.below(argument))
        return list(found)

    def place(self, root: Node) -> None:
        """Put a node behind all that it needs."""
        stack = [] if root in self.ready or root.name in LEAVES else [root]
        while stack:
            node = stack[-1]
            if node in self.depth:
                stack.pop()
                continue
            if node not in self.needs:
                self.needs[node] = self.requirements(node)
            pending = [n for n in self.needs[node] if n not in self.depth]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            self.depth[node] = self.deepest(self.needs[node]) + (node.name in REDUCTIONS)
            self.order.append(node)

    def deepest(self, nodes: Iterable[Node]) -> int:
        """Return after how many rounds of loops all of these are known."""
        return max((self.depth[node] for node in nodes), default=0)

    def steps(self) -> list[Step]:
        """Return the steps in order: nodes, a round of loops, the nodes that waited for it, ..."""
        here = [e for e in self.effects if e.indices <= self.inside]
        looping: list[Node | Effect] = [n for n in self.order if n.name in REDUCTIONS]
        for effect in self.effects:
            if effect not in here:
                self.depth[effect] = 1 + self.deepest(self.below(effect.weight))
                looping.append(effect)
        steps: list[Step] = []
        earlier: dict[Index, list[Loop]] = {}
        known = set(self.ready)
        for depth in range(max(self.depth.values(), default=0) + 1):
            plain = [n for n in self.order if self.depth[n] == depth and n.name not in REDUCTIONS]
            steps += plain
            known |= set(plain)
            due = [item for item in looping if self.depth[item] == depth + 1]
            for index, items in self.grouped(due).items():
                loop = self.loop(index, items, known, earlier.setdefault(index, []))
                earlier[index].append(loop)
                steps.append(loop)
            known |= {item for item in due if isinstance(item, Node)}
        return [*steps, *here]

    def grouped(self, items: Iterable[Node | Effect]) -> dict[Index, list[Node | Effect]]:
        """Group what loops by the index of its outermost loop."""
        groups: dict[Index, list[Node | Effect]] = {}
        for item in items:
            if isinstance(item, Node):
                index = item.value
                assert isinstance(index, Index)
            else:
                index = ordered(item.indices - self.inside)[0]
            groups.setdefault(index, []).append(item)
        return groups

    def loop(
        self, index: Index, items: list[Node | Effect], known: set[Node], earlier: list[Loop]
    ) -> Loop:
        reductions = [item for item in items if isinstance(item, Node)]
        effects = [item for item in items if not isinstance(item, Node)]
        wanted = [node.arguments[0] for node in reductions]
        scope = (*self.scope, index)
        kept = {node: loop for loop in earlier for node in loop.computed if _dear(node, known)}
        found = _frontier([*wanted, *(e.weight for e in effects)], kept)
        level = _Level(scope, known | set(found), wanted, effects)
        loop = Loop(index, level.steps(), reductions, set(level.order))
        for node in found:
            loop.found.append(_keep(kept[node], node))
        return loop


def _keep(loop: Loop, node: Node) -> Keep:
    for keep in loop.kept:
        if keep.node is node:
            return keep
    keep = Keep(node, loop.index)
    loop.kept.append(keep)
    return keep


def _frontier(roots: Iterable[Node], kept: dict[Node, Loop]) -> list[Node]:
    """List the kept nodes that are reached first from the roots."""
    found: dict[Node, None] = {}
    stack, seen = list(roots), set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in kept:
            found[node] = None
        else:
            stack.extend(node.arguments)
    return list(found)


def _dear(root: Node, known: set[Node]) -> bool:
    """Tell whether it costs more than a few additions to compute a node again."""
    cost, stack, seen = 0, [root], set()
    while stack and cost <= CHEAP:
        node = stack.pop()
        if node in seen or node in known or node.name in LEAVES:
            continue
        seen.add(node)
        cost += COSTS.get(node.name, 1 if node.name in ARITHMETIC else FUNCTION_COST)
        stack.extend(node.arguments)
    return cost > CHEAP

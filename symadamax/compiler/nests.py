"""IR -> nests of loops: what is hoisted, what shares a loop, what is kept for a second one.

At each level, the top or the inside of a loop, stand the nodes that depend on the indices of the
loops around and on no other. Sums and scatters over a further index become loops; those over the
same index that do not wait for each other share one. What does not depend on an index is computed
before its loop. Where a second loop over the same index needs what the first has computed and that
was dear, the first keeps it in an array as long as the index. And what is dear and would be
computed again at each turn of a loop around, on which it does not depend, is computed and kept
before that loop: the hidden layer of a network, which every output needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symadamax.compiler.affine import Index, ordered
from symadamax.compiler.ir import Node, Program, Scatter, Store
from symadamax.compiler.operations import Kind

__all__ = ["LEAVES", "Effect", "Keep", "Loop", "Step", "is_dear", "nests", "text"]

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


@dataclass(frozen=True)
class _Ahead:
    """A node of an inner level over `index` that is computed and kept before the loops around."""

    node: Node
    index: Index


_Item = Node | _Ahead | Scatter | Store


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
    arrays : mapping of Node to Loop
        What loops of the levels around have kept ahead.
    """

    def __init__(
        self,
        scope: tuple[Index, ...],
        ready: set[Node],
        wanted: Iterable[Node],
        effects: Iterable[Effect],
        arrays: Mapping[Node, Loop] | None = None,
    ) -> None:
        self.arrays: dict[Node, Loop] = dict(arrays or {})
        self.scope = scope
        self.inside = frozenset(scope)
        self.ready = ready
        self.effects = list(effects)
        self.needs: dict[Node | _Ahead, list[Node | _Ahead]] = {}
        self.order: list[Node] = []
        self.ahead: list[_Ahead] = []
        self.depth: dict[Node | _Ahead | Effect, int] = {}
        for root in (*wanted, *(n for e in self.effects for n in self.demands(e))):
            self.place(root)

    def below(self, root: Node) -> list[Node]:
        """List the nodes of this level that a node of this or of an inner level needs."""
        found: dict[Node, None] = {}
        stack, seen = [root], set()
        while stack:
            node = stack.pop()
            if node in seen or node in self.ready or node.name in LEAVES or node in self.arrays:
                continue
            seen.add(node)
            if node.indices <= self.inside:
                found[node] = None
            else:
                stack.extend(reversed(node.arguments))
        return list(found)

    def demands(self, effect: Effect) -> list[Node | _Ahead]:
        """List what an effect waits for."""
        looped = ordered(effect.indices - self.inside)
        ahead = self.invariant(effect.weight, looped[0]) if looped else []
        return [*self.below(effect.weight), *ahead]

    def requirements(self, item: Node | _Ahead) -> list[Node | _Ahead]:
        """List what a node waits for."""
        if isinstance(item, _Ahead):
            return list(self.below(item.node))
        found: dict[Node | _Ahead, None] = {}
        for argument in item.arguments:
            found |= dict.fromkeys(self.below(argument))
        if item.name in REDUCTIONS:
            found |= dict.fromkeys(self.invariant(item.arguments[0], item.value))
        return list(found)

    def invariant(self, root: Node, index: Index) -> list[_Ahead]:
        """List what each turn of a loop over `index` would compute again in a loop inside it.

        At the top nothing is: there a loop has its index on lanes.
        """
        found: dict[_Ahead, None] = {}
        stack, seen = ([root] if self.scope else []), set()
        while stack:
            node = stack.pop()
            if node in seen or node in self.ready or node.name in LEAVES or node in self.arrays:
                continue
            seen.add(node)
            further = node.indices - self.inside
            if len(further) == 1 and index not in further and is_dear(node, self.ready):
                found[_Ahead(node, *further)] = None
            elif further:
                stack.extend(node.arguments)
        return list(found)

    def place(self, root: Node | _Ahead) -> None:
        """Put a node behind all that it needs."""
        waits = isinstance(root, _Ahead) or not (root in self.ready or root.name in LEAVES)
        stack = [root] if waits else []
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
            loops = isinstance(node, _Ahead) or node.name in REDUCTIONS
            self.depth[node] = self.deepest(self.needs[node]) + loops
            if isinstance(node, _Ahead):
                self.ahead.append(node)
            else:
                self.order.append(node)

    def deepest(self, nodes: Iterable[Node | _Ahead]) -> int:
        """Return after how many rounds of loops all of these are known."""
        return max((self.depth[node] for node in nodes), default=0)

    def steps(self) -> list[Step]:
        """Return the steps in order: nodes, a round of loops, the nodes that waited for it, ..."""
        here = [e for e in self.effects if e.indices <= self.inside]
        looping: list[_Item] = [*self.ahead, *(n for n in self.order if n.name in REDUCTIONS)]
        for effect in self.effects:
            if effect not in here:
                self.depth[effect] = 1 + self.deepest(self.demands(effect))
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

    def grouped(self, items: Iterable[_Item]) -> dict[Index, list[_Item]]:
        """Group what loops by the index of its outermost loop."""
        groups: dict[Index, list[_Item]] = {}
        for item in items:
            if isinstance(item, _Ahead):
                index = item.index
            elif isinstance(item, Node):
                index = item.value
            else:
                index = ordered(item.indices - self.inside)[0]
            groups.setdefault(index, []).append(item)
        return groups

    def loop(self, index: Index, items: list[_Item], known: set[Node], earlier: list[Loop]) -> Loop:
        """Return the loop that does what is due over an index."""
        reductions = [item for item in items if isinstance(item, Node)]
        effects = [item for item in items if isinstance(item, (Scatter, Store))]
        ahead = [item.node for item in items if isinstance(item, _Ahead)]
        wanted = [*(node.arguments[0] for node in reductions), *ahead]
        scope = (*self.scope, index)
        kept = {node: loop for loop in earlier for node in loop.computed if is_dear(node, known)}
        kept |= {node: loop for node, loop in self.arrays.items() if loop.index == index}
        found = _frontier([*wanted, *(e.weight for e in effects)], kept)
        others = {n: loop for n, loop in self.arrays.items() if loop.index != index}
        level = _Level(scope, known | set(found), wanted, effects, others)
        loop = Loop(index, level.steps(), reductions, set(level.order))
        for node in found:
            loop.found.append(_keep(kept[node], node))
        for node in ahead:
            _keep(kept.get(node, loop), node)
            self.arrays[node] = kept.get(node, loop)
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


def is_dear(root: Node, known: Collection[Node] = ()) -> bool:
    """Tell whether a number costs more than a few additions to compute again."""
    if root.operation.result is not Kind.REAL:
        return False
    cost, stack, seen = 0, [root], set()
    while stack and cost <= CHEAP:
        node = stack.pop()
        if node in seen or node in known or node.name in LEAVES:
            continue
        seen.add(node)
        cost += COSTS.get(node.name, 1 if node.name in ARITHMETIC else FUNCTION_COST)
        stack.extend(node.arguments)
    return cost > CHEAP

"""IR -> nests of loops: what is hoisted, what shares a loop, what is kept for a second one.

At each level, the top or the inside of a loop, stand the nodes that depend on the indices of the
loops around and on no other. Sums and scatters over a further index become loops; those over the
same index that do not wait for each other share one. What does not depend on an index is computed
before its loop. Where a second loop over the same index needs what the first has computed and that
was dear, the first keeps it in an array as long as the index. And what is dear and would be
computed again at each turn of a loop around, on which it does not depend, is computed and kept
before that loop: the hidden layer of a network, which every output needs, or the sine of a weight,
which every row of the data needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from symadamax.compiler.affine import Access, Index, ordered
from symadamax.compiler.costs import LEAVES, is_dear
from symadamax.compiler.ir import Node, Program, Scatter, Store
from symadamax.compiler.operations import REDUCTIONS
from symadamax.compiler.steps import Effect, Loop, Step

__all__ = ["may_be_kept", "nests"]


def nests(program: Program) -> list[Step]:
    """Return the steps of a program: nodes, loops and effects, in the order of execution."""
    return _Level((), set(), program.outputs, program.effects).steps()


@dataclass(frozen=True)
class _Ahead:
    """A node of an inner level over `indices` that is computed and kept before the loops around.

    The loops over the indices `around` have been entered for it.
    """

    node: Node
    indices: tuple[Index, ...]
    around: tuple[Index, ...] = ()

    @property
    def index(self) -> Index:
        """The index of the outermost loop that is still to be entered."""
        return self.indices[0]

    def entered(self) -> _Ahead:
        """Return what is to be done inside its outermost loop."""
        return _Ahead(self.node, self.indices[1:], (*self.around, self.index))


_Item = Node | _Ahead | Scatter | Store
_Rank = tuple[int, int]  # after how many rounds of loops, and of loops ahead in a round


class _Level:
    """One level: what is wanted of it, and in which order it is computed.

    It goes in rounds: nodes that are known, loops ahead, and the loops that these were waiting for.

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
    ahead : iterable of _Ahead
        What is to be kept by loops of this level for the levels around.
    """

    def __init__(
        self,
        scope: tuple[Index, ...],
        ready: set[Node],
        wanted: Iterable[Node],
        effects: Iterable[Effect],
        arrays: Mapping[Node, Loop] | None = None,
        ahead: Iterable[_Ahead] = (),
    ) -> None:
        self.arrays: dict[Node, Loop] = dict(arrays or {})
        self.scope = scope
        self.inside = frozenset(scope)
        self.ready = ready
        self.effects = list(effects)
        self.needs: dict[_Item, list[Node | _Ahead]] = {}
        self.order: list[Node] = []
        self.ahead: list[_Ahead] = []
        self.rank: dict[_Item, _Rank] = {}
        for effect in self.effects:
            self.needs[effect] = self.demands(effect)
        for root in (*wanted, *ahead, *(n for e in self.effects for n in self.needs[e])):
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
            return [*self.below(item.node), *self.invariant(item.node, item.index)]
        found: dict[Node | _Ahead, None] = {}
        for argument in item.arguments:
            found |= dict.fromkeys(self.below(argument))
        if item.name in REDUCTIONS:
            found |= dict.fromkeys(self.invariant(item.arguments[0], item.value))
        return list(found)

    def invariant(self, root: Node, index: Index) -> list[_Ahead]:
        """List what each turn of a loop over `index` would compute again in a loop inside it."""
        found: dict[_Ahead, None] = {}
        stack, seen = [root], set()
        while stack:
            node = stack.pop()
            if node in seen or node in self.arrays or node.name in LEAVES:
                continue
            seen.add(node)
            further = node.indices - self.inside
            alone = index not in further and may_be_kept(node, further, bool(self.scope))
            if alone and is_dear(node, self.inside, self.arrays):
                found[_Ahead(node, tuple(ordered(further)))] = None
            elif further:
                stack.extend(node.arguments)
        return list(found)

    def place(self, root: Node | _Ahead) -> None:
        """Put a node behind all that it needs."""
        waits = isinstance(root, _Ahead) or not (root in self.ready or root.name in LEAVES)
        stack = [root] if waits else []
        while stack:
            node = stack[-1]
            if node in self.rank:
                stack.pop()
                continue
            if node not in self.needs:
                self.needs[node] = self.requirements(node)
            pending = [n for n in self.needs[node] if n not in self.rank]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            rounds, turns = self.last(self.needs[node])
            if isinstance(node, _Ahead):
                self.rank[node] = rounds, turns + 1
                self.ahead.append(node)
            else:
                self.rank[node] = rounds + (node.name in REDUCTIONS), 0
                self.order.append(node)

    def last(self, nodes: Iterable[Node | _Ahead]) -> _Rank:
        """Return when all of these are known."""
        return max((self.rank[node] for node in nodes), default=(0, 0))

    def steps(self) -> list[Step]:
        """Return the steps in order: nodes, loops ahead, loops, the nodes that waited, ..."""
        here = [e for e in self.effects if e.indices <= self.inside]
        for effect in self.effects:
            if effect not in here:
                self.rank[effect] = self.last(self.needs[effect])[0] + 1, 0
        steps: list[Step] = []
        earlier: dict[Index, list[Loop]] = {}
        known = set(self.ready)
        for rounds in range(max(self.rank.values(), default=(0, 0))[0] + 1):
            plain = [
                n for n in self.order if self.rank[n][0] == rounds and n.name not in REDUCTIONS
            ]
            steps += plain
            known |= set(plain)
            for index, items in self.loops_of(rounds):
                loop = self.loop(index, items, known, earlier.setdefault(index, []))
                earlier[index].append(loop)
                steps.append(loop)
            known |= {n for n in self.reductions() if self.rank[n][0] == rounds + 1}
        return [*steps, *here]

    def loops_of(self, rounds: int) -> list[tuple[Index, list[_Item]]]:
        """List the loops of a round, and what each does.

        What waits for no loop ahead shares the first over its index, the others share a last one.
        """
        loops: dict[_Rank, dict[Index, list[_Item]]] = {}
        for item in self.ahead:
            if self.rank[item][0] == rounds:
                loops.setdefault(self.rank[item], {}).setdefault(item.index, []).append(item)
        ahead = sorted(loops)
        final: dict[Index, list[_Item]] = {}
        for looping in (*self.reductions(), *self.effects):
            if self.rank.get(looping) == (rounds + 1, 0):
                index, free = self.index_of(looping), self.last(self.needs[looping])
                shared = (loops[r] for r in ahead if r > free and index in loops[r])
                next(shared, final).setdefault(index, []).append(looping)
        return [pair for stage in (*(loops[r] for r in ahead), final) for pair in stage.items()]

    def reductions(self) -> list[Node]:
        """List the sums and products of this level."""
        return [node for node in self.order if node.name in REDUCTIONS]

    def index_of(self, item: Node | Effect) -> Index:
        """Return the index of the outermost loop of a reduction or an effect."""
        if isinstance(item, Node):
            index: Index = item.value
            return index
        return ordered(item.indices - self.inside)[0]

    def loop(self, index: Index, items: list[_Item], known: set[Node], earlier: list[Loop]) -> Loop:
        """Return the loop that does what is due over an index."""
        reductions = [item for item in items if isinstance(item, Node)]
        effects = [item for item in items if isinstance(item, (Scatter, Store))]
        ahead = [item for item in items if isinstance(item, _Ahead)]
        here = [item for item in ahead if not item.indices[1:]]
        inner = [item.entered() for item in ahead if item.indices[1:]]
        wanted = [*(node.arguments[0] for node in reductions), *(item.node for item in here)]
        scope = (*self.scope, index)
        computed = {node: loop for loop in earlier for node in loop.computed}
        kept = {n: loop for n, loop in computed.items() if is_dear(n, self.inside, known)}
        kept |= {n: loop for n, loop in self.arrays.items() if index in n.indices <= {*scope}}
        roots = [*wanted, *(effect.weight for effect in effects), *(item.node for item in inner)]
        found = _frontier(roots, kept, known)
        others = {n: loop for n, loop in self.arrays.items() if n not in kept}
        level = _Level(scope, known | set(found), wanted, effects, others, inner)
        loop = Loop(index, not self.scope, level.steps(), reductions, set(level.order))
        loop.found += [kept[node].keep(node) for node in found]
        for item in here:
            self.arrays[item.node] = kept.get(item.node, loop)
            self.arrays[item.node].keep(item.node, item.around)
        self.arrays |= {item.node: level.arrays[item.node] for item in inner}
        return loop


def may_be_kept(node: Node, further: frozenset[Index], inside: bool) -> bool:
    """Tell whether an array over further indices may hold a node.

    Over several it is only where it is no longer than an array that is read at all of them, outside
    of all loops.
    """
    if len(further) == 1:
        return True
    plain = all(index.indices == {index} and not index.sampled for index in further)
    return plain and not inside and _reads_at(node, further)


def _reads_at(root: Node, indices: frozenset[Index]) -> bool:
    """Tell whether a node reads an array at each of some indices along an axis of its own."""
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node.value, Access):
            axes = [p.terms for p in node.value.positions if p.indices]
            if {axis[0][0] for axis in axes if len(axis) == 1} >= indices:
                return True
        stack.extend(node.arguments)
    return False


def _frontier(roots: Iterable[Node], kept: dict[Node, Loop], known: set[Node]) -> list[Node]:
    """List the kept nodes that are reached first from the roots, and not through known ones."""
    found: dict[Node, None] = {}
    stack, seen = list(roots), set()
    while stack:
        node = stack.pop()
        if node in seen or node in known:
            continue
        seen.add(node)
        if node in kept:
            found[node] = None
        else:
            stack.extend(node.arguments)
    return list(found)

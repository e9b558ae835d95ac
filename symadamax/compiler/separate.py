"""IR -> IR: no sum runs inside a loop over its own index.

Two sums over one index share a loop where they stand side by side. Where one is needed inside the
loop of the other, because it depends on an index further in, it gets an index of its own: in
``sum_j sum_k x[j, k]*r_k`` with ``r_k = sum_j y[j, k]`` the inner sum becomes one over j'.
"""

from __future__ import annotations

from dataclasses import replace

from symadamax.compiler.affine import Affine, Index, ordered
from symadamax.compiler.costs import is_dear
from symadamax.compiler.gather import rewritten
from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node, Program, Scatter
from symadamax.compiler.nests import may_be_kept
from symadamax.compiler.operations import REDUCTIONS

__all__ = ["separate"]

Scope = tuple[Index, ...]


def separate(program: Program) -> Program:
    """Return an equal program in which no sum is computed inside a loop over its own index."""
    apart = _Separation(program.graph)

    def scatter(old: Scatter) -> Scatter:
        return replace(old, weight=apart.node(old.weight, tuple(ordered(old.indices))))

    return replace(
        program,
        outputs=tuple(apart.node(node, ()) for node in program.outputs),
        scatters=tuple(scatter(old) for old in program.scatters),
        stores=tuple(replace(s, weight=apart.node(s.weight, (s.index,))) for s in program.stores),
    )


class _Separation:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.made: dict[tuple[Node, Scope], Node] = {}

    def node(self, root: Node, loops: Scope) -> Node:
        """Return a node as it is computed inside loops, given from the outermost."""
        stack = [(root, self.home(root, loops))]
        while stack:
            node, scope = stack[-1]
            if (node, scope) in self.made:
                stack.pop()
                continue
            needs = self.needs(node, scope)
            pending = [need for need in needs if need not in self.made]
            if pending:
                stack.extend(pending)
                continue
            stack.pop()
            self.made[node, scope] = self.rebuilt(node, scope, [self.made[n] for n in needs])
        return self.made[root, self.home(root, loops)]

    def home(self, node: Node, scope: Scope) -> Scope:
        """Return the loops inside which a node is computed: the fewest on which it depends.

        What is dear is computed ahead of the loops that it does not depend on (see `nests`).
        """
        for depth in range(len(scope) + 1):
            inside = frozenset(scope[:depth])
            further = node.indices - inside
            if not further:
                return scope[:depth]
            alone = len(further) == 1 or scope[depth] not in further
            if alone and may_be_kept(node, further, depth > 0) and is_dear(node, inside):
                return (*scope[:depth], *ordered(further))
        return scope

    def index(self, node: Node, scope: Scope) -> Index:
        """Return the index of a sum, another one where a loop over it stands around."""
        index: Index = node.value
        while index in scope:
            index = replace(index, name=f"{index.name}'")
        return index

    def needs(self, node: Node, scope: Scope) -> list[tuple[Node, Scope]]:
        """List what a node is made of, and inside which loops that is computed."""
        if node.name not in REDUCTIONS:
            return [(a, self.home(a, scope)) for a in node.arguments]
        index = self.index(node, scope)
        (body,) = node.arguments
        if index != node.value:
            body = rewritten(self.graph, body, node.value, Affine.of(index))
        inner = (*scope, index)
        return [(body, self.home(body, inner))]

    def rebuilt(self, node: Node, scope: Scope, made: list[Node]) -> Node:
        if node.name in REDUCTIONS:
            return self.graph.reduce(node.name, self.index(node, scope), made[0])
        if all(a is b for a, b in zip(made, node.arguments, strict=True)):
            return node
        return self.graph.apply(node.operation, *made, value=node.value)

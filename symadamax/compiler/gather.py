"""IR -> IR: a gradient that is scattered to neighbours is gathered by each element instead.

Where an array of unknowns is read at ``x[i + c]`` alone, each element of the gradient collects the
terms that read it: ``g[k]`` is the sum over c of the term at i = k - c, where that lies in the
range of i. No two turns of the loop then write to one place, so that blocks of it can run side by
side, be vectorised, and be updated while they are in the cache (2.4 times faster at 10^7 unknowns).
Each term is computed once for each c: where that costs more, the gradient stays scattered.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from symadamax.compiler.affine import Access, Affine, Array, Extent, Index, Within
from symadamax.compiler.costs import cost
from symadamax.compiler.graph import Graph, rebuilt
from symadamax.compiler.ir import Node, Program, Scatter, Store, Value
from symadamax.compiler.operations import REDUCTIONS

__all__ = ["gather", "rewritten"]

DEAREST = 400  # additions; a sum of 20 neighbours, squared, is added sooner than gathered


def gather(program: Program) -> Program:
    """Return an equal program in which arrays read at ``x[i + c]`` alone are stored to, not added.

    Sums over the same indices go over the elements of the array too, so that they share its loop.
    """
    by_array: defaultdict[Array, list[Scatter]] = defaultdict(list)
    for scatter in program.scatters:
        if scatter.indices:
            by_array[scatter.access.array].append(scatter)
    stores: list[Store] = []
    moved: dict[Index, tuple[Index, Affine]] = {}
    for array, scatters in by_array.items():
        shifts = [_shift(scatter) for scatter in scatters]
        if None in shifts or sum(cost(scatter.weight) for scatter in scatters) > DEAREST:
            continue
        stores.append(_store(program.graph, array, scatters, shifts, moved))  # type: ignore[arg-type]
    gathered = {store.array for store in stores}
    # What is added to one place, as to x[0], is added to what has been stored there.
    kept = tuple(s for s in program.scatters if s.access.array not in gathered or not s.indices)
    result = replace(program, scatters=kept, stores=(*program.stores, *stores))
    return _move_sums(result, moved) if moved else result


def _shift(scatter: Scatter) -> tuple[Index, Affine] | None:
    """Return i and c for a scatter to ``x[i + c]`` in a loop over i alone, else None."""
    if len(scatter.indices) != 1 or scatter.access.array.axes != 1:
        return None
    (index,), (position,) = scatter.indices, scatter.access.positions
    if index.sampled or position.factor(index) != 1 or _has_sums(scatter.weight, index):
        return None
    rest = position.plus(Affine.of(index), -1)
    return (index, rest) if not rest.indices else None


def _has_sums(node: Node, index: Index) -> bool:
    """Tell whether a node needs a sum that depends on the index: it would be computed twice."""
    stack, seen = [node], set()
    while stack:
        part = stack.pop()
        if index in part.indices and part not in seen:
            seen.add(part)
            if part.name in REDUCTIONS:
                return True
            stack.extend(part.arguments)
    return False


def _store(
    graph: Graph,
    array: Array,
    scatters: list[Scatter],
    shifts: list[tuple[Index, Affine]],
    moved: dict[Index, tuple[Index, Affine]],
) -> Store:
    last = Affine.of(Extent(array, 0)).plus(Affine(-1))
    element = Index(f"{array}'", Affine(0), last)
    total = graph.constant(0.0)
    for scatter, (index, shift) in zip(scatters, shifts, strict=True):
        by = Affine.of(element).plus(shift, -1)
        moved.setdefault(index, (element, shift))
        weight = rewritten(graph, scatter.weight, index, by)
        total = graph.add(total, _where(graph, element, index, shift, weight))
    return Store(array, element, total)


def _where(graph: Graph, element: Index, index: Index, shift: Affine, node: Node) -> Node:
    """Return a node where ``element - shift`` lies in the range of the index, else 0."""
    within = Within(element, index.lower.plus(shift), index.upper.plus(shift))
    return graph.op("select", graph.op("within", value=within), node, graph.constant(0.0))


def rewritten(graph: Graph, root: Node, index: Index, by: Affine) -> Node:
    """Return a node with `by` for an index."""
    made: dict[Node, Node] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in made:
            stack.pop()
        elif index not in node.indices:
            made[stack.pop()] = node
        elif pending := [a for a in node.arguments if a not in made]:
            stack.extend(pending)
        else:
            arguments = [made[a] for a in node.arguments]
            made[stack.pop()] = graph.apply(
                node.operation, *arguments, value=_moved(node.value, index, by)
            )
    return made[root]


def _moved(value: Value, index: Index, by: Affine) -> Value:
    return value.replace(index, by) if isinstance(value, (Access, Affine, Index)) else value


def _move_sums(program: Program, moved: dict[Index, tuple[Index, Affine]]) -> Program:
    """Let the sums over an index that was moved run over the elements of the array."""
    graph = program.graph

    def move(node: Node, arguments: list[Node]) -> Node | None:
        if node.name != "sum" or node.value not in moved or node.indices:
            return None
        index: Index = node.value
        if _has_sums(arguments[0], index):
            return None
        element, shift = moved[index]
        body = rewritten(graph, arguments[0], index, Affine.of(element).plus(shift, -1))
        return graph.reduce("sum", element, _where(graph, element, index, shift, body))

    return rebuilt(program, move)

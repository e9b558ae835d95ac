"""IR -> IR: reverse accumulation. The gradient stands behind the value and shares its nodes.

From the value down, each node hands its adjoint, times the partial derivative of its operation,
to its arguments. Partial derivatives come from SymPy (`symadamax.compiler.trace.partial`), but for
the three operations that choose among their arguments (select, max, min): there the chosen one
gets the adjoint, and at a tie of max or min all that tie share it equally.

A node inside a loop gets a share at each turn; where it does not depend on the index, its adjoint
is the sum of these over the index. So the gradient is written with sums like the value is, and its
outermost loop stays the user's: a sum over its index is not taken inside an inner loop, but left to
the nodes further down. Elements of an array of unknowns are not summed for: each share is
scattered to its place.

An adjoint that flows through a choice is zero where another was chosen, and there the partial
derivatives below may be infinite or NaN (the root in ``Piecewise((sqrt(x), x > 0), (0, True))`` at
x = -1). So it carries a guard, the condition under which it flows, and every product below is
selected by the guard: 0*NaN never arises from a branch that was not taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from symadamax.compiler.affine import NO_INDICES, Index, ordered
from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import ELEMENT, UNKNOWN, Node, Program, Scatter, Value, is_unknown
from symadamax.compiler.operations import Operation
from symadamax.compiler.trace import partial
from symadamax.errors import InternalError

__all__ = ["differentiate"]


@dataclass(frozen=True, slots=True)
class _Adjoint:
    """The derivative of the value by a node, and the condition under which it is not 0."""

    weight: Node
    guard: Node | None = None


# The shares of a node, by the loops that stand around them and not around the node.
_Gathered = dict[frozenset[Index], _Adjoint]


def differentiate(program: Program) -> Program:
    """Return the program of value and gradient from the program of a value.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.trace import trace
    >>> x = sp.Symbol("x")
    >>> print(differentiate(trace(x - x**3, [x])))
    program(x0)
      t0 = power[3] x0
      t1 = sub x0 t0
      t2 = power[2] x0
      t3 = mul 3.0 t2
      t4 = sub 1.0 t3
      return t1 t4
    """
    (root,) = program.outputs
    graph, nodes = program.graph, program.nodes()
    active = _active(nodes)
    gathered: dict[Node, _Gathered] = {root: {NO_INDICES: _Adjoint(graph.constant(1.0))}}
    scatters: list[Scatter] = []
    gradient = {k: graph.constant(0.0) for k in range(program.unknowns)}
    for node in reversed(nodes):
        shares = gathered.pop(node, None)
        if shares is None or node not in active:
            continue
        if node.operation is ELEMENT:
            scatters += [_scatter(graph, node, extra, share) for extra, share in shares.items()]
            continue
        if node.operation is UNKNOWN:
            (total,) = _settled(graph, node, shares).values()
            gradient[node.value] = total.weight
        for left, adjoint in _settled(graph, node, shares).items():
            for argument, share in _shares(graph, node, adjoint, active):
                extra = left | (node.indices - argument.indices)
                _add(graph, gathered.setdefault(argument, {}), extra, share)
    return replace(program, outputs=(root, *gradient.values()), scatters=tuple(scatters))


def _add(graph: Graph, shares: _Gathered, extra: frozenset[Index], share: _Adjoint) -> None:
    """Add an adjoint that comes from inside the loops over `extra`."""
    shares[extra] = _sum(graph, shares.get(extra), share)


def _scatter(graph: Graph, node: Node, extra: frozenset[Index], share: _Adjoint) -> Scatter:
    """Return the scatter of a share; what all turns of a loop add alike is summed before."""
    alike = extra - node.indices - share.weight.indices
    return Scatter(node.value, graph.sum(alike, share.weight))


def _settled(graph: Graph, node: Node, shares: _Gathered) -> _Gathered:
    """Return the adjoints of a node, summed over the loops that are nested inside its own."""
    settled: _Gathered = {}
    for extra, share in shares.items():
        inner = _inner(node, extra)
        if inner:
            weight = graph.sum(inner, share.weight)
            # Where the guard holds nowhere in the loop, the sum is 0, and is to stay 0.
            guard = graph.op("not_equal", weight, graph.constant(0.0)) if share.guard else None
            share = _Adjoint(weight, guard)
        _add(graph, settled, extra - inner, share)
    return settled


def _inner(node: Node, extra: frozenset[Index]) -> frozenset[Index]:
    """Return those loops to sum over at a node: all but the outermost, where that is around it."""
    outermost = ordered(extra | node.indices)[:1]
    return extra - set(outermost) if node.indices else extra


def _active(nodes: list[Node]) -> set[Node]:
    """Return the real nodes that depend on an unknown, and not by a detached one."""
    active: set[Node] = set()
    for node in nodes:
        if node.name == "detached":
            continue
        real_arguments = node.arguments[1:] if node.name == "select" else node.arguments
        if is_unknown(node) or any(a in active for a in real_arguments):
            active.add(node)
    return active


def _shares(
    graph: Graph, node: Node, adjoint: _Adjoint, active: set[Node]
) -> list[tuple[Node, _Adjoint]]:
    """List the adjoint that each active argument gets from `node`."""
    if node.name == "select":
        return _select_shares(graph, node, adjoint, active)
    if node.name == "sum":
        return [(node.arguments[0], adjoint)]
    if node.name == "product":
        return [(node.arguments[0], _product_share(graph, node, adjoint))]
    if node.name in ("max", "min"):
        return _extreme_shares(graph, node, adjoint, active)
    shares = []
    for place, argument in enumerate(node.arguments):
        if argument in active:
            derivative = _instantiate(graph, node, place)
            weight = graph.mul(adjoint.weight, derivative)
            if adjoint.guard is not None and not derivative.is_constant():
                weight = graph.op("select", adjoint.guard, weight, graph.constant(0.0))
            shares.append((argument, _Adjoint(weight, adjoint.guard)))
    return shares


def _select_shares(
    graph: Graph, node: Node, adjoint: _Adjoint, active: set[Node]
) -> list[tuple[Node, _Adjoint]]:
    condition, yes, no = node.arguments
    branches = ((yes, condition), (no, graph.op("not", condition)))
    return [
        (branch, _guarded(graph, adjoint, adjoint.weight, taken))
        for branch, taken in branches
        if branch in active
    ]


def _extreme_shares(
    graph: Graph, node: Node, adjoint: _Adjoint, active: set[Node]
) -> list[tuple[Node, _Adjoint]]:
    one, zero = graph.constant(1.0), graph.constant(0.0)
    chosen = [graph.op("equal", argument, node) for argument in node.arguments]
    count = zero
    for condition in chosen:
        count = graph.add(count, graph.op("select", condition, one, zero))
    weight = graph.op("div", adjoint.weight, count)
    return [
        (argument, _guarded(graph, adjoint, weight, condition))
        for argument, condition in zip(node.arguments, chosen, strict=True)
        if argument in active
    ]


def _product_share(graph: Graph, node: Node, adjoint: _Adjoint) -> _Adjoint:
    """Return the adjoint times the product of all other factors, also where factors are 0."""
    (factor,) = node.arguments
    index = node.value
    assert isinstance(index, Index)
    zero, one = graph.constant(0.0), graph.constant(1.0)
    vanishes = graph.op("equal", factor, zero)
    zeros = graph.reduce("sum", index, graph.op("select", vanishes, one, zero))
    rest = graph.reduce("product", index, graph.op("select", vanishes, one, factor))
    alone = graph.op("select", graph.op("equal", zeros, one), rest, zero)
    others = graph.op("select", vanishes, alone, graph.op("div", node, factor))
    weight = graph.mul(adjoint.weight, others)
    if adjoint.guard is not None:
        weight = graph.op("select", adjoint.guard, weight, zero)
    return _Adjoint(weight, adjoint.guard)


def _guarded(graph: Graph, adjoint: _Adjoint, weight: Node, condition: Node) -> _Adjoint:
    guard = condition if adjoint.guard is None else graph.op("and", adjoint.guard, condition)
    return _Adjoint(graph.op("select", guard, weight, graph.constant(0.0)), guard)


def _sum(graph: Graph, one: _Adjoint | None, other: _Adjoint) -> _Adjoint:
    if one is None:
        return other
    weight = graph.add(one.weight, other.weight)
    if one.guard is None or other.guard is None:
        return _Adjoint(weight)
    return _Adjoint(weight, graph.op("or", one.guard, other.guard))


def _instantiate(graph: Graph, node: Node, place: int) -> Node:
    """Return the partial derivative of a node by its argument, on the arguments themselves."""
    made: dict[Node, Node] = {}
    for part in _template(node.operation, place, node.value):
        if part.operation is UNKNOWN:
            made[part] = node.arguments[part.value]
        else:
            arguments = [made[a] for a in part.arguments]
            made[part] = graph.apply(part.operation, *arguments, value=part.value)
    return made[part]


@cache
def _template(operation: Operation, place: int, value: Value) -> tuple[Node, ...]:
    """Return the nodes of a partial derivative in the arguments; the last is the derivative."""
    derivative = partial(operation, place, value)
    if derivative is None:
        raise InternalError(f"{operation!r} has no derivative by argument {place}.")
    return tuple(derivative.nodes())

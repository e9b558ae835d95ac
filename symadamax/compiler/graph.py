"""The graph makes the nodes: each content once, constants folded, by the identities of arithmetic.

The identities are those of real numbers (``x*0`` is 0, ``x + 0`` is x). They are applied here
alone, before any backend sees the program, so that both backends round alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from symadamax.compiler.affine import Index, ordered
from symadamax.compiler.ir import CONSTANT, TRUTH, Node, Program, Value
from symadamax.compiler.operations import OPERATIONS, Operation

__all__ = ["Graph", "rebuilt"]

ADD, SUB, MUL, DIV, NEG = (OPERATIONS[name] for name in ("add", "sub", "mul", "div", "neg"))


class Graph:
    """All nodes of a program, each content once."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[object, ...], Node] = {}

    def node(self, operation: Operation, *arguments: Node, value: Value = None) -> Node:
        """Return the one node of this content."""
        key: tuple[object, ...] = (operation, value, *arguments)
        if operation.valued is float:
            key = (operation, repr(value), *arguments)  # 0.0 and -0.0 are not the same value
        elif operation.commutative and arguments[0].number > arguments[1].number:
            key = (operation, value, *reversed(arguments))
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Node(operation, arguments, value, len(self._nodes))
        return found

    def constant(self, value: float) -> Node:
        """Return the node of a number."""
        return self.node(CONSTANT, value=float(value))

    def truth(self, value: bool) -> Node:
        """Return the node of a truth value."""
        return self.node(TRUTH, value=bool(value))

    def apply(self, operation: Operation, *arguments: Node, value: Value = None) -> Node:
        """Return `operation` of `arguments`, simplified where that changes no rounding."""
        simplify = _SIMPLIFIERS.get(operation.name)
        simpler = simplify(self, *arguments) if simplify else None
        if simpler is not None:
            return simpler
        if operation.fold is not None and all(a.operation is CONSTANT for a in arguments):
            folded = _fold(operation, [a.value for a in arguments])
            if folded is not None:
                return self.constant(folded)
        return self.node(operation, *arguments, value=value)

    def add(self, a: Node, b: Node) -> Node:
        """Return a + b."""
        return self.apply(ADD, a, b)

    def mul(self, a: Node, b: Node) -> Node:
        """Return a*b."""
        return self.apply(MUL, a, b)

    def op(self, name: str, *arguments: Node, value: Value = None) -> Node:
        """Return the operation of that name applied to the arguments."""
        return self.apply(OPERATIONS[name], *arguments, value=value)

    def reduce(self, name: str, index: Index, body: Node) -> Node:
        """Return the sum, the product or the largest value of `body` over an index."""
        if index in body.indices:
            return self.node(OPERATIONS[name], body, value=index)
        if name == "largest":
            return body
        count = self.op("extent", value=index)
        if name == "sum":
            return self.mul(count, body)
        return self.op("pow", body, count)

    def sum(self, indices: Iterable[Index], body: Node) -> Node:
        """Return the sum of `body` over indices."""
        for index in reversed(ordered(set(indices))):
            body = self.reduce("sum", index, body)
        return body


def rebuilt(program: Program, change: Callable[[Node, list[Node]], Node | None]) -> Program:
    """Return a program in which some nodes are others.

    Parameters
    ----------
    program : Program
    change : callable
        Takes a node and what its arguments have become, and returns what it becomes; None for the
        same operation.
    """
    graph = program.graph
    made: dict[Node, Node] = {}
    for node in program.nodes():
        arguments = [made[a] for a in node.arguments]
        changed = change(node, arguments)
        if changed is not None:
            made[node] = changed
        elif all(a is b for a, b in zip(arguments, node.arguments, strict=True)):
            made[node] = node
        else:
            made[node] = graph.apply(node.operation, *arguments, value=node.value)
    return replace(
        program,
        outputs=tuple(made[node] for node in program.outputs),
        scatters=tuple(replace(s, weight=made[s.weight]) for s in program.scatters),
        stores=tuple(replace(s, weight=made[s.weight]) for s in program.stores),
    )


def _fold(operation: Operation, values: Sequence[Value]) -> float | None:
    assert operation.fold is not None
    try:
        result = float(operation.fold(*values))
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _negated(node: Node) -> bool:
    """Tell whether a node is -a, or c*a with c < 0."""
    if node.operation is MUL:
        first = node.arguments[0]
        return first.operation is CONSTANT and first.value is not None and first.value < 0
    return node.operation is NEG


def _simplify_add(graph: Graph, a: Node, b: Node) -> Node | None:
    if a.is_constant(0.0):
        return b
    if b.is_constant(0.0):
        return a
    if _negated(b):
        return graph.apply(SUB, a, graph.apply(NEG, b))
    if _negated(a):
        return graph.apply(SUB, b, graph.apply(NEG, a))
    return None


def _simplify_sub(graph: Graph, a: Node, b: Node) -> Node | None:
    if b.is_constant(0.0):
        return a
    if a.is_constant(0.0):
        return graph.apply(NEG, b)
    if _negated(b):
        return graph.apply(ADD, a, graph.apply(NEG, b))
    return None


def _simplify_neg(graph: Graph, a: Node) -> Node | None:
    if a.operation is NEG:
        return a.arguments[0]
    if a.operation is MUL and a.arguments[0].operation is CONSTANT:
        return graph.mul(graph.apply(NEG, a.arguments[0]), a.arguments[1])
    return None


def _simplify_abs(graph: Graph, a: Node) -> Node | None:
    if a.operation is NEG:
        return graph.op("abs", a.arguments[0])
    return a if a.name == "abs" else None


def _simplify_mul(graph: Graph, a: Node, b: Node) -> Node | None:
    if b.operation is CONSTANT and a.operation is not CONSTANT:
        a, b = b, a  # a number stands first
    if a.operation is CONSTANT:
        return _scale(graph, a, b)
    if a.operation is NEG:
        return graph.apply(NEG, graph.mul(a.arguments[0], b))
    if b.operation is NEG:
        return graph.apply(NEG, graph.mul(a, b.arguments[0]))
    return None


def _scale(graph: Graph, factor: Node, b: Node) -> Node | None:
    if factor.value == 1.0:
        return b
    if factor.value == 0.0:
        return graph.constant(0.0)
    if factor.value == -1.0:
        return graph.apply(NEG, b)
    if b.operation is NEG:
        return graph.mul(graph.apply(NEG, factor), b.arguments[0])
    if b.operation is MUL and b.arguments[0].operation is CONSTANT:
        product = graph.mul(factor, b.arguments[0])
        if product.operation is CONSTANT and product.value != 0.0:
            return graph.mul(product, b.arguments[1])
    if b.operation is CONSTANT:
        return None
    return graph.node(MUL, factor, b)


def _simplify_div(graph: Graph, a: Node, b: Node) -> Node | None:
    if b.is_constant(1.0):
        return a
    if a.operation is NEG:
        return graph.apply(NEG, graph.apply(DIV, a.arguments[0], b))
    return None


def _simplify_equal(graph: Graph, a: Node, b: Node) -> Node | None:
    constant = a.operation is CONSTANT and b.operation is CONSTANT
    return graph.truth(a.value == b.value) if constant else None


def _simplify_select(graph: Graph, condition: Node, a: Node, b: Node) -> Node | None:
    if condition.operation is TRUTH:
        return a if condition.value else b
    return a if a is b else None


def _simplify_and(graph: Graph, a: Node, b: Node) -> Node | None:
    if a.operation is TRUTH:
        return b if a.value else a
    if b.operation is TRUTH:
        return a if b.value else b
    return a if a is b else None


def _simplify_or(graph: Graph, a: Node, b: Node) -> Node | None:
    if a.operation is TRUTH:
        return a if a.value else b
    if b.operation is TRUTH:
        return b if b.value else a
    return a if a is b else None


def _simplify_not(graph: Graph, a: Node) -> Node | None:
    if a.operation is TRUTH:
        return graph.truth(not a.value)
    return a.arguments[0] if a.name == "not" else None


_SIMPLIFIERS: dict[str, Callable[..., Node | None]] = {
    "add": _simplify_add,
    "sub": _simplify_sub,
    "neg": _simplify_neg,
    "abs": _simplify_abs,
    "mul": _simplify_mul,
    "div": _simplify_div,
    "equal": _simplify_equal,
    "select": _simplify_select,
    "and": _simplify_and,
    "or": _simplify_or,
    "not": _simplify_not,
}

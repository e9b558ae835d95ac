"""The intermediate representation: a small, closed, immutable, hash-consed expression graph.

::

    program   = "program(" unknowns ";" parameters ")" line* "return" name*
    line      = name "=" operation [ "[" value "]" ] name*
    name      = "x" k | "p" k | "t" k | number | "true" | "false"
    operation = a name of the table in symadamax.compiler.operations

A node is an operation, its arguments, and at most one constant (the value of a number, the place
of an unknown or a parameter, an integer exponent, the order of a Bessel function). Nodes of one
graph are interned: equal content is the same object, so equality is identity, and what a program
needs twice is computed once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symadamax.compiler.operations import OPERATIONS, Kind, Operation
from symadamax.errors import InternalError

__all__ = ["Graph", "Node", "Program", "verify"]

Value = float | int | bool | None


class Node:
    """An operation on nodes of the same graph; immutable, equal only to itself."""

    __slots__ = ("arguments", "number", "operation", "value")

    def __init__(
        self, operation: Operation, arguments: tuple[Node, ...], value: Value, number: int
    ) -> None:
        self.operation = operation
        self.arguments = arguments
        self.value = value
        self.number = number

    @property
    def name(self) -> str:
        """The name of its operation."""
        return self.operation.name

    def is_constant(self, value: float | None = None) -> bool:
        """Tell whether this is a number (equal to `value`, when that is given)."""
        return self.operation is CONSTANT and (value is None or self.value == value)

    def __repr__(self) -> str:
        return _label(self, {})


CONSTANT, TRUTH, UNKNOWN, PARAMETER, ADD, SUB, MUL, DIV, NEG = (
    OPERATIONS[name]
    for name in ("constant", "truth", "unknown", "parameter", "add", "sub", "mul", "div", "neg")
)


class Graph:
    """Makes nodes and interns them; folds constants and the identities of arithmetic.

    The identities are those of real numbers (``x*0`` is 0, ``x + 0`` is x): they change no
    rounding, and both backends see the graph after them.
    """

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
        if simplify is not None:
            simpler = simplify(self, *arguments)
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


_SIMPLIFIERS = {
    "add": _simplify_add,
    "sub": _simplify_sub,
    "neg": _simplify_neg,
    "mul": _simplify_mul,
    "div": _simplify_div,
    "select": _simplify_select,
    "and": _simplify_and,
    "or": _simplify_or,
    "not": _simplify_not,
}


@dataclass(frozen=True, eq=False)
class Program:
    """Outputs over a graph: the value, and after `differentiate` the gradient behind it."""

    graph: Graph
    outputs: tuple[Node, ...]
    unknowns: int
    parameters: int

    def nodes(self) -> list[Node]:
        """List what the outputs need, arguments first, in depth-first order.

        Depth first keeps the values that are used together near each other: an evaluation of
        Rosenbrock's function in 10,000 unknowns was five times faster than in breadth-first order.
        """
        return list(depth_first(self.outputs))

    def __str__(self) -> str:
        unknowns = ", ".join(f"x{k}" for k in range(self.unknowns))
        parameters = ", ".join(f"p{k}" for k in range(self.parameters))
        names: dict[Node, str] = {}
        lines = [f"program({unknowns}; {parameters})" if parameters else f"program({unknowns})"]
        for node in self.nodes():
            if node.arguments:
                line = " ".join([_operation_text(node), *(_label(a, names) for a in node.arguments)])
                names[node] = f"t{len(names)}"
                lines.append(f"  {names[node]} = {line}")
        lines.append("  return " + " ".join(_label(node, names) for node in self.outputs))
        return "\n".join(lines)


def depth_first(outputs: Sequence[Node]) -> Iterator[Node]:
    """Yield every node that `outputs` need, once, arguments before what uses them."""
    seen: set[Node] = set()
    stack = [(node, False) for node in reversed(outputs)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.arguments) if a not in seen)


def _operation_text(node: Node) -> str:
    return node.name if node.value is None else f"{node.name}[{node.value!r}]"


def _label(node: Node, names: dict[Node, str]) -> str:
    if node.operation is UNKNOWN:
        return f"x{node.value}"
    if node.operation is PARAMETER:
        return f"p{node.value}"
    if node.operation is CONSTANT:
        return repr(node.value)
    if node.operation is TRUTH:
        return "true" if node.value else "false"
    return names.get(node) or f"{_operation_text(node)}(...)"


def verify(program: Program) -> None:
    """Raise `InternalError` where a program breaks the grammar of the module's head.

    Every node has the arity and the kinds of its operation, unknowns and parameters exist, and
    the outputs are real.
    """
    for node in program.nodes():
        _verify_node(node, program)
    for node in program.outputs:
        _hold(node.operation.result is Kind.REAL, f"the output {node!r} is not a real number")


def _verify_node(node: Node, program: Program) -> None:
    operation, count = node.operation, len(node.arguments)
    fits = count == operation.arity or (operation.arity is None and count >= 2)
    _hold(fits, f"{node!r} has {count} arguments")
    valued = type(node.value) is (operation.valued or type(None))
    _hold(valued, f"{node!r} has the value {node.value!r}")
    if operation is UNKNOWN:
        _hold(node.value in range(program.unknowns), f"{node!r} does not exist")
    if operation is PARAMETER:
        _hold(node.value in range(program.parameters), f"{node!r} does not exist")
    for place, argument in enumerate(node.arguments):
        condition = operation.name == "select" and place == 0
        wanted = Kind.BOOLEAN if condition else operation.arguments
        _hold(argument.operation.result is wanted, f"argument {place} of {node!r} is not {wanted}")


def _hold(condition: bool, complaint: str) -> None:
    if not condition:
        raise InternalError(f"The intermediate representation is broken: {complaint}.")

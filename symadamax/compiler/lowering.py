"""Rules on the graph: how sums, products, powers, logarithms and choices become nodes.

SymPy's sums and products have any number of terms, and its quotients are powers; here they take the
form that is computed. The forms that lose fewer digits (``expm1``, ``log1p``, ``softplus``,
``logistic``) are chosen here too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from symadamax.compiler import factors, logistic, softmax
from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node
from symadamax.compiler.operations import OPERATIONS, Operation

__all__ = ["chain", "choice", "log1p", "logarithm", "power", "product", "total"]

LARGEST_PRODUCT = 1024  # above it repeated multiplication has lost ten bits, and pow has not
LONGEST_CHAIN = 16  # longer sums and products are halved: less rounding, more work side by side


def chain(graph: Graph, operation: Operation, nodes: Sequence[Node]) -> Node:
    """Combine from left to right; in halves where the chain is long."""
    if len(nodes) > LONGEST_CHAIN:
        middle = len(nodes) // 2
        halves = nodes[:middle], nodes[middle:]
        nodes = [chain(graph, operation, half) for half in halves]
    result = nodes[0]
    for node in nodes[1:]:
        result = graph.apply(operation, result, node)
    return result


def total(graph: Graph, nodes: Sequence[Node]) -> Node:
    """Return a sum, in which a number stands last, as in x - 1.

    ``c*exp(u) - c`` is ``c*expm1(u)``, and ``c - c*logistic(u)`` is ``c*logistic(-u)``.
    """
    plus = OPERATIONS["add"]
    numbers = [node for node in nodes if node.is_constant()]
    if len(numbers) == 1:
        for node in nodes:
            term = _with_number(graph, node, numbers[0])
            if term is not None:
                rest = [other for other in nodes if other not in (node, numbers[0])]
                return chain(graph, plus, [term, *rest])
    return chain(graph, plus, sorted(nodes, key=Node.is_constant))


def _with_number(graph: Graph, node: Node, number: Node) -> Node | None:
    """Return the sum of a term and a number where that is one function, else None."""
    factor, function = logistic.multiple(node)
    if not number.is_constant(-factor):
        return None
    if function.name == "exp":
        return graph.mul(graph.constant(factor), graph.op("expm1", function.arguments[0]))
    if function.name == "logistic":
        mirrored = graph.op("logistic", graph.op("neg", function.arguments[0]))
        return graph.mul(number, mirrored)
    return None


def product(graph: Graph, nodes: Sequence[Node]) -> Node:
    """Return a product as one numerator over one denominator."""
    above, below, times = [], [], OPERATIONS["mul"]
    for node in logistic.factors(graph, nodes):
        if node.name == "div" and node.arguments[0].is_constant(1.0):
            below.append(node.arguments[1])
        else:
            above.append(node)
    _take_out(graph, above, below)
    numerator = chain(graph, times, above) if above else graph.constant(1.0)
    return graph.op("div", numerator, chain(graph, times, below)) if below else numerator


def _take_out(graph: Graph, above: list[Node], below: list[Node]) -> None:
    """Let no exponential overflow in a quotient of one, or of a sum of them, and such a sum."""
    for place, node in enumerate(above):
        for other, total in enumerate(below):
            pair = softmax.quotient(graph, node, total)
            if pair is not None:
                above[place], below[other] = pair
                break


def power(graph: Graph, base: Node, exponent: Fraction | float) -> Node:
    """Return base**exponent for a number; a whole one becomes a product, a half a square root."""
    if exponent < 0:
        inverse = logistic.reciprocal(graph, base)
        if inverse is not None:
            return power(graph, inverse, -exponent)
        return graph.op("div", graph.constant(1.0), power(graph, base, -exponent))
    if exponent == 0:
        return graph.constant(1.0)
    if exponent == 1:
        return base
    if exponent == int(exponent) <= LARGEST_PRODUCT:
        return graph.op("power", base, value=int(exponent))
    if exponent == Fraction(1, 2):
        return graph.op("sqrt", base)
    if exponent == Fraction(1, 3):
        # SymPy's x**(1/3) is the principal root, which is not real below 0.
        negative = graph.op("less", base, graph.constant(0.0))
        return graph.op("select", negative, graph.constant(math.nan), graph.op("cbrt", base))
    return graph.op("pow", base, graph.constant(float(exponent)))


def logarithm(graph: Graph, node: Node) -> Node:
    """Return a logarithm; that of 1 + u is ``log1p(u)``, that of exp(u)*v is u + log(v)."""
    split = softmax.log_and_rest(graph, node)
    if split is not None:
        known, rest = split
        return known if rest.is_constant(1.0) else graph.add(known, logarithm(graph, rest))
    product = factors.log_of_product(graph, node, logarithm)
    if product is not None:
        return product
    if node.name == "add" and node.arguments[1].is_constant(1.0):
        return log1p(graph, node.arguments[0])
    if node.name == "sub" and node.arguments[0].is_constant(1.0):
        return log1p(graph, graph.op("neg", node.arguments[1]))
    return graph.op("log", node)


def log1p(graph: Graph, node: Node) -> Node:
    """Return log(1 + node)."""
    return logistic.log_of_one_plus(graph, node) or graph.op("log1p", node)


def choice(graph: Graph, values: Sequence[Node], conditions: Sequence[Node]) -> Node:
    """Return the value of the first condition that holds, NaN where none does."""
    result = graph.constant(math.nan)
    for value, condition in zip(reversed(values), reversed(conditions), strict=True):
        result = graph.op("select", condition, value, result)
    return result

"""The logistic function and its integral: the forms that people write, and what is computed.

``log(1 + exp(z))`` and ``1/(1 + exp(-z))`` are written in many ways, in most of which an
exponential overflows beyond z = 709 though the result does not: the value is then infinite or 0,
and its derivative NaN. Here they are found on the graph while it is traced, and become the
operations ``softplus`` and ``logistic``. In the end these are written with ``exp(-|z|)``, which
both share and which never overflows. A third such operation is ``logcosh``.
"""

from __future__ import annotations

from collections.abc import Sequence

from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node

__all__ = ["factors", "in_other_operations", "log", "log_of_one_plus", "multiple", "reciprocal"]


def log(graph: Graph, node: Node) -> Node | None:
    """Return the logarithm of 1 + exp(u), a logistic function or cosh(u); None of another node."""
    if node.name == "cosh":
        return graph.op("logcosh", *node.arguments)
    if node.name == "logistic":
        return graph.op("neg", graph.op("softplus", graph.op("neg", node.arguments[0])))
    exponent = _exponent(node)
    return None if exponent is None else graph.op("softplus", exponent)


def _logcosh(graph: Graph, argument: Node) -> Node:
    """Return log(cosh(z)); beyond 20 it is |z| - log(2) to all digits."""
    size = graph.op("abs", argument)
    near = graph.op("min", size, graph.constant(20.0))
    half = graph.op("sinh", graph.mul(graph.constant(0.5), near))
    bend = graph.op("log1p", graph.mul(graph.constant(2.0), graph.mul(half, half)))
    return graph.add(bend, graph.op("sub", size, near))


def log_of_one_plus(graph: Graph, node: Node) -> Node | None:
    """Return log(1 + node) where that is log(1 + exp(u)), else None."""
    return graph.op("softplus", node.arguments[0]) if node.name == "exp" else None


def reciprocal(graph: Graph, node: Node) -> Node | None:
    """Return 1/node where that is 1/(1 + exp(u)), else None."""
    exponent = _exponent(node)
    return None if exponent is None else graph.op("logistic", graph.op("neg", exponent))


def _exponent(node: Node) -> Node | None:
    """Return the u of 1 + exp(u)."""
    if node.name == "add":
        for one, other in (node.arguments, node.arguments[::-1]):
            if one.name == "exp" and other.is_constant(1.0):
                return one.arguments[0]
    return None


def factors(graph: Graph, nodes: Sequence[Node]) -> list[Node]:
    """Return the factors of an equal product: exp(u)/(1 + exp(u)) is one logistic function."""
    found = list(nodes)
    for place, node in enumerate(nodes):
        if node.name == "exp":
            for other, logistic in enumerate(found):
                pair = _merged(graph, node.arguments[0], logistic)
                if pair is not None:
                    found[place], found[other] = pair
                    break
    return [node for node in found if not node.is_constant(1.0)] or [graph.constant(1.0)]


def _merged(graph: Graph, exponent: Node, node: Node) -> tuple[Node, Node] | None:
    """Return two factors for exp(-k*w)*logistic(w)**p with k = 1, ..., p, else None."""
    power = node.value if node.name == "power" else 1
    base = node.arguments[0] if node.name == "power" else node
    if base.name != "logistic":
        return None
    (argument,) = base.arguments
    (scale, core), (other, same) = multiple(exponent), multiple(argument)
    times = -scale / other
    if core is not same or times not in range(1, power + 1):
        return None
    mirrored = graph.op("logistic", graph.op("neg", argument))
    return _power(graph, mirrored, int(times)), _power(graph, base, power - int(times))


def _power(graph: Graph, base: Node, exponent: int) -> Node:
    if exponent < 2:
        return base if exponent else graph.constant(1.0)
    return graph.op("power", base, value=exponent)


def multiple(node: Node) -> tuple[float, Node]:
    """Split c*u into the number c and u."""
    if node.name == "neg":
        return -1.0, node.arguments[0]
    if node.name == "mul" and node.arguments[0].is_constant() and node.arguments[0].value:
        return float(node.arguments[0].value), node.arguments[1]
    return 1.0, node


def in_other_operations(graph: Graph, node: Node, argument: Node) -> Node | None:
    """Return a function of this module in operations that backends have, None of another node.

    ::

        softplus(z) = max(z, 0) + log1p(exp(-|z|))
        logistic(z) = (1 where z >= 0, else exp(-|z|))/(1 + exp(-|z|))
        logcosh(z) = log1p(2*sinh(near/2)**2) + (|z| - near),  near = min(|z|, 20)
    """
    if node.name == "logcosh":
        return _logcosh(graph, argument)
    if node.name not in ("softplus", "logistic"):
        return None
    zero, one = graph.constant(0.0), graph.constant(1.0)
    tail = graph.op("exp", graph.op("neg", graph.op("abs", argument)))
    if node.name == "softplus":
        return graph.add(graph.op("max", argument, zero), graph.op("log1p", tail))
    below = graph.op("less", argument, zero)
    return graph.op("div", graph.op("select", below, tail, one), graph.add(tail, one))

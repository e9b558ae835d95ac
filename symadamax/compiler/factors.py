"""The logarithm of a product, factor by factor: a density leaves the range of a double before it.

::

    log(x**y*v)          = y*log(x) + log(v)                              x > 0
    log(gamma(x)*v)      = loggamma(x) + log(v)                           x > 0
    log(beta(a, b)*v)    = loggamma(a) + loggamma(b) - loggamma(a + b) + log(v)    a, b > 0
    log(Product(f)*v)    = Sum(log(f)) + log(v)                           all f >= 0
    log(S*v)             = log(S) + log(v)        S a sum of exponentials with weights, S > 0

Where a condition does not hold the logarithm is that of the product as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

from symadamax.compiler import softmax
from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node

__all__ = ["log_of_product"]

Log = Callable[[Graph, Node], Node]
Found = tuple[Node, list[Node]]  # a logarithm, and the conditions under which it is one

LARGE_POWER = 10  # x**9 stays within a double's range while x is between 1e-34 and 1e34
TINY = 1e-30  # not far below it float32 has few digits left of a beta function, or none
POSITIVE = frozenset({"exp", "logistic"})
NOT_NEGATIVE = POSITIVE | {"abs", "sqrt", "cosh"}


def log_of_product(graph: Graph, node: Node, log: Log) -> Node | None:
    """Return the logarithm of a product or quotient, None where it has none of these factors.

    Parameters
    ----------
    graph : Graph
    node : Node
        What the logarithm is taken of.
    log : callable
        Returns the logarithm of what is left, and of the bases of powers.
    """
    sides = _quotient(graph, node)
    alone = sides[1].is_constant(1.0) and sides[0].name in ("add", "sum")
    above, below = (_split(graph, side, log, alone) for side in sides)
    if not (above[0] or below[0]):
        return None
    total = graph.op("div", above[1], below[1])
    total = graph.constant(0.0) if total.is_constant(1.0) else log(graph, total)
    for part, _ in above[0]:
        total = graph.add(part, total)
    for part, _ in below[0]:
        total = graph.op("sub", total, part)
    conditions = [condition for _, under in (*above[0], *below[0]) for condition in under]
    if not conditions:
        return total
    return graph.op("select", _all(graph, conditions), total, graph.op("log", node))


def _quotient(graph: Graph, node: Node) -> tuple[Node, Node]:
    if node.name == "div":
        return node.arguments[0], node.arguments[1]
    return node, graph.constant(1.0)


def _split(graph: Graph, product: Node, log: Log, alone: bool) -> tuple[list[Found], Node]:
    """Return the logarithms of some factors, and the product of the others.

    Of a sum that stands `alone` the logarithm needs no condition: below 0 it is NaN in any form.
    """
    found, rest = [], graph.constant(1.0)
    for factor in softmax.factors(graph, product):
        logarithm = _log(graph, factor, log)
        if logarithm is None:
            rest = graph.mul(rest, factor)
        else:
            found.append((logarithm[0], []) if alone else logarithm)
    return found, rest


def _log(graph: Graph, node: Node, log: Log) -> Found | None:
    """Return the logarithm of a factor, None where it is best left in the product."""
    rules: dict[str, Callable[[Graph, Node, Log], Found | None]] = {
        "pow": _log_of_power, "power": _log_of_whole_power, "gamma": _log_of_gamma,
        "beta": _log_of_beta, "product": _log_of_reduction,
    }  # fmt: skip
    rule = rules.get(node.name)
    if rule is not None:
        return rule(graph, node, log)
    found = softmax.known_log(graph, node)
    if found is not None:
        return found, []
    weighted = softmax.weighted_log(graph, node)
    if weighted is None:
        return None
    return weighted[0], [graph.op("less", graph.constant(0.0), weighted[1])]


def _log_of_power(graph: Graph, node: Node, log: Log) -> Found | None:
    base, exponent = node.arguments
    if exponent.is_constant():
        return None
    # Powers and products may stand thousands deep in one another: only one is taken out.
    flat = base.name in POSITIVE or base.name in ("add", "sum")
    below = log(graph, base) if flat else graph.op("log", base)
    return graph.mul(exponent, below), _positive(graph, base)


def _log_of_whole_power(graph: Graph, node: Node, log: Log) -> Found | None:
    (base,) = node.arguments
    exponent = int(node.value)
    if exponent < LARGE_POWER:
        return None
    even = exponent % 2 == 0
    size = graph.op("abs", base) if even and base.name not in POSITIVE else base
    return graph.mul(graph.constant(float(exponent)), log(graph, size)), (
        [] if even else _positive(graph, base)
    )


def _log_of_gamma(graph: Graph, node: Node, log: Log) -> Found:
    (x,) = node.arguments
    return graph.op("loggamma", x), _positive(graph, x)


def _log_of_beta(graph: Graph, node: Node, log: Log) -> Found:
    """Return log(beta(a, b)): the three terms cancel, so they stand only where it underflows."""
    a, b = node.arguments
    both = graph.add(graph.op("loggamma", a), graph.op("loggamma", b))
    terms = graph.op("sub", both, graph.op("loggamma", graph.add(a, b)))
    enough = graph.op("less", graph.constant(TINY), node)
    return (
        graph.op("select", enough, graph.op("log", node), terms),
        [*_positive(graph, a), *_positive(graph, b)],
    )


def _log_of_reduction(graph: Graph, node: Node, log: Log) -> Found:
    """Return log(Product(f)) as Sum(log(f)), where no f is negative."""
    (body,) = node.arguments
    total = graph.reduce("sum", node.value, log(graph, body))
    sides = [part for side in _quotient(graph, body) for part in softmax.factors(graph, side)]
    conditions = [condition for part in sides for condition in _not_negative(graph, part, log)]
    if not conditions:
        return total, []
    fails = graph.op("select", _all(graph, conditions), graph.constant(0.0), graph.constant(1.0))
    most = graph.reduce("largest", node.value, fails)
    return total, [graph.op("less_equal", most, graph.constant(0.0))]


def _all(graph: Graph, conditions: Iterable[Node]) -> Node:
    return reduce(lambda a, b: graph.op("and", a, b), dict.fromkeys(conditions))


def _positive(graph: Graph, node: Node) -> list[Node]:
    """Return the condition under which a node is positive; none where it always is."""
    if node.name in POSITIVE or (node.is_constant() and float(node.value) > 0.0):
        return []
    return [graph.op("less", graph.constant(0.0), node)]


def _not_negative(graph: Graph, node: Node, log: Log) -> list[Node]:
    """Return when a factor is not negative; it may overflow, and so is not looked at itself."""
    even = node.name == "power" and int(node.value) % 2 == 0
    if even or node.name in NOT_NEGATIVE or (node.is_constant() and float(node.value) >= 0.0):
        return []
    found = _log(graph, node, log)
    return [graph.op("less_equal", graph.constant(0.0), node)] if found is None else found[1]

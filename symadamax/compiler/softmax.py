"""Sums of exponentials: their logarithms, and quotients with them, without overflow.

::

    log(exp(u)*v)          = u + log(v)
    log(Sum(exp(z[k])))    = m + log(Sum(exp(z[k] - m)))
    exp(u)/Sum(exp(z[k]))  = exp(u - m)/Sum(exp(z[k] - m))

These hold for any m; where it is the largest of the exponents, nothing overflows, and not all
underflows. A sum may have several terms, also numbers: log(3 + exp(x) + Sum(exp(z[k]))), and
weights of any sign: log(Sum(v[k]*exp(z[k]))), where a weight of 0 has no say in the largest. A sum
of exponentials may stand over another. As m drops out, the derivative takes it for a constant (the
operation ``detached``), and is a softmax.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symadamax.compiler import logistic
from symadamax.compiler.affine import Index
from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node

__all__ = ["factors", "known_log", "log_and_rest", "quotient", "weighted_log"]


LARGEST = 80.0  # exp of it is finite, also in float32
SMALL = 60.0  # exp of it, and of its negative, leave room for a weight, also in float32


@dataclass(frozen=True)
class _Term:
    """``factor*Sum(weight*exp(exponent))`` over some indices, or none; or a number.

    The factor is > 0; the weight may have any sign.
    """

    factor: float
    exponent: Node | None
    indices: tuple[Index, ...] = ()
    weight: Node | None = None

    def is_one(self) -> bool:
        """Tell whether this is the number 1."""
        return self.exponent is None and self.factor == 1.0

    def is_shifted(self) -> bool:
        """Tell whether the largest exponent has been taken out already."""
        exponent = self.exponent
        if self.weight is not None and exponent is not None and exponent.name == "min":
            exponent = exponent.arguments[0]
        return (
            exponent is not None
            and exponent.name == "sub"
            and exponent.arguments[1].name == "detached"
        )

    def largest(self, graph: Graph) -> Node:
        """Return the largest exponent whose weight is not 0."""
        exponent = self.exponent or graph.constant(0.0)
        if self.weight is not None:
            none = graph.op("equal", self.weight, graph.constant(0.0))
            exponent = graph.op("select", none, graph.constant(-math.inf), exponent)
        return self.reduced(graph, "largest", exponent)

    def without(self, graph: Graph, shift: Node) -> Node:
        """Return the term with its exponents less `shift`."""
        exponent = self.exponent or graph.constant(0.0)
        exponent = graph.op("sub", exponent, shift)
        if self.weight is None:
            return self.times(graph, graph.op("exp", exponent))
        # Of a weight of 0 it may be any number, and 0*exp(inf) would be NaN.
        power = graph.op("exp", graph.op("min", exponent, graph.constant(LARGEST)))
        return self.times(graph, graph.mul(self.weight, power))

    def times(self, graph: Graph, power: Node) -> Node:
        """Return the sum of a node, times the factor."""
        return graph.mul(graph.constant(self.factor), self.reduced(graph, "sum", power))

    def reduced(self, graph: Graph, name: str, node: Node) -> Node:
        """Return the sum or the largest of a node over the indices."""
        for index in reversed(self.indices):
            node = graph.reduce(name, index, node)
        return node


def log_and_rest(graph: Graph, node: Node) -> tuple[Node, Node] | None:
    """Split the logarithm of a product into u and v, for u + log(v), where that is of use."""
    above, below = node.arguments if node.name == "div" else (node, graph.constant(1.0))
    known, rest = graph.constant(0.0), graph.constant(1.0)
    for factor in factors(graph, above):
        found = known_log(graph, factor)
        if found is None:
            rest = graph.mul(rest, factor)
        else:
            known = graph.add(known, found)
    found = known_log(graph, below)
    if found is not None:
        known, below = graph.op("sub", known, found), graph.constant(1.0)
    return None if known.is_constant(0.0) else (known, graph.op("div", rest, below))


def factors(graph: Graph, node: Node) -> Iterator[Node]:
    """Yield the factors of a product."""
    stack = [node]
    while stack:
        node = stack.pop()
        if node.name == "neg":
            stack += [node.arguments[0], graph.constant(-1.0)]
        elif node.name == "mul":
            stack += reversed(node.arguments)
        else:
            yield node


def known_log(graph: Graph, node: Node) -> Node | None:
    """Return the logarithm of an exponential, or of a sum of them without weights, else None."""
    if node.name == "exp":
        return node.arguments[0]
    found = logistic.log(graph, node)
    terms = [] if found is not None else _terms(graph, node)
    if not terms or _weighted(terms):
        return found
    if all(term.is_shifted() for term in terms):
        return graph.op("log", node)
    shift, total, ones = _shifted(graph, terms)
    if not ones:
        return graph.add(shift, graph.op("log", total))
    return graph.add(shift, _log_with_one(graph, shift, total))


def weighted_log(graph: Graph, node: Node) -> tuple[Node, Node] | None:
    """Return the logarithm of a sum of exponentials with weights, and what has the sign of the sum.

    None of another node.
    """
    terms = _terms(graph, node)
    if not _weighted(terms) or all(term.is_shifted() for term in terms):
        return None
    shift, total, ones = _shifted(graph, terms)
    if not ones:
        return graph.add(shift, graph.op("log", total)), total
    # Where m is large and the weight tiny, all of it would be lost beside the -1 of expm1.
    near = _log_with_one(graph, shift, total)
    total = graph.add(total, graph.op("exp", graph.op("neg", shift)))
    unshifted = graph.op("equal", shift, graph.constant(0.0))
    far = graph.op("log", total)
    return graph.add(shift, graph.op("select", unshifted, near, far)), total


def _shifted(graph: Graph, terms: Sequence[_Term]) -> tuple[Node, Node, bool]:
    """Return m, the sum over exp(m) without a 1 among the terms, and whether there is one."""
    shift = _shift(graph, terms)
    others = [term for term in terms if not term.is_one()]
    return shift, _total(graph, others, shift), len(others) < len(terms)


def _log_with_one(graph: Graph, shift: Node, total: Node) -> Node:
    """Return log(total + exp(-m)): expm1(-m) is 0 where m is, and log1p(tiny) keeps its digits."""
    return graph.op("log1p", graph.add(total, graph.op("expm1", graph.op("neg", shift))))


def _weighted(terms: Sequence[_Term]) -> bool:
    return any(term.weight is not None for term in terms)


def quotient(graph: Graph, above: Node, below: Node) -> tuple[Node, Node] | None:
    """Return above and below, with the same quotient, where both are exponentials or their sums."""
    terms = _terms(graph, below)
    over = [_Term(1.0, above.arguments[0])] if above.name == "exp" else _terms(graph, above)
    if not terms or not over or all(term.is_shifted() for term in terms):
        return None
    shift = _shift(graph, terms)
    return _total(graph, over, shift), _total(graph, terms, shift)


def _shift(graph: Graph, terms: Sequence[_Term]) -> Node:
    """Return the largest exponent; 0 where all are -inf, or one is inf.

    With weights also where it is small: log(1 + v*exp(u)) keeps its digits for a tiny v*exp(u).
    """
    largest = list(dict.fromkeys(term.largest(graph) for term in terms))
    top = graph.op("max", *largest) if largest[1:] else largest[0]
    size = graph.op("abs", top)
    use = graph.op("less", size, graph.constant(math.inf))
    if _weighted(terms):
        use = graph.op("and", use, graph.op("less", graph.constant(SMALL), size))
    return graph.op("detached", graph.op("select", use, top, graph.constant(0.0)))


def _total(graph: Graph, terms: Sequence[_Term], shift: Node) -> Node:
    """Return the sum of terms with their exponents less `shift`."""
    total = graph.constant(0.0)
    for term in terms:
        total = graph.add(total, term.without(graph, shift))
    return total


def _terms(graph: Graph, node: Node) -> list[_Term]:
    """Return the terms of a sum of exponentials; none of another node, or of one exponential."""
    terms = []
    for part in _summands(node):
        term = _term(graph, part)
        if term is None:
            return []
        terms.append(term)
    return terms if terms[1:] or terms[0].indices else []


def _summands(node: Node) -> Iterator[Node]:
    """Yield the terms of a sum."""
    stack = [node]
    while stack:
        node = stack.pop()
        if node.name == "add":
            stack += reversed(node.arguments)
        else:
            yield node


def _term(graph: Graph, node: Node) -> _Term | None:
    """Return what a term of a sum is; None where it is no positive multiple of exponentials."""
    if node.is_constant():
        return _Term(float(node.value), None) if node.value > 0 else None
    factor, node = logistic.multiple(node)
    indices = []
    while node.name == "sum":
        indices.append(node.value)
        (node,) = node.arguments
    exponent, weight = _exponential(graph, node)
    fixed = weight.is_constant()
    factor *= float(weight.value) if fixed else 1.0
    if exponent is None or factor <= 0:
        return None
    return _Term(factor, exponent, tuple(indices), None if fixed else weight)


def _exponential(graph: Graph, node: Node) -> tuple[Node | None, Node]:
    """Split exp(u)*v into u, None where there is no exponential, and v."""
    above, below = node.arguments if node.name == "div" else (node, graph.constant(1.0))
    exponent, weight = None, graph.constant(1.0)
    for factor in factors(graph, above):
        if factor.name == "exp" and exponent is None:
            exponent = factor.arguments[0]
        else:
            weight = graph.mul(weight, factor)
    return exponent, graph.op("div", weight, below)

"""Sums of exponentials: their logarithms, and quotients with them, without overflow.

::

    log(exp(u)*v)          = u + log(v)
    log(Sum(exp(z[k])))    = m + log(Sum(exp(z[k] - m)))
    exp(u)/Sum(exp(z[k]))  = exp(u - m)/Sum(exp(z[k] - m))

These hold for any m; where it is the largest of the exponents, nothing overflows, and not all
underflows. A sum may have several terms, also numbers: log(3 + exp(x) + Sum(exp(z[k]))). As m drops
out, the derivative takes it for a constant (the operation ``detached``), and is a softmax.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symadamax.compiler import logistic
from symadamax.compiler.affine import Index
from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node

__all__ = ["factors", "known_log", "log_and_rest", "quotient"]


@dataclass(frozen=True)
class _Term:
    """``factor*Sum(exp(exponent))`` over some indices, or none; or a number. The factor is > 0."""

    factor: float
    exponent: Node | None
    indices: tuple[Index, ...] = ()

    def is_one(self) -> bool:
        """Tell whether this is the number 1."""
        return self.exponent is None and self.factor == 1.0

    def is_shifted(self) -> bool:
        """Tell whether the largest exponent has been taken out already."""
        exponent = self.exponent
        return (
            exponent is not None
            and exponent.name == "sub"
            and exponent.arguments[1].name == "detached"
        )

    def largest(self, graph: Graph) -> Node:
        """Return the largest exponent."""
        return self.reduced(graph, "largest", self.exponent or graph.constant(0.0))

    def without(self, graph: Graph, shift: Node) -> Node:
        """Return the term with its exponents less `shift`."""
        exponent = self.exponent or graph.constant(0.0)
        power = graph.op("exp", graph.op("sub", exponent, shift))
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
    """Return the logarithm of an exponential, or of a sum of them, else None."""
    if node.name == "exp":
        return node.arguments[0]
    return logistic.log(graph, node) or _log_of_sum(graph, node)


def _log_of_sum(graph: Graph, node: Node) -> Node | None:
    terms = _terms(node)
    if not terms:
        return None
    if all(term.is_shifted() for term in terms):
        return graph.op("log", node)
    shift = _shift(graph, terms)
    ones = [term for term in terms if term.is_one()]
    total = _total(graph, [term for term in terms if not term.is_one()], shift)
    if not ones:
        return graph.add(shift, graph.op("log", total))
    # exp(-m) - 1 is 0 where m is, so that log(1 + tiny) keeps its digits.
    total = graph.add(total, graph.op("expm1", graph.op("neg", shift)))
    return graph.add(shift, graph.op("log1p", total))


def quotient(graph: Graph, exponent: Node, node: Node) -> tuple[Node, Node] | None:
    """Return exp(exponent)/node as two nodes, where node is a sum of exponentials, else None."""
    terms = _terms(node)
    if not terms:
        return None
    shift = _shift(graph, terms)
    return graph.op("exp", graph.op("sub", exponent, shift)), _total(graph, terms, shift)


def _shift(graph: Graph, terms: Sequence[_Term]) -> Node:
    """Return the largest exponent; 0 where all are -inf, or one is inf."""
    largest = list(dict.fromkeys(term.largest(graph) for term in terms))
    top = graph.op("max", *largest) if largest[1:] else largest[0]
    finite = graph.op("less", graph.op("abs", top), graph.constant(math.inf))
    return graph.op("detached", graph.op("select", finite, top, graph.constant(0.0)))


def _total(graph: Graph, terms: Sequence[_Term], shift: Node) -> Node:
    """Return the sum of terms with their exponents less `shift`."""
    total = graph.constant(0.0)
    for term in terms:
        total = graph.add(total, term.without(graph, shift))
    return total


def _terms(node: Node) -> list[_Term]:
    """Return the terms of a sum of exponentials; none of another node, or of one exponential."""
    terms = []
    for part in _summands(node):
        term = _term(part)
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


def _term(node: Node) -> _Term | None:
    """Return what a term of a sum is; None where it is no positive multiple of exponentials."""
    if node.is_constant():
        return _Term(float(node.value), None) if node.value > 0 else None
    factor, node = logistic.multiple(node)
    indices = []
    while node.name == "sum":
        indices.append(node.value)
        (node,) = node.arguments
    if node.name != "exp" or factor <= 0:
        return None
    return _Term(factor, node.arguments[0], tuple(indices))

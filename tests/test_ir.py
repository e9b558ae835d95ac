from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from expressions import SYMBOLS, expressions
from hypothesis import given, settings
from problems import PROBLEMS, Problem

from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node, Program, verify
from symadamax.compiler.operations import OPERATIONS
from symadamax.compiler.trace import trace
from symadamax.errors import InternalError

x, y, z = SYMBOLS


def test_a_program_prints_each_value_once() -> None:
    shared = sp.sin(x * y)
    assert str(trace(sp.atan2(shared, shared**2), [x, y])) == (
        "program(x0, x1)\n"
        "  t0 = mul x0 x1\n"
        "  t1 = sin t0\n"
        "  t2 = power[2] t1\n"
        "  t3 = atan2 t1 t2\n"
        "  return t3"
    )


def test_parameters_stand_behind_a_semicolon() -> None:
    assert str(trace(x * y, [x], [y])).startswith("program(x0; p0)\n")


def test_truth_values_print_as_words() -> None:
    graph = Graph()
    node = graph.node(OPERATIONS["not"], graph.truth(True))
    assert "not true" in str(Program(graph, (node,), 1, 0))


def test_nodes_come_before_those_that_use_them() -> None:
    nodes = trace(sp.exp(x) * sp.sin(x + y) / (1 + y**2), [x, y]).nodes()
    places = {node: k for k, node in enumerate(nodes)}
    assert all(places[a] < places[node] for node in nodes for a in node.arguments)


def test_nodes_are_listed_once() -> None:
    nodes = trace((x + y) ** 2 * sp.cos(x + y), [x, y]).nodes()
    assert len(nodes) == len(set(nodes))


@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
def test_problems_keep_the_grammar(problem: Problem) -> None:
    verify(trace(problem.expression, problem.unknowns))


@settings(max_examples=30, deadline=None)
@given(expressions())
def test_random_expressions_keep_the_grammar(expression: Any) -> None:
    verify(trace(expression, SYMBOLS))


def broken(name: str) -> Program:
    graph = Graph()
    a, truth = graph.op("unknown", value=0), graph.truth(True)
    nodes: dict[str, Node] = {
        "arguments": Node(OPERATIONS["add"], (a,), None, 9),
        "is not Kind.REAL": Node(OPERATIONS["sin"], (truth,), None, 9),
        "is not Kind.BOOLEAN": Node(OPERATIONS["select"], (a, a, a), None, 9),
        "does not exist": graph.op("unknown", value=3),
        "has the value": Node(OPERATIONS["power"], (a,), 2.0, 9),
        "has 1 arguments": Node(OPERATIONS["max"], (a,), None, 9),
        "is not a real number": truth,
        "p4": graph.op("parameter", value=4),
    }
    return Program(graph, (nodes[name],), 1, 0)


@pytest.mark.parametrize(
    "complaint",
    [
        "arguments", "is not Kind.REAL", "is not Kind.BOOLEAN", "does not exist", "has the value",
        "has 1 arguments", "is not a real number", "p4",
    ],
)  # fmt: skip
def test_verify_complains(complaint: str) -> None:
    with pytest.raises(InternalError, match=complaint):
        verify(broken(complaint))

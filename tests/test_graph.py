from __future__ import annotations

import math

import pytest

from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Node


@pytest.fixture
def graph() -> Graph:
    return Graph()


@pytest.fixture
def a(graph: Graph) -> Node:
    return graph.op("unknown", value=0)


@pytest.fixture
def b(graph: Graph) -> Node:
    return graph.op("unknown", value=1)


def test_equal_content_is_one_node(graph: Graph, a: Node, b: Node) -> None:
    assert graph.op("sub", a, b) is graph.op("sub", a, b)


def test_a_sum_does_not_know_the_order_of_its_terms(graph: Graph, a: Node, b: Node) -> None:
    assert graph.add(a, b) is graph.add(b, a)


def test_a_difference_knows_the_order_of_its_terms(graph: Graph, a: Node, b: Node) -> None:
    assert graph.op("sub", a, b) is not graph.op("sub", b, a)


def test_the_zeros_are_two_numbers(graph: Graph) -> None:
    assert graph.constant(0.0) is not graph.constant(-0.0)


def test_nan_is_one_number(graph: Graph) -> None:
    assert graph.constant(math.nan) is graph.constant(math.nan)


def test_one_and_true_are_not_the_same(graph: Graph) -> None:
    assert graph.constant(1.0) is not graph.truth(True)


def test_orders_part_nodes(graph: Graph, a: Node) -> None:
    assert graph.op("besselj", a, value=0.0) is not graph.op("besselj", a, value=-0.0)
    assert graph.op("power", a, value=2) is not graph.op("power", a, value=3)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("add", ("a", 0.0), "a"), ("add", (0.0, "a"), "a"), ("sub", ("a", 0.0), "a"),
        ("mul", (1.0, "a"), "a"), ("mul", ("a", 1.0), "a"), ("mul", ("a", 0.0), 0.0),
        ("div", ("a", 1.0), "a"), ("add", (2.0, 3.0), 5.0), ("sqrt", (9.0,), 3.0),
        ("div", (1.0, 4.0), 0.25), ("exp", (0.0,), 1.0), ("pow", (2.0, 3.0), 8.0),
    ],
)  # fmt: skip
def test_identities_of_arithmetic(
    graph: Graph, a: Node, name: str, arguments: tuple[object, ...], expected: object
) -> None:
    nodes = [a if k == "a" else graph.constant(float(str(k))) for k in arguments]
    wanted = a if expected == "a" else graph.constant(float(str(expected)))
    assert graph.op(name, *nodes) is wanted


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("div", (1.0, 0.0)),
        ("log", (0.0,)),
        ("sqrt", (-1.0,)),
        ("exp", (1000.0,)),
        ("mul", (1e200, 1e200)),
    ],
)
def test_what_is_not_finite_is_left_to_the_backends(
    graph: Graph, name: str, arguments: tuple[float, ...]
) -> None:
    assert graph.op(name, *map(graph.constant, arguments)).name == name


def test_signs_move_out_of_products(graph: Graph, a: Node, b: Node) -> None:
    product = graph.mul(graph.op("neg", a), graph.op("neg", b))
    assert product is graph.mul(a, b)


def test_a_sum_with_a_negative_term_is_a_difference(graph: Graph, a: Node, b: Node) -> None:
    assert graph.add(a, graph.op("neg", b)) is graph.op("sub", a, b)
    scaled = graph.mul(graph.constant(-2.0), b)
    assert graph.add(a, scaled) is graph.op("sub", a, graph.mul(graph.constant(2.0), b))


def test_numbers_of_a_product_meet(graph: Graph, a: Node) -> None:
    product = graph.mul(graph.constant(2.0), graph.mul(a, graph.constant(3.0)))
    assert product is graph.mul(graph.constant(6.0), a)


def test_numbers_of_a_product_do_not_overflow(graph: Graph, a: Node) -> None:
    big = graph.constant(1e200)
    assert graph.mul(big, graph.mul(big, a)).arguments[1].name == "mul"


def test_numbers_of_a_product_do_not_vanish(graph: Graph, a: Node) -> None:
    small = graph.constant(1e-200)
    assert graph.mul(small, graph.mul(small, a)) is not graph.constant(0.0)


def test_choices_that_are_made(graph: Graph, a: Node, b: Node) -> None:
    condition = graph.op("less", a, b)
    assert graph.op("select", graph.truth(True), a, b) is a
    assert graph.op("select", graph.truth(False), a, b) is b
    assert graph.op("select", condition, a, a) is a


def test_logic_with_what_is_known(graph: Graph, a: Node, b: Node) -> None:
    condition, true, false = graph.op("less", a, b), graph.truth(True), graph.truth(False)
    assert graph.op("and", condition, true) is condition
    assert graph.op("and", condition, false) is false
    assert graph.op("or", true, condition) is true
    assert graph.op("or", false, condition) is condition
    assert graph.op("and", condition, condition) is condition
    assert graph.op("not", graph.op("not", condition)) is condition
    assert graph.op("not", true) is false

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from expressions import SYMBOLS, expressions
from hypothesis import given, settings

from symadamax.compiler.differentiate import differentiate
from symadamax.compiler.expand import expand
from symadamax.compiler.ir import verify
from symadamax.compiler.trace import trace

x = sp.Symbol("x")


@pytest.mark.parametrize("exponent", [2, 3, 4, 5, 7, 16, 31, 100, 1000, 1024])
def test_a_power_becomes_at_most_two_products_a_bit(exponent: int) -> None:
    program = expand(trace(x**exponent, [x]))
    products = [node for node in program.nodes() if node.name == "mul"]
    assert len(products) == exponent.bit_length() + exponent.bit_count() - 2


def test_powers_share_their_products() -> None:
    program = expand(trace(x**4 + x**2, [x]))
    assert sum(node.name == "mul" for node in program.nodes()) == 2


def test_exponents_above_the_largest_product_stay_pow() -> None:
    assert "pow" in {node.name for node in expand(trace(x**1025, [x])).nodes()}


@settings(max_examples=25, deadline=None)
@given(expressions())
def test_no_power_is_left_and_the_grammar_holds(expression: Any) -> None:
    program = expand(differentiate(trace(expression, SYMBOLS)))
    verify(program)
    assert "power" not in {node.name for node in program.nodes()}


def test_an_expanded_program_is_left_alone() -> None:
    once = expand(trace(sp.sin(x) * x**3, [x]))
    assert expand(once).outputs == once.outputs

from __future__ import annotations

import re

import pytest

from symadamax import _core
from symadamax.compiler import numpy_code
from symadamax.compiler.emission import WRITTEN
from symadamax.compiler.heads import HEADS, REWRITES, VALUED
from symadamax.compiler.ir import verify
from symadamax.compiler.operations import OPERATIONS, Kind, Operation
from symadamax.compiler.special import scipy_address
from symadamax.compiler.trace import partial
from symadamax.errors import InternalError

ROWS = list(OPERATIONS.values())
LOOPS = {
    "element",
    "whole",
    "extent",
    "within",
    "sum",
    "product",
    "largest",
}  # written by each backend
PLAIN = [row for row in ROWS if row.name not in LOOPS]
# By their own rules, or not by this argument.
UNDIFFERENTIABLE = {("zeta", 0)}
DIFFERENTIABLE = [
    (row, place)
    for row in ROWS
    if row.head is not None and row.arity
    for place in range(row.arity)
    if (row.name, place) not in UNDIFFERENTIABLE
]
VALUES = {"power": 3, "expint": 2, "jn": 2, "lambertw": 0}


def value_of(row: Operation) -> float | int | None:
    if row.valued is None:
        return None
    return VALUES.get(row.name, row.valued(1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_name_is_the_key(row: Operation) -> None:
    assert OPERATIONS[row.name] is row


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.name)
def test_the_template_takes_all_arguments(row: Operation) -> None:
    places = {int(k) for k in re.findall(r"\{(\d+)\}", row.numpy)}
    assert places == set(range(1 if row.arity is None else row.arity))


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.name)
def test_the_template_takes_the_constant(row: Operation) -> None:
    assert ("{value}" in row.numpy) == (row.valued is not None)


@pytest.mark.parametrize(
    ("row", "place"), DIFFERENTIABLE, ids=[f"{row.name}-{place}" for row, place in DIFFERENTIABLE]
)
def test_every_derivative_is_a_sound_program(row: Operation, place: int) -> None:
    derivative = partial(row, place, value_of(row))
    assert derivative is not None
    verify(derivative)


@pytest.mark.parametrize(("name", "place"), sorted(UNDIFFERENTIABLE))
def test_no_derivative_where_sympy_has_none(name: str, place: int) -> None:
    assert partial(OPERATIONS[name], place) is None


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.native.startswith(("scipy:", "parity:"))],
    ids=lambda r: r.name,
)
def test_scipy_offers_the_function_to_c(row: Operation) -> None:
    kinds = {None: (), int: ("integer",), float: ("double",)}[row.valued]
    types = (*kinds, *("double",) * (row.arity or 0))
    assert scipy_address(row.native.partition(":")[2], types) > 0


def test_a_function_that_scipy_lacks_is_our_mistake() -> None:
    with pytest.raises(InternalError, match=r"no nonsense\(double\)"):
        scipy_address("nonsense", ("double",))


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.native.startswith("core:")], ids=lambda row: row.name
)
def test_the_core_offers_the_function(row: Operation) -> None:
    assert _core.special_functions()[row.native[5:]] > 0


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.native.startswith("emit:")], ids=lambda row: row.name
)
def test_the_emitted_operation_is_written(row: Operation) -> None:
    assert callable(WRITTEN[row.native[5:]])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_template_names_what_the_namespace_holds(row: Operation) -> None:
    called = re.findall(r"(\w+)(?=\.|\()", row.numpy)
    known = {"np", "special", *vars(numpy_code)}
    assert {name for name in called if f".{name}" not in row.numpy} <= known


def test_heads_lead_to_operations_of_their_arity() -> None:
    assert all(operation in ROWS for operation in HEADS.values())
    assert all(rule.operation in OPERATIONS for rule in VALUED.values())


def test_no_head_is_both_lowered_and_rewritten() -> None:
    assert not set(HEADS) & set(VALUED)
    both = {head.__name__ for head in set(HEADS) & set(REWRITES)}
    assert both == set()


def test_conditions_are_made_of_reals_or_of_truths() -> None:
    truths = {row.name for row in PLAIN if row.result is Kind.BOOLEAN}
    assert truths == {
        "truth", "less", "less_equal", "equal", "not_equal", "and", "or", "not"
    }  # fmt: skip

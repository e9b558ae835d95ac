"""Affine expressions: equal content is equal, spans are reached, loops are in an order."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symadamax.compiler.affine import (
    Access,
    Affine,
    Array,
    Extent,
    Index,
    Lookup,
    Size,
    extents_of,
    ordered,
    span,
)  # fmt: skip

N = Affine.of(Size("n", 0))
I = Index("i", Affine(0), Affine(5))  # noqa: E741
J = Index("j", Affine(0), Affine.of(I), level=1)
X = Array("X", False, 0, 2)


def test_the_order_of_terms_says_nothing() -> None:
    one = Affine.of(I).plus(N).plus(Affine(3))
    other = Affine(3).plus(N).plus(Affine.of(I))
    assert one == other
    assert hash(one) == hash(other)


def test_what_cancels_leaves_no_term() -> None:
    assert Affine.of(I).plus(Affine.of(I), -1) == Affine()


@pytest.mark.parametrize(
    ("affine", "text"),
    [
        (Affine(), "0"),
        (Affine(-3), "-3"),
        (Affine.of(I, -1), "-i"),
        (Affine.of(I, -2).plus(N).plus(Affine(-1)), "n - 2*i - 1"),
        (Affine.of(Extent(X, 1)), "len(X, 1)"),
        (Affine.of(Lookup(Access(X, (Affine.of(I), Affine(2))))), "X[i, 2]"),
    ],
)
def test_the_text_is_what_a_person_would_write(affine: Affine, text: str) -> None:
    assert str(affine) == text


def test_an_index_is_replaced_in_lookups_and_in_bounds() -> None:
    by = Affine.of(I).plus(Affine(7))
    looked_up = Affine.of(Lookup(Access(X, (Affine.of(I), Affine(0))))).replace(I, by)
    assert str(looked_up) == "X[i + 7, 0]"
    ((ragged, _),) = Affine.of(J).replace(I, Affine(4)).terms
    assert isinstance(ragged, Index)
    assert (ragged.upper, ragged.indices) == (Affine(4), {ragged})


def test_an_index_depends_on_those_in_its_bounds() -> None:
    assert J.indices == {I, J}
    assert Affine.of(J).indices == {I, J}


def test_bounds_come_before_what_they_bound_wherever_they_were_met_first() -> None:
    late = Index("i", Affine(0), Affine(5), level=3)
    inner = Index("j", Affine(0), Affine.of(late), level=1)
    assert ordered({inner, late}) == [late, inner]


def test_loops_keep_the_order_in_which_they_were_nested() -> None:
    outer = Index("z", Affine(0), Affine(1))
    inner = Index("a", Affine(0), Affine(1), level=1)
    assert ordered({inner, outer}) == [outer, inner]


factors = st.integers(-3, 3)


@given(factors, factors, factors, st.integers(0, 4), st.integers(-2, 2))
def test_a_span_over_a_triangle_is_reached(
    constant: int, along: int, across: int, last: int, shift: int
) -> None:
    i = Index("i", Affine(max(0, -shift)), Affine(4))
    j = Index("j", Affine(0), Affine.of(i).plus(Affine(shift)), level=1)
    expression = Affine(constant).plus(Affine.of(i), along).plus(Affine.of(j), across)
    values = [
        constant + along*p + across*q
        for p in range(max(0, -shift), 5)
        for q in range(p + shift + 1)
    ]  # fmt: skip
    assert span(expression, extents_of({})) == (min(values), max(values))


@given(st.lists(factors, min_size=2, max_size=2), st.tuples(factors, factors))
def test_a_span_takes_the_range_of_each_atom(multiples: list[int], ends: tuple[int, int]) -> None:
    low, high = sorted(ends)
    lookup = Lookup(Access(X, (Affine(0), Affine(0))))
    expression = Affine.of(I, multiples[0]).plus(Affine.of(lookup), multiples[1])
    values = [multiples[0] * p + multiples[1] * q for p, q in product(range(6), (low, high))]
    assert span(expression, lambda atom: (low, high)) == (min(values), max(values))

"""Runs: rows of arrays that are joined, and the best of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from symadamax.solver import Status
from symadamax.solver.many.runs import Runs

DONE, FAILED, CUT = Status.STEPS_DONE, Status.VALUE_NOT_FINITE, Status.INTERRUPTED


def runs_of(fun: list[float], status: list[int] | None = None, first: int = 0) -> Runs:
    """Return runs with these values, at points that tell their numbers."""
    number = np.arange(first, first + len(fun))
    x = np.stack([number, -number], axis=1).astype(float)
    ended = np.full(len(fun), DONE) if status is None else np.array(status)
    return Runs(number, x, np.array(fun, float), 2 * x, ended.astype(np.int8), 10 * number)


def same(one: Runs, other: Runs) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def ranked(runs: Runs) -> list[int]:
    """Return the numbers in the order of best, in plain Python."""
    rows = range(runs.rows)
    usable = [r for r in rows if runs.status[r] >= 0 and not np.isnan(runs.fun[r])]
    rest = [r for r in rows if r not in usable]
    first = sorted(usable, key=lambda r: (runs.fun[r], runs.number[r]))
    return [int(runs.number[r]) for r in [*first, *sorted(rest, key=lambda r: runs.number[r])]]


def test_rows_that_nobody_began_have_no_numbers() -> None:
    runs = Runs.never_begun(5, 8, size=2, dtype="float32")
    assert runs.number.tolist() == [5, 6, 7]
    assert runs.x.dtype == runs.jac.dtype == np.float32
    assert np.isnan(runs.x).all()
    assert np.isnan(runs.jac).all()
    assert np.isnan(runs.fun).all()
    assert runs.status.tolist() == [CUT] * 3
    assert runs.nit.tolist() == [0, 0, 0]
    assert not runs.usable.any()


def test_parts_are_joined_in_their_order() -> None:
    whole = runs_of([3, 1, 2, 5])
    parts = [whole.take(slice(0, 1)), whole.take(slice(1, 1)), whole.take(slice(1, 4))]
    assert same(Runs.joined(parts), whole)


def test_rows_are_taken_by_mask_or_by_place() -> None:
    runs = runs_of([3, 1, 2])
    assert runs.take(runs.fun < 3).number.tolist() == [1, 2]
    assert runs.take([2, 0]).x.tolist() == [[2, -2], [0, 0]]


def test_the_best_are_the_smallest_values_in_order() -> None:
    assert runs_of([3, 1, 2, 0.5]).best(3).number.tolist() == [3, 1, 2]
    assert runs_of([3, 1]).best(0).rows == 0
    assert runs_of([3, 1]).best(9).fun.tolist() == [1, 3]


def test_equal_values_are_in_the_order_of_their_numbers() -> None:
    runs = runs_of([2, 1, 1, 1, -0.0, 0.0]).take([5, 3, 2, 4, 1, 0])
    assert runs.best(4).number.tolist() == [4, 5, 1, 2]


def test_what_is_not_usable_comes_last_by_number() -> None:
    runs = runs_of([-9, np.nan, 5, -8, 7], [FAILED, CUT, DONE, FAILED, CUT])
    assert runs.best(5).number.tolist() == [2, 4, 0, 1, 3]
    assert runs.best(3).number.tolist() == [2, 4, 0]


values = st.sampled_from([-1.0, -0.0, 0.0, 1.0, 2.5, np.inf, np.nan])
statuses = st.sampled_from([DONE, FAILED, CUT])


@given(st.lists(st.tuples(values, statuses), max_size=12), st.integers(0, 14), st.data())
def test_the_best_of_parts_are_the_best_of_all(
    rows: list[tuple[float, int]], k: int, data: Any
) -> None:
    runs = runs_of([fun for fun, _ in rows], [status for _, status in rows])
    assert runs.best(k).number.tolist() == ranked(runs)[:k]
    cut = data.draw(st.integers(0, len(rows)))
    parts = [runs.take(slice(0, cut)).best(k), runs.take(slice(cut, None)).best(k)]
    assert same(Runs.joined(parts).best(k), runs.best(k))

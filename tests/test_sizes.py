"""Sizes are inferred from the arrays, and every position is checked before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import InputError, Objective, minimize

i, j, n, m = sp.symbols("i j n m", integer=True)
a = sp.Symbol("a")
w, y, X, G = (sp.IndexedBase(name) for name in "wyXG")
FIT = sp.Sum((a - y[i]) ** 2 * X[i], (i, 0, n - 1))
REACHES = {
    "a shift": (sp.Sum(w[i + 1] * w[i], (i, 0, n - 2)), 5, 5),
    "a factor": (sp.Sum(w[2 * i + 1] * w[2 * i], (i, 0, n - 1)), 6, 3),
    "a reversal": (sp.Sum(w[n - 1 - i], (i, 0, n - 1)), 5, 5),
    "a triangle": (sp.Sum(w[i + j], (j, 0, i), (i, 0, n - 1)), 5, 3),
    "twice a size": (sp.Sum(w[i], (i, 0, 2 * n - 1)), 6, 3),
    "odd positions": (sp.Sum(w[2 * i + 1], (i, 0, n - 1)), 6, 3),
    "all but the first": (sp.Sum(w[i], (i, 1, n - 1)), 5, 5),
    "one beyond the size": (sp.Sum(w[i], (i, 0, n)), 5, 4),
    "the first by itself": (w[0] + sp.Sum(w[i], (i, 1, n)), 5, 4),
    "a lookup's array": (sp.Sum(w[0] * G[i], (i, 0, n - 1)), 1, 4),
}


@pytest.mark.parametrize("name", REACHES)
def test_a_size_is_that_with_which_arrays_are_read_to_their_ends(name: str) -> None:
    expression, length, size = REACHES[name]
    data = {G: np.zeros(size, int)} if expression.has(G) else None
    objective = Objective(expression + n, data=data)
    assert objective.value({w: np.zeros(length)}) == size


@pytest.mark.parametrize(
    ("expression", "data", "message"),
    [
        (FIT, {y: np.ones(5), X: np.ones(4)},
         "The arrays disagree about n: X[i] says 4, and y[i] says 5. Give arrays of matching "
         "lengths, or n in parameters."),
        (sp.Sum(a*X[i, j], (i, 0, n - 1), (j, 0, n - 1)), {X: np.ones((4, 6))},
         "The arrays disagree about n: X[i, j] says 4 along axis 0, and X[i, j] says 6 along axis "
         "1."),
        (sp.Sum(a*y[i]*X[i + 1], (i, 0, n - 2)), {y: np.ones(6), X: np.ones(5)},
         "X[i + 1] says 5, and y[i] says 7."),
        (sp.Sum(a*i, (i, 0, n)), {},
         "The size n cannot be known from the arrays. Give it in parameters, or an array of that "
         "length."),
        (sp.Sum(a*y[i + j], (i, 0, n - 1), (j, 0, m - 1)), {y: np.ones(5)},
         "The size m, n cannot be known from the arrays."),
        (sp.Sum(a*y[i], (i, 0, 2*n)), {y: np.ones(4)}, "The size n cannot be known"),
        (sp.Sum((a - y[i])**2, (i, 1, n)), {y: np.ones(4)},
         "The size n is not clear: nothing reads y before position 1, and y has 4 elements, 0 to "
         "3, so n would be 3. Positions begin at 0: write y[i - 1] in a sum from 1 to n, or give n "
         "in parameters."),
        (sp.Sum(a*y[i], (i, 1, n - 2)), {y: np.ones(4)}, "so n would be 5."),
        (sp.Sum(a*y[n - i], (i, 0, n - 1)), {y: np.ones(4)}, "so n would be 3."),
        (sp.Sum(a*y[i + 1], (i, 0, 4)), {y: np.ones(5)},
         "y[i + 1] leaves the array: its position i + 1 goes from 1 to 5, and y has 5 elements, "
         "0 to 4 (i runs from 0 to 4)."),
        (sp.Sum(a*y[i - 1], (i, 0, 4)), {y: np.ones(5)}, "its position i - 1 goes from -1 to 3"),
        (sp.Sum(a*y[i - 1], (i, 0, n)), {y: np.ones(5)}, "its position i - 1 goes from -1 to 4"),
        (sp.Sum(a*X[0, i], (i, 0, 4)), {X: np.ones((3, 4))}, "4 elements along axis 1, 0 to 3"),
        (sp.Sum(a*y[i - j], (j, 0, i + 1), (i, 0, 3)), {y: np.ones(9)}, "goes from -1 to 3"),
        (sp.Sum(a*y[G[i]], (i, 0, n - 1)), {y: np.ones(3), G: [0, 3]},
         "y[G[i]] leaves the array: its position G[i] goes from 0 to 3"),
        (sp.Sum(a*y[G[i]], (i, 0, n - 1)), {y: np.ones(3), G: [0, -1]}, "goes from -1 to 0"),
        (sp.Sum(a*y[G[i]], (i, 0, n - 1)), {y: np.ones(3), G: [0.0, 1.0]},
         "G[i] is used as an index, and G is of float64; give an array of whole numbers."),
        (sp.Sum(a*y[G[i]], (i, 0, n - 1)), {y: np.ones(3), G: [False, True]}, "G is of bool"),
        (sp.Sum(a*i, (i, 5, 2)), {},
         "The range of i, 5 to 2, runs backwards: it ends 3 before it begins. An empty range ends "
         "1 before it begins, and a shorter one is to SymPy a sum of negative sign. Give bounds "
         "that do not cross."),
        (sp.Sum(a*i*j, (j, i, 2), (i, 0, 4)), {}, "The range of j, i to 2, runs backwards"),
        (a*y[0], {y: np.ones(0)}, "its position 0 goes from 0 to 0, and y has 0 elements"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_index_and_shows_the_term(
    expression: Any, data: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        Objective(expression, [a], data=data).value([1.0])
    assert message in str(caught.value)


def test_a_size_that_is_given_may_leave_rows_out() -> None:
    objective = Objective(FIT, data={y: np.arange(5.0), X: np.ones(4)}, parameters={n: 2})
    assert objective.value([0.0]) == 1.0
    assert objective.with_parameters({n: 3}).value([0.0]) == 5.0


def test_the_last_row_of_pairs_may_be_left_out() -> None:
    pairs = sp.Sum((w[i] - w[j]) ** 2 * X[i, j], (j, i + 1, n - 1), (i, 0, n - 2))
    objective = Objective(pairs, data={X: np.arange(9.0).reshape(3, 3)})
    assert objective.value({w: [0.0, 1.0, 3.0]}) == 1 * 1 + 2 * 9 + 5 * 4


@pytest.mark.parametrize("given", [1e30, -1e30, 1e308])
def test_a_range_that_no_loop_counts_is_refused(given: float) -> None:
    total = sp.Sum(a * i, (i, 0, 2 * n - 1))
    with pytest.raises(InputError, match=r"goes beyond 2\*\*53"):
        Objective(total, parameters={n: given}).value([1.0])


def test_a_size_that_is_given_is_whole() -> None:
    with pytest.raises(InputError) as caught:
        Objective(FIT, data={y: np.ones(5), X: np.ones(5)}, parameters={n: 2.5}).value([0.0])
    assert str(caught.value) == (
        "The parameter 'n' is 2.5; it counts in a sum or a position, and must be a whole number."
    )


def test_a_size_that_is_given_is_held_against_the_arrays() -> None:
    with pytest.raises(InputError, match="y has 5 elements, 0 to 4"):
        Objective(FIT, data={y: np.ones(5), X: np.ones(9)}, parameters={n: 6}).value([0.0])


def test_a_loop_without_turns_reads_nothing() -> None:
    total = sp.Sum(y[i + 7], (i, 0, n - 1)) + a**2
    assert Objective(total, [a], data={y: np.ones(3)}, parameters={n: 0}).value([2.0]) == 4.0


def test_data_that_are_missing_are_named() -> None:
    with pytest.raises(InputError) as caught:
        Objective(FIT, [a], data={y: np.ones(3)}).value([1.0])
    assert str(caught.value) == (
        "No data are given for X. Give an array for each in data, or add it to the unknowns."
    )


@pytest.mark.parametrize("start", [[1.0], {a: 1.0}], ids=["list", "mapping"])
def test_data_that_are_not_given_at_all_are_asked_for(start: Any) -> None:
    with pytest.raises(InputError, match=r"hold data are no unknowns: give them in data\.$"):
        minimize(FIT, start)


def test_a_bound_is_no_unknown() -> None:
    with pytest.raises(InputError, match=r"no unknowns: .* counts, and is none: a\.$"):
        Objective(sp.Sum(i**2, (i, 0, a)))


def test_an_array_has_an_axis_for_each_index() -> None:
    with pytest.raises(InputError) as caught:
        Objective(FIT, [a], data={y: np.ones((3, 1)), X: np.ones(3)}).value([1.0])
    assert str(caught.value) == (
        "y is given with the shape (3, 1), and has 1 index in the objective."
    )

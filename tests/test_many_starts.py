"""Starts that are numbers: every form gives the same points, and what does not fit is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from symadamax.errors import InputError
from symadamax.solver.many.given import ROWS, Given
from symadamax.solver.many.grid import product
from symadamax.solver.many.sample import sample
from symadamax.solver.many.starts import matched, starts_of

x, y, z = sp.symbols("x y z")
w, v = sp.IndexedBase("w"), sp.IndexedBase("v")
POINTS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def points_of(given: Any, unknowns: Any = (x, y), **options: Any) -> Any:
    starts, _ = starts_of(given, unknowns, **options)
    return starts.points(0, len(starts))


# ---- forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        POINTS,
        POINTS.astype(int),
        POINTS.astype(np.float32),
        POINTS.tolist(),
        np.asfortranarray(POINTS),
        POINTS.astype(object),
        POINTS.astype(">f8"),
        {x: [1, 3, 5], y: [2, 4, 6]},
        {"y": POINTS[:, 1], "x": POINTS[:, 0].astype(np.int8)},
        {x: pd.Series([1, 3, 5], index=[7, 8, 9]), "y": (2.0, 4.0, 6.0)},
        pd.DataFrame({"y": [2, 4, 6], "other": ["a", "b", "c"], "x": [1.0, 3, 5]}),
        pd.DataFrame(POINTS, columns=["x", "y"]).astype("Float64"),
    ],
)
def test_every_form_gives_the_same_points(given: Any) -> None:
    points = points_of(given)
    assert points.tolist() == POINTS.tolist()
    assert points.dtype == np.float64


def test_a_number_is_the_same_for_all_runs() -> None:
    assert points_of({x: [1, 3, 5], y: sp.Rational(1, 2)}).tolist() == [
        [1, 0.5],
        [3, 0.5],
        [5, 0.5],
    ]


def test_a_grid_of_unknowns_is_a_mapping_of_starts() -> None:
    points = points_of(product(x=[1, 2], y=[3, 4]))
    assert points.tolist() == [[1, 3], [1, 4], [2, 3], [2, 4]]


@pytest.mark.parametrize("given", [[1, 2], {x: 1, "y": 2}, np.array([1.0, 2.0]), [[1, 2]]])
def test_one_start_is_one_run(given: Any) -> None:
    assert points_of(given).tolist() == [[1, 2]]


def test_of_one_unknown_a_row_of_numbers_is_many_starts() -> None:
    assert points_of([1, 2, 3], [x]).tolist() == [[1], [2], [3]]
    assert points_of([[1], [2]], [x]).tolist() == [[1], [2]]


@pytest.mark.parametrize("given", [[], np.empty((0, 2)), {x: [], y: []}, {x: [], y: 3}])
def test_there_may_be_no_starts(given: Any) -> None:
    starts, _ = starts_of(given, [x, y])
    assert len(starts) == 0
    assert starts.points(0, 0).shape == (0, 2)


def test_arrays_of_unknowns_stand_behind_the_scalars_and_give_their_shapes() -> None:
    given = {w: np.arange(12).reshape(2, 2, 3), x: [7, 8], v: [[9, 10]]}
    starts, shapes = starts_of(given, [x, v, w])
    assert dict(shapes) == {v: (2,), w: (2, 3)}
    assert starts.points(0, 2).tolist() == [[7, 9, 10, 0, 1, 2, 3, 4, 5], [8, 9, 10, *range(6, 12)]]


def test_an_array_of_unknowns_alone_needs_no_mapping() -> None:
    starts, shapes = starts_of(np.arange(8).reshape(2, 2, 2), [w])
    assert dict(shapes) == {w: (2, 2)}
    assert starts.points(1, 2).tolist() == [[4, 5, 6, 7]]
    matrix = sp.MatrixSymbol("W", 2, 1)
    assert starts_of(np.ones((3, 2)), [matrix])[1] == {matrix: (2,)}


numbers = st.floats(-1e300, 1e300)


@given(st.data(), st.integers(0, 6), st.sampled_from(["array", "mapping", "table"]))
def test_blocks_are_slices_of_the_whole_in_any_form(data: Any, count: int, form: str) -> None:
    rows = data.draw(st.lists(st.tuples(numbers, numbers), min_size=count, max_size=count))
    array = np.array(rows).reshape(count, 2)
    columns = {"x": array[:, 0], "y": array[:, 1]}
    given = {"array": array, "mapping": columns, "table": pd.DataFrame(columns)}[form]
    starts, _ = starts_of(given, [x, y])
    first = data.draw(st.integers(0, count))
    last = data.draw(st.integers(first, count))
    assert np.array_equal(starts.points(first, last), array[first:last])
    part = pickle.loads(pickle.dumps(starts.part(first, last)))
    middle = data.draw(st.integers(first, last))
    assert np.array_equal(part.points(middle, last), array[middle:last])
    assert len(part) == count


def test_a_part_takes_its_rows_alone_along() -> None:
    starts, _ = starts_of({x: np.zeros(100_000), y: 1}, [x, y])
    assert len(pickle.dumps(starts.part(10, 20))) < 1000


def test_what_was_given_is_read_where_it_lies() -> None:
    array = np.zeros((10, 2))
    starts, _ = starts_of(array, [x, y])
    assert isinstance(starts, Given)
    assert np.shares_memory(starts.pieces[0], array)
    starts.points(0, 10)[:] = 5
    assert not array.any()


# ---- one start, many numbers elsewhere -----------------------------------------------------------


def test_a_single_start_is_repeated_for_as_many_runs_as_there_are_numbers() -> None:
    for start in ([1, 2], {x: 1, y: 2}, sample([(1, 1), (2, 2)], 1)):
        starts, _ = starts_of(start, [x, y])
        repeated = matched(starts, {"learning_rate": 3, "c": None, "d": 3})
        assert len(repeated) == 3
        assert repeated.points(1, 3).tolist() == [[1, 2], [1, 2]]
        assert repeated.part(1, 2).points(1, 2).tolist() == [[1, 2]]


def test_starts_that_match_are_as_they_are() -> None:
    starts, _ = starts_of(POINTS, [x, y])
    assert matched(starts, {"learning_rate": 3}) is starts
    assert matched(starts, {"learning_rate": None}) is starts


def test_starts_and_numbers_that_do_not_match_are_refused() -> None:
    starts, _ = starts_of(POINTS, [x, y])
    with pytest.raises(InputError, match=r"There are 3 starts, and 4 numbers for c; accepted is"):
        matched(starts, {"learning_rate": None, "c": 4})
    with pytest.raises(InputError, match=r"different numbers of runs: learning_rate 3, c 4"):
        matched(starts, {"learning_rate": 3, "c": 4})


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 3)), r"The starts have the shape \(4, 3\); accepted is \(B, 2\), a row for"),
        (np.zeros((2, 5)), r"accepted is \(B, 2\), .* unknowns x, y. Transpose it."),
        (np.zeros((1, 2, 2)), r"The starts have the shape \(1, 2, 2\)"),
        ([1, 2, 3], r"The starts have the shape \(3,\)"),
        ([[1, 2], [3]], r"The starts are not a regular array of numbers"),
        (3.0, r"The starts are 3.0; accepted is an array of shape \(B, n\), a mapping"),
        ("xy", r"The starts are 'xy'; accepted is"),
        (None, r"The starts are None; accepted is"),
        ([["1", "2"]], r"The starts are of <U1; accepted are real numbers"),
        ([[True, False]], r"The starts are of bool; accepted are real numbers"),
        ([[1j, 2]], r"The starts are of complex128; accepted are real numbers"),
        ([[1, 2], [3, None]], r"The starts have None in row 1; accepted are real, finite numbers"),
        ([[1, 2], [10**400, 3]], r"The starts have an integer of .* bits in row 1"),
        ([[1, 2], [3, np.nan]], r"The start of 'y' in row 1 is nan; it must be finite in float64"),
        ([[1, 2], [np.inf, 4]], r"The start of 'x' in row 1 is inf; it must be finite"),
        (np.ma.masked_equal([[1.0, 2], [3, 4]], 3), r"The starts are masked in row 1; give"),
        ({x: [1, 2]}, r"No starts are given for y. Give an array, or a number for all runs, for"),
        ({x: [1], y: [2], z: [3]}, r"There is no unknown 'z', which stands in the starts"),
        ({x: [1], "x": [1], y: [2]}, r"'x' stands twice in the starts"),
        ({x: [1], sp.Symbol("y", real=True): [2]}, r"The symbol 'y' in the starts has other"),
        ({x: [1, 2], y: [1, 2, 3]}, r"The arrays are for different numbers of runs: x 2, y 3"),
        ({x: [[1, 2]], y: 1}, r"The starts of 'x' have the shape \(1, 2\); accepted is \(B,\)"),
        ({x: [1, np.nan], y: 1}, r"The start of 'x' in row 1 is nan"),
        ({x: [1, 2], y: np.nan}, r"The number for 'y' is nan; it must be real and finite"),
        ({x: [1, 2], y: "3"}, r"The number for 'y' is '3'; it must be real and finite"),
        ({x: [1, 2], y: True}, r"The number for 'y' is True"),
        ({x: ["1", "2"], y: 1}, r"The starts of 'x' are of <U1; accepted are real numbers"),
        (pd.DataFrame({"x": [1, 2]}), r"No starts are given for y"),
        (pd.DataFrame({"x": [1, None], "y": [1, 2]}), r"The start of 'x' in row 1 is nan"),
        (pd.DataFrame({"x": ["a", "b"], "y": [1, 2]}), r"The starts of 'x' (are of|have 'a' in)"),
    ],
)  # fmt: skip
def test_starts_that_cannot_be_used_are_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}" if message[0] == "T" else message):
        starts_of(given, [x, y])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 3)), r"not a mapping, and among the unknowns x, w are arrays: give"),
        ({x: [1], w: [1, 2]}, r"The starts of 'w' have the shape \(2,\), and it is an array of"),
        ({x: [1], w: 3}, r"The starts of 'w' have the shape \(\), and it is an array of unknowns"),
        ({x: [1, 2], w: np.zeros((3, 2))}, r"different numbers of runs: x 2, w 3"),
        ({x: [1, 2], w: [[1, 2], [3, np.nan]]}, r"The start of 'w\[1\]' in row 1 is nan"),
        ({x: 1, w: np.full((1, 2, 2), np.inf)}, r"The start of 'w\[0, 0\]' in row 0 is inf"),
        (pd.DataFrame({"x": [1.0]}), r"No starts are given for w"),
    ],
)  # fmt: skip
def test_starts_of_arrays_that_cannot_be_used_are_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        starts_of(given, [x, w])


def test_starts_without_a_number_are_refused() -> None:
    with pytest.raises(InputError, match="no numbers: there is nothing to optimise"):
        starts_of({w: np.zeros((3, 0))}, [w])


def test_numbers_must_be_finite_in_the_type_of_the_run() -> None:
    with pytest.raises(InputError, match=r"'y' in row 0 is 1e\+39; it must be finite in float32"):
        starts_of([[0, 1e39]], [x, y], dtype="float32")
    assert points_of([[0, 1e39]]).tolist() == [[0, 1e39]]


def test_a_late_row_is_looked_at_too() -> None:
    given = np.zeros((ROWS + 10, 2))
    given[ROWS + 3, 1] = -np.inf
    with pytest.raises(InputError, match=rf"'y' in row {ROWS + 3} is -inf"):
        starts_of(given, [x, y])


def test_a_seed_for_starts_that_are_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="rng was given, and the starts are not drawn"):
        starts_of(POINTS, [x, y], rng=0)

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax.errors import InputError
from symadamax.points import by_symbol, finite, flat_point, in_lines, listed, point_array

x, y = sp.symbols("x y")
BOTH = (x, y)


@pytest.mark.parametrize(
    "point",
    [
        {x: 1, y: 2}, {y: 2, x: 1}, {"x": 1, "y": 2}, {x: 1, "y": 2.0}, [1, 2], (1, 2.0),
        [[1], [2]], [[1, 2]], np.array([1, 2]), np.array([[1.0], [2.0]]), np.array([[1, 2]]),
        np.array([1, 2], dtype="float32"), np.array([1, 2], dtype="uint8"),
        [np.float32(1), np.int8(2)], sp.Matrix([1, 2]), [sp.Integer(1), sp.Rational(4, 2)],
        (Fraction(1), Decimal(2)),
        {x: np.array(1.0), y: sp.Float(2)}, np.array([1, 2], dtype=object),
    ],
    ids=repr,
)  # fmt: skip
def test_all_forms_of_a_point(point: Any) -> None:
    array = point_array(point, BOTH, "float64")
    assert array.dtype == "float64"
    assert array.shape == (2,)
    assert array.tolist() == [1.0, 2.0]


def test_a_single_unknown_takes_a_list_of_one() -> None:
    assert point_array([3], (x,), "float64").tolist() == [3.0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_array_is_new_and_of_the_dtype(dtype: str) -> None:
    given = np.array([1, 2], dtype=dtype)
    array = point_array(given, BOTH, dtype)
    array[0] = 9
    assert given[0] == 1
    assert array.dtype == dtype
    assert array.flags.c_contiguous


def test_a_strided_array_becomes_contiguous() -> None:
    assert point_array(np.arange(4.0)[::2], BOTH, "float64").tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ([1, np.nan], r"number for 'y' is nan; it must be (real and )?finite"),
        ([np.inf, 1], r"number for 'x' is inf"),
        (np.array([1.0, np.nan]), r"number for 'y' is nan"),
        ([1, 1j], r"number for 'y' is 1j; it must be real and finite"),
        (np.array([1, 1j]), r"number for 'x' is \(1\+0j\)"),
        ([1, "2"], r"number for 'y' is '2'"),
        ([1, np.str_("2")], r"number for 'y' is np\.str_\('2'\)"),
        (np.array(["1", "2"]), r"number for 'x' is '1'"),
        ([1, None], r"number for 'y' is None"),
        ([True, 1], r"number for 'x' is True"),
        (np.array([True, False]), r"number for 'x' is True"),
        ([1, sp.I], r"number for 'y' is I"),
        ([1, x], r"number for 'y' is x"),
        ([1, 10**400], r"number for 'y' is an integer of 1329 bits"),
        ([1, Decimal("sNaN")], r"number for 'y' is Decimal"),
        (np.array([1, np.longdouble("1e400")]), r"number for 'y' is"),
        ([1, np.datetime64("2020-01-01")], r"number for 'y' is"),
        ([1, np.timedelta64(3, "s")], r"number for 'y' is"),
        ([1], r"shape \(1,\); accepted are \(2,\), \(2, 1\) and \(1, 2\), for the unknowns x, y"),
        ([1, 2, 3], r"shape \(3,\)"),
        ([], r"shape \(0,\)"),
        ([[1, 2], [3, 4]], r"shape \(2, 2\)"),
        ([[[1, 2]]], r"shape \(1, 1, 2\)"),
        ([[1], [2, 3]], r"not a regular array|number for"),
        ("12", r"'12' is neither a mapping"),
        (b"12", r"b'12' is neither a mapping"),
        (1.0, r"1\.0 is neither a mapping"),
        (None, r"None is neither a mapping"),
        ({1, 2}, r"number for|shape|neither"),
        (iter([1, 2]), r"neither a mapping"),
        ({x: 1}, r"No number is given for y\. Give one for each of the unknowns x, y"),
        ({}, r"No number is given for x, y"),
        ({x: 1, y: 2, "z": 3}, r"no unknown 'z', which stands in the start\. Accepted are x, y"),
        ({x: 1, "x": 2, y: 3}, r"'x' stands twice in the start, by symbol and by name"),
        ({x: 1, y: "2"}, r"number for 'y' is '2'"),
        ({x: 1, y: np.nan}, r"number for 'y' is nan"),
        ({x: 1, y: [2]}, r"number for 'y' is \[2\]"),
        ({x: 1, y: np.array([2.0])}, r"number for 'y' is array"),
        ({x: 1, y: np.array([1.0, 2.0])}, r"number for 'y' is array"),
        ({sp.Symbol("x", positive=True): 1, y: 2}, r"'x' in the start has other assumptions"),
        ({0: 1, 1: 2}, r"no unknown '0'"),
    ],
    ids=lambda v: repr(v)[:40],
)  # fmt: skip
def test_wrong_points_are_refused_by_name(point: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        point_array(point, BOTH, "float64")


def test_a_number_that_float32_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match=r"'y' is 1e\+60; it must be finite in float32"):
        point_array([1, 1e60], BOTH, "float32")


def test_two_symbols_of_one_name_need_the_symbols() -> None:
    twins = (sp.Dummy("x"), sp.Dummy("x"))
    with pytest.raises(InputError, match="Several symbols are named 'x'"):
        point_array({"x": 1}, twins, "float64")
    assert point_array({twins[1]: 1, twins[0]: 2}, twins, "float64").tolist() == [2.0, 1.0]


def test_by_symbol_keeps_what_is_given() -> None:
    assert by_symbol({"y": 3}, BOTH, "unknown", "the start") == {y: 3}


@pytest.mark.parametrize("value", [1, 1.5, np.float32(2), sp.pi, Fraction(1, 3), np.array(2.5)])
def test_real_numbers_become_floats(value: Any) -> None:
    number = finite(value, "x")
    assert type(number) is float
    assert number == float(value)


def test_of_many_names_the_first_are_listed() -> None:
    assert listed([f"a{k}" for k in range(100)]).endswith("a11, ... (100 in all)")
    assert listed(["a", "b"]) == "a, b"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("first", [0, 1, 5])
def test_arrays_in_lines_are_never_4_kb_apart(first: int, dtype: str) -> None:
    arrays = [in_lines(1000, dtype, first, row) for row in range(5)]
    places = {array[first:].ctypes.data % 4096 for array in arrays}
    assert {(*array.shape, array.dtype) for array in arrays} == {(1000, np.dtype(dtype))}
    assert len(places) == 5
    assert all(place % 64 == 0 for place in places)


def test_a_start_with_arrays_begins_a_line_behind_the_scalars() -> None:
    a, w = sp.Symbol("a"), sp.IndexedBase("w")
    flat, _ = flat_point({a: 1, w: [2.0, 3.0]}, [a, w], "float64")
    assert flat.tolist() == [1, 2, 3]
    assert flat[1:].ctypes.data % 64 == 0

"""Columns: settings and parameters with a number for each run, in Adamax and by themselves."""

from __future__ import annotations

import dataclasses
import pickle
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy as sp

from symadamax.errors import InputError
from symadamax.solver import Adamax, minimize
from symadamax.solver.columns import Column, common_count, is_column, parameters_of

SETTINGS = ["learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "l2", "clip_norm"]
RATES = [0.1, 0.2, 0.3]


# ---- a column -----------------------------------------------------------------------------------


def test_a_column_is_a_sequence_of_floats() -> None:
    column = Column(RATES)
    assert len(column) == 3
    assert list(column) == RATES
    assert type(column[1]) is float
    assert column[-1] == 0.3
    assert column[1:] == Column([0.2, 0.3])
    assert np.asarray(column).tolist() == RATES
    assert np.asarray(column, np.float32).dtype == np.float32


def test_a_column_does_not_change() -> None:
    given = np.array(RATES)
    column = Column(given)
    given[0] = 9
    assert column[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        column.values[0] = 9


def test_columns_are_equal_by_content() -> None:
    assert Column(RATES) == Column(np.array(RATES))
    assert Column(RATES) != Column([0.1, 0.2])
    assert Column(RATES) != RATES
    assert Column([0.0]) == Column([-0.0])
    assert len({Column(RATES), Column(RATES), Column([0.0]), Column([-0.0])}) == 2


def test_a_column_is_shown_in_short_and_pickles() -> None:
    column = Column(np.zeros(10_000))
    assert repr(column) == "array of 10000"
    copy = pickle.loads(pickle.dumps(column))
    assert copy == column
    assert not copy.values.flags.writeable


def test_what_is_taken_for_a_column() -> None:
    for given in (RATES, (0.1,), np.zeros(2), Column(RATES), pd.Series(RATES), []):
        assert is_column(given)
    for number in (0.1, np.float64(1), np.array(1.0), sp.Float(1), "0.1", None, sp.Symbol("t")):
        assert not is_column(number)


# ---- in Adamax ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETTINGS)
def test_every_number_among_the_settings_may_be_an_array(name: str) -> None:
    method = Adamax(**{name: np.array([0.95, 0.99])})
    assert getattr(method, name) == Column([0.95, 0.99])
    assert method.count == 2
    assert method.of_run(1) == Adamax(**{name: 0.99})
    assert type(getattr(method.of_run(1), name)) is float


def test_plain_settings_have_no_count_and_are_those_of_every_run() -> None:
    method = Adamax(0.1)
    assert method.count is None
    assert method.of_run(5) is method
    assert method.of_runs(2, 4) is method


def test_a_part_has_the_settings_of_its_runs() -> None:
    method = Adamax(np.arange(1.0, 9.0), l2=np.arange(8.0), beta1=0.5)
    part = method.of_runs(2, 5)
    assert part == Adamax([3.0, 4.0, 5.0], l2=[2.0, 3.0, 4.0], beta1=0.5)
    assert part.of_run(0) == method.of_run(2) == Adamax(3.0, l2=2.0, beta1=0.5)


@pytest.mark.parametrize(
    "given",
    [(0.5, 0.25), np.array([0.5, 0.25], np.float32), pd.Series([0.5, 0.25], index=["a", "b"]),
     [sp.Rational(1, 2), sp.Float(0.25)], [Fraction(1, 2), 0.25], np.array([0.5, 0.25], object)],
)  # fmt: skip
def test_an_array_may_be_anything_that_numpy_takes_for_one(given: Any) -> None:
    assert Adamax(learning_rate=given).learning_rate == Column([0.5, 0.25])


def test_settings_that_are_arrays_survive_and_can_be_keys() -> None:
    method = Adamax(RATES, beta1=[0.1, 0.2, 0.3])
    assert pickle.loads(pickle.dumps(method)) == method
    assert hash(Adamax(RATES)) == hash(Adamax(np.array(RATES)))
    assert dataclasses.replace(method, epsilon=0).count == 3
    assert dataclasses.asdict(method)["beta1"] == Column([0.1, 0.2, 0.3])


def test_settings_that_are_arrays_are_shown_in_short() -> None:
    method = Adamax(np.ones(10_000))
    assert repr(method).startswith("Adamax(learning_rate=array of 10000, beta1=0.9")
    assert r"\alpha = \text{array of 10000}" in method._repr_latex_()
    assert r"\alpha_t" not in method._repr_latex_()


def test_no_runs_have_settings_too() -> None:
    assert Adamax(learning_rate=[]).count == 0


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("learning_rate", [0.1, -0.1], r"learning_rate\[1\] is -0.1; accepted is a finite number"),
        ("learning_rate", [0.1, np.nan], r"learning_rate\[1\] is nan; accepted is a finite number"),
        ("learning_rate", [np.inf], r"learning_rate\[0\] is inf; accepted"),
        ("learning_rate", [0.1, "0.1"], r"learning_rate\[1\] is '0.1'; accepted"),
        ("learning_rate", [True, False], r"learning_rate\[0\] is True; accepted"),
        ("learning_rate", [0.1, None], r"learning_rate\[1\] is None; accepted"),
        ("learning_rate", [0.1, 1j], r"learning_rate\[1\] is 1j; accepted"),
        ("learning_rate", [0.1, 10**400], r"learning_rate\[1\] is an integer of .* bits; accepted"),
        ("learning_rate", [0.1, sp.Symbol("t")], r"learning_rate\[1\] is t; accepted"),
        ("learning_rate", [[0.1, 0.2]], r"learning_rate is an array of the shape \(1, 2\); accept"),
        ("learning_rate", [[0.1], [0.2, 0.3]], r"learning_rate\[0\] is \[0.1\]; accepted"),
        ("learning_rate", np.ma.masked_equal([1.0, 2.0], 2), r"learning_rate\[1\] is masked"),
        ("beta1", [0.5, 1.0], r"beta1\[1\] is 1.0; accepted is a number in \[0, 1\)"),
        ("beta2", [-0.1], r"beta2\[0\] is -0.1; accepted is a number in \[0, 1\)"),
        ("epsilon", [0, -1], r"epsilon\[1\] is -1.0; accepted is a finite number >= 0"),
        ("clip_norm", [1, 0], r"clip_norm\[1\] is 0.0; accepted is a finite number > 0\."),
        ("clip_value", [1, None], r"clip_value\[1\] is None; accepted is a finite number > 0\."),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_used_is_named(name: str, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        Adamax(**{name: given})


def test_arrays_of_different_length_are_refused_with_their_lengths() -> None:
    with pytest.raises(InputError, match=r"numbers of runs: learning_rate 3, l2 2\. Give"):
        Adamax(RATES, l2=[0, 1])


def test_long_steps_are_warned_of_once_with_the_first_run() -> None:
    with pytest.warns(RuntimeWarning) as caught:
        method = Adamax(beta1=[0.5, 0.95, 0.99], beta2=0.9)
    (warning,) = caught
    assert str(warning.message).startswith(
        "beta1 = 0.95 is not below beta2 = 0.9 in 2 of 3 runs, the first of them run 1: "
    )
    assert warning.filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        method.of_run(2)
        method.of_runs(1, 3)


def test_a_single_run_does_not_take_arrays() -> None:
    x = sp.Symbol("x")
    with pytest.raises(InputError, match=r"arrays of 3 numbers, .* one run: .* minimize_many"):
        minimize(x**2, [1], method=Adamax(RATES))
    assert minimize(x**2, [1], method=Adamax(RATES).of_run(0), steps=1).nit == 1


# ---- parameters ---------------------------------------------------------------------------------


def test_parameters_are_parted_into_numbers_and_columns() -> None:
    c, d = sp.symbols("c d")
    numbers, columns = parameters_of({c: [1, 2], "d": 3.0})
    assert numbers == {c: 1.0, "d": 3.0}
    assert columns == {c: Column([1, 2])}
    assert list(numbers) == [c, "d"]
    assert parameters_of(None) == ({}, {})
    assert parameters_of({d: []}) == ({d: 0.0}, {d: Column([])})


def test_parameters_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match=r"^parameters is 3; accepted is a mapping"):
        parameters_of(3)
    with pytest.raises(InputError, match=r"^parameters\[c\]\[1\] is nan; accepted is a finite"):
        parameters_of({"c": [1, np.nan]})


def test_a_common_count_is_that_of_all_arrays() -> None:
    assert common_count({"a": 3, "b": None, "c": 3}) == 3
    assert common_count({"a": None}) is None
    with pytest.raises(InputError, match="a 3, c 0"):
        common_count({"a": 3, "b": None, "c": 0})

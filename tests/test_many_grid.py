"""product: all combinations of numbers along several axes."""

from __future__ import annotations

import pickle
from itertools import product as combinations
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symadamax as sx
from symadamax.errors import InputError
from symadamax.solver.many.grid import Grid, product

x, y = sp.symbols("x y")


def test_all_combinations_are_there_the_last_axis_fastest() -> None:
    grid = product(a=[1, 2], b=[3, 4, 5], c=[6])
    rows = list(zip(grid["a"], grid["b"], grid["c"], strict=True))
    assert rows == list(combinations([1, 2], [3, 4, 5], [6]))
    assert grid.shape == (2, 3, 1)
    assert list(grid) == ["a", "b", "c"]
    assert len(grid) == 3


def test_it_is_a_mapping_that_settings_parameters_and_starts_take() -> None:
    settings = product(learning_rate=[0.1, 0.2], beta2=[0.99, 0.999])
    assert sx.Adamax(**settings).of_run(2) == sx.Adamax(0.2, beta2=0.99)
    mixed = product({x: [1, 2, 3]}, beta2=[0.99, 0.999])
    assert mixed[x].tolist() == [1, 1, 2, 2, 3, 3]
    assert mixed.get("nothing") is None
    assert "beta2" in mixed
    assert y not in mixed


def test_its_arrays_are_read_only_and_the_same_each_time() -> None:
    grid = product(a=[1, 2])
    assert grid["a"] is grid["a"]
    with pytest.raises(ValueError, match="read-only"):
        grid["a"][0] = 5
    with pytest.raises(ValueError, match="read-only"):
        grid.axes["a"][0] = 5


def test_values_of_all_runs_are_brought_into_its_shape() -> None:
    grid = product(a=[1, 2], b=[3, 4, 5])
    assert grid.reshape(grid["a"]).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert grid.reshape(grid["b"]).tolist() == [[3, 4, 5], [3, 4, 5]]
    assert grid.reshape(np.zeros((6, 4))).shape == (2, 3, 4)


def test_it_pickles_compares_and_is_shown() -> None:
    grid = product({x: [1, 2]}, b=[3, 4, 5])
    copy = pickle.loads(pickle.dumps(grid))
    assert copy == grid
    assert copy["b"].tolist() == grid["b"].tolist()
    assert grid != product(b=[3, 4, 5])
    assert grid != product({x: [1, 3]}, b=[3, 4, 5])
    assert repr(grid) == "Grid of 6 combinations: x (2) x b (3)"
    assert isinstance(grid, Grid)


def test_an_axis_may_be_empty() -> None:
    assert product(a=[], b=[1, 2])["b"].tolist() == []


@pytest.mark.parametrize(
    ("given", "named", "message"),
    [
        (None, {}, "product was given no axis"),
        ([1, 2], {}, r"product was given \[1, 2\]; accepted is a mapping"),
        (None, {"a": 3}, "The axis 'a' is 3; accepted is an array of finite numbers"),
        (None, {"a": "12"}, "The axis 'a' is '12'; accepted is an array"),
        (None, {"a": [1, np.nan]}, r"a\[1\] is nan; accepted is a finite number"),
        (None, {"a": [[1], [2]]}, r"a is an array of the shape \(2, 1\)"),
        ({x: [1]}, {"x": [2]}, "two axes of one name: x, x"),
    ],
)
def test_what_is_no_axis_is_refused(given: Any, named: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}" if "two" not in message else message):
        product(given, **named)


@pytest.mark.parametrize("values", [3, [1, 2], np.zeros((5, 6))])
def test_values_of_another_number_of_runs_are_refused(values: Any) -> None:
    with pytest.raises(InputError, match="the grid has 2 x 3 = 6 combinations"):
        product(a=[1, 2], b=[3, 4, 5]).reshape(values)

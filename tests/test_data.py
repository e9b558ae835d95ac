"""Data are read where they lie; what is not real numbers is refused, with its row."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy as sp
from scipy.sparse import csr_matrix

from symadamax import InputError, Objective
from symadamax.data import data_array, data_arrays

i, n = sp.symbols("i n", integer=True)
a = sp.Symbol("a")
y, z = sp.IndexedBase("y"), sp.IndexedBase("z")
FIT = sp.Sum((a - y[i]) ** 2, (i, 0, n - 1))
REMEDY = "drop such rows, or fill them in, or pass allow_nan=True to compute with NaN."


def read_only() -> np.ndarray:
    values = np.arange(6.0)
    values.flags.writeable = False
    return values


SAME_MEMORY = {
    "float64": np.arange(6.0),
    "float32": np.arange(6, dtype="f4"),
    "int8": np.arange(6, dtype="i1"),
    "uint16": np.arange(6, dtype="u2"),
    "int64": np.arange(6),
    "bool": np.array([True, False] * 3),
    "read-only": read_only(),
    "reversed": np.arange(6.0)[::-1],
    "every second": np.arange(12.0)[::2],
    "a column": np.arange(12.0).reshape(6, 2)[:, 1],
    "one number repeated": np.broadcast_to(2.0, 6),
    "a Series": pd.Series(np.arange(6.0)),
}
COPIED = {
    "float16": np.arange(6, dtype="f2"),
    "long double": np.arange(6, dtype="longdouble"),
    "other bytes": np.arange(6, dtype=">f8"),
    "other whole bytes": np.arange(6, dtype=">i4"),
    "unaligned": np.frombuffer(b"x" + np.arange(6.0).tobytes(), dtype="u1")[1:].view("f8"),
    "a list": [0, 1.0, 2, 3, 4, 5],
    "Python's numbers": np.array([0, 1.0, sp.Integer(2), 3, 4, np.float32(5)], dtype=object),
    "a Series with whole numbers": pd.Series([0, 1, 2, 3, 4, 5], dtype="Int64"),
}


@pytest.mark.parametrize("name", SAME_MEMORY)
def test_nothing_is_copied_that_a_loop_can_read(name: str) -> None:
    given = SAME_MEMORY[name]
    array = data_array(given, "y")
    plain = np.asarray(given)
    assert (array.ctypes.data, array.strides) == (plain.ctypes.data, plain.strides)


@pytest.mark.parametrize("name", [*SAME_MEMORY, *COPIED])
def test_all_of_them_are_the_same_numbers(name: str) -> None:
    given: Any = {**SAME_MEMORY, **COPIED}[name]
    numbers = [float(v) for v in given]
    objective = Objective(FIT, data={y: given})
    assert objective.value([0.5]) == sum((0.5 - v) ** 2 for v in numbers)


def test_a_file_is_read_where_it_is_mapped(tmp_path: Path) -> None:
    np.arange(1000.0).tofile(tmp_path / "y.bin")
    mapped = np.memmap(tmp_path / "y.bin", mode="r")[8:].view("f8")
    assert data_array(mapped, "y").ctypes.data == mapped.ctypes.data
    assert Objective(FIT, data={y: mapped}).value([0.0]) == (np.arange(1000.0) ** 2).sum()


def test_a_table_gives_the_columns_that_have_names_of_arrays() -> None:
    table = pd.DataFrame({"x": ["text", "text"], "y": [1.0, 2.0], "z": [3, 4]})
    total = sp.Sum(a * y[i] * z[i], (i, 0, n - 1))
    assert Objective(total, data=table).value([1.0]) == 11.0


@pytest.mark.parametrize("name", ["polars", "pyarrow"])
def test_tables_of_other_libraries(name: str) -> None:
    library = pytest.importorskip(name)
    make = library.DataFrame if name == "polars" else library.table
    assert Objective(FIT, data=make({"y": [1.0, 2.0]})).value([1.0]) == 1.0


def test_no_library_of_tables_is_imported() -> None:
    module = sys.modules["symadamax.data"]
    assert not {"pandas", "polars", "pyarrow"} & set(vars(module))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0, np.nan, np.nan],
         f"The data 'y' have nan in row 1 (2 such entries in all); {REMEDY}"),
        ([1.0, -np.inf], f"The data 'y' have -inf in row 1 (1 such entries in all); {REMEDY}"),
        ([[1.0, 2.0], [3.0, np.nan]],
         f"The data 'y' have nan in row 1, column 1 (1 such entries in all); {REMEDY}"),
        ([1.0, None], f"The data 'y' have nan in row 1 (1 such entries in all); {REMEDY}"),
        (pd.Series([1, None], dtype="Int64"),
         f"The data 'y' have nan in row 1 (1 such entries in all); {REMEDY}"),
        (np.ma.masked_equal([1, 2, 3], 2), f"The data 'y' are masked at entry 1; {REMEDY}"),
        (["1", "2"], "The data 'y' are of <U1; accepted are real numbers, whole numbers and truth "
                     "values."),
        ([1j, 2], "The data 'y' are of complex128; accepted are real numbers"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "The data 'y' are of datetime64[D]"),
        ([1.0, "two"], "The data 'y' are of <U32; accepted are real numbers"),
        (np.array([1.0, "two"], dtype=object),
         "The data 'y' have 'two' in row 1; accepted are real numbers."),
        (np.array([[1.0, 2], [3, 1j]], dtype=object),
         "The data 'y' have 1j in row (1, 1); accepted are real numbers."),
        ([[1.0], [2.0, 3.0]], "The data 'y' are not a regular array of numbers."),
        (3.0, "The data 'y' are the single value 3.0, not an array."),
        (None, "The data 'y' are the single value None, not an array."),
        ("text", "The data 'y' are the single value 'text', not an array."),
        (iter([1.0]), "The data 'y' are a list_iterator, not an array."),
        (csr_matrix((2, 2)),
         "The data 'y' are a csr_matrix, not an array; give value.toarray(), or rows, columns and "
         "entries as three arrays."),
    ],
)  # fmt: skip
def test_what_is_not_real_numbers_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        data_array(given, "y")
    assert message in str(caught.value)


def test_nan_may_be_allowed() -> None:
    objective = Objective(FIT, data={y: [1.0, np.nan]}, allow_nan=True)
    assert np.isnan(objective.value([0.0]))
    with pytest.raises(InputError, match="nan in row 0"):
        objective.with_data({y: [np.nan]})
    assert np.isnan(objective.with_data({y: [np.nan]}, allow_nan=True).value([0.0]))


def test_large_numbers_are_not_taken_for_infinite() -> None:
    values = np.full(4, 1e308)  # their sum overflows
    assert data_array(values, "y") is values


def test_a_name_that_is_no_array_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        data_arrays({"q": [1.0]}, [y, z], allow_nan=False)
    assert str(caught.value) == "There is no array 'q', which stands in data. Accepted are y, z."


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        data_arrays([1.0, 2.0], [y], allow_nan=False)
    assert str(caught.value) == (
        "data is a list; accepted is a mapping of IndexedBase (or its name) to an array, or a "
        "table whose columns have the arrays' names."
    )


def test_data_that_are_unknowns_too_are_refused() -> None:
    with pytest.raises(InputError, match="y stands both among the unknowns and the data"):
        Objective(FIT, [a, y], data={y: [1.0]})


def test_an_empty_array_has_an_address() -> None:
    assert data_array([], "y").ctypes.data != 0
    assert Objective(FIT + a, data={y: []}).value([2.0]) == 2.0


def test_an_array_of_indices_is_a_copy() -> None:
    """It was checked once: changed later, it must not lead the code out of an array."""
    groups = np.array([0, 1, 1])
    w, G, i, n = sp.IndexedBase("w"), sp.IndexedBase("G"), *sp.symbols("i n", integer=True)
    objective = Objective(sp.Sum(w[G[i]] ** 2, (i, 0, n - 1)), data={G: groups})
    assert objective.value({w: [1.0, 2.0]}) == 9.0
    groups[:] = 10**9
    assert objective.value({w: [1.0, 2.0]}) == 9.0
    assert objective.data[G].tolist() == [0, 1, 1]
    assert objective.with_data({G: [0]}).value({w: [1.0, 2.0]}) == 1.0

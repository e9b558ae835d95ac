"""Tables: what is read of CSV and Parquet files, and what is refused, with its line."""

import sys

import numpy as np
import pytest

from symadamax.errors import InputError, MissingDependencyError
from symadamax.table import column_names, read_columns

GOOD = "t,name,y\n0,first,1.5\n1,second,-2e-3\n"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a CSV file and returns its path."""

    def written(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


# ---- CSV ---------------------------------------------------------------------------------------

SAME = {
    "commas": GOOD,
    "semicolons": GOOD.replace(",", ";"),
    "tabs": GOOD.replace(",", "\t"),
    "windows": GOOD.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + GOOD,
    "spaces": " t , name, y \n 0 ,first, 1.5\n1,second,-2e-3 \n",
    "quotes": '"t","name","y"\n"0","first, or so","1.5"\n1,"sec\nond",-2e-3\n',
    "empty lines": GOOD.replace("\n", "\n\n"),
    "no end of line": GOOD.rstrip(),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_the_numbers_of_a_csv_file(write, content):
    path = write(content)
    assert column_names(path) == ["t", "name", "y"]
    columns = read_columns(path, ["y", "t"])
    assert list(columns) == ["y", "t"]
    np.testing.assert_array_equal(columns["t"], [0, 1])
    np.testing.assert_array_equal(columns["y"], [1.5, -2e-3])


def test_numbers_are_read_to_the_last_bit(write):
    numbers = np.random.default_rng(0).normal(size=100) * 10.0 ** np.arange(-50, 50)
    path = write("x\n" + "\n".join(map(repr, numbers.tolist())))
    assert read_columns(path, ["x"])["x"].tobytes() == numbers.tobytes()


WRONG = [
    ("", "data.csv is empty: its first line must name the columns."),
    ("\n\n", "is empty"),
    ("t,y\n", "has the names of columns, and no rows."),
    ("t,x\n0,1\n", "data.csv has no column 'y'; its columns are 't', 'x'."),
    ("t,y,y\n0,1,1\n", "has several columns 'y'"),
    ("0,1\n2,3\n", "The first line of data.csv has numbers, '0', '1'; it must name the columns."),
    ("t,y\n0,1\n2,two\n", "'two' in line 3 of data.csv, column 'y', is not accepted"),
    ("t,y\n0,inf\n", "'inf' in line 2 of data.csv, column 'y', is not accepted"),
    ("t,y\n0,1\n\n1,\n", "There is no number in line 4 of data.csv, column 'y'"),
    ("t,y\n0,NaN\n", "There is no number in line 2"),
    ("t,y\nNA,1\n", "There is no number in line 2 of data.csv, column 't'"),
    ("t,y\n0,1,5\n", "Line 2 of data.csv has 3 cells, and the first line names 2 columns."),
    ("t,y\n0,1\n2\n", "Line 3 of data.csv has 1 cell,"),
    ("t;y\n0;1,5\n", "'1,5' in line 2"),
    (b"t,y\n0,\xff\n", "data.csv cannot be read as CSV"),
    (b"\xff\xfe\x00\x01", "data.csv cannot be read as CSV"),
    (b"t,y\n0,\x00\n", "line 2"),
    (b't,y\n0,"' + b"1" * 200_000 + b'"\n', "cannot be read as CSV (field larger"),
]


@pytest.mark.parametrize(("content", "sentence"), WRONG, ids=[words for _, words in WRONG])
def test_a_csv_file_that_is_none(write, content, sentence):
    with pytest.raises(InputError) as caught:
        read_columns(write(content), ["t", "y"])
    assert sentence in str(caught.value)


def test_a_table_of_many_columns_names_twenty(write):
    with pytest.raises(InputError, match=r"'c19' and 80 more"):
        read_columns(write(",".join(f"c{k}" for k in range(100)) + "\n"), ["y"])


def test_files_that_cannot_be_opened(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path, tmp_path / "none.parquet"):
        with pytest.raises(OSError, match=path.name):
            column_names(path)


# ---- Parquet -----------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    """Return a function that writes columns as a Parquet file and returns its path."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def stored(columns):
        path = tmp_path / "data.parquet"
        parquet.write_table(arrow.table(columns), path)
        return path

    return stored


def test_the_numbers_of_a_parquet_file(store):
    path = store({"t": [0, 1], "name": ["a", "b"], "y": np.float32([1.5, 2]), "on": [True, False]})
    assert column_names(path) == ["t", "name", "y", "on"]
    columns = read_columns(path, ["y", "t", "on"])
    assert {name: column.tolist() for name, column in columns.items()} == {
        "y": [1.5, 2.0], "t": [0.0, 1.0], "on": [1.0, 0.0],
    }  # fmt: skip


PARQUET_WRONG = [
    ({"t": [0]}, "data.parquet has no column 'y'; its columns are 't'."),
    ({"y": ["1"]}, "The column 'y' of data.parquet holds string; accepted are numbers."),
    ({"y": [1.0, None, None]}, "There is no finite number in row 2 of data.parquet, column 'y' (2"),
    ({"y": [None]}, "holds null"),
    ({"y": [np.inf]}, "There is no finite number in row 1"),
    ({"y": np.zeros(0)}, "no rows"),
]


@pytest.mark.parametrize(("columns", "sentence"), PARQUET_WRONG, ids=[s for _, s in PARQUET_WRONG])
def test_columns_of_parquet_that_are_no_numbers(store, columns, sentence):
    with pytest.raises(InputError) as caught:
        read_columns(store(columns), ["y"])
    assert sentence in str(caught.value)


def test_a_file_that_is_no_parquet(write):
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        column_names(write(GOOD, "data.parquet"))


def test_without_pyarrow_a_sentence_says_how_to_install_it(write, monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "symadamax\[parquet\]"'):
        column_names(write(GOOD, "data.parquet"))

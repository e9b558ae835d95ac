"""Rows are read where they lie, in shards that do not depend on who reads; others are refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sympy as sp

from symadamax import InputError, rows
from symadamax.sources.cuts import SHARD_BYTES

COUNT = 100
RNG = np.random.default_rng(0)
T, Y = RNG.normal(size=COUNT), RNG.normal(size=COUNT)
WIDE = RNG.normal(size=(COUNT, 3))


def table(**columns: Any) -> pa.Table:
    return pa.table(columns or {"t": T, "y": Y, "name": ["text"] * COUNT})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.parquet"
    pq.write_table(table(), path, row_group_size=30)
    return path


def read_all(data: Any) -> dict[str, np.ndarray]:
    parts = [data.read(*cut) for cut in zip(data.cuts, data.cuts[1:], strict=False)]
    return {name: np.concatenate([part[name] for part in parts]) for name in data.columns}


# ---- Parquet -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shard", [None, 1, 7, 30, 45, 100, 1000])
def test_a_file_is_read_in_shards(file: Path, shard: int | None) -> None:
    data = rows(file, shard=shard).of(["t", "y"])
    found = read_all(data)
    assert found["t"].tobytes() == T.tobytes()
    assert found["y"].tobytes() == Y.tobytes()
    assert data.count == COUNT


def test_any_stretch_can_be_read(file: Path) -> None:
    data = rows(file).of(["y"])
    for first, last in [(0, 1), (29, 31), (30, 60), (59, 100), (99, 100)]:
        np.testing.assert_array_equal(data.read(first, last)["y"], Y[first:last])


def test_files_of_a_folder_follow_each_other_by_name(tmp_path: Path) -> None:
    for name, first in (("b", 40), ("a", 0), ("c", 70)):
        last = {"a": 40, "b": 70, "c": 100}[name]
        pq.write_table(table(y=Y[first:last]), tmp_path / f"{name}.parquet", row_group_size=15)
    (tmp_path / "notes.txt").write_text("no rows")
    for given in (tmp_path, [tmp_path / f"{name}.parquet" for name in "abc"]):
        np.testing.assert_array_equal(read_all(rows(given, shard=33))["y"], Y)
    assert repr(rows(tmp_path, shard=33)) == (
        "<Rows of a.parquet and 2 more files: 100 rows of y in 4 shards>"
    )


def test_shards_are_whole_row_groups_of_about_64_mb(tmp_path: Path) -> None:
    """Of three groups of half that size two make a shard; one that is larger is one by itself."""
    half, path = SHARD_BYTES // 16, tmp_path / "a.parquet"
    ones = np.ones(half, np.float64)
    with pq.ParquetWriter(path, pa.schema([("y", pa.float64())])) as writer:
        for length in (half, half, half):
            writer.write_table(pa.table({"y": ones[:length]}))
        writer.write_table(pa.table({"y": np.ones(3 * half)}), row_group_size=3 * half)
    assert rows(path).cuts.tolist() == [0, 2 * half, 3 * half, 6 * half]


def test_columns_that_are_not_needed_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table(y=Y, name=["text"] * COUNT, **{f"c{k}": Y for k in range(50)}), path)
    data = rows(path)
    assert data.of(["y"]).nbytes * 51 == data.nbytes


TYPES = {
    "float32": (np.arange(6, dtype="f4"), "f4"),
    "int8": (np.arange(6, dtype="i1"), "i1"),
    "uint64": (np.arange(6, dtype="u8"), "u8"),
    "truth values": (np.array([True, False] * 3), "b1"),
    "lists of one size": (
        pa.FixedSizeListArray.from_arrays(pa.array(np.arange(12.0)), 2), "f8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_numbers_keep_their_type(tmp_path: Path, name: str) -> None:
    column, dtype = TYPES[name]
    pq.write_table(table(y=column), tmp_path / "a.parquet", row_group_size=4)
    data = rows(tmp_path / "a.parquet", shard=4)
    found = data.read(2, 5)["y"]
    outline = data.outlines()["y"]
    assert found.dtype == outline.dtype == np.dtype(dtype)
    assert found.shape[1:] == outline.shape[1:]
    np.testing.assert_array_equal(found, np.asarray(column.tolist())[2:5])


def test_columns_may_have_other_names_and_be_joined(tmp_path: Path) -> None:
    names = {f"x{k}": WIDE[:, k] for k in range(3)}
    pq.write_table(table(price=Y, **names), tmp_path / "a.parquet", row_group_size=40)
    X = sp.IndexedBase("X")
    data = rows(tmp_path / "a.parquet", columns={X: list(names), "y": "price"}, shard=30)
    found = read_all(data)
    np.testing.assert_array_equal(found["X"], WIDE)
    np.testing.assert_array_equal(found["y"], Y)
    assert data.outlines()["X"].shape == (COUNT, 3)


def test_what_is_missing_is_named_with_its_file_and_row(tmp_path: Path) -> None:
    values: list[Any] = Y.tolist()
    pq.write_table(table(y=values), tmp_path / "a.parquet")
    values[17] = None
    pq.write_table(table(y=values), tmp_path / "b.parquet", row_group_size=10)
    data = rows(tmp_path, shard=9)
    with pytest.raises(InputError) as caught:
        read_all(data)
    assert str(caught.value) == (
        "The data 'y' have nan in row 17 of b.parquet (the first is row 0) (1 such entries in "
        "all); drop such rows, or fill them in, or pass allow_nan=True to compute with NaN."
    )
    assert np.isnan(read_all(rows(tmp_path, allow_nan=True))["y"]).sum() == 1


@pytest.mark.parametrize("values", [[1, None, 3], [True, None, False]], ids=["whole", "truth"])
def test_missing_whole_numbers_and_truth_values_are_nan(tmp_path: Path, values: Any) -> None:
    pq.write_table(table(y=values), tmp_path / "a.parquet")
    found = rows(tmp_path, allow_nan=True).read(0, 3)["y"]
    np.testing.assert_array_equal(found, [values[0], np.nan, values[2]])
    with pytest.raises(InputError, match=r"'y' have nan in row 1 of a\.parquet"):
        rows(tmp_path).read(0, 3)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    kind = pa.list_(pa.float64(), 2)
    pq.write_table(table(y=pa.array([[1.0, 2.0], None], kind)), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"'y' have no list in row 1 of a\.parquet"):
        rows(tmp_path, allow_nan=True).read(0, 2)


def test_text_among_numbers_is_refused(file: Path) -> None:
    with pytest.raises(InputError, match=r"The column 'name' of a\.parquet holds string; "):
        rows(file).of(["name"]).outlines()


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    pq.write_table(table(y=Y), tmp_path / "a.parquet")
    pq.write_table(table(y=Y.astype("f4")), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet has other columns than a\.parquet"):
        rows(tmp_path)


def test_a_pickled_file_is_its_path(file: Path) -> None:
    data = rows(file, shard=9).of(["y"])
    content = pickle.dumps(data)
    assert len(content) < 3000
    np.testing.assert_array_equal(read_all(pickle.loads(content))["y"], Y)


@pytest.mark.parametrize("change", ["shorter", "gone"])
def test_a_file_that_has_changed_is_refused(file: Path, change: str) -> None:
    content = pickle.dumps(rows(file).of(["y"]))
    file.unlink()
    if change == "shorter":
        pq.write_table(table(y=Y[:50]), file)
    with pytest.raises(InputError, match=r"has 50 rows here|There is no file"):
        pickle.loads(content).read(0, 10)


# ---- arrays --------------------------------------------------------------------------------------


@pytest.fixture
def mapped(tmp_path: Path) -> Any:
    np.save(tmp_path / "t.npy", T)
    np.save(tmp_path / "X.npy", np.asfortranarray(WIDE))
    return rows({"t": tmp_path / "t.npy", "X": tmp_path / "X.npy"}, shard=30)


def test_mapped_arrays_are_read_where_they_lie(mapped: Any) -> None:
    found = read_all(mapped)
    np.testing.assert_array_equal(found["t"], T)
    np.testing.assert_array_equal(found["X"], WIDE)
    part = mapped.read(10, 20)["t"]
    assert part.ctypes.data == mapped.source.arrays["t"].ctypes.data + 80


def test_what_is_pickled_of_a_mapped_array_is_its_place(mapped: Any) -> None:
    content = pickle.dumps(mapped)
    assert len(content) < 3000
    assert T.tobytes()[:64] not in content
    np.testing.assert_array_equal(read_all(pickle.loads(content))["X"], WIDE)


def test_the_place_of_a_slice_is_its_own(tmp_path: Path) -> None:
    np.arange(5000.0).tofile(tmp_path / "y.bin")
    whole = np.memmap(tmp_path / "y.bin", np.float64, "r", offset=8 * 600)
    data = rows({"y": whole[7:1000]}, shard=100)
    other = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(read_all(other)["y"], np.arange(607.0, 1600.0))


def test_arrays_in_memory_do_not_travel() -> None:
    with pytest.raises(InputError, match="The rows 'y' lie in the memory of this process"):
        pickle.dumps(rows({"y": Y}))


def test_a_view_with_gaps_does_not_travel(mapped: Any) -> None:
    with pytest.raises(InputError, match="The rows 'y' are a view with gaps"):
        pickle.dumps(rows({"y": mapped.source.arrays["t"][::2]}))


def test_a_mapped_file_that_is_gone_is_refused(mapped: Any, tmp_path: Path) -> None:
    content = pickle.dumps(mapped)
    (tmp_path / "t.npy").unlink()
    with pytest.raises(InputError, match=r"t\.npy cannot be mapped here"):
        pickle.loads(content)


def test_other_bytes_are_converted_shard_by_shard() -> None:
    data = rows({"y": Y.astype(">f8")}, shard=30)
    assert read_all(data)["y"].dtype == np.float64
    assert not data.source.free


def test_the_row_of_a_number_that_is_not_finite_is_that_of_all_rows() -> None:
    values = Y.copy()
    values[77] = np.inf
    with pytest.raises(InputError, match="The data 'y' have inf in row 77 "):
        read_all(rows({"y": values}, shard=30))


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ("data.csv", {}, "Rows cannot be read from 'data.csv'; accepted are Parquet files"),
        ([1.0, 2.0], {}, "Rows are given as a list; accepted are paths"),
        ({}, {}, "Rows are given as a dict"),
        ({"y": Y, "t": T[:50]}, {}, "The array 'y' has 100 rows, and 't' has 50"),
        ({"y": np.array(["a"])}, {}, "The data 'y' are of <U1"),
        ({"y": np.float64(3)}, {}, "The data 'y' are the single value"),
        ({"y": Y[:0]}, {}, "has no rows"),
        ({"y": Y}, {"shard": 0}, "shard is 0; accepted is a whole number >= 1"),
        ({"y": Y}, {"shard": True}, "shard is True"),
        ({"y": Y}, {"keep": -1}, "keep is -1; accepted is a whole number >= 0"),
        ({"y": Y}, {"allow_nan": 1}, "allow_nan is 1; accepted is True or False"),
        ({"y": Y}, {"columns": ["y"]}, "columns is .*; accepted is a mapping"),
        ({"y": Y}, {"columns": {"y": "z"}}, "There is no column 'z'; the columns of arrays are"),
        ({"y": Y}, {"columns": {"y": []}}, "columns names no column for y"),
        ({"y": Y}, {"columns": {"y": 3}}, "columns is .*; accepted is a mapping"),
        ({"y": WIDE}, {"columns": {"X": ["y"]}}, "'y' has several numbers in each row"),
    ],
)  # fmt: skip
def test_what_are_no_rows_is_refused(given: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows(given, **options).outlines()


def test_an_empty_folder_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no files that end in \.parquet"):
        rows(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but not so")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        rows(tmp_path)
    with pytest.raises(InputError, match=r"There is no file .*b\.parquet"):
        rows(tmp_path / "b.parquet")
    (tmp_path / "y.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match="cannot be mapped"):
        rows({"y": tmp_path / "y.npy"})


def test_a_pickle_in_the_place_of_an_array_is_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.array([Path("/")], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be mapped"):
        rows({"y": tmp_path / "y.npy"})


def test_a_file_of_no_rows_is_refused(tmp_path: Path) -> None:
    pq.write_table(table(y=Y[:0]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet has no rows"):
        rows(tmp_path)

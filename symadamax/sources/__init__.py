"""Rows: data that are read shard by shard where they are used, and need fit into no memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symadamax.errors import InputError
from symadamax.points import listed
from symadamax.sources.arrays import Arrays
from symadamax.sources.collection import Collection, is_collection
from symadamax.sources.parquet import ParquetFiles, parquet_paths
from symadamax.sources.rows import KEPT_BYTES, Rows
from symadamax.sources.source import Outline, Source

__all__ = ["Outline", "Rows", "rows"]


def rows(
    source: Any,
    *,
    columns: Mapping[Any, str | Sequence[str]] | None = None,
    shard: int | None = None,
    allow_nan: bool = False,
    keep: int = KEPT_BYTES,
) -> Rows:
    """Return data that are read shard by shard, for ``data=`` of `minimize` and `Objective`.

    The gradient of a sum over rows is the sum of those of its shards. Each is read and computed
    where a worker is free, and they are added in the order of the rows: the bits do not depend on
    who computes what. So data may be larger than any memory.

    Parameters
    ----------
    source : path, sequence of paths, mapping, or collection of Dask
        Parquet files, or folders of them, whose rows follow each other; or a mapping of the name of
        an array to a .npy file, a memory-mapped array or any other array, with the rows along the
        first axis; or a DataFrame of Dask, or a mapping of names to arrays of Dask.
    columns : mapping of array (or its name) to column, optional
        Of a table, which column an array is; a sequence of columns is an array of two axes.
        Default: each column is the array of its name. A column of lists of one size has two axes.
    shard : int, optional
        The number of rows of a shard; the last may have fewer. Default: so many that they have
        about 64 MB, of Parquet files in whole row groups. With a collection of Dask a shard is a
        partition. Another cut is another order of addition, so the last digits may differ.
    allow_nan : bool
        Whether NaN, infinities and what is missing are computed with. Default: they are refused.
    keep : int
        How many bytes of rows each process keeps in memory after it has read them; others it reads
        each time. What is mapped does not count. A cluster of Dask on which there is room for all
        rows in this way computes each shard where it is kept. Collections of Dask it always keeps.

    Returns
    -------
    Rows

    Raises
    ------
    InputError
        When files have other columns than each other, a column holds no numbers or does not exist,
        or the number of rows differs.
    MissingDependencyError
        When pyarrow, which reads Parquet, or Dask is not installed.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax import minimize
    >>> i, n = sp.symbols("i n", integer=True)
    >>> a, y = sp.Symbol("a"), sp.IndexedBase("y")
    >>> data = rows({"y": np.arange(1000.0)}, shard=100)
    >>> data
    <Rows of arrays: 1,000 rows of y in 10 shards>
    >>> loss = sp.Sum((a - y[i])**2, (i, 0, n - 1))/n
    >>> minimize(loss, {a: 499}, data=data, steps=0).fun
    83333.5
    """
    found = _source(source)
    if shard is not None:
        shard = _natural(shard, "shard", 1)
        if found.fixed:
            raise InputError(
                "shard was given with a collection of Dask, whose shards are its partitions; "
                "repartition or rechunk it."
            )
    if found.count == 0:
        raise InputError(f"Rows were given, and {found} has no rows.")
    if not isinstance(allow_nan, (bool, np.bool_)):
        raise InputError(f"allow_nan is {allow_nan!r}; accepted is True or False.")
    keep = _natural(keep, "keep", 0)
    return Rows(found, _columns(found, columns), shard, bool(allow_nan), keep)


def _source(given: Any) -> Source:
    paths = parquet_paths(given)
    if paths is not None:
        return ParquetFiles(paths)
    if isinstance(given, Mapping) and given:
        named = {str(getattr(key, "name", key)): value for key, value in given.items()}
        return Collection(named) if any(map(is_collection, named.values())) else Arrays(named)
    if is_collection(given):
        return Collection(given)
    raise InputError(
        f"Rows are given as a {type(given).__name__}; accepted are paths of Parquet files, a "
        "mapping of names to memory-mapped arrays or .npy files, and collections of Dask. A table "
        "in memory is given as data itself."
    )


def _columns(source: Source, given: Any) -> dict[str, str | tuple[str, ...]]:
    """Return for each array its column or its columns."""
    if given is None:
        return {name: name for name in source.names}
    if not isinstance(given, Mapping) or not all(map(_is_column, given.values())):
        raise InputError(
            f"columns is {given!r}; accepted is a mapping of an array to its column, or to a "
            "sequence of columns."
        )
    result: dict[str, str | tuple[str, ...]] = {}
    for key, value in given.items():
        column = value if isinstance(value, str) else tuple(value)
        result[str(getattr(key, "name", key))] = column
        for name in (column,) if isinstance(column, str) else column:
            if name not in source.names:
                raise InputError(
                    f"There is no column {name!r}; the columns of {source} are "
                    f"{listed(list(map(repr, source.names)))}."
                )
        if not column:
            raise InputError(f"columns names no column for {key}.")
    return result


def _is_column(given: Any) -> bool:
    return isinstance(given, str) or (
        isinstance(given, (list, tuple)) and all(isinstance(name, str) for name in given)
    )


def _natural(value: Any, name: str, least: int) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise InputError(f"{name} is {value!r}; accepted is a whole number >= {least}.")

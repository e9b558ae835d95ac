"""A collection of Dask -> rows: one shard for each partition, which is read where it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symadamax.data import data_array
from symadamax.errors import InputError, require
from symadamax.sources.source import Outline

__all__ = ["Collection", "Partitions", "is_collection"]

PURPOSE = "reading Dask collections"


def is_collection(given: Any) -> bool:
    """Tell whether something is a collection of Dask, without importing Dask."""
    return hasattr(given, "__dask_graph__") and hasattr(given, "__dask_keys__")


class Partitions:
    """What is known of a collection without it: which rows its partitions have, and of what kind.

    Parameters
    ----------
    known : mapping of str to dtype and shape of a row
        A text in place of a dtype says what a column holds that has no numbers.
    lengths : sequence of int
    """

    fixed = True
    free = False

    def __init__(self, known: Mapping[str, tuple[Any, tuple[int, ...]]], lengths: Any) -> None:
        self.known, self.names = known, list(known)
        self.cuts: np.ndarray = np.append(0, np.cumsum(lengths)).astype(np.int64)
        self.count = int(self.cuts[-1])

    def __str__(self) -> str:
        return "a collection of Dask"

    def outline(self, name: str) -> Outline:
        """Return the shape and the type of a column."""
        dtype, shape = self.known[name]
        if not isinstance(dtype, np.dtype) or dtype.kind not in "fiub":
            raise InputError(f"The column {name!r} holds {dtype}; accepted are numbers.")
        return Outline((self.count, *shape), dtype)

    def place(self, row: int) -> str:
        """Say in which partition a row stands."""
        number = int(np.searchsorted(self.cuts, row, side="right")) - 1
        return f"row {row - int(self.cuts[number])} of partition {number} (the first is row 0)"

    def read(self, first: int, last: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Refuse: the columns are elsewhere."""
        raise InputError("A collection of Dask is read by Dask's workers alone.")


class Collection(Partitions):
    """A DataFrame of Dask, or arrays of Dask by name, with one block along their other axes.

    The rows of a DataFrame are counted once, which reads it, unless it is persisted or its files
    tell.
    """

    def __init__(self, given: Any) -> None:
        self.frame = None if isinstance(given, Mapping) else given
        self.arrays: dict[str, Any] = {}
        self._parts: dict[tuple[str, ...], list[Any]] = {}
        if self.frame is None:
            self.arrays = _aligned(given)
            known = {name: (array.dtype, array.shape[1:]) for name, array in self.arrays.items()}
            super().__init__(known, next(iter(self.arrays.values())).chunks[0])
        elif hasattr(given, "columns") and given.ndim == 2:
            known = {str(name): (_plain(given.dtypes[name]), ()) for name in given.columns}
            super().__init__(known, np.asarray(given.map_partitions(len).compute()))
        else:
            raise InputError(
                f"Rows cannot be read from a {type(given).__name__} of Dask; accepted are a "
                "DataFrame, and a mapping of the name of an array to an array of Dask."
            )

    def __getstate__(self) -> dict[str, Any]:
        raise InputError(
            "A collection of Dask is read by Dask's workers alone: give executor=client, or none."
        )

    def away(self) -> Partitions:
        """Return what is known of it without it."""
        return Partitions(self.known, np.diff(self.cuts))

    def parts(self, names: Sequence[str]) -> list[Any]:
        """Return for each shard what computes some of its columns: Delayed objects of Dask."""
        if tuple(names) not in self._parts:
            self._parts[tuple(names)] = self._delayed(list(names))
        return self._parts[tuple(names)]

    def _delayed(self, names: list[str]) -> list[Any]:
        dask: Any = require("dask", "dask", PURPOSE)
        if self.frame is not None:
            return [dask.delayed(_of_frame)(p, names) for p in self.frame[names].to_delayed()]
        blocks = [self.arrays[name].to_delayed().reshape(-1) for name in names]
        return [dask.delayed(_of_blocks)(names, *of_one) for of_one in zip(*blocks, strict=True)]

    def read(self, first: int, last: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return some columns of the partition with the rows `first` to ``last - 1``."""
        number = int(np.flatnonzero((self.cuts[:-1] == first) & (self.cuts[1:] == last))[0])
        found: dict[str, np.ndarray] = self.parts(names)[number].compute()
        return found


def _aligned(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arrays that are cut at the same rows, and along no other axis."""
    for name, array in given.items():
        if not is_collection(array) or not hasattr(array, "chunks") or not array.ndim:
            raise InputError(
                f"{name!r} is a {type(array).__name__}, among arrays of Dask; accepted are arrays "
                "of Dask alone, with the rows along the first axis."
            )
    arrays = {
        name: array.compute_chunk_sizes() if np.isnan(array.shape[0]) else array
        for name, array in given.items()
    }
    first = next(iter(arrays))
    for name, array in arrays.items():
        if array.shape[0] != arrays[first].shape[0]:
            raise InputError(
                f"The array {first!r} has {arrays[first].shape[0]} rows, and {name!r} has "
                f"{array.shape[0]}."
            )
        cut = {0: arrays[first].chunks[0], **dict.fromkeys(range(1, array.ndim), -1)}
        arrays[name] = array.rechunk(cut)
    return arrays


def _plain(dtype: Any) -> Any:
    """Return the type of NumPy of a type of pandas; the text of one that has none."""
    plain = getattr(dtype, "numpy_dtype", dtype)
    return plain if isinstance(plain, np.dtype) else str(dtype)


def _of_frame(frame: Any, names: Sequence[str]) -> dict[str, np.ndarray]:
    return {name: data_array(frame[name], name, allow_nan=True) for name in names}


def _of_blocks(names: Sequence[str], *blocks: Any) -> dict[str, np.ndarray]:
    pairs = zip(names, blocks, strict=True)
    return {name: data_array(block, name, allow_nan=True) for name, block in pairs}

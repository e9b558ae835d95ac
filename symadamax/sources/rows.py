"""Rows: the arrays of an objective, read shard by shard from a source and looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from symadamax.data import data_array, hold_finite
from symadamax.errors import InputError
from symadamax.points import listed
from symadamax.sources.cuts import SHARD_BYTES, equal_cuts, merged_cuts
from symadamax.sources.source import Outline, Source

__all__ = ["KEPT_BYTES", "Rows"]

KEPT_BYTES = 2**30


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Data of which shards are read where they are used; made by `rows`.

    Attributes
    ----------
    source : Source
        Where they lie.
    columns : mapping of str to tuple of str or str
        For each array the column that it is, or those that are its columns.
    shard : int or None
        The number of rows of a shard, where it was given.
    allow_nan : bool
    keep : int
        How many bytes of rows a process keeps after reading them.
    """

    source: Source
    columns: Mapping[str, str | tuple[str, ...]]
    shard: int | None = None
    allow_nan: bool = False
    keep: int = KEPT_BYTES

    @property
    def count(self) -> int:
        """The number of rows."""
        return self.source.count

    @cached_property
    def cuts(self) -> np.ndarray:
        """The row with which each shard begins, and the number of rows, of shape (shards + 1,)."""
        source = self.source
        if source.fixed and source.cuts is not None:
            return source.cuts
        if self.shard is not None:
            return equal_cuts(self.count, self.shard)
        most = max(1, SHARD_BYTES // max(1, self._row_bytes()))
        if source.cuts is None:
            return equal_cuts(self.count, most)
        return merged_cuts(source.cuts, most)

    @property
    def shards(self) -> int:
        """The number of shards."""
        return len(self.cuts) - 1

    def __repr__(self) -> str:
        names = listed(list(self.columns))
        return f"<Rows of {self.source}: {self.count:,} rows of {names} in {self.shards:,} shards>"

    def outlines(self) -> dict[str, Outline]:
        """Return the shape and the type of each array."""
        return {name: self._outline(name) for name in self.columns}

    def of(self, names: Iterable[str]) -> Rows:
        """Return the rows of some arrays alone."""
        return replace(self, columns={name: self.columns[name] for name in names})

    def needed(self) -> list[str]:
        """List the columns that the arrays are made of."""
        columns = [c if isinstance(c, tuple) else (c,) for c in self.columns.values()]
        return list(dict.fromkeys(name for of_one in columns for name in of_one))

    def read(self, first: int, last: int) -> dict[str, np.ndarray]:
        """Return the arrays of the rows `first` to ``last - 1``, looked at."""
        return self.made(self.source.read(first, last, self.needed()), first)

    def made(self, columns: Mapping[str, np.ndarray], first: int) -> dict[str, np.ndarray]:
        """Return arrays made of columns, the first row of which has the number `first`."""
        arrays = {}
        for name, column in self.columns.items():
            parts = column if isinstance(column, tuple) else (column,)
            for part in parts:
                if not self.allow_nan:
                    hold_finite(columns[part], part, lambda row: self.source.place(first + row))
            array = columns[parts[0]]
            if isinstance(column, tuple):
                array = np.stack([columns[part] for part in parts], axis=1)
            arrays[name] = data_array(array, name, allow_nan=True)
        return arrays

    def away(self) -> Rows:
        """Return what travels to where the columns of a shard are at hand."""
        away = getattr(self.source, "away", None)
        return self if away is None else replace(self, source=away())

    @property
    def nbytes(self) -> int:
        """The bytes of all rows."""
        return self.count * self._row_bytes()

    def _row_bytes(self) -> int:
        """Return the bytes of a row, as far as its columns are numbers."""
        found = 0
        for name in self.needed():
            with suppress(InputError):
                outline = self.source.outline(name)
                found += outline.dtype.itemsize * math.prod(outline.shape[1:])
        return found

    def _outline(self, name: str) -> Outline:
        column = self.columns[name]
        if not isinstance(column, tuple):
            return self.source.outline(column)
        found = [self.source.outline(part) for part in column]
        wide = [part for part, one in zip(column, found, strict=True) if one.ndim > 1]
        if wide:
            raise InputError(
                f"The column {wide[0]!r} has several numbers in each row, and cannot be one of "
                f"the columns of {name!r}."
            )
        dtype = np.result_type(*(one.dtype for one in found))
        return Outline((self.count, len(column)), dtype)

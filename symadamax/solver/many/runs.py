"""Runs: ended runs as arrays, one row each, which can be joined and of which the best are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symadamax._core import Status

__all__ = ["Runs"]


class Runs(NamedTuple):
    """Ended runs, one a row.

    Attributes
    ----------
    number : ndarray of int64, shape (m,)
        Which start each row belongs to.
    x : ndarray, shape (m, n)
        The last point where all was finite, of the run's dtype.
    fun : ndarray of float64, shape (m,)
        The values there.
    jac : ndarray, shape (m, n)
        The gradients there.
    status : ndarray of int8, shape (m,)
        How each ended, as numbers of `Status`.
    nit : ndarray of int64, shape (m,)
        The steps that each has done.

    Examples
    --------
    >>> runs = Runs.never_begun(0, 3, size=2)
    >>> runs.nit
    array([0, 0, 0])
    """

    number: npt.NDArray[np.int64]
    x: npt.NDArray[Any]
    fun: npt.NDArray[np.float64]
    jac: npt.NDArray[Any]
    status: npt.NDArray[np.int8]
    nit: npt.NDArray[np.int64]

    @classmethod
    def never_begun(cls, first: int, last: int, size: int, dtype: str = "float64") -> Runs:
        """Return rows for the runs first, ..., last - 1 of `size` unknowns that nobody began."""
        rows = last - first
        return cls(
            np.arange(first, last, dtype=np.int64),
            np.full((rows, size), np.nan, dtype),
            np.full(rows, np.nan),
            np.full((rows, size), np.nan, dtype),
            np.full(rows, Status.INTERRUPTED, np.int8),
            np.zeros(rows, np.int64),
        )

    @classmethod
    def joined(cls, parts: Sequence[Runs]) -> Runs:
        """Return the rows of one or more parts, one behind the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    @property
    def rows(self) -> int:
        """How many runs there are; a tuple's own length is the number of its arrays."""
        return len(self.number)

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Which rows have a status >= 0 and a value: bool, shape (m,)."""
        return (self.status >= 0) & ~np.isnan(self.fun)

    def take(self, places: Any) -> Runs:
        """Return some rows: a slice, an array of places, or a mask."""
        return Runs(*(array[places] for array in self))

    def best(self, k: int) -> Runs:
        """Return the k best rows in order, or all where there are fewer."""
        return self.take(self.best_places(k))

    def best_places(self, k: int) -> npt.NDArray[np.intp]:
        """Return where the k best rows are, in order.

        The usable ones come first, the smallest value before all; equal values are in the order of
        their numbers. Behind them is the rest by number. So the best of several parts are the best
        of the best of each.
        """
        usable = self.usable
        if 0 < k < usable.sum():
            candidates = np.flatnonzero(usable)
            values = self.fun[candidates]
            candidates = candidates[values <= np.partition(values, k - 1)[k - 1]]
        else:
            candidates = np.arange(self.rows)
        keys = np.where(usable, self.fun, 0.0)[candidates]
        order = np.lexsort((self.number[candidates], keys, ~usable[candidates]))
        return candidates[order[:k]]

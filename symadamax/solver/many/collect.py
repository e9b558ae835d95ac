"""What is kept of the runs: the rows of all, or the best rows and a digest of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from symadamax._core import Status
from symadamax.solver.history import History
from symadamax.solver.many.archive import (
    digests_of_arrays,
    digests_to_arrays,
    of_arrays,
    to_arrays,
)
from symadamax.solver.many.block import Block
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.summary import Digest

__all__ = ["All", "Best", "Keeping"]

GATHERED = 64  # digests that are joined at once


class Keeping(NamedTuple):
    """What is kept of a block: all, or the best rows and a digest; it is done where the block is.

    Attributes
    ----------
    best : int or None
        How many rows; None for all.
    tol : float
        The distance that tells minima apart.
    """

    best: int | None
    tol: float

    def of(self, block: Block) -> Block:
        """Return what is kept."""
        if self.best is None:
            return block
        digest = Digest.of(block.runs, self.tol)
        return Block(block.runs.best(self.best), digest=digest, first=block.first)


class All:
    """The rows of all runs, in the order of their numbers.

    Parameters
    ----------
    keeping : Keeping
    count : int
    size : int
        The number of unknowns.
    dtype : str
    recorded : bool
        Whether there are histories.
    """

    def __init__(self, keeping: Keeping, count: int, size: int, dtype: str, recorded: bool) -> None:
        self.keeping = keeping
        self.runs = Runs.never_begun(0, count, size, dtype)
        self.histories: list[History | None] | None = [None] * count if recorded else None
        self.digest: Digest | None = None
        self.best = np.inf

    def take(self, block: Block) -> None:
        """Put the rows of a block into their places."""
        place = slice(block.first, block.first + block.rows)
        for mine, theirs in zip(self.runs, block.runs, strict=True):
            np.asarray(mine)[place] = theirs
        if self.histories is not None and block.histories:
            self.histories[place.start : place.start + len(block.histories)] = block.histories
        self.best = min(self.best, _least(block.runs))

    def show(self, ended: int) -> None:
        """Show nothing."""

    def saved(self, rows: int) -> dict[str, np.ndarray]:
        """Return what a file needs of the first rows."""
        return to_arrays(self.runs.take(slice(rows)))

    def restore(self, arrays: Mapping[str, np.ndarray], rows: int) -> None:
        """Take the first rows from a file."""
        self.take(Block(of_arrays(arrays, rows)))

    def finish(self, reason: Status) -> None:
        """Say of the runs that were never begun why not."""
        if reason == Status.TIME_LIMIT:
            never = np.isnan(self.runs.fun) & (self.runs.status == Status.INTERRUPTED)
            self.runs.status[never & (self.runs.nit == 0)] = reason


class Best:
    """The k best rows, and a digest of all runs.

    Parameters
    ----------
    keeping : Keeping
    count, size : int
    dtype : str
    """

    histories = None

    def __init__(self, keeping: Keeping, count: int, size: int, dtype: str) -> None:
        assert keeping.best is not None
        self.keeping, self.count, self.most = keeping, count, keeping.best
        self.runs = Runs.never_begun(0, 0, size, dtype)
        self.digests = [Digest.of(self.runs, keeping.tol)]
        self.seen = 0
        self.best = np.inf

    def take(self, block: Block) -> None:
        """Keep the best of all rows, and the digest."""
        assert block.digest is not None
        self.seen += block.rows
        self.runs = Runs.joined([self.runs, block.runs]).best(self.most)
        self.digests.append(block.digest)
        if len(self.digests) == GATHERED:
            self.digests = [Digest.joined(self.digests)]
        self.best = min(self.best, _least(block.runs))

    def show(self, ended: int) -> None:
        """Show nothing."""

    def saved(self, rows: int) -> dict[str, np.ndarray]:
        """Return what a file needs of the first rows, which are those that were taken."""
        return {**to_arrays(self.runs), **digests_to_arrays(self.digests)}

    def restore(self, arrays: Mapping[str, np.ndarray], rows: int) -> None:
        """Take from a file what is kept of the first rows."""
        self.runs = of_arrays(arrays, min(self.most, rows))
        self.digests = digests_of_arrays(arrays, self.keeping.tol, rows)
        self.seen, self.best = rows, _least(self.runs)

    @property
    def digest(self) -> Digest:
        """The digest of the runs that were taken."""
        return Digest.joined(self.digests)

    def finish(self, reason: Status) -> None:
        """Count the runs that were never begun."""
        if missing := self.count - self.seen:
            nothing = Digest.of(self.runs.take(slice(0)), self.keeping.tol)
            self.digests.append(nothing._replace(counts={reason: missing}))


def _least(runs: Runs) -> float:
    usable = runs.usable
    return float(runs.fun[usable].min()) if usable.any() else float(np.inf)

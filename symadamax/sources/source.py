"""What rows are read from: what every source can tell and do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["Outline", "Source"]


@dataclass(frozen=True)
class Outline:
    """What is known of an array before it is read: its shape and its type.

    It stands for the array where sizes are inferred. As an array of indices it says nothing of
    their range, which is checked when a shard is read.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))

    def min(self) -> int:
        """Return 0: nothing is known."""
        return 0

    max = min

    def __getitem__(self, key: Any) -> Outline:
        """Return the outline of ``array[key]``."""
        one = np.broadcast_to(np.zeros((), self.dtype), self.shape)
        return Outline(one[key].shape, self.dtype)


class Source(Protocol):
    """Columns of one length that lie somewhere, in parts that are read one by one."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns."""

    @property
    def count(self) -> int:
        """The number of rows."""

    @property
    def cuts(self) -> np.ndarray | None:
        """Where the source is best cut, from 0 to `count`; None where that does not matter."""

    @property
    def fixed(self) -> bool:
        """Whether it can be cut there alone."""

    @property
    def free(self) -> bool:
        """Whether a part that was read takes no memory of this process."""

    def outline(self, name: str) -> Outline:
        """Return the shape and the type of a column; refuse what holds no numbers."""

    def read(self, first: int, last: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return some columns of the rows `first` to ``last - 1``."""

    def place(self, row: int) -> str:
        """Say where a row stands, for a message."""

"""The context of a program with loops: where each number stands that its code reads or writes.

The code asks for a word by what it means, and gets its place; whoever binds the code to data fills
each word by its meaning (`symadamax.compiler.binding`). Words have 8 bytes: whole numbers, doubles
and addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["AHEAD", "BLOCK", "HEAD", "LANES", "Layout", "Storage"]

LANES = 8  # numbers computed side by side, on any processor
HEAD = ("x", "gradient", "value", "pause", "team", "m", "u", "next", "broken")  # the first words
AHEAD = 64  # rows of a sample that are known beyond those at hand
BLOCK = 2048  # turns of a loop that are summed by themselves, at most; a multiple of LANES


@dataclass(frozen=True)
class Storage:
    """How an array of data lies in memory.

    Parameters
    ----------
    dtype : str
        As NumPy writes it: ``"f8"``, ``"i4"``, ``"u1"``, ...
    unit : int
        The axis along which elements lie side by side, or -1.
    """

    dtype: str
    unit: int

    @staticmethod
    def of(array: np.ndarray) -> Storage:
        """Return the storage of an array."""
        units = [k for k, s in enumerate(array.strides) if s == array.itemsize]
        return Storage(array.dtype.str[1:].replace("b", "u"), units[-1] if units else -1)


class Layout:
    """The words of a context, in the order in which they were asked for.

    Examples
    --------
    >>> layout = Layout()
    >>> layout.word("x"), layout.word("size", 0), layout.word("x")
    (0, 1, 0)
    """

    def __init__(self) -> None:
        self.words: dict[tuple[Any, ...], int] = {}

    def word(self, *meaning: Any) -> int:
        """Return the place of a word."""
        return self.words.setdefault(meaning, len(self.words))

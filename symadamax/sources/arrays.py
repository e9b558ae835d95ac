"""Arrays that are mapped from files, or lie in memory -> rows, read where they lie."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symadamax.data import READ_AS_IS, data_array
from symadamax.errors import InputError
from symadamax.sources.source import Outline

__all__ = ["Arrays"]


class Arrays:
    """Arrays of one length, by name.

    What is pickled of a mapped array is where it lies in its file. An array in memory cannot be
    pickled: rows do not travel.
    """

    cuts = None
    fixed = False

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.arrays = {name: _mapped(value, name) for name, value in given.items()}
        if not self.arrays:
            raise InputError("Rows were given without a column.")
        lengths = {name: len(array) for name, array in self.arrays.items()}
        self.names = list(self.arrays)
        # Others are converted when they are read, and the result is in memory.
        self.free = all(
            array.dtype.isnative and array.dtype.str[1:] in READ_AS_IS
            for array in self.arrays.values()
        )
        self.count = lengths[self.names[0]]
        for name, length in lengths.items():
            if length != self.count:
                raise InputError(
                    f"The array {self.names[0]!r} has {self.count} rows, and {name!r} has {length}."
                )

    def __str__(self) -> str:
        return "mapped arrays" if all(map(_is_mapped, self.arrays.values())) else "arrays"

    def outline(self, name: str) -> Outline:
        """Return the shape and the type of an array."""
        return Outline(self.arrays[name].shape, self.arrays[name].dtype)

    def read(self, first: int, last: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return views of the rows `first` to ``last - 1``."""
        return {name: np.asarray(self.arrays[name][first:last]) for name in names}

    def place(self, row: int) -> str:
        """Say which row it is."""
        return f"row {row}"

    def __getstate__(self) -> dict[str, Any]:
        return {name: _address(array, name) for name, array in self.arrays.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__({name: _reopened(*address) for name, address in state.items()})  # type: ignore[misc]


def _mapped(given: Any, name: str) -> np.ndarray:
    """Return an array, mapped where a path was given."""
    if isinstance(given, (str, os.PathLike)):
        given = _loaded(given, name)
    array = given if isinstance(given, np.ndarray) else np.asarray(given)
    data_array(array[:0] if array.ndim else array, name)  # of a type that can be read
    return array


def _loaded(path: str | os.PathLike[str], name: str) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(
            f"{os.fspath(path)!r}, given for {name!r}, cannot be mapped: {error}. Accepted "
            "are .npy files of numbers."
        ) from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{os.fspath(path)!r}, given for {name!r}, is no .npy file.")
    return array


def _is_mapped(array: np.ndarray) -> bool:
    return isinstance(array, np.memmap) and array.filename is not None


def _address(array: np.ndarray, name: str) -> tuple[Any, ...]:
    """Return where an array lies in its file."""
    if not _is_mapped(array):
        raise InputError(
            f"The rows {name!r} lie in the memory of this process, and do not travel to others: "
            "save them by numpy.save and give the path, or use threads."
        )
    assert isinstance(array, np.memmap)
    order = "C" if array.flags.c_contiguous else "F"
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        raise InputError(
            f"The rows {name!r} are a view with gaps, and only whole stretches of a file can be "
            "mapped by other processes: give the whole array."
        )
    # `offset` is that of the array that was mapped first, of which this may be a slice.
    whole = np.frombuffer(array._mmap, np.uint8)  # type: ignore[attr-defined]
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    begin += array.ctypes.data - whole.ctypes.data
    return str(array.filename), array.dtype.str, begin, array.shape, order


def _reopened(path: str, dtype: str, offset: int, shape: tuple[int, ...], order: Any) -> np.ndarray:
    try:
        return np.memmap(path, dtype, "r", offset, shape, order)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be mapped here: {error}. Every worker must see the files at the same "
            "path, and nobody may change them during a run."
        ) from error

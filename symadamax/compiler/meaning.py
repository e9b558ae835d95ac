"""What the names of an objective stand for: arrays of unknowns and of data, and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symadamax.compiler.affine import Affine, Array, Extent, Size
from symadamax.compiler.indexing import Indexing, array_of, declared_extents
from symadamax.compiler.walk import Names
from symadamax.errors import InputError

__all__ = ["Meaning", "sorted_by_name"]


def sorted_by_name(symbols: Iterable[Any]) -> list[Any]:
    """Return symbols, or arrays, in the order of their names."""
    return sorted(symbols, key=lambda symbol: (symbol.name, symbol.sort_key()))


@dataclass(frozen=True)
class Meaning:
    """The arrays and the sizes of an objective.

    Attributes
    ----------
    by_base : mapping of IndexedBase to Array
        Those of unknowns, then those of data.
    arrays : mapping of IndexedBase or MatrixSymbol to Array
        The same by what the user writes.
    sizes : mapping of Symbol to Size
    declared : tuple of (Extent, Affine)
        The lengths that an IndexedBase with a shape has.
    """

    by_base: Mapping[sp.IndexedBase, Array]
    arrays: Mapping[Any, Array]
    sizes: Mapping[sp.Symbol, Size]
    declared: tuple[tuple[Extent, Affine], ...]

    @staticmethod
    def of(
        found: Names, unknowns: Sequence[Any], matrices: Mapping[Any, sp.IndexedBase]
    ) -> Meaning:
        """Return the meaning of names, of which some arrays are unknown, and some are matrices."""
        unknown = [base for base in unknowns if isinstance(base, sp.IndexedBase)]
        absent = [base.name for base in unknown if base not in found.arrays]
        if absent:
            raise InputError(f"The array {absent[0]!r} is unknown, and not in the objective.")
        given = sorted_by_name(set(found.arrays) - set(unknown))
        arrays = {
            base: array_of(base, found.arrays[base], known, place)
            for known, bases in ((True, unknown), (False, given))
            for place, base in enumerate(bases)
        }
        sizes = {s: Size(s.name, place) for place, s in enumerate(sorted_by_name(found.sizes))}
        indexing = Indexing(arrays, sizes)
        declared = [
            pair
            for base, array in arrays.items()
            for pair in declared_extents(base, array, indexing)
        ]
        written = {base: matrix for matrix, base in matrices.items()}
        by_name = {written.get(base, base): array for base, array in arrays.items()}
        return Meaning(arrays, by_name, sizes, tuple(declared))

    def bound(self, given: Mapping[Any, np.ndarray]) -> dict[Array, np.ndarray]:
        """Return what stands for each array; a column or a row of a matrix has one axis."""
        result = {}
        for name, values in given.items():
            array = self.arrays[name]
            column = array.axes == 1 and values.ndim == 2 and 1 in values.shape
            result[array] = values[:, 0] if column and values.shape[1] == 1 else values
            if column and values.shape[1] != 1:
                result[array] = values[0]
        return result

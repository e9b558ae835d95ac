"""SymPy's indices, bounds and elements -> affine expressions; what is not affine is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp
from sympy.tensor.indexed import Idx, Indexed, IndexedBase

from symadamax.compiler.affine import FARTHEST, Access, Affine, Array, Extent, Index, Lookup, Size
from symadamax.compiler.walk import show
from symadamax.errors import InputError, UnsupportedError

__all__ = ["Indexing", "array_of"]

MOST_AXES = 4


class Indexing:
    """What indices, sizes and arrays mean at one place of an expression.

    Parameters
    ----------
    arrays : mapping of IndexedBase to Array
    sizes : mapping of Symbol to Size
    indices : mapping of Symbol to Index
        Those of the loops around this place.
    """

    def __init__(
        self,
        arrays: Mapping[IndexedBase, Array],
        sizes: Mapping[sp.Symbol, Size],
        indices: Mapping[Any, Index] | None = None,
        known: dict[Index, Index] | None = None,
    ) -> None:
        self.arrays = arrays
        self.sizes = sizes
        self.indices = indices or {}
        self._known = {} if known is None else known

    def enter(self, limit: Sequence[Any], part: Any) -> tuple[Index, Indexing]:
        """Return the index of one limit of a sum, and the meaning of names below it."""
        if len(limit) != 3:
            raise UnsupportedError(
                f"The index {limit[0]} of {show(part)} has no bounds; write "
                f"({limit[0]}, first, last)."
            )
        symbol, lower, upper = limit
        for bound in (lower, upper):
            if bound.is_infinite:
                raise UnsupportedError(
                    f"The index {symbol} of {show(part)} runs to {bound}; bounds are finite."
                )
        found = Index(
            str(symbol), self.affine(lower, part), self.affine(upper, part), len(self.indices)
        )
        _hold_no_lookup(found, part)
        while found in self.indices.values():  # a sum inside one over the same range
            found = replace(found, name=f"{found.name}'")
        index = self._known.setdefault(found, found)
        index.deepen(len(self.indices))
        inner = {**self.indices, symbol: index}
        return index, Indexing(self.arrays, self.sizes, inner, self._known)

    def whole(self, part: Any) -> Affine | None:
        """Return the whole number that a symbol stands for, None where it is no index or size."""
        if part in self.indices:
            return Affine.of(self.indices[part])
        return Affine.of(self.sizes[part]) if part in self.sizes else None

    def access(self, part: Indexed) -> Access:
        """Return the element of an array."""
        array = self.arrays.get(part.base)
        if array is None:
            raise InputError(
                f"The array {part.base} in {show(part)} is neither unknown nor among the data. "
                "Add it to unknowns, or give it in data."
            )
        if len(part.indices) != array.axes:
            raise InputError(
                f"{show(part)} has {len(part.indices)} indices, and {array} has {array.axes} "
                "elsewhere in the objective."
            )
        return Access(array, tuple(self.affine(position, part) for position in part.indices))

    def affine(self, expression: Any, part: Any) -> Affine:
        """Return an index or a bound that stands in `part`."""
        expression = sp.sympify(expression)
        if expression.is_Integer:
            return Affine(_counted(expression, part))
        if isinstance(expression, (sp.Symbol, Idx)):
            found = self.whole(expression)
            if found is not None:
                return found
            raise InputError(
                f"{expression} in {show(part)} is neither the index of a sum around it nor a size."
            )
        if isinstance(expression, Indexed):
            return Affine.of(self.lookup(expression, part))
        if isinstance(expression, sp.Add):
            total = Affine()
            for term in expression.args:
                total = total.plus(self.affine(term, part))
            return total
        if isinstance(expression, sp.Mul) and expression.args[0].is_Integer:
            rest = sp.Mul(*expression.args[1:])
            return Affine().plus(self.affine(rest, part), _counted(expression.args[0], part))
        expanded = sp.expand(expression)
        if expanded != expression:
            return self.affine(expanded, part)
        raise UnsupportedError(
            f"{expression} in {show(part)} is not a sum of whole multiples of indices and sizes; "
            "positions in arrays and bounds of sums must be."
        )

    def lookup(self, element: Indexed, part: Any) -> Lookup:
        """Return the element of an array of whole numbers that is an index in `part`."""
        access = self.access(element)
        if access.array.unknown:
            raise InputError(
                f"{element} is an index in {show(part)}, so {element.base} must be data, an array "
                "of whole numbers: give it in data."
            )
        return Lookup(access)


def _counted(number: Any, part: Any) -> int:
    """Return a whole number in a position or a bound."""
    if abs(number) > FARTHEST:
        raise UnsupportedError(
            f"{number} in {show(part)} is beyond 2**53 = 9e15, to which loops count."
        )
    return int(number)


def _hold_no_lookup(index: Index, part: Any) -> None:
    for bound in (index.lower, index.upper):
        if any(isinstance(atom, Lookup) for atom, _ in bound.terms):
            raise UnsupportedError(
                f"The bound {bound} of the index {index} is read from an array, in {show(part)}; "
                "bounds are affine in sizes and outer indices. Sum over all rows, with a weight "
                "or a Piecewise that leaves some out."
            )


def array_of(base: IndexedBase, axes: int, unknown: bool, place: int) -> Array:
    """Return the Array of an IndexedBase."""
    if axes > MOST_AXES:
        raise UnsupportedError(f"{base} has {axes} indices; accepted are up to {MOST_AXES}.")
    if base.strides is not None or base.offset != 0:
        raise UnsupportedError(
            f"{base} is an IndexedBase with strides or an offset. Leave them out: arrays are read "
            "as they lie in memory, also those that are a part of another."
        )
    return Array(str(base), unknown, place, axes)


def declared_extents(
    base: IndexedBase, array: Array, indexing: Indexing
) -> list[tuple[Extent, Affine]]:
    """List the lengths that an IndexedBase with a shape declares for its axes."""
    if base.shape is None:
        return []
    return [
        (Extent(array, axis), indexing.affine(length, base))
        for axis, length in enumerate(base.shape)
    ]

"""The lengths of arrays -> the sizes that sums run over, and a check of every position.

A size is known from the lengths of the arrays that are read up to it. Arrays that disagree about it
and positions that leave an array are refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from symadamax.compiler.affine import (
    FARTHEST,
    Access,
    Affine,
    Array,
    Atom,
    Extent,
    Index,
    Lookup,
    Size,
    span,
)  # fmt: skip
from symadamax.compiler.ir import Program
from symadamax.errors import InputError

__all__ = ["Sizes", "infer", "lookups"]

Numbers = Mapping[Array, np.ndarray]


class Sizes:
    """The whole numbers of a bound program: sizes, lengths, and the ranges of lookups.

    Parameters
    ----------
    arrays : mapping of Array to ndarray
    given : mapping of Size to int
        Sizes that the user has set.
    """

    def __init__(self, arrays: Numbers, given: Mapping[Size, int]) -> None:
        self.arrays = arrays
        self.values: dict[Size, int] = dict(given)
        self._ranges: dict[Access, tuple[int, int]] = {}

    def __call__(self, atom: Atom) -> tuple[int, int]:
        """Return the range of a size, a length or a lookup."""
        if isinstance(atom, Size):
            return self.values[atom], self.values[atom]
        if isinstance(atom, Extent):
            extent = self.arrays[atom.array].shape[atom.axis]
            return extent, extent
        assert isinstance(atom, Lookup)
        return self.lookup(atom.access)

    def lookup(self, access: Access) -> tuple[int, int]:
        """Return the smallest and the largest whole number of an array that is used as an index."""
        if access not in self._ranges:
            array = self.arrays[access.array]
            if array.dtype.kind not in "iu":
                raise InputError(
                    f"{access} is used as an index, and {access.array} is of {array.dtype}; "
                    "give an array of whole numbers."
                )
            ends = (int(array.min()), int(array.max())) if array.size else (0, -1)
            self._ranges[access] = ends
        return self._ranges[access]

    def exact(self, affine: Affine) -> int:
        """Return a whole number that depends on no index."""
        return affine.value(lambda atom: self(atom)[0])

    def knows(self, affine: Affine) -> bool:
        """Tell whether all sizes in an expression are known."""
        return not self.missing(affine)

    def missing(self, affine: Affine) -> list[Size]:
        """List the sizes that are not known, also those in the bounds of indices."""
        found: dict[Size, None] = {}
        for part in _with_bounds(affine):
            for atom, _ in part.terms:
                if isinstance(atom, Size) and atom not in self.values:
                    found[atom] = None
        return list(found)


def _with_bounds(affine: Affine) -> Iterator[Affine]:
    yield affine
    for index in affine.indices:
        yield index.lower
        yield index.upper


def infer(program: Program, sizes: Sizes, declared: Iterable[tuple[Extent, Affine]]) -> None:
    """Find the sizes that are not given, and check every position.

    Raises
    ------
    InputError
        When a size cannot be known, two arrays disagree about one, or a position leaves its array.
    """
    accesses, indices = _used(program)
    wanted = {s for index in indices for end in (index.lower, index.upper)
              for s in sizes.missing(end)}  # fmt: skip
    lengths = list(declared)
    wanted |= {s for _, affine in lengths for s in sizes.missing(affine)}
    for access in accesses:
        loose = [s for p in access.positions for s in sizes.missing(p) if s not in wanted]
        if loose:
            raise InputError(
                f"{loose[0]} in {access} is neither the index of a sum around it nor the length "
                "of anything: write the Sum, or give its number in parameters."
            )
    while wanted:
        found = {size: _from_arrays(size, accesses, lengths, sizes) for size in wanted}
        solved = {size: value for size, value in found.items() if value is not None}
        if not solved:
            names = ", ".join(sorted(size.name for size in wanted))
            raise InputError(
                f"The size {names} cannot be known from the arrays. Give it in parameters, or an "
                "array of that length."
            )
        sizes.values.update(solved)
        wanted -= set(solved)
    for extent, affine in lengths:
        length = sizes.exact(affine)
        if length != sizes(extent)[0]:
            shown = f"{affine} = {length}" if affine.terms else str(length)
            raise InputError(
                f"{extent.array} is declared with the length {shown} along axis {extent.axis}, and "
                f"has {sizes(extent)[0]}."
            )
    for index in indices:
        _check_range(index, sizes)
    for access in accesses:
        _check(access, sizes)


def _used(program: Program) -> tuple[list[Access], set[Index]]:
    accesses: dict[Access, None] = {}
    indices: set[Index] = set()
    for node in program.nodes():
        indices |= node.indices
        if isinstance(node.value, Index):
            indices |= node.value.indices
        if isinstance(node.value, Access):
            accesses[node.value] = None
            accesses |= dict.fromkeys(_lookups(node.value.positions))
        if isinstance(node.value, Affine):
            accesses |= dict.fromkeys(_lookups([node.value]))
    return list(accesses), indices


def lookups(program: Program) -> list[Access]:
    """List the elements of arrays that a program uses as indices."""
    values = [node.value for node in program.nodes()]
    positions = [p for value in values if isinstance(value, Access) for p in value.positions]
    return list(_lookups([*positions, *(v for v in values if isinstance(v, Affine))]))


def _lookups(positions: Sequence[Affine]) -> Iterator[Access]:
    for position in positions:
        for atom, _ in position.terms:
            if isinstance(atom, Lookup):
                yield atom.access
                yield from _lookups(atom.access.positions)


def _from_arrays(
    size: Size, accesses: Sequence[Access], lengths: Sequence[tuple[Extent, Affine]], sizes: Sizes
) -> int | None:
    """Return the size with which the arrays that are read up to it are read to their ends."""
    answers: dict[Extent, tuple[int, str]] = {}
    for access in accesses:
        for axis, position in enumerate(access.positions):
            extent = Extent(access.array, axis)
            value = _solved(size, position, sizes(extent)[0] - 1, sizes)
            if value is not None and (extent not in answers or value < answers[extent][0]):
                answers[extent] = (value, str(access))
    declared = set()
    for extent, affine in lengths:
        value = _solved(size, affine, sizes(extent)[0], sizes)
        if value is not None:
            answers[extent] = (value, str(extent.array))
            declared.add(extent)
    if not answers:
        return None
    least, _ = min(answers.values())
    for extent, (value, shown) in answers.items():
        # A loop over pairs i < j leaves out the last row: an array may have the size for length.
        if value != least and (extent in declared or sizes(extent)[0] != least):
            first = min(answers, key=answers.__getitem__)
            raise InputError(
                f"The arrays disagree about {size}: {_said(first, *answers[first])}, and "
                f"{_said(extent, value, shown)}. Give arrays of matching lengths, or {size} in "
                "parameters."
            )
    known = Sizes(sizes.arrays, {**sizes.values, size: least})
    agreed = [extent for extent, (value, _) in answers.items() if value == least]
    unread = [_unread(extent, accesses, known) for extent in agreed]
    if all(unread) and not any(e in declared or sizes(e)[0] == least for e in agreed):
        array, length = agreed[0].array, sizes(agreed[0])[0]
        raise InputError(
            f"The size {size} is not clear: nothing reads {array} before position {unread[0]}, and "
            f"{array} has {length} elements, 0 to {length - 1}, so {size} would be {least}. "
            f"Positions begin at 0: write {array}[i - 1] in a sum from 1 to {size}, or give {size} "
            "in parameters."
        )
    return least


def _unread(extent: Extent, accesses: Sequence[Access], sizes: Sizes) -> int:
    """Return the first position that is read; 0 where that is not known, or others are skipped.

    Who counts from 1 and who counts from 0 mean different sizes by x[i] for i = 1, ..., n.
    """
    positions = [a.positions[extent.axis] for a in accesses if a.array == extent.array]
    strides = {f for p in positions for atom, f in p.terms if isinstance(atom, Index)}
    if any(sizes.missing(position) for position in positions) or not strides <= {-1, 1}:
        return 0
    return max(0, min(span(position, sizes)[0] for position in positions))


def _said(extent: Extent, value: int, shown: str) -> str:
    """Return what an array says about a size."""
    along = f" along axis {extent.axis}" if extent.array.axes > 1 else ""
    return f"{shown} says {value}{along}"


def _solved(size: Size, affine: Affine, end: int, sizes: Sizes) -> int | None:
    """Return the size for which the largest value of an expression is `end`."""
    if sizes.missing(affine) != [size]:
        return None
    if any(isinstance(atom, Lookup) for atom, _ in affine.terms):
        return None
    tried = dict(sizes.values)
    reached = []
    for value in (0, 1):
        probe = Sizes(sizes.arrays, {**tried, size: value})
        reached.append(span(affine, probe)[1])
    slope = reached[1] - reached[0]
    if slope <= 0 or (end - reached[0]) % slope:
        return None
    return (end - reached[0]) // slope


def _has_turns(index: Index, sizes: Sizes) -> bool:
    return span(index.lower, sizes)[0] <= span(index.upper, sizes)[1]


def _check_range(index: Index, sizes: Sizes) -> None:
    """Refuse a range that no loop counts, or that runs backwards.

    To the latter SymPy gives the meaning of a negative sum.
    """
    ends = (*span(index.lower, sizes), *span(index.upper, sizes))
    if max(map(abs, ends)) > FARTHEST:
        raise InputError(
            f"The range of {index}, {index.lower} to {index.upper}, goes beyond 2**53 = 9e15, to "
            "which loops count."
        )
    least = span(index.upper.plus(index.lower, -1), sizes)[0]
    if least < -1 and all(_has_turns(outer, sizes) for outer in index.indices - {index}):
        raise InputError(
            f"The range of {index}, {index.lower} to {index.upper}, runs backwards: it ends "
            f"{-least} before it begins. An empty range ends 1 before it begins, and a shorter one "
            "is to SymPy a sum of negative sign. Give bounds that do not cross."
        )


def _check(access: Access, sizes: Sizes) -> None:
    if not all(_has_turns(index, sizes) for index in access.indices):
        return  # a loop without turns reads nothing
    for axis, position in enumerate(access.positions):
        extent = sizes(Extent(access.array, axis))[0]
        low, high = span(position, sizes)
        if low < 0 or high >= extent:
            along = f" along axis {axis}" if access.array.axes > 1 else ""
            loops = "; ".join(
                f"{i} runs from {span(i.lower, sizes)[0]} to {span(i.upper, sizes)[1]}"
                for i in position.indices
            )
            raise InputError(
                f"{access} leaves the array: its position {position} goes from {low} to {high}, "
                f"and {access.array} has {extent} elements{along}, 0 to {extent - 1}"
                f"{f' ({loops})' if loops else ''}."
            )

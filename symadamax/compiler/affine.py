"""Whole numbers that loops count with: indices, sizes, and affine expressions in them.

::

    affine = whole number + whole number * atom + ...
    atom   = index | size | extent of an array along an axis | element of an array of whole numbers

An `Index` runs from one affine expression to another, both included; the bounds may hold sizes and
outer indices. Everything here is immutable and equal by content, so that two sums over the same
range share their index, and with it their loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

__all__ = [
    "FARTHEST", "Access", "Affine", "Array", "Atom", "Extent", "Index", "Lookup", "Size", "Within",
    "extents_of", "ordered", "span",
]  # fmt: skip

FARTHEST = 2**53  # to which loops count, and to which whole numbers are doubles


@dataclass(frozen=True)
class Array:
    """An array: of unknowns, which is a stretch of the point, or of data.

    Parameters
    ----------
    name : str
    unknown : bool
    place : int
        Its number among the unknown arrays, or among those of data.
    axes : int
        The number of its dimensions.
    """

    name: str
    unknown: bool
    place: int
    axes: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Size:
    """A whole number that is known when the data are: the n of ``(i, 0, n - 1)``."""

    name: str
    place: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Extent:
    """The length of an array along an axis."""

    array: Array
    axis: int

    def __str__(self) -> str:
        return f"len({self.array}, {self.axis})"


@dataclass(frozen=True)
class Access:
    """An element of an array."""

    array: Array
    positions: tuple[Affine, ...]

    @cached_property
    def indices(self) -> frozenset[Index]:
        """The loop indices on which it depends."""
        return NO_INDICES.union(*(position.indices for position in self.positions))

    def replace(self, index: Index, by: Affine) -> Access:
        """Return the element with `by` for an index."""
        return Access(self.array, tuple(p.replace(index, by) for p in self.positions))

    def __str__(self) -> str:
        return f"{self.array}[{', '.join(map(str, self.positions))}]"


@dataclass(frozen=True)
class Lookup:
    """An element of an array of whole numbers, used as an index."""

    access: Access

    def __str__(self) -> str:
        return str(self.access)


@dataclass(frozen=True)
class Index:
    """A loop index, from `lower` to `upper`, both included.

    Parameters
    ----------
    name : str
    lower, upper : Affine
        They hold no Lookup.
    level : int
        How many loops stand around it, at most; loops are nested in this order.
    sampled : bool
        Whether the loop takes a sample of the range instead of all of it.
    """

    name: str
    lower: Affine
    upper: Affine
    level: int = field(default=0, compare=False)
    sampled: bool = False

    @cached_property
    def indices(self) -> frozenset[Index]:
        """The index itself, and those that its bounds hold: a triangle has one loop order."""
        return frozenset({self}) | self.lower.indices | self.upper.indices

    def replace(self, index: Index, by: Affine) -> Index:
        """Return the index with `by` for another one in its bounds."""
        if index not in self.indices:
            return self
        lower, upper = self.lower.replace(index, by), self.upper.replace(index, by)
        return Index(self.name, lower, upper, self.level, self.sampled)

    def deepen(self, level: int) -> None:
        """Note, while an expression is traced, that so many loops stand around the index."""
        object.__setattr__(self, "level", max(level, self.level))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Within:
    """The condition that an index lies between two bounds, both included."""

    index: Index
    lower: Affine
    upper: Affine

    @property
    def indices(self) -> frozenset[Index]:
        """The loop indices on which it depends."""
        return self.index.indices

    def __str__(self) -> str:
        return f"{self.lower} <= {self.index} <= {self.upper}"


Atom = Index | Size | Extent | Lookup
NO_INDICES: frozenset[Index] = frozenset()


@dataclass(frozen=True)
class Affine:
    """A whole number plus whole multiples of atoms.

    Parameters
    ----------
    constant : int
    terms : tuple of (Atom, int)
        No atom twice and no factor 0, in the order of `_key`.

    Examples
    --------
    >>> n = Affine.of(Size("n", 0))
    >>> print(n.plus(n).plus(Affine(-1)))
    2*n - 1
    """

    constant: int = 0
    terms: tuple[tuple[Atom, int], ...] = ()

    @staticmethod
    def of(atom: Atom, factor: int = 1) -> Affine:
        """Return a multiple of one atom."""
        return Affine(0, ((atom, factor),))

    def plus(self, other: Affine, factor: int = 1) -> Affine:
        """Return ``self + factor*other``."""
        terms = dict(self.terms)
        for atom, multiple in other.terms:
            terms[atom] = terms.get(atom, 0) + factor * multiple
        kept = sorted(((a, f) for a, f in terms.items() if f), key=lambda term: _key(term[0]))
        return Affine(self.constant + factor * other.constant, tuple(kept))

    def factor(self, atom: Atom) -> int:
        """Return the multiple of an atom."""
        return dict(self.terms).get(atom, 0)

    def replace(self, index: Index, by: Affine) -> Affine:
        """Return the expression with `by` for an index, also inside lookups and bounds."""
        result = Affine(self.constant)
        for atom, factor in self.terms:
            if isinstance(atom, Lookup):
                atom = Lookup(atom.access.replace(index, by))
            elif isinstance(atom, Index) and atom != index:
                atom = atom.replace(index, by)
            result = result.plus(by if atom == index else Affine.of(atom), factor)
        return result

    @cached_property
    def indices(self) -> frozenset[Index]:
        """The loop indices on which it depends."""
        found: set[Index] = set()
        for atom, _ in self.terms:
            if isinstance(atom, Index):
                found |= atom.indices
            elif isinstance(atom, Lookup):
                found |= atom.access.indices
        return frozenset(found) if found else NO_INDICES

    def value(self, known: Callable[[Atom], int]) -> int:
        """Return the number, with the atoms that are `known`."""
        return self.constant + sum(factor * known(atom) for atom, factor in self.terms)

    def __str__(self) -> str:
        text = ""
        for atom, factor in self.terms:
            size = "" if abs(factor) == 1 else f"{abs(factor)}*"
            text += f"{' - ' if factor < 0 else ' + '}{size}{atom}"
        if self.constant or not text:
            text += f"{' - ' if self.constant < 0 else ' + '}{abs(self.constant)}"
        return text[3:] if text.startswith(" + ") else "-" + text[3:]


def _key(atom: Atom) -> tuple[int, str]:
    order = (Size, Extent, Lookup, Index)
    return order.index(type(atom)), str(atom)


def ordered(indices: frozenset[Index] | set[Index]) -> list[Index]:
    """Return loop indices from the outermost: as they were nested, bounds before what they bound.

    Examples
    --------
    >>> i = Index("i", Affine(0), Affine(9))
    >>> j = Index("j", Affine(0), Affine.of(i), level=1)
    >>> [index.name for index in ordered({j, i})]
    ['i', 'j']
    """
    waiting = sorted(indices, key=lambda index: (index.level, index.name, str(index.upper)))
    found: list[Index] = []
    while waiting:
        free = (index for index in waiting if index.indices.isdisjoint({*waiting} - {index}))
        found.append(next(free))
        waiting.remove(found[-1])
    return found


def span(expression: Affine, known: Callable[[Atom], tuple[int, int]]) -> tuple[int, int]:
    """Return the smallest and the largest value over all loops, innermost index first.

    Parameters
    ----------
    expression : Affine
    known : callable
        The range of a size, an extent or a lookup; for an index it is not asked.

    Examples
    --------
    >>> i = Index("i", Affine(0), Affine(9))
    >>> j = Index("j", Affine(0), Affine.of(i), level=1)
    >>> span(Affine.of(i).plus(Affine.of(j), -1), lambda atom: (0, 0))
    (0, 9)
    """
    ends = []
    for largest in (False, True):
        reached = expression
        loops = {atom for atom, _ in reached.terms if isinstance(atom, Index)}
        while loops:
            index = ordered(loops)[-1]
            upper = (reached.factor(index) > 0) == largest
            reached = reached.replace(index, index.upper if upper else index.lower)
            loops = {atom for atom, _ in reached.terms if isinstance(atom, Index)}
        total = reached.constant
        for atom, factor in reached.terms:
            low, high = known(atom)
            total += factor * (high if (factor > 0) == largest else low)
        ends.append(total)
    return ends[0], ends[1]


def extents_of(sizes: Mapping[Atom, int]) -> Callable[[Atom], tuple[int, int]]:
    """Return the `known` of `span` for atoms whose value is fixed."""
    return lambda atom: (sizes[atom], sizes[atom])

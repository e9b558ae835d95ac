"""Code with loops, and numbers to run it on -> a context: sizes are inferred and checked here.

A size is known from the lengths of the arrays that are read up to it; arrays that disagree about it,
and positions that leave an array, are refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symadamax.compiler.affine import (
    Access,
    Affine,
    Array,
    Atom,
    Extent,
    Index,
    Lookup,
    Size,
    Within,
    span,
)  # fmt: skip
from symadamax.compiler.ir import Program, Store
from symadamax.compiler.layout import BLOCK, LANES
from symadamax.compiler.llvm_loops import Kernel, scattered
from symadamax.compiler.nests import Loop
from symadamax.errors import InputError

__all__ = ["Context", "Sizes", "infer", "offsets"]

MOST_PARTS = 64
MOST_BUFFER = 2**23  # numbers in all buffers of one loop: 64 MB
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
        if sizes.exact(affine) != sizes(extent)[0]:
            raise InputError(
                f"{extent.array} is declared with the length {affine} = {sizes.exact(affine)} "
                f"along axis {extent.axis}, and has {sizes(extent)[0]}."
            )
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
            for access in _lookups(node.value.positions):
                accesses[access] = None
        if isinstance(node.value, Affine):
            accesses |= dict.fromkeys(_lookups([node.value]))
    return list(accesses), indices


def _lookups(positions: Sequence[Affine]) -> Iterator[Access]:
    for position in positions:
        for atom, _ in position.terms:
            if isinstance(atom, Lookup):
                yield atom.access
                yield from _lookups(atom.access.positions)


def _from_arrays(
    size: Size, accesses: Sequence[Access], lengths: Sequence[tuple[Extent, Affine]], sizes: Sizes
) -> int | None:
    """Return the size with which each array that is read up to it is read to its end."""
    answers: dict[Extent, tuple[int, str]] = {}
    for access in accesses:
        for axis, position in enumerate(access.positions):
            extent = Extent(access.array, axis)
            value = _solved(size, position, sizes(extent)[0] - 1, sizes)
            if value is not None and (extent not in answers or value < answers[extent][0]):
                answers[extent] = (value, str(access))
    for extent, affine in lengths:
        value = _solved(size, affine, sizes(extent)[0], sizes)
        if value is not None:
            answers[extent] = (value, str(extent.array))
    values = {value for value, _ in answers.values()}
    if len(values) > 1:
        (a, shown), (b, other) = sorted(answers.values())[:: len(answers) - 1]
        raise InputError(
            f"The arrays disagree about {size}: {shown} says {a}, and {other} says {b}. Give "
            f"arrays of matching lengths, or {size} in parameters."
        )
    return values.pop() if values else None


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


def _check(access: Access, sizes: Sizes) -> None:
    for index in access.indices:
        low, high = span(index.lower, sizes)[0], span(index.upper, sizes)[1]
        if high < low:
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


def offsets(
    arrays: Sequence[Array], shapes: Mapping[Array, tuple[int, ...]], first: int
) -> dict[Array, int]:
    """Return where each array of unknowns begins in the point."""
    places, place = {}, first
    for array in arrays:
        if array.unknown:
            places[array] = place
            place += int(np.prod(shapes[array]))
    return places


class Context:
    """The context of a kernel on bound arrays; `fresh` makes one for each run.

    Parameters
    ----------
    kernel : Kernel
    program : Program
        After `gather`, as the kernel was made of.
    sizes : Sizes
    parameters : ndarray
    dtype : {"float64", "float32"}
    """

    def __init__(
        self, kernel: Kernel, program: Program, sizes: Sizes, parameters: np.ndarray, dtype: str
    ) -> None:
        self.kernel = kernel
        self.program = program
        self.sizes = sizes
        self.parameters = parameters
        self.single = dtype == "float32"
        shapes = {array: values.shape for array, values in sizes.arrays.items()}
        self.offsets = offsets(program.arrays, shapes, program.unknowns)
        self.words = np.zeros(len(kernel.layout.words), dtype=np.int64)
        self.memory: dict[int, tuple[int, int]] = {}  # word -> numbers of memory, and their width
        self.alive: list[Any] = list(sizes.arrays.values())
        loops = [self.loop(loop, number) for number, loop in enumerate(kernel.loops)]
        self.parts = [parts for _, parts in loops]
        self.work = sum(self.operations(loop) for loop in kernel.loops)
        for meaning, place in kernel.layout.words.items():
            self.fill(place, *meaning)

    def fresh(self) -> tuple[np.ndarray, list[Any]]:
        """Return the words of a new context, and the arrays that must stay alive with it."""
        words = self.words.copy()
        alive: list[Any] = [words, self]
        for place, (count, width) in self.memory.items():
            memory = np.empty(max(count, 1), dtype=np.float64 if width == 8 else np.float32)
            words[place] = memory.ctypes.data
            alive.append(memory)
        return words, alive

    def loop(self, loop: Loop, number: int) -> tuple[int, int]:
        """Cut a loop into blocks and parts, by its length and never by the number of threads."""
        index = loop.index
        lower, upper = self.sizes.exact(index.lower), self.sizes.exact(index.upper)
        count = max(0, upper - lower + 1)
        blocks = -(-count // BLOCK)
        length = sum(self.length(array) for array in scattered(loop.steps))
        most = max(1, min(MOST_PARTS, MOST_BUFFER // max(length, 1))) if length else blocks
        parts = max(1, min(blocks, most))
        first, last = lower, upper
        for within in _withins(loop, self.program):
            first = max(first, self.sizes.exact(within.lower))
            last = min(last, self.sizes.exact(within.upper))
        values = {"lower": lower, "upper": upper, "blocks": blocks, "parts": parts,
                  "first": first, "last": last}  # fmt: skip
        for name, value in values.items():
            self.set(value, name, number)
        self.reserve(blocks * len(loop.reductions), 8, "partials", number)
        for array in scattered(loop.steps):
            if parts > 1 or self.single:
                self.reserve(parts * self.length(array), 8, "buffer", number, array)
        for keep in loop.kept:
            self.reserve(count + LANES, 4 if self.single else 8, "kept", keep.node)
        return blocks, parts

    def operations(self, loop: Loop) -> int:
        """Return about how many operations a loop does."""
        index = loop.index
        turns = max(0, span(index.upper, self.sizes)[1] - span(index.lower, self.sizes)[0] + 1)
        inner = (self.operations(s) if isinstance(s, Loop) else 1 for s in loop.steps)
        return turns * sum(inner)

    def stretches(self) -> tuple[tuple[int, int, int], ...]:
        """List the loops that store a gradient: number, first coordinate, and length.

        Empty where something is added to the gradient of an array, or a loop stores two.
        """
        program = self.program
        if program.scatters or not program.stores:
            return ()
        found = []
        for number, loop in enumerate(self.kernel.loops):
            stored = [step.array for step in loop.steps if isinstance(step, Store)]
            if len(stored) > 1:
                return ()
            found += [(number, self.offsets[array], self.length(array)) for array in stored]
        unknown = [array for array in program.arrays if array.unknown]
        return tuple(found) if len(found) == len(unknown) else ()

    def batch_places(self) -> tuple[int, int, tuple[tuple[int, int, int], ...], int]:
        """Return the words that change with each batch, as `_core.Team` wants them."""
        word = self.kernel.layout.word
        drawn = [k for k, loop in enumerate(self.kernel.loops) if loop.index.sampled]
        if not drawn:
            return 0, 0, (), BLOCK
        loops = tuple((word("upper", k), word("last", k), word("blocks", k)) for k in drawn)
        return word("rows"), word("parameter", self.program.parameters - 1), loops, BLOCK

    def length(self, array: Array) -> int:
        return int(self.sizes.arrays[array].size)

    def set(self, value: int, *meaning: object) -> None:
        place = self.kernel.layout.words.get(meaning)
        if place is not None:
            self.words[place] = value

    def reserve(self, count: int, width: int, *meaning: object) -> None:
        place = self.kernel.layout.words.get(meaning)
        if place is not None:
            self.memory[place] = (count, width)

    def fill(self, place: int, name: str, *about: Any) -> None:
        """Fill a word by its meaning."""
        arrays, sizes = self.sizes.arrays, self.sizes
        if name == "parameter":
            self.words.view(np.float64)[place] = self.parameters[about[0]]
        elif name == "size":
            self.words[place] = sizes(about[0])[0]
        elif name == "extent":
            self.words[place] = arrays[about[0]].shape[about[1]]
        elif name == "stride":
            self.words[place] = self.stride(*about)
        elif name == "step":
            shape = arrays[about[0]].shape
            self.words[place] = int(np.prod(shape[about[1] + 1 :]))
        elif name == "data":
            self.words[place] = arrays[about[0]].__array_interface__["data"][0]
        elif name == "offset":
            self.words[place] = self.offsets[about[0]]
        elif name == "length":
            self.words[place] = self.length(about[0])
        elif name == "room":
            index: Index = about[0]
            low, high = span(index.lower, sizes)[0], span(index.upper, sizes)[1]
            self.words[place] = max(0, high - low + 1)

    def stride(self, array: Array, axis: int) -> int:
        values = self.sizes.arrays[array]
        if not array.unknown:
            return int(values.strides[axis])
        return (4 if self.single else 8) * int(np.prod(values.shape[axis + 1 :]))


def _withins(loop: Loop, program: Program) -> list[Within]:
    return [
        node.value
        for node in program.nodes()
        if isinstance(node.value, Within) and node.value.index == loop.index
    ]

"""Code with loops, and numbers to run it on -> a context: every word filled by its meaning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symadamax.compiler.affine import Array, Index, Within, span
from symadamax.compiler.costs import cost_of
from symadamax.compiler.ir import Node, Program
from symadamax.compiler.layout import BLOCK, LANES
from symadamax.compiler.llvm_loops import Kernel
from symadamax.compiler.llvm_loops.nest import scattered
from symadamax.compiler.sizes import Sizes
from symadamax.compiler.steps import Keep, Loop

__all__ = ["Context", "offsets"]

MOST_PARTS = 64
MOST_OPERATIONS = 2**22  # of a block: a few milliseconds
LIGHT = 256  # operations an unknown: up to some 50 ns
LINE = 64  # bytes of a cache line
MOST_LINES = 8  # of one row that are fetched ahead: the processor goes on by itself
MOST_BUFFER = 2**23  # numbers in all buffers of one loop: 64 MB
WORTH = 16  # additions of a part for each number of its buffer
Cost = Callable[[Node], int]


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
        block = self.block(loop)
        blocks = -(-count // block)
        parts = self.parts_of(loop, blocks)
        first, last = lower, upper
        for within in _withins(loop, self.program):
            first = max(first, self.sizes.exact(within.lower))
            last = min(last, self.sizes.exact(within.upper))
        values = {"lower": lower, "upper": upper, "blocks": blocks, "parts": parts,
                  "first": first, "last": last, "block": block}  # fmt: skip
        for name, value in values.items():
            self.set(value, name, number)
        self.reserve(blocks * len(loop.reductions), 8, "partials", number)
        for array in scattered(loop.steps):
            if parts > 1 or self.single:
                self.reserve(parts * self.length(array), 8, "buffer", number, array)
        for keep in _kept(loop):
            rooms = math.prod(self.room(index) for index in keep.indices)
            self.reserve(rooms + LANES, 4 if self.single else 8, "kept", keep.node)
        return blocks, parts

    def parts_of(self, loop: Loop, blocks: int) -> int:
        """Return in how many parts a loop is cut.

        Where it adds to elements, each part has buffers to clear and to add up, and is to do more
        than that: 64 parts took 80 times as long as one, for the differences of 100,000 elements.
        """
        length = sum(self.length(array) for array in scattered(loop.steps))
        most = blocks
        if length:
            worthy = self.operations(loop, cost_of) // (WORTH * length)
            most = min(blocks, MOST_PARTS, MOST_BUFFER // length, worthy)
        return max(1, most)

    def block(self, loop: Loop) -> int:
        """Return the turns of a block: fewer where each does much, to be interruptible.

        The loops over a batch have blocks of one size, since their number changes with the batch.
        """
        alike = [other for other in self.kernel.loops if other.index == loop.index]
        most = MOST_OPERATIONS // max(1, *map(self.operations_of_a_turn, alike))
        block = BLOCK
        while block > max(most, LANES):
            block //= 2
        return block

    def operations_of_a_turn(self, loop: Loop, cost: Cost = lambda node: 1) -> int:
        """Return about how many operations a turn of a loop does."""
        return sum(
            self.operations(step, cost) if isinstance(step, Loop)
            else cost(step) if isinstance(step, Node) else 1
            for step in loop.steps
        )  # fmt: skip

    def operations(self, loop: Loop, cost: Cost = lambda node: 1) -> int:
        """Return about how many operations a loop does, or what they cost."""
        index = loop.index
        turns = max(0, span(index.upper, self.sizes)[1] - span(index.lower, self.sizes)[0] + 1)
        return turns * self.operations_of_a_turn(loop, cost)

    @property
    def is_light(self) -> bool:
        """Whether an evaluation is done soon, for so many unknowns."""
        lengths = (self.length(array) for array in self.program.arrays if array.unknown)
        return self.work <= LIGHT * (self.program.unknowns + sum(lengths))

    def past_places(self) -> tuple[tuple[int, int], ...]:
        """List for each array of unknowns the word that says how it is stored, and its offset."""
        word, places = self.kernel.layout.words.get, self.offsets.items()
        found = [(word(("past", array)), offset) for array, offset in places]
        return tuple((place, offset) for place, offset in found if place is not None)

    def batch_places(self) -> tuple[int, int, tuple[tuple[int, int, int], ...], int]:
        """Return the words that change with each batch, as `_core.Team` wants them."""
        word = self.kernel.layout.word
        drawn = [k for k, loop in enumerate(self.kernel.loops) if loop.index.sampled]
        if not drawn:
            return 0, 0, (), BLOCK
        loops = tuple((word("upper", k), word("last", k), word("blocks", k)) for k in drawn)
        block = self.block(self.kernel.loops[drawn[0]])
        return word("rows"), word("parameter", self.program.parameters - 1), loops, block

    def length(self, array: Array) -> int:
        """Return the number of elements of an array."""
        return int(self.sizes.arrays[array].size)

    def set(self, value: int, *meaning: object) -> None:
        """Set a word, where the code reads it."""
        place = self.kernel.layout.words.get(meaning)
        if place is not None:
            self.words[place] = value

    def reserve(self, count: int, width: int, *meaning: object) -> None:
        """Ask for memory, the address of which becomes a word, where the code reads it."""
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
        elif name in ("lines", "leap"):
            self.words[place] = self.lines(*about)[name == "leap"]
        elif name == "room":
            self.words[place] = self.room(about[0])

    def lines(self, array: Array, axes: Sequence[int]) -> tuple[int, int]:
        """Return how many cache lines are fetched along some axes, and their distance in bytes."""
        values = self.sizes.arrays[array]
        width = run = values.itemsize
        strides = ((self.stride(array, axis), values.shape[axis]) for axis in axes)
        along = sorted(strides, key=lambda pair: abs(pair[0]))
        for stride, extent in along:
            if abs(stride) > max(run, LINE):
                break
            run += abs(stride) * (extent - 1)
        first, extent = along[0]
        if run == width:  # each element is in a line of its own
            return min(extent, MOST_LINES), first
        lines = 1 - (width - run) // LINE  # the first element may be the last of its line
        return min(lines, MOST_LINES), LINE if first > 0 else -LINE

    def room(self, index: Index) -> int:
        """Return how many values an index takes at most."""
        low, high = span(index.lower, self.sizes)[0], span(index.upper, self.sizes)[1]
        return max(0, high - low + 1)

    def stride(self, array: Array, axis: int) -> int:
        """Return the distance in bytes of neighbours along an axis."""
        values = self.sizes.arrays[array]
        if not array.unknown:
            return int(values.strides[axis])
        return (4 if self.single else 8) * int(np.prod(values.shape[axis + 1 :]))


def _kept(loop: Loop) -> Iterator[Keep]:
    """Yield what a loop, or one inside it, keeps for the loops after it."""
    yield from (keep for keep in loop.kept if keep.outermost)
    for step in loop.steps:
        if isinstance(step, Loop):
            yield from _kept(step)


def _withins(loop: Loop, program: Program) -> list[Within]:
    return [
        node.value
        for node in program.nodes()
        if isinstance(node.value, Within) and node.value.index == loop.index
    ]

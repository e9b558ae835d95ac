"""An objective on rows: its value and gradient shard by shard, added in the order of the rows.

The value is that of the rest plus those of the parts on all shards (`symadamax.compiler.sharding`).
They are added with Neumaier's correction in this order, number by number, so that the bits depend
on how the rows are cut and on nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from symadamax.compiler.affine import Array
from symadamax.compiler.loop_stages import LoopStages
from symadamax.compiler.meaning import Meaning
from symadamax.compiler.sizes import Sizes
from symadamax.errors import InputError
from symadamax.points import Shapes
from symadamax.sources import Rows

__all__ = ["Sharded", "Summand"]

Columns = Mapping[str, np.ndarray]


class Summand(NamedTuple):
    """What a shard adds to the value and to the gradient."""

    value: float
    gradient: np.ndarray


class _Turns(NamedTuple):
    """The rows of a shard that are read, and the turns of each loop: first, and how many."""

    first: int
    last: int
    loops: tuple[tuple[int, int], ...]


class _Ready(NamedTuple):
    """A shard that was read: code for its arrays, and what it runs on."""

    arrays: Columns
    stages: LoopStages
    sizes: Sizes


class Sharded:
    """The function ``f(x, gradient) -> value`` of an objective on rows.

    Parameters
    ----------
    stages : LoopStages
        Of the whole objective.
    meaning : Meaning
    data : mapping of IndexedBase to ndarray
        The arrays that are in memory.
    rows : Rows
        Those of the arrays that are not.
    shapes : mapping of IndexedBase to shape
        Of the arrays of unknowns.
    sizes : Sizes
        Those of the whole objective.
    parameters : ndarray
    backend, dtype : str

    Raises
    ------
    InputError
        When the objective is not linear in the sums over rows, or does not read row by row.
    """

    def __init__(
        self,
        stages: LoopStages,
        meaning: Meaning,
        data: Mapping[Any, np.ndarray],
        rows: Rows,
        shapes: Shapes,
        sizes: Sizes,
        parameters: np.ndarray,
        backend: str,
        dtype: str,
    ) -> None:
        self.rows, self.meaning, self.data, self.shapes = rows, meaning, data, shapes
        self.sizes, self.parameters = sizes, parameters
        self.how = backend, dtype
        self.arrays = {base: base.name for base in meaning.arrays if base.name in rows.columns}
        mine = frozenset(meaning.arrays[base] for base in self.arrays)
        self.shards, rest, self.part = stages.cut(mine, len(meaning.sizes))
        self.rest = rest.bound(sizes, parameters, backend, dtype)
        self.declared = [
            (extent, length)
            for extent, length in meaning.declared
            if extent.array not in mine or extent.axis
        ]
        shifts = [sizes.exact(shift) for shift in self.shards.reach]
        self.low, self.high = min(shifts), max(shifts)
        if rows.source.fixed and self.low != self.high:
            raise InputError(
                "The objective reads neighbours of a row, and those of the last row of a partition "
                "of Dask lie in another one: write a column with them, or give Parquet files."
            )
        self.ready: dict[int, _Ready] = {}
        self.kept = 0  # bytes
        self.lock = threading.Lock()

    @property
    def count(self) -> int:
        """The number of shards."""
        return self.rows.shards

    def __call__(self, x: np.ndarray, gradient: np.ndarray) -> float:
        """Evaluate one shard after another."""
        return self.total(x, gradient, (self.on_shard(k, x) for k in range(self.count)))

    def total(self, x: np.ndarray, gradient: np.ndarray, parts: Iterable[Summand]) -> float:
        """Return the value, and write the gradient, of the rest and the shards in their order."""
        slope = np.zeros_like(x)  # the rest may not know the arrays of unknowns
        total = _Total(len(x))
        total.add(self.rest.evaluate(x, slope), slope)
        for part in parts:
            total.add(*part)
        with np.errstate(all="ignore"):
            value, gradient[:] = total.rounded()
        return value

    def on_shards(
        self, numbers: Iterable[int], x: np.ndarray, held: Sequence[Columns] = ()
    ) -> list[Summand]:
        """Return what some shards add, in their order; `held` has their arrays, or is empty."""
        arrays = held or repeat(None)
        return [self.on_shard(k, x, columns) for k, columns in zip(numbers, arrays, strict=False)]

    def on_shard(self, number: int, x: np.ndarray, columns: Columns | None = None) -> Summand:
        """Return what a shard adds, of arrays that somebody else holds, or that are read here."""
        gradient = np.zeros_like(x)
        ready = self.ready.get(number)
        if ready is None or (columns is not None and ready.arrays is not columns):
            turns = self.turns(number)
            if not any(count for _, count in turns.loops):
                return Summand(0.0, gradient)
            arrays = self.rows.read(turns.first, turns.last) if columns is None else columns
            with self.lock:
                ready = self._prepared(turns, arrays)
                self._keep(number, ready)
        backend, dtype = self.how
        bound = ready.stages.bound(ready.sizes, self.parameters, backend, dtype)
        return Summand(bound.evaluate(x, gradient), gradient)

    def turns(self, number: int) -> _Turns:
        """Return the rows and the turns of a shard: turn i reads its first row at i + low."""
        begin, end = (int(cut) for cut in self.rows.cuts[number : number + 2])
        loops = []
        for loop in self.shards.loops:
            lower, upper = (self.sizes.exact(e) for e in (loop.index.lower, loop.index.upper))
            first = max(begin - self.low, lower)
            loops.append((first, max(0, min(end - 1 - self.low, upper) - first + 1)))
        if self.rows.source.fixed:
            return _Turns(begin, end, tuple(loops))
        taken = [(first, first + count - 1) for first, count in loops if count] or [(begin, begin)]
        first = min(first for first, _ in taken) + self.low
        last = max(last for _, last in taken) + self.high + 1
        return _Turns(first, min(last, self.rows.count), tuple(loops))

    def _prepared(self, turns: _Turns, arrays: Columns) -> _Ready:
        """Bind the part to the arrays of a shard, whose positions are checked."""
        meaning, counted = self.meaning, self.part.lookups
        found = {base: arrays[name] for base, name in self.arrays.items()}
        for base in found:
            if meaning.arrays[base] in counted:  # checked now, so nobody may change it
                found[base] = found[base].copy()
        given = {**self.sizes.values, self.shards.base: turns.first}
        for loop, (first, count) in zip(self.shards.loops, turns.loops, strict=True):
            given[loop.first], given[loop.count] = first, count
        data = meaning.bound({**self.data, **found})
        unknown = {base: np.broadcast_to(0.0, shape) for base, shape in self.shapes.items()}
        bound: dict[Array, np.ndarray] = {**data, **meaning.bound(unknown)}
        stages = self.part.stored(data)
        sizes = stages.sizes(bound, given, self.declared)
        backend, dtype = self.how
        stages.bound(sizes, self.parameters, backend, dtype)  # compiled while nobody else does
        return _Ready(arrays, stages, sizes)

    def _keep(self, number: int, ready: _Ready) -> None:
        """Keep a shard for the next evaluation as long as there is room.

        None is given up for another: rows are gone through in order, so that the one which was not
        used for the longest time is the next one to be needed.
        """
        size = 0
        if not self.rows.source.free and number not in self.ready:
            size = sum(array.nbytes for array in ready.arrays.values())
        if self.kept + size <= self.rows.keep:
            self.kept += size
            self.ready[number] = ready


class _Total:
    """A sum of values and gradients with Neumaier's correction, each number by itself."""

    def __init__(self, size: int) -> None:
        self.sum = np.zeros(size + 1)
        self.lost = np.zeros(size + 1)
        self.term = np.empty(size + 1)

    def add(self, value: float, gradient: np.ndarray) -> None:
        term, old = self.term, self.sum
        term[0], term[1:] = value, gradient
        with np.errstate(all="ignore"):
            new = old + term
            old_is_larger = np.abs(old) >= np.abs(term)
            self.lost += np.where(old_is_larger, (old - new) + term, (term - new) + old)
        self.sum = new

    def rounded(self) -> tuple[float, np.ndarray]:
        """Return the value and the gradient; where a sum is infinite there is no correction."""
        total = np.where(np.isfinite(self.sum), self.sum + self.lost, self.sum)
        return float(total[0]), total[1:]

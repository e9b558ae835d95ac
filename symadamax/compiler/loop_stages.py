"""The stages of an objective with sums: nests of loops, and code that arrays are bound to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from symadamax import _core
from symadamax.compiler import Stages, cached, has_llvm, llvm_loops, numpy_loops
from symadamax.compiler.affine import Affine, Array, Extent, Index, Size
from symadamax.compiler.binding import Context
from symadamax.compiler.expand import expand
from symadamax.compiler.gather import gather
from symadamax.compiler.ir import Program
from symadamax.compiler.layout import Storage
from symadamax.compiler.nests import nests
from symadamax.compiler.sampling import BATCH, sampled
from symadamax.compiler.separate import separate
from symadamax.compiler.sharding import Shards, sharded
from symadamax.compiler.sizes import Sizes, infer, lookups
from symadamax.compiler.steps import Step, text
from symadamax.machine import processors

__all__ = ["Bound", "LoopStages", "Nests", "Update"]

Declared = Iterable[tuple[Extent, Affine]]


@dataclass(frozen=True)
class Nests:
    """A program, and its steps in order."""

    program: Program
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return text(self.steps)


@dataclass(frozen=True)
class Update:
    """Code that evaluates and takes the unknowns one step further, in one pass over them.

    Attributes
    ----------
    compiled : callable
        Compiles it, unless that was done before. Returns for each loop at the top the address of
        the function that updates, 0 for one without, and who owns the code.
    scalars : int
        How many unknowns stand in front of the arrays. These are not updated.
    past : tuple of (int, int)
        For each array of unknowns the word of the context that says whether it is stored past the
        cache, and the number of its first coordinate.
    """

    compiled: Callable[[], tuple[list[int], object]]
    scalars: int
    past: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Bound:
    """What the solver runs: code and the numbers that it runs on.

    Attributes
    ----------
    function : capsule or callable
        As `CompiledObjective`.
    context : ndarray or Team
        What a capsule's function is called with. A Team is written to, so that each run has its
        own; it works with several threads once they have been sent to it.
    owner : object
        Keeps code and arrays alive.
    update : Update or None
        Where an evaluation may take the unknowns one step further as well.
    """

    function: Any
    context: Any
    owner: object
    update: Update | None = None

    def evaluate(self, x: np.ndarray, gradient: np.ndarray) -> float:
        """Return the value at a point, and write the gradient."""
        if callable(self.function):
            return float(self.function(x, gradient))
        return _core.evaluate(self.function, self.context, x, gradient)


class LoopStages(Stages):
    """The stages of an objective with sums over indices, or with arrays.

    Attributes
    ----------
    storages : dict of Array to Storage
        How the arrays of data lie in memory: the native code is made for that.
    """

    def __init__(self, ir: Program) -> None:
        super().__init__(ir)
        self.storages: dict[Array, Storage] = {}
        self._contexts: dict[tuple[str, Sizes], Context] = {}

    def stored(self, arrays: Mapping[Array, np.ndarray]) -> LoopStages:
        """Return the stages for arrays that lie in memory as these do."""
        other = copy(self)
        other._contexts = {}
        other.storages = {array: Storage.of(values) for array, values in arrays.items()}
        return other

    @cached_property
    def lookups(self) -> frozenset[Array]:
        """The arrays of data whose whole numbers are used as indices."""
        return frozenset(access.array for access in lookups(self.ir))

    @cached_property
    def expanded(self) -> Program:
        """The value and the gradient, with products for powers."""
        return expand(self.gradient_ir)

    @cached_property
    def loops(self) -> Nests:  # type: ignore[override]
        """The nests of loops."""
        program = separate(gather(self.expanded))
        return Nests(program, tuple(nests(program)))

    @cached_property
    def numpy_source(self) -> str:
        """Python source of ``value_and_gradient(x, p, sizes, arrays, gradient)``."""
        return numpy_loops.source(self.expanded, "value_and_gradient")

    def kernel(self, dtype: str) -> llvm_loops.Kernel:
        """Return the LLVM IR, and the layout of its context."""
        return llvm_loops.emit(
            self.loops.program, self.loops.steps, self.storages, dtype, self.arithmetic
        )

    def llvm_ir_for(self, dtype: str) -> str:
        """Return the LLVM IR in ``"float64"`` or ``"float32"``."""
        return self.kernel(dtype).module.text

    def assembly_for(self, dtype: str) -> str:
        """Return the assembly in ``"float64"`` or ``"float32"``."""
        from symadamax.compiler.native import assembly

        return assembly(self.kernel(dtype).module)

    def native(self, dtype: str) -> tuple[llvm_loops.Kernel, Any]:
        """Return the kernel and its machine code, compiled unless an equal one was before."""
        from symadamax.compiler.native import build

        def make() -> tuple[llvm_loops.Kernel, Any]:
            kernel = self.kernel(dtype)
            return kernel, build(kernel.module)

        return cached(self._key(dtype), make)  # type: ignore[no-any-return]

    def updates(self, dtype: str) -> tuple[list[int], object]:
        """Return the addresses of the loops that update, and their code, as `Update` says."""
        from symadamax.compiler.native import build

        kernel, _ = self.native(dtype)
        assert kernel.updates is not None
        code = cached(("updates", *self._key(dtype)), partial(build, kernel.updates))
        names = [f"update{k}" for k in range(len(kernel.loops))]
        return [code.addresses.get(name, 0) for name in names], code

    def _key(self, dtype: str) -> tuple[object, ...]:
        return (dtype, self.arithmetic, self.digest, tuple(self.storages.items()))

    def oracle(self) -> Callable[..., Any]:
        """Return the function on NumPy."""

        def make() -> Callable[..., Any]:
            return numpy_loops.load(self.numpy_source, "value_and_gradient")

        return cached(("numpy", self.digest), make)  # type: ignore[no-any-return]

    def sizes(
        self, arrays: Mapping[Array, np.ndarray], given: Mapping[Size, int], declared: Declared
    ) -> Sizes:
        """Return the sizes that fit the arrays, checked."""
        sizes = Sizes(arrays, given)
        infer(self.expanded, sizes, declared)
        return sizes

    def estimate(self, index: Index) -> LoopStages:
        """Return the stages of the estimate from a sample of the rows of an index."""

        def make() -> LoopStages:
            return LoopStages(sampled(self.ir, index))

        stages: LoopStages = cached(("sampled", self.digest, index), make)
        other = stages.in_arithmetic(self.arithmetic)
        other.storages = self.storages
        return other

    def cut(self, rows: frozenset[Array], sizes: int) -> tuple[Shards, LoopStages, LoopStages]:
        """Return how the value is cut by rows, and the stages of the rest and of a shard's part.

        `rows` are the arrays whose first axis they are, `sizes` is the number of sizes there are.
        """

        def make() -> tuple[Shards, LoopStages, LoopStages]:
            shards = sharded(self.ir, rows, sizes)
            rest, part = LoopStages(shards.rest), LoopStages(shards.part)
            _ = part.loops, part.lookups, part.digest  # by one thread
            return shards, rest, part

        shards, rest, part = cached(("cut", self.digest, rows, sizes), make)
        rest = rest.in_arithmetic(self.arithmetic)
        rest.storages = self.storages
        return shards, rest, part.in_arithmetic(self.arithmetic)

    def bound(
        self,
        sizes: Sizes,
        parameters: np.ndarray,
        backend: str,
        dtype: str,
        threads: int | None = 1,
        sampler: Any = None,
    ) -> Bound:
        """Return what runs on arrays whose sizes are known.

        Parameters
        ----------
        sizes : Sizes
        parameters : ndarray
        backend, dtype : str
        threads : int, optional
            None for all processors, or one where the work is small.
        sampler : Sampler, optional
            What draws the rows, for the stages of an estimate.
        """
        if sampler is not None:
            sizes = Sizes(sizes.arrays, {**sizes.values, BATCH: sampler.batch})
            parameters = np.append(parameters, 1.0)
        if backend == "native" and has_llvm():
            return self._native_bound(sizes, parameters, dtype, threads, sampler)
        function = _Oracle(self.oracle(), self.expanded, sizes, parameters, sampler)
        return Bound(function, np.empty(0, dtype), None)

    def _native_bound(
        self, sizes: Sizes, parameters: np.ndarray, dtype: str, threads: int | None, sampler: Any
    ) -> Bound:
        kernel, code = self.native(dtype)
        context = self._contexts.get((dtype, sizes))
        if context is None:
            context = Context(kernel, self.loops.program, sizes, parameters, dtype)
            if sampler is None:
                self._contexts[dtype, sizes] = context
        words, alive = context.fresh()
        if threads is None:
            threads = processors() if context.work > LITTLE else 1
        pieces = [code.addresses[entry] for entry in kernel.module.entries[1:]]
        parts = [kernel.layout.word("parts", k) for k in range(len(kernel.loops))]
        team = _core.Team(
            words, pieces, parts, (alive, code), min(threads, max(context.parts, default=1)),
            sampler, context.batch_places(),
        )  # fmt: skip
        function = _core.function_capsule(code.address, dtype)
        update = None
        if kernel.updates is not None and sampler is None and context.is_light:
            scalars = self.loops.program.unknowns
            update = Update(partial(self.updates, dtype), scalars, context.past_places())
        return Bound(function, team, (alive, code), update)


LITTLE = 500_000  # operations of an evaluation up to which one thread is the fastest


class _Oracle:
    """The function on NumPy behind the interface ``f(x, gradient) -> value``."""

    def __init__(
        self,
        function: Any,
        program: Program,
        sizes: Sizes,
        parameters: np.ndarray,
        sampler: Any = None,
    ) -> None:
        self.function = function
        self.program = program
        self.parameters = parameters
        self.arrays = sizes.arrays
        self.sampler = sampler
        by_place = {size.place: value for size, value in sizes.values.items() if size != BATCH}
        self.sizes = [by_place.get(k, 0) for k in range(max(by_place, default=-1) + 1)]

    def __call__(self, x: np.ndarray, gradient: np.ndarray) -> float:
        gradient[:] = 0
        points = self.stretches(x)
        slopes = [gradient[: self.program.unknowns], *self.stretches(gradient)]
        data = [self.arrays[a] for a in self.program.arrays if not a.unknown]
        rows = None
        if self.sampler is not None:
            rows = self.sampler.next()
            self.parameters[-1] = self.sampler.count / max(len(rows), 1)
        with np.errstate(all="ignore"):
            value = self.function(x, self.parameters, self.sizes, [*points, *data], slopes, rows)
        return float(value)

    def stretches(self, vector: np.ndarray) -> Sequence[np.ndarray]:
        """Cut a point into its arrays."""
        place, found = self.program.unknowns, []
        for array in self.program.arrays:
            if array.unknown:
                shape = self.arrays[array].shape
                size = int(np.prod(shape))
                found.append(vector[place : place + size].reshape(shape))
                place += size
        return found

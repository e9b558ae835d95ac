"""The stages of an objective with sums: nests of loops, and code that arrays are bound to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from symadamax import _core
from symadamax.compiler import Stages, cached, has_llvm, llvm_loops, numpy_loops
from symadamax.compiler.affine import Affine, Array, Extent, Size
from symadamax.compiler.binding import Context, Sizes, infer
from symadamax.compiler.expand import expand
from symadamax.compiler.gather import gather
from symadamax.compiler.ir import Program
from symadamax.compiler.layout import Storage
from symadamax.compiler.nests import Step, nests, text

__all__ = ["Bound", "LoopStages", "Nests"]

Declared = Iterable[tuple[Extent, Affine]]


@dataclass(frozen=True)
class Nests:
    """A program, and its steps in order."""

    program: Program
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return text(self.steps)


@dataclass(frozen=True)
class Bound:
    """What the solver runs: code and the numbers that it runs on.

    Attributes
    ----------
    function : capsule or callable
        As `CompiledObjective`.
    context : ndarray
        What a capsule's function is called with; it is written to, so that each run has its own.
    owner : object
        Keeps code and arrays alive.
    """

    function: Any
    context: np.ndarray
    owner: object


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

    def stored(self, arrays: Mapping[Array, np.ndarray]) -> LoopStages:
        """Return the stages for arrays that lie in memory as these do."""
        other = LoopStages(self.ir)
        other.__dict__.update(self.__dict__)
        other.storages = {array: Storage.of(values) for array, values in arrays.items()}
        return other

    @cached_property
    def expanded(self) -> Program:
        """The value and the gradient, with products for powers."""
        return expand(self.gradient_ir)

    @cached_property
    def loops(self) -> Nests:  # type: ignore[override]
        """The nests of loops."""
        program = gather(self.expanded)
        return Nests(program, tuple(nests(program)))

    @cached_property
    def numpy_source(self) -> str:
        """Python source of ``value_and_gradient(x, p, sizes, arrays, gradient)``."""
        return numpy_loops.source(self.expanded, "value_and_gradient")

    def kernel(self, dtype: str) -> llvm_loops.Kernel:
        """Return the LLVM IR, and the layout of its context."""
        return llvm_loops.emit(self.loops.program, self.loops.steps, self.storages, dtype)

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

        key = (dtype, self.digest, tuple(self.storages.items()))
        return cached(key, make)  # type: ignore[no-any-return]

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

    def bound(self, sizes: Sizes, parameters: np.ndarray, backend: str, dtype: str) -> Bound:
        """Return what runs on arrays whose sizes are known."""
        if backend == "native" and has_llvm():
            kernel, code = self.native(dtype)
            context = Context(kernel, self.loops.program, sizes, parameters, dtype)
            words, alive = context.fresh()
            function = _core.function_capsule(code.address, dtype)
            return Bound(function, words.view(dtype), (alive, code))
        function = _Oracle(self.oracle(), self.expanded, sizes, parameters)
        return Bound(function, np.empty(0, dtype), None)


class _Oracle:
    """The function on NumPy behind the interface ``f(x, gradient) -> value``."""

    def __init__(
        self, function: Any, program: Program, sizes: Sizes, parameters: np.ndarray
    ) -> None:
        self.function = function
        self.program = program
        self.parameters = parameters
        self.arrays = sizes.arrays
        used = {s for s in sizes.values}
        most = max((size.place for size in used), default=-1) + 1
        self.sizes = [0] * most
        for size, value in sizes.values.items():
            self.sizes[size.place] = value

    def __call__(self, x: np.ndarray, gradient: np.ndarray) -> float:
        gradient[:] = 0
        points = self.stretches(x)
        slopes = [gradient[: self.program.unknowns], *self.stretches(gradient)]
        data = [self.arrays[a] for a in self.program.arrays if not a.unknown]
        with np.errstate(all="ignore"):
            value = self.function(x, self.parameters, self.sizes, [*points, *data], slopes)
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

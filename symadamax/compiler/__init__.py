"""From SymPy to machine code, one line a stage; the folder, read downwards, is the pipeline.

::

    expression --trace--> IR --differentiate--> IR (value, gradient) --expand--> products
               --schedule--> segments --emit--> LLVM IR --build--> address
                                      --source--> Python on NumPy
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from symadamax import _core
from symadamax.compiler import llvm_code, llvm_lanes, llvm_march, numpy_code
from symadamax.compiler.affine import Array, Size
from symadamax.compiler.differentiate import differentiate
from symadamax.compiler.expand import expand
from symadamax.compiler.ir import Program
from symadamax.compiler.schedule import Schedule, schedule
from symadamax.compiler.trace import NOTHING, trace
from symadamax.compiler.writer import ARITHMETIC, Module
from symadamax.errors import InputError

if TYPE_CHECKING:
    from symadamax.compiler.native import MachineCode

__all__ = ["BACKENDS", "DTYPES", "CompiledLanes", "CompiledObjective", "Stages", "stages_of"]

BACKENDS = ("native", "numpy")
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class CompiledObjective:
    """What the solver runs: a function of the C interface, or a Python one of the same meaning.

    Attributes
    ----------
    function : capsule or callable
        Machine code in a named capsule (see ``cython_src/objective.pxd``), or a Python function
        ``f(x, gradient) -> value`` that writes the gradient.
    size : int
        The number of unknowns.
    dtype : str
        ``"float64"`` or ``"float32"``.
    owner : object
        Keeps the machine code alive.
    """

    function: Any
    size: int
    dtype: str
    owner: object = None


@dataclass(frozen=True)
class CompiledLanes:
    """What takes many points a step further.

    Attributes
    ----------
    function : capsule
        Machine code as `_core.Lanes` takes it.
    row, value_row : int
        How many lanes a deck has, and in which of its rows the values stand.
    owner : object
        Keeps the machine code alive.
    """

    function: Any
    row: int
    value_row: int
    owner: object


class Stages:
    """Every intermediate form of one objective, each made when it is first looked at.

    Printing it shows them all; each attribute prints by itself.

    Attributes
    ----------
    ir : Program
        The value.
    gradient_ir : Program
        The value and the gradient.
    loops : Schedule
        The same with products for powers, in the order in which it is computed.
    numpy_source : str
        Python source on NumPy: the functions ``value`` and ``value_and_gradient``.
    llvm_ir, assembly : str
        The native code in float64; `llvm_ir_for` and `assembly_for` take a dtype.
    arithmetic : {"portable", "precise", "relaxed"}
        How the native code computes: see `Objective`.

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x")
    >>> print(stages_of(x**2, [x]).numpy_source)
    def value(x, p):
        return x[0]*x[0]
    <BLANKLINE>
    def value_and_gradient(x, p):
        return x[0]*x[0], (2.0*x[0],)
    """

    def __init__(self, ir: Program) -> None:
        self.ir = ir
        self.arithmetic = "portable"

    def in_arithmetic(self, arithmetic: str) -> Self:
        """Return the same stages, but for the arithmetic of the native code."""
        if arithmetic not in ARITHMETIC:
            raise InputError(
                f"arithmetic is {arithmetic!r}; accepted are {', '.join(map(repr, ARITHMETIC))}."
            )
        other = copy(self)
        other.arithmetic = arithmetic
        return other

    @cached_property
    def gradient_ir(self) -> Program:
        """The value and the gradient."""
        return differentiate(self.ir)

    @cached_property
    def loops(self) -> Schedule:
        """Products for powers, in the order in which they are computed."""
        return schedule(expand(self.gradient_ir))

    @cached_property
    def operations(self) -> int:
        """How many operations a step of Adamax takes."""
        return len(self.gradient_ir.nodes()) + 10 * self.ir.unknowns

    @cached_property
    def numpy_source(self) -> str:
        """Python source of ``value(x, p)`` and ``value_and_gradient(x, p)``."""
        value = numpy_code.source(expand(self.ir), "value")
        both = numpy_code.source(self.loops.program, "value_and_gradient")
        return f"{value}\n\n{both}"

    @property
    def llvm_ir(self) -> str:
        """LLVM IR in float64."""
        return self.llvm_ir_for("float64")

    @property
    def assembly(self) -> str:
        """Assembly of the processor at hand, in float64."""
        return self.assembly_for("float64")

    def llvm_ir_for(self, dtype: str) -> str:
        """Return the LLVM IR in ``"float64"`` or ``"float32"``."""
        return llvm_code.emit(self.loops, dtype, self.arithmetic).text

    def assembly_for(self, dtype: str) -> str:
        """Return the assembly in ``"float64"`` or ``"float32"``."""
        from symadamax.compiler.native import assembly

        return assembly(llvm_code.emit(self.loops, dtype, self.arithmetic))

    @cached_property
    def digest(self) -> str:
        """A hash of what is computed: equal for objectives that compile to the same code."""
        return _digest(self.ir)

    def python_functions(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return ``value(x, p)`` and ``value_and_gradient(x, p)`` on NumPy."""
        return cached(("numpy", self.digest), self._load)  # type: ignore[no-any-return]

    def _load(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        value, both = self.numpy_source.split("\n\n")
        return numpy_code.load(value, "value"), numpy_code.load(both, "value_and_gradient")

    def machine_code(self, dtype: str) -> MachineCode:
        """Return the machine code, compiled unless an equal objective was compiled before."""
        code: MachineCode = cached(
            (dtype, self.arithmetic, self.digest),
            lambda: _build(llvm_code.emit(self.loops, dtype, self.arithmetic)),
        )
        return code

    def march(self, dtype: str) -> tuple[Any, MachineCode] | None:
        """Return what does many steps at once, in a capsule, and its owner, where that fits."""
        if not llvm_march.fits(self.loops, self.arithmetic):
            return None
        code: MachineCode = cached(
            ("march", dtype, self.arithmetic, self.digest),
            lambda: _build(llvm_march.emit(self.loops, dtype, self.arithmetic)),
        )
        return _core.march_capsule(code.address, dtype), code

    def lanes(self, dtype: str, watch: llvm_lanes.Watch) -> CompiledLanes:
        """Return a step for many points, compiled unless it was before."""
        deck = llvm_lanes.Deck(self.ir.unknowns, self.ir.parameters, dtype == "float32")

        def make() -> MachineCode:
            from symadamax.compiler.native import build, vector_bytes

            lanes = deck.at_once(vector_bytes(), self.loops.program)
            return build(llvm_lanes.emit(self.loops, dtype, watch, self.arithmetic, lanes))

        key = "lanes", dtype, watch, self.arithmetic, self.digest
        code: MachineCode = cached(key, make)
        return CompiledLanes(_core.lanes_capsule(code.address), deck.row, deck.value, code)

    def compiled(self, backend: str, dtype: str, parameters: np.ndarray) -> CompiledObjective:
        """Return the function to run, with `parameters` in it where it is a Python function."""
        if backend not in BACKENDS or dtype not in DTYPES:
            raise InputError(
                f"backend={backend!r}, dtype={dtype!r} was given; accepted are the backends "
                f"{BACKENDS} and the dtypes {DTYPES}."
            )
        if backend == "native" and has_llvm():
            code = self.machine_code(dtype)
            capsule = _core.function_capsule(code.address, dtype)
            return CompiledObjective(capsule, self.ir.unknowns, dtype, code)
        if dtype == "float32":
            self.hold_single()
        function = _python_objective(self.python_functions()[1], parameters)
        return CompiledObjective(function, self.ir.unknowns, dtype)

    def hold_single(self) -> None:
        """Refuse a constant that float32 cannot hold, as the native code does."""
        for node in self.loops.program.nodes():
            if node.name == "constant":
                llvm_code.single(float(node.value or 0.0))

    def __str__(self) -> str:
        forms = {
            "IR": self.ir,
            "IR with gradient": self.gradient_ir,
            "Schedule": self.loops,
            "NumPy": self.numpy_source,
            "LLVM IR": self.llvm_ir,
            "Assembly": self.assembly,
        }
        return "\n\n".join(f"--- {title} ---\n{form}" for title, form in forms.items())


def stages_of(
    expression: Any,
    unknowns: Sequence[Any],
    parameters: Sequence[Any] = (),
    arrays: Mapping[Any, Array] = NOTHING,
    sizes: Mapping[Any, Size] = NOTHING,
) -> Stages:
    """Return the stages of an expression: of straight code, or of loops where it has sums."""
    ir = trace(expression, unknowns, parameters, arrays=arrays, sizes=sizes)
    if not ir.has_loops:
        return Stages(ir)
    from symadamax.compiler.loop_stages import LoopStages

    return LoopStages(ir)


def _build(module: Module) -> MachineCode:
    from symadamax.compiler.native import build

    return build(module)


def _python_objective(function: Callable[..., Any], parameters: np.ndarray) -> Callable[..., float]:
    def evaluate(x: np.ndarray, gradient: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            value, gradient[:] = function(x, parameters)
        return float(value)

    return evaluate


def _digest(program: Program) -> str:
    digest = hashlib.sha256(f"{program.unknowns} {program.parameters} {program.arrays}".encode())
    place = {}
    for number, node in enumerate(program.nodes()):
        place[node] = number
        arguments = " ".join(str(place[a]) for a in node.arguments)
        digest.update(f"{node.name} {node.value!r} {arguments}\n".encode())
    return digest.hexdigest()


_cache: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_cache_lock = threading.Lock()
LARGEST_CACHE = 128  # compiled objectives kept though nothing else holds them


def cached(key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """Return what was made for `key`, the most recent kept."""
    with _cache_lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    made = make()
    with _cache_lock:
        made = _cache.setdefault(key, made)
        _cache.move_to_end(key)
        while len(_cache) > LARGEST_CACHE:
            _cache.popitem(last=False)
    return made


_warned = False


def has_llvm() -> bool:
    """Tell whether llvmlite is there; warn once where it is not."""
    global _warned
    try:
        import llvmlite.binding  # noqa: F401
    except ImportError:
        if not _warned:
            warnings.warn(
                "llvmlite cannot be imported: objectives run on the NumPy backend, a hundred times "
                "slower. Install llvmlite for machine code.",
                RuntimeWarning,
                stacklevel=4,
            )
            _warned = True
        return False
    return True

"""Objective: the user's mathematics, with its unknowns and its parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from symadamax.compiler import CompiledObjective, Stages, stages_of
from symadamax.compiler.loop_stages import Bound, LoopStages
from symadamax.compiler.meaning import Meaning, sorted_by_name
from symadamax.compiler.readable import readable_gradient
from symadamax.compiler.sizes import Sizes
from symadamax.compiler.walk import names, show
from symadamax.data import data_arrays
from symadamax.errors import InputError, UnsupportedError
from symadamax.given import (
    hold_indices_inside,
    parameters_of,
    real_expression,
    rows_of,
    unknowns_of,
    without_matrices,
)  # fmt: skip
from symadamax.lambdify import lambdified
from symadamax.points import NO_SHAPES, Shapes, flat_point
from symadamax.sharded import Sharded
from symadamax.sizing import sampled_index, sizes_of
from symadamax.sources import Rows

__all__ = ["Objective"]


class Objective:
    """A real function of real unknowns, written in SymPy, differentiated and compiled once.

    Parameters
    ----------
    expression : sympy.Expr
        The function. All its symbols are taken as real, whatever their assumptions.
        Sums and products over indices are loops, whatever their length. A matrix expression of
        shape (1, 1) counts as a number.
    unknowns : sequence of sympy.Symbol, sympy.IndexedBase or sympy.MatrixSymbol, optional
        What is optimised: scalars, in the order of arrays, and behind them whole arrays, whose
        shape is that of their start. Default: all free symbols of the expression that are not
        parameters, and all arrays that are not data, sorted by name.
    parameters : mapping of sympy.Symbol (or its name) to number, optional
        Symbols with a fixed number, which `with_parameters` changes without compiling again.
    data : mapping of sympy.IndexedBase (or its name) to array, table, or Rows, optional
        What the arrays in the expression hold: anything that NumPy takes for an array of up to four
        axes, or the columns of a DataFrame of pandas or polars, or of a table of Arrow. Whole
        numbers may be used as indices. Memory is read where it lies, also when it is read-only,
        strided or mapped. The lengths of arrays give the sizes in the bounds of sums. What does not
        fit in memory is given as `symadamax.rows`.
    allow_nan : bool
        Whether NaN and infinities in data are computed with. Default: they are refused.
    arithmetic : {"portable", "precise", "relaxed"}
        How machine code computes. ``"portable"``: IEEE operations in the order of the expression,
        and elementary functions by polynomials, at most 2 ulp from the truth; the same bits on
        every processor with the same libraries. ``"precise"``: elementary functions of the C
        library, at most 1 ulp with glibc. ``"relaxed"``: as portable, but products and sums may be
        fused and reordered.

    Attributes
    ----------
    expression : sympy.Expr
    unknowns : tuple of sympy.Symbol, sympy.IndexedBase or sympy.MatrixSymbol
    parameters : mapping of sympy.Symbol to float
    data : mapping of sympy.IndexedBase or sympy.MatrixSymbol to ndarray
    rows : Rows or None
        Where the other arrays are read from, shard by shard.

    Raises
    ------
    InputError
        When there is no unknown, a symbol is neither unknown nor parameter, or a number is not
        finite.
    UnsupportedError
        When a part cannot be lowered or differentiated, or the expression is not real.

    Notes
    -----
    The functions that are accepted: ``+ - * /`` and powers; exp, log (of any base); sin, cos, tan,
    cot, sec, csc, their inverses and hyperbolic relatives, atan2; sqrt, cbrt, Abs, sign, Min, Max,
    floor, ceiling, frac, Mod, Heaviside, Piecewise with any relations joined by And, Or, Not;
    sinc, erf, erfc, erfi and their inverses, gamma, loggamma, factorial, digamma, polygamma, beta,
    expint, Ei, LambertW, besselj, bessely, besseli, besselk, jn of fixed order, zeta; and what
    `sympy.codegen.cfunctions` adds (log1p, expm1, exp2, log2, log10, hypot, Cbrt, fma).

    At a kink the gradient is the derivative almost everywhere, with these choices: 0 for Abs at 0,
    and everywhere for sign, floor, ceiling and Heaviside; at a tie of Max or Min, the mean of the
    gradients of those that tie; in a Piecewise, the derivative of the branch that is taken.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> objective = Objective(2*x**2 + 2*x*y + 2*y**2 - 6*x)
    >>> objective.gradient
    [4*x + 2*y - 6, 2*x + 4*y]
    >>> objective.value({x: 2, y: -1})
    -6.0
    >>> objective.value_and_gradient([1, 0])
    (-4.0, array([-2.,  2.]))
    """

    __slots__ = ("__weakref__", "_compiled", "_gradient", "_meaning", "_sizes", "_values", "data",
                 "expression", "parameters", "rows", "stages", "unknowns")  # fmt: skip

    expression: sp.Expr
    unknowns: tuple[sp.Symbol | sp.IndexedBase, ...]
    parameters: Mapping[sp.Symbol, float]
    data: Mapping[sp.IndexedBase, np.ndarray]
    rows: Rows | None
    _meaning: Meaning
    stages: Stages
    _compiled: dict[tuple[str, str], CompiledObjective]
    _gradient: list[sp.Expr]
    _values: dict[str, np.ndarray]
    _sizes: dict[tuple[Any, ...], Sizes]

    def __init__(
        self,
        expression: Any,
        unknowns: Sequence[sp.Symbol | sp.IndexedBase] | None = None,
        *,
        parameters: Mapping[Any, Any] | None = None,
        data: Any = None,
        allow_nan: bool = False,
        arithmetic: str = "portable",
    ) -> None:
        expression = real_expression(expression)
        scalar, bases = without_matrices(expression)
        found = names(scalar)
        matrices = {base: matrix for matrix, base in bases.items()}
        fixed = parameters_of(parameters, found.symbols | found.sizes)
        arrays = sorted_by_name(matrices.get(base, base) for base in found.arrays)
        rows = rows_of(data, arrays) if isinstance(data, Rows) else None
        tables = {} if data is None or rows else data_arrays(data, arrays, allow_nan)
        given = [*tables, *(array for array in arrays if rows and array.name in rows.columns)]
        named = unknowns is not None
        unknowns = unknowns_of(unknowns, found, arrays, fixed, given)
        hold_indices_inside(scalar, found, [*fixed, *(unknowns if named else ())])
        scalars = tuple(s for s in unknowns if isinstance(s, sp.Symbol))
        meaning = Meaning.of(found, [bases.get(unknown, unknown) for unknown in unknowns], bases)
        real = {s: v for s, v in fixed.items() if s not in meaning.sizes}
        stages = stages_of(scalar, scalars, tuple(real), meaning.by_base, meaning.sizes)
        stages = stages.in_arithmetic(arithmetic)
        self._fill(expression, unknowns, fixed, tables, rows, meaning, stages, {})

    def _fill(
        self,
        expression: sp.Expr,
        unknowns: tuple[sp.Symbol | sp.IndexedBase, ...],
        parameters: Mapping[sp.Symbol, float],
        data: Mapping[sp.IndexedBase, np.ndarray],
        rows: Rows | None,
        meaning: Meaning,
        stages: Stages,
        compiled: dict[tuple[str, str], CompiledObjective],
    ) -> None:
        if isinstance(stages, LoopStages):
            counted = {base for base in data if meaning.arrays[base] in stages.lookups}
            data = {base: _owned(v) if base in counted else v for base, v in data.items()}
            stages = stages.stored(meaning.bound(data))
        values = {
            "expression": expression, "unknowns": unknowns, "stages": stages,
            "parameters": MappingProxyType(dict(parameters)), "_compiled": compiled,
            "data": MappingProxyType(dict(data)), "rows": rows, "_meaning": meaning,
            "_gradient": [], "_values": {}, "_sizes": {},
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object = None) -> None:
        raise AttributeError(
            f"An Objective does not change: {name!r} cannot be set. "
            "Make another one, or use with_parameters."
        )

    __delattr__ = __setattr__

    # ---- what it is ----------------------------------------------------------------------------

    @property
    def gradient(self) -> list[sp.Expr]:
        """The partial derivatives as SymPy writes them, in the order of the unknowns.

        They are for reading: what runs is differentiated on the compiler's graph, and makes the
        choices at kinks that the class documents.

        Raises
        ------
        UnsupportedError
            When the expression is nested too deeply for SymPy, which recurses.
        """
        if not self._gradient:
            try:
                scalar, bases = without_matrices(self.expression)
                unknowns = [bases.get(unknown, unknown) for unknown in self.unknowns]
                self._gradient.extend(readable_gradient(scalar, unknowns))
            except RecursionError as error:
                raise UnsupportedError(
                    "The objective is nested too deeply for SymPy to differentiate it. "
                    "value_and_gradient and stages.gradient_ir know no such limit."
                ) from error
        return list(self._gradient)

    def with_parameters(self, parameters: Mapping[Any, Any]) -> Objective:
        """Return the same function at other values of (some of) its parameters.

        Nothing is compiled again.

        Examples
        --------
        >>> x, c = sp.symbols("x c")
        >>> objective = Objective(c*x**2, parameters={c: 1})
        >>> objective.with_parameters({c: 3}).value([2])
        12.0
        """
        changed = parameters_of(parameters, set(self.parameters))
        return self._with({**self.parameters, **changed}, self.data)

    def with_arithmetic(self, arithmetic: str) -> Objective:
        """Return the same function, computed in another arithmetic."""
        return self._with(self.parameters, self.data, self.stages.in_arithmetic(arithmetic))

    def with_data(self, data: Any, *, allow_nan: bool = False) -> Objective:
        """Return the same function on other arrays of data, of any lengths.

        Parameters
        ----------
        data : mapping, table or Rows
            As for the class; arrays that are not named stay.

        Examples
        --------
        >>> i, n = sp.symbols("i n", integer=True)
        >>> a, y = sp.Symbol("a"), sp.IndexedBase("y")
        >>> objective = Objective(sp.Sum((a - y[i])**2, (i, 0, n - 1)), data={y: [1, 2]})
        >>> objective.with_data({y: [1, 2, 6]}).value({a: 3})
        14.0
        """
        if isinstance(data, Rows):
            arrays = [base for base in self._meaning.arrays if base not in self.unknowns]
            rows = rows_of(data, arrays)
            kept = {base: v for base, v in self.data.items() if base.name not in rows.columns}
            return self._with(self.parameters, kept, rows=rows)
        return self._with(
            self.parameters, {**self.data, **data_arrays(data, list(self.data), allow_nan)}
        )

    def _with(
        self,
        parameters: Mapping[sp.Symbol, float],
        data: Mapping[sp.IndexedBase, np.ndarray],
        stages: Stages | None = None,
        rows: Rows | None = None,
    ) -> Objective:
        other = Objective.__new__(Objective)
        native = {k: v for k, v in self._compiled.items() if k[0] == "native" and not stages}
        other._fill(
            self.expression, self.unknowns, parameters, data, rows or self.rows, self._meaning,
            stages or self.stages, native,
        )  # fmt: skip
        return other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Objective):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        data = tuple((base, *_fingerprint(array)) for base, array in self.data.items())
        return (
            self.stages.digest,
            self.stages.arithmetic,
            self.unknowns,
            tuple(self.parameters.items()),
            data,
            self.rows,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (
            self.expression, self.unknowns, dict(self.parameters), dict(self.data),
            self.stages.arithmetic, self.rows,
        )  # fmt: skip

    def __repr__(self) -> str:
        names = ", ".join(str(symbol) for symbol in self.unknowns[:10])
        more = ", ..." if len(self.unknowns) > 10 else ""
        fixed = f", parameters={dict(self.parameters)}" if self.parameters else ""
        return f"Objective({show(self.expression)}, [{names}{more}]{fixed})"

    def _repr_latex_(self) -> str | None:
        names = ", ".join(sp.latex(symbol) for symbol in self.unknowns[:10])
        dots = r", \ldots" if len(self.unknowns) > 10 else ""
        try:
            body = sp.latex(self.expression, order="none")
        except RecursionError:
            return None  # too deep for SymPy: notebooks show the repr instead
        return rf"$\displaystyle f({names}{dots}) = {body}$"

    # ---- what it computes ----------------------------------------------------------------------

    def value(self, point: Any) -> float:
        """Return the value at a point.

        Parameters
        ----------
        point : mapping, sequence or array
            Numbers by symbol (or its name), or in the order of `unknowns`, of shape (n,), (n, 1)
            or (1, n). With arrays among the unknowns a mapping, in which each has an array.

        Returns
        -------
        float
            NaN or infinite where the function is.
        """
        return self.value_and_gradient(point)[0]

    def value_and_gradient(self, point: Any) -> tuple[float, np.ndarray]:
        """Return the value and the gradient, an array of shape (n,), at a point as in `value`."""
        x, shapes = self.flat(point)
        gradient = np.empty_like(x)
        return self.bound(shapes).evaluate(x, gradient), gradient

    def lambdify(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return the functions ``value`` and ``value_and_gradient`` on NumPy.

        Each takes one number or array for each unknown, as functions of `sympy.lambdify` do;
        arrays are many points, and broadcast against each other. The second returns the value and
        the gradient, stacked along a new first axis. Their attribute ``source`` holds the Python
        source, in which every shared sub-expression is computed once.

        Examples
        --------
        >>> x, y = sp.symbols("x y")
        >>> value, value_and_gradient = Objective(x*y**2).lambdify()
        >>> value(np.array([1.0, 2.0]), 3.0)
        array([ 9., 18.])
        >>> value_and_gradient(2.0, 3.0)
        (np.float64(18.0), array([ 9., 12.]))
        >>> print(value.source)
        def value(x, p):
            return x[0]*(x[1]*x[1])
        """
        return lambdified(
            self.stages, self.unknowns, self.parameter_array(), lambda: self.bound(backend="numpy")
        )

    def compiled(self, backend: str = "native", dtype: str = "float64") -> CompiledObjective:
        """Return what the solver runs; compiled at the first call, and kept.

        An objective with sums runs on a context of its own each time: see `bound`.
        """
        if isinstance(self.stages, LoopStages):
            bound = self.bound(backend=backend, dtype=dtype)
            return CompiledObjective(bound.function, len(self.unknowns), dtype, bound)
        found = self._compiled.get((backend, dtype))
        if found is None:
            found = self.stages.compiled(backend, dtype, self.parameter_array(dtype))
            self._compiled[backend, dtype] = found
        return found

    def bound(
        self,
        shapes: Shapes = NO_SHAPES,
        backend: str = "native",
        dtype: str = "float64",
        threads: int | None = 1,
        batches: Any = None,
    ) -> Bound:
        """Return what runs for arrays of unknowns of these shapes; one for each run.

        `threads` None stands for as many as are of use; `batches` says which rows are drawn.
        """
        if not isinstance(self.stages, LoopStages):
            if batches is not None:
                raise InputError("batch was given, and the objective has no sum over data.")
            compiled = self.compiled(backend, dtype)
            return Bound(compiled.function, self.parameter_array(dtype), compiled.owner)
        if self.rows is not None:
            if batches is not None:
                raise InputError("batch was given with rows; each step goes through all of them.")
            return Bound(self.sharded(shapes, backend, dtype), np.empty(0, dtype), None)
        sizes = self._sized(shapes)
        parameters = self.parameter_array("float64")
        if batches is None:
            return self.stages.bound(sizes, parameters, backend, dtype, threads)
        index = sampled_index(self.stages.ir, batches.index)
        first, last = sizes.exact(index.lower), sizes.exact(index.upper)
        sampler = batches.start(first, last - first + 1)
        stages = self.stages.estimate(index)
        return stages.bound(sizes, parameters, backend, dtype, threads, sampler)

    def sharded(
        self, shapes: Shapes = NO_SHAPES, backend: str = "native", dtype: str = "float64"
    ) -> Sharded:
        """Return the function of an objective on rows, which is evaluated shard by shard."""
        assert isinstance(self.stages, LoopStages)
        assert self.rows is not None
        return Sharded(
            self.stages, self._meaning, self.data, self.rows, shapes, self._sized(shapes),
            self.parameter_array("float64"), backend, dtype,
        )  # fmt: skip

    def _sized(self, shapes: Shapes) -> Sizes:
        """Return the sizes for arrays of unknowns of these shapes, found and checked once."""
        assert isinstance(self.stages, LoopStages)
        key = tuple(shapes.items())
        if key not in self._sizes:
            read = self.rows.outlines() if self.rows else {}
            rows = {base: read[base.name] for base in self._meaning.arrays if base.name in read}
            self._sizes[key] = sizes_of(
                self.stages, self._meaning, {**self.data, **rows}, shapes, self.parameters
            )
        return self._sizes[key]

    def flat(self, point: Any, dtype: str = "float64") -> tuple[np.ndarray, Shapes]:
        """Return a point as one array, the scalars first, and the shapes of its arrays."""
        return flat_point(point, self.unknowns, dtype)

    def parameter_array(self, dtype: str = "float64") -> np.ndarray:
        """Return the values of the parameters in order, an array of shape (number of them,)."""
        found = self._values.get(dtype)
        if found is None:
            with np.errstate(over="ignore"):
                real = [v for s, v in self.parameters.items() if s not in self._meaning.sizes]
                found = np.array(real, dtype=dtype)
            if not np.isfinite(found).all():
                raise InputError(f"A parameter of {dict(self.parameters)} does not fit in {dtype}.")
            found.flags.writeable = False
            self._values[dtype] = found
        return found

    def point_array(self, point: Any, dtype: str = "float64") -> np.ndarray:
        """Return a new array of shape (n,) from a point as in `value`.

        Raises
        ------
        InputError
            When a number is missing, has no place, or is not real and finite.
        """
        return self.flat(point, dtype)[0]


def _restore(
    expression: sp.Expr,
    unknowns: tuple[Any, ...],
    parameters: dict[sp.Symbol, float],
    data: dict[sp.IndexedBase, np.ndarray],
    arithmetic: str,
    rows: Rows | None = None,
) -> Objective:
    objective = Objective(
        expression, unknowns, parameters=parameters, data=data, allow_nan=True,
        arithmetic=arithmetic,
    )  # fmt: skip
    return objective if rows is None else objective.with_data(rows)


def _owned(array: np.ndarray) -> np.ndarray:
    """Return a copy that nobody changes: code reads where it says, and that is checked once."""
    if array.base is None and not array.flags.writeable:
        return array  # such a copy
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _fingerprint(array: np.ndarray) -> tuple[object, ...]:
    """Return what equal arrays share, in a time that does not matter beside a pass over them."""
    digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16)
    return array.shape, array.dtype.str, digest.hexdigest()

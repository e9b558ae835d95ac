"""Objective: the user's mathematics, with its unknowns and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from symadamax import _core
from symadamax.compiler import CompiledObjective, Stages
from symadamax.compiler.readable import readable_gradient
from symadamax.compiler.walk import free_symbols, show
from symadamax.errors import InputError, UnsupportedError
from symadamax.points import by_symbol, finite, listed, point_array

__all__ = ["Objective"]


class Objective:
    """A real function of real unknowns, written in SymPy, differentiated and compiled once.

    Parameters
    ----------
    expression : sympy.Expr
        The function. All its symbols are taken as real, whatever their assumptions.
    unknowns : sequence of sympy.Symbol, optional
        What is optimised, in the order of arrays. Default: all free symbols of the expression that
        are not parameters, sorted by name.
    parameters : mapping of sympy.Symbol (or its name) to number, optional
        Symbols with a fixed number, which `with_parameters` changes without compiling again.

    Attributes
    ----------
    expression : sympy.Expr
    unknowns : tuple of sympy.Symbol
    parameters : mapping of sympy.Symbol to float

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

    __slots__ = ("__weakref__", "_compiled", "_gradient", "_values", "expression", "parameters",
                 "stages", "unknowns")  # fmt: skip

    expression: sp.Expr
    unknowns: tuple[sp.Symbol, ...]
    parameters: Mapping[sp.Symbol, float]
    stages: Stages
    _compiled: dict[tuple[str, str], CompiledObjective]
    _gradient: list[sp.Expr]
    _values: dict[str, np.ndarray]

    def __init__(
        self,
        expression: Any,
        unknowns: Sequence[sp.Symbol] | None = None,
        *,
        parameters: Mapping[Any, Any] | None = None,
    ) -> None:
        expression = _real_expression(expression)
        present = free_symbols(expression)
        fixed = _parameters(parameters, present)
        unknowns = _unknowns(unknowns, present, fixed)
        self._fill(expression, unknowns, fixed, Stages(expression, unknowns, tuple(fixed)), {})

    def _fill(
        self,
        expression: sp.Expr,
        unknowns: tuple[sp.Symbol, ...],
        parameters: Mapping[sp.Symbol, float],
        stages: Stages,
        compiled: dict[tuple[str, str], CompiledObjective],
    ) -> None:
        values = {
            "expression": expression, "unknowns": unknowns, "stages": stages,
            "parameters": MappingProxyType(dict(parameters)), "_compiled": compiled,
            "_gradient": [], "_values": {},
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
                self._gradient.extend(readable_gradient(self.expression, self.unknowns))
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
        changed = _parameters(parameters, set(self.parameters))
        other = Objective.__new__(Objective)
        values = {**self.parameters, **changed}
        native = {k: v for k, v in self._compiled.items() if k[0] == "native"}
        other._fill(self.expression, self.unknowns, values, self.stages, native)
        return other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Objective):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return (self.stages.digest, self.unknowns, tuple(self.parameters.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.expression, self.unknowns, dict(self.parameters))

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
            or (1, n).

        Returns
        -------
        float
            NaN or infinite where the function is.
        """
        return self.value_and_gradient(point)[0]

    def value_and_gradient(self, point: Any) -> tuple[float, np.ndarray]:
        """Return the value and the gradient, an array of shape (n,), at a point as in `value`."""
        x = self.point_array(point)
        gradient = np.empty_like(x)
        compiled = self.compiled()
        if callable(compiled.function):  # where llvmlite cannot be had
            return compiled.function(x, gradient), gradient
        value = _core.evaluate(compiled.function, self.parameter_array(), x, gradient)
        return value, gradient

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
        functions = self.stages.python_functions()
        sources = self.stages.numpy_source.split("\n\n")
        value, both = (_on_arrays(self, f, s) for f, s in zip(functions, sources, strict=True))
        return value, both

    def compiled(self, backend: str = "native", dtype: str = "float64") -> CompiledObjective:
        """Return what the solver runs; compiled at the first call, and kept."""
        found = self._compiled.get((backend, dtype))
        if found is None:
            found = self.stages.compiled(backend, dtype, self.parameter_array(dtype))
            self._compiled[backend, dtype] = found
        return found

    def parameter_array(self, dtype: str = "float64") -> np.ndarray:
        """Return the values of the parameters in order, an array of shape (number of them,)."""
        found = self._values.get(dtype)
        if found is None:
            with np.errstate(over="ignore"):
                found = np.array(list(self.parameters.values()), dtype=dtype)
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
        return point_array(point, self.unknowns, dtype)


def _real_expression(expression: Any) -> sp.Expr:
    if isinstance(expression, (int, float)) and not isinstance(expression, bool):
        expression = sp.sympify(expression)
    if isinstance(expression, str):
        raise InputError(
            f"The objective is the text {expression[:60]!r}; write it with SymPy's symbols, or "
            "read it with symadamax.parse_formula."
        )
    if isinstance(expression, (Relational, Boolean, sp.Set)) and not expression.is_Symbol:
        raise UnsupportedError(
            f"The objective {show(expression)} is a {type(expression).__name__}; it must be a real "
            "expression. For an equation f = g, minimise (f - g)**2."
        )
    if isinstance(expression, (sp.MatrixBase, sp.MatrixExpr)):
        raise UnsupportedError(
            f"The objective is a matrix of shape {expression.shape}; it must be a scalar, such as "
            "one of its elements."
        )
    if not isinstance(expression, sp.Expr):
        raise InputError(
            f"The objective is a {type(expression).__name__}; accepted is a SymPy expression."
        )
    return expression


def _parameters(given: Mapping[Any, Any] | None, present: set[sp.Symbol]) -> dict[sp.Symbol, float]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"parameters is {given!r}; accepted is a mapping of symbol to number.")
    symbols = sorted(present, key=_sort_key)
    values = by_symbol(given, symbols, "symbol", "the parameters")
    return {symbol: finite(values[symbol], symbol.name) for symbol in symbols if symbol in values}


def _unknowns(
    given: Sequence[sp.Symbol] | None, present: set[sp.Symbol], fixed: Mapping[sp.Symbol, float]
) -> tuple[sp.Symbol, ...]:
    if given is None:
        unknowns = tuple(sorted(present - set(fixed), key=_sort_key))
    else:
        unknowns = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for symbol in unknowns:
        if not isinstance(symbol, sp.Symbol):
            raise InputError(f"The unknown {symbol!r} is not a SymPy symbol.")
    if len(set(unknowns)) != len(unknowns):
        raise InputError(f"An unknown stands twice in {listed([s.name for s in unknowns])}.")
    both = [symbol.name for symbol in unknowns if symbol in fixed]
    if both:
        raise InputError(f"{listed(both)} stands both among the unknowns and the parameters.")
    if not unknowns:
        raise InputError("The objective has no unknowns: there is nothing to optimise.")
    return unknowns


def _sort_key(symbol: sp.Symbol) -> tuple[Any, ...]:
    return (symbol.name, symbol.sort_key())


def _on_arrays(objective: Objective, function: Any, text: str) -> Callable[..., Any]:
    unknowns, parameters = objective.unknowns, objective.parameter_array()

    def evaluate(*point: Any) -> Any:
        if len(point) != len(unknowns):
            raise InputError(
                f"{len(point)} numbers or arrays were given; accepted is one for each of the "
                f"unknowns {listed([symbol.name for symbol in unknowns])}."
            )
        x = np.broadcast_arrays(*(np.asarray(value, dtype="float64") for value in point))
        with np.errstate(all="ignore"):
            result = function(x, parameters)
        if not isinstance(result, tuple):
            return _filled(result, x[0].shape)
        gradient = np.stack([_filled(part, x[0].shape) for part in result[1]])
        return _filled(result[0], x[0].shape), gradient

    evaluate.__name__ = evaluate.__qualname__ = text[4 : text.index("(")]
    evaluate.source = text  # type: ignore[attr-defined]
    return evaluate


def _filled(result: Any, shape: tuple[int, ...]) -> Any:
    """Return a result of the full shape: a constant stands for all points."""
    return np.broadcast_to(result, shape).copy() if shape else np.float64(result)


def _restore(
    expression: sp.Expr, unknowns: tuple[sp.Symbol, ...], parameters: dict[sp.Symbol, float]
) -> Objective:
    return Objective(expression, unknowns, parameters=parameters)

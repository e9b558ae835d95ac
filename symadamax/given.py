"""What is given to `Objective` -> what it is made of; what cannot be is refused with a sentence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from symadamax.compiler.matrices import has_matrices, scalar_form
from symadamax.compiler.meaning import sorted_by_name
from symadamax.compiler.walk import Names, show
from symadamax.errors import InputError, UnsupportedError
from symadamax.points import by_symbol, finite, listed
from symadamax.sources import Rows

__all__ = [
    "hold_indices_inside", "parameters_of", "real_expression", "rows_of", "unknowns_of",
    "whole_number", "without_matrices",
]  # fmt: skip


def real_expression(expression: Any) -> sp.Expr:
    """Return an expression that may be an objective, or refuse it."""
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
    if isinstance(expression, sp.MatrixBase):
        expression = expression.as_immutable()
    if isinstance(expression, (sp.MatrixBase, sp.MatrixExpr)):
        if tuple(expression.shape) == (1, 1):
            return expression
        raise UnsupportedError(
            f"The objective is a matrix of shape {expression.shape}; it must be a scalar, such as "
            "one of its elements."
        )
    if expression in (sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise UnsupportedError(
            f"The objective is {expression}, which is no finite number: SymPy makes that of all "
            "that it is added to. Leave out the part that is not finite."
        )
    if not isinstance(expression, sp.Expr):
        raise InputError(
            f"The objective is a {type(expression).__name__}; accepted is a SymPy expression."
        )
    return expression


def parameters_of(
    given: Mapping[Any, Any] | None, present: set[sp.Symbol]
) -> dict[sp.Symbol, float]:
    """Return the numbers of parameters by symbol, of those that are present."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"parameters is {given!r}; accepted is a mapping of symbol to number.")
    symbols = sorted_by_name(present)
    values = by_symbol(given, symbols, "symbol", "the parameters")
    return {symbol: finite(values[symbol], symbol.name) for symbol in symbols if symbol in values}


def hold_indices_inside(expression: Any, found: Names, given: Iterable[Any]) -> None:
    """Refuse an index that SymPy has moved out of its sum, in the condition of a Piecewise."""
    outside = ((found.symbols | found.sizes) & found.indices) - set(given)
    if not outside:
        return
    conditions = [pair.cond for choice in expression.atoms(sp.Piecewise) for pair in choice.args]
    tested = set().union(*(condition.free_symbols for condition in conditions))
    for symbol in sorted_by_name(outside & tested):
        raise UnsupportedError(
            f"{symbol} is the index of a sum, and stands in a condition outside of it: SymPy moves "
            "a Piecewise out of a sum that is inside another one. Write the condition as a factor, "
            "such as KroneckerDelta(i, j) or Heaviside(i - j, 0), or choose bounds that leave the "
            "other terms out."
        )


def rows_of(given: Rows, arrays: Sequence[Any]) -> Rows:
    """Return the rows of those of an objective's arrays that have a column."""
    names = [array.name for array in arrays]
    found = [name for name in names if name in given.columns]
    if not found:
        raise InputError(
            f"None of the columns {listed(list(given.columns))} is an array of the objective; its "
            f"arrays are {listed(names)}. Give columns={{array: column}} to rows."
        )
    return given.of(found)


def without_matrices(expression: Any) -> tuple[Any, Mapping[Any, sp.IndexedBase]]:
    """Return an equal expression in sums, and the array that stands for each matrix."""
    return scalar_form(expression) if has_matrices(expression) else (expression, {})


def unknowns_of(
    given: Sequence[Any] | None,
    found: Names,
    arrays: Sequence[Any],
    fixed: Mapping[sp.Symbol, float],
    data: Collection[sp.IndexedBase],
) -> tuple[sp.Symbol | sp.IndexedBase, ...]:
    """Return the unknowns, the scalars first; all that is not given, unless they are named."""
    if given is None:
        unknowns = (
            *sorted_by_name(found.symbols - set(fixed)),
            *(array for array in arrays if array not in data),
        )
    else:
        unknowns = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for symbol in unknowns:
        if not isinstance(symbol, (sp.Symbol, sp.IndexedBase, sp.MatrixSymbol)):
            raise InputError(f"The unknown {symbol!r} is not a SymPy symbol.")
    if len(set(unknowns)) != len(unknowns):
        raise InputError(f"An unknown stands twice in {listed([s.name for s in unknowns])}.")
    for others, what in ((fixed, "the parameters"), (data, "the data")):
        both = [symbol.name for symbol in unknowns if symbol in others]
        if both:
            raise InputError(f"{listed(both)} stands both among the unknowns and {what}.")
    counted = [symbol.name for symbol in unknowns if symbol in found.sizes]
    if counted:
        raise InputError(
            f"{listed(counted)} is the bound of a sum or a position in an array, so it cannot be "
            "an unknown: give it in parameters, or leave it to be inferred from the data."
        )
    if not unknowns:
        raise InputError(
            "The objective has no unknowns: there is nothing to optimise."
            + (f" {_counting(found)}" if found.sizes else "")
        )
    scalars = tuple(symbol for symbol in unknowns if isinstance(symbol, sp.Symbol))
    return (*scalars, *(symbol for symbol in unknowns if not isinstance(symbol, sp.Symbol)))


def _counting(found: Names) -> str:
    names = listed([symbol.name for symbol in sorted_by_name(found.sizes)])
    return f"A bound of a sum or a position in an array counts, and is none: {names}."


def whole_number(value: float, name: str) -> int:
    """Return the number of a parameter that counts."""
    if value != int(value):
        raise InputError(
            f"The parameter {name!r} is {value}; it counts in a sum or a position, and must be a "
            "whole number."
        )
    return int(value)

"""SymPy -> SymPy: the gradient as a person would write it, with our choices at the kinks.

This is for reading. What runs is differentiated on the graph (`symadamax.compiler.differentiate`),
which is linear in the size of the expression, and equal to this up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp

from symadamax.compiler.readable.arrays import array_gradient, has_arrays
from symadamax.compiler.walk import free_symbols

__all__ = ["readable_gradient"]


def _flat(head: Any) -> Any:
    """Return a stand-in for a head whose derivative is 0 almost everywhere."""
    return type(
        f"flat_{head.__name__}", (sp.Function,), {"fdiff": lambda self, argindex=1: sp.S.Zero}
    )


_FLAT = {head: _flat(head) for head in (sp.sign, sp.floor, sp.ceiling, sp.Heaviside)}


def _modulo(a: Any, b: Any) -> Any:
    return a - b * _FLAT[sp.floor](a / b)


def readable_gradient(expression: Any, unknowns: Sequence[Any]) -> list[sp.Expr]:
    """Return the partial derivatives by the unknowns, all symbols taken as real.

    Each term of a sum is differentiated by the unknowns that stand in it, and by no other.

    Parameters
    ----------
    expression : sympy.Expr
        In Sums and Products over elements of arrays, or without them.
    unknowns : sequence of sympy.Symbol or sympy.IndexedBase

    Returns
    -------
    list of sympy.Expr
        One for each unknown. That of an array is the derivative by its element at an index k (k1,
        k2, ... where it has several; other letters where these are taken), for every k within the
        shape of the array, or for every k at which the expression reads an array without one. The
        derivative of a Product is the Product times a sum of quotients, which have no value where
        a factor is 0.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> readable_gradient(x*sp.Abs(y) + sp.floor(x), [x, y])
    [Abs(y), x*sign(y)]
    >>> w, i, n = sp.IndexedBase("w"), *sp.symbols("i n", integer=True)
    >>> readable_gradient(sp.Sum(x*w[i]**2, (i, 0, n - 1)), [x, w])
    [Sum(w[i]**2, (i, 0, n - 1)), 2*x*w[k]]
    """
    if has_arrays(expression):
        return array_gradient(expression, unknowns, _partial)
    terms: dict[sp.Symbol, list[sp.Expr]] = {symbol: [] for symbol in unknowns}
    for term in sp.Add.make_args(expression):
        for symbol, derivative in _partials(term, free_symbols(term) & set(terms)).items():
            terms[symbol].append(derivative)
    return [sp.Add(*terms[symbol]) for symbol in unknowns]


def _partial(term: Any, symbol: sp.Symbol) -> Any:
    return _partials(term, [symbol])[symbol]


def _partials(term: Any, symbols: Iterable[sp.Symbol]) -> dict[sp.Symbol, Any]:
    """Return the derivatives of an expression without sums by some of its symbols."""
    real = {symbol: sp.Dummy(symbol.name, real=True) for symbol in free_symbols(term)}
    back = {dummy: symbol for symbol, dummy in real.items()}
    smooth = _smooth(term.xreplace(real))
    return {symbol: _kinked(smooth.diff(real[symbol])).xreplace(back) for symbol in symbols}


def _smooth(term: Any) -> Any:
    """Replace the heads with kinks by stand-ins that differentiate as the compiler does."""
    if term.has(sp.UnevaluatedExpr):
        term = term.replace(sp.UnevaluatedExpr, lambda inside: inside)
    if not term.has(*_FLAT, sp.Mod, sp.frac):
        return term
    term = term.replace(sp.frac, lambda x: x - sp.floor(x))
    for head, flat in _FLAT.items():
        term = term.replace(head, flat)
    return term.replace(sp.Mod, _modulo)


def _kinked(derivative: Any) -> Any:
    for head, flat in _FLAT.items():
        if derivative.has(flat):
            derivative = derivative.replace(flat, head)
    return derivative

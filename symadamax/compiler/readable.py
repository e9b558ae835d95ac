"""SymPy -> SymPy: the gradient as a person would write it, with our choices at the kinks.

This is for reading. What runs is differentiated on the graph (`symadamax.compiler.differentiate`),
which is linear in the size of the expression, and equal to this up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

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


def readable_gradient(expression: Any, unknowns: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """Return the partial derivatives by the unknowns, all symbols taken as real.

    Each term of a sum is differentiated by the unknowns that stand in it, and by no other.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> readable_gradient(x*sp.Abs(y) + sp.floor(x), [x, y])
    [Abs(y), x*sign(y)]
    """
    real = {symbol: sp.Dummy(symbol.name, real=True) for symbol in free_symbols(expression)}
    back = {dummy: symbol for symbol, dummy in real.items()}
    terms: dict[sp.Symbol, list[sp.Expr]] = {symbol: [] for symbol in unknowns}
    for term in sp.Add.make_args(expression):
        smooth = _smooth(term.xreplace(real))
        for symbol in free_symbols(term) & set(terms):
            terms[symbol].append(_kinked(smooth.diff(real[symbol])).xreplace(back))
    return [sp.Add(*terms[symbol]) for symbol in unknowns]


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

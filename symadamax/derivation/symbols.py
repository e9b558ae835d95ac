"""The symbols of the book, and the two heads that SymPy lacks: a maximum over an index, and E.

Equations are written inside ``with sp.evaluate(False)``, so that they are shown as they stand in
the source: `t - 1` and `1 - beta1`, and no factor moved.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.printing.precedence import PRECEDENCE

__all__ = [
    "Delta", "E", "Largest", "Var", "alpha", "alphahat", "beta1", "beta2", "c", "epsilon",
    "g", "i", "m", "mhat", "n", "p", "s", "t", "total", "u", "v", "x", "xbar", "xhat",
]  # fmt: skip

alpha, beta1, beta2, epsilon, c, p = sp.symbols("alpha beta_1 beta_2 epsilon c p", positive=True)
t, i, n = sp.symbols("t i n", integer=True, positive=True)
s = sp.Symbol("s", positive=True)  # what one positive number is above another

g, m, mhat, x, xbar, xhat = (
    sp.IndexedBase(name, real=True) for name in ("g", "m", "mhat", "x", "xbar", "xhat")
)
Delta = sp.IndexedBase("Delta", real=True)
alphahat = sp.IndexedBase("alphahat", positive=True)
u, v = sp.IndexedBase("u", nonnegative=True), sp.IndexedBase("v", nonnegative=True)

E, Var = sp.Function("E"), sp.Function("Var")


def total(term: Any, last: Any = t, index: Any = i, first: Any = 1) -> Any:
    """Return a Sum that is not evaluated, over a term that stays as it is written."""
    with sp.evaluate(True):
        return sp.Sum(term, (index, first, last))


class Largest(ExprWithLimits):  # type: ignore[misc]
    """The largest value of an expression over an index: ``Largest(a[i], (i, 1, t))``.

    Examples
    --------
    >>> Largest(beta2**(3 - i)*sp.Abs(g[i]), (i, 1, 3)).doit()
    Max(beta_2*Abs(g[2]), beta_2**2*Abs(g[1]), Abs(g[3]))
    """

    def doit(self, **hints: Any) -> Any:
        """Return the Max over the terms, where their number is known."""
        ((index, first, last),) = self.limits
        if not (first.is_Integer and last.is_Integer):
            return self
        return sp.Max(*(self.function.subs(index, k) for k in range(first, last + 1)))

    def _latex(self, printer: Any) -> str:
        ((index, first, last),) = self.limits
        below = rf"{printer.doprint(first)} \leq {index} \leq {printer.doprint(last)}"
        return rf"\max_{{{below}}} {printer.parenthesize(self.function, PRECEDENCE['Mul'])}"

    def _sympystr(self, printer: Any) -> str:
        ((index, first, last),) = self.limits
        return f"Largest({printer._print(self.function)}, ({index}, {first}, {last}))"

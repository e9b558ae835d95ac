"""The book -> the equations of a page, in the names under which a page knows its numbers.

    derivation.algorithm -> statements -> update.py (JavaScript), written.py (what is shown)

Nothing here is an equation: what is changed in the derivation is changed on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from symadamax.derivation import algorithm, bounds, longer
from symadamax.derivation.rules import evaluated
from symadamax.derivation.symbols import alpha, alphahat, beta1, beta2, epsilon, g, m, t, u, x
from symadamax.errors import InternalError

__all__ = ["KNOWN", "PLACEMENTS", "SHOWN", "bound", "longest", "move", "statements"]

PLACEMENTS = ("denominator", "maximum", "none")
SHOWN = ("m", "u", "rate", "x")  # in the order of a page

with sp.evaluate(False):
    NAMES = {
        alpha: "learningRate", beta1: "beta1", beta2: "beta2", epsilon: "epsilon", t: "t",
        g[t]: "g", alphahat[t]: "rate", m[t - 1]: "mBefore", m[t]: "m", u[t - 1]: "uBefore",
        u[t]: "u", x[t - 1]: "xBefore", x[t]: "x",
    }  # fmt: skip
KNOWN = {name: sp.Symbol(name) for name in NAMES.values()}
SYMBOLS = {symbol: KNOWN[name] for symbol, name in NAMES.items()}


def statements(placement: str) -> dict[str, Any]:
    """Return what a step computes, by name, each as the book holds it.

    Raises
    ------
    InternalError
        When an equation of the book has a symbol of which a page has no number.

    Examples
    --------
    >>> for name, right in statements("maximum").items():
    ...     print(name, "=", sp.sstr(right, order="none"))
    rate = learningRate/(1 - beta1**t)
    m = beta1*mBefore + (1 - beta1)*g
    u = Max(beta2*uBefore, Abs(g) + epsilon)
    x = xBefore - rate*m/u
    """
    equations = [algorithm.RATE, algorithm.MOMENT, algorithm.WEIGHT[placement], _iterate(placement)]
    return {str(_named(equation.lhs)): _named(equation.rhs) for equation in equations}


def move(placement: str) -> Any:
    """Return what a step adds to x, in the order of the core: a product over a denominator.

    0/0 moves nothing.

    Examples
    --------
    >>> move("none")
    Piecewise((0, Eq(m, 0) & Eq(u, 0)), (-m*rate/u, True))
    """
    added = evaluated(statements(placement)["x"]) - KNOWN["xBefore"]
    _, below = sp.fraction(added)
    nothing = sp.And(sp.Eq(KNOWN["m"], 0), sp.Eq(below, 0))
    return sp.Piecewise((0, nothing), (added, True))


def bound() -> list[Any]:
    """Return the factors of the longest step in learning rates, as the book shows them: (7.5)."""
    return [_named(factor) for factor in bounds.PER_RATE.args]


def longest() -> Any:
    """Return the longest that a step can be, in learning rates, for all decays from 0.

    It is (7.5), and for equal decays what grows in (8.5). For a decay of 0, which is not in the
    book, it is the limit; that for beta2 is the same at all beta1 > 0 and t > 1.
    """
    general = evaluated(bounds.PER_RATE)
    first = sp.simplify(general.subs(t, 1))
    forgotten = sp.limit(general.subs({t: 2, beta1: sp.Rational(1, 2)}), beta2, 0)
    cases = {
        sp.Eq(KNOWN["t"], 1): first,
        sp.Eq(KNOWN["beta1"], 0): general.subs(beta1, 0),
        sp.Eq(KNOWN["beta2"], 0): forgotten,
        sp.Eq(KNOWN["beta1"], KNOWN["beta2"]): _named(longer.EQUAL_DECAYS),
        sp.true: _named(bounds.PER_RATE),
    }
    with sp.evaluate(False):
        return sp.Piecewise(*((value, condition) for condition, value in cases.items()))


def _iterate(placement: str) -> Any:
    """Return the last equation with the corrected learning rate (5.3), which it holds."""
    rate, equation = algorithm.RATE, algorithm.ITERATE[placement]
    with sp.evaluate(False):
        shorter = equation.xreplace({rate.rhs: rate.lhs})
    if shorter == equation:
        raise InternalError(f"{equation} does not hold the learning rate of {rate}.")
    return shorter


def _named(expression: Any, symbols: Mapping[Any, Any] = SYMBOLS) -> Any:
    """Return an expression of the book in the names of a page, held as it is written."""
    with sp.evaluate(False):
        named = expression.xreplace(symbols)
    unknown = named.free_symbols - set(KNOWN.values())
    if unknown:
        raise InternalError(f"A page has no number for {unknown} in {expression}.")
    return named

"""Hypothesis strategies: random real expressions, and points away from their kinks."""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import strategies as st

__all__ = ["SYMBOLS", "exact_expressions", "expressions", "points", "smooth_expressions"]

SYMBOLS = sp.symbols("x y z")

_numbers = st.sampled_from(
    [sp.Integer(k) for k in (-3, -1, 2, 5)]
    + [sp.Rational(1, 3), sp.Rational(-5, 7), sp.Float(0.1), sp.Float(-2.5), sp.pi, sp.E]
)
_leaves = st.sampled_from(SYMBOLS) | st.sampled_from(SYMBOLS) | _numbers

_SMOOTH_OF_ONE = [
    sp.sin, sp.cos, sp.atan, sp.tanh, sp.erf, sp.asinh,
    lambda a: a**2, lambda a: a**3, lambda a: a**5,
    lambda a: sp.exp(-(a**2)), lambda a: sp.exp(sp.sin(a)) - 1,
    lambda a: sp.log(1 + a**2), lambda a: sp.log(sp.Rational(5, 2) + sp.cos(a)),
    lambda a: sp.sqrt(2 + a**2), lambda a: 1 / (1 + a**2),
    lambda a: (2 + a**2) ** sp.Rational(-3, 2),
    lambda a: (1 + a**2) ** sp.pi, lambda a: a * sp.sin(a) + a**2,  # shared
]  # fmt: skip
_SMOOTH_OF_TWO = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (2 + b**2),
    lambda a, b: (1 + a**2) ** sp.tanh(b), lambda a, b: sp.atan2(a, 2 + b**2),
]  # fmt: skip
_KINKED_OF_ONE = [sp.Abs, lambda a: sp.Abs(a) ** 3, lambda a: a * sp.sign(a)]


def _choose(a: Any, b: Any, c: Any, d: Any) -> Any:
    if not (c - d).free_symbols or (c - d).has(sp.I):
        return a
    return sp.Piecewise((a, c < d), (b, True), evaluate=False)


_KINKED_OF_TWO = [
    lambda a, b: sp.Max(a, b, evaluate=False), lambda a, b: sp.Min(a, b, evaluate=False),
]  # fmt: skip


def _applied(functions: list[Any], *arguments: Any) -> Any:
    return st.builds(lambda f, *a: f(*a), st.sampled_from(functions), *arguments)


def _with_an_unknown(strategy: Any) -> Any:
    return strategy.filter(lambda e: isinstance(e, sp.Expr) and e.free_symbols and not e.has(sp.I))


def smooth_expressions() -> Any:
    """Expressions that are differentiable everywhere."""
    return _with_an_unknown(
        st.recursive(
            _leaves,
            lambda e: _applied(_SMOOTH_OF_ONE, e) | _applied(_SMOOTH_OF_TWO, e, e),
            max_leaves=8,
        )
    )


def expressions() -> Any:
    """The same with Abs, Max, Min and Piecewise."""
    return _with_an_unknown(
        st.recursive(
            _leaves,
            lambda e: (
                _applied(_SMOOTH_OF_ONE + _KINKED_OF_ONE, e)
                | _applied(_SMOOTH_OF_TWO + _KINKED_OF_TWO, e, e)
                | _applied([_choose], e, e, e, e)
            ),
            max_leaves=8,
        )
    )


_EXACT_OF_ONE = [
    sp.Abs, sp.sign, sp.floor, sp.ceiling, lambda a: sp.sqrt(a + SYMBOLS[0]), lambda a: -a,
    lambda a: a**2, lambda a: a**5, lambda a: a**-3 if a != 0 else a,
]  # fmt: skip
_EXACT_OF_TWO = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b if b != 0 else a,
    lambda a, b: sp.Max(a, b, evaluate=False), lambda a, b: sp.Min(b, a, evaluate=False),
    lambda a, b: sp.Mod(a, b) if b != 0 else a,
]  # fmt: skip
_exact_leaves = st.sampled_from(SYMBOLS) | st.sampled_from(
    [sp.Integer(-3), sp.Integer(2), sp.Float(0.1), sp.Rational(1, 3)]
)


def exact_expressions() -> Any:
    """Expressions of correctly rounded operations, finite or not."""
    return _with_an_unknown(
        st.recursive(
            _exact_leaves,
            lambda e: (
                _applied(_EXACT_OF_ONE, e)
                | _applied(_EXACT_OF_TWO, e, e)
                | _applied([_choose], e, e, e, e)
            ),
            max_leaves=8,
        )
    ).filter(_correctly_rounded)


def _correctly_rounded(expression: sp.Expr) -> bool:
    """Tell whether SymPy made nothing else of it, such as x**(1/4) of sqrt(sqrt(x))."""
    powers = expression.atoms(sp.Pow)
    return not expression.has(sp.nan, sp.zoo, sp.oo, -sp.oo) and all(
        (2 * power.exp).is_integer and (power.exp.is_integer or abs(power.exp) == sp.S.Half)
        for power in powers
    )


def points(count: int = 3) -> Any:
    """Points whose coordinates are no round numbers, so that no kink is met by chance."""
    offsets = (0.4142135623730951, 0.7320508075688772, 0.23606797749979)[:count]
    whole = st.integers(-1999, 1999)
    return st.tuples(*(whole.map(lambda k, d=d: (k + d) / 997) for d in offsets))

"""SymPy heads -> operations: which function of SymPy becomes what.

Three tables for `symadamax.compiler.trace`: heads that are an operation, heads that are an
operation of fixed order, and heads that are first rewritten in others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.codegen import cfunctions as c
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.tensor.indexed import Idx, IndexedBase

from symadamax.compiler.operations import OPERATIONS, LogCosh, Logistic, Operation, Softplus

__all__ = ["HEADS", "REFUSED", "REWRITES", "SUPPORTED", "VALUED", "FixedOrder"]

_SAME_NAME = (
    "sign floor ceiling exp sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh atan2 "
    "erf erfc erfi erfinv erfcinv gamma loggamma digamma beta Ei zeta"
)

HEADS: Mapping[Any, Operation] = {
    **{getattr(sp, name): OPERATIONS[name] for name in _SAME_NAME.split()},
    **{
        getattr(c, name): OPERATIONS[name]
        for name in ("expm1", "exp2", "log1p", "log2", "log10", "hypot")
    },
    c.Cbrt: OPERATIONS["cbrt"],
    Softplus: OPERATIONS["softplus"],
    Logistic: OPERATIONS["logistic"],
    LogCosh: OPERATIONS["logcosh"],
    sp.Abs: OPERATIONS["abs"],
    sp.Max: OPERATIONS["max"],
    sp.Min: OPERATIONS["min"],
    sp.Mod: OPERATIONS["mod"],
    sp.StrictLessThan: OPERATIONS["less"],
    sp.LessThan: OPERATIONS["less_equal"],
    sp.Equality: OPERATIONS["equal"],
    sp.Unequality: OPERATIONS["not_equal"],
    sp.And: OPERATIONS["and"],
    sp.Or: OPERATIONS["or"],
    sp.Not: OPERATIONS["not"],
}


@dataclass(frozen=True, slots=True)
class FixedOrder:
    """A function one of whose arguments is a number known when it is compiled."""

    operation: str
    place: int
    what: str
    accepted: str
    accepts: Callable[[float], bool]
    convert: Callable[[float], int | float]
    default: int = 0


def _order(operation: str) -> FixedOrder:
    return FixedOrder(operation, 0, "order", "a number", lambda order: True, float)


def _whole(operation: str, largest: int) -> FixedOrder:
    def accepts(order: float) -> bool:
        return order == int(order) and 0 <= order <= largest

    return FixedOrder(operation, 0, "order", f"a whole number from 0 to {largest}", accepts, int)


VALUED: Mapping[Any, FixedOrder] = {
    sp.besselj: _order("besselj"),
    sp.bessely: _order("bessely"),
    sp.besseli: _order("besseli"),
    sp.besselk: _order("besselk"),
    sp.expint: _whole("expint", 1000),
    sp.jn: _whole("jn", 1000),
    sp.LambertW: FixedOrder("lambertw", 1, "branch", "0 or -1", lambda k: k in (0, -1), int),
}


def _polygamma(order: Any, x: Any) -> Any:
    """Return psi_n(x) = (-1)**(n+1) n! zeta(n+1, x), or None for an order that is not fixed."""
    if order == 0:
        return sp.digamma(x, evaluate=False)  # evaluated, it is polygamma(0, x) again
    if order.is_Integer and 0 < order <= 100:
        return (-1) ** (order + 1) * sp.factorial(order) * sp.zeta(order + 1, x)
    return None


def _heaviside(x: Any, at_zero: Any = sp.S.Half) -> Any:
    return sp.Piecewise((0, x < 0), (1, x > 0), (at_zero, sp.Eq(x, 0)))


def _acot(x: Any) -> Any:
    """Return atan(1/x) in a form whose derivative is finite at 0."""
    above = sp.GreaterThan(x, 0, evaluate=False)  # whatever the assumptions on its symbols
    return sp.Piecewise((sp.atan2(1, x), above), (sp.atan2(-1, -x), True), evaluate=False)


def _imaginary_part(x: Any) -> Any:
    """Return 0 for an unknown; another argument may leave the real line, as asin(x) does."""
    return sp.Integer(0) if x.is_Symbol else None


def _contains(x: Any, region: Any) -> Any:
    """Return the condition for a region that can be written as one, else None."""
    try:
        return region.as_relational(x)
    except (AttributeError, NotImplementedError, TypeError):
        return None


# Each takes the arguments of its head and returns another expression, or None where it cannot.
REWRITES: Mapping[Any, Callable[..., Any]] = {
    sp.sec: lambda x: 1 / sp.cos(x),
    sp.csc: lambda x: 1 / sp.sin(x),
    sp.cot: lambda x: 1 / sp.tan(x),
    sp.sech: lambda x: 1 / sp.cosh(x),
    sp.csch: lambda x: 1 / sp.sinh(x),
    sp.coth: lambda x: 1 / sp.tanh(x),
    sp.asec: lambda x: sp.acos(1 / x),
    sp.acsc: lambda x: sp.asin(1 / x),
    sp.acot: _acot,
    sp.asech: lambda x: sp.acosh(1 / x),
    sp.acsch: lambda x: sp.asinh(1 / x),
    sp.acoth: lambda x: sp.atanh(1 / x),
    sp.sinc: lambda x: sp.jn(0, x),
    sp.factorial: lambda x: sp.gamma(x + 1),
    sp.binomial: lambda n, k: 1 / ((n + 1) * sp.beta(k + 1, n - k + 1)),
    sp.polygamma: _polygamma,
    sp.Heaviside: _heaviside,
    sp.frac: lambda x: x - sp.floor(x),
    sp.KroneckerDelta: lambda i, j, *limits: sp.Piecewise((1, sp.Eq(i, j)), (0, True)),
    c.Sqrt: lambda x: sp.sqrt(x),
    c.fma: lambda x, y, z: x * y + z,
    sp.UnevaluatedExpr: lambda x: x,
    # All unknowns are real.
    sp.re: lambda x: x,
    sp.im: _imaginary_part,
    sp.conjugate: lambda x: x,
    sp.ITE: lambda *args: sp.ITE(*args).to_nnf(),
    sp.Xor: lambda *args: sp.Xor(*args).to_nnf(),
    sp.Implies: lambda *args: sp.Implies(*args).to_nnf(),
    sp.Equivalent: lambda *args: sp.Equivalent(*args).to_nnf(),
    sp.Contains: _contains,
}

_WRITE_OUT = "Write it out first, for example with .doit()."

REFUSED: tuple[tuple[tuple[type, ...], str], ...] = (
    ((sp.Integral, sp.Derivative, sp.Limit, sp.Sum, sp.Product), _WRITE_OUT),
    ((IndexedBase,), "It is an array: write one of its elements, such as x[i] inside a Sum."),
    ((Idx,), "It is the index of no sum around it."),
    ((MatrixExpr, sp.MatrixBase), "An objective is a scalar: write out its elements."),
    ((AppliedUndef,), "It has no definition: substitute one with .subs() or .replace()."),
    ((Relational, sp.Set), "An objective is a real expression, not a relation or a set."),
    ((sp.DiracDelta,), "It is not a function: it has no value at 0."),
)

# What trace lowers: the tables above, and the heads it treats by name.
SUPPORTED: frozenset[Any] = frozenset(
    {*HEADS, *VALUED, sp.Add, sp.Mul, sp.Pow, sp.log, sp.Piecewise}
    | {sp.StrictGreaterThan, sp.GreaterThan}
)

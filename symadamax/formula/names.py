"""One table: the names that a formula in text may use, and what each becomes in SymPy.

A function of constants is also computed in double precision while it is read, by the column
`numeric`, before SymPy sees it: so that a constant without a finite real value is found at its
place in the text, and none makes SymPy compute for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.codegen import cfunctions as c

from symadamax.errors import InputError

__all__ = [
    "CONSTANTS", "FUNCTIONS", "LETTERS", "PIECEWISE", "RELATION_NAMES", "RESERVED", "TRUTHS",
    "Function",
]  # fmt: skip


# Up to how many irrational constants in its arguments SymPy may evaluate a function: never; where
# all are fractions; where there is one, as in sin(pi/6). With more it takes time without bound.
NEVER, FRACTIONS, ONE = -1, 0, 1


@dataclass(frozen=True, slots=True)
class Function:
    """A row of the table.

    Parameters
    ----------
    head : callable
        Makes the SymPy expression; takes ``evaluate=False``.
    numeric : callable
        The value at floats; an int where it always is one. Raises ValueError, ZeroDivisionError or
        OverflowError, or returns NaN or infinity, where there is none, and InputError with a
        sentence where it is not computed.
    least, most : int or infinity
        The numbers of arguments accepted.
    exact : int
        Up to how many irrational constants in its arguments a function of constants is left to
        SymPy (``log(2)``, ``log(pi)``); with more it becomes the number that `numeric` returns.
    vanishes : bool
        False where a result of 0 can only be too small a number for a double.
    """

    head: Callable[..., Any]
    numeric: Callable[..., float]
    least: int = 1
    most: float = 1
    exact: int = NEVER
    vanishes: bool = True


def _log(x: Any, base: Any = None, **options: Any) -> Any:
    """Return log(x)/log(base): SymPy evaluates it, and has no head of two arguments for it."""
    if base is None:
        return sp.log(x, **options)
    return sp.log(x, **options) / sp.log(base, **options) if options else sp.log(x, base)


def _square_root(x: Any, **options: Any) -> Any:
    return sp.Pow(x, sp.S.Half, **options)


def _sech(x: float) -> float:
    return 2 * math.exp(-abs(x)) / (1 + math.exp(-2 * abs(x)))


def _csch(x: float) -> float:
    return math.copysign(2 * math.exp(-abs(x)) / -math.expm1(-2 * abs(x)), x)


def _scipy(name: str) -> Callable[..., float]:
    def compute(*arguments: float) -> float:
        return float(getattr(import_module("scipy.special"), name)(*arguments))

    return compute


def _ordered(name: str, least: int, most: int, whole: bool = True) -> Callable[..., float]:
    """Return a function of an order and a number that takes no order for which it is slow."""
    compute = _scipy(name)

    def ordered(order: float, x: float) -> float:
        if not least <= order <= most or (whole and order != int(order)):
            kind = "whole number" if whole else "number"
            raise InputError(
                f"The order is {order:g}; accepted is a {kind} from {least} to {most}."
            )
        return compute(int(order) if whole else order, x)

    return ordered


def _heaviside(x: float, at_zero: float = 0.5) -> float:
    return float(x > 0) if x else at_zero


def _lambert_w(x: float, branch: float = 0.0) -> float:
    if branch not in (0.0, -1.0):
        raise ValueError("the branch is not 0 or -1")
    value = import_module("scipy.special").lambertw(x, int(branch))
    return float(value.real) if value.imag == 0.0 else math.nan


def _exact(
    names: str, head: Callable[..., Any], numeric: Callable[..., float], vanishes: bool = True
) -> _Rows:
    """Return the rows of one elementary function of one argument under its names."""
    return dict.fromkeys(names.split(), Function(head, numeric, exact=ONE, vanishes=vanishes))


def _kinked(names: str, head: Any, numeric: Callable[..., float], *arity: float) -> _Rows:
    """Return the rows of a function with jumps or kinks, which SymPy decides for fractions only."""
    least, most = arity or (1, 1)
    return dict.fromkeys(names.split(), Function(head, numeric, int(least), most, exact=FRACTIONS))


def _folded(
    names: str, head: Any, numeric: Callable[..., float], least: int = 1, most: float = 1
) -> _Rows:
    """Return the rows of a function that becomes a float where its arguments are constants."""
    return dict.fromkeys(names.split(), Function(head, numeric, least, most))


_Rows = dict[str, Function]

_ELEMENTARY: _Rows = {
    **_exact("exp", sp.exp, math.exp, vanishes=False),
    **_exact("expm1", c.expm1, math.expm1),
    **_exact("exp2", c.exp2, lambda x: math.pow(2.0, x), vanishes=False),
    "log": Function(_log, math.log, 1, 2, exact=ONE),
    **_exact("ln", sp.log, math.log),
    **_exact("log1p", c.log1p, math.log1p),
    **_exact("log2", c.log2, math.log2),
    **_exact("log10", c.log10, math.log10),
    **_exact("sqrt", _square_root, math.sqrt),
    **_folded("cbrt", c.Cbrt, math.cbrt),
    **_folded("Cbrt", c.Cbrt, math.cbrt),
    **_folded("hypot", c.hypot, math.hypot, 2, 2),
    **_exact("sin", sp.sin, math.sin),
    **_exact("cos", sp.cos, math.cos),
    **_exact("tan", sp.tan, math.tan),
    **_exact("cot", sp.cot, lambda x: 1 / math.tan(x)),
    **_exact("sec", sp.sec, lambda x: 1 / math.cos(x)),
    **_exact("csc", sp.csc, lambda x: 1 / math.sin(x)),
    **_exact("asin arcsin", sp.asin, math.asin),
    **_exact("acos arccos", sp.acos, math.acos),
    **_exact("atan arctan", sp.atan, math.atan),
    **_exact("acot arccot", sp.acot, lambda x: math.copysign(math.pi / 2, x) - math.atan(x)),
    **_exact("asec arcsec", sp.asec, lambda x: math.acos(1 / x)),
    **_exact("acsc arccsc", sp.acsc, lambda x: math.asin(1 / x)),
    "atan2": Function(sp.atan2, math.atan2, 2, 2, exact=ONE),
    "arctan2": Function(sp.atan2, math.atan2, 2, 2, exact=ONE),
    **_exact("sinh", sp.sinh, math.sinh),
    **_exact("cosh", sp.cosh, math.cosh),
    **_exact("tanh", sp.tanh, math.tanh),
    **_exact("coth", sp.coth, lambda x: 1 / math.tanh(x)),
    **_exact("sech", sp.sech, _sech, vanishes=False),
    **_exact("csch", sp.csch, _csch, vanishes=False),
    **_exact("asinh arcsinh", sp.asinh, math.asinh),
    **_exact("acosh arccosh", sp.acosh, math.acosh),
    **_exact("atanh arctanh", sp.atanh, math.atanh),
    **_exact("acoth arccoth", sp.acoth, lambda x: math.atanh(1 / x)),
    **_exact("asech arcsech", sp.asech, lambda x: math.acosh(1 / x)),
    **_exact("acsch arccsch", sp.acsch, lambda x: math.asinh(1 / x)),
}

_KINKED: _Rows = {
    **_kinked("abs Abs", sp.Abs, abs),
    **_kinked("sign", sp.sign, lambda x: (x > 0) - (x < 0)),
    **_kinked("floor", sp.floor, math.floor),
    **_kinked("ceil ceiling", sp.ceiling, math.ceil),
    **_kinked("mod Mod", sp.Mod, lambda a, b: a % b, 2, 2),
    **_kinked("min Min", sp.Min, min, 2, math.inf),
    **_kinked("max Max", sp.Max, max, 2, math.inf),
    **_kinked("frac", sp.frac, lambda x: x - math.floor(x)),
    **_kinked("Heaviside heaviside", sp.Heaviside, _heaviside, 1, 2),
}

_OTHER: _Rows = {
    **_folded("sinc", sp.sinc, lambda x: math.sin(x) / x if x else 1.0),
    **_folded("erf", sp.erf, math.erf),
    **_folded("erfc", sp.erfc, math.erfc),
    **_folded("erfi", sp.erfi, _scipy("erfi")),
    **_folded("erfinv", sp.erfinv, _scipy("erfinv")),
    **_folded("erfcinv", sp.erfcinv, _scipy("erfcinv")),
    **_folded("gamma", sp.gamma, math.gamma),
    **_folded("loggamma lgamma", sp.loggamma, _scipy("loggamma")),
    **_folded("factorial", sp.factorial, lambda x: math.gamma(x + 1)),
    **_folded("binomial", sp.binomial, _scipy("binom"), 2, 2),
    **_folded("digamma", sp.digamma, _scipy("psi")),
    **_folded("polygamma", sp.polygamma, _ordered("polygamma", 0, 100), 2, 2),
    **_folded("beta", sp.beta, _scipy("beta"), 2, 2),
    **_folded("expint", sp.expint, _ordered("expn", 0, 1000), 2, 2),
    **_folded("Ei", sp.Ei, _scipy("expi")),
    **_folded("LambertW", sp.LambertW, _lambert_w, 1, 2),
    **_folded("besselj", sp.besselj, _scipy("jv"), 2, 2),
    **_folded("bessely", sp.bessely, _ordered("yv", -(10**6), 10**6, whole=False), 2, 2),
    **_folded("besseli", sp.besseli, _scipy("iv"), 2, 2),
    **_folded("besselk", sp.besselk, _scipy("kv"), 2, 2),
    **_folded("jn", sp.jn, _ordered("spherical_jn", 0, 1000), 2, 2),
    **_folded("zeta", sp.zeta, _scipy("zeta"), 1, 2),
}

FUNCTIONS: Mapping[str, Function] = MappingProxyType({**_ELEMENTARY, **_KINKED, **_OTHER})

# The numbers of arguments: conditions and values in turn, and a value for all other cases; or, as
# SymPy prints it, pairs of a value and a condition.
PIECEWISE: Mapping[str, tuple[int, float]] = MappingProxyType(
    {"Piecewise": (3, math.inf), "piecewise": (3, math.inf), "where": (3, 3)}
)

# As SymPy prints what stands in a condition.
RELATION_NAMES: Mapping[str, str] = MappingProxyType({"Eq": "==", "Ne": "!="})
TRUTHS: Mapping[str, Any] = MappingProxyType({"True": sp.true, "False": sp.false})

# Functions whose name without parentheses is an unknown: people call parameters by these letters.
LETTERS = ("beta", "gamma", "zeta")

CONSTANTS: Mapping[str, Any] = MappingProxyType(
    {
        "pi": sp.pi,
        "π": sp.pi,
        "E": sp.E,
        "EulerGamma": sp.EulerGamma,
        "GoldenRatio": sp.GoldenRatio,
    }
)

# Names that would mean one thing to one reader and another to the next.
RESERVED: Mapping[str, str] = MappingProxyType(
    {
        "e": "Write E for Euler's number, or exp(x) for its powers; "
        "give an unknown another name, for example e_.",
        "I": "A formula is real: there is no imaginary unit. "
        "Give an unknown another name, for example I_.",
        **dict.fromkeys(
            ("oo", "zoo", "inf", "Inf", "nan", "NaN", "infinity"),
            "The numbers of a formula are finite.",
        ),
    }
)

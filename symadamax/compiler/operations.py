"""One table: every operation, its SymPy head, and how each backend writes it.

A row is all that is needed to add a function. Its partial derivatives are taken from SymPy (see
`symadamax.compiler.trace.partial`), except in the column `partials`, which stands where SymPy has
none on the real line (kinks), or writes one that is not real or not accurate where ours is.

The column `native` names the instruction, or the function with where it comes from:

==================  =========================================================================
``fadd``            an LLVM instruction
``llvm:sqrt``       an LLVM intrinsic, which is one instruction and correctly rounded
``libm:tan``        `symadamax.compiler.elementary` where it has it, else the C library
``scipy:erf``       a function pointer of ``scipy.special.cython_special``
``core:lambert_w``  a function of our own compiled core
``parity:...``      one of SciPy's that takes no x < 0, and is even or odd as its order is
``emit:select``     a few instructions, written by `symadamax.compiler.emission`
(empty)             none: `symadamax.compiler.expand` writes it in other operations
==================  =========================================================================
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.codegen import cfunctions as c

from symadamax.compiler.affine import Access, Affine, Index, Within

__all__ = ["OPERATIONS", "REDUCTIONS", "Kind", "LogCosh", "Logistic", "Operation", "Softplus"]

REDUCTIONS = frozenset({"sum", "product", "largest"})  # over the values of an index

# The default choice at a kink: 0 for the jump functions, whose derivative is 0 almost everywhere.
ZERO = sp.Integer(0)


class Kind(Enum):
    """What a node stands for: a real number or a truth value."""

    REAL = "real"
    BOOLEAN = "boolean"


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """A row of the table.

    Parameters
    ----------
    name : str
        The name in the printed IR.
    arity : int or None
        The number of arguments; None for two or more.
    numpy : str
        A Python expression with ``{0}``, ``{1}`` for the arguments (``{0}`` alone where there may
        be any number) and ``{value}`` for the node's own constant (an exponent, an order).
    native : str
        See the module's table.
    head : callable, optional
        Makes the SymPy expression from the arguments (and the value, first, when there is one).
    arguments, result : Kind
        What the arguments and the result are; a select takes its truth value first.
    commutative : bool
        Whether exchanging the two arguments leaves the bits alone.
    fold : callable, optional
        The value at constant arguments, for constants met while compiling.
    partials : mapping of int to callable
        Takes what `head` takes; the SymPy derivative by the argument of that place.
    valued : type, optional
        The type of the constant that its nodes carry, such as the order of a Bessel function.
    """

    name: str
    arity: int | None
    numpy: str
    native: str
    head: Callable[..., Any] | None = None
    arguments: Kind = Kind.REAL
    result: Kind = Kind.REAL
    commutative: bool = False
    fold: Callable[..., float] | None = None
    partials: Mapping[int, Callable[..., Any]] | None = None
    valued: type | None = None

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"


class Softplus(sp.Function):  # type: ignore[misc]
    """log(1 + exp(x)), as nobody writes it: `symadamax.compiler.lowering` finds it."""

    nargs = 1


class Logistic(sp.Function):  # type: ignore[misc]
    """1/(1 + exp(-x))."""

    nargs = 1


class LogCosh(sp.Function):  # type: ignore[misc]
    """log(cosh(x))."""

    nargs = 1


def _quotient_partial(a: Any, b: Any) -> Any:
    """Return -(a/b)/b: it shares the quotient, and b*b cannot overflow."""
    return sp.Mul(-1, sp.Mul(a, 1 / b, evaluate=False), 1 / b, evaluate=False)


def _base_partial(x: Any, y: Any) -> Any:
    """Return y x**(y - 1), and 0 for y = 0, also at x = 0: the first term of a power series."""
    return sp.Piecewise((0, sp.Eq(y, 0)), (y * x ** (y - 1), True))


def _power_partial(x: Any, y: Any) -> Any:
    """Return x**y log(x), and its limit 0 at x = 0 for y > 0."""
    return sp.Piecewise((0, sp.And(sp.Eq(x, 0), y > 0)), (x**y * sp.log(x), True))


def _spherical_partial(n: Any, x: Any) -> Any:
    """Return j_n' by DLMF 10.51.2, in which nothing cancels at 0."""
    if n == 0:
        return -sp.jn(1, x)
    return (n * sp.jn(n - 1, x) - (n + 1) * sp.jn(n + 1, x)) / (2 * n + 1)


def _constants() -> list[Operation]:
    return [
        Operation("constant", 0, "{value}", "", valued=float),
        Operation("truth", 0, "{value}", "", result=Kind.BOOLEAN, valued=bool),
        Operation("unknown", 0, "x[{value}]", "", valued=int),
        Operation("parameter", 0, "p[{value}]", "", valued=int),
    ]


def _loops() -> list[Operation]:
    """What depends on loop indices; each backend writes these itself."""
    return [
        Operation("element", 0, "", "", valued=Access),
        Operation("whole", 0, "", "", valued=Affine),
        Operation("extent", 0, "", "", valued=Index),  # how many values an index has
        Operation("within", 0, "", "", result=Kind.BOOLEAN, valued=Within),
        Operation("sum", 1, "", "", valued=Index),
        Operation("product", 1, "", "", valued=Index),
        Operation("largest", 1, "", "", valued=Index),
        Operation("detached", 1, "{0}", ""),  # what it hides from the derivative
    ]


def _arithmetic() -> list[Operation]:
    plus, times = (lambda a, b: a + b), (lambda a, b: a * b)
    return [
        Operation("add", 2, "{0} + {1}", "fadd", plus, commutative=True, fold=plus),
        Operation("sub", 2, "{0} - {1}", "fsub", lambda a, b: a - b, fold=lambda a, b: a - b),
        Operation("mul", 2, "{0}*{1}", "fmul", times, commutative=True, fold=times),
        Operation(
            "div", 2, "{0}/{1}", "fdiv", lambda a, b: a / b, fold=lambda a, b: a / b,
            partials={1: _quotient_partial},
        ),
        Operation("neg", 1, "-{0}", "fneg", lambda a: -a, fold=lambda a: -a),
        Operation(
            "power", 1, "{0}**{value}", "", lambda n, x: x**n, valued=int,
            partials={0: lambda n, x: n * x ** (n - 1)},
        ),
        Operation(
            "pow", 2, "np.power({0}, {1})", "libm:pow", lambda x, y: x**y, fold=math.pow,
            partials={0: _base_partial, 1: _power_partial},
        ),
        Operation("sqrt", 1, "np.sqrt({0})", "llvm:sqrt", sp.sqrt, fold=math.sqrt),
        Operation(
            "cbrt", 1, "np.cbrt({0})", "libm:cbrt", c.Cbrt, fold=math.cbrt,
            partials={0: lambda x: 1 / (3 * c.Cbrt(x) ** 2)},
        ),
        Operation("hypot", 2, "np.hypot({0}, {1})", "libm:hypot", c.hypot, fold=math.hypot),
    ]  # fmt: skip


def _kinked() -> list[Operation]:
    def flat(name: str, numpy: str, native: str, head: Any, fold: Any) -> Operation:
        none = {0: lambda x: ZERO}
        return Operation(name, 1, f"np.{numpy}({{0}})", native, head, fold=fold, partials=none)

    return [
        Operation("abs", 1, "np.abs({0})", "llvm:fabs", sp.Abs, fold=abs),
        flat("sign", "sign", "emit:sign", sp.sign, lambda a: (a > 0) - (a < 0)),
        flat("floor", "floor", "llvm:floor", sp.floor, math.floor),
        flat("ceiling", "ceil", "llvm:ceil", sp.ceiling, math.ceil),
        Operation(
            "mod", 2, "np.mod({0}, {1})", "emit:mod", sp.Mod, fold=operator.mod,
            partials={0: lambda a, b: sp.Integer(1), 1: lambda a, b: -sp.floor(a / b)},
        ),
        # A tie keeps the first argument, so that the sign of a zero is the same everywhere.
        Operation("max", None, "_max({0})", "emit:max", sp.Max),
        Operation("min", None, "_min({0})", "emit:min", sp.Min),
    ]  # fmt: skip


def _truths() -> list[Operation]:
    real, boolean = Kind.REAL, Kind.BOOLEAN

    def row(name: str, arity: int, numpy: str, native: str, arguments: Kind) -> Operation:
        return Operation(name, arity, numpy, native, arguments=arguments, result=boolean)

    return [
        row("less", 2, "{0} < {1}", "fcmp olt", real),
        row("less_equal", 2, "{0} <= {1}", "fcmp ole", real),
        row("equal", 2, "{0} == {1}", "fcmp oeq", real),
        row("not_equal", 2, "{0} != {1}", "fcmp une", real),
        row("and", 2, "np.logical_and({0}, {1})", "and", boolean),
        row("or", 2, "np.logical_or({0}, {1})", "or", boolean),
        row("not", 1, "np.logical_not({0})", "emit:not", boolean),
        Operation("select", 3, "np.where({0}, {1}, {2})", "emit:select"),
    ]


def _elementary() -> list[Operation]:
    def row(name: str, head: Any, numpy: str = "", **more: Any) -> Operation:
        template = f"np.{numpy or name}({{0}})"
        return Operation(
            name, 1, template, f"libm:{name}", head, fold=getattr(math, name, None), **more
        )

    return [
        row("exp", sp.exp), row("expm1", c.expm1), row("exp2", c.exp2),
        row("log", sp.log), row("log1p", c.log1p), row("log2", c.log2), row("log10", c.log10),
        Operation(
            "softplus", 1, "np.logaddexp(0.0, {0})", "", Softplus, partials={0: Logistic},
        ),
        Operation(
            "logistic", 1, "special.expit({0})", "", Logistic,
            partials={0: lambda x: Logistic(x) * Logistic(-x)},
        ),
        Operation(
            "logcosh", 1, "np.log(np.cosh({0}))", "", LogCosh,
            partials={0: sp.tanh},
        ),
        row("sin", sp.sin), row("cos", sp.cos), row("tan", sp.tan),
        # SymPy's 1 - x**2 and 1 - tanh(x)**2 cancel near 1; these do not.
        row("asin", sp.asin, "arcsin", partials={0: lambda x: 1 / sp.sqrt((1 - x) * (1 + x))}),
        row("acos", sp.acos, "arccos", partials={0: lambda x: -1 / sp.sqrt((1 - x) * (1 + x))}),
        row("atan", sp.atan, "arctan"),
        row("sinh", sp.sinh), row("cosh", sp.cosh),
        row("tanh", sp.tanh, partials={0: lambda x: 1 / sp.cosh(x) ** 2}),
        row("asinh", sp.asinh, "arcsinh"), row("acosh", sp.acosh, "arccosh"),
        row("atanh", sp.atanh, "arctanh", partials={0: lambda x: 1 / ((1 - x) * (1 + x))}),
        Operation("atan2", 2, "np.arctan2({0}, {1})", "libm:atan2", sp.atan2, fold=math.atan2),
    ]  # fmt: skip


def _special() -> list[Operation]:
    def row(name: str, head: Any, scipy: str = "", arity: int = 1, **more: Any) -> Operation:
        scipy = scipy or name
        arguments = ", ".join(f"{{{k}}}" for k in range(arity))
        return Operation(
            name, arity, f"special.{scipy}({arguments})", f"scipy:{scipy}", head, **more
        )

    def ordered(
        name: str, head: Any, scipy: str, valued: type = float, source: str = "scipy", **more: Any
    ) -> Operation:
        template = f"special.{scipy}({{value}}, {{0}})"
        return Operation(name, 1, template, f"{source}:{scipy}", head, valued=valued, **more)

    return [
        row("erf", sp.erf), row("erfc", sp.erfc), row("erfi", sp.erfi),
        row("erfinv", sp.erfinv), row("erfcinv", sp.erfcinv),
        row("gamma", sp.gamma), row("loggamma", sp.loggamma), row("digamma", sp.digamma, "psi"),
        row("beta", sp.beta, arity=2), row("Ei", sp.Ei, "expi"),
        ordered("expint", sp.expint, "expn", int),
        ordered("besselj", sp.besselj, "jv"), ordered("bessely", sp.bessely, "yv"),
        ordered("besseli", sp.besseli, "iv"), ordered("besselk", sp.besselk, "kv"),
        ordered("jn", sp.jn, "spherical_jn", int, "parity", partials={0: _spherical_partial}),
        Operation("zeta", 2, "special.zeta({0}, {1})", "core:hurwitz_zeta", sp.zeta),
        # SymPy's derivative W/(x (1 + W)) is 0/0 at 0.
        Operation(
            "lambertw", 1, "_lambert_w({0}, {value})", "core:lambert_w",
            lambda k, x: sp.LambertW(x, k), valued=int,
            partials={0: lambda k, x: sp.exp(-sp.LambertW(x, k)) / (1 + sp.LambertW(x, k))},
        ),
    ]  # fmt: skip


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        row.name: row
        for rows in (_constants, _loops, _arithmetic, _kinked, _truths, _elementary, _special)
        for row in rows()
    }
)

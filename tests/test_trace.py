from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy.codegen import cfunctions as c
from sympy.physics.units import meter

from symadamax.compiler.trace import partial, trace
from symadamax.errors import InputError, UnsupportedError
from symadamax.objective import Objective

x, y, n = sp.symbols("x y n")
f = sp.Function("f")
M = sp.MatrixSymbol("M", 2, 2)
imaginary = sp.Symbol("z", imaginary=True)


def names(expression: Any) -> list[str]:
    return [node.name for node in trace(expression, [x, y]).nodes() if node.arguments]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (x**2, ["power"]), (x**2.0, ["power"]), (sp.sqrt(x), ["sqrt"]), (x**0.5, ["sqrt"]),
        (x ** sp.Rational(1, 3), ["less", "cbrt", "select"]), (c.Cbrt(x), ["cbrt"]),
        (x**sp.pi, ["pow"]), (2**x, ["pow"]), (1 / x, ["div"]), (x / y, ["div"]),
        (x**-2, ["power", "div"]), (1 / sp.sqrt(x), ["sqrt", "div"]),
        (sp.exp(x) - 1, ["expm1"]), (3 - 3 * sp.exp(x), ["expm1", "mul"]),
        (sp.exp(x) - 2, ["exp", "add"]), (sp.log(1 + x), ["log1p"]), (sp.log(x + 1.0), ["log1p"]),
        (sp.log(1 - x), ["neg", "log1p"]), (sp.log(2 + x), ["add", "log"]),
        (sp.sinc(x), ["jn"]), (x - y, ["sub"]), (-x, ["neg"]), (x > y, None),
        (sp.Pow(x, 0, evaluate=False) + x, ["add"]), (sp.Pow(x, 1, evaluate=False), []),
        (sp.Max(x, x, evaluate=False), []), (sp.UnevaluatedExpr(x), []), (sp.re(x), []),
        (sp.gamma(x + 1), ["add", "gamma"]), (sp.digamma(x), ["digamma"]),
    ],
    ids=str,
)  # fmt: skip
def test_each_form_becomes_its_operations(expression: Any, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(UnsupportedError, match="truth value"):
            trace(expression, [x, y])
    else:
        assert names(expression) == expected


def test_a_quotient_is_divided_once() -> None:
    assert names(x * y / (sp.sin(x) * sp.cos(y) ** 2)).count("div") == 1


def test_shared_parts_are_traced_once() -> None:
    assert names(sp.sin(x) * y + sp.sin(x)).count("sin") == 1


def test_constants_are_rounded_once() -> None:
    (root,) = trace(sp.pi * sp.sqrt(2) * x, [x]).outputs
    assert root.arguments[0].value == float(sp.N(sp.pi * sp.sqrt(2), 40))


def test_conditions_of_sets_are_relations() -> None:
    inside = sp.Piecewise((x, sp.Contains(x, sp.Interval(0, 1))), (0, True))
    assert Objective(inside).value([0.5]) == 0.5
    assert Objective(inside).value([1.5]) == 0


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        (sp.And(x > 0, y > 0), lambda a, b: a > 0 and b > 0),
        (sp.Or(x > 0, y > 0), lambda a, b: a > 0 or b > 0),
        (sp.Not(sp.And(x > 0, y > 0)), lambda a, b: not (a > 0 and b > 0)),
        (sp.Xor(x > 0, y > 0), lambda a, b: (a > 0) != (b > 0)),
        (sp.Implies(x > 0, y > 0), lambda a, b: a <= 0 or b > 0),
        (sp.Equivalent(x > 0, y > 0), lambda a, b: (a > 0) == (b > 0)),
        (sp.ITE(x > 0, y > 0, y < 0), lambda a, b: b > 0 if a > 0 else b < 0),
        (sp.Nand(x > 0, y > 0), lambda a, b: not (a > 0 and b > 0)),
        (sp.Ne(x, y), lambda a, b: a != b),
    ],
    ids=str,
)
def test_conditions(condition: Any, truth: Callable[[float, float], bool]) -> None:
    objective = Objective(sp.Piecewise((x + y, condition), (x * y + 10, True)), [x, y])
    for a in (-1.0, 2.0):
        for b in (-1.0, 3.0, 2.0):
            assert objective.value([a, b]) == (a + b if truth(a, b) else a * b + 10)


# Each is refused; the message shows the name and the part, and what to do.
REFUSED: list[tuple[Any, str]] = [
    (sp.Si(x), r"Si cannot be compiled: Si\(x\)\. Accepted are the functions"),
    (sp.airyai(x) + y, r"airyai cannot be compiled: airyai\(x\)"),
    (sp.hyper([1], [2], x), r"hyper cannot be compiled"),
    (f(x), r"f cannot be compiled: f\(x\)\. It has no definition: substitute"),
    (sp.Sum(x, (n, 1, sp.oo)), r"The index n of Sum\(x, \(n, 1, oo\)\) runs to oo"),
    (sp.Sum(x, (n, 1, y * f(y))), r"y\*f\(y\) in Sum\(.*\) is not a sum of whole multiples"),
    (sp.Integral(f(n), (n, 0, x)), r"Integral cannot be compiled: .*\.doit\(\)"),
    (sp.Derivative(f(x), x), r"Derivative cannot be compiled: Derivative\(f\(x\), x\)"),
    (x * sp.I, r"imaginary unit I.*real and imaginary parts"),
    (sp.exp(sp.I * x), r"imaginary unit I"),
    (x + sp.zoo, r"contains zoo, which is not a number"),
    (sp.Add(x, sp.nan, evaluate=False), r"contains nan"),
    (sp.sqrt(-1 - sp.pi) * x, r"constant sqrt\(-pi - 1\) is 2\.0.*\*I, which is not real"),
    (sp.Eq(x, y), r"Eq\(x, y\) is a Equality; .*minimise \(f - g\)\*\*2"),
    (x > 0, r"x > 0 is a StrictGreaterThan"),
    (sp.true, r"BooleanTrue"),
    (sp.Interval(0, 1), r"Interval"),
    (M, r"matrix of shape \(2, 2\); it must be a scalar"),
    (sp.Matrix([x, y]), r"matrix of shape \(2, 1\)"),
    (sp.det(M) * x, r"Determinant is no sum over elements: Determinant\(M\)"),
    (sp.DiracDelta(x), r"DiracDelta cannot be compiled: .* no value at 0"),
    (sp.besselj(y, x), r"order in besselj\(y, x\) must be a number"),
    (sp.besselj(sp.oo, x), r"order in besselj\(oo, x\) must be a number"),
    (sp.jn(1001, x), r"order in jn\(1001, x\) must be a whole number from 0 to 1000"),
    (sp.jn(-1, x), r"order in jn\(-1, x\) must be a whole number"),
    (sp.LambertW(x, 2), r"branch in LambertW\(x, 2\) must be 0 or -1"),
    (sp.polygamma(y, x), r"polygamma cannot be compiled: polygamma\(y, x\)"),
    (sp.zeta(x), r"zeta has no derivative by its argument 1 .*: zeta\(x\)"),
    (sp.zeta(x, y), r"zeta has no derivative by its argument 1"),
    (10**400 * x, r"number 1000+ does not fit in a double.*Rescale"),
    (x / sp.Integer(10) ** 400, r"number 1/1000+ does not fit in a double"),
    (sp.Float("1e-400") * x, r"does not fit in a double"),
    (sp.exp(1000) * x, r"does not fit in a double"),
    (sp.exp(sp.exp(sp.exp(sp.exp(10)))) * x, r"constant .* cannot be evaluated"),
    (f(1) * x, r"constant f\(1\) cannot be evaluated to a number"),
    (sp.AccumBounds(0, 1) * x, r"constant AccumBounds\(0, 1\) cannot be evaluated"),
    (sp.Piecewise((1, y), (x, True)), r"mixes real numbers and truth values"),
    (sp.Piecewise((x > 0, y > 0), (x, True)), r"mixes real numbers and truth values"),
    (sp.Piecewise((x, sp.Not(y)), (0, True)), r"~y mixes real numbers and truth values"),
    (sp.Piecewise((x, sp.Contains(x, sp.S.Complexes)), (0, True)), r"Contains cannot be compiled"),
    (sp.im(sp.asin(x)), r"im cannot be compiled: im\(asin\(x\)\)"),
    (sp.arg(x), r"arg cannot be compiled"),
    (sp.O(x), r"Order cannot be compiled"),
    (meter * x, r"Quantity cannot be compiled: meter"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "message"), REFUSED, ids=lambda v: str(v)[:40])
def test_what_cannot_be_compiled_is_refused_with_a_sentence(expression: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=re.compile(message, re.DOTALL)):
        Objective(expression)


@pytest.mark.parametrize("undefined", [sp.nan, sp.zoo])
def test_a_case_without_a_value_is_nan_there(undefined: Any) -> None:
    half = Objective(sp.Piecewise((x**2, x > 0), (undefined, True)))
    assert half.value_and_gradient([3.0]) == (9.0, [6.0])
    assert math.isnan(half.value([-3.0]))


def test_a_density_of_bounded_support_has_a_logarithm_inside() -> None:
    inside = sp.And(x >= 0, x <= y)
    density = sp.Piecewise((1 / y, inside), (0, True))
    objective = Objective(sp.log(density), [x, y])
    assert objective.value([1.0, 2.0]) == -math.log(2.0)
    assert not math.isfinite(objective.value([3.0, 2.0]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x**2", r"the text 'x\*\*2'; write it with SymPy's symbols"),
        ([x], "is a list; accepted is a SymPy expression"),
        (None, "is a NoneType"), (True, "is a bool"), ({x}, "is a set"), (object(), "is a object"),
        (sp.Tuple(x), "is a Tuple"), (sp.Poly(x**2), "is a Poly"), (sp.sin, "accepted is"),
        (sp.Symbol, "accepted is"), (f, "accepted is"), (3, "no unknowns"),
        (sp.Integer(2), "no unknowns"), (math.nan, "The objective is nan"),
        (x + sp.nan, "The objective is nan, which is no finite number"), (sp.oo, "is oo"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_expression_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Objective(given)


def test_a_symbol_without_a_number_is_named() -> None:
    with pytest.raises(InputError, match="'y' is neither an unknown nor a parameter"):
        Objective(x * y, [x])


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (sp.Symbol("p", positive=True) ** 2, 4.0),
        (sp.Symbol("k", integer=True) ** 2, 4.0),
        (sp.Symbol("c", complex=True) ** 2, 4.0),
        (sp.Symbol("A", commutative=False) ** 2, 4.0),
        (sp.Dummy("w") ** 2, 4.0),
        (sp.Wild("w") ** 2, 4.0),
        (imaginary + sp.acot(imaginary), 2 + math.atan(0.5)),
        (sp.conjugate(x) * x, 4.0),
    ],
    ids=str,
)
def test_all_symbols_are_real(expression: Any, value: float) -> None:
    assert Objective(expression).value([2.0]) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (sp.Sum(1 / n**2, (n, 1, sp.oo)) * x, math.pi**2 / 6),
        (sp.CRootOf(n**5 - n + 1, 0) * x, -1.1673039782614187),
        (sp.Integral(sp.exp(-(n**2)), (n, -sp.oo, sp.oo)) * x, math.sqrt(math.pi)),
        (sp.Catalan * x, 0.915965594177219),
        (sp.EulerGamma * x, 0.5772156649015329),
        (sp.GoldenRatio * x, 1.618033988749895),
    ],
    ids=str,
)
def test_bound_symbols_are_no_unknowns(expression: Any, value: float) -> None:
    objective = Objective(expression)
    assert objective.unknowns == (x,)
    assert objective.value([1.0]) == pytest.approx(value, rel=1e-15)


def test_infinity_may_bar_a_region() -> None:
    assert Objective(sp.Piecewise((x, x > 0), (sp.oo, True))).value([-1.0]) == math.inf


def test_an_infinite_exponent_is_a_number() -> None:
    value, gradient = Objective(x**sp.oo).value_and_gradient([0.5])
    assert value == 0
    assert math.isnan(gradient[0]) or gradient[0] == 0


HEADS = [
    getattr(sp, name) for name in sorted(dir(sp)) if isinstance(getattr(sp, name), sp.FunctionClass)
]
ARGUMENTS: list[tuple[Any, ...]] = [
    (x,), (x, y), (2, x), (x, 2), (1, 2, x), (x, y, n), (1, 2, 3, x), (imaginary,), (sp.I * x,),
    (-x - 1, x), (sp.oo, x), (sp.Rational(1, 2), x),
]  # fmt: skip


def test_of_every_function_of_sympy_all_is_well_or_refused() -> None:
    """No exception of SymPy's or LLVM's comes out, whatever the function."""
    looked_at, silent = 0, []
    for head in HEADS:
        for arguments in ARGUMENTS:
            try:
                expression = head(*arguments)
            except Exception:  # SymPy itself refuses
                continue
            looked_at += 1
            try:
                Objective(expression).compiled("numpy")
            except InputError as error:
                silent += [expression] if len(str(error)) < 20 else []
    assert silent == []
    assert looked_at > 300


@pytest.mark.parametrize("depth", [10_000])
def test_no_recursion_limit_is_met(depth: int) -> None:
    expression = x
    for _ in range(depth):
        expression = sp.sin(expression, evaluate=False)
    assert len(trace(expression, [x]).nodes()) == depth + 1


def test_sharing_keeps_a_nested_expression_small() -> None:
    expression = x
    for _ in range(50):
        expression = sp.Add(sp.sin(expression), sp.Mul(expression, expression), evaluate=False)
    assert len(trace(expression, [x]).nodes()) == 3 * 50 + 1


def test_a_partial_derivative_is_taken_once() -> None:
    operation = trace(sp.erf(x), [x]).outputs[0].operation
    assert partial(operation, 0) is partial(operation, 0)


def test_a_part_that_is_rewritten_to_a_number_is_that_number() -> None:
    assert str(trace(x + sp.cos(sp.im(x)), [x])).splitlines()[-1] == "  return t0"
    assert Objective(x + sp.cos(sp.im(x))).value([1.0]) == 2.0

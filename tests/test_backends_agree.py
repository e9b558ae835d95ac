"""Both backends compute the same: equal bits for what IEEE 754 rounds correctly, ulps elsewhere."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy as sp
from evaluation import agree, evaluate, same_bits
from expressions import SYMBOLS, exact_expressions, expressions, points
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from problems import PROBLEMS, Problem, rosenbrock
from sympy.codegen import cfunctions as c

from symadamax.objective import Objective

x, y, z = SYMBOLS
DTYPES = ("float64", "float32")


def ugly(dtype: str) -> list[float]:
    """Numbers at which functions break: NaN, infinities, zeros, subnormals, edges, huge ones."""
    limits = np.finfo(dtype)
    edges = [1.0, 0.5, 2.0, 3.0, 0.25, math.pi / 2, math.pi, 19.0, 40.0, 89.0, 1e5, 1e22]
    near = [float(np.nextafter(limits.dtype.type(1), k)) for k in (0, 2)]
    tiny = [float(limits.smallest_subnormal), float(limits.smallest_normal), 1e-30, 1e-8]
    positive = [0.0, *tiny, *edges, *near, float(limits.max), math.inf]
    return [math.nan, -1 / math.e, *positive, *(-number for number in positive)]


EXACT = {
    "add": x + y, "sub": x - y, "mul": x * y, "div": x / y, "neg": -x + y, "sqrt": sp.sqrt(x) + y,
    "abs": sp.Abs(x) * y, "max": sp.Max(x, y), "min": sp.Min(x, y), "sign": sp.sign(x) * y,
    "floor": sp.floor(x) + y, "ceiling": sp.ceiling(x) * y, "mod": sp.Mod(x, y),
    "cube": x**3 * y, "max of three": sp.Max(x, y, x + y), "min of three": sp.Min(x, y, x - y),
    "less": sp.Piecewise((x, x < y), (y, True)), "less_equal": sp.Piecewise((x, x <= y), (y, True)),
    "equal": sp.Piecewise((x, sp.Eq(x, y)), (2 * y, True)),
    "not_equal": sp.Piecewise((x, sp.Ne(x, y)), (2 * y, True)),
    "greater": sp.Piecewise((x, x > y), (y, True)),
    "and, or, not": sp.Piecewise(
        (x, sp.And(x > 0, sp.Or(y < 1, sp.Not(x < y)))), (y, sp.Eq(x, y)), (x * y, True)
    ),
    "no default": sp.Piecewise((x * y, x > y)),
    "heaviside": sp.Heaviside(x) * y,
    "1/x**3": x**-3 + y,
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_correctly_rounded_operations_have_equal_bits_at_ugly_numbers(
    name: str, dtype: str
) -> None:
    objective = Objective(EXACT[name], [x, y])
    at = list(product(ugly(dtype), repeat=2))
    native, numpy = (evaluate(objective, at, backend, dtype) for backend in ("native", "numpy"))
    assert same_bits(native[0], numpy[0])
    assert same_bits(native[1], numpy[1])


def floats(width: int) -> Any:
    return st.floats(width=width, allow_nan=True, allow_infinity=True, allow_subnormal=True)


@settings(max_examples=30, deadline=None)
@given(exact_expressions(), st.lists(st.tuples(*[floats(32)] * 3), min_size=1, max_size=20))
@pytest.mark.parametrize("dtype", DTYPES)
def test_random_correctly_rounded_expressions_have_equal_bits(
    dtype: str, expression: Any, at: list[tuple[float, ...]]
) -> None:
    objective = Objective(expression, SYMBOLS)
    native, numpy = (evaluate(objective, at, backend, dtype) for backend in ("native", "numpy"))
    assert same_bits(native[0], numpy[0])
    assert same_bits(native[1], numpy[1])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(EXACT)), floats(64), floats(64))
def test_random_doubles_have_equal_bits(name: str, a: float, b: float) -> None:
    objective = Objective(EXACT[name], [x, y])
    native, numpy = (evaluate(objective, [(a, b)], backend) for backend in ("native", "numpy"))
    assert same_bits(np.append(*native), np.append(*numpy))


HALF = sp.Rational(1, 2)
OF_ONE = {
    str(expression): expression
    for expression in (
        *(f(x) for f in (
            sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.asin, sp.acos,
            sp.atan, sp.acot, sp.asec, sp.acsc, sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech,
            sp.csch, sp.asinh, sp.acosh, sp.atanh, sp.acoth, sp.asech, sp.acsch, sp.sinc, sp.erf,
            sp.erfc, sp.erfi, sp.erfinv, sp.erfcinv, sp.gamma, sp.loggamma, sp.digamma,
            sp.factorial, sp.Ei, sp.LambertW, sp.frac, sp.Heaviside, c.exp2, c.log2, c.log10,
            c.Cbrt,
        )),
        sp.exp(x) - 1, sp.log(1 + x), sp.log(1 + sp.exp(x)), 1 / (1 + sp.exp(x)),
        sp.cbrt(x), x**sp.pi, x**x, 2**x, x ** (5 * HALF), x**-7,
        sp.LambertW(x, -1), sp.besselj(0, x), sp.besselj(HALF, x), sp.bessely(1, x),
        sp.besseli(2, x), sp.besselk(0, x), sp.jn(0, x), sp.jn(3, x), sp.expint(1, x),
        sp.expint(3, x), sp.polygamma(1, x), sp.polygamma(3, x), sp.zeta(2, x),
        sp.zeta(HALF + 1, x), sp.beta(x, 2), sp.binomial(9, x), sp.atan2(x, 1),
        c.hypot(x, 1), sp.Mod(x, 3),
    )
}  # fmt: skip


# What NumPy and the C library, or NumPy's float and double functions, may differ by at such points.
ULPS = {"float64": 8.0, "float32": 16.0}
# Zeta below 0 is a difference; the derivative of W takes exp(W), whose error is |W| ulps.
MORE_ULPS = {"polygamma(3, x)": 500.0, "LambertW(x)": 100.0, "LambertW(x, -1)": 100.0}
# In float32 SciPy's spherical_jn is 0 where x**2 underflows, and exp(-W) overflows before x*exp(W).
LOST_IN_FLOAT32 = {"sinc(x)": 1e-19, "jn(0, x)": 1e-19, "LambertW(x, -1)": 1e-37}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_ONE)
def test_functions_agree_at_ugly_numbers(name: str, dtype: str) -> None:
    objective = Objective(OF_ONE[name], [x])
    at = [(a,) for a in ugly(dtype)]
    native, numpy = (evaluate(objective, at, backend, dtype) for backend in ("native", "numpy"))
    ulps = MORE_ULPS.get(name, ULPS[dtype])
    lost = LOST_IN_FLOAT32.get(name, 0.0) if dtype == "float32" else 0.0
    wrong = [
        (a, native[k][j], numpy[k][j])
        for j, (a,) in enumerate(at)
        for k in (0, 1)
        if not agree(native[k][j], numpy[k][j], ulps) and not abs(a) < lost
    ]
    assert not wrong


@pytest.mark.parametrize(
    "expression", [sp.atan2(y, x), x**y, c.hypot(x, y), sp.beta(x, y)], ids=str
)
def test_functions_of_two_arguments_agree_at_ugly_numbers(expression: Any) -> None:
    objective = Objective(expression, [x, y])
    # NumPy takes the square root for a power of 0.5, which differs at -inf.
    at = [pair for pair in product(ugly("float64"), repeat=2) if pair != (-math.inf, 0.5)]
    native, numpy = (evaluate(objective, at, backend) for backend in ("native", "numpy"))
    wrong = [
        (at[j], native[0][j], native[1][j], numpy[0][j], numpy[1][j])
        for j in range(len(at))
        if not agree(np.append(native[0][j], native[1][j]), np.append(numpy[0][j], numpy[1][j]), 64)
    ]
    assert not wrong


@pytest.mark.parametrize("problem", [*PROBLEMS, rosenbrock(1000)], ids=repr)
def test_problems_agree(problem: Problem) -> None:
    objective = Objective(problem.expression, problem.unknowns)
    rng = np.random.default_rng(3)
    start = np.array(problem.start)
    at = start * (1 + 0.1 * rng.uniform(-1, 1, (5, start.size)))
    (values, gradients), numpy = (evaluate(objective, at, b) for b in ("native", "numpy"))
    np.testing.assert_allclose(values, numpy[0], rtol=1e-12)
    np.testing.assert_allclose(gradients, numpy[1], rtol=1e-12, atol=1e-12 * abs(gradients).max())


@settings(max_examples=60, deadline=None)
@given(expressions(), points())
def test_random_expressions_agree(expression: Any, point: tuple[float, ...]) -> None:
    objective = Objective(expression, SYMBOLS)
    native, numpy = (evaluate(objective, [point], backend) for backend in ("native", "numpy"))
    both = np.append(*native), np.append(*numpy)
    assume(np.isfinite(both[0]).all() and abs(both[0]).max() < 1e6)
    np.testing.assert_allclose(*both, rtol=1e-9, atol=1e-9)

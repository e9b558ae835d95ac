"""Every function against mpmath: value and gradient, both backends, float64 and float32.

The table states the largest error in ulps, for both backends. One ulp is the distance of two
neighbouring numbers at the exact result (or at `scale`, for functions that pass through zero). What
stands above a handful says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import nan
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from evaluation import evaluate
from sympy.codegen import cfunctions as c

from symadamax.compiler.operations import OPERATIONS
from symadamax.objective import Objective

x = sp.Symbol("x")
HALF, THIRD = sp.Rational(1, 2), sp.Rational(1, 3)
DIGITS, STEP = 100, mp.mpf(10) ** -30  # the derivative is exact to 40 digits or more
Sampler = Callable[[np.random.Generator, int], np.ndarray]


def uniform(low: float, high: float) -> Sampler:
    return lambda rng, count: rng.uniform(low, high, count)


def decades(low: float, high: float) -> Sampler:
    """Positive numbers, uniform in their logarithm."""
    return lambda rng, count: np.exp(rng.uniform(np.log(low), np.log(high), count))


def signed(low: float, high: float) -> Sampler:
    return lambda rng, count: decades(low, high)(rng, count) * rng.choice([-1, 1], count)


def beside(point: float, low: float, high: float) -> Sampler:
    """Numbers that close in on a point, from below where `low` and `high` are negative."""
    sign = np.sign(low)
    return lambda rng, count: point + sign * decades(*sorted((abs(low), abs(high))))(rng, count)


@dataclass(frozen=True)
class Row:
    name: str
    expression: Any
    exact: Callable[[Any], Any]
    domain: tuple[Sampler, ...]
    value: float = 2
    gradient: float = 3
    value32: float = 2
    gradient32: float = 3
    scale: float = 0.0
    count: int = 40
    slope: Callable[[Any], Any] | None = None

    def __repr__(self) -> str:
        return self.name


SMALL = signed(1e-20, 1)
WIDE = signed(1e-30, 1e30)
ABOVE = decades(1e-30, 1e30)
ANGLES = (signed(1e-10, 1e8),)
INSIDE = (uniform(-1, 1), beside(1, -1e-15, -0.1), beside(-1, 1e-15, 0.1))
LONG = (signed(1e-10, 30), uniform(-300, 300))
EXPONENTS = (uniform(-700, 700), uniform(-80, 80), SMALL)

ARITHMETIC = [
    Row("x**2", x**2, lambda a: a * a, (signed(1e-15, 1e15),), 0.5, 0, 0.5, 0),
    Row("x**7", x**7, lambda a: a**7, (signed(1e-5, 1e5),), 4, 4, 4, 4),
    Row("x**40", x**40, lambda a: a**40, (signed(0.1, 10),), 16, 20, 16, 20),
    # Each of the products loses half an ulp of the power it is raised to afterwards.
    Row("x**1000", x**1000, lambda a: a**1000, (uniform(0.5, 2),), 600, 600, 600, 600),
    Row("x**5000", x**5000, lambda a: a**5000, (uniform(0.985, 1.015),)),
    Row("x**-3", x**-3, lambda a: a**-3, (signed(1e-6, 1e6),), 3, 5, 3, 5),
    Row("1/x", 1 / x, lambda a: 1 / a, (signed(1e-15, 1e15),), 0.5, 2, 0.5, 2),
    Row("sqrt", sp.sqrt(x), mp.sqrt, (ABOVE,), 0.5, 2, 0.5, 2),
    Row("x**-1/2", 1 / sp.sqrt(x), lambda a: 1 / mp.sqrt(a), (decades(1e-20, 1e20),), 2, 5, 2, 5),
    Row("x**3/2", x ** sp.Rational(3, 2), lambda a: a * mp.sqrt(a), (decades(1e-20, 1e20),)),
    Row("x**1/3", x**THIRD, mp.cbrt, (ABOVE,), 4, 6, 4, 6),
    Row("Cbrt", c.Cbrt(x), lambda a: mp.sign(a) * mp.cbrt(abs(a)), (WIDE,), 4, 6, 4, 6),
    # pi rounded to a double (or a float) is another exponent: |log x| of its ulps.
    Row("x**pi", x**sp.pi, lambda a: a**mp.pi, (decades(1e-9, 1e9),), 30, 30, 40, 40),
    Row("3**x", 3**x, lambda a: mp.mpf(3) ** a, (uniform(-600, 600), uniform(-70, 70))),
    Row("x**x", x**x, lambda a: a**a, (decades(1e-10, 100),), gradient=50, gradient32=50),
    Row("Abs", sp.Abs(x), abs, (WIDE,), 0, 0, 0, 0),
    Row("frac", sp.frac(x), lambda a: a - mp.floor(a), (signed(1e-3, 1e6),), 0.5, 0, 0.5, 0),
    Row(
        "Mod", sp.Mod(x, 3), lambda a: a - 3 * mp.floor(a / 3), (signed(1e-3, 1e6),), 0.5, 0,
        0.5, 0,
    ),
    Row("hypot", c.hypot(x, 3), lambda a: mp.sqrt(a * a + 9), (signed(1e-9, 1e9),)),
]  # fmt: skip

ELEMENTARY = [
    Row("exp", sp.exp(x), mp.exp, EXPONENTS),
    Row("expm1", sp.exp(x) - 1, mp.expm1, EXPONENTS, slope=mp.exp),
    Row("2*expm1", 2 * sp.exp(x) - 2, lambda a: 2 * mp.expm1(a), (SMALL,), value32=3),
    Row("exp2", c.exp2(x), lambda a: mp.mpf(2) ** a, (uniform(-1000, 1000), uniform(-120, 120))),
    Row("log", sp.log(x), mp.log, (ABOVE, uniform(0.5, 2)), value32=4),
    Row("log1p", sp.log(1 + x), mp.log1p, (decades(1e-20, 1e20), uniform(-0.999, 0))),
    Row("log1p of -x", sp.log(1 - x), lambda a: mp.log1p(-a), (SMALL,)),
    Row("softplus", sp.log(1 + sp.exp(x)), lambda a: mp.log1p(mp.exp(a)), EXPONENTS,
        value32=3, slope=lambda a: 1 / (1 + mp.exp(-a))),
    Row("logistic", 1 / (1 + sp.exp(-x)), lambda a: 1 / (1 + mp.exp(-a)), EXPONENTS, gradient=4,
        value=2.1, gradient32=4, slope=lambda a: 1 / (2 * mp.cosh(a / 2)) ** 2),
    Row("log(cosh)", sp.log(sp.cosh(x)), lambda a: mp.log1p(2 * mp.sinh(a / 2) ** 2),
        (signed(1e-100, 1e3), decades(10, 40)), value=4, value32=4, slope=mp.tanh),
    Row("log2", c.log2(x), lambda a: mp.log(a, 2), (ABOVE, uniform(0.5, 2))),
    Row("log10", c.log10(x), mp.log10, (ABOVE, uniform(0.5, 2)), value32=4),
    Row("log base 7", sp.log(x, 7), lambda a: mp.log(a, 7), (ABOVE, uniform(0.5, 2)), value32=4),
    Row("sin", sp.sin(x), mp.sin, ANGLES),
    Row("cos", sp.cos(x), mp.cos, ANGLES),
    Row("tan", sp.tan(x), mp.tan, ANGLES),
    Row("cot", sp.cot(x), mp.cot, ANGLES, gradient=4, gradient32=4),
    Row("sec", sp.sec(x), mp.sec, ANGLES, gradient=4, gradient32=4),
    Row("csc", sp.csc(x), mp.csc, ANGLES, gradient=4, gradient32=4),
    Row("asin", sp.asin(x), mp.asin, INSIDE),
    Row("acos", sp.acos(x), mp.acos, INSIDE),
    Row("atan", sp.atan(x), mp.atan, (signed(1e-20, 1e15),)),
    Row("acot", sp.acot(x), lambda a: mp.atan(1 / a), (signed(1e-20, 1e15),)),
    # 1/x near 1 has lost what 1 - (1/x)**2 would need: both stay away from |x| = 1.
    Row("asec", sp.asec(x), mp.asec, (signed(2, 1e15),)),
    Row("acsc", sp.acsc(x), mp.acsc, (signed(2, 1e15),)),
    Row("atan2", sp.atan2(x, 2), lambda a: mp.atan2(a, 2), (signed(1e-15, 1e15),)),
    Row("sinh", sp.sinh(x), mp.sinh, EXPONENTS),
    Row("cosh", sp.cosh(x), mp.cosh, EXPONENTS),
    Row("tanh", sp.tanh(x), mp.tanh, LONG, 2, 4, 2, 5, slope=lambda a: mp.sech(a) ** 2),
    Row("coth", sp.coth(x), mp.coth, LONG, 3, 6, 3, 6, slope=lambda a: -mp.csch(a) ** 2),
    Row("sech", sp.sech(x), mp.sech, (signed(1e-10, 30),), 3, 6, 3, 6),
    Row("csch", sp.csch(x), mp.csch, (signed(1e-10, 30),), 3, 6, 3, 6),
    Row("asinh", sp.asinh(x), mp.asinh, (signed(1e-15, 1e15),)),
    Row("acosh", sp.acosh(x), mp.acosh, (decades(1.01, 1e15), beside(1, 1e-14, 1))),
    Row("atanh", sp.atanh(x), mp.atanh, INSIDE),
    Row("asech", sp.asech(x), mp.asech, (uniform(0.01, 0.5),), gradient=4, gradient32=4),
    Row("acsch", sp.acsch(x), mp.acsch, (signed(1e-10, 1e10),), gradient=4, gradient32=4),
    Row("acoth", sp.acoth(x), mp.acoth, (signed(2, 1e15),), gradient=4, gradient32=4),
]  # fmt: skip

SPECIAL = [
    Row("sinc", sp.sinc(x), lambda a: mp.sin(a) / a, (signed(1e-10, 100),), 2, 16, scale=0.1),
    Row("erf", sp.erf(x), mp.erf, (signed(1e-10, 5),), gradient=20, gradient32=20),
    # exp(-x**2) with a rounded square: x**2 ulps, in SciPy's value and in the gradient.
    Row("erfc", sp.erfc(x), mp.erfc, (uniform(-5, 26),), 400, 400, 50, 60),
    Row("erfi", sp.erfi(x), mp.erfi, (signed(1e-10, 20),), 400, 400, 50, 60, count=25),
    Row(
        "erfinv", sp.erfinv(x), mp.erfinv, (uniform(-0.99, 0.99),), gradient=8, gradient32=8,
        count=12,
    ),
    Row(
        "erfcinv", sp.erfcinv(x), lambda a: mp.erfinv(1 - a), (uniform(0.01, 1.99),),
        value=4, gradient=12, gradient32=12, count=12,
    ),
    Row("gamma", sp.gamma(x), mp.gamma, (uniform(0.1, 100),), 8, 16, scale=0.1),
    # x + 1 is rounded before gamma takes it to the power of x: x log(x) ulps.
    Row("factorial", sp.factorial(x), mp.factorial, (uniform(0, 100),), 400, 400, 100, 100),
    Row("loggamma", sp.loggamma(x), mp.loggamma, (decades(1e-5, 1e10),), 4, scale=0.5),
    Row("digamma", sp.digamma(x), mp.digamma, (decades(1e-5, 1e10),), 4, 4, scale=0.1, count=25),
    Row(
        "trigamma", sp.polygamma(1, x), lambda a: mp.psi(1, a), (decades(1e-5, 1e4),), 4, 6,
        count=12,
    ),
    Row(
        "polygamma 4", sp.polygamma(4, x), lambda a: mp.psi(4, a), (decades(1e-3, 1e3),), 6,
        8, count=12,
    ),
    # The gradient is the difference of two digammas of nearly equal arguments: x of their ulps.
    Row(
        "beta", sp.beta(x, 3 * HALF), lambda a: mp.beta(a, mp.mpf(3) / 2), (decades(1e-3, 100),),
        100, 600, 2, 400, count=25,
    ),
    Row(
        "expint 1", sp.expint(1, x), lambda a: mp.expint(1, a), (decades(1e-5, 80),), 10, 4,
        count=25,
    ),
    Row(
        "expint 3", sp.expint(3, x), lambda a: mp.expint(3, a), (decades(1e-5, 80),), 12, 12,
        count=25,
    ),
    # SciPy sums a series, whose terms are larger than its result, up to x = 40.
    Row("Ei", sp.Ei(x), mp.ei, (uniform(-30, 80),), 400, 4, scale=0.1, count=25),
    # exp(-W) in the gradient: |W| ulps of W, of either branch.
    Row(
        "LambertW", sp.LambertW(x), lambda a: mp.lambertw(a).real,
        (decades(1e-10, 1e30), uniform(-0.36, 0)), 4, 60, 2, 60, count=12,
    ),
    Row(
        "LambertW -1", sp.LambertW(x, -1), lambda a: mp.lambertw(a, -1).real,
        (uniform(-0.36, -1e-3), beside(0, -1e-30, -0.1)), 4, 60, 2, 60, count=12,
    ),
    Row(
        "besselj 0", sp.besselj(0, x), lambda a: mp.besselj(0, a), (uniform(-30, 30),), 40,
        40, scale=0.1,
    ),
    # SciPy's orders that are no whole numbers are less accurate.
    Row(
        "besselj 5/2", sp.besselj(5 * HALF, x), lambda a: mp.besselj(2.5, a), (uniform(0.01, 60),),
        400, 400, scale=0.1,
    ),
    Row(
        "bessely 1/3", sp.bessely(THIRD, x), lambda a: mp.bessely(mp.mpf(1) / 3, a),
        (decades(1e-3, 60),), 400, 400, 2, 8, scale=0.1, count=12,
    ),
    Row(
        "bessely 1", sp.bessely(1, x), lambda a: mp.bessely(1, a), (decades(0.1, 5),), 8, 8,
        scale=0.1, count=4,
    ),
    Row("besseli 2", sp.besseli(2, x), lambda a: mp.besseli(2, a), (signed(0.1, 80),), 12, 12),
    Row(
        "besselk 1/3", sp.besselk(THIRD, x), lambda a: mp.besselk(mp.mpf(1) / 3, a),
        (decades(1e-3, 80),), 40, 40, 2, 8, count=12,
    ),
    Row(
        "besselk 1", sp.besselk(1, x), lambda a: mp.besselk(1, a), (decades(0.1, 5),), 6, 6,
        count=4,
    ),
    Row(
        "jn 2", sp.jn(2, x), lambda a: mp.sqrt(mp.pi / 2 / a) * mp.besselj(2.5, a),
        (decades(1e-3, 60),), 40, 60, 10, 30, scale=0.01,
    ),
    Row("zeta 3", sp.zeta(3, x), lambda a: mp.zeta(3, a), (decades(1e-2, 1e3),), 4, 8, count=12),
    Row(
        "zeta 3/2", sp.zeta(3 * HALF, x), lambda a: mp.zeta(mp.mpf(3) / 2, a),
        (decades(1e-2, 1e3),), 6, 8, count=12,
    ),
]  # fmt: skip

ROWS = [*ARITHMETIC, *ELEMENTARY, *SPECIAL]
DTYPES = {"float64": np.float64, "float32": np.float32}


@cache
def reference(row: Row, dtype: str) -> tuple[np.ndarray, list[Any], list[Any]]:
    """Return points, and the exact values and derivatives at them."""
    rng = np.random.default_rng(20240229)
    points = np.concatenate([sample(rng, row.count) for sample in row.domain]).astype(dtype)
    points = points[np.isfinite(points) & (points != 0)]
    with mp.workdps(DIGITS):
        at = [mp.mpf(float(point)) for point in points]
        return points, [row.exact(a) for a in at], [derivative(row, a) for a in at]


def derivative(row: Row, a: Any) -> Any:
    if row.slope is not None:
        return row.slope(a)
    step = STEP * abs(a)
    return (row.exact(a + step) - row.exact(a - step)) / (2 * step)


def worst_error(got: np.ndarray, exact: list[Any], scale: float, dtype: str) -> float:
    """Return the largest error in ulps, of all exact results that are normal numbers."""
    limits, kind = np.finfo(dtype), DTYPES[dtype]
    worst = 0.0
    for number, true in zip(got, exact, strict=True):
        if isinstance(true, mp.mpc):  # on the edge of the domain
            continue
        if true == 0 or limits.smallest_normal <= abs(true) <= limits.max / 2:
            size = max(float(abs(true)), scale)
            error = abs(mp.mpf(float(number)) - true)
            ulp = float(np.spacing(kind(size))) if size else float(limits.smallest_subnormal)
            ratio = float(error / ulp)
            worst = nan if ratio != ratio else max(worst, ratio)
    return worst


@cache
def computed(row: Row, backend: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return values and derivatives at the points of `reference`."""
    points = reference(row, dtype)[0]
    values, gradients = evaluate(Objective(row.expression, [x]), points[:, None], backend, dtype)
    return values, gradients[:, 0]


CASES = [
    pytest.param(row, backend, dtype, id=f"{row}-{backend}-{dtype}")
    for row in ROWS
    for dtype in DTYPES
    for backend in ("native", "numpy")
]


@pytest.mark.parametrize(("row", "backend", "dtype"), CASES)
def test_value_is_within_its_ulps(row: Row, backend: str, dtype: str) -> None:
    bound = row.value if dtype == "float64" else row.value32
    error = worst_error(
        computed(row, backend, dtype)[0], reference(row, dtype)[1], row.scale, dtype
    )
    assert error <= bound


@pytest.mark.parametrize(("row", "backend", "dtype"), CASES)
def test_gradient_is_within_its_ulps(row: Row, backend: str, dtype: str) -> None:
    bound = row.gradient if dtype == "float64" else row.gradient32
    error = worst_error(
        computed(row, backend, dtype)[1], reference(row, dtype)[2], row.scale, dtype
    )
    assert error <= bound


Pair = tuple[str, Any, Callable[[Any, Any], Any], tuple[Sampler, Sampler], float]
y = sp.Symbol("y")
NORMAL = signed(1e-5, 1e5)
PAIRS: list[Pair] = [
    ("x + y", x + y, lambda a, b: a + b, (NORMAL, NORMAL), 0.5),
    ("x - y", x - y, lambda a, b: a - b, (NORMAL, NORMAL), 0.5),
    ("x*y", x * y, lambda a, b: a * b, (NORMAL, NORMAL), 0.5),
    ("x/y", x / y, lambda a, b: a / b, (NORMAL, NORMAL), 2),
    ("atan2", sp.atan2(x, y), mp.atan2, (NORMAL, NORMAL), 3),
    ("hypot", c.hypot(x, y), mp.hypot, (NORMAL, NORMAL), 3),
    # x**(y - 1): rounding y - 1 costs |y log x| ulps.
    ("x**y", x**y, lambda a, b: a**b, (decades(1e-5, 1e5), uniform(-20, 20)), 150),
    ("log base y", sp.log(x, y), lambda a, b: mp.log(a, b), (decades(2, 1e5), uniform(2, 9)), 5),
    ("beta", sp.beta(x, y), mp.beta, (uniform(0.1, 20), uniform(0.1, 20)), 2000),
    ("binomial", sp.binomial(x, y), mp.binomial, (uniform(9, 40), uniform(0.1, 8)), 2000),
]


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_partial_derivatives_of_two_arguments_are_within_their_ulps(
    pair: Pair, backend: str
) -> None:
    _, expression, exact, samplers, bound = pair
    rng = np.random.default_rng(7)
    points = np.stack([sample(rng, 50) for sample in samplers], axis=1)
    got = evaluate(Objective(expression, [x, y]), points, backend)[1]
    with mp.workdps(DIGITS):
        at = [tuple(map(mp.mpf, map(float, point))) for point in points]
        slopes = [
            [
                (exact(a + STEP * abs(a), b) - exact(a - STEP * abs(a), b)) / (2 * STEP * abs(a)),
                (exact(a, b + STEP * abs(b)) - exact(a, b - STEP * abs(b))) / (2 * STEP * abs(b)),
            ]
            for a, b in at
        ]
    flat = [slope for both in slopes for slope in both]
    assert worst_error(got.reshape(-1), flat, 0, "float64") <= bound


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_binomials_of_whole_numbers(backend: str) -> None:
    points = [(n, k) for n in range(9) for k in range(-2, 11)]
    values, _ = evaluate(Objective(sp.binomial(x, y), [x, y]), np.array(points, float), backend)
    assert values.round(9).tolist() == [math.comb(n, k) if k >= 0 else 0 for n, k in points]


def test_the_table_holds_every_function_of_one_argument() -> None:
    """A row added to the compiler's table needs one here, or the reason in this list."""
    names = set()
    for row in ROWS:
        names |= {node.name for node in Objective(row.expression, [x]).stages.ir.nodes()}
    elsewhere = (
        "add sub neg div pow constant truth unknown parameter less_equal less equal not_equal"
    )
    loops = "element whole extent within sum product largest detached"
    jumps = "and or not select max min sign ceiling"
    assert set(OPERATIONS) - names <= {*elsewhere.split(), *jumps.split(), *loops.split()}

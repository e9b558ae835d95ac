"""Elementary functions on lanes: their errors, their edges, and the same bits everywhere.

The table states the largest error in ulps. The exact values are those of mpmath, and at many more
points those of the C library's long doubles, where these have 64 bits of significand.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from evaluation import evaluate, same_bits
from lanes import array_function, array_module

from symadamax.compiler.elementary import FUNCTIONS, call, coefficients, definitions
from symadamax.compiler.emission import call_lanes
from symadamax.compiler.operations import OPERATIONS
from symadamax.compiler.writer import Writer
from symadamax.objective import Objective

Sampler = Callable[[np.random.Generator, int], np.ndarray]
COUNT = 40_000  # points in each of a function's regions


def uniform(low: float, high: float) -> Sampler:
    return lambda rng, count: rng.uniform(low, high, count)


def octaves(low: float, high: float) -> Sampler:
    """Numbers of either sign, uniform in the logarithm of base 2."""
    return lambda rng, count: np.exp2(rng.uniform(low, high, count)) * rng.choice([-1, 1], count)


def above(point: float, low: float, high: float) -> Sampler:
    return lambda rng, count: point + np.abs(octaves(low, high)(rng, count))


def below(point: float, low: float, high: float) -> Sampler:
    return lambda rng, count: point - np.abs(octaves(low, high)(rng, count))


def quarter_turns(rng: np.random.Generator, count: int) -> np.ndarray:
    """Doubles near multiples of pi/2, up to those that the C library reduces."""
    turns = np.rint(octaves(0, 40)(rng, count)) * (np.pi / 2)
    return turns + rng.integers(-2, 3, count) * np.spacing(turns)


def any_bits(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)


@dataclass(frozen=True)
class Row:
    name: str
    ulps: float
    exact: Callable[..., Any]
    regions: tuple[Sampler, ...]
    extended: str = ""

    def __repr__(self) -> str:
        return self.name


TINY = octaves(-1074, 0)
EXPONENTS = (uniform(-746, 711), uniform(-1, 1), octaves(-60, 10))
POSITIVE = (lambda rng, n: np.abs(octaves(-1074, 1024)(rng, n)), uniform(0.5, 2), above(1, -52, 0))
ANGLES = (uniform(-10, 10), octaves(-30, 32), quarter_turns)
INSIDE = (uniform(-1, 1), octaves(-60, 0), below(1, -53, -1))
ROWS = [
    Row("exp", 1.1, mp.exp, EXPONENTS),
    Row("exp2", 1.0, lambda a: mp.mpf(2) ** a, (uniform(-1075, 1024), *EXPONENTS[1:])),
    Row("expm1", 1.4, mp.expm1, (uniform(-40, 711), uniform(-2, 2), TINY)),
    Row("sinh", 1.3, mp.sinh, (uniform(-711, 711), uniform(-3, 3), TINY)),
    Row("cosh", 1.4, mp.cosh, (uniform(-711, 711), uniform(-3, 3), TINY)),
    Row("tanh", 1.2, mp.tanh, (uniform(-25, 25), uniform(-2, 2), TINY)),
    Row("log", 0.9, mp.log, POSITIVE),
    Row("log2", 0.51, lambda a: mp.log(a, 2), POSITIVE),
    Row("log10", 0.51, mp.log10, POSITIVE),
    Row("log1p", 0.9, mp.log1p,
        (uniform(-1, 2), octaves(-60, -0.1), POSITIVE[0], above(-1, -53, 0))),
    Row("sin", 0.9, mp.sin, ANGLES),
    Row("cos", 0.9, mp.cos, ANGLES),
    Row("tan", 1.2, mp.tan, ANGLES),
    Row("asin", 0.8, mp.asin, INSIDE, "arcsin"),
    Row("acos", 0.8, mp.acos, (*INSIDE, above(-1, -53, -1)), "arccos"),
    Row("atan", 0.9, mp.atan, (uniform(-3, 3), octaves(-1074, 80)), "arctan"),
    Row("asinh", 1.1, mp.asinh, (uniform(-3, 3), octaves(-60, 60), octaves(0, 1024)), "arcsinh"),
    Row("acosh", 0.9, mp.acosh, (uniform(1, 3), above(1, -52, 60), POSITIVE[0]), "arccosh"),
    Row("atanh", 1.1, mp.atanh, (*INSIDE, TINY), "arctanh"),
    Row("cbrt", 0.51, lambda a: mp.sign(a) * mp.cbrt(abs(a)),
        (uniform(-8, 8), octaves(-1074, 1024))),
]  # fmt: skip


def powers(base: Sampler) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Pairs (x, y) whose x**y lies anywhere between the smallest and the largest numbers."""

    def pairs(rng: np.random.Generator, count: int) -> np.ndarray:
        x = base(rng, count)
        with np.errstate(all="ignore"):
            return np.stack([x, rng.uniform(-1075, 1024, count) / np.log2(np.abs(x))])

    return pairs


def whole_powers(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.stack([octaves(-5, 5)(rng, count), np.rint(rng.uniform(-200, 200, count))])


POW = Row(
    "pow", 1.3, mp.power,
    (*(powers(base) for base in POSITIVE), whole_powers,
     lambda rng, n: rng.uniform(0, 10, (2, n)), lambda rng, n: any_bits(rng, 2 * n).reshape(2, n)),
)  # fmt: skip
ALL = [*ROWS, POW]
EVERY = pytest.mark.parametrize("row", ALL, ids=repr)
LIMITS = np.finfo(np.float64)
POSITIVE_UGLY = [
    0.0, LIMITS.smallest_subnormal, 1e-310, LIMITS.smallest_normal, 1e-30, 2.0**-53, 1e-8, 0.25,
    np.tan(np.pi / 8), np.log(2) / 2, 0.5, np.nextafter(0.5, 1), np.sqrt(0.5), np.pi / 4,
    1 - 2.0**-53, 1.0, 1 + 2.0**-52, np.sqrt(2), 1.5, np.pi / 2, 2.0, 3.0, np.pi, 19.0, 37.5, 40.0,
    355.0, 709.78, 709.79, 710.47, 710.48, 745.13, 745.14, 1023.0, 1024.0, 1074.0, 1075.0, 1e5,
    2.0**30, np.nextafter(2.0**30, 2.0**31), 2.0**52 + 1, 2.0**53 - 1, 2.0**53, 1e22, 6e153, 1e300,
    LIMITS.max, np.inf,
]  # fmt: skip
UGLY = np.array([np.nan, *POSITIVE_UGLY, *(-number for number in POSITIVE_UGLY)])


@cache
def points(row: Row, count: int) -> np.ndarray:
    """Return arguments (k, n) from all regions."""
    rng = np.random.default_rng(20240229)
    taken = [np.atleast_2d(region(rng, count)) for region in (*row.regions, any_bits_of(row))]
    return np.concatenate(taken, axis=1)


def any_bits_of(row: Row) -> Sampler:
    size = 2 if row is POW else 1
    return lambda rng, count: any_bits(rng, size * count).reshape(size, count)


def ugly(row: Row) -> np.ndarray:
    if row is POW:
        return np.stack([grid.ravel() for grid in np.meshgrid(UGLY, UGLY)])
    return UGLY[None]


def arguments(row: Row) -> int:
    return 2 if row is POW else 1


def compiled(row: Row, **more: Any) -> Callable[..., np.ndarray]:
    return array_function(row.name, arguments(row), **more)


def c_library(row: Row) -> Callable[..., np.ndarray]:
    types = ["double"] * arguments(row)
    return array_function(
        lambda writer, *registers: call_lanes(writer, "libm", row.name, types, [], registers),
        arguments(row),
    )


def ulps(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Return errors in ulps of double, for exact values in a longer type or as objects."""
    near = exact.astype(np.float64)
    size = np.minimum(np.abs(near), np.nextafter(LIMITS.max, 0))
    return np.abs((got.astype(exact.dtype) - exact) / np.spacing(size).astype(exact.dtype))


@EVERY
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="a long double is a double here")
def test_errors_against_long_doubles(row: Row) -> None:
    at = points(row, COUNT)
    assert at.shape[1] >= 100_000
    got = compiled(row)(*at)
    with np.errstate(all="ignore"):
        function = getattr(np, "power" if row is POW else row.extended or row.name)
        exact = function(*at.astype(np.longdouble))
        finite = np.isfinite(exact.astype(np.float64))
        errors = ulps(got[finite], exact[finite])
        assert errors.max() <= row.ulps
        assert same_bits(got[~finite], exact[~finite].astype(np.float64))


@EVERY
def test_errors_against_mpmath(row: Row) -> None:
    at = np.concatenate([points(row, 300 if row is POW else 1000), ugly(row)[:, :300]], axis=1)
    library = c_library(row)(*at)
    at = at[:, np.isfinite(library) & np.isfinite(at).all(axis=0)]
    got = compiled(row)(*at)
    with mp.workprec(120):
        true = [row.exact(*(mp.mpf(float(a)) for a in point)) for point in at.T]
        exact = np.array([value.real for value in true], dtype=object)
        near = exact.astype(np.float64)
        errors = [
            abs(mp.mpf(float(g)) - e) / float(np.spacing(abs(n)))
            for g, e, n in zip(got, exact, near, strict=True)
        ]
    assert max(errors) <= row.ulps


@EVERY
def test_edges_are_those_of_the_c_library(row: Row) -> None:
    at = ugly(row)
    got, library = compiled(row)(*at), c_library(row)(*at)
    plain = np.isfinite(library) & (library != 0)
    assert same_bits(got[~plain], library[~plain])
    assert (np.signbit(got) == np.signbit(library))[plain].all()
    assert ulps(got[plain], library[plain].astype(np.longdouble)).max() <= 2


@EVERY
def test_same_bits_on_any_number_of_lanes_beside_any_neighbours(row: Row) -> None:
    rng = np.random.default_rng(5)
    at = rng.permutation(np.concatenate([points(row, 500), ugly(row)], axis=1), axis=1)
    alone = compiled(row, lanes=1)(*at)
    for lanes in (2, 4, 8, 16):
        assert same_bits(compiled(row, lanes=lanes)(*at), alone), lanes


X86 = platform.machine() in ("x86_64", "AMD64")


@EVERY
@pytest.mark.skipif(not X86, reason="names processors of this architecture")
@pytest.mark.parametrize("cpu", ["x86-64", "haswell"])
def test_same_bits_on_older_processors(row: Row, cpu: str) -> None:
    """The first has no fused multiply-add: the C library's stands in for it."""
    at = np.concatenate([points(row, 100), ugly(row)[:, :200]], axis=1)
    assert same_bits(compiled(row, cpu=cpu)(*at), compiled(row)(*at))


@EVERY
def test_float32_is_the_double_rounded(row: Row) -> None:
    with np.errstate(all="ignore"):
        at = np.concatenate([points(row, 1000), ugly(row)], axis=1).astype(np.float32)
        rounded = compiled(row)(*at).astype(np.float32)
    for lanes in (1, 8):
        assert same_bits(compiled(row, lanes=lanes, dtype="float32")(*at), rounded)


@EVERY
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_scalar_kernels_have_the_bits_of_the_lanes(row: Row, dtype: str) -> None:
    symbols = sp.symbols("x y")[: arguments(row)]
    head = OPERATIONS[row.name].head
    assert head is not None
    with np.errstate(over="ignore"):
        at = np.concatenate([points(row, 100), ugly(row)[:, :300]], axis=1).astype(dtype)
    got = evaluate(Objective(head(*symbols), symbols), at.T.copy(), dtype=dtype)[0]
    assert same_bits(got, compiled(row, dtype=dtype)(*at))


@EVERY
def test_lanes_call_the_c_library_for_huge_arguments_alone(row: Row) -> None:
    module = array_module(FUNCTIONS[row.name], arguments(row), 8, "float64")
    called = {name for _, name, _ in module.calls}
    expected = {"sin": {"sin", "cos"}, "cos": {"sin", "cos"}, "tan": {"tan"}}
    assert called == expected.get(row.name, set())


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_lanes_leave_huge_arguments_to_a_writer_that_gathers_them(name: str) -> None:
    writer = Writer(lanes=8)
    writer.beyond = []
    FUNCTIONS[name](writer, "%x")
    assert len(writer.beyond) == 1
    assert writer.calls == []
    assert not any(line.startswith("br ") for line in writer.lines)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sine_and_cosine_of_one_number_share_their_work(dtype: str) -> None:
    def both(writer: Writer, x: str) -> str:
        sine, cosine = (FUNCTIONS[name](writer, x) for name in ("sin", "cos"))
        return writer.line(f"fadd {writer.real} {sine}, {cosine}")

    texts = [array_module(e, 1, 8, dtype).text for e in (both, FUNCTIONS["sin"])]
    assert texts[0].count("call <8 x double> @llvm.fma") == texts[1].count(
        "call <8 x double> @llvm.fma"
    )
    with np.errstate(all="ignore"):
        at = np.concatenate([octaves(-30, 32)(np.random.default_rng(2), 500), UGLY]).astype(dtype)
        sine, cosine = (array_function(name, dtype=dtype)(at) for name in ("sin", "cos"))
        assert same_bits(array_function(both, dtype=dtype)(at), sine + cosine)


@EVERY
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_called_function_has_the_bits_that_it_has_in_place(row: Row, dtype: str) -> None:
    def called(writer: Writer, *registers: str) -> str:
        return call(writer, row.name, registers)

    with np.errstate(all="ignore"):
        at = np.concatenate([points(row, 200), ugly(row)], axis=1).astype(dtype)
    found = array_function(called, arguments(row), 8, dtype)(*at)
    assert same_bits(found, compiled(row, dtype=dtype)(*at))


def test_sine_and_cosine_of_one_number_are_one_call() -> None:
    writer = Writer(lanes=8)
    sine, again, cosine = (call(writer, name, ["%x"]) for name in ("sin", "sin", "cos"))
    assert sine == again != cosine
    assert sum(" call " in line for line in writer.lines) == 1
    writer.begin("next")
    assert call(writer, "sin", ["%x"]) != sine


def test_what_is_shared_ends_with_its_block() -> None:
    writer = Writer()
    FUNCTIONS["sin"](writer, "%x")
    shared = len(writer.lines)
    writer.begin("next")
    FUNCTIONS["sin"](writer, "%x")
    assert len(writer.lines) == 2 * shared + 1


def test_every_function_is_in_the_table_and_is_an_operation_of_its_arity() -> None:
    assert {row.name for row in ALL} == set(FUNCTIONS)
    for name in FUNCTIONS:
        assert definitions([name]).text.count("double %a, double %b)") == OPERATIONS[name].arity - 1


R = mp.mpf
# Factors, what they interpolate, the order of their term beside the function's first, largest r.
POLYNOMIALS: list[tuple[Sequence[float], Callable[[Any], Any], int, float]] = [
    (coefficients.COSH, lambda r: (mp.cosh(r) - 1) / r**2, 2, 0.34658),
    (coefficients.SINH, lambda r: (mp.sinh(r) - r) / r**3, 2, 0.34658),
    (coefficients.LOG, lambda s: (mp.atanh(s) - s) / s**3 * 2, 2, 0.17158),
    (coefficients.ATANH, lambda s: (mp.atanh(s) - s - s**3 / 3) / s**5, 4, 0.17158),
    (coefficients.SIN, lambda r: (mp.sin(r) - r) / r**3, 2, 0.7854),
    (coefficients.COS, lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4, 4, 0.7854),
    (coefficients.ATAN, lambda r: (mp.atan(r) - r) / r**3, 2, 0.41422),
    (coefficients.ASIN, lambda s: (mp.asin(s) - s) / s**3, 2, 0.5),
]


@pytest.mark.parametrize("case", POLYNOMIALS, ids=range(len(POLYNOMIALS)))
def test_polynomials_add_little_to_the_error(case: Any) -> None:
    factors, function, order, largest = case
    with mp.workprec(200):
        at = [R(largest) * k / 200 for k in range(1, 201)]
        errors = [abs(mp.polyval(factors[::-1], a * a) - function(a)) * a**order for a in at]
    assert max(errors) <= 2.0**-57


def test_the_cube_root_starts_near() -> None:
    factors = coefficients.INVERSE_CUBE_ROOT[::-1]
    at = np.linspace(np.sqrt(0.5), np.sqrt(2), 1001)
    assert np.abs(np.polyval(factors, at) - at ** (-1 / 3)).max() <= 6e-5


@pytest.mark.parametrize(
    ("exact", "parts"),
    [
        (lambda: mp.log(2), [coefficients.LN2, coefficients.LN2_LOW]),
        (lambda: 2 / mp.log(2), [coefficients.TWO_LOG2_E, coefficients.TWO_LOG2_E_LOW]),
        (lambda: mp.log10(2), [coefficients.LOG10_2, coefficients.LOG10_2_LOW]),
        (lambda: R(1) / 3, [coefficients.THIRD, coefficients.THIRD_LOW]),
        (lambda: mp.pi / 2, [coefficients.HALF_PI, coefficients.HALF_PI_LOW,
                             coefficients.HALF_PI_LAST]),
        (lambda: 1 / mp.log(2), [coefficients.LOG2_E]),
        (lambda: 2 / mp.pi, [coefficients.TWO_OVER_PI]),
        (lambda: mp.cbrt(2), [coefficients.CUBE_ROOT_2]),
    ],
)  # fmt: skip
def test_constants_are_rounded_rightly(exact: Callable[[], Any], parts: list[float]) -> None:
    with mp.workprec(300):
        rest = exact()
        for part in parts:
            assert float(rest) == part
            rest -= R(part)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("lanes", [1, 4])
def test_other_functions_are_called_once_for_each_lane(lanes: int, dtype: str) -> None:
    from scipy.special import jv

    def bessel(writer: Writer, x: str) -> str:
        order = "0x4004000000000000"  # 2.5
        return call_lanes(writer, "scipy", "jv", ["double", "double"], [order], [x])

    at = np.linspace(0.1, 20, 37).astype(dtype)
    got = array_function(bessel, lanes=lanes, dtype=dtype)(at)
    assert same_bits(got, jv(2.5, at.astype(np.float64)).astype(dtype))


def test_a_call_with_a_whole_constant() -> None:
    from scipy.special import expn

    def integral(writer: Writer, x: str) -> str:
        return call_lanes(writer, "scipy", "expn", ["integer", "double"], ["3"], [x])

    at = np.linspace(0.1, 20, 9)
    assert same_bits(array_function(integral)(at), expn(3, at))

"""Objectives in JavaScript: what a browser computes is what the library computes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from page import ask, lay_out, needs_node
from sympy.codegen import cfunctions as c

from symadamax import InputError, Objective
from symadamax.compiler.numpy_code import namespace
from symadamax.viewer.page.javascript import MATH, OURS, _json, functions, method

x, y, k = sp.symbols("x y k")

TINY, HUGE = 5e-324, 1.7976931348623157e308
SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.3, -0.3, 2.0, -2.5, 3.0, 1e-9, 700.0, -745.0, 1e17, TINY, -TINY, HUGE,
    -HUGE, float("inf"), float("-inf"), float("nan"),
]  # fmt: skip
OF_TWO = ("hypot", "arctan2", "mod", "power", "_max", "_min")
OF_ONE = sorted({*MATH, *OURS} - {*OF_TWO, "where", "logical_and", "logical_or", "logical_not"})
# Numbers in JSON, with those that it has not as texts.
READ = """
const { numpy } = await import("./numpy.mjs");
const read = (value) => typeof value === "string" ? Number(value) : value;
const written = (value) => Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
"""  # noqa: E501


def written(value: float) -> Any:
    return value if np.isfinite(value) and value else repr(float(value)).replace("inf", "Infinity")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("javascript"))


def by_numpy(name: str) -> Callable[..., Any]:
    return namespace("")[name] if name.startswith("_") else getattr(np, name)


# ---- functions ----------------------------------------------------------------------------------


def in_javascript(name: str) -> str:
    return f"numpy.{OURS[name]}" if name in OURS else f"Math.{MATH[name]}"


@needs_node
def test_functions_of_one_number_mean_what_numpys_do(folder: Path) -> None:
    table = ", ".join(f"{name}: {in_javascript(name)}" for name in OF_ONE)
    body = f"""{READ}
    const table = {{ {table} }};
    return Object.fromEntries(Object.entries(table).map(([name, f]) =>
      [name, given.map((value) => written(f(read(value))))]));
    """
    for name, shown in ask(folder, body, list(map(written, SPECIAL))).items():
        with np.errstate(all="ignore"):
            expected = by_numpy(name)(np.array(SPECIAL))
        np.testing.assert_allclose(np.array(shown, float), expected, rtol=1e-14, err_msg=name)
        if name in ("sign", "floor", "ceil", "abs", "sqrt"):
            np.testing.assert_array_equal(np.array(shown, float), expected, err_msg=name)


@needs_node
@pytest.mark.parametrize("name", OF_TWO)
def test_functions_of_two_numbers_mean_what_numpys_do(folder: Path, name: str) -> None:
    body = f"""{READ}
    return given.flatMap((a) => given.map((b) => written({in_javascript(name)}(read(a), read(b)))));
    """
    shown = np.array(ask(folder, body, list(map(written, SPECIAL))), float)
    with np.errstate(all="ignore"):
        first, second = np.repeat(SPECIAL, len(SPECIAL)), np.tile(SPECIAL, len(SPECIAL))
        expected = np.asarray(by_numpy(name)(first, second), float)
    np.testing.assert_allclose(shown, expected, rtol=1e-14)
    if name != "hypot":
        real = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(shown)[real], np.signbit(expected)[real])


EXPRESSIONS = {
    "choices": sp.Piecewise((x**2, x < y), (sp.cos(y), (x >= 2) & sp.Ne(y, 1)), (x * y, True)),
    "negation": sp.Piecewise((x, sp.Or(sp.Not(x < y), y > 2)), (y**3, True)),
    "kinks": sp.Abs(x) + sp.sign(y) * x + sp.Max(x, y, x * y) - sp.Min(x, 1),
    "steps": sp.floor(x) * x + sp.ceiling(y) + sp.Mod(x, 3) + sp.frac(y) + sp.Heaviside(x) * y,
    "powers": sp.Abs(x) ** sp.Rational(7, 3) + (2 + y**2) ** sp.pi + (1 + x**2) ** sp.sin(y),
    "roots": sp.sqrt(1 + x**2) + sp.cbrt(3 + y**2) + c.hypot(x, y) + c.Cbrt(y),
    "logarithms": sp.log(2 + x**2, 3) + c.log1p(x**2) + c.log2(1 + y**2) + c.log10(2 + y**2),
    "exponentials": sp.exp(-(x**2)) + c.expm1(y / 3) + c.exp2(x),
    "trigonometry": sp.tan(x / 4) + sp.sec(y / 4) + sp.asin(sp.sin(x) / 2) + sp.acos(y / 9),
    "angles": sp.atan(x) + sp.atan2(y, 1 + x**2) + sp.cot(3 + x / 9),
    "hyperbolic": sp.sinh(x) + sp.cosh(y) + sp.tanh(x) + sp.asinh(y) + sp.acosh(2 + x**2),
    "constants": sp.exp(1) * x + sp.GoldenRatio * y + sp.Rational(1, 3) * sp.sqrt(2) * x**2,
    "parameter": (k * x - y) ** 2 / k,
}


@needs_node
def test_values_and_derivatives_are_those_of_the_library(folder: Path) -> None:
    points = np.random.default_rng(3).uniform(-2.5, 2.5, (40, 2))
    objectives = {
        name: Objective(expression, [x, y], parameters={k: -2.5} if expression.has(k) else None)
        for name, expression in EXPRESSIONS.items()
    }
    methods = "".join(f"{name}: {{ {functions(each)} }},\n" for name, each in objectives.items())
    body = f"""
    const {{ numpy }} = await import("./numpy.mjs");
    const objectives = {{ {methods} }};
    return Object.fromEntries(Object.entries(objectives).map(([name, objective]) =>
      [name, given.map((x) => [objective.value(x), ...objective.evaluate(x).flat()])]));
    """
    for name, rows in ask(folder, body, points.tolist()).items():
        value, both = objectives[name].lambdify()
        expected, gradient = both(*points.T)
        np.testing.assert_allclose(np.array(rows)[:, 0], value(*points.T), rtol=1e-13, err_msg=name)
        np.testing.assert_allclose(
            np.array(rows)[:, 1:], np.vstack([expected, gradient]).T, rtol=1e-12, atol=1e-13,
            err_msg=name,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "named"),
    [(sp.gamma(x), "gamma"), (sp.erf(x), "erf"), (sp.LambertW(x), "lambertw"),
     (sp.besselj(0, x), "besselj"), (sp.jn(1, x), "jn"), (sp.digamma(x), "digamma"),
     (sp.Ei(x), "Ei"), (sp.expint(2, x), "expint")],
    ids=str,
)  # fmt: skip
def test_a_function_that_a_browser_has_not_is_refused(expression: sp.Expr, named: str) -> None:
    with pytest.raises(InputError, match=f"where there is no {named}. Use plot"):
        functions(Objective(expression))


@pytest.mark.parametrize(
    "source",
    ["np.lexsort(x[0])", "x[0] // 2", "x[0]**2", "foo(x[0])", "x[y]", "x[0].real", "'text'",
     "lambda: 1", "(x[0], x[1])", "1e400"],
)  # fmt: skip
def test_what_would_mean_something_else_in_javascript_is_refused(source: str) -> None:
    (function,) = ast.parse(f"def value(x, p):\n    return {source}").body
    assert isinstance(function, ast.FunctionDef)
    with pytest.raises(InputError, match="where there is no"):
        method(function, "value")


# ---- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["</script>", "<!--", "constructor", "'; alert(1); '", '"\\', "\u2028\n\r\0", "α𝔸", "\ud800",
     "fetch('https://example.org')", "WebSocket"],
)  # fmt: skip
def test_a_text_is_written_in_escapes_and_read_as_it_was(text: str) -> None:
    shown = _json(text)
    assert json.loads(shown) == text
    assert re.fullmatch(r'"([a-z0-9 ]|\\u[0-9a-f]{4})*"', shown)

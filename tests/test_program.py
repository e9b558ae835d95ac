"""The program of a page: Python that makes the objective of the run, whatever its names are."""

from __future__ import annotations

import keyword
from typing import Any

import pytest
import sympy as sp
from sympy.codegen import cfunctions as c
from test_javascript import EXPRESSIONS

import symadamax as sx
from symadamax.viewer.page.program import REORDERED, program

x, y, k = sp.symbols("x y k")


def made(objective: sx.Objective) -> tuple[Any, dict[str, Any]]:
    """Return what the program of an objective makes, and its names."""
    names: dict[str, Any] = {}
    text, variables = program(objective)
    exec("import sympy as sp\nimport symadamax as sx\n" + text, names)
    assert [names[name] for name in variables] == list(objective.unknowns)
    return names["objective"], names


MORE = {
    "floats": 0.1 * x + 1e-300 * y**2 + sp.Float("0.1", 30),
    "quotients": x / y**2 / 3 - (x + y) ** -2 / 7 + sp.Rational(-5, 3) / sp.sqrt(x),
    "minus": -x - y + 1,
    "special": sp.gamma(x) + sp.besselj(2, y) + sp.LambertW(x, 0) + sp.jn(1, y),
    "negative": (-x) ** 3 + (-2) ** 2 * y,
    "functions": c.fma(x, y, 2) + c.exp2(x),
    "infinities": sp.Piecewise((x, x > 0), (sp.oo, y > 0), (-sp.oo, y < -1), (sp.zoo, True)),
}


@pytest.mark.parametrize("name", [*EXPRESSIONS, *MORE])
def test_the_program_makes_the_objective(name: str) -> None:
    expression = {**EXPRESSIONS, **MORE}[name]
    objective = sx.Objective(expression, [y, x], parameters={k: 3} if expression.has(k) else None)
    text, _ = program(objective)
    assert REORDERED not in text
    assert made(objective)[0] == objective


def test_it_keeps_assumptions_and_arithmetic() -> None:
    positive, dummy = sp.Symbol("x", positive=True), sp.Dummy("z")
    objective = sx.Objective(
        sp.sqrt(positive**2 + y) * dummy, [positive, y, dummy], arithmetic="precise"
    )
    again, names = made(objective)
    assert again == objective
    assert again.stages.arithmetic == "precise"
    assert names["x"] == positive


def test_what_sympy_evaluates_when_it_reads_it_is_told() -> None:
    objective = sx.Objective(sp.Mul(x, x, x, evaluate=False))
    assert REORDERED in program(objective).text
    assert made(objective)[0].value([2]) == 8


def test_a_source_that_somebody_wrote_stays() -> None:
    text, variables = program(sx.Objective(x**2 + 1), "1 + x**2")
    assert text == 'x = sp.symbols("x")\nobjective = sx.Objective(\n    1 + x**2,\n    [x],\n)'
    assert variables == ("x",)


@pytest.mark.parametrize("size", [300, 5000])
def test_what_is_too_long_to_be_written_is_left_to_the_reader(size: int) -> None:
    deep = x
    for _ in range(size):
        deep = sp.sin(deep, evaluate=False) + 1
    text, variables = program(sx.Objective(deep))
    assert text.splitlines()[-1].startswith("objective = ...  # too long")
    assert variables == ("x",)


STRANGE = [
    "&lt;b&gt;",
    "</script>", "constructor", "__proto__", "__builtins__", "x'); import os; ('", 'a"b', "a\\b",
    "a\nb", "\0", "", " ", "x y", "x:3", "λ", "ﬁ", "1x", "sp", "sx", "objective", "result", "print",
    "noisy", "log1p", "x1", *keyword.kwlist[:5], "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_a_name_is_a_text_where_it_is_no_name_of_python(name: str) -> None:
    symbol = sp.Symbol(name)
    objective = sx.Objective(2 * symbol**2 + sp.exp(x) + c.log1p(y), [symbol, x, y])
    again, names = made(objective)
    assert again == objective
    assert names["sp"] is sp
    assert names["sx"] is sx


def test_unknowns_of_one_name_are_told_apart() -> None:
    other = sp.Symbol("x", real=True)
    objective = sx.Objective(x**2 + other, [other, x])
    assert len(set(program(objective).variables)) == 2
    assert made(objective)[0] == objective

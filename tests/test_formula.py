"""Formulas of a page: MathML that a browser can read, in which names are text."""

from __future__ import annotations

import html
from xml.etree import ElementTree

import pytest
import sympy as sp
from test_javascript import EXPRESSIONS
from test_program import MORE, STRANGE

from symadamax.viewer.page.formula import formula, letter, name_in_mathml
from symadamax.viewer.wording import plain

x, y = sp.symbols("x y")
TAGS = {
    "math", "mfrac", "mi", "mn", "mo", "mover", "mroot", "mrow", "msqrt", "msub", "msubsup", "msup",
    "mtable", "mtd", "mtext", "mtr",
}  # fmt: skip


def read(text: str) -> ElementTree.Element:
    """Return the element of a text, which is well-formed and has no element but MathML's."""
    element = ElementTree.fromstring(text)
    assert {each.tag for each in element.iter()} <= TAGS
    return element


def words(text: str) -> str:
    return "".join(read(text).itertext()).replace("\u2062", "")


@pytest.mark.parametrize("name", [*EXPRESSIONS, *MORE])
def test_a_formula_is_well_formed(name: str) -> None:
    element = read(formula({**EXPRESSIONS, **MORE}[name], ["x", "y"]))
    assert "".join(element.itertext()).startswith("f(x,y)=")
    assert element[0].text == "f"


def test_it_reads_as_it_is_written() -> None:
    assert words(formula(2 * x**2 + 2 * x * y - 6 * x, "xy")) == "f(x,y)=2x2+2xy−6x"
    assert words(formula((1 - x) ** 2, "x")) == "f(x)=(1−x)2"
    assert words(formula(sp.exp(-(x**2)), "x")) == "f(x)=exp(−x2)"
    choice = sp.Piecewise((x, x < 0), (-x, True))
    assert words(formula(choice, "x")) == "f(x)={xif\u00a0x<0−xotherwise"


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_a_name_is_text(name: str) -> None:
    symbol = sp.Symbol(name)
    shown = "".join(read(f"<mrow>{name_in_mathml(name)}</mrow>").itertext())
    assert shown in (plain(name), "λ")
    assert shown in words(formula(symbol**2 + x, [name, "x"]))


def test_an_index_stands_below() -> None:
    assert html.unescape(name_in_mathml("beta_1")) == "<msub><mi>β</mi><mi>1</mi></msub>"
    assert name_in_mathml("x_1_2") == "<mi>x_1_2</mi>"


def test_a_long_formula_is_left_out() -> None:
    deep = x
    for _ in range(400):
        deep = sp.sin(deep, evaluate=False)
    assert words(formula(deep, "x")) == "f(x)"
    assert words(formula(sum(sp.sin(k * x) for k in range(1, 200)), "x")) == "f(x)"


def test_letters() -> None:
    assert words(letter("β", "1", "t")) == "β1t"
    assert letter("α") == "<mi>α</mi>"

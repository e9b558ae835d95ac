"""The equations that a page shows: read back from its markup, they compute what a step does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import sympy as sp
from page import OBJECTIVES

from symadamax.derivation import algorithm, bounds, reference
from symadamax.derivation.symbols import beta1, g, m, t
from symadamax.viewer.page.markup import fragment
from symadamax.viewer.page.statements import PLACEMENTS, SHOWN
from symadamax.viewer.page.written import in_places, in_symbols

SIGNS = {"−": "-", "·": "*", "^": "**"}
# The letters of the page by the text of their element.
LETTERS = {
    "α": "learningRate", "β1": "beta1", "β2": "beta2", "ϵ": "epsilon", "t": "t", "gt": "g",
    "α^t": "rate", "mt": "m", "mt−1": "mBefore", "ut": "u", "ut−1": "uBefore", "xt": "x",
    "xt−1": "xBefore", "yt": "x", "yt−1": "xBefore",
}  # fmt: skip
NUMBERS = {
    "learningRate": 0.3, "beta1": 0.75, "beta2": 0.9, "epsilon": 0.125, "t": 5, "xBefore": -1.5,
    "mBefore": -0.4, "uBefore": 0.7,
}  # fmt: skip


def rows(text: str) -> Iterator[tuple[str, str, list[ElementTree.Element]]]:
    """Yield the equations of the page by name, each as its formulas and as its places."""
    (found,) = re.findall(r'<dl class="play-equations">.*?</dl>', text, re.S)
    found = re.sub(r"(data-\w+)(?=[ >])(?!=)", r'\1=""', found.replace("&nbsp;", " "))
    terms = list(ElementTree.fromstring(found))
    for dt, dd in zip(terms[::2], terms[1::2], strict=True):
        yield dd.find("b").attrib["data-n"], dt, dd  # type: ignore[union-attr, misc]


ROWS = {name: (dt, dd) for name, dt, dd in rows(fragment([OBJECTIVES["bowl"]]))}


def belongs(element: Any, placement: str) -> bool:
    return placement in element.attrib.get("data-only", placement).split()


def computed(python: str, **numbers: Any) -> float:
    python = re.sub(r"\|([^|]*)\|", r"abs(\1)", python)
    return float(eval(python, {"max": max, "abs": abs, **numbers}))


def in_python(element: ElementTree.Element) -> str:
    """Return MathML as Python."""
    text = "".join(element.itertext())
    if element.tag == "mspace":
        return "*"
    if element.tag == "msubsup":
        return f"{LETTERS[''.join(map(written, element[:2]))]}**({in_python(element[2])})"
    if element.tag == "msup":
        return f"({in_python(element[0])})**({in_python(element[1])})"
    if element.tag in ("msub", "mi"):
        return LETTERS[text]
    if len(element):
        return "".join(map(in_python, element))
    return SIGNS.get(text, text)


def written(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def in_numbers(element: ElementTree.Element, numbers: dict[str, Any]) -> str:
    """Return what stands in a row when its numbers are filled in, as Python."""
    own = repr(numbers[element.attrib["data-n"]]) if "data-n" in element.attrib else ""
    own = f"({own})" if own.startswith("-") and "data-behind" in element.attrib else own
    parts = [element.text or "", own]
    for child in element:
        parts += [in_numbers(child, numbers), child.tail or ""]
    text = re.sub("[−·^]", lambda sign: SIGNS[sign[0]], "".join(parts))
    return f"**({text.removeprefix('**')})" if element.tag == "sup" else text


def expected(placement: str, gradient: float) -> dict[str, float]:
    """Return the numbers of a step by the reference."""
    settings = reference.Settings(*list(NUMBERS.values())[:4], placement)
    state = (NUMBERS["mBefore"], NUMBERS["uBefore"])
    moment, weight, added = reference.step(state, gradient, NUMBERS["t"], settings)
    rate = NUMBERS["learningRate"] / (1 - NUMBERS["beta1"] ** NUMBERS["t"])
    return {"rate": rate, "m": moment, "u": weight, "x": NUMBERS["xBefore"] + added}


@pytest.mark.parametrize("gradient", [-3.0, 0.1])
@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_is_what_is_computed(name: str, placement: str, gradient: float) -> None:
    right = expected(placement, gradient)
    numbers = {**NUMBERS, "g": gradient, **right}
    terms, values = ROWS[name]
    formulas = [formula for formula in terms if belongs(formula, placement)]
    filled = [span for span in values.findall("span") if belongs(span, placement)]
    assert len(formulas) == (2 if name == "x" else 1)
    assert len(filled) == 1
    for formula in formulas:
        left, equal, *rest = formula
        assert (in_python(left), written(equal)) == (name, "=")
        python = "".join(map(in_python, rest))
        assert computed(python, **numbers) == pytest.approx(right[name], rel=1e-14), python
    python = in_numbers(filled[0], numbers)
    assert python.startswith("= ")
    assert computed(python[2:]) == pytest.approx(right[name], rel=1e-14), python


def test_the_members_of_the_maximum_are_marked() -> None:
    _, values = ROWS["u"]
    for filled in values.findall("span"):
        assert len(filled.findall("span[@data-member]")) == 2


def test_the_bound_is_the_books() -> None:
    (text,) = re.findall(r"<math><mo>±</mo>(.*?)</math>", fragment([OBJECTIVES["bowl"]]))
    first, _, second = ElementTree.fromstring(f"<mrow>{text}</mrow>")
    numbers = {beta1: 0.75, sp.Symbol("beta_2", positive=True): 0.9, t: 5}
    for fraction, factor in zip((first, second), bounds.PER_RATE.args, strict=True):
        above, below = (computed(in_python(part), **NUMBERS) for part in fraction)
        assert above / below == pytest.approx(float(factor.subs(numbers)), rel=1e-13)


def test_a_changed_equation_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = sp.Eq(m[t], beta1 ** (t - 1) * g[t], evaluate=False)
    monkeypatch.setattr(algorithm, "MOMENT", changed)
    terms, values = {n: (d, v) for n, d, v in rows(fragment([OBJECTIVES["bowl"]]))}["m"]
    numbers = {**NUMBERS, "g": 3.0}
    python = "".join(map(in_python, terms[0][2:]))
    assert (
        computed(python, **numbers) == computed(in_numbers(values[0], numbers)[2:]) == 0.75**4 * 3
    )


def test_a_number_behind_a_sign_is_told() -> None:
    a, b = sp.symbols("a b")
    places = '<span data-n="a"></span>{}<span data-n="b" data-behind></span>'
    for expression, sign in ((a * b, " · "), (a / b, " / "), (a - b, " − "), (a + b, " + ")):
        assert in_places(expression) == places.format(sign)


def test_a_letter_may_be_any_text() -> None:
    a, b = sp.symbols("a b")
    assert in_symbols(a - b, {"a": "<mi>a-b</mi>", "b": "<mi>max(</mi>"}) == (
        "<mi>a-b</mi><mo>−</mo><mi>max(</mi>"
    )

"""SymPy -> MathML: an objective as a page shows it, and the names of its unknowns."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any
from xml.dom.minidom import Document

from sympy import Symbol
from sympy.printing.mathml import MathMLPresentationPrinter

from symadamax.viewer.wording import is_small, plain

__all__ = ["formula", "letter", "name_in_mathml"]

OPEN, CLOSE = (f'<mo stretchy="false">{sign}</mo>' for sign in "()")
MOST = 300  # nodes of an expression that is written out


def formula(expression: Any, names: Sequence[str]) -> str:
    """Return ``f(x, y) = ...`` in MathML; a long right side is left out.

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x")
    >>> formula(x**2, ["x"])  # doctest: +ELLIPSIS
    '<math><mi>f</mi>...<mo>=</mo><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    letters = "<mo>,</mo>".join(map(name_in_mathml, names))
    right = _written(expression)
    equal = f"<mo>=</mo>{right}" if right else ""
    return f"<math><mi>f</mi>{OPEN}{letters}{CLOSE}{equal}</math>"


def name_in_mathml(name: str) -> str:
    """Return a name: with its index below where it has one, else as it is.

    >>> name_in_mathml("beta_1"), name_in_mathml("</math>")
    ('<msub><mi>&#946;</mi><mi>1</mi></msub>', '<mi>&lt;/math&gt;</mi>')
    """
    return _Printer("none").doprint(Symbol(name))  # type: ignore[no-any-return]


def letter(base: str, below: str = "", above: str = "") -> str:
    """Return a letter with what stands below and above it.

    >>> letter("u", "t"), letter("β", "1", "t")
    ('<msub><mi>u</mi><mi>t</mi></msub>', '<msubsup><mi>β</mi><mn>1</mn><mi>t</mi></msubsup>')
    """
    parts = [f"<mi>{base}</mi>", *map(_small, filter(None, (below, above)))]
    tag = f"m{'sub' if below else ''}{'sup' if above else ''}"
    return f"<{tag}>{''.join(parts)}</{tag}>" if len(parts) > 1 else parts[0]


def _small(text: str) -> str:
    return f"<mn>{text}</mn>" if text.isdigit() else f"<mi>{text}</mi>"


def _written(expression: Any) -> str:
    """Return the right side in that of two orders of terms in which fewer sums begin with minus."""
    if not is_small(expression, MOST):
        return ""
    try:
        texts = [_low(_Printer(order).doprint(expression)) for order in (None, "none")]
    except RecursionError:
        return ""
    fewest: str = min(texts, key=lambda text: len(re.findall("<mrow><mo>-", text)))
    return fewest.replace("<mo>-</mo>", "<mo>−</mo>")  # fonts draw a hyphen as short as it is


def _low(text: str) -> str:
    """Keep the parentheses around one line from growing with its letters."""
    return re.sub(
        r"<mo>\(</mo>((?:</?m(?:row|i|n|o)>|[^<()])*)<mo>\)</mo>", rf"{OPEN}\1{CLOSE}", text
    )


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc]
    """SymPy's printer, which writes texts as they are: here they are escaped."""

    def __init__(self, order: str | None) -> None:
        super().__init__({"order": order})
        self.dom.createTextNode = self._text

    def _text(self, data: str) -> Any:
        # The printer's own texts are entities of HTML, or characters such as <.
        return Document.createTextNode(self.dom, html.unescape(data))

    def _element(self, tag: str, *children: Any) -> Any:
        element = self.dom.createElement(tag)
        for child in children:
            element.appendChild(child)
        return element

    def _print_Symbol(self, symbol: Any, style: str = "plain") -> Any:
        if re.fullmatch(r"[A-Za-z]+\d*(_[A-Za-z0-9]+)?", symbol.name):
            return super()._print_Symbol(symbol, style)
        return self._element("mi", Document.createTextNode(self.dom, plain(symbol.name)))

    # A tower of exponents is too small to read.
    _print_exp = MathMLPresentationPrinter._print_Function

    def _print_Piecewise(self, expression: Any) -> Any:
        rows = [
            self._element(
                "mtr",
                self._element("mtd", self._print(value)),
                self._element("mtd", self._condition(condition)),
            )
            for value, condition in expression.args
        ]
        return self._element(
            "mrow", self._element("mo", self._text("{")), self._element("mtable", *rows)
        )

    def _condition(self, condition: Any) -> Any:
        if condition == True:  # noqa: E712  SymPy's own truth
            return self._element("mtext", self._text("otherwise"))
        return self._element(
            "mrow", self._element("mtext", self._text("if\u00a0")), self._print(condition)
        )

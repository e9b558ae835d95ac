"""The equations of the book as a page shows them: in symbols, and with places for their numbers.

SymPy writes an equation as text. In it a name becomes a letter in MathML, or the place where
equations.mjs puts its number, and every sign becomes what a reader knows it by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from symadamax.viewer.page.statements import PLACEMENTS, SHOWN, bound, statements

__all__ = ["bound_in_symbols", "in_places", "in_symbols", "rows"]

# What the printer writes around the parts of a power, and around each member of a maximum.
BASE, POWER, END, MEMBER, LAST = "\ue000\ue001\ue002\ue003\ue004"
TOKEN = re.compile(r"[A-Za-z]\w*|\d+|[-+*/] ?|.")
INDEXED = re.compile(
    r"<msup><mrow><msub>((?:(?!</?m?sub>).)*)</msub></mrow>(<mrow>(?:(?!</?mrow>).)*</mrow>)</msup>"
)
IN_SYMBOLS = {
    BASE: "<msup><mrow>", POWER: "</mrow><mrow>", END: "</mrow></msup>", MEMBER: "", LAST: "",
    "max": "<mo>max</mo>", "*": '<mspace width="0.2em"/>', "-": "<mo>−</mo>", "+": "<mo>+</mo>",
    "/": "<mo>/</mo>", ",": "<mo>,</mo>", " ": "",
    **{sign: f'<mo stretchy="false">{sign}</mo>' for sign in "()|"},
}  # fmt: skip
IN_PLACES = {
    BASE: "", POWER: '<sup><span class="play-hidden">^</span>', END: "</sup>",
    MEMBER: "<span data-member>", LAST: "</span>", "*": " · ", "-": "− ", "/": " / ",
}  # fmt: skip


def in_symbols(expression: Any, letters: Mapping[str, str]) -> str:
    """Return an expression in MathML, with a letter for each of its names.

    Examples
    --------
    >>> u, t = sp.symbols("u t")
    >>> in_symbols(u**t, {"u": "<mi>v</mi>", "t": "<mi>n</mi>"})
    '<msup><mrow><mi>v</mi></mrow><mrow><mi>n</mi></mrow></msup>'
    """
    text = _replaced(expression, lambda sign, _: _math(sign, letters))
    return INDEXED.sub(r"<msubsup>\1\2</msubsup>", text)  # the exponent stands above the index


def in_places(expression: Any) -> str:
    """Return an expression in HTML, with a place for the number of each of its names.

    A number behind a sign stands in parentheses where it is negative: ``data-behind`` says so.

    Examples
    --------
    >>> m, u = sp.symbols("m u")
    >>> in_places(m/u)
    '<span data-n="m"></span> / <span data-n="u" data-behind></span>'
    """
    return _replaced(expression, _place)


def rows(letters: Mapping[str, str], unknowns: Mapping[str, Mapping[str, str]]) -> str:
    """Return the equations of a step as terms and descriptions of a list.

    Parameters
    ----------
    letters : mapping of str to str
        MathML by name.
    unknowns : mapping of str to mapping
        The letters of x, and of x before, for each unknown by its place.
    """
    return "\n    ".join(_row(name, letters, unknowns) for name in SHOWN)


def bound_in_symbols(letters: Mapping[str, str]) -> str:
    """Return the longest step in learning rates as MathML: the bound (7.5)."""
    pairs = [map(in_symbols, sp.fraction(factor), (letters, letters)) for factor in bound()]
    return '<mspace width="0.2em"/>'.join(
        f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>" for above, below in pairs
    )


def _row(name: str, letters: Mapping[str, str], unknowns: Mapping[str, Any]) -> str:
    of_each = unknowns if name == "x" else {"": letters}
    shown, filled = [], []
    for only, right in _variants(name):
        for place, known in of_each.items():
            of = f' data-of="{place}"' if place else ""
            all_letters = {**letters, **known}
            equation = f"{all_letters[name]}<mo>=</mo>{in_symbols(right, all_letters)}"
            shown.append(f"<math{only}{of}>{equation}</math>")
        filled.append(f'<span class="play-filled"{only}>= {in_places(right)}</span>')
    return f'<dt>{"".join(shown)}</dt>\n    <dd>{"".join(filled)}= <b data-n="{name}"></b></dd>'


def _variants(name: str) -> Iterator[tuple[str, Any]]:
    """Yield the right sides of an equation, each with the places of epsilon that have it."""
    known = {placement: statements(placement)[name] for placement in PLACEMENTS}
    different: dict[Any, list[str]] = {}
    for placement, right in known.items():
        different.setdefault(right, []).append(placement)
    for right, placements in different.items():
        yield (f' data-only="{" ".join(placements)}"' if len(different) > 1 else ""), right


def _replaced(expression: Any, written: Callable[[str, bool], str]) -> str:
    """Return the text of SymPy with each name and sign replaced, told whether a sign is before."""
    found = TOKEN.findall(_Printer().doprint(expression))
    before = [False, *(token[0] in "-+*/" for token in found)]
    return "".join(written(token, behind) for token, behind in zip(found, before, strict=False))


def _math(token: str, letters: Mapping[str, str]) -> str:
    if token.isdigit():
        return f"<mn>{token}</mn>"
    sign = token.strip() or " "
    return IN_SYMBOLS[sign] if sign in IN_SYMBOLS else letters[sign]


def _place(token: str, behind: bool) -> str:
    if token[0].isalpha() and token != "max":
        return f'<span data-n="{token}"{" data-behind" if behind else ""}></span>'
    return IN_PLACES.get(token.strip(), token)


class _Printer(StrPrinter):  # type: ignore[misc]
    """SymPy's text of an expression that is held as it is written, its powers and maxima marked."""

    def __init__(self) -> None:
        super().__init__({"order": "none"})

    def _print_Abs(self, size: Any) -> str:
        return f"|{self._print(size.args[0])}|"

    def _print_Max(self, largest: Any) -> str:
        members = sorted(largest.args, key=sp.default_sort_key)
        return f"max({', '.join(f'{MEMBER}{self._print(member)}{LAST}' for member in members)})"

    def _print_Pow(self, power: Any, rational: bool = False) -> str:
        base = self.parenthesize(power.base, PRECEDENCE["Pow"])
        return f"{BASE}{base}{POWER}{self._print(power.exp)}{END}"

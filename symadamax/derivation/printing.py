"""How the book is shown: LaTeX for pages and notebooks, and lines of text for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_use_unicode
from sympy.printing.pretty.stringpict import line_width, prettyForm

if TYPE_CHECKING:
    from symadamax.derivation.steps import Equation, Step

__all__ = ["heading", "latex", "markdown", "plain", "pretty", "text"]

WIDTH = 80
LEAST = 40  # a narrower terminal breaks lines by itself

SUBSCRIPTS = dict(zip("0123456789+-()eijkmnpt", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₑᵢⱼₖₘₙₚₜ", strict=True))
# The TeX of the prose, which is kept to these and to single letters with a sub- or superscript.
SIGNS = {
    r"\alpha": "α", r"\beta": "β", r"\epsilon": "ε", r"\Delta": "Δ", r"\mu": "μ", r"\sigma": "σ",
    r"\infty": "∞", r"\to": "→", r"\le": "≤", r"\ge": "≥", r"\ne": "≠", r"\ldots": "…",
    r"\cdot": "·", r"\sqrt": "√", r"\gamma": "γ", r"\lambda": "λ", r"\max": "max", r"\,": " ",
}  # fmt: skip
ACCENTS = {r"\hat": "\u0302", r"\bar": "\u0304"}
SUPERSCRIPTS = dict(zip("0123456789+-()inpt", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁱⁿᵖᵗ", strict=True))


def latex(expression: Any) -> str:
    """Return LaTeX with the terms in the order in which they are written."""
    written: str = sp.latex(expression, order="none")
    return written


def markdown(step: Step) -> str:
    """Return a step as Markdown with LaTeX, as notebooks and the pages of the docs show it."""
    shown = _captioned(step, [rf"$${e.latex} \qquad ({e.number})$$" for e in step.equations])
    facts = [" ".join(_facts(step)), f"*{step.verdict.value}*"]
    return "\n\n".join([f"**{step.title}**", step.prose, *shown, *facts])


def text(step: Step, width: int = WIDTH, unicode: bool = True) -> str:
    """Return a step as lines for a terminal of a width, in Unicode or in ASCII alone."""
    width = max(width, LEAST)

    def wrapped(words: str, before: str = "  ") -> str:
        words = words if unicode else words.replace("≤", "<=")
        return fill(plain(words, unicode), width, initial_indent=before, subsequent_indent="  ")

    paragraphs = [wrapped(part) for part in step.prose.split("\n\n")]
    shown = _captioned(step, [_numbered(e, width, unicode) for e in step.equations], "  ")
    facts = "\n".join(map(wrapped, [*_facts(step), step.verdict.value]))
    return "\n\n".join([wrapped(f"{step.id}: {step.title}", ""), *paragraphs, *shown, facts])


def _captioned(step: Step, equations: list[str], before: str = "") -> Iterator[str]:
    for caption, equation in zip_longest(step.captions, equations):
        if caption is not None:
            yield before + caption
        yield equation


def _facts(step: Step) -> list[str]:
    assumed = [f"Assumed: {'; '.join(step.assumptions)}."] if step.assumptions else []
    return [*assumed, f"{step.origin}: {step.source}."]


def heading(title: str, unicode: bool = True) -> str:
    """Return a chapter's title, underlined."""
    title = plain(title, unicode)
    return f"{title}\n{'=' * len(title)}"


def _numbered(equation: Equation, width: int, unicode: bool) -> str:
    """Return an equation with its number at the end of its middle line, if there is room."""
    number = f"({equation.number})"
    lines, middle = pretty(equation.statement, unicode)
    longest = max(map(line_width, lines))
    if longest + len(number) + 8 <= width:
        lines[middle] += " " * (longest - line_width(lines[middle])) + f"    {number}"
        return indent("\n".join(lines), "    ")
    blocks = _broken(equation.statement, width - 6, unicode) if longest + 4 > width else [lines]
    return indent("\n\n".join([number, *map("\n".join, blocks)]), "    ")


def _broken(statement: Any, width: int, unicode: bool) -> Iterator[list[str]]:
    """Yield a relation that is too wide in lines, each term of its right side for itself."""
    first, *others = sp.Add.make_args(statement.rhs)
    yield pretty(statement.func(statement.lhs, first, evaluate=False), unicode, width)[0]
    for term in others:
        lines, middle = pretty(term, unicode, width)
        yield [("+ " if k == middle else "  ") + line for k, line in enumerate(lines)]


def pretty(expression: Any, unicode: bool = True, width: int = 10_000) -> tuple[list[str], int]:
    """Return the lines of a formula, broken where it is too wide, and which is the middle one."""
    printer = _Pretty({"order": "none", "use_unicode": unicode, "num_columns": width})
    before = pretty_use_unicode(unicode)
    try:
        form = printer._print(expression)
        lines = form.render(**printer._settings).split("\n")
    finally:
        pretty_use_unicode(before)
    return [line.rstrip() for line in lines], form.baseline


class _Pretty(PrettyPrinter):  # type: ignore[misc]
    """SymPy's printer, with indices below the line and `max` as it is written."""

    def _print_Symbol(self, symbol: Any, bold_name: bool = False) -> prettyForm:
        if "\\" in symbol.name:
            return prettyForm(_formula(symbol.name, self._use_unicode), binding=prettyForm.ATOM)
        return super()._print_Symbol(symbol, bold_name)

    def _print_Indexed(self, indexed: Any) -> prettyForm:
        name = self._print(sp.Symbol(indexed.base.label.name))
        places = ",".join(sp.sstr(k, order="none").replace(" ", "") for k in indexed.indices)
        if self._use_unicode and all(sign in SUBSCRIPTS for sign in places):
            below = "".join(SUBSCRIPTS[sign] for sign in places)
        else:
            below = f"[{places}]"
        return prettyForm(*name.right(below), binding=prettyForm.ATOM)

    def _print_Max(self, largest: Any) -> prettyForm:
        members = sorted(largest.args, key=sp.default_sort_key)
        inside = prettyForm(*self._print_seq(members, delimiter=", ").parens())
        return prettyForm(*prettyForm("max").right(inside), binding=prettyForm.ATOM)

    def _print_Largest(self, largest: Any) -> prettyForm:
        ((index, first, last),) = largest.limits
        sign = " ≤ " if self._use_unicode else " <= "
        below = sign.join(sp.sstr(part) for part in (first, index, last))
        name = prettyForm(*prettyForm("max").below(prettyForm(below)))
        return prettyForm(*name.right(" ", self._print(largest.function)), binding=prettyForm.MUL)


# ---- prose --------------------------------------------------------------------------------------


def plain(prose: str, unicode: bool = True) -> str:
    r"""Return prose with its ``$...$`` mathematics as plain text.

    Examples
    --------
    >>> plain(r"the decay $\beta_1^t$ of $\hat m_t$, and $x_{t-1} \le c$")
    'the decay β₁ᵗ of m̂ₜ, and xₜ₋₁ ≤ c'
    >>> plain(r"the decay $\beta_1^t$", unicode=False)
    'the decay beta_1^t'
    """
    return re.sub(
        r"\$([^$]*)\$", lambda found: _formula(found[1], unicode), " ".join(prose.split())
    )


def _formula(tex: str, unicode: bool) -> str:
    if not unicode:
        return re.sub(r"\\([a-z]+|,) ?", lambda found: found[1].strip(","), tex, flags=re.I)
    for name, sign in ACCENTS.items():
        tex = re.sub(rf"\{name}\s*{{?(\\[a-z]+|[a-zA-Z])}}?", rf"\1{sign}", tex)
    for name, sign in SIGNS.items():
        tex = re.sub(rf"\{name}(?![a-z])", sign, tex)
    tex = re.sub(r"_(\{[^}]*\}|.)", lambda found: _moved(found[1], SUBSCRIPTS, "_"), tex)
    tex = re.sub(r"\^(\{[^}]*\}|.)", lambda found: _moved(found[1], SUPERSCRIPTS, "^"), tex)
    return re.sub(r"[{}]", "", tex)


def _moved(part: str, signs: dict[str, str], mark: str) -> str:
    part = part.strip("{}")
    if all(sign in signs for sign in part):
        return "".join(signs[sign] for sign in part)
    return f"{mark}{part}" if len(part) == 1 else f"{mark}({part})"

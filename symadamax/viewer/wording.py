"""Words on a picture, as plain text: nothing in a symbol's name is taken as markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["formula", "is_small", "number", "plain", "with_fewest_minus"]

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LONGEST_FORMULA = 64
LONGEST_NAME = 24


def plain(name: object) -> str:
    """Return a symbol's name on one short line, with a question mark for what does not print."""
    text = "".join(mark if mark.isprintable() else "?" for mark in str(name))
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def number(value: float, form: str = ".6g") -> str:
    """Return a number with a true minus sign.

    >>> number(-0.57735026)
    '−0.57735'
    """
    return f"{value:{form}}".replace("-", "−")


def formula(expression: Any, names: Sequence[str]) -> str:
    """Return ``f(x) = ...`` when the expression is short enough for a title, else ``f(x)``.

    >>> import sympy as sp
    >>> x, y = sp.symbols("x y")
    >>> formula(2*x**2 + 2*x*y, ["x", "y"])
    'f(x, y) = 2x² + 2x·y'
    """
    shown = names if len(names) <= 3 else (names[0], "…", names[-1])
    left = f"f({', '.join(shown)})"
    right = plain_mathematics(_readable(expression)) if is_small(expression) else ""
    short = right != "" and len(left) + len(right) <= LONGEST_FORMULA and right.isprintable()
    return f"{left} = {right}" if short else left


def _readable(expression: Any) -> str:
    """Return SymPy's text in that of two orders of terms which reads better."""
    from sympy import sstr

    return with_fewest_minus([sstr(expression), sstr(expression, order="none")])


def with_fewest_minus(texts: Sequence[str]) -> str:
    """Return the first of those texts of an expression in which the fewest sums begin with a minus.

    >>> with_fewest_minus(["-x + y", "y - x"])
    'y - x'
    """
    return min(texts, key=lambda text: len(re.findall(r"(?:^|\()-", text)))


def plain_mathematics(text: str) -> str:
    """Return SymPy's text with raised exponents, a middle dot for the product and a true minus."""
    text = re.sub(r"\*\*(\d+)(?![\d.])", lambda power: power[1].translate(SUPERSCRIPTS), text)
    text = re.sub(r"(?<![\w.])(?<!e[+-])(\d+)\*(?=[^\W\d])", r"\1", text)
    return text.replace("**", "^").replace("*", "·").replace("-", "−")


def is_small(expression: Any, most: int = 60) -> bool:
    """Tell whether the expression has few nodes, without recursion: str() of a deep one fails."""
    waiting = [expression]
    for _ in range(most):
        if not waiting:
            return True
        waiting.extend(getattr(waiting.pop(), "args", ()))
    return not waiting

"""Formulas in text -> SymPy, by a grammar: nothing in the text is ever executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import sympy as sp

from symadamax.errors import FormulaError, require
from symadamax.formula.builder import Builder
from symadamax.formula.limits import DEPTH, LENGTH
from symadamax.formula.names import FUNCTIONS, LETTERS
from symadamax.formula.parts import MisplacedError, Part

__all__ = ["parse_formula"]

WINDOW = 70  # characters of the formula that an error shows

# What people write, and what is meant.
HINTS: Mapping[str, str] = {
    "=": "Write == in a condition; for an equation f = g, minimise (f - g)**2.",
    ",": "Write decimal numbers with a point; commas stand between the arguments of a function.",
    ".": "A point stands only in numbers: names have no parts.",
    "%": "Write mod(a, b).",
    "!": "Write gamma(n + 1) for a factorial, and != or not in conditions.",
    "|": "Write abs(x) for a magnitude, and or in conditions.",
    "&": "Write and.",
    "~": "Write not.",
    "[": "Write parentheses.",
    "]": "Write parentheses.",
    "{": "Write parentheses.",
    "}": "Write parentheses.",
    "−": "Write the minus sign of the keyboard, -.",
    "–": "Write the minus sign of the keyboard, -.",
    "×": "Write *.",
    "·": "Write *.",
    "⋅": "Write *.",
    "÷": "Write /.",
    "²": "Write **2.",
    "³": "Write **3.",
    "√": "Write sqrt(...).",
    "≤": "Write <=.",
    "≥": "Write >=.",
    "≠": "Write !=.",
}

KINDS: Mapping[str, str] = {
    "NUMBER": "a number",
    "NAME": "a name",
    "OPEN": "'('",
    "NOT": "'not'",
    **dict.fromkeys(("SIGN", "TIMES", "OVER", "POWER", "RELATION"), "an operator"),
    **dict.fromkeys(("AND", "AMPERSAND", "OR", "BAR"), "an operator"),
    "COMMA": "','",
    "CLOSE": "')'",
    "$END": "the end",
}


def parse_formula(text: str) -> sp.Expr:
    """Return the SymPy expression of a formula in text.

    Parameters
    ----------
    text : str
        A formula of at most 100,000 characters, in which parentheses, calls and powers stand at
        most 100 levels inside one another.

        - Numbers: whole numbers and what ``+ - * /`` and powers make of them are exact, so that
          ``1/3`` is a third; a number with a point or an exponent, such as ``0.1`` or ``1e-3``, is
          the nearest double, as in Python.
        - Names: Latin and Greek letters, digits and ``_``. A name that is neither a function nor a
          constant becomes a plain ``sympy.Symbol``; so do ``beta``, ``gamma`` and ``zeta`` without
          parentheses. The constants are ``pi`` (or ``π``), ``E``,
          ``EulerGamma`` and ``GoldenRatio``; ``e`` is refused, since it may mean either.
        - ``+ - * /`` and ``**`` or ``^``, which bind as in Python: powers from the right, and more
          tightly than a sign before them. A product is always written with ``*``.
        - Functions: ``exp log ln log2 log10 log1p expm1 exp2``, and ``log(x, base)``; ``sin cos tan
          cot sec csc``, with ``a`` or ``arc`` before them for the inverse, with ``h`` behind them
          for the hyperbolic ones, and ``atan2``; ``sqrt cbrt hypot abs sign min max floor ceil frac
          mod Heaviside``; ``sinc`` (sin(x)/x) ``erf erfc erfi erfinv erfcinv gamma loggamma
          factorial binomial digamma polygamma beta expint Ei LambertW besselj bessely besseli
          besselk jn zeta``. Where SymPy has
          another name for one it is accepted too.
        - ``piecewise(condition, value, condition, value, ..., otherwise)``, or ``where`` for one
          condition, with ``< <= > >= == !=``, ``and``, ``or``, ``not`` in the conditions; or as
          SymPy prints it, ``Piecewise((value, condition), ..., (value, True))``.

    Returns
    -------
    sympy.Expr
        The formula as it is written: SymPy collects numbers and equal terms, and does not rewrite
        functions. Constants are finite, real, and in the range of a double.

    Raises
    ------
    FormulaError
        When the text is not such a formula. The message says what was found and what is accepted,
        and shows the place.
    MissingDependencyError
        When the package lark is not installed.

    Examples
    --------
    >>> parse_formula("2*x^2 + sin(pi/6)/y")
    2*x**2 + 1/(2*y)
    >>> parse_formula("where(x < 0, -x, x)")
    Piecewise((-x, x < 0), (x, True))
    >>> parse_formula("2x")
    Traceback (most recent call last):
        ...
    symadamax.errors.FormulaError: A product is written with *: write 2*x.
        2x
         ^
    """
    _check_text(text)
    _check_letters(text)
    exceptions: Any = require("lark.exceptions", "cli", "reading formulas from text")
    try:
        part: Part = _parser().parse(text)
    except MisplacedError as error:
        raise _error(str(error), text, error.at) from error
    except exceptions.UnexpectedCharacters as error:
        raise _error(_no_character(text[error.pos_in_stream]), text, error.pos_in_stream) from None
    except exceptions.UnexpectedToken as error:
        at = len(text.rstrip()) if error.token.type == "$END" else error.token.start_pos
        raise _error(_no_token(error.token, error.accepts, text[:at]), text, at) from None
    except RecursionError:
        raise FormulaError("The formula is nested too deeply to be read.") from None
    result: sp.Expr = part.expression
    return result


@cache
def _parser() -> Any:
    lark: Any = require("lark", "cli", "reading formulas from text")
    return lark.Lark.open(
        "formula.lark", rel_to=__file__, parser="lalr", lexer="basic", transformer=Builder()
    )


def _check_text(text: object) -> None:
    """Refuse what is no text, is empty or too long, and parentheses that do not match."""
    if not isinstance(text, str):
        raise FormulaError(
            "A formula is text, for example '2*x**2 - 6*x'; "
            f"what was given is of the type {type(text).__name__}."
        )
    if len(text) > LENGTH:
        raise FormulaError(
            f"The formula has {len(text):,} characters; at most {LENGTH:,} are accepted."
        )
    if not text.strip():
        raise FormulaError("The formula is empty. Write one such as 2*x**2 - 6*x.")
    open_at: list[int] = []
    for match in re.finditer(r"[()]", text):
        at = match.start()
        if match[0] == "(":
            open_at.append(at)
        elif not open_at:
            raise _error("This ')' closes nothing.", text, at)
        else:
            open_at.pop()
        if len(open_at) > DEPTH:
            raise _error(f"Parentheses are nested more than {DEPTH} levels deep.", text, at)
    if open_at:
        raise _error("This '(' is not closed: a ')' is missing.", text, open_at[-1])


def _check_letters(text: str) -> None:
    """Refuse a name that stands for a function and for an unknown."""
    for name in LETTERS:
        call = re.search(rf"\b{name}\s*\(", text)
        if call and re.search(rf"\b{name}\b(?!\s*\()", text):
            raise _error(
                f"{name} is a function here, and an unknown elsewhere: write {name}*(...), or give "
                f"the unknown another name, for example {name}_.",
                text,
                call.start(),
            )


def _no_character(character: str) -> str:
    shown = repr(character) if character.isprintable() else ascii(character)
    hint = HINTS.get(character, "")
    if not hint and character.isalpha():
        hint = "Names are made of Latin and Greek letters, digits and _."
    return f"{shown} has no meaning here. {hint}".rstrip()


def _no_token(token: Any, accepted: set[str], before: str) -> str:
    """Say what was found, and what is accepted in its place."""
    operand = re.search(r"[\w.]+$|\)$", before.rstrip())
    if token.type in ("NUMBER", "NAME", "OPEN") and operand:
        if "if" in (token, operand[0]):
            return "Write where(condition, value, otherwise) for a choice."
        if operand[0] in FUNCTIONS:
            return f"{operand[0]} is a function: write {operand[0]}(...)."
        return f"A product is written with *: write {_cut(operand[0])}*{_cut(token)}."
    found = "the end of the formula" if token.type == "$END" else f"'{_cut(token)}'"
    kinds = list(dict.fromkeys(kind for name, kind in KINDS.items() if name in accepted))
    expected = " or ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))
    return f"Found {found}; accepted is {expected}. {HINTS.get(str(token), '')}".rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= 20 else text[:20] + "..."


def _error(message: str, text: str, at: int) -> FormulaError:
    """Return the error with a window of the formula and a caret under the place."""
    start = max(0, min(at - WINDOW // 2, len(text) - WINDOW))
    stop = min(len(text), start + WINDOW)
    before, after = "..." if start else "", "..." if stop < len(text) else ""
    shown = "".join(c if c.isprintable() else " " for c in text[start:stop])
    caret = " " * (len(before) + at - start) + "^"
    return FormulaError(f"{message}\n    {before}{shown}{after}\n    {caret}")

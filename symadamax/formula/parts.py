"""Part: a piece of a formula, with its place in the text and what bounds the work on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symadamax.compiler.constants import nearest_double
from symadamax.errors import InputError
from symadamax.formula.limits import (
    BITS,
    DEPTH,
    IRRATIONAL,
    bits,
    check_exponents,
    check_work,
    in_range,
)

__all__ = [
    "MisplacedError", "Pair", "Part", "blaming", "condition", "enclosed", "made", "real",
    "value_of",
]  # fmt: skip

UNDEFINED = (sp.zoo, sp.nan, sp.oo, -sp.oo)


class MisplacedError(InputError):
    """A refusal that knows its place in the text."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@contextmanager
def blaming(at: int) -> Iterator[None]:
    """Turn an InputError of the body into one that points to a place in the text."""
    try:
        yield
    except MisplacedError:
        raise
    except InputError as error:
        raise MisplacedError(str(error), at) from error


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a formula.

    Parameters
    ----------
    expression : sympy.Expr or sympy.logic.boolalg.Boolean
        What it is in SymPy: a number, or a truth value.
    at : int
        Where it begins in the text.
    depth : int
        How deeply parentheses, calls and powers stand inside one another in it.
    value : float, optional
        Of a constant.
    irrational : int
        How many irrational constants, and functions and powers of constants, a constant is made of.
    work : int
        How many terms, factors and arguments SymPy has gone through to make it.
    """

    expression: Any
    at: int
    depth: int = 0
    value: float | None = None
    irrational: int = 0
    work: int = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """A case of a piecewise function as SymPy prints it: ``(value, condition)``."""

    value: Part
    test: Part
    at: int


def real(part: Part) -> Part:
    """Return a part that is a number; refuse a condition."""
    if not isinstance(part.expression, sp.Expr):
        raise MisplacedError(
            "Here stands a condition; accepted is a number. "
            "A condition belongs in piecewise(condition, value, otherwise).",
            part.at,
        )
    return part


def condition(part: Part) -> Part:
    """Return a part that is a condition; refuse a number."""
    if isinstance(part.expression, sp.Expr):
        raise MisplacedError("Here stands a number; accepted is a condition like x < 0.", part.at)
    return part


def value_of(parts: Sequence[Part], compute: Callable[[list[float]], float]) -> float | None:
    """Return what `compute` makes of the values of constants; None where one is not constant."""
    values = [part.value for part in parts if part.value is not None]
    return compute(values) if len(values) == len(parts) else None


def enclosed(part: Part) -> Part:
    """Return a part in parentheses, which stands a level deeper."""
    return replace(part, depth=_checked_depth(part.depth + 1))


def made(
    make: Callable[[], Any],
    at: int,
    parts: Sequence[Part],
    value: float | None = None,
    *,
    deeper: int = 0,
    exact: bool = True,
) -> Part:
    """Return the part that `make` makes of others.

    Parameters
    ----------
    make : callable
        Makes the SymPy expression.
    at : int
        Where the new part begins.
    parts : sequence of Part
        What it is made of.
    value : float, optional
        The value of a constant.
    deeper : int
        1 for a function or a power of its parts, 0 for a sum or a product.
    exact : bool
        False for a constant that is to become the float `value`.

    Raises
    ------
    InputError
        When it is nested too deeply, undefined, or larger than a double.
    """
    depth = _checked_depth(deeper + max(part.depth for part in parts))
    irrational = deeper + sum(part.irrational for part in parts)
    if value is not None:
        in_range(value, "This constant")
        exact = exact and irrational <= IRRATIONAL
    expression = make() if exact else sp.Float(value)
    if expression in UNDEFINED:
        raise InputError("This has no finite value.")
    if expression.is_Rational and bits(expression) > BITS:
        expression = sp.Float(nearest_double(expression))
    work = check_work(len(expression.args) + sum(part.work for part in parts))
    if expression.is_Rational or expression.is_Float:
        return Part(expression, at, depth, nearest_double(expression), work=work)
    check_exponents(expression)
    if value is None and expression.is_number:
        value = nearest_double(expression)
    irrational = 0 if value is None else max(1, irrational)
    return Part(expression, at, depth, value, irrational, work)


def _checked_depth(depth: int) -> int:
    if depth > DEPTH:
        raise InputError(f"The formula is nested more than {DEPTH} levels deep here.")
    return depth

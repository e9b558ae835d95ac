"""Calls of functions, and the conditions of piecewise ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

import sympy as sp

from symadamax.errors import InputError
from symadamax.formula.arithmetic import raise_to
from symadamax.formula.limits import in_range
from symadamax.formula.names import CONSTANTS, FUNCTIONS, PIECEWISE, RELATION_NAMES, Function
from symadamax.formula.parts import (
    MisplacedError,
    Pair,
    Part,
    blaming,
    condition,
    enclosed,
    made,
    real,
)

__all__ = ["applied", "call", "compare", "join", "negated"]

RELATIONS: dict[str, tuple[Any, Callable[[float, float], bool]]] = {
    "<": (sp.StrictLessThan, lambda a, b: a < b),
    "<=": (sp.LessThan, lambda a, b: a <= b),
    ">": (sp.StrictGreaterThan, lambda a, b: a > b),
    ">=": (sp.GreaterThan, lambda a, b: a >= b),
    "==": (sp.Equality, lambda a, b: a == b),
    "!=": (sp.Unequality, lambda a, b: a != b),
}


HALF = Part(sp.S.Half, 0, value=0.5)


def call(name: str, at: int, arguments: Sequence[Part | Pair]) -> Part:
    """Return name(arguments) for a name of the table, or say which names there are."""
    with blaming(at):
        if name in PIECEWISE:
            return _piecewise(name, at, arguments)
        parts = [_single(argument) for argument in arguments]
        if name in RELATION_NAMES:
            _check_count(name, len(parts), 2, 2)
            return _relation(RELATION_NAMES[name], real(parts[0]), real(parts[1]))
        function = FUNCTIONS.get(name)
        if function is None:
            raise InputError(_unknown_function(name))
        _check_count(name, len(parts), function.least, function.most)
        if name == "sqrt":
            return raise_to(real(parts[0]), HALF, deeper=1)
        return applied(function, name, [real(part) for part in parts], at)


def _single(argument: Part | Pair) -> Part:
    if isinstance(argument, Pair):
        raise MisplacedError(
            "Two stand in these parentheses; accepted is one. A pair (value, condition) belongs in "
            "Piecewise((value, condition), ..., (value, True)).",
            argument.at,
        )
    return argument


def applied(function: Function, name: str, arguments: Sequence[Part], at: int) -> Part:
    """Return the function of the arguments; of constants, the number that it is."""
    expressions = [argument.expression for argument in arguments]
    values = [argument.value for argument in arguments if argument.value is not None]
    if len(values) < len(arguments):
        return made(lambda: function.head(*expressions, evaluate=False), at, arguments, deeper=1)
    shown = f"{name}({', '.join(f'{value:.6g}' for value in values)})"
    value = _numeric(function, shown, values)
    if sum(argument.irrational for argument in arguments) <= function.exact:
        return made(lambda: function.head(*expressions), at, arguments, float(value), deeper=1)
    number = sp.Integer(value) if isinstance(value, int) else sp.Float(value)
    return made(lambda: number, at, arguments, deeper=1)


def _numeric(function: Function, shown: str, values: Sequence[float]) -> float:
    try:
        value = function.numeric(*values)
    except OverflowError:
        value = float("inf")
    except InputError:
        raise
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{shown} has no real value.") from None
    in_range(value, shown, zero=function.vanishes)
    return value


def _check_count(name: str, given: int, least: int, most: float) -> None:
    if least <= given <= most:
        return
    accepted = str(least) if least == most else f"{least} to {most}"
    if most == float("inf"):
        accepted = f"{least} or more"
    plural = "" if accepted == "1" else "s"
    raise InputError(f"{name} takes {accepted} argument{plural}; {given} are given.")


def _unknown_function(name: str) -> str:
    if name == "if":
        return "There is no function 'if'. Write where(condition, value, otherwise)."
    if name in CONSTANTS:
        return f"{name} is a number, not a function: write {name}*(...)."
    known = {known.lower(): known for known in (*FUNCTIONS, *PIECEWISE)}
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    if near:
        return f"There is no function {name!r}. Did you mean {known[near[0]]}?"
    return f"There is no function {name!r}. If {name} is an unknown, write {name}*(...)."


# ---- conditions --------------------------------------------------------------------------------


def compare(parts: Sequence[Part], signs: Sequence[Any]) -> Part:
    """Return a < b, or for a < b < c both of its halves; constants are decided in doubles."""
    pairs = zip(signs, pairwise(parts), strict=True)
    relations = [_relation(sign, real(a), real(b)) for sign, (a, b) in pairs]
    return relations[0] if len(relations) == 1 else join(sp.And, relations)


def _relation(sign: Any, a: Part, b: Part) -> Part:
    head, decide = RELATIONS[str(sign)]
    if a.value is not None and b.value is not None:
        truth = sp.true if decide(a.value, b.value) else sp.false
        return made(lambda: truth, a.at, [a, b])
    return made(lambda: head(a.expression, b.expression, evaluate=False), a.at, [a, b])


def join(head: Any, parts: Sequence[Part]) -> Part:
    """Return conditions joined by And or Or."""
    expressions = [condition(part).expression for part in parts]
    return made(lambda: head(*expressions), parts[0].at, parts)


def negated(part: Part, at: int) -> Part:
    """Return the opposite of a condition."""
    return made(lambda: sp.Not(condition(part).expression), at, [part])


def _check_flat(test: Part) -> Any:
    """Return a condition without pieces in it: SymPy multiplies out the cases of those."""
    if condition(test).expression.has(sp.Piecewise):
        raise MisplacedError(
            "A piecewise function stands in this condition. "
            "Write its cases as conditions of their own, joined by and, or, not.",
            test.at,
        )
    return test.expression


def _piecewise(name: str, at: int, arguments: Sequence[Part | Pair]) -> Part:
    """Return piecewise(condition, value, ..., otherwise) or Piecewise((value, condition), ...)."""
    pairs = [argument for argument in arguments if isinstance(argument, Pair)]
    if pairs and len(pairs) == len(arguments):
        return _first_that_holds(at, [(pair.test, pair.value) for pair in pairs], None)
    parts = [_single(argument) for argument in arguments]
    _check_count(name, len(parts), *PIECEWISE[name])
    *cases, otherwise = parts
    if len(cases) % 2:
        raise InputError(
            f"{name} takes a condition and a value, as often as needed, and then a value for all "
            f"other cases: an odd number of arguments; {len(parts)} are given."
        )
    return _first_that_holds(at, list(zip(cases[::2], cases[1::2], strict=True)), real(otherwise))


def _first_that_holds(at: int, cases: Sequence[tuple[Part, Part]], otherwise: Part | None) -> Part:
    """Return the value of the first condition that holds; constants are decided here."""
    branches = []
    for test, value in cases:
        decided = _check_flat(test)
        if decided is sp.true:
            otherwise = real(value)
            break
        if decided is not sp.false:
            branches.append((real(value).expression, decided))
    if not branches:
        if otherwise is None:
            raise InputError("No condition of this piecewise function ever holds.")
        return enclosed(replace(otherwise, at=at))
    last = [] if otherwise is None else [(otherwise.expression, True)]
    parts = [part for case in cases for part in case] + ([] if otherwise is None else [otherwise])
    return made(lambda: sp.Piecewise(*branches, *last, evaluate=False), at, parts, deeper=1)

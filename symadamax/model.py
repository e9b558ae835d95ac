"""Model: a formula in text, over the columns of a table, with each of its names of one kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from symadamax.errors import InputError
from symadamax.parse import parse_formula

__all__ = ["Model", "model_of"]

CONSTANTS = frozenset({"pi", "π", "E", "EulerGamma", "GoldenRatio"})


@dataclass(frozen=True)
class Model:
    """What a formula says of a response, with each of its names of one kind; see `model_of`.

    Attributes
    ----------
    formula : str
    expression : sympy.Expr
    response : str
        The column that is fitted.
    unknowns : tuple of str
        In the order of the start.
    parameters : dict of str to float
        The names with a fixed number.
    columns : tuple of str
        The columns that the formula reads, sorted.
    """

    formula: str
    expression: sp.Expr
    response: str
    unknowns: tuple[str, ...]
    parameters: Mapping[str, float]
    columns: tuple[str, ...]


def model_of(
    formula: str,
    response: str,
    unknowns: Sequence[str],
    parameters: Mapping[str, float],
    there: Sequence[str],
) -> Model:
    """Return the model of a formula in text, over a table with these columns.

    Raises
    ------
    InputError
        When a name is of no kind or of two, or the response stands in the formula.
    FormulaError
        When the formula cannot be read.

    Examples
    --------
    >>> model_of("a*exp(-b*t)", "y", ["a", "b"], {}, ["t", "y", "comment"]).columns
    ('t',)
    """
    expression = parse_formula(formula)
    present = {symbol.name for symbol in expression.free_symbols}
    given = {*unknowns, *parameters}
    columns = f"the columns are {', '.join(map(repr, there))}"
    if response not in there:
        raise InputError(f"There is no column {response!r} for the response; {columns}.")
    if response in present | given:
        raise InputError(f"{response!r} is the response: it cannot stand in the formula as well.")
    if not unknowns:
        raise InputError("No start is given: write a number for each unknown, such as a=1,b=1.")
    words = {*re.findall(r"\w+", formula)}
    for names, trouble in (
        ({*unknowns} & {*parameters}, "has a start, and is a parameter as well"),
        (given & {*there}, "is a column, and has a number as well: rename one of them"),
        (given - present, "has a number, and does not stand in the formula"),
        (CONSTANTS & words & {*there}, "is a column, and a constant in formulas: rename it"),
        (present - given - {*there}, f"is neither a column nor has a start; {columns}"),
    ):
        if names:
            raise InputError(f"{min(names)!r} {trouble}.")
    return Model(
        formula, expression, response, tuple(unknowns), dict(parameters),
        tuple(sorted(present - given)),
    )  # fmt: skip

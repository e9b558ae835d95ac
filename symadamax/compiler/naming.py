"""Indices without names -> named ones, the same wherever sums are equal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

__all__ = ["named"]


def named(part: Any, around: list[str], taken: set[str]) -> Any:
    """Return an expression in which an index that is a Dummy has a name, by its depth.

    Sums that are equal but for their indices become equal.

    Parameters
    ----------
    part : sympy.Expr
    around : list of str
        The names of the indices around it.
    taken : set of str
        Names that no index may have.
    """
    if not part.args or isinstance(part, (sp.Indexed, MatrixElement)):
        return part
    if isinstance(part, sp.Sum) and any(isinstance(limit[0], sp.Dummy) for limit in part.limits):
        return _renamed(part, around, taken)
    arguments = [named(argument, around, taken) for argument in part.args]
    changed = any(new is not old for new, old in zip(arguments, part.args, strict=True))
    return part.func(*arguments) if changed else part


def _renamed(part: Any, around: list[str], taken: set[str]) -> Any:
    names = _index_names({*taken, *around})
    new = {
        limit[0]: sp.Symbol(next(names), integer=True)
        for limit in reversed(part.limits)
        if isinstance(limit[0], sp.Dummy)
    }
    inside = [*around, *(symbol.name for symbol in new.values())]
    body = named(part.function, inside, taken).xreplace(new)
    limits = [limit.xreplace(new) for limit in part.limits]
    return sp.Sum(body, *limits)


def _index_names(taken: set[str]) -> Iterator[str]:
    """Yield names for indices that are not taken: i, j, k, l, m, i1, j1, ...

    Examples
    --------
    >>> names = _index_names({"i", "k"})
    >>> next(names), next(names), next(names)
    ('j', 'l', 'm')
    """
    number = 0
    while True:
        for letter in "ijklm":
            name = f"{letter}{number or ''}"
            if name not in taken:
                yield name
        number += 1

"""SymPy -> SymPy: the gradient of sums over arrays, each sum with indices of its own meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import sympy as sp
from sympy.tensor.indexed import Indexed

from symadamax.compiler.parts import largest_parts
from symadamax.compiler.readable.cases import merged
from symadamax.compiler.readable.deltas import PARTS, derivative

__all__ = ["array_gradient", "has_arrays"]

LOOPS = (sp.Sum, sp.Product)


def has_arrays(expression: Any) -> bool:
    """Tell whether a sum, a product or an element of an array stands in an expression."""
    return bool(largest_parts(expression, PARTS))


def array_gradient(
    expression: Any, unknowns: Sequence[Any], partial: Callable[[Any, Any], Any]
) -> list[Any]:
    """Return the derivatives by symbols and by elements of arrays, as `readable_gradient` does."""
    taken = {symbol.name for symbol in expression.atoms(sp.Symbol, sp.Idx)}
    names: dict[Any, Any] = {}
    apart = _apart(expression, names)
    gradient = []
    for unknown in unknowns:
        axes = _axes(expression, unknown)
        hidden = [sp.Dummy(integer=True, nonnegative=True) for _ in range(axes)]
        terms = list(derivative(apart, unknown, hidden, partial))
        whole = merged(terms, hidden, getattr(unknown, "shape", None) or ())
        shown = dict(zip(hidden, _indices(axes, taken), strict=True))
        gradient.append(_restored(whole.xreplace(shown), names, frozenset()))
    return gradient


def _axes(expression: Any, unknown: Any) -> int:
    """Return how many indices the elements of an unknown have, 0 where it is a symbol."""
    elements = (e for e in expression.atoms(Indexed) if e.base == unknown)
    return max((len(element.indices) for element in elements), default=0)


def _indices(axes: int, taken: set[str]) -> list[sp.Symbol]:
    """Return k, or k1, k2, ..., or others that are not taken.

    Examples
    --------
    >>> _indices(1, {"k"}), _indices(2, {"k"})
    ([l], [k1, k2])
    """
    for number in count():
        for letter in "klmpq":
            name = letter + "_" * number
            found = [name] if axes == 1 else [f"{name}{axis + 1}" for axis in range(axes)]
            if not taken & {*found}:
                return [sp.Symbol(name, integer=True) for name in found]
    raise AssertionError


def _apart(part: Any, names: dict[Any, Any]) -> Any:
    """Give each sum an index of its own, and note the names that they had."""
    if not part.args or isinstance(part, Indexed):
        return part
    arguments = [_apart(argument, names) for argument in part.args]
    changed = any(new is not old for new, old in zip(arguments, part.args, strict=True))
    part = part.func(*arguments) if changed else part
    if not isinstance(part, LOOPS):
        return part
    new = {limit[0]: sp.Dummy(limit[0].name, integer=True) for limit in part.limits}
    names.update((dummy, symbol) for symbol, dummy in new.items())
    limits = [limit.xreplace(new) for limit in part.limits]
    return part.func(part.function.xreplace(new), *limits)


def _restored(part: Any, names: dict[Any, Any], around: frozenset[str]) -> Any:
    """Give the indices their names again, or others where a sum stands in one of the same name."""
    if not part.args or isinstance(part, Indexed):
        return part
    if isinstance(part, LOOPS):
        new: dict[Any, Any] = {}
        for limit in reversed(part.limits):
            if limit[0] in names:
                new[limit[0]] = _free(names[limit[0]], around)
                around |= {new[limit[0]].name}
        limits = [limit.xreplace(new) for limit in part.limits]
        return part.func(_restored(part.function, names, around).xreplace(new), *limits)
    arguments = [_restored(argument, names, around) for argument in part.args]
    changed = any(a is not b for a, b in zip(arguments, part.args, strict=True))
    return part.func(*arguments) if changed else part


def _free(symbol: Any, around: frozenset[str]) -> Any:
    if symbol.name not in around:
        return symbol
    name = next(f"{symbol.name}{n}" for n in count(1) if f"{symbol.name}{n}" not in around)
    return sp.Symbol(name, integer=True)

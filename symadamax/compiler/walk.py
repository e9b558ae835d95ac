"""Questions about a SymPy expression of any depth, asked without recursion."""

from __future__ import annotations

from typing import Any

import sympy as sp

__all__ = ["free_symbols", "show"]


def show(expression: Any, limit: int = 160) -> str:
    """Print an expression for a message; a large one only by its head.

    Examples
    --------
    >>> show(sp.Symbol("x") ** 2)
    'x**2'
    """
    count, stack = 0, [expression]
    while stack and count <= limit:
        count += 1
        stack.extend(getattr(stack.pop(), "args", ()))
    if count > limit:
        return f"{expression.func.__name__}(...) of more than {limit} parts"
    try:
        text = str(expression)
    except Exception:  # a malformed head, which SymPy cannot print either
        text = f"{type(expression).__name__}(...)"
    return text if len(text) <= 4 * limit else text[: 4 * limit] + "..."


def free_symbols(expression: Any) -> set[sp.Symbol]:
    """Return the symbols of an expression of any depth.

    Examples
    --------
    >>> sorted(free_symbols(sp.Symbol("b") - sp.Symbol("a")), key=str)
    [a, b]
    """
    seen: set[int] = set()
    symbols: set[sp.Symbol] = set()
    stack = [expression]
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, sp.Symbol):
            symbols.add(part)
        elif _binds(part):
            symbols.update(s for s in part.free_symbols if isinstance(s, sp.Symbol))
        else:
            stack.extend(getattr(part, "args", ()))
    return symbols


def _binds(part: Any) -> bool:
    """Tell whether symbols among the arguments may be its own, as the index of a Sum is."""
    return hasattr(part, "bound_symbols") or isinstance(part, (sp.ComplexRootOf, sp.Limit))

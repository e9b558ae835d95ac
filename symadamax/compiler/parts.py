"""The parts of a SymPy expression that are of some kind, found without recursion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["largest_parts"]


def largest_parts(expression: Any, kinds: Sequence[Any]) -> list[Any]:
    """Return the parts of these kinds that stand in no other such part, each once.

    Parameters
    ----------
    expression : sympy.Basic
        Of any depth.
    kinds : sequence
        Classes, and expressions that are themselves looked for.

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x")
    >>> largest_parts(sp.sin(sp.cos(x)) + sp.cos(2*x) + x, [sp.sin, sp.cos])
    [cos(2*x), sin(cos(x))]
    """
    classes = tuple(kind for kind in kinds if isinstance(kind, type))
    others = [kind for kind in kinds if not isinstance(kind, type)]
    found: dict[Any, None] = {}
    seen: set[int] = set()
    stack = [expression]
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, classes) or part in others:
            found[part] = None
        else:
            stack.extend(reversed(getattr(part, "args", ())))
    return list(found)

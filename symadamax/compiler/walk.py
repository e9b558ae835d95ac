"""Questions about a SymPy expression of any depth, asked without recursion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.tensor.indexed import Idx, Indexed, IndexedBase

__all__ = ["Names", "free_symbols", "names", "show"]


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


@dataclass
class Names:
    """The names in an expression.

    Attributes
    ----------
    symbols : set of Symbol
        Scalars; none that is the index of a sum, and the name of no array.
    sizes : set of Symbol
        Those that stand in a bound or a position, and are no index.
    arrays : dict of IndexedBase to int
        With the number of their indices.
    indices : set of Symbol
        Those of sums and products.
    """

    symbols: set[sp.Symbol] = field(default_factory=set)
    sizes: set[sp.Symbol] = field(default_factory=set)
    arrays: dict[IndexedBase, int] = field(default_factory=dict)
    indices: set[Any] = field(default_factory=set)


_Bound = frozenset[Any]


def names(expression: Any) -> Names:
    """Return the names in an expression of any depth.

    Examples
    --------
    >>> i, n = sp.symbols("i n", integer=True)
    >>> w, a = sp.IndexedBase("w"), sp.Symbol("a")
    >>> found = names(sp.Sum(a*w[i], (i, 0, n - 1)))
    >>> found.symbols, found.sizes, found.arrays
    ({a}, {n}, {w: 1})
    """
    found = Names()
    seen: set[tuple[int, _Bound]] = set()
    stack: list[tuple[Any, _Bound, bool]] = [(expression, frozenset(), False)]
    while stack:
        part, bound, counts = stack.pop()
        if (id(part), bound) in seen and not counts:
            continue
        seen.add((id(part), bound))
        if isinstance(part, (sp.Symbol, Idx)):
            _note(part, bound, counts, found)
        elif isinstance(part, Indexed):
            found.arrays.setdefault(part.base, len(part.indices))
            stack.extend((position, bound, True) for position in part.indices)
            stack.extend((length, bound, True) for length in part.base.shape or ())
        elif isinstance(part, (sp.Sum, sp.Product)):
            stack.extend(_below(part, bound))
            found.indices |= {limit[0] for limit in part.limits}
        elif _binds(part):
            found.symbols |= {s for s in part.free_symbols if isinstance(s, sp.Symbol)} - bound
        else:
            stack.extend((child, bound, counts) for child in getattr(part, "args", ()))
    found.symbols -= found.sizes
    return found


def _note(part: Any, bound: _Bound, counts: bool, found: Names) -> None:
    if part not in bound and isinstance(part, sp.Symbol):
        (found.sizes if counts else found.symbols).add(part)


def _below(part: ExprWithLimits, bound: _Bound) -> Iterable[tuple[Any, _Bound, bool]]:
    """Yield the bounds of a sum, the outermost last in SymPy's order, and its body."""
    for limit in reversed(part.limits):
        yield from ((end, bound, True) for end in limit[1:])
        bound = bound | {limit[0]}
    yield part.function, bound, False


def free_symbols(expression: Any) -> set[sp.Symbol]:
    """Return the symbols of an expression of any depth, sizes included.

    Examples
    --------
    >>> sorted(free_symbols(sp.Symbol("b") - sp.Symbol("a")), key=str)
    [a, b]
    """
    found = names(expression)
    return found.symbols | found.sizes


def _binds(part: Any) -> bool:
    """Tell whether symbols among the arguments may be its own, as the index of an integral is."""
    return hasattr(part, "bound_symbols") or isinstance(part, (sp.ComplexRootOf, sp.Limit))

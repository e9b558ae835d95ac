"""What an operation costs: which numbers are worth keeping, and which are computed again."""

from __future__ import annotations

from collections.abc import Collection

from symadamax.compiler.affine import NO_INDICES, Index
from symadamax.compiler.ir import Node
from symadamax.compiler.operations import REDUCTIONS, Kind

__all__ = ["LEAVES", "cost", "cost_of", "is_dear"]

LEAVES = frozenset(
    {"constant", "truth", "unknown", "parameter", "element", "whole", "extent", "within"}
)
CHEAP = 16  # what costs up to so many additions is computed again, not kept
COSTS = {"div": 4, "sqrt": 4, **dict.fromkeys(REDUCTIONS, 1000)}
ARITHMETIC = frozenset(
    {"add", "sub", "mul", "neg", "abs", "max", "min", "sign", "floor", "ceiling", "select", "less",
     "less_equal", "equal", "not_equal", "and", "or", "not"}
)  # fmt: skip
FUNCTION_COST = 20


def is_dear(
    root: Node, inside: frozenset[Index] = NO_INDICES, known: Collection[Node] = ()
) -> bool:
    """Tell whether a number costs more than a few additions to compute again.

    What is known costs nothing, nor what depends on no index but those of the loops around, the
    set `inside`: it is computed before the loops further in.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.trace import trace
    >>> x, i = sp.symbols("x i")
    >>> bodies = (sp.sin(x*i), sp.sin(x)*i)
    >>> [is_dear(trace(sp.Sum(f, (i, 0, 9)), [x]).outputs[0].arguments[0]) for f in bodies]
    [True, False]
    """
    if root.operation.result is not Kind.REAL:
        return False
    additions, stack, seen = 0, [root], set()
    while stack and additions <= CHEAP:
        node = stack.pop()
        if node in seen or node in known or node.name in LEAVES or node.indices <= inside:
            continue
        seen.add(node)
        additions += cost_of(node)
        stack.extend(node.arguments)
    return additions > CHEAP


def cost(root: Node) -> int:
    """Return about how many additions a number costs, without what depends on no index."""
    seen: set[Node] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node not in seen and node.name not in LEAVES and node.indices:
            seen.add(node)
            stack.extend(node.arguments)
    return sum(map(cost_of, seen))


def cost_of(node: Node) -> int:
    """Return about how many additions an operation costs, without what it is applied to."""
    return COSTS.get(node.name, 1 if node.name in ARITHMETIC else FUNCTION_COST)

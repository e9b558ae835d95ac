"""What an operation costs: which numbers are worth keeping, and which are computed again."""

from __future__ import annotations

from collections.abc import Collection

from symadamax.compiler.affine import NO_INDICES, Index
from symadamax.compiler.ir import Node
from symadamax.compiler.operations import REDUCTIONS, Kind

__all__ = ["LEAVES", "is_dear"]

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
    cost, stack, seen = 0, [root], set()
    while stack and cost <= CHEAP:
        node = stack.pop()
        if node in seen or node in known or node.name in LEAVES or node.indices <= inside:
            continue
        seen.add(node)
        cost += COSTS.get(node.name, 1 if node.name in ARITHMETIC else FUNCTION_COST)
        stack.extend(node.arguments)
    return cost > CHEAP

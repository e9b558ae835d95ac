"""IR -> IR: operations that no backend has, in those that they have: the same in every backend.

Integer powers become products: ``x*x`` and ``pow(x, 2)`` differ in the last bit of one result in a
thousand, and NumPy, C and LLVM choose differently between them. For ``softplus`` and ``logistic``
see `symadamax.compiler.logistic`.
"""

from __future__ import annotations

from symadamax.compiler.graph import Graph, rebuilt
from symadamax.compiler.ir import Node, Program
from symadamax.compiler.logistic import in_other_operations

__all__ = ["expand"]


def expand(program: Program) -> Program:
    """Return an equal program of operations that the backends have.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.trace import trace
    >>> x = sp.Symbol("x")
    >>> print(expand(trace(x**5 + x**2, [x])))
    program(x0)
      t0 = mul x0 x0
      t1 = mul t0 t0
      t2 = mul t1 x0
      t3 = add t0 t2
      return t3
    """
    graph = program.graph

    def written_out(node: Node, arguments: list[Node]) -> Node | None:
        if node.name == "power":
            return _product(graph, arguments[0], node.value)
        if node.name == "detached":
            return arguments[0]
        return in_other_operations(graph, node, arguments[0]) if arguments else None

    return rebuilt(program, written_out)


def _product(graph: Graph, base: Node, exponent: int) -> Node:
    """Return base**exponent by squaring: x**3 = (x*x)*x, x**4 = (x*x)*(x*x)."""
    if exponent == 1:
        return base
    half = _product(graph, base, exponent // 2)
    square = graph.mul(half, half)
    return graph.mul(square, base) if exponent % 2 else square

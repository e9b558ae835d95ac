"""SymPy -> IR: the one door for a user's mathematics, and the only place that refuses it.

The walk keeps its own stack and never asks SymPy a recursive question (`free_symbols`, `has`,
`is_number`, `str`) about a large expression: SymPy's recursion fails at a depth of a few hundred,
and walks a shared sub-expression once for every path that leads to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean, BooleanAtom
from sympy.tensor.indexed import Idx, Indexed, IndexedBase

from symadamax.compiler import lowering
from symadamax.compiler.affine import Array, Size
from symadamax.compiler.constants import nearest_double
from symadamax.compiler.graph import Graph
from symadamax.compiler.heads import HEADS, REFUSED, REWRITES, SUPPORTED, VALUED
from symadamax.compiler.indexing import Indexing
from symadamax.compiler.ir import Node, Program, is_unknown
from symadamax.compiler.operations import OPERATIONS, Kind, Operation
from symadamax.compiler.walk import free_symbols, names, show
from symadamax.errors import InputError, UnsupportedError

__all__ = ["partial", "trace"]


NOTHING: Mapping[Any, Any] = MappingProxyType({})
UNDEFINED = sp.Dummy("undefined")  # what a case of a Piecewise is that SymPy makes nan or zoo
LOOPS: Mapping[Any, str] = {sp.Sum: "sum", sp.Product: "product"}


def trace(
    expression: Any,
    unknowns: Sequence[sp.Symbol],
    parameters: Sequence[sp.Symbol] = (),
    *,
    arrays: Mapping[IndexedBase, Array] = NOTHING,
    sizes: Mapping[sp.Symbol, Size] = NOTHING,
    differentiable: bool = True,
) -> Program:
    """Return the program of a real expression in `unknowns` and `parameters`.

    Parameters
    ----------
    expression : sympy.Expr
        The user's mathematics. Every symbol in it is taken as real.
    unknowns, parameters : sequence of sympy.Symbol
        The places ``x0, x1, ...`` and ``p0, p1, ...`` of the program.
    arrays : mapping of IndexedBase to Array
        Those of unknowns and of data.
    sizes : mapping of Symbol to Size
        Whole numbers that bounds and positions hold.
    differentiable : bool, optional
        Whether to refuse what cannot be differentiated by the unknowns in it. Default True.

    Raises
    ------
    UnsupportedError
        Where a part cannot be lowered or differentiated; the message shows the part.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> print(trace(x - x**3, [x]))
    program(x0)
      t0 = power[3] x0
      t1 = sub x0 t0
      return t1
    """
    graph = Graph()
    places = {s: graph.op("unknown", value=k) for k, s in enumerate(unknowns)}
    places |= {s: graph.op("parameter", value=k) for k, s in enumerate(parameters)}
    root = _Tracer(graph, places, differentiable, Indexing(arrays, sizes)).real(expression)
    return Program(graph, (root,), len(unknowns), len(parameters), tuple(arrays.values()))


class _Tracer:
    """Lowers one expression; `done` maps the identity of a sub-expression to what it became."""

    def __init__(
        self,
        graph: Graph,
        places: Mapping[sp.Symbol, Node],
        differentiable: bool,
        indexing: Indexing,
    ) -> None:
        self.graph = graph
        self.places = places
        self.differentiable = differentiable
        self.indexing = indexing
        self.done: dict[int, Node | _Number] = {}
        self.rewritten: dict[int, Any] = {}  # kept alive, so that no identity is used twice
        self.varies: dict[Node, bool] = {}

    def real(self, expression: Any) -> Node:
        """Return the node of a real expression."""
        node = self.node(expression, self.lower(expression))
        if node.operation.result is not Kind.REAL:
            raise UnsupportedError(
                f"{show(expression)} is a truth value, not a real number. An objective is a real "
                "expression; a condition belongs inside Piecewise((value, condition), ...)."
            )
        return node

    def lower(self, expression: Any) -> Node | _Number:
        """Lower an expression and all below it, from the leaves up."""
        stack = [(expression, False)]
        while stack:
            part, ready = stack.pop()
            if id(part) in self.done:
                continue
            if part.func in LOOPS and self.is_loop(part):
                self.done[id(part)] = self.loop(part)
                continue
            if ready or not _children(part):
                self.done[id(part)] = self.visit(part)
                continue
            stack.append((part, True))
            rewritten = self.rewrite(part)
            if rewritten is not None:
                stack.append((rewritten, False))
            elif part.func in SUPPORTED:
                stack.extend((child, False) for child in reversed(_children(part)))
            elif isinstance(part, sp.Expr) and not free_symbols(part):
                self.done[id(part)] = _Number(part)
            else:
                raise _refusal(part)
        return self.done[id(expression)]

    def rewrite(self, part: Any) -> Any:
        """Return another expression of the same value, where there is a rule for the head."""
        rule = REWRITES.get(part.func)
        rewritten = None if rule is None else rule(*part.args)
        if rewritten is not None:
            self.rewritten[id(part)] = rewritten
        return rewritten

    def visit(self, part: Any) -> Node | _Number:
        """Lower one sub-expression whose children are lowered."""
        if id(part) in self.rewritten:
            return self.done[id(self.rewritten[id(part)])]
        if isinstance(part, Indexed):
            return self.graph.op("element", value=self.indexing.access(part))
        if isinstance(part, (sp.Symbol, Idx)):
            return self.symbol(part)
        if isinstance(part, BooleanAtom):
            return self.graph.truth(bool(part))
        children = _children(part)
        if not children:
            _refuse_unreal(part)
        if isinstance(part, sp.Expr) and all(self.is_number(child) for child in children):
            return _Number(part)
        nodes = [self.node(child, self.done[id(child)]) for child in children]
        return self.combine(part, nodes)

    def is_number(self, part: Any) -> bool:
        """Tell whether a part is a constant as it stands (and not what it was rewritten to)."""
        lowered = self.done[id(part)]
        return isinstance(lowered, _Number) and lowered.expression is part

    def combine(self, part: Any, nodes: list[Node]) -> Node:
        if isinstance(part, sp.Add):
            return lowering.total(self.graph, nodes)
        if isinstance(part, sp.Mul):
            return lowering.product(self.graph, nodes)
        if isinstance(part, sp.Pow):
            return self.power(part, nodes)
        if isinstance(part, sp.Piecewise):
            return self.piecewise(part, nodes[::2], nodes[1::2])
        if isinstance(part, sp.log):
            return lowering.logarithm(self.graph, *nodes)
        if isinstance(part, (sp.StrictGreaterThan, sp.GreaterThan)):
            name = "less" if isinstance(part, sp.StrictGreaterThan) else "less_equal"
            return self.graph.op(name, nodes[1], nodes[0])
        if part.func in VALUED:
            return self.valued(part, nodes)
        return self.apply(HEADS[part.func], part, nodes)

    def piecewise(self, part: Any, values: list[Node], conditions: list[Node]) -> Node:
        _hold_kind(part, values, Kind.REAL)
        _hold_kind(part, conditions, Kind.BOOLEAN)
        return lowering.choice(self.graph, values, conditions)

    def apply(self, operation: Operation, part: Any, nodes: list[Node]) -> Node:
        _hold_kind(part, nodes, operation.arguments)
        if operation.arity is None:
            unique = list(dict.fromkeys(nodes))
            return unique[0] if len(unique) == 1 else self.graph.apply(operation, *unique)
        if operation.name in ("and", "or"):
            return lowering.chain(self.graph, operation, nodes)
        if operation.name == "zeta" and len(nodes) == 1:
            nodes = [*nodes, self.graph.constant(1.0)]
        self.hold_differentiable(operation, part, nodes)
        if operation.name == "log1p":
            return lowering.log1p(self.graph, *nodes)
        return self.graph.apply(operation, *nodes)

    def is_loop(self, part: Any) -> bool:
        """Tell whether a sum is one to loop over; a series without symbols is a number."""
        if not any(end.is_infinite for limit in part.limits for end in limit[1:]):
            return True
        found = names(part)
        return bool(found.symbols or found.sizes or found.arrays)

    def loop(self, part: Any) -> Node:
        """Lower a sum or a product; the last of SymPy's limits is the outermost loop."""
        indices, indexing = [], self.indexing
        for limit in reversed(part.limits):
            index, indexing = indexing.enter(limit, part)
            indices.append(index)
        inner = _Tracer(self.graph, self.places, self.differentiable, indexing)
        inner.varies = self.varies
        node = inner.real(part.function)
        for index in reversed(indices):
            node = self.graph.reduce(LOOPS[part.func], index, node)
        return node

    def symbol(self, symbol: Any) -> Node:
        if symbol is UNDEFINED:
            return self.graph.constant(math.nan)
        whole = self.indexing.whole(symbol)
        if whole is not None:
            return self.graph.op("whole", value=whole)
        node = self.places.get(symbol)
        if node is None:
            raise InputError(
                f"The symbol {symbol.name!r} is neither an unknown nor a parameter. "
                "Add it to unknowns, or give it a number in parameters."
            )
        return node

    def node(self, part: Any, lowered: Node | _Number) -> Node:
        """Return the node of what has been lowered; numbers are evaluated here, as a whole."""
        if isinstance(lowered, _Number):
            lowered = self.done[id(part)] = self.graph.constant(nearest_double(lowered.expression))
        return lowered

    def power(self, part: sp.Pow, nodes: list[Node]) -> Node:
        base, exponent = nodes
        if isinstance(part.exp, sp.Rational):
            return lowering.power(self.graph, base, Fraction(int(part.exp.p), int(part.exp.q)))
        if exponent.is_constant() and math.isfinite(float(exponent.value or 0.0)):
            return lowering.power(self.graph, base, float(exponent.value or 0.0))
        return self.graph.op("pow", base, exponent)

    def valued(self, part: Any, nodes: list[Node]) -> Node:
        """Lower a function of fixed order, such as besselj(2, x)."""
        rule = VALUED[part.func]
        default = self.graph.constant(rule.default)
        order = nodes[rule.place] if rule.place < len(nodes) else default
        fixed = float(order.value or 0.0) if order.is_constant() else math.nan
        if not (math.isfinite(fixed) and rule.accepts(fixed)):
            raise UnsupportedError(
                f"The {rule.what} in {show(part)} must be {rule.accepted}: write a number there."
            )
        operation = OPERATIONS[rule.operation]
        value = rule.convert(fixed)
        arguments = [node for k, node in enumerate(nodes) if k != rule.place]
        self.hold_differentiable(operation, part, arguments, value)
        return self.graph.apply(operation, *arguments, value=value)

    def hold_differentiable(
        self, operation: Operation, part: Any, nodes: list[Node], value: Any = None
    ) -> None:
        if operation.head is None or not self.differentiable:
            return
        for place, node in enumerate(nodes):
            if self.depends(node) and partial(operation, place, value) is None:
                raise UnsupportedError(
                    f"{operation.name} has no derivative by its argument {place + 1} that can be "
                    f"computed, and an unknown stands there: {show(part)}."
                )

    def depends(self, node: Node) -> bool:
        """Tell whether a node depends on an unknown."""
        stack = [node]
        while stack:
            top = stack[-1]
            pending = [a for a in top.arguments if a not in self.varies]
            if pending:
                stack.extend(pending)
                continue
            stack.pop()
            self.varies[top] = is_unknown(top) or any(self.varies[a] for a in top.arguments)
        return self.varies[node]


class _Number:
    """A constant sub-expression, evaluated as a whole where something that varies needs it."""

    __slots__ = ("expression",)

    def __init__(self, expression: Any) -> None:
        self.expression = expression


def _hold_kind(part: Any, nodes: Sequence[Node], kind: Kind) -> None:
    if any(node.operation.result is not kind for node in nodes):
        raise UnsupportedError(
            f"{show(part)} mixes real numbers and truth values. Write x > 0 where x is a condition."
        )


def _children(part: Any) -> Sequence[Any]:
    if isinstance(part, sp.Piecewise):
        cases = [(UNDEFINED if v is sp.nan or v is sp.zoo else v, test) for v, test in part.args]
        return [child for case in cases for child in case]
    if isinstance(part, (sp.Symbol, sp.Number, Indexed, Idx)) or not isinstance(part, sp.Basic):
        return ()
    children: Sequence[Any] = part.args
    return children


def _refuse_unreal(part: Any) -> None:
    if part is sp.nan or part is sp.zoo:
        raise UnsupportedError(f"The expression contains {part}, which is not a number.")
    if part is sp.I:
        raise UnsupportedError(
            "The expression contains the imaginary unit I. An objective is real: "
            "write its real and imaginary parts with real symbols."
        )
    if not isinstance(part, (sp.Expr, Boolean)):
        raise _refusal(part)


def _refusal(part: Any) -> UnsupportedError:
    """Return the error for a head that is not in the table, with what to do about it."""
    name = getattr(part, "func", type(part)).__name__
    for kinds, advice in REFUSED:
        if isinstance(part, kinds):
            return UnsupportedError(f"{name} cannot be compiled: {show(part)}. {advice}")
    return UnsupportedError(
        f"The function {name} cannot be compiled: {show(part)}. "
        "Accepted are the functions listed in the documentation of Objective."
    )


def _exact(value: float) -> Any:
    return sp.Integer(int(value)) if value == int(value) else sp.Float(value)


@cache
def partial(operation: Operation, place: int, value: Any = None) -> Program | None:
    """Return the partial derivative of an operation by one argument, as a program in the arguments.

    It is taken from SymPy once for each operation (and constant), on real dummies.

    Returns
    -------
    Program or None
        None where SymPy knows no derivative, or one that cannot be lowered.
    """
    assert operation.head is not None
    assert operation.arity is not None
    dummies = [sp.Dummy(f"a{k}", real=True) for k in range(operation.arity)]
    arguments = dummies if value is None else [_exact(value), *dummies]
    override = (operation.partials or {}).get(place)
    try:
        if override is not None:
            derivative = override(*arguments)
        else:
            derivative = operation.head(*arguments).diff(dummies[place])
        return trace(derivative, dummies, differentiable=False)
    except (UnsupportedError, NotImplementedError, sp.core.function.ArgumentIndexError):
        return None

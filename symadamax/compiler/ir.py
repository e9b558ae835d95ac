"""The intermediate representation: a small, closed, immutable, hash-consed expression graph.

::

    program   = "program(" unknowns ";" parameters ")" line* "return" name*
    line      = name "=" operation [ "[" value "]" ] name*
              | array "[" affine* "]" "+=" name ["for" index*]
    name      = "x" k | "p" k | "t" k | number | "true" | "false" | array "[" affine* "]"
    operation = a name of the table in symadamax.compiler.operations

A node is an operation, its arguments, and at most one constant (the value of a number, the place
of an unknown or a parameter, an integer exponent, the order of a Bessel function, an element of an
array, the index of a sum). Nodes of one graph are interned: equal content is the same object, so
equality is identity, and what a program needs twice is computed once.

A node stands for as many numbers as the loop indices on which it depends have values. A sum over an
index depends on it no more; loops are made of this by `symadamax.compiler.nests`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symadamax.compiler.affine import NO_INDICES, Access, Affine, Array, Index, Within, ordered
from symadamax.compiler.operations import OPERATIONS, REDUCTIONS, Kind, Operation
from symadamax.errors import InternalError

if TYPE_CHECKING:
    from symadamax.compiler.graph import Graph

__all__ = ["Node", "Program", "Scatter", "Store", "Value", "is_unknown", "verify"]

Value = Any  # of the type that the operation's row names in `valued`, or None


class Node:
    """An operation on nodes of the same graph; immutable, equal only to itself."""

    __slots__ = ("arguments", "indices", "number", "operation", "value")

    def __init__(
        self, operation: Operation, arguments: tuple[Node, ...], value: Value, number: int
    ) -> None:
        self.operation = operation
        self.arguments = arguments
        self.value = value
        self.number = number
        self.indices = _indices(operation, arguments, value)

    @property
    def name(self) -> str:
        """The name of its operation."""
        return self.operation.name

    def is_constant(self, value: float | None = None) -> bool:
        """Tell whether this is a number (equal to `value`, when that is given)."""
        return self.operation is CONSTANT and (value is None or self.value == value)

    def __repr__(self) -> str:
        return _label(self, {})


def _indices(operation: Operation, arguments: tuple[Node, ...], value: Value) -> frozenset[Index]:
    """Return the loop indices on which a node depends, and those on which these depend."""
    found = NO_INDICES
    for argument in arguments:
        if argument.indices:
            found |= argument.indices
    if isinstance(value, Index):
        found |= value.indices
        return found - {value}
    if isinstance(value, (Access, Affine, Within)):
        found |= value.indices
    return found


CONSTANT, TRUTH = OPERATIONS["constant"], OPERATIONS["truth"]
UNKNOWN, PARAMETER = OPERATIONS["unknown"], OPERATIONS["parameter"]
ELEMENT = OPERATIONS["element"]


def is_unknown(node: Node) -> bool:
    """Tell whether a node is a scalar unknown, or an element of an array of unknowns."""
    if node.operation is ELEMENT:
        assert isinstance(node.value, Access)
        return node.value.array.unknown
    return node.operation is UNKNOWN


@dataclass(frozen=True, eq=False)
class Scatter:
    """``access += weight`` for all values of the indices on which either depends."""

    access: Access
    weight: Node

    @property
    def indices(self) -> frozenset[Index]:
        """The loop indices, all of which it runs over."""
        return self.access.indices | self.weight.indices


@dataclass(frozen=True, eq=False)
class Store:
    """``array[index] = weight`` for all elements of an array of one axis."""

    array: Array
    index: Index
    weight: Node

    @property
    def indices(self) -> frozenset[Index]:
        """The loop index, which runs over the array."""
        return frozenset({self.index})


@dataclass(frozen=True, eq=False)
class Program:
    """Outputs over a graph: the value, and after `differentiate` the gradient behind it.

    Attributes
    ----------
    graph : Graph
    outputs : tuple of Node
        The value, and the derivatives by the scalar unknowns.
    unknowns, parameters : int
        The numbers of scalar unknowns and of parameters.
    arrays : tuple of Array
        Those of unknowns, then those of data.
    scatters : tuple of Scatter
        What the derivatives by elements of unknown arrays are added up from.
    stores : tuple of Store
        The derivatives by all elements of an array, after `gather`.
    """

    graph: Graph
    outputs: tuple[Node, ...]
    unknowns: int
    parameters: int
    arrays: tuple[Array, ...] = ()
    scatters: tuple[Scatter, ...] = ()
    stores: tuple[Store, ...] = ()

    @property
    def effects(self) -> tuple[Scatter | Store, ...]:
        """What is written to the gradient from inside loops."""
        return (*self.stores, *self.scatters)

    @cached_property
    def has_loops(self) -> bool:
        """Tell whether there is anything but scalars."""
        return bool(self.arrays) or any(
            node.name in {*REDUCTIONS, "whole", "extent"} for node in self.nodes()
        )

    def roots(self) -> tuple[Node, ...]:
        """Return the outputs, and what is scattered."""
        return (*self.outputs, *(effect.weight for effect in self.effects))

    def nodes(self) -> list[Node]:
        """List what the outputs need, arguments first, in depth-first order.

        Depth first keeps the values that are used together near each other: an evaluation of
        Rosenbrock's function in 10,000 unknowns was five times faster than in breadth-first order.
        """
        return list(depth_first(self.roots()))

    def __str__(self) -> str:
        unknowns = ", ".join(f"x{k}" for k in range(self.unknowns))
        parameters = ", ".join(f"p{k}" for k in range(self.parameters))
        names: dict[Node, str] = {}
        lines = [f"program({unknowns}; {parameters})" if parameters else f"program({unknowns})"]
        for node in self.nodes():
            if node.arguments:
                line = " ".join(
                    [_operation_text(node), *(_label(a, names) for a in node.arguments)]
                )
                names[node] = f"t{len(names)}"
                lines.append(f"  {names[node]} = {line}")
        lines += [_effect_text(effect, names) for effect in self.effects]
        lines.append("  return " + " ".join(_label(node, names) for node in self.outputs))
        return "\n".join(lines)


def depth_first(outputs: Sequence[Node]) -> Iterator[Node]:
    """Yield every node that `outputs` need, once, arguments before what uses them."""
    seen: set[Node] = set()
    stack = [(node, False) for node in reversed(outputs)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.arguments) if a not in seen)


def _effect_text(effect: Scatter | Store, names: dict[Node, str]) -> str:
    loops = ", ".join(map(_range_text, ordered(effect.indices)))
    if isinstance(effect, Store):
        target = f"{effect.array}[{effect.index}] ="
    else:
        target = f"{effect.access} +="
    return f"  gradient {target} {_label(effect.weight, names)} for {loops}"


def _range_text(index: Index) -> str:
    return f"{index} = {index.lower} .. {index.upper}"


def _operation_text(node: Node) -> str:
    if isinstance(node.value, Index):
        return f"{node.name}[{_range_text(node.value)}]"
    return node.name if node.value is None else f"{node.name}[{node.value!r}]"


def _label(node: Node, names: dict[Node, str]) -> str:
    if node.operation is UNKNOWN:
        return f"x{node.value}"
    if node.operation is PARAMETER:
        return f"p{node.value}"
    if node.operation is CONSTANT:
        return repr(node.value)
    if node.operation is TRUTH:
        return "true" if node.value else "false"
    if isinstance(node.value, (Access, Affine, Within)):
        return str(node.value)
    return names.get(node) or f"{_operation_text(node)}(...)"


def verify(program: Program) -> None:
    """Raise `InternalError` where a program breaks the grammar of the module's head.

    Every node has the arity and the kinds of its operation, unknowns and parameters exist, and
    the outputs are real.
    """
    for node in program.nodes():
        _verify_node(node, program)
    for node in program.outputs:
        _hold(node.operation.result is Kind.REAL, f"the output {node!r} is not a real number")


def _verify_node(node: Node, program: Program) -> None:
    operation, count = node.operation, len(node.arguments)
    fits = count == operation.arity or (operation.arity is None and count >= 2)
    _hold(fits, f"{node!r} has {count} arguments")
    valued = type(node.value) is (operation.valued or type(None))
    _hold(valued, f"{node!r} has the value {node.value!r}")
    if operation is UNKNOWN:
        _hold(node.value in range(program.unknowns), f"{node!r} does not exist")
    if operation is PARAMETER:
        _hold(node.value in range(program.parameters), f"{node!r} does not exist")
    for place, argument in enumerate(node.arguments):
        condition = operation.name == "select" and place == 0
        wanted = Kind.BOOLEAN if condition else operation.arguments
        _hold(argument.operation.result is wanted, f"argument {place} of {node!r} is not {wanted}")


def _hold(condition: bool, complaint: str) -> None:
    if not condition:
        raise InternalError(f"The intermediate representation is broken: {complaint}.")

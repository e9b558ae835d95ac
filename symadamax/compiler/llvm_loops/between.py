"""What stands between the loops at the top -> LLVM IR: operations on scalars, ends of sums.

Long stretches are cut into pieces of at most `LONGEST` steps, each a function, and their loads and
stores are volatile: the time of LLVM's code generator grows with the square of their number, as it
looks for stores to merge. A thousand elements that were written out took a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from symadamax.compiler.affine import Array
from symadamax.compiler.ir import Node
from symadamax.compiler.llvm_loops.body import Body
from symadamax.compiler.llvm_loops.function import Function
from symadamax.compiler.llvm_loops.nest import scattered
from symadamax.compiler.llvm_loops.turn import Turn
from symadamax.compiler.steps import Loop, Step

__all__ = ["Between", "Temps", "passed_on", "pieces"]

LONGEST = 256  # steps


def pieces(steps: Sequence[Step]) -> list[list[list[Step]]]:
    """Return the steps before, between and behind the loops, each in pieces; at least one each.

    Examples
    --------
    >>> [[len(piece) for piece in group] for group in pieces([])]
    [[0]]
    """
    groups: list[list[list[Step]]] = [[[]]]
    for step in steps:
        if isinstance(step, Loop):
            groups.append([[]])
            continue
        if len(groups[-1][-1]) == LONGEST:
            groups[-1].append([])
        groups[-1][-1].append(step)
    return groups


def passed_on(
    groups: Sequence[Sequence[Sequence[Step]]], loops: Sequence[Loop], outputs: Sequence[Node]
) -> set[Node]:
    """Return the nodes that are computed in one function, and needed in another."""
    home: dict[Node, int] = {}
    needs: list[tuple[int, Node]] = []
    number = 0
    for place, group in enumerate(groups):
        for node in loops[place - 1].reductions if place else ():
            home[node] = number
        for piece in group:
            home |= {step: number for step in piece if isinstance(step, Node)}
            needs += [(number, node) for node in _needed(piece)]
            number += 1
    needs += [(number - 1, node) for node in outputs]
    needs += [(-1, node) for node in _needed(loops)]
    return {node for where, node in needs if home.get(node, where) != where}


def _needed(steps: Sequence[Step]) -> Iterator[Node]:
    """Yield what steps need, those inside loops too."""
    for step in steps:
        if isinstance(step, Loop):
            yield from _needed(step.steps)
            yield from (node.arguments[0] for node in step.reductions)
            yield from (keep.node for keep in step.kept)
        elif isinstance(step, Node):
            yield from step.arguments
        else:
            yield step.weight


class Shared(Protocol):
    """What the functions of a module share."""

    single: bool
    passed: set[Node]

    def temp(self, node: Node) -> tuple[str, int]:
        """Return the word of a number that passes from one function to another."""


class Between:
    """The function of one piece."""

    def __init__(self, shared: Shared, function: Function) -> None:
        self.shared = shared
        self.function = function
        function.volatile = True
        self.writer = function.writer
        self.body = Body(Turn(function, None, {}), Temps(shared, function))
        self.done: list[Node] = []

    def step(self, step: Step) -> None:
        """Write a step."""
        self.body.step(step)
        if isinstance(step, Node):
            self.done.append(step)

    def clear_gradient(self, arrays: set[Array]) -> None:
        """Set the stretches of the gradient that are added to, to 0."""
        width = 4 if self.shared.single else 8
        for array in sorted(arrays, key=lambda array: array.place):
            start = self.function.gradient_of(array)
            length = self.function.word("length", array)
            count = self.writer.line(f"mul i64 {length}, {width}")
            self.function.memset(start, count)

    def close_loop(self, loop: Loop, number: int) -> None:
        """Combine the sums of the blocks, and the gradients of the parts."""
        word, writer = self.function.word, self.writer
        blocks = word("blocks", number)
        for place, node in enumerate(loop.reductions):
            start = self.function.element_of(
                word("partials", number, kind="ptr"), blocks, place, "double"
            )
            combine = {"sum": "total"}.get(node.name, node.name)
            result = writer.line(f"call double @{combine}(ptr {start}, i64 {blocks})")
            if self.shared.single:
                result = writer.line(f"fptrunc double {result} to float")
            self.body.values[node] = result
            self.done.append(node)
        suffix = "32" if self.shared.single else "64"
        for array in scattered(loop.steps):
            buffer = word("buffer", number, array, kind="ptr")
            target = self.function.gradient_of(array)
            length, parts = word("length", array), word("parts", number)
            writer.do(
                f"call void @combine{suffix}(ptr {target}, ptr {buffer}, i64 {length}, i64 {parts})"
            )

    def outputs(self, outputs: Sequence[Node]) -> None:
        """Store the value and the derivatives by the scalar unknowns."""
        value, *slopes = (self.body.name(node) for node in outputs)
        real = self.writer.real
        if self.shared.single:
            value = self.writer.line(f"fpext float {value} to double")
        self.function.store_word(f"double {value}", "value")
        gradient = self.function.word("gradient", kind="ptr")
        for k, slope in enumerate(slopes):
            place = self.function.element_of(gradient, "1", k, real)
            self.writer.do(f"store {real} {slope}, ptr {place}")

    def finish(self) -> None:
        """Keep what other functions need."""
        for node in self.done:
            if node not in self.shared.passed:
                continue
            value = self.body.values[node]
            if node.operation.result.value == "boolean":
                value = self.writer.line(f"uitofp i1 {value} to {self.writer.real}")
            self.function.store_word(f"{self.writer.real} {value}", *self.shared.temp(node))
        self.writer.do("ret void")


class Temps:
    """Numbers that an earlier function computed, loaded where they are first needed."""

    def __init__(self, shared: Shared, function: Function) -> None:
        self.shared = shared
        self.function = function

    def __call__(self, node: Node) -> str:
        """Return the register of a node."""
        function, scalar = self.function, self.function.scalar
        value = function.word(*self.shared.temp(node), kind=scalar)
        value = function.splat(value, scalar, function.prologue)
        if node.operation.result.value != "boolean":
            return value
        writer = function.writer
        return function.early(f"fcmp une {writer.real} {value}, {writer.number(0.0)}")

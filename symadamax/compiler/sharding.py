"""IR -> IR: a value that is linear in sums over rows becomes a rest, and a part for each shard.

With the sums over rows S_k the value is P(x) + sum_k c_k(x)*S_k(x). The rest is P; the part is the
other term, its sums over the rows of one shard alone. So the value is the rest plus the parts of
all shards. Both are made of the same nodes, and nothing is subtracted that could lose digits.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from symadamax.compiler.affine import Access, Affine, Array, Index, Lookup, Size
from symadamax.compiler.gather import rewritten
from symadamax.compiler.graph import Graph, rebuilt
from symadamax.compiler.ir import Node, Program, Value
from symadamax.errors import InputError

__all__ = ["RowLoop", "Shards", "sharded"]


@dataclass(frozen=True)
class RowLoop:
    """A sum over rows; in a shard it has the turns first, first + 1, ..., `count` of them.

    Attributes
    ----------
    index : Index
        As the user has written it, over all rows.
    first, count : Size
    """

    index: Index
    first: Size
    count: Size


@dataclass(frozen=True)
class Shards:
    """A value that is cut by rows: that of the rest, plus that of the part on every shard.

    Attributes
    ----------
    rest, part : Program
        The part reads the rows of a shard in arrays that begin with the row `base`.
    loops : tuple of RowLoop
    base : Size
    reach : frozenset of Affine
        The numbers c for which a turn i reads the row i + c.
    """

    rest: Program
    part: Program
    loops: tuple[RowLoop, ...]
    base: Size
    reach: frozenset[Affine]


def sharded(program: Program, rows: Set[Array], sizes: int) -> Shards:
    """Return the rest and the part of a value.

    Parameters
    ----------
    program : Program
        Of the value alone.
    rows : set of Array
        Those that have the rows along their first axis.
    sizes : int
        The number of sizes that the program has.

    Raises
    ------
    InputError
        When the value is not linear in the sums over rows, or does not read row by row.
    """
    indices: dict[Index, None] = {}
    reach: set[Affine] = set()
    for node in program.nodes():
        for access in _row_accesses(node.value, rows):
            index, shift = _turn(access)
            indices[index] = None
            reach.add(shift)
    base = Size("base", sizes)
    loops: dict[Index, RowLoop] = {}
    for index in indices:
        place = sizes + 1 + 2 * len(loops)
        loops[index] = RowLoop(
            index, Size(f"first_{index}", place), Size(f"count_{index}", place + 1)
        )
    rest, part = _Split(program, rows, loops).programs()
    part = _from_base(part, rows, base)
    return Shards(rest, part, tuple(loops.values()), base, frozenset(reach))


def _row_accesses(value: Value, rows: Set[Array]) -> list[Access]:
    """List the elements of rows that a node reads, also those that it uses as indices."""
    found, waiting = [], [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Access):
            waiting += part.positions
            if part.array in rows:
                found.append(part)
        elif isinstance(part, Affine):
            waiting += [atom.access for atom, _ in part.terms if isinstance(atom, Lookup)]
    return found


def _turn(access: Access) -> tuple[Index, Affine]:
    """Return i and c of an element in the row i + c."""
    position = access.positions[0]
    indices = [atom for atom, _ in position.terms if isinstance(atom, Index)]
    lookups = any(isinstance(atom, Lookup) for atom, _ in position.terms)
    if len(indices) == 1 and not lookups and position.factor(indices[0]) == 1:
        (index,) = indices
        if index.indices == {index}:
            return index, position.plus(Affine.of(index), -1)
    raise InputError(
        f"{access} cannot be read shard by shard: the rows of {access.array} stand along its first "
        f"axis, and must be read there at i + c, with the index i of a Sum with fixed bounds and a "
        "fixed number c."
    )


class _Split:
    """What a node is without the sums over rows, and the terms in which they stand as factors."""

    def __init__(self, program: Program, rows: Set[Array], loops: dict[Index, RowLoop]) -> None:
        self.program, self.rows, self.loops = program, rows, loops
        self.graph: Graph = program.graph
        self.reads: dict[Node, frozenset[Index]] = {}  # over which rows it is not summed yet
        self.rest: dict[Node, Node] = {}
        self.linear: dict[Node, Node] = {}

    def programs(self) -> tuple[Program, Program]:
        """Return the program of the rest, and that of the terms with sums over rows."""
        for node in self.program.nodes():
            self.note_reads(node)
            self.divide(node)
        (root,) = self.program.outputs
        if root not in self.linear:
            raise InputError("Rows were given, and the objective has no sum over them.")
        rest, linear = self.rest[root], self.linear[root]
        return replace(self.program, outputs=(rest,)), replace(self.program, outputs=(linear,))

    def note_reads(self, node: Node) -> None:
        found = {_turn(access)[0] for access in _row_accesses(node.value, self.rows)}
        found = found.union(*(self.reads[a] for a in node.arguments))
        self.reads[node] = frozenset(found - {node.value})

    def divide(self, node: Node) -> None:
        """Divide a node whose arguments are divided."""
        arguments = node.arguments
        if node.name in ("sum", "product") and node.value in self.reads[arguments[0]]:
            _hold(node.name == "sum" and not self.reads[node], node.value, node)
            _hold(arguments[0] not in self.linear, node.value, node)
            self.rest[node] = self.graph.constant(0.0)
            self.linear[node] = self.in_shard(arguments[0], self.loops[node.value])
        elif not any(a in self.linear for a in arguments):
            self.rest[node] = node
        else:
            self.linear[node] = self.terms(node)
            self.rest[node] = self.without(node)

    def in_shard(self, body: Node, loop: RowLoop) -> Node:
        """Return the sum over the turns of a shard."""
        last = Affine.of(loop.count).plus(Affine(-1))
        turn = Index(loop.index.name, Affine(0), last, loop.index.level)
        by = Affine.of(turn).plus(Affine.of(loop.first))
        return self.graph.reduce("sum", turn, rewritten(self.graph, body, loop.index, by))

    def without(self, node: Node) -> Node:
        rest = [self.rest[a] for a in node.arguments]
        if node.name in ("div", "sum", "neg") and rest[0].is_constant(0.0):
            return rest[0]
        return self.graph.apply(node.operation, *rest, value=node.value)

    def terms(self, node: Node) -> Node:
        """Return the terms of a node with sums over rows."""
        graph = self.graph
        terms = [self.linear.get(a) for a in node.arguments]
        one, other = (*terms, None)[:2]
        if node.name == "add" and one and other:
            return graph.add(one, other)
        if node.name == "sub" and other:
            return graph.op("sub", one, other) if one else graph.op("neg", other)
        if node.name == "mul" and not (one and other):
            places = zip(node.arguments, terms, strict=True)
            return graph.mul(*(term or self.rest[argument] for argument, term in places))
        if node.name == "div" and one and not other:
            return graph.op("div", one, self.rest[node.arguments[1]])
        if node.name == "sum" and one:
            return graph.reduce("sum", node.value, one)
        if node.name == "neg" and one:
            return graph.op("neg", one)
        sole = one or other
        _hold(node.name in ("add", "sub"), self._within(node), node)
        assert sole is not None
        return sole

    def _within(self, node: Node) -> Index:
        """Return the index of a sum over rows below a node, for a message."""
        waiting = list(node.arguments)
        while waiting:
            part = waiting.pop()
            if part.name == "sum" and part.value in self.reads[part.arguments[0]]:
                index: Index = part.value
                return index
            waiting += [a for a in part.arguments if a in self.linear]
        raise AssertionError(node)


def _hold(holds: bool, index: Index, node: Node) -> None:
    if not holds:
        raise InputError(
            f"The sum over {index} stands inside {node.name}, so it cannot be computed shard by "
            "shard: the objective must be linear in the sums over rows, such as a sum or a mean of "
            "losses plus a penalty. Data that fit in memory know no such limit: give arrays."
        )


def _from_base(program: Program, rows: Set[Array], base: Size) -> Program:
    """Return a program that reads rows in arrays that begin with the row `base`."""

    def move(node: Node, arguments: list[Node]) -> Node | None:
        if not _row_accesses(node.value, rows):
            return None
        return program.graph.apply(node.operation, *arguments, value=moved(node.value))

    def moved(value: Value) -> Value:
        if isinstance(value, Affine):
            result = Affine(value.constant)
            for atom, factor in value.terms:
                atom = Lookup(moved(atom.access)) if isinstance(atom, Lookup) else atom
                result = result.plus(Affine.of(atom), factor)
            return result
        assert isinstance(value, Access)
        positions = [moved(position) for position in value.positions]
        if value.array in rows:
            positions[0] = positions[0].plus(Affine.of(base), -1)
        return Access(value.array, tuple(positions))

    return rebuilt(program, move)

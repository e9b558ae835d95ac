"""Where a turn of loops stands -> LLVM IR: whole numbers, masks and addresses, on lanes."""

from __future__ import annotations

from collections.abc import Callable

from symadamax.compiler.affine import (
    Access,
    Affine,
    Array,
    Atom,
    Extent,
    Index,
    Lookup,
    Size,
)  # fmt: skip
from symadamax.compiler.layout import Storage
from symadamax.compiler.llvm_loops.function import Function
from symadamax.compiler.llvm_loops.memory import gather, load_masked

__all__ = ["Stride", "Turn"]

TYPES = {
    "f8": "double", "f4": "float", "i8": "i64", "i4": "i32", "i2": "i16", "i1": "i8",
    "u8": "i64", "u4": "i32", "u2": "i16", "u1": "i8",
}  # fmt: skip
COUNTING = "<i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7>"
Stride = Callable[[Array, int], str]  # the register of the distance of neighbours along an axis


class Turn:
    """The indices of the loops around, of which one may differ from lane to lane.

    Parameters
    ----------
    function : Function
    lane : Index or None
        The index that differs from lane to lane.
    indices : dict of Index to str
        The registers of the indices around; the lane's is that of lane 0.

    Attributes
    ----------
    mask : str
        The register of the lanes that take part; empty where all do.
    exact : bool
        Whether all lanes that take part read what exists; at the ends of an array that is gathered
        to, those do not that are out of the range of a sum.
    """

    def __init__(self, function: Function, lane: Index | None, indices: dict[Index, str]) -> None:
        self.function = function
        self.writer = function.writer
        self.lane = lane
        self.indices = indices
        self.mask = ""
        self.exact = False
        self.turns = ""  # the lane's index on each lane, once it has been needed
        self.moved: list[str] = []  # unknowns after a step
        self.numbers: list[str] = []  # the same as scalars, one for each lane

    def inside(self, index: Index, register: str) -> Turn:
        """Return a turn of a loop inside this one."""
        inner = Turn(self.function, self.lane, {**self.indices, index: register})
        inner.mask, inner.turns, inner.numbers = self.mask, self.turns, [*self.numbers]
        return inner

    def alone(self, lane: int) -> Turn:
        """Return the turn of one lane, which has no lanes."""
        assert self.lane is not None
        self.numbers = self.numbers or [self.number(k) for k in range(self.writer.lanes)]
        return Turn(self.function, None, {**self.indices, self.lane: self.numbers[lane]})

    def number(self, lane: int) -> str:
        """Return the register of the lane's index on one lane."""
        assert self.lane is not None
        turn = self.writer.line(f"add i64 {self.indices[self.lane]}, {lane}")
        return self.function.drawn_row(turn) if self.lane.sampled else turn

    def mask_ends(self, upper: str) -> None:
        """Let only the lanes take part whose turn exists; the others do the nearest that does."""
        function, line, whole = self.function, self.writer.line, self.writer.whole
        assert self.lane is not None
        turns = line(f"add {whole} {function.splat(self.indices[self.lane], 'i64')}, {COUNTING}")
        last = function.splat(upper, "i64", function.prologue)
        self.mask = line(f"icmp sle {whole} {turns}, {last}")
        if self.lane.sampled:
            self.turns = self.sampled_rows()
        else:
            self.turns = function.whole_intrinsic("smin", turns, last, lanes=True)

    def sampled_rows(self) -> str:
        """Load the rows that a sample has drawn; behind its last it is filled with rows."""
        assert self.lane is not None
        place = self.function.place_of_row(self.indices[self.lane])
        return self.writer.line(f"load {self.writer.whole}, ptr {place}, align 8")

    def mask_ragged(self, index: Index) -> None:
        """Let only the lanes take part for which an index is in its range."""
        line, whole, truth = self.writer.line, self.writer.whole, self.writer.truth
        here = self.function.splat(self.indices[index], "i64")
        below = line(f"icmp sle {whole} {self.lanes(index.lower)}, {here}")
        above = line(f"icmp sle {whole} {here}, {self.lanes(index.upper)}")
        mask = line(f"and {truth} {below}, {above}")
        self.turn_numbers()
        self.mask = line(f"and {truth} {self.mask}, {mask}") if self.mask else mask

    # ---- whole numbers -------------------------------------------------------------------------

    def varies(self, affine: Affine) -> bool:
        """Tell whether a whole number differs between lanes."""
        return self.lane is not None and self.lane in affine.indices

    def looks_up(self, access: Access) -> bool:
        """Tell whether a position is read from memory, differently on each lane."""
        if self.lane is not None and self.lane.sampled and self.lane in access.indices:
            return True
        return any(
            isinstance(atom, Lookup) and self.lane in atom.access.indices
            for position in access.positions
            for atom, _ in position.terms
        )

    def scalar(self, affine: Affine) -> str:
        """Return the register of a whole number, on lane 0."""
        total = str(affine.constant)
        for atom, factor in affine.terms:
            total = self.add(total, self.times(self.atom(atom), factor))
        return total

    def add(self, a: str, b: str) -> str:
        """Add two whole numbers."""
        return b if a == "0" else self.writer.line(f"add i64 {a}, {b}")

    def times(self, a: str, factor: int) -> str:
        """Multiply a whole number by a constant."""
        return a if factor == 1 else self.writer.line(f"mul i64 {a}, {factor}")

    def atom(self, atom: Atom) -> str:
        """Return the register of an atom, on lane 0."""
        if isinstance(atom, Index):
            return self.indices[atom]
        if isinstance(atom, Size):
            return self.function.word("size", atom)
        if isinstance(atom, Extent):
            return self.function.word("extent", atom.array, atom.axis)
        register, kind = self.raw(atom.access)
        return self.extended(register, kind, self.storage(atom.access.array).dtype, "i64")

    def extended(self, register: str, kind: str, dtype: str, to: str) -> str:
        """Widen a whole number to 64 bits."""
        if kind == "i64":
            return register
        how = "zext" if dtype[0] == "u" else "sext"
        source = to.replace("i64", kind)
        return self.writer.line(f"{how} {source} {register} to {to}")

    def lanes(self, affine: Affine) -> str:
        """Return the register of a whole number on every lane."""
        line, whole, function = self.writer.line, self.writer.whole, self.function
        same, differing = Affine(affine.constant), []
        for atom, factor in affine.terms:
            if self.varies(Affine.of(atom)):
                differing.append((self.lanes_atom(atom), factor))
            else:
                same = same.plus(Affine.of(atom), factor)
        total = function.splat(self.scalar(same), "i64") if same != Affine() else ""
        for register, factor in differing:
            if factor != 1:
                register = line(f"mul {whole} {register}, {self.writer.integer(factor)}")
            total = line(f"add {whole} {total}, {register}") if total else register
        return total or self.writer.integer(0)

    def lanes_atom(self, atom: Atom) -> str:
        """Return the register of an atom that differs from lane to lane."""
        if isinstance(atom, Index) and atom == self.lane:
            return self.turn_numbers()
        if isinstance(atom, Index):  # a ragged index is the same number on every lane
            return self.function.splat(self.indices[atom], "i64")
        assert isinstance(atom, Lookup)
        if self.is_scalar(atom.access):  # it differs by its index being ragged alone
            return self.function.splat(self.atom(atom), "i64")
        register, kind = self.raw(atom.access)
        dtype = self.storage(atom.access.array).dtype
        return self.extended(register, kind, dtype, self.writer.whole)

    def turn_numbers(self) -> str:
        """Return the lane's index on each lane."""
        assert self.lane is not None
        if not self.turns and self.lane.sampled:
            self.turns = self.sampled_rows()
        if not self.turns:
            first = self.function.splat(self.indices[self.lane], "i64")
            self.turns = self.writer.line(f"add {self.writer.whole} {first}, {COUNTING}")
        return self.turns

    # ---- elements of arrays --------------------------------------------------------------------

    def storage(self, array: Array) -> Storage:
        """Return how an array lies in memory."""
        if array.unknown:
            return Storage("f4" if self.writer.single else "f8", array.axes - 1)
        return self.function.storages[array]

    def stride(self, array: Array, axis: int) -> str:
        """Return the distance in bytes of neighbours along an axis."""
        storage = self.storage(array)
        if axis == storage.unit:
            return storage.dtype[1:]
        return self.function.word("stride", array, axis)

    def factors(self, access: Access) -> list[int]:
        """Return by how much each position moves from lane to lane."""
        if self.lane is None:
            return [0] * len(access.positions)
        return [position.factor(self.lane) for position in access.positions]

    def is_scalar(self, access: Access) -> bool:
        """Tell whether all lanes read the same element."""
        return not (any(self.factors(access)) or self.looks_up(access))

    def offset(self, access: Access, stride: Stride, clamped: bool) -> str:
        """Return the distance of an element from the first on lane 0, in units of `stride`."""
        total = "0"
        for axis, position in enumerate(access.positions):
            place = self.scalar(position)
            if clamped:
                place = self.clamp(place, access.array, axis, lanes=False)
            step = stride(access.array, axis)
            total = self.add(total, self.writer.line(f"mul i64 {place}, {step}"))
        return total

    def clamp(self, place: str, array: Array, axis: int, lanes: bool) -> str:
        """Move a position to the nearest that exists; what is read there is not used."""
        function = self.function
        extent = function.word("extent", array, axis)
        last = function.early(f"sub i64 {extent}, 1")
        zero = "0"
        if lanes:
            last, zero = function.splat(last, "i64", function.prologue), self.writer.integer(0)
        below = function.whole_intrinsic("smin", place, last, lanes)
        return function.whole_intrinsic("smax", below, zero, lanes)

    def address(self, access: Access, clamped: bool = False) -> str:
        """Return the address of an element on lane 0."""
        offset, base = self.offset(access, self.stride, clamped), self.function.base(access.array)
        return self.writer.line(f"getelementptr i8, ptr {base}, i64 {offset}")

    def addresses(self, access: Access) -> str:
        """Return the address of an element on each lane; where there is none, of another."""
        base, pointers = self.function.base(access.array), self.writer.whole
        offsets = self.offsets(access, self.stride, clamped=True)
        return self.writer.line(f"getelementptr i8, ptr {base}, {pointers} {offsets}")

    def offsets(self, access: Access, stride: Stride, clamped: bool) -> str:
        """Return the distance of an element from the first on each lane, in units of `stride`."""
        function, writer = self.function, self.writer
        total = ""
        for axis, position in enumerate(access.positions):
            place = self.lanes(position)
            if clamped:
                place = self.clamp(place, access.array, axis, lanes=True)
            step = function.splat(stride(access.array, axis), "i64", function.prologue)
            place = writer.line(f"mul {writer.whole} {place}, {step}")
            total = writer.line(f"add {writer.whole} {total}, {place}") if total else place
        return total

    def side_by_side(self, access: Access) -> bool:
        """Tell whether the lanes read neighbours in memory."""
        if (self.mask and not self.exact) or self.looks_up(access):
            return False
        unit = self.storage(access.array).unit
        return self.factors(access) == [int(k == unit) for k in range(len(access.positions))]

    def raw(self, access: Access) -> tuple[str, str]:
        """Load an element as it is stored; return its register and the type of one number."""
        writer, storage = self.writer, self.storage(access.array)
        kind, align = TYPES[storage.dtype], storage.dtype[1:]
        if not (self.is_scalar(access) or self.side_by_side(access)):
            return self.gathered(access, kind, align), kind
        place = self.address(access, clamped=bool(self.mask) and not self.exact)
        if self.mask and not self.is_scalar(access):
            return load_masked(writer, self.mask, place, kind, align), kind
        loaded = kind if self.is_scalar(access) else writer.of(kind)
        return writer.line(f"load {loaded}, ptr {place}, align {align}"), kind

    def gathered(self, access: Access, kind: str, align: str) -> str:
        """Load from an address on each lane.

        Eight loads: the processor's own instruction takes up to three times as long.
        """
        writer, register = self.writer, "poison"
        if self.mask:
            return gather(writer, self.addresses(access), kind, align)
        for lane in range(writer.lanes):
            place = self.alone(lane).address(access)
            one = writer.line(f"load {kind}, ptr {place}, align {align}")
            into = f"{writer.of(kind)} {register}, {kind} {one}, i64 {lane}"
            register = writer.line(f"insertelement {into}")
        return register

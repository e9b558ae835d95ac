"""What stands inside loops -> LLVM IR: elements, operations, inner loops, sums and scatters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from symadamax.compiler import emission
from symadamax.compiler.affine import (
    Access,
    Affine,
    Array,
    Atom,
    Extent,
    Index,
    Lookup,
    Size,
    Within,
)  # fmt: skip
from symadamax.compiler.ir import Node, Scatter, Store
from symadamax.compiler.layout import Layout, Storage
from symadamax.compiler.llvm_code import single
from symadamax.compiler.nests import Loop, Step
from symadamax.compiler.writer import Writer

__all__ = ["Body", "Function"]

TYPES = {
    "f8": "double", "f4": "float", "i8": "i64", "i4": "i32", "i2": "i16", "i1": "i8",
    "u8": "i64", "u4": "i32", "u2": "i16", "u1": "i8",
}  # fmt: skip
COUNTING = "<i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7>"


class Function:
    """One function under way: its writer, and a prologue for what its loops leave alone.

    Parameters
    ----------
    name, parameters : str
    lanes : int
    single : bool
        Whether numbers are float32.
    layout : Layout
    storages : mapping of Array to Storage
    """

    def __init__(
        self,
        name: str,
        parameters: str,
        lanes: int,
        single: bool,
        layout: Layout,
        storages: Mapping[Array, Storage],
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.writer = Writer(lanes, single)
        self.layout = layout
        self.storages = storages
        self.prologue: list[str] = []
        self.rooms: dict[tuple[object, ...], str] = {}
        self.buffers: dict[Array, str] = {}
        self.partition: int | None = None
        self._early: dict[str, str] = {}

    @property
    def scalar(self) -> str:
        """The type of one number."""
        return "float" if self.writer.single else "double"

    def text(self) -> str:
        lines = "\n".join(
            f"  {line}" if not line.endswith(":") else line
            for line in [*self.prologue, *self.writer.lines]
        )
        return f"define void @{self.name}({self.parameters}) #0 {{\nentry:\n{lines}\n}}\n"

    # ---- what is computed once, at the head of the function ------------------------------------

    def early(self, text: str) -> str:
        """Write a line into the prologue, or return the register that it has there."""
        found = self._early.get(text)
        if found is None:
            found = self._early[text] = f"%{self.writer.fresh()}"
            self.prologue.append(f"{found} = {text}")
        return found

    def place(self, *meaning: object) -> str:
        return self.early(f"getelementptr i64, ptr %context, i64 {self.layout.word(*meaning)}")

    def word(self, *meaning: object, kind: str = "i64") -> str:
        """Return a register with a word of the context."""
        return self.early(f"load {kind}, ptr {self.place(*meaning)}")

    def store_word(self, typed: str, *meaning: object) -> None:
        self.writer.do(f"store {typed}, ptr {self.place(*meaning)}")

    def base(self, array: Array) -> str:
        """Return the address of the first element of an array."""
        if not array.unknown:
            return self.word("data", array, kind="ptr")
        return self.stretch("x", array)

    def stretch(self, vector: str, array: Array) -> str:
        """Return where an array of unknowns begins in the point, or in the gradient."""
        offset, start = self.word("offset", array), self.word(vector, kind="ptr")
        return self.early(f"getelementptr {self.scalar}, ptr {start}, i64 {offset}")

    def gradient_of(self, array: Array) -> str:
        return self.stretch("gradient", array)

    # ---- small pieces --------------------------------------------------------------------------

    def element_of(self, base: str, stride: str, count: int, kind: str) -> str:
        """Return the address of element ``stride*count``."""
        place = self.writer.line(f"mul i64 {stride}, {count}") if count != 1 else stride
        return self.writer.line(f"getelementptr {kind}, ptr {base}, i64 {place}")

    def splat(self, register: str, element: str, lines: list[str] | None = None) -> str:
        """Put a scalar on every lane."""
        if self.writer.lanes == 1:
            return register
        kind = self.writer.of(element)
        line = self.early if lines is self.prologue else self.writer.line
        one = line(f"insertelement {kind} poison, {element} {register}, i64 0")
        zeros = f"<{self.writer.lanes} x i32> zeroinitializer"
        return line(f"shufflevector {kind} {one}, {kind} poison, {zeros}")

    def whole_intrinsic(self, name: str, a: str, b: str, lanes: bool = False) -> str:
        """Call smin or smax on whole numbers."""
        kind = self.writer.whole if lanes else "i64"
        suffix = "i64" if kind == "i64" else f"v{self.writer.lanes}i64"
        full = f"@llvm.{name}.{suffix}"
        self.writer.declared[full] = f"declare {kind} {full}({kind}, {kind})"
        return self.writer.line(f"call {kind} {full}({kind} {a}, {kind} {b})")

    def across(self, register: str, instruction: str) -> str:
        """Combine the lanes of doubles, halves with halves."""
        lanes, line = self.writer.lanes, self.writer.line
        while lanes > 1:
            half = lanes // 2
            kind = f"<{lanes} x double>"
            parts = [
                line(
                    f"shufflevector {kind} {register}, {kind} poison, <{half} x i32> <"
                    + ", ".join(f"i32 {k}" for k in range(start, start + half))
                    + ">"
                )
                for start in (0, half)
            ]
            register = line(f"{instruction} <{half} x double> {parts[0]}, {parts[1]}")
            lanes = half
        return line(f"extractelement <1 x double> {register}, i64 0")

    def memset(self, start: str, count: str) -> None:
        self.writer.declared["memset"] = "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)"
        self.writer.do(f"call void @llvm.memset.p0.i64(ptr {start}, i8 0, i64 {count}, i1 false)")

    def room(self, *meaning: object) -> str:
        """Return memory for a register of lanes at each turn of an inner loop."""
        if meaning in self.rooms:
            return self.rooms[meaning]
        count = self.word(*meaning)
        width = self.writer.lanes * (4 if self.writer.single else 8)
        self.writer.declared["malloc"] = "declare ptr @malloc(i64)"
        self.writer.declared["free"] = "declare void @free(ptr)"
        size = self.early(f"mul i64 {count}, {width}")
        register = self.rooms[meaning] = f"%{self.writer.fresh()}"
        self.prologue.append(f"{register} = call ptr @malloc(i64 {size})")
        return register

    def free_rooms(self) -> None:
        for room in self.rooms.values():
            self.writer.do(f"call void @free(ptr {room})")

    def open_buffers(self, arrays: Sequence[Array]) -> None:
        """Find where a part adds to the gradient: in a buffer of its own, or in place."""
        line = self.writer.line
        for array in arrays:
            buffers = self.word("buffer", self.partition, array, kind="ptr")
            length = self.word("length", array)
            offset = line(f"mul i64 %part, {length}")
            own = line(f"getelementptr double, ptr {buffers}, i64 {offset}")
            direct = line(f"icmp eq ptr {buffers}, null")
            self.buffers[array] = line(
                f"select i1 {direct}, ptr {self.gradient_of(array)}, ptr {own}"
            )
            count = line(f"mul i64 {length}, 8")
            cleared = line(f"select i1 {direct}, i64 0, i64 {count}")
            self.memset(self.buffers[array], cleared)


class Body:
    """The steps of one turn, at one level.

    Parameters
    ----------
    function : Function
    lane : Index or None
        The index that differs from lane to lane.
    indices : dict of Index to str
        The registers of the indices around; the lane's is that of lane 0.
    outside : callable
        Returns the register of a node that another function has computed.
    """

    def __init__(
        self,
        function: Function,
        lane: Index | None,
        indices: dict[Index, str],
        outside: Callable[[Node], str],
    ) -> None:
        self.function = function
        self.writer = function.writer
        self.lane = lane
        self.indices = indices
        self.outside = outside
        self.values: dict[Node, str] = {}
        self.mask = ""  # the lanes that take part, where not all do
        self.turns = ""  # the lane's index on each lane, where ends are masked

    def inside(self, index: Index, register: str) -> Body:
        """Return the body of a loop inside this one."""
        inner = Body(self.function, self.lane, {**self.indices, index: register}, self.outside)
        inner.values = dict(self.values)
        inner.mask, inner.turns = self.mask, self.turns
        return inner

    def mask_ends(self, lower: str, upper: str) -> None:
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
        rows = self.function.word("rows", kind="ptr")
        place = self.function.element_of(rows, self.indices[self.lane], 1, "i64")
        return self.writer.line(f"load {self.writer.whole}, ptr {place}, align 8")

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
        return b if a == "0" else self.writer.line(f"add i64 {a}, {b}")

    def times(self, a: str, factor: int) -> str:
        return a if factor == 1 else self.writer.line(f"mul i64 {a}, {factor}")

    def atom(self, atom: Atom) -> str:
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
        if isinstance(atom, Index) and atom == self.lane:
            return self.turn_numbers()
        if isinstance(atom, Index):  # a ragged index is the same number on every lane
            return self.function.splat(self.indices[atom], "i64")
        assert isinstance(atom, Lookup)
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
        return not (any(self.factors(access)) or self.looks_up(access))

    def offset(self, access: Access, clamped: bool) -> str:
        """Return the distance in bytes of an element from the first, on lane 0."""
        total = "0"
        for axis, position in enumerate(access.positions):
            place = self.scalar(position)
            if clamped:
                place = self.clamp(place, access.array, axis, lanes=False)
            total = self.add(
                total, self.writer.line(f"mul i64 {place}, {self.stride(access.array, axis)}")
            )
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

    def addresses(self, access: Access) -> str:
        """Return the address of an element on each lane."""
        function, writer = self.function, self.writer
        base = function.base(access.array)
        pointers = f"getelementptr i8, ptr {base}, {writer.whole} "
        return writer.line(pointers + self.offsets(access, self.stride, bool(self.mask)))

    def offsets(self, access: Access, stride: Callable[[Array, int], str], clamped: bool) -> str:
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
        if self.mask or self.looks_up(access):
            return False
        unit = self.storage(access.array).unit
        return self.factors(access) == [int(k == unit) for k in range(len(access.positions))]

    def raw(self, access: Access) -> tuple[str, str]:
        """Load an element as it is stored; return its register and the type of one number."""
        writer, function = self.writer, self.function
        storage = self.storage(access.array)
        kind = TYPES[storage.dtype]
        align = storage.dtype[1:]
        if self.is_scalar(access) or self.side_by_side(access):
            offset = self.offset(access, clamped=bool(self.mask))
            place = writer.line(
                f"getelementptr i8, ptr {function.base(access.array)}, i64 {offset}"
            )
            loaded = kind if self.is_scalar(access) else writer.of(kind)
            return writer.line(f"load {loaded}, ptr {place}, align {align}"), kind
        return self.gathered(self.addresses(access), kind, align), kind

    def gathered(self, pointers: str, kind: str, align: str) -> str:
        writer = self.writer
        lanes, vector = writer.lanes, writer.of(kind)
        short = {"double": "f64", "float": "f32"}.get(kind, kind)
        name = f"@llvm.masked.gather.v{lanes}{short}.v{lanes}p0"
        arguments = f"<{lanes} x ptr>, i32, {writer.truth}, {vector}"
        writer.declared[name] = f"declare {vector} {name}({arguments})"
        return writer.line(
            f"call {vector} {name}(<{lanes} x ptr> {pointers}, i32 {align}, "
            f"{writer.truth} {writer.splat('i1', 'true')}, {vector} poison)"
        )

    def element(self, access: Access) -> str:
        """Return an element as a number on every lane."""
        register, kind = self.raw(access)
        dtype = self.storage(access.array).dtype
        scalar = self.is_scalar(access)
        real = self.function.scalar if scalar else self.writer.real
        source = kind if scalar else self.writer.of(kind)
        if kind in ("double", "float"):
            if kind != self.function.scalar:
                how = "fpext" if kind == "float" else "fptrunc"
                register = self.writer.line(f"{how} {source} {register} to {real}")
        else:
            how = "uitofp" if dtype[0] == "u" else "sitofp"
            register = self.writer.line(f"{how} {source} {register} to {real}")
        return self.function.splat(register, self.function.scalar) if scalar else register

    # ---- nodes ---------------------------------------------------------------------------------

    def name(self, node: Node) -> str:
        """Return the register of a node that has been computed, or is a leaf."""
        found = self.values.get(node)
        if found is None:
            found = self.values[node] = self.leaf(node)
        return found

    def leaf(self, node: Node) -> str:
        value, function, writer = node.value, self.function, self.writer
        if node.name == "constant":
            number = float(value)
            return writer.number(single(number) if writer.single else number)
        if node.name == "truth":
            return writer.splat("i1", "true" if value else "false")
        if node.name == "unknown":
            scalar = function.scalar
            start = function.word("x", kind="ptr")
            place = function.early(f"getelementptr {scalar}, ptr {start}, i64 {value}")
            loaded = function.early(f"load {scalar}, ptr {place}")
            return function.splat(loaded, scalar, function.prologue)
        if node.name == "parameter":
            wide = function.word("parameter", value, kind="double")
            if writer.single:
                wide = function.early(f"fptrunc double {wide} to float")
            return function.splat(wide, function.scalar, function.prologue)
        if isinstance(value, Access):
            return self.element(value)
        if isinstance(value, Affine):
            return self.real_of(value)
        if isinstance(value, Within):
            return self.within(value)
        if node.name == "extent":
            assert isinstance(value, Index)
            return self.extent(value)
        return self.outside(node)

    def real_of(self, affine: Affine) -> str:
        """Return a whole number as a real one."""
        if self.varies(affine):
            return self.writer.line(
                f"sitofp {self.writer.whole} {self.lanes(affine)} to {self.writer.real}"
            )
        scalar = self.function.scalar
        real = self.writer.line(f"sitofp i64 {self.scalar(affine)} to {scalar}")
        return self.function.splat(real, scalar)

    def extent(self, index: Index) -> str:
        """Return how many values an index has."""
        count = index.upper.plus(index.lower, -1).plus(Affine(1))
        if self.varies(count):
            zero = self.writer.integer(0)
            whole = self.function.whole_intrinsic("smax", self.lanes(count), zero, lanes=True)
            return self.writer.line(f"sitofp {self.writer.whole} {whole} to {self.writer.real}")
        whole = self.function.whole_intrinsic("smax", self.scalar(count), "0")
        scalar = self.function.scalar
        real = self.writer.line(f"sitofp i64 {whole} to {scalar}")
        return self.function.splat(real, scalar)

    def within(self, within: Within) -> str:
        """Return the condition on an index; where nothing is masked it holds on all lanes."""
        writer = self.writer
        if not self.mask:
            return writer.splat("i1", "true")
        turns = self.lanes(Affine.of(within.index))
        below = writer.line(f"icmp sle {writer.whole} {self.lanes(within.lower)}, {turns}")
        above = writer.line(f"icmp sle {writer.whole} {turns}, {self.lanes(within.upper)}")
        return writer.line(f"and {writer.truth} {below}, {above}")

    # ---- steps ---------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Write a step."""
        if isinstance(step, Loop):
            self.loop(step)
        elif isinstance(step, Scatter):
            self.scatter(step)
        elif isinstance(step, Store):
            self.store(step)
        else:
            self.values[step] = self.compute(step)

    def compute(self, node: Node) -> str:
        if node.name == "select" and node.arguments[0].name == "within" and not self.mask:
            return self.name(node.arguments[1])
        return emission.operation(self.writer, node, [self.name(a) for a in node.arguments])

    def loop(self, loop: Loop) -> None:
        """Write a loop of scalars around operations on lanes."""
        writer, function, index = self.writer, self.function, loop.index
        ragged = self.lane is not None and self.lane in index.indices
        lower, upper = self.ends(index, ragged)
        before, labels = writer.block, [writer.fresh() for _ in range(4)]
        head, turn, end, done = labels
        sums = [f"%{writer.fresh()}" for _ in loop.reductions]
        news = [f"%{writer.fresh()}" for _ in loop.reductions]
        counter, following = f"%{writer.fresh()}", f"%{writer.fresh()}"
        kind = writer.of("double")
        writer.do(f"br label %{head}")
        writer.begin(head)
        writer.do(f"{counter} = phi i64 [ {lower}, %{before} ], [ {following}, %{end} ]")
        for node, total, new in zip(loop.reductions, sums, news, strict=True):
            neutral = writer.splat("double", "0.0" if node.name == "sum" else "1.0")
            writer.do(f"{total} = phi {kind} [ {neutral}, %{before} ], [ {new}, %{end} ]")
        more = writer.line(f"icmp sle i64 {counter}, {upper}")
        writer.do(f"br i1 {more}, label %{turn}, label %{done}")
        writer.begin(turn)
        body = self.inside(index, counter)
        if ragged:
            body.mask_ragged(index)

        def place(node: Node) -> str:
            memory = function.room("room", index, node)
            offset = writer.line(f"sub i64 {counter}, {lower}")
            return function.element_of(memory, offset, 1, writer.real)

        body.find(loop, place)
        for step in loop.steps:
            body.step(step)
        body.keep(loop, place)
        added = [body.accumulate(n, t) for n, t in zip(loop.reductions, sums, strict=True)]
        writer.do(f"br label %{end}")
        last = writer.block
        writer.begin(end)
        for new, register in zip(news, added, strict=True):
            writer.do(f"{new} = phi {kind} [ {register}, %{last} ]")
        writer.do(f"{following} = add i64 {counter}, 1")
        writer.do(f"br label %{head}")
        writer.begin(done)
        for node, total in zip(loop.reductions, sums, strict=True):
            self.values[node] = self.narrow(total)

    def narrow(self, total: str) -> str:
        if not self.writer.single:
            return total
        return self.writer.line(f"fptrunc {self.writer.of('double')} {total} to {self.writer.real}")

    def ends(self, index: Index, ragged: bool) -> tuple[str, str]:
        """Return the ends of a loop; of one that differs between lanes, those that hold all."""
        if not ragged:
            return self.scalar(index.lower), self.scalar(index.upper)
        return self.extreme("smin", index.lower), self.extreme("smax", index.upper)

    def extreme(self, name: str, bound: Affine) -> str:
        writer = self.writer
        suffix = f"v{writer.lanes}i64"
        full = f"@llvm.vector.reduce.{name}.{suffix}"
        writer.declared[full] = f"declare i64 {full}({writer.whole})"
        return writer.line(f"call i64 {full}({writer.whole} {self.lanes(bound)})")

    def mask_ragged(self, index: Index) -> None:
        """Let only the lanes take part for which an index is in its range."""
        line, whole, truth = self.writer.line, self.writer.whole, self.writer.truth
        here = self.function.splat(self.indices[index], "i64")
        below = line(f"icmp sle {whole} {self.lanes(index.lower)}, {here}")
        above = line(f"icmp sle {whole} {here}, {self.lanes(index.upper)}")
        mask = line(f"and {truth} {below}, {above}")
        self.turn_numbers()
        self.mask = line(f"and {truth} {self.mask}, {mask}") if self.mask else mask

    def find(self, loop: Loop, place: Callable[[Node], str]) -> None:
        """Load what an earlier loop over the same index has kept."""
        writer = self.writer
        for keep in loop.found:
            register = writer.line(f"load {writer.real}, ptr {place(keep.node)}, align 4")
            if keep.node.operation.result.value == "boolean":
                register = writer.line(f"fcmp une {writer.real} {register}, {writer.number(0.0)}")
            self.values[keep.node] = register

    def keep(self, loop: Loop, place: Callable[[Node], str]) -> None:
        """Store what a later loop over the same index needs."""
        writer = self.writer
        for keep in loop.kept:
            register = self.name(keep.node)
            if keep.node.operation.result.value == "boolean":
                register = writer.line(f"uitofp {writer.truth} {register} to {writer.real}")
            writer.do(f"store {writer.real} {register}, ptr {place(keep.node)}, align 4")

    def accumulate(self, node: Node, total: str) -> str:
        """Return a sum or a product with this turn in it."""
        writer = self.writer
        kind = writer.of("double")
        value = self.name(node.arguments[0])
        if writer.single:
            value = writer.line(f"fpext {writer.real} {value} to {kind}")
        instruction, neutral = ("fadd", "0.0") if node.name == "sum" else ("fmul", "1.0")
        if self.mask:
            neutral = writer.splat("double", neutral)
            value = writer.line(
                f"select {writer.truth} {self.mask}, {kind} {value}, {kind} {neutral}"
            )
        return writer.line(f"{instruction} {kind} {total}, {value}")

    # ---- gradients of arrays -------------------------------------------------------------------

    def step_of(self, array: Array, axis: int) -> str:
        """Return the distance in elements of neighbours along an axis of unknowns."""
        return "1" if axis == array.axes - 1 else self.function.word("step", array, axis)

    def store(self, store: Store) -> None:
        """Write the derivatives by the elements of an array, each once."""
        writer, function = self.writer, self.function
        value, real = self.name(store.weight), writer.real
        base = function.gradient_of(store.array)
        place = function.element_of(base, self.indices[store.index], 1, function.scalar)
        align = 4 if writer.single else 8
        if not self.mask:
            writer.do(f"store {real} {value}, ptr {place}, align {align}")
            return
        short = f"v{writer.lanes}{'f32' if writer.single else 'f64'}"
        name = f"@llvm.masked.store.{short}.p0"
        writer.declared[name] = f"declare void {name}({real}, ptr, i32, {writer.truth})"
        writer.do(
            f"call void {name}({real} {value}, ptr {place}, i32 {align}, {writer.truth} {self.mask})"
        )

    def scatter(self, scatter: Scatter) -> None:
        """Add to the derivatives by elements, lane after lane where lanes may meet."""
        writer = self.writer
        value = self.name(scatter.weight)
        if self.mask:
            zero = writer.number(0.0)
            value = emission.select(writer, self.mask, value, zero)
        if self.lane is None:
            self.add_scalar(scatter.access, value)
            return
        if writer.single:
            value = writer.line(f"fpext {writer.real} {value} to {writer.of('double')}")
        if self.is_scalar(scatter.access):
            self.add_to(self.target(scatter.access), self.function.across(value, "fadd"), "double")
        elif self.side_by_side(scatter.access):
            self.add_to(self.target(scatter.access), value, writer.of("double"))
        else:
            self.add_lanes(scatter.access, value)

    def add_to(self, place: str, value: str, kind: str) -> None:
        old = self.writer.line(f"load {kind}, ptr {place}, align 8")
        new = self.writer.line(f"fadd {kind} {old}, {value}")
        self.writer.do(f"store {kind} {new}, ptr {place}, align 8")

    def target(self, access: Access) -> str:
        """Return where an element's derivative is added up."""
        total = "0"
        for axis, position in enumerate(access.positions):
            place = self.scalar(position)
            if self.mask:
                place = self.clamp(place, access.array, axis, lanes=False)
            step = self.step_of(access.array, axis)
            total = self.add(total, self.writer.line(f"mul i64 {place}, {step}"))
        buffer = self.function.buffers[access.array]
        return self.writer.line(f"getelementptr double, ptr {buffer}, i64 {total}")

    def add_lanes(self, access: Access, value: str) -> None:
        writer = self.writer
        offsets = self.offsets(access, self.step_of, bool(self.mask))
        buffer = self.function.buffers[access.array]
        for lane in range(writer.lanes):
            offset = writer.line(f"extractelement {writer.whole} {offsets}, i64 {lane}")
            one = writer.line(f"extractelement {writer.of('double')} {value}, i64 {lane}")
            place = writer.line(f"getelementptr double, ptr {buffer}, i64 {offset}")
            self.add_to(place, one, "double")

    def add_scalar(self, access: Access, value: str) -> None:
        """Add to the gradient itself, outside of all loops."""
        writer, function = self.writer, self.function
        total = "0"
        for axis, position in enumerate(access.positions):
            step = self.step_of(access.array, axis)
            place = writer.line(f"mul i64 {self.scalar(position)}, {step}")
            total = self.add(total, place)
        base = function.gradient_of(access.array)
        place = writer.line(f"getelementptr {function.scalar}, ptr {base}, i64 {total}")
        old = writer.line(f"load {function.scalar}, ptr {place}")
        new = writer.line(f"fadd {function.scalar} {old}, {value}")
        writer.do(f"store {function.scalar} {new}, ptr {place}")

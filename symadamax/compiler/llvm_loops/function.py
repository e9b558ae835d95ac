"""One function of LLVM IR under way: its prologue, the words of its context, small pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symadamax.compiler.affine import Array
from symadamax.compiler.layout import Layout, Storage
from symadamax.compiler.writer import Writer

__all__ = ["Function"]


class Function:
    """One function under way: its writer, and a prologue for what its loops leave alone.

    Parameters
    ----------
    name, parameters : str
    writer : Writer
    layout : Layout
    storages : mapping of Array to Storage
    """

    def __init__(
        self,
        name: str,
        parameters: str,
        writer: Writer,
        layout: Layout,
        storages: Mapping[Array, Storage],
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.writer = writer
        self.layout = layout
        self.storages = storages
        self.prologue: list[str] = []
        self.rooms: dict[tuple[object, ...], str] = {}
        self.buffers: dict[Array, str] = {}
        self.partition: int | None = None
        self.updating = False  # where a derivative is done, its unknown is taken one step further
        self.volatile = False  # whether LLVM is to leave loads and stores as they are
        self._early: dict[str, str] = {}

    @property
    def scalar(self) -> str:
        """The type of one number."""
        return "float" if self.writer.single else "double"

    def text(self) -> str:
        """Return the text of the function."""
        written = [*self.prologue, *self.writer.lines]
        if self.volatile:
            written = [_volatile(line) for line in written]
        lines = "\n".join(f"  {line}" if not line.endswith(":") else line for line in written)
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
        """Return the address of a word of the context."""
        return self.early(f"getelementptr i64, ptr %context, i64 {self.layout.word(*meaning)}")

    def word(self, *meaning: object, kind: str = "i64") -> str:
        """Return a register with a word of the context."""
        return self.early(f"load {kind}, ptr {self.place(*meaning)}")

    def store_word(self, typed: str, *meaning: object) -> None:
        """Write a word of the context."""
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
        """Return where the derivatives by an array begin."""
        return self.stretch("gradient", array)

    # ---- small pieces --------------------------------------------------------------------------

    def element_of(self, base: str, stride: str, count: int, kind: str) -> str:
        """Return the address of element ``stride*count``."""
        place = self.writer.line(f"mul i64 {stride}, {count}") if count != 1 else stride
        return self.writer.line(f"getelementptr {kind}, ptr {base}, i64 {place}")

    def place_of_row(self, turn: str) -> str:
        """Return where the row stands that was drawn for a turn."""
        return self.element_of(self.word("rows", kind="ptr"), turn, 1, "i64")

    def drawn_row(self, turn: str) -> str:
        """Load the row that was drawn for a turn."""
        return self.writer.line(f"load i64, ptr {self.place_of_row(turn)}, align 8")

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

    def doubles(self, instruction: str, kind: str, a: str, b: str) -> str:
        """Return the text of an instruction on doubles: fadd, fmul, or the intrinsic maximum."""
        if instruction != "maximum":
            return f"{instruction} {kind} {a}, {b}"
        suffix = "f64" if kind == "double" else f"v{kind[1:].split()[0]}f64"
        name = f"@llvm.maximum.{suffix}"
        self.writer.declared[name] = f"declare {kind} {name}({kind}, {kind})"
        return f"call {kind} {name}({kind} {a}, {kind} {b})"

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
            register = line(self.doubles(instruction, f"<{half} x double>", *parts))
            lanes = half
        return line(f"extractelement <1 x double> {register}, i64 0")

    def memset(self, start: str, count: str) -> None:
        """Set bytes to 0."""
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
        """Give the memory of all rooms back."""
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


def _volatile(line: str) -> str:
    """Return a load or a store as one that stays; other lines as they are."""
    if line.startswith("store "):
        return line.replace("store ", "store volatile ", 1)
    return line.replace(" = load ", " = load volatile ", 1)

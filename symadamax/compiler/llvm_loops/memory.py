"""Numbers in memory, on the lanes that take part -> LLVM IR."""

from __future__ import annotations

from symadamax.compiler.writer import Writer

__all__ = ["fetch", "gather", "load_masked", "store_masked"]

SHORT = {"double": "f64", "float": "f32"}


def load_masked(writer: Writer, mask: str, place: str, kind: str, align: str) -> str:
    """Load neighbours on the lanes of a mask."""
    vector = writer.of(kind)
    name = f"@llvm.masked.load.v{writer.lanes}{SHORT.get(kind, kind)}.p0"
    writer.declared[name] = f"declare {vector} {name}(ptr, i32, {writer.truth}, {vector})"
    masked = f"{writer.truth} {mask}, {vector} zeroinitializer"
    return writer.line(f"call {vector} {name}(ptr {place}, i32 {align}, {masked})")


def store_masked(
    writer: Writer, mask: str, register: str, place: str, kind: str, align: str
) -> None:
    """Store neighbours on the lanes of a mask."""
    vector = writer.of(kind)
    name = f"@llvm.masked.store.v{writer.lanes}{SHORT[kind]}.p0"
    writer.declared[name] = f"declare void {name}({vector}, ptr, i32, {writer.truth})"
    masked = f"i32 {align}, {writer.truth} {mask}"
    writer.do(f"call void {name}({vector} {register}, ptr {place}, {masked})")


def gather(writer: Writer, pointers: str, kind: str, align: str) -> str:
    """Load from an address on each lane."""
    lanes, vector, truth = writer.lanes, writer.of(kind), writer.truth
    name = f"@llvm.masked.gather.v{lanes}{SHORT.get(kind, kind)}.v{lanes}p0"
    writer.declared[name] = f"declare {vector} {name}(<{lanes} x ptr>, i32, {truth}, {vector})"
    all_lanes = f"{truth} {writer.splat('i1', 'true')}, {vector} poison"
    return writer.line(
        f"call {vector} {name}(<{lanes} x ptr> {pointers}, i32 {align}, {all_lanes})"
    )


def fetch(writer: Writer, place: str) -> None:
    """Have a cache line brought near, in time for a load that will be; any address will do.

    Into the second cache: the first is small, and a miss of it waits for one of few buffers.
    """
    name = "@llvm.prefetch.p0"
    writer.declared[name] = f"declare void {name}(ptr, i32, i32, i32)"
    writer.do(f"call void {name}(ptr {place}, i32 0, i32 2, i32 1)")

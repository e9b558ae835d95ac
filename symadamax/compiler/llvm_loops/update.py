"""A step of Adamax in the loop that has the derivatives in registers -> LLVM IR.

Every number is then read once and written once: x, m and u are read, and m, u and the next point
written. The next point goes to an array of its own, since neighbours still read this one. A plain
store would first read from memory what it is going to overwrite; one past the cache does not, and
is dear where the arrays fit into the cache. So whoever runs the code says which it shall be.
"""

from __future__ import annotations

from symadamax.compiler.ir import Store
from symadamax.compiler.layout import LANES
from symadamax.compiler.llvm_adamax import SETTINGS, displacement, moment, weight
from symadamax.compiler.llvm_loops.function import Function
from symadamax.compiler.llvm_loops.memory import load_masked, store_masked
from symadamax.compiler.llvm_loops.turn import Turn

__all__ = ["PAST_CACHE", "update"]

PAST_CACHE = "!0 = !{i32 1}"  # what "!nontemporal !0" refers to


def update(turn: Turn, effect: Store, slope: str) -> str:
    """Update the elements whose derivatives are in a register; return the next ones."""
    function, writer, index = turn.function, turn.writer, turn.indices[effect.index]
    setting = _settings(function)
    places = {
        name: function.element_of(function.stretch(name, effect.array), index, 1, function.scalar)
        for name in ("x", "m", "u", "next")
    }
    m = moment(writer, setting, _load(turn, places["m"]), slope)
    u = weight(writer, setting, _load(turn, places["u"]), slope)
    below = writer.line(f"fadd {writer.real} {u}, {setting['outside']}")
    moved = displacement(writer, setting, m, below)
    moved = writer.line(f"fadd {writer.real} {_load(turn, places['x'])}, {moved}")
    _store(turn, m, places["m"])
    _store(turn, u, places["u"])
    if turn.mask:
        _store(turn, moved, places["next"])
    else:
        _store_next(turn, effect, moved, places["next"])
    return moved


def _settings(function: Function) -> dict[str, str]:
    """Return the settings on every lane, in the type of the point."""
    found = {}
    for name in SETTINGS:
        register = function.word("setting", name, kind="double")
        if function.writer.single:
            register = function.early(f"fptrunc double {register} to float")
        found[name] = function.splat(register, function.scalar, function.prologue)
    return found


def _width(turn: Turn) -> int:
    return 4 if turn.writer.single else 8


def _load(turn: Turn, place: str) -> str:
    if turn.mask:
        kind = turn.function.scalar
        return load_masked(turn.writer, turn.mask, place, kind, str(_width(turn)))
    return turn.writer.line(f"load {turn.writer.real}, ptr {place}, align {_width(turn)}")


def _store(turn: Turn, register: str, place: str) -> None:
    if turn.mask:
        kind = turn.function.scalar
        store_masked(turn.writer, turn.mask, register, place, kind, str(_width(turn)))
    else:
        real = turn.writer.real
        turn.writer.do(f"store {real} {register}, ptr {place}, align {_width(turn)}")


def _store_next(turn: Turn, effect: Store, register: str, place: str) -> None:
    """Store past the cache, or into it."""
    writer, function, number = turn.writer, turn.function, turn.writer.fresh()
    past = function.word("past", effect.array)
    cached = function.early(f"icmp eq i64 {past}, 0")
    writer.do(f"br i1 {cached}, label %{number}.into, label %{number}.past")
    writer.begin(f"{number}.past")
    align = LANES * _width(turn)
    writer.do(f"store {writer.real} {register}, ptr {place}, align {align}, !nontemporal !0")
    writer.do(f"br label %{number}.on")
    writer.begin(f"{number}.into")
    _store(turn, register, place)
    writer.do(f"br label %{number}.on")
    writer.begin(f"{number}.on")

"""The equations in LLVM IR: the bits of the Cython core, whatever the numbers."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

import symadamax as sx
from symadamax import _core
from symadamax.compiler import native
from symadamax.compiler.llvm_adamax import SETTINGS, displacement, moment, weight
from symadamax.compiler.writer import ATTRIBUTES, Module, Writer

SPECIAL = [0.0, -0.0, 1e-320, -5e-324, 1e-300, 0.3, -7.5, 1e300, -1.7e308]


def stepper(lanes: int, single: bool) -> Any:
    """Return code that takes `lanes` unknowns further: ``step(x, m, u, g, settings)``."""
    writer = Writer(lanes, single)
    scalar = "float" if single else "double"
    x, m, u, g = (writer.line(f"load {writer.real}, ptr %{name}, align 4") for name in "xmug")
    setting = {}
    for place, name in enumerate(SETTINGS):
        at = writer.line(f"getelementptr {scalar}, ptr %s, i64 {place}")
        one = writer.line(f"load {scalar}, ptr {at}")
        first = writer.line(f"insertelement <{lanes} x {scalar}> poison, {scalar} {one}, i64 0")
        shuffle = f"<{lanes} x {scalar}> {first}, <{lanes} x {scalar}> poison"
        setting[name] = writer.line(f"shufflevector {shuffle}, <{lanes} x i32> zeroinitializer")
    m, u = moment(writer, setting, m, g), weight(writer, setting, u, g)
    below = writer.line(f"fadd {writer.real} {u}, {setting['outside']}")
    moved = displacement(writer, setting, m, below)
    x = writer.line(f"fadd {writer.real} {x}, {moved}")
    for name, register in (("x", x), ("m", m), ("u", u)):
        writer.do(f"store {writer.real} {register}, ptr %{name}, align 4")
    body = "\n".join([*writer.lines, "ret void"])
    pointers = ", ".join(f"ptr %{name}" for name in "xmugs")
    declared = "\n".join(writer.declared.values())
    text = f"{declared}\ndefine void @evaluate({pointers}) #0 {{\n{body}\n}}\n{ATTRIBUTES}"
    return native.build(Module(text, ()))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("placement", ["denominator", "maximum"])
def test_a_step_has_the_bits_of_the_core(dtype: str, placement: str) -> None:
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        special = np.array(SPECIAL).astype(dtype)
    special = special[np.isfinite(special)]
    x, m, g = (np.concatenate([rng.permutation(special), rng.normal(size=55)]) for _ in range(3))
    u = np.abs(np.concatenate([special, rng.normal(size=55)]))
    size = len(u) // 8 * 8
    x, m, u, g = (array[:size].astype(dtype) for array in (x, m, u, g))
    method = sx.Adamax(0.01, 0.8, 0.99, epsilon=1e-8, epsilon_placement=placement)

    def slope(point: np.ndarray, gradient: np.ndarray) -> float:
        gradient[:] = g
        return 0.0

    work = np.zeros((_core.WORK_ROWS, size), dtype)
    work[0], work[2], work[3] = x, m, u
    run = _core.Run(slope, np.empty(0), work, size, method, sx.Stop(), 3, 1)
    run.start()
    run.advance(1)
    wanted = work[4:8][[0, 2, 3]]

    inside, outside = (1e-8, 0.0) if placement == "maximum" else (0.0, 1e-8)
    settings = np.array([-0.01 / (1 - 0.8**4), 0.8, 1 - 0.8, 0.99, inside, outside]).astype(dtype)
    code = stepper(8, dtype == "float32")
    step = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)(code.address)
    for first in range(0, size, 8):
        step(*(array[first:].ctypes.data for array in (x, m, u, g)), settings.ctypes.data)
    assert np.array([x, m, u]).tobytes() == wanted.tobytes()

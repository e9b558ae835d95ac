"""Functions over arrays, compiled from what writes one step on lanes of doubles or floats."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from symadamax.compiler import native
from symadamax.compiler.elementary import FUNCTIONS
from symadamax.compiler.writer import ATTRIBUTES, Module, Writer

__all__ = ["Emission", "array_function", "array_module"]

Emission = Callable[..., str]
_SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)
LOOP = """
define void @f(ptr %a, ptr %b, ptr %out, i64 %n) #0 {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %{last} ]
  %a_at = getelementptr {element}, ptr %a, i64 %i
  %b_at = getelementptr {element}, ptr %b, i64 %i
  %out_at = getelementptr {element}, ptr %out, i64 %i
  %x = load {kind}, ptr %a_at, align 4
  %y = load {kind}, ptr %b_at, align 4
  {body}
  store {kind} {result}, ptr %out_at, align 4
  %next = add i64 %i, {lanes}
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %exit
exit:
  ret void
}}
"""


def array_module(emission: Emission, arguments: int, lanes: int, dtype: str) -> Module:
    """Return the loop of an emission of one or two arguments; the function is ``f``."""
    writer = Writer(lanes, single=dtype == "float32")
    writer.block = "loop"
    result = emission(writer, *["%x", "%y"][:arguments])
    text = LOOP.format(
        last=writer.block,
        element="float" if writer.single else "double",
        kind=writer.real,
        lanes=lanes,
        body="\n  ".join(writer.lines),
        result=result,
    )
    declared = writer.declared.values()
    return Module(
        "\n".join([*declared, text, ATTRIBUTES]), tuple(dict.fromkeys(writer.calls)), ("f",)
    )


def array_function(
    name: str | Emission,
    arguments: int = 1,
    lanes: int = 8,
    dtype: str = "float64",
    cpu: str | None = None,
) -> Callable[..., np.ndarray]:
    """Return ``f(x)`` or ``f(x, y)`` on arrays; a name is one of `FUNCTIONS`."""
    emission = FUNCTIONS[name] if isinstance(name, str) else name
    code = native.build(array_module(emission, arguments, lanes, dtype), cpu)
    function = _SIGNATURE(code.address)

    def call(*arrays: Any) -> np.ndarray:
        arrays = np.broadcast_arrays(*arrays)
        size = arrays[0].size
        whole = -(-size // lanes) * lanes
        padded = [np.zeros(whole, dtype) for _ in range(3)]
        for place, array in enumerate(arrays):
            padded[place][:size] = array
        function(*(array.ctypes.data for array in padded), whole)
        assert code is not None  # it lives as long as this function
        return padded[2][:size]

    return call

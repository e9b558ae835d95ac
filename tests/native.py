"""Small machine functions with the C interface of an objective, for tests of the core alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding

from symadamax import _core

__all__ = ["capsule", "parameters"]

# p*(a² + b²), to which below an edge something is added: to the value, and to the slope in b.
SOURCE = """
define {T} @evaluate(ptr %x, ptr %g, ptr %parameters) {{
  %p = load {T}, ptr %parameters
  %edge_at = getelementptr {T}, ptr %parameters, i64 1
  %edge = load {T}, ptr %edge_at
  %more_at = getelementptr {T}, ptr %parameters, i64 2
  %more = load {T}, ptr %more_at
  %steeper_at = getelementptr {T}, ptr %parameters, i64 3
  %steeper = load {T}, ptr %steeper_at
  %a = load {T}, ptr %x
  %b_at = getelementptr {T}, ptr %x, i64 1
  %b = load {T}, ptr %b_at
  %aa = fmul {T} %a, %a
  %bb = fmul {T} %b, %b
  %sum = fadd {T} %aa, %bb
  %value = fmul {T} %p, %sum
  %twice = fadd {T} %p, %p
  %ga = fmul {T} %twice, %a
  %gb = fmul {T} %twice, %b
  %over = fcmp olt {T} %a, %edge
  %value_add = select i1 %over, {T} %more, {T} 0.0
  %slope_add = select i1 %over, {T} %steeper, {T} 0.0
  %shown_value = fadd {T} %value, %value_add
  %shown_gb = fadd {T} %gb, %slope_add
  store {T} %ga, ptr %g
  %gb_at = getelementptr {T}, ptr %g, i64 1
  store {T} %shown_gb, ptr %gb_at
  ret {T} %shown_value
}}
"""
_engines: list[Any] = []  # the code lives as long as the tests


def capsule(dtype: str = "float64") -> object:
    """Return p*(x² + y²) in machine code; its context is `parameters`."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    text = SOURCE.format(T="double" if dtype == "float64" else "float")
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(text), machine)
    engine.finalize_object()
    _engines.append(engine)
    return _core.function_capsule(engine.get_function_address("evaluate"), dtype)


def parameters(
    p: float = 1.0, *, edge: float = -9.0, value: float = 0.0, slope: float = 0.0
) -> np.ndarray:
    """Return the context of `capsule` in float64."""
    return np.array([p, edge, value, slope])

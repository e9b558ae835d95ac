from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from expressions import SYMBOLS, expressions
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import BY_NAME, rosenbrock

from symadamax import _core
from symadamax.compiler import llvm_code
from symadamax.compiler.differentiate import differentiate
from symadamax.compiler.expand import expand
from symadamax.compiler.ir import Program
from symadamax.compiler.native import build
from symadamax.compiler.schedule import LEAVES, LONGEST_SEGMENT, schedule
from symadamax.compiler.trace import trace


def gradient_program(expression: Any, unknowns: Any) -> Program:
    return expand(differentiate(trace(expression, unknowns)))


@settings(max_examples=25, deadline=None)
@given(expressions(), st.integers(1, 20))
def test_segments_hold_each_operation_once_and_in_order(expression: Any, longest: int) -> None:
    program = gradient_program(expression, SYMBOLS)
    plan = schedule(program, longest)
    together = [node for segment in plan.segments for node in segment.nodes]
    assert together == [node for node in program.nodes() if node.name not in LEAVES]
    assert all(len(segment.nodes) <= longest for segment in plan.segments)


@settings(max_examples=25, deadline=None)
@given(expressions(), st.integers(1, 20))
def test_each_output_is_finished_once(expression: Any, longest: int) -> None:
    program = gradient_program(expression, SYMBOLS)
    finished = [
        place for segment in schedule(program, longest).segments for place, _ in segment.outputs
    ]
    assert sorted(finished) == [0, 1, 2, 3]


@settings(max_examples=25, deadline=None)
@given(expressions(), st.integers(1, 20))
def test_what_crosses_segments_has_a_slot(expression: Any, longest: int) -> None:
    plan = schedule(gradient_program(expression, SYMBOLS), longest)
    for segment in plan.segments:
        here = {*segment.nodes}
        for node in segment.nodes:
            outside = [a for a in node.arguments if a not in here and a.name not in LEAVES]
            assert set(outside) <= set(plan.slots)
    assert sorted(plan.slots.values()) == list(range(len(plan.slots)))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("longest", [1, 2, 7, 100])
@pytest.mark.parametrize("name", ["goldstein_price", "huber", "helical_valley", "chebyshev_centre"])
def test_cuts_change_no_bit(name: str, longest: int, dtype: str) -> None:
    problem = BY_NAME[name]
    program = gradient_program(problem.expression, problem.unknowns)
    start = np.array(problem.start, dtype)
    results = []
    for cut in (LONGEST_SEGMENT, longest):
        code = build(llvm_code.emit(schedule(program, cut), dtype))
        gradient, none = np.empty_like(start), np.empty(0, dtype)
        value = _core.evaluate(_core.function_capsule(code.address, dtype), none, start, gradient)
        results.append(np.append(gradient, value))
    np.testing.assert_array_equal(*results)


def test_what_fits_is_not_cut() -> None:
    problem = BY_NAME["wood"]
    assert len(schedule(gradient_program(problem.expression, problem.unknowns)).segments) == 1


def test_a_large_program_says_what_each_segment_finishes() -> None:
    problem = rosenbrock(200)
    text = str(schedule(gradient_program(problem.expression, problem.unknowns)))
    assert "segment 0 finishes" in text
    assert "gradient[199]" in text

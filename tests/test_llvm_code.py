from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import sympy as sp
from expressions import SYMBOLS, expressions
from hypothesis import given, settings
from problems import PROBLEMS, Problem, rosenbrock
from sympy.codegen.cfunctions import hypot

from symadamax import _core
from symadamax.compiler import llvm_code, native
from symadamax.compiler.llvm_code import Module, emit
from symadamax.compiler.writer import ARITHMETIC
from symadamax.errors import InputError
from symadamax.objective import Objective

x, y, z = SYMBOLS
FLAGS = re.compile(r"\b(fast|nnan|ninf|nsz|arcp|contract|afn|reassoc)\b")
DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def module(expression: Any, arithmetic: str, dtype: str = "float64") -> Module:
    return emit(Objective(expression).stages.loops, dtype, arithmetic)


def run(module: Module, point: list[float]) -> float:
    code = native.build(module)
    function = _core.function_capsule(code.address, "float64")
    at = np.array(point)
    return _core.evaluate(function, np.zeros(0), at, np.zeros_like(at))


def llvm(expression: Any, dtype: str = "float64", **more: Any) -> str:
    return Objective(expression, **more).stages.llvm_ir_for(dtype)


@DTYPES
@pytest.mark.parametrize("arithmetic", ["portable", "precise"])
@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
def test_no_instruction_may_be_relaxed(problem: Problem, arithmetic: str, dtype: str) -> None:
    text = module(problem.expression, arithmetic, dtype).text
    assert not FLAGS.search(text)
    assert "fma" not in text.replace("fmax", "")


def test_relaxed_arithmetic_marks_the_four_operations() -> None:
    text = module((x - y) * sp.exp(x) + x / y, "relaxed").text
    operations = re.findall(r"= (f(?:add|sub|mul|div)\b.*?) double", text)
    assert {line.split(" ", 1)[0] for line in operations} == {"fadd", "fsub", "fmul", "fdiv"}
    assert {line.split(" ", 1)[1] for line in operations} == {"contract reassoc"}


def test_relaxed_arithmetic_may_fuse() -> None:
    """A product rounded to 1 leaves 0; where the processor fuses, what rounding took is left."""
    a, b = 1 + 2.0**-30, 1 - 2.0**-30
    found = {arithmetic: run(module(x * y - 1, arithmetic), [a, b]) for arithmetic in ARITHMETIC}
    assert found["portable"] == found["precise"] == 0.0
    assert found["relaxed"] in (0.0, -(2.0**-60))


@pytest.mark.parametrize(
    ("arithmetic", "called"), [("portable", "elementary"), ("relaxed", "elementary"),
                               ("precise", "libm")],
)  # fmt: skip
def test_the_arithmetic_chooses_the_functions(arithmetic: str, called: str) -> None:
    calls = module(sp.exp(x) + hypot(x, 2), arithmetic).calls
    assert {(source, name) for source, name, _ in calls} == {(called, "exp"), ("libm", "hypot")}


@pytest.mark.parametrize("arithmetic", ["fast", "", None])
def test_another_arithmetic_is_refused(arithmetic: Any) -> None:
    with pytest.raises(InputError, match=r"arithmetic=.*accepted.*portable.*precise.*relaxed"):
        module(x**2, arithmetic)


@settings(max_examples=25, deadline=None)
@given(expressions())
def test_each_function_is_declared_once(expression: Any) -> None:
    lines = llvm(expression).splitlines()
    declared = [line for line in lines if line.startswith("declare")]
    assert len(declared) == len(set(declared))


@pytest.mark.parametrize("exponent", [2, 3, 10, 100, -1, -7, 2.0])
def test_whole_powers_are_products(exponent: float) -> None:
    assert "pow" not in llvm(x**exponent + y)


def test_a_square_root_is_an_instruction() -> None:
    text = llvm(sp.sqrt(x) + x**0.5)
    assert "@llvm.sqrt.f64" in text
    assert "pow" not in text


def test_other_powers_call_pow_once_for_each_exponent() -> None:
    text = llvm(x**sp.pi)
    assert len(re.findall(r"call double @elementary_pow", text)) == 2  # x**pi and x**(pi - 1)


def test_the_gradient_shares_the_functions_of_the_value() -> None:
    text = llvm(sp.exp(x) * sp.sin(y))
    assert len(re.findall(r"call double @elementary_exp", text)) == 1


@DTYPES
def test_a_derivative_that_is_zero_is_written(dtype: str) -> None:
    text = llvm(y**2, dtype, unknowns=[x, y])
    assert len(re.findall(r"store volatile \w+ \S+, ptr", text)) == 2


def test_nothing_but_the_gradient_is_written() -> None:
    text = llvm(sp.exp(x * y) + z)
    targets = re.findall(r"store volatile double \S+, ptr (\S+)", text)
    places = {"%gradient", *re.findall(r"(%v\d+) = getelementptr double, ptr %gradient", text)}
    assert set(targets) <= places
    assert len(targets) == 3


@pytest.mark.parametrize("number", ["1e-60", "1e60"])
def test_a_constant_that_float32_cannot_hold_is_refused(number: str) -> None:
    with pytest.raises(
        InputError, match=rf"number {number.replace('e', 'e[+]?')} .*float32.*float64"
    ):
        llvm(sp.Float(number) * x, "float32")


def test_parameters_are_read_from_the_context() -> None:
    text = llvm(x * y, unknowns=[x], parameters={y: 2})
    assert "load volatile double, ptr %context" in text


@DTYPES
def test_large_objectives_use_slots(dtype: str) -> None:
    problem = rosenbrock(200)
    text = llvm(problem.expression, dtype)
    assert "internal" in text
    assert "alloca" in text


def test_very_large_objectives_take_their_slots_from_the_heap_and_give_them_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(llvm_code, "LARGEST_STACK", 10)
    problem = rosenbrock(99)
    objective = Objective(problem.expression, problem.unknowns)
    text = objective.stages.llvm_ir
    assert "alloca" not in text
    assert text.count("call ptr @malloc") == text.count("call void @free") == 1
    assert objective.value(problem.minimum) == 0.0

from __future__ import annotations

import ast
import inspect
import traceback
from typing import Any

import numpy as np
import pytest
import sympy as sp
from expressions import SYMBOLS, expressions
from hypothesis import given, settings

from symadamax.compiler.differentiate import differentiate
from symadamax.compiler.expand import expand
from symadamax.compiler.numpy_code import LONGEST_LINE, load, source
from symadamax.compiler.trace import trace
from symadamax.objective import Objective

x, y, z = SYMBOLS
EVIL = [
    "x; import os", '"', "'", "\n", "%", "%s", "@evaluate", "{0}", "{value}", "\\",
    "__import__('os')", "\0", "lambda", "p[0]", "x[1]", "t0", "np", "é", "名", "$x$", "", " ", "}",
    "ret double 0.0",
]  # fmt: skip


def python(expression: Any, unknowns: Any = SYMBOLS) -> str:
    return source(expand(differentiate(trace(expression, unknowns))), "f")


@settings(max_examples=25, deadline=None)
@given(expressions())
def test_the_source_is_one_function_of_known_names(expression: Any) -> None:
    (function,) = ast.parse(python(expression)).body
    assert isinstance(function, ast.FunctionDef)
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    assert {n for n in names if not n[1:].isdigit()} <= {"np", "special", "x", "p", "_max", "_min"}


@pytest.mark.parametrize("name", EVIL)
def test_no_name_of_the_user_reaches_the_source(name: str) -> None:
    evil, fixed = sp.Symbol(name), sp.Symbol(name, positive=True)
    plain = Objective(x**2 * sp.sin(y), [x], parameters={y: 1})
    disguised = Objective(evil**2 * sp.sin(fixed), [evil], parameters={fixed: 1})
    assert disguised.stages.numpy_source == plain.stages.numpy_source
    assert disguised.stages.llvm_ir == plain.stages.llvm_ir
    assert disguised.value([0.5]) == plain.value([0.5])


def test_shared_values_have_names() -> None:
    text = python(sp.sin(x * y) ** 2 + sp.sin(x * y), [x, y])
    assert text.count("np.sin(") == 1


def test_lines_are_short() -> None:
    text = python(sum(sp.sin(k * x) * sp.cos(y + k) for k in range(1, 60)), [x, y])
    assert max(len(line) for line in text.splitlines()[:-1]) <= 2 * LONGEST_LINE


@pytest.mark.parametrize("head", [sp.Max, sp.Min])
def test_an_extreme_of_many(head: Any) -> None:
    unknowns = sp.symbols("a:300")
    objective = Objective(head(*unknowns, evaluate=False), unknowns)
    point = np.random.default_rng(0).permutation(300) / 7.0
    wanted = {sp.Max: np.max, sp.Min: np.min}[head](point)
    gradient = np.empty(300)
    assert objective.compiled("numpy").function(point, gradient) == wanted
    assert objective.value(point) == wanted
    np.testing.assert_array_equal(gradient, point == wanted)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1.5", "1e-300", "5e-324"])
def test_numbers_keep_their_value(value: str) -> None:
    program = trace(x, [x])
    node = program.graph.op("sub", program.graph.constant(float(value)), program.outputs[0])
    text = source(type(program)(program.graph, (node,), 1, 0), "f")
    np.testing.assert_array_equal(load(text, "f")([np.float64(2.0)], []), float(value) - 2.0)


def test_constants_at_which_python_raises_are_left_to_numpy() -> None:
    objective = Objective(0**x)  # its derivative contains log(0)
    gradient = np.empty(1)
    assert objective.compiled("numpy").function(np.array([2.0]), gradient) == 0
    assert gradient[0] == 0


@pytest.mark.parametrize("expression", [sp.Max(x, y) * y, sp.Heaviside(x) + y, x**2 + sp.sign(y)])
def test_float32_stays_float32(expression: Any) -> None:
    _, both = Objective(expression, [x, y]).stages.python_functions()
    value, gradient = both([np.float32(1.5), np.float32(1.5)], [])
    assert np.asarray(value).dtype == "float32"
    computed = [part for part in gradient if type(part) is not float]  # and not a constant
    assert {np.asarray(part).dtype for part in computed} <= {np.dtype("float32")}


def test_the_source_can_be_read_and_shows_in_tracebacks() -> None:
    function = load("def f(x, p):\n    return x[0]/x[1]", "f")
    assert inspect.getsource(function) == "def f(x, p):\n    return x[0]/x[1]"
    with pytest.raises(ZeroDivisionError) as caught:
        function([1, 0], [])
    assert "return x[0]/x[1]" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_one_point_and_many_give_the_same() -> None:
    value, both = Objective(sp.exp(x) * sp.Max(x, y) + y**3).lambdify()
    a, b = np.linspace(-2, 2, 9), np.linspace(1, -1, 9)
    np.testing.assert_array_equal(value(a, b), [value(*pair) for pair in zip(a, b, strict=True)])
    gradients = [both(*pair)[1] for pair in zip(a, b, strict=True)]
    np.testing.assert_array_equal(both(a, b)[1], np.transpose(gradients))

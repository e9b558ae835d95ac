"""From a SymPy expression to value and gradient, by every route.

Each route takes a problem, and returns a function without arguments that evaluates value and
gradient at its point through the leanest call that the tool has.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

from benchmarks.harness import LeftOut, need
from benchmarks.problems import Problem
from benchmarks.report import OURS

__all__ = ["LAMBDIFY", "ROUTES", "Evaluate"]

LAMBDIFY = "SymPy diff, lambdify with cse"

Evaluate = Callable[[], tuple[float, Any]]


def symadamax(problem: Problem) -> Evaluate:
    import symadamax as sx
    from symadamax import _core

    objective = sx.Objective(problem.expression, problem.unknowns)
    compiled, parameters = objective.compiled(), objective.parameter_array()
    x, gradient = np.array(problem.point), np.empty(len(problem.point))
    return lambda: (_core.evaluate(compiled.function, parameters, x, gradient), gradient)


def lambdify(problem: Problem) -> Evaluate:
    """Differentiate by SymPy, and write Python with shared sub-expressions."""
    gradient = [problem.expression.diff(symbol) for symbol in problem.unknowns]
    outputs = [problem.expression, gradient]
    function = sp.lambdify(problem.unknowns, outputs, modules="math", cse=True)
    return lambda: function(*problem.point)


def symengine(problem: Problem) -> Evaluate:
    """Differentiate by SymEngine, and compile by its LLVM."""
    se = need("symengine")
    x = [se.Symbol(symbol.name) for symbol in problem.unknowns]
    value = translate(problem, x, se.Add, {"exp": se.exp, "sin": se.sin, "cos": se.cos})
    outputs = [value, *(value.diff(symbol) for symbol in x)]
    backend = "llvm" if se.have_llvm else "lambda"
    function = se.Lambdify(x, outputs, backend=backend, cse=True)
    point, result = np.array(problem.point), np.empty(len(outputs))
    function.unsafe_real(point, result)

    def evaluate() -> tuple[float, Any]:
        function.unsafe_real(point, result)
        return result[0], result[1:]

    return evaluate


def casadi(problem: Problem) -> Evaluate:
    """Differentiate by CasADi, and evaluate in its virtual machine."""
    return _casadi_call(_casadi_function(problem), problem.point)


def casadi_gcc(problem: Problem) -> Evaluate:
    """Differentiate by CasADi, and compile the C code that it writes."""
    ca = need("casadi")
    if shutil.which("gcc") is None:
        raise LeftOut("there is no gcc")
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "objective.c", Path(folder) / "objective.so"
        writer = ca.CodeGenerator(source.name)
        writer.add(_casadi_function(problem))
        writer.generate(f"{folder}/")
        subprocess.run(
            ["gcc", "-O3", "-fPIC", "-shared", source, "-o", library, "-lm"],
            check=True,
            capture_output=True,
        )
        return _casadi_call(ca.external("objective", str(library)), problem.point)


def _casadi_function(problem: Problem) -> Any:
    ca = need("casadi")
    x = ca.SX.sym("x", len(problem.unknowns))
    functions = {"exp": ca.exp, "sin": ca.sin, "cos": ca.cos}
    value = translate(problem, ca.vertsplit(x), _plus, functions)
    return ca.Function("objective", [x], [value, ca.gradient(value, x)])


def _casadi_call(function: Any, point: list[float]) -> Evaluate:
    """Call through buffers, without conversion."""
    buffer, call = function.buffer()
    x, value, gradient = np.array(point), np.empty(1), np.empty(len(point))
    buffer.set_arg(0, x.data)
    buffer.set_res(0, value.data)
    buffer.set_res(1, gradient.data)

    def evaluate(alive: Any = (buffer, x)) -> tuple[float, Any]:
        call()
        return value[0], gradient

    return evaluate


def heyoka(problem: Problem) -> Evaluate:
    """Differentiate and compile by heyoka; in its compact mode, as large expressions want it."""
    hy = need("heyoka")
    x, zero = [hy.expression(symbol.name) for symbol in problem.unknowns], hy.expression(0.0)
    functions = {"exp": hy.exp, "sin": hy.sin, "cos": hy.cos}
    value = translate(problem, x, lambda *terms: hy.sum([zero + t for t in terms]), functions)
    tensors = hy.diff_tensors([value], diff_args=x, diff_order=1)
    outputs = [value, *tensors.gradient]
    function = hy.cfunc(outputs, vars=x, compact_mode=len(x) > 10)
    point, result = np.array(problem.point), np.empty(len(outputs))

    def evaluate() -> tuple[float, Any]:
        function(point, outputs=result)
        return result[0], result[1:]

    return evaluate


def jax(problem: Problem) -> Evaluate:
    """Trace with JAX, one scalar for each unknown, and compile by XLA."""
    library = need("jax")
    library.config.update("jax_enable_x64", True)
    functions = {name: getattr(library.numpy, name) for name in ("exp", "sin", "cos")}

    def value(x: list[Any]) -> Any:
        return translate(problem, x, _plus, functions)

    function = library.jit(library.value_and_grad(value))
    point = [library.numpy.float64(number) for number in problem.point]
    library.block_until_ready(function(point))
    return lambda: library.block_until_ready(function(point))


def _plus(*terms: Any) -> Any:
    return reduce(lambda a, b: a + b, terms)


def translate(
    problem: Problem,
    leaves: list[Any],
    add: Callable[..., Any],
    functions: dict[str, Callable[[Any], Any]],
) -> Any:
    """Rebuild a problem's expression in another algebra, each shared part once."""
    made = {id(symbol): leaf for symbol, leaf in zip(problem.unknowns, leaves, strict=True)}
    stack = [problem.expression]
    while stack:
        part = stack[-1]
        missing = [argument for argument in part.args if id(argument) not in made]
        if missing:
            stack.extend(missing)
        elif id(stack.pop()) not in made:
            made[id(part)] = _rebuilt(part, [made[id(a)] for a in part.args], add, functions)
    return made[id(problem.expression)]


def _rebuilt(part: Any, arguments: list[Any], add: Any, functions: Any) -> Any:
    if part.is_Add:
        return add(*arguments)
    if part.is_Mul:
        return reduce(lambda a, b: a * b, arguments)
    if part.is_Integer:
        return int(part)
    if part.is_number:
        return float(part)
    if part.is_Pow and part.exp == sp.S.Half:
        return arguments[0] ** 0.5
    if part.is_Pow and part.exp.is_Integer:
        return arguments[0] ** int(part.exp)
    return functions[part.func.__name__](arguments[0])


ROUTES: dict[str, Callable[[Problem], Evaluate]] = {
    OURS: symadamax,
    LAMBDIFY: lambdify,
    "SymEngine diff, LLVM": symengine,
    "CasADi, its virtual machine": casadi,
    "CasADi, gcc -O3": casadi_gcc,
    "heyoka": heyoka,
    "JAX under jit": jax,
}

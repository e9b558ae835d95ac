from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import _core, compiler
from symadamax.compiler import llvm_code, native, stages_of
from symadamax.errors import InternalError
from symadamax.objective import Objective

x, y = sp.symbols("x y")


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the modules that are compiled, from an empty cache."""
    texts: list[str] = []
    real = native.build

    def build(module: llvm_code.Module) -> native.MachineCode:
        texts.append(module.text)
        return real(module)

    monkeypatch.setattr(native, "build", build)
    monkeypatch.setattr(compiler, "_cache", type(compiler._cache)())
    return texts


def test_an_objective_is_compiled_when_it_is_first_used(builds: list[str]) -> None:
    objective = Objective(x**2)
    assert builds == []
    objective.value([1.0])
    objective.value([2.0])
    assert len(builds) == 1


def test_equal_content_compiles_nothing(builds: list[str]) -> None:
    for name in ("x", "another"):
        Objective(sp.Symbol(name) ** 2).value([1.0])
    Objective(x * x).value([1.0])
    assert len(builds) == 1


def test_other_content_is_compiled(builds: list[str]) -> None:
    Objective(x**2).value([1.0])
    Objective(x**2 + 1e-300).value([1.0])
    assert len(builds) == 2


def test_each_dtype_is_compiled(builds: list[str]) -> None:
    objective = Objective(x**2)
    for dtype in ("float64", "float32", "float64"):
        objective.compiled(dtype=dtype)
    assert len(builds) == 2


def test_new_parameters_compile_nothing(builds: list[str]) -> None:
    objective = Objective(x * y, parameters={y: 2})
    objective.value([3.0])
    assert [objective.with_parameters({y: k}).value([3.0]) for k in range(5)] == [0, 3, 6, 9, 12]
    assert len(builds) == 1


def test_the_numpy_backend_compiles_nothing(builds: list[str]) -> None:
    Objective(x**2).compiled("numpy")
    Objective(x**2).lambdify()
    assert builds == []


def test_the_cache_is_bounded(builds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "LARGEST_CACHE", 3)
    for k in range(5):
        Objective(x + k).value([1.0])
    assert len(compiler._cache) == 3
    Objective(x + 4).value([1.0])
    assert len(builds) == 5
    Objective(x).value([1.0])
    assert len(builds) == 6


def test_the_code_lives_as_long_as_what_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_cache", type(compiler._cache)())
    compiled = Objective(x**2 + 0.123).compiled()
    compiler._cache.clear()
    gc.collect()
    gradient, none = np.empty(1), np.empty(0)
    assert _core.evaluate(compiled.function, none, np.array([1.0]), gradient) == 1.123


def test_the_code_dies_with_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_cache", type(compiler._cache)())
    objective = Objective(x**2 + 0.456)
    code = weakref.ref(objective.compiled().owner)
    compiler._cache.clear()
    assert code() is not None
    del objective
    gc.collect()
    assert code() is None


def test_text_that_llvm_refuses_is_our_mistake() -> None:
    with pytest.raises(InternalError, match="LLVM refuses"):
        native.build(llvm_code.Module("define nonsense", ()))


def test_the_assembly_is_that_of_the_function() -> None:
    assert "evaluate" in stages_of(sp.sqrt(x), [x]).assembly


def test_many_threads_compile_and_evaluate_at_once() -> None:
    def work(k: int) -> tuple[float, float]:
        objective = Objective(x**2 + sp.sin(k * x) + (k % 7))
        value, gradient = objective.value_and_gradient([0.5])
        return value, float(gradient[0])

    alone = [work(k) for k in range(24)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == alone


def test_many_threads_may_meet_in_one_objective() -> None:
    objective, barrier = Objective(sp.exp(x) * y + 0.25), threading.Barrier(8)

    def work(k: int) -> float:
        barrier.wait()
        return objective.value([0.0, k])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [k + 0.25 for k in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_evaluates_and_compiles() -> None:
    before = Objective(x**2 + 0.5)
    before.value([1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that other tests left
        child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if before.value([2.0]) == 4.5 and Objective(x**3).value([2.0]) == 8 else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


MEMORY = """
import gc, sympy as sp
from symadamax.objective import Objective
x = sp.Symbol("x")
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
def compile_many(first, count):
    for k in range(first, first + count):
        Objective(x**2 + sp.sin(x) / (k + 2)).value([1.0])
    gc.collect()
compile_many(0, 50)
before = resident()
compile_many(50, 150)
print((resident() - before) / 1024)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="there is no /proc here")
def test_compilations_leave_little_memory_behind() -> None:
    run = [sys.executable, "-c", MEMORY]
    grown = float(subprocess.run(run, capture_output=True, check=True, text=True).stdout)
    assert grown < 15  # MiB, of 150 compilations


class _NoLlvm:
    """Makes `import llvmlite.binding` fail."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.startswith("llvmlite"):
            raise ImportError(name)


@pytest.fixture
def without_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("llvmlite")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_NoLlvm(), *sys.meta_path])
    monkeypatch.setattr(compiler, "_warned", False)


@pytest.mark.usefixtures("without_llvm")
def test_without_llvmlite_numpy_computes_and_one_warning_says_so() -> None:
    with pytest.warns(RuntimeWarning, match="llvmlite cannot be imported.*NumPy backend"):
        value, gradient = Objective(x**2 * y).value_and_gradient([3.0, 2.0])
    assert (value, gradient.tolist()) == (18.0, [12.0, 9.0])
    assert Objective(x**2 + 17).value([1.0]) == 18.0  # and no second warning

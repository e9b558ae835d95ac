"""Sums over rows of data, by value and gradient, in every dialect.

Each maker takes the data, the point and the number of threads, and returns a function that returns
the value and the gradient.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.chain import c_library
from benchmarks.harness import LeftOut, need
from benchmarks.report import OURS

__all__ = [
    "FITS",
    "LOGISTICS",
    "READ",
    "evaluator",
    "fit_data",
    "fit_sum",
    "logistic_data",
    "logistic_sum",
]

Evaluate = Callable[[], tuple[float, Any]]
Data = Mapping[str, np.ndarray]
Maker = Callable[[Data, np.ndarray, int], Evaluate]

READ, FEATURES = "C, reading the data alone", 30


def fit_data(rows: int) -> dict[str, np.ndarray]:
    """Return times, and what was measured at them."""
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 3, rows)
    noise = 0.1 * rng.normal(size=rows)
    return {"t": t, "y": 2 * np.exp(-0.7 * t) + 0.5 * np.sin(3 * t) + noise}


def logistic_data(rows: int) -> dict[str, np.ndarray]:
    """Return features, and labels of -1 and 1."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(rows, FEATURES))
    return {"X": features, "y": np.where(features[:, 0] > rng.normal(size=rows), 1.0, -1.0)}


def fit_sum() -> Any:
    """Return the sum of squares of a*exp(-b*t) + c*sin(d*t) as a person writes it."""
    import sympy as sp

    a, b, c, d = sp.symbols("a b c d")
    t, y, (i, n) = sp.IndexedBase("t"), sp.IndexedBase("y"), sp.symbols("i n", integer=True)
    residual = a * sp.exp(-b * t[i]) + c * sp.sin(d * t[i]) - y[i]
    return sp.Sum(residual**2, (i, 0, n - 1))


def logistic_sum() -> Any:
    import sympy as sp

    i, j, n, k = sp.symbols("i j n k", integer=True)
    X, y, w = map(sp.IndexedBase, "Xyw")
    margin = y[i] * sp.Sum(X[i, j] * w[j], (j, 0, k - 1))
    return sp.Sum(sp.log(1 + sp.exp(-margin)), (i, 0, n - 1))


def evaluator(objective: Any, point: Any, threads: int) -> Evaluate:
    """Return the leanest call of a compiled objective."""
    from symadamax import _core
    from symadamax.solver.crew import at_work

    x, shapes = objective.flat(point)
    bound, gradient = objective.bound(shapes, threads=threads), np.empty_like(x)
    crew = at_work(bound.context)
    crew.__enter__()

    def evaluate(alive: Any = crew) -> tuple[float, Any]:
        return _core.evaluate(bound.function, bound.context, x, gradient), gradient

    return evaluate


def symadamax_fit(data: Data, point: np.ndarray, threads: int) -> Evaluate:
    import symadamax as sx

    return evaluator(sx.Objective(fit_sum(), data=dict(data)), point, threads)


def symadamax_logistic(data: Data, point: np.ndarray, threads: int) -> Evaluate:
    import symadamax as sx

    return evaluator(sx.Objective(logistic_sum(), data=dict(data)), {"w": point}, threads)


def numpy_fit(data: Data, point: np.ndarray, threads: int) -> Evaluate:
    t, y = data["t"], data["y"]
    a, b, c, d = point

    def evaluate() -> tuple[float, Any]:
        decay, phase = np.exp(-b * t), d * t
        wave = np.sin(phase)
        residual = a * decay + c * wave - y
        slopes = decay, -a * t * decay, wave, c * t * np.cos(phase)
        return (residual**2).sum(), np.array([(2 * residual * slope).sum() for slope in slopes])

    return evaluate


def numpy_logistic(data: Data, point: np.ndarray, threads: int) -> Evaluate:
    if threads == 1:
        raise LeftOut("its BLAS has all processors")
    X, y = data["X"], data["y"]

    def evaluate() -> tuple[float, Any]:
        weights = np.exp(-y * (X @ point))
        return np.log(1 + weights).sum(), (-y * (weights / (1 + weights))) @ X

    return evaluate


def numba_fit(data: Data, point: np.ndarray, threads: int) -> Evaluate:
    numba = need("numba")
    if threads > 1:
        numba.set_num_threads(threads)
    function = numba.njit(_parallel_fit(numba.prange), parallel=threads > 1)
    return lambda: function(data["t"], data["y"], *point)


def _parallel_fit(turns: Any) -> Callable[..., Any]:
    def fit(t: Any, y: Any, a: float, b: float, c: float, d: float) -> Any:
        value, by_a, by_b, by_c, by_d = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in turns(len(t)):
            decay, wave = np.exp(-b * t[i]), np.sin(d * t[i])
            residual = a * decay + c * wave - y[i]
            value += residual * residual
            by_a += 2 * residual * decay
            by_b -= 2 * residual * a * t[i] * decay
            by_c += 2 * residual * wave
            by_d += 2 * residual * c * t[i] * np.cos(d * t[i])
        return value, np.array([by_a, by_b, by_c, by_d])

    return fit


def c_read(data: Data, point: np.ndarray, threads: int) -> Evaluate:
    """Read the data once, each thread its share, and do nothing with them."""
    function = c_library().read_all
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_void_p, ctypes.c_long]
    parts = [part for array in data.values() for part in np.array_split(array.reshape(-1), threads)]
    pool = ThreadPoolExecutor(threads)

    def evaluate() -> tuple[float, Any]:
        if threads == 1:
            return sum(function(part.ctypes.data, len(part)) for part in parts), 0.0
        return sum(pool.map(lambda part: function(part.ctypes.data, len(part)), parts)), 0.0

    return evaluate


def _fit(x: Any, t: Any, y: Any, library: Any) -> Any:
    """Return the value in the words of a library of arrays."""
    residual = x[0] * library.exp(-x[1] * t) + x[2] * library.sin(x[3] * t) - y
    return (residual**2).sum()


def _logistic(w: Any, X: Any, y: Any, library: Any) -> Any:
    return library.log(1 + library.exp(-y * (X @ w))).sum()


def of_jax(value: Callable[..., Any]) -> Maker:
    """Return the route by JAX; it has the processors that the process has."""

    def make(data: Data, point: np.ndarray, threads: int) -> Evaluate:
        jax = need("jax")
        jax.config.update("jax_enable_x64", True)
        arrays = [jax.numpy.array(array) for array in (point, *data.values())]
        function = jax.jit(jax.value_and_grad(lambda *given: value(*given, jax.numpy)))
        return lambda: jax.block_until_ready(function(*arrays))

    return make


def of_torch(value: Callable[..., Any], compiled: bool) -> Maker:
    """Return the route by PyTorch, as it is or compiled."""

    def make(data: Data, point: np.ndarray, threads: int) -> Evaluate:
        torch = need("torch")
        torch.set_num_threads(threads)
        x, *arrays = [torch.tensor(array) for array in (point, *data.values())]
        x.requires_grad = True

        def function(x: Any, *arrays: Any) -> Any:
            return value(x, *arrays, torch)

        if compiled:
            need("torch._inductor.config").compile_threads = 1
            function = torch.compile(function)

        def evaluate() -> tuple[float, Any]:
            x.grad = None
            found = function(x, *arrays)
            found.backward()
            return found.item(), x.grad

        return evaluate

    return make


FITS: dict[str, Maker] = {
    OURS: symadamax_fit,
    "Numba": numba_fit,
    "torch.compile": of_torch(_fit, compiled=True),
    "JAX": of_jax(_fit),
    "PyTorch": of_torch(_fit, compiled=False),
    "NumPy": numpy_fit,
}
LOGISTICS: dict[str, Maker] = {
    OURS: symadamax_logistic,
    READ: c_read,
    "PyTorch": of_torch(_logistic, compiled=False),
    "JAX": of_jax(_logistic),
    "NumPy": numpy_logistic,
}

"""Adamax on x - x**3 in every dialect.

Each maker returns a function of the number of steps and the learning rate; it returns the last x.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import LeftOut, need
from benchmarks.report import OURS

__all__ = ["LOOPS", "NUMPY", "OPTAX", "C"]

C, NUMPY, OPTAX = "C, gcc -O3", "NumPy, as a learner writes it", "Optax under jit"

Loop = Callable[[int, float], float]

START, BETA1, BETA2, EPSILON = -1.0, 0.9, 0.999, 1e-8


def symadamax() -> Loop:
    import sympy as sp

    import symadamax as sx

    x = sp.Symbol("x")
    objective = sx.Objective(x - x**3)
    start = np.array([START])
    method = cache(lambda learning_rate: sx.Adamax(learning_rate, BETA1, BETA2, EPSILON))

    def loop(steps: int, learning_rate: float) -> float:
        result = sx.minimize(objective, start, method=method(learning_rate), steps=steps)
        return float(result.x[0])

    return loop


def c_loop() -> Loop:
    """Compile adamax.c with the same flags as the core."""
    if shutil.which("gcc") is None:
        raise LeftOut("there is no gcc")
    source = Path(__file__).with_name("adamax.c")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "adamax.so"
        flags = ["-O3", "-ffp-contract=off", "-fPIC", "-shared"]
        subprocess.run(["gcc", *flags, source, "-o", library, "-lm"], check=True)
        function = ctypes.CDLL(str(library)).adamax
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_double, ctypes.c_long, *[ctypes.c_double] * 4]
    return lambda steps, rate: function(START, steps, rate, BETA1, BETA2, EPSILON)


def numba() -> Loop:
    function = need("numba").njit(_scalar_loop)
    return lambda steps, rate: function(START, steps, rate, BETA1, BETA2, EPSILON)


def python_loop() -> Loop:
    return lambda steps, rate: _scalar_loop(START, steps, rate, BETA1, BETA2, EPSILON)


def _scalar_loop(
    x: float, steps: int, learning_rate: float, beta1: float, beta2: float, epsilon: float
) -> float:
    m, u, rate, correcting = 0.0, 0.0, learning_rate, True
    for t in range(1, steps + 1):
        gradient = 1 - 3 * (x * x)
        if correcting:
            correction = 1 - beta1 ** float(t)
            rate = learning_rate / correction
            correcting = correction != 1
        m = beta1 * m + (1 - beta1) * gradient
        u = max(beta2 * u, abs(gradient))
        x -= rate * m / (u + epsilon)
    return x


def numpy_loop() -> Loop:
    """Return the loop as a learner writes it; on arrays of shape (1,) it is three times slower."""

    def loop(steps: int, learning_rate: float) -> float:
        point, moment, weight = START, 0.0, 0.0
        for i in range(steps):
            gradient = 1 - 3 * point**2
            rate = learning_rate / (1 - BETA1 ** (i + 1))
            moment = BETA1 * moment + (1 - BETA1) * gradient
            weight = np.maximum(BETA2 * weight, np.abs(gradient))
            update = -rate * moment / (weight + EPSILON)
            point = point + update
        return float(point)

    return loop


def optax() -> Loop:
    """Return one jitted loop; steps and learning rate are arguments, so it is compiled once."""
    jax, library = need("jax"), need("optax")
    jax.config.update("jax_enable_x64", True)
    gradient = jax.grad(lambda x: x - x**3)

    @jax.jit
    def loop(steps: Any, learning_rate: Any) -> Any:
        method = library.adamax(learning_rate, b1=BETA1, b2=BETA2, eps=EPSILON)

        def step(_: Any, carry: Any) -> Any:
            x, state = carry
            updates, state = method.update(gradient(x), state, x)
            return library.apply_updates(x, updates), state

        x = jax.numpy.float64(START)
        return jax.lax.fori_loop(0, steps, step, (x, method.init(x)))[0]

    return lambda steps, rate: float(loop(steps, rate))


def pytorch() -> Loop:
    torch = need("torch")

    def loop(steps: int, learning_rate: float) -> float:
        x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
        method = torch.optim.Adamax([x], lr=learning_rate, betas=(BETA1, BETA2), eps=EPSILON)
        for _ in range(steps):
            method.zero_grad()
            (x - x**3).backward()
            method.step()
        return float(x.item())

    return loop


# With each loop, how many C steps one of its steps takes, roughly: a round has so many fewer.
LOOPS: dict[str, tuple[Callable[[], Loop], int]] = {
    C: (c_loop, 1),
    OURS: (symadamax, 1),
    "Numba": (numba, 1),
    OPTAX: (optax, 1),
    "plain Python": (python_loop, 40),
    NUMPY: (numpy_loop, 200),
    "PyTorch": (pytorch, 10_000),
}

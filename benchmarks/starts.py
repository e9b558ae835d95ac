"""Adamax from many starts of one function, in every dialect.

Each maker takes the work, the starts and the number of threads, and returns a function of the
number of steps; that returns where the runs end, an array of the shape of the starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness import need
from benchmarks.report import OURS

__all__ = ["MANY", "WORKS", "Work"]

Run = Callable[[int], Any]
RATE, BETA1, BETA2, EPSILON = 0.002, 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Work:
    """A function in the words of the peers.

    Attributes
    ----------
    unknowns : int
    value : callable
        ``value(x, library)`` of the list of the unknowns: numbers, arrays or expressions.
    gradient : callable
        ``gradient(x, g)`` on arrays, as it is written by hand for Numba.
    """

    unknowns: int
    value: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], None]


def rosenbrock(x: Any, library: Any) -> Any:
    return 100 * (x[1] - x[0] * x[0]) ** 2 + (1 - x[0]) ** 2


def _rosenbrock_gradient(x: Any, g: Any) -> None:
    bend = x[1] - x[0] * x[0]
    g[0] = -400 * x[0] * bend - 2 * (1 - x[0])
    g[1] = 200 * bend


def ackley(x: Any, library: Any) -> Any:
    size = library.sqrt((x[0] * x[0] + x[1] * x[1]) / 2)
    waves = library.cos(2 * math.pi * x[0]) + library.cos(2 * math.pi * x[1])
    return -20 * library.exp(-0.2 * size) - library.exp(waves / 2) + (20 + math.e)


def _ackley_gradient(x: Any, g: Any) -> None:
    size, turn = math.sqrt((x[0] * x[0] + x[1] * x[1]) / 2), 2 * math.pi
    hill = math.exp(-0.2 * size)
    waves = math.exp((math.cos(turn * x[0]) + math.cos(turn * x[1])) / 2)
    for k in range(2):
        g[k] = 2 * hill * x[k] / size + math.pi * waves * math.sin(turn * x[k])


def rastrigin(x: Any, library: Any) -> Any:
    value = 10.0 * len(x)
    for one in x:
        value = value + (one * one - 10 * library.cos(2 * math.pi * one))
    return value


def _rastrigin_gradient(x: Any, g: Any) -> None:
    for k in range(len(x)):
        g[k] = 2 * x[k] + 20 * math.pi * math.sin(2 * math.pi * x[k])


WORKS = {
    "Rosenbrock 2": Work(2, rosenbrock, _rosenbrock_gradient),
    "Ackley 2": Work(2, ackley, _ackley_gradient),
    "Rastrigin 10": Work(10, rastrigin, _rastrigin_gradient),
}


def symadamax(work: Work, starts: np.ndarray, threads: int) -> Run:
    """Return the whole call; the objective is compiled once."""
    import sympy as sp

    import symadamax as sx

    unknowns = sp.symbols(f"x:{work.unknowns}")
    objective, method = sx.Objective(work.value(unknowns, sp), unknowns), sx.Adamax(RATE)

    def run(steps: int) -> Any:
        results = sx.minimize_many(objective, starts, method=method, steps=steps, threads=threads)
        return results.x

    return run


def numba(work: Work, starts: np.ndarray, threads: int) -> Run:
    """Return a loop over the starts, each of which does all its steps."""
    library = need("numba")
    library.set_num_threads(threads)
    runs = library.njit(_runs(library.njit(work.gradient), library.prange), parallel=threads > 1)
    return lambda steps: runs(starts, steps, RATE, BETA1, BETA2, EPSILON)


def _runs(gradient: Any, turns: Any) -> Callable[..., Any]:
    def runs(
        starts: Any, steps: int, learning_rate: float, beta1: float, beta2: float, epsilon: float
    ) -> Any:
        ends = np.empty_like(starts)
        for k in turns(starts.shape[0]):
            x = starts[k].copy()
            m, u, g = np.zeros_like(x), np.zeros_like(x), np.empty_like(x)
            for t in range(1, steps + 1):
                gradient(x, g)
                rate = learning_rate / (1 - beta1**t)
                for i in range(len(x)):
                    m[i] = beta1 * m[i] + (1 - beta1) * g[i]
                    u[i] = max(beta2 * u[i], abs(g[i]))
                    x[i] -= rate * m[i] / (u[i] + epsilon)
            ends[k] = x
        return ends

    return runs


def jax(work: Work, starts: np.ndarray, threads: int) -> Run:
    """Return vmap of the gradient in a loop under jit; it has the processors of the process."""
    library = need("jax")
    library.config.update("jax_enable_x64", True)
    jnp = library.numpy
    slope = library.vmap(library.grad(lambda x: work.value(list(x), jnp)))

    @library.jit
    def runs(starts: Any, steps: Any) -> Any:
        def step(k: Any, state: Any) -> Any:
            x, m, u = state
            g = slope(x)
            m = BETA1 * m + (1 - BETA1) * g
            u = jnp.maximum(BETA2 * u, jnp.abs(g))
            x = x - RATE / (1 - BETA1 ** (k + 1.0)) * m / (u + EPSILON)
            return x, m, u

        zeros = jnp.zeros_like(starts)
        return library.lax.fori_loop(0, steps, step, (starts, zeros, zeros))[0]

    array = jnp.array(starts)
    return lambda steps: np.asarray(library.block_until_ready(runs(array, steps)))


def heyoka(work: Work, starts: np.ndarray, threads: int) -> Run:
    """Return a loop with heyoka's gradient of all starts at once, and the update in NumPy."""
    hy = need("heyoka")
    x = [hy.expression(f"x{k}") for k in range(work.unknowns)]
    value = work.value(x, hy) + hy.expression(0.0)
    gradient = list(hy.diff_tensors([value], diff_args=x, diff_order=1).gradient)
    function = hy.cfunc(gradient, vars=x)
    begin = np.ascontiguousarray(starts.T)

    def run(steps: int) -> Any:
        point, g = begin.copy(), np.empty_like(begin)
        m, u = np.zeros_like(point), np.zeros_like(point)
        for t in range(1, steps + 1):
            function(point, outputs=g)
            m *= BETA1
            m += (1 - BETA1) * g
            np.maximum(BETA2 * u, np.abs(g), out=u)
            point -= RATE / (1 - BETA1**t) * m / (u + EPSILON)
        return point.T

    return run


def pytorch(work: Work, starts: np.ndarray, threads: int) -> Run:
    """Return a loop with PyTorch's own Adamax on all starts at once."""
    torch = need("torch")
    torch.set_num_threads(threads)

    def run(steps: int) -> Any:
        x = torch.tensor(starts, requires_grad=True)
        method = torch.optim.Adamax([x], lr=RATE, betas=(BETA1, BETA2), eps=EPSILON)
        for _ in range(steps):
            method.zero_grad()
            work.value(x.unbind(1), torch).sum().backward()
            method.step()
        return x.detach().numpy()

    return run


# By name: the maker, and how many of our starts one of its own takes, roughly.
MANY: dict[str, tuple[Callable[[Work, np.ndarray, int], Run], int]] = {
    OURS: (symadamax, 1),
    "Numba": (numba, 8),
    "JAX": (jax, 8),
    "heyoka and NumPy": (heyoka, 8),
    "PyTorch": (pytorch, 40),
}

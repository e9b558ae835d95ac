"""Rosenbrock's function as a sum over an array, and its minimisation by Adamax in every dialect.

Each maker takes the start, and returns a loop that takes as many more steps as it is told.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import LeftOut, need
from benchmarks.report import OURS

__all__ = [
    "CHAINS",
    "EVERYWHERE",
    "RATE",
    "UPDATE",
    "C",
    "Loop",
    "c_library",
    "chain_sum",
    "stepper",
]


class Loop(NamedTuple):
    """A run that goes on: `advance` takes some steps, `point` returns where it stands."""

    advance: Callable[[int], Any]
    point: Callable[[], np.ndarray]


# So small that the array is still on its way after all the steps of a measurement.
RATE, BETA1, BETA2, EPSILON = 1e-7, 0.9, 0.999, 1e-8

C, UPDATE, EVERYWHERE = "C, update alone", f"{OURS}, update alone", f"{OURS}, all processors"

ALL = 10**15  # steps, more than are ever taken


def stepper(
    objective: Any, start: Any, threads: int | None, batches: Any = None, rate: float = RATE
) -> Loop:
    """Return the solver's loop itself, without what `minimize` does once around it."""
    import symadamax as sx
    from symadamax.solver.crew import at_work
    from symadamax.solver.problem import prepare
    from symadamax.solver.session import Session

    problem = prepare(objective, start, None, None, "native", "float64", threads, batches)
    method = sx.Adamax(rate, BETA1, BETA2, EPSILON)
    session = Session(problem, method, sx.Stop(), ALL, None, None)
    run, crew = session.run, at_work(problem.context)
    crew.__enter__()
    run.start()

    def advance(steps: int, alive: Any = (session, crew)) -> None:
        until = run.nit + steps
        while run.nit < until:
            if run.advance(until - run.nit) < 0:
                raise ArithmeticError("the run left the finite numbers")

    return Loop(advance, lambda: run.copy_slot()[0])


def chain_sum() -> Any:
    """Return Rosenbrock's function of an array as a person writes it."""
    import sympy as sp

    i, n, x = *sp.symbols("i n", integer=True), sp.IndexedBase("x")
    return sp.Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, n - 2))


def symadamax(start: np.ndarray, threads: int | None = 1) -> Loop:
    return stepper(chain_sum(), {"x": start}, threads)


def symadamax_update(start: np.ndarray) -> Loop:
    """Minimise a sum of squares, whose gradient is the point itself."""
    import sympy as sp

    i, n, x = *sp.symbols("i n", integer=True), sp.IndexedBase("x")
    return stepper(sp.Sum(x[i] ** 2 / 2, (i, 0, n - 1)), {"x": start}, 1)


@cache
def c_library() -> ctypes.CDLL:
    """Compile stream.c for this very processor."""
    if shutil.which("gcc") is None:
        raise LeftOut("there is no gcc")
    source = Path(__file__).with_name("stream.c")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "stream.so"
        flags = ["-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared"]
        subprocess.run(["gcc", *flags, source, "-o", library, "-lm"], check=True)
        return ctypes.CDLL(str(library))


def c_update(start: np.ndarray) -> Loop:
    function = c_library().adamax
    function.restype = ctypes.c_long
    function.argtypes = [
        *[ctypes.c_void_p] * 3, *[ctypes.c_long] * 3, *[ctypes.c_double] * 4,
    ]  # fmt: skip
    arrays = x, _, _ = start.copy(), np.zeros_like(start), np.zeros_like(start)
    addresses = [array.ctypes.data for array in arrays]
    t = 0

    def advance(steps: int, alive: Any = arrays) -> None:
        nonlocal t
        t = function(*addresses, len(x), t, steps, RATE, BETA1, BETA2, EPSILON)

    return Loop(advance, lambda: x)


def numba(start: np.ndarray) -> Loop:
    """Scatter the gradient into an array, then update."""
    function = need("numba").njit(_scattered)
    x, m, u, g = start.copy(), np.zeros_like(start), np.zeros_like(start), np.empty_like(start)
    t = 0

    def advance(steps: int) -> None:
        nonlocal t
        function(x, m, u, g, t, steps, RATE, BETA1, BETA2, EPSILON)
        t += steps

    return Loop(advance, lambda: x)


def _scattered(
    x: Any, m: Any, u: Any, g: Any, t: int, steps: int, learning_rate: float, beta1: float,
    beta2: float, epsilon: float,
) -> float:  # fmt: skip
    value = 0.0
    for step in range(t + 1, t + steps + 1):
        rate, value = learning_rate / (1 - beta1 ** float(step)), 0.0
        g[:] = 0
        for i in range(len(x) - 1):
            bend, rest = x[i + 1] - x[i] * x[i], 1 - x[i]
            value += 100 * (bend * bend) + rest * rest
            g[i] += -400 * bend * x[i] - 2 * rest
            g[i + 1] += 200 * bend
        for i in range(len(x)):
            m[i] = beta1 * m[i] + (1 - beta1) * g[i]
            u[i] = max(beta2 * u[i], abs(g[i]))
            x[i] -= rate * m[i] / (u[i] + epsilon)
    return value


def _rosenbrock(x: Any) -> Any:
    """Return the value on slices, which every library of arrays takes."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def jax(start: np.ndarray) -> Loop:
    """Loop within one jitted function, whose arrays are donated."""
    library = need("jax")
    library.config.update("jax_enable_x64", True)
    jnp = library.numpy

    def step(_: Any, state: Any) -> Any:
        x, m, u, t, _ = state
        value, g = library.value_and_grad(_rosenbrock)(x)
        m = BETA1 * m + (1 - BETA1) * g
        u = jnp.maximum(BETA2 * u, jnp.abs(g))
        x = x - RATE / (1 - BETA1 ** (t + 1)) * m / (u + EPSILON)
        return x, m, u, t + 1, value

    @partial(library.jit, donate_argnums=0)
    def some(state: Any, steps: Any) -> Any:
        return library.lax.fori_loop(0, steps, step, state)

    zeros = partial(jnp.zeros, len(start))
    state = jnp.array(start), zeros(), zeros(), jnp.float64(0), jnp.float64(0)

    def advance(steps: int) -> None:
        nonlocal state
        state = library.block_until_ready(some(state, steps))

    return Loop(advance, lambda: np.asarray(state[0]))


def pytorch(start: np.ndarray) -> Loop:
    torch = need("torch")
    torch.set_num_threads(1)
    x = torch.tensor(start, requires_grad=True)
    method = torch.optim.Adamax([x], lr=RATE, betas=(BETA1, BETA2), eps=EPSILON)

    def advance(steps: int) -> None:
        for _ in range(steps):
            method.zero_grad()
            _rosenbrock(x).backward()
            method.step()

    return Loop(advance, lambda: x.detach().numpy())


def torch_compile(start: np.ndarray) -> Loop:
    """Compile gradient and update as one function, which writes into its arrays."""
    torch = need("torch")
    torch.set_num_threads(1)
    need("torch._inductor.config").compile_threads = 1

    @torch.compile
    def step(x: Any, m: Any, u: Any, rate: Any) -> Any:
        g, value = torch.func.grad_and_value(_rosenbrock)(x)
        m.mul_(BETA1).add_((1 - BETA1) * g)
        u.copy_(torch.maximum(BETA2 * u, g.abs()))
        x.sub_(rate * m / (u + EPSILON))
        return value

    x = torch.tensor(start)
    m, u, t = torch.zeros_like(x), torch.zeros_like(x), 0

    def advance(steps: int) -> None:
        nonlocal t
        for k in range(t + 1, t + steps + 1):
            step(x, m, u, torch.tensor(RATE / (1 - BETA1**k), dtype=x.dtype))
        t += steps

    return Loop(advance, lambda: x.numpy())


# By name: the maker, and whether it has one processor or all.
CHAINS: dict[str, tuple[Callable[[np.ndarray], Loop], bool]] = {
    C: (c_update, True),
    UPDATE: (symadamax_update, True),
    OURS: (symadamax, True),
    EVERYWHERE: (partial(symadamax, threads=None), False),
    "Numba": (numba, True),
    "JAX": (jax, True),
    "torch.compile": (torch_compile, True),
    "PyTorch": (pytorch, True),
}

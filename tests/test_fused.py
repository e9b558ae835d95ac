"""Runs in fused passes: the same bits as plain ones, in half of the memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symadamax as sx
from symadamax import _core
from symadamax.solver import session

i, n = sp.symbols("i n", integer=True)
a, w, v = sp.Symbol("a"), sp.IndexedBase("w"), sp.IndexedBase("v")
ROSENBROCK = sx.Objective(
    sp.Sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2))
)
MIXED = sx.Objective(
    sp.log(sp.Sum(sp.exp(w[i]), (i, 0, n - 1))) + sp.Sum((w[i] - a) ** 2, (i, 0, n - 1)) + a**2
)
TWO = sx.Objective(sp.Sum((w[i] - 1) ** 2, (i, 0, n - 1)) + sp.Sum(v[i] ** 4, (i, 0, 30)))


def start(objective: sx.Objective, size: int) -> dict[Any, Any]:
    numbers = np.random.default_rng(size).normal(size=size)
    point: dict[Any, Any] = {w: numbers}
    if objective is MIXED:
        point[a] = 0.3
    if objective is TWO:
        point[v] = np.linspace(-1, 1, 31)
    return point


def both(monkeypatch: pytest.MonkeyPatch, objective: Any, point: Any, **options: Any) -> list[Any]:
    results = []
    for large in (10**9, 1):
        monkeypatch.setattr(session, "LARGE", large)
        results.append(sx.minimize(objective, point, **options))
    return results


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("objective", [ROSENBROCK, MIXED, TWO], ids=["rosenbrock", "mixed", "two"])
@pytest.mark.parametrize("size", [31, 2048, 2049, 5000])
def test_the_bits_are_those_of_a_plain_run(
    monkeypatch: pytest.MonkeyPatch, objective: sx.Objective, size: int, dtype: str
) -> None:
    for steps in (0, 1, 2, 3, 40):
        for threads in (1, 3):
            plain, fused = both(
                monkeypatch, objective, start(objective, size), steps=steps, dtype=dtype,
                threads=threads,
            )  # fmt: skip
            assert fused.x.tobytes() == plain.x.tobytes()
            assert fused.jac.tobytes() == plain.jac.tobytes()
            assert (fused.fun, fused.nit, fused.best_fun) == (plain.fun, plain.nit, plain.best_fun)
            assert fused.best_x.tobytes() == plain.best_x.tobytes()
            assert fused.state == plain.state


def test_a_run_goes_on_as_if_nothing_had_happened() -> None:
    point = start(ROSENBROCK, 3000)
    whole = sx.minimize(ROSENBROCK, point, steps=1100)  # beyond a rest at 1,024
    first = sx.minimize(ROSENBROCK, point, steps=600)
    rest = sx.minimize(ROSENBROCK, first.point, steps=500, state=first.state)
    assert rest.x.tobytes() == whole.x.tobytes()


def test_what_looks_between_steps_is_not_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(_core, "FusedRun", lambda *given: made.append(given))
    for options in (
        {"record": 1}, {"callback": print}, {"stop": sx.Stop(gtol=1e-9)}, {"maximize": True},
        {"method": sx.Adamax(epsilon_placement="none")},
    ):  # fmt: skip
        sx.minimize(ROSENBROCK, start(ROSENBROCK, 2000), steps=0, **options)  # type: ignore[arg-type]
    assert made == []


@pytest.mark.parametrize("large", [1, 10**9], ids=["fused", "plain"])
def test_a_run_into_infinity_keeps_the_last_finite_point(
    monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(session, "LARGE", large)
    steep = sx.Objective(sp.Sum(-sp.exp(w[i] ** 2), (i, 0, n - 1)))
    result = sx.minimize(
        steep, {w: np.linspace(0, 25, 3000)}, steps=30, method=sx.Adamax(learning_rate=0.5)
    )
    assert result.status < 0
    assert result.nit == 8
    assert "w[2997] is -inf at step 9" in result.message
    assert np.isfinite(result.x).all()
    assert result.fun == steep.value(result.x)
    assert (result.state is None) == (large == 1)


MEMORY = """
import resource, sys
import numpy as np, sympy as sp, symadamax as sx
i, n = sp.symbols("i n", integer=True)
w = sp.IndexedBase("w")
f = sx.Objective(sp.Sum((w[i + 1] - w[i])**2 + w[i]**2, (i, 0, n - 2)))
sx.minimize(f, {w: np.ones(5000)}, steps=2)
size = 4_000_000
start = np.ones(size)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sx.minimize(f, {w: start}, steps=3)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)*1024/8/size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak in kilobytes")
def test_it_takes_five_arrays_beyond_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, timeout=120, check=True
    )
    assert float(done.stdout) < 5.3

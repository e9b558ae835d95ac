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

i, j, n = sp.symbols("i j n", integer=True)
a, w, v, d = sp.Symbol("a"), sp.IndexedBase("w"), sp.IndexedBase("v"), sp.IndexedBase("d")
ROSENBROCK = sx.Objective(
    sp.Sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2))
)
OBJECTIVES = {
    "rosenbrock": ROSENBROCK,
    # a sum that all need comes first, and there is a scalar
    "mixed": sx.Objective(
        sp.log(sp.Sum(sp.exp(w[i]), (i, 0, n - 1))) + sp.Sum((w[i] - a) ** 2, (i, 0, n - 1)) + a**2
    ),
    # the loop over v reads w, which was taken further by the one before
    "two": sx.Objective(
        sp.Sum((w[i] - 1) ** 2, (i, 0, n - 1)) + sp.Sum((v[i] * w[i] - w[i + 3]) ** 2, (i, 0, 30))
    ),
    # offsets on both sides, a loop inside, data
    "wide": sx.Objective(
        sp.Sum((w[i + 2] - d[i] * w[i]) ** 2, (i, 0, n - 3))
        + sp.Sum(w[i] * sp.Sum(sp.sin(a * j), (j, 1, 3)), (i, 0, n - 1)),
        data={d: [1.0]},
    ),
}


def start(name: str, size: int) -> dict[Any, Any]:
    point: dict[Any, Any] = {w: np.random.default_rng(size).normal(size=size)}
    if name in ("mixed", "wide"):
        point[a] = 0.3
    if name == "two":
        point[v] = np.linspace(-1, 1, 31)
    return point


def objective(name: str, size: int) -> sx.Objective:
    found = OBJECTIVES[name]
    return found.with_data({d: np.linspace(0, 1, size - 2)}) if name == "wide" else found


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fuse whatever can be."""
    monkeypatch.setattr(session, "_is_worth_fusing", lambda size, steps: True)


def both(monkeypatch: pytest.MonkeyPatch, given: Any, point: Any, **options: Any) -> list[Any]:
    """Return the results of a plain run and of a fused one."""
    results, made = [], []
    real = _core.FusedRun
    monkeypatch.setattr(_core, "FusedRun", lambda *arguments: made.append(1) or real(*arguments))
    for worth in (False, True):
        monkeypatch.setattr(session, "_is_worth_fusing", lambda size, steps, worth=worth: worth)
        results.append(sx.minimize(given, point, **options))
    assert made == [1]
    return results


def hold_equal(plain: Any, fused: Any) -> None:
    assert fused.x.tobytes() == plain.x.tobytes()
    assert fused.jac.tobytes() == plain.jac.tobytes()
    for name in ("fun", "nit", "nfev", "best_fun", "status", "message"):
        assert fused[name] == plain[name], name
    assert fused.best_x.tobytes() == plain.best_x.tobytes()
    assert fused.state == plain.state


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("size", [34, 41, 2047, 2048, 2049, 5000])
def test_the_bits_are_those_of_a_plain_run(
    monkeypatch: pytest.MonkeyPatch, name: str, size: int, dtype: str
) -> None:
    for steps in (0, 1, 2, 3, 40):
        for threads in (1, 3):
            hold_equal(*both(
                monkeypatch, objective(name, size), start(name, size), steps=steps, dtype=dtype,
                threads=threads,
            ))  # fmt: skip


@pytest.mark.parametrize("name", ["mixed", "two"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_bits_are_the_same_past_the_cache(
    monkeypatch: pytest.MonkeyPatch, name: str, dtype: str
) -> None:
    """Of 14 passes over so many unknowns, some store past the cache and some do not."""
    point = start(name, 300_007)
    for threads in (1, 2):
        hold_equal(*both(
            monkeypatch, OBJECTIVES[name], point, steps=14, dtype=dtype, threads=threads
        ))  # fmt: skip


def test_the_best_point_is_found_on_a_way_that_goes_up_and_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bowl = sx.Objective(sp.Sum(sp.Abs(w[i] - 1), (i, 0, n - 1)))
    point, hasty = start("bowl", 50), sx.Adamax(learning_rate=0.3)
    last_is_best = set()
    for steps in range(1, 60, 3):
        plain, fused = both(monkeypatch, bowl, point, steps=steps, method=hasty)
        hold_equal(plain, fused)
        assert fused.best_fun == bowl.value({w: fused.best_x})
        last_is_best.add(fused.best_fun == fused.fun)
    assert last_is_best == {True, False}


@pytest.mark.parametrize("placement", ["denominator", "maximum"])
def test_both_places_of_epsilon(monkeypatch: pytest.MonkeyPatch, placement: str) -> None:
    method = sx.Adamax(0.01, 0.8, 0.99, epsilon=0.1, epsilon_placement=placement)
    hold_equal(*both(monkeypatch, ROSENBROCK, start("rosenbrock", 100), steps=20, method=method))


@pytest.mark.usefixtures("fused")
def test_a_run_goes_on_as_if_nothing_had_happened() -> None:
    point = start("rosenbrock", 3000)
    whole = sx.minimize(ROSENBROCK, point, steps=1100)  # beyond a rest at 1,024
    first = sx.minimize(ROSENBROCK, point, steps=600)
    rest = sx.minimize(ROSENBROCK, first.point, steps=500, state=first.state)
    assert rest.x.tobytes() == whole.x.tobytes()
    assert rest.state == whole.state


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_subnormal_moments_are_lifted_as_in_a_plain_run(
    monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    ends = sx.Objective(sp.Sum((w[i] - 1) ** 2, (i, 0, 2)) + sp.Sum(0 * w[i], (i, 0, n - 1)))
    tiny = np.finfo(dtype).smallest_subnormal * np.arange(1, 41).astype(dtype)
    state = sx.State(step=1020, m=tiny, u=tiny)
    plain, fused = both(
        monkeypatch, ends, {w: np.ones(40)}, steps=10, state=state, dtype=dtype
    )  # fmt: skip
    hold_equal(plain, fused)
    assert fused.state.m[20] == 0
    assert fused.state.u[20] > np.finfo(dtype).smallest_normal


def test_what_looks_between_steps_is_not_fused(
    monkeypatch: pytest.MonkeyPatch, fused: None
) -> None:
    made = []
    monkeypatch.setattr(_core, "FusedRun", lambda *given: made.append(given))
    for options in (
        {"record": 1}, {"callback": print}, {"stop": sx.Stop(gtol=1e-9)}, {"maximize": True},
        {"method": sx.Adamax(epsilon_placement="none")},
    ):  # fmt: skip
        sx.minimize(ROSENBROCK, start("rosenbrock", 40), steps=0, **options)  # type: ignore[arg-type]
    assert made == []


@pytest.mark.parametrize(
    ("size", "steps", "worth"),
    [(1000, 1000, False), (1000, 10**5, True), (10**5, 3, False), (10**7, 3, True)],
)
def test_a_run_is_fused_where_that_pays(size: int, steps: int, worth: bool) -> None:
    assert session._is_worth_fusing(size, steps) == worth


# ---- something is not finite on the way ----------------------------------------------------------

TERM = sp.exp(w[i] ** 2)
GROWTH, FALL = -sp.exp(w[i]), -w[i] * 1e-5
# The term, the numbers of the start, the learning rate, what is not finite then, and after how many
# steps. The moments are copied at the start and after 1,024 steps; the bias of m matters for 356.
TROUBLES = {
    "value": (GROWTH, np.linspace(0, 700, 3000), 0.5, "VALUE", 34),
    "gradient": (-TERM, np.linspace(0, 26.55, 3000), 0.01, "GRADIENT", 1),
    "point": (FALL, np.linspace(-1, 1, 3000), 1.7e307, "POINT", 10),
    "at a copy": (GROWTH, np.linspace(0, 700, 50), 0.01036, "VALUE", 1023),
    "past a copy": (GROWTH, np.linspace(0, 700, 50), 0.0069, "VALUE", 1499),
    "past the bias": (GROWTH, np.linspace(0, 700, 50), 0.0228, "VALUE", 501),
    "point past a copy": (FALL, np.linspace(-1, 1, 50), 1.2e305, "POINT", 1499),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_last_finite_point_comes_back_with_its_state(
    monkeypatch: pytest.MonkeyPatch, trouble: str, threads: int
) -> None:
    term, numbers, rate, what, nit = TROUBLES[trouble]
    steep = sx.Objective(sp.Sum(term, (i, 0, n - 1)))
    plain, fused = both(
        monkeypatch, steep, {w: numbers}, steps=2000, method=sx.Adamax(rate), threads=threads
    )
    hold_equal(plain, fused)
    assert fused.status == _core.Status[f"{what}_NOT_FINITE"]
    assert fused.nit == fused.state.step == nit
    assert fused.fun == steep.value({w: fused.x})


def test_a_run_in_float32_comes_back_with_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    steep = sx.Objective(sp.Sum(-TERM, (i, 0, n - 1)))
    plain, fused = both(
        monkeypatch, steep, {w: np.linspace(0, 8, 3000)}, steps=30, dtype="float32",
        method=sx.Adamax(0.5),
    )  # fmt: skip
    hold_equal(plain, fused)
    assert fused.status < 0


@pytest.mark.usefixtures("fused")
def test_without_room_for_a_copy_the_point_comes_back_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "LARGE", 1)
    steep = sx.Objective(sp.Sum(-TERM, (i, 0, n - 1)))
    result = sx.minimize(
        steep, {w: np.linspace(0, 25, 3000)}, steps=30, method=sx.Adamax(learning_rate=0.5)
    )
    assert result.nit == 8
    assert "w[2997] is -inf at step 9" in result.message
    assert result.fun == steep.value(result.x)
    assert result.state is None


MEMORY = """
import resource, sys
import numpy as np, sympy as sp, symadamax as sx
i, n = sp.symbols("i n", integer=True)
w = sp.IndexedBase("w")
f = sx.Objective(sp.Sum((w[i + 1] - w[i])**2 + w[i]**2, (i, 0, n - 2)))
sx.minimize(f, {w: np.ones(1_100_000)}, steps=2)
size = 6_000_000
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

"""Objectives with sums on several threads: the same bits, and Ctrl-C in the middle of a pass."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import sympy as sp

import symadamax as sx
from symadamax import _core
from symadamax.errors import InputError

i, j, n, d = sp.symbols("i j n d", integer=True)
a = sp.Symbol("a")
t, w, X = map(sp.IndexedBase, "twX")
rng = np.random.default_rng(0)
N = 20_011

PROBLEMS = {
    "reductions": (
        sp.log(sp.Sum(sp.exp(a * t[i]), (i, 0, n - 1))),
        {a: 0.3},
        {t: rng.normal(size=N)},
    ),
    "scattered": (
        sp.Sum(sp.log(1 + sp.exp(-sp.Sum(X[i, j] * w[j], (j, 0, d - 1)))), (i, 0, n - 1)),
        {w: rng.normal(size=5)},
        {X: rng.normal(size=(N, 5))},
    ),
    "gathered": (
        sp.Sum((w[i + 1] - w[i] ** 2) ** 2 + a * w[i], (i, 0, n - 2)),
        {a: 0.3, w: rng.normal(size=N)},
        {},
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_bits_do_not_depend_on_the_number_of_threads(name: str, dtype: str) -> None:
    expression, start, data = PROBLEMS[name]
    objective = sx.Objective(expression, data=data)
    runs = [
        sx.minimize(objective, start, steps=7, threads=threads, dtype=dtype)
        for threads in (1, 2, 3, 8)
    ]
    assert len({run.x.tobytes() + run.jac.tobytes() + run.state.m.tobytes() for run in runs}) == 1
    assert len({run.fun for run in runs}) == 1


def test_batches_are_the_same_on_any_number_of_threads() -> None:
    expression, start, data = PROBLEMS["scattered"]
    runs = {
        sx.minimize(
            expression, start, data=data, batch=5000, rng=0, steps=7, threads=threads
        ).x.tobytes()
        for threads in (1, 2, 3)
    }
    assert len(runs) == 1


def test_one_objective_serves_many_python_threads() -> None:
    expression, start, data = PROBLEMS["scattered"]
    objective = sx.Objective(expression, data=data)
    alone = objective.value_and_gradient(start)[1].tobytes()
    seen: list[bytes] = []

    def work() -> None:
        seen.extend(objective.value_and_gradient(start)[1].tobytes() for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {alone}
    assert len(seen) == 80


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two"])
def test_the_number_of_threads_is_a_whole_number(threads: object) -> None:
    with pytest.raises(InputError, match=r"threads is .*; accepted is a whole number >= 1"):
        sx.minimize(a**2, {a: 1}, threads=threads)  # type: ignore[arg-type]


def test_no_thread_stays_behind() -> None:
    expression, start, data = PROBLEMS["gathered"]
    before = set(threading.enumerate())
    sx.minimize(expression, start, data=data or None, steps=3, threads=4)
    assert before.issuperset(threading.enumerate())


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_thread_that_does_not_come_keeps_nobody_waiting(name: str) -> None:
    """Nobody sends these teams their threads: the one that asks does all parts."""
    expression, start, data = PROBLEMS[name]
    objective = sx.Objective(expression, data=data)
    x, shapes = objective.flat(start)
    found = []
    for threads in (1, 4):
        bound = objective.bound(shapes, threads=threads)
        assert bound.context.threads == threads
        gradient = np.empty_like(x)
        value = _core.evaluate(bound.function, bound.context, x, gradient)
        found.append((value, gradient.tobytes()))
    assert found[0] == found[1]


INTERRUPTED = """
import os, signal, threading, time
import numpy as np, sympy as sp, symadamax as sx
i, j, n = sp.symbols("i j n", integer=True)
a, t = sp.Symbol("a"), sp.IndexedBase("t")
slow = sp.Sum(sp.sin(a*t[i]*j)**2, (j, 1, 500), (i, 0, n - 1))/n
objective = sx.Objective(slow, data={t: np.linspace(0, 1, 400_000)})
sent = []
def press():
    time.sleep(1.0)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press).start()
try:
    sx.minimize(objective, {a: 1.0}, steps=100, threads=THREADS)
except KeyboardInterrupt:  # at the start; a run that goes on returns its result
    pass
print("late by", time.monotonic() - sent[0])
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_a_pass_of_many_seconds(threads: int) -> None:
    script = INTERRUPTED.replace("THREADS", str(threads))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert "late by" in done.stdout, done.stderr
    assert float(done.stdout.split()[-1]) < 1.0  # 0.1 s on a machine that is not shared
    assert time.monotonic() - began < 30

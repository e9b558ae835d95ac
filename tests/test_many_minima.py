"""Distinct minima: against plain loops; parts, weights, tolerances, and runs that do not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symadamax as sx
from symadamax.errors import InputError
from symadamax.solver import Adamax, Status
from symadamax.solver.many.minima import (
    FEW,
    MOST,
    Minima,
    checked_tolerance,
    labelled,
    minima_of,
    usual_tolerance,
)
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.summary import Digest


def runs_of(x: Any, fun: Any, status: Any = Status.STEPS_DONE) -> Runs:
    x, fun = np.asarray(x, dtype=float), np.asarray(fun, dtype=float)
    rows = len(fun)
    ended = np.broadcast_to(np.asarray(status, np.int8), rows).copy()
    return Runs(np.arange(rows), x, fun, 0 * x, ended, np.full(rows, 9))


def by_loops(runs: Runs, tol: float, most: int = MOST) -> tuple[list[int], list[int]]:
    """Return the numbers of the best runs, and the label of each row, as the docstring says."""
    rows = [
        row
        for row in range(runs.rows)
        if runs.status[row] >= 0 and np.isfinite(runs.fun[row]) and np.isfinite(runs.x[row]).all()
    ]
    rows.sort(key=lambda row: (runs.fun[row], runs.number[row]))
    labels, best = [-1] * runs.rows, []
    for row in rows:
        if labels[row] >= 0 or len(best) == most:
            continue
        point = runs.x[row].astype(float)
        for other in rows:
            near = np.abs(runs.x[other].astype(float) - point) <= tol * np.maximum(1, np.abs(point))
            if labels[other] < 0 and near.all():
                labels[other] = len(best)
        best.append(int(runs.number[row]))
    return best, labels


# Points on a coarse lattice, some of them at the tolerance from another.
coordinates = st.sampled_from([-40.0, -1.0, 0.0, 0.1, 0.125, 0.25, 1.0, 1.1, 1.2, 44.0, 1e308])
heights = st.sampled_from([-1.0, 0.0, 0.5, 0.5000001, 2.0])


@settings(max_examples=200)
@given(st.data(), st.integers(1, 3), st.integers(0, 40), st.sampled_from([0.0, 0.1, 0.125, 0.9]))
def test_minima_are_those_that_plain_loops_find(data: Any, n: int, m: int, tol: float) -> None:
    x = data.draw(st.lists(st.lists(coordinates, min_size=n, max_size=n), min_size=m, max_size=m))
    fun = data.draw(st.lists(heights, min_size=m, max_size=m))
    runs = runs_of(np.array(x).reshape(m, n), fun)
    runs = runs.take(np.array(data.draw(st.permutations(range(m))), int))
    best, labels = by_loops(runs, tol)
    minima, found = labelled(runs, tol)
    assert minima.best.number.tolist() == best
    assert found.tolist() == labels
    assert minima.counts.tolist() == np.bincount(labels, minlength=len(best)).tolist()
    assert minima.elsewhere == 0


@pytest.mark.parametrize("n", [1, 2, 10])
def test_many_minima_are_found_as_by_plain_loops(n: int) -> None:
    rng = np.random.default_rng(n)
    x = rng.integers(-9, 10, (600, n)) + 0.004 * rng.normal(size=(600, n))
    runs = runs_of(x, np.round((x**2).sum(axis=1), 1))
    minima, found = labelled(runs, 0.01, most=40)
    best, labels = by_loops(runs, 0.01, most=40)
    assert len(best) > FEW
    assert minima.best.number.tolist() == best
    assert found.tolist() == labels
    assert minima.counts.sum() + minima.elsewhere == 600


def test_the_tolerance_grows_with_the_point_and_holds_in_every_unknown() -> None:
    far = runs_of([[1000, 0], [1009, 0], [1011, 0], [1000, 0.011]], [0, 1, 2, 3])
    assert labelled(far, 0.01)[1].tolist() == [0, 0, 1, 2]


def test_a_chain_of_runs_is_not_one_minimum() -> None:
    x = np.arange(65)[:, np.newaxis] / 64
    minima = minima_of(runs_of(x, x[:, 0]), 1 / 8)
    assert (64 * minima.best.x[:, 0]).tolist() == [0, 9, 18, 27, 36, 45, 54, 63]
    assert minima.counts.tolist() == [9] * 7 + [2]


def test_only_usable_runs_count() -> None:
    status = [Status.STEPS_DONE, Status.VALUE_NOT_FINITE, Status.INTERRUPTED, Status.GTOL_MET]
    runs = runs_of([[0], [1], [np.nan], [2]], [1, -5, np.nan, 3], status)
    minima, labels = labelled(runs, 0.01)
    assert minima.best.number.tolist() == [0, 3]
    assert labels.tolist() == [0, -1, -1, 1]


def test_without_usable_runs_there_are_no_minima() -> None:
    for runs in (runs_of(np.empty((0, 2)), []), Runs.never_begun(0, 4, 2)):
        minima, labels = labelled(runs, 0.01)
        assert minima.best.rows == minima.elsewhere == 0
        assert (labels == -1).all()
        assert Minima.joined([minima, minima], 0.01).best.rows == 0


def test_single_precision_is_told_apart_by_the_same_rule() -> None:
    runs = runs_of([[0.1], [0.2], [0.2000001]], [0, 1, 2])
    single = runs._replace(x=runs.x.astype(np.float32), jac=runs.jac.astype(np.float32))
    assert labelled(single, 0.05)[1].tolist() == [0, 1, 1]
    assert minima_of(single, 0.05).best.x.dtype == np.float32


def test_the_best_minima_are_kept_and_the_others_counted() -> None:
    x = np.arange(1000.0)[:, np.newaxis]
    minima = minima_of(runs_of(x, -x[:, 0]), 1e-6)
    assert minima.best.number.tolist() == list(range(999, 999 - MOST, -1))
    assert minima.elsewhere == 1000 - MOST


# ---- parts --------------------------------------------------------------------------------------


def around(centres: Any, m: int, spread: float, seed: int = 0) -> Runs:
    """Return runs that ended near these places, the value of which grows with the distance."""
    rng = np.random.default_rng(seed)
    centres = np.asarray(centres, float)
    chosen = rng.integers(0, len(centres), m)
    off = spread * rng.uniform(-1, 1, (m, centres.shape[1]))
    return runs_of(centres[chosen] + off, chosen + (off**2).sum(axis=1))


def digest_in_blocks(runs: Runs, size: int, at_once: int, tol: float) -> Digest:
    parts = [Digest.of(runs.take(slice(k, k + size)), tol) for k in range(0, runs.rows, size)]
    while len(parts) > 1:
        parts = [Digest.joined(parts[:at_once]), *parts[at_once:]]
    return parts[0]


@pytest.mark.parametrize(("size", "at_once"), [(1, 2), (7, 3), (64, 64), (1000, 2)])
def test_joined_parts_have_the_minima_of_the_whole(size: int, at_once: int) -> None:
    runs = around(np.random.default_rng(3).uniform(-5, 5, (30, 4)), 500, 0.01)
    whole, parts = Digest.of(runs, 0.05), digest_in_blocks(runs, size, at_once, 0.05)
    assert parts.counts == whole.counts == {Status.STEPS_DONE: 500}
    assert parts.minima.best.number.tolist() == whole.minima.best.number.tolist()
    assert parts.minima.counts.tolist() == whole.minima.counts.tolist()
    assert parts.minima.elsewhere == 0


def test_parts_with_too_many_minima_lose_no_run_and_keep_the_best() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-5, 5, (5000, 2))
    runs = runs_of(x, (x**2).sum(axis=1))
    digest = digest_in_blocks(runs, 400, 4, 1e-6)
    assert digest.minima.best.number.tolist() == np.argsort(runs.fun)[:MOST].tolist()
    assert digest.minima.counts.sum() + digest.minima.elsewhere == 5000


def test_a_digest_counts_how_runs_ended() -> None:
    status = [Status.STEPS_DONE, Status.SCHEDULE_FAILED, Status.STEPS_DONE, Status.INTERRUPTED]
    digest = Digest.of(runs_of([[0], [1], [2], [3]], [0, 1, 2, 3], status), 0.01)
    joined = Digest.joined([digest, digest])
    assert joined.counts == {
        Status.STEPS_DONE: 4, Status.INTERRUPTED: 2, Status.SCHEDULE_FAILED: 2
    }  # fmt: skip


def test_a_digest_is_small() -> None:
    rng = np.random.default_rng(0)
    runs = runs_of(rng.uniform(size=(20_000, 10)), rng.uniform(size=20_000))
    arrays = [*Digest.of(runs, 1e-6).minima.best, Digest.of(runs, 1e-6).minima.counts]
    assert sum(array.nbytes for array in arrays) < 60_000


# ---- tolerances ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "tol"),
    [(0.002, 0.004), (1e-5, 1e-3), (0.1, 0.2), (3.0, 0.5), ([0.01, 0.05], 0.1), ([], 1e-3),
     (sx.schedules.inverse_square_root(0.1), 0.01), (lambda t: 0.1, 0.01)],
)  # fmt: skip
def test_the_usual_tolerance_is_twice_the_learning_rate_within_limits(rate: Any, tol: Any) -> None:
    assert usual_tolerance(Adamax(learning_rate=rate)) == pytest.approx(tol)


@pytest.mark.parametrize("tol", [-0.1, 1, 2.0, np.nan, "0.1", None, True])
def test_a_tolerance_that_cannot_be_used_is_refused(tol: Any) -> None:
    with pytest.raises(InputError, match=r"tol is .*; accepted is a number in \[0, 1\)"):
        checked_tolerance(tol)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_runs_that_swing_at_a_kink_are_one_minimum(rate: float) -> None:
    x, y = sp.symbols("x y")
    starts = sx.sample({x: (-1, 3), y: (-4, 0)}, 64, rng=0)
    results = sx.minimize_many(
        sp.Abs(x - 1) + sp.Abs(y + 2), starts, method=Adamax(rate), steps=2000
    )
    (minimum,) = results.summary().minima
    assert minimum.count == 64
    assert np.abs(minimum.x - [1, -2]).max() < rate

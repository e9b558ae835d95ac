"""Results: rows, single runs, the best, the summary, tables; and what is refused."""

from __future__ import annotations

import pickle
import re
import sys
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symadamax as sx
from symadamax.errors import InputError
from symadamax.solver import Result, Status, Stop
from symadamax.solver.many.results import Description, Results
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.starts import starts_of
from symadamax.solver.many.summary import WORDS, Digest
from symadamax.solver.result import succeeded

x, y, c = sp.symbols("x y c")
HIMMELBLAU = sx.Objective((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2)
METHOD = sx.Adamax(0.05)
STARTS = sx.sample({x: (-5, 5), y: (-5, 5)}, 64, rng=1)
MINIMA = {(3.0, 2.0), (3.5844, -1.8481), (-3.7793, -3.2832), (-2.8051, 3.1313)}


@pytest.fixture(scope="module")
def results() -> Results:
    return sx.minimize_many(HIMMELBLAU, STARTS, method=METHOD, steps=1500)


def results_of(
    fun: list[float], status: list[Status], nit: int = 7, stop: Stop | None = None, **options: Any
) -> Results:
    """Return results of runs of two unknowns that ended so."""
    rows = len(fun)
    points = np.arange(2.0 * rows).reshape(rows, 2)
    runs = Runs(
        np.arange(rows), points, np.array(fun, float), points + 1, np.array(status, np.int8),
        np.full(rows, nit),
    )  # fmt: skip
    asked = Description(rows, METHOD, stop or Stop(), ("x", "y"), HIMMELBLAU)
    return Results(runs, asked, **options)


# ---- rows ---------------------------------------------------------------------------------------


def test_a_row_is_what_minimize_returns(results: Results) -> None:
    single = sx.minimize(HIMMELBLAU, results.start[5], method=METHOD, steps=1500)
    row = results[5]
    assert type(row) is Result
    assert row.x.tolist() == single.x.tolist()
    assert row.jac.tolist() == single.jac.tolist()
    for name in ("fun", "nit", "nfev", "status", "success", "message", "point", "objective",
                 "method"):  # fmt: skip
        assert row[name] == single[name]
    assert row.status is Status.STEPS_DONE
    assert type(row.fun) is float


def test_rows_are_counted_from_both_ends(results: Results) -> None:
    assert len(results) == results.total == 64
    assert results[-1].x.tolist() == results.x[63].tolist()
    assert [row.fun for row in results] == results.fun.tolist()
    with pytest.raises(IndexError):
        results[64]


@pytest.mark.parametrize(
    ("place", "numbers"),
    [
        (slice(2, 5), [2, 3, 4]),
        ([5, 1], [5, 1]),
        (np.arange(64) > 61, [62, 63]),
        (np.array([], int), []),
    ],
)
def test_several_rows_are_results_again(results: Results, place: Any, numbers: list[int]) -> None:
    some = results[place]
    assert some.number.tolist() == numbers
    assert some.x.tolist() == results.x[numbers].tolist()
    assert some.start.tolist() == results.start[numbers].tolist()
    assert some.total == 64


@pytest.mark.parametrize("place", [True, [[1, 2]], None])
def test_what_is_no_row_is_refused(results: Results, place: Any) -> None:
    with pytest.raises(InputError, match="accepted is a row, a slice, a mask or an array of rows"):
        results[place]


def test_arrays_of_a_row_are_its_own(results: Results) -> None:
    before = results.x.copy()
    results[0].x[:] = results[0].jac[:] = 99
    assert (results.x == before).all()


def test_starts_are_those_that_were_given(results: Results) -> None:
    assert results.start.tolist() == STARTS.points(0, 64).tolist()
    single = sx.minimize_many(HIMMELBLAU, STARTS, dtype="float32", steps=0)
    assert single.start.dtype == np.float32
    assert (single.start == single.x).all()


def test_settings_and_parameters_of_a_run_are_its_own() -> None:
    results = sx.minimize_many(
        c * x**2, [1.0], parameters={c: [1, 2, 3]}, method=sx.Adamax([0.1, 0.2, 0.3]), steps=5
    )
    row = results.top(3)[results.top(3).number.tolist().index(2)]
    assert row.method == sx.Adamax(0.3)
    assert dict(row.objective.parameters) == {c: 3.0}
    assert row.objective.value(row.x) == row.fun


def test_histories_go_with_their_rows() -> None:
    results = sx.minimize_many(HIMMELBLAU, STARTS.points(0, 4), steps=20, record=5)
    assert results[2].history.x[-1].tolist() == results[2].x.tolist()
    best = results.top(2)
    assert best[1].history.fun[-1] == best.fun[1]
    assert results.best.history.fun[-1] == results.fun.min()


# ---- the best -----------------------------------------------------------------------------------


def test_the_best_is_the_smallest_usable_value() -> None:
    status = [Status.STEPS_DONE, Status.POINT_NOT_FINITE, Status.TIME_LIMIT, Status.INTERRUPTED]
    results = results_of([3, -9, 2, np.nan], status, stop=Stop(seconds=1))
    assert results.best.fun == 2
    assert results.best.point == {x: 4.0, y: 5.0}
    assert results.top(3).number.tolist() == [2, 0, 1]
    assert results.top(0).number.tolist() == []


def test_without_a_usable_run_none_is_the_best() -> None:
    for results in (results_of([1.0], [Status.VALUE_NOT_FINITE]), results_of([], [])):
        with pytest.raises(InputError, match="No run has ended at a usable point"):
            _ = results.best
        assert results.summary().minima == ()
        assert "best" not in repr(results)
        assert "<table>" in results._repr_html_()


@pytest.mark.parametrize("k", [-1, 2.5, "3", None, True])
def test_a_number_of_rows_that_is_none_is_refused(results: Results, k: Any) -> None:
    with pytest.raises(InputError, match=r"k is .*; accepted is a whole number >= 0"):
        results.top(k)


# ---- how they ended -----------------------------------------------------------------------------


def test_success_is_what_a_single_result_says() -> None:
    for stop in (Stop(), Stop(gtol=1e-3), Stop(seconds=5), Stop(seconds=5, ftol=0)):
        results = results_of([0.0] * len(Status), list(Status), stop=stop)
        assert results.success.tolist() == [succeeded(status, stop) for status in Status]
        assert results.success.dtype == bool


def test_every_ending_has_words_and_a_sentence() -> None:
    assert set(WORDS) == set(Status)
    stop = Stop(gtol=1, ftol=1, xtol=1, target=1, seconds=1)
    for row in results_of([0.0] * len(Status), list(Status), stop=stop):
        assert row.message.endswith(".")
        assert "7" in row.message or "8" in row.message


def test_a_failure_keeps_the_last_point_and_says_so() -> None:
    results = sx.minimize_many(sp.log(x), {x: [1.0, 1e-3]}, method=sx.Adamax(0.5), steps=50)
    row = results[1]
    assert row.status < 0
    assert not row.success
    assert "not finite at step" in row.message
    assert f"that of step {row.nit}." in row.message
    assert np.isfinite(row.x).all()


def test_a_start_where_the_objective_is_not_finite_is_told_as_one() -> None:
    results = sx.minimize_many(sp.log(x), {x: [1.0, -1.0]}, steps=3)
    assert results[1].message == (
        "The objective is not finite at the start, x = -1: the run did not begin."
    )
    assert results[1].nfev == 1


def test_a_run_that_nobody_began_was_not_evaluated() -> None:
    asked = Description(3, METHOD, Stop(), ("x", "y"), HIMMELBLAU)
    row = Results(Runs.never_begun(0, 3, 2), asked)[1]
    assert row.nfev == row.nit == 0
    assert row.message == "The run was interrupted after 0 steps."


# ---- the summary --------------------------------------------------------------------------------


def test_a_summary_tells_the_minima_with_their_runs(results: Results) -> None:
    summary = results.summary()
    assert {tuple(m.x.round(4).tolist()) for m in summary.minima} == MINIMA
    assert sum(m.count for m in summary.minima) == summary.runs == summary.converged == 64
    assert summary.counts == {Status.STEPS_DONE: 64}
    assert summary.elsewhere == 0
    assert summary.tol == 0.1
    for minimum in summary.minima:
        row = results[minimum.number]
        assert (minimum.fun, minimum.point) == (row.fun, row.point)
        assert minimum.jac.tolist() == row.jac.tolist()
        assert minimum.share == minimum.count / 64


def test_basins_say_which_minimum_each_row_reached(results: Results) -> None:
    basins, minima = results.basins(), results.summary().minima
    assert np.bincount(basins).tolist() == [m.count for m in minima]
    for basin, point in zip(basins, results.x, strict=True):
        assert np.abs(minima[basin].x - point).max() < 0.1


def test_a_tolerance_may_be_given(results: Results) -> None:
    assert len(results.summary(tol=0).minima) > 4
    assert results.basins(0).max() > 3
    with pytest.raises(InputError, match=r"tol is 1; accepted is a number in \[0, 1\)"):
        results.summary(tol=1)
    with pytest.raises(InputError, match=r"tol is 'x'; accepted is a number in \[0, 1\)"):
        results.basins("x")


def test_a_summary_prints_as_a_table(results: Results) -> None:
    lines = repr(results.summary()).splitlines()
    assert lines[0] == "64 runs, 64 of which reached what was asked for:"
    assert lines[1].split() == ["all", "steps", "done", "64"]
    assert lines[2] == "4 distinct minima, told apart by tol = 0.1:"
    assert lines[3].split() == ["value", "slope", "runs", "share", "best", "run", "at"]
    assert len(lines) == 8
    assert all("%" in line and "x = " in line for line in lines[4:])
    assert len({line.index("x = ") for line in lines[4:]}) == 1


def test_a_long_summary_shows_the_best_and_counts_the_rest() -> None:
    rows = 300
    results = results_of(list(range(rows)), [Status.STEPS_DONE] * rows)
    summary = results.summary(1e-6)
    lines = repr(summary).splitlines()
    assert lines[2].startswith("256 or more distinct minima, told apart by tol = 1e-06:")
    assert lines[-1] == "  290 runs ended at others"
    assert len(lines) == 15
    assert "290 runs ended at others" in summary._repr_html_()


def test_names_are_no_html() -> None:
    evil = sp.Symbol("<script>")
    results = sx.minimize_many(evil**2, {evil: [1, 2]}, steps=1)
    for page in (results._repr_html_(), results.summary()._repr_html_()):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_kept_rows_have_the_summary_of_all() -> None:
    everything = sx.minimize_many(HIMMELBLAU, STARTS, method=METHOD, steps=1500)
    kept = sx.minimize_many(HIMMELBLAU, STARTS, method=METHOD, steps=1500, keep=5)
    assert len(kept) == 5
    assert kept.total == 64
    assert kept.x.tolist() == everything.top(5).x.tolist()
    assert kept.start.tolist() == everything.top(5).start.tolist()
    assert repr(kept.summary()) == repr(everything.summary())
    assert repr(kept.summary(0.4)) == repr(everything.summary(0.4))
    assert "64, of which 5 are kept" in repr(kept)
    assert "64 of 64" in repr(kept)
    assert kept[:].summary().runs == 5


def test_of_runs_that_are_not_kept_minima_are_told_apart_no_finer() -> None:
    results = results_of([1.0, 2.0], [Status.STEPS_DONE] * 2)
    results = Results(results.runs, results.asked, Digest.of(results.runs, 0.1))
    with pytest.raises(InputError, match=r"tol is 0.05, and .* by 0.1; accepted is no less"):
        results.summary(0.05)


# ---- tables, pickles ----------------------------------------------------------------------------


def test_they_print_as_a_table(results: Results) -> None:
    text = repr(results)
    assert re.search(r"^ *runs: 64$", text, re.MULTILINE)
    assert re.search(r"^success: 64 of 64$", text, re.MULTILINE)
    assert re.search(rf"^ *best: .* \(run {results.top(1).number[0]}\)$", text, re.MULTILINE)
    assert "<th>run</th>" in results._repr_html_()


def test_a_table_of_pandas_has_the_unknowns_as_columns(results: Results) -> None:
    table = results.to_pandas()
    assert list(table.columns) == ["x", "y", "fun", "status", "success", "nit"]
    assert table.index.name == "run"
    assert table["y"].tolist() == results.x[:, 1].tolist()
    assert table["status"].unique().tolist() == ["STEPS_DONE"]
    again = sx.minimize_many(HIMMELBLAU, table, steps=0)
    assert again.x.tolist() == results.x.tolist()


def test_a_table_names_every_status() -> None:
    table = results_of([0.0] * len(Status), list(Status)).to_pandas()
    assert table["status"].tolist() == [status.name for status in Status]


def test_pandas_that_is_missing_is_asked_for(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"to_pandas needs the package pandas.*pip install"):
        results.to_pandas()


@pytest.mark.parametrize("keep", ["all", 3])
def test_they_survive_pickling(keep: Any) -> None:
    results = sx.minimize_many(
        c * x**2 + y**2, STARTS.points(0, 9), parameters={c: np.arange(1.0, 10)}, keep=keep, steps=9
    )
    copy = pickle.loads(pickle.dumps(results))
    assert repr(copy) == repr(results)
    assert copy.x.tolist() == results.x.tolist()
    assert copy.start.tolist() == results.start.tolist()
    assert repr(copy.summary()) == repr(results.summary())
    assert repr(pickle.loads(pickle.dumps(results.summary()))) == repr(results.summary())
    assert copy[1].objective == results[1].objective


def test_the_starts_of_rows_that_are_not_there_do_not_travel() -> None:
    points = STARTS.points(0, 64)
    results = sx.minimize_many(HIMMELBLAU, np.tile(points, (100, 1)), steps=1)
    some = results[[70, 3, 4, 4, 6000]]
    assert len(pickle.dumps(some)) < 6400 * 16
    copy = pickle.loads(pickle.loads(pickle.dumps(pickle.dumps(some))))
    assert copy.start.tolist() == some.start.tolist() == points[[6, 3, 4, 4, 6000 % 64]].tolist()
    assert copy.top(2).start.tolist() == some.top(2).start.tolist()


def test_a_description_pickles_with_what_starts_come_with() -> None:
    starts, shapes = starts_of(STARTS, [x, y])
    asked = Description(64, METHOD, Stop(), ("x", "y"), HIMMELBLAU, shapes, starts)
    assert dict(pickle.loads(pickle.dumps(asked)).shapes) == {}


def test_arrays_of_unknowns_have_their_shape() -> None:
    w, i = sp.IndexedBase("w"), sp.Symbol("i", integer=True)
    objective = sp.Sum((w[i] - i) ** 2, (i, 0, 2))
    results = sx.minimize_many(objective, {w: np.zeros((4, 3))}, method=METHOD, steps=500)
    assert results[0].point[w].round(3).tolist() == [0, 1, 2]
    assert list(results.to_pandas().columns[:3]) == ["w[0]", "w[1]", "w[2]"]
    assert results.summary().minima[0].point[w].shape == (3,)
    assert pickle.loads(pickle.dumps(results))[0].point[w].shape == (3,)


def test_a_python_function_has_no_points_by_symbol() -> None:
    results = sx.minimize_many(lambda p: (float(p @ p), 2 * p), np.ones((2, 2)), steps=3)
    assert results[0].point is None
    assert results.summary().minima[0].point is None
    assert "x[0] = " in repr(results)


def test_no_starts_give_no_rows() -> None:
    results = sx.minimize_many(HIMMELBLAU, np.empty((0, 2)))
    assert len(results) == results.total == 0
    assert results.start.shape == (0, 2)
    assert results.basins().shape == (0,)
    assert repr(results.summary()).startswith("0 runs")
    assert len(results.to_pandas()) == 0
    assert results.top(3).number.tolist() == []

"""A result: what it says, shows, keeps and survives."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import OptimizeResult

from symadamax.objective import Objective
from symadamax.solver import Adamax, Record, Result, Status, Stop, minimize
from symadamax.solver.result import SENTENCES, sentence, succeeded

x, y = sp.symbols("x y")
BOWL = Objective(2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x)
METHOD = Adamax(learning_rate=0.01)


@pytest.fixture(scope="module")
def result() -> Result:
    return minimize(BOWL, {x: 1, y: 0}, method=METHOD, record=Record(every=100, moments=True))


def test_it_is_a_result_of_scipy(result: Result) -> None:
    assert isinstance(result, OptimizeResult)
    assert result["x"] is result.x
    assert {"x", "fun", "jac", "nit", "nfev", "status", "success", "message"} <= set(result)


def test_value_and_gradient_belong_to_the_point(result: Result) -> None:
    value, gradient = BOWL.value_and_gradient(result.x)
    assert result.fun == value
    assert result.jac.tolist() == gradient.tolist()
    assert (result.nit, result.nfev) == (1000, 1001)


def test_the_point_is_by_symbol(result: Result) -> None:
    assert result.point == dict(zip((x, y), result.x, strict=True))
    assert all(type(value) is float for value in result.point.values())


def test_it_knows_what_was_minimised_and_how(result: Result) -> None:
    assert result.objective is BOWL
    assert result.method is METHOD


def test_the_best_point_is_no_worse_than_any(result: Result) -> None:
    everything = minimize(BOWL, [1, 0], method=METHOD, record=1)
    best = int(np.argmin(everything.history.fun))
    assert result.best_fun == everything.history.fun[best]
    assert result.best_x.tolist() == everything.history.x[best].tolist()


def test_the_best_point_can_be_the_start() -> None:
    climbing = minimize(-sp.exp(-(x**2)), [0.0], steps=3)
    assert climbing.best_x.tolist() == [0]
    assert minimize(x**2, [0.001], method=Adamax(1.0), steps=1).best_x.tolist() == [0.001]


def test_its_arrays_are_its_own(result: Result) -> None:
    before = result.history.x.copy()
    changed = minimize(BOWL, [1, 0], method=METHOD)
    changed.x[:] = changed.jac[:] = changed.best_x[:] = 9
    assert minimize(BOWL, [1, 0], method=METHOD).x.tolist() == result.x.tolist()
    assert (result.history.x == before).all()


def test_it_prints_as_a_table(result: Result) -> None:
    text = repr(result)
    assert "All 1000 steps are done." in text
    assert re.search(r"^ +x: x = 2(\.0+\d*)?, y = -1", text, re.MULTILINE)
    assert "status 1, STEPS_DONE" in text
    assert "History of 11 rows" in text
    assert max(map(len, text.splitlines())) < 120


def test_a_table_of_many_unknowns_is_short() -> None:
    w = sp.symbols("w:100")
    text = repr(minimize(Objective(sum(s**2 for s in w), w), np.ones(100), steps=1))
    assert "(100 unknowns)" in text
    assert len(text) < 1500


def test_an_empty_one_prints_too() -> None:
    assert "None" in repr(Result())


def test_in_a_notebook_nothing_of_a_name_is_html() -> None:
    evil = sp.Symbol("<script>alert(1)</script>")
    page = minimize(evil**2, [1], steps=1)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.startswith("<table>")


def test_it_survives_pickling(result: Result) -> None:
    copy = pickle.loads(pickle.dumps(result))
    assert type(copy) is Result
    assert copy.status is result.status
    assert copy.point == result.point
    assert copy.objective == result.objective
    assert copy.method == result.method
    assert copy.state == result.state
    for name in ("step", "x", "fun", "m", "u"):
        assert (getattr(copy.history, name) == getattr(result.history, name)).all()


def test_without_symbols_there_is_no_point_by_symbol() -> None:
    result = minimize(lambda point: (float(point @ point), 2 * point), [1.0, 2.0], steps=1)
    assert result.point is None
    assert result.objective is None
    assert "x[0] = " in repr(result)


# ---- statuses -----------------------------------------------------------------------------------


def test_every_status_has_a_sentence_that_can_be_filled_in() -> None:
    stop = Stop(gtol=1, ftol=1, xtol=1, target=1, seconds=1)
    assert set(SENTENCES) == set(Status)
    for status in Status:
        text = sentence(status, 7, stop, "trouble")
        assert "{" not in text
        assert text.endswith(".")


def test_a_status_below_0_is_a_failure_and_keeps_the_last_finite_point() -> None:
    for status in Status:
        if status < 0:
            assert not succeeded(status, Stop())
            assert "last point where all was finite, that of step 7" in sentence(status, 7, Stop())


# ---- history ------------------------------------------------------------------------------------


def test_the_start_is_the_first_row(result: Result) -> None:
    history = result.history
    assert history.step.tolist() == list(range(0, 1001, 100))
    assert history.x.shape == history.m.shape == history.u.shape == (11, 2)
    assert history.x[0].tolist() == [1, 0]
    assert history.x[-1].tolist() == result.x.tolist()
    assert history.fun[-1] == result.fun
    assert history.m[-1].tolist() == result.state.m.tolist()
    assert len(history) == 11


def test_rows_end_where_the_run_ended() -> None:
    result = minimize(BOWL, [1, 0], method=METHOD, record=10, stop=Stop(target=-5))
    assert result.history.step.tolist() == list(range(0, result.nit + 1, 10))
    assert result.history.m is None


def test_a_table_of_pandas_has_the_unknowns_as_columns(result: Result) -> None:
    table = result.history.to_pandas()
    assert list(table.columns) == ["x", "y", "fun", "m(x)", "m(y)", "u(x)", "u(y)"]
    assert table.index.name == "step"
    assert table.loc[1000, "x"] == result.x[0]
    assert table["u(y)"].iloc[-1] == result.state.u[1]


def test_pandas_that_is_missing_is_asked_for(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"needs the package pandas.*pip install pandas$"):
        result.history.to_pandas()

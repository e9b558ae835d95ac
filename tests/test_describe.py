"""What a page shows of a run: the run itself, or a sentence that says why it cannot."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import sympy as sp
from page import ask, lay_out, needs_node
from problems import PROBLEMS, Problem

import symadamax as sx
from symadamax import InputError, Result
from symadamax.viewer.page.describe import MOST_STEPS, describe
from symadamax.viewer.page.javascript import functions
from symadamax.viewer.page.markup import FILES

x, y, z = sp.symbols("x y z")
BOWL = 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x
METHOD = sx.Adamax(learning_rate=0.01)


def solved(expression: Any = BOWL, start: Any = (1, 0), **options: Any) -> Result:
    return sx.minimize(expression, start, **{"method": METHOD, "steps": 50, "record": 1, **options})


def test_an_entry_has_the_settings_of_the_run() -> None:
    method = sx.Adamax(0.03, 0.5, 0.75, 1e-3, "maximum")
    result = solved(sp.Symbol("k") * BOWL, method=method, parameters={"k": 2}, record=7)
    entry = describe(result, minimum=(2, -1))
    assert (entry.learning_rate, entry.beta1, entry.beta2) == (0.03, 0.5, 0.75)
    assert (entry.epsilon, entry.placement) == (1e-3, "maximum")
    assert (entry.start, entry.steps, entry.step) == ((1.0, 0.0), 50, 50)
    assert (entry.minima, entry.place) == (((2.0, -1.0),), "minimum")
    assert entry.ended == tuple(result.x)
    assert entry.names == entry.variables == ("x", "y")
    assert "parameters={k: 2.0}" in entry.program
    names: dict[str, Any] = {}
    exec(f"import sympy as sp, symadamax as sx\n{entry.program}", names)
    assert names["objective"] == result.objective


def test_the_best_point_is_marked_where_no_minimum_is_known() -> None:
    result = solved()
    entry = describe(result)
    assert (entry.minima, entry.place) == ((tuple(result.best_x),), "best point")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "The run ended at x = 1.42509, y = −0.425095, with the value"),
        ({"stop": sx.Stop(target=-4.5), "steps": 900}, "After 14 steps the value has reached the "),
        ({"steps": 6000}, "All 6000 steps are done. The run ended at x = 2, y = −1, with "),
    ],
)
def test_the_remark_says_how_it_ended(options: dict[str, Any], told: str) -> None:
    entry = describe(solved(**options))
    assert entry.remark.startswith(told)
    assert entry.remark.endswith(f"shows the first {MOST_STEPS:,} steps.") == ("6000" in told)
    assert entry.steps <= MOST_STEPS


def test_the_page_takes_as_many_steps_as_it_is_given() -> None:
    assert f"export const MOST_STEPS = {MOST_STEPS};" in (FILES / "state.mjs").read_text()


def test_the_map_holds_the_path_and_the_minimum() -> None:
    entry = describe(solved(), minimum=(2, -1))
    reach = np.array([entry.radius, entry.radius * entry.aspect])
    for point in ((1, 0), (2, -1)):
        assert (np.abs(np.array(entry.centre) - point) < reach).all()
    assert entry.aspect == 1


def test_unknowns_of_other_sizes_have_scales_of_their_own() -> None:
    wide = solved(x**2 / 1e8 + y**2, (1e4, 1e-3), method=sx.Adamax(1e-5), steps=400)
    entry = describe(wide, minimum=(0, 0))
    assert entry.aspect == pytest.approx(1e-7)
    assert entry.radius == pytest.approx(7e3)


def test_a_pole_is_left_out_of_the_map() -> None:
    result = solved(x - sp.log(sp.Abs(y)), (1, 2))
    low, high = result.history.fun.min(), result.history.fun.max()
    assert describe(result).floor == low - 2 * (high - low)


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_run_on_either_backend_is_found_again(backend: str) -> None:
    assert describe(solved(sp.exp(sp.cos(3 * x)) + y**2, backend=backend)).steps == 50


def test_rows_of_many_runs_are_shown() -> None:
    many = sx.minimize_many(BOWL, {x: [1, 2, 3], y: 0}, method=METHOD, steps=50, record=10)
    assert describe(many[1]).start == (2.0, 0.0)


# ---- the run in the browser ---------------------------------------------------------------------

SHOWN = [problem for problem in PROBLEMS if len(problem.start) <= 2]
BROKEN = [
    Problem("value", x + sp.log(y), (1, 0.03), (0, 0), 0, ""),
    Problem("gradient", x**2 + sp.sqrt(y), (1, 0.04), (0, 0), 0, ""),
]
RUN = """
const { OBJECTIVES } = await import("./objectives.mjs");
const { run } = await import("./adamax.mjs");
const { initial } = await import("./state.mjs");
return OBJECTIVES.map((objective) => {
  const { start, a, steps } = initial(objective);
  const { rows, status, message } = run(objective, start, a, steps, 1);
  return { status, message, steps, rows: rows.map(({ x, value, m, u }) => ({ x, value, m, u })) };
});
"""


def has_page(objective: sx.Objective) -> bool:
    """Tell whether a browser has the functions of an objective."""
    try:
        return not objective.stages.ir.has_loops and functions(objective) != ""
    except InputError:
        return False


@needs_node
def test_the_page_begins_with_the_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    moments = sx.Record(moments=True)
    results = [
        solved(objective, problem.start, steps=200, record=moments)
        for problem in SHOWN + BROKEN
        if has_page(objective := sx.Objective(problem.expression, problem.unknowns))
    ]
    assert len(results) > 15
    entries = [
        dataclasses.replace(describe(result), name=f"run{k}") for k, result in enumerate(results)
    ]
    folder = lay_out(tmp_path_factory.mktemp("describe"), entries)
    for result, shown in zip(results, ask(folder, RUN), strict=True):
        history = result.history
        told = (shown["status"], shown["message"])
        assert told == (result.status.name, result.message)
        rows = {"x": history.x, "value": history.fun, "m": history.m, "u": history.u}
        for name, theirs in rows.items():
            ours = np.array([row[name] for row in shown["rows"]])
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=repr(result))


# ---- refusals -----------------------------------------------------------------------------------

i, n = sp.symbols("i n", integer=True)
t, w = sp.IndexedBase("t"), sp.IndexedBase("w")
REFUSED = [
    ({"record": None}, "The result has no history to draw: run it with minimize"),
    ({"steps": 0}, "The run has done no step, so there is none to show."),
    ({"expression": lambda p: (p @ p, 2 * p)}, "and this run was of a Python function. Use plot"),
    ({"expression": BOWL + z**2, "start": (1, 0, 2)}, "one or two unknowns, and this run has 3."),
    ({"expression": sp.gamma(x), "start": (2,)}, "where there is no gamma"),
    (
        {"expression": sp.Sum((x - t[i]) ** 2, (i, 0, n - 1)), "start": (2,), "data": {t: [1, 2]}},
        "which has no data and no loops",
    ),
    ({"expression": sp.Sum(x**i, (i, 0, 4)), "start": (2,)}, "is written out by its method doit"),
    ({"expression": w[0] ** 2 + w[1] ** 2, "start": {w: [1, 2]}}, "sums over an index or arrays"),
    ({"dtype": "float32"}, "A page computes in float64, and this run in float32."),
    ({"method": sx.Adamax(sx.schedules.cosine(0.1, 50))}, "and this run had a schedule."),
    (
        {"method": sx.Adamax(0.1, l2=0.5, clip_norm=1)},
        "and this run had l2 = 0.5 and clip_norm = 1.",
    ),
    (
        {"bounds": [(None, 1.1), (None, None)]},
        "it had bounds, frozen unknowns, maximize=True, or a state",
    ),
    ({"frozen": [y]}, "these lead from the start of this run to other points"),
    ({"maximize": True}, "these lead from the start of this run to other points"),
    ({"state": solved().state}, "these lead from the start of this run to other points"),
]


@pytest.mark.parametrize(("options", "sentence"), REFUSED, ids=[s[-30:] for _, s in REFUSED])
def test_what_a_page_cannot_show_is_refused(options: dict[str, Any], sentence: str) -> None:
    result = solved(**options)
    with pytest.raises(InputError) as refused:
        describe(result)
    assert sentence in str(refused.value)


def test_a_sum_that_is_written_out_is_shown() -> None:
    assert describe(solved(sp.Sum(x**i, (i, 0, 4)).doit(), (2,))).steps == 50


def test_bounds_that_never_held_are_no_hindrance() -> None:
    assert describe(solved(bounds=[(-9, 9), (-9, None)])).steps == 50

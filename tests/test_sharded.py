"""An objective on rows: the same function as on arrays, with bits that depend on the cut alone."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sympy as sp

import symadamax as sx
from symadamax import InputError, Objective, rows
from symadamax.sharded import _Total

i, j, n, d = sp.symbols("i j n d", integer=True)
a, b = sp.symbols("a b")
t, y, w, c, G = (sp.IndexedBase(name) for name in "tywcG")
COUNT = 1003
TIMES = np.linspace(0, 3, COUNT)
VALUES = 2 * np.exp(-0.7 * TIMES) + 0.01 * np.random.default_rng(1).normal(size=COUNT)
LOSS = sp.Sum((a * sp.exp(-b * t[i]) - y[i]) ** 2, (i, 0, n - 1)) / n + b**2 / 1000
START = {a: 1.0, b: 1.0}
METHOD = sx.Adamax(learning_rate=0.01)
MEMORY = Objective(LOSS, data={t: TIMES, y: VALUES})


@pytest.fixture(scope="module")
def file(tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({"t": TIMES, "y": VALUES, "other": VALUES}), path, row_group_size=90)
    return path


def in_memory(shard: int = 90) -> Any:
    return rows({t: TIMES, y: VALUES}, shard=shard)


def run(data: Any, **options: Any) -> Any:
    return sx.minimize(LOSS, START, data=data, method=METHOD, **{"steps": 200, **options})


def test_a_run_is_that_on_arrays() -> None:
    np.testing.assert_allclose(run(in_memory()).x, run({t: TIMES, y: VALUES}).x, rtol=1e-12)


def test_the_bits_depend_on_the_cut_alone(file: Path) -> None:
    expected = run(in_memory(), threads=1)
    with ThreadPoolExecutor(3) as pool:
        others = [
            run(in_memory(), threads=2), run(in_memory(), threads=7), run(in_memory()),
            run(rows(file, shard=90)), run(in_memory(), executor=pool),
            run(rows(file, shard=90, keep=0)), run(rows(file, shard=90, keep=4000)),
        ]  # fmt: skip
    for other in others:
        assert other.x.tobytes() == expected.x.tobytes()
        assert other.fun == expected.fun
        assert other.jac.tobytes() == expected.jac.tobytes()


def test_the_objective_itself_gives_them_too() -> None:
    result = run(in_memory(), steps=0)
    objective = Objective(LOSS, data=in_memory())
    assert objective.value(START) == result.fun
    assert objective.value_and_gradient(START)[1].tobytes() == result.jac.tobytes()


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"backend": "numpy"},
                                     {"arithmetic": "precise"}])  # fmt: skip
def test_in_other_ways_of_computing(options: Any) -> None:
    found = run(in_memory(), **options)
    expected = run({t: TIMES, y: VALUES}, **options)
    assert found.x.dtype == expected.x.dtype
    tolerance = 2e-4 if "dtype" in options else 1e-12
    np.testing.assert_allclose(found.x, expected.x, rtol=tolerance)


def test_everything_else_of_a_run_works() -> None:
    seen: list[float] = []
    result = run(
        in_memory(), stop=sx.Stop(gtol=1e-3), bounds=[(None, None), (0.8, None)], record=10,
        callback=lambda so_far: seen.append(so_far.fun), steps=2000,
    )  # fmt: skip
    expected = run(
        {t: TIMES, y: VALUES}, stop=sx.Stop(gtol=1e-3), bounds=[(None, None), (0.8, None)],
        record=10, steps=2000,
    )  # fmt: skip
    assert (result.status, result.nit) == (sx.Status.GTOL_MET, expected.nit)
    assert result.point[b] == 0.8
    np.testing.assert_allclose(result.history.fun, expected.history.fun, rtol=1e-12)
    assert seen[0] == result.history.fun[1]
    assert len(seen) == result.nit // 10
    assert result.objective.rows is not None


def test_a_run_goes_on_as_if_nothing_had_happened() -> None:
    whole, first = run(in_memory(), steps=50), run(in_memory(), steps=20)
    rest = sx.minimize(LOSS, first.point, data=in_memory(), method=METHOD, steps=30,
                       state=first.state)  # fmt: skip
    assert rest.x.tobytes() == whole.x.tobytes()


def test_the_objective_may_have_other_data_in_memory() -> None:
    expression = sp.Sum((y[i] - sp.Sum(w[j] * c[j], (j, 0, d - 1))) ** 2, (i, 0, n - 1))
    factors = np.array([1.0, 2.0])
    objective = Objective(expression, [w], data={c: factors}).with_data(in_memory())
    expected = Objective(expression, [w], data={c: factors, y: VALUES})
    point = {w: [0.3, 0.1]}
    assert objective.value(point) == pytest.approx(expected.value(point), rel=1e-13)
    other = pickle.loads(pickle.dumps(Objective(expression, [w], data={c: factors})))
    assert other.with_data(in_memory()).value(point) == objective.value(point)


def test_rows_take_the_place_of_arrays_and_of_other_rows() -> None:
    assert MEMORY.with_data(in_memory()).data == {}
    half = rows({t: TIMES[:500], y: VALUES[:500]}, shard=90)
    assert MEMORY.with_data(half).with_data(in_memory()).value(START) == Objective(
        LOSS, data=in_memory()
    ).value(START)


def test_indices_in_rows_are_held_to_be_in_their_array() -> None:
    groups = np.resize([0, 1, 2], COUNT)
    expression = sp.Sum((w[G[i]] - y[i]) ** 2, (i, 0, n - 1))
    point = {w: np.zeros(3)}
    objective = Objective(expression, data=rows({G: groups, y: VALUES}, shard=90))
    assert objective.value(point) == pytest.approx(np.sum(VALUES**2), rel=1e-13)
    groups[500] = 3
    with pytest.raises(InputError, match=r"w\[G\[.*\]\] leaves the array"):
        objective.value(point)
    with pytest.raises(InputError, match="G is of float64; give an array of whole numbers"):
        Objective(expression, data=rows({G: VALUES, y: VALUES})).value(point)


def test_indices_are_a_copy_that_was_checked() -> None:
    """Changed later, they must not lead the code out of an array."""
    groups = np.resize([0, 1, 2], COUNT)
    expression = sp.Sum((w[G[i]] - y[i]) ** 2, (i, 0, n - 1))
    function = Objective(expression, data=rows({G: groups, y: VALUES}, shard=90)).sharded({w: (3,)})
    x, gradient = np.array([1.0, 2.0, 3.0]), np.empty(3)
    value = function(x, gradient)
    groups[:] = 0
    assert function(x, gradient) == value


def test_what_is_read_is_kept_as_far_as_there_is_room(file: Path) -> None:
    for keep, kept in ((0, 0), (16 * 90, 1), (16 * 190, 2), (16 * COUNT, 12)):
        sharded = Objective(LOSS, data=rows(file, shard=90, keep=keep)).sharded()
        for _ in range(2):
            sharded(np.ones(2), np.empty(2))
        assert len(sharded.ready) == kept
        assert sharded.kept <= keep


def test_missing_numbers_end_the_run_and_say_where(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[333] = np.nan
    pq.write_table(pa.table({"t": TIMES, "y": values}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"'y' have nan in row 333 of a\.parquet"):
        run(rows(tmp_path, shard=90))
    with pytest.raises(InputError, match="The objective is not finite at the start"):
        run(rows(tmp_path, shard=90, allow_nan=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 10}, "batch was given with rows; each step goes through all of them"),
        ({"executor": 3}, "executor is 3; accepted is an executor of concurrent.futures"),
        ({"data": {t: TIMES, y: VALUES}, "executor": 3}, "executor was given, and the data are"),
        ({"data": rows({"z": TIMES})}, "None of the columns z is an array of the objective; its "
                                       "arrays are t, y"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(**{"data": in_memory(), **options})


def test_threads_and_an_executor_are_one_too_many() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(InputError, match="threads=2 and an exec"):
        run(in_memory(), threads=2, executor=pool)


def test_a_python_function_has_no_rows() -> None:
    with pytest.raises(InputError, match="executor was given with a Python function"):
        sx.minimize(lambda x: (x[0] ** 2, 2 * x), [1.0], executor=3)


def test_many_starts_of_it() -> None:
    starts = np.array([[1.0, 1.0], [0.5, 0.2]])
    many = sx.minimize_many(LOSS, starts, data=in_memory(), method=METHOD, steps=30)
    single = [sx.minimize(LOSS, x, data=in_memory(), method=METHOD, steps=30) for x in starts]
    assert many.x.tobytes() == np.stack([result.x for result in single]).tobytes()


def test_two_runs_at_a_time_do_not_disturb_each_other() -> None:
    objective = Objective(LOSS, data=in_memory())
    expected = sx.minimize(objective, START, method=METHOD, steps=50).x
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(sx.minimize, objective, START, method=METHOD, steps=50)
                for _ in range(8)]  # fmt: skip
        assert {future.result().x.tobytes() for future in runs} == {expected.tobytes()}


def test_threads_of_a_run_end_with_it() -> None:
    before = set(threading.enumerate())
    run(in_memory(), threads=3, steps=5)
    for _ in range(100):
        if before.issuperset(threading.enumerate()):
            return
        time.sleep(0.02)
    raise AssertionError(threading.enumerate())


# ---- the sum -------------------------------------------------------------------------------------


def test_shards_are_added_with_little_error() -> None:
    terms = (
        np.random.default_rng(0).normal(size=(1000, 3)) * 10.0 ** np.linspace(0, 9, 1000)[:, None]
    )
    total = _Total(2)
    for term in terms:
        total.add(term[0], term[1:])
    value, gradient = total.rounded()
    exact = terms.astype(np.longdouble).sum(axis=0).astype(float)
    np.testing.assert_array_max_ulp(np.array([value, *gradient]), exact, maxulp=1)


def test_what_is_added_and_taken_away_leaves_what_was_there() -> None:
    total = _Total(1)
    for number in (1.0, 1e100, 1.0, -1e100):
        total.add(number, np.array([number]))
    assert total.rounded()[0] == 2.0


@pytest.mark.parametrize("terms", [[1.0, np.inf, 2.0], [np.nan, 1.0], [np.inf, -np.inf]])
def test_a_sum_that_is_not_finite_stays_what_it_is(terms: list[float]) -> None:
    total = _Total(1)
    for number in terms:
        total.add(number, np.zeros(1))
    np.testing.assert_equal(total.rounded()[0], sum(terms))

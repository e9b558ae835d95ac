"""Minibatches: unbiased, repeatable, resumable, and each row once an epoch."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symadamax as sx
from symadamax import _core
from symadamax.compiler.layout import AHEAD
from symadamax.errors import InputError

i, j, n, m = sp.symbols("i j n m", integer=True)
a, b = sp.symbols("a b")
t, y, z = map(sp.IndexedBase, "tyz")
ROWS = 1003
TIMES = np.linspace(0, 3, ROWS)
VALUES = 2 * np.exp(-0.7 * TIMES) + 0.01 * np.random.default_rng(1).normal(size=ROWS)
LOSS = sp.Sum((a * sp.exp(-b * t[i]) - y[i]) ** 2, (i, 0, n - 1)) / n
FIT = sx.Objective(LOSS + b**2 / 1000, data={t: TIMES, y: VALUES})
START = {a: 1.0, b: 1.0}
METHOD = sx.Adamax(learning_rate=0.01)


def run(**options: Any) -> Any:
    settings = {"start": START, "batch": 64, "rng": 0, "method": METHOD, **options}
    return sx.minimize(FIT, **settings)


def sampler(count: int, batch: int, shuffle: bool, seed: int = 0, first: int = 0) -> Any:
    bits = np.random.default_rng(seed).bit_generator
    order = np.arange(count, dtype=np.int32) if shuffle else None
    return _core.Sampler(bits, order, np.full(batch + 2 * AHEAD, first), first, count, batch)


def test_a_fit_on_batches_comes_near_that_on_all_rows() -> None:
    result = run(epochs=60)
    assert result.nit == 60 * 16
    assert abs(result.point[a] - 2) < 0.05
    assert abs(result.point[b] - 0.7) < 0.05


def test_the_value_in_the_end_is_that_of_all_rows() -> None:
    result = run(steps=50)
    value, gradient = FIT.value_and_gradient(result.x)
    assert result.fun == value == result.best_fun
    np.testing.assert_array_equal(result.jac, gradient)


@pytest.mark.parametrize("sampling", ["shuffle", "replacement"])
def test_each_step_is_that_of_a_plain_loop(sampling: str) -> None:
    """The same rows, the mean over the batch, and Adamax as a learner writes it."""
    result = run(steps=40, sampling=sampling)
    source = sampler(ROWS, 64, sampling == "shuffle")
    x, moment, weight = np.array([1.0, 1.0]), np.zeros(2), np.zeros(2)
    for step in range(40):
        rows = source.next()
        e = np.exp(-x[1] * TIMES[rows])
        r = 2 * (x[0] * e - VALUES[rows]) / len(rows)
        g = np.array([np.sum(r * e), -np.sum(r * x[0] * e * TIMES[rows]) + 2 * x[1] / 1000])
        moment = 0.9 * moment + (1 - 0.9) * g
        weight = np.maximum(0.999 * weight, np.abs(g))
        x -= 0.01 / (1 - 0.9 ** (step + 1)) * moment / (weight + 1e-8)
    np.testing.assert_allclose(result.x, x, rtol=1e-12)


def test_numpy_sees_the_same_batches() -> None:
    np.testing.assert_allclose(
        run(steps=100).x, run(steps=100, backend="numpy").x, rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("sampling", ["shuffle", "replacement"])
def test_a_run_goes_on_as_if_nothing_had_happened(sampling: str) -> None:
    whole = run(steps=70, sampling=sampling)
    first = run(steps=33, sampling=sampling)
    rest = run(start=first.point, steps=37, sampling=sampling, state=first.state, rng=None)
    assert rest.x.tobytes() == whole.x.tobytes()
    assert rest.state == whole.state


FEW = FIT.with_data({t: TIMES[:23], y: VALUES[:23]})


def few(steps: int, start: Any = START, **options: Any) -> Any:
    return sx.minimize(FEW, start, method=METHOD, batch=5, steps=steps, **options)


@pytest.mark.parametrize("sampling", ["shuffle", "replacement"])
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_run_goes_on_from_any_place_of_an_epoch(sampling: str, backend: str) -> None:
    whole = few(13, rng=3, sampling=sampling, backend=backend)
    for steps in range(13):
        first = few(steps, rng=3, sampling=sampling, backend=backend)
        state = pickle.loads(pickle.dumps(first.state))
        rest = few(
            13 - steps, first.point, state=state, sampling=sampling, backend=backend, threads=2
        )
        assert rest.x.tobytes() == whole.x.tobytes()
        assert rest.state.sample.rows.tobytes() == whole.state.sample.rows.tobytes()
        assert rest.state.sample.order.tobytes() == whole.state.sample.order.tobytes()
        assert rest.state.sample.stream == whole.state.sample.stream


def test_a_batch_of_one_row_of_one() -> None:
    one = sx.Objective(LOSS, data={t: TIMES[:1], y: VALUES[:1]})
    drawn = sx.minimize(one, START, method=METHOD, batch=1, rng=0, steps=5)
    assert drawn.x.tobytes() == sx.minimize(one, START, method=METHOD, steps=5).x.tobytes()


def test_a_batch_of_all_rows_is_every_row_in_another_order() -> None:
    drawn, whole = run(batch=ROWS, steps=5), run(batch=None, rng=None, steps=5)
    np.testing.assert_allclose(drawn.x, whole.x, rtol=1e-12)


def test_the_same_seed_is_the_same_run() -> None:
    assert run(steps=20).x.tobytes() == run(steps=20, rng=np.random.default_rng(0)).x.tobytes()
    assert run(steps=20).x.tobytes() != run(steps=20, rng=1).x.tobytes()


def test_a_generator_goes_on() -> None:
    generator = np.random.default_rng(0)
    assert run(steps=3, rng=generator).x.tobytes() != run(steps=3, rng=generator).x.tobytes()


def test_the_estimate_is_unbiased() -> None:
    """The mean over all batches of an epoch that divides the rows is the whole."""
    data = {t: TIMES[:1000], y: VALUES[:1000]}
    objective = sx.Objective(LOSS, data=data)
    result = sx.minimize(objective, START, batch=50, rng=0, steps=20, record=1,
                         method=sx.Adamax(learning_rate=1e-300))  # fmt: skip
    whole = objective.value(START)
    assert np.mean(result.history.fun[:20]) == pytest.approx(whole, rel=1e-12)


def test_all_rows_are_looked_at_where_that_is_asked_for() -> None:
    result = run(steps=30, record=sx.Record(every=10, whole=True))
    values = [FIT.value(x) for x in result.history.x]
    assert result.history.whole.tolist() == values
    assert result.history.fun[0] != values[0]
    assert list(result.history.to_pandas().columns) == ["a", "b", "fun", "whole"]


def test_all_rows_are_not_looked_at_twice() -> None:
    with pytest.raises(InputError, match="record has whole=True, and each step sees all rows"):
        run(steps=30, record=sx.Record(whole=True), batch=None, rng=None)


def test_a_named_index_is_sampled() -> None:
    both = sp.Sum((a - y[i]) ** 2, (i, 0, n - 1)) + sp.Sum((b - z[j]) ** 2, (j, 0, m - 1))
    data = {y: VALUES, z: np.array([1.0, 2.0, 3.0])}
    with pytest.raises(InputError, match=r"several sums over data, over i, j; say which"):
        sx.minimize(both, START, data=data, batch=2)
    result = sx.minimize(both, START, data=data, batch={j: 1}, rng=0, steps=5)
    assert result.nit == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch is 0; accepted is a whole number >= 1"),
        ({"batch": 10**6}, r"batch is 1000000, and there are 1003 rows"),
        ({"batch": {j: 3}}, "batch names the index 'j'; accepted are i"),
        ({"batch": {i: 3, j: 3}}, "accepted is one index with its size"),
        ({"sampling": "some"}, "sampling is 'some'; accepted are 'shuffle', 'replacement'"),
        ({"batch": None}, "rng or sampling was given without batch"),
        ({"batch": None, "rng": None, "epochs": 3}, "epochs=3 was given without batch"),
        ({"rng": "seed"}, "rng is 'seed'; accepted is a seed"),
        ({"steps": 3, "epochs": 4}, "steps=3 and epochs=4 were given; give one of them"),
        ({"epochs": -1}, "epochs is -1; accepted is a whole number"),
    ],
    ids=str,
)
def test_what_is_no_batch_is_refused(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(**options)


def test_a_biased_estimate_is_refused() -> None:
    with pytest.raises(InputError, match="The sum over i stands inside log"):
        sx.minimize(sp.log(LOSS), START, data={t: TIMES, y: VALUES}, batch=8)


def test_no_sum_over_data_is_refused() -> None:
    with pytest.raises(InputError, match="no sum over data"):
        sx.minimize(a**2 + b**2, START, batch=8)


ELSEWHERE = "The state is of a run on other batches"


@pytest.mark.parametrize(
    "options",
    [
        {"batch": 32},
        {"batch": 65},
        {"sampling": "replacement"},
        {"data": {t: TIMES[1:], y: VALUES[1:]}},
    ],
    ids=str,
)
def test_a_state_of_other_batches_is_refused(options: Any) -> None:
    state = run(steps=3).state
    with pytest.raises(InputError, match=ELSEWHERE):
        run(steps=3, state=state, **options)


def test_a_state_of_batches_is_refused_where_all_rows_are_seen() -> None:
    with pytest.raises(InputError, match="The state is of a run on batches"):
        run(steps=3, state=run(steps=3).state, batch=None, rng=None)


def test_a_state_of_other_rows_is_refused() -> None:
    """As many rows, which begin elsewhere: those of the batch at hand would not exist."""
    later = sp.Sum((a - y[i]) ** 2, (i, 3, n - 1))
    state = sx.minimize(later, {a: 1}, data={y: VALUES[:13]}, batch=4, rng=0, steps=3).state
    earlier = sp.Sum((a - y[i]) ** 2, (i, 0, n - 1))
    with pytest.raises(InputError, match=ELSEWHERE):
        sx.minimize(earlier, {a: 1}, data={y: VALUES[:10]}, batch=4, state=state, steps=3)


@pytest.mark.parametrize("name", ["rows", "order", "position"])
def test_a_state_that_was_tampered_with_is_refused(name: str) -> None:
    """What would be read lies outside of the data."""
    state = run(steps=3).state
    held = getattr(state.sample, name)
    far = held + ROWS if name == "position" else np.where(held == held.max(), ROWS, held)
    sample = dataclasses.replace(state.sample, **{name: far})
    other = sx.State(state.step, state.m, state.u, sample=sample)
    with pytest.raises(InputError, match=ELSEWHERE):
        run(steps=3, state=other)

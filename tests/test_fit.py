"""Least squares on a table: the estimates and errors of SciPy and of linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from symadamax import Adamax, InputError, Stop
from symadamax.fit import BLOCK, fit
from symadamax.model import model_of

START = {"a": 1.0, "b": 1.0, "c": 0.0}


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


def decaying(rows=200):
    rng = np.random.default_rng(0)
    t = np.linspace(0, 5, rows)
    return {"t": t, "y": decay(t, 2.0, 0.7, 0.5) + 0.05 * rng.normal(size=rows)}


def modelled(formula, unknowns, columns, **parameters):
    return model_of(formula, "y", list(unknowns), parameters, list(columns))


@pytest.fixture(scope="module")
def found():
    columns = decaying()
    return fit(modelled("a*exp(-b*t) + c", "abc", columns), columns, START)


def test_the_estimates_and_the_covariance_are_those_of_scipy(found):
    columns = decaying()
    expected, covariance = curve_fit(
        decay, columns["t"], columns["y"], list(START.values()), xtol=1e-15, ftol=1e-15
    )
    np.testing.assert_allclose(list(found.estimate.values()), expected, rtol=1e-8)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-4)
    errors = list(found.standard_error.values())
    np.testing.assert_allclose(errors, np.sqrt(np.diag(found.covariance)), rtol=1e-15)


def test_what_is_left_over(found):
    columns = decaying()
    residuals = columns["y"] - decay(columns["t"], *found.estimate.values())
    assert found.residual_sum == pytest.approx(residuals @ residuals, rel=1e-13)
    assert (found.rows, found.degrees_of_freedom) == (200, 197)
    scaled = found.residual_sum / np.sum(columns["y"] ** 2)
    assert found.result.fun == pytest.approx(scaled, rel=1e-12)


def test_the_curve_at_other_rows(found):
    t = np.array([-1.0, 0.5, 9.0])
    np.testing.assert_allclose(found.predict({"t": t}), decay(t, *found.estimate.values()))


def test_a_fit_at_the_minimum_has_settled_and_a_short_one_has_not(found):
    assert found.settled
    assert found.undetermined == ()
    columns = decaying()
    short = fit(modelled("a*exp(-b*t) + c", "abc", columns), columns, START, steps=50)
    assert not short.settled


def test_the_distance_of_a_linear_fit_is_that_of_its_solution():
    rng = np.random.default_rng(1)
    x = rng.normal(size=50)
    columns = {"x": x, "y": 3 + 2 * x + rng.normal(size=50)}
    found = fit(modelled("a + b*x", "ab", columns), columns, {"a": 0, "b": 0}, steps=10)
    matrix = np.column_stack([np.ones(50), x])
    solution = np.linalg.lstsq(matrix, columns["y"])[0]
    away = np.abs(solution - list(found.estimate.values()))
    expected = np.max(away / list(found.standard_error.values()))
    assert found.distance == pytest.approx(expected, rel=1e-10)


def test_more_rows_than_a_block():
    rng = np.random.default_rng(2)
    x, z = rng.normal(size=(2, 2 * BLOCK + 1))
    columns = {"x": x, "z": z, "y": 1 + 2 * x - 3 * z + rng.normal(size=len(x))}
    found = fit(modelled("a + b*x + c*z", "abc", columns), columns, START, steps=3000,
                method=Adamax(learning_rate=0.05))  # fmt: skip
    matrix = np.column_stack([np.ones_like(x), x, z])
    solution, squares, _, _ = np.linalg.lstsq(matrix, columns["y"])
    expected = squares[0] / (len(x) - 3) * np.linalg.inv(matrix.T @ matrix)
    np.testing.assert_allclose(list(found.estimate.values()), solution, rtol=1e-5)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-5, atol=1e-12)


def test_a_mean():
    columns = {"y": np.array([1.0, 2.0, 6.0])}
    found = fit(modelled("m", "m", columns), columns, {"m": 0})
    assert found.estimate["m"] == pytest.approx(3, rel=1e-9)
    assert found.standard_error["m"] == pytest.approx(np.sqrt(14 / 2 / 3), rel=1e-9)
    np.testing.assert_allclose(found.predict(columns), [3, 3, 3])


def test_parameters_keep_their_numbers():
    columns = decaying()
    found = fit(modelled("a*exp(-b*t) + c", "ab", columns, c=0.5), columns, {"a": 1, "b": 1})
    expected, _ = curve_fit(lambda t, a, b: decay(t, a, b, 0.5), columns["t"], columns["y"])
    np.testing.assert_allclose(list(found.estimate.values()), expected, rtol=1e-6)


def test_names_that_the_sum_might_use_for_itself():
    columns = {"row": np.array([0.0, 1.0, 2.0]), "y": np.array([1.0, 3.0, 5.0])}
    found = fit(modelled("i + n*row", "in", columns), columns, {"i": 0, "n": 0})
    assert list(found.estimate.values()) == pytest.approx([1, 2], abs=1e-6)


@pytest.mark.parametrize("scale", [1e-120, 1e-9, 1e100])
def test_the_units_of_the_response_do_not_matter(scale):
    columns = decaying()
    columns["y"] *= scale
    model = modelled("s*(a*exp(-b*t) + c)", "abc", columns, s=scale)
    found = fit(model, columns, START, stop=Stop(gtol=1e-9))
    assert found.result.status.name == "GTOL_MET"
    assert found.settled


def test_a_response_of_zeros():
    columns = {"x": np.arange(4.0), "y": np.zeros(4)}
    found = fit(modelled("a*x", "a", columns), columns, {"a": 1})
    assert found.estimate["a"] == pytest.approx(0, abs=1e-9)


# ---- what the data do not say ------------------------------------------------------------------


def test_unknowns_that_stand_for_each_other_are_undetermined():
    columns = decaying()
    found = fit(modelled("(a + b)*t + c", "abc", columns), columns, START, steps=100)
    assert found.undetermined == ("a", "b")
    assert np.isnan(found.covariance).all()
    assert not found.settled


@pytest.mark.parametrize("row", [0, 49])
def test_a_derivative_that_is_not_finite_leaves_no_errors(row):
    columns = {"x": np.arange(50.0) != row, "y": np.ones(50)}
    columns = {name: column.astype(float) for name, column in columns.items()}
    found = fit(modelled("b + abs(a*x)**0.5", "ab", columns), columns, {"a": 1, "b": 0}, steps=1,
                batch=5, rng=1)  # fmt: skip
    assert np.isnan(found.covariance).all()
    assert found.undetermined == ()
    assert not found.settled


def test_data_without_noise_have_settled():
    t = np.linspace(0, 3, 50)
    columns = {"t": t, "y": decay(t, 2.0, 0.7, 0.5)}
    assert fit(modelled("a*exp(-b*t) + c", "abc", columns), columns, START).settled


def test_an_unknown_without_effect_is_undetermined():
    columns = {"x": np.zeros(5), "y": np.arange(5.0)}
    found = fit(modelled("a*x + b", "ab", columns), columns, {"a": 1, "b": 1}, steps=100)
    assert found.undetermined == ("a",)


# ---- batches and the learning rate -------------------------------------------------------------


def test_batches_come_near_and_repeat_themselves():
    columns = decaying(1000)
    model = modelled("a*exp(-b*t) + c", "abc", columns)
    run = [fit(model, columns, START, batch=50, epochs=100, rng=7) for _ in range(2)]
    assert run[0].result.nit == 2000
    assert run[0].estimate == run[1].estimate
    assert run[0].distance < 2


def test_the_learning_rate_falls_or_stays():
    columns = decaying()
    model = modelled("a*exp(-b*t) + c", "abc", columns)
    method = Adamax(learning_rate=0.25)
    last = [
        fit(model, columns, START, steps=100, anneal=anneal, method=method).result.method
        for anneal in (True, False)
    ]
    assert last[1] == method
    assert last[0].learning_rate != 0.25


# ---- what is refused ---------------------------------------------------------------------------

WRONG = [
    ({"rows": 3}, {}, "There are 3 rows for 3 unknowns; a fit needs more rows than unknowns."),
    ({"rows": 1}, {}, "There is 1 row for 3 unknowns"),
    ({"rows": 0}, {}, "There are 0 rows for 3 unknowns"),
    ({}, {"epochs": 5}, "epochs=5 was given without batch"),
    ({}, {"batch": 5, "epochs": 5, "steps": 5}, "give one of them"),
    ({}, {"batch": 0}, "batch"),
    ({}, {"batch": 0, "epochs": 2}, "batch"),
    ({}, {"batch": 10**6, "epochs": 2}, "batch"),
    ({}, {"batch": 5, "epochs": -1}, "epochs"),
    ({}, {"rng": 5}, "rng or sampling was given without batch"),
    ({}, {"steps": -1}, "steps"),
    ({}, {"method": Adamax(l2=0.1)}, "l2 have no place in a fit"),
    ({}, {"method": Adamax(average=True)}, "average, weight_decay and l2 have no place"),
]


@pytest.mark.parametrize(("data", "options", "sentence"), WRONG, ids=[str(w[:2]) for w in WRONG])
def test_what_cannot_be_used_is_refused(data, options, sentence):
    columns = decaying(**data)
    with pytest.raises(InputError) as caught:
        fit(modelled("a*exp(-b*t) + c", "abc", columns), columns, START, **options)
    assert sentence in str(caught.value)


def test_a_response_whose_squares_are_too_large():
    columns = {"y": np.full(3, 1e200)}
    with pytest.raises(InputError, match="The squares of 'y' have no finite sum: scale it"):
        fit(modelled("m", "m", columns), columns, {"m": 0})


def test_a_start_where_the_model_is_not_finite():
    columns = decaying()
    with pytest.raises(InputError, match="not finite"):
        fit(modelled("log(a)*t", "a", columns), columns, {"a": -1})


def test_no_steps_are_the_start():
    columns = decaying()
    found = fit(modelled("a*exp(-b*t) + c", "abc", columns), columns, START, steps=0)
    assert found.estimate == START

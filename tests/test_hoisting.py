"""What a loop ahead keeps has the bits that it has in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from loops import both_backends

from symadamax import Objective, compiler, minimize
from symadamax.compiler import nests, separate

i, j, k, n, m = sp.symbols("i j k n m", integer=True)
a = sp.Symbol("a")
w, v, y, t, X, V, W, G = (sp.IndexedBase(name) for name in "wvytXVWG")
rows, columns = (i, 0, n - 1), (j, 0, m - 1)
weights = sp.Sum(X[i, j] * sp.sin(w[j]), columns)
FORMS = {
    "rows": sp.Sum((weights - y[i]) ** 2, rows),
    "no array of both indices": sp.Sum(sp.Sum((t[i] * sp.exp(-w[j])) ** 2, columns), rows),
    "a product inside": sp.Sum(sp.Product(1 + t[i] * sp.tanh(w[j]), columns), rows),
    "a lookup": sp.Sum(X[i, j] * sp.exp(w[G[j]]), columns, rows),
    "a choice by both indices": sp.Sum(
        sp.Piecewise((sp.log(2 + w[j] ** 2) * X[i, j], i < j), (t[i], True)), columns, rows
    ),
    "data alone": sp.Sum((a * X[i, j] * sp.sin(t[j])) ** 2, columns, rows),
    "a table, row by row": sp.Sum(
        sp.Sum(sp.Sum(sp.tanh(W[j, k]) * X[i, j], (k, 0, 3)) ** 2, columns), rows
    ),
    "a table and its lines": sp.Sum(
        t[i] * sp.sin(W[j, k] * sp.exp(w[j])), (k, 0, 3), columns, rows
    ),
    "the index itself": sp.Sum(sp.exp(-a * j) * X[i, j], columns, rows),
}
REORDERED = {  # sums that are rows now, or wait for others
    "a table, column by column": sp.Sum(
        sp.Sum(sp.Sum(sp.exp(W[j, k]) * X[i, j], columns) ** 2, (k, 0, 3)), rows
    ),
    "a penalty in the loop ahead": FORMS["rows"] + sp.Sum(sp.sin(w[j]) ** 2, columns),
    "a table that other loops read": sp.Sum(
        X[i, j] * sp.exp(W[j, k]), (k, 0, 3), columns, rows
    ) + sp.log(sp.Sum(sp.exp(W[j, k]) * w[j], columns, (k, 0, 3)) ** 2 + 1),
    "a sum that is kept": sp.Sum(X[i, j] * sp.Sum(V[j, k] * sp.sin(v[k]), (k, 0, 4)) * a,
                                 columns, rows),
}  # fmt: skip
ALL = {**FORMS, **REORDERED}


def case(name: str, turns: int, inner: int) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Return data and a point."""
    rng = np.random.default_rng(inner)
    values = {
        X: rng.normal(size=(turns, inner)), V: rng.normal(size=(inner, 5)),
        y: rng.normal(size=turns), t: rng.normal(size=max(turns, inner)),
        G: rng.integers(0, 3, inner),
    }  # fmt: skip
    unknown = {
        W: rng.normal(size=(inner, 4)),
        w: rng.normal(size=max(inner, 3)),
        v: rng.normal(size=5),
        a: 0.7,
    }
    arrays = {part.base for part in ALL[name].atoms(sp.Indexed)}
    names = arrays | ALL[name].free_symbols
    return (
        {base: array for base, array in values.items() if base in arrays},
        {base: value for base, value in unknown.items() if base in names},
    )


def in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (nests, separate):
        monkeypatch.setattr(module, "is_dear", lambda *_: False)


def results(name: str, turns: int, inner: int, dtype: str, order: Any = "C") -> list[Any]:
    compiler._cache.clear()  # its keys are the expressions
    data, point = case(name, turns, inner)
    data = {base: np.array(array, order=order) for base, array in data.items()}
    sizes = {n: turns, m: inner}
    objective = Objective(ALL[name], list(point), data=data, parameters=sizes)
    return [(value, slope.tolist()) for value, slope in both_backends(objective, point, dtype)]


@pytest.mark.parametrize(("inner", "dtype"), [(1, "float64"), (8, "float64"), (300, "float64"),
                                              (17, "float32")])  # fmt: skip
@pytest.mark.parametrize("name", FORMS)
def test_hoisting_changes_no_bit(
    monkeypatch: pytest.MonkeyPatch, name: str, inner: int, dtype: str
) -> None:
    with monkeypatch.context() as patch:
        in_place(patch)
        wanted = results(name, 11, inner, dtype)
    found = results(name, 11, inner, dtype)
    assert found == wanted
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("inner", [1, 8, 300])
@pytest.mark.parametrize("name", REORDERED)
def test_sums_may_be_added_in_another_order(
    monkeypatch: pytest.MonkeyPatch, name: str, inner: int
) -> None:
    with monkeypatch.context() as patch:
        in_place(patch)
        wanted, oracle = results(name, 11, inner, "float64")
    found, _ = results(name, 11, inner, "float64")
    for value, slope in (found, oracle):
        assert value == pytest.approx(wanted[0], rel=1e-13)
        np.testing.assert_allclose(slope, wanted[1], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("turns", "inner"), [(0, 5), (5, 0), (0, 0), (2049, 3)])
@pytest.mark.parametrize("name", ["rows", "no array of both indices"])
def test_loops_of_any_length(
    monkeypatch: pytest.MonkeyPatch, name: str, turns: int, inner: int
) -> None:
    with monkeypatch.context() as patch:
        in_place(patch)
        wanted = results(name, turns, inner, "float64", "F")
    assert results(name, turns, inner, "float64", "F") == wanted


@pytest.mark.parametrize("options", [{"threads": 2}, {"batch": {i: 256}, "rng": 0}])
def test_a_run_is_that_of_the_numpy_backend(options: Any) -> None:
    data, point = case("rows", 5000, 20)
    found, wanted = (
        minimize(FORMS["rows"] / 5000, point, data=data, steps=20, backend=backend, **options)
        for backend in ("native", "numpy")
    )
    np.testing.assert_allclose(found.x, wanted.x, rtol=1e-12)
    assert found.fun == pytest.approx(wanted.fun, rel=1e-12)

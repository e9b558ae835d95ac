"""The oracle on NumPy: each loop index is an axis, and types are the point's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import Objective
from symadamax.compiler import numpy_loops
from symadamax.compiler.loop_stages import LoopStages

i, j, n = sp.symbols("i j n", integer=True)
a = sp.Symbol("a")
w, y, X, G = (sp.IndexedBase(name) for name in "wyXG")


def on_numpy(objective: Objective, point: Any) -> tuple[float, np.ndarray]:
    x, shapes = objective.flat(point)
    gradient = np.empty_like(x)
    return objective.bound(shapes, "numpy").function(x, gradient), gradient


def test_the_source_is_readable() -> None:
    stages = Objective(sp.Sum((a - y[i]) ** 2, (i, 0, n - 1)), data={y: [1.0]}).stages
    assert isinstance(stages, LoopStages)
    assert stages.numpy_source.splitlines() == [
        "def value_and_gradient(x, p, sizes, arrays, gradient, rows):",
        "    i0 = _range(0, 1*sizes[0] + -1, 0, 1)".replace("1*sizes", "sizes"),
        "    t0 = x[0] - _real(_element(arrays[0], i0), x)",
        "    t1 = t0*t0",
        "    t2 = _total(t1, True, 0).reshape(())",
        "    t3 = 2.0*t0",
        "    t4 = _total(t3, True, 0).reshape(())",
        "    gradient[0][0] = t4",
        "    return t2",
    ]


def test_a_triangle_leaves_the_other_half_alone() -> None:
    triangle = sp.Sum(sp.log(X[i, j]) * a, (j, 0, i), (i, 0, n - 1))
    values = np.tril(np.full((3, 3), np.e))  # log(0) stands above
    value, slope = on_numpy(Objective(triangle, [a], data={X: values}), [2.0])
    assert value == pytest.approx(12.0)
    assert slope.tolist() == pytest.approx([6.0])


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "f4", "?"])
def test_data_are_converted_before_they_are_computed_with(dtype: str) -> None:
    values = np.array([100, 1, 0]).astype(dtype)
    objective = Objective(sp.Sum(-(y[i] ** 2) * a - y[i], (i, 0, n - 1)), [a], data={y: values})
    wanted = sum(-(float(t) ** 2) - float(t) for t in values)
    assert on_numpy(objective, [1.0])[0] == wanted


@pytest.mark.parametrize("dtype", ["i1", "u8", "i4"])
def test_positions_are_counted_in_wide_numbers(dtype: str) -> None:
    rows = np.array([0, 100], dtype=dtype)
    objective = Objective(sp.Sum(w[2 * G[i] + i], (i, 0, n - 1)), [w], data={G: rows})
    assert on_numpy(objective, {w: np.arange(202.0)})[0] == 201.0


def test_a_function_has_its_source_for_tracebacks() -> None:
    text = "def value(x, p, sizes, arrays, gradient, rows):\n    return missing"
    function = numpy_loops.load(text, "value")
    with pytest.raises(NameError) as caught:
        function(None, None, None, None, None, None)
    assert "return missing" in str(caught.getrepr(style="short"))

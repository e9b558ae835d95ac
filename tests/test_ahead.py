"""Data of the rows that come next: what is asked for, and how far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import Objective
from symadamax.compiler.affine import Array
from symadamax.compiler.layout import AHEAD, LANES, Storage
from symadamax.compiler.llvm_loops.ahead import targets
from symadamax.compiler.loop_stages import LoopStages
from symadamax.compiler.steps import Loop
from symadamax.sizing import sampled_index

i, j, k, n, m = sp.symbols("i j k n m", integer=True)
a, b = sp.symbols("a b")
w, y, X, G, H = (sp.IndexedBase(name) for name in "wyXGH")


def estimate(term: Any) -> LoopStages:
    """Return the stages of the estimate of a sum of terms over i."""
    shapes = {y: 40, X: (40, 4), G: 40, H: (40, 4)}
    data = {base: np.zeros(shape, int if base in (G, H) else float)
            for base, shape in shapes.items() if term.has(base)}  # fmt: skip
    objective = Objective(sp.Sum(term, (i, 0, n - 1)), data=data)
    stages = objective.stages
    assert isinstance(stages, LoopStages)
    return stages.estimate(sampled_index(stages.ir, None))


def side_by_side(array: Array) -> Storage:
    return Storage("f8", array.axes - 1)


def asked(term: Any) -> dict[str, tuple[tuple[int, ...], int]]:
    """Return by element along which axes, and through how many arrays."""
    loops = [step for step in estimate(term).loops.steps if isinstance(step, Loop)]
    found = [target for loop in loops for target in targets(loop, side_by_side)]
    return {str(target.access): (target.axes, target.depth) for target in found}


DIRECT: dict[str, tuple[Any, Any]] = {
    "elements": (a * y[i] - X[i, 2], {"y[i]": ((), 0), "X[i, 0]": ((), 0)}),
    "neighbours": (a * y[i] * y[i + 1], {"y[i]": ((), 0)}),
    "far neighbours": (a * y[i] * y[i + 9], {"y[i]": ((), 0), "y[i + 8]": ((), 0)}),
    "a row": (sp.Sum(X[i, j] * w[j], (j, 0, m - 1)), {"X[i, 0]": ((1,), 0)}),
    "the end of a row": (sp.Sum(X[i, j] * w[j], (j, 2, 3)), {"X[i, 0]": ((1,), 0)}),
    "a triangle": (sp.Sum(X[i, j] * a, (j, i, 3)), {"X[i, i]": ((1,), 0)}),
    "an unknown of each row": ((w[i] - y[i]) ** 2, {"y[i]": ((), 0), "w[i]": ((), 0)}),
    "what is the same for all rows": (a * y[i] * X[0, 3] + w[0], {"y[i]": ((), 0)}),
}
FOUND = {"y[i]": ((), 0)}
LOOKED_UP: dict[str, tuple[Any, Any]] = {
    "an element": (w[G[i]] * y[i], {"G[i]": ((), 0), "w[G[i]]": ((), 1)}),
    "a row": (
        y[i] * sp.Sum(X[G[i], j] * w[j], (j, 0, m - 1)),
        {"G[i]": ((), 0), "X[G[i], 0]": ((1,), 1)},
    ),
    "twice": (
        y[i] * w[G[G[i]]],
        {"G[i]": ((), 0), "G[G[i]]": ((), 1), "w[G[G[i]]]": ((), 2)},
    ),
    "along a row": (y[i] * sp.Sum(w[H[i, j]], (j, 0, m - 1)), {"H[i, 0]": ((1,), 0)}),
}


@pytest.mark.parametrize("name", DIRECT)
def test_what_is_read_because_of_a_row(name: str) -> None:
    term, wanted = DIRECT[name]
    assert asked(term) == wanted


@pytest.mark.parametrize("name", LOOKED_UP)
def test_what_a_row_leads_to(name: str) -> None:
    term, wanted = LOOKED_UP[name]
    assert asked(term) == {**FOUND, **wanted}


def test_a_cache_line_is_asked_for_on_each_lane() -> None:
    stages = estimate((a * y[i] - X[i, 1]) ** 2)
    text = stages.llvm_ir_for("float64")
    assert text.count("call void @llvm.prefetch") == 2 * LANES
    assert all(f"%i, {AHEAD + lane}" in text for lane in range(LANES))


def test_what_is_looked_up_is_asked_for_later() -> None:
    text = estimate(w[G[i]] * y[i]).llvm_ir_for("float64")
    assert text.count("call void @llvm.prefetch") == 3 * LANES
    assert all(f"%i, {AHEAD // 2 + lane}" in text for lane in range(LANES))


def test_the_loop_over_all_rows_asks_for_nothing() -> None:
    objective = Objective(sp.Sum((a - y[i]) ** 2, (i, 0, n - 1)), data={y: np.zeros(9)})
    assert isinstance(objective.stages, LoopStages)
    assert "prefetch" not in objective.stages.llvm_ir_for("float64")

"""Nests: what is hoisted, what shares a loop, what is kept for a second one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import Objective
from symadamax.compiler.ir import Node
from symadamax.compiler.loop_stages import LoopStages
from symadamax.compiler.steps import Loop, Step

i, j, k, n, m = sp.symbols("i j k n m", integer=True)
a = sp.Symbol("a")
w, v, y = (sp.IndexedBase(name) for name in "wvy")
W, X = sp.IndexedBase("W"), sp.IndexedBase("X")


def steps(expression: Any, unknowns: Any, *data: Any) -> list[Step]:
    empty = {base: np.zeros((1,) * axes) for base, axes in data}
    stages = Objective(expression, unknowns, data=empty).stages
    assert isinstance(stages, LoopStages)
    return list(stages.loops.steps)


def loops(found: Any) -> list[Loop]:
    return [step for step in found if isinstance(step, Loop)]


def operations(found: Any) -> list[str]:
    return [step.name for step in found if isinstance(step, Node)]


def test_sums_over_the_same_range_share_a_loop() -> None:
    one, other = sp.Sum(y[i] ** 2 * a, (i, 0, n - 1)), sp.Sum(sp.sin(y[i] + a), (i, 0, n - 1))
    assert len(loops(steps(one + other, [a], (y, 1)))) == 1
    assert len(loops(steps(one + other.subs(n, m), [a], (y, 1)))) == 2


def test_what_does_not_depend_on_the_index_stands_before_the_loop() -> None:
    found = steps(sp.Sum(sp.exp(a) * y[i], (i, 0, n - 1)), [a], (y, 1))
    assert "exp" in operations(found)
    assert "exp" not in operations(loops(found)[0].steps)


def test_what_depends_on_an_outer_index_alone_stands_before_the_inner_loop() -> None:
    total = sp.Sum(sp.exp(w[i]) * X[i, j], (j, 0, m - 1), (i, 0, n - 1))
    found = steps(total, [w], (X, 2))
    (outer,) = loops(found)
    assert "exp" in operations(outer.steps)
    assert all("exp" not in operations(inner.steps) for inner in loops(outer.steps))


def test_a_sum_that_waits_for_another_has_a_loop_of_its_own() -> None:
    mean = sp.Sum(y[i], (i, 0, n - 1)) / n
    found = loops(steps(sp.Sum((y[i] - a * mean) ** 2, (i, 0, n - 1)), [a], (y, 1)))
    assert len(found) == 2


def test_a_hidden_layer_is_kept_for_the_way_back() -> None:
    hidden = sp.tanh(sp.Sum(W[k, j] * X[i, j], (j, 0, 3)))
    output = sp.Sum((sp.Sum(v[k] * hidden, (k, 0, 4)) - y[i]) ** 2, (i, 0, n - 1))
    (rows,) = loops(steps(output, [v, W], (X, 2), (y, 1)))
    forward, back = loops(rows.steps)
    assert {"sum", "tanh"} <= {keep.node.name for keep in forward.kept}
    assert {keep.node for keep in back.found} == {keep.node for keep in forward.kept}
    assert "tanh" not in operations(back.steps)


def test_what_is_cheap_is_computed_again() -> None:
    first = sp.Sum(2 * y[i], (i, 0, n - 1))
    found = loops(steps(sp.Sum(2 * y[i] * a * first, (i, 0, n - 1)), [a], (y, 1)))
    assert all(loop.kept == [] and loop.found == [] for loop in found)


def test_loops_back_are_nested_as_the_loops_forward() -> None:
    """Else the sum over j would be computed for each j again."""
    inner = sp.Sum(X[i, j] * sp.exp(w[j]), (j, 0, m - 1))
    _, rows = loops(steps(sp.Sum(sp.tanh(inner), (i, 0, n - 1)), [w], (X, 2)))
    assert rows.index.name == "i"
    assert [inner.index.name for inner in loops(rows.steps)] == ["j", "j"]
    assert all(loops(inner.steps) == [] for inner in loops(rows.steps))


ROWS = sp.Sum((sp.Sum(X[i, j] * sp.sin(w[j]), (j, 0, m - 1)) - y[i]) ** 2, (i, 0, n - 1))


def test_what_depends_on_the_inner_index_alone_is_kept_by_a_loop_ahead() -> None:
    ahead, rows = loops(steps(ROWS, [w], (X, 2), (y, 1)))
    assert (ahead.index.name, rows.index.name) == ("j", "i")
    assert [keep.node.name for keep in ahead.kept] == ["sin", "cos"]
    forward, back = loops(rows.steps)
    assert [keep.node.name for keep in forward.found + back.found] == ["sin", "cos"]
    assert not {"sin", "cos"} & {*operations(forward.steps), *operations(back.steps)}


def test_what_is_cheap_without_what_all_turns_share_is_not_kept() -> None:
    for cheap in (2 * w[j] + 1, sp.sin(a) * w[j]):
        inner = sp.Sum(X[i, j] * cheap, (j, 0, m - 1))
        (rows,) = loops(steps(sp.Sum(inner**2, (i, 0, n - 1)), [a, w], (X, 2)))
        assert rows.index.name == "i"


def test_a_sum_over_the_inner_index_alone_shares_the_loop_ahead() -> None:
    found = loops(steps(ROWS + sp.Sum(sp.sin(w[j]) ** 2, (j, 0, m - 1)), [w], (X, 2), (y, 1)))
    assert [loop.index.name for loop in found] == ["j", "i"]
    assert [node.name for node in found[0].reductions] == ["sum"]


def test_a_loop_ahead_has_loops_ahead_of_its_own() -> None:
    weight = sp.Sum(W[j, k] * sp.sin(v[k]), (k, 0, 4))
    found = loops(steps(sp.Sum(X[i, j] * weight, (j, 0, 3), (i, 0, n - 1)), [v], (X, 2), (W, 2)))
    assert [loop.index.name for loop in found[:3]] == ["k", "j", "i"]
    assert [keep.node.name for keep in found[1].kept] == ["sum"]


TABLE = sp.Sum(X[i, j] * sp.exp(W[j, k]), (k, 0, 4), (j, 0, m - 1), (i, 0, n - 1))


def test_what_depends_on_two_inner_indices_is_kept_where_an_array_is_as_long() -> None:
    ahead, rows = loops(steps(TABLE, [W], (X, 2)))
    (kept,) = loops(ahead.steps)[0].kept
    assert [index.name for index in kept.indices] == ["j", "k"]
    assert kept.outermost
    (inner,) = loops(loops(rows.steps)[0].steps)
    assert inner.found == [kept]


def test_what_no_array_is_as_long_as_is_not_kept() -> None:
    pairs = sp.Sum(y[i] * sp.exp(w[j] * v[k]), (k, 0, 4), (j, 0, m - 1), (i, 0, n - 1))
    found = loops(steps(pairs, [w, v], (y, 1)))
    assert [loop.index.name for loop in found] == ["i"]


def test_a_triangle_keeps_nothing_ahead() -> None:
    """Its inner range is another one for each turn."""
    (rows,) = loops(steps(sp.Sum(X[i, j] * sp.sin(w[j]), (j, 0, i), (i, 0, 9)), [w], (X, 2)))
    assert rows.kept == []


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_deep_nest_has_a_loop_for_each_index(depth: int) -> None:
    names = sp.symbols(f"i:{depth}", integer=True)
    body = a
    for name in names:
        body = body * (1 + name)
    found = steps(sp.Sum(body + y[sum(names)], *((name, 0, 1) for name in names)), [a], (y, 1))
    for _ in range(depth):
        loop = loops(found)[0]
        found = loop.steps
    assert loops(found) == []


def test_the_text_shows_loops_as_a_person_would_write_them() -> None:
    stages = Objective(sp.Sum((a - y[i]) ** 2, (i, 0, n - 1)), [a], data={y: [1.0]}).stages
    assert str(stages.loops) == ("for i = 0 .. n - 1\n  3 operations\n  sum\n  sum")

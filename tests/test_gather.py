"""A gradient that reaches neighbours is stored element by element, and is the same gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import Objective, _core
from symadamax.compiler.affine import Access, Affine, Array, Index, Size
from symadamax.compiler.gather import gather, rewritten
from symadamax.compiler.graph import Graph
from symadamax.compiler.ir import Program, verify
from symadamax.compiler.loop_stages import LoopStages

i, j, n = sp.symbols("i j n", integer=True)
a = sp.Symbol("a")
w, X, G = (sp.IndexedBase(name) for name in "wXG")
CHAIN = sp.Sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2))


def expanded(expression: Any, data: Any = None) -> Program:
    stages = Objective(expression, data=data).stages
    assert isinstance(stages, LoopStages)
    return stages.expanded


def test_neighbours_are_gathered_and_the_sum_shares_their_loop() -> None:
    program = gather(expanded(CHAIN))
    verify(program)
    (store,) = program.stores
    assert program.scatters == ()
    assert program.outputs[0].value == store.index


def test_the_ends_of_an_array_are_added_to_what_is_gathered() -> None:
    program = gather(expanded(CHAIN + w[0] ** 2 + w[n - 1] ** 4))
    verify(program)
    assert [str(scatter.access) for scatter in program.scatters] == ["w[n - 1]", "w[0]"]
    assert len(program.stores) == 1
    objective = Objective(CHAIN + w[0] ** 2 + w[n - 1] ** 4)
    at = np.random.default_rng(0).normal(size=1000)
    wanted = Objective(CHAIN).value_and_gradient({w: at})[1]
    wanted[0] += 2 * at[0]
    wanted[-1] += 4 * at[-1] ** 3
    assert objective.value_and_gradient({w: at})[1] == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize(("count", "stored"), [(10, 1), (30, 0)])
def test_what_is_dear_for_all_its_neighbours_is_scattered(count: int, stored: int) -> None:
    window = sp.Sum(sum(k * w[i + k] for k in range(count)) ** 2, (i, 0, n - count))
    program = gather(expanded(window))
    assert len(program.stores) == stored
    assert (program.scatters == ()) == bool(stored)


KEPT = {
    "an element for all turns": sp.Sum(w[0] * w[i], (i, 0, n - 1)),
    "a factor": sp.Sum(w[2 * i] ** 2, (i, 0, n - 1)),
    "a reversal": sp.Sum(w[n - 1 - i] ** 2 * i, (i, 0, n - 1)),
    "two loops": sp.Sum(w[i] * w[j], (j, 0, n - 1), (i, 0, n - 1)),
    "a lookup": sp.Sum(w[G[i]] ** 2, (i, 0, n - 1)),
    "two axes": sp.Sum(X[i, 0] ** 2, (i, 0, n - 1)),
    "an inner sum": sp.Sum(w[i] ** 2 * sp.sin(sp.Sum(a * j, (j, 0, i))), (i, 0, n - 1)),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_be_gathered_is_scattered(name: str) -> None:
    program = gather(expanded(KEPT[name], {G: [0]} if KEPT[name].has(G) else None))
    assert program.stores == ()
    assert program.scatters != ()


@pytest.mark.parametrize("size", [2, 3, 7, 8, 9, 10, 16, 17, 33])
def test_each_element_collects_what_reads_it(size: int) -> None:
    """The gradient of a linear sum counts how often each element is read."""
    linear = sp.Sum(3 * w[i + 1] + 5 * w[i - 1] + 7 * w[i], (i, 1, n - 2)) + sp.Sum(
        w[i], (i, 0, n - 1)
    )
    objective = Objective(linear)
    wanted = np.ones(size)
    for k in range(1, size - 1):
        wanted[k + 1] += 3
        wanted[k - 1] += 5
        wanted[k] += 7
    value, slope = objective.value_and_gradient({w: np.arange(size)})
    assert slope.tolist() == wanted.tolist()
    assert value == (wanted * np.arange(size)).sum()


def test_shifts_beyond_the_ends_read_nothing() -> None:
    objective = Objective(sp.Sum(sp.log(w[i + 5]), (i, 0, n - 6)))
    point = np.r_[np.full(5, -1.0), np.ones(6)]  # log(-1) is NaN where it is not to be taken
    value, slope = objective.value_and_gradient({w: point})
    assert value == 0.0
    assert slope.tolist() == [0.0] * 5 + [1.0] * 6


def test_the_whole_gradient_is_written() -> None:
    objective = Objective(sp.Sum(w[i] ** 2, (i, 3, 4)))
    bound = objective.bound({w: (20,)})
    slope = np.full(20, np.nan)
    _core.evaluate(bound.function, bound.context, np.ones(20), slope)
    assert slope.tolist() == [0.0] * 3 + [2.0] * 2 + [0.0] * 15


def test_what_is_rewritten_has_the_other_index_also_in_bounds() -> None:
    graph = Graph()
    outer = Index("i", Affine(0), Affine.of(Size("n", 0)))
    inner = Index("j", Affine(0), Affine.of(outer), level=1)
    other = Index("k", Affine(0), Affine(9))
    access = Access(Array("X", False, 0, 2), (Affine.of(outer), Affine.of(inner)))
    total = graph.reduce("sum", inner, graph.op("element", value=access))
    moved = rewritten(graph, total, outer, Affine.of(other).plus(Affine(2)))
    assert moved.indices == {other}
    assert str(moved.arguments[0]) == "X[k + 2, j]"
    assert str(moved.value.upper) == "k + 2"

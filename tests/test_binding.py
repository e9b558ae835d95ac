"""A context holds a number for every word that the code reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import Objective
from symadamax.compiler import binding
from symadamax.compiler.affine import Array
from symadamax.compiler.binding import MOST_BUFFER, MOST_LINES, MOST_PARTS, Context, offsets
from symadamax.compiler.layout import BLOCK
from symadamax.compiler.loop_stages import LoopStages

i, j, k, n, m = sp.symbols("i j k n m", integer=True)
a, c = sp.symbols("a c")
w, y, X, Y, G = (sp.IndexedBase(name) for name in "wyXYG")


def context(expression: Any, data: Any, shapes: Any, dtype: str = "float64") -> Context:
    objective = Objective(expression, [a, *shapes], data=data)
    stages, meaning = objective.stages, objective._meaning
    assert isinstance(stages, LoopStages)
    arrays = {meaning.arrays[base]: array for base, array in objective.data.items()}
    arrays |= {meaning.arrays[base]: np.empty(shape) for base, shape in shapes.items()}
    kernel, _ = stages.native(dtype)
    sizes = stages.sizes(arrays, {}, ())
    return Context(kernel, stages.loops.program, sizes, np.empty(0), dtype)


def word(bound: Context, name: str, *about: Any) -> int:
    (place,) = (
        place for meaning, place in bound.kernel.layout.words.items()
        if meaning[0] == name and meaning[1:1 + len(about)] == about
    )  # fmt: skip
    return int(bound.words[place])


FIT = sp.Sum((a - y[i]) ** 2, (i, 0, n - 1))
GROUPS = sp.Sum((w[G[i]] - a * y[i]) ** 2, (i, 0, n - 1))


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 10 * BLOCK])
def test_a_loop_is_cut_into_blocks(size: int) -> None:
    bound = context(FIT, {y: np.zeros(size)}, {})
    blocks = -(-size // BLOCK)
    assert word(bound, "blocks") == blocks
    assert bound.parts == [max(blocks, 1)]
    assert (word(bound, "lower"), word(bound, "upper")) == (0, size - 1)


def test_parts_are_few_where_each_needs_a_gradient_of_its_own() -> None:
    rows = 200 * BLOCK
    data = {G: np.zeros(rows, "i1"), y: np.zeros(rows)}
    assert context(GROUPS, data, {w: (3,)}).parts == [MOST_PARTS]
    assert 1 < context(GROUPS, data, {w: (rows // 30,)}).parts[0] < 30
    assert context(GROUPS, data, {w: (rows,)}).parts == [1]


def test_the_buffers_of_all_parts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding, "WORTH", 1e-9)
    rows = 200 * BLOCK
    data = {G: np.zeros(rows, "i1"), y: np.zeros(rows)}
    assert context(GROUPS, data, {w: (MOST_BUFFER // 4,)}).parts == [4]
    assert context(GROUPS, data, {w: (MOST_BUFFER + 1,)}).parts == [1]


def test_one_part_adds_to_the_gradient_itself() -> None:
    bound = context(GROUPS, {G: np.zeros(5, "i1"), y: np.zeros(5)}, {w: (3,)})
    words, _ = bound.fresh()
    (place,) = (p for m, p in bound.kernel.layout.words.items() if m[0] == "buffer")
    assert words[place] == 0


def test_arrays_of_unknowns_stand_behind_the_scalars_in_turn() -> None:
    one, two = Array("v", True, 0, 1), Array("W", True, 1, 2)
    data = Array("y", False, 0, 1)
    shapes = {one: (4,), two: (2, 3), data: (9,)}
    assert offsets([one, two, data], shapes, 2) == {one: 2, two: 6}


def test_strides_are_those_of_the_array() -> None:
    laid = np.zeros((6, 8))[::-2, ::4]
    bound = context(sp.Sum(X[i, j] * a, (i, 0, n - 1), (j, 0, m - 1)), {X: laid}, {})
    strides = {
        meaning[2]: int(bound.words[place])
        for meaning, place in bound.kernel.layout.words.items() if meaning[0] == "stride"
    }  # fmt: skip
    assert strides == {0: -128, 1: 32}


def test_other_data_of_the_same_kind_need_no_other_code() -> None:
    objective = Objective(FIT, data={y: np.zeros(5)})
    other = objective.with_data({y: np.ones(50_000)})
    stored = objective.with_data({y: np.ones(5, "f4")})
    assert isinstance(objective.stages, LoopStages)
    assert isinstance(other.stages, LoopStages)
    assert isinstance(stored.stages, LoopStages)
    code = objective.stages.native("float64")
    assert other.stages.native("float64") is code
    assert stored.stages.native("float64") is not code


def test_parameters_are_words() -> None:
    objective = Objective(sp.Sum((a - c*y[i])**2, (i, 0, n - 1)), parameters={c: 2},
                          data={y: [1.0, 2.0]})  # fmt: skip
    assert objective.value([0.0]) == 20.0
    assert objective.with_parameters({c: 3}).value([0.0]) == 45.0


def test_loops_over_one_batch_have_blocks_of_one_size() -> None:
    """Their number is counted once for all: too many would write behind their sums."""
    dear = sp.Sum(
        sp.exp(a * y[i]) * (2 + sp.Sum(sp.cos(a * j * y[i]), (j, 0, 9999))), (i, 0, n - 1)
    )
    found = context(sp.log(dear), {y: np.ones(3000)}, {})
    rows = [loop for loop in found.kernel.loops if loop.index.name == "i"]
    assert len({found.operations_of_a_turn(loop) for loop in rows}) > 1
    (block,) = {found.block(loop) for loop in rows}
    assert block < BLOCK


WIDE = sp.Sum(y[i] * sp.Sum(X[i, j] * w[j], (j, 0, m - 1)), (i, 0, n - 1))
LAID_OUT: dict[str, tuple[Any, tuple[int, int]]] = {
    "one element": (np.zeros((9, 1)), (1, 8)),
    "one line, or two": (np.zeros((9, 2)), (2, 64)),
    "a row": (np.zeros((9, 30)), (5, 64)),
    "a row of small numbers": (np.zeros((9, 30), "i1"), (2, 64)),
    "a long row": (np.zeros((9, 1000)), (MOST_LINES, 64)),
    "columns": (np.zeros((100, 5), order="F"), (5, 800)),
    "many columns": (np.zeros((100, 30), order="F"), (MOST_LINES, 800)),
    "each third element": (np.zeros((9, 30))[:, ::3], (5, 64)),
    "backwards": (np.zeros((9, 30))[:, ::-1], (5, -64)),
}


@pytest.mark.parametrize("name", LAID_OUT)
def test_the_lines_of_a_row_depend_on_how_it_lies_in_memory(name: str) -> None:
    values, wanted = LAID_OUT[name]
    bound = context(WIDE, {X: values, y: np.zeros(len(values))}, {w: (values.shape[1],)})
    (array,) = (array for array in bound.sizes.arrays if array.name == "X")
    assert bound.lines(array, (1,)) == wanted


def test_the_lines_of_a_picture_are_those_of_all_its_rows() -> None:
    picture = sp.Sum(a * Y[i, j, k], (k, 0, 5), (j, 0, 4), (i, 0, n - 1))
    bound = context(picture, {Y: np.zeros((9, 5, 6))}, {})
    (array,) = (array for array in bound.sizes.arrays if array.name == "Y")
    assert bound.lines(array, (1, 2)) == (1 + -(-8 * (5 * 6 - 1) // 64), 64)

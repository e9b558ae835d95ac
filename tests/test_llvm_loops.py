"""Loops as LLVM IR: pieces give the bits of the whole, lanes those of the oracle."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import Objective, compiler
from symadamax.compiler.binding import Context
from symadamax.compiler.layout import HEAD, LANES
from symadamax.compiler.llvm_adamax import SETTINGS
from symadamax.compiler.llvm_loops import Kernel, between
from symadamax.compiler.loop_stages import LoopStages
from symadamax.compiler.native import MachineCode

i, j, n, m = sp.symbols("i j n m", integer=True)
a = sp.Symbol("a")
w, y, X, G = (sp.IndexedBase(name) for name in "wyXG")
LOGIT = sp.Sum(sp.log(1 + sp.exp(-y[i] * sp.Sum(X[i, j] * w[j], (j, 0, m - 1)))), (i, 0, n - 1))
CHAIN = sp.Sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2)) + a * w[0]
MEANS = sp.log(sp.Sum(sp.exp(a * y[i]), (i, 0, n - 1))) + sp.Sum((a - y[i]) ** 2, (i, 0, n - 1)) / n


class Pieces:
    """The pieces of a kernel, called one by one."""

    def __init__(self, objective: Objective, point: Any, dtype: str = "float64") -> None:
        stages = objective.stages
        assert isinstance(stages, LoopStages)
        x, shapes = objective.flat(point, dtype)
        self.kernel: Kernel
        self.code: MachineCode
        self.kernel, self.code = stages.native(dtype)
        meaning = objective._meaning
        arrays = {meaning.arrays[base]: array for base, array in objective.data.items()}
        arrays |= {meaning.arrays[base]: np.empty(shape) for base, shape in shapes.items()}
        sizes = stages.sizes(arrays, {}, ())
        self.context = Context(self.kernel, stages.loops.program, sizes, np.empty(0), dtype)
        self.x, self.gradient = x, np.full_like(x, np.nan)
        self.words, self.alive = self.context.fresh()
        self.words[:2] = self.x.ctypes.data, self.gradient.ctypes.data

    def call(self, name: str, *numbers: int) -> None:
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * len(numbers))
        prototype(self.code.addresses[name])(self.words.ctypes.data, *numbers)

    def run(self, cuts: list[float]) -> tuple[float, bytes]:
        """Run every loop over its parts in the pieces between `cuts`, the last piece first."""
        self.call("open")
        for number, parts in enumerate(self.context.parts):
            ends = [0, *(int(cut * parts) for cut in cuts), parts]
            for first, last in reversed(list(pairwise(ends))):
                self.call(f"nest{number}", first, last)
            self.call(f"close{number}")
        return float(self.words.view(float)[2]), self.gradient.tobytes()


def example(name: str, rows: int) -> tuple[Objective, Any]:
    rng = np.random.default_rng(rows)
    if name == "logit":
        data = {X: rng.normal(size=(rows, 3)), y: rng.normal(size=rows)}
        return Objective(LOGIT, [w], data=data), {w: rng.normal(size=3)}
    if name == "chain":
        return Objective(CHAIN, [a, w]), {a: 0.3, w: rng.normal(size=rows)}
    if name == "means":
        return Objective(MEANS, data={y: rng.normal(size=rows)}), [0.3]
    data = {G: rng.integers(0, 50, rows), y: rng.normal(size=rows)}
    groups = sp.Sum((w[G[i]] - y[i]) ** 2, (i, 0, n - 1))
    return Objective(groups, [w], data=data), {w: rng.normal(size=50)}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["logit", "chain", "means", "groups"])
def test_parts_in_any_order_give_the_bits_of_the_whole(name: str, dtype: str) -> None:
    objective, point = example(name, 40_000)
    whole = Pieces(objective, point, dtype).run([])
    for cuts in ([0.5], [0.1, 0.3, 0.8]):
        assert Pieces(objective, point, dtype).run(cuts) == whole
    if dtype == "float64":
        value, gradient = objective.value_and_gradient(point)
        assert (value, gradient.tobytes()) == whole


@pytest.mark.parametrize("name", ["logit", "chain", "means", "groups"])
def test_the_cut_depends_on_the_length_alone(name: str) -> None:
    objective, point = example(name, 40_000)
    assert all(1 < parts <= 64 for parts in Pieces(objective, point).context.parts)
    short, point = example(name, 100)
    assert set(Pieces(short, point).context.parts) == {1}


def test_a_context_of_its_own_for_each_run() -> None:
    pieces = Pieces(*example("means", 5_000))
    one, _ = pieces.context.fresh()
    other, _ = pieces.context.fresh()
    memory = [
        pieces.kernel.layout.words[w] for w in pieces.kernel.layout.words if w[0] == "partials"
    ]
    assert all(one[place] != other[place] for place in memory)


STORED = ["f8", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]


@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize("layout", ["C", "F", "reversed", "every second"])
def test_data_are_read_where_they_lie(dtype: str, layout: str) -> None:
    rng = np.random.default_rng(0)
    values = np.abs(rng.normal(size=(21, 10)) * 20).astype(dtype)
    laid = {
        "C": values, "F": np.asfortranarray(values), "reversed": values[::-1, ::-1],
        "every second": np.repeat(np.repeat(values, 2, 0), 2, 1)[::2, ::2],
    }[layout]  # fmt: skip
    laid.flags.writeable = False
    objective = Objective(
        sp.Sum(X[i, j] * (a + i * j), (j, 0, m - 1), (i, 0, n - 1)), data={X: laid}
    )
    weights = 2 + np.arange(21)[:, None] * np.arange(10)
    wanted = (laid.astype(float) * weights).sum()
    assert objective.data[X].ctypes.data == laid.ctypes.data
    assert objective.value([2.0]) == pytest.approx(wanted, rel=1e-14)


def test_elements_are_used_as_indices_from_any_whole_numbers() -> None:
    for dtype in STORED[2:-1]:
        rows = np.array([0, 3, 3, 1, 2] * 5).astype(dtype)
        objective = Objective(sp.Sum(w[G[i]] * i, (i, 0, n - 1)), [w], data={G: rows})
        value, slope = objective.value_and_gradient({w: np.arange(4.0)})
        assert value == (rows.astype(float) * np.arange(25)).sum()
        assert slope.tolist() == np.bincount(rows.astype(int), np.arange(25)).tolist()


def test_whole_vectors_are_loaded_where_elements_lie_side_by_side() -> None:
    objective, _ = example("means", 10)
    stages = objective.stages
    assert isinstance(stages, LoopStages)
    text = stages.llvm_ir_for("float64")
    inner = text[text.index("\ninner:") : text.index("\nedge:")]
    assert f"load <{LANES} x double>" in inner
    assert "gather" not in inner


def test_elements_that_are_not_neighbours_are_loaded_one_by_one() -> None:
    """A gather, which takes up to twice as long, is left where some lanes do not take part."""
    objective = Objective(sp.Sum((w[G[i]] - y[2 * i]) ** 2, (i, 0, 9)), [w],
                          data={G: np.arange(10), y: np.ones(20)})  # fmt: skip
    assert isinstance(objective.stages, LoopStages)
    text = objective.stages.llvm_ir_for("float64")
    inner, edge = text.index("\ninner:"), text.index("\nedge:")
    assert "masked.gather" not in text[inner:edge]
    assert "masked.gather" in text[edge:]


def test_the_code_is_the_same_for_any_lengths() -> None:
    small, _ = example("logit", 10)
    large = small.with_data({X: np.ones((1000, 3)), y: np.ones(1000)})
    assert isinstance(small.stages, LoopStages)
    assert isinstance(large.stages, LoopStages)
    assert small.stages.native("float64")[1] is large.stages.native("float64")[1]


def test_hundreds_of_terms_in_a_sum() -> None:
    terms = sum(sp.sin(k * w[i] + a) * sp.Rational(1, k + 1) for k in range(100))
    objective = Objective(sp.Sum(terms, (i, 0, n - 1)), [a, w])
    value, slope = objective.value_and_gradient({a: 0.5, w: [0.25, -0.5]})
    t, k = np.array([0.25, -0.5]), np.arange(100)[:, None]
    assert value == pytest.approx((np.sin(k * t + 0.5) / (k + 1)).sum(), rel=1e-13)
    assert slope[1:] == pytest.approx((k * np.cos(k * t + 0.5) / (k + 1)).sum(axis=0), rel=1e-12)


def text_of(terms: int) -> str:
    total = sum(sp.sin(a * w[i] + k) for k in range(terms))
    stages = Objective(sp.Sum(total, (i, 0, n - 1)), [a, w]).stages
    return stages.llvm_ir_for("float64")


def test_functions_are_called_at_the_ends_and_in_long_turns() -> None:
    """Written in place, a hundred sines took ten times as long to compile."""
    text = text_of(3)
    inner, edge = (
        text[text.index("\ninner:") : text.index("\nedge:")],
        text[text.index("\nedge:") :],
    )
    assert "@lanes_sin_cos" not in inner
    assert edge.count("@lanes_sin_cos") == 3
    long = text_of(100)
    assert long.count("call { <8 x double>, <8 x double> } @lanes_sin_cos") == 200
    assert len(long.splitlines()) < 15 * len(text.splitlines())


@pytest.mark.parametrize("function", [sp.Abs, lambda u: sp.sqrt(sp.Abs(u) + 1), sp.asinh])
def test_a_function_of_a_sum_may_call_what_adding_up_calls(function: Any) -> None:
    objective = Objective(function(sp.Sum(w[i], (i, 0, n - 1))))
    value, gradient = objective.value_and_gradient({w: [1.0, -3.0]})
    x = sp.Symbol("x", real=True)
    assert value == pytest.approx(float(function(sp.Integer(-2))), rel=1e-14)
    assert gradient == pytest.approx([float(function(x).diff(x).subs(x, -2).doit())] * 2)


def written_out(count: int) -> Objective:
    chain = [100 * (w[k + 1] - w[k] ** 2) ** 2 + (a - w[k]) ** 2 for k in range(count - 1)]
    return Objective(sp.Add(*chain) + sp.Sum(w[i] ** 2, (i, 0, n - 1)) ** 2 + w[0] ** 3, [a, w])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_elements_that_are_written_out_are_computed_in_pieces(
    monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    """In one piece a thousand of them compiled for a minute."""
    point = {a: 0.5, w: np.random.default_rng(0).normal(size=60)}
    cut = Pieces(written_out(60), point, dtype)
    assert "call void @open.1(" in cut.kernel.module.text
    monkeypatch.setattr(between, "LONGEST", 10**6)
    compiler._cache.clear()
    whole = Pieces(written_out(60), point, dtype)
    assert "@open." not in whole.kernel.module.text
    assert cut.run([]) == whole.run([])
    compiler._cache.clear()


def test_a_piece_keeps_what_others_need_alone() -> None:
    text = example("means", 10)[0].stages.llvm_ir_for("float64")
    assert text.count("store volatile double") <= 8


# ---- loops that update ---------------------------------------------------------------------------


def test_where_all_is_stored_once_there_is_code_that_updates() -> None:
    for name in ("chain", "logit", "groups", "means"):  # added to, or no array is unknown
        stages = example(name, 10)[0].stages
        assert isinstance(stages, LoopStages)
        assert stages.kernel("float64").updates is None
    updates = gathered().updates
    assert updates is not None
    assert updates.entries == ("update0",)


def gathered() -> Kernel:
    stages = Objective(CHAIN - a * w[0]).stages
    assert isinstance(stages, LoopStages)
    return stages.kernel("float64")


def test_code_that_updates_writes_no_gradient_and_may_write_past_the_cache() -> None:
    kernel = gathered()
    assert kernel.updates is not None
    place = f"getelementptr i64, ptr %context, i64 {kernel.layout.word('gradient')}\n"
    assert place in kernel.module.text
    assert place not in kernel.updates.text
    assert kernel.updates.text.count("align 64, !nontemporal !0") == 1
    inner = kernel.updates.text.partition("\ninner:")[2].partition("\nedge:")[0]
    assert inner.count(f"store <{LANES} x double>") == 4  # m, u, and the point in one of two ways


def test_the_words_of_the_core_are_where_it_looks_for_them() -> None:
    layout = gathered().layout
    words = [*((name,) for name in HEAD), *(("setting", name) for name in SETTINGS)]
    assert [layout.words[word] for word in words] == list(range(len(words)))


def test_what_does_much_for_each_unknown_is_not_updated_in_passes_that_cannot_be_ended() -> None:
    for most, light in ((10, True), (1000, False)):
        slow = sp.Sum(sp.sin(a * i * j), (j, 1, most), (i, 0, n - 1))
        objective = Objective(sp.Sum(w[i] ** 2, (i, 0, n - 1)) + slow, [a, w])
        bound = objective.bound(objective.flat({a: 1.0, w: np.ones(100)})[1])
        assert (bound.update is not None) == light

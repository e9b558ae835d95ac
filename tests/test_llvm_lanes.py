"""A step on lanes: vector code without calls, with the same bits on every processor."""

from __future__ import annotations

import ctypes
import re
from typing import Any

import numpy as np
import pytest
import sympy as sp
from expressions import SYMBOLS, expressions
from hypothesis import given, settings

import symadamax as sx
from symadamax.compiler import llvm_code, llvm_lanes, native
from symadamax.compiler.layout import LANES
from symadamax.compiler.llvm_lanes import SETTINGS, Deck, Watch, emit
from symadamax.compiler.schedule import schedule
from symadamax.compiler.writer import Module

x, y = sp.symbols("x y")
ACKLEY = (
    -20 * sp.exp(-sp.sqrt((x**2 + y**2) / 2) / 5)
    - sp.exp((sp.cos(2 * sp.pi * x) + sp.cos(2 * sp.pi * y)) / 2) + 20 + sp.E
)  # fmt: skip
ROSENBROCK = 100 * (y - x**2) ** 2 + (1 - x) ** 2
EVERYTHING = Watch(True, True, True, True, True, True, True)
NOTHING = Watch()
STEP = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 8, ctypes.c_int64)
USUAL = (-0.01, 0.9, 0.1, 0.999, 0.0, 1e-8, 0.0, np.inf, -np.inf, 0.0)


def module(
    expression: sp.Expr, watch: Watch = NOTHING, dtype: str = "float64", lanes: int = LANES
) -> Module:
    return emit(sx.Objective(expression, [x, y]).stages.loops, dtype, watch, lanes=lanes)


class Bench:
    """A deck in memory of its own, taken some steps further by a module."""

    def __init__(self, module: Module, points: np.ndarray, cpu: str | None = None) -> None:
        dtype, size = points.dtype, points.shape[1]
        self.deck = Deck(size, 0, dtype == np.float32)
        self.code = native.build(module, cpu)
        row = self.deck.row
        self.groups = len(points) // LANES
        self.points = [np.zeros((size, row), dtype) for _ in range(3)]
        self.rows = np.zeros((self.deck.value + 1, row), dtype)
        self.points[1][:, : len(points)] = points.T
        for name, value in zip(SETTINGS, USUAL, strict=True):
            self.rows[self.deck.setting(name)] = value
        self.stop = np.array([-1.0, -1.0, -1.0, -np.inf])
        self.limits = np.array([[-1.5] * size, [1.5] * size], dtype)
        self.alive, self.doubts = np.full(row // LANES, 255, "u1"), np.zeros(row // LANES, "u1")

    def step(self) -> int:
        before, here, there = (array.ctypes.data for array in self.points)
        others = (self.rows, self.stop, self.limits, self.alive, self.doubts)
        found = STEP(self.code.address)(
            before, here, there, *(array.ctypes.data for array in others), self.groups
        )
        self.points = [self.points[1], self.points[2], self.points[0]]
        return found

    @property
    def doubtful(self) -> list[int]:
        bits = np.unpackbits(self.doubts[: self.groups], bitorder="little")
        return np.flatnonzero(bits).tolist()


def spread(count: int = 16, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(0).uniform(-2, 2, (count, 2)).astype(dtype)


@pytest.mark.parametrize("expression", [ROSENBROCK, ACKLEY], ids=["rosenbrock", "ackley"])
def test_numbers_are_computed_by_vector_instructions(expression: sp.Expr) -> None:
    text = module(expression).text
    body = text[text.index("define i64 @step") :]
    assert f"fdiv <{LANES} x double>" in body
    assert not re.search(r"= f(add|mul|sub|div) double", body)
    assert "@libm" not in body
    assert "@elementary" not in body


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("expression", [ROSENBROCK, ACKLEY], ids=["rosenbrock", "ackley"])
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_the_width_of_vectors_changes_no_bit(expression: sp.Expr, dtype: str, cpu: str) -> None:
    if cpu == "x86-64-v4" and not native.llvm.get_host_cpu_features().get("avx512f"):
        pytest.skip("this processor has no vectors of 512 bits")
    text = module(expression, EVERYTHING, dtype)
    here, there = Bench(text, spread(dtype=dtype)), Bench(text, spread(dtype=dtype), cpu)
    for _ in range(30):
        assert here.step() == there.step()
    assert here.points[1].tobytes() == there.points[1].tobytes()
    assert here.rows.tobytes() == there.rows.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("watch", [NOTHING, EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("count", [8, 24, 64])
def test_twice_as_many_lanes_at_once_change_no_bit(dtype: str, watch: Watch, count: int) -> None:
    points = np.random.default_rng(2).uniform(-2, 2, (count, 2)).astype(dtype)
    points[5, 1] = np.nan
    points[3, 0] = 1e12  # too far for a sine in place
    benches = [Bench(module(ACKLEY, watch, dtype, lanes), points) for lanes in (8, 16)]
    for bench in benches:
        bench.stop[:] = 0.5, 1e-3, 1e-3, 1.0
        bench.alive[count // 8 :] = 0
    for _ in range(10):
        for bench in benches:
            bench.step()
        assert benches[0].doubtful == benches[1].doubtful
    for one, other in zip(*([*b.points[1:], b.rows] for b in benches), strict=True):
        assert one[..., :count].tobytes() == other[..., :count].tobytes()


@pytest.mark.parametrize("function", [sp.sin, sp.cos, sp.tan])
@pytest.mark.parametrize("far", [2.0**30, 2.0**30 + 1, 1e10, 1e300, -1e9, -(2.0**31), 6e8])
def test_far_lanes_disturb_no_other_and_have_the_bits_of_a_single_run(
    function: Any, far: float
) -> None:
    objective = sx.Objective(function(x) + function(x * y) + y**2, [x, y])
    points = spread(24)
    points[6, 0] = far
    many = sx.minimize_many(objective, points, steps=3)
    for lane, point in enumerate(points):
        assert sx.minimize(objective, point, steps=3).x.tobytes() == many.x[lane].tobytes()


def test_a_step_branches_once_however_many_sines_there_are() -> None:
    text = module(sum(sp.sin(k * x + y) for k in range(1, 9))).text
    body = text[text.index("define i64 @step") :]
    assert len(re.findall(r"br i1 .*, label %far", body)) == 1
    assert text.count("call i64 @thorough0") == 1
    assert "@thorough" not in module(ROSENBROCK).text


def test_long_code_is_not_made_for_two_vectors_at_once() -> None:
    deck = Deck(2, 0, False)
    short, long = (
        sx.Objective(sum(sp.exp(k * x + y) for k in range(1, count)), [x, y]).stages.loops.program
        for count in (3, 40)
    )
    assert [deck.at_once(width, short) for width in (16, 32, 64)] == [8, 8, 16]
    assert deck.at_once(64, long) == 8
    assert Deck(20, 0, False).at_once(64, short) == 8


def test_long_code_calls_its_functions_with_the_same_bits() -> None:
    waves = sum(sp.sin(k * x + y) * sp.exp(-k * x * y) for k in range(1, 30))
    objective = sx.Objective(waves, [x, y])
    text = emit(objective.stages.loops, "float64", NOTHING).text
    assert "call { <8 x double>, <8 x double> } @lanes_sin_cos" in text
    assert "@thorough" not in text
    points = spread(5)
    many = sx.minimize_many(objective, points, steps=20)
    for lane, point in enumerate(points):
        assert sx.minimize(objective, point, steps=20).x.tobytes() == many.x[lane].tobytes()


def test_doubts_are_of_lanes_that_are_not_finite() -> None:
    points = spread()
    points[3] = np.inf, 1.0
    points[9] = np.nan, 0.0
    points[12] = 1e200, 0.0  # the value overflows
    bench = Bench(module(ROSENBROCK), points)
    assert bench.step() != 0
    assert bench.doubtful == [3, 9, 12]


def test_doubts_of_lanes_that_are_not_in_use_are_none() -> None:
    points = spread()
    points[3] = np.nan
    bench = Bench(module(ROSENBROCK), points)
    bench.alive[0] = 0b11110111
    assert bench.step() == 0


@pytest.mark.parametrize(
    ("watch", "place", "limit", "meets"),
    [
        (Watch(gtol=True), 0, 5.0, lambda x, g, f: np.abs(g).max(axis=1) <= 5.0),
        (Watch(target=True), 3, 1.0, lambda x, g, f: f <= 1.0),
    ],
    ids=["gtol", "target"],
)
def test_doubts_are_of_lanes_that_meet_a_criterion(watch, place, limit, meets) -> None:
    points = np.random.default_rng(1).uniform(-1, 2, (64, 2))
    bench = Bench(module(ROSENBROCK, watch), points)
    bench.stop[place] = limit
    bench.step()
    a, b = points.T
    slopes = np.stack([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)], axis=1)
    met = meets(points, slopes, 100 * (b - a * a) ** 2 + (1 - a) ** 2)
    assert bench.doubtful == np.flatnonzero(met).tolist()
    assert 0 < met.sum() < 64


def test_nothing_stands_before_a_start() -> None:
    bench = Bench(module(ROSENBROCK, Watch(ftol=True, xtol=True)), spread())
    bench.stop[1:3] = 1e9
    bench.points[0][:] = bench.rows[bench.deck.value] = np.nan
    assert bench.step() == 0
    assert bench.step() != 0
    assert bench.doubtful == list(range(16))


def test_a_program_in_segments_has_the_bits_of_the_whole() -> None:
    stages = sx.Objective(ACKLEY, [x, y]).stages
    whole, cut = stages.loops, schedule(stages.loops.program, longest=7)
    assert len(cut.segments) > 2
    for watch in (Watch(), EVERYTHING):
        one, other = (Bench(emit(plan, "float64", watch), spread()) for plan in (whole, cut))
        for bench in (one, other):
            bench.stop[:] = 0.5, 1e-3, 1e-3, 1.0
        for _ in range(10):
            assert one.step() == other.step()
            assert one.doubtful == other.doubtful
        assert one.points[1].tobytes() == other.points[1].tobytes()


def test_scratch_that_fits_a_stack_for_one_point_may_not_for_eight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = schedule(sx.Objective(ACKLEY, [x, y]).stages.loops.program, longest=7)
    on_stack = Bench(emit(cut, "float64", Watch()), spread())
    for part in (llvm_code, llvm_lanes):
        monkeypatch.setattr(part, "LARGEST_STACK", len(cut.slots))
    module = emit(cut, "float64", Watch())
    on_heap = Bench(module, spread())
    assert "call ptr @malloc" in module.text
    assert "call void @free" in module.text
    assert on_heap.step() == on_stack.step() == 0
    assert on_heap.points[1].tobytes() == on_stack.points[1].tobytes()


@settings(max_examples=8, deadline=None)
@given(expressions())
def test_random_programs_compile(expression: sp.Expr) -> None:
    objective = sx.Objective(expression, SYMBOLS)
    for dtype in ("float64", "float32"):
        native.build(emit(objective.stages.loops, dtype, EVERYTHING))


@pytest.mark.parametrize("unknowns", [1, 2, 3, 10, 20, 100, 1000])
def test_a_deck_holds_whole_groups_and_fits_the_first_cache(unknowns: int) -> None:
    deck = Deck(unknowns, 0, False)
    assert deck.row % LANES == 0
    assert LANES <= deck.row <= 64
    assert deck.row == LANES or 5 * unknowns * deck.row * 8 <= 32 * 1024

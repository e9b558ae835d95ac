"""Samples: the points are those of SciPy and NumPy, in any block, and the box is held."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds
from scipy.stats import qmc

import symadamax as sx
from symadamax.errors import InputError
from symadamax.solver.many.draws import LATIN_NUMBERS, SOBOL_SIZE, seed_of, sobol
from symadamax.solver.many.sample import METHODS, sample
from symadamax.solver.many.starts import starts_of

x, y, z = sp.symbols("x y z")
w = sp.IndexedBase("w")
BOX = {x: (-1.0, 3.0), y: (0.0, 0.1)}
DRAWN = ["sobol", "latin", "uniform"]


def peer(method: str, size: int, count: int, seed: int) -> Any:
    """Return what SciPy or NumPy draws with that seed in the unit cube."""
    generator = np.random.default_rng(seed)
    if method == "uniform":
        return generator.random((count, size))
    engine = qmc.Sobol if method == "sobol" else qmc.LatinHypercube
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a count that is no power of two
        return engine(size, seed=generator).random(count)


@pytest.mark.parametrize("method", DRAWN)
@pytest.mark.parametrize("size", [1, 2, 10])
def test_points_are_those_of_the_library_scaled_to_the_box(method: str, size: int) -> None:
    low, high = np.arange(size) - 2.5, np.arange(size) + 0.1
    box = list(zip(low, high, strict=True))
    points = sample(box, 200, method, rng=5).points(0, 200)
    assert np.array_equal(points, qmc.scale(peer(method, size, 200, 5), low, high))


@settings(max_examples=40)
@given(st.sampled_from(METHODS), st.integers(1, 40), st.integers(0, 99), st.data())
def test_a_block_is_a_slice_of_the_whole(method: str, side: int, seed: int, data: Any) -> None:
    count = side * side
    rng = None if method == "grid" else seed
    starts = sample(BOX, count, method, rng=rng)
    first = data.draw(st.integers(0, count))
    last = data.draw(st.integers(first, count))
    whole, block = starts.points(0, count), starts.points(first, last)
    assert block.shape == (last - first, 2)
    assert np.array_equal(block, whole[first:last])
    part = pickle.loads(pickle.dumps(starts.part(first, last)))
    assert np.array_equal(part.points(first, last), block)


def test_far_points_of_sobol_are_those_of_the_library() -> None:
    first = 3_000_000
    engine = qmc.Sobol(3, seed=np.random.default_rng(1)).fast_forward(first)
    assert np.array_equal(sobol(seed_of(1), 3, 10**7, first, first + 9), engine.random(9))


def test_far_points_of_a_uniform_sample_cost_no_more_than_near_ones() -> None:
    starts = sample(BOX, 2**61, "uniform", rng=0)
    assert starts.points(2**61 - 3, 2**61).shape == (3, 2)


def test_every_slice_of_a_latin_sample_has_one_point() -> None:
    points = sample([(0, 1)] * 3, 64, "latin", rng=3).points(0, 64)
    for column in points.T:
        assert sorted((column * 64).astype(int)) == list(range(64))


def test_a_grid_has_the_ends_and_the_last_unknown_changes_fastest() -> None:
    starts = sample({x: (-1, 3), y: (0.1, 0.7)}, (3, 4), "grid")
    axes = np.meshgrid(np.linspace(-1, 3, 3), np.linspace(0.1, 0.7, 4), indexing="ij")
    assert np.array_equal(starts.points(0, 12), np.stack(axes, -1).reshape(12, 2))


def test_a_grid_takes_the_number_of_all_points_too() -> None:
    assert len(sample(BOX, 144, "grid")) == 144
    assert sample(BOX, 144, "grid") == sample(BOX, [12, 12], "grid")
    assert sample([(-1, 3), (5, 6)], 1, "grid").points(0, 1).tolist() == [[1, 5.5]]
    assert len(sample([(0, 1)] * 3, 100_003**3, "grid")) == 100_003**3


def test_a_grid_of_many_points_is_never_made() -> None:
    starts = sample([(0, 1)] * 3, (10**6,) * 3, "grid")
    assert starts.points(10**18 - 1, 10**18).tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("method", METHODS)
def test_points_lie_in_the_box(method: str) -> None:
    ends = np.array([[0.1, 0.3], [1e300, 1.1e300], [-1e-300, 1e-300], [7, 7]])
    points = sample(ends, 4**4, method, rng=None if method == "grid" else 2).points(0, 4**4)
    assert (points >= ends[:, 0]).all()
    assert (points <= ends[:, 1]).all()
    assert (points[:, 3] == 7).all()


# ---- boxes --------------------------------------------------------------------------------------


def test_a_box_may_be_given_in_several_forms() -> None:
    points = sample(BOX, 8, rng=0).points(0, 8)
    pairs = list(BOX.values())
    for box in (
        {"x": (-1, 3), "y": [0, 0.1]},
        pairs,
        tuple(pairs),
        np.array(pairs),
        Bounds([-1, 0], [3, 0.1]),
        {x: np.array([-1, 3]), "y": (0, sp.Rational(1, 10))},
    ):
        assert np.array_equal(sample(box, 8, rng=0).points(0, 8), points)
    cube = sample(Bounds(0, [1, 1, 1]), 8, rng=0)
    assert cube.points(0, 8).shape == (8, 3)


def test_the_unknowns_of_an_objective_may_come_in_another_order() -> None:
    starts = sample(BOX, 8, rng=0)
    turned, shapes = starts_of(starts, [y, x])
    assert np.array_equal(turned.points(2, 8), starts.points(2, 8)[:, ::-1])
    assert not shapes
    assert np.array_equal(starts_of(starts, [x, y])[0].points(2, 8), starts.points(2, 8))


def test_an_array_of_unknowns_has_a_pair_of_arrays() -> None:
    box = {w: (np.zeros((2, 3)), 1), "x": (5, 6)}
    starts, shapes = starts_of(sample(box, 8, rng=0), [x, w])
    assert dict(shapes) == {w: (2, 3)}
    points = starts.points(0, 8)
    assert ((points[:, 0] >= 5) & (points[:, 1:] <= 1).all(axis=1)).all()
    assert starts_of(sample([(0, 1)] * 4, 8, rng=0), [w])[1] == {w: (4,)}


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ({x: (5, -5)}, r"The box of 'x' is \(5.0, -5.0\): the low end is above the high end. Give"),
        (
            {x: (-np.inf, 1)},
            r"The box of 'x' is \(-inf, 1\); its ends must be real and finite numbers",
        ),
        ({x: (0, np.nan)}, r"The box of 'x' is \(0, nan\); its ends must"),
        ({x: (0, None)}, r"The box of 'x' is \(0, None\); its ends must"),
        ({x: ("0", 1)}, r"The box of 'x' is \('0', 1\); its ends must"),
        ({x: (False, 1)}, r"The box of 'x' is \(False, 1\); its ends must"),
        ({x: 3}, r"The box of 'x' is 3; accepted is a pair \(low, high\)"),
        ({x: (1, 2, 3)}, r"The box of 'x' is \(1, 2, 3\); accepted is a pair"),
        ({x: (-1.7e308, 1.7e308)}, r"The box of 'x' .* farther apart than the largest number"),
        ({3: (0, 1)}, r"The box has the key 3; accepted are unknowns or names"),
        ({}, r"The box is empty; accepted is a mapping"),
        ([], r"The box is empty"),
        ("xy", r"The box is 'xy'; accepted is"),
        (5, r"The box is 5; accepted is"),
        ([(0, 1), (2, 1)], r"The box of 'pair 1' is \(2.0, 1.0\)"),
        (Bounds([0, 0], [1, np.inf]), r"The box of 'pair 1' is \(0.0, inf\); its ends must"),
        ({w: ([0, 0], [1, -1])}, r"The box of 'w' is \(0.0, -1.0\)"),
        ({w: ([0, np.inf], 1)}, r"The box of 'w' has the end inf; it must be finite"),
        ({w: ([0, 0], [1, 1, 1])}, r"The box of 'w' has ends that do not fit"),
        ({w: (["a"], 1)}, r"The box of 'w' has ends that do not fit"),
    ],
)
def test_a_box_that_cannot_be_used_is_refused(box: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        sample(box, 4)


@pytest.mark.parametrize(
    ("box", "unknowns", "message"),
    [
        (BOX, [x, y, z], r"The box lacks z. Give \(low, high\) for each of the unknowns x, y, z"),
        ({**BOX, z: (0, 1)}, [x, y], r"There is no unknown 'z', which stands in the box"),
        ({x: (0, 1), "x": (0, 1), y: (0, 1)}, [x, y], r"'x' stands twice in the box"),
        ([(0, 1)] * 3, [x, y], r"The box has 3 pairs, and there are 2 unknowns, x, y"),
        ([(0, 1)] * 3, [x, w], r"The box is not a mapping, and among the unknowns x, w are arrays"),
        ({w: (0, 1)}, [w], r"The box of 'w' is a pair of numbers, and it is an array of unknowns"),
        ({x: ([0, 0], 1)}, [x], r"The box of 'x' has arrays of the shape \(2,\), and it is one"),
    ],
)
def test_a_box_of_other_unknowns_is_refused(box: Any, unknowns: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        starts_of(sample(box, 4), unknowns)


# ---- counts, methods, seeds ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "method", "message"),
    [
        (0, "sobol", "count is 0; accepted is a whole number >= 1"),
        (0, "grid", "count is 0; accepted is a whole number >= 1"),
        (-3, "uniform", "count is -3; accepted"),
        (2.5, "latin", "count is 2.5; accepted"),
        (True, "sobol", "count is True; accepted"),
        ("many", "sobol", "count is 'many'; accepted"),
        ((3, 3), "sobol", r"count is \(3, 3\); accepted"),
        (2**30 + 1, "sobol", r"Sobol's sequence has 2\*\*30 = 1073741824 points. Give fewer, or"),
        (LATIN_NUMBERS // 2 + 1, "latin", "more than the 10000000 that a Latin hypercube is drawn"),
        (10, "grid", "as many points for each of 2 unknowns has 9 or 16. Give one of these, or"),
        ((3, 0), "grid", r"count\[1\] is 0; accepted is a whole number >= 1"),
        ((3, 3, 3), "grid", "count has 3 numbers, and the box has 2; accepted is one for each"),
        ((2**40, 2**40), "grid", r"count is .* below 2\*\*62"),
        (4, "random", "method is 'random'; accepted are 'sobol', 'latin', 'uniform', 'grid'"),
        (4, None, "method is None; accepted are"),
    ],
)
def test_counts_and_methods_that_cannot_be_used_are_refused(
    count: Any, method: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        sample(BOX, count, method)


def test_sobol_of_too_many_numbers_is_refused() -> None:
    assert SOBOL_SIZE == qmc.Sobol.MAXDIM
    with pytest.raises(InputError, match="Sobol's sequence is known for 21201"):
        sample([(0, 1)] * 21_202, 4)
    assert len(sample([(0, 1)] * 21_202, 4, "uniform")) == 4


@pytest.mark.parametrize("rng", [-1, 1.5, "seed", True, [0.5], np.array([[1, 2]])])
def test_a_seed_that_is_none_is_refused(rng: Any) -> None:
    with pytest.raises(InputError, match=r"rng is .*; accepted is a seed, or a Generator"):
        sample(BOX, 4, rng=rng)


@pytest.mark.parametrize(
    "make",
    [
        lambda: 7,
        lambda: np.int64(7),
        lambda: [7, 8],
        lambda: np.random.SeedSequence(7).spawn(2)[1],
        lambda: np.random.default_rng(7),
        lambda: np.random.PCG64(7),
        lambda: np.random.RandomState(7),
    ],
)
@pytest.mark.parametrize("method", DRAWN)
def test_equal_seeds_give_equal_points_and_others_do_not(make: Any, method: str) -> None:
    starts = sample(BOX, 4, method, rng=make())
    assert np.array_equal(starts.points(0, 4), sample(BOX, 4, method, rng=make()).points(0, 4))
    assert starts == sample(BOX, 4, method, rng=make())
    assert not np.array_equal(starts.points(0, 4), sample(BOX, 4, method, rng=6).points(0, 4))


def test_a_seed_sequence_is_taken_as_default_rng_takes_it() -> None:
    child = np.random.SeedSequence(7, pool_size=8).spawn(3)[2]
    points = sample([(0, 1)], 5, "uniform", rng=child).points(0, 5)
    assert np.array_equal(points, np.random.default_rng(child).random((5, 1)))


def test_a_generator_goes_on() -> None:
    generator = np.random.default_rng(1)
    first, second = (sample(BOX, 4, rng=generator) for _ in range(2))
    assert not np.array_equal(first.points(0, 4), second.points(0, 4))


def test_a_seed_may_come_with_the_call() -> None:
    bare = sample(BOX, 4)
    starts, _ = starts_of(bare, [x, y], rng=3)
    assert np.array_equal(starts.points(0, 4), sample(BOX, 4, rng=3).points(0, 4))


def test_without_a_seed_every_call_has_points_of_its_own() -> None:
    bare = sample(BOX, 4)
    first, second = (starts_of(bare, [x, y])[0] for _ in range(2))
    assert np.array_equal(first.points(0, 4), first.points(0, 4))
    assert not np.array_equal(first.points(0, 4), second.points(0, 4))


def test_points_without_a_seed_and_seeds_without_a_use_are_refused() -> None:
    with pytest.raises(InputError, match="The sample has no seed yet, so it has no points"):
        sample(BOX, 4).points(0, 4)
    with pytest.raises(InputError, match="rng was given twice"):
        starts_of(sample(BOX, 4, rng=1), [x, y], rng=2)
    with pytest.raises(InputError, match="rng was given, and a grid draws nothing"):
        sample(BOX, 4, "grid", rng=1)
    with pytest.raises(InputError, match="rng was given, and a grid draws nothing"):
        starts_of(sample(BOX, 4, "grid"), [x, y], rng=1)


# ---- as an object -------------------------------------------------------------------------------


def test_it_is_small_and_equal_by_content() -> None:
    starts, _ = starts_of(sample(BOX, 10**8, rng=3), [y, x])
    assert len(pickle.dumps(starts)) < 2000
    copy = pickle.loads(pickle.dumps(starts))
    assert copy == starts
    assert hash(copy) == hash(starts)
    assert np.array_equal(copy.points(10**8 - 2, 10**8), starts.points(10**8 - 2, 10**8))
    assert sample(BOX, 4, rng=3) != sample(BOX, 4, rng=4)
    assert sample(BOX, 4, rng=3) != sample(BOX, 4, "latin", rng=3)


def test_it_is_shown_as_what_it_describes() -> None:
    assert repr(sample(BOX, 10**6)) == (
        "Sample of 1,000,000 points, sobol: x in [-1, 3], y in [0, 0.1]"
    )
    assert repr(sample({w: ([0, 0], 1)}, 2, rng=0)).endswith("sobol: w in an array of (2,)")
    assert repr(sample([(0, 1)] * 9, 2, rng=0)).endswith("[0, 1], [0, 1], ...")


def test_points_are_the_same_in_another_process() -> None:
    code = (
        "import symadamax as sx\n"
        "for method in ('sobol', 'latin', 'uniform'):\n"
        "    points = sx.sample([(0, 1), (0, 1)], 50, method, rng=4).points(40, 42)\n"
        "    print([number.hex() for number in points.ravel().tolist()])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [
        str(
            [n.hex() for n in sx.sample([(0, 1)] * 2, 50, m, rng=4).points(40, 42).ravel().tolist()]
        )
        for m in DRAWN
    ]
    assert run.stdout.splitlines() == here

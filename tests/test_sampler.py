"""What draws the rows: even, each row once an epoch, the same from wherever it goes on."""

from __future__ import annotations

import ctypes
import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from symadamax import _core

AHEAD = 16
WORD = 2**64


def sampler(
    count: int, batch: int, shuffle: bool = True, source: Any = 0, first: int = 0,
    dtype: str = "int32",
) -> _core.Sampler:  # fmt: skip
    bits = np.random.default_rng(source).bit_generator if isinstance(source, int) else source
    order = np.arange(count, dtype=dtype) if shuffle else None
    return _core.Sampler(bits, order, np.full(batch + 2 * AHEAD, first), first, count, batch)


def going_on(source: Any, stopped: _core.Sampler) -> _core.Sampler:
    """Return a sampler that goes on from where another was stopped."""
    bits = np.random.default_rng().bit_generator
    bits.state = source.state
    order = None if stopped.order is None else stopped.order.copy()
    return _core.Sampler(
        bits, order, stopped.window.copy(), stopped.first, stopped.count, stopped.batch,
        stopped.position,
    )  # fmt: skip


def epoch(source: _core.Sampler) -> np.ndarray:
    batches = -(-source.count // source.batch)
    return np.concatenate([source.next().copy() for _ in range(batches)])


EPOCHS = [
    (1, 1), (2, 1), (2, 2), (3, 2), (10, 3), (16, 16), (17, 5), (47, 47), (300, 256), (1000, 7),
    (257, 256), (513, 512), (2**14 + 3, 1001),
]  # fmt: skip


@pytest.mark.parametrize(("count", "batch"), EPOCHS)
def test_an_epoch_has_each_row_once(count: int, batch: int) -> None:
    source = sampler(count, batch, first=5)
    for _ in range(3):
        sizes = []
        rows = []
        while sum(sizes) < count:
            rows.append(source.next().copy())
            sizes.append(len(rows[-1]))
        assert sorted(np.concatenate(rows)) == list(range(5, 5 + count))
        assert sizes == [batch] * (count // batch) + [count % batch] * (count % batch > 0)


def test_epochs_differ() -> None:
    source = sampler(50, 8)
    orders = {epoch(source).tobytes() for _ in range(20)}
    assert len(orders) == 20


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_all_orders_come_equally_often(dtype: str) -> None:
    source = sampler(5, 5, dtype=dtype)
    orders = [tuple(source.next()) for _ in range(24_000)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 120
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("batch", [2, 3])
def test_all_orders_follow_each_order_equally_often(batch: int) -> None:
    """An epoch begins with the order that the last one left: nothing of it may be seen."""
    source = sampler(3, batch, source=1)
    orders = [tuple(epoch(source)) for _ in range(18_000)]
    names = {order: k for k, order in enumerate(itertools.permutations(range(3)))}
    table = np.zeros((6, 6))
    for before, after in itertools.pairwise(orders):
        table[names[before], names[after]] += 1
    assert stats.chisquare(table.ravel()).pvalue > 1e-3


@pytest.mark.parametrize(("count", "batch"), [(23, 5), (100, 64), (2**15 + 1, 2**15 + 1)])
def test_each_row_stands_at_each_place_equally_often(count: int, batch: int) -> None:
    source, bins = sampler(count, batch, source=2), min(count, 23)
    table = np.zeros((bins, bins))
    for _ in range(max(2000 * bins // count, 3)):
        rows = epoch(source)
        np.add.at(table, (np.arange(count) * bins // count, rows * bins // count), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    # Rows and places are both used up, so that the table has fewer free cells than it has cells.
    statistic = ((table - expected) ** 2 / expected).sum()
    assert 1e-3 < stats.chi2((bins - 1) ** 2).sf(statistic) < 1 - 1e-3


COUNTS = [3, 1000, 2**15, 2**15 + 1, 10**6, 2**20 + 1, 2**30 + 1, 2**32 + 5, 2**62]


@pytest.mark.parametrize("count", COUNTS)
def test_rows_are_drawn_evenly_with_replacement(count: int) -> None:
    rows = sampler(count, 20_000, shuffle=False, first=7).next() - 7
    assert rows.min() >= 0
    assert rows.max() < count
    bins = min(count, 32)
    counts = np.bincount((rows / count * bins).astype(int), minlength=bins)
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("count", [1000, 10**6, 10**9])
def test_neighbours_are_independent_with_replacement(count: int) -> None:
    """Several numbers come from one word."""
    rows = sampler(count, 48_000, shuffle=False, source=3).next() * 8 // count
    for apart in (1, 2, 3, 4):
        pairs = rows.reshape(-1, 2, apart)
        table = np.zeros((8, 8))
        np.add.at(table, (pairs[:, 0], pairs[:, 1]), 1)
        assert stats.chisquare(table.ravel()).pvalue > 1e-3


def test_one_row_is_drawn_again_and_again() -> None:
    assert sampler(1, 3, shuffle=False, first=4).next().tolist() == [4, 4, 4]


def test_a_wide_order_gives_the_same_rows() -> None:
    narrow, wide = (sampler(20_000, 300, dtype=dtype) for dtype in ("int32", "int64"))
    assert all((narrow.next() == wide.next()).all() for _ in range(100))


@pytest.mark.parametrize(
    ("count", "batch", "shuffle"), [(23, 5, True), (7, 7, True), (23, 5, False)]
)
def test_it_goes_on_from_anywhere(count: int, batch: int, shuffle: bool) -> None:
    whole = sampler(count, batch, shuffle)
    wanted = [whole.next().copy() for _ in range(16)]
    bits = np.random.default_rng(0).bit_generator
    stopped = sampler(count, batch, shuffle, source=bits)
    for k in range(15):
        assert (stopped.next() == wanted[k]).all()
        rest = going_on(bits, stopped)
        assert all((rest.next() == rows).all() for rows in wanted[k:])


# ---- against whole numbers of any size -------------------------------------------------------


def taken(word: int, ranges: list[int], size: int = WORD) -> list[int] | None:
    """Return the digits of a word in a mixed radix; None where it is drawn again."""
    product, found = 1, []
    for n in ranges:
        digit, word = divmod(word * n, size)
        found.append(digit)
        product *= n
    return found if word >= size % product else None


@pytest.mark.parametrize("ranges", [[5], [6, 5], [7, 6, 5], [1, 1, 3], [4, 4, 4, 4]])
def test_the_rule_favours_no_numbers(ranges: list[int]) -> None:
    """Of all words of ten bits, the same number is taken for each combination."""
    found = [digits for word in range(2**10) if (digits := taken(word, ranges, 2**10))]
    counts = [found.count(list(digits)) for digits in itertools.product(*map(range, ranges))]
    assert set(counts) == {2**10 // np.prod(ranges)}


class Words(ctypes.Structure):
    """NumPy's interface of a bit generator, on words that are given."""

    _fields_ = (
        ("state", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in ("uint64", "uint32", "double", "raw")),
    )


def told(words: list[int]) -> Any:
    """Return a bit generator that says these words."""
    kind = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)
    rest = iter(words)
    function = kind(lambda _: next(rest))
    structure = Words(None, ctypes.cast(function, ctypes.c_void_p).value)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    capsule = new(ctypes.addressof(structure), b"BitGenerator", None)
    return SimpleNamespace(capsule=capsule, alive=(function, structure))


@pytest.mark.parametrize("count", [5, 2**15 - 7, 10**6 - 1, 2**30 - 35, 2**61 - 1, 3 * 2**60 + 1])
def test_words_that_would_favour_some_numbers_are_drawn_again(count: int) -> None:
    at_once = next(k for k, most in ((4, 15), (3, 20), (2, 30), (1, 63)) if count <= 2**most)
    bound = WORD % count**at_once  # words whose rests are smaller are refused
    inverse = pow(count**at_once, -1, WORD)  # count is odd: a rest tells its word
    rests = bound - 1, bound, 0, bound // 2, bound + 1, WORD - 1
    words = [rest * inverse % WORD for rest in rests]
    words += [int(word) for word in np.random.default_rng(4).integers(0, WORD, 99, np.uint64)]
    wanted = [digits for word in words if (digits := taken(word, [count] * at_once))]
    assert len(wanted) <= len(words) - 3
    drawn = sampler(count, 12, shuffle=False, source=told(words)).next()
    assert drawn.tolist() == list(itertools.chain(*wanted))[:12]

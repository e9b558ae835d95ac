"""Draws: any block of a sequence of points in the unit cube, without those before it."""

from __future__ import annotations

import inspect
from functools import lru_cache
from operator import index
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError

__all__ = [
    "LATIN_NUMBERS",
    "SOBOL_COUNT",
    "SOBOL_SIZE",
    "Seed",
    "latin",
    "seed_of",
    "sobol",
    "uniform",
]

Array = npt.NDArray[np.float64]

BITS = 30  # of a number of Sobol's sequence
SOBOL_COUNT = 2**BITS
SOBOL_SIZE = 21_201  # unknowns: those of SciPy's table
LATIN_NUMBERS = 10**7  # drawn at once: 80 MB, and 0.5 s

_latin_lock = Lock()


class Seed(NamedTuple):
    """A seed by content: what `numpy.random.SeedSequence` is made of."""

    entropy: int | tuple[int, ...]
    spawn_key: tuple[int, ...] = ()
    pool_size: int = 4

    def sequence(self) -> np.random.SeedSequence:
        """Return the sequence, as `numpy.random.default_rng` makes it of the same seed."""
        return np.random.SeedSequence(
            self.entropy, spawn_key=self.spawn_key, pool_size=self.pool_size
        )

    def generator(self) -> np.random.Generator:
        """Return a new generator, the same each time."""
        return np.random.default_rng(self.sequence())


def seed_of(rng: Any) -> Seed:
    """Return a seed from what `numpy.random.default_rng` takes; of None fresh entropy.

    A seed is taken as it is; of a generator the next numbers are.
    """
    if rng is None or (isinstance(rng, (int, np.integer)) and not isinstance(rng, bool)):
        rng = np.random.SeedSequence(rng) if rng is None or rng >= 0 else rng
    elif isinstance(rng, (list, tuple, np.ndarray)):
        try:
            rng = np.random.SeedSequence([index(k) for k in rng])
        except (TypeError, ValueError):
            raise _no_seed(rng) from None
    if isinstance(rng, np.random.SeedSequence):
        entropy: Any = rng.entropy
        entropy = int(entropy) if np.ndim(entropy) == 0 else tuple(int(k) for k in entropy)
        return Seed(entropy, tuple(rng.spawn_key), rng.pool_size)
    if not isinstance(rng, (np.random.Generator, np.random.BitGenerator, np.random.RandomState)):
        raise _no_seed(rng)
    generator = rng if not isinstance(rng, np.random.BitGenerator) else np.random.Generator(rng)
    draw = getattr(generator, "integers", None) or generator.randint  # type: ignore[union-attr]
    return Seed(tuple(int(word) for word in draw(2**32, size=4, dtype=np.uint32)))


def _no_seed(rng: Any) -> InputError:
    return InputError(f"rng is {rng!r}; accepted is a seed, or a Generator of numpy.random.")


def uniform(seed: Seed, size: int, first: int, last: int) -> Array:
    """Return independent points: the rows of ``default_rng(seed).random((..., size))``."""
    bits = np.random.PCG64(seed.sequence())
    bits.advance(first * size)  # a double takes one number of the stream
    return np.random.Generator(bits).random((last - first, size))


def latin(seed: Seed, size: int, count: int, first: int, last: int) -> Array:
    """Return rows of ``qmc.LatinHypercube(size, rng=seed).random(count)``."""
    with _latin_lock:
        return _whole_latin(seed, size, count)[first:last]


@lru_cache(maxsize=1)
def _whole_latin(seed: Seed, size: int, count: int) -> Array:
    points: Array = _engine("LatinHypercube", seed, size).random(count)
    points.flags.writeable = False
    return points


def sobol(seed: Seed, size: int, count: int, first: int, last: int) -> Array:
    r"""Return rows of ``qmc.Sobol(size, rng=seed).random(count)``.

    In bits, point k is :math:`q_0 \oplus v_{j_1} \oplus v_{j_2} \ldots` over the bits j that are
    set in k's Gray code :math:`k \oplus \lfloor k/2 \rfloor`, and k has one more or one less than
    k - 1: that of the lowest bit set in k (Antonov and Saleev, 1979).
    """
    start, directions = _sobol_directions(seed, size, count.bit_length())
    gray = first ^ (first >> 1)
    chosen = [j for j in range(len(directions)) if gray >> j & 1]
    steps = np.empty((last - first, size), directions.dtype)
    if len(steps):
        steps[0] = np.bitwise_xor.reduce([start, *directions[chosen]], axis=0)
        after = np.arange(first + 1, last)
        lowest = np.bitwise_count((after & -after) - 1)
        np.take(directions, lowest, axis=0, out=steps[1:])
    return np.bitwise_xor.accumulate(steps, axis=0) * 2.0**-BITS


@lru_cache(maxsize=16)
def _sobol_directions(
    seed: Seed, size: int, levels: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return point 0 and the directions v_0, ..., v_(levels - 1) of a scrambled sequence, as bits.

    They are read off the points 2**j of SciPy's engine, whose Gray code is that of 2**j and
    2**(j - 1): 3 ns a point on the way for two unknowns, 6 ns for ten, once a process.
    """
    engine = _engine("Sobol", seed, size, bits=BITS)
    start = _bits(engine.random())
    directions = np.empty((levels, size), np.uint32)
    before = np.zeros_like(start)
    for level in range(levels):
        ahead = 2**level - engine.num_generated
        if ahead > 0:
            engine.fast_forward(ahead)
        before = directions[level] = _bits(engine.random()) ^ start ^ before
    return start, directions


def _bits(points: Array) -> npt.NDArray[np.uint32]:
    """Return one point, a multiple of 2**-BITS in each coordinate, as whole numbers."""
    return np.asarray(points[0] * 2.0**BITS, np.uint32)


def _engine(name: str, seed: Seed, size: int, **options: Any) -> Any:
    from scipy.stats import qmc  # half a second, which starts that are not drawn do not wait for

    kind = getattr(qmc, name)
    keyword = "rng" if "rng" in inspect.signature(kind).parameters else "seed"  # before SciPy 1.15
    return kind(size, **options, **{keyword: seed.generator()})

"""Batches: which rows a step sees, drawn from a NumPy generator's own stream of bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax import _core
from symadamax.errors import InputError
from symadamax.solver.checks import natural

__all__ = ["Batches", "Sample"]

SAMPLINGS = ("shuffle", "replacement")
SPARE = 8  # rows that may be read behind the last, and are not used


@dataclass(frozen=True, eq=False)
class Sample:
    """What a State carries of a run on batches: the batch at hand, and what comes after it.

    Attributes
    ----------
    rows : ndarray of int64
        The rows of this epoch in order, or those of the batch; read-only.
    position, size : int
        Where the batch at hand begins in `rows`, and how many rows it has.
    stream : dict
        The state of the bit generator behind it.
    """

    rows: npt.NDArray[np.int64]
    position: int
    size: int
    stream: Mapping[str, Any]


class Batches:
    """What was asked for by ``batch=``, ``sampling=`` and ``rng=``.

    Parameters
    ----------
    batch : int, or mapping of index (or its name) to int
    sampling : {"shuffle", "replacement"}
    rng : None, int, sequence of int, SeedSequence, BitGenerator or Generator
    sample : Sample or None
        Where an earlier run stopped.

    Raises
    ------
    InputError
        When one of them is none of these.
    """

    def __init__(self, batch: Any, sampling: Any, rng: Any, sample: Sample | None) -> None:
        self.index, size = _parted(batch)
        self.size = natural(size, "batch", least=1)
        if not isinstance(sampling, str) or sampling not in SAMPLINGS:
            raise InputError(
                f"sampling is {sampling!r}; accepted are {', '.join(map(repr, SAMPLINGS))}."
            )
        self.shuffle = sampling == "shuffle"
        self.sample = sample
        self.bit_generator = _generator(rng).bit_generator
        if sample is not None:
            if sample.stream["bit_generator"] != self.bit_generator.state["bit_generator"]:
                self.bit_generator = getattr(np.random, sample.stream["bit_generator"])()
            self.bit_generator.state = dict(sample.stream)
        self.sampler: Any = None

    def start(self, first: int, count: int) -> Any:
        """Return what draws from `count` rows, the first of which has the number `first`."""
        if self.size > count:
            raise InputError(
                f"batch is {self.size}, and there are {count} rows; accepted is 1 to {count}. "
                "Without batch= each step sees all rows."
            )
        length = (count if self.shuffle else self.size) + SPARE
        rows = np.full(length, first, dtype=np.int64)
        position, size = -1, 0
        if self.sample is not None:
            if len(self.sample.rows) != length:
                raise InputError(
                    "The state is of a run on other batches: give the same data, batch and "
                    "sampling to go on, or start without state."
                )
            rows[:] = self.sample.rows
            position, size = self.sample.position, self.sample.size
        self.sampler = _core.Sampler(
            self.bit_generator, rows, first, count, self.size, self.shuffle, position, size
        )
        return self.sampler

    @property
    def per_epoch(self) -> int:
        """The number of batches in which every row is seen once."""
        count: int = self.sampler.count
        return -(-count // self.size)

    def state(self) -> Sample:
        """Return what goes on from here."""
        rows = self.sampler.rows.copy()
        rows.setflags(write=False)
        stream = self.bit_generator.state
        return Sample(rows, self.sampler.position, self.sampler.size, stream)


def _parted(batch: Any) -> tuple[str | None, Any]:
    """Return the name of the index, where one was named, and the size."""
    if not isinstance(batch, Mapping):
        return None, batch
    if len(batch) != 1:
        raise InputError(f"batch is {dict(batch)!r}; accepted is one index with its size.")
    ((index, size),) = batch.items()
    return str(index), size


def _generator(rng: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"rng is {rng!r}; accepted is a seed, or a Generator of numpy.random."
        ) from error

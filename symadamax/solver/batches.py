"""Batches: which rows a step sees, drawn from a NumPy generator's own stream of bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax import _core
from symadamax.compiler.layout import AHEAD
from symadamax.errors import InputError
from symadamax.solver.checks import natural

__all__ = ["Batches", "Sample"]

SAMPLINGS = ("shuffle", "replacement")


@dataclass(frozen=True, eq=False)
class Sample:
    """What a State carries of a run on batches: the batch at hand, and what comes after it.

    Attributes
    ----------
    rows : ndarray of int64
        The rows of the batch at hand, and behind them what was drawn ahead: rows that come next,
        and numbers that say which rows come after those. Read-only.
    order : ndarray of int32 or int64
        With ``sampling="shuffle"`` all rows, counted from the first, as far as drawn in the order
        of this epoch; otherwise empty. Read-only.
    position : int
        Where the batch at hand begins in its epoch.
    stream : dict
        The state of the bit generator behind all of these.
    """

    rows: npt.NDArray[np.int64]
    order: npt.NDArray[Any]
    position: int
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
        window = np.full(self.size + 2 * AHEAD, first, dtype=np.int64)
        order = np.arange(count if self.shuffle else 0, dtype=_narrowest(count))
        position = -1
        if self.sample is not None:
            position, rows = self.sample.position, self.sample.rows
            size = min(self.size, count - position) if self.shuffle else self.size
            _hold_fitting(self.sample, size, len(order), range(first, first + count))
            window[: len(rows)], order[:] = rows, self.sample.order
        given = order if self.shuffle else None
        self.sampler = _core.Sampler(
            self.bit_generator, given, window, first, count, self.size, position
        )
        return self.sampler

    @property
    def per_epoch(self) -> int:
        """The number of batches in which every row is seen once."""
        count: int = self.sampler.count
        return -(-count // self.size)

    def state(self) -> Sample:
        """Return what goes on from here."""
        sampler = self.sampler
        rows = sampler.window[: sampler.size + 2 * AHEAD].copy()
        order = np.empty(0, np.int32) if sampler.order is None else sampler.order.copy()
        for array in (rows, order):
            array.setflags(write=False)
        return Sample(rows, order, sampler.position, self.bit_generator.state)


def _narrowest(count: int) -> type[np.signedinteger[Any]]:
    """Return a type of whole numbers up to `count`: the order is read all over."""
    return np.int32 if count < 2**31 else np.int64


def _hold_fitting(sample: Sample, size: int, ordered: int, rows: range) -> None:
    """Refuse the sample of a run on other rows, or on batches of another size."""
    known, drawn = np.split(sample.rows, [len(sample.rows) - AHEAD])
    counted = range(len(rows))
    if (
        (len(known), len(sample.order)) != (size + AHEAD, ordered)
        or sample.position not in counted
        or not (_within(known, rows) and _within(drawn, counted) and _within(sample.order, counted))
    ):
        raise InputError(
            "The state is of a run on other batches: give the same data, batch and sampling to go "
            "on, or start without state."
        )


def _within(held: npt.NDArray[Any], known: range) -> bool:
    return not len(held) or (int(held.min()) in known and int(held.max()) in known)


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

"""Starts: numbers for each run, or a sample -> the points of any block of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.points import Shapes, listed
from symadamax.solver.columns import common_count
from symadamax.solver.many.given import Given, given_starts
from symadamax.solver.many.sample import Sample

__all__ = ["Starts", "matched", "starts_of"]


class Starts(Protocol):
    """Where the runs 0, ..., B - 1 start; the k-th start is the same whatever is asked with it."""

    def __len__(self) -> int:
        """Return B."""
        ...

    def points(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the starts first, ..., last - 1, of shape (last - first, n)."""
        ...

    def part(self, first: int, last: int) -> Starts:
        """Return what has to travel for these; it answers to the same numbers."""
        ...


def starts_of(
    given: Any, unknowns: Sequence[Any], rng: Any = None, dtype: str = "float64"
) -> tuple[Starts, Shapes]:
    """Return where the runs start, and the shapes of arrays of unknowns.

    Parameters
    ----------
    given : array, mapping, table or Sample
        An array of shape (B, n) in the order of the unknowns; of one unknown also (B,), and of
        several also (n,), which is one start. Or a mapping of unknown (or its name) to an array of
        shape (B,), or to a number that is the same for all runs; of an array of unknowns to one of
        shape (B, ...), or (1, ...) for all runs. Or a DataFrame with the unknowns as columns. Or a
        sample of a box whose keys are the unknowns. Nothing is copied that can be read as it is.
    unknowns : sequence of Symbol, IndexedBase or MatrixSymbol
        The scalars first.
    rng : seed or numpy.random.Generator, optional
        For a sample that has none.
    dtype : {"float64", "float32"}
        In which all numbers must be finite.

    Raises
    ------
    InputError
        When a number is missing, is not real or not finite, or a shape does not fit.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y")
    >>> starts, shapes = starts_of({x: [1, 2, 3], "y": 0}, [x, y])
    >>> starts.points(0, 2)
    array([[1., 0.],
           [2., 0.]])
    """
    if isinstance(given, Sample):
        given.box.hold_finite(dtype)
        return given.with_rng(rng).over(unknowns)
    if rng is not None:
        raise InputError(
            "rng was given, and the starts are not drawn: they are numbers. Give a seed with "
            "symadamax.sample(box, count) alone."
        )
    return given_starts(given, unknowns, dtype)


def matched(starts: Starts, counts: Mapping[str, int | None]) -> Starts:
    """Return starts for as many runs as there are numbers elsewhere: a single one is repeated.

    Parameters
    ----------
    starts : Starts
    counts : mapping of str to int or None
        The lengths of other arrays by what they are called, None for what is one number.

    Raises
    ------
    InputError
        When they are for different numbers of runs.
    """
    count = common_count(counts)
    if count is None or count == len(starts):
        return starts
    if len(starts) == 1:
        return Given((starts.points(0, 1),), count)
    named = listed([name for name, length in counts.items() if length is not None])
    raise InputError(
        f"There are {len(starts)} starts, and {count} numbers for {named}; accepted is one number "
        "for each start, or a single start for all of them."
    )

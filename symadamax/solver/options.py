"""Options: what surrounds the equations of Adamax in a run, as arrays for the compiled loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.points import Symbol, by_symbol
from symadamax.solver.adamax import Adamax, State
from symadamax.solver.bounds import bounds_of
from symadamax.solver.problem import Problem
from symadamax.solver.rates import is_number

__all__ = ["Options", "frozen_of", "gather"]

Array = npt.NDArray[Any]


class Options(NamedTuple):
    """What `_core.Run` reads beside the equations; None where there is none of it.

    Attributes
    ----------
    maximize : bool
    l2, weight_decay, clip_norm, clip_value : float
        As in `Adamax`; infinite where nothing is clipped.
    scheduled : bool
        Whether learning rates are fed to the loop.
    lower, upper : ndarray, shape (n,), or None
        The bounds, of the run's dtype.
    frozen : ndarray of bool, shape (n,), or None
    mean : ndarray, shape (n,), or None
        The decaying mean of the points, which the loop writes.
    """

    maximize: bool
    l2: float
    weight_decay: float
    clip_norm: float
    clip_value: float
    scheduled: bool
    lower: Array | None
    upper: Array | None
    frozen: Array | None
    mean: Array | None


def gather(
    method: Adamax, problem: Problem, state: State | None, bounds: Any, frozen: Any, maximize: bool
) -> Options | None:
    """Return the options of a run, or None where it has none."""
    start, unknowns = problem.start, problem.unknowns
    lower, upper = bounds_of(bounds, unknowns, start) if bounds is not None else (None, None)
    options = Options(
        maximize,
        method.l2,
        method.weight_decay,
        method.clip_norm or np.inf,
        method.clip_value or np.inf,
        not is_number(method.learning_rate),
        lower,
        upper,
        frozen_of(frozen, unknowns) if frozen is not None else None,
        _mean(state, start) if method.average else None,
    )
    return None if _are_none(options) else options


def _are_none(options: Options) -> bool:
    numbers = options.maximize, options.l2, options.weight_decay, options.scheduled
    arrays = options.lower, options.frozen, options.mean
    clips = min(options.clip_norm, options.clip_value)
    return not any(numbers) and clips == np.inf and all(array is None for array in arrays)


def frozen_of(given: Any, unknowns: Sequence[Symbol]) -> Array | None:
    """Return the mask of the unknowns that do not move, None where all do."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, (Sequence, Set)):
        raise InputError(
            f"frozen is {given!r}; accepted is a sequence of unknowns or their names, such as [x]."
        )
    listed = list(unknowns)
    try:
        chosen = by_symbol(dict.fromkeys(given, True), listed, "unknown", "frozen")
    except TypeError as error:  # what cannot be a key is no unknown
        raise InputError(f"frozen is {given!r}; it must consist of unknowns or names.") from error
    if not chosen:
        return None
    if len(chosen) == len(listed):
        raise InputError("All unknowns are frozen: there is nothing to optimise.")
    return np.fromiter((symbol in chosen for symbol in listed), bool, len(listed))


def _mean(state: State | None, start: Array) -> Array:
    """Return the mean that the run goes on with, an array of its own."""
    if state is None or (state.mean is None and state.step == 0):
        return np.zeros_like(start)
    if state.mean is None:
        raise InputError(
            "average=True was given with a state of a run without it, so the mean of its points is "
            "missing. Start with average=True, or go on without it."
        )
    return state.mean.copy()

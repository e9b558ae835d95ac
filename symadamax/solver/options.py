"""Options: what surrounds the equations of Adamax in a run, as arrays for the compiled loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.points import by_symbol
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
    start, lower, upper, mask = problem.start, None, None, None
    if bounds is not None:
        lower, upper = bounds_of(bounds, partial(_places, problem), problem.names, start)
    if frozen is not None:
        mask = frozen_of(frozen, _places(problem), len(start))
    options = Options(
        maximize,
        method.l2,
        method.weight_decay,
        method.clip_norm or np.inf,
        method.clip_value or np.inf,
        not is_number(method.learning_rate),
        lower,
        upper,
        mask,
        _mean(state, start) if method.average else None,
    )
    return None if _are_none(options) else options


def _are_none(options: Options) -> bool:
    numbers = options.maximize, options.l2, options.weight_decay, options.scheduled
    arrays = options.lower, options.frozen, options.mean
    clips = min(options.clip_norm, options.clip_value)
    return not any(numbers) and clips == np.inf and all(array is None for array in arrays)


def _places(problem: Problem) -> dict[Any, Any]:
    """Return where the numbers of each unknown stand in the start."""
    everywhere = np.arange(len(problem.start))
    return problem.point(everywhere) or dict(zip(problem.unknowns, everywhere, strict=True))


def frozen_of(given: Any, places: Mapping[Any, Any], size: int) -> Array | None:
    """Return the mask of the numbers that do not move, None where all do."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, (Sequence, Set)):
        raise InputError(
            f"frozen is {given!r}; accepted is a sequence of unknowns or their names, such as [x]."
        )
    try:
        chosen = by_symbol(dict.fromkeys(given, True), list(places), "unknown", "frozen")
    except TypeError as error:  # what cannot be a key is no unknown
        raise InputError(f"frozen is {given!r}; it must consist of unknowns or names.") from error
    mask = np.zeros(size, bool)
    for unknown in chosen:
        mask[places[unknown]] = True
    if mask.all():
        raise InputError("All unknowns are frozen: there is nothing to optimise.")
    return mask if chosen else None


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

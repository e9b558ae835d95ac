"""A Result as the pictures see it: names, steps, points, values, and where the minimum is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.viewer.wording import formula, number, plain

__all__ = ["Run", "read_run"]

Array = npt.NDArray[np.float64]

# More points than pixels: a longer history is thinned evenly before it is drawn.
MOST_ROWS = 5_000
# The widest axes that matplotlib divides into ticks without overflow, with room to spare.
FARTHEST = 1e100


@dataclass(frozen=True)
class Run:
    """What a picture shows of a result.

    Attributes
    ----------
    objective : Objective or None
        What was minimised; None for a Python function, which cannot be drawn.
    names : tuple of str
        The unknowns, as plain text.
    steps, points, values : ndarray of shape (kept,), (kept, n), (kept,)
        The recorded path, as far as it can be drawn.
    minimum, minimum_value : ndarray of shape (n,), float
        The point that is marked.
    known : bool
        Whether the caller gave the minimum; if not, it is the best point of the run.
    formula, settings : str
        The two lines of the title.
    """

    objective: Any
    names: tuple[str, ...]
    steps: npt.NDArray[np.int64]
    points: Array
    values: Array
    minimum: Array
    minimum_value: float
    known: bool
    formula: str
    settings: str

    @property
    def place_name(self) -> str:
        """What the marked point is called."""
        return "minimum" if self.known else "best point"

    @property
    def value_name(self) -> str:
        """What the value at the marked point is called."""
        return "minimum" if self.known else "best value"


def read_run(result: Any, minimum: Any = None) -> Run:
    """Return what a picture needs of the result, or refuse with what to do instead."""
    history = _history(result)
    objective, names = result.objective, tuple(map(plain, history.names))
    steps, points, values = _rows(history)
    place, height = _minimum(result, minimum)
    return Run(
        objective=objective,
        names=names,
        steps=steps,
        points=points,
        values=values,
        minimum=place,
        minimum_value=height,
        known=minimum is not None,
        formula="a Python function" if objective is None else formula(objective.expression, names),
        settings=f"Adamax, {_rate(result.method.learning_rate)}",
    )


def _history(result: Any) -> Any:
    """Return the history of a result that has one."""
    if not (hasattr(result, "history") and hasattr(result, "best_x")):
        raise InputError(f"A picture is drawn of what minimize returned, not of {result!r:.80}.")
    if result.history is None:
        raise InputError(
            "The result has no history to draw: run it with minimize(..., record=1), "
            "which keeps every step (record=10 keeps every tenth)."
        )
    return result.history


def _rows(history: Any) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Return the steps, points and values that can be drawn, at most `MOST_ROWS` of them."""
    steps = np.asarray(history.step)
    chosen = np.linspace(0, len(steps) - 1, min(len(steps), MOST_ROWS)).round().astype(np.int64)
    points = np.asarray(history.x, dtype=np.float64)[chosen]
    values = np.asarray(history.fun, dtype=np.float64)[chosen]
    drawable = np.all(np.abs(points) < FARTHEST, axis=1) & (np.abs(values) < FARTHEST)
    if not drawable.any():
        raise InputError(
            f"No recorded step has its coordinates and its value within {FARTHEST:g}: there is "
            "nothing to draw."
        )
    return steps[chosen][drawable], points[drawable], values[drawable]


def _rate(rate: Any) -> str:
    return f"learning rate {number(rate)}" if isinstance(rate, float) else "a schedule of its rate"


def _best(result: Any) -> tuple[Array, float]:
    """Return the best point that was seen; of one among many runs, that of the rows it kept."""
    if result.best_x is not None:
        return np.asarray(result.best_x, dtype=np.float64), float(result.best_fun)
    values = np.append(result.history.fun, result.fun)
    best = int(np.nanargmin(values))
    point = result.x if best == len(result.history) else result.history.x[best]
    return np.asarray(point, dtype=np.float64), float(values[best])


def _minimum(result: Any, minimum: Any) -> tuple[Array, float]:
    """Return the point to mark and its value: the one that is known, or the best that was seen."""
    if minimum is None:
        return _best(result)
    if result.objective is None:
        raise InputError("minimum= needs an objective in SymPy: this run was of a Python function.")
    place = result.objective.point_array([minimum] if np.isscalar(minimum) else minimum)
    return place, float(result.objective.value(place))

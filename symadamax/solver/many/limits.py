"""Limits: the bounds of many runs, and what is frozen; starts beyond them are refused by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.solver.many.starts import Starts
from symadamax.solver.many.task import Task
from symadamax.solver.options import gather
from symadamax.solver.problem import Problem, prepare

__all__ = ["hold_within", "limits_of", "problem_of"]

Array = npt.NDArray[Any]

ROWS = 65_536  # looked at together


def limits_of(task: Task, point: Array) -> tuple[Array | None, Array | None]:
    """Return the bounds, lower over upper, and the mask of what is frozen; None for neither."""
    if task.bounds is None and task.frozen is None:
        return None, None
    method = task.method.of_run(0) if task.method.count else task.method
    start = point.astype(task.dtype)
    problem = problem_of(task, start)._replace(start=start)
    options = gather(method, problem, None, task.bounds, task.frozen, False)
    if options is None or options.lower is None or options.upper is None:
        return None, options.frozen if options else None
    return np.stack([options.lower, options.upper]), options.frozen


def hold_within(task: Task, starts: Starts, names: Sequence[str]) -> None:
    """Refuse bounds and frozen unknowns that cannot be used, and a start beyond the bounds."""
    if (task.bounds is None and task.frozen is None) or not len(starts):
        return
    limits, _ = limits_of(task.part(0, 1), starts.points(0, 1)[0])
    if limits is None:
        return
    for first in range(0, len(starts), ROWS):
        points = starts.points(first, min(first + ROWS, len(starts))).astype(task.dtype)
        outside = (points < limits[0]) | (points > limits[1])
        if outside.any():
            row, k = (int(place) for place in np.argwhere(outside)[0])
            raise InputError(
                f"The bound ({limits[0, k]}, {limits[1, k]}) of {names[k]!r} does not hold at "
                f"start {first + row}, {points[row, k]}."
            )


def problem_of(task: Task, point: Array) -> Problem:
    """Return what the runs of a task minimise, with the first parameters."""
    objective = task.objective
    if not task.is_symbolic:
        return prepare(objective, point, None, None, "native", task.dtype)
    if task.parameters:
        objective = objective.with_parameters({key: v[0] for key, v in task.parameters.items()})
    bound = objective.bound(task.shapes, "native", task.dtype, threads=1)
    return Problem(
        bound.function, bound.context, point, objective, task.shapes, bound.owner,
        update=bound.update,
    )  # fmt: skip

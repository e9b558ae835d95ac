"""Description: what was asked of many runs, and from it what a single one of them says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax._core import Status
from symadamax.points import Shapes, shaped
from symadamax.solver.adamax import Adamax
from symadamax.solver.columns import Column
from symadamax.solver.history import History
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.starts import Starts
from symadamax.solver.result import REJECTED, Result, sentence, succeeded, where
from symadamax.solver.stop import Stop

__all__ = ["Description"]

# What was not finite is not kept of each run; these stand for it in the sentences.
TROUBLE = {
    Status.VALUE_NOT_FINITE: "not finite",
    Status.GRADIENT_NOT_FINITE: "an unknown is not finite",
    Status.POINT_NOT_FINITE: "an unknown beyond all finite numbers",
    Status.SCHEDULE_FAILED: "it is not finite, or below 0",
    Status.OBJECTIVE_FAILED: "it raised an error",
    Status.CALLBACK_FAILED: "it raised an error",
}


@dataclass(frozen=True, eq=False)
class Description:
    """What was asked for, in which all runs are the same or are told apart by their numbers.

    Attributes
    ----------
    total : int
        How many runs.
    method : Adamax
    stop : Stop
    names : sequence of str
        What the numbers of a point are called.
    objective : Objective or None
        None of a Python function.
    shapes : mapping of IndexedBase to shape
        Those of arrays of unknowns.
    starts : Starts or None
    parameters : mapping of symbol (or its name) to Column
        Those parameters that have a number for each run.
    """

    total: int
    method: Adamax
    stop: Stop
    names: Sequence[str]
    objective: Any = None
    shapes: Shapes = field(default_factory=dict)
    starts: Starts | None = None
    parameters: Mapping[Any, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", dict(self.shapes))  # as it came it may not pickle

    def result_of(self, runs: Runs, row: int, history: History | None = None) -> Result:
        """Return a row as the Result of a single run, with the settings and the objective of it."""
        number, nit = int(runs.number[row]), int(runs.nit[row])
        status = Status(int(runs.status[row]))
        failed_at_start = _failed_at_start(runs, row)
        if failed_at_start:
            point = where(self.names, runs.x[row])
            message = f"The objective is not finite at the start, {point}: the run did not begin."
        else:
            message = sentence(status, nit, self.stop, TROUBLE.get(status, ""))
        return Result(
            x=runs.x[row].copy(),
            fun=float(runs.fun[row]),
            jac=runs.jac[row].copy(),
            nit=nit,
            nfev=_evaluations(runs, row, status, failed_at_start),
            status=status,
            success=succeeded(status, self.stop),
            message=message,
            point=self.point(runs.x[row]),
            best_x=None,
            best_fun=None,
            average_x=None,
            history=history,
            state=None,
            objective=self._objective_of(number),
            method=self.method.of_run(number),
        )

    def point(self, x: npt.NDArray[Any]) -> dict[Any, Any] | None:
        """Return a point by unknown; None of a Python function, which has none."""
        if self.objective is None:
            return None
        return shaped(x, self.objective.unknowns, self.shapes)

    def _objective_of(self, number: int) -> Any:
        """Return the objective with the parameters of one run."""
        if self.objective is None or not self.parameters:
            return self.objective
        own = {key: values[number] for key, values in self.parameters.items()}
        return self.objective.with_parameters(own)


def _evaluations(runs: Runs, row: int, status: Status, failed_at_start: bool) -> int:
    """Return how often the objective was evaluated: never of a run that nobody began."""
    if status >= 0 and np.isnan(runs.fun[row]):
        return 0
    return int(runs.nit[row]) + 1 + (status in REJECTED and not failed_at_start)


def _failed_at_start(runs: Runs, row: int) -> bool:
    """Tell whether something was not finite at the start itself."""
    finite = np.isfinite(runs.fun[row]) and np.isfinite(runs.jac[row]).all()
    return bool(runs.status[row] < 0 and runs.nit[row] == 0 and not finite)

"""Task: what many runs have in common, all but the points; it can be sent elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.points import Shapes
from symadamax.solver.adamax import Adamax
from symadamax.solver.columns import Column
from symadamax.solver.history import Record
from symadamax.solver.stop import Stop

__all__ = ["Task"]


@dataclass(frozen=True, eq=False)
class Task:
    """What is done from each start.

    Attributes
    ----------
    objective : Objective or callable
    method : Adamax
        Its columns have an entry for each run.
    stop : Stop
    steps : int
    dtype : {"float64", "float32"}
    shapes : mapping of IndexedBase to shape
        Those of arrays of unknowns, which stand behind the scalars in a point.
    parameters : mapping of symbol (or its name) to Column
        The parameters that differ from run to run.
    bounds, frozen : object
        As `minimize` takes them.
    record : Record or None
    rates : ndarray of float64 or None
        Of a schedule, the learning rates by step: as far as they can be used.
    trouble : str
        Why they go no further.
    """

    objective: Any
    method: Adamax
    stop: Stop
    steps: int
    dtype: str = "float64"
    shapes: Shapes = field(default_factory=dict)
    parameters: Mapping[Any, Column] = field(default_factory=dict)
    bounds: Any = None
    frozen: Any = None
    record: Record | None = None
    rates: npt.NDArray[np.float64] | None = None
    trouble: str = ""

    def part(self, first: int, last: int) -> Task:
        """Return the task of the runs first, ..., last - 1."""
        return replace(
            self,
            method=self.method.of_runs(first, last),
            parameters={key: values[first:last] for key, values in self.parameters.items()},
        )

    @property
    def is_symbolic(self) -> bool:
        """Whether the objective is an Objective, and not a Python function."""
        return hasattr(self.objective, "stages")

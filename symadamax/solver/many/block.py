"""One block of runs: points in, ended runs out; on lanes, or one after another.

Lanes are for objectives without sums, with settings that need no sight of all unknowns at once.
The bits are those of single runs on either way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symadamax import _core
from symadamax._core import Status
from symadamax.compiler.llvm_lanes import Watch
from symadamax.solver.adamax import Adamax
from symadamax.solver.history import History
from symadamax.solver.many.limits import limits_of, problem_of
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.summary import Digest
from symadamax.solver.many.task import Task
from symadamax.solver.options import gather
from symadamax.solver.rates import Ready, is_number
from symadamax.solver.session import Session

if TYPE_CHECKING:
    from symadamax.objective import Objective

__all__ = ["Block", "Watcher", "fits_lanes", "run_block"]

Array = npt.NDArray[Any]

MOST_TABLES = 256  # values of beta1 for which 1 - beta1**t is tabulated
LONGEST_TABLE = 65_536


class Watcher:
    """What a block tells while it runs, and asks: nothing by default."""

    def ended(self, runs: int) -> None:
        """Take note that so many of its runs have ended."""

    def cancelled(self) -> bool:
        """Tell whether it is to end where it stands."""
        return False


class Block(NamedTuple):
    """Ended runs, or what is kept of them.

    Attributes
    ----------
    runs : Runs
    histories : tuple of History or None
        Where these were asked for.
    digest : Digest or None
        Of all runs of the block, where `runs` are the best of them alone.
    first : int
        The number of its first run.
    """

    runs: Runs
    histories: tuple[History, ...] | None = None
    digest: Digest | None = None
    first: int = 0

    @property
    def rows(self) -> int:
        """How many runs it stands for."""
        return self.runs.rows if self.digest is None else sum(self.digest.counts.values())

    @property
    def finished(self) -> bool:
        """Whether all its runs came to their own end."""
        counts = Digest.counted(self.runs) if self.digest is None else self.digest.counts
        return Status.INTERRUPTED not in counts and Status.TIME_LIMIT not in counts


def run_block(task: Task, points: Array, watcher: Watcher | None = None) -> Block:
    """Return how the runs from some points end.

    Parameters
    ----------
    task : Task
        The part for these runs alone.
    points : ndarray of float64, shape (m, n)
    watcher : Watcher, optional

    Returns
    -------
    Block
        The rows are numbered from 0.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.objective import Objective
    >>> from symadamax.solver import Adamax, Stop
    >>> x = sp.Symbol("x")
    >>> task = Task(Objective(x**2), Adamax(learning_rate=0.1), Stop(), steps=100)
    >>> run_block(task, np.array([[1.0], [-3.0]])).runs.nit
    array([100, 100])
    """
    watcher = watcher or Watcher()
    if not len(points):
        return Block(Runs.never_begun(0, 0, points.shape[1], task.dtype))
    return _on_lanes(task, points, watcher) if fits_lanes(task) else _in_turn(task, points, watcher)


def fits_lanes(task: Task) -> bool:
    """Tell whether the runs of a task can be computed side by side."""
    from symadamax.compiler import has_llvm

    return (
        task.is_symbolic
        and not task.objective.stages.ir.has_loops
        and task.method.clip_norm is None
        and task.record is None
        and has_llvm()
    )


# ---- on lanes ------------------------------------------------------------------------------------


def _on_lanes(task: Task, points: Array, watcher: Watcher) -> Block:
    rows = left = len(points)
    runs = Runs.never_begun(0, rows, points.shape[1], task.dtype)
    lanes, early = _lanes(task, points, runs), Status.TIME_LIMIT
    while left:
        if watcher.cancelled():
            early = Status.INTERRUPTED
            lanes.end(early)
            break
        left = lanes.advance()
        watcher.ended(rows - left)
    runs.status[lanes.begun :] = early
    return Block(runs)


def _lanes(task: Task, points: Array, runs: Runs) -> _core.Lanes:
    """Return the deck of lanes that does the runs, and writes how they end."""
    objective, method = task.objective, task.method
    limits, frozen = limits_of(task, points[0])
    watch = _watch(task)._replace(
        bounded=limits is not None,
        frozen=() if frozen is None else tuple(np.flatnonzero(frozen).tolist()),
    )
    compiled = objective.stages.lanes(task.dtype, watch)
    tables, which = _corrections(method.beta1, task.steps)
    return _core.Lanes(
        compiled.function,
        objective.compiled("native", task.dtype).function,
        np.ascontiguousarray(points, np.float64),
        _context(task, len(points)),
        _columns(method),
        tables,
        which,
        task.rates,
        task.stop,
        task.steps,
        compiled.row,
        compiled.value_row,
        (runs.x, runs.jac, runs.fun, runs.status, runs.nit),
        compiled.owner,
        limits,
        frozen,
    )


def _watch(task: Task) -> Watch:
    method, stop = task.method, task.stop
    gtol, ftol, xtol, target = (
        criterion is not None for criterion in (stop.gtol, stop.ftol, stop.xtol, stop.target)
    )
    settling = method.epsilon_placement == "none" or not np.all(method.epsilon)
    options = method.clip_value is not None or bool(
        np.any(method.l2) or np.any(method.weight_decay)
    )
    return Watch(gtol, ftol, xtol, target, settling, options)


def _columns(method: Adamax) -> list[Array]:
    """Return the settings in the order in which `_core.Lanes` takes them."""
    rate = method.learning_rate if is_number(method.learning_rate) else 0.0
    inside = method.epsilon if method.epsilon_placement == "maximum" else 0.0
    outside = method.epsilon if method.epsilon_placement == "denominator" else 0.0
    clip = np.inf if method.clip_value is None else method.clip_value
    settings = (rate, method.beta1, method.beta2, inside, outside, method.l2, clip,
                method.weight_decay)  # fmt: skip
    return [np.atleast_1d(np.asarray(setting, np.float64)) for setting in settings]


def _corrections(beta1: Any, steps: int) -> tuple[list[tuple[Array, bool]], Array]:
    """Return what 1 - beta1**t is, in tables where that is of use, and which table a run has."""
    values, which = np.unique(np.atleast_1d(np.asarray(beta1, np.float64)), return_inverse=True)
    if len(values) > MOST_TABLES:  # computed at each step, with the same bits
        return [(np.empty(0), False)], np.zeros(1, np.int64)
    tables = []
    for value in values.tolist():
        table, complete = _core.corrections(value, min(steps, LONGEST_TABLE))
        tables.append((np.array(table, np.float64), complete))
    return tables, which.astype(np.int64)


def _context(task: Task, rows: int) -> Array:
    """Return the values of the parameters: a row for each run, or one for all."""
    objective: Objective = task.objective
    if not task.parameters:
        return objective.parameter_array("float64").reshape(1, -1).copy()
    context = np.empty((rows, len(objective.parameters)))
    by_name = {str(key): values for key, values in task.parameters.items()}
    for place, (symbol, value) in enumerate(objective.parameters.items()):
        context[:, place] = by_name.get(symbol.name, value)
    return context


# ---- one after another ---------------------------------------------------------------------------


def _in_turn(task: Task, points: Array, watcher: Watcher) -> Block:
    rows = len(points)
    runs = Runs.never_begun(0, rows, points.shape[1], task.dtype)
    histories: list[Any] = []
    make = _maker(task, points)
    deadline = time.monotonic() + (task.stop.seconds or np.inf)
    for k, point in enumerate(points):
        seconds = deadline - time.monotonic()
        if watcher.cancelled() or seconds <= 0:
            runs.status[k:] = Status.INTERRUPTED if seconds > 0 else Status.TIME_LIMIT
            break
        session = make(k, point.astype(task.dtype), seconds)
        runs.status[k] = _finish(session, watcher)
        runs.x[k], runs.jac[k], *_ = session.run.copy_slot()
        runs.fun[k], runs.nit[k] = session.run.fun, session.run.nit
        histories.append(session.history())
        watcher.ended(k + 1)
    return Block(runs, tuple(histories) if task.record else None)


def _maker(task: Task, points: Array) -> Callable[[int, Array, float], Session]:
    """Return what makes the session of a run, from its number, its start and what time is left."""
    # What is found out here is copied with the objective: each further one takes a third as long.
    first = problem_of(replace(task, parameters={}), points[0])
    shared = None if task.parameters else first

    def make(k: int, start: Array, seconds: float) -> Session:
        single = task.part(k, k + 1)
        method = single.method.of_run(0) if single.method.count else single.method
        problem = (shared or problem_of(single, start))._replace(start=start)
        stop = task.stop if task.stop.seconds is None else replace(task.stop, seconds=seconds)
        options = gather(method, problem, None, task.bounds, task.frozen, False)
        session = Session(problem, method, stop, task.steps, None, task.record, options)
        if task.rates is not None:
            session.rates = Ready(task.rates, task.trouble)
        return session

    return make


def _finish(session: Session, watcher: Watcher) -> Status:
    """Run to the end; a start that is not finite is one, too."""
    status = session.run.start()
    while status == Status.RUNNING:
        if watcher.cancelled():
            return Status.INTERRUPTED
        status = session.go_on()
    return status

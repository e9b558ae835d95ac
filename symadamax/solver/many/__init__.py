"""minimize_many: many starts of one objective; starts in, blocks of compiled runs, Results out.

Read in this order: `starts`, `sample` and `given` say where runs begin; `task` is what they have in
common; `block` does some of them, on lanes; `conduct` does all, on threads, and `executors`
elsewhere; `collect` keeps what comes of it, `checkpoint` in a file; `results` shows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symadamax._core import Status
from symadamax.errors import InputError
from symadamax.points import by_symbol
from symadamax.solver.adamax import Adamax
from symadamax.solver.checks import natural, truth
from symadamax.solver.columns import Column, parameters_of
from symadamax.solver.history import Record, as_record
from symadamax.solver.many.bar import Bar, Shown
from symadamax.solver.many.checkpoint import Checkpoint, checkpoint_path
from symadamax.solver.many.collect import All, Best, Keeping
from symadamax.solver.many.conduct import Sink, blocks_of, on_threads, threads_for
from symadamax.solver.many.executors import on_executor
from symadamax.solver.many.fingerprint import fingerprint
from symadamax.solver.many.given import is_table, width_of
from symadamax.solver.many.limits import hold_within
from symadamax.solver.many.minima import usual_tolerance
from symadamax.solver.many.results import Description, Results
from symadamax.solver.many.sample import Sample
from symadamax.solver.many.starts import Starts, matched, starts_of
from symadamax.solver.many.task import Task
from symadamax.solver.pools import Pool
from symadamax.solver.problem import (
    Entries,
    hold_bare,
    hold_dtype,
    is_function,
    names_of,
    objective_of,
)
from symadamax.solver.rates import Ready, is_number
from symadamax.solver.session import attach, hold_in_range
from symadamax.solver.stop import Stop

if TYPE_CHECKING:
    from symadamax.objective import Objective

__all__ = ["minimize_many"]

USUAL = Adamax()
NEVER = Stop()


def minimize_many(
    objective: Any,
    starts: Any,
    *,
    method: Adamax = USUAL,
    steps: int = 1000,
    stop: Stop | None = None,
    parameters: Any = None,
    data: Any = None,
    threads: int | None = None,
    record: int | Record | None = None,
    rng: Any = None,
    keep: str | int = "all",
    progress: bool = False,
    dtype: str = "float64",
    bounds: Any = None,
    frozen: Any = None,
    arithmetic: str | None = None,
    executor: Any = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Results:
    """Minimise a function from many starts with Adamax, compiled: each run for itself.

    Parameters
    ----------
    objective : sympy.Expr, Objective or callable
        As `minimize` takes it.
    starts : array, mapping, table or Sample
        An array of shape (B, n), in the order of the unknowns; a mapping of unknown (or its name)
        to an array of shape (B,), or to one number for all runs; a DataFrame with the unknowns as
        columns; or `symadamax.sample` of a box. A single start may stand for all runs, where
        settings or parameters are arrays.
    method : Adamax
        Its settings are numbers, or arrays of shape (B,) with one for each run.
    steps : int
        The number of steps of each run, at least 0.
    stop : Stop, optional
        When each run stops earlier; ``seconds`` are those of the whole call.
    parameters : mapping of symbol (or its name) to number or array of shape (B,), optional
    data : mapping or table, optional
        As `minimize` takes them; the same for all runs.
    threads : int, optional
        How many threads work. Default: one for each processor that this process may use.
    record : int or Record, optional
        Keep every so many steps of each run, the start first, in ``results.histories``. The runs
        are then computed one after another.
    rng : seed or numpy.random.Generator, optional
        For a sample that has none.
    keep : "all" or int
        The rows of all runs; or those of the k best alone, with a summary of all, so that the
        memory does not depend on the number of runs.
    progress : bool
        Show a bar with the number of ended runs and the best value, by tqdm.
    dtype : {"float64", "float32"}
        The type of points, gradients and state.
    bounds, frozen : optional
        As `minimize` takes them.
    arithmetic : {"portable", "precise", "relaxed"}, optional
        How machine code computes, as in `Objective`. Default: as the objective says.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Who does the runs instead of threads of this process: processes, a cluster of Dask, or MPI
        by ``mpi4py.futures``. The bits are the same whoever does.
    checkpoint : path, optional
        A file for the runs that have ended. It is written every few seconds and in the end; the
        same call goes on from it. A sample needs a seed then.

    Returns
    -------
    Results
        Ctrl-C also returns them, within a tenth of a second: runs under way end where they stand,
        with the status INTERRUPTED, and rows of runs that were not begun are NaN.

    Raises
    ------
    InputError
        When something given cannot be used.
    UnsupportedError
        When the expression cannot be compiled.
    WorkerError
        When no worker of the executor is left; the results so far are its attribute ``result``.

    Notes
    -----
    Run k has the bits of ``minimize(objective, start k, ...)``, whatever the number of threads, the
    width of the processor's vectors, and the runs beside it; in relaxed arithmetic, where LLVM may
    round otherwise on lanes, about the same numbers. A start where the objective is not finite is
    no error here: its run ends there with a status < 0.

    Runs of objectives without sums are computed on lanes, eight by each instruction. Those of
    objectives with sums and of Python functions, and all with ``clip_norm`` or `record`, are
    computed one after another on each thread.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y")
    >>> himmelblau = (x**2 + y - 11)**2 + (x + y**2 - 7)**2
    >>> results = minimize_many(himmelblau, {x: [1, -1, -1, 4], y: [1, 1, -1, -2]},
    ...                         method=Adamax(learning_rate=0.05))
    >>> results.x.round(3)
    array([[ 3.   ,  2.   ],
           [-2.805,  3.131],
           [-3.779, -3.283],
           [ 3.584, -1.848]])
    """
    stop, record = NEVER if stop is None else stop, as_record(record)
    _check_kinds(method, stop, keep, record, progress)
    hold_dtype(dtype)
    threads = None if threads is None else natural(threads, "threads", least=1)
    task, given = _task(
        objective, starts, method, stop, natural(steps, "steps"), parameters, data, record, rng,
        dtype, bounds, frozen, arithmetic,
    )  # fmt: skip
    pool = _pool(executor, threads)
    path = None if checkpoint is None else _path(checkpoint, task, starts, rng)
    return _solve(task, given, keep, threads, progress, pool, path)


def _pool(executor: Any, threads: int | None) -> Pool | None:
    if executor is None:
        return None
    if threads is not None:
        raise InputError(
            f"threads={threads} and an executor were given; the executor's workers compute."
        )
    return Pool(executor)


def _path(checkpoint: Any, task: Task, starts: Any, rng: Any) -> Path:
    """Return where runs are saved, if they can be gone on with."""
    if task.record is not None:
        raise InputError("record was given with checkpoint, which keeps no histories.")
    if task.is_symbolic and task.objective.rows is not None:
        raise InputError("checkpoint was given with rows, which may have changed when it is read.")
    if isinstance(starts, Sample) and starts.method != "grid" and starts.seed is rng is None:
        raise InputError(
            "checkpoint was given, and the sample has no seed, so that the same call would have "
            "other starts: give rng."
        )
    return checkpoint_path(checkpoint)


def _task(
    objective: Any, starts: Any, method: Adamax, stop: Stop, steps: int, parameters: Any, data: Any,
    record: Record | None, rng: Any, dtype: str, bounds: Any, frozen: Any, arithmetic: str | None,
) -> tuple[Task, Starts]:  # fmt: skip
    """Return what the runs have in common, and where they start."""
    hold_in_range(method, np.dtype(dtype))
    columns: dict[Any, Column] = {}
    if is_function(objective):
        hold_bare(parameters, data, arithmetic)
        points, shapes = starts_of(starts, _entries(starts), rng, dtype)
    else:
        numbers, by_key = parameters_of(parameters)
        given = None if parameters is None else numbers
        objective = objective_of(objective, given, data, arithmetic)
        columns = _by_symbol(objective, by_key, dtype)
        points, shapes = starts_of(starts, objective.unknowns, rng, dtype)
    counts = {f"the parameter {symbol}": len(values) for symbol, values in columns.items()}
    points = matched(points, {"the settings of the method": method.count, **counts})
    task = Task(
        objective, method, stop, steps, dtype, dict(shapes), columns, bounds, frozen, record
    )
    if not is_number(method.learning_rate):
        ready = Ready.of(method.learning_rate, steps)
        task = replace(task, rates=ready.rates, trouble=ready.trouble)
    return task, points


def _entries(starts: Any) -> Entries:
    """Return the unknowns of a Python function, of which the starts say how many there are."""
    if isinstance(starts, Mapping) or is_table(starts):
        raise InputError(
            "The starts are by name, and a Python function has no symbols; give an array of shape "
            "(B, n)."
        )
    return Entries(len(starts.box.low) if isinstance(starts, Sample) else width_of(starts))


def _by_symbol(
    objective: Objective, columns: Mapping[Any, Column], dtype: str
) -> dict[Any, Column]:
    """Return the columns of parameters by symbol, held to be finite in the run's dtype."""
    found = by_symbol(columns, list(objective.parameters), "parameter", "parameters")
    for symbol, values in found.items():
        with np.errstate(over="ignore"):
            good = np.isfinite(values.values.astype(dtype))
        if not good.all():
            place = int(good.argmin())
            raise InputError(
                f"parameters[{symbol}][{place}] is {values[place]}; it must be finite in {dtype}."
            )
    return found


def _solve(
    task: Task, starts: Starts, keep: str | int, threads: int | None, progress: bool,
    pool: Pool | None, path: Path | None,
) -> Results:  # fmt: skip
    """Do the runs, and return what is kept of them."""
    count, size = len(starts), _size(task, starts)
    kept: All | Best
    keeping = Keeping(None if keep == "all" else int(keep), usual_tolerance(task.method))
    if keeping.best is None:
        kept = All(keeping, count, size, task.dtype, task.record is not None)
    else:
        kept = Best(keeping, count, size, task.dtype)
    names = names_of(_symbolic(task), task.shapes, size)
    hold_within(task, starts, names)
    asked = Description(
        count, task.method, task.stop, names, _symbolic(task), task.shapes, starts,
        task.parameters,
    )  # fmt: skip

    def results() -> Results:
        return Results(kept.runs, asked, kept.digest, kept.histories)

    try:
        with Bar(count) if progress else nullcontext() as bar:
            reason = _conducted(task, starts, threads, pool, path, kept, bar)
    except KeyboardInterrupt:  # before the first run, or raised by a Python function
        reason = Status.INTERRUPTED
    except Exception as error:
        kept.finish(Status.INTERRUPTED)
        attach(error, results())
        raise
    kept.finish(reason)
    return results()


def _conducted(
    task: Task, starts: Starts, threads: int | None, pool: Pool | None, path: Path | None,
    kept: All | Best, bar: Bar | None,
) -> Status:  # fmt: skip
    """Do the runs, on threads or an executor, those that are in no file; say what ended them."""
    blocks, begin = blocks_of(task, len(starts)), 0
    sink: Sink = Shown(kept, bar) if bar else kept
    saving: AbstractContextManager[object] = nullcontext()
    if path is not None:
        mark = fingerprint(task, starts, keep=kept.keeping, blocks=blocks[:1])
        sink = saving = Checkpoint(path, mark, kept, sink, blocks)
        begin = sink.restore()
    with saving:
        if pool is not None:
            return on_executor(task, starts, pool, sink, begin)
        return on_threads(task, starts, threads_for(len(blocks), threads), sink, begin)


def _symbolic(task: Task) -> Objective | None:
    return task.objective if task.is_symbolic else None


def _size(task: Task, starts: Starts) -> int:
    """Return the number of unknowns, arrays counted by their numbers."""
    if not task.is_symbolic:
        return int(starts.points(0, min(1, len(starts))).shape[1])
    scalars = len(task.objective.unknowns) - len(task.shapes)
    return scalars + sum(math.prod(shape) for shape in task.shapes.values())


def _check_kinds(method: Any, stop: Any, keep: Any, record: Any, progress: Any) -> None:
    if not isinstance(method, Adamax):
        raise InputError(f"method is {method!r}; accepted is Adamax(...).")
    if method.average:
        raise InputError(
            "method has average=True, and minimize_many keeps no averaged iterates; use minimize "
            "for the runs whose average is wanted."
        )
    if not isinstance(stop, Stop):
        raise InputError(f"stop is {stop!r}; accepted is Stop(...) or None.")
    truth(progress, "progress")
    if isinstance(keep, str) and keep == "all":
        return
    if isinstance(keep, str):
        raise InputError(f"keep is {keep!r}; accepted is 'all' or a number of runs.")
    natural(keep, "keep", least=1)
    if record is not None:
        raise InputError("record was given with keep; histories are kept with keep='all' alone.")

"""One run, driven chunk by chunk: what happens between the compiled steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult

from symadamax import _core
from symadamax._core import Status
from symadamax.errors import InputError, require
from symadamax.points import in_lines
from symadamax.solver.adamax import Adamax, State
from symadamax.solver.columns import Column
from symadamax.solver.crew import at_work
from symadamax.solver.history import History, Record, allocate
from symadamax.solver.options import Options
from symadamax.solver.problem import Problem
from symadamax.solver.rates import Rates, Ready
from symadamax.solver.result import REJECTED, Result, sentence, succeeded, where
from symadamax.solver.stop import Stop

__all__ = ["Session", "attach", "hold_in_range"]

# The rows of a slot; the work array begins with the slot of the start.
X, GRADIENT, M, U = range(4)

# To fuse takes 20 ms of compiling. It saves 1 ns an unknown and step, and half of the memory.
WORTH = 20_000_000  # unknowns times steps
LARGE = 1_000_000  # unknowns above which memory is dear
MARCHING = 300_000  # steps, for which a march saves about half of what it takes to compile

Callback = Callable[[OptimizeResult], object]


class Session:
    """One run of the compiled loop, from its arrays to its Result.

    Parameters
    ----------
    problem : Problem
    method : Adamax
    stop : Stop
    steps : int
    state : State or None
    record : Record or None
    options : Options or None
    watched : bool
        Whether a callback will look at the run between steps.

    Raises
    ------
    InputError
        When the state does not fit the problem, or the history not into memory.
    """

    def __init__(
        self,
        problem: Problem,
        method: Adamax,
        stop: Stop,
        steps: int,
        state: State | None,
        record: Record | None,
        options: Options | None = None,
        watched: bool = False,
    ) -> None:
        size = len(problem.start)
        hold_in_range(method, problem.start.dtype)
        self.problem, self.method, self.stop, self.steps = problem, method, stop, steps
        self.every = record.every if record else 0
        self.whole: list[float] | None = [] if record and record.whole else None
        if self.whole is not None and problem.batches is None:
            raise InputError("record has whole=True, and each step sees all rows: give a batch.")
        self.rows = allocate(record, steps, size, problem.start.dtype.name) if record else None
        self.first = state.step if state else 0
        self.options = options
        # While rows are drawn nobody else may draw from the same generator.
        batches = problem.batches
        self.stream = batches.bit_generator.lock if batches else nullcontext()
        scheduled = options is not None and options.scheduled
        self.rates: Rates | Ready | None = None
        if scheduled:
            self.rates = Rates(method.learning_rate, self.first + steps)
        self.watched = watched
        self.march_owner: Any = None
        self.run = self._fused_run(state) or _core.Run(
            problem.function, problem.context, _work_array(problem.start, state), size, method,
            stop, self.first, steps, self.every, self.rows, options, self._march(),
        )  # fmt: skip

    def _march(self) -> Any:
        """Return what does many steps at once, where there are so many that it is worth compiling.

        It gives the same bits, and takes two thirds of the time for one unknown.
        """
        problem, objective = self.problem, self.problem.objective
        if (
            self.steps < MARCHING
            or objective is None
            or callable(problem.function)
            or objective.stages.ir.has_loops
            or self.options is not None
            or _looks(self.stop)
        ):
            return None
        found = objective.stages.march(problem.start.dtype.name)
        if found is None:
            return None
        march, self.march_owner = found
        return march

    def _fused_run(self, state: State | None) -> _core.Run | None:
        """Return a run in fused passes, where there is much to do and nobody looks between steps.

        It gives the same bits and needs half of the memory and of its bandwidth.
        """
        problem, method, stop = self.problem, self.method, self.stop
        if (
            not isinstance(problem.context, _core.Team)
            or problem.update is None
            or not _is_worth_fusing(len(problem.start), self.steps)
            or self.options is not None
            or self.rows is not None
            or self.watched
            or _looks(stop)
            or method.epsilon == 0
            or method.epsilon_placement == "none"
        ):
            return None
        start, update = problem.start, problem.update
        first = update.scalars
        m, u, *spare = (in_lines(len(start), start.dtype, first, row) for row in range(1, 5))
        _fill_moments(start, state, m, u)
        kept = np.empty((3, len(start)), start.dtype) if len(start) <= LARGE else None
        return _core.FusedRun(
            problem.context, (start, *spare), m, u, method, stop, self.first, self.steps,
            update.compiled(), first, update.past, kept,
        )  # fmt: skip

    def solve(self, callback: Callback | None, progress: bool) -> Result:
        """Run to the end, and return how it ended."""
        whole = self.problem.whole
        contexts = self.problem.context, whole.context if whole else None
        with self.problem.workers, at_work(*contexts):
            status = self._begin()
            try:
                with self._bar() if progress else nullcontext() as bar:
                    status = self._go_on(status, callback, bar)
            except KeyboardInterrupt:
                status = Status.INTERRUPTED
            return self.result(status)

    def go_on(self) -> Status:
        """Do more steps, for some milliseconds; no callback is called."""
        return self._advance(self.steps)

    def _begin(self) -> Status:
        with self.stream:
            status = self.run.start()
        if status < 0:
            point = where(self.problem.names, self.problem.start)
            what = "value is" if status == Status.VALUE_NOT_FINITE else "derivative for"
            raise InputError(
                f"The objective is not finite at the start, {point}: its {what} "
                f"{self._trouble(status, rejected=False)}. Start where it is finite."
            )
        return status

    def _go_on(self, status: Status, callback: Callback | None, bar: Any) -> Status:
        looks = callback is not None or self.whole is not None
        stride = (self.every or 1) if looks else max(self.steps, 1)
        pause = stride
        self._note_whole()
        while status == Status.RUNNING:
            status = self._advance(pause - self.run.nit)
            if bar is not None:
                bar.set_postfix_str(f"value {self.run.fun:.6g}", refresh=False)
                done = self.run.nit
                bar.update((done if self._unit == 1 else done / self._unit) - bar.n)
            if looks and self.run.nit == pause and status >= 0:
                pause += stride
                self._note_whole()
                if callback and not self._call(callback) and status == Status.RUNNING:
                    return Status.STOPPED_BY_CALLBACK
        return status

    def _note_whole(self) -> None:
        """Keep the value of all rows where the run stands, if that was asked for."""
        if self.whole is not None:
            x, gradient, _, _ = self.run.copy_slot()
            self.whole.append(self.problem.evaluate_whole(x, gradient))

    @property
    def _unit(self) -> int:
        """How many steps the bar counts as one."""
        return 1 if self.problem.batches is None else self.problem.batches.per_epoch

    def _advance(self, steps: int) -> Status:
        if self.rates is not None and self.run.hungry and not self._feed(self.rates, steps):
            return Status.SCHEDULE_FAILED
        try:
            with self.stream:
                return self.run.advance(steps)
        except Exception as error:
            self._attach(error, Status.OBJECTIVE_FAILED)
            raise

    def _feed(self, rates: Rates | Ready, steps: int) -> bool:
        """Hand the loop the next learning rates; False says that there is none."""
        try:
            ahead = rates.after(self.first + self.run.nit, steps)
        except Exception as error:
            self._attach(error, Status.SCHEDULE_FAILED)
            raise
        if len(ahead):
            self.run.feed(ahead)
        return len(ahead) > 0

    def _call(self, callback: Callback) -> bool:
        """Show the callback where the run stands; False says that it wants to end it."""
        run = self.run
        x, gradient, _, _ = run.copy_slot()
        seen = Result(x=x, fun=run.fun, jac=gradient, nit=run.nit)
        try:
            callback(seen)
        except StopIteration:
            return False
        except Exception as error:
            self._attach(error, Status.CALLBACK_FAILED)
            raise
        return True

    def _attach(self, error: Exception, status: Status) -> None:
        attach(error, self.result(status, repr(error)))

    def result(self, status: Status, trouble: str = "") -> Result:
        """Return the Result of a run that ended with this status."""
        run, objective, nit = self.run, self.problem.objective, self.run.nit
        evaluated_in_vain = status in REJECTED
        if status < 0 and not trouble:
            trouble = self._trouble(status, rejected=True)
        x, gradient, m, u = run.copy_slot()
        fun, best_x, best_fun = run.fun, run.best_x, run.best_fun
        batches, sample = self.problem.batches, None
        if batches is not None:
            best_x, sample = x.copy(), batches.state()
            fun = best_fun = self.problem.evaluate_whole(x, gradient)
        state = None  # a fused run that met something not finite has gone past it
        if m is not None:
            state = State._of_run(self.first + nit, m, u, self._mean(), sample=sample)
        return Result(
            x=x,
            fun=fun,
            jac=gradient,
            nit=nit,
            nfev=nit + 1 + evaluated_in_vain,
            status=status,
            success=succeeded(status, self.stop),
            message=sentence(status, nit, self.stop, trouble),
            point=self.problem.point(x),
            best_x=best_x,
            best_fun=best_fun,
            average_x=self._average(),
            history=self.history(),
            state=state,
            objective=objective,
            method=self.method,
        )

    def _bar(self) -> Any:
        """Return a progress bar in steps, or with batches in epochs."""
        tqdm: Any = require("tqdm", "cli", "progress=True")
        batches = self.problem.batches
        if batches is None:
            return tqdm.tqdm(total=self.steps, unit="step")
        form = "{l_bar}{bar}| {n:.2f}/{total:.2f} epochs [{elapsed}<{remaining}{postfix}]"
        return tqdm.tqdm(total=self.steps / batches.per_epoch, bar_format=form)

    def _mean(self) -> npt.NDArray[Any] | None:
        """Return a copy of the decaying mean of the points, where there is one."""
        mean = self.options.mean if self.options else None
        return None if mean is None else mean.copy()

    def _average(self) -> npt.NDArray[Any] | None:
        """Return the averaged iterate: the mean without its bias, within the bounds."""
        mean, t = self._mean(), self.first + self.run.nit
        if mean is None or self.options is None:
            return None
        if t == 0:
            return self.problem.start.copy()
        average: npt.NDArray[Any] = mean / mean.dtype.type(1 - self.method.beta2**t)
        lower, upper, frozen = self.options.lower, self.options.upper, self.options.frozen
        if frozen is not None:
            average[frozen] = self.problem.start[frozen]
        return average if lower is None else np.clip(average, lower, upper)

    def history(self) -> History | None:
        """Return the rows that were kept."""
        if self.rows is None:
            return None
        kept: list[Any] = [None if rows is None else rows[: self.run.rows] for rows in self.rows]
        step, fun, x, m, u = kept
        whole = None if self.whole is None else np.array(self.whole[: self.run.rows])
        return History(step, x, fun, m, u, self.problem.names, whole)

    def _trouble(self, status: Status, rejected: bool) -> str:
        """Return what is not finite at a point, as the sentences of the statuses want it."""
        run = self.run
        if status == Status.SCHEDULE_FAILED:
            return self.rates.trouble if self.rates else ""
        if status == Status.VALUE_NOT_FINITE:
            return str(run.rejected_value if rejected else run.fun)
        values = run.copy_slot(rejected)[GRADIENT if status == Status.GRADIENT_NOT_FINITE else X]
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        verb = "is" if status == Status.GRADIENT_NOT_FINITE else "to"
        return f"{self.problem.names[place]} {verb} {values[place]}"


def _looks(stop: Stop) -> bool:
    """Tell whether criteria look at each step."""
    return any(look is not None for look in (stop.gtol, stop.ftol, stop.xtol, stop.target))


def _is_worth_fusing(size: int, steps: int) -> bool:
    return size > LARGE or size * steps >= WORTH


def attach(error: Exception, result: object) -> None:
    """Let an exception carry what has been done."""
    with suppress(AttributeError, TypeError):  # an exception may forbid new attributes
        error.result = result  # type: ignore[attr-defined]
        error.add_note("The run so far is the attribute `result` of this exception.")


def hold_in_range(method: Adamax, dtype: np.dtype[Any]) -> None:
    """Refuse settings that would become 0 or infinite in the run's dtype."""
    if dtype == np.float64:
        return
    names = ("learning_rate", "epsilon", "weight_decay", "l2", "clip_norm", "clip_value")
    for name in names:
        value = getattr(method, name)
        if not isinstance(value, (float, Column)):  # a schedule, or None
            continue
        given = np.atleast_1d(np.asarray(value, np.float64))
        with np.errstate(all="ignore"):
            held = given.astype(dtype)
        bad = ~np.isfinite(held) | ((held == 0) != (given == 0))
        if bad.any():
            place = int(bad.argmax())
            which = f"{name}[{place}]" if isinstance(value, Column) else name
            raise InputError(
                f"{which} is {given[place]!s}, which becomes {held[place]!s} in {dtype}; use "
                "dtype='float64'."
            )


def _fill_moments(
    start: npt.NDArray[Any], state: State | None, m: npt.NDArray[Any], u: npt.NDArray[Any]
) -> None:
    """Write where a run begins into its own arrays for m and u."""
    if state is not None:
        _hold_fitting(start, state)
    m[:], u[:] = (0, 0) if state is None else (state.m, state.u)


def _hold_fitting(start: npt.NDArray[Any], state: State) -> None:
    if state.m.shape != start.shape or state.m.dtype != start.dtype:
        raise InputError(
            f"The state is of {state.m.size} unknowns in {state.m.dtype}, and the start of "
            f"{start.size} in {start.dtype}; they must agree."
        )


def _work_array(start: npt.NDArray[Any], state: State | None) -> npt.NDArray[Any]:
    """Return the array that the loop works in, with the start and the state in its first rows."""
    size = len(start)
    work = np.empty((_core.WORK_ROWS, _row_length(size, start.itemsize)), start.dtype)
    work[X, :size] = start
    if state is None:
        work[M : U + 1] = 0
        return work
    _hold_fitting(start, state)
    work[M, :size], work[U, :size] = state.m, state.u
    return work


def _row_length(size: int, itemsize: int) -> int:
    """Return the distance of two rows: whole cache lines, and none of the 11 rows 4 KB apart.

    A processor takes a load for one that waits for a store when their addresses agree modulo 4096.
    """
    used = size * itemsize
    if used < 1024:
        row = 64 * (used // 64 + 1 | 1)  # an odd number of lines
    else:
        row = used + (384 - used) % 4096
    return row // itemsize

"""minimize: one start; arrays in, chunks of compiled steps, a Result out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from symadamax.errors import InputError
from symadamax.solver.adamax import Adamax, State
from symadamax.solver.batches import Batches
from symadamax.solver.checks import natural, truth
from symadamax.solver.history import Record, as_record
from symadamax.solver.options import gather
from symadamax.solver.problem import prepare
from symadamax.solver.result import Result
from symadamax.solver.session import Session
from symadamax.solver.stop import Stop

__all__ = ["minimize"]

USUAL = Adamax()
NEVER = Stop()
STEPS = 1000


def minimize(
    objective: Any,
    start: Any,
    *,
    method: Adamax = USUAL,
    steps: int | None = None,
    stop: Stop | None = None,
    parameters: Any = None,
    data: Any = None,
    record: int | Record | None = None,
    callback: Callable[[OptimizeResult], object] | None = None,
    progress: bool = False,
    backend: str = "native",
    dtype: str = "float64",
    state: State | None = None,
    bounds: Any = None,
    frozen: Any = None,
    maximize: bool = False,
    threads: int | None = None,
    batch: Any = None,
    epochs: int | None = None,
    sampling: str = "shuffle",
    rng: Any = None,
    arithmetic: str | None = None,
    executor: Any = None,
) -> Result:
    r"""Minimise a function from one start with Adamax, compiled.

    Parameters
    ----------
    objective : sympy.Expr, Objective or callable
        An expression, whose free symbols sorted by name are the unknowns; an `Objective`; or a
        Python function ``f(x) -> (value, gradient)`` of an array of shape (n,).
    start : mapping, sequence or array
        Numbers by symbol (or its name), or in the order of the unknowns, of shape (n,), (n, 1) or
        (1, n). With arrays of unknowns a mapping, in which each has an array: its shape is that of
        the unknown.
    method : Adamax
        The settings.
    steps : int, optional
        The number of steps, at least 0; default 1,000. With 0 the start is evaluated and returned.
    stop : Stop, optional
        When to stop earlier.
    parameters : mapping of symbol (or its name) to number, optional
        Fixed values of the other symbols; with an `Objective`, of those of its parameters that
        change.
    data : mapping, table or Rows, optional
        The arrays of data by IndexedBase (or its name), as `Objective` takes them; with an
        `Objective`, those that change. What does not fit in memory is given as `symadamax.rows`.
    record : int or Record, optional
        Keep every so many steps, the start first, in ``result.history``.
    callback : callable, optional
        Called as ``callback(intermediate_result)`` after each step, or with `record` after each
        step that is kept; its argument has x, fun, jac and nit. StopIteration ends the run. Any
        other exception propagates, with the result so far as its attribute ``result``.
    progress : bool
        Show a bar with the value, by tqdm.
    backend : {"native", "numpy"}
        What an expression is compiled to: machine code, or NumPy.
    dtype : {"float64", "float32"}
        The type of points, gradients and state.
    state : State, optional
        Go on from the state of another run.
    bounds : sequence, mapping or scipy.optimize.Bounds, optional
        Pairs (min, max) in the order of `x`, with None where there is none; or pairs by unknown (or
        its name), of which those of an array may hold arrays; or SciPy's bounds. After each step
        :math:`x_i \leftarrow \min(\max(x_i, l_i), u_i)`; the start must lie within.
    frozen : sequence of unknowns (or their names), optional
        Those that keep the numbers of the start; an array does as a whole.
    maximize : bool
        Look for the largest value: steps go along the gradient. The values and gradients in the
        result are those of the objective.
    threads : int, optional
        How many threads evaluate an objective with sums. Default: one for each processor that this
        process may use, or one where the work is small. The bits are the same for any number.
    batch : int, or mapping of index to int, optional
        How many rows of the sum over data a step sees; the mapping says which sum is meant, where
        there are several. The sum over n rows is estimated by n/b times the sum over the b of the
        batch, and the objective must be linear in it.
    epochs : int, optional
        Instead of steps: how often each row is seen.
    sampling : {"shuffle", "replacement"}
        Each row once an epoch in random order, the last batch of which may be smaller; or each
        batch drawn anew.
    rng : seed or numpy.random.Generator, optional
        Where batches are drawn from, as `numpy.random.default_rng` takes it. The same seed gives
        the same run.
    arithmetic : {"portable", "precise", "relaxed"}, optional
        How machine code computes, as in `Objective`. Default: as the objective says.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Who computes the shards of data that are given as rows: threads, processes or a cluster of
        Dask. Default: threads of this process. The bits are the same whoever does.

    Returns
    -------
    Result
        Ctrl-C also returns one, with the status INTERRUPTED, within a tenth of a second (or as soon
        as the evaluation under way is done).

    Raises
    ------
    InputError
        When something given cannot be used, or the objective is not finite at the start.
    UnsupportedError
        When the expression cannot be compiled.
    WorkerError
        When the workers of the executor are gone; the result so far is its attribute ``result``.

    Notes
    -----
    After t steps the value and the gradient are those of the point after t steps, so there is one
    evaluation more than steps. Where something is not finite on the way, the run stops with a
    status < 0 at the last point where all was finite, with the state that belongs to it. With more
    than a million unknowns in arrays the state is None then: there is no room for a copy of it.

    With batches, `fun` and `jac` are those of all rows at the last point, evaluated once more in
    the end, and so are `best_x` and `best_fun`; what `stop`, `history` and the callback see are
    the estimates of the batches.

    Equal input gives equal bits, in each backend. Runs in many threads do not wait for each other.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y")
    >>> f = 2*x**2 + 2*x*y + 2*y**2 - 6*x
    >>> result = minimize(f, {x: 1, y: 0}, method=Adamax(learning_rate=0.01))
    >>> {symbol: round(value, 6) for symbol, value in result.point.items()}
    {x: 2.0, y: -1.0}
    """
    stop, record = NEVER if stop is None else stop, as_record(record)
    _check_kinds(method, stop, callback, progress, state)
    maximize = truth(maximize, "maximize")
    threads = None if threads is None else natural(threads, "threads", least=1)
    batches = _batches(batch, sampling, rng, state)
    problem = prepare(
        objective, start, parameters, data, backend, dtype, threads, batches, arithmetic,
        executor,
    )  # fmt: skip
    steps = _steps(steps, epochs, batches)
    options = gather(method, problem, state, bounds, frozen, maximize)
    session = Session(problem, method, stop, steps, state, record, options, callback is not None)
    return session.solve(callback, progress)


def _batches(batch: Any, sampling: str, rng: Any, state: State | None) -> Batches | None:
    sample = state.sample if state is not None else None
    if batch is not None:
        return Batches(batch, sampling, rng, sample)
    if rng is not None or sampling != "shuffle":
        raise InputError("rng or sampling was given without batch: each step sees all rows.")
    if sample is not None:
        raise InputError(
            "The state is of a run on batches: give the same batch to go on, or a State of its "
            "step, m and u alone."
        )
    return None


def _steps(steps: int | None, epochs: int | None, batches: Batches | None) -> int:
    """Return the number of steps, given as such or in epochs."""
    if epochs is None:
        return STEPS if steps is None else natural(steps, "steps")
    if steps is not None:
        raise InputError(f"steps={steps} and epochs={epochs} were given; give one of them.")
    if batches is None:
        raise InputError(f"epochs={epochs} was given without batch; give steps instead.")
    return natural(epochs, "epochs") * batches.per_epoch


def _check_kinds(method: Any, stop: Any, callback: Any, progress: Any, state: Any) -> None:
    if not isinstance(method, Adamax):
        raise InputError(f"method is {method!r}; accepted is Adamax(...).")
    if method.count is not None:
        raise InputError(
            f"method has arrays of {method.count} numbers, one for each run, and minimize makes "
            "one run: give numbers, or use minimize_many."
        )
    if not isinstance(stop, Stop):
        raise InputError(f"stop is {stop!r}; accepted is Stop(...) or None.")
    if callback is not None and not callable(callback):
        raise InputError(f"callback is {callback!r}; accepted is a function of one argument.")
    if not isinstance(progress, (bool, np.bool_)):
        raise InputError(f"progress is {progress!r}; accepted is True or False.")
    if state is not None and not isinstance(state, State):
        raise InputError(f"state is {state!r}; accepted is the State of a Result.")

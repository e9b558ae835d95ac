"""Pools: workers behind `concurrent.futures`, whoever has made them, and calls that they answer."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any

from symadamax.errors import InputError, WorkerError
from symadamax.machine import processors
from symadamax.solver.parcel import Parcel, is_missing

__all__ = ["Call", "Pool", "in_order"]

ACCEPTED = (
    "an executor of concurrent.futures, such as ProcessPoolExecutor(), or a Client of "
    "dask.distributed"
)


# Dask says KilledWorker when it has tried a call several times.
OF_DASK = frozenset({"KilledWorker", "ClosedClientError", "FutureCancelledError"})


class Pool:
    """An executor that was given, and how many calls it runs at the same time.

    Attributes
    ----------
    executor : concurrent.futures.Executor
    client : distributed.Client or None
        That of Dask, where the executor is Dask's.
    workers : int
        As far as it can be known.
    here : bool
        Whether its workers are threads of this process.
    dumps : callable
        What pickles for them: that of Dask takes functions of a notebook, too.

    Raises
    ------
    InputError
        When it is no executor.
    """

    def __init__(self, given: Any) -> None:
        of_dask = type(given).__module__.partition(".")[0] == "distributed"
        if of_dask and hasattr(given, "get_executor"):
            given = given.get_executor()
        if not all(callable(getattr(given, name, None)) for name in ("submit", "shutdown")):
            raise InputError(f"executor is {given!r}; accepted is {ACCEPTED}.")
        self.executor: Executor = given
        self.client: Any = getattr(given, "_client", None) if of_dask else None
        self.here = isinstance(given, ThreadPoolExecutor)
        self.dumps: Any = pickle.dumps
        if self.client is not None:
            cloudpickle: Any = import_module("cloudpickle")
            self.dumps = cloudpickle.dumps
            self.workers = max(1, sum(self.client.nthreads().values()))
        else:
            self.workers = int(getattr(given, "_max_workers", None) or processors())

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function of a module in a worker."""
        # Dask would take equal calls for one, also when the first one has failed.
        options = {"pure": False} if self.client is not None else {}
        try:
            return self.executor.submit(function, *arguments, **options)
        except Exception as error:
            if isinstance(error, RuntimeError) or _is_loss(error):
                raise lost(error) from error
            raise


class Call:
    """A call of ``function(parcel, *arguments)`` in a worker.

    Parameters
    ----------
    pool : Pool
    parcel : Parcel
    function : callable
        Of a module; it returns MISSING where it needs the content of the parcel.
    arguments : tuple
    light : bool
        Whether the worker is thought to know the content. Where it does not, `result` sends it.
    """

    def __init__(
        self,
        pool: Pool,
        parcel: Parcel,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        light: bool = False,
    ) -> None:
        self.pool, self.parcel = pool, parcel
        self.function, self.arguments = function, arguments
        self.future = pool.submit(function, parcel.light if light else parcel, *arguments)

    def result(self) -> Any:
        """Wait for the answer."""
        answer = answered(self.future)
        if is_missing(answer):
            self.again()
            answer = answered(self.future)
        return answer

    def again(self) -> None:
        """Call again, with the content."""
        self.future = self.pool.submit(self.function, self.parcel, *self.arguments)

    def done(self) -> bool:
        """Tell whether `result` would not wait; where the content was missing it is sent."""
        if not self.future.done():
            return False
        if self.future.cancelled() or self.future.exception() is not None:
            return True
        if is_missing(self.future.result()):
            self.again()
            return False
        return True

    def cancel(self) -> None:
        """Take the call back, where it has not begun."""
        self.future.cancel()


def answered(future: Future[Any]) -> Any:
    """Wait for the answer of a worker; a worker that is gone is an error of its own."""
    try:
        return future.result()
    except Exception as error:
        if _is_loss(error):
            raise lost(error) from error
        raise


def _is_loss(error: Exception) -> bool:
    """Tell whether an error says that workers are gone; those of Dask are known by their names."""
    return isinstance(error, (BrokenExecutor, CancelledError)) or type(error).__name__ in OF_DASK


def lost(error: BaseException) -> WorkerError:
    """Return what says that workers are gone."""
    return WorkerError(
        f"The executor has no workers any more ({type(error).__name__}: {error}). One was killed "
        "or ran out of memory, or the executor was shut down: make a new one to go on."
    )


def in_order(submit: Callable[[int], Any], count: int, ahead: int) -> Iterator[Any]:
    """Yield the results of the calls ``submit(0), submit(1), ...``, up to `ahead` at the same time.

    Where it is left early, those that have not begun are cancelled.
    """
    waiting: deque[Any] = deque()
    try:
        for number in range(count):
            waiting.append(submit(number))
            if len(waiting) >= ahead:
                yield waiting[0].result()
                waiting.popleft()
        while waiting:
            yield waiting[0].result()
            waiting.popleft()
    finally:
        for call in waiting:
            call.cancel()

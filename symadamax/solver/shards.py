"""Shards on workers: an objective on rows, computed by threads, by processes or on a cluster.

To a worker travels the objective, once, and then the numbers of shards and the point. What comes
back are the value and the gradient of each; they are added here in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.machine import processors
from symadamax.points import Shapes
from symadamax.sharded import Sharded
from symadamax.solver.parcel import MISSING, Parcel, is_missing, opened
from symadamax.solver.pools import Call, Pool, in_order

if TYPE_CHECKING:
    from symadamax.objective import Objective

__all__ = ["Recipe", "ShardSum"]

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]

WAITING = 2**25  # numbers of gradients that may wait for one before them: 256 MB


@dataclass(frozen=True)
class Recipe:
    """What a worker makes the function of."""

    objective: Objective
    shapes: Shapes
    backend: str
    dtype: str

    def sharded(self) -> Sharded:
        """Return the function; it is compiled when it is first evaluated."""
        return self.objective.sharded(self.shapes, self.backend, self.dtype)


class ShardSum:
    """The function ``f(x, gradient) -> value`` of an objective on rows, with its shards on workers.

    It is a context manager, inside which it may be called.

    Parameters
    ----------
    recipe : Recipe
    threads : int or None
        How many threads of its own it has without an executor; None for one for each processor.
    executor : Executor, Client of Dask, or None

    Raises
    ------
    InputError
        When the executor is none, or cannot reach the rows.
    """

    def __init__(self, recipe: Recipe, threads: int | None, executor: Any) -> None:
        self.sharded = recipe.sharded()
        self.threads = threads or processors()
        self.own: ThreadPoolExecutor | None = None
        self.workers: _Here | _Away | None = None
        if executor is not None:
            if threads is not None:
                raise InputError(
                    f"threads={threads} and an executor were given; the executor's workers compute."
                )
            self.workers = _workers(Pool(executor), recipe, self.sharded)

    def __call__(self, x: Array, gradient: Array) -> float:
        """Evaluate; where it is interrupted, shards that have not begun are given up."""
        assert self.workers is not None
        workers, point = self.workers, x.copy()  # an interrupted one may be looked at later
        groups = workers.groups
        ahead = max(2 * workers.count, WAITING // (len(x) * len(groups[0])))
        answers = in_order(lambda k: workers.submit(k, point), len(groups), ahead)
        return self.sharded.total(x, gradient, chain.from_iterable(answers))

    def __enter__(self) -> ShardSum:
        if self.workers is None:
            self.own = ThreadPoolExecutor(self.threads, thread_name_prefix="symadamax")
            self.workers = _Here(self.own, self.threads, self.sharded)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.own is not None:
            self.own.shutdown(wait=False, cancel_futures=True)
            self.own = self.workers = None


def _workers(pool: Pool, recipe: Recipe, sharded: Sharded) -> _Here | _Away:
    if pool.here:
        return _Here(pool.executor, pool.workers, sharded)
    if pool.client is not None and _is_held(sharded, pool.client):
        return _Held(pool, recipe, sharded)
    return _Away(pool, recipe, sharded)


def _groups(shards: int, count: int) -> list[range]:
    """Return the numbers of shards in groups that follow each other, so many or fewer."""
    ends = [shards * k // min(count, shards) for k in range(min(count, shards) + 1)]
    return [range(first, last) for first, last in pairwise(ends)]


class _Here:
    """Threads of this process."""

    def __init__(self, executor: Executor, count: int, sharded: Sharded) -> None:
        self.executor, self.count, self.sharded = executor, count, sharded
        self.groups = _groups(sharded.count, sharded.count)

    def submit(self, number: int, x: Array) -> Any:
        return self.executor.submit(self.sharded.on_shards, self.groups[number], x)


class _Away:
    """Processes, which read the rows for themselves.

    A call has several shards where there are many: one costs a pool of processes 0.4 ms of a
    processor, and Dask 8 ms in client, scheduler and worker together, whatever is in it.
    """

    def __init__(self, pool: Pool, recipe: Recipe, sharded: Sharded) -> None:
        self.pool, self.count = pool, pool.workers
        self.groups = _groups(sharded.count, (2 if pool.client else 4) * pool.workers)
        self.parcel = Parcel.of(recipe, pool.dumps)
        self.sent = 0

    def submit(self, number: int, x: Array) -> Call:
        return self.call(_on_shards, self.groups[number], x)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """Call a function with the parcel: whole at first, so that each worker may get it."""
        light = self.sent >= self.pool.workers
        self.sent += 1
        return Call(self.pool, self.parcel, function, arguments, light)


class _Held(_Away):
    """Workers of Dask, which hold the rows in their memory; a group is computed where it lies."""

    def __init__(self, pool: Pool, recipe: Recipe, sharded: Sharded) -> None:
        rows, objective = sharded.rows, recipe.objective
        away = replace(recipe, objective=objective.with_data(rows.away()))
        super().__init__(pool, away, sharded)
        client, parts = pool.client, getattr(rows.source, "parts", None)
        # Each with the whole parcel: Dask may have to read a group again on another worker.
        if parts is None:
            calls: list[tuple[Any, ...]] = [(_read, group) for group in self.groups]
        else:
            found = client.compute(parts(rows.needed()))
            calls = [(_looked_at, group, [found[k] for k in group]) for group in self.groups]
        self.held = [
            client.submit(function, self.parcel, *rest, pure=False) for function, *rest in calls
        ]

    def submit(self, number: int, x: Array) -> Call:
        return self.call(_on_shards, self.groups[number], x, self.held[number])


def _is_held(sharded: Sharded, client: Any) -> bool:
    """Tell whether a cluster is to hold the rows: what is not mapped, where there is room."""
    rows = sharded.rows
    if rows.source.fixed or rows.source.free:
        return rows.source.fixed
    return rows.nbytes <= rows.keep * len(client.nthreads())


# ---- in a worker ---------------------------------------------------------------------------------


def _on_shards(parcel: Parcel, group: range, x: Array, held: Sequence[Columns] = ()) -> Any:
    sharded = opened(parcel, Recipe.sharded)
    return MISSING if is_missing(sharded) else sharded.on_shards(group, x, held)


def _read(parcel: Parcel, group: range) -> list[Columns]:
    """Return the arrays of some shards."""
    sharded: Sharded = opened(parcel, Recipe.sharded)
    turns = map(sharded.turns, group)
    return [sharded.rows.read(turn.first, turn.last) for turn in turns]


def _looked_at(parcel: Parcel, group: range, found: Sequence[Columns]) -> list[Columns]:
    """Return the arrays of some shards, of columns that Dask has computed."""
    sharded: Sharded = opened(parcel, Recipe.sharded)
    pairs = zip(group, found, strict=True)
    return [sharded.rows.made(columns, sharded.turns(k).first) for k, columns in pairs]

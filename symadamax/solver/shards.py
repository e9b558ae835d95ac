"""Shards on workers: an objective on rows, computed by threads, by processes or on a cluster.

To a worker travels the objective, once, and then for each shard its number and the point. What
comes back is a value and a gradient; they are added here in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
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
        # A cluster is the faster the more it knows of what comes.
        ahead = max(2 * workers.count, WAITING // len(x))
        calls = in_order(lambda k: workers.submit(k, point), self.sharded.count, ahead)
        return self.sharded.total(x, gradient, calls)

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
    return _Away(pool, recipe)


class _Here:
    """Threads of this process."""

    def __init__(self, executor: Executor, count: int, sharded: Sharded) -> None:
        self.executor, self.count, self.sharded = executor, count, sharded

    def submit(self, number: int, x: Array) -> Any:
        return self.executor.submit(self.sharded.on_shard, number, x)


class _Away:
    """Processes, which read the rows for themselves."""

    def __init__(self, pool: Pool, recipe: Recipe) -> None:
        self.pool, self.count = pool, pool.workers
        self.parcel = Parcel.of(recipe, pool.dumps)
        self.sent = 0

    def submit(self, number: int, x: Array) -> Call:
        return self.call(_on_shard, number, x)

    def call(self, *called: Any) -> Call:
        """Call a function with the parcel: whole at first, so that each worker may get it."""
        function, *arguments = called
        light = self.sent >= self.pool.workers
        self.sent += 1
        return Call(self.pool, self.parcel, function, tuple(arguments), light)


class _Held(_Away):
    """Workers of Dask, which hold the rows in their memory; a shard is computed where it lies."""

    def __init__(self, pool: Pool, recipe: Recipe, sharded: Sharded) -> None:
        rows, objective = sharded.rows, recipe.objective
        away = Recipe(objective.with_data(rows.away()), recipe.shapes, recipe.backend, recipe.dtype)
        super().__init__(pool, away)
        client, parts = pool.client, getattr(rows.source, "parts", None)
        # Each with the whole parcel: Dask may have to read a shard again on another worker.
        if parts is None:
            calls: list[tuple[Any, ...]] = [(_read, number) for number in range(sharded.count)]
        else:
            computed = client.compute(parts(rows.needed()))
            calls = [(_looked_at, number, part) for number, part in enumerate(computed)]
        self.held = [
            client.submit(function, self.parcel, *rest, pure=False) for function, *rest in calls
        ]

    def submit(self, number: int, x: Array) -> Call:
        return self.call(_on_shard, number, x, self.held[number])


def _is_held(sharded: Sharded, client: Any) -> bool:
    """Tell whether a cluster is to hold the rows: what is not mapped, where there is room."""
    rows = sharded.rows
    if rows.source.fixed or rows.source.free:
        return rows.source.fixed
    return rows.nbytes <= rows.keep * len(client.nthreads())


# ---- in a worker ---------------------------------------------------------------------------------


def _on_shard(parcel: Parcel, number: int, x: Array, columns: Columns | None = None) -> Any:
    sharded = opened(parcel, Recipe.sharded)
    return MISSING if is_missing(sharded) else sharded.on_shard(number, x, columns)


def _read(parcel: Parcel, number: int) -> dict[str, Array]:
    """Return the arrays of a shard."""
    sharded: Sharded = opened(parcel, Recipe.sharded)
    turns = sharded.turns(number)
    return sharded.rows.read(turns.first, turns.last)


def _looked_at(parcel: Parcel, number: int, columns: Columns) -> dict[str, Array]:
    """Return the arrays of a shard, of columns that Dask has computed."""
    sharded: Sharded = opened(parcel, Recipe.sharded)
    return sharded.rows.made(columns, sharded.turns(number).first)

"""A step on a batch of rows: its kernel, what drawing takes, and what the memory takes."""

from __future__ import annotations

import ctypes
import statistics
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from benchmarks.chain import c_library, stepper
from benchmarks.children import Failed, on_processors, side_by_side
from benchmarks.harness import Contender, paced, repeated
from benchmarks.parts import LIMIT, Part, Sizes
from benchmarks.report import Table, Target, duration
from benchmarks.rows import evaluator, fit_data, fit_sum

__all__ = ["batches"]

STEP, NEAR = "a step on a batch", "a step on a batch of rows that fit into the cache"
ALL_ROWS = "a step on as many rows, all there are"
CALL, LITTLE = "an evaluation of as many rows, from Python", "an evaluation of one row, from Python"
DRAW, DRAW_NEAR = "drawing a batch, from Python", "drawing one of rows that fit, from Python"
READ, READ_NEAR = "C, reading as many rows, drawn before", "C, reading as many that fit"
POINT = {"a": 1.0, "b": 1.1, "c": 0.9, "d": 2.0}


def batches(sizes: Sizes) -> Part:
    """Compare a step with an evaluation of as many rows that lie one after another."""
    kinds = (STEP, NEAR, ALL_ROWS, CALL, LITTLE, DRAW, DRAW_NEAR, READ, READ_NEAR)
    times, _, missing = side_by_side(
        {kind: partial(batch_route, kind, sizes) for kind in kinds}, sizes.rounds, LIMIT
    )
    hold_all({kind: missing[kind] for kind in missing if kind not in (READ, READ_NEAR)})
    cells = {kind: duration(timing.seconds) for kind, timing in times.items()} | missing
    rows = [[kind, cells[kind]] for kind in kinds]
    targets = []
    for kind in (STEP, NEAR):
        rounds = zip(*(times[name].rounds for name in (kind, CALL, LITTLE)), strict=True)
        beyond = statistics.median(step - (call - little) for step, call, little in rounds)
        rows.append([f"{kind}, beyond its kernel", duration(beyond)])
        targets.append(Target(f"{kind}, beyond its kernel", 1e6 * beyond, 1, "us"))
    title = f"Batches of {sizes.batch} of the fit of {sizes.rows:,} rows"
    return Part([Table(title, ["", "time"], rows)], targets, [times[STEP]])


def batch_route(kind: str, sizes: Sizes) -> Contender:
    """Warm up and pace one kind of work on a batch."""
    from symadamax.solver.batches import Batches

    on_processors(1)
    few = {LITTLE: 1, CALL: sizes.batch, ALL_ROWS: sizes.batch}
    fitting = dict.fromkeys((NEAR, DRAW_NEAR, READ_NEAR), 20 * sizes.batch)
    data = fit_data({**few, **fitting}.get(kind, sizes.rows))
    batch = Batches(sizes.batch, "shuffle", 0, None)
    if kind in (READ, READ_NEAR):
        return paced(reader(data, sizes.batch), sizes.pace)
    if kind in (DRAW, DRAW_NEAR):
        return repeated(batch.start(0, len(data["t"])).next, sizes.pace)
    if kind in (CALL, LITTLE):
        return repeated(evaluator(fit(data), POINT, 1), sizes.pace)
    loop = stepper(fit(data), POINT, 1, None if kind == ALL_ROWS else batch)
    return paced(loop.advance, sizes.pace)


def fit(data: Mapping[str, np.ndarray]) -> Any:
    import symadamax as sx

    return sx.Objective(fit_sum(), data=dict(data))


def reader(data: Mapping[str, np.ndarray], batch: int) -> Callable[[int], None]:
    """Return what reads batches of rows in random order, each row as often as the others."""
    function = c_library().read_rows
    function.restype = ctypes.c_double
    function.argtypes = [*[ctypes.c_void_p] * 3, *[ctypes.c_long] * 3]
    count = len(data["t"])
    order = np.random.default_rng(0).permutation(count)
    rows = np.concatenate([order, order[:1].repeat(64)])
    addresses = [array.ctypes.data for array in (data["t"], data["y"], rows)]
    place = 0

    def advance(steps: int, alive: Any = (data, rows)) -> None:
        nonlocal place
        function(*addresses, count, place, steps * batch)
        place = (place + steps * batch) % count

    return advance


def hold_all(missing: Mapping[str, str]) -> None:
    for name, reason in missing.items():
        raise Failed(f"{name}: {reason}")

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
from benchmarks.harness import Contender, Timing, paced, repeated
from benchmarks.parts import LIMIT, Part, Sizes
from benchmarks.report import Table, Target, duration
from benchmarks.rows import evaluator, fit_data, fit_sum

__all__ = ["batches"]

STEP, NEAR = "a step on a batch", "a step on a batch of rows that fit into the cache"
ALL_ROWS = "a step on as many rows, all there are"
CALL, LITTLE = "an evaluation of as many rows, from Python", "an evaluation of one row, from Python"
DRAW, DRAW_NEAR = "drawing a batch, from Python", "drawing one of rows that fit, from Python"
READ, READ_NEAR = "C, reading as many rows, drawn before", "C, reading as many that fit"
SHUFFLED = "an evaluation of all rows in a random order, for as many"
BEYOND = {
    SHUFFLED: "its kernel on rows in a random order",
    CALL: "its kernel on rows one after another",
}
POINT = {"a": 1.0, "b": 1.1, "c": 0.9, "d": 2.0}


def batches(sizes: Sizes) -> Part:
    """Compare a step with evaluations of as many rows: in a random order, and one after another."""
    kinds = (STEP, NEAR, ALL_ROWS, SHUFFLED, CALL, LITTLE, DRAW, DRAW_NEAR, READ, READ_NEAR)
    times, _, missing = side_by_side(
        {kind: partial(batch_route, kind, sizes) for kind in kinds}, sizes.rounds, LIMIT
    )
    hold_all({kind: missing[kind] for kind in missing if kind not in (READ, READ_NEAR)})
    cells = {kind: duration(timing.seconds) for kind, timing in times.items()} | missing
    rows = [[kind, cells[kind]] for kind in kinds]
    targets = []
    for kind, kernel in ((STEP, [SHUFFLED]), (NEAR, [CALL, LITTLE]), (STEP, [CALL, LITTLE])):
        beyond = beyond_kernel(times[kind], *(times[name] for name in kernel))
        what = f"{kind}, beyond {BEYOND[kernel[0]]}"
        rows.append([what, f"{1e6 * beyond:.2f} us"])
        if (kind, kernel[0]) != (STEP, CALL):
            targets.append(Target(what, 1e6 * beyond, 1, "us"))
    title = f"Batches of {sizes.batch} of the fit of {sizes.rows:,} rows"
    return Part([Table(title, ["", "time"], rows)], targets, [times[STEP]])


def beyond_kernel(step: Timing, kernel: Timing, little: Timing | None = None) -> float:
    """Return the median of what steps take more than a kernel, less its call where that counts."""
    calls = little.rounds if little else [0.0] * len(kernel.rounds)
    rounds = zip(step.rounds, kernel.rounds, calls, strict=True)
    return statistics.median(one - (other - call) for one, other, call in rounds)


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
    if kind == SHUFFLED:
        return shuffled(data, sizes)
    if kind in (DRAW, DRAW_NEAR):
        return repeated(batch.start(0, len(data["t"])).next, sizes.pace)
    if kind in (CALL, LITTLE):
        return repeated(evaluator(fit(data), POINT, 1), sizes.pace)
    loop = stepper(fit(data), POINT, 1, None if kind == ALL_ROWS else batch)
    return paced(loop.advance, sizes.pace)


def shuffled(data: Mapping[str, np.ndarray], sizes: Sizes) -> Contender:
    """Return evaluations of the fit over all rows, which it reads by an array of their numbers."""
    import sympy as sp

    import symadamax as sx

    total, order = fit_sum(), sp.IndexedBase("order")
    (row,) = total.variables
    total = total.replace(lambda e: isinstance(e, sp.Indexed), lambda e: e.base[order[row]])
    numbers = np.random.default_rng(0).permutation(sizes.rows).astype(np.int32)
    objective = sx.Objective(total, data={**data, "order": numbers})
    calls = repeated(evaluator(objective, POINT, 1), sizes.pace)
    return Contender(calls.run, max(1, calls.units * sizes.rows // sizes.batch))


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

"""Result -> Entry: what a page shows of a run, or a refusal."""

from __future__ import annotations

from typing import Any

import numpy as np

from symadamax.errors import InputError
from symadamax.solver import Adamax, Record, Status, minimize
from symadamax.viewer.landscape import window
from symadamax.viewer.page.entry import Entry
from symadamax.viewer.page.javascript import functions
from symadamax.viewer.page.program import program
from symadamax.viewer.run import Run, read_run
from symadamax.viewer.wording import number, plain

__all__ = ["MOST_STEPS", "describe"]

MOST_STEPS = 5000  # state.mjs holds the same
MARGIN = 0.2  # of the path's extent, on each side of it
SQUARE = 3.0  # a map has one scale for both unknowns unless their extents differ by more
INSTEAD = "Use plot(result), which draws any run."

# How a run ends where the step behind the last one cannot be done.
BROKEN = (Status.VALUE_NOT_FINITE, Status.GRADIENT_NOT_FINITE, Status.POINT_NOT_FINITE)


def describe(result: Any, minimum: Any = None) -> Entry:
    """Return the entry of a page that shows a run.

    The page has the equations of Adamax and no more. So the run is done again, and what is not its
    bits is refused.

    Parameters
    ----------
    result : Result
        Of one or two unknowns, with a history.
    minimum : mapping, sequence or number, optional
        A known minimum, to be marked.

    Raises
    ------
    InputError
        When the page cannot show the run.
    """
    run = read_run(result, minimum)
    _hold_plain(result)
    steps = result.nit + (result.status in BROKEN)
    if steps == 0:
        raise InputError("The run has done no step, so there is none to show.")
    again = _again(result, min(steps, MOST_STEPS))
    made, method = program(result.objective), result.method
    centre, radius, aspect = _window(run)
    return Entry(
        name="run",
        title=run.formula,
        objective=result.objective,
        names=run.names,
        variables=made.variables,
        program=made.text,
        start=_point(again.history.x[0]),
        centre=centre,
        radius=radius,
        aspect=aspect,
        learning_rate=method.learning_rate,
        beta1=method.beta1,
        beta2=method.beta2,
        epsilon=method.epsilon,
        placement=method.epsilon_placement,
        steps=min(steps, MOST_STEPS),
        step=again.nit,
        minima=(_point(run.minimum),),
        place=run.place_name,
        remark=_remark(result, steps),
        floor=_floor(run),
        ended=_point(again.x),
    )


def _hold_plain(result: Any) -> None:
    """Refuse what the page does not compute, with what it is."""
    objective, method = result.objective, result.method
    if objective is None:
        raise InputError(
            "A page computes what it shows from SymPy, and this run was of a Python function. "
            + INSTEAD
        )
    if objective.stages.ir.has_loops:
        raise InputError(
            "A page computes what it shows in the browser, which has no data and no loops, and the "
            f"objective has sums over an index or arrays. {INSTEAD} A short sum without data is "
            "written out by its method doit()."
        )
    if len(result.x) > 2:
        raise InputError(
            f"A page shows one or two unknowns, and this run has {len(result.x)}. " + INSTEAD
        )
    functions(objective)
    if result.x.dtype != np.float64:
        raise InputError(f"A page computes in float64, and this run in {result.x.dtype}. {INSTEAD}")
    options = _options(method)
    if options:
        raise InputError(
            f"A page has the plain equations of Adamax, and this run had {' and '.join(options)}. "
            + INSTEAD
        )


def _options(method: Adamax) -> list[str]:
    """Return what the settings have beyond the equations of a page, in words."""
    names = {"weight_decay": 0.0, "l2": 0.0, "clip_norm": None, "clip_value": None}
    found = [
        f"{name} = {getattr(method, name):g}"
        for name, plainly in names.items()
        if getattr(method, name) != plainly
    ]
    return found if isinstance(method.learning_rate, float) else ["a schedule", *found]


def _again(result: Any, steps: int) -> Any:
    """Return the run once more, with every step; it must have the bits of the first."""
    history = result.history
    known = history.step <= steps
    start, options = history.x[0], {"method": result.method, "steps": steps, "record": Record()}
    for backend in ("native", "numpy"):
        again = minimize(result.objective, start, backend=backend, **options)
        if again.nit >= history.step[known][-1] and np.array_equal(
            again.history.x[history.step[known]], history.x[known]
        ):
            return again
    raise InputError(
        "A page has the plain equations of Adamax, and these lead from the start of this run to "
        "other points: it had bounds, frozen unknowns, maximize=True, or a state to go on from. "
        + INSTEAD
    )


def _point(values: Any) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=np.float64).tolist())


def _window(run: Run) -> tuple[tuple[float, ...], float, float]:
    """Return the middle of the map, its radius, and how much farther it reaches up than across."""
    low, high = window(run, MARGIN).T
    halves = (high - low) / 2
    middle = _point((low + high) / 2)
    if len(halves) == 1:
        return middle, float(halves[0]), 1.0
    if halves.max() <= SQUARE * halves.min():
        return middle, float(halves.max()), 1.0
    return middle, float(halves[0]), float(halves[1] / halves[0])


def _floor(run: Run) -> float | None:
    """Return the lowest value that the map tells apart, as `landscape.heights` does."""
    low, high = float(run.values.min()), float(run.values.max())
    return low - 2 * (high - low) if high > low else None


def _remark(result: Any, steps: int) -> str:
    """Return where and how the run ended, as far as the page itself does not tell it."""
    point = ", ".join(
        f"{plain(name)} = {number(value)}"
        for name, value in zip(result.history.names, result.x, strict=True)
    )
    told = result.status in (Status.STEPS_DONE, *BROKEN) and steps <= MOST_STEPS
    cut = f" The page shows the first {MOST_STEPS:,} steps." if steps > MOST_STEPS else ""
    ended = f"The run ended at {point}, with the value {number(result.fun)}.{cut}"
    return ended if told else f"{result.message} {ended}"

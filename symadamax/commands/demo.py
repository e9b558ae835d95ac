"""``symadamax demo``: two problems, solved, measured on this machine, and drawn.

The first is the curve in which a learner meets a gradient, the second a bowl whose axes are not
those of the coordinates. Beside the compiled run stands the algorithm as a learner writes it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symadamax.errors import InputError, MissingDependencyError, require
from symadamax.objective import Objective
from symadamax.solver import Adamax, Result, minimize

__all__ = ["METHOD", "NEAR", "PROBLEMS", "STEPS", "Problem", "learner", "near_from", "run"]

Array = npt.NDArray[np.float64]

METHOD = Adamax(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8)
STEPS = 1_000
NEAR = 5e-3  # a point is called near the minimum when no unknown is further from it
TIMED_STEPS = 100_000  # of a compiled run that is timed, so that the call itself weighs nothing

x, y = sp.symbols("x y")


@dataclass(frozen=True)
class Problem:
    """A function with a start and a known minimum.

    Parameters
    ----------
    name : str
        What it is called, and its files.
    expression : sympy.Expr
        The function.
    start, minimum : mapping of sympy.Symbol to float
        Where the run begins, and where it is to end.
    remark : str
        What to know about the minimum.
    gradient : callable
        The gradient as a learner writes it in NumPy: an array of shape (n,) in, and one out.
    """

    name: str
    expression: sp.Expr
    start: Mapping[sp.Symbol, float]
    minimum: Mapping[sp.Symbol, float]
    remark: str
    gradient: Callable[[Array], Array]


PROBLEMS = (
    Problem(
        "one unknown",
        x - x**3,
        {x: -1.0},
        {x: -1 / math.sqrt(3)},
        "A local minimum, at -1/sqrt(3); there is no global one: f falls without end to the right.",
        lambda point: 1 - 3 * (point * point),
    ),
    Problem(
        "two unknowns",
        2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x,
        {x: 1.0, y: 0.0},
        {x: 2.0, y: -1.0},
        "The only minimum, where both derivatives are 0.",
        lambda p: np.array([4 * p[0] + 2 * p[1] - 6, 2 * p[0] + 4 * p[1]]),
    ),
)


def learner(gradient: Callable[[Array], Array], start: Array, steps: int = STEPS) -> Array:
    """Return the point after `steps` steps of Adamax, written as it is learned.

    Kingma and Ba, arXiv 1412.6980, section 7.1, with epsilon in the denominator.
    """
    point = np.array(start, dtype=float)
    moment, weight = np.zeros_like(point), np.zeros_like(point)
    for i in range(steps):
        slope = gradient(point)
        learning_rate_hat = METHOD.learning_rate / (1 - METHOD.beta1 ** (i + 1))
        moment = METHOD.beta1 * moment + (1 - METHOD.beta1) * slope
        weight = np.maximum(METHOD.beta2 * weight, np.abs(slope))
        update = -learning_rate_hat * moment / (weight + METHOD.epsilon)
        point += update
    return point


def run(folder: str | Path, frames: int | None = 200) -> int:
    """Solve, measure and draw the problems, and print what was found.

    Parameters
    ----------
    folder : str or path
        Where the pictures are written; made where it does not exist.
    frames : int, optional
        How many frames an animation has; None for no animation.

    Returns
    -------
    int
        0, the exit code of the command.
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; the pictures need a folder, as --folder names it.")
    print(f"{STEPS:,} steps of {METHOD}\n")
    results = [_solve(problem) for problem in PROBLEMS]
    print(_table([_row(p, result) for p, result in zip(PROBLEMS, results, strict=True)]))
    print(
        f"\nMedians, measured just now: of compiled runs of {TIMED_STEPS:,} steps, and of runs of "
        f"{STEPS:,} steps\nof the loop that a learner writes in NumPy, which ends at the same bits."
    )
    try:
        require("matplotlib", "plot", "\nDrawing the runs")
    except MissingDependencyError as error:
        print(error)
        return 0
    _draw(results, target, frames)
    return 0


def _solve(problem: Problem) -> Result:
    """Minimise a problem, and show its function and its gradient."""
    objective = Objective(problem.expression)
    names = ", ".join(unknown.name for unknown in objective.unknowns)
    print(f"{problem.name.capitalize()}: f({names}) = {sp.sstr(problem.expression, order='none')}")
    for unknown, derivative in zip(objective.unknowns, objective.gradient, strict=True):
        print(f"  df/d{unknown} = {derivative}")
    print(f"  {problem.remark}\n")
    return minimize(objective, problem.start, method=METHOD, steps=STEPS, record=1)


def near_from(problem: Problem, result: Result) -> int:
    """Return the first step after which the point is within `NEAR` of the known minimum."""
    minimum = [problem.minimum[unknown] for unknown in result.objective.unknowns]
    distance = np.abs(result.history.x - minimum).max(axis=1)
    return int(result.history.step[np.argmax(distance < NEAR)])


def _row(problem: Problem, result: Result) -> dict[str, str]:
    """Return what the table says of a problem, measuring it."""
    objective, start = result.objective, np.array(list(problem.start.values()))
    compiled = _seconds(lambda: minimize(objective, start, method=METHOD, steps=TIMED_STEPS))
    whole = _seconds(lambda: minimize(objective, start, method=METHOD, steps=STEPS))
    written = _seconds(lambda: learner(problem.gradient, start))
    own, other = compiled / TIMED_STEPS, written / STEPS
    return {
        "": problem.name,
        "start": _point(problem.start),
        f"end, after {STEPS:,} steps": _point(result.point),
        "known minimum": _point(problem.minimum),
        f"within {NEAR:g} of it from step": f"{near_from(problem, result)}",
        "nanoseconds a step": f"{1e9 * own:,.1f}",
        "  of the NumPy loop": f"{1e9 * other:,.0f}",
        "times faster": f"{other / own:,.0f}",
        f"all {STEPS:,} steps, in microseconds": f"{1e6 * whole:,.0f}",
    }


def _seconds(work: Callable[[], Any], least: int = 7, budget: float = 0.3) -> float:
    """Return the median time of a piece of work, after one run that does not count."""
    work()
    times: list[float] = []
    while len(times) < least or sum(times) < budget:
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return median(times)


def _point(point: Mapping[sp.Symbol, float]) -> str:
    return ", ".join(f"{symbol} = {value:.6g}" for symbol, value in point.items())


def _table(rows: list[dict[str, str]]) -> str:
    """Return the rows as columns, side by side."""
    labels = list(rows[0])
    columns = [labels, *([row[label] for label in labels] for row in rows)]
    widths = [max(map(len, column)) for column in columns]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()
        for texts in zip(*columns, strict=True)
    )
    return "\n".join(lines)


def _draw(results: list[Result], folder: Path, frames: int | None) -> None:
    from symadamax import viewer

    folder.mkdir(parents=True, exist_ok=True)
    print()
    for problem, result in zip(PROBLEMS, results, strict=True):
        path = folder / problem.name.replace(" ", "-")
        viewer.plot(result, path.with_suffix(".png"), minimum=problem.minimum)
        print(f"Written: {path.with_suffix('.png')}")
        if frames is not None:
            viewer.animate(result, path.with_suffix(".gif"), minimum=problem.minimum, frames=frames)
            print(f"Written: {path.with_suffix('.gif')}")

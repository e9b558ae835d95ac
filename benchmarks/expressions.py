"""From a SymPy expression to native value and gradient: how long it takes, and how fast it runs."""

from __future__ import annotations

import math
import statistics
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np

from benchmarks.children import Failed, in_child
from benchmarks.harness import LeftOut, interleave, repeated, timed
from benchmarks.problems import PROBLEMS, TINY, Problem
from benchmarks.report import OURS, Report, Table, Target, busy, duration
from benchmarks.routes import ROUTES

__all__ = ["run"]

LIMIT = 60.0

SUMMARY = """\
From a SymPy expression to a function that returns value and gradient: seconds beyond the building
of the expression by SymPy, and the time of one evaluation, called from Python. Each tool works in a
process of its own, and has done the same for a tiny expression before the clock starts. CasADi,
heyoka and JAX do not read a SymPy expression; the same linear walk rebuilds it for them and for
SymEngine, and is counted. Gradients are compared: they agree to nine digits. What takes more than a
minute is ended."""


@dataclass(frozen=True)
class Measured:
    """Seconds to prepare and to evaluate, the length of the gradient, and the share of the time."""

    prepare: float
    evaluate: float
    length: float
    share: float


Row = dict[str, Measured | str]  # by problem; where there is no figure, the reason


@dataclass(frozen=True)
class Bound:
    """A bound in `unit`, of which a second has `factor`, for one column of a table."""

    problem: str
    field: str
    bound: float
    unit: str
    factor: float

    def target(self, row: Row) -> Target | None:
        measured = row.get(self.problem)
        if not isinstance(measured, Measured):
            return None
        what = {"prepare": "to native code", "evaluate": "an evaluation"}[self.field]
        seconds = getattr(measured, self.field)
        return Target(f"{self.problem}, {what}", self.factor * seconds, self.bound, self.unit)


BOUNDS = (
    Bound("Ackley 2", "prepare", 20, "ms", 1e3),
    Bound("Rosenbrock 1,000", "prepare", 1.5, "s", 1),
    Bound("Rosenbrock 1,000", "evaluate", 4, "us", 1e6),
    Bound("Rosenbrock 10,000", "prepare", 15, "s", 1),
    Bound("product of 1,000", "prepare", 1, "s", 1),
    Bound("nested 50 deep", "prepare", 0.2, "s", 1),
)


def run(quick: bool = False) -> Report:
    """Return the report; `quick` for tiny problems and one round."""
    rounds, problems = (1, TINY) if quick else (3, PROBLEMS)
    table: dict[str, Row] = {}
    stages: list[list[str]] = []
    notes: dict[str, None] = {}
    for title, (make, size, warm) in problems.items():
        problem, tiny = make(size), make(warm)
        column = measure_all(tiny, problem, rounds, notes)
        hold_equal(title, column)
        for route, cell in column.items():
            table.setdefault(route, {})[title] = cell
        stages.append([title, *in_child(partial(stage_times, tiny, problem), 10 * LIMIT)])
    tables = [
        Table("To native code", ["", *problems], rows(table, "prepare")),
        Table("An evaluation", ["", *problems], rows(table, "evaluate")),
        Table("Where our time goes", ["", *STAGES], stages),
    ]
    targets = [target for bound in BOUNDS if (target := bound.target(table[OURS]))]
    ours = [cell.share for cell in table[OURS].values() if isinstance(cell, Measured)]
    said = [*notes, busy(statistics.mean(ours))]
    software = ["sympy", "numpy", "llvmlite", "symengine", "casadi", "heyoka", "jax"]
    return Report("Expressions", SUMMARY, tables, targets, said, software)


def measure_all(tiny: Problem, problem: Problem, rounds: int, notes: dict[str, None]) -> Row:
    """Measure every route that can be had, in turns; one that takes seconds only once."""
    taken: dict[str, list[Measured]] = {route: [] for route in ROUTES}
    failed: dict[str, str] = {}
    pending = list(ROUTES)
    for _ in range(rounds):
        for route in tuple(pending):
            try:
                measured = in_child(partial(measure, route, tiny, problem), LIMIT)
                taken[route].append(measured)
            except LeftOut as reason:
                notes[f"{route} is left out: {reason}."] = None
            except Failed as reason:
                failed[route] = str(reason)
            if not taken[route] or route in failed or measured.prepare > LIMIT / 30:
                pending.remove(route)
    return {
        route: failed.get(route) or middle(taken[route])
        for route in ROUTES
        if taken[route] or route in failed
    }


def measure(route: str, tiny: Problem, problem: Problem) -> Measured:
    """Warm up, prepare and evaluate."""
    ROUTES[route](tiny)()
    evaluate, prepare = timed(partial(ROUTES[route], problem))
    timing = interleave({route: repeated(evaluate)}, 5)[route]
    length = float(np.linalg.norm(np.asarray(evaluate()[1], dtype=float)))
    return Measured(prepare.seconds, timing.seconds, length, prepare.share)


def middle(rounds: list[Measured]) -> Measured:
    columns = zip(*map(astuple, rounds), strict=True)
    return Measured(*map(statistics.median, columns))


def hold_equal(title: str, column: Row) -> None:
    """Refuse a comparison of gradients that are not the same."""
    ours = column[OURS]
    measured = {route: cell for route, cell in column.items() if isinstance(cell, Measured)}
    for route, cell in measured.items():
        if isinstance(ours, Measured) and not math.isclose(cell.length, ours.length, rel_tol=1e-9):
            raise AssertionError(f"{route} on {title}: {cell.length!r}, not {ours.length!r}")


def rows(table: dict[str, Row], field: str) -> list[list[str]]:
    return [
        [
            route,
            *(
                cell if isinstance(cell, str) else duration(getattr(cell, field))
                for cell in row.values()
            ),
        ]
        for route, row in table.items()
    ]


STAGES = ("trace", "differentiate", "order", "LLVM IR", "machine code", "all")


def stage_times(tiny: Problem, problem: Problem) -> list[str]:
    """Time each stage of our compiler, warm."""
    import symadamax as sx
    from symadamax.compiler import llvm_code, native

    sx.Objective(tiny.expression, tiny.unknowns).compiled()
    objective, trace = timed(partial(sx.Objective, problem.expression, problem.unknowns))
    stages = objective.stages
    _, differentiate = timed(lambda: stages.gradient_ir)
    loops, order = timed(lambda: stages.loops)
    module, emit = timed(partial(llvm_code.emit, loops, "float64"))
    _, build = timed(partial(native.build, module))
    times = [timing.seconds for timing in (trace, differentiate, order, emit, build)]
    return [duration(seconds) for seconds in [*times, sum(times)]]

"""``symadamax explore``: a formula and a box in, the minima that many runs reach printed out."""

from __future__ import annotations

from argparse import Namespace
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from symadamax.commands.asked import assignments, check_pictures, intervals, method_of, stop_of
from symadamax.commands.printed import by_name, columns, dumped, finite, say_written
from symadamax.commands.settings import MANY_SETTINGS
from symadamax.errors import InputError
from symadamax.objective import Objective
from symadamax.parse import parse_formula
from symadamax.solver import Status
from symadamax.solver.checks import natural
from symadamax.solver.many import minimize_many
from symadamax.solver.many.minima import checked_tolerance, usual_tolerance
from symadamax.solver.many.results import Results
from symadamax.solver.many.sample import Sample, sample
from symadamax.solver.many.summary import Summary
from symadamax.solver.result import where

__all__ = ["COUNT", "SHOWN", "run"]

COUNT = "10000"
SHOWN = 10
WHOLE = 10_000_000  # numbers of points, up to which the rows of all runs are kept


def run(options: Namespace) -> int:
    """Minimise the formula from many starts, print what comes of it, and return the exit code."""
    check_pictures(options.plot)
    objective = Objective(
        parse_formula(options.formula), parameters=assignments(options.parameter, "--parameter")
    )
    starts, top = _starts(options), natural(options.top, "--top")
    method, keep = method_of(options, MANY_SETTINGS), _keep(options, starts, top)
    _check_tolerance(options.tol, usual_tolerance(method), keep)
    results = minimize_many(
        objective, starts, method=method, steps=options.steps, stop=stop_of(options),
        threads=options.threads, keep=keep, progress=options.progress, dtype=options.dtype,
    )  # fmt: skip
    summary, best = results.summary(options.tol), results.top(top)
    shown = _json(options, starts, summary, best) if options.json else _text(summary, best)
    print(shown, flush=True)
    if Status.INTERRUPTED in summary.counts:
        return 130
    if options.plot is not None:
        results.plot(options.plot, tol=options.tol)
        say_written(options.plot, options)
    return 0 if summary.converged else 1


# ---- what is asked for -------------------------------------------------------------------------


def _starts(options: Namespace) -> Sample:
    box = intervals(options.box, "--box")
    if not box:
        raise InputError("There is no --box; give two ends for each unknown, as in --box x=-5:5.")
    grid = options.method == "grid"
    seed = options.seed if options.seed is not None or grid else 0
    return sample(box, _count(options.count, grid), options.method, rng=seed)


def _count(text: str, grid: bool) -> int | list[int]:
    """Return a number of starts, or those of a grid along each unknown."""
    with suppress(ValueError):
        sides = [int(side) for side in text.split("x")]
        if len(sides) == 1:
            return sides[0]
        if grid:
            return sides
    raise InputError(
        f"--count is {text.strip()!r}; accepted is a whole number, or with --method grid one for "
        "each unknown, such as 100x50."
    )


def _keep(options: Namespace, starts: Sample, top: int) -> Any:
    """Return what is kept: the rows of all runs where there is room for them."""
    size = len(starts.box.low)
    if len(starts) * size <= WHOLE:
        return "all"
    if options.plot is not None:
        raise InputError(
            f"--plot reads the points of all runs, and {len(starts):,} are too many; accepted are "
            f"{WHOLE // size:,} starts."
        )
    return max(top, 1)


def _check_tolerance(tol: float | None, usual: float, keep: Any) -> None:
    """Refuse before the runs what cannot be used behind them."""
    if tol is not None and checked_tolerance(tol) < usual and keep != "all":
        raise InputError(
            f"--tol is {tol:g}, and where so many runs are not kept accepted is {usual:g} or more."
        )


# ---- what is printed ---------------------------------------------------------------------------


def _text(summary: Summary, best: Results) -> str:
    """Return the summary, and the table of the best runs."""
    if not len(best):
        return repr(summary)
    header = ("run", "value", "steps", "status", "at")
    rows = [
        (f"{number}", f"{fun:.10g}", f"{nit}", Status(int(status)).name, where(summary.names, x))
        for number, x, fun, _, status, nit in zip(*best.runs, strict=True)
    ]
    title = "The best run:" if len(rows) == 1 else f"The {len(rows)} best runs:"
    table = columns([header, *rows], ">>><<")
    return "\n".join([repr(summary), title, *(f"  {line}" for line in table)])


def _json(options: Namespace, starts: Sample, summary: Summary, best: Results) -> str:
    objective, names = best.objective, summary.names
    low, high = starts.box.low.tolist(), starts.box.high.tolist()
    content = {
        "formula": str(objective.expression),
        "parameters": {symbol.name: value for symbol, value in objective.parameters.items()},
        "box": {str(key): [low[k], high[k]] for k, key in enumerate(starts.box.keys or ())},
        "sampling": starts.method,
        "seed": starts.seed.entropy if starts.seed else None,
        "method": asdict(best.method),
        "steps": options.steps,
        "runs": summary.runs,
        "success": summary.converged,
        "status": {status.name: count for status, count in sorted(summary.counts.items())},
        "tol": summary.tol,
        "minima": [
            {"fun": finite(m.fun), "x": by_name(names, m.x), "run": m.number, "runs": m.count,
             "share": m.share}
            for m in summary.minima
        ],
        "elsewhere": summary.elsewhere,
        "top": [
            {"run": int(number), "fun": finite(fun), "x": by_name(names, x),
             "jac": by_name(names, jac), "nit": int(nit), "status": Status(int(status)).name}
            for number, x, fun, jac, status, nit in zip(*best.runs, strict=True)
        ],
    }  # fmt: skip
    return dumped(content)

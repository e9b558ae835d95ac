"""``symadamax fit``: a formula and a table in, the estimates and their errors printed out."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

import numpy as np

from symadamax.commands.asked import assignments, check_pictures, method_of, stop_of
from symadamax.commands.printed import by_name, columns, dumped, finite, say_written
from symadamax.commands.settings import FIT_SETTINGS
from symadamax.fit import Fit, fit
from symadamax.model import model_of
from symadamax.solver import Status
from symadamax.table import Column, column_names, read_columns

__all__ = ["run"]


def run(options: Namespace) -> int:
    """Fit the formula of the command line, print the estimates, and return the exit code."""
    check_pictures(options.plot)
    start = assignments(options.start, "--start")
    model = model_of(
        options.formula, options.response, list(start),
        assignments(options.parameter, "--parameter"), column_names(options.file),
    )  # fmt: skip
    table = read_columns(options.file, [*model.columns, model.response])
    found = fit(
        model, table, start,
        method=method_of(options, FIT_SETTINGS),
        anneal=not options.constant_rate,
        steps=options.steps, batch=options.batch, epochs=options.epochs, rng=options.seed,
        stop=stop_of(options), progress=options.progress,
    )  # fmt: skip
    print(_json(found) if options.json else text(found), flush=True)
    for sentence in _doubts(found):
        print(f"symadamax: {sentence}", file=sys.stderr)
    if found.result.status == Status.INTERRUPTED:
        return 130
    if options.plot is not None:
        _draw(options, found, table)
    return 0 if found.result.success else 1


def text(found: Fit) -> str:
    """Return the table of the estimates, and what belongs to it."""
    header = ("unknown", "estimate", "standard error")
    errors = found.standard_error
    rows = [(n, f"{v:.10g}", f"{errors[n]:.4g}") for n, v in found.estimate.items()]
    table = columns([header, *rows], "<<<")
    result = found.result
    spread = (found.residual_sum / found.degrees_of_freedom) ** 0.5
    facts = {
        "residual sum of squares": f"{found.residual_sum:.10g}",
        "residual standard error": f"{spread:.6g} ({found.degrees_of_freedom} degrees of freedom)",
        "rows": str(found.rows),
        "steps": str(result.nit),
        "status": f"{result.message} ({result.status.name})",
    }
    width = max(map(len, facts))
    return "\n".join([*table, "", *(f"{name:{width}}  {fact}" for name, fact in facts.items())])


def _doubts(found: Fit) -> list[str]:
    """Return what the reader of the estimates must know."""
    if found.undetermined:
        return [
            f"The data do not determine {', '.join(found.undetermined)}: other values fit as well, "
            "so there are no standard errors."
        ]
    if not np.isfinite(found.covariance).all():
        return ["A derivative of the formula is not finite, so there are no standard errors."]
    if not found.settled:
        return [
            f"The fit has not settled: an estimate is about {found.distance:.2g} standard errors "
            "away from the minimum. Give more --steps, another --learning-rate or another --start."
        ]
    return []


def _json(found: Fit) -> str:
    result, names = found.result, found.model.unknowns
    content: dict[str, Any] = {
        "formula": found.model.formula,
        "response": found.model.response,
        "parameters": found.model.parameters,
        "estimate": by_name(names, found.estimate.values()),
        "standard_error": by_name(names, found.standard_error.values()),
        "covariance": [[finite(value) for value in row] for row in found.covariance],
        "undetermined": found.undetermined,
        "residual_sum": finite(found.residual_sum),
        "rows": found.rows,
        "degrees_of_freedom": found.degrees_of_freedom,
        "settled": found.settled,
        "distance": finite(found.distance),
        "nit": result.nit,
        "nfev": result.nfev,
        "status": result.status.name,
        "success": bool(result.success),
        "message": result.message,
    }
    return dumped(content)


def _draw(options: Namespace, found: Fit, table: dict[str, Column]) -> None:
    from symadamax.viewer.fitted import draw_fit

    draw_fit(found, table).savefig(options.plot, dpi="figure")
    say_written(options.plot, options)

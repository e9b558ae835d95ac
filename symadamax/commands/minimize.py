"""``symadamax minimize``: a formula and its options in, the printed result out."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from symadamax.commands.asked import assignments, check_pictures, method_of, stop_of
from symadamax.commands.printed import by_name, dumped, finite, listed, say_written
from symadamax.commands.settings import SETTINGS
from symadamax.objective import Objective
from symadamax.parse import parse_formula
from symadamax.solver import Result, Status, minimize

__all__ = ["run"]

PICTURED = 10_000  # steps that a picture shows at most, where none were asked to be recorded


def run(options: Namespace) -> int:
    """Minimise the formula of the command line, print the result, and return the exit code."""
    check_pictures(options.plot, options.animate, options.html)
    objective = Objective(
        parse_formula(options.formula), parameters=assignments(options.parameter, "--parameter")
    )
    result = minimize(
        objective,
        assignments(options.start, "--start"),
        method=method_of(options, SETTINGS),
        steps=options.steps,
        stop=stop_of(options),
        record=_record(options),
        progress=options.progress,
        backend=options.backend,
        dtype=options.dtype,
    )
    print(_json(options, result) if options.json else _text(options, result), flush=True)
    if result.status == Status.INTERRUPTED:
        return 130
    _draw(options, result)
    return 0 if result.success else 1


def _record(options: Namespace) -> int | None:
    every: int | None = options.record
    if every is None and (options.plot or options.animate or options.html):
        every = max(1, options.steps // PICTURED)
    return every


def _draw(options: Namespace, result: Result) -> None:
    from symadamax import viewer

    for write, path in (
        (viewer.plot, options.plot),
        (viewer.animate, options.animate),
        (viewer.to_html, options.html),
    ):
        if path is not None:
            write(result, path)
            say_written(path, options)


def derivatives(objective: Objective) -> dict[str, str]:
    """Return the partial derivatives in text, by the names of the unknowns."""
    pairs = zip(objective.unknowns, objective.gradient, strict=True)
    return {unknown.name: str(derivative) for unknown, derivative in pairs}


def _text(options: Namespace, result: Result) -> str:
    if not options.show_gradient:
        return repr(result)
    lines = [f"df/d{name} = {text}" for name, text in derivatives(result.objective).items()]
    return "\n".join([*lines, "", repr(result)])


def _json(options: Namespace, result: Result) -> str:
    objective = result.objective
    names = [unknown.name for unknown in objective.unknowns]
    content: dict[str, Any] = {
        "formula": str(objective.expression),
        "parameters": {symbol.name: value for symbol, value in objective.parameters.items()},
        "method": asdict(result.method),
        "x": by_name(names, result.x),
        "fun": finite(result.fun),
        "jac": by_name(names, result.jac),
        "nit": result.nit,
        "nfev": result.nfev,
        "status": result.status.name,
        "success": bool(result.success),
        "message": result.message,
        "best": {"x": by_name(names, result.best_x), "fun": finite(result.best_fun)},
    }
    if options.show_gradient:
        content["gradient"] = derivatives(objective)
    if options.record is not None:
        history = result.history
        columns = {name: listed(history.x[:, k]) for k, name in enumerate(names)}
        content["history"] = {
            "step": history.step.tolist(),
            "x": columns,
            "fun": listed(history.fun),
        }
    return dumped(content)

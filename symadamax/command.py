"""``symadamax minimize``: a formula and its options in, the printed result out."""

from __future__ import annotations

import json
import math
import sys
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from symadamax.cli import SETTINGS
from symadamax.errors import InputError, require
from symadamax.objective import Objective
from symadamax.parse import parse_formula
from symadamax.solver import Adamax, Result, Status, Stop, minimize

__all__ = ["assignments", "by_name", "check_pictures", "finite", "run", "stop_of"]

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
        method=Adamax(**{name: getattr(options, name) for name in SETTINGS}),
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


def assignments(texts: Iterable[str], option: str) -> dict[str, float]:
    """Return the numbers by name in texts such as ``x=1,y=0``.

    Examples
    --------
    >>> assignments(["x=1,y=-2e-3", "z=0"], "--start")
    {'x': 1.0, 'y': -0.002, 'z': 0.0}
    """
    numbers: dict[str, float] = {}
    for text in texts:
        for part in text.split(","):
            name, _, number = (word.strip() for word in part.partition("="))
            try:
                value = float(number)
            except ValueError:
                raise InputError(
                    f"{option} has {part.strip()!r}; accepted is a name, = and a number, "
                    f"with commas between them, such as {option} x=1,y=0."
                ) from None
            if name in numbers:
                raise InputError(f"{option} has two numbers for {name!r}; give one.")
            numbers[name] = value
    return numbers


def stop_of(options: Namespace) -> Stop | None:
    """Return the criteria of the command line, None where there are none."""
    given = {field.name: getattr(options, field.name) for field in fields(Stop)}
    return None if set(given.values()) == {None} else Stop(**given)


def _record(options: Namespace) -> int | None:
    every: int | None = options.record
    if every is None and (options.plot or options.animate or options.html):
        every = max(1, options.steps // PICTURED)
    return every


def check_pictures(plot: str | None, animate: str | None = None, html: str | None = None) -> None:
    """Refuse what cannot be drawn before the run, which may take long."""
    from symadamax.viewer.checks import check_path

    if plot is not None or animate is not None:
        require("matplotlib", "plot", "drawing")
    if plot is not None:
        check_path(plot, (".png", ".svg", ".pdf"))
    if animate is not None:
        check_path(animate, (".gif", ".mp4"))
    if html is not None:
        check_path(html, (".html",))


def _draw(options: Namespace, result: Result) -> None:
    from symadamax import viewer

    for write, path in (
        (viewer.plot, options.plot),
        (viewer.animate, options.animate),
        (viewer.to_html, options.html),
    ):
        if path is not None:
            write(result, path)
            print(f"Written: {path}", file=sys.stderr if options.json else sys.stdout)


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
        columns = {name: _list(history.x[:, k]) for k, name in enumerate(names)}
        content["history"] = {
            "step": history.step.tolist(),
            "x": columns,
            "fun": _list(history.fun),
        }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def finite(value: Any) -> float | None:
    """Return a number that JSON has; it has no NaN and no infinity."""
    return float(value) if math.isfinite(value) else None


def _list(values: Any) -> list[float | None]:
    return [finite(value) for value in values]


def by_name(names: Iterable[str], values: Any) -> dict[str, float | None]:
    """Return numbers by name, as JSON has them."""
    return dict(zip(names, _list(values), strict=True))

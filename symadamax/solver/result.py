"""Result: how a run ended, as data, as a sentence and as a table."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import OptimizeResult

from symadamax._core import Status
from symadamax.solver.stop import Stop

__all__ = ["REJECTED", "Result", "Status", "sentence", "succeeded", "where"]

_KEPT = " The result is the last point where all was finite, that of step {nit}."

# What each status says; {names} are filled in by `sentence`.
SENTENCES: Mapping[Status, str] = {
    Status.RUNNING: "The run goes on: {nit} steps are done.",
    Status.STEPS_DONE: "All {nit} steps are done.",
    Status.GTOL_MET: "After {nit} steps no entry of the gradient exceeds gtol = {stop.gtol:g}.",
    Status.FTOL_MET: "Step {nit} changed the value by no more than ftol = {stop.ftol:g} allows.",
    Status.XTOL_MET: "Step {nit} moved no unknown by more than xtol = {stop.xtol:g} allows.",
    Status.TARGET_MET: "After {nit} steps the value has reached the target {stop.target:g}.",
    Status.NOT_CONVERGED: "All {nit} steps are done, and this was not met: {criteria}.",
    Status.TIME_LIMIT: "The time limit of {stop.seconds:g} s ended the run after {nit} steps.",
    Status.STOPPED_BY_CALLBACK: "The callback ended the run after {nit} steps.",
    Status.CALLBACK_FAILED: "The callback failed after {nit} steps: {trouble}.",
    Status.INTERRUPTED: "The run was interrupted after {nit} steps.",
    Status.VALUE_NOT_FINITE: "The value is {trouble} at step {next}." + _KEPT,
    Status.GRADIENT_NOT_FINITE: "The derivative for {trouble} at step {next}." + _KEPT,
    Status.POINT_NOT_FINITE: "Step {next} would take {trouble}." + _KEPT,
    Status.SCHEDULE_FAILED: "The learning rate of step {next} cannot be used: {trouble}." + _KEPT,
    Status.OBJECTIVE_FAILED: "The objective failed at step {next}: {trouble}." + _KEPT,
}

# The statuses with an evaluation more than steps and the start.
REJECTED = {Status.VALUE_NOT_FINITE, Status.GRADIENT_NOT_FINITE, Status.OBJECTIVE_FAILED}

MET = {Status.GTOL_MET, Status.FTOL_MET, Status.XTOL_MET, Status.TARGET_MET}
MOST_SHOWN = 8  # unknowns in a table or a sentence


class Result(OptimizeResult):
    """How a run of `minimize` ended: a `scipy.optimize.OptimizeResult`.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The last point where everything was finite, in the order of the unknowns.
    fun : float
        The value at x.
    jac : ndarray, shape (n,)
        The gradient at x.
    nit, nfev : int
        Steps done and evaluations made, in this run.
    status : Status
        >= 0: the point is usable; < 0: the objective failed, or something was not finite.
    success : bool
        Whether what was asked for was reached: a criterion of `stop`, or without one all steps.
    message : str
        The status as a sentence.
    point : dict of sympy.Symbol to float, or None
        x by unknown; None for a Python function, which has no symbols.
    best_x, best_fun : ndarray of shape (n,), float
        The point of the smallest value seen, and that value; to maximise, of the largest. The start
        and the end count.
    average_x : ndarray, shape (n,), or None
        The averaged iterate, where `Adamax` has ``average=True``.
    history : History or None
        The rows that were kept, where `record` was given.
    state : State or None
        What goes on from here: ``minimize(..., start=result.x, state=result.state)``. None after
        something was not finite, where there are more than a million unknowns in arrays.
    objective : Objective or None
        What was minimised; None for a Python function.
    method : Adamax
        The settings.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.solver import minimize
    >>> x = sp.Symbol("x")
    >>> result = minimize(x**2, [1], steps=10)
    >>> result.nit, result.nfev, result.success
    (10, 11, True)
    >>> result.message
    'All 10 steps are done.'
    """

    if TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None: ...

    def to_html(self, path: str | PathLike[str], **options: Any) -> Path:
        """Write the run as a page that shows every step: `symadamax.to_html` of this result."""
        import symadamax

        return symadamax.to_html(self, path, **options)

    def __repr__(self) -> str:
        rows = _rows(self)
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:>{width}}: {text}" for label, text in rows)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:right">{html.escape(label)}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for label, text in _rows(self)
        )
        return f"<table>{rows}</table>"


def sentence(status: Status, nit: int, stop: Stop, trouble: str = "") -> str:
    """Return the message of a result; `trouble` is what was not finite, or what was raised."""
    criteria = _criteria(stop) if status == Status.NOT_CONVERGED else ""
    return SENTENCES[status].format(
        nit=nit, next=nit + 1, stop=stop, criteria=criteria, trouble=trouble
    )


def _criteria(stop: Stop) -> str:
    given = {name: getattr(stop, name) for name in ("gtol", "ftol", "xtol", "target")}
    return ", ".join(f"{name} = {value:g}" for name, value in given.items() if value is not None)


def succeeded(status: Status, stop: Stop) -> bool:
    """Tell whether what was asked for was reached."""
    if status == Status.TIME_LIMIT:
        return not _criteria(stop)
    return status == Status.STEPS_DONE or status in MET


def where(names: Sequence[str], x: Any) -> str:
    """Return a point in words: ``x = 1, y = 0``."""
    shown = [f"{name} = {value:.8g}" for name, value in zip(names, x[:MOST_SHOWN], strict=False)]
    more = [f"... ({len(x)} unknowns)"] if len(x) > MOST_SHOWN else []
    return ", ".join(shown + more)


def _rows(result: Result) -> list[tuple[str, str]]:
    """Return the table of a result: what each row is, and its text."""
    objective, best = result.get("objective"), result.get("best_x")
    average = result.get("average_x")
    names = tuple(map(str, objective.unknowns)) if objective is not None else _entries(result)
    texts = {
        "message": result.get("message"),
        "success": f"{result.get('success')} ({_named(result.get('status'))})",
        "fun": _number(result.get("fun")),
        "x": where(names, result.get("x", ())),
        "jac": _vector(result.get("jac")),
        "nit": f"{result.get('nit')} steps, {result.get('nfev')} evaluations",
        "best": f"{_number(result.get('best_fun'))} at {where(names, best)}"
        if best is not None
        else None,
        "average": where(names, average) if average is not None else None,
        "history": repr(result.get("history")) if result.get("history") is not None else None,
        "method": repr(result.get("method")),
    }
    return [(label, text) for label, text in texts.items() if text is not None]


def _entries(result: Result) -> tuple[str, ...]:
    return tuple(f"x[{k}]" for k in range(min(len(result.get("x", ())), MOST_SHOWN)))


def _named(status: Any) -> str:
    return f"status {int(status)}, {status.name}" if isinstance(status, Status) else str(status)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.15g}"


def _vector(values: Any) -> str | None:
    if values is None:
        return None
    return np.array2string(np.asarray(values), precision=6, threshold=MOST_SHOWN, edgeitems=3)

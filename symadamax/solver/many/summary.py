"""Digest: what is kept of all runs, part by part; Summary: the same in words and as a table."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symadamax._core import Status
from symadamax.solver.many.minima import MOST, Minima, minima_of
from symadamax.solver.many.runs import Runs
from symadamax.solver.result import where

__all__ = ["Digest", "Minimum", "Summary"]

WORDS: Mapping[Status, str] = {
    Status.RUNNING: "running",
    Status.STEPS_DONE: "all steps done",
    Status.GTOL_MET: "gtol met",
    Status.FTOL_MET: "ftol met",
    Status.XTOL_MET: "xtol met",
    Status.TARGET_MET: "target reached",
    Status.NOT_CONVERGED: "all steps done, criterion not met",
    Status.TIME_LIMIT: "time limit",
    Status.STOPPED_BY_CALLBACK: "stopped by the callback",
    Status.CALLBACK_FAILED: "callback failed",
    Status.INTERRUPTED: "interrupted, or not begun",
    Status.VALUE_NOT_FINITE: "value not finite",
    Status.GRADIENT_NOT_FINITE: "gradient not finite",
    Status.POINT_NOT_FINITE: "point not finite",
    Status.SCHEDULE_FAILED: "learning rate not usable",
    Status.OBJECTIVE_FAILED: "objective failed",
}

SHOWN = 10  # minima in a table
TITLES = ("value", "slope", "runs", "share", "best run at")  # the slope is that of the best run


class Digest(NamedTuple):
    """What is kept of runs whose rows are not: how they ended, and where.

    Attributes
    ----------
    counts : dict of Status to int
    minima : Minima
    """

    counts: Mapping[Status, int]
    minima: Minima

    @classmethod
    def of(cls, runs: Runs, tol: float, most: int = MOST) -> Digest:
        """Return the digest of some runs."""
        return cls(cls.counted(runs), minima_of(runs, tol, most))

    @staticmethod
    def counted(runs: Runs) -> dict[Status, int]:
        """Return how many runs ended in each way."""
        counts = np.bincount(runs.status.astype(np.int64) + 128, minlength=256)  # of int8
        return {status: n for status in Status if (n := int(counts[int(status) + 128]))}

    @classmethod
    def joined(cls, parts: Sequence[Digest], tol: float | None = None) -> Digest:
        """Return the digest of the runs of one or more parts, in this order.

        `tol` is that of the first, or larger.
        """
        counts: dict[Status, int] = {}
        for part in parts:
            for status, number in part.counts.items():
                counts[status] = counts.get(status, 0) + number
        tol = parts[0].minima.tol if tol is None else tol
        return cls(counts, Minima.joined([part.minima for part in parts], tol))


@dataclass(frozen=True, eq=False)
class Minimum:
    """A place where runs ended.

    Attributes
    ----------
    fun : float
        The value of the best of them.
    x : ndarray, shape (n,)
        Where it ended.
    point : dict of sympy.Symbol to float, or None
        The same by unknown.
    count : int
        How many runs ended here.
    share : float
        The part of all runs that they are.
    number : int
        Which run is the best.
    jac : ndarray, shape (n,)
        The gradient where it ended: far from 0 it tells a run that had not come to rest.
    """

    fun: float
    x: npt.NDArray[np.float64]
    point: dict[Any, Any] | None
    count: int
    share: float
    number: int
    jac: npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Summary:
    """How runs ended, and at which minima: `Results.summary` makes it, and it prints as a table.

    Attributes
    ----------
    runs : int
        How many runs it is of.
    counts : dict of Status to int
        How many ended in each way.
    converged : int
        How many reached what was asked for, as `Results.success` says.
    minima : tuple of Minimum
        The distinct minima, the best first: at most 256.
    elsewhere : int
        How many usable runs ended at none of these.
    tol : float
        The distance that tells minima apart, in units of max(1, abs(x)) in each unknown.
    names : sequence of str
        What the numbers of x are called.
    """

    runs: int
    counts: Mapping[Status, int]
    converged: int
    minima: tuple[Minimum, ...]
    elsewhere: int
    tol: float
    names: Sequence[str]

    def __repr__(self) -> str:
        ended = [(WORDS[status], f"{count:,}") for status, count in self._ordered()]
        lines = [self._headline(), *_columns(ended, "<>"), self._told_apart()]
        if self.minima:
            lines += _columns([TITLES, *self._rows()], ">>>><")
        return "\n".join([*lines, *self._rest()])

    def _repr_html_(self) -> str:
        ended = "".join(
            f"<tr><td>{WORDS[status]}</td><td>{count:,}</td></tr>"
            for status, count in self._ordered()
        )
        head = "".join(f"<th>{name}</th>" for name in TITLES)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        return (
            f"<p>{self._headline()}</p><table>{ended}</table><p>{self._told_apart()}</p>"
            f"<table><tr>{head}</tr>{rows}</table>"
            + "".join(f"<p>{line.strip()}</p>" for line in self._rest())
        )

    def _ordered(self) -> list[tuple[Status, int]]:
        return sorted(self.counts.items(), key=lambda item: (-item[1], int(item[0])))

    def _headline(self) -> str:
        return f"{self.runs:,} runs, {self.converged:,} of which reached what was asked for:"

    def _told_apart(self) -> str:
        more = "or more " if self.elsewhere else ""
        noun = "minimum" if len(self.minima) == 1 and not more else "minima"
        return f"{len(self.minima)} {more}distinct {noun}, told apart by tol = {self.tol:g}:"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                f"{found.fun:.8g}",
                f"{np.abs(found.jac).max(initial=0.0):.1e}",
                f"{found.count:,}",
                f"{100 * found.share:.1f} %",
                where(self.names, found.x),
            )
            for found in self.minima[:SHOWN]
        ]

    def _rest(self) -> list[str]:
        shown = sum(minimum.count for minimum in self.minima[:SHOWN])
        rest = sum(minimum.count for minimum in self.minima) + self.elsewhere - shown
        return [f"  {rest:,} runs ended at others"] if rest else []


def _columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Return rows of cells as lines; of each column `sides` says how it is aligned, < or >."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    forms = [f"{side}{width}" for side, width in zip(sides, widths, strict=True)]
    return ["  " + "  ".join(map(format, row, forms)).rstrip() for row in rows]

"""Results: how many runs ended, as arrays, as single Results, as a summary and as a table."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax._core import Status
from symadamax.errors import InputError, require
from symadamax.points import Shapes, shaped
from symadamax.solver.adamax import Adamax
from symadamax.solver.checks import natural
from symadamax.solver.columns import Column
from symadamax.solver.history import History
from symadamax.solver.many.minima import checked_tolerance, labelled, usual_tolerance
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.starts import Starts
from symadamax.solver.many.summary import Digest, Minimum, Summary
from symadamax.solver.result import REJECTED, Result, sentence, succeeded, where
from symadamax.solver.stop import Stop

__all__ = ["Description", "Results"]

SHOWN = 5  # runs in a notebook's view

# What was not finite is not kept of each run; these stand for it in the sentences.
TROUBLE = {
    Status.VALUE_NOT_FINITE: "not finite",
    Status.GRADIENT_NOT_FINITE: "an unknown is not finite",
    Status.POINT_NOT_FINITE: "an unknown beyond all finite numbers",
    Status.SCHEDULE_FAILED: "it is not finite, or below 0",
    Status.OBJECTIVE_FAILED: "it raised an error",
    Status.CALLBACK_FAILED: "it raised an error",
}


@dataclass(frozen=True, eq=False)
class Description:
    """What was asked for, in which all runs are the same or are told apart by their numbers.

    Attributes
    ----------
    total : int
        How many runs.
    method : Adamax
    stop : Stop
    names : sequence of str
        What the numbers of a point are called.
    objective : Objective or None
        None of a Python function.
    shapes : mapping of IndexedBase to shape
        Those of arrays of unknowns.
    starts : Starts or None
    parameters : mapping of symbol (or its name) to Column
        Those parameters that have a number for each run.
    """

    total: int
    method: Adamax
    stop: Stop
    names: Sequence[str]
    objective: Any = None
    shapes: Shapes = field(default_factory=dict)
    starts: Starts | None = None
    parameters: Mapping[Any, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", dict(self.shapes))  # as it came it may not pickle


class Results:
    """How the runs of `minimize_many` ended, a row for each run that was kept.

    ``results[k]`` is row k as a `Result`; a slice, a mask or an array of rows gives `Results`.

    Attributes
    ----------
    x : ndarray, shape (rows, n)
        The last point of each where all was finite, in the order of the unknowns.
    fun : ndarray of float64, shape (rows,)
        The values there.
    jac : ndarray, shape (rows, n)
        The gradients there.
    status : ndarray of int8, shape (rows,)
        How each ended, as numbers of `Status`: >= 0, the point is usable.
    success : ndarray of bool, shape (rows,)
        Whether what was asked for was reached, as in `Result`.
    nit : ndarray of int64, shape (rows,)
        The steps done.
    number : ndarray of int64, shape (rows,)
        Which start each row belongs to.
    start : ndarray, shape (rows, n)
        Where each began.
    total : int
        How many runs were asked for. With ``keep=k`` there are fewer rows.
    objective : Objective or None
        What was minimised; None for a Python function.
    method : Adamax
        The settings.
    histories : sequence of History, or None
        Of each row, where `record` was given; None for a run that was not begun.

    Examples
    --------
    >>> import sympy as sp, symadamax as sx
    >>> x = sp.Symbol("x")
    >>> results = sx.minimize_many((x**2 - 1)**2, {x: [-2, 0.5, 2]}, method=sx.Adamax(0.1))
    >>> results.x.round(6).ravel()
    array([-1.,  1.,  1.])
    >>> results[0].message
    'All 1000 steps are done.'
    >>> [minimum.count for minimum in results.summary().minima]
    [2, 1]
    """

    def __init__(
        self,
        runs: Runs,
        asked: Description,
        digest: Digest | None = None,
        histories: Sequence[History | None] | None = None,
    ) -> None:
        self.runs, self.asked, self.digest, self.histories = runs, asked, digest, histories
        self.number, self.x, self.fun, self.jac, self.status, self.nit = runs
        self.total, self.objective, self.method = asked.total, asked.objective, asked.method

    def __len__(self) -> int:
        return self.runs.rows

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, Integral) and not isinstance(place, bool):
            return self._result(range(len(self))[int(place)])
        kept = self.histories
        if kept is not None:
            kept = [kept[row] for row in np.arange(len(self))[place]]
        return Results(self.runs.take(place), self.asked, histories=kept)

    def __iter__(self) -> Iterator[Result]:
        return (self._result(row) for row in range(len(self)))

    @property
    def success(self) -> npt.NDArray[np.bool_]:
        """Whether each run reached what was asked for."""
        reached = [int(status) for status in Status if succeeded(status, self.asked.stop)]
        return np.isin(self.status, reached)

    @property
    def start(self) -> npt.NDArray[Any]:
        """Where each row began, in the dtype of x."""
        starts = self.asked.starts
        if starts is None:
            raise InputError("The starts of these runs are not kept.")
        points = np.empty(self.x.shape, self.x.dtype)
        ends = np.flatnonzero(np.diff(self.number, append=-2) != 1) + 1
        for first, last in zip([0, *ends[:-1]], ends, strict=False):
            number = int(self.number[first])
            points[first:last] = starts.points(number, number + int(last - first))
        return points

    @property
    def best(self) -> Result:
        """The usable run with the smallest value.

        Raises
        ------
        InputError
            When no run is usable.
        """
        best = self.runs.best(1)
        if not best.usable.any():
            raise InputError(
                "No run has ended at a usable point, so none is the best: summary() says how they "
                "ended."
            )
        return Results(best, self.asked)[0]  # type: ignore[no-any-return]

    def top(self, k: int) -> Results:
        """Return the k best runs in order, or all where there are fewer.

        Usable ones come first, by value and then by number; behind them the rest by number.
        """
        return Results(self.runs.best(natural(k, "k")), self.asked)

    def summary(self, tol: float | None = None) -> Summary:
        r"""Return how many ended in which way, and at which minima.

        The best run is a minimum, and all runs that ended within `tol` of it ended there; the best
        of the rest is the next minimum, and so on, up to 256. Usable runs count, whether they had
        come to rest or not.

        Parameters
        ----------
        tol : float, optional
            In [0, 1): two runs ended at the same minimum when each unknown x of theirs differs by
            at most :math:`\mathrm{tol}\,\max(1, |x|)`. Default: twice the learning rate, but at
            least 0.001 and at most 0.5 (at a kink runs swing by half of the learning rate); 0.01
            for a schedule. With ``keep=k`` it cannot be below the default.

        Returns
        -------
        Summary
            Of the rows; with ``keep=k`` of all runs.

        Raises
        ------
        InputError
            When the tolerance cannot be used.
        """
        usual = usual_tolerance(self.method) if self.digest is None else self.digest.minima.tol
        tol = usual if tol is None else checked_tolerance(tol)
        if self.digest is None:
            digest = Digest.of(self.runs, tol)
        elif tol < usual:
            raise InputError(
                f"tol is {tol:g}, and of the runs that are not kept minima were told apart by "
                f"{usual:g}; accepted is no less. With keep='all' any is."
            )
        else:
            digest = self.digest if tol == usual else Digest.joined([self.digest], tol)
        return self._summary(digest)

    def basins(self, tol: float | None = None) -> npt.NDArray[np.int64]:
        """Return which minimum each row ended at, of those of its `summary`: int, shape (rows,).

        -1 stands for none: the run is not usable, or its minimum is not among the best. With
        ``keep=k`` the minima are those of the rows, which ``results[:].summary(tol)`` has.

        Parameters
        ----------
        tol : float, optional
            As for `summary`.
        """
        tol = usual_tolerance(self.method) if tol is None else checked_tolerance(tol)
        return labelled(self.runs, tol)[1]

    def _summary(self, digest: Digest) -> Summary:
        asked, minima = self.asked, digest.minima
        runs = sum(digest.counts.values())
        found = []
        for row, count in enumerate(minima.counts.tolist()):
            number, x, fun, jac, _, _ = (array[row] for array in minima.best)
            found.append(
                Minimum(float(fun), x, self._point(x), count, count / runs, int(number), jac)
            )
        reached = sum(n for status, n in digest.counts.items() if succeeded(status, asked.stop))
        return Summary(
            runs, dict(digest.counts), reached, tuple(found), minima.elsewhere, minima.tol,
            asked.names,
        )  # fmt: skip

    def to_pandas(self) -> Any:
        """Return a DataFrame: the index is the run; columns are the unknowns and how it ended.

        Behind the unknowns stand ``fun``, ``status`` (its name), ``success`` and ``nit``.

        Raises
        ------
        MissingDependencyError
            When pandas is not installed.
        """
        pandas: Any = require("pandas", "test", "Results.to_pandas")
        index = pandas.Index(self.number, name="run")
        points = pandas.DataFrame(self.x, index=index, columns=list(self.asked.names))
        codes = [int(status) for status in Status]
        names = pandas.Categorical.from_codes(
            np.searchsorted(np.sort(codes), self.status),
            categories=[Status(code).name for code in sorted(codes)],
        )
        ended = {"fun": self.fun, "status": names, "success": self.success, "nit": self.nit}
        return pandas.concat([points, pandas.DataFrame(ended, index=index)], axis=1)

    def plot(self, path: str | PathLike[str] | None = None, **options: Any) -> Any:
        """Draw the values that were reached, and from where: `symadamax.plot` of these results."""
        import symadamax

        return symadamax.plot(self, path, **options)

    # ---- what one run says ----------------------------------------------------------------------

    def _result(self, row: int) -> Result:
        asked, number = self.asked, int(self.number[row])
        status, nit = Status(int(self.status[row])), int(self.nit[row])
        objective = asked.objective
        if objective is not None and asked.parameters:
            own = {key: values[number] for key, values in asked.parameters.items()}
            objective = objective.with_parameters(own)
        return Result(
            x=self.x[row].copy(),
            fun=float(self.fun[row]),
            jac=self.jac[row].copy(),
            nit=nit,
            nfev=nit + (1 if self._never_began(row) else 1 + (status in REJECTED)),
            status=status,
            success=succeeded(status, asked.stop),
            message=self._message(row, status, nit),
            point=self._point(self.x[row]),
            best_x=None,
            best_fun=None,
            average_x=None,
            history=None if self.histories is None else self.histories[row],
            state=None,
            objective=objective,
            method=asked.method.of_run(number),
        )

    def _never_began(self, row: int) -> bool:
        """Tell whether there was something not finite at the start itself."""
        finite = np.isfinite(self.fun[row]) and np.isfinite(self.jac[row]).all()
        return bool(self.status[row] < 0 and self.nit[row] == 0 and not finite)

    def _message(self, row: int, status: Status, nit: int) -> str:
        if self._never_began(row):
            point = where(self.asked.names, self.x[row])
            return f"The objective is not finite at the start, {point}: the run did not begin."
        return sentence(status, nit, self.asked.stop, TROUBLE.get(status, ""))

    def _point(self, x: npt.NDArray[Any]) -> dict[Any, Any] | None:
        objective = self.asked.objective
        return None if objective is None else shaped(x, objective.unknowns, self.asked.shapes)

    # ---- what they show -------------------------------------------------------------------------

    def __repr__(self) -> str:
        rows = self._rows()
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:>{width}}: {text}" for label, text in rows)

    def _repr_html_(self) -> str:
        head = "".join(
            f'<tr><th style="text-align:right">{html.escape(label)}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for label, text in self._rows()
        )
        titles = "".join(f"<th>{title}</th>" for title in ("run", "fun", "x", "nit", "status"))
        best = self.runs.best(SHOWN)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in (
                (f"{number}", f"{fun:.15g}", where(self.asked.names, x), f"{nit}",
                 Status(int(status)).name)
                for number, x, fun, _, status, nit in zip(*best, strict=True)
            )
        )  # fmt: skip
        return f"<table>{head}</table><table><tr>{titles}</tr>{body}</table>"

    def _rows(self) -> list[tuple[str, str]]:
        """Return the table of these results: what each row is, and its text."""
        best = self.runs.best(1)
        kept = "" if len(self) == self.total else f", of which {len(self):,} are kept"
        counts = self.digest.counts if self.digest is not None else Digest.counted(self.runs)
        reached = sum(n for status, n in counts.items() if succeeded(status, self.asked.stop))
        rows = [
            ("runs", f"{self.total:,}{kept}"),
            ("success", f"{reached:,} of {sum(counts.values()):,}"),
        ]
        if best.usable.any():
            place = where(self.asked.names, best.x[0])
            rows.append(("best", f"{best.fun[0]:.15g} at {place} (run {best.number[0]})"))
        return [*rows, ("method", repr(self.method))]

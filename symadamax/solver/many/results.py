"""Results: how many runs ended, as arrays, as single Results, as a summary and as a table."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import replace
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax._core import Status
from symadamax.errors import InputError, require
from symadamax.solver.checks import natural
from symadamax.solver.history import History
from symadamax.solver.many.description import Description
from symadamax.solver.many.given import Given, Picked
from symadamax.solver.many.minima import checked_tolerance, labelled, usual_tolerance
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.summary import Digest, Minimum, Summary
from symadamax.solver.result import Result, succeeded, where

__all__ = ["Description", "Results"]

SHOWN = 5  # runs in a notebook's view


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

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind the starts of runs that are not here."""
        state = self.__dict__.copy()
        if isinstance(self.asked.starts, Given) and len(self) < self.total:
            numbers, places = np.unique(self.number, return_index=True)
            picked = Picked(self.total, numbers, self.start[places])
            state["asked"] = replace(self.asked, starts=picked)
        return state

    def __len__(self) -> int:
        return self.runs.rows

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, Integral) and not isinstance(place, bool):
            return self._result(range(len(self))[int(place)])
        rows = np.arange(len(self))[place]
        if rows.ndim != 1:
            raise InputError(
                f"results[{place!r}] was asked for; accepted is a row, a slice, a mask or an array "
                "of rows."
            )
        kept = None if self.histories is None else [self.histories[row] for row in rows]
        return Results(self.runs.take(place), self.asked, histories=kept)

    def __iter__(self) -> Iterator[Result]:
        return (self._result(row) for row in range(len(self)))

    def _result(self, row: int) -> Result:
        history = None if self.histories is None else self.histories[row]
        return self.asked.result_of(self.runs, row, history)

    @property
    def success(self) -> npt.NDArray[np.bool_]:
        """Whether each run reached what was asked for."""
        reached = [int(status) for status in Status if succeeded(status, self.asked.stop)]
        return np.isin(self.status, reached)

    @property
    def start(self) -> npt.NDArray[Any]:
        """Where each row began, in the dtype of x; read from the array that was given."""
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
        best = self.top(1)
        if not best.runs.usable.any():
            raise InputError(
                "No run has ended at a usable point, so none is the best: summary() says how they "
                "ended."
            )
        return best._result(0)

    def top(self, k: int) -> Results:
        """Return the k best runs in order, or all where there are fewer.

        Usable ones come first, by value and then by number; behind them the rest by number.
        """
        top: Results = self[self.runs.best_places(natural(k, "k"))]
        return top

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
                Minimum(float(fun), x, asked.point(x), count, count / runs, int(number), jac)
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
        pandas: Any = require("pandas", None, "Results.to_pandas")
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

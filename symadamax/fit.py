"""Least squares on a table: a model, columns and a start in; estimates and their errors out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symadamax.errors import InputError
from symadamax.model import Model
from symadamax.objective import Objective
from symadamax.schedules import cosine
from symadamax.solver import Adamax, Result, Stop, minimize

__all__ = ["Fit", "fit"]

Array = npt.NDArray[np.float64]

STEPS = 10_000
USUAL = Adamax(learning_rate=0.01)
BLOCK = 2**15  # rows of the Jacobian at a time
SINGULAR = 1e-10  # of the largest singular value of the Jacobian with columns of one size
ROUNDING = 1e-9  # of an estimate
SETTLED = 0.1  # standard errors that an estimate may be away from the minimum


@dataclass(frozen=True)
class Fit:
    """The estimates of a model, and how sure they are.

    Attributes
    ----------
    model : Model
    estimate : dict of str to float
        By unknown.
    covariance : ndarray, shape (p, p)
        :math:`s^2 (J^T J)^{-1}` with the Jacobian J of the model at the estimates, of p columns,
        and :math:`s^2` the residual sum of squares over rows - p; NaN where the data do not
        determine the unknowns, or a derivative is not finite.
    undetermined : tuple of str
        The unknowns that could be changed together without a change of the model.
    residual_sum : float
        The residual sum of squares.
    rows : int
    distance : float
        How far the estimates are from the minimum of the linearised problem, the largest distance
        in standard errors; NaN where these are.
    result : Result
        The run, on the residual sum of squares over the sum of squares of the response.
    """

    model: Model
    estimate: dict[str, float]
    covariance: Array
    undetermined: tuple[str, ...]
    residual_sum: float
    rows: int
    distance: float
    result: Result

    @property
    def standard_error(self) -> dict[str, float]:
        """The square roots of the diagonal of `covariance`, by unknown."""
        errors = np.sqrt(np.diag(self.covariance))
        return dict(zip(self.model.unknowns, map(float, errors), strict=True))

    @property
    def degrees_of_freedom(self) -> int:
        """Rows less unknowns."""
        return self.rows - len(self.model.unknowns)

    @property
    def settled(self) -> bool:
        """Whether the estimates are within a tenth of their standard errors of the minimum."""
        return self.distance <= SETTLED

    def predict(self, columns: Mapping[str, Array]) -> Array:
        """Return the model at the estimates, an array of shape (rows,), for columns by name."""
        blocks = _slopes(self.model, self.estimate, columns, len(next(iter(columns.values()))))
        return np.concatenate([values for _, values, _ in blocks])


def fit(
    model: Model,
    columns: Mapping[str, Array],
    start: Mapping[str, float],
    *,
    method: Adamax = USUAL,
    anneal: bool = True,
    steps: int | None = None,
    batch: int | None = None,
    epochs: int | None = None,
    rng: Any = None,
    stop: Stop | None = None,
    progress: bool = False,
) -> Fit:
    """Fit a model by least squares.

    Parameters
    ----------
    model : Model
    columns : mapping of str to array, shape (rows,)
        The columns of the model and its response; more rows than unknowns.
    start : mapping of str to float
        A number for each unknown.
    method : Adamax
        The settings, with a number as the learning rate, and without average, weight_decay and l2.
    anneal : bool
        Whether the learning rate falls to 0 along half a wave of the cosine.
    steps : int, optional
        Default: 10,000.
    batch, epochs, rng, stop, progress : optional
        As for `minimize`; a criterion of `stop` holds for the residual sum of squares over the sum
        of squares of the response.

    Raises
    ------
    InputError
        When there are too few rows, an argument cannot be used, or the model is not finite at the
        start.

    Examples
    --------
    >>> from symadamax.model import model_of
    >>> model = model_of("a + b*t", "y", ["a", "b"], {}, ["t", "y"])
    >>> t = np.array([0.0, 1.0, 2.0, 3.0])
    >>> found = fit(model, {"t": t, "y": np.array([1.0, 3.0, 5.0, 7.0])}, {"a": 0, "b": 0})
    >>> {name: round(value, 6) for name, value in found.estimate.items()}
    {'a': 1.0, 'b': 2.0}
    """
    rows = len(columns[model.response])
    if rows <= len(model.unknowns):
        raise InputError(
            f"There {'is 1 row' if rows == 1 else f'are {rows} rows'} for {len(model.unknowns)} "
            "unknowns; a fit needs more rows than unknowns."
        )
    if method.average or method.weight_decay or method.l2:
        raise InputError("average, weight_decay and l2 have no place in a fit; leave them out.")
    if epochs is None and steps is None:
        steps = STEPS
    count = epochs * -(-rows // max(batch, 1)) if epochs and batch else steps
    if anneal and count and count > 0:
        method = replace(method, learning_rate=cosine(method.learning_rate, count))
    result = minimize(
        _loss(model, columns), dict(start), method=method, steps=steps, stop=stop,
        batch=batch, epochs=epochs, rng=rng, progress=progress,
    )  # fmt: skip
    return _estimates(model, columns, result)


def _loss(model: Model, columns: Mapping[str, Array]) -> Objective:
    """Return the residual sum of squares over the sum of squares of the response."""
    row, rows = sp.Dummy("row", integer=True), sp.Dummy("rows", integer=True)
    names = (*model.columns, model.response)
    arrays = {name: sp.IndexedBase(name) for name in names}
    replaced = {sp.Symbol(name): arrays[name][row] for name in model.columns}
    residual = model.expression.xreplace(replaced) - arrays[model.response][row]
    with np.errstate(over="ignore", under="ignore"):
        total = float(np.sum(columns[model.response] ** 2))
    if not np.isfinite(total):
        raise InputError(f"The squares of {model.response!r} have no finite sum: scale it.")
    return Objective(
        sp.Sum(residual**2, (row, 0, rows - 1)) / (total or 1),
        [sp.Symbol(name) for name in model.unknowns],
        parameters=dict(model.parameters) or None,
        data={arrays[name]: columns[name] for name in names},
    )


# ---- errors ------------------------------------------------------------------------------------


def _estimates(model: Model, columns: Mapping[str, Array], result: Result) -> Fit:
    estimate = dict(zip(model.unknowns, map(float, result.x), strict=True))
    rows, size = len(columns[model.response]), len(model.unknowns)
    triangle, residual_sum = _triangle(model, estimate, columns)
    inverse, loose = _inverse(triangle[:, :size])
    covariance = residual_sum / (rows - size) * (inverse @ inverse.T)
    # Where the data fit to the last digits, the standard errors are rounding errors themselves.
    errors = np.sqrt(np.diag(covariance)) + ROUNDING * np.abs(result.x)
    shift = np.abs(inverse @ triangle[:, size])
    moved = np.divide(shift, errors, out=np.zeros(size), where=(errors != 0))
    return Fit(
        model, estimate, covariance, tuple(model.unknowns[k] for k in loose), residual_sum, rows,
        float(np.max(moved)), result,
    )  # fmt: skip


def _slopes(
    model: Model, estimate: Mapping[str, float], columns: Mapping[str, Array], rows: int
) -> Iterator[tuple[slice, Array, Array]]:
    """Yield blocks of rows, with the model there and its Jacobian."""
    names = (*model.unknowns, *model.columns)
    objective = Objective(
        model.expression, [sp.Symbol(name) for name in names],
        parameters=dict(model.parameters) or None,
    )  # fmt: skip
    _, both = objective.lambdify()
    for first in range(0, rows, BLOCK):
        block = slice(first, min(first + BLOCK, rows))
        table = [columns[name][block] for name in model.columns]
        values, slopes = both(*(estimate[name] for name in model.unknowns), *table)
        length = block.stop - block.start
        values = np.broadcast_to(values, length)
        jacobian = np.broadcast_to(slopes[: len(model.unknowns)].T, (length, len(model.unknowns)))
        yield block, values, jacobian


def _triangle(
    model: Model, estimate: Mapping[str, float], columns: Mapping[str, Array]
) -> tuple[Array, float]:
    """Return R and Q'r of J = QR as [R | Q'r], and the sum of the squares of the residuals r."""
    size, response = len(model.unknowns), columns[model.response]
    triangle, total = np.empty((0, size + 1)), 0.0
    for block, values, jacobian in _slopes(model, estimate, columns, len(response)):
        residuals = response[block] - values
        total += float(residuals @ residuals)
        triangle = np.vstack([triangle, np.column_stack([jacobian, residuals])])
        if np.isfinite(triangle).all():
            triangle = np.asarray(np.linalg.qr(triangle, mode="r"))
        else:
            triangle = np.full((size, size + 1), np.nan)
    return triangle[:size], total


def _inverse(triangle: Array) -> tuple[Array, Collection[int]]:
    """Return the inverse of R, NaN where there is none, and the columns that make it singular."""
    size = triangle.shape[1]
    none = np.full((size, size), np.nan)
    if not np.isfinite(triangle).all():
        return none, ()
    lengths = np.abs(triangle).max(axis=0)
    lengths[lengths == 0] = 1
    left, values, right = np.linalg.svd(triangle / lengths)
    null = right[values <= SINGULAR * values[0]]
    if len(null):
        return none, np.flatnonzero(np.abs(null).max(axis=0) > 0.1)
    return (right.T / values) @ left.T / lengths[:, None], ()

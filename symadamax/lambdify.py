"""The functions of an objective on NumPy, as `sympy.lambdify` would make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symadamax.compiler import Stages
from symadamax.compiler.loop_stages import Bound, LoopStages
from symadamax.errors import InputError, UnsupportedError
from symadamax.points import listed

__all__ = ["lambdified"]

Function = Callable[..., Any]
Unknowns = Sequence[Any]


def lambdified(
    stages: Stages, unknowns: Unknowns, parameters: np.ndarray, bound: Callable[[], Bound]
) -> tuple[Function, Function]:
    """Return ``value`` and ``value_and_gradient`` of one array of points for each unknown.

    Parameters
    ----------
    stages : Stages
    unknowns : sequence of sympy.Symbol or array
    parameters : ndarray of float64
        Their values.
    bound : callable
        Returns what computes an objective with sums on NumPy.
    """
    if isinstance(stages, LoopStages):
        return _of_loops(stages, unknowns, bound)
    value, both = (
        _on_arrays(unknowns, lambda x, f=function: f(x, parameters), source)
        for function, source in zip(
            stages.python_functions(), stages.numpy_source.split("\n\n"), strict=True
        )
    )
    return value, both


def _of_loops(
    stages: LoopStages, unknowns: Unknowns, bound: Callable[[], Bound]
) -> tuple[Function, Function]:
    """Return both functions of an objective with sums, which take one point after another."""
    if not all(isinstance(unknown, sp.Symbol) for unknown in unknowns):
        raise UnsupportedError(
            "lambdify takes numbers for scalar unknowns, and among the unknowns of this "
            "objective are arrays: use value_and_gradient."
        )
    function = bound().function

    def at(x: Any) -> tuple[Any, tuple[Any, ...]]:
        points = np.stack([np.asarray(part, dtype="float64").reshape(-1) for part in x], axis=1)
        slopes = np.empty_like(points)
        values = [function(*both) for both in zip(points, slopes, strict=True)]
        shape = np.shape(x[0])
        return np.reshape(values, shape), tuple(column.reshape(shape) for column in slopes.T)

    source = stages.numpy_source
    value = _on_arrays(
        unknowns, lambda x: at(x)[0], source.replace("value_and_gradient", "value", 1)
    )
    return value, _on_arrays(unknowns, at, source)


def _on_arrays(unknowns: Unknowns, function: Function, source: str) -> Function:
    def evaluate(*point: Any) -> Any:
        if len(point) != len(unknowns):
            raise InputError(
                f"{len(point)} numbers or arrays were given; accepted is one for each of the "
                f"unknowns {listed([symbol.name for symbol in unknowns])}."
            )
        x = np.broadcast_arrays(*(np.asarray(value, dtype="float64") for value in point))
        with np.errstate(all="ignore"):
            result = function(x)
        if not isinstance(result, tuple):
            return _filled(result, x[0].shape)
        gradient = np.stack([_filled(part, x[0].shape) for part in result[1]])
        return _filled(result[0], x[0].shape), gradient

    evaluate.__name__ = evaluate.__qualname__ = source[4 : source.index("(")]
    evaluate.source = source  # type: ignore[attr-defined]
    return evaluate


def _filled(result: Any, shape: tuple[int, ...]) -> Any:
    """Return a result of the full shape: a constant stands for all points."""
    return np.broadcast_to(result, shape).copy() if shape else np.float64(result)

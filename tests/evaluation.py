"""Evaluating objectives for tests: in both backends at any point, and exactly with mpmath."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symadamax import _core
from symadamax.objective import Objective

__all__ = ["Exact", "agree", "evaluate", "same_bits"]


def evaluate(
    objective: Objective, points: Any, backend: str = "native", dtype: str = "float64"
) -> tuple[np.ndarray, np.ndarray]:
    """Return values (k,) and gradients (k, n) at points (k, n), which may be NaN or infinite."""
    points = np.asarray(points, dtype=dtype)
    function = objective.compiled(backend, dtype).function
    parameters = objective.parameter_array(dtype)
    values, gradients = np.empty(len(points), dtype), np.empty(points.shape, dtype)
    for k, point in enumerate(points):
        if backend == "native":
            values[k] = _core.evaluate(function, parameters, point, gradients[k])
        else:
            with np.errstate(over="ignore"):
                values[k] = function(point, gradients[k])
    return values, gradients


def same_bits(a: Any, b: Any) -> bool:
    """Tell whether two arrays are equal with the signs of their zeros; NaN equals NaN."""
    a, b = np.asarray(a), np.asarray(b)
    alike = (np.isnan(a) & np.isnan(b)) | ((a == b) & (np.signbit(a) == np.signbit(b)))
    return bool(alike.all())


def agree(a: Any, b: Any, ulps: float) -> bool:
    """Tell whether two arrays are within some ulps; infinities equal, and NaN equals NaN."""
    a, b = np.asarray(a), np.asarray(b)
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= ulps * np.spacing(np.maximum(np.abs(a), np.abs(b)))
    return bool(((np.isnan(a) & np.isnan(b)) | (a == b) | near).all())


_FUNCTIONS: Mapping[Any, Callable[..., Any]] = {
    sp.sin: mp.sin, sp.cos: mp.cos, sp.tan: mp.tan, sp.atan: mp.atan, sp.exp: mp.exp,
    sp.log: mp.log, sp.tanh: mp.tanh, sp.sinh: mp.sinh, sp.cosh: mp.cosh, sp.asinh: mp.asinh,
    sp.erf: mp.erf, sp.Abs: abs, sp.sign: mp.sign, sp.Max: max, sp.Min: min,
    sp.Pow: lambda a, b: a**b, sp.Add: lambda *a: mp.fsum(a), sp.Mul: lambda *a: mp.fprod(a),
    sp.atan2: mp.atan2,
    sp.gamma: mp.gamma, sp.besselj: mp.besselj, sp.StrictLessThan: lambda a, b: a < b,
    sp.LessThan: lambda a, b: a <= b, sp.StrictGreaterThan: lambda a, b: a > b,
    sp.GreaterThan: lambda a, b: a >= b, sp.And: lambda *a: all(a), sp.Or: lambda *a: any(a),
    sp.Not: lambda a: not a, sp.ITE: lambda c, a, b: a if c else b, sp.Eq: lambda a, b: a == b,
    sp.Ne: lambda a, b: a != b,
}  # fmt: skip


class Exact:
    """An expression as mpmath evaluates it; `largest` is the largest magnitude met on the way."""

    def __init__(self, expression: sp.Expr, unknowns: Sequence[sp.Symbol], digits: int = 60):
        self.expression, self.unknowns, self.digits = expression, unknowns, digits
        self.largest = mp.mpf(0)

    def value(self, point: Sequence[Any]) -> Any:
        with mp.workdps(self.digits):
            seen = dict(zip(self.unknowns, map(mp.mpf, point), strict=True))
            return self._value(self.expression, seen)

    def gradient(self, point: Sequence[Any]) -> list[Any]:
        """Central differences with a step so small that all digits of a double are right."""
        with mp.workdps(self.digits):
            step = mp.mpf(10) ** (-self.digits // 3)
            return [
                (self.value(self._moved(point, k, step)) - self.value(self._moved(point, k, -step)))
                / (2 * step)
                for k in range(len(point))
            ]

    def _moved(self, point: Sequence[Any], place: int, step: Any) -> list[Any]:
        return [mp.mpf(a) + (step if k == place else 0) for k, a in enumerate(point)]

    def _value(self, part: Any, seen: dict[Any, Any]) -> Any:
        if part not in seen:
            seen[part] = value = self._fresh(part, seen)
            if not isinstance(value, bool):
                self.largest = max(self.largest, abs(value))
        return seen[part]

    def _fresh(self, part: Any, seen: dict[Any, Any]) -> Any:
        if part in (sp.true, sp.false):
            return bool(part)
        if part.is_Rational:
            return mp.mpf(int(part.p)) / int(part.q)
        if part.is_Float:
            return mp.mpf(float(part))
        if part.is_number and not part.args:
            return mp.mpf(str(sp.N(part, self.digits + 5)))
        if isinstance(part, sp.Piecewise):
            taken = next(p for p in part.args if self._value(p.cond, seen))
            return self._value(taken.expr, seen)
        return _FUNCTIONS[part.func](*(self._value(a, seen) for a in part.args))

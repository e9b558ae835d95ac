"""One step of Adamax, as plainly as it can be written: the measure of the book and of the core.

It runs on floats, on `fractions.Fraction` and on SymPy symbols. On symbols it is what the displayed
equations say (checked in the steps `moving-average`, `update` and `places-of-epsilon`); on floats
of 64 bits, and on NumPy's of 32, it is the bits of the compiled core, and on fractions the exact
values that those are near to (tests/test_reference.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symadamax.derivation import symbols

__all__ = ["Settings", "mean", "play", "step", "symbolic"]


@dataclass(frozen=True)
class Settings:
    """The settings of Adamax as numbers of any kind: fractions, symbols.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : number or sympy.Expr
        As in `symadamax.Adamax`, which also rounds them to floats.
    epsilon_placement : {"none", "denominator", "maximum"}
        Where epsilon stands.
    """

    learning_rate: Any
    beta1: Any
    beta2: Any
    epsilon: Any = 0
    epsilon_placement: str = "none"


def symbolic(placement: str = "none") -> Settings:
    """Return the settings as the symbols of the book.

    Parameters
    ----------
    placement : {"none", "denominator", "maximum"}
        Where epsilon stands.

    Returns
    -------
    Settings
        With alpha, beta1, beta2 and epsilon.

    Examples
    --------
    >>> from sympy import Symbol
    >>> step((0, 0), Symbol("g", positive=True), 1, symbolic())[2]
    -alpha
    """
    names = symbols
    return Settings(names.alpha, names.beta1, names.beta2, names.epsilon, placement)


def step(state: tuple[Any, Any], gradient: Any, t: Any, method: Any) -> tuple[Any, Any, Any]:
    """Take one unknown through one step.

    Parameters
    ----------
    state : tuple
        m and u before the step; both are 0 before the first.
    gradient : number or sympy.Expr
        The derivative of the objective by this unknown.
    t : int or sympy.Symbol
        The number of the step: 1, 2, ...
    method : Settings or symadamax.Adamax
        The settings, with a fixed learning rate.

    Returns
    -------
    m, u, step
        The state after the step, and what the step adds to the unknown. 0/0 is 0: a gradient that
        was always 0 moves nothing.

    Raises
    ------
    ZeroDivisionError
        When the weight has forgotten what the mean has not, as for ``beta2 = 0``, and there is no
        epsilon. NumPy's numbers give an infinity, as the core does, which then ends the run.

    Examples
    --------
    >>> from fractions import Fraction
    >>> usual = Settings(Fraction(1), Fraction(9, 10), Fraction(999, 1000))
    >>> m, u, first = step((0, 0), Fraction(1), 1, usual)
    >>> first
    Fraction(-1, 1)
    >>> step((m, u), Fraction(999, 1000), 2, usual)[2]
    Fraction(-2110, 2109)
    """
    m, u = state
    inside = method.epsilon if method.epsilon_placement == "maximum" else 0
    outside = method.epsilon if method.epsilon_placement == "denominator" else 0
    rate = method.learning_rate / (1 - method.beta1**t)
    m = method.beta1 * m + (1 - method.beta1) * gradient
    u = _larger(method.beta2 * u, abs(gradient) + inside)
    below = u + outside
    return m, u, 0 * m if m == 0 and below == 0 else -rate * m / below


def play(gradients: Iterable[Any], method: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield m, u and the step after each of the gradients, from m = u = 0.

    Examples
    --------
    >>> from symadamax import Adamax
    >>> [round(step, 6) for _, _, step in play([3.0, 3.0, -3.0], Adamax(0.01))]
    [-0.01, -0.01, -0.00262]
    """
    m, u = 0, 0
    for t, gradient in enumerate(gradients, 1):
        m, u, moved = step((m, u), gradient, t, method)
        yield m, u, moved


def mean(before: Any, x: Any, t: Any, beta2: Any) -> tuple[Any, Any]:
    """Take the averaged iterate of one unknown through one step: section 7.2 of the paper.

    Parameters
    ----------
    before : number or sympy.Expr
        The mean before the step; 0 before the first.
    x : number or sympy.Expr
        The unknown after the step.
    t : int or sympy.Symbol
        The number of the step: 1, 2, ...
    beta2 : number or sympy.Expr
        The decay.

    Returns
    -------
    mean, corrected
        The mean after the step, and the averaged iterate.
    """
    after = beta2 * before + (1 - beta2) * x
    return after, after / (1 - beta2**t)


def _larger(a: Any, b: Any) -> Any:
    if isinstance(a, sp.Basic) or isinstance(b, sp.Basic):
        return sp.Max(a, b)
    return a if a > b else b  # NaN comes through, as in the core

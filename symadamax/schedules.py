"""Schedules: the learning rate as an expression of the step t, which is 1 at the first step.

>>> from symadamax import Adamax, schedules
>>> Adamax(schedules.inverse_square_root(0.1)).learning_rate
0.1/sqrt(t)
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symadamax.errors import InputError
from symadamax.solver.checks import natural, number

__all__ = ["constant", "cosine", "exponential", "inverse_square_root"]

STEP = sp.Symbol("t")


def constant(rate: float) -> sp.Expr:
    r"""Return :math:`\alpha_t = \alpha`.

    Parameters
    ----------
    rate : float
        :math:`\alpha > 0`.

    Examples
    --------
    >>> constant(0.5)
    0.500000000000000
    """
    return _rate(rate)


def inverse_square_root(rate: float, warmup: int = 1, *, t: sp.Symbol = STEP) -> sp.Expr:
    r"""Return :math:`\alpha_t = \alpha \min(t/w, \sqrt{w/t})`.

    A line up to :math:`\alpha` at step w, and from there the rate with which the paper of Adam
    proves convergence.

    Parameters
    ----------
    rate : float
        :math:`\alpha > 0`, the largest rate.
    warmup : int
        :math:`w \ge 1`, the step of the largest rate. With 1 it is
        :math:`\alpha_t = \alpha/\sqrt{t}`.
    t : sympy.Symbol
        The step.

    Raises
    ------
    InputError
        When a number is not in its range.

    References
    ----------
    Kingma and Ba, arXiv 1412.6980, theorem 4.1; with the line, Vaswani et al., "Attention is all
    you need", arXiv 1706.03762, equation (3).

    Examples
    --------
    >>> inverse_square_root(0.1, warmup=100).subs(STEP, 400)
    0.0500000000000000
    """
    alpha, w, t = _rate(rate), natural(warmup, "warmup", least=1), _step(t)
    falling = alpha * sp.sqrt(w) / sp.sqrt(t)
    if w == 1:
        return falling
    return sp.Piecewise((alpha * t / w, t < w), (falling, True))


def exponential(rate: float, factor: float, steps: int = 1, *, t: sp.Symbol = STEP) -> sp.Expr:
    r"""Return :math:`\alpha_t = \alpha\, q^{(t - 1)/k}`.

    Parameters
    ----------
    rate : float
        :math:`\alpha > 0`, the rate of the first step.
    factor : float
        q in (0, 1], by which the rate falls.
    steps : int
        :math:`k \ge 1`, the number of steps in which it does.
    t : sympy.Symbol
        The step.

    Raises
    ------
    InputError
        When a number is not in its range.

    References
    ----------
    `optax.exponential_decay`, whose count of steps is t - 1.

    Examples
    --------
    >>> exponential(0.1, factor=0.5, steps=100).subs(STEP, 201)
    0.0250000000000000
    """
    alpha, k, t = _rate(rate), natural(steps, "steps", least=1), _step(t)
    q = number(factor, "factor", "a number in (0, 1]", lambda value: 0 < value <= 1)
    return alpha * sp.Float(q) ** ((t - 1) / k)


def cosine(
    rate: float, steps: int, warmup: int = 0, floor: float = 0.0, *, t: sp.Symbol = STEP
) -> sp.Expr:
    r"""Return a line up, half a wave of the cosine down, and the floor.

    .. math::
        \alpha_t = \begin{cases}
        \alpha\, t/w & t < w \\
        \alpha_0 + \frac{1}{2} (\alpha - \alpha_0)
        \left(1 + \cos \pi \frac{t - w}{n - w}\right) & w \le t < n \\
        \alpha_0 & t \ge n
        \end{cases}

    Parameters
    ----------
    rate : float
        :math:`\alpha > 0`, the rate of step w.
    steps : int
        n, the step that reaches the floor.
    warmup : int
        w, in 0, 1, ..., n - 1.
    floor : float
        :math:`\alpha_0`, in [0, rate].
    t : sympy.Symbol
        The step.

    Raises
    ------
    InputError
        When a number is not in its range.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", arXiv 1608.03983,
    equation (5), without restarts; the line of Goyal et al., "Accurate, large minibatch SGD", arXiv
    1706.02677, section 2.2.

    Examples
    --------
    >>> alpha = cosine(0.1, steps=1000, warmup=100, floor=0.01)
    >>> [round(float(alpha.subs(STEP, step)), 4) for step in (1, 100, 550, 1000, 2000)]
    [0.001, 0.1, 0.055, 0.01, 0.01]
    """
    alpha, t, n = _rate(rate), _step(t), natural(steps, "steps", least=1)
    w = natural(warmup, "warmup")
    if w >= n:
        raise InputError(f"warmup is {w}; accepted is a whole number below steps = {n}.")
    lowest = number(floor, "floor", f"a number in [0, {rate}]", lambda value: 0 <= value <= alpha)
    low = sp.Float(lowest) if lowest else sp.Integer(0)
    wave = low + (alpha - low) / 2 * (1 + sp.cos(sp.pi * (t - w) / (n - w)))
    line = [(alpha * t / w, t < w)] if w else []
    return sp.Piecewise(*line, (wave, t < n), (low, True))


def _rate(given: Any) -> sp.Float:
    return sp.Float(number(given, "rate", "a finite number > 0", lambda value: value > 0))


def _step(given: Any) -> sp.Symbol:
    if not isinstance(given, sp.Symbol):
        raise InputError(f"t is {given!r}; accepted is a SymPy symbol, the step.")
    return given

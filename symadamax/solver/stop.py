"""Stop: when a run ends before its steps are done, as data."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from symadamax.solver.checks import number

__all__ = ["Stop"]


@dataclass(frozen=True)
class Stop:
    r"""When to stop; each criterion is checked after every step, in the compiled loop.

    A criterion that is None is not looked at. With several, the first that is met ends the run, and
    the result's status and message say which.

    Parameters
    ----------
    gtol : float, optional
        Stop when :math:`\max_i |g_i| \le \mathrm{gtol}`, g being the gradient of the objective.
        With bounds, g is the projected gradient, :math:`x - \min(\max(x - g, l), u)`, in which a
        derivative that only points out of the bounds counts as 0; unknowns that are frozen do not
        count.
    ftol : float, optional
        Stop when :math:`|f_t - f_{t-1}| \le \mathrm{ftol}\,\max(1, |f_t|, |f_{t-1}|)`.
    xtol : float, optional
        Stop when :math:`|x_{t,i} - x_{t-1,i}| \le \mathrm{xtol}\,\max(1, |x_{t,i}|)` for all i.
    target : float, optional
        Stop when :math:`f_t \le \mathrm{target}`; when f is maximised, when
        :math:`f_t \ge \mathrm{target}`.
    seconds : float, optional
        Stop after so many seconds of wall time, and at least one evaluation. The clock is read
        several times a millisecond, or after each step where that takes longer.

    Raises
    ------
    InputError
        When a tolerance is not a finite number >= 0, the target not finite, or the seconds not > 0.

    Notes
    -----
    At a kink, or in a narrow valley, the steps of Adamax with a fixed learning rate do not shrink
    for good, so an xtol below the learning rate may never be met there; and ftol may be met where
    the value passes through a turning point. gtol and target say what was reached.

    Examples
    --------
    >>> Stop(gtol=1e-6, seconds=10)
    Stop(gtol=1e-06, ftol=None, xtol=None, target=None, seconds=10.0)
    """

    gtol: float | None = None
    ftol: float | None = None
    xtol: float | None = None
    target: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, accepted, holds in (
            ("gtol", "a finite number >= 0, or None", lambda value: value >= 0),
            ("ftol", "a finite number >= 0, or None", lambda value: value >= 0),
            ("xtol", "a finite number >= 0, or None", lambda value: value >= 0),
            ("target", "a finite number, or None", isfinite),
            ("seconds", "a finite number > 0, or None", lambda value: value > 0),
        ):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, number(value, name, accepted, holds))

"""Learning rates: a number, or a schedule that is evaluated ahead of the steps, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.points import listed
from symadamax.solver.checks import number
from symadamax.solver.columns import Column, column, is_column

__all__ = ["Rates", "Ready", "as_rate", "is_number"]

Array = npt.NDArray[np.float64]

# Steps in the first chunk, which doubles up to the largest: a slow objective makes few in vain.
FIRST, LARGEST = 16, 8192

LONGEST = 10_000_000  # steps of many runs: 80 MB

ACCEPTED = "a finite number > 0, a SymPy expression of the step t, or a function of it"


def is_number(rate: Any) -> bool:
    """Tell a fixed learning rate, as `as_rate` returns it, from a schedule."""
    return isinstance(rate, (float, Column))


def as_rate(given: Any) -> Any:
    """Return a learning rate that is checked: one of the forms in `ACCEPTED`, or a `Column`."""
    if is_column(given):
        return column(given, "learning_rate", "a finite number > 0", lambda value: value > 0)
    expression = hasattr(given, "free_symbols") and not isinstance(given, type)
    if expression and given.free_symbols:
        _function_of(given)
        return given
    if callable(given):
        return given
    if expression:
        with suppress(TypeError, ValueError):  # not a real number: refused as it is
            given = float(given)
    return number(given, "learning_rate", ACCEPTED, lambda value: value > 0)


@lru_cache(maxsize=64)
def _function_of(expression: Any) -> Callable[[Array], Array]:
    """Return an expression of one symbol as a function of an array of steps."""
    from symadamax.objective import Objective

    symbols = sorted(expression.free_symbols, key=str)
    if len(symbols) > 1:
        raise InputError(
            f"learning_rate is {expression}, with the symbols {listed([str(s) for s in symbols])}; "
            "accepted is an expression of one, which is taken as the step. Put numbers for the "
            "others."
        )
    try:
        return Objective(expression, symbols).lambdify()[0]
    except InputError as error:
        raise InputError(
            f"learning_rate is {expression}; accepted is {ACCEPTED}. {error}"
        ) from error


class Rates:
    """The learning rates of a schedule, in the order of the steps.

    Parameters
    ----------
    schedule : sympy.Expr or callable
        As `as_rate` returns it.
    last : int
        The last step for which a rate can be asked.
    """

    def __init__(self, schedule: Any, last: int) -> None:
        self.called = not hasattr(schedule, "free_symbols") or not schedule.free_symbols
        self.function: Any = schedule if self.called else _function_of(schedule)
        self.last, self.size = last, FIRST
        self.error: Exception | None = None
        self.trouble = ""

    def after(self, t: int, most: int) -> Array:
        """Return the rates of up to `most` steps t + 1, t + 2, ..., as far as they can be used.

        None is there when that of step t + 1 cannot be used; then `trouble` says why.
        """
        if self.trouble:
            return np.empty(0)
        size = min(self.size, self.last - t)
        self.size = min(2 * self.size, LARGEST)
        if self.called:
            rates = self._call(t, min(size, most))
        else:
            rates = self.function(t + np.arange(1.0, size + 1))
        usable = np.isfinite(rates) & (rates >= 0)
        good = int(usable.argmin()) if not usable.all() else len(rates)
        if good < len(rates):
            self.trouble = f"it is {rates[good]}, and must be finite and at least 0"
        return rates[:good]

    def _call(self, t: int, size: int) -> Array:
        """Return what a function gives for the steps up to the first for which it fails."""
        if self.error is not None:
            raise self.error
        rates = []
        for step in range(t + 1, t + size + 1):
            try:
                rates.append(_real(self.function(step), step))
            except Exception as error:
                self.error = error
                if not rates:
                    raise
                break
        return np.array(rates)


class Ready:
    """Learning rates that are known: what `Rates` is to a run, of which there are many.

    Parameters
    ----------
    rates : ndarray of float64
        Those of steps 1, 2, ..., as far as they can be used.
    trouble : str
        Why they go no further.
    """

    def __init__(self, rates: Array, trouble: str) -> None:
        self.rates, self.trouble = rates, trouble

    @classmethod
    def of(cls, schedule: Any, steps: int) -> Ready:
        """Return the rates of so many steps.

        Raises
        ------
        InputError
            When there are too many to keep.
        """
        if steps > LONGEST:
            raise InputError(
                f"steps is {steps}, and the learning rate changes with the step: for many runs the "
                f"rates of all steps are computed beforehand, of {LONGEST:,} at most. Give fewer "
                "steps, or a number."
            )
        rates, found = Rates(schedule, steps), [np.empty(0)]
        while (done := sum(map(len, found))) < steps and not rates.trouble:
            found.append(rates.after(done, steps - done))
        return cls(np.concatenate(found), rates.trouble)

    def after(self, t: int, most: int) -> Array:
        """Return the rates of the steps behind step t."""
        return self.rates[t:]


def _real(given: Any, step: int) -> float:
    if isinstance(given, (Real, np.number)) and not isinstance(given, (bool, np.complexfloating)):
        return float(given)
    raise InputError(
        f"The learning rate of step {step} is {given!r}; the schedule must return a real number."
    )

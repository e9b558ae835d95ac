"""Numbers in their ranges, or a sentence that says what is accepted."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

from symadamax.errors import InputError
from symadamax.points import shown

__all__ = ["natural", "number", "truth"]


def number(value: Any, name: str, accepted: str, holds: Callable[[float], bool]) -> float:
    """Return a real, finite number as a float for which `holds` is true."""
    if isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.complexfloating)):
        try:
            converted = float(value)
        except OverflowError:
            converted = math.inf
        if math.isfinite(converted) and holds(converted):
            return converted
    raise InputError(f"{name} is {shown(value)}; accepted is {accepted}.")


def natural(value: Any, name: str, least: int = 0) -> int:
    """Return a whole number >= `least` as an int that 62 bits can hold."""
    if type(value) is int and least <= value < 2**62:  # the usual case, ten times faster
        return value
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if whole and least <= value < 2**62:
        return int(value)
    limit = " and below 2**62" if whole and value >= 2**62 else ""
    raise InputError(f"{name} is {shown(value)}; accepted is a whole number >= {least}{limit}.")


def truth(value: Any, name: str) -> bool:
    """Return True or False as a bool."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise InputError(f"{name} is {shown(value)}; accepted is True or False.")

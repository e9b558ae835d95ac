"""The expressions to differentiate and compile."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp

__all__ = ["PROBLEMS", "TINY", "Problem"]


@dataclass(frozen=True)
class Problem:
    """An expression, its unknowns and a point."""

    expression: Any
    unknowns: tuple[sp.Symbol, ...]
    point: list[float]


def rosenbrock(n: int) -> Problem:
    """Write out Rosenbrock's function of n unknowns."""
    x = sp.symbols(f"x:{n}")
    terms = [100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)]
    return Problem(sp.Add(*terms), x, [0.5 + 0.4 * math.sin(k) for k in range(n)])


def product(n: int) -> Problem:
    """Multiply n unknowns: each partial derivative is a product of all the others."""
    x = sp.symbols(f"x:{n}")
    return Problem(sp.Mul(*x), x, [1.0 + 0.1 * math.sin(k) for k in range(n)])


def nested(depth: int) -> Problem:
    """Nest e = sin(e)*e + 1, whose tree doubles each time and whose graph grows by three nodes."""
    (x,) = unknowns = sp.symbols("x:1")
    expression = x
    for _ in range(depth):
        expression = sp.sin(expression) * expression + 1
    return Problem(expression, unknowns, [0.3])


def ackley(height: int) -> Problem:
    """Write out Ackley's function of two unknowns, for which the usual height is 20."""
    x, y = unknowns = sp.symbols("x y")
    hill = -height * sp.exp(-sp.sqrt((x**2 + y**2) / 2) / 5)
    ripple = -sp.exp((sp.cos(2 * sp.pi * x) + sp.cos(2 * sp.pi * y)) / 2)
    return Problem(hill + ripple + height + sp.E, unknowns, [0.7, -0.4])


# By title: what makes the problem, its size, and the size of one of its kind to warm up with.
PROBLEMS: dict[str, tuple[Callable[[int], Problem], int, int]] = {
    "Ackley 2": (ackley, 20, 10),
    "Rosenbrock 100": (rosenbrock, 100, 3),
    "Rosenbrock 1,000": (rosenbrock, 1_000, 3),
    "Rosenbrock 10,000": (rosenbrock, 10_000, 3),
    "product of 1,000": (product, 1_000, 3),
    "nested 50 deep": (nested, 50, 2),
}
TINY: dict[str, tuple[Callable[[int], Problem], int, int]] = {
    "Ackley 2": (ackley, 20, 10),
    "Rosenbrock 10": (rosenbrock, 10, 3),
    "product of 5": (product, 5, 3),
    "nested 3 deep": (nested, 3, 2),
}

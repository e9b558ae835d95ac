"""An objective as a page shows it, with what the page shows first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Entry"]

Point = tuple[float, ...]


@dataclass(frozen=True)
class Entry:
    """One objective of a page.

    Parameters
    ----------
    name : str
        In links, and so never changed.
    title : str
        In the list of the page.
    objective : Objective
        Of one or two unknowns; what it needs is `symadamax.viewer.page.javascript`'s to know.
    names, variables : tuple of str
        The unknowns as they are shown, and as they are called in the program.
    program : str
        Lines of Python that make ``objective``.
    start : tuple of float
        The first start.
    centre, radius, aspect : tuple of float, float, float
        The window is the centre and the radius to each side, times the aspect up and down.
    learning_rate, beta1, beta2, epsilon, placement : float, float, float, float, str
        The first settings.
    steps, step : int, int
        How many at first, and the one that is shown.
    minima, place : tuple of tuple of float, str
        Points to mark, and what they are called.
    remark : str
        What can be seen.
    noise : float
        Each derivative that Adamax sees is off by a number in (-noise, noise), drawn anew.
    floor : float, optional
        What is lower on the map counts as this.
    ended : tuple of float, optional
        Where the library ended with the first settings.
    """

    name: str
    title: str
    objective: Any
    names: tuple[str, ...]
    variables: tuple[str, ...]
    program: str
    start: Point
    centre: Point
    radius: float
    learning_rate: float
    steps: int
    minima: tuple[Point, ...]
    remark: str
    place: str = "minimum"
    aspect: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    placement: str = "denominator"
    step: int = 40
    noise: float = 0.0
    floor: float | None = None
    ended: Point | None = None

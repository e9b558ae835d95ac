r"""The derivation of Adamax: every step as SymPy equations, with the check that proves it.

``symadamax derive`` prints it. In a notebook a step shows itself.

>>> from symadamax import derivation
>>> print(derivation.step("first-step").equations[0].latex)
{\Delta}_{1} = - \alpha \operatorname{sign}{\left({g}_{1} \right)}
"""

from __future__ import annotations

from symadamax.derivation import (
    average,
    bias,
    bounds,
    convergence,
    errata,
    limit,
    longer,
    moments,
    norm,
    places,
    symmetry,
    update,
)
from symadamax.derivation.prove import Outcome, Prover, check
from symadamax.derivation.steps import Equation, Erratum, Mutant, Step, Verdict
from symadamax.errors import InputError

__all__ = [
    "CHAPTERS", "ERRATA", "STEPS", "Equation", "Erratum", "Mutant", "Outcome", "Prover", "Step",
    "Verdict", "check", "step",
]  # fmt: skip

_BOOK = (
    moments, bias, norm, limit, update, symmetry, bounds, longer, places, average, convergence,
)  # fmt: skip

CHAPTERS: dict[str, tuple[Step, ...]] = {chapter.TITLE: chapter.STEPS for chapter in _BOOK}
"""The steps by the title of their chapter, in order."""

STEPS: tuple[Step, ...] = tuple(step for steps in CHAPTERS.values() for step in steps)
"""All steps in order: each one uses only those before it."""

ERRATA: tuple[Erratum, ...] = errata.STEPS
"""Errors that are met elsewhere, each with a counter-example."""


def step(id: str) -> Step:
    r"""Return a step, or an erratum, by its name.

    Parameters
    ----------
    id : str
        Such as ``"sharp-bound"``.

    Raises
    ------
    InputError
        When there is none of that name; the message lists those there are.

    Examples
    --------
    >>> print(step("geometric-sum").equations[0].latex)
    \left(1 - \beta_{1}\right) \sum_{i=1}^{t} \beta_{1}^{t - i} = 1 - \beta_{1}^{t}
    """
    by_id = {known.id: known for known in (*STEPS, *ERRATA)}
    if id not in by_id:
        raise InputError(f"There is no step {id!r}; accepted are {', '.join(by_id)}.")
    return by_id[id]

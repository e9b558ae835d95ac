"""A step of the book: what is stated, why, where it comes from, and what proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from inspect import cleandoc
from typing import Any, ClassVar

from symadamax.derivation.printing import latex, markdown, text

__all__ = ["Equation", "Erratum", "Mutant", "Step", "Verdict"]


class Verdict(Enum):
    """In which sense a step holds; the value is the sentence for the reader.

    Examples
    --------
    >>> Verdict.INDUCTION.value
    'Proved for t ≤ 6 and by induction.'
    """

    PROVED = "Proved."
    INDUCTION = "Proved for t ≤ 6 and by induction."
    WITNESSED = "Witnessed numerically, not proved."
    QUOTED = "Quoted, not proved here."
    REFUTED = "The counter-example is proved."
    FAILED = "Not proved: the check fails."

    @property
    def proved(self) -> bool:
        """Whether this is a proof; a witness and a quotation are none."""
        return self in (Verdict.PROVED, Verdict.INDUCTION, Verdict.REFUTED)


@dataclass(frozen=True, eq=False)
class Equation:
    """A statement with the number under which the book shows it.

    Parameters
    ----------
    number : str
        Chapter and place, such as ``"1.2"``.
    statement : sympy.Basic
        An equation or inequality, held as it is written. The check of its step gets this object.
    wrong : mapping of str to sympy.Basic
        What the check must reject in its place, by what is wrong with it.
    """

    number: str
    statement: Any
    wrong: Mapping[str, Any] = field(default_factory=dict)

    @property
    def latex(self) -> str:
        """The statement in LaTeX, without its number."""
        return latex(self.statement)

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex} \qquad ({self.number})$"


@dataclass(frozen=True)
class Mutant:
    """A wrong statement in the place of an equation, which the check of the step must reject."""

    number: str
    reason: str
    statement: Any


@dataclass(frozen=True, eq=False)
class Step:
    """A step of the derivation.

    Parameters
    ----------
    id : str
        Its name, as in ``symadamax derive --step first-step``.
    title : str
        A line.
    prose : str
        What the step says and why, in plain English with ``$...$`` around mathematics.
    equations : tuple of Equation
        What is shown, in order.
    source : str
        Where it stands in the literature.
    verdict : Verdict
        The sense in which the check proves it.
    proof : callable, optional
        ``proof(*statements)``: returns when it has proved the statements of `equations`, and raises
        `Refuted` when it has not. None for what is quoted.
    assumptions : tuple of str
        What is assumed, as prose.
    chapter : str
        The module that has the step in its STEPS.
    seconds : float
        The time after which the check is ended and has failed.
    """

    id: str
    title: str
    _: KW_ONLY
    prose: str
    equations: tuple[Equation, ...]
    source: str
    verdict: Verdict
    proof: Callable[..., None] | None = None
    assumptions: tuple[str, ...] = ()
    chapter: str = ""
    seconds: float = 60.0

    @property
    def mutants(self) -> tuple[Mutant, ...]:
        """The wrong statements of all equations."""
        return tuple(
            Mutant(equation.number, reason, statement)
            for equation in self.equations
            for reason, statement in equation.wrong.items()
        )

    captions: ClassVar[tuple[str, ...]] = ()  # before the first equations
    origin: ClassVar[str] = "Source"

    def __post_init__(self) -> None:
        object.__setattr__(self, "prose", cleandoc(self.prose))

    def statements(self, mutant: Mutant | None = None) -> list[Any]:
        """Return the statements in order, with one of them replaced by a wrong one."""
        return [
            mutant.statement if mutant and mutant.number == equation.number else equation.statement
            for equation in self.equations
        ]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    def __str__(self) -> str:
        return text(self)

    def _repr_markdown_(self) -> str:
        return markdown(self)


@dataclass(frozen=True, eq=False, repr=False)
class Erratum(Step):
    """An error that is met elsewhere, with a counter-example that is checked.

    The first of its equations is what is claimed elsewhere. The proof shows that the others hold,
    and that the claim does not agree with them. Its `source` is where the claim stands.
    """

    captions: ClassVar[tuple[str, ...]] = ("Claimed:", "But:")
    origin: ClassVar[str] = "Met in"

"""What a step on lanes works on, and what it watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from symadamax.compiler.elementary import FUNCTIONS
from symadamax.compiler.ir import Program
from symadamax.compiler.layout import LANES
from symadamax.compiler.llvm_adamax import SETTINGS as PLAIN

__all__ = ["FTOL", "GTOL", "PLAIN", "SETTINGS", "TARGET", "XTOL", "Deck", "Watch", "is_long"]

#: The rows of settings, in order: see equations (1) to (4) of adamax.pxd, and then (5) to (8).
OPTIONS = ("l2", "clip", "-clip", "decay")
SETTINGS = (*PLAIN, *OPTIONS)

MOST_FUNCTIONS = 32  # elementary ones, above which they are called and vectors go one by one

# The criteria in the array `stop`, in order.
GTOL, FTOL, XTOL, TARGET = range(4)


def is_long(program: Program) -> bool:
    """Tell whether the code of a program is long, were its elementary functions done in place."""
    return sum(node.name in FUNCTIONS for node in program.nodes()) > MOST_FUNCTIONS


class Watch(NamedTuple):
    """What a kernel does beside the plain step, and looks for beside what is not finite.

    Attributes
    ----------
    gtol, ftol, xtol, target : bool
        The criteria of a Stop that are given.
    settling : bool
        Whether 0/0 may occur, which moves nothing: where epsilon is 0.
    options : bool
        Whether equations (5), (7) and (8) of adamax.pxd have a part in it.
    bounded : bool
        Whether (9) has.
    frozen : tuple of int
        The places of the unknowns that do not move.
    """

    gtol: bool = False
    ftol: bool = False
    xtol: bool = False
    target: bool = False
    settling: bool = False
    options: bool = False
    bounded: bool = False
    frozen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Deck:
    """How the numbers of many points lie in memory.

    Parameters
    ----------
    unknowns, parameters : int
    single : bool
        Whether numbers are float32.

    Examples
    --------
    >>> Deck(2, 0, False).row, Deck(10, 0, False).row
    (64, 16)
    """

    unknowns: int
    parameters: int
    single: bool

    @property
    def row(self) -> int:
        """How many lanes there are: as many as keep the deck within the first cache, 64 at most."""
        wide = 16 if self.single else 8
        pair, most = 2 * LANES, 160 // max(self.unknowns, 1)
        whole = most // pair * pair if most >= pair else wide
        return max(wide, min(8 * wide, whole))

    def at_once(self, vector_bytes: int, program: Program) -> int:
        """Return how many lanes are computed at once: two of the widest vectors, where they fit.

        A second vector fills the time in which one waits for its own results: 1.2 times as fast
        for Ackley's function on vectors of 512 bits. Narrower ones are several in any case. Long
        code is not made twice as long.
        """
        pair = 2 * LANES
        wide = vector_bytes >= 64 and self.row % pair == 0 and not is_long(program)
        return pair if wide else LANES

    def moment(self, k: int) -> int:
        """Return the row of m of an unknown."""
        return k

    def weight(self, k: int) -> int:
        """Return the row of u of an unknown."""
        return self.unknowns + k

    def setting(self, name: str) -> int:
        """Return the row of a setting."""
        return 2 * self.unknowns + SETTINGS.index(name)

    @property
    def context(self) -> int:
        """The first row of the parameters."""
        return 2 * self.unknowns + len(SETTINGS)

    @property
    def value(self) -> int:
        """The row of the value at the point before."""
        return self.context + self.parameters

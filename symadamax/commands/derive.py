"""``symadamax derive``: the book in the terminal, and the verdicts of its checks."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace

from symadamax.derivation import CHAPTERS, ERRATA, STEPS, Prover, Step, Verdict, step
from symadamax.derivation.errata import TITLE
from symadamax.derivation.printing import heading, text

__all__ = ["run"]

WIDEST = 100  # longer lines of prose are hard to read


def run(options: Namespace) -> int:
    """Print the book, a step, or what the checks find; return the exit code."""
    steps = (*STEPS, *ERRATA) if options.step is None else (step(options.step),)
    if options.check:
        return _check(steps)
    if options.step is None:
        _print_book()
    else:
        print(text(steps[0], *_terminal()))
    return 0


def _print_book() -> None:
    width, unicode = _terminal()
    for number, (title, steps) in enumerate([*CHAPTERS.items(), (TITLE, ERRATA)], 1):
        titled = f"{number}. {title}" if number <= len(CHAPTERS) else title
        print(heading(titled, unicode), end="\n\n")
        for one in steps:
            print(text(one, width, unicode), end="\n\n\n")


def _check(steps: tuple[Step, ...]) -> int:
    """Print the verdict of each step as it comes, and return 1 when one has failed."""
    _, unicode = _terminal()
    width = max(len(one.id) for one in steps)
    found: list[Verdict] = []
    with Prover() as prover:
        for one in steps:
            outcome = prover.check(one)
            found.append(outcome.verdict)
            words = f"{one.id:{width}}  {outcome.verdict.value} {outcome.reason}".rstrip()
            print(words if unicode else words.replace("≤", "<="), flush=True)
    failed = found.count(Verdict.FAILED)
    proved = sum(verdict.proved for verdict in found)
    print(f"\n{proved} of {len(found)} proved, {found.count(Verdict.WITNESSED)} witnessed, "
          f"{found.count(Verdict.QUOTED)} quoted, {failed} failed.")  # fmt: skip
    return 1 if failed else 0


def _terminal() -> tuple[int, bool]:
    """Return the width of the terminal, and whether it can show Greek letters."""
    try:
        "β₁ ≤ ∞".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        unicode = False
    else:
        unicode = True
    return min(shutil.get_terminal_size().columns, WIDEST), unicode

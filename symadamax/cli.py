"""The command line: what the words mean, which part runs, and with which code it ends.

SymPy and the solver are imported when a command needs them, so that ``symadamax --help`` is there
at once.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

from symadamax.commands import words
from symadamax.errors import InternalError, SymadamaxError

__all__ = ["main"]

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

ABOUT = "Minimise a function that you write as mathematics, by compiled Adamax."
CODES = """\
exit codes:
  0    done
  1    the run failed, or did not reach what was asked for
  2    wrong input
  130  interrupted, after the result so far is printed
"""
EXAMPLES = """\
examples:
  symadamax minimize "2*x**2 + 2*x*y + 2*y**2 - 6*x" --start x=1,y=0 --learning-rate 0.01
  symadamax minimize "a*x**2 - log(x)" --start x=2 --parameter a=3 --gtol 1e-6 --steps 10000 --json
"""
FIT_EXAMPLES = """\
examples:
  symadamax fit "a*exp(-b*t) + c" data.csv --response y --start a=1,b=1,c=0
  symadamax fit "a + b*x + c*z" data.parquet --response y --start a=0,b=0,c=0 --gtol 1e-9
"""
EXPLORE_EXAMPLES = """\
examples:
  symadamax explore "(x^2 + y - 11)^2 + (x + y^2 - 7)^2" --box x=-5:5,y=-5:5 --learning-rate 0.05
  symadamax explore "sin(x) + sin(10*x/3)" --box x=0:10 --count 1000 --method grid --plot waves.png
"""
DERIVE_EXAMPLES = """\
examples:
  symadamax derive --step sharp-bound
  symadamax derive --check
"""
FORMULA = """\
Numbers, names, + - * / and ^ or **, parentheses, pi and E, functions such as exp, log, sin, sqrt,
abs, max, gamma, and piecewise(x < 0, -x, x). Quote it, so that the shell leaves it alone."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name. Default: those that the program was started with.

    Returns
    -------
    int
        0 done (all steps, where no criterion to stop was given), 1 the run failed or did not meet
        its criterion, 2 wrong input, 130 interrupted.

    Examples
    --------
    >>> words = ["minimize", "(x - 2)**2", "--start", "x=1", "--learning-rate", "0.01"]
    >>> main([*words, "--target", "1e-9"])  # doctest: +ELLIPSIS
    message: After ... steps the value has reached the target 1e-09.
    ...
    0
    """
    given = [_unlike_option(word) for word in (sys.argv[1:] if argv is None else argv)]
    try:
        with _warnings_as_sentences():
            options = _parser(given).parse_args(given)
            code: int = options.run(options)
            sys.stdout.flush()
            return code
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except SymadamaxError as error:
        _say(str(error))
        return FAILED if isinstance(error, InternalError) else WRONG_INPUT
    except BrokenPipeError:  # the reader, such as head, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        _say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return WRONG_INPUT


def _unlike_option(word: str) -> str:
    """Put a space before what begins like an option but is a number or a formula: -x**2, -1e-3."""
    return f" {word}" if re.match(r"-[^-]", word) and word != "-h" else word


def _say(sentence: str) -> None:
    print(f"symadamax: {sentence}", file=sys.stderr)


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    def show(message: Warning | str, *rest: Any, **more: Any) -> None:
        _say(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_INPUT, f"{self.prog}: {message}. See {self.prog} --help.\n")


class _Command(NamedTuple):
    """What the help says of a command, and what adds its options."""

    help: str
    description: str
    examples: str
    add: Callable[[argparse.ArgumentParser], None]


COMMANDS = {
    "minimize": _Command(
        "minimise a formula",
        f"Minimise a formula.\n\n{FORMULA}",
        f"{EXAMPLES}\n{CODES}",
        words.add_minimize,
    ),
    "explore": _Command(
        "minimise a formula from many starts in a box",
        "Minimise a formula from many starts in a box, and say which minima were reached, and how "
        f"often.\n\n{FORMULA}",
        f"{EXPLORE_EXAMPLES}\n{CODES}",
        words.add_explore,
    ),
    "fit": _Command(
        "fit a formula to a table by least squares",
        "Fit a formula to a column of a CSV or Parquet file by least squares. Names in the formula "
        f"that have no start are columns.\n\n{FORMULA}",
        f"{FIT_EXAMPLES}\n{CODES}",
        words.add_fit,
    ),
    "demo": _Command(
        "show two problems at work, with pictures and the speed measured here",
        "Minimise two functions, measure the speed on this machine, and draw the runs.",
        "",
        words.add_demo,
    ),
    "derive": _Command(
        "print the derivation of Adamax, or check it",
        "Print the derivation of Adamax: every equation that the code runs, where it comes from, "
        "and in which sense it is proved.",
        DERIVE_EXAMPLES,
        words.add_derive,
    ),
}


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line; a command's options only where it is named."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="symadamax", description=ABOUT, epilog=f"{EXAMPLES}\n{CODES}", formatter_class=raw
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    for name, command in COMMANDS.items():
        added = commands.add_parser(
            name, help=command.help, description=command.description, epilog=command.examples,
            formatter_class=raw,
        )  # fmt: skip
        if name in given:
            command.add(added)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        import symadamax

        print(f"symadamax {symadamax.__version__}")
        parser.exit()


if __name__ == "__main__":
    raise SystemExit(main())

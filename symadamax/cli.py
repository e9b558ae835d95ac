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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

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
DERIVE_EXAMPLES = """\
examples:
  symadamax derive --step sharp-bound
  symadamax derive --check
"""
FORMULA = """\
Numbers, names, + - * / and ^ or **, parentheses, pi and E, functions such as exp, log, sin, sqrt,
abs, max, gamma, and piecewise(x < 0, -x, x). Quote it, so that the shell leaves it alone."""

SETTINGS: Mapping[str, str] = {
    "learning_rate": "about the length of a step, in the units of the unknowns",
    "beta1": "decay of the moment, in [0, 1)",
    "beta2": "decay of the weight, in [0, 1)",
    "epsilon": "what keeps the weight from 0",
    "epsilon_placement": "denominator, maximum or none",
    "average": "also give the averaged point",
    "weight_decay": "what a step takes from the unknowns, times the learning rate",
    "l2": "what is added to the gradient, times the unknowns",
    "clip_norm": "the largest norm of a gradient",
    "clip_value": "the largest entry of a gradient",
}
# Without what would move the estimates from the minimum, or has no part in them.
FIT_SETTINGS = [name for name in SETTINGS if name not in ("average", "weight_decay", "l2")]
CRITERIA: Mapping[str, str] = {
    "gtol": "the largest entry of the gradient",
    "ftol": "the relative change of the value in a step",
    "xtol": "the relative change of the unknowns in a step",
    "target": "the value to reach",
    "seconds": "the time limit",
}


PICTURE = "write a picture: .png, .svg or .pdf"


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
    words = [_unlike_option(word) for word in (sys.argv[1:] if argv is None else argv)]
    try:
        with _warnings_as_sentences():
            options = _parser(words).parse_args(words)
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


# ---- the words ---------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_INPUT, f"{self.prog}: {message}. See {self.prog} --help.\n")


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line; a command's options only where it is named."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="symadamax", description=ABOUT, epilog=f"{EXAMPLES}\n{CODES}", formatter_class=raw
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    minimize = commands.add_parser(
        "minimize",
        help="minimise a formula",
        description=f"Minimise a formula.\n\n{FORMULA}",
        epilog=f"{EXAMPLES}\n{CODES}",
        formatter_class=raw,
    )
    fit = commands.add_parser(
        "fit",
        help="fit a formula to a table by least squares",
        description="Fit a formula to a column of a CSV or Parquet file by least squares. Names in "
        f"the formula that have no start are columns.\n\n{FORMULA}",
        epilog=f"{FIT_EXAMPLES}\n{CODES}",
        formatter_class=raw,
    )
    demo = commands.add_parser(
        "demo",
        help="show two problems at work, with pictures and the speed measured here",
        description="Minimise two functions, measure the speed on this machine, and draw the runs.",
    )
    derive = commands.add_parser(
        "derive",
        help="print the derivation of Adamax, or check it",
        description="Print the derivation of Adamax: every equation that the code runs, where it "
        "comes from, and in which sense it is proved.",
        epilog=DERIVE_EXAMPLES,
        formatter_class=raw,
    )
    if "minimize" in words:
        _add_minimize(minimize)
    if "fit" in words:
        _add_fit(fit)
    if "demo" in words:
        _add_demo(demo)
    if "derive" in words:
        _add_derive(derive)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        import symadamax

        print(f"symadamax {symadamax.__version__}")
        parser.exit()


def _add_demo(parser: argparse.ArgumentParser) -> None:
    from symadamax.demo import run

    parser.add_argument("--folder", default="demo", help="for the pictures (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=200, help="of a GIF (default: %(default)s)")
    parser.add_argument("--no-animation", action="store_true", help="draw only still pictures")
    parser.set_defaults(
        run=lambda given: run(given.folder, frames=None if given.no_animation else given.frames)
    )


def _add_derive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--step", metavar="ID", help="only one step (default: all of them)")
    parser.add_argument("--check", action="store_true", help="prove it, and print the verdicts")
    parser.set_defaults(run=_derive)


def _derive(given: argparse.Namespace) -> int:
    from symadamax.derive_command import run

    return run(given)


def _add_minimize(parser: argparse.ArgumentParser) -> None:
    from inspect import signature

    from symadamax.command import run
    from symadamax.solver.minimize import STEPS, minimize

    default = {name: given.default for name, given in signature(minimize).parameters.items()}
    parser.add_argument("formula", help="what to minimise, such as 'x - x^3'")
    parser.add_argument("--start", action="append", default=[], metavar="x=1,y=0",
                        help="a number for each unknown")  # fmt: skip
    parser.add_argument("--parameter", action="append", default=[], metavar="c=3",
                        help="a fixed number for a name that is no unknown")  # fmt: skip
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N",
                        help="the most steps (default: %(default)s)")  # fmt: skip
    _add_method(parser, SETTINGS, {})
    how = parser.add_argument_group("how it is computed")
    how.add_argument("--dtype", default=default["dtype"], metavar="NAME",
                     help="float64 or float32 (default: %(default)s)")  # fmt: skip
    how.add_argument("--backend", default=default["backend"], metavar="NAME",
                     help="native or numpy (default: %(default)s)")  # fmt: skip
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--show-gradient", action="store_true", help="print the derivatives")
    shown.add_argument("--progress", action="store_true", help="show a bar")
    shown.add_argument(
        "--record", type=int, metavar="N", help="keep every so many steps (for --json)"
    )
    shown.add_argument("--json", action="store_true", help="print JSON for another program")
    shown.add_argument("--plot", metavar="FILE", help=PICTURE)
    shown.add_argument("--animate", metavar="FILE", help="write an animation: .gif or .mp4")
    shown.add_argument("--html", metavar="FILE", help="write a page that shows every step: .html")
    parser.set_defaults(run=run)


def _add_method(
    parser: argparse.ArgumentParser, names: Iterable[str], usual: Mapping[str, Any]
) -> None:
    """Add settings of Adamax, with these defaults where they are not its own, and those of Stop."""
    from dataclasses import fields

    from symadamax.solver import Adamax, Stop

    method = parser.add_argument_group("settings of Adamax")
    for name in names:
        default = usual.get(name, getattr(Adamax, name))
        text = isinstance(default, str)
        kind: dict[str, Any] = {"type": str if text else float, "metavar": "NAME" if text else "X"}
        method.add_argument(
            f"--{name.replace('_', '-')}", default=default,
            help=f"{SETTINGS[name]} (default: %(default)s)",
            **({"action": "store_true"} if default is False else kind),
        )  # fmt: skip
    stop = parser.add_argument_group("when to stop before all steps are done")
    for field in fields(Stop):
        stop.add_argument(f"--{field.name}", type=float, metavar="X", help=CRITERIA[field.name])


def _add_fit(parser: argparse.ArgumentParser) -> None:
    from symadamax.fit import STEPS, USUAL
    from symadamax.fit_command import run

    parser.add_argument("formula", help="the model, such as 'a*exp(-b*t) + c'")
    parser.add_argument("file", help="the table: .parquet, or CSV with names in its first line")
    parser.add_argument("--response", required=True, metavar="COLUMN", help="what is fitted")
    parser.add_argument("--start", action="append", default=[], metavar="a=1,b=1",
                        help="a number for each unknown")  # fmt: skip
    parser.add_argument("--parameter", action="append", default=[], metavar="k=3",
                        help="a fixed number for a name that is no unknown")  # fmt: skip
    parser.add_argument("--steps", type=int, metavar="N",
                        help=f"the most steps (default: {STEPS})")  # fmt: skip
    rows = parser.add_argument_group("which rows a step sees (default: all)")
    rows.add_argument("--batch", type=int, metavar="N", help="so many, in random order")
    rows.add_argument("--epochs", type=int, metavar="N",
                      help="how often each row is seen, instead of --steps")  # fmt: skip
    rows.add_argument("--seed", type=int, metavar="N", help="the same seed draws the same rows")
    _add_method(parser, FIT_SETTINGS, {"learning_rate": USUAL.learning_rate})
    parser.add_argument("--constant-rate", action="store_true", help="keep the learning rate, "
                        "which else falls to 0 along half a cosine")  # fmt: skip
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--progress", action="store_true", help="show a bar")
    shown.add_argument("--json", action="store_true", help="print JSON for another program")
    shown.add_argument("--plot", metavar="FILE", help=PICTURE)
    parser.set_defaults(run=run)


if __name__ == "__main__":
    raise SystemExit(main())

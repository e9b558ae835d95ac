"""Words: the options of each command, with their defaults; the command is imported with them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Iterable, Mapping
from typing import Any

from symadamax.commands.settings import CRITERIA, FIT_SETTINGS, MANY_SETTINGS, SETTINGS

__all__ = ["add_demo", "add_derive", "add_explore", "add_fit", "add_minimize"]

PICTURE = "write a picture: .png, .svg or .pdf"


def add_demo(parser: ArgumentParser) -> None:
    """Add the options of ``symadamax demo``."""
    from symadamax.commands.demo import run

    parser.add_argument("--folder", default="demo", help="for the pictures (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=200, help="of a GIF (default: %(default)s)")
    parser.add_argument("--no-animation", action="store_true", help="draw only still pictures")
    parser.set_defaults(
        run=lambda given: run(given.folder, frames=None if given.no_animation else given.frames)
    )


def add_derive(parser: ArgumentParser) -> None:
    """Add the options of ``symadamax derive``."""
    parser.add_argument("--step", metavar="ID", help="only one step (default: all of them)")
    parser.add_argument("--check", action="store_true", help="prove it, and print the verdicts")
    parser.set_defaults(run=_derive)


def _derive(given: Namespace) -> int:
    from symadamax.commands.derive import run

    return run(given)


def add_minimize(parser: ArgumentParser) -> None:
    """Add the options of ``symadamax minimize``."""
    from symadamax.commands.minimize import run
    from symadamax.solver.minimize import STEPS

    parser.add_argument("formula", help="what to minimise, such as 'x - x^3'")
    parser.add_argument("--start", action="append", default=[], metavar="x=1,y=0",
                        help="a number for each unknown")  # fmt: skip
    _add_parameter(parser)
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N",
                        help="the most steps (default: %(default)s)")  # fmt: skip
    _add_method(parser, SETTINGS, {})
    how = parser.add_argument_group("how it is computed")
    _add_dtype(how)
    how.add_argument("--backend", default="native", metavar="NAME",
                     help="native or numpy (default: %(default)s)")  # fmt: skip
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--show-gradient", action="store_true", help="print the derivatives")
    shown.add_argument(
        "--record", type=int, metavar="N", help="keep every so many steps (for --json)"
    )
    _add_outputs(shown)
    shown.add_argument("--animate", metavar="FILE", help="write an animation: .gif or .mp4")
    shown.add_argument("--html", metavar="FILE", help="write a page that shows every step: .html")
    parser.set_defaults(run=run)


def _add_method(parser: ArgumentParser, names: Iterable[str], usual: Mapping[str, Any]) -> None:
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


def _add_parameter(parser: ArgumentParser) -> None:
    parser.add_argument("--parameter", action="append", default=[], metavar="c=3",
                        help="a fixed number for a name that is no unknown")  # fmt: skip


def _add_dtype(group: _ArgumentGroup) -> None:
    group.add_argument("--dtype", default="float64", metavar="NAME",
                       help="float64 or float32 (default: %(default)s)")  # fmt: skip


def _add_outputs(group: _ArgumentGroup) -> None:
    group.add_argument("--progress", action="store_true", help="show a bar")
    group.add_argument("--json", action="store_true", help="print JSON for another program")
    group.add_argument("--plot", metavar="FILE", help=PICTURE)


def add_explore(parser: ArgumentParser) -> None:
    """Add the options of ``symadamax explore``."""
    from symadamax.commands.explore import COUNT, SHOWN, run
    from symadamax.solver.many.sample import METHODS
    from symadamax.solver.minimize import STEPS

    parser.add_argument("formula", help="what to minimise, such as 'x^4 - x^2'")
    parser.add_argument("--box", action="append", default=[], metavar="x=-5:5,y=0:1",
                        help="the low and the high end for each unknown")  # fmt: skip
    _add_parameter(parser)
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N",
                        help="the most steps of a run (default: %(default)s)")  # fmt: skip
    starts = parser.add_argument_group("where the runs start")
    starts.add_argument("--count", default=COUNT, metavar="N",
                        help="how many; of a grid also 100x50 (default: %(default)s)")  # fmt: skip
    starts.add_argument("--method", default="sobol", metavar="NAME",
                        help=f"{', '.join(METHODS[:-1])} or {METHODS[-1]} "
                        "(default: %(default)s)")  # fmt: skip
    starts.add_argument("--seed", type=int, metavar="N",
                        help="the same seed draws the same starts (default: 0)")  # fmt: skip
    _add_method(parser, MANY_SETTINGS, {})
    how = parser.add_argument_group("how it is computed")
    how.add_argument("--threads", type=int, metavar="N", help="default: one for each processor")
    _add_dtype(how)
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--top", type=int, default=SHOWN, metavar="N",
                       help="so many of the best runs (default: %(default)s)")  # fmt: skip
    shown.add_argument("--tol", type=float, metavar="X",
                       help="what tells minima apart, in units of max(1, |x|)")  # fmt: skip
    _add_outputs(shown)
    parser.set_defaults(run=run)


def add_fit(parser: ArgumentParser) -> None:
    """Add the options of ``symadamax fit``."""
    from symadamax.commands.fit import run
    from symadamax.fit import STEPS, USUAL

    parser.add_argument("formula", help="the model, such as 'a*exp(-b*t) + c'")
    parser.add_argument("file", help="the table: .parquet, or CSV with names in its first line")
    parser.add_argument("--response", required=True, metavar="COLUMN", help="what is fitted")
    parser.add_argument("--start", action="append", default=[], metavar="a=1,b=1",
                        help="a number for each unknown")  # fmt: skip
    _add_parameter(parser)
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
    _add_outputs(shown)
    parser.set_defaults(run=run)

"""Asked: what the words of a command ask for, as numbers by name, settings and criteria."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from symadamax.errors import InputError, require
from symadamax.solver import Adamax, Stop

__all__ = ["assignments", "check_pictures", "intervals", "method_of", "stop_of"]


def assignments(texts: Iterable[str], option: str) -> dict[str, float]:
    """Return the numbers by name in texts such as ``x=1,y=0``.

    Examples
    --------
    >>> assignments(["x=1,y=-2e-3", "z=0"], "--start")
    {'x': 1.0, 'y': -0.002, 'z': 0.0}
    """
    return _by_name(texts, option, float, "a number", "x=1,y=0")


def intervals(texts: Iterable[str], option: str) -> dict[str, tuple[float, float]]:
    """Return the two ends by name in texts such as ``x=-5:5,y=0:1``.

    Examples
    --------
    >>> intervals(["x=-5:5, y=0:1e3"], "--box")
    {'x': (-5.0, 5.0), 'y': (0.0, 1000.0)}
    """
    return _by_name(texts, option, _ends, "two numbers with : between them", "x=-5:5,y=0:1")


def _ends(text: str) -> tuple[float, float]:
    low, high = text.split(":")
    return float(low), float(high)


def _by_name(
    texts: Iterable[str], option: str, read: Callable[[str], Any], accepted: str, example: str
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts:
        for part in text.split(","):
            name, _, value = (word.strip() for word in part.partition("="))
            try:
                read_value = read(value)
            except ValueError:
                raise InputError(
                    f"{option} has {part.strip()!r}; accepted is a name, = and {accepted}, "
                    f"with commas between them, such as {option} {example}."
                ) from None
            if name in found:
                raise InputError(f"{option} has {name!r} twice; give it once.")
            found[name] = read_value
    return found


def method_of(options: Namespace, names: Iterable[str]) -> Adamax:
    """Return the settings of these names."""
    return Adamax(**{name: getattr(options, name) for name in names})


def stop_of(options: Namespace) -> Stop | None:
    """Return the criteria of the command line, None where there are none."""
    given = {field.name: getattr(options, field.name) for field in fields(Stop)}
    return None if set(given.values()) == {None} else Stop(**given)


def check_pictures(plot: str | None, animate: str | None = None, html: str | None = None) -> None:
    """Refuse what cannot be drawn before the run, which may take long."""
    from symadamax.viewer.checks import check_path

    if plot is not None or animate is not None:
        require("matplotlib", "plot", "drawing")
    if plot is not None:
        check_path(plot, (".png", ".svg", ".pdf"))
    if animate is not None:
        check_path(animate, (".gif", ".mp4"))
    if html is not None:
        check_path(html, (".html",))

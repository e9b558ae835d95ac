"""Every refusal: what was given, what is accepted, what to do.

Two roots. `InputError` is a mistake in what the user gave, and its message says how to mend it.
`InternalError` is a mistake of ours, and asks to be reported. `WorkerError` says that processes are
gone. A missing optional package and a compiled core that is out of date have classes of their own,
so that they can be caught as the `ImportError` that they are.
"""

from __future__ import annotations

__all__ = [
    "FormulaError",
    "InputError",
    "InternalError",
    "MissingDependencyError",
    "StaleBuildError",
    "SymadamaxError",
    "UnsupportedError",
    "WorkerError",
    "require",
]


class SymadamaxError(Exception):
    """Anything that symadamax raises on purpose."""


class InputError(SymadamaxError, ValueError):
    """What was given cannot be used; the message says what can."""


class UnsupportedError(InputError):
    """An expression that cannot be lowered or differentiated; the message shows the part."""


class FormulaError(InputError):
    """A formula in text that is not accepted; the message has a caret under the place."""


class InternalError(SymadamaxError, RuntimeError):
    """An invariant of symadamax does not hold: a bug of ours, please report it."""


class WorkerError(SymadamaxError, RuntimeError):
    """The workers of an executor are gone: killed, or shut down with it."""


class MissingDependencyError(SymadamaxError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class StaleBuildError(SymadamaxError, ImportError):
    """The compiled core was built from other sources than those that are imported."""


def require(package: str, extra: str | None, purpose: str) -> object:
    """Import an optional package, or say how to install it.

    Parameters
    ----------
    package : str
        The module to import, for example ``"matplotlib"``.
    extra : str or None
        The extra of symadamax that installs it; None where it is installed by its own name.
    purpose : str
        What it is needed for, as the subject of a sentence: ``"plotting"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependencyError
        When the package is not installed.
    """
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        wanted = name if extra is None else f'"symadamax[{extra}]"'
        raise MissingDependencyError(
            f"{purpose} needs the package {name}, which is not installed. "
            f"Install it with: pip install {wanted}"
        ) from error

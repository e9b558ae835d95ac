"""The compiled core, or a sentence that says how to build it.

`require_core` is the first thing that the package does: a core that was built from other sources
than those that stand here would compute something else than what is read here.
"""

from __future__ import annotations

import hashlib
import re
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

from symadamax.errors import StaleBuildError

__all__ = ["require_core", "sources_digest"]

REBUILD = "Rebuild it with: pip install -e . (in the folder that holds pyproject.toml)"


def require_core(package: Path = Path(__file__).parent) -> ModuleType:
    """Return the compiled core, which must be of this version and of these sources.

    Parameters
    ----------
    package : Path
        The folder of the package. Where ``cython_src`` stands beside it, as in a checkout, the
        core must have been built from the sources in there.

    Raises
    ------
    StaleBuildError
        When the core is not built, or is of another version or other sources.
    """
    try:
        core = import_module("symadamax._core")
    except ModuleNotFoundError as error:
        if error.name != "symadamax._core":
            raise
        raise StaleBuildError(
            f"The compiled core of symadamax is not built for this Python. {REBUILD}"
        ) from error
    sources = package.parent / "cython_src"
    version = _version(package)
    if version is not None and version != core.VERSION:
        raise StaleBuildError(
            f"The compiled core is of symadamax {core.VERSION}, and the package of {version}. "
            f"{REBUILD}"
        )
    if sources.is_dir() and sources_digest(sources) != core.SOURCES:
        raise StaleBuildError(
            f"The compiled core was built from other sources than those in {sources}. {REBUILD}"
        )
    return core


def sources_digest(folder: Path) -> str:
    """Return the SHA-256 of the core's sources in `folder`, as setup.py builds it into the core."""
    paths = sorted(folder.glob("*.p[xy][dxi]"))
    text = "".join(f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()


def _version(package: Path) -> str | None:
    """Return the version in the checkout's pyproject.toml, or of the installed distribution."""
    project = package.parent / "pyproject.toml"
    if (package.parent / "cython_src").is_dir() and project.is_file():
        found = re.search(r'^version = "(.+)"$', project.read_text(encoding="utf-8"), re.MULTILINE)
        return found and found[1]
    try:
        return metadata.version("symadamax")
    except metadata.PackageNotFoundError:
        return None

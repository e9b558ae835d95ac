"""What the build holds about all pages: every public name is described, and nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

import symadamax
from symadamax import derivation, schedules
from symadamax.derivation import reference

PUBLIC = (symadamax, schedules, derivation, reference)

FETCHED = re.compile(
    r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|@import[^;]*((?:https?:)?//[^\"')]+)"
    r"|\burl\(\s*[\"']?((?:https?:)?//[^\"')]+)"
)
logger = getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at the names when all pages are read, and at the files when all are written."""
    app.connect("env-check-consistency", check_names)
    app.connect("build-finished", check_hosts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def check_names(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each public name that the reference does not describe."""
    described = {entry[0] for entry in env.get_domain("py").get_objects()}
    for name in (f"{module.__name__}.{name}" for module in PUBLIC for name in module.__all__):
        if name not in described:
            logger.warning("%s is public, and the reference does not describe it", name)


def check_hosts(app: Sphinx, error: Exception | None) -> None:
    """Warn of each page that would load something from another host."""
    if error is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*"):
        if path.suffix in {".html", ".css"}:
            for found in fetched(path):
                logger.warning("%s loads %s", path.name, found)


def fetched(path: Path) -> list[str]:
    """Return what a page or a style would load from other hosts."""
    return ["".join(found) for found in FETCHED.findall(path.read_text(encoding="utf-8"))]

"""Listings of sources: that of the compiled core is its stub, which says what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

CORE = "symadamax._core"


def setup(app: Sphinx) -> dict[str, Any]:
    """Answer when ``sphinx.ext.viewcode`` looks for a source."""
    app.connect("viewcode-find-source", find)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def find(app: Sphinx, module: str) -> tuple[str, dict[str, tuple[str, int, int]]] | None:
    """Return the text that stands for a module, and where its names are; None is the usual one."""
    if module != CORE:
        return None
    stub = Path(app.srcdir).parent / "symadamax" / "_core.pyi"
    analyzer = ModuleAnalyzer.for_string(stub.read_text(encoding="utf-8"), module)
    return analyzer.code, analyzer.find_tags()

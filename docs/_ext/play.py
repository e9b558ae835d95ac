"""The page that moves: its objectives from SymPy, its modules as one script, its HTML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import javascript
import sympy as sp
from docutils import nodes
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from mathml import mathml
from objectives import OBJECTIVES
from scripts import join
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

MARK = "page-that-moves"
SCRIPT, STYLE = "play.js", "play.css"


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive ``page-that-moves``; its script and style go to its page alone."""
    app.add_directive(MARK, PageThatMoves)
    app.connect("builder-inited", write_files)
    app.connect("html-page-context", add_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class PageThatMoves(SphinxDirective):
    """Put the page in place of the directive."""

    def run(self) -> list[nodes.Node]:
        """Return the HTML of ``play/page.jinja``."""
        self.env.metadata[self.env.docname][MARK] = "yes"
        folder = Path(self.env.srcdir) / "play"
        for source in [*folder.iterdir(), *Path(__file__).parent.glob("*.py")]:
            self.env.note_dependency(str(source))
        templates = Environment(
            loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined
        )
        page = templates.get_template("page.jinja").render(
            objectives=OBJECTIVES, formula=formula, math=inline
        )
        return [nodes.raw("", page, format="html")]


def write_files(app: Sphinx) -> None:
    """Write the script and the style among the static files."""
    if app.builder.format != "html":
        return
    source, target = Path(app.srcdir) / "play", Path(app.doctreedir) / "play"
    target.mkdir(parents=True, exist_ok=True)
    modules = {path.stem: path.read_text(encoding="utf-8") for path in source.glob("*.mjs")}
    modules["objectives"] = javascript.module(OBJECTIVES)
    (target / SCRIPT).write_text(join("main", modules), encoding="utf-8")
    (target / STYLE).write_text((source / STYLE).read_text(encoding="utf-8"), encoding="utf-8")
    app.config.html_static_path.append(str(target))


def add_files(app: Sphinx, pagename: str, *_: Any) -> None:
    """Load the script and the style where the directive stands."""
    if MARK in app.env.metadata.get(pagename, {}):
        app.add_js_file(SCRIPT, loading_method="defer")
        app.add_css_file(STYLE)


def inline(latex: str) -> Markup:
    """Return a formula that stands in a line."""
    return Markup(re.sub(r' xmlns="[^"]*"', "", mathml(latex, "inline")))


def formula(objective: Any) -> Markup:
    """Return ``f(x, y) = ...`` of an objective."""
    # exp(...) is written in full: a tower of exponents is too small to read.
    expression = objective.expression.replace(sp.exp, sp.Function("exp"))
    texts = [sp.latex(expression), sp.latex(expression, order="none")]
    # Of the two orders of terms, that in which fewer sums begin with a minus.
    right = min(texts, key=lambda text: len(re.findall(r"(?:^|[({])\s*-", text)))
    return inline(f"f({', '.join(objective.names)}) = {right}")

"""The page that moves: the objectives of the docs on the page that the package writes for a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from objectives import OBJECTIVES
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from symadamax.viewer.page.markup import FILES, fragment, script

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
        """Return the HTML of the page."""
        self.env.metadata[self.env.docname][MARK] = "yes"
        sources = [
            *FILES.iterdir(),
            *FILES.parent.glob("*.py"),
            *Path(__file__).parent.glob("*.py"),
        ]
        for source in sources:
            self.env.note_dependency(str(source))
        return [nodes.raw("", fragment(OBJECTIVES), format="html")]


def write_files(app: Sphinx) -> None:
    """Write the script and the style among the static files."""
    if app.builder.format != "html":
        return
    target = Path(app.doctreedir) / "play"
    target.mkdir(parents=True, exist_ok=True)
    (target / SCRIPT).write_text(script(OBJECTIVES), encoding="utf-8")
    (target / STYLE).write_text((FILES / STYLE).read_text(encoding="utf-8"), encoding="utf-8")
    app.config.html_static_path.append(str(target))


def add_files(app: Sphinx, pagename: str, *_: Any) -> None:
    """Load the script and the style where the directive stands."""
    if MARK in app.env.metadata.get(pagename, {}):
        app.add_js_file(SCRIPT, loading_method="defer")
        app.add_css_file(STYLE)

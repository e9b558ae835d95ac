"""What the build does to every page, and holds about it: headings, pictures, weight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

MOST = 1_000_000  # bytes of a page with its pictures, animations apart
LEAST = 20  # characters that say what a picture shows
PICTURE = re.compile(r'<img [^>]*src="([^"]*_images/[^"]+)"[^>]*>')

logger = getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Open pictures by a touch, and look at the pages when all are written."""
    app.connect("html-page-context", link_pictures)
    app.connect("build-finished", check_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def link_pictures(app: Sphinx, name: str, template: str, context: dict[str, Any], *_: Any) -> None:
    """Make each picture a link to itself, so that it can be enlarged on a telephone."""
    if "body" in context and 'class="gallery' not in context["body"]:
        context["body"] = PICTURE.sub(r'<a class="picture" href="\1">\g<0></a>', context["body"])


class Page(HTMLParser):
    """The headings and the pictures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what is looked at."""
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.levels.append(int(tag[1]))
        elif tag == "img":
            self.pictures.append(dict(attrs))


def check_pages(app: Sphinx, error: Exception | None) -> None:
    """Warn of what a page lacks, and of a page that is too heavy."""
    if error is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        for trouble in troubles(path):
            logger.warning("%s %s", path.relative_to(app.outdir), trouble)


def troubles(path: Path) -> Iterator[str]:
    """Yield what is wrong with a page, as what follows its name in a sentence."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    if page.levels and page.levels[0] != 1:
        yield "does not begin with a heading of the first level"
    for above, below in pairwise(page.levels):
        if below > above + 1:
            yield f"goes from a heading of level {above} to one of level {below}"
    for picture in page.pictures:
        drawn_by_sphinx = "_static/" in (picture.get("src") or "")
        if not drawn_by_sphinx and len(picture.get("alt") or "") < LEAST:
            yield f"does not say what the picture {picture.get('src')} shows"
    shown = {path.parent / (picture.get("src") or "") for picture in page.pictures}
    still = [file for file in shown if file.suffix != ".gif" and file.is_file()]
    weight = len(text.encode()) + sum(file.stat().st_size for file in still)
    if weight > MOST:
        yield f"weighs {weight:,} bytes with its pictures; at most {MOST:,} are accepted"

"""A reader of pages, in a browser that reaches nothing but files and notes what goes wrong."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

__all__ = ["CHROMIUM", "HTML", "PAGES", "SCREENS", "WIDTHS", "Reader", "Visit"]

DOCS = Path(__file__).parents[2] / "docs"
HTML = DOCS / "_build" / "html"
SCREENS = DOCS / "_build" / "screens"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

# By their place in the site: all but the listings of our sources, and those that have a source.
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if not path.is_relative_to(HTML / "_modules" / "symadamax")
)
WRITTEN = {page for page in PAGES if (DOCS / page).with_suffix(".md").exists()}
WIDTHS = (1400, 360)
HEIGHT = 900

FACTS = """
() => {
  const visible = (element) => element.checkVisibility();
  const children = { mfrac: 2, mroot: 2, msub: 2, msup: 2, mover: 2, munder: 2, msubsup: 3, munderover: 3 };
  const formulas = [...document.querySelectorAll("math")];
  const wrong = formulas.filter((formula) => {
    const { width, height } = formula.getBoundingClientRect();
    const misshapen = [...formula.querySelectorAll("*")].some(
      ({ localName, childElementCount }) => (children[localName] ?? childElementCount) !== childElementCount);
    return misshapen || formula.querySelector("merror") || /\\\\[a-z]/.test(formula.textContent) ||
      (visible(formula) && (width < 2 || height < 2));
  });
  return {
    formulas: formulas.length,
    wrong: wrong.map(({ outerHTML }) => outerHTML.slice(0, 300)),
    marks: [...document.querySelectorAll(".problematic, .system-message")].map((e) => e.textContent),
    ids: [...document.querySelectorAll("[id]")].map(({ id }) => id),
    links: [...document.querySelectorAll("a[href]")].map(({ href }) => href),
    images: [...document.images].filter((e) => visible(e) && !e.naturalWidth).map(({ src }) => src),
  };
}
"""  # noqa: E501


@dataclass
class Visit:
    """What was found on a page."""

    errors: list[str]
    formulas: int
    wrong: list[str]
    marks: list[str]
    ids: set[str]
    links: list[str]
    images: list[str]
    widths: dict[int, int]


class Reader:
    """A page of a browser, with what went wrong in it."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(
            viewport={"width": WIDTHS[0], "height": HEIGHT}, **options
        )
        self.context.set_default_timeout(10_000)
        self.context.route(re.compile(r"^(?!file:|data:|blob:)"), self._refuse)
        self.errors: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(f"no {request.url}"))
        self.page.on("dialog", self._dismiss)
        self.visits: dict[str, Visit] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def _refuse(self, route: Any) -> None:
        self.errors.append(f"asked the network for {route.request.url}")
        route.abort()

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _dismiss(self, dialog: Any) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: Path, hash: str = "") -> Any:
        """Open a file, and return the page once it has come to rest."""
        self.page.goto(path.as_uri() + hash)
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
        )
        return self.page

    def visit(self, name: str) -> Visit:
        """Return what is found on a page of the site, which is opened once."""
        if name not in self.visits:
            self.errors.clear()
            self.page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
            self.open(HTML / name)
            facts = self.page.evaluate(FACTS)
            widths = {width: self.width_at(width, name) for width in WIDTHS}
            ids = set(facts.pop("ids"))
            self.visits[name] = Visit(errors=[*self.errors], ids=ids, widths=widths, **facts)
        return self.visits[name]

    def width_at(self, width: int, name: str) -> int:
        """Return how far a page can be scrolled in a window of this width, and take its picture."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        if name in WRITTEN:
            self.picture(f"{name.removesuffix('.html').replace('/', '.')}-{width}")
        return int(self.page.evaluate("() => document.scrollingElement.scrollWidth"))

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page, for people to look at."""
        path = SCREENS / f"{name}.jpg"
        self.page.screenshot(path=path, full_page=True, type="jpeg", quality=60)

"""The built docs as a reader meets them: no error, no dead link, nothing too wide or too faint."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from contrast import faint
from reader import HTML, PAGES, WIDTHS, Reader

each_page = pytest.mark.parametrize("name", PAGES or ["index.html"])
CHAPTERS = [page for page in PAGES if page.startswith("derive/")]


@each_page
def test_a_page_has_no_error_and_asks_for_nothing(reader: Reader, name: str) -> None:
    assert reader.visit(name).errors == []


@each_page
def test_its_formulas_are_drawn(reader: Reader, name: str) -> None:
    assert reader.visit(name).wrong == []


@each_page
def test_its_pictures_are_there_and_nothing_is_marked_as_wrong(reader: Reader, name: str) -> None:
    visit = reader.visit(name)
    assert (visit.images, visit.marks) == ([], [])


@each_page
@pytest.mark.parametrize("width", WIDTHS)
def test_it_does_not_scroll_sideways(reader: Reader, name: str, width: int) -> None:
    assert reader.visit(name).widths[width] <= width


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_text_stands_out_from_its_ground(reader: Reader, name: str, scheme: str) -> None:
    assert faint(reader.open(HTML / name), scheme) == []


def test_text_that_is_faint_is_found(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text('<body style="color: #777"><p>grey</p><h1 style="font-size: 30px">large</h1>')
    assert faint(reader.open(path), "light") == ["4.48: grey"]


@pytest.mark.parametrize("name", CHAPTERS or ["index.html"])
def test_its_verdicts_open_by_a_key(reader: Reader, name: str) -> None:
    page = reader.open(HTML / name)
    for verdict in page.locator("details.verdict").all():
        said = verdict.locator(":scope > p").last
        assert not said.is_visible()
        verdict.locator("summary").press("Enter")
        assert said.is_visible()


@each_page
def test_its_links_lead_somewhere(reader: Reader, name: str) -> None:
    dead = [link for link in reader.visit(name).links if not leads_somewhere(reader, link)]
    assert dead == []


def leads_somewhere(reader: Reader, link: str) -> bool:
    address = urlsplit(link)
    if address.scheme != "file":
        return address.scheme in ("https", "http", "mailto")
    path = Path(unquote(address.path))
    if not path.is_file():
        return False
    anchor = unquote(address.fragment)
    if not anchor or (path.name == "play.html" and "=" in anchor):  # a state of the page
        return True
    return anchor in reader.visit(path.relative_to(HTML).as_posix()).ids


def test_there_are_pages_with_formulas(reader: Reader) -> None:
    assert len(PAGES) > 30
    assert sum(reader.visit(name).formulas > 0 for name in PAGES) > 5

"""The pages of the book: each step on one page, and no equation that a check has not seen."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from symadamax.derivation import CHAPTERS, ERRATA, STEPS, Step

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted((DOCS / "derive").glob("*.md"))
BUILT = DOCS / "_build" / "html" / "derive"

STEP = re.compile(r"^```\{step\} ([\w-]+)\n```$", re.M)
NUMBER = re.compile(r"\(((?:[1-9]\d*|E)\.\d+)\)")
# What would show a formula that stands in no step.
DISPLAYED = re.compile(
    r"\$\$|\\\[|\\begin\{|\{math\}|\{eval-rst\}|^ *\.\. math::|\bMath\(|_repr_latex_|<math\b", re.M
)
NUMBERS = {equation.number for step in (*STEPS, *ERRATA) for equation in step.equations}

sys.path.append(str(DOCS / "_ext"))


def page_of(step: Step) -> Path:
    return DOCS / "derive" / f"{step.chapter.rpartition('.')[2]}.md"


def test_each_step_is_on_exactly_one_page():
    shown = Counter(name for page in PAGES for name in STEP.findall(page.read_text()))
    assert shown == Counter(step.id for step in (*STEPS, *ERRATA))


@pytest.mark.parametrize("steps", [*CHAPTERS.values(), ERRATA], ids=lambda steps: steps[0].chapter)
def test_a_chapter_is_a_page_with_its_steps_in_order(steps):
    assert STEP.findall(page_of(steps[0]).read_text()) == [step.id for step in steps]


@pytest.mark.parametrize(("number", "title"), list(enumerate(CHAPTERS, start=1)))
def test_a_chapter_has_its_title(number, title):
    page = page_of(CHAPTERS[title][0])
    assert re.findall(r"^# (.+)$", _text(page), re.M) == [f"{number}. {title}"]


def test_no_page_displays_an_equation_of_its_own():
    own = [(page.name, found) for page in PAGES for found in DISPLAYED.findall(page.read_text())]
    assert own == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_prose_names_equations_that_there_are(page):
    assert set(NUMBER.findall(_text(page))) <= NUMBERS


def test_the_steps_name_equations_that_there_are():
    for step in (*STEPS, *ERRATA):
        assert set(NUMBER.findall(" ".join([step.prose, *step.assumptions]))) <= NUMBERS, step.id


def _text(page: Path) -> str:
    """Return a page without its cells and directives."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


# ---- what a badge shows --------------------------------------------------------------------------


def test_the_code_of_a_check_has_the_functions_that_it_calls():
    checks = pytest.importorskip("checks")
    (step,) = (step for step in STEPS if step.id == "variance")
    code = checks.code(step.proof)
    assert re.findall(r"^def (\w+)", code, re.M) == ["_prove_variance", "_of_four"]
    assert {"equal", "iterated", "split", "tends_to"} < set(checks.rules_of(step.proof))
    assert checks.named_equations(step.proof)["UNROLLED"] == "1.2"


@pytest.mark.parametrize(
    "step", [step for step in (*STEPS, *ERRATA) if step.proof], ids=lambda step: step.id
)
def test_every_check_can_be_shown(step):
    checks = pytest.importorskip("checks")
    assert f"def {step.proof.__name__}(" in checks.code(step.proof)
    assert checks.rules_of(step.proof)


def test_a_step_that_is_not_proved_ends_the_build(tmp_path, monkeypatch):
    import faulty_steps

    checks = pytest.importorskip("checks")
    (faulty,) = (step for step in faulty_steps.STEPS if step.id == "not_know")
    monkeypatch.setattr(checks, "STEPS", (faulty,))
    monkeypatch.setattr(checks, "ERRATA", ())
    with pytest.raises(checks.CheckFailed, match=r"not_know is not proved: Refuted: x has no sign"):
        checks.found(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_checks_that_take_longer_than_a_minute_end_the_build(tmp_path, monkeypatch):
    checks = pytest.importorskip("checks")
    monkeypatch.setattr(checks, "STEPS", STEPS[:1])
    monkeypatch.setattr(checks, "ERRATA", ())
    monkeypatch.setattr(checks, "MOST", 0.0)
    with pytest.raises(checks.CheckFailed, match=r"take \d+ seconds together; at most 0 are"):
        checks.found.__wrapped__(tmp_path)


def test_what_is_proved_is_kept_until_the_derivation_changes(tmp_path, monkeypatch):
    checks = pytest.importorskip("checks")
    monkeypatch.setattr(checks, "STEPS", STEPS[:1])
    monkeypatch.setattr(checks, "ERRATA", ())
    first = checks.found.__wrapped__(tmp_path)
    assert first["moving-average"]["rejected"][0].startswith("The two sides differ by")

    def fail(*_: object) -> None:
        raise AssertionError("it was checked again")

    monkeypatch.setattr(checks, "_check", fail)
    assert checks.found.__wrapped__(tmp_path) == first
    monkeypatch.setattr(checks, "_state", lambda: "another derivation")
    with pytest.raises(AssertionError, match="checked again"):
        checks.found.__wrapped__(tmp_path)


# ---- the pages as they are built -----------------------------------------------------------------


@pytest.fixture(params=[*CHAPTERS.values(), ERRATA], ids=lambda steps: steps[0].chapter)
def built(request):
    page = BUILT / page_of(request.param[0]).with_suffix(".html").name
    if not page.exists():
        pytest.skip("the docs are not built: python -m sphinx -b html docs docs/_build/html")
    return request.param, page.read_text()


def test_built_pages_have_every_step_and_equation(built):
    steps, html = built
    for step in steps:
        assert f'<section class="step" id="{step.id}">' in html
        for equation in step.equations:
            anchor = f"equation-{equation.number.replace('.', '-').lower()}"
            assert html.count(f'id="{anchor}"') == 1
            assert f'href="#{anchor}"' in html


def test_every_displayed_equation_belongs_to_a_step(built):
    steps, html = built
    shown = sum(len(step.equations) + len(step.mutants) for step in steps)
    assert html.count('display="block"') == shown
    assert html.count('<details class="verdict') == len(steps)


# ---- what the build holds about every page -------------------------------------------------------


@pytest.fixture(scope="module")
def site():
    """The built pages."""
    if not (BUILT / "index.html").exists():
        pytest.skip("the docs are not built: python -m sphinx -b html docs docs/_build/html")
    return [page for page in BUILT.parent.rglob("*.html") if "_modules" not in page.parts]


def test_no_built_page_has_troubles(site):
    """None lacks an alternative text, and none weighs more than 1 MB with its pictures."""
    pages = pytest.importorskip("pages")
    assert [(page.name, trouble) for page in site for trouble in pages.troubles(page)] == []


def test_no_built_page_loads_from_another_host(site):
    complete = pytest.importorskip("complete")
    styles = (BUILT.parent / "_static").rglob("*.css")
    assert [file.name for file in (*site, *styles) if complete.fetched(file)] == []


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ('<script src="https://example.org/a.js"></script>', 1),
        ('<link rel="stylesheet" href="//example.org/a.css">', 1),
        ("@font-face { src: url(https://example.org/a.woff2) }", 1),
        ('<a href="https://example.org">there</a><img src="_images/a.png">', 0),
    ],
)
def test_what_is_loaded_from_another_host_is_seen(html, count, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(html)
    assert len(pytest.importorskip("complete").fetched(path)) == count


def test_no_built_page_ends_an_output_with_false(site):
    """What a page says to be equal, or true, it prints: False would be there against its words."""
    output = re.compile(r'<div class="output [^"]*"><div class="highlight"><pre>(.*?)</pre>', re.S)
    found = [(page, re.sub("<[^>]*>", "", text))
             for page in site for text in output.findall(page.read_text())]  # fmt: skip
    assert len(found) > 100
    assert [(page.name, text) for page, text in found if text.rstrip().endswith("False")] == []


@pytest.mark.parametrize(
    ("html", "trouble"),
    [
        ("<h1>a</h1><h3>b</h3>", "goes from a heading of level 1 to one of level 3"),
        ("<h2>a</h2>", "does not begin with a heading of the first level"),
        ('<h1>a</h1><img src="b.png" alt="b">', "does not say what the picture b.png shows"),
        (f"<h1>{'a' * 1_000_000}</h1>", "weighs 1,000,009 bytes with its pictures"),
        ('<h1>a</h1><h2>b</h2><h1>c</h1><img src="b.png" alt="A curve that falls to 0.">', None),
    ],
)
def test_troubles_of_pages_are_seen(html, trouble, tmp_path):
    pages = pytest.importorskip("pages")
    path = tmp_path / "page.html"
    path.write_text(html)
    found = list(pages.troubles(path))
    assert len(found) == (trouble is not None)
    assert all(said.startswith(trouble) for said in found)


# ---- what the build does to every page -----------------------------------------------------------


def test_a_picture_is_a_link_to_itself_but_on_a_card():
    pages = pytest.importorskip("pages")
    picture = '<p><img alt="A curve." src="../_images/a.png" /></p>'
    linked, gallery = {"body": picture}, {"body": f'<div class="gallery container">{picture}</div>'}
    pages.link_pictures(None, "page", "page.html", linked)
    pages.link_pictures(None, "index", "page.html", gallery)
    assert linked["body"].startswith('<p><a class="picture" href="../_images/a.png"><img alt=')
    assert "<a " not in gallery["body"]


def test_no_mark_stands_apart_from_its_formula(built):
    _, html = built
    assert re.findall(r"</math>[,.;:)?!](?!</span>)", html) == []

"""The file of a page: whole, without a network, and closed to what a name might bring."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from string import Template
from typing import Any

import pytest
import sympy as sp
from page import OBJECTIVES

import symadamax as sx
from symadamax import InputError, Result
from symadamax.viewer.page import page
from symadamax.viewer.page.markup import FILES, fragment

x, y = sp.symbols("x y")
VOID = {"input", "meta", "br", "path", "circle", "mspace"}
LOADING = {"src", "srcset", "href", "data", "action", "formaction", "poster", "background"}


class Reader(HTMLParser):
    """What a browser finds in a page: its elements, their attributes, and what scripts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def text(self, tag: str) -> str:
        return "".join(self.texts[tag])


def solved(first: str = "x", second: str = "y", **options: Any) -> Result:
    a, b = sp.Symbol(first), sp.Symbol(second)
    return sx.minimize((1 - a) ** 2 + 3 * b**2, [2, 1], steps=60, record=1, **options)


@pytest.fixture(scope="module")
def plain() -> str:
    return page(solved())


def test_the_elements_are_closed_and_their_names_are_there_once(plain: str) -> None:
    found = [attributes["id"] for _, attributes in Reader(plain).found if "id" in attributes]
    assert len(found) == len(set(found)) > 30


def test_nothing_is_loaded(plain: str) -> None:
    for tag, attributes in Reader(plain).found:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert not LOADING & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"\bhttps?:|url\((?!#)|@import", plain)


def test_its_policy_lets_its_own_script_and_styles_run_and_no_more(plain: str) -> None:
    reader = Reader(plain)
    (policy,) = [a["content"] for tag, a in reader.found if "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    scripts, styles = (
        re.findall(r"'sha256-([^']+)'", rules[f"{k}-src"]) for k in ("script", "style")
    )
    assert scripts == [hashed(reader.text("script"))]
    assert styles == [hashed(text) for text in reader.texts["style"]]
    assert "unsafe" not in str(policy)


def hashed(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def test_a_template_has_all_its_parts(plain: str) -> None:
    for path in FILES.glob("*.html"):
        assert Template(path.read_text()).is_valid()
    assert not re.findall(r"\$\w+", re.sub(r"<script>.*</script>", "", plain, flags=re.S))


NAMES = [
    "</script>", "<!--", "]]>", "<img src=x onerror=alert(1)>", '" onclick="alert(1)', "&lt;", "$x",
    "${title}", "constructor", "__proto__", "'; alert(1); '", "`${alert(1)}`", "a\\u0022b", "a\nb",
    "\u2028", "\ud800", "fetch('http://example.org')", "new WebSocket('//a')", "</style><script>",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_text_and_nothing_else(plain: str, name: str) -> None:
    text = page(solved(name, "y"))
    ours, usual = Reader(text), Reader(plain)
    skeleton = [(tag, sorted(set(attributes))) for tag, attributes in ours.found]
    expected = [(tag, sorted(set(attributes))) for tag, attributes in usual.found]
    assert without_formulas(skeleton) == without_formulas(expected)
    script = ours.text("script")
    if not name.isidentifier():  # words of JavaScript
        assert name not in script
    # What differs is data: the module of objectives.
    code = re.compile(r"const OBJECTIVES = .*?\n\];\n", re.S)
    assert code.sub("", script) == code.sub("", usual.text("script"))
    assert text.encode()


def without_formulas(found: list[Any]) -> list[Any]:
    return [each for each in found if each[0] not in {"mi", "mn", "mo", "mrow", "msub", "msup"}]


# ---- the doors ----------------------------------------------------------------------------------


def test_a_result_writes_its_page(tmp_path: Path) -> None:
    result = solved()
    path = result.to_html(tmp_path / "run.html", minimum=(1, 0))
    assert path == sx.to_html(result, str(tmp_path / "again.html"), minimum=(1, 0)).with_name(
        "run.html"
    )
    assert path.read_text(encoding="utf-8") == (tmp_path / "again.html").read_text(encoding="utf-8")
    assert "minimum</span>" in path.read_text(encoding="utf-8")
    assert "\r" not in path.read_bytes().decode()


def test_a_result_that_was_pickled_writes_the_same(tmp_path: Path) -> None:
    result = solved()
    assert page(pickle.loads(pickle.dumps(result))) == page(result)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("run.htm", "The file must end in .html: 'run.htm' does not."),
        (os.path.join("no", "such", "run.html"), "There is no folder"),
        (".", "is a folder"),
        (3, "path must be a text"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused(path: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        sx.to_html(solved(), path)


@pytest.mark.parametrize("given", [None, "text", {"x": 1}])
def test_what_is_no_result_is_refused(tmp_path: Path, given: Any) -> None:
    with pytest.raises(InputError, match="what minimize returned"):
        sx.to_html(given, tmp_path / "run.html")


def test_it_needs_neither_matplotlib_nor_jinja(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['jinja2'] = None;"
        "import sympy as sp, symadamax as sx; x = sp.Symbol('x');"
        "print(sx.minimize(x**2, [1], record=1).to_html(sys.argv[1]).stat().st_size > 50_000)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run.html")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


# ---- the page of the docs -----------------------------------------------------------------------


def test_the_page_of_the_docs_lists_its_objectives() -> None:
    reader = Reader(fragment(list(OBJECTIVES.values())))
    options = [attributes["value"] for tag, attributes in reader.found if tag == "option"]
    assert [value for value in options if value in OBJECTIVES] == list(OBJECTIVES)
    assert not [1 for _, a in Reader(page(solved())).found if a.get("name") == "objective"]

"""The sources of the docs: links lead somewhere, plain code runs, every public name is described.

What the pages execute is checked by building them; this is what can be seen without Sphinx.
"""

import ast
import doctest
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import symadamax

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts and path.is_file())
SOURCES = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]

FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})(?P<kind>[^\n`]*)\n(?P<body>.*?)^(?P=fence)$", re.M | re.S
)
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.S)


def blocks(path: Path, kind: str) -> list[str]:
    """Return the fenced blocks of one kind, as in ```` ```python ````."""
    return [m["body"] for m in FENCE.finditer(path.read_text()) if m["kind"].strip() == kind]


def prose(path: Path) -> str:
    """Return a page without its code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text()))


def anchors(path: Path) -> set[str]:
    """Return what can stand behind a # in a link to a page: its headings, and its labels."""
    text = FENCE.sub("", path.read_text())
    headings = re.findall(r"^#{1,3} (.+)$", text, re.M)
    slugs = {
        re.sub(r"[^\w\- ]", "", h.replace("`", "").lower()).replace(" ", "-") for h in headings
    }
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", text, re.M))


def identity(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links() -> list[tuple[Path, re.Match[str]]]:
    return [(path, m) for path in SOURCES if path.exists() for m in LINK.finditer(prose(path))]


def test_there_are_pages_and_links():
    assert len(PAGES) > 10
    assert len(links()) > 20


@pytest.mark.parametrize("path", SOURCES, ids=identity)
def test_links_lead_somewhere(path):
    for match in LINK.finditer(prose(path)):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), f"{identity(path)} links to {target}, which does not exist"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{target} has no heading #{anchor}"


@pytest.mark.parametrize("path", SOURCES, ids=identity)
def test_pictures_have_alt_text(path):
    text = path.read_text()
    for match in LINK.finditer(FENCE.sub("", text)):
        assert not match["image"] or len(match["text"]) > 20, match[0]
    for tag in HTML_IMAGE.findall(text):
        assert re.search(r'alt="[^"]{20,}"', tag), tag


@pytest.mark.parametrize("path", PAGES, ids=identity)
def test_cells_that_show_a_picture_say_what_it_shows(path):
    for body in blocks(path, "{code-cell} ipython3"):
        if re.search(r"^sx\.plot\(", body, re.M):
            assert "alt: " in body.partition("---\n")[2].partition("---\n")[0], body


@pytest.mark.parametrize("path", PAGES, ids=identity)
def test_plain_python_runs(path, tmp_path, monkeypatch):
    """Blocks marked python are not cells: they are run here, one after the other."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for body in blocks(path, "python"):
        if ">>>" in body:
            example = doctest.DocTestParser().get_doctest(body, names, path.name, str(path), 0)
            assert doctest.DocTestRunner().run(example).failed == 0
            names.update(example.globs)
        else:
            exec(compile(body, str(path), "exec"), names)


@pytest.mark.parametrize("path", PAGES, ids=identity)
def test_cells_are_python(path):
    """A cell that cannot be parsed would only be found by the build."""
    for body in blocks(path, "{code-cell} ipython3"):
        code = re.sub(r"\A(:\w+:.*\n|---\n.*?^---\n)", "", body, flags=re.S | re.M)
        if not code.lstrip().startswith(("%", "!")):
            ast.parse(code)


@pytest.mark.parametrize("path", PAGES, ids=identity)
def test_cells_fit_the_page(path):
    for body in blocks(path, "{code-cell} ipython3"):
        if "remove-input" not in body:
            code = re.sub(r"\A---\n.*?^---\n", "", body, flags=re.S | re.M)
            assert max(map(len, code.splitlines())) <= 92, code


@pytest.mark.parametrize("path", SOURCES, ids=identity)
def test_shell_commands_parse(path):
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("there is no bash to parse with")
    for body in [*blocks(path, "bash"), *blocks(path, "sh")]:
        parsed = subprocess.run([shell, "-n"], input=body, text=True, capture_output=True)
        assert parsed.returncode == 0, parsed.stderr


def test_public_names_are_described():
    reference = "\n".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
    described = set(re.findall(r"^\.\. auto\w+:: symadamax\.(\w+)$", reference, re.M))
    assert described == set(symadamax.__all__)


@pytest.mark.parametrize("name", symadamax.__all__)
def test_public_names_have_docstrings(name):
    documentation = getattr(symadamax, name).__doc__
    assert documentation
    assert documentation.strip()


def test_every_page_is_in_the_contents():
    """Each page is named by exactly one toctree, but for the root."""
    named: list[Path] = []
    for path in PAGES:
        for body in blocks(path, "{toctree}"):
            for line in body.splitlines():
                if line.strip() and not line.startswith(":"):
                    named += sorted(path.parent.glob(f"{line.strip()}.md"))
    assert sorted(named) == [path for path in PAGES if path != DOCS / "index.md"]


def test_decisions_are_numbered_in_order():
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("0*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, path in enumerate(sorted((DOCS / "decisions").glob("0*.md")), start=1):
        assert path.read_text().startswith(f"# {number}. ")


@pytest.mark.parametrize("path", SOURCES, ids=identity)
def test_pages_name_no_place_of_this_machine(path):
    assert not re.search(r"(?<![\w.])/(home|root|work|tmp|Users)/", path.read_text())
    assert os.path.expanduser("~") + os.sep not in path.read_text()

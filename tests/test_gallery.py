"""The extension of the docs that runs the examples: what it shows, and what ends the build."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
sys.path.append(str(EXAMPLES.parent / "_ext"))

DRAWS = "import sys; open(sys.argv[-1], 'w').close(); print(sys.argv[1])"


@pytest.fixture
def gallery():
    return pytest.importorskip("gallery")


def test_a_script_is_run_once_with_its_words(gallery, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(DRAWS)
    outcome = gallery.run(script, ("word",), tmp_path / "kept")
    script.unlink()
    assert gallery.run(script, ("word",), tmp_path / "kept") is outcome
    assert outcome.printed == "word\n"
    assert outcome.picture == tmp_path / "kept" / "script.png"
    assert outcome.picture.is_file()


@pytest.mark.parametrize("code", ["raise SystemExit('no data')", "print('nothing is drawn')"])
def test_a_script_that_fails_or_does_not_draw_ends_the_build(gallery, tmp_path, code):
    script = tmp_path / "script.py"
    script.write_text(code)
    with pytest.raises(gallery.ExampleFailed, match=r"script\.py ended with"):
        gallery.run(script, (), tmp_path)


@pytest.mark.parametrize("page", sorted(EXAMPLES.glob("[!i]*.md")), ids=lambda page: page.stem)
def test_a_page_has_what_its_card_shows(gallery, page):
    source = page.read_text(encoding="utf-8")
    assert gallery.command(source).split()[0] == f"{page.stem}.py"
    assert len(gallery.only(gallery.ALT, source)) > 60
    assert gallery.only(gallery.TITLE, source)

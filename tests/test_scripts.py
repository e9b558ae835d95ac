"""The script of a page: its modules in one, and nothing that loads anything."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from page import NODE, lay_out, needs_node

from symadamax.viewer.page.markup import FILES
from symadamax.viewer.page.scripts import IMPORT, join


def modules(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in folder.glob("*.mjs")}


@needs_node
def test_the_script_of_the_page_can_be_read_by_a_browser(tmp_path: Path) -> None:
    script = join("main", modules(lay_out(tmp_path)))
    assert not re.search(r"^(import|export)\b", script, re.M)
    (tmp_path / "play.js").write_text(script)
    assert NODE is not None
    done = subprocess.run([NODE, "--check", "play.js"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_each_module_is_used(tmp_path: Path) -> None:
    texts = modules(lay_out(tmp_path))
    imported = {name for text in texts.values() for _, name in IMPORT.findall(text)}
    assert imported | {"main"} == set(texts)


def test_a_module_comes_once_and_after_those_it_needs() -> None:
    texts = {
        "main": 'import { b } from "./b.mjs";\nimport { a } from "./a.mjs";\nconst c = a + b;\n',
        "b": 'import { a } from "./a.mjs";\nexport const b = a;\n',
        "a": "export const a = 1;\n",
    }
    expected = '"use strict";\n(() => {\nconst a = 1;\n\nconst b = a;\n\nconst c = a + b;\n})();\n'
    assert join("main", texts) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('import { a } from "./a.mjs";\nconst a = 2;\n', "More than one module declares a"),
        ('import { a as b } from "./a.mjs";\n', "renames what it imports"),
        ('import * as a from "./a.mjs";\n', "a line that cannot be joined: import"),
        ("export { a };\n", "a line that cannot be joined: export"),
        ("fetch(address);\n", r"would load something: fetch\("),
        ('const a = "https://example.org";\n', "would load something: https:"),
        ('image.src = "//example.org/a.png";\n', "would load something"),
        ('await import("./a.mjs");\n', "would load something"),
    ],
)
def test_what_cannot_be_joined_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        join("main", {"main": text, "a": "export const a = 1;\n"})


def test_modules_that_need_each_other_are_refused() -> None:
    texts = {
        "main": 'import { b } from "./b.mjs";\n',
        "b": 'import { a } from "./main.mjs";\nexport const b = 1;\n',
    }
    with pytest.raises(ValueError, match="import each other: main -> b -> main"):
        join("main", texts)


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_nothing_of_the_page_names_another_host(path: Path) -> None:
    assert not re.search(r"https?:|[\"'(]//|@import|url\((?!#)", path.read_text())

"""The modules of the page that moves, as a test runs them under node."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from symadamax.viewer.page.entry import Entry
from symadamax.viewer.page.markup import FILES, made

__all__ = [
    "DOCS", "NODE", "OBJECTIVES", "ROUGH", "ask", "lay_out", "needs_node",
]  # fmt: skip

DOCS = Path(__file__).parents[1] / "docs"
NODE = shutil.which("node") or shutil.which("nodejs")
needs_node = pytest.mark.skipif(
    NODE is None, reason="there is no node to run the page's JavaScript: apt-get install nodejs"
)

sys.path.append(str(DOCS / "_ext"))
objectives = importlib.import_module("objectives")

OBJECTIVES = {entry.name: entry for entry in objectives.OBJECTIVES}
ROUGH = ("ackley", "rastrigin")  # with the browser's exp and cos


def lay_out(folder: Path, entries: Iterable[Entry] = objectives.OBJECTIVES) -> Path:
    """Return a folder with the modules as node imports them, with those that are generated."""
    for source in FILES.glob("*.mjs"):
        shutil.copy(source, folder)
    for name, text in made(entries).items():
        (folder / f"{name}.mjs").write_text(text)
    return folder


def ask(folder: Path, body: str, given: Any = None) -> Any:
    """Return what the body of a JavaScript function of `given` returns; it may `await import`."""
    assert NODE is not None
    script = (
        'import { readFileSync } from "node:fs";\n'
        f"const answer = async (given) => {{ {body} }};\n"
        'const given = JSON.parse(readFileSync(0, "utf8"));\n'
        "console.log(JSON.stringify((await answer(given)) ?? null));\n"
    )
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", script],
        input=json.dumps(given), capture_output=True, text=True, cwd=folder, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

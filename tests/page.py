"""The modules of the page that moves, as a test runs them under node."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "NODE", "OBJECTIVES", "PLAY", "ROUGH", "ask", "javascript", "lay_out", "needs_node", "scripts",
]  # fmt: skip

DOCS = Path(__file__).parents[1] / "docs"
PLAY = DOCS / "play"
NODE = shutil.which("node") or shutil.which("nodejs")
needs_node = pytest.mark.skipif(
    NODE is None, reason="there is no node to run the page's JavaScript: apt-get install nodejs"
)

sys.path.append(str(DOCS / "_ext"))
javascript, objectives, scripts = map(
    importlib.import_module, ("javascript", "objectives", "scripts")
)

OBJECTIVES = {objective.name: objective for objective in objectives.OBJECTIVES}
ROUGH = ("ackley", "rastrigin")  # with the browser's exp and cos


def lay_out(folder: Path) -> Path:
    """Return a folder with the modules as node imports them, with those that are generated."""
    for source in PLAY.glob("*.mjs"):
        shutil.copy(source, folder)
    (folder / "objectives.mjs").write_text(javascript.module(objectives.OBJECTIVES))
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

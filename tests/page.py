"""The modules of the page that moves, as a test runs them under node, and the library's runs."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symadamax import Adamax, Objective, Record, Result, minimize
from symadamax.viewer.page.entry import Entry
from symadamax.viewer.page.markup import FILES, made

__all__ = [
    "DOCS", "NODE", "OBJECTIVES", "PLACEMENTS", "ROUGH", "RUN", "USUAL", "ask", "by_library",
    "case", "lay_out", "method", "needs_node",
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

PLACEMENTS = ("denominator", "maximum", "none")
SETTINGS = ("learningRate", "beta1", "beta2", "epsilon", "placement")
USUAL = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "placement": "denominator"}
RUN = """
const { OBJECTIVES } = await import("./objectives.mjs");
const { run } = await import("./adamax.mjs");
return given.map(({ name, start, settings, steps, seed }) =>
  run(OBJECTIVES.find((objective) => objective.name === name), start, settings, steps, seed));
"""


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


# ---- runs of the page and of the library ---------------------------------------------------------


def case(name: str, **changed: Any) -> dict[str, Any]:
    """Return a run of the page: its first one, with what is changed."""
    objective = OBJECTIVES[name]
    settings = {"learningRate": objective.learning_rate, **USUAL}
    settings |= {key: changed.pop(key) for key in SETTINGS if key in changed}
    given = {"start": list(objective.start), "steps": objective.steps, "seed": 7, **changed}
    return {"name": name, "settings": settings, **given}


def method(settings: dict[str, Any]) -> Adamax:
    """Return the settings of a page as the library's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # beta1 >= beta2
        return Adamax(*(settings[name] for name in SETTINGS))


def by_library(given: dict[str, Any]) -> Result:
    """Return a run of the page as the compiled core does it, with m and u of each step."""
    objective = OBJECTIVES[given["name"]]
    function: Any = objective.objective
    if objective.noise:
        function = noisy(function, objective.noise, given["seed"])
    return minimize(
        function, given["start"], method=method(given["settings"]), steps=given["steps"],
        record=Record(moments=True),
    )  # fmt: skip


def noisy(objective: Objective, noise: float, state: int) -> Any:
    """Return an objective with the noise of the page, from a seed."""

    def draw(_: int) -> float:
        nonlocal state
        state = 48271 * state % (2**31 - 1)
        return noise * (2 * state / (2**31 - 1) - 1)

    def evaluate(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective.value_and_gradient(point)
        return value, gradient + np.array(list(map(draw, range(len(gradient)))))

    return evaluate

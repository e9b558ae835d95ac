"""Runs in a browser: 200 steps of every objective of the docs are those of the compiled core."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from page import OBJECTIVES, PLACEMENTS, ROUGH, by_library, case
from reader import HTML, Reader
from state import cells, shown

from symadamax.viewer.page.markup import FILES, made
from symadamax.viewer.page.scripts import join

STEPS = 200
CASES = [
    case(name, steps=STEPS, placement=place, epsilon=1e-3 if place == "maximum" else 1e-8)
    for name, place in product(OBJECTIVES, PLACEMENTS)
]
RUN = """
import { run } from "./adamax.mjs";
import { OBJECTIVES } from "./objectives.mjs";

window.runs = (given) => given.map(({ name, start, settings, steps, seed }) =>
  run(OBJECTIVES.find((objective) => objective.name === name), start, settings, steps, seed));
"""


@pytest.fixture(scope="module")
def runs(browser: Any) -> list[dict[str, Any]]:
    """The runs, by the modules of the page as one script, as its build joins them."""
    modules = {path.stem: path.read_text(encoding="utf-8") for path in FILES.glob("*.mjs")}
    script = join("asked", {**modules, "asked": RUN}, data=made(OBJECTIVES.values()))
    with Reader(browser) as reader:
        reader.page.evaluate(script)
        found: list[dict[str, Any]] = reader.page.evaluate("(given) => window.runs(given)", CASES)
        assert reader.errors == []
    return found


@pytest.mark.parametrize(
    "k", range(len(CASES)), ids=[f"{c['name']} {c['settings']['placement']}" for c in CASES]
)
def test_all_rows_are_those_of_the_compiled_core(runs: list[dict[str, Any]], k: int) -> None:
    """Polynomials have its bits; exp and cos are the browser's, and near a kink errors grow."""
    given, rows = CASES[k], runs[k]["rows"]
    history = by_library(given).history
    assert len(rows) == STEPS + 1
    tolerance = 1e-9 if given["name"] in ROUGH else 0.0
    for name, theirs in {"x": history.x, "m": history.m, "u": history.u}.items():
        ours = np.array([row[name] for row in rows])
        scale = tolerance * np.abs(theirs).max(axis=0)  # m passes 0
        assert (np.abs(ours - theirs) <= scale).all(), name


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_page_shows_the_row_of_the_compiled_core(guest: Reader, site: Any, name: str) -> None:
    page = guest.open(HTML / "play.html", f"#f={name}&steps={STEPS}&step={STEPS}&seed=7")
    history = by_library(case(name, steps=STEPS)).history
    found = cells(page)
    for quantity, rows in {"x": history.x, "m": history.m, "u": history.u}.items():
        assert found[quantity][: rows.shape[1]] == [shown(value) for value in rows[-1]]
    assert guest.errors == []

"""The page that moves: its links, the program that it writes, levels and numbers."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page import DOCS, OBJECTIVES, ROUGH, ask, lay_out, needs_node

from symadamax import Adamax
from symadamax.viewer.landscape import levels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("play"))


# ---- links and the program ----------------------------------------------------------------------

READ = """
const { read, write } = await import("./state.mjs");
return given.map((text) => { const { state, refused } = read(text); return { state, refused, again: read(write(state)) }; });
"""  # noqa: E501


def presets() -> list[str]:
    return re.findall(r'<a href="(#[^"]+)"', html.unescape((DOCS / "play.md").read_text()))


@needs_node
def test_the_links_of_the_page_are_read_whole_and_written_again(folder: Path) -> None:
    links = presets()
    assert len(links) >= 5
    for link, answer in zip(links, ask(folder, READ, links), strict=True):
        assert answer["refused"] == [], link
        assert answer["again"] == {"state": answer["state"], "refused": []}
        for part in link.removeprefix("#").split("&"):
            key, _, value = part.partition("=")
            found = answer["state"][{"f": "objective"}.get(key, key)]
            assert texts(found) == value.split(","), part


def texts(value: Any) -> list[str]:
    """Return the texts of a part of the state, numbers as JavaScript writes them."""
    values = list(value.values()) if isinstance(value, dict) else value
    values = values if isinstance(values, list) else [values]
    return [javascript_text(each) for each in values]


def javascript_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return re.sub(r"e([+-])0", r"e\1", str(value)).replace("1e+100", "1e100")


REFUSED = (
    ("#f=nowhere", "There is no objective nowhere."),
    ("#f=bowl&start=1", "start is 1; accepted are 2 numbers."),
    ("#f=bowl&start=1,nan", "start is nan; accepted is a finite number for each unknown."),
    ("#f=bowl&a=0,0.9,0.999,0,none", "learning_rate is 0; accepted is a finite number > 0."),
    ("#f=bowl&b=1,1,0.999,0,none", "beta1 is 1; accepted is a number in [0, 1)."),
    ("#f=bowl&a=1,0.9", "beta2 is empty; accepted is a number in [0, 1)."),
    ("#f=bowl&a=1,0,0,0,inside", "epsilon_placement is inside; accepted are denominator,"),
    ("#f=bowl&steps=1.5", "steps is 1.5; accepted is a whole number from 1 to 5000."),
    ("#f=bowl&seed=0", "seed is 0; accepted is a whole number from 1 to 2147483646."),
    ("#f=cubic&unknown=1", "unknown is 1; accepted are 0."),
    ("#f=bowl&view=0,0,0", "view is 0,0,0; accepted is the middle of the map"),
    ("#f=bowl&constructor=1", "A link has no constructor."),
    ("#f=bowl&run=%", "run is %; accepted are a, b."),
)


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, Any]:
    links = [link for link, _ in REFUSED]
    return dict(zip(links, ask(folder, READ, [f"{link}&step=9" for link in links]), strict=True))


@needs_node
@pytest.mark.parametrize(("link", "sentence"), REFUSED)
def test_what_a_link_says_wrongly_is_refused_and_the_rest_is_read(
    answers: dict[str, Any], link: str, sentence: str
) -> None:
    answer = answers[link]
    (refused,) = answer["refused"]
    assert refused.startswith(sentence)
    assert answer["again"]["refused"] == []
    assert answer["state"]["step"] == (40 if link == "#f=nowhere" else 9)


PROGRAM = """
const { OBJECTIVES } = await import("./objectives.mjs");
const { run } = await import("./adamax.mjs");
const { program } = await import("./code.mjs");
const { read, objectiveOf } = await import("./state.mjs");
return given.map((link) => {
  const { state } = read(link);
  const rows = (name) => run(objectiveOf(state), state.start, state[name], state.steps, state.seed).rows;
  return { code: program(state), a: rows("a"), b: rows("b") };
});
"""  # noqa: E501


@needs_node
def test_the_program_gives_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    links = [f"#f={name}&both=1&steps=200&b=0.03,0.5,0.999,1e-3,maximum" for name in OBJECTIVES]
    for name, answer in zip(OBJECTIVES, ask(folder, PROGRAM, links), strict=True):
        names: dict[str, Any] = {}
        exec(compile(answer["code"], name, "exec"), names)
        tolerance = 1e-12 if name in ROUGH else 0.0
        for run in ("a", "b"):
            x = np.array([row["x"] for row in answer[run]])
            history = names[f"result_{run}"].history
            np.testing.assert_allclose(x, history.x, rtol=tolerance, atol=tolerance)
    assert capsys.readouterr().out.count("All 200 steps are done.") == 2 * len(OBJECTIVES)


@needs_node
def test_the_program_of_one_run_has_its_settings(folder: Path) -> None:
    link = "#f=bowl&run=b&b=0.25,0.5,0.75,1e-5,none&start=-1.5,2&steps=77"
    (answer,) = ask(folder, PROGRAM, [link])
    names: dict[str, Any] = {}
    exec(answer["code"], names)
    result = names["result"]
    assert result.method == Adamax(0.25, 0.5, 0.75, 1e-5, "none")
    assert result.history.x[0].tolist() == [-1.5, 2]
    assert result.nit == 77


# ---- drawing ------------------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize(("name", "tolerance"), [("bowl", 1e-12), ("rosenbrock", 0.05)])
def test_levels_are_those_of_the_librarys_pictures(
    folder: Path, name: str, tolerance: float
) -> None:
    body = f"""
    const {{ OBJECTIVES }} = await import("./objectives.mjs");
    const {{ sample, scale }} = await import("./contours.mjs");
    const objective = OBJECTIVES.find(({{ name }}) => name === "{name}");
    const sampled = sample(objective, [...objective.centre, objective.radius], 64);
    const {{ levels, band }} = scale(sampled);
    return {{ levels, bands: levels.map(band), values: [...sampled.values] }};
    """
    shown = ask(folder, body)
    values = np.array(shown["values"])
    np.testing.assert_allclose(
        shown["levels"], levels(np.ma.array(values - values.min())), rtol=tolerance
    )
    np.testing.assert_allclose(shown["bands"], np.arange(16), atol=1e-9)


@needs_node
def test_a_map_has_its_aspect_and_its_floor(folder: Path) -> None:
    body = """
    const { sample } = await import("./contours.mjs");
    const objective = { value: ([x, y]) => x + 1000 * y, aspect: 0.01, floor: 3 };
    const { values, low, high } = sample(objective, [1, 2, 1], 4);
    return { values: [...values], low, high };
    """
    shown = ask(folder, body)
    x, y = np.meshgrid(
        1 + np.array([-0.75, -0.25, 0.25, 0.75]), 2 + 0.01 * np.array([0.75, 0.25, -0.25, -0.75])
    )
    np.testing.assert_allclose(shown["values"], (x + 1000 * y).ravel(), rtol=1e-14)
    floored = ask(folder, body.replace("x + 1000 * y", "x - 1"))
    assert (floored["low"], floored["high"]) == (3, 3)


@needs_node
def test_the_first_run_is_known_by_its_start_steps_and_settings(folder: Path) -> None:
    body = """
    const { OBJECTIVES } = await import("./objectives.mjs");
    const { initial, isFirst, read, write } = await import("./state.mjs");
    const [objective] = OBJECTIVES;
    return given.map((link) => isFirst(read(link || write(initial(objective))).state, objective));
    """
    links = ["", "#f=bowl&step=3&run=b&b=1,0,0,0,none", "#f=bowl&steps=7", "#f=bowl&start=1,1e-9",
             "#f=bowl&a=0.01,0.9,0.999,1e-8,maximum"]  # fmt: skip
    assert ask(folder, body, links) == [True, True, False, False, False]


@needs_node
def test_numbers_are_written_for_people(folder: Path) -> None:
    body = """
    const { shown, ticks, decades, raised } = await import("./numbers.mjs");
    const texts = (found) => found.map(({ text }) => text).join(" ");
    return [shown(-0.57735026), shown(1e-8), shown(1234567), shown(NaN), raised(-12),
            texts(ticks(-1, 1, 4)), texts(ticks(0, 3, 5, 1)), texts(ticks(0.001, 0.0021, 3)),
            texts(decades(0.003, 200, 9)), texts(ticks(2999980, 2999999, 2)),
            texts(ticks(1e300, 1e300 + 1e-300, 3)), texts(ticks(1, 1, 3))];
    """
    assert ask(folder, body) == [
        "−0.57735", "1e−8", "1.23457e6", "NaN", "⁻¹²",
        "−1.0 −0.5 0.0 0.5 1.0", "0 1 2 3", "0.0010 0.0015 0.0020",
        "10⁻² 10⁻¹ 10⁰ 10¹ 10²", "2.99998e6 2.99999e6", "", "",
    ]  # fmt: skip

"""The page that moves, as a reader uses it: by pointer, by keyboard, and by what it copies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from reader import HTML, Reader
from state import cells, field, path_of, shown, steps_taken

import symadamax as sx


@pytest.fixture(scope="module")
def owner(browser: Any, site: Any) -> Iterator[Reader]:
    with Reader(browser, permissions=["clipboard-read", "clipboard-write"]) as one:
        yield one


@pytest.fixture
def page(owner: Reader) -> Iterator[Any]:
    """The page as it opens; what goes wrong in it fails the test."""
    owner.errors.clear()
    owner.page.goto("about:blank")  # a change of the hash alone opens nothing
    yield owner.open(HTML / "play.html")
    assert owner.errors == []


def opened(page: Any, hash: str) -> None:
    page.goto("about:blank")
    page.goto((HTML / "play.html").as_uri() + hash)
    page.wait_for_function("() => document.querySelector('#play-count').textContent")


# ---- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["learningRate", "beta1", "beta2", "epsilon"])
def test_a_slider_changes_the_path_and_the_numbers(page: Any, name: str) -> None:
    opened(page, "#f=rosenbrock&step=200")
    slider, before = page.locator(f"#play-{name}-slider"), (path_of(page), cells(page))
    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    assert float(field(page, name)) != {"learningRate": 0.1, "beta1": 0.9, "beta2": 0.999}.get(
        name, 1e-8
    )
    after = (path_of(page), cells(page))
    if name != "epsilon":  # which is nothing beside this weight
        assert after[0] != before[0]
        assert after[1]["x"] != before[1]["x"]
    assert f"={field(page, name)}" in page.locator("#play-code").inner_text()


def test_the_numbers_are_those_of_the_library(page: Any) -> None:
    opened(page, "#f=rosenbrock&step=250&a=0.05,0.8,0.99,1e-6,maximum&start=-1,2")
    names: dict[str, Any] = {}
    exec(page.locator("#play-code").inner_text(), names)
    history = sx.minimize(
        names["objective"], [-1, 2], method=names["result"].method, steps=250,
        record=sx.Record(moments=True),
    ).history  # fmt: skip
    found = cells(page)
    for name, rows in {"x": history.x, "m": history.m, "u": history.u}.items():
        assert found[name] == [shown(value) for value in rows[-1]]
    assert found["before"] == [shown(value) for value in history.x[-2]]


def test_a_setting_that_cannot_be_used_is_refused_beside_it(page: Any) -> None:
    before = path_of(page)
    page.locator("#play-beta1").fill("1.5")
    assert page.locator("#play-error").inner_text().startswith("beta1 is 1.5; accepted is")
    assert page.locator("#play-beta1").get_attribute("aria-invalid") == "true"
    assert path_of(page) == before


def test_a_click_on_the_map_moves_the_start(page: Any) -> None:
    box = page.locator("#play-contours").bounding_box()
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    start = [float(field(page, f"start-{k}")) for k in range(2)]
    assert start != [1.0, 0.0]
    assert f"start={{x: {start[0]:g}, y: {start[1]:g}}}" in page.locator("#play-code").inner_text()


@pytest.mark.parametrize("name", ["cubic", "himmelblau", "ackley", "noisy"])
def test_every_kind_of_objective_is_drawn(page: Any, name: str) -> None:
    page.locator("#play-objective").select_option(name)
    assert path_of(page).count("L") > 20
    formula = page.locator(f'[data-formula="{name}"]')
    assert formula.is_visible()
    assert page.locator("[data-formula]:visible").count() == 1
    assert page.locator("#play-start-1").is_visible() == (name != "cubic")
    assert page.locator("#play-seed").is_visible() == (name == "noisy")


def test_two_runs_are_shown_side_by_side(page: Any) -> None:
    page.get_by_label("show both runs").check()
    assert page.locator("#play-contours .ahead").count() == 2
    assert "result_b = sx.minimize(" in page.locator("#play-code").inner_text()


def test_the_links_below_the_page_set_it(page: Any) -> None:
    links = page.locator('article a[href^="#f="]')
    assert links.count() >= 5
    for k in range(links.count()):
        links.nth(k).click()
        wanted = re.search(r"step=(\d+)", links.nth(k).get_attribute("href"))
        page.wait_for_function("() => scrollY < 400")
        assert page.locator("#play-refused").inner_text() == ""
        assert steps_taken(page)[0] == int(wanted[1] if wanted else 40)


# ---- time ---------------------------------------------------------------------------------------


def test_it_plays_and_stops(page: Any) -> None:
    page.locator("#play-play").click()
    page.wait_for_function("() => parseInt(document.querySelector('#play-count').textContent) > 45")
    page.locator("#play-play").click()
    rests, _ = steps_taken(page)
    page.wait_for_timeout(150)
    assert steps_taken(page)[0] == rests


# ---- what it copies -----------------------------------------------------------------------------


def test_the_copied_program_gives_the_numbers_of_the_page(page: Any) -> None:
    opened(page, "#f=himmelblau&start=1,-2&a=0.03,0.7,0.99,1e-8,none&steps=150&step=150")
    page.locator("#play-copy-code").click()
    page.get_by_role("button", name="Copied").wait_for()
    names: dict[str, Any] = {}
    exec(page.evaluate("() => navigator.clipboard.readText()"), names)
    result = names["result"]
    assert cells(page)["x"] == [shown(value) for value in result.x]
    assert f"value is {shown(result.fun)}" in page.locator(".play-table caption").inner_text()
    np.testing.assert_array_equal(result.history.x[0], [1, -2])


def test_the_copied_link_opens_the_same_page(page: Any) -> None:
    opened(page, "#f=beale&start=0.5,0.25&a=0.2,0.5,0.9,1e-3,maximum&steps=300&step=77&both=1")
    page.locator("#play-copy-link").click()
    page.get_by_role("button", name="Copied").wait_for()
    link, seen = page.evaluate("() => navigator.clipboard.readText()"), (path_of(page), cells(page))
    page.goto("about:blank")
    page.goto(link)
    assert (path_of(page), cells(page)) == seen
    assert steps_taken(page) == (77, 300)
    assert page.locator("#play-refused").inner_text() == ""


# ---- without a pointer --------------------------------------------------------------------------

CONTROLS = {
    "play-objective", "play-start-0", "play-start-1", "play-steps", "play-map", "play-zoom-in",
    "play-zoom-out", "play-whole", "play-both", "play-learningRate-slider", "play-learningRate",
    "play-beta1-slider", "play-beta1", "play-beta2-slider", "play-beta2", "play-epsilon-slider",
    "play-epsilon", "play-placement", "play-copy-link", "play-reset", "play-first", "play-back",
    "play-play", "play-forward", "play-last", "play-step", "play-copy-code", "run", "speed",
    "unknown", "scope", "scale",
}  # fmt: skip


def test_the_tabulator_reaches_every_control_and_shows_where_it_is(page: Any) -> None:
    page.locator("#play-objective").focus()
    reached, hidden = [], []
    for _ in range(45):
        name, outlined = page.evaluate(
            """() => {
              const e = document.activeElement;
              const seen = e.type === "radio" ? e.nextElementSibling : e;
              return [e.id || e.name || e.tagName, getComputedStyle(seen).outlineStyle !== "none"];
            }"""
        )
        reached.append(name)
        if not outlined:
            hidden.append(name)
        page.keyboard.press("Tab")
    assert set(reached) >= CONTROLS
    assert [name for name in hidden if name in CONTROLS] == []


def test_the_keyboard_alone_plays_steps_and_moves_the_start(page: Any) -> None:
    page.locator("#play-map").focus()
    page.keyboard.press("Space")
    assert page.locator("#play-play").get_attribute("aria-label") == "Pause"
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    assert float(field(page, "start-0")) > 1
    page.locator("#play-step").focus()
    before, _ = steps_taken(page)
    page.keyboard.press("ArrowRight")
    assert steps_taken(page)[0] == before + 1
    page.locator("#play-back").focus()
    page.keyboard.press("Enter")
    assert steps_taken(page)[0] == before
    page.get_by_role("radio", name="log", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("radio", name="linear").is_checked()


def test_what_moves_is_told_to_those_who_listen(page: Any) -> None:
    page.locator("#play-forward").click()
    told = page.locator("#play-spoken")
    page.wait_for_function("() => document.querySelector('#play-spoken').textContent")
    assert re.match(r"Step 41\. x = [\d.]+, y = −[\d.]+, value −[\d.]+\.", told.text_content())

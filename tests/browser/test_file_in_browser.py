"""The file of a run in a browser: whole, closed, and with the numbers of the library."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from reader import FACTS, WIDTHS, Reader
from state import cells, path_of, shown, steps_taken

import symadamax as sx

x, y = sp.symbols("x y")
VALLEY = 100 * (y - x**2) ** 2 + (1 - x) ** 2
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def written(folder: Path, expression: Any = VALLEY, start: Any = (-1.2, 1), **options: Any) -> Any:
    """Return a result and the file of its run."""
    chosen = {"method": sx.Adamax(0.02), "steps": 400, "record": 1, **options}
    result = sx.minimize(expression, start, **chosen)
    return result, result.to_html(folder / "run.html")


RUNS: dict[str, Any] = {
    "two unknowns": {},
    "one unknown": {"expression": x - x**3, "start": [-1]},
    "other scales": {"expression": x**2 / 1e8 + sp.exp(y**2), "start": [2e4, 0.01]},
    "a pole": {"expression": x**2 - sp.log(sp.Abs(y)) + y, "start": [1, 2]},
    "choices": {"expression": sp.Piecewise((x**2, x < y), (sp.Abs(x), True)) + sp.Max(x, y) ** 2},
    "names": {
        "expression": sp.Symbol("lambda") ** 2 + sp.Symbol("constructor") ** 4,
        "start": [1, 1],
    },
    "letters": {"expression": (sp.Symbol("θ") - 1) ** 2 + sp.Symbol("变 量") ** 2, "start": [2, 1]},
    "parameters": {
        "expression": sp.Symbol("k") * (x - 2) ** 2 + sp.exp(-sp.Symbol("k") * x) * y**2,
        "parameters": {"k": 0.37},
    },
    "not finite": {"expression": x + sp.log(y), "start": [1, 0.03]},
    "constant": {"expression": 0 * x + sp.Heaviside(x), "start": [1]},
}


@pytest.mark.parametrize("name", RUNS)
def test_a_file_is_drawn_without_an_error(guest: Reader, tmp_path: Path, name: str) -> None:
    result, path = written(tmp_path, **RUNS[name])
    page = guest.open(path)
    facts = page.evaluate(FACTS)
    assert (facts["wrong"], facts["links"], guest.errors) == ([], [], [])
    assert facts["formulas"] > 10
    assert cells(page)["x"][: len(result.x)] == [shown(value) for value in result.x]
    assert path_of(page).startswith("M")
    guest.picture(f"run of {name}")


FILLED = """() => [...document.querySelectorAll(".play-filled")].filter((e) => e.checkVisibility())
  .map((e) => [e.textContent, e.parentElement.querySelector("b").textContent,
    [...e.querySelectorAll(".wins")].map((wins) => wins.textContent)])"""


@pytest.mark.parametrize("placement", ["none", "denominator", "maximum"])
def test_the_equations_with_their_numbers_are_true(
    guest: Reader, tmp_path: Path, placement: str
) -> None:
    """Each right side is computed anew from what stands there; its numbers have five digits."""
    _, path = written(tmp_path, method=sx.Adamax(0.02, 0.5, 0.75, 0.25, placement))
    page = guest.open(path)
    for step, unknown in product((1, 7, 400), ("x", "y")):
        page.locator("#play-step").fill(str(step))
        page.get_by_role("radio", name=unknown, exact=True).check(force=True)
        equations = page.evaluate(FILLED)
        assert len(equations) == 4
        for right, value, wins in equations:
            found = value_of(right.removeprefix("= "))
            largest = max(map(value_of, re.findall(r"[\d.]+(?:e−?\d+)?", right)))
            assert found == pytest.approx(value_of(value), rel=1e-4, abs=1e-4 * largest)
            assert [value_of(each) for each in wins] == ([found] if "max" in right else [])
    assert guest.errors == []


def value_of(text: str) -> float:
    """Return the value of what a page shows."""
    python = text.translate({0x2212: "-", 0xB7: "*", ord("^"): "**"})
    sizes = re.sub(r"\|([^|]*)\|", r"abs(\1)", python)
    return float(eval(sizes, {"__builtins__": {}, "abs": abs, "max": max}))


def test_it_does_not_scroll_sideways(guest: Reader, tmp_path: Path) -> None:
    _, path = written(tmp_path, x**2 + sp.Symbol("a_name_that_is_rather_long") ** 2, [1, 1])
    page = guest.open(path)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("() => document.scrollingElement.scrollWidth") <= width
        for box in page.locator(".play-table, .play-choice label, .play-field").all():
            place = box.bounding_box()
            assert place is None or place["x"] + place["width"] <= width
    guest.picture("run on a telephone")


def test_it_follows_the_scheme_of_its_reader(browser: Any, tmp_path: Path) -> None:
    _, path = written(tmp_path)
    grounds = []
    for scheme in ("light", "dark"):
        with Reader(browser, color_scheme=scheme) as reader:
            ground = "() => getComputedStyle(document.body).backgroundColor"
            grounds.append(reader.open(path).evaluate(ground))
            reader.picture(f"run, {scheme}")
    assert grounds == ["rgb(255, 255, 255)", "rgb(17, 20, 24)"]


def test_a_name_is_never_run(guest: Reader, tmp_path: Path) -> None:
    expression = sp.Symbol(EVIL) ** 2 + sp.Symbol("__proto__") ** 2
    result, path = written(tmp_path, expression, [1, 1])
    page = guest.open(path)
    guest.picture("run of strange names")
    assert guest.errors == []
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert "</script><script>alert(1)" in page.locator("#play-code").inner_text()
    names: dict[str, Any] = {}
    exec(page.locator("#play-code").inner_text(), names)
    np.testing.assert_array_equal(names["result"].x, result.x)


def test_what_were_to_slip_in_could_do_nothing(guest: Reader, tmp_path: Path) -> None:
    """The policy of the file refuses scripts that are not its own, and every address."""
    _, path = written(tmp_path)
    page = guest.open(path)
    page.evaluate(
        """() => {
          document.body.insertAdjacentHTML("beforeend",
            `<img src="https://example.org/a.png" onerror="window.run = 1">
             <svg onload="window.run = 2"></svg>`);
          const script = document.createElement("script");
          script.textContent = "window.run = 3";
          document.body.append(script);
          return new Promise((done) => setTimeout(done, 100));
        }"""
    )
    assert page.evaluate("() => window.run") is None
    assert guest.errors
    assert all(
        "Content Security Policy" in error or "example.org" in error for error in guest.errors
    )
    assert not [error for error in guest.errors if error.startswith("asked the network")]


def test_the_copied_program_gives_the_numbers(browser: Any, tmp_path: Path) -> None:
    expression = sp.Symbol("k") * sp.cosh(x - y) + sp.Rational(1, 3) * y**2
    result, path = written(tmp_path, expression, [1, -2], parameters={"k": 0.7})
    with Reader(browser, permissions=["clipboard-read", "clipboard-write"]) as reader:
        page = reader.open(path)
        page.locator("#play-copy-code").click()
        page.get_by_role("button", name="Copied").wait_for()
        names: dict[str, Any] = {}
        exec(page.evaluate("() => navigator.clipboard.readText()"), names)
        np.testing.assert_array_equal(names["result"].history.x, result.history.x)


def test_it_can_be_stepped_and_changed(guest: Reader, tmp_path: Path) -> None:
    result, path = written(tmp_path)
    page = guest.open(path)
    assert steps_taken(page) == (400, 400)
    page.locator("#play-first").click()
    page.locator("#play-forward").click()
    assert cells(page)["x"] == [shown(value) for value in result.history.x[1]]
    before = path_of(page)
    page.locator("#play-learningRate").fill("0.1")
    assert path_of(page) != before
    page.locator("#play-reset").click()
    assert path_of(page) == before


def test_a_run_that_ends_elsewhere_in_the_browser_says_so(guest: Reader, tmp_path: Path) -> None:
    expression = sp.exp(sp.cos(3 * x) * sp.sin(2 * y)) + x**2 / 10 + y**2 / 10
    options = {"method": sx.Adamax(0.3, 0.5, 0.7), "steps": 3000}
    result, path = written(tmp_path, expression, [3, 2], **options)
    page = guest.open(path)
    told = page.locator("#play-message")
    ended = ", ".join(f"{n} = {shown(v, 6)}" for n, v in zip("xy", result.x, strict=True))
    assert f"In the library this run ends at {ended}" in told.inner_text()
    page.locator("#play-steps").fill("20")
    assert told.inner_text() == "All 20 steps are done."


def test_without_javascript_it_says_what_it_needs(browser: Any, tmp_path: Path) -> None:
    _, path = written(tmp_path)
    with Reader(browser, java_script_enabled=False) as reader:
        reader.page.goto(path.as_uri())
        assert reader.page.locator("noscript p").is_visible()
        assert not reader.page.locator("#play-map").is_visible()
        assert reader.errors == []

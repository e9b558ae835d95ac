"""What a page that moves shows, as text and numbers."""

from __future__ import annotations

from typing import Any

__all__ = ["cells", "field", "path_of", "shown", "steps_taken"]


def path_of(page: Any) -> str:
    """Return the data of the whole path of the chosen run on the map."""
    return str(
        page.locator(".play-map svg:not([hidden]) .ahead path:not(.rim)").first.get_attribute("d")
    )


def cells(page: Any) -> dict[str, list[str]]:
    """Return the table of the step: a text for each unknown, by quantity."""
    found: dict[str, list[str]] = page.evaluate(
        """() => {
          const found = {};
          for (const { dataset, textContent } of document.querySelectorAll("td[data-cell]")) {
            (found[dataset.cell] ??= []).push(textContent);
          }
          return found;
        }"""
    )
    return found


def field(page: Any, name: str) -> str:
    """Return what stands in a field."""
    return str(page.locator(f"#play-{name}").input_value())


def steps_taken(page: Any) -> tuple[int, int]:
    """Return the step that is shown, and how many there are."""
    now, most = page.locator("#play-count").inner_text().split(" / ")
    return int(now), int(most)


def shown(value: float, digits: int = 8) -> str:
    """Return a number as the page writes it, which is `shown` in numbers.mjs."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}".replace("-", "−")
    number, power = f"{value:.{digits - 1}e}".split("e")
    number = number.rstrip("0").rstrip(".")
    return f"{number}e{int(power)}".replace("-", "−")

"""Text that stands out too little from its ground, by the measure of WCAG 2.

Not on the page that moves, where text stands on what is drawn.
"""

from __future__ import annotations

from typing import Any

__all__ = ["faint"]

# The ratio of two luminances; large text, and text that is bold and nearly large, may have 3.
FAINT = """
() => {
  const read = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const over = ({ channels, alpha }, below) =>
    channels.map((channel, k) => channel * alpha + below[k] * (1 - alpha));
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((channel) => {
      const share = channel / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    const below = element.parentElement ? ground(element.parentElement) : [255, 255, 255];
    return over(read(getComputedStyle(element).backgroundColor), below);
  };
  const seen = (element) =>
    element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) &&
    !element.closest("svg, canvas, script, style, option, .play");
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (texts.nextNode()) {
    const { data, parentElement: element } = texts.currentNode;
    if (!data.trim() || !seen(element)) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const below = ground(element);
    const [dark, light] = [over(read(color), below), below].map(luminance).sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05), size = parseFloat(fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`${ratio.toFixed(2)}: ${data.trim().slice(0, 40)}`);
  }
  return [...found];
}
"""


def faint(page: Any, scheme: str) -> list[str]:
    """Return the texts of a page that are hard to read in light or in dark, badges opened."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    found: list[str] = page.evaluate(FAINT)
    return found

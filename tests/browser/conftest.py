"""Debian's Chromium without a network, and the built pages in it; skipped where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from reader import CHROMIUM, HTML, Reader


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser without a window, one for all tests."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="there is no Playwright: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


@pytest.fixture(scope="session")
def site() -> Any:
    """The folder of the built docs."""
    if not (HTML / "index.html").exists():
        pytest.skip("the docs are not built: python -m sphinx -b html docs docs/_build/html")
    return HTML


@pytest.fixture(scope="session")
def reader(browser: Any, site: Any) -> Iterator[Reader]:
    """A reader of the built docs."""
    with Reader(browser) as one:
        yield one


@pytest.fixture
def guest(browser: Any) -> Iterator[Reader]:
    """A reader with nothing kept of what others did."""
    with Reader(browser) as one:
        yield one

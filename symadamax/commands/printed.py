"""Printed: what a command shows, as JSON or as a table, and what is said of a picture."""

from __future__ import annotations

import json
import math
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["by_name", "columns", "dumped", "finite", "listed", "say_written"]


def dumped(content: Mapping[str, Any]) -> str:
    """Return the text of a JSON document, which has no NaN and no infinity."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def finite(value: Any) -> float | None:
    """Return a number that JSON has; it has no NaN and no infinity."""
    return float(value) if math.isfinite(value) else None


def listed(values: Any) -> list[float | None]:
    """Return numbers that JSON has."""
    return [finite(value) for value in values]


def by_name(names: Iterable[str], values: Any) -> dict[str, float | None]:
    """Return numbers by name, as JSON has them."""
    return dict(zip(names, listed(values), strict=True))


def columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Return rows of cells as lines; of each column `sides` says how it is aligned, < or >.

    Examples
    --------
    >>> columns([("a", "1"), ("bc", "10")], "<>")
    ['a    1', 'bc  10']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    forms = [f"{side}{width}" for side, width in zip(sides, widths, strict=True)]
    return ["  ".join(map(format, row, forms)).rstrip() for row in rows]


def say_written(path: str, options: Namespace) -> None:
    """Say where a picture is, on stderr where JSON is printed."""
    print(f"Written: {path}", file=sys.stderr if options.json else sys.stdout)

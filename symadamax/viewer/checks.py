"""Arguments of the pictures: each is returned in its one form, or refused with a sentence."""

from __future__ import annotations

import math
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from symadamax.errors import InputError

__all__ = ["check_frames", "check_interval", "check_path", "check_size"]

# A GIF is kept in memory, one byte a pixel, until its last frame is known.
PIXELS_IN_MEMORY = 10**9


def check_path(path: Any, endings: tuple[str, ...]) -> Path:
    """Return the path of a file that can be written and has one of these endings."""
    if not isinstance(path, str | PathLike) or not isinstance(fspath(path), str):
        raise InputError(f"path must be a text or a pathlib.Path, not {path!r}.")
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target} is a folder: give the name of a file inside it.")
    if target.suffix.lower() not in endings:
        accepted = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
        raise InputError(f"The file must end in {accepted}: {target.name!r} does not.")
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent}: make it first, or write elsewhere.")
    return target


def check_size(size: Any, *, limit: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) in pixels, between 200 and the limit and of no extreme shape."""
    whole = isinstance(size, tuple | list) and len(size) == 2 and all(map(_is_whole, size))
    inside = whole and 200 <= size[0] <= limit[0] and 200 <= size[1] <= limit[1]
    if not inside or max(size) > 3 * min(size):
        raise InputError(
            f"size is (width, height) in pixels, from 200 by 200 to {limit[0]} by {limit[1]}, and "
            f"no side is more than three times the other: {size!r} was given."
        )
    return int(size[0]), int(size[1])


def check_frames(frames: Any, pixels: int) -> int:
    """Return the number of frames, at least 2 and no more than memory is meant to hold."""
    most = PIXELS_IN_MEMORY // pixels
    if not _is_whole(frames) or not 2 <= frames <= most:
        raise InputError(
            f"frames is a whole number from 2 to {most} at this size: {frames!r} was given."
        )
    return int(frames)


def check_interval(interval: Any, path: Path) -> float:
    """Return the milliseconds between two frames, which a GIF counts in steps of ten."""
    if not _is_real(interval) or not 10 <= interval <= 10_000:
        raise InputError(f"interval is 10 to 10,000 milliseconds: {interval!r} was given.")
    if path.suffix.lower() == ".gif" and interval % 10:
        raise InputError(
            f"A GIF counts time in steps of 10 milliseconds: interval={interval} cannot be kept. "
            f"Give {round(interval / 10) * 10}, or write an .mp4."
        )
    return float(interval)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)

"""Frames to a file: a GIF with one palette, or an MP4 through ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from symadamax.errors import InputError, MissingDependencyError
from symadamax.viewer.animation import Film
from symadamax.viewer.palette import Palette

__all__ = ["WRITERS"]


def write_gif(film: Film, path: Path, interval: float) -> None:
    """Write a GIF that repeats for ever; a frame like the one before makes that one longer."""
    keys = (0, len(film) // 2, len(film) - 1)
    palette = Palette([film.frame(index).copy() for index in keys])
    images = map(palette.image, film)
    next(images).save(
        path,
        format="GIF",
        save_all=True,
        append_images=images,
        palette=palette.table,
        optimize=True,
        duration=interval,
        loop=0,
    )


def write_mp4(film: Film, path: Path, interval: float) -> None:
    """Write an MP4 by handing the frames to ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise MissingDependencyError(
            "An .mp4 needs the program ffmpeg, which is not on the PATH. Install it (on Debian or "
            "Ubuntu: apt install ffmpeg), or give a path that ends in .gif."
        )
    command = [program, *_ffmpeg_options(film.size, interval), str(path.resolve())]
    with TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints)
        with process, suppress(BrokenPipeError):
            _feed(film, process)
        if process.returncode:
            complaints.seek(0)
            reason = complaints.read().decode(errors="replace").strip()
            raise InputError(f"ffmpeg could not write {path}: {reason or 'it gave no reason'}")


def _feed(film: Film, process: subprocess.Popen[bytes]) -> None:
    """Write every frame to ffmpeg; whatever stops us stops it as well."""
    assert process.stdin is not None
    try:
        for frame in film:
            process.stdin.write(frame.tobytes())
    except BaseException:
        process.kill()
        raise


def _ffmpeg_options(size: tuple[int, int], interval: float) -> list[str]:
    width, height = size
    source = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{width}x{height}"]
    rate = ["-r", f"{1000 / interval:.6f}"]
    # The colour format that every player shows wants even sides.
    even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-pix_fmt", "yuv420p"]
    return [
        "-y",
        "-loglevel",
        "error",
        *source,
        *rate,
        "-i",
        "-",
        "-an",
        *even,
        "-movflags",
        "+faststart",
    ]


# The endings that `animate` accepts, each with what writes it.
WRITERS: dict[str, Callable[[Film, Path, float], None]] = {".gif": write_gif, ".mp4": write_mp4}

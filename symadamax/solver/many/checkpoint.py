"""Checkpoint: finished blocks in a file, from which the same call goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symadamax.errors import InputError
from symadamax.solver.many.archive import read, refused, write
from symadamax.solver.many.block import Block
from symadamax.solver.many.collect import All, Best, Keeping
from symadamax.solver.many.conduct import Sink

__all__ = ["Checkpoint", "checkpoint_path"]

PERIOD = 5.0  # seconds between two writes, at least
SHARE = 20  # times as long as the last write has taken


def checkpoint_path(given: Any) -> Path:
    """Return the path of a file in a folder that is there, or refuse it."""
    if not isinstance(given, (str, os.PathLike)):
        raise InputError(f"checkpoint is {given!r}; accepted is the path of a file, or None.")
    path = Path(given)
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise InputError(f"The checkpoint {path} {what}; give the path of a file.")
    return path


class Checkpoint:
    """What stands before a sink, and writes what was finished from the first block on.

    A block that was not finished, or comes behind one that is missing, ends the writing, since what
    is kept then holds more than can be gone on from.

    Parameters
    ----------
    path : Path
    fingerprint : str
    kept : All or Best
    sink : Sink
        It takes what `kept` keeps.
    blocks : sequence of (int, int)
    """

    def __init__(
        self, path: Path, fingerprint: str, kept: All | Best, sink: Sink,
        blocks: Sequence[tuple[int, int]],
    ) -> None:  # fmt: skip
        self.path, self.fingerprint = path, fingerprint
        self.kept, self.sink, self.blocks = kept, sink, blocks
        self.done = self.written = 0
        self.complete = True
        self.last, self.cost = time.monotonic(), 0.0

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.write()

    def restore(self) -> int:
        """Take from the file what is there, and return how many blocks are done.

        Raises
        ------
        InputError
            When the file is of another task, or damaged.
        """
        try:
            done, arrays = read(self.path, self.fingerprint, self.kept.saved(0))
        except FileNotFoundError:
            return 0
        try:
            if done > len(self.blocks):
                raise ValueError("it has more blocks than there are")
            self.kept.restore(arrays, self.rows(done))
        except (ValueError, KeyError) as error:
            raise refused(self.path, error) from error
        self.done = self.written = done
        return done

    def rows(self, blocks: int) -> int:
        """Return how many runs the first blocks have."""
        return self.blocks[blocks - 1][1] if blocks else 0

    @property
    def keeping(self) -> Keeping:
        """What is kept of a block."""
        return self.kept.keeping

    def take(self, block: Block) -> None:
        """Hand a block on, and write now and then."""
        if self.complete and not (block.finished and block.first == self.rows(self.done)):
            self.write()
            self.complete = False
        self.sink.take(block)
        if self.complete:
            self.done += 1
            if time.monotonic() - self.last > max(PERIOD, SHARE * self.cost):
                self.write()

    def show(self, ended: int) -> None:
        """Hand it on."""
        self.sink.show(ended)

    def write(self) -> None:
        """Write what is done, where that is not written yet."""
        if not self.complete or self.done == self.written:
            return
        begin = time.monotonic()
        arrays = self.kept.saved(self.rows(self.done))
        write(self.path, self.fingerprint, self.done, arrays)
        self.written, self.last = self.done, time.monotonic()
        self.cost = self.last - begin

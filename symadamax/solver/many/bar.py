"""A progress bar for many runs: how many have ended, and the best value."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from symadamax.errors import require
from symadamax.solver.many.block import Block
from symadamax.solver.many.collect import All, Best

__all__ = ["Bar", "Shown"]


class Bar:
    """A bar by tqdm, which is closed when its block is left."""

    def __init__(self, count: int) -> None:
        tqdm: Any = require("tqdm", "cli", "progress=True")
        self.bar = tqdm.tqdm(total=count, unit="run")

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.bar.close()

    def show(self, ended: int, best: float) -> None:
        """Show how far the runs are."""
        self.bar.set_postfix_str(f"best {best:.6g}", refresh=False)
        self.bar.update(ended - self.bar.n)


class Shown:
    """What is kept, with a bar that shows it."""

    def __init__(self, kept: All | Best, bar: Bar) -> None:
        self.kept, self.bar, self.keeping = kept, bar, kept.keeping

    def take(self, block: Block) -> None:
        """Keep what is to be kept."""
        self.kept.take(block)

    def show(self, ended: int) -> None:
        """Show it."""
        self.bar.show(ended, self.kept.best)

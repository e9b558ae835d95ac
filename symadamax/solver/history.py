"""Record: what is kept of a run; History: what was kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError, require
from symadamax.solver.checks import natural, truth

__all__ = ["History", "Record", "allocate", "as_record", "available_bytes"]


@dataclass(frozen=True)
class Record:
    """What is kept of a run: the steps 0, every, 2*every, ...

    Parameters
    ----------
    every : int
        Steps between two rows, at least 1.
    moments : bool
        Whether m and u are kept too, which takes three times the memory.
    whole : bool
        Of a run on batches, whether the value of all rows is computed at each kept step, too.

    Examples
    --------
    >>> Record(every=10, moments=True)
    Record(every=10, moments=True, whole=False)
    """

    every: int = 1
    moments: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", natural(self.every, "record's every", least=1))
        for name in ("moments", "whole"):
            truth(getattr(self, name), f"record's {name}")


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """The rows that a run has kept; the start is the first.

    Attributes
    ----------
    step : ndarray of int64, shape (kept,)
        Steps of this run that were done.
    x : ndarray, shape (kept, n)
        The points.
    fun : ndarray of float64, shape (kept,)
        The values there.
    m, u : ndarray, shape (kept, n), or None
        The state that belongs to each point, where it was asked for.
    names : sequence of str
        The names of the unknowns.
    whole : ndarray of float64, shape (kept,), or None
        The values on all rows, of a run on batches, where they were asked for.
    """

    step: npt.NDArray[np.int64]
    x: npt.NDArray[Any]
    fun: npt.NDArray[np.float64]
    m: npt.NDArray[Any] | None = None
    u: npt.NDArray[Any] | None = None
    names: Sequence[str] = ()
    whole: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.step)

    def __repr__(self) -> str:
        kept = "step, x, fun" if self.m is None else "step, x, fun, m, u"
        return f"<History of {len(self)} rows and {self.x.shape[1]} unknowns: {kept}>"

    def to_pandas(self) -> Any:
        """Return a DataFrame: the index is the step; columns are the unknowns and ``fun``.

        With moments there are also the columns ``m(x)`` and ``u(x)`` for each unknown x, and with
        values on all rows ``whole``.

        Raises
        ------
        MissingDependencyError
            When pandas is not installed.
        """
        pandas: Any = require("pandas", None, "History.to_pandas")
        blocks, columns = [self.x, self.fun[:, None]], [*self.names, "fun"]
        for letter, block in (("m", self.m), ("u", self.u)):
            if block is not None:
                blocks.append(block)
                columns.extend(f"{letter}({name})" for name in self.names)
        if self.whole is not None:
            blocks.append(self.whole[:, None])
            columns.append("whole")
        index = pandas.Index(self.step, name="step")
        return pandas.DataFrame(np.hstack(blocks), index=index, columns=columns)


def as_record(given: Any) -> Record | None:
    """Return what ``record=`` means: None, every k-th step, or a Record as it is."""
    if given is None or isinstance(given, Record):
        return given
    if isinstance(given, bool):
        raise InputError(f"record is {given}; accepted is a number of steps, such as 1, or Record.")
    return Record(every=natural(given, "record", least=1))


def allocate(
    record: Record, steps: int, size: int, dtype: str
) -> tuple[npt.NDArray[Any] | None, ...]:
    """Return the empty arrays step, x, fun, m and u, or refuse what would not fit in memory."""
    rows = steps // record.every + 1
    row_bytes = 16 + size * np.dtype(dtype).itemsize * (3 if record.moments else 1)
    available = available_bytes()
    if rows * row_bytes > available:
        raise InputError(_too_large(record, steps, rows * row_bytes, row_bytes, available))
    blocks = [np.empty((rows, size), dtype) for _ in range(3 if record.moments else 1)]
    x, m, u = (*blocks, None, None)[:3]
    return np.empty(rows, np.int64), np.empty(rows), x, m, u


def _too_large(record: Record, steps: int, needed: int, row_bytes: int, available: int) -> str:
    said = (
        f"record={record.every} over {steps:,} steps needs {needed:,} bytes, and "
        f"{available:,} are available. "
    )
    rows = int(0.8 * available) // row_bytes
    if rows < 2:
        return said + "Not even two rows fit: do not record."
    return said + f"Use record={-(-steps // (rows - 1))} or more."


def available_bytes() -> int:
    """Return how much memory can still be had, as far as the system tells."""
    found = [_meminfo(), _control_group()]
    known = [amount for amount in found if amount is not None]
    if known:
        return max(0, min(known))
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**31


def _meminfo() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text()
        return 1024 * int(text.partition("MemAvailable:")[2].split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _control_group() -> int | None:
    """Return what the container that this runs in leaves, if it has a limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text())
        return limit - int((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return None

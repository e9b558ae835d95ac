"""Tables of what was measured, as text and as Markdown."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

OURS = "symadamax"


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column is the name of the contender."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(row[k]) for row in lines) for k in range(len(self.header))]
        return "\n".join([self.title, *(_padded(row, widths) for row in lines)])

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        lines = [f"| {' | '.join(row)} |" for row in [self.header, rule, *self.rows]]
        return "\n".join([f"## {self.title}", "", *lines])


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        text.ljust(width) if k == 0 else text.rjust(width)
        for k, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(["", first, *rest]).rstrip()


@dataclass(frozen=True)
class Target:
    """A measured figure and the bound that it is to keep."""

    what: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def row(self) -> list[str]:
        wanted = f"{'at least' if self.at_least else 'at most'} {self.bound:g} {self.unit}"
        measured = f"{self.measured:.3g} {self.unit}"
        return [self.what, wanted, measured, "met" if self.met else "missed"]


@dataclass
class Report:
    """All that one benchmark has to say; `software` names the packages whose versions matter."""

    title: str
    summary: str
    tables: list[Table]
    targets: list[Target]
    notes: list[str] = field(default_factory=list)
    software: Sequence[str] = ()

    def _all_tables(self) -> list[Table]:
        if not self.targets:
            return self.tables
        header = ["what", "target", "measured", ""]
        return [*self.tables, Table("Targets", header, [t.row() for t in self.targets])]

    def __str__(self) -> str:
        blocks = [self.title, self.summary, *map(str, self._all_tables()), *self.notes]
        return "\n\n".join([*blocks, machine(self.software)])

    def markdown(self) -> str:
        tables = [table.markdown() for table in self._all_tables()]
        notes = "\n".join(f"- {note}" for note in self.notes)
        parts = [f"# {self.title}", self.summary, *tables, notes, machine(self.software)]
        return "\n\n".join(part for part in parts if part) + "\n"


def machine(software: Sequence[str]) -> str:
    """Say when, on which processor and with which versions a figure was measured."""
    versions = [f"{name} {metadata.version(name)}" for name in software if _installed(name)]
    python = f"Python {platform.python_version()}"
    return (
        f"Measured on {datetime.date.today().isoformat()} on {processor()}, "
        f"{os.cpu_count()} hardware threads, {platform.system()}: "
        f"{', '.join([python, *versions, *compiler()])}."
    )


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def processor() -> str:
    """Return the name of the processor, as well as it can be had."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def compiler() -> list[str]:
    """Return the version of gcc, when it is there."""
    try:
        answer = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [f"gcc {answer.stdout.decode().strip()}"]


def duration(seconds: float | None) -> str:
    """Write a time with three digits and its unit.

    >>> duration(0.00123), duration(2e-9), duration(None)
    ('1.23 ms', '2.00 ns', '')
    """
    if seconds is None:
        return ""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns")):
        if seconds * factor >= 0.9995 or unit == "ns":
            return f"{_digits(seconds * factor)} {unit}"
    raise AssertionError


def ratio(value: float) -> str:
    return f"{_digits(value)} x"


def _digits(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{decimals}f}"


def busy(share: float) -> str:
    """Say how quiet the machine was."""
    had = f"The processes measured had a processor for {100 * min(share, 1.0):.0f} % of the time"
    if share > 0.95:
        return f"{had}: the machine was quiet."
    return f"{had}: the machine was shared, and absolute times are too long."

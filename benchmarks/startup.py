"""From a fresh process: import, compile and 1,000 steps, beside the imports alone."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.harness import Contender, Timing, interleave
from benchmarks.report import OURS, Report, Table, Target, busy, duration, ratio

__all__ = ["run"]

ROOT = Path(__file__).parent.parent
LIBRARIES = "import sympy, numpy, scipy.optimize"
PROGRAMS = {
    "an empty program": "",
    LIBRARIES: LIBRARIES,
    "import symadamax": "import symadamax",
    OURS: """
import sympy
import symadamax
x = sympy.Symbol("x")
symadamax.minimize(x - x**3, {x: -1}, method=symadamax.Adamax(learning_rate=0.01), steps=1000)
""",
}

SUMMARY = """\
A fresh Python process from its start to its end. The row of symadamax is a program
that imports it, differentiates and compiles x - x**3, and runs 1,000 steps. Byte code is cached, as
it is after the first run of an installed package."""


def run(quick: bool = False) -> Report:
    """Return the report; `quick` for few rounds."""
    contenders = {name: Contender(partial(start, text)) for name, text in PROGRAMS.items()}
    times = interleave(contenders, 2 if quick else 15)
    rows = [
        [name, duration(t.seconds), ratio(t.over(times[LIBRARIES]))] for name, t in times.items()
    ]
    table = Table("A fresh process", ["program", "time", "to the imports"], rows)
    software = ["sympy", "numpy", "scipy", "llvmlite"]
    return Report(
        "Startup", SUMMARY, [table], [target(times)], [busy(times[LIBRARIES].share)], software
    )


def start(text: str) -> None:
    """Run a program in a process of its own, with this checkout in its path."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", text], cwd=ROOT, env=environment, check=True)


def target(times: dict[str, Timing]) -> Target:
    measured = times[OURS].over(times[LIBRARIES])
    return Target("import, compile and 1,000 steps, to the imports", measured, 1.35, "x")

"""Run the benchmarks, print their tables, and write them down where that is asked."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks import clusters, expressions, many, one_unknown, startup, sums

BENCHMARKS = {
    "one_unknown": one_unknown.run,
    "expressions": expressions.run,
    "sums": sums.run,
    "many": many.run,
    "clusters": clusters.run,
    "startup": startup.run,
}
LONGEST = 3600  # seconds for one of them
FOLDER = Path(__file__).parent.parent / "docs" / "benchmarks"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"any of {', '.join(BENCHMARKS)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and few repetitions")
    parser.add_argument(
        "--write", action="store_true", help=f"write docs/{FOLDER.name}/<name>.md as well"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}")
    names = options.names or list(BENCHMARKS)
    if len(names) > 1:
        return each_by_itself(names, sys.argv[1:] if arguments is None else arguments)
    for name in names:
        report = BENCHMARKS[name](quick=options.quick)
        print(report, end="\n\n", flush=True)
        if options.write:
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / f"{name}.md").write_text(report.markdown(), encoding="utf-8")
    return 0


def each_by_itself(names: list[str], arguments: list[str]) -> int:
    """Run each benchmark in a process of its own, and return the worst exit code.

    What one of them imports stays out of the next: a fork of a process with JAX's threads may stop
    for ever.
    """
    flags = [argument for argument in arguments if argument.startswith("-")]
    command = [sys.executable, "-m", "benchmarks", *flags]
    return max(exit_code([*command, name]) for name in names)


def exit_code(command: list[str]) -> int:
    """Run a command to its end, or until it has taken too long."""
    try:
        return subprocess.run(command, check=False, timeout=LONGEST).returncode
    except subprocess.TimeoutExpired:
        print(f"{command[-1]} was ended after {LONGEST} s.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())

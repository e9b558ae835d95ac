"""Run the benchmarks, print their tables, and write them down where that is asked."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import expressions, one_unknown, startup

BENCHMARKS = {
    "one_unknown": one_unknown.run,
    "expressions": expressions.run,
    "startup": startup.run,
}
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
    for name in options.names or BENCHMARKS:
        report = BENCHMARKS[name](quick=options.quick)
        print(report, end="\n\n", flush=True)
        if options.write:
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / f"{name}.md").write_text(report.markdown(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The examples: each is run once in a build, and its page and its card show what came of it.

    ```{prints} basins.py
    ```
    ```{draws} basins.py
    Left, a histogram ...
    ```

run a script with the words behind its name, and show what it prints, how long it took, and the
picture that it writes, whose alternative text is given. On the gallery ``{example} basins`` is its
card. A script that fails ends the build.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

LIMIT = 120  # seconds of a script
PRINTS = re.compile(r"^```\{prints\} (.+)$", re.M)
ALT = re.compile(r"^```\{draws\} .+\n((?:.+\n)+?)```$", re.M)
TITLE = re.compile(r"^# (.+)$", re.M)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives; what was kept of an earlier build in this process is forgotten."""
    app.add_directive("prints", Prints)
    app.add_directive("draws", Draws)
    app.add_directive("example", Card)
    app.connect("builder-inited", lambda _: run.cache_clear())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class ExampleFailed(Exception):
    """A script that ended with an error, or did not draw."""


@dataclass(frozen=True)
class Outcome:
    """What a script has printed, how many seconds it took, and its picture."""

    printed: str
    seconds: float
    picture: Path

    @property
    def took(self) -> str:
        """The time as people say it."""
        return f"{self.seconds:.1f} s"


@cache
def run(script: Path, words: tuple[str, ...], folder: Path) -> Outcome:
    """Run a script in an empty folder, and keep its picture in another.

    Raises
    ------
    ExampleFailed
        When it does not end well within the limit, or writes no picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{script.stem}.png"
    command = [sys.executable, str(script), *words, "--plot", str(picture)]
    with TemporaryDirectory() as empty:
        start = perf_counter()
        ended = subprocess.run(command, cwd=empty, capture_output=True, text=True, timeout=LIMIT)
        seconds = perf_counter() - start
    if ended.returncode or not picture.is_file():
        raise ExampleFailed(f"{script.name} ended with {ended.returncode}: {ended.stderr}")
    return Outcome(ended.stdout, seconds, picture)


class Example(SphinxDirective):
    """A directive that shows something of a script beside its page."""

    required_arguments = 1
    final_argument_whitespace = True

    def outcome(self, arguments: str) -> Outcome:
        """Return what came of a script, given as on its command line."""
        name, *words = arguments.split()
        script = Path(self.env.srcdir, "examples", name)
        for source in (script, Path(__file__)):
            self.env.note_dependency(str(source))
        return run(script, tuple(words), Path(self.env.doctreedir, "examples"))

    def picture(self, outcome: Outcome, alt: str) -> nodes.image:
        """Return the picture of a script."""
        path = os.path.relpath(outcome.picture, Path(self.env.doc2path(self.env.docname)).parent)
        return nodes.image(uri=Path(path).as_posix(), alt=" ".join(alt.split()))


class Prints(Example):
    """The command, what it prints, and how long it took."""

    def run(self) -> list[nodes.Node]:
        """Run the script, and return what is shown of it."""
        outcome = self.outcome(self.arguments[0])
        command, printed = f"python {self.arguments[0]}", outcome.printed.rstrip()
        took = (
            f"It took {outcome.took} here when this page was built, the start of Python included."
        )
        return [
            nodes.literal_block(command, command, language="bash"),
            nodes.literal_block(printed, printed, language="text", classes=["printed"]),
            nodes.paragraph("", took),
        ]


class Draws(Example):
    """The picture that a script writes."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the picture."""
        source = Path(self.env.doc2path(self.env.docname)).read_text(encoding="utf-8")
        return [self.picture(self.outcome(command(source)), "\n".join(self.content))]


class Card(Example):
    """An example in the gallery: its picture, its title, a few words, and its time."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the card of the page whose name is given."""
        name = self.arguments[0]
        page = Path(self.env.srcdir, "examples", f"{name}.md")
        self.env.note_dependency(str(page))
        source = page.read_text(encoding="utf-8")
        outcome = self.outcome(command(source))
        title = addnodes.pending_xref(
            "", nodes.inline("", only(TITLE, source)), refdomain="std", reftype="doc",
            reftarget=f"/examples/{name}", refexplicit=True, refwarn=True,
        )  # fmt: skip
        card = nodes.container(classes=["example"])
        card += self.picture(outcome, only(ALT, source))
        card += nodes.paragraph("", "", title, classes=["of"])
        card += self.parse_content_to_nodes()
        card += nodes.paragraph("", f"Took {outcome.took} here.", classes=["facts"])
        return [card]


def command(page: str) -> str:
    """Return the command of the script that a page shows."""
    return only(PRINTS, page)


def only(pattern: re.Pattern[str], page: str) -> str:
    """Return what a pattern finds in a page."""
    found = pattern.search(page)
    if found is None:
        raise ExampleFailed(f"A page of an example has no {pattern.pattern}")
    return found[1]

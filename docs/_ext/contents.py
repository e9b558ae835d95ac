"""What the first pages of the book show of it, made from its objects: chapters, steps and rules."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from book import NUMBER, Prose, anchor, badge, link, page_of, raw
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from symadamax.derivation import CHAPTERS, Step, rules


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives."""
    app.add_directive("book-chapters", Chapters)
    app.add_directive("book-steps", Steps)
    app.add_directive("book-rules", Rules)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def page(step: Step, text: str) -> addnodes.pending_xref:
    """Return a link to the page of a step."""
    return addnodes.pending_xref(
        "", nodes.inline("", text), refdomain="std", reftype="doc", reftarget=f"/{page_of(step)}",
        refexplicit=True, refwarn=True,
    )  # fmt: skip


def uses(steps: tuple[Step, ...]) -> list[int]:
    """Return the chapters whose equations the prose of these steps names, in order."""
    text = " ".join(part for step in steps for part in (step.prose, step.source, *step.assumptions))
    named = {number.partition(".")[0] for number in NUMBER.findall(text)}
    own = steps[0].equations[0].number.partition(".")[0]
    return sorted(int(chapter) for chapter in named - {own, "E"})


class Chapters(Prose):
    """The map: each chapter, what it says, on which it builds, and how many steps are proved."""

    def run(self) -> list[nodes.Node]:
        """Return an ordered list of cards."""
        chapters = list(CHAPTERS.items())
        cards = [self.card(k, *chapter, chapters) for k, chapter in enumerate(chapters, start=1)]
        return [nodes.container("", *cards, classes=["chapters"])]

    def card(
        self, number: int, title: str, steps: tuple[Step, ...], chapters: list[Any]
    ) -> nodes.container:
        """Return the card of one chapter."""
        card = nodes.container(classes=["chapter"])
        card += nodes.paragraph("", "", page(steps[0], f"{number}. {title}"), classes=["of"])
        about = inspect.getdoc(import_module(steps[0].chapter)) or ""
        said = about.splitlines()[0].partition(": ")[2]
        card += nodes.paragraph("", f"{said[0].upper()}{said[1:]}")
        card += nodes.paragraph("", "", *self.facts(steps, chapters), classes=["facts"])
        return card

    def facts(self, steps: tuple[Step, ...], chapters: list[Any]) -> Iterator[nodes.Node]:
        """Yield how many steps there are of each kind, and the chapters before."""
        yield nodes.Text(f"{len(steps)} {'steps' if len(steps) > 1 else 'step'}: {kinds(steps)}.")
        for k, number in enumerate(uses(steps)):
            yield nodes.Text(", " if k else " Builds on ")
            yield page(chapters[number - 1][1][0], str(number))
        yield nodes.Text("." if uses(steps) else "")


def kinds(steps: tuple[Step, ...]) -> str:
    """Return how many steps are proved, and how many are not."""
    counts = Counter("proved" if s.verdict.proved else s.verdict.name.lower() for s in steps)
    return ", ".join(f"{count} {name}" for name, count in counts.items())


class Steps(Prose):
    """A table of all steps, with the numbers of their equations and their verdicts."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        table = nodes.table(classes=["steps"])
        group = nodes.tgroup(cols=3)
        group += [nodes.colspec(colwidth=width) for width in (20, 50, 30)]
        group += nodes.thead("", row("Equations", "Step", "Verdict"))
        body = nodes.tbody()
        for k, (title, steps) in enumerate(CHAPTERS.items(), start=1):
            chapter = row(nodes.strong("", "", page(steps[0], f"{k}. {title}")))
            chapter[0]["morecols"] = 2
            body += chapter
            body += [self.row(step) for step in steps]
        group += body
        table += group
        return [table]

    def row(self, step: Step) -> nodes.row:
        """Return the row of one step."""
        numbers = [equation.number for equation in step.equations]
        shown = [numbers[0], numbers[-1]] if len(numbers) > 1 else numbers
        links: list[nodes.Node] = []
        for k, number in enumerate(shown):
            links += [nodes.Text(" – ")] if k else []
            links += [link(anchor(number), f"({number})")]
        kind = step.verdict.name.lower()
        verdict = raw(f'<span class="verdict {kind}">{badge(step.verdict)}</span>')
        return row(links, link(step.id, step.title), verdict)


def row(*cells: Any) -> nodes.row:
    """Return a row of a table."""
    entries = []
    for cell in cells:
        inside = nodes.Text(cell) if isinstance(cell, str) else cell
        content = inside if isinstance(inside, list) else [inside]
        entries.append(nodes.entry("", nodes.paragraph("", "", *content)))
    return nodes.row("", *entries)


class Rules(Prose):
    """The rules of proof with their code, each a section that can be linked to."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each function of `rules`."""
        return [self.rule(name) for name in rules.__all__ if inspect.isfunction(unwrapped(name))]

    def rule(self, name: str) -> nodes.section:
        """Return the section of one rule."""
        function = unwrapped(name)
        target = f"rule-{name.lower().replace('_', '-')}"
        section = nodes.section(ids=[target], names=[target])
        section += nodes.title("", "", nodes.literal("", name))
        code = inspect.getsource(function)
        section += nodes.literal_block(code, code, language="python")
        domain = self.env.get_domain("std")
        domain.note_hyperlink_target(target, self.env.docname, target, name)  # type: ignore[attr-defined]
        return section


def unwrapped(name: str) -> Any:
    """Return what the module of the rules has under a name, without its cache."""
    return inspect.unwrap(getattr(rules, name))

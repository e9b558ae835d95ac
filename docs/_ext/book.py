"""The book: each step of `symadamax.derivation` where a page names it, and what its check found.

    ```{step} sharp-bound
    ```

A number in parentheses on these pages, as in (7.5), is a link to its equation. On other pages the
role `equation` makes one. The build fails when a check does, and when a page shows an equation that
belongs to no step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import zip_longest
from pathlib import Path
from typing import Any

import checks
import sympy as sp
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.logging import getLogger

from symadamax import derivation
from symadamax.derivation import ERRATA, STEPS, Equation, Mutant, Step, Verdict
from symadamax.derivation.printing import latex

FOLDER = "derive/"
NUMBER = re.compile(r"\(((?:[1-9]\d*|E)\.\d+)\)")
MARKS = {Verdict.WITNESSED: "≈", Verdict.QUOTED: "❝"}
WIDEST = 240  # characters of LaTeX in a line
LONGEST = 240  # characters of what a check says of a wrong statement

logger = getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive, the role, and what holds for the pages of the book."""
    app.add_directive("step", StepDirective)
    app.add_role("equation", EquationRole())
    app.add_transform(Adopt)
    app.connect("doctree-read", link_numbers)
    app.connect("doctree-read", count_equations)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def anchor(number: str) -> str:
    """Return the anchor of an equation: ``equation-7-5`` for 7.5."""
    return f"equation-{number.replace('.', '-').lower()}"


def link(target: str, text: str) -> addnodes.pending_xref:
    """Return a link to an equation, a step or another label of the docs."""
    return addnodes.pending_xref(
        "", nodes.inline("", text), refdomain="std", reftype="ref", reftarget=target,
        refexplicit=True, refwarn=True, reftitle="",
    )  # fmt: skip


def page_of(step: Step) -> str:
    """Return the name of the page on which a step stands: that of its module."""
    return FOLDER + step.chapter.rpartition(".")[2]


def badge(verdict: Verdict) -> str:
    """Return the mark and the words of a verdict, in HTML."""
    mark = MARKS.get(verdict, "✓")
    return f'<span class="mark" aria-hidden="true">{mark}</span>{escape(verdict.value)}'


def lines(equation: Equation) -> str:
    """Return the LaTeX of an equation; a long sum on its right has a line for each term."""
    statement = equation.statement
    if len(equation.latex) <= WIDEST or not isinstance(statement.rhs, sp.Add):
        return equation.latex
    first, *others = statement.rhs.args
    begin = latex(statement.func(statement.lhs, first, evaluate=False))
    rest = "".join(rf" \\ & \quad + {latex(term)}" for term in others)
    return rf"\begin{{split}} & {begin}{rest} \end{{split}}"


def raw(html: str) -> nodes.raw:
    """Return HTML that stands as it is."""
    return nodes.raw("", html, format="html")


class Prose(SphinxDirective):
    """A directive that reads sentences with mathematics and code in them."""

    def sentences(self, text: str) -> list[nodes.Node]:
        """Return paragraphs as nodes; a line of one that begins with "1." begins no list."""
        paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
        return self.parse_text_to_nodes("\n\n".join(paragraphs))

    def line(self, text: str, label: str = "") -> nodes.paragraph:
        """Return one paragraph, behind a label in bold."""
        before = [nodes.strong("", label), nodes.Text(" ")] if label else []
        (paragraph,) = self.sentences(text)
        return nodes.paragraph("", "", *before, *paragraph.children)


class StepDirective(Prose):
    """A step: its prose, its equations with their numbers, and its verdict, which opens."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the section of a step."""
        for source in (*checks.SOURCES, *Path(__file__).parent.glob("*.py")):
            self.env.note_dependency(str(source))
        step = derivation.step(self.arguments[0])
        section = nodes.section(ids=[step.id], names=[step.id], classes=["step"])
        section += nodes.title("", "", *self.line(step.title).children)
        section += self.sentences(step.prose)
        for caption, equation in zip_longest(step.captions, step.equations):
            if caption:
                section += nodes.paragraph("", caption, classes=["caption-of-equation"])
            section += self.equation(equation)
        section += self.verdict(step)
        self.note(step.id, step.title)
        return [section]

    def note(self, target: str, title: str) -> None:
        """Make a place of this page known by a name to all pages."""
        domain = self.env.get_domain("std")
        domain.note_hyperlink_target(target, self.env.docname, target, title)  # type: ignore[attr-defined]

    def equation(self, equation: Equation) -> nodes.container:
        """Return a formula with its number, which is a link to itself."""
        here, number = anchor(equation.number), equation.number
        self.note(here, f"({number})")
        formula = nodes.math_block(text=lines(equation), classes=["of-step"], nowrap=True)
        itself = f'<a class="number" href="#{here}" title="Link to this equation">({number})</a>'
        return nodes.container("", formula, raw(itself), ids=[here], classes=["equation"])

    # ---- what the badge opens to ----

    def verdict(self, step: Step) -> Iterator[nodes.Node]:
        """Yield the badge, and under it what is assumed and how it is checked."""
        kind = step.verdict.name.lower()
        yield raw(f'<details class="verdict {kind}"><summary>{badge(step.verdict)}</summary>')
        if step.assumptions:
            yield self.line(f"{'; '.join(step.assumptions)}.", "Assumed:")
        yield self.line(f"{step.source}.", f"{step.origin}:")
        if step.proof is None:
            yield self.line("There is no check: this is quoted, and not proved here.")
        else:
            yield from self.check(step)
        yield raw("</details>")

    def check(self, step: Step) -> Iterator[nodes.Node]:
        """Yield the code of a check, and the wrong statements that it has rejected."""
        outcome = checks.found(Path(self.env.doctreedir))[step.id]
        yield self.line("it gets the equations above, in order.", "The check:")
        source = checks.code(step.proof)
        yield nodes.literal_block(source, source, language="python")
        yield self.meanings(step)
        yield self.line("with each of these in its place it fails.", "What it rejects:")
        items = zip(step.mutants, outcome["rejected"], strict=True)
        yield nodes.bullet_list("", *(self.wrong(mutant, said) for mutant, said in items))

    def meanings(self, step: Step) -> nodes.paragraph:
        """Return what the names in the code of a check are."""
        line = nodes.paragraph("", "", classes=["meanings"])
        for name, number in checks.named_equations(step.proof).items():
            line += [nodes.literal("", name), nodes.Text(" is ")]
            line += [link(anchor(number), f"({number})"), nodes.Text(". ")]
        rules = checks.rules_of(step.proof)
        if rules:
            line += nodes.Text("Its rules: ")
        for k, name in enumerate(rules):
            line += [nodes.Text(", ")] if k else []
            line += link(f"rule-{name.lower().replace('_', '-')}", name)
        line += nodes.Text("." if rules else "")
        return line

    def wrong(self, mutant: Mutant, said: str) -> nodes.list_item:
        """Return a wrong statement, with what the check says of it."""
        said = said if len(said) <= LONGEST else f"{said[:LONGEST]} …"
        formula = nodes.math_block(text=latex(mutant.statement), classes=["of-step"], nowrap=True)
        return nodes.list_item(
            "",
            self.line(f"({mutant.number}), {mutant.reason}:"),
            formula,
            nodes.paragraph("", "", nodes.literal("", said), classes=["said"]),
        )


class EquationRole(SphinxRole):
    """The number of an equation as a link: ``{equation}`7.5` ``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        return [link(anchor(self.text), f"({self.text})")], []


class Adopt(SphinxTransform):
    """What a page says after a step, up to the next heading, belongs to the section of the step."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Move it there."""
        for section in list(self.document.findall(nodes.section)):
            if "step" not in section["classes"]:
                continue
            parent = section.parent
            after = parent.index(section) + 1
            while after < len(parent) and not isinstance(parent[after], nodes.section):
                section += parent.pop(after)


def link_numbers(app: Sphinx, doctree: nodes.document) -> None:
    """Make each number of an equation, and each name of a step, in the prose of the book a link."""
    if not app.env.docname.startswith(FOLDER):
        return
    steps = {step.id: step for step in (*STEPS, *ERRATA)}
    for name in list(doctree.findall(nodes.literal)):
        if name.astext() in steps:
            step = steps[name.astext()]
            name.parent.replace(name, link(step.id, f"“{step.title}”"))
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, nodes.paragraph | nodes.emphasis | nodes.entry):
            text.parent.replace(text, list(_linked(text.astext())))


def _linked(text: str) -> Iterator[nodes.Node]:
    for k, part in enumerate(NUMBER.split(text)):
        yield link(anchor(part), f"({part})") if k % 2 else nodes.Text(part)


def count_equations(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of each displayed formula in the book that belongs to no step."""
    if app.env.docname.startswith(FOLDER):
        for formula in doctree.findall(nodes.math_block):
            if "of-step" not in formula["classes"]:
                logger.warning("a formula that belongs to no step", location=formula)

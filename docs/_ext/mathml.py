"""Formulas as MathML, made when the pages are built: no page needs a script or a network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

# A minus or plus behind an operator, a parenthesis or a comma is a sign, and stands close.
SIGN = re.compile(
    r"(<mo[^>]*>(?:=|&#x0003D;|&#x02248;|&#x02264;|&#x02265;|\(|&#x00028;|,|&#x0002C;|&#x0005B;|\[)"
    r"</mo>)<mo>(&#x02212;|-|\+|&#x0002B;)</mo>"
)

# What a limit or a maximum goes over stands under it, and neighbouring fractions do not touch.
UNDER = re.compile(r"<msub>(<mo>(?:lim|max)</mo><mrow>(?:(?!<mrow>).)*?</mrow>)</msub>")
TOUCHING = "</mfrac><mfrac>"

# What no line begins with; browsers would break it off a formula.
CLOSING = tuple(",.;:)?!")


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the math renderer ``mathml`` to the HTML builders."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("doctree-resolved", join)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def join(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Keep a formula and the mark behind it in one line."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and after.startswith(CLOSING):
            mark, rest = after[0], after[1:]
            after.parent.replace(after, nodes.Text(rest))
            joined = nodes.inline("", "", formula.deepcopy(), nodes.Text(mark), classes=["joined"])
            formula.parent.replace(formula, joined)


def inline(writer: Any, node: nodes.math) -> None:
    """Write a formula inside a line."""
    writer.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """Write formulas that stand by themselves; a wide one scrolls inside its own box."""
    for part in node.astext().split("$$"):
        if part.strip():
            formula = mathml(part, "block")
            writer.body.append(f'<div class="formula" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def mathml(latex: str, display: str) -> str:
    """Convert LaTeX; lines parted by a double backslash are aligned at their ``&``."""
    latex = latex.strip().removeprefix(r"\displaystyle").replace("{aligned}", "{split}")
    if r"\\" in latex and r"\begin{" not in latex:
        latex = rf"\begin{{split}}{latex}\end{{split}}"
    formula = SIGN.sub(r'\1<mo form="prefix">\2</mo>', convert(latex, display=display))
    if display == "block":
        formula = UNDER.sub(r"<munder>\1</munder>", formula)
    return formula.replace(TOUCHING, '</mfrac><mspace width="0.25em"></mspace><mfrac>')

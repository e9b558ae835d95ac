"""A run as a page: one file of HTML in which every number of every step can be looked at.

    Result -> Entry (describe.py) -> script (javascript.py, scripts.py) -> file (markup.py)
                                  -> program in Python (program.py), formula in MathML (formula.py)
    the book -> equations (statements.py) -> the step in the script (update.py)
                                          -> what is shown of it (written.py)

What runs in the browser stands in ``browser/``: a module of JavaScript for each concern, the
template of the page, and its style. The page of the documentation is made of the same.
"""

from __future__ import annotations

from typing import Any

from symadamax.viewer.page.describe import describe
from symadamax.viewer.page.markup import document

__all__ = ["page"]


def page(result: Any, minimum: Any = None) -> str:
    """Return the text of the file that shows a run; see `symadamax.to_html`."""
    return document(describe(result, minimum))

"""IR -> Python source on NumPy: the oracle for the native code, and the fallback without LLVM.

The functions take the coordinates of a point, or of many points at once, and compute every shared
sub-expression once. No name of the user's stands in the source: unknowns are ``x[0], x[1], ...``
and parameters ``p[0], p[1], ...``.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from symadamax import _core
from symadamax.compiler.ir import Node, Program
from symadamax.compiler.operations import Kind

__all__ = ["filled", "load", "namespace", "number", "source"]

LONGEST_LINE = 80  # a value that is used once stands inside the line that uses it, up to this


def source(program: Program, name: str) -> str:
    """Return the Python source of a function `name` of the coordinates and the parameters.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.expand import expand
    >>> from symadamax.compiler.trace import trace
    >>> x = sp.Symbol("x")
    >>> print(source(expand(trace(x - x**3, [x])), "value"))
    def value(x, p):
        return x[0] - ((x[0]*x[0])*x[0])
    """
    nodes = program.nodes()
    uses = _uses(program, nodes)
    texts: dict[Node, str] = {}
    lines = [f"def {name}(x, p):"]
    for node in nodes:
        text = _text(node, texts)
        if node.arguments and (uses[node] > 1 or len(text) > LONGEST_LINE):
            variable = f"t{len(lines) - 1}"
            lines.append(f"    {variable} = {text}")
            text = variable
        texts[node] = text
    results = [texts[node] for node in program.outputs]
    gradient = f", ({', '.join(results[1:])},)" if len(results) > 1 else ""
    lines.append(f"    return {results[0]}{gradient}")
    return "\n".join(lines)


def _uses(program: Program, nodes: list[Node]) -> dict[Node, int]:
    uses = dict.fromkeys(nodes, 0)
    for node in nodes:
        for argument in node.arguments:
            uses[argument] += 1
    for node in program.outputs:
        uses[node] += 1
    return uses


def _text(node: Node, texts: dict[Node, str]) -> str:
    if node.name == "constant":
        assert node.value is not None
        return number(float(node.value))
    arguments = [texts[a] for a in node.arguments]
    reals = [k for k, a in enumerate(node.arguments) if a.operation.result is Kind.REAL]
    if reals and all(node.arguments[k].is_constant() for k in reals):
        # Python's own floats make doubles, and raise where IEEE arithmetic gives an infinity.
        arguments[reals[0]] = f"x[0].dtype.type({arguments[reals[0]]})"
    return filled(node, arguments)


def filled(node: Node, arguments: list[str]) -> str:
    """Return the text of an operation on the texts of its arguments."""
    template = node.operation.numpy
    if "(" not in template and node.arguments:
        arguments = [a if _is_atom(a) else f"({a})" for a in arguments]
    if node.operation.arity is None:
        return template.format(", ".join(arguments))
    return template.format(*arguments, value=node.value)


def number(value: float) -> str:
    """Return the text of a number."""
    if math.isnan(value):
        return "np.nan"
    if math.isinf(value):
        return "np.inf" if value > 0 else "-np.inf"
    return repr(value)


def _is_atom(text: str) -> bool:
    """Tell whether a text needs no parentheses: a name, an element, a positive number, a call."""
    if text[0] == "-":
        return False
    depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if depth == 0 and character in " *+-/<>=":
            return False
    return True


def _max(a: Any, *others: Any) -> Any:
    """Return the largest, NaN if any is; a tie keeps the first, as zeros differ in sign."""
    for b in others:
        a = np.where((a >= b) | (a != a), a, b)
    return a


def _min(a: Any, *others: Any) -> Any:
    for b in others:
        a = np.where((a <= b) | (a != a), a, b)
    return a


def _lambert_w(x: Any, branch: int) -> Any:
    """Return the real value of a branch of Lambert's W; SciPy's loses all digits near -1/e."""
    return np.vectorize(partial(_core.lambert_w, branch), otypes=["float64"])(x)


def load(text: str, name: str) -> Callable[[Any, Any], Any]:
    """Return the function of a source; its lines show in tracebacks and in `inspect.getsource`."""
    filename = f"<symadamax {name} {hash(text) & 0xFFFFFFFF:08x}>"
    scope = namespace(text)
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    exec(compile(text, filename, "exec"), scope)
    function: Callable[[Any, Any], Any] = scope[name]
    return function


def namespace(text: str) -> dict[str, Any]:
    """Return the names that a source refers to."""
    names: dict[str, Any] = {"np": np, "_max": _max, "_min": _min, "_lambert_w": _lambert_w}
    if "special." in text:
        from scipy import special

        names["special"] = special
    return names

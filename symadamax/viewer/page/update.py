"""The equations of the book -> ``update.mjs``: one step of Adamax, as a page computes it.

An equation goes the way of an objective: it is traced, printed on NumPy with the operations in the
order of the machine code, and rewritten as JavaScript. So a step has the bits of the core.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import sympy as sp

from symadamax.compiler.expand import expand
from symadamax.compiler.numpy_code import source
from symadamax.compiler.trace import trace
from symadamax.viewer.page.javascript import Translator, lines
from symadamax.viewer.page.statements import PLACEMENTS, longest, move, statements

__all__ = ["arrow", "module"]


def module() -> str:
    """Return the module ``update.mjs``, which has a function for each equation of the book.

    Each is one of the numbers by their names. Those of a step stand in the order in which they are
    computed, since later ones need the earlier.
    """
    return (
        "// Made from the equations of the book.\n\n"
        'import { numpy } from "./numpy.mjs";\n'
        'import { power } from "./power.mjs";\n\n'
        "/** What a step computes, by the place of epsilon; `move` is what it adds to x. */\n"
        f"export const EQUATIONS = {{\n{_each(_step)}}};\n\n"
        "/** What u is the largest of. */\n"
        f"export const MEMBERS = {{\n{_each(_members)}}};\n\n"
        "/** Return the longest that a step can be, in learning rates, or Infinity. */\n"
        f"export const bound = {arrow(longest(), exactly=False)};\n"
    )


def arrow(expression: Any, exactly: bool = True) -> str:
    """Return an expression as a function of an object that has its symbols by name.

    Parameters
    ----------
    expression : sympy.Expr
        In symbols whose names JavaScript can read.
    exactly : bool
        Whether powers are those of power.mjs, for whole exponents from 1. Default True.

    Examples
    --------
    >>> x, t = sp.symbols("x t")
    >>> print(arrow(1 - x**t))
    ({ t, x }) => 1.0 - power(x, t)
    """
    symbols = sorted(expression.free_symbols, key=str)
    names = [symbol.name for symbol in symbols]
    program = expand(trace(expression, symbols, differentiable=False))
    (function,) = ast.parse(source(program, "right")).body
    assert isinstance(function, ast.FunctionDef)
    *before, last = lines(function, _Named(names, exactly))
    value = last.removeprefix("return ").removesuffix(";")
    body = "".join(f"  {line}\n" for line in before)
    return f"({{ {', '.join(names)} }}) => " + (f"{{\n{body}  {last}\n}}" if before else value)


def _each(text: Any) -> str:
    return "".join(f"  {placement}: {text(placement)},\n" for placement in PLACEMENTS)


def _step(placement: str) -> str:
    equations = {**statements(placement), "move": move(placement)}
    del equations["x"]  # which is x and its move
    found = "".join(f"{name}: {arrow(right)},\n" for name, right in equations.items())
    return f"{{\n{_indented(found, 4)}  }}"


def _members(placement: str) -> str:
    largest = statements(placement)["u"]
    members = sorted(sp.Max.make_args(largest), key=sp.default_sort_key)  # as SymPy shows them
    found = "".join(f"{arrow(member)},\n" for member in members)
    return f"[\n{_indented(found, 4)}  ]"


def _indented(text: str, spaces: int) -> str:
    return "".join(f"{' ' * spaces}{line}\n" for line in text.splitlines())


class _Named(Translator):
    """The translator of a function of numbers that have names."""

    def __init__(self, names: Sequence[str], exactly: bool) -> None:
        super().__init__()
        self.names = names
        self.exactly = exactly

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Return ``beta1`` for ``x[0]``."""
        match node:
            case ast.Subscript(ast.Name("x"), ast.Constant(int() as place)):
                return ast.Name(self.names[place], ast.Load())
        return super().visit_Subscript(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return ``power(...)`` for ``np.power(...)``."""
        match node.func:
            case ast.Attribute(ast.Name("np"), "power") if self.exactly:
                arguments: list[Any] = [self.visit(argument) for argument in node.args]
                return ast.Call(ast.Name("power", ast.Load()), arguments, [])
        return super().visit_Call(node)

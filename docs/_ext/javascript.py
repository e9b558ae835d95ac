"""SymPy -> JavaScript: the objectives of the page that moves, with their derivatives.

    PageObjective -> Objective -> its source on NumPy -> syntax tree -> text of a module

The library's source has the operations of the machine code in their order, so a page that does the
same gets the same bits. No name of the mathematics stands in it.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterable
from typing import Any

from objectives import PageObjective

from symadamax import Adamax, Objective, Status
from symadamax.solver.result import SENTENCES

__all__ = ["method", "module"]

FIELDS = (
    "name", "title", "source", "names", "start", "centre", "radius", "steps", "minima", "remark",
    "noise",
)  # fmt: skip

# How a run of the page can end.
STATUSES = (
    Status.STEPS_DONE,
    Status.VALUE_NOT_FINITE,
    Status.GRADIENT_NOT_FINITE,
    Status.POINT_NOT_FINITE,
)

# What is written alike in Python and in JavaScript, and means the same there.
ALIKE = (
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.Constant, ast.Name,
    ast.Subscript, ast.Load,
)  # fmt: skip
FUNCTIONS = frozenset({"cos", "exp", "log", "sin", "sqrt", "tanh"})


def module(objectives: Iterable[PageObjective]) -> str:
    """Return the module ``objectives.mjs``: the objectives, and the sentences of the library."""
    entries = "".join(f"  {{\n{_entry(objective)}  }},\n" for objective in objectives)
    sentences = {status.name: SENTENCES[status] for status in STATUSES}
    return (
        "// Made from SymPy when the pages are built.\n\n"
        f"export const OBJECTIVES = [\n{entries}];\n\n"
        f"export const SENTENCES = {_json(sentences)};\n\n"
        f"export const NO_BOUND = {_json(_warning())};\n"
    )


def method(function: ast.FunctionDef, name: str) -> str:
    """Return a function of the library's source as a method of the array x.

    Raises
    ------
    ValueError
        When something in it would not mean the same in JavaScript.
    """
    lines = []
    for statement in function.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=variable)], value=value):
                lines.append(f"const {variable} = {_expression(value)};")
            case ast.Return(value=ast.Tuple(elts=[value, ast.Tuple(elts=parts)])):
                gradient = ", ".join(map(_expression, parts))
                lines.append(f"return [{_expression(value)}, [{gradient}]];")
            case ast.Return(value=ast.expr() as value):
                lines.append(f"return {_expression(value)};")
            case _:
                raise ValueError(f"No JavaScript is known for {ast.unparse(statement)}.")
    body = "".join(f"      {line}\n" for line in lines)
    return f"    {name}(x) {{\n{body}    }},\n"


def _expression(expression: ast.expr) -> str:
    return ast.unparse(Translator().visit(expression))


class Translator(ast.NodeTransformer):
    """Python's arithmetic as JavaScript's: only NumPy's functions have another name."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Refuse what is not known to mean the same."""
        if not isinstance(node, ALIKE):
            raise ValueError(f"No JavaScript is known for {ast.unparse(node)}.")
        return super().generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return ``Math.exp(...)`` for ``np.exp(...)``."""
        match node:
            case ast.Call(func=ast.Attribute(ast.Name("np"), function), args=[argument]) if (
                function in FUNCTIONS
            ):
                mathematics = ast.Attribute(ast.Name("Math", ast.Load()), function, ast.Load())
                return ast.Call(mathematics, [self.visit(argument)], [])
        raise ValueError(f"No JavaScript is known for {ast.unparse(node)}.")


def _entry(objective: PageObjective) -> str:
    values = {field: getattr(objective, field) for field in FIELDS}
    values["learningRate"] = objective.learning_rate
    fields = "".join(f"    {field}: {_json(value)},\n" for field, value in values.items())
    source = Objective(objective.expression, objective.unknowns).stages.numpy_source
    functions = {function.name: function for function in ast.parse(source).body}
    return (
        fields
        + method(functions["value"], "value")
        + method(functions["value_and_gradient"], "evaluate")
    )


def _warning() -> str:
    """Return the library's warning of beta1 >= beta2, with the names in place of the numbers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Adamax(beta1=0.75, beta2=0.25)
    return str(caught[0].message).replace("0.75", "{beta1}").replace("0.25", "{beta2}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

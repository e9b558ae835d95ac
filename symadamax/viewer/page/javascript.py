"""SymPy -> JavaScript: objectives with their derivatives, as a page computes them.

    Entry -> Objective -> its source on NumPy -> syntax tree -> text of a module

The library's source has the operations of the machine code in their order, so a page that does the
same gets the same bits. No name of the mathematics stands in it, and every other text of an entry
is written in escapes: nothing that a person wrote is ever read as script.
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from symadamax.compiler.operations import OPERATIONS
from symadamax.errors import InputError
from symadamax.solver import Adamax, Status
from symadamax.solver.result import SENTENCES
from symadamax.viewer.page.entry import Entry

__all__ = ["Translator", "functions", "lines", "method", "module"]

FIELDS = (
    "name", "title", "names", "variables", "program", "start", "centre", "radius", "aspect",
    "steps", "step", "minima", "remark", "noise", "floor", "ended",
)  # fmt: skip
SETTINGS = {
    "learning_rate": "learningRate", "beta1": "beta1", "beta2": "beta2", "epsilon": "epsilon",
    "placement": "placement",
}  # fmt: skip

# How a run of a page can end.
STATUSES = (
    Status.STEPS_DONE,
    Status.VALUE_NOT_FINITE,
    Status.GRADIENT_NOT_FINITE,
    Status.POINT_NOT_FINITE,
)

# What is written alike in Python and in JavaScript, and means the same there.
ALIKE = (
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.Compare, ast.Lt,
    ast.LtE, ast.Eq, ast.NotEq, ast.Name, ast.Subscript, ast.Load,
)  # fmt: skip

# NumPy's functions by name, with those of `Math`.
MATH = {
    **{name: name for name in (
        "abs", "cbrt", "cos", "cosh", "exp", "expm1", "floor", "hypot", "log", "log10", "log1p",
        "log2", "sin", "sinh", "sqrt", "tan", "tanh",
    )},
    "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "ceil": "ceil",
}  # fmt: skip
# Those that stand in numpy.mjs.
OURS = {
    "exp2": "exp2", "logical_and": "and", "logical_not": "not", "logical_or": "or", "mod": "mod",
    "power": "pow", "sign": "sign", "where": "where", "_max": "max", "_min": "min",
}  # fmt: skip
# SciPy's functions, and ours, with the names that SymPy has for them.
IN_SYMPY = {
    found[1]: name
    for name, operation in OPERATIONS.items()
    if (found := re.match(r"(?:special\.|_)(\w+)\(", operation.numpy))
}


def module(entries: Iterable[Entry]) -> str:
    """Return the module ``objectives.mjs``: the objectives, and the sentences of the library.

    Raises
    ------
    InputError
        When an objective needs a function that a browser has not.
    """
    texts = "".join(f"  {{\n{_entry(entry)}  }},\n" for entry in entries)
    sentences = {status.name: SENTENCES[status] for status in STATUSES}
    return (
        "// Made from SymPy.\n\n"
        'import { numpy } from "./numpy.mjs";\n\n'
        f"export const OBJECTIVES = [\n{texts}];\n\n"
        f"export const SENTENCES = {_json(sentences)};\n\n"
        f"export const NO_BOUND = {_json(_warning())};\n"
    )


def functions(objective: Any) -> str:
    """Return an objective's ``value(x)`` and ``evaluate(x)`` as methods.

    Examples
    --------
    >>> import sympy as sp, symadamax as sx
    >>> x = sp.Symbol("x")
    >>> print(functions(sx.Objective(sp.exp(x) - x)))
        value(x) {
          return Math.exp(x[0]) - x[0];
        },
        evaluate(x) {
          const t0 = Math.exp(x[0]);
          return [t0 - x[0], [-1.0 + t0]];
        },
    <BLANKLINE>
    """
    parameters = objective.parameter_array().tolist()
    found = ast.parse(objective.stages.numpy_source).body
    named = {function.name: function for function in found if isinstance(function, ast.FunctionDef)}
    return method(named["value"], "value", parameters) + method(
        named["value_and_gradient"], "evaluate", parameters
    )


def method(function: ast.FunctionDef, name: str, parameters: Sequence[float] = ()) -> str:
    """Return a function of the library's source as a method of the array x.

    Raises
    ------
    InputError
        When something in it would not mean the same in JavaScript.
    """
    body = "".join(f"      {line}\n" for line in lines(function, Translator(parameters)))
    return f"    {name}(x) {{\n{body}    }},\n"


def lines(function: ast.FunctionDef, translator: Translator) -> Iterator[str]:
    """Yield the statements of a function of the library's source."""
    for statement in function.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=variable)], value=value):
                yield f"const {variable} = {translator.text(value)};"
            case ast.Return(value=ast.Tuple(elts=[value, ast.Tuple(elts=parts)])):
                gradient = ", ".join(map(translator.text, parts))
                yield f"return [{translator.text(value)}, [{gradient}]];"
            case ast.Return(value=ast.expr() as value):
                yield f"return {translator.text(value)};"
            case _:
                raise _refusal(ast.unparse(statement))


class Translator(ast.NodeTransformer):
    """Python's arithmetic as JavaScript's; parameters become their numbers."""

    def __init__(self, parameters: Sequence[float] = ()) -> None:
        self.parameters = parameters

    def text(self, expression: ast.expr) -> str:
        """Return an expression in JavaScript."""
        return ast.unparse(self.visit(expression))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Refuse what is not known to mean the same."""
        if not isinstance(node, ALIKE):
            raise _refusal(ast.unparse(node))
        return super().generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Return a number, or ``true`` for ``True``."""
        if isinstance(node.value, bool):
            return ast.Name(str(node.value).lower(), ast.Load())
        if isinstance(node.value, (int, float)) and math.isfinite(node.value):
            return node
        raise _refusal(ast.unparse(node))

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Return ``x[0]``, and for ``p[0]`` its number."""
        match node:
            case ast.Subscript(ast.Name("p"), ast.Constant(int() as place)):
                return ast.Constant(self.parameters[place])
            case ast.Subscript(ast.Name("x"), ast.Constant(int())):
                return node
        raise _refusal(ast.unparse(node))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Return ``NaN`` for ``np.nan``."""
        match node:
            case ast.Attribute(ast.Name("np"), "nan" | "inf" as name):
                return ast.Name({"nan": "NaN", "inf": "Infinity"}[name], ast.Load())
        raise _refusal(ast.unparse(node))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return ``Math.exp(...)`` for ``np.exp(...)``, the number for ``dtype.type(number)``."""
        arguments: list[Any] = [self.visit(argument) for argument in node.args]
        match node.func:
            case ast.Attribute(ast.Attribute(attr="dtype"), "type"):
                (number,) = arguments
                return number  # type: ignore[no-any-return]
            case ast.Attribute(ast.Name("np"), name) if name in MATH:
                return _call("Math", MATH[name], arguments)
            case ast.Attribute(ast.Name("np"), name) | ast.Name(name) if name in OURS:
                return _call("numpy", OURS[name], arguments)
            case ast.Attribute(attr=name):
                raise _refusal(IN_SYMPY.get(name, name))
        name = ast.unparse(node.func).strip("_")
        raise _refusal(IN_SYMPY.get(name, name))


def _call(owner: str, name: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(owner, ast.Load()), name, ast.Load()), arguments, [])


def _refusal(name: str) -> InputError:
    return InputError(
        f"A page computes in the browser, where there is no {name}. Use plot(result), which draws "
        "any objective."
    )


def _entry(entry: Entry) -> str:
    values = {field: getattr(entry, field) for field in FIELDS}
    values["settings"] = {name: getattr(entry, field) for field, name in SETTINGS.items()}
    fields = "".join(f"    {field}: {_json(value)},\n" for field, value in values.items())
    return fields + functions(entry.objective)


def _warning() -> str:
    """Return the library's warning of beta1 >= beta2, with the names in place of the numbers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Adamax(beta1=0.75, beta2=0.25)
    return str(caught[0].message).replace("0.75", "{beta1}").replace("0.25", "{beta2}")


def _json(value: Any) -> str:
    r"""Return a value as JSON, with escapes in texts for all but small letters, digits and spaces.

    >>> print(_json({"name": "</script>"}))
    {"name": "\u003c\u002fscript\u003e"}
    """
    return re.sub(
        r'"(?:[^"\\]|\\.)*"', lambda found: f'"{_escaped(json.loads(found[0]))}"', json.dumps(value)
    )


def _escaped(text: str) -> str:
    units = memoryview(text.encode("utf-16", "surrogatepass")).cast("H")[1:]  # without the mark
    return "".join(
        c if re.match(r"[a-z0-9 ]", c := chr(unit)) else f"\\u{unit:04x}" for unit in units
    )

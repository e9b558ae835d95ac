"""An objective as the lines of Python that make it, for the program that a page shows."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sympy as sp
from sympy.codegen import cfunctions
from sympy.printing.str import StrPrinter

from symadamax.errors import UnsupportedError
from symadamax.viewer.wording import is_small, with_fewest_minus

__all__ = ["Program", "program"]

REORDERED = "# SymPy orders this anew when it reads it: the last digits can differ."
LONGEST = 20_000  # characters of an expression that is written
# What is not in SymPy's own namespace, and so is imported.
IMPORTED = {
    head: name
    for name, head in vars(cfunctions).items()
    if isinstance(head, type) and head.__module__ == cfunctions.__name__
}
# Names that the program uses itself.
TAKEN = {
    "noisy", "objective", "print", "result", "result_a", "result_b", "sp", "sx",
    *IMPORTED.values(),
}  # fmt: skip


class Program(NamedTuple):
    """Lines that make ``objective``, and what they call the unknowns."""

    text: str
    variables: tuple[str, ...]


def program(objective: Any, source: str | None = None) -> Program:
    """Return the lines that make an objective.

    Parameters
    ----------
    objective : Objective
    source : str, optional
        The expression as Python, where somebody has written it. Default: as SymPy writes it.

    Examples
    --------
    >>> import symadamax as sx
    >>> x, rate = sp.symbols("x lambda")
    >>> print(program(sx.Objective(sp.exp(rate*x) + x**2/3, parameters={rate: 2})).text)
    x = sp.Symbol('x')
    x1 = sp.Symbol('lambda')
    objective = sx.Objective(
        x**2/3 + sp.exp(x1*x),
        [x],
        parameters={x1: 2.0},
    )
    """
    names = _variables([*objective.unknowns, *objective.parameters])
    unknowns = tuple(names[symbol] for symbol in objective.unknowns)
    expression = objective.expression
    imports: list[str] = []
    if source is None:
        source, imports = _source(expression, names)
    if source is None:
        made = ["objective = ...  # too long to be written here: put yours"]
    else:
        made = [
            *([] if _reads_back(source, expression, names) else [REORDERED]),
            "objective = sx.Objective(",
            *(f"    {line}," for line in [source, *_arguments(objective, unknowns, names)]),
            ")",
        ]
    return Program("\n".join([*imports, *_symbols(names), *made]), unknowns)


def _arguments(objective: Any, unknowns: Iterable[str], names: Mapping[Any, str]) -> Iterator[str]:
    yield f"[{', '.join(unknowns)}]"
    if objective.parameters:
        fixed = ", ".join(f"{names[s]}: {value!r}" for s, value in objective.parameters.items())
        yield f"parameters={{{fixed}}}"
    if objective.stages.arithmetic != "portable":
        yield f'arithmetic="{objective.stages.arithmetic}"'


def _symbols(names: Mapping[Any, str]) -> list[str]:
    """Return the lines that make the symbols: in one where all are plain."""
    texts = {symbol: sp.srepr(symbol) for symbol in names}
    if all(texts[symbol] == f"Symbol({name!r})" for symbol, name in names.items()):
        listed = list(names.values())
        return [f'{", ".join(listed)} = sp.symbols("{" ".join(listed)}")']
    return [f"{name} = sp.{texts[symbol]}" for symbol, name in names.items()]


def _source(expression: Any, names: Mapping[Any, str]) -> tuple[str | None, list[str]]:
    """Return an expression as Python, None where it is too long, and what it imports."""
    printers = [_Printer(names, order) for order in (None, "none")]
    try:
        if not is_small(expression, LONGEST):
            return None, []
        text = with_fewest_minus([printer.doprint(expression) for printer in printers])
    except (RecursionError, UnsupportedError):
        return None, []
    lines = [
        f"from sympy.codegen.cfunctions import {name}" for name in sorted(printers[0].imported)
    ]
    return (text, lines) if len(text) <= LONGEST else (None, [])


def _reads_back(source: str, expression: Any, names: Mapping[Any, str]) -> bool:
    """Tell whether Python makes the same expression of the text, which is our own."""
    known = {name: symbol for symbol, name in names.items()}
    heads = {name: head for head, name in IMPORTED.items()}
    try:
        return bool(eval(source, {"__builtins__": {}, "sp": sp, **heads, **known}) == expression)
    except RecursionError:
        return False


class _Printer(StrPrinter):  # type: ignore[misc]
    """SymPy's text of an expression, as Python that makes it."""

    def __init__(self, names: Mapping[Any, str], order: str | None) -> None:
        super().__init__({"order": order})
        self.names = names
        self.imported: set[str] = set()

    def _print_Symbol(self, symbol: Any) -> str:
        return self.names[symbol]

    _print_Dummy = _print_Symbol

    def _print_Rational(self, number: Any) -> str:
        return str(number.p) if number.q == 1 else f"sp.Rational({number.p}, {number.q})"

    def _print_Float(self, number: Any) -> str:
        return (
            repr(float(number)) if sp.Float(float(number)) == number else f"sp.{sp.srepr(number)}"
        )

    def _print(self, expression: Any, **options: Any) -> str:
        if isinstance(expression, sp.NumberSymbol) or expression in (sp.oo, sp.nan, sp.zoo):
            return f"sp.{expression}"
        if expression is sp.S.NegativeInfinity:
            return "-sp.oo"
        return str(super()._print(expression, **options))

    def _print_Pow(self, power: Any, rational: bool = False) -> str:
        if power.exp is sp.S.Half:
            return f"sp.sqrt({self._print(power.base)})"
        return str(super()._print_Pow(power, rational=True))

    def _print_Function(self, function: Any) -> str:
        head, name = function.func, function.func.__name__
        arguments = ", ".join(map(self._print, function.args))
        if head in IMPORTED:
            self.imported.add(IMPORTED[head])
            return f"{IMPORTED[head]}({arguments})"
        if getattr(sp, name, None) is not head:
            raise UnsupportedError(f"There is no sympy.{name}.")
        return f"sp.{name}({arguments})"

    _print_LatticeOp = _print_Function

    def _print_Heaviside(self, function: Any) -> str:
        return f"sp.{super()._print_Heaviside(function)}"

    def _print_Relational(self, relation: Any) -> str:
        text = super()._print_Relational(relation)
        return f"sp.{text}" if text.startswith(("Eq(", "Ne(")) else str(text)


def _variables(symbols: Iterable[Any]) -> dict[Any, str]:
    """Return a name of Python for each symbol: its own where that is one."""
    names: dict[Any, str] = {}
    for place, symbol in enumerate(symbols):
        name = symbol.name
        usable = name.isidentifier() and unicodedata.normalize("NFKC", name) == name
        reserved = keyword.iskeyword(name) or name in TAKEN or name.startswith("__")
        if not usable or reserved or name in names.values():
            name = next(n for k in range(place, 10**6) if (n := f"x{k}") not in names.values())
        names[symbol] = name
    return names

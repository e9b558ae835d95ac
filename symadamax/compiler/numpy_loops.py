"""IR with loops -> Python source on NumPy: the oracle, in which each loop index is an axis.

A node that depends on i and j is an array with a length along the axes of i and j, and 1 along all
others; a sum over i is NumPy's along its axis. That takes memory that the native code does not
need, but no line of it is hard to check.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symadamax.compiler import numpy_code
from symadamax.compiler.affine import Access, Affine, Atom, Extent, Index, Size, ordered
from symadamax.compiler.ir import Node, Program, Scatter
from symadamax.compiler.operations import Kind

__all__ = ["load", "source"]

_TEMPORARY = re.compile(r"\bt(\d+)\b")


def source(program: Program, name: str) -> str:
    """Return the source of ``name(x, p, sizes, arrays, gradient, rows)``, which returns the value.

    The function takes the point, the parameters, the sizes and the list of arrays, unknown ones
    first. It writes the derivatives by the scalar unknowns into the first places of `gradient[0]`,
    and adds those by each unknown array to the further arrays of that list. `rows` holds the rows
    of a batch, where one is drawn.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.trace import trace
    >>> i, x = sp.symbols("i x")
    >>> print(source(trace(sp.Sum(x**i, (i, 0, 3)), [x]), "value"))
    def value(x, p, sizes, arrays, gradient, rows):
        i0 = _range(0, 3, 0, 1)
        t0 = np.power(x[0], _real(i0, x))
        t1 = _total(t0, True, 0).reshape(())
        return t1
    """
    return "\n".join(_Writer(program).lines(name))


class _Writer:
    def __init__(self, program: Program) -> None:
        self.program = program
        nodes = program.nodes()
        roots = [node.indices for node in nodes] + [s.indices for s in program.scatters]
        used = {i for found in roots for i in found}
        used |= {node.value for node in nodes if isinstance(node.value, Index)}
        self.axes = {index: k for k, index in enumerate(ordered(used))}
        self.texts: dict[Node, str] = {}

    def lines(self, name: str) -> list[str]:
        lines = [f"def {name}(x, p, sizes, arrays, gradient, rows):"]
        for index, axis in self.axes.items():
            if index.sampled:
                lines.append(f"    i{axis} = _drawn(rows, {axis}, {len(self.axes)})")
                continue
            ends = f"{self.whole(index.lower)}, {self.whole(index.upper)}"
            lines.append(f"    i{axis} = _range({ends}, {axis}, {len(self.axes)})")
            if self.ragged(index):
                lines.append(f"    m{axis} = _inside(i{axis}, {ends}){self.outer_mask(index)}")
        for node in self.program.nodes():
            text = self.text(node)
            if node.arguments:
                lines.append(f"    t{len(lines)} = {text}")
                text = f"t{len(lines) - 1}"
            self.texts[node] = text
        lines = _renumbered(lines, self.texts)
        value, *slopes = (self.texts[node] for node in self.program.outputs)
        lines += [f"    gradient[0][{k}] = {text}" for k, text in enumerate(slopes)]
        lines += [f"    {self.scatter(scatter)}" for scatter in self.program.scatters]
        return [*lines, f"    return {value}"]

    def ragged(self, index: Index) -> bool:
        """Tell whether the range of an index depends on another."""
        return len(index.indices) > 1

    def outer_mask(self, index: Index) -> str:
        outer = [o for o in ordered(index.indices - {index}) if self.ragged(o)]
        return "".join(f" & m{self.axes[o]}" for o in outer)

    def mask(self, indices: frozenset[Index] | set[Index]) -> str:
        """Return the condition that all of some ragged indices are in their ranges."""
        masks = [f"m{self.axes[i]}" for i in ordered(set(indices)) if self.ragged(i)]
        return " & ".join(masks) or "True"

    def whole(self, affine: Affine) -> str:
        terms = [f"{factor}*{self.atom(atom)}" for atom, factor in affine.terms]
        if affine.constant or not terms:
            terms.append(str(affine.constant))
        return " + ".join(term.removeprefix("1*") for term in terms)

    def atom(self, atom: Atom) -> str:
        if isinstance(atom, Index):
            return f"i{self.axes[atom]}"
        if isinstance(atom, Size):
            return f"sizes[{atom.place}]"
        if isinstance(atom, Extent):
            return f"{self.array(atom)}.shape[{atom.axis}]"
        return f"{self.access(atom.access)}.astype('int64')"

    def array(self, part: Access | Extent) -> str:
        unknown = sum(array.unknown for array in self.program.arrays)
        return f"arrays[{part.array.place + (0 if part.array.unknown else unknown)}]"

    def access(self, access: Access) -> str:
        positions = ", ".join(self.whole(position) for position in access.positions)
        return f"_element({self.array(access)}, {positions})"

    def scatter(self, scatter: Scatter) -> str:
        positions = ", ".join(self.whole(position) for position in scatter.access.positions)
        target = f"gradient[{1 + scatter.access.array.place}]"
        weight = self.texts[scatter.weight]
        loops = [f"i{self.axes[i]}" for i in ordered(scatter.indices)]
        mask = self.mask(scatter.indices)
        return f"_add({target}, ({positions},), {weight}, {mask}, [{', '.join(loops)}])"

    def text(self, node: Node) -> str:
        value = node.value
        if isinstance(value, Access):
            return f"_real({self.access(value)}, x)"
        if isinstance(value, Affine):
            return f"_real({self.whole(value)}, x)"
        if isinstance(value, Index):
            if node.name == "extent":
                return f"_extent({self.whole(value.lower)}, {self.whole(value.upper)}, x)"
            function = {"sum": "_total"}.get(node.name, f"_{node.name}")
            body = self.texts[node.arguments[0]]
            result = f"{function}({body}, {self.mask(value.indices)}, {self.axes[value]})"
            return result if node.indices else f"{result}.reshape(())"
        return _plain_text(node, self.texts)


def _renumbered(lines: list[str], texts: dict[Node, str]) -> list[str]:
    """Number the temporaries t0, t1, ... whatever stands before them."""
    first = next((k for k, line in enumerate(lines) if line.startswith("    t")), len(lines))

    def renamed(text: str) -> str:
        return _TEMPORARY.sub(lambda found: f"t{int(found[1]) - first}", text)

    for node in texts:
        texts[node] = renamed(texts[node])
    return [*lines[:first], *map(renamed, lines[first:])]


def _plain_text(node: Node, texts: dict[Node, str]) -> str:
    """Write an operation on arrays; constants alone are numbers of the point's type."""
    if node.name == "constant":
        return numpy_code.number(float(node.value))
    arguments = [texts[a] for a in node.arguments]
    reals = [k for k, a in enumerate(node.arguments) if a.operation.result is Kind.REAL]
    if reals and all(node.arguments[k].is_constant() for k in reals):
        arguments[reals[0]] = f"x.dtype.type({arguments[reals[0]]})"
    return numpy_code.filled(node, arguments)


def _range(lower: Any, upper: Any, axis: int, axes: int) -> Any:
    """Return the values of an index along its axis; of a ragged one, all that it ever takes."""
    if np.size(lower) == 0 or np.size(upper) == 0:
        lower, upper = 0, -1
    values = np.arange(np.min(lower), np.max(upper) + 1)
    return values.reshape([-1 if k == axis else 1 for k in range(axes)])


def _drawn(rows: Any, axis: int, axes: int) -> Any:
    """Return the rows of a batch along their axis."""
    return rows.reshape([-1 if k == axis else 1 for k in range(axes)])


def _inside(index: Any, lower: Any, upper: Any) -> Any:
    return (lower <= index) & (index <= upper)


def _extent(lower: Any, upper: Any, x: Any) -> Any:
    return _real(np.maximum(upper - lower + 1, 0), x)


def _real(whole: Any, x: Any) -> Any:
    return np.asarray(whole).astype(x.dtype, copy=False)


def _element(array: Any, *positions: Any) -> Any:
    """Return elements; where a ragged index is out of its range any will do."""
    places = [
        np.clip(np.asarray(p), 0, max(n - 1, 0))
        for p, n in zip(positions, array.shape, strict=True)
    ]
    if 0 in array.shape:
        return np.zeros(np.broadcast_shapes(*(p.shape for p in places)))
    return np.asarray(array[tuple(places)])


def _total(values: Any, inside: Any, axis: int) -> Any:
    return _reduced(np.sum, values, inside, axis, 0)


def _product(values: Any, inside: Any, axis: int) -> Any:
    return _reduced(np.prod, values, inside, axis, 1)


def _largest(values: Any, inside: Any, axis: int) -> Any:
    values = np.where(inside, values, values.dtype.type(-np.inf))
    return np.max(values, axis=axis, keepdims=True, initial=-np.inf)


def _reduced(reduce: Any, values: Any, inside: Any, axis: int, neutral: float) -> Any:
    kind = values.dtype
    values = np.where(inside, values, kind.type(neutral))
    return reduce(values, axis=axis, keepdims=True, dtype="float64").astype(kind)


def _add(target: Any, positions: Any, weight: Any, inside: Any, loops: Any) -> None:
    """Add weights at positions, for all values of the loops that are inside."""
    shape = np.broadcast_shapes(*(np.shape(part) for part in (weight, inside, *loops)))
    chosen = np.broadcast_to(inside, shape)
    places = tuple(np.broadcast_to(p, shape)[chosen] for p in positions)
    np.add.at(target, places, np.broadcast_to(weight, shape)[chosen])


def load(text: str, name: str) -> Callable[..., Any]:
    """Return the function of a source; its lines show in tracebacks."""
    filename = f"<symadamax {name} {hash(text) & 0xFFFFFFFF:08x}>"
    helpers: Sequence[Any] = (
        _drawn,
        _range, _inside, _extent, _real, _element, _total, _product, _largest, _add,
    )  # fmt: skip
    namespace = {**numpy_code.namespace(text), **{f.__name__: f for f in helpers}}
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    exec(compile(text, filename, "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function

"""Random objectives with nested sums, and an independent evaluation of what SymPy writes down.

The strategy draws an expression first and gives every array the shape that its positions reach, by
counting through the loops in Python. The evaluation walks the expression, unrolls every sum, and
takes gradients by a complex step: no code is shared with the compiler.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import assume
from hypothesis import strategies as st

from symadamax import Objective

__all__ = ["Case", "both_backends", "cases", "evaluate", "slopes"]

i, j, k = INDICES = sp.symbols("i j k", integer=True)
n, m = SIZES = sp.symbols("n m", integer=True)
a, b = SCALARS = sp.symbols("a b")
w, v, y = (sp.IndexedBase(name) for name in "wvy")
W, X = sp.IndexedBase("W"), sp.IndexedBase("X")
G = sp.IndexedBase("G")
STEP = 1e-30

Place = dict[Any, int]


@dataclass
class Case:
    """An objective, its data and a point."""

    expression: Any
    sizes: dict[Any, int]
    shapes: dict[Any, tuple[int, ...]] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.values: dict[Any, Any] = {s: float(rng.uniform(-1, 1)) for s in SCALARS}
        for base, shape in self.shapes.items():
            if base == G:
                most = min(extent for other in (w, y) for extent in self.shapes.get(other, (1,)))
                self.values[base] = rng.integers(0, max(most, 1), shape)
            else:
                self.values[base] = rng.uniform(-1.5, 1.5, shape)

    @property
    def unknowns(self) -> list[Any]:
        found = self.expression.free_symbols
        arrays = [base for base in (w, v, W) if base in self.shapes]
        return [s for s in SCALARS if s in found] + arrays

    @property
    def objective(self) -> Objective:
        data = {base: self.values[base] for base in (y, X, G) if base in self.shapes}
        found = self.expression.free_symbols
        parameters = {s: value for s, value in self.sizes.items() if s in found}
        return Objective(self.expression, self.unknowns, data=data, parameters=parameters)

    @property
    def point(self) -> dict[Any, Any]:
        return {u: self.values[u] for u in self.unknowns}


# ---- drawing ------------------------------------------------------------------------------------


def _turns(loops: list[Any], place: Place) -> Iterator[Place]:
    """Count through loops, the outermost first."""
    if not loops:
        yield place
        return
    index, lower, upper = loops[0]
    first, last = (int(evaluate(sp.sympify(end), {}, place)) for end in (lower, upper))
    if last < first - 1:
        raise Backwards
    for number in range(first, last + 1):
        yield from _turns(loops[1:], {**place, index: number})


def _needed(position: Any, loops: list[Any]) -> list[Any]:
    """Return the loops on whose indices a position depends, also by the bounds of others."""
    used: list[Any] = []
    symbols = set(position.free_symbols)
    for index, lower, upper in reversed(loops):
        if index in symbols:
            used.insert(0, (index, lower, upper))
            symbols |= sp.Tuple(lower, upper).free_symbols
    return used


class Backwards(Exception):
    """A range ends more than one before its start: SymPy gives that a meaning of its own."""


class _Drawing:
    """One case under way: the shapes grow with the positions that are drawn."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw
        # Lanes are eight: some loops have fewer turns, some whole vectors inside their ends.
        self.sizes: Place = {n: self.pick([0, 1, 2, 3, 4, 9, 12, 17]), m: self.pick(range(1, 5))}
        self.shapes: dict[Any, list[int]] = {}

    def pick(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def loop(self, index: Any, loops: list[Any]) -> list[Any]:
        """Return the loops with one more inside."""
        outer = [around[0] for around in loops]
        lowers = [0, 0, 0, 1, -1, *outer, *(-o for o in outer)]
        uppers = [n - 1, n - 1, n, m, 2, *outer, *(o + 1 for o in outer), *(2*o for o in outer),
                  *(n - 1 - o for o in outer)]  # fmt: skip
        for _ in range(4):
            new = (index, self.pick(lowers), self.pick(uppers))
            alone = [*_needed(sp.Tuple(*new[1:]), loops), new]
            try:
                turns = [
                    sum(1 for _ in _turns(nest, self.sizes)) for nest in (alone, [*loops, new])
                ]
            except Backwards:
                continue
            if turns[1] <= 300:
                return [*loops, new]
        return [*loops, (index, 0, m - 1)]

    def position(self, loops: list[Any], own: int = 1) -> tuple[Any, int]:
        """Return a position that is never negative, and the largest number that it takes."""
        inside = [around[0] for around in loops]
        position = sp.Integer(self.pick([0, 0, 1, 2]))
        for index in inside:
            position += self.pick([0, 0, 1, 1, -1, 2]) * index
        position += self.pick([0, 0, 0, 1]) * n
        # What depends on outer indices alone is read once, also where an inner loop has no turns.
        used = _needed(position, loops)
        reached = [int(evaluate(position, {}, place)) for place in _turns(used, self.sizes)]
        least = min(reached, default=0)
        return position - least, max(reached, default=0) - least

    def element(self, base: Any, axes: int, loops: list[Any]) -> Any:
        drawn = [self.position(loops) for _ in range(axes)]
        shape = self.shapes.setdefault(base, [self.pick([0, 1, 3])] * axes)
        for axis, (_, largest) in enumerate(drawn):
            shape[axis] = max(shape[axis], largest + 1)
        return base[tuple(position for position, _ in drawn)]

    def looked_up(self, base: Any, loops: list[Any]) -> Any:
        self.element(base, 1, loops)
        return base[self.element(G, 1, loops)]

    def leaf(self, loops: list[Any]) -> Any:
        kind = self.pick("aabwwwvWWyyXX#iGH" if loops else "abw#")
        if kind in "ab":
            return {"a": a, "b": b}[kind]
        if kind in "wvy":
            return self.element({"w": w, "v": v, "y": y}[kind], 1, loops)
        if kind in "WX":
            return self.element({"W": W, "X": X}[kind], 2, loops)
        if kind == "i":
            return self.pick([around[0] for around in loops]) / 10
        if kind in "GH":
            return self.looked_up({"G": w, "H": y}[kind], loops)
        return self.pick([sp.Rational(1, 3), sp.Float(-0.7), sp.Integer(2)])

    def expression(self, loops: list[Any], budget: int) -> Any:
        if budget <= 1:
            return self.leaf(loops)
        kind = self.pick(["+", "*", "*", "f", "/", "sum", "sum", "product", "choice", "pool"])
        free = [index for index in INDICES if index not in [around[0] for around in loops]]
        if kind in ("sum", "product", "pool") and free:
            return self.reduction(kind, loops, free[0], budget)
        one = self.expression(loops, budget // 2)
        if kind in ("f", "pool"):
            return self.pick(SMOOTH)(one)
        other = self.expression(loops, budget - budget // 2)
        if kind == "choice" and loops:
            return sp.Piecewise((one, self.condition(loops)), (other, True), evaluate=False)
        return {"+": one + other, "/": one / (2 + other**2)}.get(kind, one * other)

    def reduction(self, kind: str, loops: list[Any], index: Any, budget: int) -> Any:
        inner = self.loop(index, loops)
        body = self.expression(inner, budget - 1)
        if kind == "product":
            return sp.Product(self.pick(FACTORS)(body), inner[-1])
        if kind == "pool":
            return sp.log(self.pick([1, 2]) + sp.Sum(sp.exp(body), inner[-1]))
        return sp.Sum(body, inner[-1])

    def condition(self, loops: list[Any]) -> Any:
        left = self.pick([around[0] for around in loops])
        return self.pick([sp.Lt, sp.Ge, sp.Ne])(left, self.pick([1, m - 1, loops[0][0] + 1]))


COMPARISONS = {
    sp.StrictLessThan: operator.lt, sp.LessThan: operator.le, sp.StrictGreaterThan: operator.gt,
    sp.GreaterThan: operator.ge, sp.Ne: operator.ne, sp.Eq: operator.eq,
}  # fmt: skip
SMOOTH = [
    sp.sin, sp.tanh, lambda e: sp.exp(sp.sin(e)), lambda e: sp.log(2 + e**2),
    lambda e: sp.sqrt(1 + e**2), lambda e: e**2, lambda e: e**3, lambda e: sp.log(1 + sp.exp(e)),
]  # fmt: skip
FACTORS = [lambda e: 1 + sp.sin(e) / 2, lambda e: sp.sin(e) - sp.Rational(1, 4), sp.tanh]


@st.composite
def cases(draw: Any, budget: int = 9) -> Case:
    """Draw an objective with sums, with arrays of the shapes that it reads, and a point."""
    drawing = _Drawing(draw)
    expression = drawing.reduction(drawing.pick(["sum", "sum", "product"]), [], i, budget)
    expression = drawing.pick([lambda e: e, lambda e: e, lambda e: sp.log(3 + e**2)])(expression)
    if draw(st.booleans()):
        expression += drawing.reduction("sum", [], drawing.pick([i, j]), budget // 2)
    expression += a**2
    # SymPy may fold a Piecewise out of a sum, with the sum's index in its condition.
    assume(expression.free_symbols.isdisjoint(INDICES))
    present = {part.base for part in expression.atoms(sp.Indexed)}
    shapes = {base: tuple(s) for base, s in drawing.shapes.items() if base in present}
    return Case(expression, drawing.sizes, shapes, draw(st.integers(0, 99)))


# ---- evaluation ---------------------------------------------------------------------------------


def evaluate(part: Any, values: Mapping[Any, Any], place: Place) -> Any:
    """Evaluate an expression; an array's last axis is that of the directions."""
    if isinstance(part, sp.Indexed):
        position = tuple(int(evaluate(p, values, place)) for p in part.indices)
        return values[part.base][position]
    if part.is_Symbol:
        return place[part] if part in place else values[part]
    if part.is_Number:
        return int(part) if part.is_Integer else float(part)
    if isinstance(part, (sp.Sum, sp.Product)):
        return _reduced(part, list(reversed(part.limits)), values, place)
    if isinstance(part, sp.Piecewise):
        return evaluate(next(e for e, c in part.args if _holds(c, values, place)), values, place)
    inner = [evaluate(argument, values, place) for argument in part.args]
    if part.is_Add:
        return sum(inner)
    if part.is_Mul:
        return np.prod(np.broadcast_arrays(*inner), axis=0)
    if part.is_Pow:
        return np.asarray(inner[0], complex) ** float(inner[1])
    return getattr(np, part.func.__name__)(inner[0])


def _reduced(part: Any, limits: list[Any], values: Mapping[Any, Any], place: Place) -> Any:
    if not limits:
        return evaluate(part.function, values, place)
    index, lower, upper = limits[0]
    first, last = (int(evaluate(end, values, place)) for end in (lower, upper))
    total: Any = float(isinstance(part, sp.Product))
    for number in range(first, last + 1):
        one = _reduced(part, limits[1:], values, {**place, index: number})
        total = total * one if isinstance(part, sp.Product) else total + one
    return total


def _holds(condition: Any, values: Mapping[Any, Any], place: Place) -> bool:
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        every = all if isinstance(condition, sp.And) else any
        return every(_holds(part, values, place) for part in condition.args)
    left, right = (_real(evaluate(side, values, place)) for side in condition.args)
    return bool(COMPARISONS[condition.func](left, right))


def _real(number: Any) -> float:
    return float(np.real(np.asarray(number)).reshape(-1)[0])


def slopes(expression: Any, values: Mapping[Any, Any], unknowns: list[Any]) -> tuple[float, Any]:
    """Return the value and the gradient, unrolled and by complex steps along all coordinates."""
    stepped = dict(values)
    size = sum(int(np.size(values[u])) for u in unknowns)
    first = 0
    for unknown in unknowns:
        base = np.asarray(values[unknown], complex)
        moved = np.repeat(base[..., None], size, axis=-1)
        flat = moved.reshape(-1, size)
        flat[np.arange(base.size), first + np.arange(base.size)] += STEP * 1j
        stepped[unknown] = flat.reshape(moved.shape)
        first += base.size
    result = evaluate(expression, stepped, {})
    result = np.broadcast_to(result, (size,))
    return float(result[0].real), result.imag / STEP


def both_backends(objective: Objective, point: Any, dtype: str = "float64") -> list[Any]:
    """Return value and gradient from the machine code, and from NumPy."""
    from symadamax import _core

    x, shapes = objective.flat(point, dtype)
    native = objective.bound(shapes, "native", dtype)
    oracle = objective.bound(shapes, "numpy", dtype)
    gradients = np.full((2, x.size), np.nan, dtype)
    value = _core.evaluate(native.function, native.context, x, gradients[0])
    return [(value, gradients[0]), (oracle.function(x, gradients[1]), gradients[1])]

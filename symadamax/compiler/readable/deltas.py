"""The derivative of sums by one element of an array: terms, each for the indices where it holds.

By w[k], the sum over i from a to b of a term in w[i + 1] has the derivative of that term at
i = k - 1, where a <= k - 1 <= b. SymPy leaves Sum(KroneckerDelta(i + 1, k)*...) for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.tensor.indexed import Indexed

from symadamax.compiler.parts import largest_parts

__all__ = ["PARTS", "Term", "derivative"]

PARTS = (Indexed, sp.Sum, sp.Product)  # what SymPy's own derivative is kept from

Partial = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Term:
    """A part of a derivative.

    Parameters
    ----------
    value : sympy.Expr
        What it is, in the index of the derivative and those of the sums around it.
    positions : tuple of (sympy.Expr, sympy.Symbol)
        What must equal an index of the derivative, and is not solved for the index of a sum yet.
    bounds : tuple of sympy.Expr
        What must be at least 0.
    steps : tuple of (sympy.Expr, int)
        What must be a multiple of a whole number.
    """

    value: Any
    positions: tuple[tuple[Any, Any], ...] = ()
    bounds: tuple[Any, ...] = ()
    steps: tuple[tuple[Any, int], ...] = ()

    def times(self, factor: Any) -> Term:
        """Return the term with a factor that holds everywhere."""
        return replace(self, value=factor * self.value)

    def at(self, index: Any, place: Any) -> Term:
        """Return the term at one value of an index."""
        new = {index: place}
        return Term(
            self.value.xreplace(new),
            tuple((sp.expand(p.xreplace(new)), k) for p, k in self.positions),
            tuple(sp.expand(bound.xreplace(new)) for bound in self.bounds),
            tuple((sp.expand(step.xreplace(new)), by) for step, by in self.steps),
        )


def derivative(
    expression: Any, unknown: Any, indices: Sequence[Any], partial: Partial
) -> Iterator[Term]:
    """Yield the terms of the derivative by a symbol, or by the element of an array at indices.

    Parameters
    ----------
    expression : sympy.Expr
        In which no two sums have the same index.
    unknown : sympy.Symbol or sympy.IndexedBase
    indices : sequence of sympy.Symbol
        Of the element; none for a symbol.
    partial : callable
        The derivative of an expression without sums and arrays by a symbol.
    """
    if expression == unknown:
        yield Term(sp.S.One)
    elif isinstance(expression, Indexed):
        if expression.base == unknown:
            yield Term(sp.S.One, tuple(zip(expression.indices, indices, strict=True)))
    elif isinstance(expression, (sp.Sum, sp.Product)):
        yield from _reduced(expression, unknown, indices, partial)
    elif isinstance(expression, sp.Add):
        for term in expression.args:
            yield from derivative(term, unknown, indices, partial)
    else:
        stand_ins = {
            part: sp.Dummy(real=True) for part in largest_parts(expression, (*PARTS, unknown))
        }
        parts = {dummy: part for part, dummy in stand_ins.items()}
        shell = expression.xreplace(stand_ins)
        for part, dummy in stand_ins.items():
            terms = list(derivative(part, unknown, indices, partial))
            factor = partial(shell, dummy).xreplace(parts) if terms else 0
            yield from (term.times(factor) for term in terms)


def _reduced(part: Any, unknown: Any, indices: Sequence[Any], partial: Partial) -> Iterator[Term]:
    """Yield the terms of the derivative of a Sum, or of a Product f1*f2*...

    That of a Product is the Product times the sum of f1'/f1 + f2'/f2 + ...
    """
    is_product = isinstance(part, sp.Product)
    for term in derivative(part.function, unknown, indices, partial):
        summed = term.times(1 / part.function) if is_product else term
        for limit in part.limits:
            summed = _summed(summed, *limit)
        yield summed.times(part) if is_product else summed


def _summed(term: Term, index: Any, first: Any, last: Any) -> Term:
    """Return the sum of a term over an index: its value where a position fixes the index."""
    solvable = [
        (abs(factor), place, factor)
        for place, (position, _) in enumerate(term.positions)
        if (factor := _factor(position, index))
    ]
    if not solvable:
        return _over(term, index, first, last)
    size, place, factor = min(solvable, key=lambda found: found[:2])
    position, k = term.positions[place]
    distance = sp.expand(sp.sign(factor) * (k - position + factor * index))  # size times the index
    steps = term.steps if size == 1 else (*term.steps, (distance, size))
    bounds = (*term.bounds, distance - size * first, size * last - distance)
    positions = (*term.positions[:place], *term.positions[place + 1 :])
    return replace(term, positions=positions, bounds=bounds, steps=steps).at(index, distance / size)


def _factor(position: Any, index: Any) -> int:
    """Return the whole factor of an index in a position that is affine in it, or else 0."""
    position = sp.expand(position)
    factor = position.coeff(index, 1)
    rest = sp.expand(position - factor * index)
    return int(factor) if factor.is_Integer and not rest.has(index) else 0


def _over(term: Term, index: Any, first: Any, last: Any) -> Term:
    """Return the sum over an index that no position fixes, between narrower bounds if need be."""
    below, above, inside = [first], [last], []
    bounds = [bound for bound in term.bounds if not bound.has(index)]
    for bound in term.bounds:
        factor = _factor(bound, index)
        if factor == 1:
            below.append(index - bound)
        elif factor == -1:
            above.append(bound + index)
        elif bound.has(index):
            inside.append(bound >= 0)
    between = ((low, high) for low in below for high in above if (low, high) != (first, last))
    bounds += [bound for low, high in between if not (bound := sp.expand(high - low)).is_Integer]
    inside += [sp.Eq(sp.Mod(step, by), 0) for step, by in term.steps if step.has(index)]
    here = [(p, k) for p, k in term.positions if p.has(index)]
    value = sp.Mul(term.value, *(sp.KroneckerDelta(p, k) for p, k in here))
    if inside:
        value = sp.Piecewise((value, sp.And(*inside)), (0, True))
    return Term(
        _sum(value, index, _extreme(sp.Max, below, bounds), _extreme(sp.Min, above, bounds)),
        tuple(pair for pair in term.positions if pair not in here),
        tuple(dict.fromkeys(bounds)),
        tuple(step for step in term.steps if not step[0].has(index)),
    )


def _extreme(head: Any, ends: Sequence[Any], bounds: Sequence[Any]) -> Any:
    """Return the largest (sp.Max) or smallest of the ends of an index, given what is at least 0."""
    sign = 1 if head is sp.Max else -1
    kept: list[Any] = []
    for end in dict.fromkeys(map(sp.expand, ends)):
        kept = [other for other in kept if not _holds(sign * (end - other), bounds)]
        if not any(_holds(sign * (other - end), bounds) for other in kept):
            kept.append(end)
    return head(*kept)


def _holds(difference: Any, bounds: Sequence[Any]) -> bool:
    difference = sp.expand(difference)
    return difference.is_nonnegative is True or difference in bounds


def _sum(value: Any, index: Any, first: Any, last: Any) -> Any:
    """Return a sum with the factors outside that do not vary."""
    inside: list[Any] = []
    outside: list[Any] = []
    for factor in sp.Mul.make_args(value):
        number, rest = factor.primitive() if isinstance(factor, sp.Add) else (sp.S.One, factor)
        outside.append(number)
        (inside if rest.has(index) else outside).append(rest)
    if not inside:
        return sp.Mul(*outside, sp.expand(last - first + 1))
    return sp.Mul(*outside, sp.Sum(sp.Mul(*inside), (index, first, last)))

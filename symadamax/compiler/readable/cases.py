"""Terms that hold for some indices only -> one expression, as a person would write its cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symadamax.compiler.readable.deltas import Term

__all__ = ["merged"]


@dataclass(frozen=True)
class _Range:
    """Where a term holds: from `low` to `high` in each index, in steps, and as `other` says.

    An index that is not bounded has None.
    """

    low: tuple[Any, ...]
    high: tuple[Any, ...]
    steps: tuple[tuple[Any, int], ...]
    other: tuple[Any, ...]


def merged(terms: Sequence[Term], indices: Sequence[Any], shape: Sequence[Any] = ()) -> Any:
    """Return the sum of terms, each of them where it holds.

    Bounds are left out that hold for all elements of the shape; where there is no shape, for all
    elements that have a term.
    """
    groups: dict[_Range, list[Any]] = {}
    for term in terms:
        value, where = _range(term, indices)
        groups.setdefault(where, []).append(value)
    sums = {where: sp.Add(*values) for where, values in groups.items()}
    low: list[Any] = [sp.S.Zero for _ in shape]
    high: list[Any] = [size - 1 for size in shape]
    if not shape:
        low = [_extreme([where.low[axis] for where in sums], min) for axis in range(len(indices))]
        high = [_extreme([where.high[axis] for where in sums], max) for axis in range(len(indices))]
    if len(indices) == 1:
        cases = _ends(sums, indices[0], low[0], high[0])
        if cases is not None:
            return cases
    total = []
    for where, value in sums.items():
        condition = _condition(where, indices, low, high)
        total.append(value if condition == sp.true else sp.Piecewise((value, condition), (0, True)))
    return sp.Add(*total)


def _range(term: Term, indices: Sequence[Any]) -> tuple[Any, _Range]:
    """Return the value of a term, and where it holds."""
    value, bounds = term.value, list(term.bounds)
    for position, k in term.positions:
        if position.has(sp.Indexed, *indices):
            value *= sp.KroneckerDelta(k, position)
        else:
            bounds += [k - position, position - k]
    low: list[Any] = []
    high: list[Any] = []
    left = {bound for bound in bounds if bound.has(*indices)} if indices else set()
    for k in indices:
        below = [b for b in left if b.coeff(k) == 1 and not (b - k).has(*indices)]
        above = [b for b in left if b.coeff(k) == -1 and not (b + k).has(*indices)]
        left -= {*below, *above}
        for found, ends, choose in (
            (low, [k - b for b in below], max),
            (high, [b + k for b in above], min),
        ):
            end = _extreme(ends, choose)
            found.append(end)
            if end is None:
                left |= {*below} if found is low else {*above}
    other = tuple(sorted((bound >= 0 for bound in left), key=sp.default_sort_key))
    return value, _Range(tuple(low), tuple(high), term.steps, other)


def _extreme(ends: Sequence[Any], choose: Any) -> Any:
    """Return the smallest or largest of ends that differ by numbers, None where they do not."""
    if not ends or None in ends:
        return None
    distances = [sp.expand(end - ends[0]) for end in ends]
    if not all(distance.is_Integer for distance in distances):
        return None
    return sp.expand(ends[0] + choose(distances))


def _ends(sums: dict[_Range, Any], k: Any, low: Any, high: Any) -> Any:
    """Return the cases of the first index, the last one and those between, where there are such.

    Some terms begin at the first index, and others at the second; so it is at the end. What holds
    at the first then holds in every range that is not empty.
    """
    if low is None or high is None or any(w.steps or w.other or w.low[0] is None for w in sums):
        return None
    starts = {where: sp.expand(where.low[0] - low) for where in sums}
    stops = {where: sp.expand(high - where.high[0]) for where in sums if where.high[0] is not None}
    if len(stops) < len(sums) or {*starts.values(), *stops.values()} != {sp.S.Zero, sp.S.One}:
        return None
    inner = high - max(stops.values()) - low - max(starts.values()) + 1
    widths = [where.high[0] - where.low[0] for where in sums]
    if not all(sp.expand(inner - width).is_nonnegative for width in widths):
        return None
    pairs = []
    for distances, end in ((starts, low), (stops, high)):
        if sp.S.One in distances.values():
            there = sp.Add(*(value for w, value in sums.items() if distances[w] == 0))
            pairs.append((there.subs(k, end), sp.Eq(k, end)))
    return sp.Piecewise(*pairs, (sp.Add(*sums.values()), True))


def _condition(
    where: _Range, indices: Sequence[Any], low: Sequence[Any], high: Sequence[Any]
) -> Any:
    """Return the condition of a term, without the bounds that hold everywhere."""
    conditions = [*where.other, *(sp.Eq(sp.Mod(step, by), 0) for step, by in where.steps)]
    for axis, k in enumerate(indices):
        a, b = where.low[axis], where.high[axis]
        free = max((by for step, by in where.steps if step.has(k)), default=1)
        needs_a = a is not None and not _near(a, low[axis], free)
        needs_b = b is not None and not _near(high[axis], b, free)
        if a == b and (needs_a or needs_b):
            conditions.append(sp.Eq(k, a))
            continue
        if needs_a:
            conditions.append(k >= a)
        if needs_b:
            conditions.append(k <= b)
    return sp.And(*conditions)


def _near(upper: Any, lower: Any, step: int) -> bool:
    """Tell whether no multiple of a step lies between two ends."""
    if upper is None or lower is None:
        return False
    distance = sp.expand(upper - lower)
    return bool(distance.is_Integer and distance < step)

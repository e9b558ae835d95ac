"""Sums of products over many indices -> sums inside one another that take the fewest operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symadamax.compiler.naming import named
from symadamax.compiler.walk import show
from symadamax.errors import InputError, UnsupportedError

__all__ = ["fresh", "nested"]

LARGE = 1000  # what a size of unknown value counts, where one order of loops is chosen
SEARCHED = 10  # indices of one product of which the best order is looked for
UNROLLED = 1000  # terms that a dimension of an explicit matrix is written out to

Limit = tuple[Any, Any]  # an index from 0, and how many values it takes


def fresh() -> sp.Dummy:
    """Return an index that stands nowhere else; `nested` gives it a name."""
    return sp.Dummy("i", integer=True)


def nested(expression: Any, taken: set[str]) -> Any:
    """Return an expression with the sums over fresh indices (from 0) nested, and these named.

    Parameters
    ----------
    expression : sympy.Expr
        With sums over fresh indices, or over any Dummy as SymPy itself makes them.
    taken : set of str
        Names that no index may have.

    Examples
    --------
    >>> x, i, j = sp.IndexedBase("x"), fresh(), fresh()
    >>> nested(sp.Sum(x[i]*x[j], (i, 0, 9), (j, 0, 9)), {"x"})
    Sum(x[i], (i, 0, 9))**2
    """
    whole = named(_nested(expression), [], taken)
    return whole.replace(sp.KroneckerDelta, lambda i, j: sp.Piecewise((1, sp.Eq(i, j)), (0, True)))


def _is_fresh(part: Any) -> bool:
    """Tell whether a sum is over indices that are ours, or SymPy's, and free of each other."""
    return isinstance(part, sp.Sum) and all(
        isinstance(limit[0], sp.Dummy) and limit[1] == 0 and not limit[2].has(sp.Dummy)
        for limit in part.limits
    )


def _nested(part: Any) -> Any:
    """Nest the sums of an expression, the innermost first."""
    if not part.args or isinstance(part, (sp.Indexed, MatrixElement)):
        return part
    arguments = [_nested(argument) for argument in part.args]
    changed = any(new is not old for new, old in zip(arguments, part.args, strict=True))
    part = part.func(*arguments) if changed else part
    if _is_fresh(part):
        return _total(*_flat(part))
    if isinstance(part, sp.Sum):
        return _written_out(part)
    return part


def _flat(part: Any) -> tuple[list[Any], list[Limit]]:
    """Return the factors of a product, and the indices of the sums that stand among them."""
    factors: list[Any] = []
    limits: list[Limit] = []
    for factor in sp.Mul.make_args(part):
        if _is_fresh(factor):
            inner, within = _flat(factor.function)
            limits += [(index, last + 1) for index, _, last in reversed(factor.limits)] + within
            factors += inner
        else:
            factors.append(factor)
    return factors, limits


def _total(factors: Sequence[Any], limits: Sequence[Limit]) -> Any:
    """Return the sum of a product over all its indices."""
    for place, (index, size) in enumerate(limits):
        rest = [*limits[:place], *limits[place + 1 :]]
        if _explicit(factors, index):
            parts = (_total(_at(factors, index, k), rest) for k in _values(index, size))
            return sp.Add(*parts)
        split = _delta(factors, index)
        if split is not None:
            others, terms = split
            return sp.Add(*(_term(others, term, index, limits, rest) for term in terms))
    return _product(factors, limits)


def _term(
    others: list[Any], term: Any, index: Any, limits: Sequence[Limit], rest: Sequence[Limit]
) -> Any:
    """Return the sum of a product, of which one term of a factor is left.

    Where that term has KroneckerDelta(index, k), the sum over the index is its value at k.
    """
    factors = [*others, *sp.Mul.make_args(term)]
    for place, factor in enumerate(factors):
        if isinstance(factor, sp.KroneckerDelta) and index in factor.args:
            other = factor.args[factor.args[0] == index]
            return _total(_at([*factors[:place], *factors[place + 1 :]], index, other), rest)
    return _total(factors, limits)


def _delta(factors: Sequence[Any], index: Any) -> tuple[list[Any], list[Any]] | None:
    """Return a factor as its terms, where one has KroneckerDelta(index, ...), and the others."""
    for place, factor in enumerate(factors):
        terms = sp.Add.make_args(factor)
        deltas = (part for term in terms for part in sp.Mul.make_args(term))
        if any(isinstance(part, sp.KroneckerDelta) and index in part.args for part in deltas):
            rest = [term for term in terms if not _has_delta(term, index)]
            found = [term for term in terms if _has_delta(term, index)]
            return [*factors[:place], *factors[place + 1 :]], [*found, sp.Add(*rest)]
    return None


def _has_delta(term: Any, index: Any) -> bool:
    parts = sp.Mul.make_args(term)
    return any(isinstance(part, sp.KroneckerDelta) and index in part.args for part in parts)


def _at(factors: Sequence[Any], index: Any, value: Any) -> list[Any]:
    """Return the factors of the product at one value of an index."""
    return list(sp.Mul.make_args(_read(sp.Mul(*factors), index, value)))


# ---- the order of loops ------------------------------------------------------------------------


def _product(factors: Sequence[Any], limits: Sequence[Limit]) -> Any:
    """Return the product of the sums into which a sum of a product falls apart."""
    return sp.Mul(*(_component(*group) for group in _components(factors, limits)))


def _component(factors: Sequence[Any], limits: Sequence[Limit]) -> Any:
    if not limits:
        return sp.Mul(*factors)
    index, size = limits[_outermost(factors, limits, {})[-1]]
    body = _product(factors, [limit for limit in limits if limit[0] != index])
    return sp.Sum(body, (index, 0, size - 1)) if factors else size * body


def _outermost(
    factors: Sequence[Any], limits: Sequence[Limit], known: dict[frozenset[Any], tuple[int, ...]]
) -> tuple[int, ...]:
    """Return the fewest operations of the sum of a product, and the place of its outermost index.

    Without the outermost index, the product falls apart into those that share no index. Of orders
    that take the same, that one is chosen which reads the rows of an array one after the other.
    """
    key = frozenset(index for index, _ in limits)
    if not limits or len(limits) > SEARCHED:
        return len(factors), len(limits) // 2
    if key not in known:
        known[key] = min(_cost(factors, limits, place, known) for place in range(len(limits)))
    return known[key]


def _cost(
    factors: Sequence[Any], limits: Sequence[Limit], place: int, known: Any
) -> tuple[int, ...]:
    """Return the operations, the reads across the rows of an array, and the place."""
    index, size = limits[place]
    rest = [*limits[:place], *limits[place + 1 :]]
    inside = sum(_outermost(*group, known)[0] for group in _components(factors, rest))
    elements = (element for factor in factors for element in factor.atoms(sp.Indexed))
    across = sum(len(e.indices) > 1 and e.indices[-1].has(index) for e in elements)
    return (int(size) if size.is_Integer else LARGE) * inside, across, place


def _components(
    factors: Sequence[Any], limits: Sequence[Limit]
) -> Iterator[tuple[list[Any], list[Limit]]]:
    """Yield the groups of factors that share indices, each with its indices."""
    groups: list[tuple[list[Any], list[Limit]]] = [([], [limit]) for limit in limits]
    for factor in factors:
        free = factor.free_symbols
        touched = [any(index in free for index, _ in group[1]) for group in groups]
        joined: tuple[list[Any], list[Limit]] = ([], [])
        for group in compress(groups, touched):
            joined[0].extend(group[0])
            joined[1].extend(group[1])
        joined[0].append(factor)
        groups = [*(group for group, met in zip(groups, touched, strict=True) if not met), joined]
    yield from groups


# ---- explicit matrices -------------------------------------------------------------------------


def _explicit(factors: Sequence[Any], index: Any) -> bool:
    """Tell whether an explicit matrix is read at an index."""
    return any(
        index in element.free_symbols
        for factor in factors
        for element in factor.atoms(MatrixElement)
    )


def _values(index: Any, size: Any) -> range:
    if size.is_Integer and size <= UNROLLED:
        return range(int(size))
    raise UnsupportedError(
        f"The index {index} of an explicit matrix takes {size} values; at most {UNROLLED:,} are "
        "written out. Take a MatrixSymbol in its place, and give its numbers as data."
    )


def _written_out(part: Any) -> Any:
    """Write out a sum of the user over the indices of explicit matrices."""
    for place, (index, first, last) in enumerate(part.limits):
        if _explicit([part.function], index):
            within, around = part.limits[:place], part.limits[place + 1 :]
            inner = sp.Sum(part.function, *within) if within else part.function
            values = _values(index, last - first + 1)
            written = sp.Add(*(_read(inner, index, first + k) for k in values))
            return _nested(sp.Sum(written, *around) if around else written)
    return part


def _read(part: Any, index: Any, value: Any) -> Any:
    """Return an expression at one value of an index."""
    for element in part.atoms(MatrixElement):
        places = (place.subs(index, value) for place in element.indices)
        for place, size in zip(places, element.parent.shape, strict=True):
            if place.is_Integer and not 0 <= place < size:
                raise InputError(f"{show(element)} leaves the matrix where {index} is {value}.")
    return part.subs(index, value)

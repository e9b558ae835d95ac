"""The gradient in mathematics: equal to that of the sum written out, and as a person writes it."""

from __future__ import annotations

import pytest
import sympy as sp

from symadamax.compiler.readable import readable_gradient
from symadamax.compiler.readable.cases import merged
from symadamax.compiler.readable.deltas import Term

i, j, k, m, n = sp.symbols("i j k m n", integer=True)
k1, k2 = sp.symbols("k1 k2", integer=True)
a, b = sp.symbols("a b")
A, W, X, c, g, t, w, y = map(sp.IndexedBase, "AWXcgtwy")
fit = sp.Sum((a * sp.exp(-b * t[i]) - c[i]) ** 2, (i, 0, n - 1)) / n
rosenbrock = sp.Sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2))
linear = sp.Sum(X[i, j] * w[j], (j, 0, m - 1))
groups = sp.Sum((y[i] - w[g[i]]) ** 2, (i, 0, n - 1))


def over(term, index, last, first=0):
    return sp.Sum(term, (index, first, last))


# ---- the values --------------------------------------------------------------------------------

FAMILIES = {
    "a scalar": (fit, b),
    "a scalar beside an array": (over(sp.sin(a * w[i]), i, n - 1) ** 2 + a**3, a),
    "a kink": (over(sp.Abs(w[i] - 1) * sp.sign(a), i, n - 1), w),
    "logistic": (over(sp.log(1 + sp.exp(-y[i] * linear)), i, n - 1), w),
    "rosenbrock": (rosenbrock, w),
    "a chain": (over(w[i] ** 2, i, n - 1) + over(w[i] * w[i - 1], i, n - 1, 1), w),
    "neighbours that are not adjacent": (over((w[i] - w[i + 2]) ** 3, i, n - 3), w),
    "three neighbours": (over((w[i - 1] - 2 * w[i] + w[i + 1]) ** 2, i, n - 2, 1), w),
    "reversed": (over(c[i] * w[n - 1 - i] ** 2 * w[i], i, n - 1), w),
    "strides": (over((w[2 * i] - c[i] * w[2 * i + 1]) ** 2, i, n - 1), w),
    "backwards in strides": (over(c[i] * w[3 * n - 2 * i] ** 2, i, n - 1), w),
    "triangular": (over(over(X[i, j] * w[j] ** 2, j, i), i, n - 1), w),
    "the other triangle": (over(over(X[i, j] * w[i] * w[j] ** 2, j, n - 1, i + 1), i, n - 1), w),
    "bounds that are not unit": (over(over(X[i, j] * w[j] ** 2, j, 2 * i), i, n - 1), w),
    "groups": (groups + a * over(w[j] ** 2, j, m - 1), w),
    "a row of each group": (over(sp.cos(over(A[g[i], j] * X[i, j], j, m - 1)), i, n - 1), A),
    "a product": (sp.Product(1 + w[i] ** 2, (i, 0, n - 1)) * w[0], w),
    "a product in a sum": (over(sp.Product(a + w[i + j], (j, 0, 2)), i, n - 1), w),
    "a factorization": (over(over((X[i, j] - over(W[i, k] * A[k, j], k, m - 1)) ** 2, j, m), i, n),
                        W),
    "its other factor": (over(over((X[i, j] - over(A[i, k] * W[k, j], k, m - 1)) ** 2, j, m), i, n),
                         W),
    "a grid": (over(over((W[i, j] - W[i + 1, j]) ** 2 + W[i, j] * W[i, j + 1] ** 2, j, m - 1),
                    i, n - 1), W),
    "a transpose": (over(over(W[i, j] * W[j, i] ** 2, j, n - 1), i, n - 1), W),
    "a diagonal": (over(W[i, i] ** 3 + W[i, i + 1] ** 2, i, n - 1), W),
    "a convolution": (over(over(X[i, j] * w[i + j] ** 2, j, m - 1), i, n - 1), w),
    "a correlation": (over(over(X[i, j] * w[i - j + m] ** 2, j, m - 1), i, n - 1), w),
    "two of a sum": (sp.Sum(X[i, j] * w[i] * w[j] ** 2, (j, 0, n - 1), (i, 0, n - 1)), w),
    "a function of sums": (sp.log(over(sp.exp(w[i]), i, n - 1)) * over(w[i] ** 2, i, n - 1, 1), w),
    "the same index twice": (over(w[i] * over(w[i] ** 2 * c[i], i, n - 1), i, n - 1), w),
    "a fixed element": ((w[0] - 1) ** 2 + w[n - 1] ** 3 + over(w[0] * w[i] ** 2, i, n - 1), w),
    "an index called k": (over(c[k] * w[k] ** 2, k, n - 1), w),
    "cases": (over(sp.Piecewise((w[i] ** 2, i < 2), (w[i] ** 3, True)), i, n - 1), w),
}  # fmt: skip


def number(name, *places):
    """Return an element of an array: a group for g, and for others no number like another."""
    if name == "g":
        return (2 * places[0] + 1) % 3
    first = sum(map(ord, name))
    return sp.Rational(first % 11 + sum(3**d * p for d, p in enumerate(places)), 7 + first % 5)


def written_out(part, sizes):
    """Return an expression without sums, of one plain symbol for each element."""
    if isinstance(part, (sp.Sum, sp.Product)):
        *limits, (index, first, last) = part.limits
        first, last = (int(bound.subs(sizes).doit()) for bound in (first, last))
        assert last >= first - 1  # SymPy gives shorter ranges another meaning
        inner = part.func(part.function, *limits) if limits else part.function
        terms = [written_out(inner.subs(index, at), sizes) for at in range(first, last + 1)]
        return (sp.Add if isinstance(part, sp.Sum) else sp.Mul)(*terms)
    if isinstance(part, sp.Indexed):
        places = [int(written_out(place, sizes)) for place in part.indices]
        shown = ",".join(map(str, places))
        return number("g", *places) if part.base == g else real(f"{part.base}[{shown}]")
    if isinstance(part, sp.Piecewise):
        taken = (value for value, test in part.args if written_out(test, sizes) == sp.true)
        return written_out(next(taken), sizes)
    if not part.args:
        return part.subs(sizes)
    return part.func(*(written_out(argument, sizes) for argument in part.args))


def real(name):
    return sp.Symbol(name, real=True)


def valued(expression):
    """Return the number of an expression of plain symbols."""
    values = {a: sp.Rational(2, 3), b: sp.Rational(-3, 7)}
    for symbol in expression.free_symbols - set(values):
        name, _, places = symbol.name.rstrip("]").partition("[")
        values[symbol] = number(name, *(int(place) for place in places.split(",")))
    return float(expression.subs(values))


def places_read(plain, unknown):
    """Return the places of the elements that an expression has of an array."""
    names = [s.name for s in plain.free_symbols if s.name.startswith(f"{unknown}[")]
    return [[int(place) for place in name[:-1].split("[")[1].split(",")] for name in names]


@pytest.mark.parametrize("sizes", [{n: 3, m: 3}, {n: 4, m: 2}], ids=str)
@pytest.mark.parametrize("name", FAMILIES)
def test_it_is_the_gradient_of_the_sum_written_out(name, sizes):
    expression, unknown = FAMILIES[name]
    (gradient,) = readable_gradient(expression, [unknown])
    assert not gradient.atoms(sp.Dummy)
    plain = written_out(expression, sizes)
    if isinstance(unknown, sp.Symbol):
        assert valued(written_out(gradient, sizes)) == pytest.approx(valued(plain.diff(unknown)))
        return
    everywhere = places_read(plain, unknown)
    assert everywhere
    for places in everywhere:
        letter = "l" if name == "an index called k" else "k"
        names = [letter] if len(places) == 1 else ["k1", "k2"]
        at = {sp.Symbol(k, integer=True): p for k, p in zip(names, places, strict=True)}
        here = valued(written_out(gradient.subs(at), sizes))
        element = real(f"{unknown}[{','.join(map(str, places))}]")
        assert here == pytest.approx(valued(plain.diff(element)), rel=1e-9)


# ---- the words ---------------------------------------------------------------------------------

residual = a * sp.exp(-b * t[i]) - c[i]
power = sp.exp(-y[i] * linear)
by_group = 2 * over((w[g[i]] - y[i]) * sp.KroneckerDelta(k, g[i]), i, n - 1)
v = sp.IndexedBase("v", shape=(m,))
WRITTEN = [
    (fit, a, 2 * over(residual * sp.exp(-b * t[i]), i, n - 1) / n),
    (fit, b, -2 * a * over(residual * sp.exp(-b * t[i]) * t[i], i, n - 1) / n),
    (over(linear**2, i, n - 1), w, 2 * over(X[i, k] * linear, i, n - 1)),
    (over(sp.log(1 + power), i, n - 1), w, -over(power * X[i, k] * y[i] / (1 + power), i, n - 1)),
    (groups, w, by_group),
    (over(over(X[i, j] * w[j], j, i), i, n - 1), w, over(X[i, k], i, n - 1, k)),
    (over(c[i] * w[n - 1 - i], i, n - 1), w, c[n - 1 - k]),
    (over(w[2 * i] ** 2, i, n - 1), w,
     sp.Piecewise((2 * w[k], sp.Eq(sp.Mod(k, 2), 0)), (0, True))),
    (over(over(W[i, j] * W[j, i], j, n - 1), i, n - 1), W, 2 * W[k2, k1]),
    (over(a * w[i] ** 2, i, n - 1), w, 2 * a * w[k]),
    (over(w[i] ** 2, i, n - 1) + w[n - 1], w,
     2 * w[k] + sp.Piecewise((1, sp.Eq(k, n - 1)), (0, True))),
    (sp.Product(w[i], (i, 1, n)), w, sp.Product(w[i], (i, 1, n)) / w[k]),
    (groups + a * over(w[j] ** 2, j, m - 1), w,
     sp.Piecewise((2 * a * w[k], k <= m - 1), (0, True)) + by_group),
    (groups.xreplace({w: v}) + a * over(v[j] ** 2, j, m - 1), v,
     2 * a * v[k] + by_group.xreplace({w: v})),
    (over(v[i], i, n - 1), v, sp.Piecewise((1, k <= n - 1), (0, True))),
    (over(c[i], i, n - 1), w, 0),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "unknown", "gradient"), WRITTEN, ids=lambda e: str(e)[:50])
def test_it_is_what_a_person_would_write(expression, unknown, gradient):
    assert readable_gradient(expression, [unknown]) == [gradient]


def test_rosenbrock_has_a_first_a_last_and_an_inner_case():
    (gradient,) = readable_gradient(rosenbrock, [w])
    (first, at_first), (last, at_last), (inner, otherwise) = gradient.args
    assert (at_first, at_last, otherwise) == (sp.Eq(k, 0), sp.Eq(k, n - 1), True)
    assert sp.expand(first - (-400 * w[0] * (w[1] - w[0] ** 2) - 2 * (1 - w[0]))) == 0
    assert sp.expand(last - 200 * (w[n - 1] - w[n - 2] ** 2)) == 0
    middle = -400 * w[k] * (w[k + 1] - w[k] ** 2) - 2 * (1 - w[k]) + 200 * (w[k] - w[k - 1] ** 2)
    assert sp.expand(inner - middle) == 0


@pytest.mark.parametrize(("name", "index"), [("k", "l"), ("kl", "m"), ("klmpq", "k_")])
def test_the_index_has_a_name_that_is_not_taken(name, index):
    others = sp.Add(*map(sp.Symbol, name))
    (gradient,) = readable_gradient(over(w[i] ** 2 * others, i, n - 1), [w])
    assert sp.expand(gradient - 2 * others * w[sp.Symbol(index, integer=True)]) == 0


def test_two_unknowns_and_their_order():
    expression = over((a * w[i] - c[i]) ** 2, i, n - 1)
    by_a, by_w = readable_gradient(expression, [a, w])
    assert by_a == 2 * over((a * w[i] - c[i]) * w[i], i, n - 1)
    assert by_w == 2 * a * (a * w[k] - c[k])


def test_what_a_sum_and_a_scalar_function_have_at_a_kink():
    (gradient,) = readable_gradient(over(sp.floor(w[i]) * sp.Abs(w[i]), i, n - 1), [w])
    assert gradient == sp.floor(w[k]) * sp.sign(w[k])


@pytest.mark.parametrize("first", [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2)], ids=str)
@pytest.mark.parametrize("second", [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)], ids=str)
def test_bounds_that_are_merged_hold_wherever_a_sum_reads_the_array(first, second):
    pairs = [(a, *first), (b, *second)]  # a value, and what is left out at the two ends
    whole = merged([Term(v, (), (k - low, n - 1 - high - k)) for v, low, high in pairs], [k])
    for length in range(3, 7):
        for place in range(length):
            alive = [v for v, low, high in pairs if low <= place < length - high]
            if alive:
                assert whole.subs({k: place, n: length}) == sp.Add(*alive)

"""Matrices as sums: the same value, the sums that a person would write, and what is refused."""

from __future__ import annotations

import pickle

import pytest
import sympy as sp
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement

from symadamax.compiler.matrices import has_matrices, scalar_form
from symadamax.errors import InputError, UnsupportedError
from symadamax.objective import Objective

m, n, i, j, k = sp.symbols("m n i j k", integer=True)
a = sp.Symbol("a")
A, S, W = sp.MatrixSymbol("A", m, n), sp.MatrixSymbol("S", n, n), sp.MatrixSymbol("W", m, m)
X, F = sp.MatrixSymbol("X", n, m), sp.MatrixSymbol("F", 3, 2)
b, x, y = sp.MatrixSymbol("b", m, 1), sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", n, 1)
row, s = sp.MatrixSymbol("r", 1, n), sp.MatrixSymbol("s", 1, 1)
z = sp.MatrixSymbol("z", 2, 1)
M = sp.Matrix([[1, a], [3, 4]])
one = sp.Identity(n)
residual = A * x - b
SIZES = {m: 3, n: 2}


def unit(size):
    return sp.OneMatrix(1, size)


VALUED = [
    residual.T * residual, (residual.T * residual)[0, 0], (A * x).T * (A * x),
    ((A * x).T * (A * x))[0, 0], x.T * S * x, 3 * x.T * S * y, (A * x).T * W * (A * x), row * x,
    row * S * row.T, x.T * A.T * DiagMatrix(b) * A * x, x.T * (S + a * one) * (S - one) * y,
    sp.Trace(S), sp.Trace(S * S), sp.Trace(A * X * W), sp.sqrt(sp.Trace(X.T * X)),
    sp.Trace((S - one).T * (S - one)), sp.Trace(x * y.T), sp.Trace(2 * S + one), sp.Trace(one),
    x.T * y * y.T * x, (x.T * x) ** 2, sp.sqrt(x.T * x), (x.T * x) ** -1, s * s, s + x.T * x,
    x.T * S**3 * x, x.T * sp.Adjoint(S) * x,
    sp.exp((x.T * x)[0, 0]) + sp.log(1 + sp.Trace(S * S.T)),
    unit(n) * sp.HadamardProduct(x, y), unit(n) * sp.HadamardPower(x, 3),
    unit(n) * x.applyfunc(sp.sin), unit(m) * A * sp.OneMatrix(n, 1), unit(n) * sp.OneMatrix(n, 1),
    DotProduct(x, y), DotProduct(row, x), sp.ZeroMatrix(1, n) * x + s,
    sp.FunctionMatrix(1, n, "lambda i, j: i + 2*j") * x, S[0:2, 0:2][1, 0], A[0, 1] ** 2 + F[2, 0],
    sp.Sum(A[i, 0] * b[i, 0] ** 2, (i, 0, m - 1)), sp.Sum(F[i, j], (i, 0, 2), (j, 0, 1)),
    sp.Sum((A * x)[i, 0] * b[i, 0], (i, 0, m - 1)),
    z.T * M * z, (M * z - sp.Matrix([1, a])).T * (M * z - sp.Matrix([1, a])),
    sp.Sum((M * z)[i, 0] ** 2, (i, 0, 1)), sp.Sum(M[i, 0] * b[j, 0], (i, 0, 1), (j, 0, m - 1)),
    sp.Trace(F * M * F.T), unit(2) * sp.Matrix([z[0, 0] ** 2, F[0, 1]]),
    sp.Piecewise((x.T * x, sp.Trace(S) > 0), (a, True)),
]  # fmt: skip


def matrix(symbol):
    """Return numbers for a matrix, none of them like another."""
    rows, columns = (int(size.subs(SIZES)) for size in symbol.shape)
    first = sum(map(ord, symbol.name))
    return sp.ImmutableDenseMatrix(
        rows, columns, lambda p, q: sp.Rational(first % 7 + 2 * p + 5 * q, 1 + first % 5 + p * q)
    )


def value_of_matrices(expression):
    """Return the number that SymPy makes of an expression with explicit matrices."""
    sized = expression.subs(SIZES).replace(sp.Trace, lambda whole: whole.as_explicit().trace())
    symbols = sized.atoms(sp.MatrixSymbol)
    explicit = sized.subs({symbol: matrix(symbol) for symbol in symbols}).subs(a, 7)
    explicit = explicit.doit(deep=True)
    if isinstance(explicit, sp.MatrixExpr):
        explicit = explicit.as_explicit()
    return sp.sympify(explicit[0, 0] if isinstance(explicit, sp.MatrixBase) else explicit).doit()


def value_of_sums(scalar, arrays):
    """Return the number that SymPy makes of the sums."""
    numbers = {array.name: matrix(symbol) for symbol, array in arrays.items()}
    written = scalar.subs({**SIZES, a: 7}).doit()
    for element in written.atoms(sp.Indexed):
        whole = numbers[element.base.name]
        places = [int(place) for place in element.indices]
        number = whole[tuple(places)] if len(places) == 2 else whole[places[0]]
        written = written.xreplace({element: number})
    return written


@pytest.mark.parametrize("expression", VALUED, ids=lambda e: str(e).replace("\n", "")[:60])
def test_the_sums_have_the_value_of_the_matrices(expression):
    scalar, arrays = scalar_form(expression)
    assert not has_matrices(scalar)
    assert not scalar.has(sp.KroneckerDelta)
    assert not scalar.atoms(sp.Dummy)
    assert sp.simplify(value_of_sums(scalar, arrays) - value_of_matrices(expression)) == 0


ix, iA, iS, iW, iX, ib, iy = (
    sp.IndexedBase(array.name, shape=tuple(size for size in array.shape if size != 1))
    for array in (x, A, S, W, X, b, y)
)


def over(term, *indices):
    return sp.Sum(term, *((index, 0, size - 1) for index, size in indices))


PRODUCT = over(iA[i, j] * ix[j], (j, n))
SHAPES = [
    (residual.T * residual, over((PRODUCT - ib[i]) ** 2, (i, m))),
    ((residual.T * residual)[0, 0], over((PRODUCT - ib[i]) ** 2, (i, m))),
    ((A * x).T * (A * x), over(PRODUCT**2, (i, m))),
    (((A * x).T * (A * x))[0, 0], over(PRODUCT**2, (i, m))),
    (x.T * A.T * DiagMatrix(b) * A * x, over(ib[i] * PRODUCT**2, (i, m))),
    (x.T * (S + a * one) * x,
     over((over(iS[i, j] * ix[j], (j, n)) + a * ix[i]) * ix[i], (i, n))),
    (x.T * y * y.T * x, over(ix[i] * iy[i], (i, n)) ** 2),
    (sp.sqrt(sp.Trace(X.T * X)), sp.sqrt(over(iX[i, j] ** 2, (j, m), (i, n)))),
    (sp.Trace(x * x.T), over(ix[i] ** 2, (i, n))),
    (sp.Trace(one), n),
    (unit(n) * DiagonalOf(S), over(iS[i, i], (i, n))),
    (sp.Sum(A[i, j] * x[j, 0], (j, 0, i), (i, 0, m - 1)),
     sp.Sum(iA[i, j] * ix[j], (j, 0, i), (i, 0, m - 1))),
    (sp.exp(x.T * x), sp.exp(over(ix[i] ** 2, (i, n)))),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "sums"), SHAPES, ids=[str(e)[:50] for e, _ in SHAPES])
def test_the_sums_are_those_that_take_the_fewest_operations(expression, sums):
    assert scalar_form(expression)[0] == sums


def test_arrays_have_the_names_and_the_shapes_of_the_matrices():
    assert scalar_form(residual.T * residual + s + row * x)[1] == {
        A: sp.IndexedBase("A", shape=(m, n)), x: sp.IndexedBase("x", shape=(n,)),
        b: sp.IndexedBase("b", shape=(m,)), s: sp.IndexedBase("s", shape=(1,)),
        row: sp.IndexedBase("r", shape=(n,)),
    }  # fmt: skip


def test_names_of_indices_are_not_taken():
    vector = sp.MatrixSymbol("i", n, 1)
    scalar, arrays = scalar_form((vector.T * S * vector)[0, 0] + sp.Symbol("k"))
    free = arrays[vector]
    inner = over(iS[j, sp.Symbol("l", integer=True)] * free[sp.Symbol("l", integer=True)],
                 (sp.Symbol("l", integer=True), n))  # fmt: skip
    assert scalar == over(free[j] * inner, (j, n)) + sp.Symbol("k")


def test_equal_objectives_stay_equal_and_can_be_pickled():
    first, second = ((residual.T * residual)[0, 0] for _ in range(2))
    assert scalar_form(first)[0] == scalar_form(second)[0]
    assert pickle.loads(pickle.dumps(scalar_form(first))) == scalar_form(first)


def test_an_explicit_matrix_may_be_one_that_can_change():
    p, q = sp.symbols("p q")
    row, square = sp.Matrix([[p, q]]), sp.Matrix([[2, 1], [1, 3]])
    assert Objective(row * square * row.T).value([1, 2]) == 18


def test_what_has_no_matrices_is_left_alone():
    expression = over(ix[i] ** 2, (i, n)) + sp.KroneckerDelta(0, 0) + a
    scalar, arrays = scalar_form(expression)
    assert scalar is expression
    assert arrays == {}


def test_has_matrices_at_any_depth():
    deep = x[0, 0]
    for _ in range(5000):
        deep = sp.Add(deep, 1, evaluate=False)
    assert has_matrices(deep)
    assert not has_matrices(over(ix[i] ** 2, (i, n)) + a)


def test_long_products_are_ordered_in_time():
    scalar, _ = scalar_form(x.T * S**15 * x)
    assert len(scalar.atoms(sp.Sum)) >= 5


REFUSED = [
    (x.T * S.I * x, UnsupportedError, r"Inverse is no sum over elements: S\*\*\(-1\).*residual"),
    (sp.Determinant(S), UnsupportedError, r"Determinant is no sum over elements: Determinant\(S\)"),
    (x.T * S**m * x, UnsupportedError, r"MatPow is no sum over elements: S\*\*m"),
    (sp.Trace(sp.KroneckerProduct(S, S)), UnsupportedError, "KroneckerProduct is no sum"),
    (A * x, InputError, r"A\*x is a matrix of shape \(m, 1\); an objective is a number"),
    (sp.exp(A), InputError, r"A is a matrix of shape \(m, n\)"),
    (M * z, InputError, r"is a matrix of shape \(2, 1\)"),
    (sp.MatMul(x.T, b, evaluate=False), InputError, r"Shapes do not match in x.T\*b: n is not m"),
    (unit(n) * sp.MatAdd(x, b, evaluate=False), InputError, "Shapes do not match.*n is not m"),
    (x.T * sp.MatrixSymbol("x", n, n) * x, InputError, "Two matrices are called x"),
    ((x.T * x)[0, 0] + sp.Symbol("x"), InputError, "x is a matrix, and elsewhere .* symbol"),
    (sp.Trace(S) + sp.IndexedBase("S")[0, 0], InputError, "S is a matrix, and elsewhere"),
    (sp.Sum(M[i, 0], (i, 0, 2)), InputError, "leaves the matrix where i is 2"),
    (sp.Sum(M[i, 0], (i, -1, 0)), InputError, "leaves the matrix where i is -1"),
    (sp.Sum(M[i, 0], (i, 0, n)), UnsupportedError, r"takes n \+ 1 values; at most 1,000"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "error", "words"), REFUSED, ids=[w for *_, w in REFUSED])
def test_what_is_no_sum_of_elements_is_refused(expression, error, words):
    with pytest.raises(error, match=f"(?s){words}"):
        scalar_form(expression)


def test_an_element_of_what_is_refused_is_refused():
    with pytest.raises(UnsupportedError, match="Inverse"):
        scalar_form(MatrixElement(S.I, 0, 0))

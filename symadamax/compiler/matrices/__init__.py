"""SymPy -> SymPy: matrices of symbols with a scalar result become sums over elements of arrays.

Each matrix is asked for one of its elements, as an expression in a row and a column; what comes of
it is brought into the sums that take the fewest operations by `nesting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import GenericIdentity, GenericZeroMatrix

from symadamax.compiler.matrices.nesting import fresh, nested
from symadamax.compiler.parts import largest_parts
from symadamax.compiler.walk import show
from symadamax.errors import InputError, UnsupportedError

__all__ = ["has_matrices", "scalar_form"]

MATRICES = (MatrixExpr, sp.MatrixBase)
OF_MATRICES = (*MATRICES, MatrixElement, sp.Trace, sp.Determinant, sp.Permanent, DotProduct)


def has_matrices(expression: Any) -> bool:
    """Tell whether a matrix, or an element or a trace of one, stands in an expression of any depth.

    Examples
    --------
    >>> has_matrices(sp.Trace(sp.MatrixSymbol("A", 3, 3)) + 1), has_matrices(sp.Symbol("x"))
    (True, False)
    """
    return bool(largest_parts(expression, OF_MATRICES))


def scalar_form(expression: Any) -> tuple[sp.Expr, Mapping[sp.MatrixSymbol, sp.IndexedBase]]:
    """Return an equal expression without matrices, and the array that stands for each matrix.

    Parameters
    ----------
    expression : sympy.Expr or a matrix of shape (1, 1)
        Sums, products, whole powers, transposes, Hadamard products and powers, traces, slices,
        diagonals and functions applied by element, of MatrixSymbols of any size, Identity,
        ZeroMatrix, OneMatrix and explicit matrices; and elements such as A[i, j] of all these. A
        matrix of shape (1, 1) is taken for the number in it.

    Returns
    -------
    expression : sympy.Expr
        In Sums over new whole indices, which are named i, j, k, ... by their depth, leaving out
        names that are taken. Sums stand inside one another so that the fewest operations are done:
        ``(A*x - b).T*(A*x - b)`` becomes ``Sum((Sum(A[i, j]*x[j], j) - b[i])**2, i)``. Dimensions
        of an explicit matrix are written out.
    arrays : dict of sympy.MatrixSymbol to sympy.IndexedBase
        Each array has the name of its matrix, and the shape (rows, columns), or (n,) for a matrix
        of shape (n, 1) or (1, n): columns and rows have one index.

    Raises
    ------
    InputError
        Where shapes do not match, the result is no number, or a name has two meanings.
    UnsupportedError
        For an inverse, a determinant, and what else is no sum of elements.

    Examples
    --------
    >>> n = sp.Symbol("n", integer=True)
    >>> S, x = sp.MatrixSymbol("S", n, n), sp.MatrixSymbol("x", n, 1)
    >>> scalar_form(x.T*S*x)[0]
    Sum(x[i]*Sum(S[i, j]*x[j], (j, 0, n - 1)), (i, 0, n - 1))
    """
    try:
        reader = _Reader()
        scalar = reader.scalar(expression)
        return nested(scalar, _taken(expression)), reader.arrays
    except RecursionError as error:
        raise UnsupportedError(
            "The objective has matrices, and is nested too deeply to write them as sums."
        ) from error


def _taken(expression: Any) -> set[str]:
    """Return the names in an expression; refuse one for a matrix and for something else."""
    matrices: dict[str, Any] = {}
    others: set[str] = set()
    for part in sp.preorder_traversal(expression):
        if isinstance(part, sp.MatrixSymbol):
            if matrices.setdefault(part.name, part) != part:
                shapes = f"{matrices[part.name].shape} and {part.shape}"
                raise InputError(f"Two matrices are called {part.name}, of the shapes {shapes}.")
        elif isinstance(part, (sp.Symbol, sp.Idx)) and not isinstance(part, sp.Dummy):
            others.add(part.name)
    both = sorted(others & set(matrices))
    if both:
        raise InputError(
            f"{both[0]} is a matrix, and elsewhere in the objective a symbol or an array: "
            "give one of them another name."
        )
    return others | set(matrices)


class _Reader:
    """Writes matrices as their elements, and remembers the arrays that stand for them."""

    def __init__(self) -> None:
        self.arrays: dict[sp.MatrixSymbol, sp.IndexedBase] = {}
        self.done: dict[Any, Any] = {}

    def scalar(self, part: Any) -> Any:
        """Return an expression without matrices that is equal to a scalar one."""
        if part not in self.done:
            self.done[part] = self._scalar(part)
        return self.done[part]

    def _scalar(self, part: Any) -> Any:
        if isinstance(part, MATRICES):
            if tuple(part.shape) != (1, 1):
                raise InputError(
                    f"{show(part)} is a matrix of shape {tuple(part.shape)}; an objective is a "
                    "number. Take its norm, its trace, or one of its elements."
                )
            return self.element(part, sp.S.Zero, sp.S.Zero)
        if isinstance(part, MatrixElement):
            return self.element(part.parent, *map(self.scalar, part.indices))
        if isinstance(part, sp.Trace):
            _hold_same(part, part.arg.rows, part.arg.cols)
            return _over(part.arg.rows, lambda i: self.element(part.arg, i, i))
        if isinstance(part, DotProduct):
            a, b = part.args
            row, column = a if a.rows == 1 else a.T, b if b.cols == 1 else b.T
            return self.chain(part, [row, column], sp.S.Zero, sp.S.Zero)
        if isinstance(part, (sp.Determinant, sp.Permanent)):
            raise _refusal(part)
        if not getattr(part, "args", ()) or isinstance(part, sp.Indexed):
            return part
        arguments = [self.scalar(argument) for argument in part.args]
        changed = any(new is not old for new, old in zip(arguments, part.args, strict=True))
        return part.func(*arguments) if changed else part

    def element(self, matrix: Any, i: Any, j: Any) -> Any:
        """Return the element of a matrix at row i and column j, both counted from 0."""
        if isinstance(matrix, sp.MatrixBase):
            entries = sp.ImmutableDenseMatrix(matrix).applyfunc(self.scalar)
            return entries[i, j]
        rule = next((rule for kind, rule in _RULES.items() if isinstance(matrix, kind)), None)
        if rule is None:
            raise _refusal(matrix)
        return rule(self, matrix, i, j)

    def symbol(self, matrix: sp.MatrixSymbol, i: Any, j: Any) -> Any:
        shape = [size for size in matrix.shape if size != 1] or [sp.S.One]
        if len(shape) == 2:
            place: tuple[Any, ...] = (i, j)
        else:
            place = (i if matrix.cols == 1 else j,)
        array = self.arrays.setdefault(matrix, sp.IndexedBase(matrix.name, shape=tuple(shape)))
        return array[place]

    def total(self, matrix: Any, i: Any, j: Any) -> Any:
        for term in matrix.args[1:]:
            _hold_same(matrix, *zip(matrix.args[0].shape, term.shape, strict=True))
        return sp.Add(*(self.element(term, i, j) for term in matrix.args))

    def product(self, matrix: Any, i: Any, j: Any) -> Any:
        factors = [factor for factor in matrix.args if isinstance(factor, MATRICES)]
        scalars = [self.scalar(f) for f in matrix.args if not isinstance(f, MATRICES)]
        return sp.Mul(*scalars, self.chain(matrix, factors, i, j))

    def chain(self, matrix: Any, factors: list[Any], i: Any, j: Any) -> Any:
        """Return an element of the product of matrices."""
        first, *rest = factors
        if not rest:
            return self.element(first, i, j)
        _hold_same(matrix, first.cols, rest[0].rows)
        return _over(
            first.cols, lambda k: self.element(first, i, k) * self.chain(matrix, rest, k, j)
        )

    def power(self, matrix: Any, i: Any, j: Any) -> Any:
        base, exponent = matrix.base, self.scalar(matrix.exp)
        if tuple(base.shape) == (1, 1):
            return self.element(base, i, j) ** exponent
        _hold_same(matrix, base.rows, base.cols)
        if not (exponent.is_Integer and exponent > 0):
            raise _refusal(matrix)
        return self.chain(matrix, [base] * int(exponent), i, j)

    def by_element(self, matrix: Any, i: Any, j: Any) -> Any:
        for factor in matrix.args[1:]:
            _hold_same(matrix, *zip(matrix.args[0].shape, factor.shape, strict=True))
        return sp.Mul(*(self.element(factor, i, j) for factor in matrix.args))

    def power_by_element(self, matrix: Any, i: Any, j: Any) -> Any:
        base, exponent = matrix.args
        if isinstance(exponent, MATRICES):
            return self.element(base, i, j) ** self.element(exponent, i, j)
        return self.element(base, i, j) ** self.scalar(exponent)

    def sliced(self, matrix: Any, i: Any, j: Any) -> Any:
        (row, _, down), (column, _, across) = matrix.rowslice, matrix.colslice
        return self.element(matrix.parent, row + i * down, column + j * across)

    def diagonal(self, matrix: Any, i: Any, j: Any) -> Any:
        (vector,) = matrix.args
        place = (i, sp.S.Zero) if vector.cols == 1 else (sp.S.Zero, i)
        return sp.KroneckerDelta(i, j) * self.element(vector, *place)


_Rule = Callable[[_Reader, Any, Any, Any], Any]

_RULES: Mapping[Any, _Rule] = {
    sp.MatrixSymbol: _Reader.symbol,
    sp.MatAdd: _Reader.total,
    sp.MatMul: _Reader.product,
    sp.MatPow: _Reader.power,
    (sp.Transpose, sp.Adjoint): lambda self, m, i, j: self.element(m.arg, j, i),
    sp.HadamardProduct: _Reader.by_element,
    sp.HadamardPower: _Reader.power_by_element,
    (sp.Identity, GenericIdentity): lambda self, m, i, j: sp.KroneckerDelta(i, j),
    (sp.ZeroMatrix, GenericZeroMatrix): lambda self, m, i, j: sp.S.Zero,
    sp.OneMatrix: lambda self, m, i, j: sp.S.One,
    ElementwiseApplyFunction: lambda self, m, i, j: m.function(self.element(m.expr, i, j)),
    DiagMatrix: _Reader.diagonal,
    DiagonalMatrix: lambda self, m, i, j: sp.KroneckerDelta(i, j) * self.element(m.arg, i, j),
    DiagonalOf: lambda self, m, i, j: self.element(m.arg, i, i),
    MatrixSlice: _Reader.sliced,
    sp.FunctionMatrix: lambda self, m, i, j: m.lamda(i, j),
}


def _over(size: Any, element: Callable[[Any], Any]) -> Any:
    """Return the sum over an index of that many values."""
    if size == 1:
        return element(sp.S.Zero)
    index = fresh()
    return sp.Sum(element(index), (index, 0, size - 1))


def _hold_same(part: Any, *pairs: Any) -> None:
    """Refuse sizes that are not the same: two of them, or pairs of two."""
    for a, b in pairs if isinstance(pairs[0], tuple) else [pairs]:
        if sp.expand(a - b) != 0:
            raise InputError(
                f"Shapes do not match in {show(part)}: {a} is not {b}. "
                "Give both the same number or symbol as their size."
            )


def _refusal(part: Any) -> UnsupportedError:
    name = part.func.__name__
    advice = "Accepted are sums, products, whole powers, transposes and traces of matrices."
    if isinstance(part, (sp.Inverse, sp.MatPow)):
        advice = (
            "Take the solution of the linear system as an unknown, "
            "and minimise the residual: (A*x - b).T*(A*x - b) for x = A**-1*b."
        )
    return UnsupportedError(f"{name} is no sum over elements: {show(part)}. {advice}")

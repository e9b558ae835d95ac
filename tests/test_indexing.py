"""What indices, bounds and positions may be; each refusal says what is accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import InputError, Objective, UnsupportedError

i, j, n, m = sp.symbols("i j n m", integer=True)
a = sp.Symbol("a")
w, y, G = (sp.IndexedBase(name) for name in "wyG")
T = sp.IndexedBase("T")

REFUSED = {
    "a bound that is a product of sizes": (
        sp.Sum(w[i], (i, 0, n*m)),
        "m*n in Sum(w[i], (i, 0, m*n)) is not a sum of whole multiples of indices and sizes; "
        "positions in arrays and bounds of sums must be.",
    ),
    "a position that is a square": (sp.Sum(w[i**2], (i, 0, 3)), "i**2 in w[i**2] is not a sum"),
    "half an index": (sp.Sum(w[i/2], (i, 0, 3)), "i/2 in w[i/2] is not a sum of whole multiples"),
    "a rounded index": (sp.Sum(w[sp.floor(i/2)], (i, 0, 3)), "floor(i/2) in w[floor(i/2)] is not"),
    "half a size": (sp.Sum(w[i], (i, 0, n/2)), "n/2 in Sum(w[i], (i, 0, n/2)) is not a sum"),
    "a bound with a decimal point": (sp.Sum(w[i], (i, 0, 2.5)), "in Sum(w[i], (i, 0, 2.5)) is not"),
    "an infinite range": (
        sp.Sum(w[i], (i, 0, sp.oo)),
        "The index i of Sum(w[i], (i, 0, oo)) runs to oo; bounds are finite.",
    ),
    "five indices": (T[0, 0, 0, 0, 0]**2, "T has 5 indices; accepted are up to 4."),
    "two numbers of indices": (
        sp.Sum(w[i] + w[i, i], (i, 0, 3)),
        "elsewhere in the objective.",
    ),
    "an unknown as an index": (
        sp.Sum(w[T[i]], (i, 0, 3)),
        "T[i] is an index in w[T[i]], so T must be data, an array of whole numbers",
    ),
    "a bound that is read": (
        sp.Sum(w[i], (i, 0, G[0])),
        "The bound G[0] of the index i is read from an array, in Sum(w[i], (i, 0, G[0])); bounds "
        "are affine in sizes and outer indices. Sum over all rows, with a weight or a Piecewise "
        "that leaves some out.",
    ),
    "strides": (
        sp.Sum(sp.IndexedBase("s", strides=(2,))[i], (i, 0, 3)),
        "s is an IndexedBase with strides or an offset. Leave them out",
    ),
    "an offset": (
        sp.Sum(sp.IndexedBase("o", offset=1)[i], (i, 0, 3)),
        "o is an IndexedBase with strides or an offset. Leave them out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_shows_the_part(name: str) -> None:
    expression, message = REFUSED[name]
    present = {str(part.base) for part in expression.atoms(sp.Indexed)}
    data = {"G": [1, 2]} if "G" in present else None
    with pytest.raises(InputError) as caught:
        Objective(expression, data=data)
    assert message in str(caught.value)


def test_an_index_without_its_sum_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Objective(w[i] ** 2).value({w: np.ones(3)})
    assert str(caught.value) == (
        "i in w[i] is neither the index of a sum around it nor the length of anything: write the "
        "Sum, or give its number in parameters."
    )


@pytest.mark.parametrize("number", [10**30, -(10**17)])
def test_a_number_that_no_loop_counts_to_is_refused(number: int) -> None:
    for total in (sp.Sum(w[number * i], (i, 0, 0)), sp.Sum(w[0] * i, (i, number, number))):
        with pytest.raises(UnsupportedError, match="is beyond 2"):
            Objective(total)


def test_a_position_may_be_a_parameter() -> None:
    assert Objective(w[n] ** 2, parameters={n: 1}).value({w: [2.0, 3.0]}) == 9.0


def test_an_unknown_cannot_count() -> None:
    with pytest.raises(InputError, match="bound of a sum or a position in an array, so it cannot"):
        Objective(sp.Sum(w[i], (i, 0, n)), [n, w])


@pytest.mark.parametrize("position", [2 * (i + 1) - i - 1, i * 2 - i + 1, (2 * i + 2) / 2])
def test_what_expands_to_an_affine_position_is_one(position: Any) -> None:
    objective = Objective(sp.Sum(w[position], (i, 0, n - 2)))
    assert objective.value({w: [1.0, 2.0, 4.0]}) == 6.0


@pytest.mark.parametrize(
    "limits",
    [(sp.Idx("i", n),), (sp.Idx("i", (0, n - 1)),), (sp.Idx("i"), 0, n - 1)],
)
def test_an_idx_counts_as_its_range_says(limits: tuple[Any, ...]) -> None:
    index = limits[0]
    total = sp.Sum(w[index] * index, limits if len(limits) == 3 else index)
    assert Objective(total).value({w: [5.0, 1.0, 1.0]}) == 3.0


def test_a_sum_inside_one_over_the_same_range_has_an_index_of_its_own() -> None:
    nested = sp.Sum(w[i] * sp.Sum(y[j] * sp.Sum(w[i], (i, 0, n - 1)), (j, 0, i)), (i, 0, n - 1))
    objective = Objective(nested, [w], data={y: [1, 1, 1]})
    assert objective.value({w: [1.0, 2.0, 3.0]}) == (1 * 1 + 2 * 2 + 3 * 3) * 6


def test_a_declared_shape_is_held() -> None:
    fixed = sp.IndexedBase("w", shape=(4,))
    objective = Objective(sp.Sum(fixed[i] ** 2, (i, 0, 2)))
    assert objective.value({fixed: np.ones(4)}) == 3.0
    with pytest.raises(InputError) as caught:
        objective.value({fixed: np.ones(5)})
    assert str(caught.value) == "w is declared with the length 4 along axis 0, and has 5."


def test_a_declared_shape_gives_a_size() -> None:
    sized = sp.IndexedBase("w", shape=(n,))
    objective = Objective(sp.Sum(sized[0] * i, (i, 0, n - 1)))
    assert objective.value({sized: np.ones(4)}) == 6.0


def test_unsupported_is_an_input_error() -> None:
    with pytest.raises(UnsupportedError):
        Objective(sp.Sum(w[i], (i, 0, n * m)))


def test_an_index_that_sympy_has_moved_out_of_its_sum_is_named() -> None:
    """It moves a Piecewise out of a sum inside another one, and its condition with it."""
    others = sp.Sum(sp.Piecewise((0, sp.Eq(i, j)), (w[j], True)), (j, 0, n - 1))
    broken = sp.Sum((w[i] - others) ** 2, (i, 0, n - 1))
    assert j in broken.free_symbols  # else the refusal is needed no more
    with pytest.raises(UnsupportedError, match="j is the index of a sum, and stands in a cond"):
        Objective(broken)
    by_lookup = sp.Sum(sp.Piecewise((w[j], sp.Eq(w[j], i)), (0, True)), (j, 0, n - 1))
    with pytest.raises(UnsupportedError, match="j is the index of a sum, and stands in a cond"):
        Objective(sp.Sum((w[i] - by_lookup) ** 2, (i, 0, n - 1)), w)


def test_a_factor_may_stand_for_the_condition() -> None:
    for factor in (1 - sp.KroneckerDelta(i, j), sp.Heaviside(j - i, 0) + sp.Heaviside(i - j, 0)):
        others = sp.Sum(w[j] * factor, (j, 0, n - 1))
        total = sp.Sum((w[i] - others) ** 2, (i, 0, n - 1))
        assert Objective(total).value({w: [1.0, 2.0, 4.0]}) == 25 + 9 + 1


def test_an_unknown_may_have_the_name_of_an_index() -> None:
    choice = sp.Piecewise((i, i > 0), (0, True)) + sp.Sum(w[i], (i, 0, n - 1))
    assert Objective(choice, [i, w]).value({i: 3.0, w: [1.0, 1.0]}) == 5.0

"""The reference step between the book and the compiled core: neither can drift from the other."""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symadamax import Adamax, Record, Result, Status, minimize
from symadamax.derivation import reference
from symadamax.derivation.algorithm import CORRECTED, ITERATE, MEAN, MOMENT, PLACEMENTS, WEIGHT
from symadamax.derivation.printing import latex
from symadamax.derivation.rules import evaluated
from symadamax.derivation.symbols import beta2, g, m, t, u, x, xbar

settings.register_profile("reference", max_examples=60, deadline=None)
EVERY = settings.get_profile("reference")
EPSILON = float(np.finfo(float).eps)

# Gradients that both types of floats can hold.
sizes = st.floats(0.125, 1024, width=32)
slopes = st.lists(sizes | sizes.map(lambda a: -a) | st.just(0.0), min_size=1, max_size=12)
methods = st.builds(
    Adamax, learning_rate=st.floats(1e-4, 1), beta1=st.floats(0.1, 0.98),
    beta2=st.floats(0.99, 0.9999), epsilon=st.floats(1e-9, 1e-3),
    epsilon_placement=st.sampled_from(PLACEMENTS), average=st.just(True),
)  # fmt: skip
each_type = pytest.mark.parametrize("dtype", [np.float64, np.float32])

decays = st.just(0.0) | st.floats(0, 0.9999)
ugly_methods = st.tuples(
    st.sampled_from([1e-3, 1.0]), decays, decays, st.sampled_from([0.0, 2e-45, 1e-38, 1e-8]),
    st.sampled_from(PLACEMENTS),
)  # fmt: skip


def ugly(dtype: Any) -> list[float]:
    """Return zeros, the smallest, small and the largest numbers of a type."""
    ends = np.finfo(dtype)
    small = [ends.smallest_subnormal, ends.tiny / 8, ends.tiny, 3 * ends.tiny]
    positive = [float(a) for a in (*small, 1.0, ends.max / 3, ends.max)]
    return [0.0, -0.0, *positive, *(-a for a in positive)]


def compiled(gradients: list[float], method: Adamax, dtype: Any = np.float64) -> Result:
    """Run the core on one unknown from 0, through the given gradients."""
    coming = iter([*gradients, 0.0])
    return minimize(
        lambda _: (0.0, np.array([next(coming)])), [0.0], method=method, steps=len(gradients),
        record=Record(moments=True), dtype=dtype.__name__,
    )  # fmt: skip


def played(gradients: list[float], method: Any, dtype: Any) -> np.ndarray:
    """Return m, u and x of each step by the reference, on NumPy's numbers of a type.

    The settings are Python's floats, which NumPy rounds to the type of the other number, as the
    core does.
    """
    m = u = x = dtype(0)
    rows = []
    for k, gradient in enumerate(map(dtype, gradients), 1):
        m, u, moved = reference.step((m, u), gradient, k, method)
        x = x + moved
        rows.append((m, u, x))
    return np.array(rows, dtype)


def exactly(method: Adamax) -> reference.Settings:
    numbers = (method.learning_rate, method.beta1, method.beta2, method.epsilon)
    return reference.Settings(*map(Fraction, numbers), method.epsilon_placement)


# ---- book and reference -------------------------------------------------------------------------


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_on_symbols_it_is_the_displayed_equations(placement: str) -> None:
    before = (m[t - 1], u[t - 1])
    mean, weight, moved = reference.step(before, g[t], t, reference.symbolic(placement))
    assert mean == evaluated(MOMENT.rhs)
    assert weight == evaluated(WEIGHT[placement].rhs)
    displayed = evaluated(ITERATE[placement].rhs).subs({u[t]: weight, m[t]: mean})
    assert sp.expand(x[t - 1] + moved - displayed) == 0


def test_on_symbols_the_average_is_the_displayed_one() -> None:
    after, corrected = reference.mean(xbar[t - 1], x[t], t, beta2)
    assert after == evaluated(MEAN.rhs)
    assert corrected == evaluated(CORRECTED.rhs).subs(xbar[t], after)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_notebook_shows_the_equations_of_the_book(placement: str) -> None:
    shown = Adamax(epsilon_placement=placement, average=True)._repr_latex_().replace(" &=", " =")
    lines = shown.partition(r"\end{aligned}")[0].splitlines()[1:]
    equations = (MOMENT, WEIGHT[placement], ITERATE[placement], MEAN, CORRECTED)
    assert [line.removesuffix(r" \\") for line in lines] == list(map(latex, equations))


# ---- reference and core -------------------------------------------------------------------------


@EVERY
@given(gradients=slopes, method=methods)
def test_on_floats_it_is_the_bits_of_the_core(gradients: list[float], method: Adamax) -> None:
    history = compiled(gradients, method).history
    point, found = 0.0, []
    for mean, weight, moved in reference.play(gradients, method):
        point += moved
        found.append((mean, weight, point))
    computed = np.column_stack([history.m, history.u, history.x])[1:]
    assert computed.tobytes() == np.array(found).tobytes()


@each_type
@EVERY
@given(data=st.data(), values=ugly_methods)
def test_on_ugly_numbers_it_is_the_bits_of_the_core(data: Any, values: Any, dtype: Any) -> None:
    """Zeros, subnormal and huge numbers, and no memory; where it is not finite the run ends."""
    numbers = st.sampled_from(ugly(dtype)) | sizes
    gradients = data.draw(st.lists(numbers, min_size=1, max_size=12))
    method = without_a_warning(*values)
    result = compiled(gradients, method, dtype)
    with np.errstate(all="ignore"):
        expected = played(gradients, method, dtype)
    finite = np.isfinite(expected[:, 2])
    done = len(gradients) if finite.all() else int(finite.argmin())
    assert result.status is (Status.STEPS_DONE if finite.all() else Status.POINT_NOT_FINITE)
    history = result.history
    computed = np.column_stack([history.m, history.u, history.x])[1:]
    assert computed.dtype == dtype
    assert computed.tobytes() == expected[:done].tobytes()


def without_a_warning(*values: Any) -> Adamax:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # beta1 >= beta2
        return Adamax(*values)


@each_type
@EVERY
@given(gradients=slopes, method=methods)
def test_the_core_is_within_ulps_of_exact_fractions(
    gradients: list[float], method: Adamax, dtype: Any
) -> None:
    """Each step rounds m and its decays, u and its own; the rest is a power, a quotient, sums.

    That is five roundings of m in float32, where beta1 and 1 - beta1 are rounded as well, each of
    half an ulp, and of which three meet any one term; two of u; and six of a step beside those of
    its m and u. In float64 the settings are exact, and the power is not: in float32 that is done in
    doubles. Errors are measured in ulps of what cannot cancel: the mean of the sizes, and the step
    that it would make.
    """
    history, ulp = compiled(gradients, method, dtype).history, float(np.finfo(dtype).eps)
    exact = list(reference.play(map(Fraction, gradients), exactly(method)))
    sizes = list(reference.play(map(Fraction, map(abs, gradients)), exactly(method)))
    point, longest = Fraction(0), Fraction(0)
    power = 2 / (1 - method.beta1)  # ulps of 1/(1 - beta1**t), by those of the power
    for k, ((mean, weight, moved), (size, _, most)) in enumerate(zip(exact, sizes, strict=True), 1):
        assert abs(Fraction(float(history.m[k, 0])) - mean) <= 2 * k * ulp * size
        assert abs(Fraction(float(history.u[k, 0])) - weight) <= k * ulp * weight
        point, longest = point + moved, longest + abs(most)
        assert abs(Fraction(float(history.x[k, 0])) - point) <= (4 * k + 4 + power) * ulp * longest


@EVERY
@given(gradients=slopes, method=methods)
def test_the_averaged_iterate_is_within_ulps_of_exact_fractions(
    gradients: list[float], method: Adamax
) -> None:
    result = compiled(gradients, method)
    before, corrected, largest = Fraction(0), Fraction(0), 0.0
    for k, point in enumerate(result.history.x[1:, 0], 1):
        before, corrected = reference.mean(before, Fraction(point), k, Fraction(method.beta2))
        largest = max(largest, abs(point))
    lost = 2 / (1 - method.beta2) + 2 * len(gradients)
    assert abs(Fraction(result.average_x[0]) - corrected) <= lost * EPSILON * largest


@pytest.mark.parametrize("kind", [float, Fraction, sp.Rational])
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_gradient_of_0_moves_nothing(placement: str, kind: Any) -> None:
    half = reference.Settings(*map(kind, (1, 0.5, 0.75, 0.25)), placement)
    assert [moved for _, _, moved in reference.play([kind(0), kind(0)], half)] == [0, 0]

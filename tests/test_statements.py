"""The equations of a page: those of the book under other names, and nothing else."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from symadamax.derivation import algorithm, bounds, longer, reference
from symadamax.derivation.rules import evaluated
from symadamax.derivation.symbols import alpha, c, t, x
from symadamax.errors import InternalError
from symadamax.viewer.page.statements import (
    KNOWN,
    NAMES,
    PLACEMENTS,
    bound,
    longest,
    move,
    statements,
)

BACK = {KNOWN[name]: symbol for symbol, name in NAMES.items()}
SETTINGS = {"learningRate": Fraction(1, 7), "beta1": Fraction(2, 3), "beta2": Fraction(4, 5)}


def values(expression: Any, numbers: dict[str, Any]) -> Any:
    rational = {KNOWN[name]: sp.Rational(value) for name, value in numbers.items()}
    return Fraction(str(sp.Rational(evaluated(expression.subs(rational)))))


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_they_are_the_books(placement: str) -> None:
    equations = (
        algorithm.RATE, algorithm.MOMENT, algorithm.WEIGHT[placement], algorithm.ITERATE[placement],
    )  # fmt: skip
    shown = statements(placement)
    assert list(shown) == ["rate", "m", "u", "x"]
    rate = evaluated(algorithm.RATE.rhs)
    for equation, right in zip(equations, shown.values(), strict=True):
        again = evaluated(right.xreplace(BACK)).xreplace({algorithm.RATE.lhs: rate})
        assert again == evaluated(equation.rhs)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("gradient", [-3, 0, Fraction(1, 9)])
def test_they_compute_what_the_reference_does(placement: str, gradient: Any) -> None:
    before = {"mBefore": Fraction(-1, 2), "uBefore": Fraction(3, 4), "xBefore": 2}
    numbers = {**SETTINGS, **before, "epsilon": Fraction(1, 8), "t": 3, "g": gradient}
    shown = {**statements(placement), "move": move(placement)}
    for name in ("rate", "m", "u", "x", "move"):
        numbers[name] = values(shown[name], numbers)
    settings = reference.Settings(*SETTINGS.values(), numbers["epsilon"], placement)
    state = (before["mBefore"], before["uBefore"])
    expected = reference.step(state, Fraction(gradient), 3, settings)
    assert (numbers["m"], numbers["u"], numbers["move"]) == expected
    assert numbers["x"] == 2 + numbers["move"]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_0_over_0_moves_nothing(placement: str) -> None:
    assert move(placement).subs({KNOWN[name]: 0 for name in ("m", "u", "epsilon")}) == 0


@pytest.mark.parametrize(("beta1", "beta2"), [("2/3", "4/5"), ("4/5", "1/3"), ("1/2", "1/2")])
def test_the_longest_step_is_the_sum_of_the_book(beta1: str, beta2: str) -> None:
    """(7.4): what each gradient can add to m, in weights, is a power of the ratio of the decays."""
    one, two = Fraction(beta1), Fraction(beta2)
    for t_ in range(1, 7):
        total = sum((one / two) ** (t_ - i) for i in range(1, t_ + 1))
        found = values(longest(), {"beta1": one, "beta2": two, "t": t_})
        assert found == (1 - one) / (1 - one**t_) * total


def test_the_bound_that_is_shown_is_that_of_the_book() -> None:
    factors = [factor.xreplace(BACK) for factor in bound()]
    assert evaluated(alpha * sp.Mul(*factors)) == evaluated(bounds.BOUND)


def test_what_a_page_cannot_know_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algorithm, "MOMENT", sp.Eq(algorithm.MOMENT.lhs, c * algorithm.MOMENT.rhs))
    with pytest.raises(InternalError, match="A page has no number for"):
        statements("none")


def test_a_step_without_the_learning_rate_of_the_book_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(algorithm.ITERATE, "none", sp.Eq(x[t], x[t - 1] - alpha))
    with pytest.raises(InternalError, match="does not hold the learning rate"):
        statements("none")


def test_a_change_of_equal_decays_is_a_change_here(monkeypatch: pytest.MonkeyPatch) -> None:
    before = longest()
    monkeypatch.setattr(longer, "EQUAL_DECAYS", 2 * longer.EQUAL_DECAYS)
    assert longest() != before

"""Learning rates that change with the step: the usual ones, and what a run makes of any."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symadamax import schedules
from symadamax.errors import InputError
from symadamax.objective import Objective
from symadamax.solver import Adamax, Status, minimize
from symadamax.solver.rates import Rates, as_rate

x, t, k = sp.symbols("x t k")
BOWL = Objective((x - 1) ** 2, [x])


def rates(expression: Any, steps: list[int]) -> list[float]:
    """Return a schedule at some steps, as a run computes it."""
    given = as_rate(expression)
    if isinstance(given, float):
        return [given] * len(steps)
    return [float(Rates(given, step).after(step - 1, 1)[0]) for step in steps]


def run(learning_rate: Any, steps: int = 100, **options: Any) -> Any:
    return minimize(BOWL, [0.0], method=Adamax(learning_rate), steps=steps, **options)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes()


# ---- the usual ones -----------------------------------------------------------------------------


def wave(step: int, rate: float, steps: int, warmup: int, floor: float) -> float:
    if step < warmup:
        return rate * step / warmup
    done = min(1, (step - warmup) / (steps - warmup))
    return floor + (rate - floor) * (1 + math.cos(math.pi * done)) / 2


REFERENCES: list[tuple[Any, Callable[[int], float]]] = [
    (schedules.constant(0.3), lambda step: 0.3),
    (schedules.inverse_square_root(0.3), lambda step: 0.3 / math.sqrt(step)),
    (schedules.inverse_square_root(0.3, 50), lambda n: 0.3 * min(n / 50, math.sqrt(50 / n))),
    (schedules.exponential(0.3, 0.9), lambda step: 0.3 * 0.9 ** (step - 1)),
    (schedules.exponential(0.3, 0.5, 100), lambda step: 0.3 * 0.5 ** ((step - 1) / 100)),
    (schedules.cosine(0.3, 1000), lambda step: wave(step, 0.3, 1000, 0, 0)),
    (schedules.cosine(0.3, 1000, 50), lambda step: wave(step, 0.3, 1000, 50, 0)),
    (schedules.cosine(0.3, 1000, 1, 0.1), lambda step: wave(step, 0.3, 1000, 1, 0.1)),
    (schedules.cosine(0.3, 1000, 999, 0.3), lambda step: wave(step, 0.3, 1000, 999, 0.3)),
]


@pytest.mark.parametrize(("expression", "reference"), REFERENCES, ids=lambda v: str(v)[:40])
def test_a_usual_schedule_is_its_equation(
    expression: sp.Expr, reference: Callable[[int], float]
) -> None:
    steps = [1, 2, 49, 50, 51, 500, 998, 999, 1000, 1001, 10**6]
    expected = [reference(step) for step in steps]
    np.testing.assert_allclose(rates(expression, steps), expected, rtol=1e-13, atol=1e-16)


def test_the_ends_of_the_cosine_are_met_exactly() -> None:
    alpha = schedules.cosine(0.3, 1000, warmup=100, floor=0.01)
    assert rates(alpha, [100, 1000, 2000]) == [0.3, 0.01, 0.01]
    assert rates(schedules.cosine(0.3, 1000), [1000]) == [0]


@pytest.mark.parametrize(("expression", "_"), REFERENCES[1:], ids=lambda v: str(v)[:40])
def test_a_run_in_two_parts_goes_on_with_the_right_step(expression: sp.Expr, _: Any) -> None:
    whole = run(expression, 1000)
    for cut in (1, 17, 600):
        first = run(expression, cut)
        last = minimize(
            BOWL, first.x, method=Adamax(expression), steps=1000 - cut, state=first.state
        )
        assert same_bits(last.x, whole.x)
        assert last.state == whole.state


def test_the_step_may_have_another_symbol() -> None:
    n = sp.Symbol("n", positive=True, integer=True)
    for make in (
        lambda **step: schedules.inverse_square_root(0.1, 5, **step),
        lambda **step: schedules.exponential(0.1, 0.9, **step),
        lambda **step: schedules.cosine(0.1, 50, 5, **step),
    ):
        assert make(t=n).free_symbols == {n}
        np.testing.assert_array_max_ulp(
            np.array(rates(make(t=n), [1, 5, 6])), np.array(rates(make(), [1, 5, 6])), 2
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.constant(0), "rate is 0; accepted is a finite number > 0"),
        (lambda: schedules.constant("1"), "rate is '1'"),
        (lambda: schedules.inverse_square_root(math.nan), "rate is nan"),
        (lambda: schedules.inverse_square_root(1, 0), "warmup is 0; accepted is a whole number"),
        (
            lambda: schedules.exponential(1, 1.5),
            r"factor is 1\.5; accepted is a number in \(0, 1\]",
        ),
        (lambda: schedules.exponential(1, 0), "factor is 0"),
        (lambda: schedules.exponential(1, 0.5, 0), "steps is 0; accepted is a whole number >= 1"),
        (lambda: schedules.cosine(1, 0), "steps is 0; accepted is a whole number >= 1"),
        (lambda: schedules.cosine(1, 10, 10), "warmup is 10; accepted is .* below steps = 10"),
        (lambda: schedules.cosine(1, 10, -1), "warmup is -1"),
        (lambda: schedules.cosine(1, 10, 1, 2), r"floor is 2; accepted is a number in \[0, 1\]"),
        (lambda: schedules.cosine(1, 10, t="t"), "t is 't'; accepted is a SymPy symbol"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


# ---- any expression and any function ------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_takes_the_rate_of_each_step(dtype: str) -> None:
    """From Python, step by step, over several chunks of rates."""
    kind, method = np.dtype(dtype).type, Adamax(1 / t)
    result = minimize(
        lambda p: (0.0, p - kind(1)), [0.0], method=method, steps=20_000, dtype=dtype, record=1
    )
    p, m, u = kind(0), kind(0), kind(0)
    for step in range(1, 20_001):
        g, rate = p - kind(1), kind(-(1 / step) / (1 - 0.9**step))
        m, u = kind(0.9) * m + kind(1 - 0.9) * g, max(kind(0.999) * u, abs(g))
        p = p + rate * m / (u + kind(1e-8))
        assert result.history.x[step, 0] == p


@pytest.mark.parametrize(
    "given", [1 / k, lambda step: 1 / step, lambda step: 1 / np.int8(1) / step, sp.Lambda(t, 1 / t)]
)
def test_expressions_and_functions_are_the_same_run(given: Any) -> None:
    assert same_bits(run(given, 500).x, run(1 / t, 500).x)


def test_the_last_piece_of_a_schedule_may_be_0() -> None:
    result = run(sp.Piecewise((0.1, t <= 5), (0.0, True)), record=1)
    assert same_bits(result.x, result.history.x[5])
    assert result.nit == 100


def test_a_schedule_that_does_not_change_gives_the_bits_of_the_number() -> None:
    result, usual = (run(rate, 1000, record=1) for rate in (lambda step: 0.01, 0.01))
    assert same_bits(result.history.x, usual.history.x)


@pytest.mark.parametrize("given", [sp.Rational(1, 100), sp.Float(0.01), sp.Integer(1) / 100])
def test_an_expression_without_a_symbol_is_a_number(given: Any) -> None:
    assert Adamax(given) == Adamax(0.01)
    assert type(Adamax(given).learning_rate) is float


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (k / t, "with the symbols k, t; accepted is an expression of one"),
        (sp.Function("f")(t), "accepted is a finite number > 0, a SymPy expression of the step t"),
        (sp.Eq(t, 1), "learning_rate is Eq"),
        (sp.I * t, "learning_rate is I"),
        (sp.I, "learning_rate is I; accepted is"),
        (sp.oo, "learning_rate is inf; accepted is"),
        (sp.Integer(0), "learning_rate is 0"),
        (-sp.pi, "learning_rate is -"),
    ],
)
def test_an_expression_that_is_no_schedule_is_refused_at_once(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Adamax(given)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (lambda step: 0.1 if step < 31 else math.nan, "nan"),
        (lambda step: 0.1 if step < 31 else -0.1, "-0.1"),
        (lambda step: 0.1 if step < 31 else np.float32("inf"), "inf"),
        (sp.sqrt(30 - t), "nan"),
        (30 - t, "-1.0"),
        (1 / (31 - t) ** 2, "inf"),
    ],
)
def test_a_rate_that_cannot_be_used_ends_the_run_at_the_last_point(given: Any, shown: str) -> None:
    result, good = run(given, record=1), run(given, 30)
    assert result.status == Status.SCHEDULE_FAILED < 0
    assert not result.success
    assert (result.nit, result.nfev, len(result.history)) == (30, 31, 31)
    assert result.message == (
        f"The learning rate of step 31 cannot be used: it is {shown}, and must be finite and at "
        "least 0. The result is the last point where all was finite, that of step 30."
    )
    assert same_bits(result.x, good.x)
    assert good.success
    assert result.state == good.state


def test_a_rate_that_cannot_be_used_at_the_first_step_leaves_the_start() -> None:
    result = run(lambda step: math.nan)
    assert (result.status, result.nit, result.x.tolist()) == (Status.SCHEDULE_FAILED, 0, [0])
    assert run(lambda step: math.nan, 0).success


def test_a_rate_of_0_moves_nothing() -> None:
    assert run(lambda step: 0.0).x.tolist() == [0]


@pytest.mark.parametrize("bad", [1, 2, 17, 50])
def test_a_function_that_raises_leaves_the_result_on_its_exception(bad: int) -> None:
    def fails(step: int) -> float:
        if step == bad:
            raise KeyError("gone")
        return 0.1

    with pytest.raises(KeyError, match="gone") as caught:
        run(fails)
    result = caught.value.result  # type: ignore[attr-defined]
    assert (result.status, result.nit) == (Status.SCHEDULE_FAILED, bad - 1)
    assert f"rate of step {bad} cannot be used: KeyError('gone')" in result.message
    assert same_bits(result.x, run(0.1, bad - 1).x)


@pytest.mark.parametrize("given", ["0.1", None, 1j, True, [0.1]])
def test_a_function_must_return_real_numbers(given: Any) -> None:
    with pytest.raises(InputError, match=r"rate of step 5 is .*; the schedule must return a real"):
        run(lambda step: given if step == 5 else 0.1)


def test_a_function_is_called_once_for_each_step_in_their_order() -> None:
    steps: list[int] = []
    run(lambda step: steps.append(step) or 0.1, 300)
    assert steps == list(range(1, 301))


def test_with_a_callback_a_function_is_not_called_ahead_of_it() -> None:
    rate = [0.1]

    def halve(step: Any) -> None:
        rate[0] = 0.1 / 2**step.nit

    seen: list[float] = []
    run(lambda step: seen.append(rate[0]) or rate[0], 5, callback=halve)
    assert seen == [0.1, 0.05, 0.025, 0.0125, 0.00625]


def test_a_method_with_a_schedule_is_a_value() -> None:
    method = Adamax(schedules.cosine(0.1, 100, 10))
    copy = pickle.loads(pickle.dumps(method))
    assert copy == method
    assert hash(copy) == hash(method)
    assert method != Adamax(schedules.cosine(0.1, 101, 10))
    assert same_bits(run(copy.learning_rate).x, run(method.learning_rate).x)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (0.1 / sp.sqrt(k), r"\alpha_{t} = \frac{0.1}{\sqrt{t}}"),
        (math.sqrt, r"\alpha_{t} = \mathrm{sqrt}(t)"),
        (lambda step: 0.1, r"\alpha_{t} = f(t)"),
    ],
)
def test_the_equations_show_the_schedule(given: Any, shown: str) -> None:
    latex = Adamax(given)._repr_latex_()
    assert shown in latex
    assert r"\frac{\alpha_{t}}{1 - \beta_{1}^{t}}" in latex

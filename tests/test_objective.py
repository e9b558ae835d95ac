from __future__ import annotations

import copy
import inspect
import math
import multiprocessing
import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp
from evaluation import evaluate
from problems import BY_NAME, Problem

from symadamax.errors import InputError, UnsupportedError
from symadamax.objective import Objective

a, b, x, y, z = sp.symbols("a b x y z")


# ---- unknowns and parameters -----------------------------------------------------------------


def test_the_unknowns_are_the_symbols_sorted_by_name() -> None:
    assert Objective(z * b + x * sp.Symbol("x10") - a).unknowns == (a, b, x, sp.Symbol("x10"), z)


def test_the_unknowns_may_be_given_in_any_order() -> None:
    objective = Objective(x - y, [y, x])
    assert objective.unknowns == (y, x)
    assert objective.value([1, 5]) == 4


def test_an_unknown_need_not_occur() -> None:
    value, gradient = Objective(x**2, [x, y]).value_and_gradient([3, 7])
    assert (value, gradient.tolist()) == (9.0, [6.0, 0.0])


def test_a_single_unknown_needs_no_list() -> None:
    assert Objective(x**2, x).unknowns == (x,)


@pytest.mark.parametrize("key", [y, "y"])
def test_parameters_are_given_by_symbol_or_by_name(key: Any) -> None:
    objective = Objective(x * y, parameters={key: 3})
    assert objective.unknowns == (x,)
    assert dict(objective.parameters) == {y: 3.0}
    assert objective.value([2]) == 6


@pytest.mark.parametrize(
    ("arguments", "parameters", "message"),
    [
        (([x],), None, "'y' is neither an unknown nor a parameter"),
        ((), {"c": 1}, "no symbol 'c', which stands in the parameters. Accepted are x, y"),
        ((), {x: 1, y: 2}, "no unknowns"),
        (([],), None, "no unknowns"),
        (([x, y, x],), None, "stands twice in x, y, x"),
        (([x, y],), {y: 1}, "y stands both among the unknowns and the parameters"),
        ((["x", "y"],), None, "unknown 'x' is not a SymPy symbol"),
        (([x, x * y],), None, r"unknown x\*y is not a SymPy symbol"),
        (({x, y},), None, "is not a SymPy symbol"),
        ((), {y: math.nan}, "number for 'y' is nan"),
        ((), {y: math.inf}, "number for 'y' is inf"),
        ((), {y: 1j}, "number for 'y' is 1j"),
        ((), {y: "1"}, "number for 'y' is '1'"),
        ((), {y: 10**400}, "number for 'y' is an integer of 1329 bits"),
        ((), {y: 1, "y": 2}, "stands twice"),
        ((), [1], r"parameters is \[1\]; accepted is a mapping"),
        ((), {sp.Symbol("y", real=True): 1}, "other assumptions"),
    ],
    ids=lambda v: repr(v)[:40],
)
def test_wrong_unknowns_and_parameters_are_refused(
    arguments: tuple[Any, ...], parameters: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Objective(x * y, *arguments, parameters=parameters)


def test_parameters_change_without_the_rest() -> None:
    first = Objective(x * a + b, parameters={a: 2, b: 1})
    second = first.with_parameters({"a": 5})
    assert (first.value([3]), second.value([3])) == (7.0, 16.0)
    assert dict(second.parameters) == {a: 5.0, b: 1.0}
    assert second.stages is first.stages


def test_a_numpy_function_follows_its_parameters() -> None:
    first = Objective(x * a, parameters={a: 2})
    first.compiled("numpy")
    second = first.with_parameters({a: 5})
    assert evaluate(second, [[3.0]], "numpy")[0][0] == 15
    assert evaluate(first, [[3.0]], "numpy")[0][0] == 6


def test_what_is_no_parameter_cannot_change() -> None:
    with pytest.raises(InputError, match="no symbol 'x'"):
        Objective(x * a, parameters={a: 2}).with_parameters({x: 1})


def test_a_parameter_that_float32_cannot_hold_is_refused() -> None:
    objective = Objective(x * a, parameters={a: 1e60})
    assert objective.parameter_array().tolist() == [1e60]
    with pytest.raises(InputError, match="does not fit in float32"):
        objective.compiled(dtype="float32")


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("number", ["1e60", "1e-60"])
def test_a_constant_that_float32_cannot_hold_is_refused(number: str, backend: str) -> None:
    with pytest.raises(InputError, match="does not fit in float32"):
        Objective(sp.Float(number) * x).compiled(backend, "float32")


@pytest.mark.parametrize(("backend", "dtype"), [("fortran", "float64"), ("native", "float16")])
def test_other_backends_and_dtypes_are_refused(backend: str, dtype: str) -> None:
    with pytest.raises(InputError, match=r"accepted are the backends .* and the dtypes"):
        Objective(x**2).compiled(backend, dtype)


# ---- what it is ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["expression", "unknowns", "parameters", "gradient", "new"])
def test_nothing_can_be_set(name: str) -> None:
    objective = Objective(x**2)
    with pytest.raises(AttributeError, match="does not change"):
        setattr(objective, name, 1)
    with pytest.raises(AttributeError, match="does not change"):
        delattr(objective, name)


def test_what_is_handed_out_changes_nothing() -> None:
    objective = Objective(x**2 * a, parameters={a: 1})
    with pytest.raises(TypeError):
        objective.parameters[a] = 2  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        objective.parameter_array()[0] = 2
    objective.gradient.append(x)
    assert objective.gradient == [2 * a * x]


def test_equal_content_is_equal() -> None:
    first, second = Objective(x**2 + y), Objective(y + x * x)
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1


@pytest.mark.parametrize(
    "other",
    [
        Objective(x**2 + 2 * y), Objective(x**2 + y, [y, x]), Objective(x**2 + y, [x, y, z]),
        Objective(x**2 + y, parameters={y: 1}), Objective(a**2 + y), x**2 + y,
    ],
    ids=str,
)  # fmt: skip
def test_other_content_is_not_equal(other: Any) -> None:
    assert Objective(x**2 + y) != other


def test_other_parameters_are_not_equal() -> None:
    objective = Objective(x * a, parameters={a: 1})
    assert objective != objective.with_parameters({a: 2})
    assert objective == objective.with_parameters({a: 1})


def test_it_is_pickled_by_content() -> None:
    objective = Objective(sp.sin(x) * a + y, [y, x], parameters={a: 2})
    objective.value([1, 2])
    for other in (pickle.loads(pickle.dumps(objective)), copy.deepcopy(objective)):
        assert other == objective
        assert other.value([1, 2]) == objective.value([1, 2])


def _value(objective: Objective) -> float:
    return objective.value([1.0])


def test_it_goes_to_another_process() -> None:
    objective = Objective(sp.exp(x) * a, parameters={a: 3})
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_value, (objective,)) == objective.value([1.0])


def test_it_shows_itself() -> None:
    objective = Objective(a * x**2, parameters={a: 2})
    assert repr(objective) == "Objective(a*x**2, [x], parameters={a: 2.0})"
    assert objective._repr_latex_() == r"$\displaystyle f(x) = a x^{2}$"


def test_a_huge_one_shows_its_head() -> None:
    objective = Objective(sp.Add(*(symbol**2 for symbol in sp.symbols("a:1000"))))
    assert len(repr(objective)) < 300
    assert "more than" in repr(objective)


def _of(problem: Problem) -> tuple[Any, Any]:
    return problem.expression, problem.unknowns


def _nest(depth: int) -> Any:
    expression = x
    for _ in range(depth):
        expression = sp.sin(expression, evaluate=False)
    return expression


def test_a_deep_one_shows_its_head() -> None:
    objective = Objective(_nest(3_000))
    assert repr(objective) == "Objective(sin(...) of more than 160 parts, [x])"
    assert objective._repr_latex_() is None


def test_a_gradient_that_is_too_deep_to_be_written_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"nested too deeply .* stages.gradient_ir"):
        Objective(_nest(3_000)).gradient


READABLE = (
    "cubic", "quadratic", "rosenbrock", "helical_valley", "ackley", "danwood", "median", "trimer",
    "planck", "rayleigh", "self_power", "gamma", "bessel",
)  # fmt: skip


# ---- what it computes ------------------------------------------------------------------------


@pytest.mark.parametrize("problem", [BY_NAME[name] for name in READABLE], ids=repr)
def test_the_readable_gradient_equals_the_compiled_one(problem: Problem) -> None:
    objective = Objective(*_of(problem))
    readable = sp.lambdify(problem.unknowns, objective.gradient, ["scipy", "numpy"])
    point = np.array(problem.start) + 0.0123
    np.testing.assert_allclose(
        objective.value_and_gradient(point)[1],
        np.array(readable(*point), float),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("expression", "gradient"),
    [
        (sp.Abs(x), [sp.sign(x)]),
        (sp.sign(x) * y, [0, sp.sign(x)]),
        (sp.floor(x) + x, [1]),
        (sp.Heaviside(x) * x, [sp.Heaviside(x)]),
        (sp.Mod(x, y), [1, -sp.floor(x / y)]),
        (sp.Symbol("p", positive=True) ** 2, [2 * sp.Symbol("p", positive=True)]),
    ],
    ids=str,
)
def test_the_readable_gradient_makes_the_choices_at_kinks(expression: Any, gradient: Any) -> None:
    assert Objective(expression).gradient == gradient


@pytest.mark.parametrize(
    "point", [{x: 2, y: -1}, {"x": 2, "y": -1}, [2, -1], np.array([[2], [-1]])]
)
def test_points_in_all_forms(point: Any) -> None:
    objective = Objective(*_of(BY_NAME["quadratic"]))
    assert objective.value(point) == -6.0
    value, gradient = objective.value_and_gradient(point)
    assert (value, gradient.tolist()) == (-6.0, [0.0, 0.0])


def test_the_gradient_is_a_new_array_each_time() -> None:
    objective = Objective(x**2)
    first = objective.value_and_gradient([1])[1]
    objective.value_and_gradient([2])
    assert first.tolist() == [2.0]


def test_what_is_not_finite_is_returned() -> None:
    objective = Objective(sp.log(x))
    assert objective.value([0]) == -math.inf
    assert math.isnan(objective.value([-1]))


# ---- lambdify --------------------------------------------------------------------------------


def test_lambdified_functions_broadcast() -> None:
    value, both = Objective(x * y**2 + 1).lambdify()
    rows, columns = np.arange(3.0)[:, None], np.arange(4.0)
    np.testing.assert_array_equal(value(rows, columns), rows * columns**2 + 1)
    values, gradient = both(rows, columns)
    assert values.shape == (3, 4)
    assert gradient.shape == (2, 3, 4)
    np.testing.assert_array_equal(gradient[0], np.broadcast_to(columns**2, (3, 4)))
    np.testing.assert_array_equal(gradient[1], 2 * rows * columns)


def test_a_constant_stands_for_all_points() -> None:
    _, both = Objective(2 * x, [x, y]).lambdify()
    gradient = both(np.ones(5), np.ones(5))[1]
    np.testing.assert_array_equal(gradient, [[2.0] * 5, [0.0] * 5])
    gradient[0, 0] = 7  # and can be written


def test_lambdified_functions_take_single_numbers() -> None:
    value, both = Objective(x * y).lambdify()
    assert value(2, 3) == 6
    assert both(2, 3)[1].tolist() == [3.0, 2.0]


def test_lambdified_functions_know_the_parameters() -> None:
    value, _ = Objective(x * a, parameters={a: 4}).lambdify()
    assert value(2) == 8


def test_lambdified_functions_show_their_source() -> None:
    value, both = Objective(x**2).lambdify()
    assert (value.__name__, both.__name__) == ("value", "value_and_gradient")
    assert value.source == "def value(x, p):\n    return x[0]*x[0]"
    assert both.source.startswith("def value_and_gradient(x, p):\n")
    assert inspect.getsource(value)


def test_lambdified_functions_want_one_argument_for_each_unknown() -> None:
    with pytest.raises(InputError, match=r"1 numbers or arrays were given; .*unknowns x, y"):
        Objective(x * y).lambdify()[0](1.0)


def test_lambdified_functions_do_not_warn() -> None:
    assert Objective(1 / x).lambdify()[0](0.0) == math.inf


# ---- stages ----------------------------------------------------------------------------------


def test_every_stage_prints() -> None:
    stages = Objective(x - x**3).stages
    text = str(stages)
    for title in ("IR", "IR with gradient", "Schedule", "NumPy", "LLVM IR", "Assembly"):
        assert f"--- {title} ---" in text
    for form in (stages.ir, stages.gradient_ir, stages.loops, stages.numpy_source, stages.llvm_ir):
        assert str(form) in text


def test_a_refusal_comes_when_the_objective_is_made() -> None:
    with pytest.raises(UnsupportedError, match="Si cannot be compiled"):
        Objective(sp.Si(x))

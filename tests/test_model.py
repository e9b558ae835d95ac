"""Models: which name of a formula is what, and what is refused."""

import pytest
import sympy as sp

from symadamax.errors import FormulaError, InputError
from symadamax.model import model_of

THERE = ["t", "y", "z", "E", "first name"]


def model(formula="a*exp(-b*t)", response="y", unknowns=("a", "b"), parameters=None):
    return model_of(formula, response, unknowns, parameters or {}, THERE)


def test_names_without_a_number_are_columns():
    found = model("a*exp(-b*t) + k*z", parameters={"k": 2.0})
    assert found.columns == ("t", "z")
    assert found.unknowns == ("a", "b")
    assert found.expression == sp.sympify("a*exp(-b*t) + k*z")


def test_any_column_may_be_the_response():
    assert model(response="first name").response == "first name"


def test_the_constant_stays_a_constant_where_the_column_is_not_named():
    assert model("a*exp(-b*t)*pi").columns == ("t",)


WRONG = [
    ({"response": "q"}, "There is no column 'q' for the response; the columns are 't', 'y',"),
    ({"formula": "a*y + b*t"}, "'y' is the response: it cannot stand in the formula"),
    ({"unknowns": ("a", "b", "y")}, "'y' is the response"),
    ({"parameters": {"y": 1.0}}, "'y' is the response"),
    ({"unknowns": ()}, "No start is given"),
    ({"parameters": {"a": 1.0}}, "'a' has a start, and is a parameter as well"),
    ({"unknowns": ("a", "b", "t")}, "'t' is a column, and has a number as well"),
    ({"parameters": {"z": 1.0}}, "'z' is a column, and has a number as well"),
    ({"unknowns": ("a", "b", "c")}, "'c' has a number, and does not stand in the formula"),
    ({"formula": "a*t + b*E"}, "'E' is a column, and a constant in formulas: rename it"),
    ({"formula": "a*t + b*q"}, "'q' is neither a column nor has a start; the columns are 't', "),
]


@pytest.mark.parametrize(("given", "sentence"), WRONG, ids=[words for _, words in WRONG])
def test_names_of_no_kind_or_of_two_are_refused(given, sentence):
    with pytest.raises(InputError) as caught:
        model(**given)
    assert sentence in str(caught.value)


def test_a_formula_that_cannot_be_read():
    with pytest.raises(FormulaError):
        model("2a")

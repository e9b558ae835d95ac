"""Formulas in text: what they mean, what is refused with which words, and in what time."""

from __future__ import annotations

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sympy as sp
from evaluation import Exact
from expressions import SYMBOLS, expressions, points
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from problems import PROBLEMS
from sympy.codegen.cfunctions import Cbrt
from sympy.printing.str import StrPrinter

from symadamax.errors import FormulaError, InputError, MissingDependencyError
from symadamax.formula.limits import DEPTH, LENGTH
from symadamax.formula.names import CONSTANTS, FUNCTIONS, RESERVED
from symadamax.objective import Objective
from symadamax.parse import parse_formula

x, y, z = SYMBOLS


def chosen(*pairs: Any) -> Any:
    return sp.Piecewise(*pairs, evaluate=False)


MEANINGS = [
    ("x", x),
    ("2*x**2 + 2*x*y + 2*y**2 - 6*x", 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x),
    ("x - x^3", x - x**3),
    ("-x**2", -(x**2)),
    ("(-x)**2", (-x) ** 2),
    ("2^3^2", sp.Integer(512)),
    ("2**-x", 2**-x),
    ("x**-y**2", x ** -(y**2)),
    ("x*-y", -x * y),
    ("--x + +y", x + y),
    ("x/y/z", x / y / z),
    ("x/y*z", x / y * z),
    ("x - y - z", x - y - z),
    ("x - (y - z)", x - (y - z)),
    ("2*(x + y)", 2 * (x + y)),
    ("x + x + 2*x*y - y*x", 2 * x + x * y),
    ("1/3*x", x / 3),
    ("0.5*x", 0.5 * x),
    (".5e1*x + 2.*y", 5.0 * x + 2.0 * y),
    ("(x + y)**1000000", (x + y) ** 1000000),
    (" x\n\t+  y\r\n", x + y),
    ("alpha_1 + α*Ω", sp.Symbol("alpha_1") + sp.Symbol("α") * sp.Symbol("Ω")),
    ("lambda*_x2 + android", sp.Symbol("lambda") * sp.Symbol("_x2") + sp.Symbol("android")),
    ("pi*E + π", sp.pi * sp.E + sp.pi),
    ("EulerGamma*GoldenRatio", sp.EulerGamma * sp.GoldenRatio),
    ("E**x", sp.exp(x)),
    ("sqrt(x) + x^(1/2)", 2 * sp.sqrt(x)),
    ("sqrt(8)", 2 * sp.sqrt(2)),
    ("log(x, y)", sp.log(x) / sp.log(y)),
    ("log(8, 2) + ln(E)", sp.Integer(4)),
    ("sin(pi/6) + cos(x)", sp.Rational(1, 2) + sp.cos(x)),
    ("asin(x) + arcsin(x)", 2 * sp.asin(x)),
    ("cbrt(x)", Cbrt(x)),
    ("min(x, y, 2) + Max(x, y)", sp.Min(x, y, 2) + sp.Max(x, y)),
    ("abs(x - 1)", sp.Abs(x - 1)),
    ("heaviside(x)", sp.Heaviside(x)),
    ("besselj(2, x)*LambertW(x, -1)", sp.besselj(2, x) * sp.LambertW(x, -1)),
    ("max(1/3, -2) + abs(-2/3) + floor(7/2)", sp.Integer(4)),
    ("x**floor(pi)", x**3),
    ("piecewise(x < 0, -x, x)", chosen((-x, x < 0), (x, True))),
    ("where(x >= y, 1, 2)", chosen((1, x >= y), (2, True))),
    (
        "piecewise(x <= 0, 1, x > 2 and not y == 3, 2, 3)",
        chosen((1, x <= 0), (2, sp.And(x > 2, sp.Ne(y, 3))), (3, True)),
    ),
    (
        "where(x < y < z or (y != 2), x, y)",
        chosen((x, sp.Or(sp.And(x < y, y < z), sp.Ne(y, 2))), (y, True)),
    ),
    ("where(1 < 2, x, y) + where(sqrt(2) == 2, x, z)", x + z),
    ("piecewise(1 > 2, x, y < 0, 1, 2 >= 2, z, 3)", chosen((1, y < 0), (z, True))),
]


@pytest.mark.parametrize(("text", "meaning"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_a_formula_means(text, meaning):
    assert parse_formula(text) == meaning


def test_a_decimal_is_the_nearest_double():
    for text in ("0.1", "1e-3", "123456789.123456789", "5e-324", "1.7976931348623157e308"):
        number = parse_formula(text)
        assert number.is_Float
        assert float(number) == float(text)


def test_fractions_are_exact():
    assert parse_formula("1/3 - 1/2 + 10**300/3**20") == sp.Rational(-1, 6) + sp.Rational(
        10**300, 3**20
    )


def test_symbols_have_no_assumptions():
    assert parse_formula("x + gamma(x)").free_symbols == {sp.Symbol("x")}


SIGNED = st.tuples(
    st.sampled_from(["", "-", "- -", "+"]), st.sampled_from("xyz"), st.sampled_from("+-*/^")
)


@given(st.lists(SIGNED, min_size=2, max_size=6))
def test_operators_bind_as_in_python(parts):
    text = "".join(f"{sign} {name} {operator} " for sign, name, operator in parts)[:-2]
    meant = eval(text.replace("^", "**"), {"x": x, "y": y, "z": z})
    assert parse_formula(text) == meant


# ---- functions ---------------------------------------------------------------------------------

# What stands between the parentheses, where it is not one number from 0.4: {} is the unknown.
ABOVE_ONE = ("1.5*{}/0.4",)
TWO_OR_MORE = ("{}, 0.8", "{}, 0.8, 0.3", "{}, 1/3")
ORDERED = ("2, {}", "0.5, {}")
ARGUMENTS = {
    **dict.fromkeys(("acosh", "asec", "acsc", "acoth"), ABOVE_ONE),
    **dict.fromkeys(("arccosh", "arcsec", "arccsc", "arccoth"), ABOVE_ONE),
    **dict.fromkeys(("min", "Min", "max", "Max"), TWO_OR_MORE),
    **dict.fromkeys(("mod", "Mod"), ("{}, 0.3", "-{}, 0.3", "7, {}")),
    **dict.fromkeys(("atan2", "arctan2"), ("{}, 0.8", "-{}, -0.8")),
    **dict.fromkeys(("besselj", "bessely", "besseli", "besselk"), ORDERED),
    "log": ("{}", "{}, 0.8", "3, {}"), "hypot": ("{}, 3",), "beta": ("{}, 0.8",),
    "LambertW": ("{}", "-{}/2, 0", "-{}/2, -1"), "expint": ("2, {}",),
    "polygamma": ("1, {}", "0, {}"), "zeta": ("2.5, {}",), "jn": ("2, {}",),
    "binomial": ("5, {}", "{}, 2"), "Heaviside": ("{}", "{} - 0.4, 0.3", "-{}, 1"),
}  # fmt: skip
CALLS = [(name, given) for name in FUNCTIONS for given in ARGUMENTS.get(name, ("{}",))]


@pytest.mark.parametrize(("name", "given"), CALLS, ids=[f"{f}({given})" for f, given in CALLS])
def test_every_function_compiles_and_equals_its_value_at_constants(name, given):
    value = Objective(parse_formula(f"{name}({given.format('x')}) + 0.5*x")).value([0.4])
    constant = parse_formula(f"{name}({given.format('0.4')})")
    assert float(constant) + 0.2 == pytest.approx(value, rel=1e-13)
    assert Objective(x + constant).value([0.2]) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_constant_compiles(name):
    assert Objective(parse_formula(f"x*{name}")).value([1]) == float(CONSTANTS[name])


def test_functions_stay_as_written():
    assert str(parse_formula("log(exp(x)) + abs(-x)")) == "log(exp(x)) + Abs(-x)"


def test_a_root_of_a_root_is_computed_and_differentiated():
    objective = Objective(parse_formula("3*sqrt(2*sqrt(x)) + x"))
    assert objective.value([16.0]) == pytest.approx(3 * 8**0.5 + 16)
    assert float(objective.gradient[0].subs(x, 16)) == pytest.approx(1 + 3 * 8**0.5 / 64)


@pytest.mark.parametrize("name", ["beta", "gamma", "zeta"])
def test_a_letter_without_parentheses_is_an_unknown(name):
    assert parse_formula(f"x*{name} + {name}_1") == x * sp.Symbol(name) + sp.Symbol(f"{name}_1")
    assert parse_formula(f"2*{name}(x, 2)" if name == "beta" else f"2*{name}(x)").has(x)


# ---- round trips -------------------------------------------------------------------------------


def read_unless(text: str, refusal: str) -> Any:
    """Return the expression, or None where it is refused in these words."""
    try:
        return parse_formula(text)
    except FormulaError as error:
        if re.search(refusal, str(error)):
            return None
        raise


class Printer(StrPrinter):
    """SymPy's printer, in the words of a formula."""

    def _print_Float(self, number):
        return repr(float(number))

    def _print_Piecewise(self, whole):
        *cases, (otherwise, _) = whole.args
        words = [self._print(part) for value, test in cases for part in (test, value)]
        return f"piecewise({', '.join([*words, self._print(otherwise)])})"


@given(expressions(), points())
def test_printed_and_read_again_it_is_the_same_function(expression, point):
    parsed = read_unless(Printer().doprint(expression), "constant|magnitudes")
    assume(parsed is not None)
    exact, again = Exact(expression, SYMBOLS), Exact(parsed, SYMBOLS)
    first, second = exact.value(point), again.value(point)
    assert abs(first - second) <= 1e-12 * max(1, exact.largest)


PIECES = [
    sp.Piecewise((x**2, sp.And(x > 0, y < 1)), (y, True)),
    sp.Piecewise((x, sp.Or(sp.Eq(x, 0), sp.And(y > 1, sp.Ne(y, 2)))), (-y, x < y), (0, True)),
    sp.Piecewise((sp.Piecewise((1, y > 0), (2, True)), x > 0), (3, True)) * x,
    sp.Piecewise((x, x > 0)) + sp.Heaviside(y, 1) + sp.Max(x, y),
]


@pytest.mark.parametrize("expression", PIECES, ids=str)
def test_a_piecewise_function_is_read_as_sympy_prints_it(expression):
    assert parse_formula(str(expression)) == expression


def test_conditions_are_joined_by_signs_or_words():
    words = "where(x < 0 or x > 1 and y > 0, 1, 2)"
    assert parse_formula("where(x < 0 | x > 1 & y > 0, 1, 2)") == parse_formula(words)


@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
def test_the_library_of_problems_can_be_written_as_text(problem):
    parsed = parse_formula(Printer().doprint(problem.expression))
    value = Objective(parsed, problem.unknowns).value(problem.start)
    assert value == pytest.approx(
        Objective(problem.expression, problem.unknowns).value(problem.start), rel=1e-11
    )


# ---- refusals ----------------------------------------------------------------------------------

REFUSED = [
    # text, place of the caret, words of the sentence
    ("2x", 1, "A product is written with *: write 2*x."),
    ("2(x)", 1, "write 2*("),
    ("x y", 2, "write x*y"),
    ("(x)(y)", 3, "write )*("),
    ("x 2", 2, "write x*2"),
    ("sin x", 4, "sin is a function: write sin(...)"),
    ("2*sin + x", 2, "'sin' is a function: write sin(...)"),
    ("beta(x, 1) + beta", 0, "beta is a function here, and an unknown elsewhere: write beta*(...)"),
    ("gamma*gamma (x)", 6, "give the unknown another name, for example gamma_"),
    ("Piecewise((x, x > 0), 2)", 10, "Two stand in these parentheses; accepted is one."),
    ("2*sin((x, y))", 6, "A pair (value, condition) belongs in Piecewise("),
    ("Piecewise((x, False))", 0, "No condition of this piecewise function ever holds"),
    ("Piecewise((x, 2))", 14, "Here stands a number; accepted is a condition"),
    ("Eq(x, 1)", 3, "Here stands a condition; accepted is a number"),
    ("if(x > 0, x, 2)", 0, "Write where(condition, value, otherwise)."),
    ("sine(x)", 0, "Did you mean sin?"),
    ("x + Sinn(x)", 4, "Did you mean sin?"),
    ("piecwise(x<0, 1, 2)", 0, "Did you mean piecewise?"),
    ("qwxz(x)", 0, "If qwxz is an unknown, write qwxz*(...)"),
    ("pi(x)", 0, "pi is a number, not a function"),
    ("sin()", 0, "sin takes 1 argument; 0 are given"),
    ("sin(x, y)", 0, "sin takes 1 argument; 2 are given"),
    ("log(x, 2, 3)", 0, "log takes 1 to 2 arguments; 3 are given"),
    ("x*min(x)", 2, "min takes 2 or more arguments; 1 are given"),
    ("where(x<1, 2)", 0, "where takes 3 arguments; 2 are given"),
    ("piecewise(x<1, 1, 2, 3)", 0, "an odd number of arguments; 4 are given"),
    ("piecewise(x, 1, 2)", 10, "Here stands a number; accepted is a condition like x < 0"),
    ("where(where(x<1, 1, x) < 2, 1, 2)", 6, "A piecewise function stands in this condition"),
    ("x and y < 1", 0, "Here stands a number"),
    ("not x", 4, "Here stands a number"),
    ("x < y", 0, "Here stands a condition; accepted is a number"),
    ("1 + (x < 2)", 5, "Here stands a condition"),
    ("sin(x < 2)", 4, "Here stands a condition"),
    ("-(x < 2)", 2, "Here stands a condition"),
    ("(x < 2)**2", 1, "Here stands a condition"),
    ("(x", 0, "This '(' is not closed"),
    ("x)", 1, "This ')' closes nothing"),
    ("sin(x*(y + 1)", 3, "This '(' is not closed"),
    ("x +", 3, "Found the end of the formula; accepted is a number, a name, '('"),
    ("x + * y", 4, "Found '*'; accepted is a number, a name"),
    ("x // 2", 3, "Found '/'; accepted is a number"),
    ("1,5*x", 1, "Write decimal numbers with a point"),
    ("x = 1", 2, "Write == in a condition"),
    ("x % 2", 2, "Write mod(a, b)"),
    ("x²", 1, "Write **2"),
    ("x − y", 2, "Write the minus sign of the keyboard"),
    ("|x|", 0, "Write abs(x)"),
    ("[x]", 0, "Write parentheses"),
    ("е + x", 0, "Latin and Greek letters"),  # a Cyrillic letter
    ("ｘ + 1", 0, "Latin and Greek letters"),
    ("x\x00y", 1, r"'\x00' has no meaning here"),
    ("x.__class__", 1, "names have no parts"),
    ("__import__('os').system('true')", 11, '"\'" has no meaning here'),
    ("lambda: 1", 6, "':' has no meaning here"),
    ("x if y else z", 2, "Write where(condition, value, otherwise) for a choice."),
    ("1/0", 1, "This divides by zero"),
    ("x/(2 - 2)", 1, "This divides by zero"),
    ("1/(x - x)", 1, "This divides by zero"),
    ("x*0**-2", 3, "This divides by zero"),
    ("sqrt(-1)", 0, "-1 to the power 0.5 is not real"),
    ("x + (-8)**(1/3)", 8, "write cbrt(...)"),
    ("(y - y - 2)**0.5", 11, "is not real"),
    ("log(-1)", 0, "log(-1) has no real value"),
    ("log(2, 1)", 0, "log(2, 1) has no real value"),
    ("gamma(0)", 0, "gamma(0) has no real value"),
    ("zeta(1)", 0, "zeta(1) is too large"),
    ("tan(pi/2)", 0, "This has no finite value"),
    ("LambertW(-1)", 0, "LambertW(-1) has no real value"),
    ("polygamma(1.5, 2)", 0, "The order is 1.5; accepted is a whole number from 0 to 100"),
    ("exp(-1000)*x", 0, "exp(-1000) is too small"),
    ("sech(800)", 0, "sech(800) is too small"),
    ("x*csch(-800)", 2, "csch(-800) is too small"),
    ("1e400", 0, "This number is too large"),
    ("1e-400*x", 0, "This number is too small"),
    ("9" * 310, 0, "This number is too large"),
    ("1" * 401, 0, "This number has 401 characters; at most 400"),
    ("e**x", 0, "Write E for Euler's number"),
    ("2*I", 2, "there is no imaginary unit"),
    ("x + oo", 4, "finite"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "words"), REFUSED, ids=[repr(t)[:30] for t, *_ in REFUSED])
def test_a_mistake_is_named_and_shown(text, at, words):
    with pytest.raises(FormulaError) as caught:
        parse_formula(text)
    sentence, shown, caret = str(caught.value).split("\n")
    assert words in sentence
    assert caret == " " * (4 + at) + "^"
    assert shown.startswith("    ")
    assert len(shown) <= 4 + 70 + 6


def test_the_window_moves_with_the_place():
    text = " + ".join(f"x{k}" for k in range(1000)) + " + 2y + " + " + ".join("abcdefghij")
    with pytest.raises(FormulaError) as caught:
        parse_formula(text)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[len(caret) - 1] == "y"
    assert shown.startswith("    ...")
    assert shown.endswith("...")
    assert len(shown) == 4 + 3 + 70 + 3


@pytest.mark.parametrize("given", [None, 3, 2.5, b"x", ["x"], x, sp.Integer(2)])
def test_only_text_is_read(given):
    with pytest.raises(FormulaError, match=rf"A formula is text.*{type(given).__name__}"):
        parse_formula(given)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_empty_text(text):
    with pytest.raises(FormulaError, match="The formula is empty"):
        parse_formula(text)


def test_the_errors_are_the_users():
    with pytest.raises(InputError):
        parse_formula("2x")
    with pytest.raises(ValueError, match="written with"):
        parse_formula("2x")


def test_no_name_means_two_things():
    assert not set(FUNCTIONS) & set(CONSTANTS)
    assert not (set(FUNCTIONS) | set(CONSTANTS)) & set(RESERVED)


def test_without_lark_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lark.exceptions", None)
    with pytest.raises(MissingDependencyError, match=r"lark.*symadamax\[cli\]"):
        parse_formula("x")


# ---- limits ------------------------------------------------------------------------------------


@contextmanager
def within(seconds):
    """Fail where the body takes more time of the processor."""
    parse_formula("x")  # makes the parser
    begin = time.process_time()
    yield
    assert time.process_time() - begin < seconds


HOSTILE = [
    "9**9**9", "7**7**7**7", "9**(9**9)", "(10**300)**300", "y*where(x<1, 7/9, -3)^10**9",
    "where(x<1, 2, where(x<2, 2*y, sqrt(2)))^10**9", "bessely(999999937, 1e300)",
    "2**-10**9", "x*9**9**9", "10**300*10**300",
    "x*10**300*y*10**300", "10**-300*x/10**300", "(2*x)**1000000", "(x/3)**-1000000",
    "((2*x)**1000)**1000", "(sqrt(3)*x)**1000000", "((x - x) + sqrt(2))**10**9",
    "2**(x + 10**9)/2**x", "2**(x - 10**9)*2**(-x)", "y*exp(10**9*log(2*x))",
    "exp(x + 10**9*log(3))*y", "2**(10**9*log(5*x)/log(2))", "sqrt(2)**(x + 10**8)*y",
    "exp(-10**9*log(2))", "gamma(10**9)", "gamma(-10**9 - 1/2)*0 + 1/0", "polygamma(10**8, 1)",
    "floor(exp(10**9))", "sin(10**10**10)", "zeta(-1000001)", "expint(-10**9, 3)",
    "*".join(["2**(x + 900)/2**x"] * 300), "(" * 200 + "x" + ")" * 200,
    "(" * 100_000, "x**" * 300 + "x", "-(" * 150 + "x" + ")" * 150, "sin(" * 101 + "x" + ")" * 101,
    "x" * 10_000_000, "+".join(f"x/{k}" for k in range(10**6, 10**6 + 500)),
    "*".join(f"{k}/{k + 1}*x" for k in range(10**9, 10**9 + 1000)), "9" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:30] for text in HOSTILE])
def test_what_would_take_for_ever_is_refused(text):
    with within(seconds=1), pytest.raises(FormulaError) as caught:
        parse_formula(text)
    assert len(str(caught.value)) < 500


QUICK = [
    "besselj(10**9, 1)", "zeta(-10**6)", "loggamma(10**9)", "digamma(10**9)", "zeta(2*10**6)",
    "(1000001/1000000)**100000", "x**10**9", "exp(x + 10**9)", "beta(10**9, 2)", "erfc(10**9)",
    "expint(10**9, x)", "besselk(10**9, x)", "polygamma(10**8, x)", "gamma(x + 10**9)",
    "sin(10**300)", "mod(10**300, 7)", "floor(x + 10**300)", "(1 + sqrt(2))**700",
    "sin(" * 99 + "1" + ")" * 99, "exp(-" * 90 + "1" + ")" * 90, "sqrt(1 + " * 90 + "2" + ")" * 90,
    "2*(" * 40 + "x*y" + ")**(3/2)" * 40, "2 + 3*sqrt(" * 40 + "x" + ")" * 40,
    "*".join(["sqrt(2)/sqrt(3)"] * 300), "+".join(f"1/{k}" for k in range(1, 1000)),
    "max(" + ",".join(f"x{k}" for k in range(400)) + ")",
    "abs(" + "+".join(f"1/x{k}" for k in range(300)) + ")",
    "floor(" + "+".join(f"1/x{k}" for k in range(300)) + ")",
    "where(x<1," * 90 + "y" + ",2)" * 90, "-" * 5000 + "x", "where(" + "not " * 5000 + "x<1, 1, 2)",
]  # fmt: skip


@pytest.mark.parametrize("text", QUICK, ids=[text[:30] for text in QUICK])
def test_what_sympy_would_take_long_for_is_read_at_once_or_refused(text):
    with within(seconds=1), suppress(FormulaError):
        parse_formula(text)


def test_depth_is_counted_over_parentheses_calls_and_powers():
    half = DEPTH // 2
    assert parse_formula("sin(" * DEPTH + "x" + ")" * DEPTH).has(sp.sin)
    assert parse_formula("(1 + " * half + "x" + ")**2" * half).has(x)
    with pytest.raises(FormulaError, match="nested more than 100 levels"):
        parse_formula("(1 + " * (half + 1) + "x" + ")**2" * (half + 1))


def test_a_long_sum_is_read_in_seconds():
    with within(seconds=15):
        parsed = parse_formula(" + ".join(f"{k}*x{k}" for k in range(5000)))
    assert len(parsed.args) == 4999


def test_the_longest_text():
    text = "x" + " " * (LENGTH - 1)
    assert parse_formula(text) == x
    with pytest.raises(FormulaError, match=r"has 100,001 characters; at most 100,000"):
        parse_formula(text + " ")


WORDS = """
+ - * / ** ^ ( ) , < <= > >= == != and or not . e E pi I x y α 0 1 2 7 0.5 1e9 1e-9 1e300 10**9
-10**9 1/3 sqrt(2) (x+1) 2*x x*y log(x) exp(x) _ \\ ² = [ ' \" é piecewise( where( x<1, ), ))
"""
TOKENS = ["\0", "\n", *WORDS.split(), *(f"{name}(" for name in FUNCTIONS)]
soup = st.lists(st.sampled_from(TOKENS), max_size=25).map("".join) | st.lists(
    st.sampled_from(TOKENS), max_size=15
).map(" ".join)


LEAVES = ["x", "y", "0", "1", "2", "-3", "1/3", "0.1", "10**9", "1e300", "-1e-300", "pi", "E"]


def formulas() -> Any:
    """Text that is a formula, of constants and functions that are apt to be troublesome."""
    leaves = st.sampled_from(LEAVES)
    called = st.sampled_from([*FUNCTIONS, "where", "piecewise"])
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(
                lambda a, sign, b: f"({a}){sign}({b})", inner, st.sampled_from("+-*/^"), inner
            )
            | st.builds(lambda f, a: f"{f}({a})", called, inner)
            | st.builds(lambda f, a, b: f"{f}({a}, {b})", called, inner, inner)
            | st.builds(lambda a, b, c: f"where({a} < {b}, {a}, {c})", inner, inner, inner)
        ),
        max_leaves=12,
    )


@given(st.text(max_size=60) | soup | formulas())
def test_nothing_but_a_formula_error_escapes_and_time_is_bounded(text):
    with within(seconds=2), suppress(FormulaError):
        parsed = parse_formula(text)
        assert isinstance(parsed, sp.Expr)
        assert not parsed.has(sp.zoo, sp.nan, sp.oo, sp.I)


@settings(max_examples=50)
@given(formulas())
def test_what_is_read_compiles_or_is_refused(text):
    with within(seconds=3), suppress(InputError):
        Objective(parse_formula(text)).value_and_gradient({"x": 0.5, "y": 0.25})


def test_threads_read_at_the_same_time():
    texts = [f"{k}*x**{k} + sin({k}*y)" for k in range(1, 40)] * 3
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(parse_formula, texts)) == [parse_formula(text) for text in texts]

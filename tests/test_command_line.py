"""The command line: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import time

import pytest
import sympy as sp

from symadamax.cli import main
from symadamax.errors import FormulaError
from symadamax.parse import parse_formula

x, y = sp.symbols("x y")


def test_a_formula_is_the_expression_that_it_says() -> None:
    assert parse_formula("2*x^2 + 2*x*y + 2*y**2 - 6*x") == 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.__class__",
        "9**9**9",
        "lambda: 1",
        "(" * 200 + "x" + ")" * 200,
        "x + " * 2_500_000 + "x",
        "2x",
        "sin(",
        "",
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_formula_is_refused_at_once(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(FormulaError):
        parse_formula(text)
    assert time.process_time() - begin < 5


def test_minimize_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["minimize", "(x - 1)**2 + (y + 2)**2", "--start", "x=0,y=0",
                 "--learning-rate", "0.1", "--steps", "500", "--json"])  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed["x"] == pytest.approx({"x": 1, "y": -2}, abs=1e-3)


def test_a_wrong_formula_is_a_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["minimize", "x.__class__", "--start", "x=1"]) == 2
    assert "Traceback" not in capsys.readouterr().err

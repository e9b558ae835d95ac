"""The command fit: what it prints and draws, what it refuses, and with which code it ends."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from symadamax.cli import main

FORMULA = "a*exp(-b*t) + c"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a table the working folder's data.csv."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 5, 100)
    y = 2 * np.exp(-0.7 * t) + 0.5 + 0.05 * rng.normal(size=100)
    lines = [f"{a},r{k},{b},1" for k, (a, b) in enumerate(zip(t, y, strict=True))]
    (tmp_path / "data.csv").write_text("\n".join(["t,name,y,one", *lines]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Return a function of the words that gives the exit code and what is printed."""

    def call(*words, formula=FORMULA, start="a=1,b=1,c=0", response="y", file="data.csv"):
        words = ["fit", formula, file, "--response", response, "--start", start, *words]
        code = main([*map(str, words)])
        return code, *capsys.readouterr()

    return call


def test_the_table_of_estimates(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert re.match(r"unknown +estimate +standard error\na +\S+ +\S+\nb .*\nc .*\n\n", out)
    for words in ("residual sum of squares", "97 degrees of freedom", "rows ", "STEPS_DONE"):
        assert words in out


def test_json(run):
    code, out, _ = run("--json", "--steps", 5000)
    printed = json.loads(out)
    assert code == 0
    assert printed["estimate"] == pytest.approx({"a": 2, "b": 0.7, "c": 0.5}, abs=0.1)
    errors = np.sqrt(np.diag(printed["covariance"]))
    assert list(printed["standard_error"].values()) == pytest.approx(errors.tolist())
    assert printed["settled"]
    assert (printed["rows"], printed["degrees_of_freedom"], printed["nit"]) == (100, 97, 5000)


def test_json_has_null_for_what_is_not_known(run):
    _, out, err = run("--json", "--steps", 5, formula="(a + b)*t + c")
    printed = json.loads(out, parse_constant=pytest.fail)
    assert printed["standard_error"] == {"a": None, "b": None, "c": None}
    assert printed["undetermined"] == ["a", "b"]
    assert err.startswith("symadamax: The data do not determine a, b:")


def test_a_fit_that_has_not_settled_says_so(run):
    code, _, err = run("--steps", 20)
    assert code == 0
    assert re.match(r"symadamax: The fit has not settled: an estimate is about \S+ standard", err)


def test_settings_and_criteria_reach_the_run(run):
    assert "GTOL_MET" in run("--gtol", 1e-6)[1]
    assert run("--gtol", 1e-12, "--steps", 5)[0] == 1
    _, faster, _ = run("--steps", 20, "--learning-rate", 0.1, "--json")
    _, slower, _ = run("--steps", 20, "--json")
    _, constant, _ = run("--steps", 20, "--constant-rate", "--json")
    squares = [json.loads(out)["residual_sum"] for out in (faster, constant, slower)]
    assert squares == sorted(squares)


def test_batches(run):
    words = ("--batch", 30, "--epochs", 5, "--seed", 1, "--json")
    first, second = (json.loads(run(*words)[1]) for _ in range(2))
    assert first == second
    assert first["nit"] == 20


def test_a_parameter(run):
    _, out, _ = run("--parameter", "c=0.5", "--json", start="a=1,b=1")
    assert json.loads(out)["estimate"].keys() == {"a", "b"}


def test_parquet(run, folder):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = np.genfromtxt("data.csv", delimiter=",", skip_header=1, usecols=(0, 2))
    parquet.write_table(arrow.table({"t": table[:, 0], "y": table[:, 1]}), "data.parquet")
    assert run("--json", file="data.parquet") == run("--json")


@pytest.mark.parametrize(
    ("formula", "name"), [(FORMULA, "fit.png"), ("a*t + b*one + c*t**2", "fit.svg")]
)
def test_pictures_are_written(run, folder, formula, name):
    code, out, _ = run("--plot", name, formula=formula)
    assert code == 0
    assert out.endswith(f"Written: {name}\n")
    assert (folder / name).stat().st_size > 1000


WRONG = [
    ({"response": "q"}, "There is no column 'q' for the response; the columns are 't', 'name',"),
    ({"formula": "a*q + b + c"}, "'q' is neither a column nor has a start"),
    ({"formula": "a*y + b + c"}, "'y' is the response"),
    ({"formula": "a*name + b + c"}, "'r0' in line 2 of data.csv, column 'name'"),
    ({"formula": "a*t + (b"}, "is not closed"),
    ({"start": "a=1,b=1"}, "'c' is neither a column nor has a start"),
    ({"start": "a=one,b=1,c=1"}, "--start has 'a=one'"),
    ({"file": "none.csv"}, "none.csv: No such file or directory"),
    ({"file": "."}, "Is a directory"),
]


@pytest.mark.parametrize(("given", "sentence"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_input_is_a_sentence_and_exit_code_2(run, given, sentence):
    code, out, err = run(**given)
    assert (code, out) == (2, "")
    assert err.startswith("symadamax: ")
    assert sentence in err


WRONG_WORDS = [
    (("--plot", "a.txt"), "The file must end in .png, .svg or .pdf"),
    (("--epochs", 5), "without batch"),
    (("--seed", 5), "rng"),
    (("--batch", 5, "--epochs", 5, "--steps", 5), "give one of them"),
    (("--learning-rate", 0), "learning_rate"),
    (("--steps", 1.5), "invalid int value"),
    (("--l2", 1), "unrecognized arguments"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG_WORDS, ids=[str(w) for w, _ in WRONG_WORDS])
def test_wrong_options_are_a_sentence_and_exit_code_2(run, words, sentence):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert sentence in err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("t,y\n", "no rows"),
        ("t,y\n0,1\n", "1 row"),
        ("t,y\n0,1\n,2\n", "line 3"),
        ("t,y\n0,1\n1,x\n", "'x' in line 3"),
    ],
)
def test_tables_that_cannot_be_used(run, folder, content, sentence):
    (folder / "bad.csv").write_text(content)
    code, _, err = run(file="bad.csv")
    assert code == 2
    assert sentence in err


def test_the_help_names_the_response_and_the_codes(capsys):
    assert main(["fit", "--help"]) == 0
    out = capsys.readouterr().out
    for words in ("--response COLUMN", "--start", "--batch N", "exit codes:", "examples:", "0.01)"):
        assert words in out

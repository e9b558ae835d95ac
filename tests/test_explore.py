"""The command explore: what it prints and draws, what it refuses, and with which code it ends."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import fields

import pytest
import sympy as sp
from test_cli import run, started  # noqa: F401

import symadamax as sx
from symadamax import Adamax, Stop
from symadamax.commands.settings import MANY_SETTINGS

FORMULA = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2"
BOX = ["explore", FORMULA, "--box", "x=-5:5,y=-5:5"]
FAST = [*BOX, "--count", "64", "--learning-rate", "0.05"]
# Himmelblau, Applied Nonlinear Programming (1972).
MINIMA = {(3.0, 2.0), (-2.8051, 3.1313), (-3.7793, -3.2832), (3.5844, -1.8481)}


def test_the_minima_and_the_best_runs(run):  # noqa: F811
    code, out, err = run(*FAST, "--top", 3)
    assert (code, err) == (0, "")
    assert out.startswith("64 runs, 64 of which reached what was asked for:\n")
    assert "4 distinct minima" in out
    table = out.partition("The 3 best runs:\n")[2].splitlines()
    assert re.match(r" +run +value +steps +status +at", table[0])
    assert len(table) == 4
    assert re.match(r" +\d+ +\S+ +1000  STEPS_DONE  x = \S+, y = \S+", table[1])


def test_json(run):  # noqa: F811
    code, out, _ = run(*FAST, "--json", "--top", 5)
    printed = json.loads(out, parse_constant=pytest.fail)
    assert code == 0
    assert {(round(m["x"]["x"], 4), round(m["x"]["y"], 4)) for m in printed["minima"]} == MINIMA
    assert sum(m["runs"] for m in printed["minima"]) == printed["runs"] == printed["success"] == 64
    assert printed["box"] == {"x": [-5, 5], "y": [-5, 5]}
    assert (printed["sampling"], printed["seed"], printed["steps"]) == ("sobol", 0, 1000)
    assert printed["status"] == {"STEPS_DONE": 64}
    assert [run["fun"] for run in printed["top"]] == sorted(run["fun"] for run in printed["top"])
    assert printed["top"][0].keys() == {"run", "fun", "x", "jac", "nit", "status"}


def test_it_is_minimize_many(run):  # noqa: F811
    words = ("--method", "latin", "--seed", 7, "--gtol", 1e-3, "--dtype", "float32", "--threads", 2)
    _, out, _ = run(*FAST, *words, "--json")
    printed = json.loads(out)["top"]
    x, y = sp.symbols("x y")
    best = sx.minimize_many(
        (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        sx.sample({x: (-5, 5), y: (-5, 5)}, 64, "latin", rng=7),
        method=Adamax(0.05), stop=Stop(gtol=1e-3), dtype="float32",
    ).top(10)  # fmt: skip
    assert [run["run"] for run in printed] == best.number.tolist()
    assert [run["fun"] for run in printed] == best.fun.tolist()
    assert [list(run["x"].values()) for run in printed] == best.x.astype(float).tolist()


def test_the_same_words_print_the_same(run):  # noqa: F811
    assert run(*FAST) == run(*FAST)
    assert run(*FAST) != run(*FAST, "--seed", 1)


def test_a_grid_has_no_seed(run):  # noqa: F811
    _, out, _ = run(*FAST[:-4], "--count", "3x2", "--method", "grid", "--steps", 0, "--json")
    printed = json.loads(out)
    assert printed["seed"] is None
    assert sorted((r["x"]["x"], r["x"]["y"]) for r in printed["top"]) == [
        (x, y) for x in (-5, 0, 5) for y in (-5, 5)
    ]


def test_settings_and_parameters_reach_the_runs(run):  # noqa: F811
    settings = ("--beta1", 0.5, "--beta2", 0.75, "--epsilon", 0, "--epsilon-placement", "none")
    more = ("--weight-decay", 0.1, "--l2", 0.2, "--clip-norm", 3, "--clip-value", 4)
    words = ("explore", "c*x^2", "--box", "x=1:2", "--parameter", "c=3", "--count", 4)
    _, out, _ = run(*words, *settings, *more, "--json")
    printed = json.loads(out)
    assert printed["parameters"] == {"c": 3.0}
    assert list(printed["method"].values()) == [
        0.002, 0.5, 0.75, 0.0, "none", False, 0.1, 0.2, 3.0, 4.0
    ]  # fmt: skip


def test_runs_whose_rows_are_not_kept(run, monkeypatch):  # noqa: F811
    whole = json.loads(run(*FAST, "--json", "--top", 2)[1])
    monkeypatch.setattr("symadamax.commands.explore.WHOLE", 100)
    assert json.loads(run(*FAST, "--json", "--top", 2)[1]) == whole
    code, _, err = run(*FAST, "--tol", 0.01)
    assert (code, "accepted is 0.1 or more" in err) == (2, True)
    code, _, err = run(*FAST, "--plot", "a.png")
    assert (code, "accepted are 50 starts" in err) == (2, True)


def test_no_best_run_is_shown_where_none_is_asked_for(run):  # noqa: F811
    _, out, _ = run(*FAST, "--top", 0)
    assert "best runs" not in out
    assert json.loads(run(*FAST, "--top", 0, "--json")[1])["top"] == []


@pytest.mark.parametrize("name", ["basins.png", "basins.svg"])
def test_a_picture_is_written(run, tmp_path, name):  # noqa: F811
    path = tmp_path / name
    code, out, err = run(*FAST, "--plot", path, "--json")
    assert code == 0
    assert json.loads(out)["runs"] == 64
    assert err == f"Written: {path}\n"
    assert path.stat().st_size > 1000


def test_progress_is_a_bar_on_stderr(run):  # noqa: F811
    _, out, err = run(*FAST, "--progress", "--json")
    assert json.loads(out)["runs"] == 64
    assert "64/64" in err


# ---- how it ends -------------------------------------------------------------------------------


def test_json_has_null_for_what_is_not_finite(run):  # noqa: F811
    code, out, _ = run("explore", "log(x)", "--box", "x=-2:-1", "--count", 2, "--json")
    printed = json.loads(out, parse_constant=pytest.fail)
    assert code == 1
    assert printed["status"] == {"VALUE_NOT_FINITE": 2}
    assert printed["minima"] == []
    assert printed["top"][0]["fun"] is None
    assert -2 <= printed["top"][0]["x"]["x"] <= -1


def test_a_criterion_that_no_run_meets_is_exit_code_1(run):  # noqa: F811
    assert run(*FAST, "--steps", 1, "--gtol", 1e-12)[0] == 1
    assert run(*FAST, "--gtol", 10)[0] == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals of POSIX")
def test_ctrl_c_prints_what_has_been_done_and_is_exit_code_130():
    with started(*BOX, "--steps", str(10**12), "--json", "--progress") as process:
        assert process.stderr.read(1)  # the bar: the runs have begun
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["status"] == {"INTERRUPTED": 10_000}
    assert "Traceback" not in err


# ---- help and wrong input ----------------------------------------------------------------------


def test_the_help_names_every_setting_the_samples_and_the_codes(run):  # noqa: F811
    code, out, _ = run("explore", "--help")
    assert code == 0
    for name in (*MANY_SETTINGS, *(field.name for field in fields(Stop))):
        assert f"--{name.replace('_', '-')} " in out
    for words in ("--box x=-5:5,y=0:1", "sobol, latin, uniform or grid", "exit codes:", "10000"):
        assert words in out
    assert "--average" not in out


def test_the_examples_of_the_help_run(run, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^  symadamax (.*)$", run("explore", "--help")[1], re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        words = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', line)]
        assert run(*words, "--steps", "20")[0] == 0


WRONG = [
    (["explore"], "required: formula. See symadamax explore --help"),
    (["explore", FORMULA], "There is no --box; give two ends for each unknown"),
    (["explore", FORMULA, "--box", "x=-5:5"], "The box lacks y"),
    ([*BOX, "--box", "z=0:1"], "no unknown 'z'"),
    ([*BOX, "--box", "x=0:1"], "--box has 'x' twice"),
    (["explore", "x^2", "--box", "x=1"], "--box has 'x=1'; accepted is a name, = and two numbers"),
    (["explore", "x^2", "--box", "x=1:2:3"], "--box has 'x=1:2:3'"),
    (["explore", "x^2", "--box", "x=low:high"], "--box has 'x=low:high'"),
    (["explore", "x^2", "--box", ""], "--box has ''"),
    (["explore", "x^2", "--box", "x=2:1"], "the low end is above the high end"),
    (["explore", "x^2", "--box", "x=nan:1"], "must be real and finite"),
    (["explore", "x^2", "--box", "x=0:1e39", "--dtype", "float32"], "finite in float32"),
    (["explore", "3", "--box", "x=0:1"], "no unknowns"),
    (["explore", "x +", "--box", "x=0:1"], "Found the end"),
    ([*BOX, "--count", "0"], "count is 0"),
    ([*BOX, "--count", "1e5"], "--count is '1e5'; accepted is a whole number"),
    ([*BOX, "--count", "3x3"], "--count is '3x3'; accepted is a whole number, or with --method"),
    ([*BOX, "--count", "10", "--method", "grid"], "has 9 or 16"),
    ([*BOX, "--count", "3x3x3", "--method", "grid"], "count has 3 numbers, and the box has 2"),
    ([*BOX, "--count", "9", "--method", "grid", "--seed", "1"], "a grid draws nothing"),
    ([*BOX, "--method", "halton"], "accepted are 'sobol', 'latin', 'uniform', 'grid'"),
    ([*BOX, "--seed", "-1"], "accepted is a seed"),
    ([*BOX, "--seed", "a"], "--seed: invalid int value"),
    ([*BOX, "--top", "-1"], "--top is -1; accepted is a whole number >= 0"),
    ([*BOX, "--tol", "2"], "tol is 2"),
    ([*BOX, "--threads", "0"], "threads is 0"),
    ([*BOX, "--steps", "-1"], "steps is -1"),
    ([*BOX, "--learning-rate", "0"], "learning_rate is 0"),
    ([*BOX, "--gtol", "-1"], "gtol is -1"),
    ([*BOX, "--parameter", "c=1"], "no symbol 'c'"),
    ([*BOX, "--dtype", "float16"], "dtype is 'float16'"),
    ([*BOX, "--average"], "unrecognized arguments: --average"),
    ([*BOX, "--plot", "a.txt"], "The file must end in .png, .svg or .pdf"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG, ids=[" ".join(w)[-40:] for w, _ in WRONG])
def test_wrong_input_is_a_sentence_and_exit_code_2(run, words, sentence):  # noqa: F811
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert re.match(r"symadamax( explore)?: ", err)
    assert sentence in err
    assert "Traceback" not in err

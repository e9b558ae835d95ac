"""The command line: what it prints and writes, what it refuses, and with which code it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import fields

import faulty_steps
import pytest

from symadamax import Adamax, Stop, __version__, derivation
from symadamax.cli import main
from symadamax.commands.settings import SETTINGS
from symadamax.derivation import errata

BOWL = "(x - 1)**2 + (y + 2)**2"
FAST = ["minimize", BOWL, "--start", "x=0,y=0", "--learning-rate", "0.1"]


@pytest.fixture
def run(capsys):
    """Return a function of the words that gives the exit code and what is printed."""

    def call(*words):
        code = main([*map(str, words)])
        return code, *capsys.readouterr()

    return call


def started(*words, **options):
    """Start the program in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment["PYTHONIOENCODING"] = options.get("encoding", "utf-8")
    command = [sys.executable, "-m", "symadamax", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment, **options
    )


# ---- what is printed ---------------------------------------------------------------------------


def test_the_result_is_a_table(run):
    code, out, err = run(*FAST, "--steps", 500)
    assert (code, err) == (0, "")
    assert out.startswith("message: All 500 steps are done.\n")
    assert re.search(r"^ +x: x = \S+, y = \S+$", out, re.MULTILINE)


def test_the_gradient_is_shown(run):
    _, out, _ = run(*FAST, "--steps", 1, "--show-gradient")
    assert out.startswith("df/dx = 2*x - 2\ndf/dy = 2*y + 4\n\n")


def test_json(run):
    code, out, _ = run(*FAST, "--steps", 500, "--json")
    printed = json.loads(out)
    assert code == 0
    assert printed["x"] == pytest.approx({"x": 1, "y": -2}, abs=1e-3)
    assert printed["best"]["fun"] <= printed["fun"] < 1e-5
    assert printed["jac"].keys() == {"x", "y"}
    assert (printed["nit"], printed["nfev"], printed["success"]) == (500, 501, True)
    assert printed["method"]["learning_rate"] == 0.1
    assert "history" not in printed
    assert "gradient" not in printed


def test_json_with_all_there_is(run):
    words = ("--parameter", "c=3", "--record", 2, "--steps", 4, "--json", "--show-gradient")
    _, out, _ = run("minimize", "c*x^2", "--start", "x=-1e0", *words)
    printed = json.loads(out)
    assert printed["parameters"] == {"c": 3.0}
    assert printed["gradient"] == {"x": "2*c*x"}
    assert printed["history"]["step"] == [0, 2, 4]
    assert printed["history"]["x"]["x"][0] == -1
    assert printed["history"]["fun"][0] == 3


def test_json_has_null_for_what_is_not_finite(run):
    code, out, _ = run("minimize", "-exp(x)", "--start", "x=709", "--learning-rate", 5, "--json")
    printed = json.loads(out, parse_constant=pytest.fail)
    assert code == 1
    assert not printed["success"]
    assert printed["x"]["x"] >= 709


def test_what_begins_like_an_option_is_a_formula_or_a_number(run):
    code, _, err = run("minimize", "-x + x**2", "--start", "x=1", "--steps", 1, "--target", -1e-3)
    assert (code, err) == (0, "")


def test_settings_of_the_method_and_the_criteria_reach_the_run(run):
    settings = ("--beta1", 0.5, "--beta2", 0.75, "--epsilon", 0, "--epsilon-placement", "none")
    _, out, _ = run(*FAST, *settings, "--json")
    method = json.loads(out)["method"]
    assert list(method.values())[:5] == [0.1, 0.5, 0.75, 0.0, "none"]
    more = ("--average", "--weight-decay", 0.1, "--l2", 0.2, "--clip-norm", 3, "--clip-value", 4)
    _, out, _ = run(*FAST, *more, "--json")
    assert list(json.loads(out)["method"].values())[5:] == [True, 0.1, 0.2, 3.0, 4.0]
    _, out, _ = run(*FAST, "--gtol", 1e-2, "--dtype", "float32", "--backend", "numpy", "--json")
    assert json.loads(out)["status"] == "GTOL_MET"


def test_a_warning_is_a_sentence(run):
    code, _, err = run(*FAST, "--steps", 1, "--beta1", 0.9, "--beta2", 0.5)
    assert code == 0
    assert err.startswith("symadamax: beta1")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "name"), [("--plot", "a.png"), ("--animate", "a.gif"), ("--html", "a.html")]
)
def test_pictures_are_written(run, tmp_path, option, name):
    path = tmp_path / name
    code, out, _ = run(*FAST, "--steps", 3, option, path)
    assert code == 0
    assert out.endswith(f"Written: {path}\n")
    assert path.stat().st_size > 1000
    assert path.read_bytes()[:4] in (b"\x89PNG", b"GIF8", b"<!do")


def test_a_picture_needs_no_number_of_steps(run, tmp_path):
    assert run(*FAST, "--plot", tmp_path / "a.png")[0] == 0


def test_json_stays_json_beside_a_picture(run, tmp_path):
    _, out, err = run(*FAST, "--steps", 3, "--json", "--plot", tmp_path / "a.svg")
    assert json.loads(out)["nit"] == 3
    assert err.startswith("Written: ")


# ---- the derivation ----------------------------------------------------------------------------


def test_the_book_is_printed_by_chapters(run):
    code, out, err = run("derive")
    assert (code, err) == (0, "")
    titles = [*derivation.CHAPTERS, errata.TITLE]
    places = [out.index(f"{title}\n===") for title in titles]
    assert places == sorted(places)
    assert all(f"\n{page.id}: " in out for page in (*derivation.STEPS, *derivation.ERRATA))


def test_one_step_is_printed(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    code, out, _ = run("derive", "--step", "first-step")
    assert code == 0
    assert out.startswith("first-step: The first step")
    assert "    Δ₁ = -α⋅sign(g₁)    (5.6)\n" in out
    assert out.endswith("  Proved.\n")
    assert max(map(len, out.splitlines())) <= 60


def test_a_terminal_without_greek_gets_ascii():
    with started("derive", "--step", "first-step", encoding="ascii") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "Delta[1] = -alpha*sign(g[1])    (5.6)" in out


def test_a_check_prints_the_verdict(run):
    code, out, err = run("derive", "--check", "--step", "unrolled-mean")
    assert (code, err) == (0, "")
    assert out.startswith("unrolled-mean  Proved for t ≤ 6 and by induction.\n")
    assert out.endswith("\n1 of 1 proved, 0 witnessed, 0 quoted, 0 failed.\n")


def test_a_check_does_not_count_a_quotation_as_proved(run):
    code, out, _ = run("derive", "--check", "--step", "regret-bound")
    assert code == 0
    assert out.endswith("\n0 of 1 proved, 0 witnessed, 1 quoted, 0 failed.\n")


def test_a_check_that_fails_is_exit_code_1(run, monkeypatch):
    (false,) = (step for step in faulty_steps.STEPS if step.id == "print_and_err")
    monkeypatch.setattr("symadamax.commands.derive.step", lambda _: false)
    code, out, _ = run("derive", "--check", "--step", "false")
    assert code == 1
    assert "Not proved: the check fails. Refuted: The two sides differ by -1." in out
    assert out.endswith("\n0 of 1 proved, 0 witnessed, 0 quoted, 1 failed.\n")


# ---- help --------------------------------------------------------------------------------------


def test_help_names_the_commands_the_codes_and_examples(run):
    code, out, _ = run("--help")
    assert code == 0
    for words in (
        "minimize  ",
        "demo  ",
        "derive  ",
        "exit codes:",
        "130",
        "examples:",
        "--version",
    ):
        assert words in out


def test_the_help_of_minimize_names_every_setting_with_its_default(run):
    _, out, _ = run("minimize", "--help")
    for name in SETTINGS:
        assert f"--{name.replace('_', '-')}" in out
        assert f"(default: {getattr(Adamax, name)})" in re.sub(r"\s+", " ", out)
    assert all(f"--{field.name} X" in out for field in fields(Stop))


def test_the_examples_of_the_help_run(run):
    _, out, _ = run("--help")
    for line in re.findall(r"^  symadamax (.*)$", out, re.MULTILINE):
        words = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', line)]
        assert run(*words)[0] == 0


def test_the_version(run):
    assert run("--version") == (0, f"symadamax {__version__}\n", "")


def test_help_does_not_wait_for_sympy():
    script = "import sys; from symadamax.cli import main; main(['--help']); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    out = subprocess.check_output([sys.executable, "-c", script], text=True, env=environment)
    assert "sympy" not in out.splitlines()[-1].split()


# ---- wrong input -------------------------------------------------------------------------------

WRONG = [
    # words, what the sentence says
    ([], "required: command. See symadamax --help"),
    (["maximize", BOWL], "invalid choice"),
    ([*FAST, "--speed", "9"], "unrecognized arguments: --speed 9"),
    (["minimize"], "required: formula. See symadamax minimize --help"),
    (["minimize", "x.__class__", "--start", "x=1"], "names have no parts"),
    (["minimize", "__import__('os').system('true')", "--start", "x=1"], "has no meaning here"),
    (["minimize", BOWL], "No number is given for x, y"),
    (["minimize", BOWL, "--start", "x=1"], "y"),
    ([*FAST, "--start", "z=1"], "z"),
    ([*FAST, "--start", "x=1"], "--start has 'x' twice; give it once."),
    (["minimize", BOWL, "--start", "x=one,y=1"], "--start has 'x=one'; accepted is a name, ="),
    (["minimize", BOWL, "--start", "1,2"], "--start has '1'"),
    (["minimize", BOWL, "--start", "x=nan,y=1"], "x"),
    ([*FAST, "--parameter", "k=1"], "k"),
    (["minimize", "3", "--start", "x=1"], "no unknowns"),
    (["minimize", "log(x)", "--start", "x=-1"], "not finite"),
    ([*FAST, "--steps", "1.5"], "--steps: invalid int value: '1.5'"),
    ([*FAST, "--steps", "-1"], "steps"),
    ([*FAST, "--learning-rate", "0"], "learning_rate"),
    ([*FAST, "--beta1", "1"], "beta1"),
    ([*FAST, "--epsilon-placement", "inside"], "epsilon_placement"),
    ([*FAST, "--gtol", "-1"], "gtol"),
    ([*FAST, "--record", "0"], "record"),
    ([*FAST, "--dtype", "float16"], "dtype"),
    ([*FAST, "--backend", "fortran"], "backend"),
    ([*FAST, "--plot", "a.txt"], "The file must end in .png, .svg or .pdf: 'a.txt' does not."),
    ([*FAST, "--animate", "a.png"], "The file must end in .gif or .mp4: 'a.png' does not."),
    ([*FAST, "--html", "a.htm"], "The file must end in .html: 'a.htm' does not."),
    ([*FAST, "--plot", "no/such/a.png"], "There is no folder"),
    (["derive", "--step", "last"], "There is no step 'last'; accepted are moving-average, "),
    (["derive", "first-step"], "unrecognized arguments: first-step"),
    (["demo", "--frames", "many"], "--frames: invalid int value: 'many'"),
    (["demo", "--folder", __file__], "is a file; the pictures need a folder"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG, ids=[" ".join(w)[-40:] for w, _ in WRONG])
def test_wrong_input_is_a_sentence_and_exit_code_2(run, words, sentence):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert re.match(r"symadamax( minimize| demo)?: ", err)
    assert sentence in err
    assert "Traceback" not in err


def test_a_file_that_cannot_be_written(run, tmp_path):
    path = tmp_path / f"{'a' * 300}.png"
    code, out, err = run(*FAST, "--steps", 3, "--plot", path)
    assert (code, out, err) == (2, "", f"symadamax: {path}: File name too long\n")


# ---- how it ends -------------------------------------------------------------------------------


def test_a_criterion_that_is_not_met_is_exit_code_1(run):
    assert run(*FAST, "--steps", 5, "--gtol", 1e-12)[0] == 1
    assert run(*FAST, "--steps", 5)[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_prints_the_result_so_far_and_is_exit_code_130():
    with started(*FAST, "--steps", str(10**12), "--json", "--progress") as process:
        assert process.stderr.read(1)  # the bar: the run has begun
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["status"] == "INTERRUPTED"
    assert "Traceback" not in err


def test_ctrl_c_before_the_run_is_exit_code_130(run, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("symadamax.commands.minimize.parse_formula", interrupted)
    assert run(*FAST) == (130, "", "symadamax: interrupted\n")


def test_a_reader_that_leaves_is_no_failure():
    with started(*FAST, "--steps", "10") as process:
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")

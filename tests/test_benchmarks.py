"""The benchmarks run at tiny sizes without any peer, and say which peers they leave out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from benchmarks import __main__ as command
from benchmarks import (
    chain,
    costs,
    expressions,
    harness,
    loops,
    one_unknown,
    parts,
    report,
    routes,
    rows,
    startup,
    sums,
)
from benchmarks.children import Failed, in_child, side_by_side
from benchmarks.harness import (
    Contender,
    LeftOut,
    Timing,
    gather,
    interleave,
    need,
    paced,
    repeated,
    timed,
)  # fmt: skip
from benchmarks.report import Report, Table, Target


@pytest.fixture
def alone(monkeypatch):
    """Take every peer away."""

    def missing(name):
        raise LeftOut(f"{name} cannot be imported")

    for module in (loops, routes, chain, rows):
        monkeypatch.setattr(module, "need", missing)
    for module in (loops, routes, chain):
        monkeypatch.setattr(module.shutil, "which", lambda name: None)


def test_contenders_take_turns_after_one_run_that_is_not_counted():
    order = []
    work = {name: Contender(partial(order.append, name)) for name in "abc"}
    times = interleave(work, 3)
    assert "".join(order) == "abc" + "abc" + "bca" + "cab"
    assert [len(times[name].clock) for name in "abc"] == [3, 3, 3]


def test_times_are_by_unit_and_ratios_are_taken_within_a_round():
    times = interleave({"sleep": Contender(partial(time.sleep, 0.01), 10)}, 2)
    assert min(times["sleep"].clock) >= 0.001 > times["sleep"].seconds
    slow, fast = (2.0, 30.0, 4.0), (1.0, 10.0, 2.0)
    assert Timing(slow, slow).over(Timing(fast, fast)) == 2
    assert Timing(slow, slow).over(Timing(slow, fast)) == 2
    assert Timing((2.0, 2.0), (1.0, 1.0)).share == 0.5


def test_the_time_of_a_process_waited_for_counts():
    work = "sum(k*k for k in range(200_000))"
    _, timing = timed(lambda: subprocess.run([sys.executable, "-c", work], check=True))
    assert timing.processor[0] > 1e-3


def test_a_short_call_is_repeated():
    count = []
    contender = repeated(partial(count.append, 1), seconds=1e-4)
    count.clear()
    contender.run()
    assert len(count) == contender.units > 1


def test_a_missing_peer_is_left_out_with_a_word():
    def absent():
        need("a_module_that_is_not_there")

    made, notes = gather({"here": lambda: 1, "Absent": absent})
    assert made == {"here": 1}
    assert notes == ["Absent is left out: a_module_that_is_not_there cannot be imported."]


def test_a_table_is_text_and_markdown():
    table = Table("Title", ["tool", "time"], [["symadamax", "1 ms"], ["C", "12 ms"]])
    assert str(table).splitlines() == [
        "Title", "  tool        time", "  symadamax   1 ms", "  C          12 ms",
    ]  # fmt: skip
    assert table.markdown().splitlines() == [
        "## Title", "", "| tool | time |", "| --- | ---: |",
        "| symadamax | 1 ms |", "| C | 12 ms |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("a", 1.0, 2.0, "s"), "met"),
        (Target("a", 3.0, 2.0, "s"), "missed"),
        (Target("a", 3.0, 2.0, "x", at_least=True), "met"),
        (Target("a", 1.0, 2.0, "x", at_least=True), "missed"),
    ],
)
def test_a_target_says_whether_it_is_met(target, met):
    assert target.row()[-1] == met


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (12.345, "12.3 s"), (0.99999, "1.00 s"), (1.5e-3, "1.50 ms"), (2e-10, "0.20 ns")],
)
def test_durations(seconds, text):
    assert report.duration(seconds) == text


def test_a_child_returns_what_it_found():
    big = list(range(10_000))
    assert in_child(lambda: big, limit=60) == big


def _leave_out():
    raise LeftOut("it is not here")


def _turn():
    while True:
        pass


@pytest.mark.parametrize(
    ("work", "limit", "error", "message"),
    [
        (_leave_out, 60, LeftOut, "it is not here"),
        (lambda: 1 / 0, 60, Failed, "ZeroDivisionError"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), 60, Failed, "crashes"),
        (lambda: time.sleep(60), 0.1, Failed, "over 0 s"),
        (_turn, 1, Failed, "over 1 s"),
    ],
)
def test_a_child_that_fails_says_why(work, limit, error, message):
    with pytest.raises(error, match=message):
        in_child(work, limit)


def test_a_child_that_sleeps_is_ended_by_the_clock():
    begin = time.monotonic()
    with pytest.raises(Failed, match="over 1 s"):
        in_child(lambda: time.sleep(60), 1)
    assert time.monotonic() - begin < 10


def test_a_crash_is_seen_though_a_grandchild_holds_the_pipe():
    def leave_one_behind():
        if os.fork() == 0:
            time.sleep(60)
        os.kill(os.getpid(), signal.SIGKILL)

    begin = time.monotonic()
    with pytest.raises(Failed, match="crashes"):
        in_child(leave_one_behind, 60)
    assert time.monotonic() - begin < 30


def _sleeps_later():
    counted = []

    def work():
        counted.append(1)
        time.sleep(60 if len(counted) > 2 else 0)
        return os.getpid()

    return Contender(work)


def test_contenders_in_children_take_turns_and_drop_out_alone():
    makers = {
        "good": lambda: Contender(os.getpid, 2),
        "absent": _leave_out,
        "stuck": _sleeps_later,
    }
    times, found, missing = side_by_side(makers, 3, limit=1)
    assert missing == {"absent": "it is not here", "stuck": "over 1 s"}
    assert list(times) == ["good"]
    assert len(times["good"].clock) == 3
    assert len({os.getpid(), found["good"], found["stuck"]}) == 3


def test_a_loop_is_paced(monkeypatch):
    asked = []

    def taken(contender):
        contender.run()
        return 0.25 * asked[-1], 0.0

    monkeypatch.setattr(harness, "taken_by", taken)
    assert paced(asked.append, 100).units == 400
    assert asked == [1, 30, 400]


@pytest.mark.usefixtures("alone")
def test_one_unknown_without_peers():
    made = one_unknown.run(quick=True)
    names = [row[0] for row in made.tables[0].rows]
    assert names == [report.OURS, "plain Python", loops.NUMPY]
    assert [target.what for target in made.targets] == [
        "a run of 1,000 steps", "faster than the NumPy loop",
    ]  # fmt: skip
    assert sum("is left out" in note for note in made.notes) == len(loops.LOOPS) - 3


def test_loops_that_differ_are_not_compared():
    with pytest.raises(AssertionError, match="plain Python ends at"):
        one_unknown.hold_equal({report.OURS: 1.0, "plain Python": 1.001})


@pytest.mark.usefixtures("alone")
def test_expressions_without_peers():
    made = expressions.run(quick=True)
    prepare, evaluate, stages = made.tables
    assert [row[0] for row in prepare.rows] == [report.OURS, routes.LAMBDIFY]
    assert len(stages.rows) == len(prepare.header) - 1 == len(evaluate.header) - 1
    assert all(cell.endswith("s") for row in [*prepare.rows, *evaluate.rows] for cell in row[1:])
    assert any(note.startswith("CasADi, gcc -O3 is left out: ") for note in made.notes)


def test_gradients_that_differ_are_not_compared():
    ours = expressions.Measured(1.0, 1.0, 2.0, 1.0)
    other = expressions.Measured(1.0, 1.0, 2.1, 1.0)
    expressions.hold_equal("a sum", {report.OURS: ours, "peer": "over 60 s"})
    with pytest.raises(AssertionError, match="peer on a sum"):
        expressions.hold_equal("a sum", {report.OURS: ours, "peer": other})


@pytest.mark.usefixtures("alone")
def test_sums_without_peers(monkeypatch):
    monkeypatch.setattr(sums, "QUICK", parts.Sizes(1, 1e-4, (1_500,), 300, 16, 20))
    for kind, names in {"CHAINS": (report.OURS, chain.C, "Numba"), "FITS": (report.OURS, "NumPy"),
                        "LOGISTICS": (report.OURS, rows.READ)}.items():  # fmt: skip
        makers = getattr(sums, kind)
        monkeypatch.setattr(sums, kind, {name: makers[name] for name in names})
    made = sums.run(quick=True)
    cells = {table.title: {name: rest for name, *rest in table.rows} for table in made.tables}
    chains, fits, logistics, speeds, batches, compiling, memory = cells.values()
    assert chains["Numba"] == ["numba cannot be imported"]
    assert chains[chain.C] == ["there is no gcc"]
    assert all(cells[report.OURS][0].endswith("s") for cells in (chains, fits, logistics))
    assert fits["NumPy"][1].endswith("s")
    assert speeds == {}
    assert len(batches) == 13
    assert batches["C, reading as many that fit"] == ["there is no gcc"]
    assert batches["a step on a batch, beyond its kernel on rows in a random order"][0].endswith(
        "s"
    )
    assert list(compiling) == list(costs.WORKS)
    assert len(memory) == 1
    assert "memory for 1,500 unknowns" in [target.what for target in made.targets]


def test_answers_that_differ_are_not_compared():
    parts.hold_equal({"a": 1.0, "b": 1.0 + 1e-12}, 1e-9)
    with pytest.raises(AssertionError, match=r"b has 1\.001"):
        parts.hold_equal({"a": 1.0, "b": 1.001}, 1e-9)


def test_the_same_gradient_in_every_dialect():
    data, point = rows.fit_data(50), rows.np.array([1.0, 1.1, 0.9, 2.0])
    answers = [rows.FITS[name](data, point, 1)() for name in (report.OURS, "NumPy")]
    assert answers[0][0] == pytest.approx(answers[1][0], rel=1e-12)
    assert answers[0][1] == pytest.approx(answers[1][1], rel=1e-12)


def test_startup_compares_processes(monkeypatch):
    programs = {startup.LIBRARIES: "", report.OURS: "pass"}
    monkeypatch.setattr(startup, "PROGRAMS", programs)
    made = startup.run(quick=True)
    assert [row[0] for row in made.tables[0].rows] == list(programs)
    assert made.targets[0].bound == 1.35


def test_the_command_prints_and_writes(monkeypatch, tmp_path, capsys):
    table = Table("Title", ["tool", "time"], [["symadamax", "1 ms"]])
    made = Report("Heading", "What it is.", [table], [Target("a", 1.0, 2.0, "s")], ["A note."])
    monkeypatch.setattr(command, "BENCHMARKS", {"one": lambda quick: made})
    monkeypatch.setattr(command, "FOLDER", tmp_path / "benchmarks")
    assert command.main(["one", "--quick", "--write"]) == 0
    assert "symadamax  1 ms" in capsys.readouterr().out
    text = (tmp_path / "benchmarks" / "one.md").read_text(encoding="utf-8")
    assert text.startswith("# Heading\n\nWhat it is.\n\n## Title\n")
    assert "| a | at most 2 s | 1 s | met |" in text
    assert "- A note." in text
    assert "Measured on " in text


def test_a_benchmark_that_hangs_is_ended(monkeypatch, capsys):
    monkeypatch.setattr(command, "LONGEST", 0.1)
    assert command.exit_code([sys.executable, "-c", "import time; time.sleep(60)"]) == 1
    assert "was ended after 0.1 s" in capsys.readouterr().err


def test_the_command_refuses_an_unknown_name(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["two_unknowns"])
    assert ended.value.code == 2
    assert "there is no benchmark 'two_unknowns'" in capsys.readouterr().err


def test_what_was_measured_on_is_named(monkeypatch):
    text = report.machine(["numpy", "a-package-that-is-not-there"])
    assert "numpy " in text
    assert "a-package" not in text
    assert report.processor()
    monkeypatch.setattr(report.Path, "read_text", lambda *a, **k: (_ for _ in ()).throw(OSError()))
    assert report.processor()


def test_a_busy_machine_is_told():
    assert "shared" in report.busy(0.5)
    assert "shared" not in report.busy(1.0)

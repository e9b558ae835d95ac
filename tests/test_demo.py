"""The demo: its table and its pictures, and what it does where these cannot be drawn."""

from __future__ import annotations

import re
import sys

import pytest
from PIL import Image

from symadamax.cli import main
from symadamax.commands import demo


@pytest.fixture
def quick(monkeypatch):
    """Measure each time once, and on few steps."""
    monkeypatch.setattr(demo, "_seconds", lambda work: float(work() is not None))
    monkeypatch.setattr(demo, "TIMED_STEPS", 1000)


def test_it_prints_the_table_and_writes_the_pictures(quick, tmp_path, capsys):
    folder = tmp_path / "made" / "here"
    assert main(["demo", "--folder", str(folder), "--frames", "3"]) == 0
    out = capsys.readouterr().out
    pictures = {"one-unknown.png", "one-unknown.gif", "two-unknowns.png", "two-unknowns.gif"}
    assert {path.name for path in folder.iterdir()} == pictures
    assert all(f"Written: {folder / name}" in out for name in pictures)
    with Image.open(folder / "one-unknown.gif") as movie:
        assert movie.n_frames == 3
    assert re.search(r"start +x = -1 +x = 1, y = 0\n", out)
    assert re.search(r"known minimum +x = -0\.57735 +x = 2, y = -1\n", out)
    assert re.search(r"from step +165 ", out)
    assert re.search(r"nanoseconds a step +[\d,.]+ +[\d,.]+\n", out)
    assert re.search(r"times faster +[\d,]+ +[\d,]+\n", out)
    assert "df/dx = 1 - 3*x**2" in out


def test_without_animations(quick, tmp_path, capsys):
    assert main(["demo", "--folder", str(tmp_path), "--no-animation"]) == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".png"}


def test_without_matplotlib_the_table_is_there_and_a_sentence(quick, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["demo", "--folder", str(tmp_path / "new")]) == 0
    out = capsys.readouterr().out
    assert "times faster" in out
    assert 'pip install "symadamax[plot]"' in out
    assert not (tmp_path / "new").exists()


def test_the_loop_of_a_learner_ends_at_the_same_bits():
    for problem in demo.PROBLEMS:
        result = demo._solve(problem)
        start = list(problem.start.values())
        assert demo.learner(problem.gradient, start).tobytes() == result.x.tobytes()


def test_times_are_medians_of_at_least_seven():
    calls = []
    demo._seconds(lambda: calls.append(None), budget=0)
    assert len(calls) == 1 + 7

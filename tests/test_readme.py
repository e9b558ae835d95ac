"""The README says what is true: its commands, its examples and what they print, its links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from symadamax.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALL, TEST, *COMMANDS = re.findall(r"^```bash\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
EXAMPLES = re.findall(r"^```python\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
LINKS = re.findall(r"\]\((?!https?:)([^)#]+)", README)


@pytest.mark.parametrize("command", [INSTALL, TEST])
def test_the_two_commands_are_one_line_each_and_need_no_more(command):
    assert "\n" not in command
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert not re.search(r"sudo|activate|\bcd\b", command)
    assert all(word.startswith((".venv/", "python3")) for word in re.split(r" && ", command))


def test_the_extras_of_the_commands_exist():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"\[([a-z,]+)\]", INSTALL + TEST):
        for name in extra.split(","):
            assert re.search(rf"^{name} = \[", project, re.MULTILINE)


def test_continuous_integration_finds_the_test_command():
    pattern = re.search(r"grep -m 1 '([^']+)' README.md", (ROOT / ".ci/run").read_text())[1]
    assert re.search(pattern, README, re.MULTILINE)[0] == TEST


def test_the_examples_print_what_stands_beside_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for example in EXAMPLES:
        for statement, promised in statements(example):
            exec(statement, names)
            printed = capsys.readouterr().out.rstrip("\n")
            if statement.startswith("print") and not promised.startswith("one of"):
                assert printed == promised, statement
    assert {path.name for path in tmp_path.iterdir()} == {"path.png", "path.gif"}


def statements(example):
    """Return each statement of an example with the comment at its end."""
    gathered = ""
    for line in example.splitlines():
        code, _, comment = line.partition("  # ")
        gathered += code.rstrip() + "\n"
        if gathered.count("(") == gathered.count(")"):
            yield gathered, comment.strip()
            gathered = ""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command)
    assert program == ".venv/bin/symadamax"
    assert main(arguments) == 0


@pytest.mark.parametrize("link", LINKS)
def test_links_lead_to_files(link):
    assert (ROOT / link).exists()

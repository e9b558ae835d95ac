"""The book: every step is proved, every wrong statement is rejected, and every page can be read."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterator

import faulty_steps
import mutated_steps
import pytest
import sympy as sp
from sympy.printing.pretty.stringpict import line_width

from symadamax import derivation
from symadamax.derivation import CHAPTERS, ERRATA, STEPS, Erratum, Mutant, Prover, Step, Verdict
from symadamax.derivation.printing import text
from symadamax.derivation.rules import Refuted, at_least, evaluated, tends_to
from symadamax.errors import InputError

PAGES = (*STEPS, *ERRATA)
PROVED = [page for page in PAGES if page.proof is not None]
MUTANTS = [(page, mutant) for page in PROVED for mutant in page.mutants]
FAULTY = {step.id: step for step in faulty_steps.STEPS}


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with Prover() as process:
        yield process


# ---- what is proved ------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_the_check_reaches_the_verdict(page: Step, prover: Prover) -> None:
    outcome = prover.check(page)
    assert (outcome.reason, outcome.verdict) == ("", page.verdict)


@pytest.mark.parametrize(
    ("page", "mutant"), MUTANTS, ids=[f"{page.id}-{mutant.reason}" for page, mutant in MUTANTS]
)
def test_a_wrong_statement_is_rejected(page: Step, mutant: Mutant, prover: Prover) -> None:
    outcome = prover.check(page, mutant)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.reason.startswith("Refuted: ")


@pytest.mark.parametrize("page", mutated_steps.STEPS, ids=lambda page: page.id)
def test_no_side_of_an_equation_is_left_out_of_the_proof(page: Step, prover: Prover) -> None:
    outcome = prover.check(page)
    assert outcome.verdict is Verdict.FAILED
    assert not outcome.reason.startswith("It has not come back")


@pytest.mark.parametrize("page", PROVED, ids=lambda page: page.id)
def test_each_equation_has_something_wrong_to_reject(page: Step) -> None:
    for equation in page.equations:
        assert equation.wrong
        right = _sides(equation.statement)
        assert all(_sides(wrong) != right for wrong in equation.wrong.values())


def _sides(relation: sp.Rel) -> tuple[object, ...]:
    return type(relation), evaluated(relation.lhs), evaluated(relation.rhs)


def test_what_is_quoted_is_not_called_proved() -> None:
    quoted = [page for page in PAGES if page.proof is None]
    assert [page.id for page in quoted] == ["regret-bound", "objections"]
    assert all(page.verdict is Verdict.QUOTED and page.mutants == () for page in quoted)
    assert [verdict for verdict in Verdict if verdict.proved] == [
        Verdict.PROVED, Verdict.INDUCTION, Verdict.REFUTED,
    ]  # fmt: skip


def test_errata_are_refuted() -> None:
    assert all(type(page) is Erratum and page.verdict is Verdict.REFUTED for page in ERRATA)


# ---- what fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hang", "It has not come back within 1 s."),
        ("hang_in_c", "It has not come back within 1 s."),
        ("leave", "Its process has ended."),
    ],
)
def test_a_check_that_never_returns_is_ended_and_has_failed(
    name: str, reason: str, prover: Prover
) -> None:
    outcome = prover.check(FAULTY[name])
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, reason)
    assert prover.check(STEPS[0]).verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("err", "ZeroDivisionError: by 0"),
        ("print_and_err", "Refuted: The two sides differ by -1."),
        ("not_know", "Refuted: x has no sign."),
    ],
)
def test_a_check_that_errs_or_does_not_know_has_failed(
    name: str, reason: str, prover: Prover
) -> None:
    outcome = prover.check(FAULTY[name])
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, reason)


def test_what_is_proved_is_what_is_shown(prover: Prover) -> None:
    step = derivation.step("first-step")
    (equation,) = step.equations
    other = dataclasses.replace(equation, statement=step.mutants[0].statement)
    outcome = prover.check(dataclasses.replace(step, equations=(other,)))
    assert outcome.verdict is Verdict.FAILED
    assert "states something else" in outcome.reason


def test_a_step_can_be_checked_in_a_thread() -> None:
    found: list[Verdict] = []
    step = derivation.step("first-step")
    thread = threading.Thread(target=lambda: found.append(derivation.check(step).verdict))
    thread.start()
    thread.join()
    assert found == [Verdict.PROVED]


def test_a_name_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"no step 'last-step'; accepted are moving-average, unr"):
        derivation.step("last-step")


# ---- the rules -----------------------------------------------------------------------------------


def test_a_maximum_is_at_least_what_is_below_a_member() -> None:
    a, b = sp.symbols("a b", real=True)
    c = sp.Symbol("c", nonnegative=True)
    at_least(sp.Max(a, b) + c, sp.Max(a, b))
    at_least(sp.Max(a + c, b), sp.Max(a, b))
    for big, small in ((sp.Max(a, b), a + c), (a, sp.Max(a, b)), (sp.Max(a, b), sp.Max(a + c, b))):
        with pytest.raises(Refuted):
            at_least(big, small)


def test_a_limit_must_be_shown_as_one() -> None:
    n = sp.Symbol("n", positive=True)
    tends_to(sp.Limit(1 / n, n, sp.oo), sp.Integer(0))
    with pytest.raises(Refuted, match="no limit"):
        tends_to(sp.Integer(0), sp.Integer(0))
    with pytest.raises(Refuted, match="The limit is 0, and not 1"):
        tends_to(sp.Limit(1 / n, n, sp.oo), sp.Integer(1))


# ---- the pages -----------------------------------------------------------------------------------


def test_the_numbers_count_the_equations_of_each_chapter() -> None:
    parts = [*enumerate(CHAPTERS.values(), 1), ("E", ERRATA)]
    for chapter, pages in parts:
        numbers = [equation.number for page in pages for equation in page.equations]
        assert numbers == [f"{chapter}.{k}" for k in range(1, len(numbers) + 1)]


def test_the_steps_have_names_of_their_own() -> None:
    assert len({page.id for page in PAGES}) == len(PAGES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", page.id) for page in PAGES)


def test_references_lead_to_equations_and_steps_before_them() -> None:
    before: set[str] = set()
    for page in PAGES:
        before |= {page.id, *(equation.number for equation in page.equations)}
        words = " ".join([page.prose, page.source, *page.assumptions])
        assert set(re.findall(r"\((\w+\.\d+)\)", words)) <= before
        assert set(re.findall(r"[Ss]tep `([\w-]+)`", words)) <= before


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_a_page_is_read_in_a_terminal(page: Step) -> None:
    for width in (40, 80, 120):
        lines = text(page, width).splitlines()
        assert max(map(line_width, lines)) <= width
        assert not re.search(r"[\\$]", "".join(lines).replace("╲", ""))
    assert all(f"({equation.number})" in str(page) for equation in page.equations)
    assert page.verdict.value in str(page)
    assert text(page, unicode=False).isascii()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_a_page_is_read_in_a_notebook(page: Step) -> None:
    shown = page._repr_markdown_()
    for equation in page.equations:
        assert rf"$${equation.latex} \qquad ({equation.number})$$" in shown
        assert equation.latex in equation._repr_latex_()
    assert shown.endswith(f"*{page.verdict.value}*")
    assert not re.search(r"^ {4}", shown, re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_equations_are_shown_as_they_are_written(page: Step) -> None:
    for equation in page.equations:
        assert not re.search(r"\{-1 \+|\\left\(-1 \+|1 \\beta", equation.latex)


def test_a_step_says_its_name() -> None:
    assert repr(derivation.step("bias")) == "Step('bias')"
    assert repr(ERRATA[0]) == "Erratum('step-at-most-alpha')"

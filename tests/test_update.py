"""The step of a page: what the browser computes is what the equations of the book say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from page import OBJECTIVES, ask, lay_out, needs_node

from symadamax.derivation import STEPS, algorithm, bounds, reference
from symadamax.errors import InternalError
from symadamax.viewer.page.markup import FILES, fragment
from symadamax.viewer.page.statements import PLACEMENTS
from symadamax.viewer.page.update import arrow, module

ENTRY = [OBJECTIVES["bowl"]]
# m, u and g, and settings; infinite ones cannot come up in a run.
TINY = 5e-324
STATES = [
    (m, u, g)
    for m, u in [(0.0, 0.0), (-0.3, 0.7), (1e-310, 2e-310), (TINY, TINY), (-1e300, 1e300)]
    for g in (0.0, -0.0, 0.1, -3.0, TINY, -2e-308, 1.7e308)
]
SETTINGS = [(0.1, 0.9, 0.999, 1e-8), (1e-3, 0.0, 0.0, 0.0), (2.0, 0.37, 0.2, 1e-3)]
STEP = """
const { update } = await import("./adamax.mjs");
const written = (value) => Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
return given.map(({ state: [m, u, g], t, settings }) => {
  const row = { x: [0], m: [m], u: [u], gradient: [g] };
  const { m: newM, u: newU, move } = update(row, 0, t, settings);
  return [newM, newU, move].map(written);
});
"""  # noqa: E501


def cases() -> Iterator[dict[str, Any]]:
    names = ("learningRate", "beta1", "beta2", "epsilon")
    for state, t, values, place in product(STATES, (1, 2, 77), SETTINGS, PLACEMENTS):
        settings = {**dict(zip(names, values, strict=True)), "placement": place}
        yield {"state": state, "t": t, "settings": settings}


def by_reference(given: dict[str, Any]) -> list[float]:
    *numbers, placement = given["settings"].values()
    m, u, g = map(np.float64, given["state"])
    settings = reference.Settings(*map(np.float64, numbers), placement)
    with np.errstate(all="ignore"):
        return list(reference.step((m, u), g, given["t"], settings))


@needs_node
def test_a_step_has_the_bits_of_the_reference(tmp_path: Path) -> None:
    given = list(cases())
    found = ask(lay_out(tmp_path), STEP, given)
    for case, shown in zip(given, found, strict=True):
        assert list(map(float, shown)) == by_reference(case), case


# ---- what hangs together ------------------------------------------------------------------------


def places() -> Iterator[tuple[Any, Any, Any]]:
    """Yield each place of the algorithm's equations: the owner, the name, and the equation."""
    yield algorithm, "RATE", algorithm.RATE
    yield algorithm, "MOMENT", algorithm.MOMENT
    for owner in (algorithm.WEIGHT, algorithm.ITERATE):
        yield from ((owner, place, owner[place]) for place in PLACEMENTS)


WRONG = [
    pytest.param(owner, name, wrong, id=f"{equation.number} {name}: {reason}")
    for owner, name, statement in places()
    for step in STEPS
    for equation in step.equations
    if equation.statement is statement
    for reason, wrong in equation.wrong.items()
]


def replace(patch: pytest.MonkeyPatch, owner: Any, name: str, statement: Any) -> None:
    (patch.setitem if isinstance(owner, dict) else patch.setattr)(owner, name, statement)


def test_every_equation_of_the_algorithm_has_a_wrong_one() -> None:
    assert {(id(p.values[0]), p.values[1]) for p in WRONG} == {(id(o), n) for o, n, _ in places()}


@needs_node
@pytest.mark.parametrize(("owner", "name", "wrong"), WRONG)
def test_a_wrong_equation_makes_a_wrong_page_or_none(
    owner: Any, name: str, wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the proofs reject, the page computes and shows, where it can be built at all."""
    right, given = fragment(ENTRY), [case for case in cases() if case["state"][:2] == (-0.3, 0.7)]
    replace(monkeypatch, owner, name, wrong)
    try:
        folder = lay_out(tmp_path, ENTRY)
    except InternalError:
        return
    found = [list(map(float, shown)) for shown in ask(folder, STEP, given)]
    assert found != list(map(by_reference, given))
    assert fragment(ENTRY) != right


def test_the_bound_follows_the_book(monkeypatch: pytest.MonkeyPatch) -> None:
    before = module(), fragment(ENTRY)
    first, second = bounds.PER_RATE.args
    monkeypatch.setattr(bounds, "PER_RATE", sp.Mul(first**2, second, evaluate=False))
    assert module() != before[0]
    assert fragment(ENTRY) != before[1]


def test_no_equation_is_typed_in_the_page() -> None:
    """A script or a template that computes with a decay would be a second book."""
    typed = re.compile(r"\b1(?:\.0)? ?[-−] ?(?:\w+\.)?beta|beta[12] ?\*|[-−]</mo>\$?beta|β")
    found = [p.name for p in FILES.iterdir() if typed.search(p.read_text(encoding="utf-8"))]
    assert found == []


def test_powers_are_exact_where_bits_are_promised() -> None:
    x, t = sp.symbols("x t")
    assert arrow(x**t) == "({ t, x }) => power(x, t)"
    assert arrow(x**t, exactly=False) == "({ t, x }) => numpy.pow(x, t)"
    assert module().count("power(beta1, t)") == len(PLACEMENTS)

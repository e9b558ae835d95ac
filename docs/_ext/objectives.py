"""The objectives of the page that moves, each as the SymPy text that the page copies."""

from __future__ import annotations

import sympy as sp

from symadamax import Objective
from symadamax.viewer.page.entry import Entry, Point
from symadamax.viewer.page.program import program

__all__ = ["OBJECTIVES"]


def entry(
    name: str,
    title: str,
    source: str,
    start: Point,
    centre: Point,
    radius: float,
    learning_rate: float,
    steps: int,
    minima: tuple[Point, ...],
    remark: str,
    noise: float = 0.0,
) -> Entry:
    """Return what the page shows of an expression, which is given as Python on ``sp``, x and y."""
    names = ("x", "y")[: len(start)]
    unknowns = dict(zip(names, map(sp.Symbol, names), strict=True))
    objective = Objective(eval(source, {"sp": sp, **unknowns}), list(unknowns.values()))
    text, variables = program(objective, source)
    return Entry(
        name, title, objective, names, variables, text, start, centre, radius, learning_rate, steps,
        minima, remark, noise=noise,
    )  # fmt: skip


OBJECTIVES = (
    entry(
        "bowl", "A tilted bowl", "2*x**2 + 2*x*y + 2*y**2 - 6*x",
        (1.0, 0.0), (1.5, -0.7), 1.6, 0.01, 600, ((2.0, -1.0),),
        "The first steps go along the diagonal: each coordinate moves by the learning rate, "
        "however steep it is.",
    ),
    entry(
        "cubic", "x − x³, one unknown", "x - x**3",
        (-1.0,), (-0.5,), 1.0, 0.01, 400, ((-(3**-0.5),),),
        "The minimum is local: a start right of 0.577 falls without end.",
    ),
    entry(
        "rosenbrock", "Rosenbrock’s valley", "(1 - x)**2 + 100*(y - x**2)**2",
        (-1.2, 1.0), (0.0, 0.8), 1.8, 0.1, 2000, ((1.0, 1.0),),
        "The wall is steep and the floor flat: the weight u remembers the wall, so the steps along "
        "the floor are short.",
    ),
    entry(
        "himmelblau", "Himmelblau’s four minima", "(x**2 + y - 11)**2 + (x + y**2 - 7)**2",
        (0.0, 0.0), (0.0, 0.0), 5.5, 0.05, 400,
        ((3.0, 2.0), (-2.8051180869527448, 3.1313125182505730),
         (-3.7793102533777469, -3.2831859912861694), (3.5844283403304917, -1.8481265269644036)),
        "All four are 0. Which of them a run ends in depends on the start: click on the map.",
    ),
    entry(
        "beale", "Beale’s ridges",
        "(sp.Rational(3, 2) - x + x*y)**2 + (sp.Rational(9, 4) - x + x*y**2)**2"
        " + (sp.Rational(21, 8) - x + x*y**3)**2",
        (-2.0, -1.0), (0.5, 0.0), 4.0, 0.1, 1000, ((3.0, 0.5),),
        "Steep towards the corners and nearly flat in the middle. A start at (−1, 2) is led away "
        "to the left, along a floor that ends nowhere.",
    ),
    entry(
        "ackley", "Ackley’s funnel",
        "20 + sp.E - 20*sp.exp(-sp.sqrt((x**2 + y**2)/2)/5)"
        " - sp.exp((sp.cos(2*sp.pi*x) + sp.cos(2*sp.pi*y))/2)",
        (2.6, -1.7), (0.0, 0.0), 3.5, 0.05, 400, ((0.0, 0.0),),
        "A funnel with dents. With the usual settings a run rests in one beside its start.",
    ),
    entry(
        "rastrigin", "Rastrigin’s lattice",
        "20 + x**2 + y**2 - 10*(sp.cos(2*sp.pi*x) + sp.cos(2*sp.pi*y))",
        (2.3, -1.6), (0.0, 0.0), 2.8, 0.05, 300, ((0.0, 0.0),),
        "A lattice of dents, each with a minimum. Only a start in the middle one ends at 0.",
    ),
    entry(
        "saddle", "A saddle", "x**2/2 - y**2/2 + y**4/4",
        (-1.4, 0.001), (0.0, 0.0), 1.8, 0.02, 400, ((0.0, 1.0), (0.0, -1.0)),
        "0.001 beside the ridge the slope is a thousandth, and the step away from it is as long as "
        "any other.",
    ),
    entry(
        "noisy", "A noisy gradient", "x**2/2 + 2*y**2",
        (-3.0, 2.2), (0.0, 0.0), 3.6, 0.05, 500, ((0.0, 0.0),),
        "Each derivative is off by a random number in (−4, 4). The weight u is set by the worst of "
        "them, and the moment m averages them out.",
        noise=4.0,
    ),
)  # fmt: skip

"""One library of problems: function, start, a minimum, its value, and why it is hard.

Every minimum is exact, certified by its source, or correct to all its printed digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import e, exp, log, pi, sqrt

import sympy as sp

__all__ = ["BY_NAME", "PROBLEMS", "SMOOTH", "Problem", "rosenbrock"]

x, y, z = sp.symbols("x y z")


@dataclass(frozen=True)
class Problem:
    """A function of `unknowns` with one of its minima; `local` where lower values exist."""

    name: str
    expression: sp.Expr
    start: tuple[float, ...]
    minimum: tuple[float, ...]
    value: float
    hard: str
    unknowns: tuple[sp.Symbol, ...] = (x, y)
    local: bool = False
    smooth: bool = True

    def __repr__(self) -> str:
        return self.name


def rosenbrock(n: int) -> Problem:
    """Return Rosenbrock's function in n unknowns, a chain in which each pair is a valley."""
    w = sp.symbols(f"w:{n}")
    terms = [100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(w)]
    return Problem(
        f"rosenbrock_{n}", sp.Add(*terms), (-1.2, 1.0) * (n // 2) + (-1.2,) * (n % 2),
        (1.0,) * n, 0.0, "a long bent valley with a flat floor", w,
    )  # fmt: skip


def _classics() -> list[Problem]:
    return [
        Problem(
            "cubic", x - x**3, (-1.0,), (-1 / sqrt(3),), -2 / (3 * sqrt(3)),
            "unbounded below beyond its local minimum", (x,), local=True,
        ),
        Problem(
            "quadratic", 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x, (1.0, 0.0), (2.0, -1.0), -6.0,
            "its axes are not the coordinates'",
        ),
    ]  # fmt: skip


def _valleys() -> list[Problem]:
    a = sp.Symbol("a")
    powell = (x + 10 * y) ** 2 + 5 * (z - a) ** 2 + (y - 2 * z) ** 4 + 10 * (x - a) ** 4
    wood = (
        100 * (y - x**2) ** 2 + (1 - x) ** 2 + 90 * (a - z**2) ** 2 + (1 - z) ** 2
        + sp.Rational(101, 10) * ((y - 1) ** 2 + (a - 1) ** 2)
        + sp.Rational(198, 10) * (y - 1) * (a - 1)
    )  # fmt: skip
    beale = sum(
        (c - x * (1 - y**k)) ** 2
        for k, c in enumerate((sp.Rational(3, 2), sp.Rational(9, 4), sp.Rational(21, 8)), 1)
    )
    return [
        Problem(
            "rosenbrock", 100 * (y - x**2) ** 2 + (1 - x) ** 2, (-1.2, 1.0), (1.0, 1.0), 0.0,
            "a long bent valley with a flat floor",
        ),
        rosenbrock(10),
        Problem("beale", beale, (1.0, 1.0), (3.0, 0.5), 0.0, "flat far away, sharp ridges"),
        Problem(
            "booth", (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2, (0.0, 0.0), (1.0, 3.0), 0.0,
            "its axes are not the coordinates'",
        ),
        Problem(
            "matyas", 0.26 * (x**2 + y**2) - 0.48 * x * y, (5.0, -3.0), (0.0, 0.0), 0.0,
            "nearly flat along the diagonal; decimal coefficients",
        ),
        Problem(
            "powell", powell, (3.0, -1.0, 0.0, 1.0), (0.0,) * 4, 0.0,
            "its Hessian is singular at the minimum", (x, y, z, a),
        ),
        Problem(
            "wood", wood, (-3.0, -1.0, -3.0, -1.0), (1.0,) * 4, 0.0,
            "a saddle that almost stops a descent", (x, y, z, a),
        ),
        Problem(
            "dixon_price", (x - 1) ** 2 + 2 * (2 * y**2 - x) ** 2, (3.0, 3.0),
            (1.0, 1 / sqrt(2)), 0.0, "curved valley",
        ),
        Problem(
            "zakharov",
            x**2 + y**2 + (x / 2 + y) ** 2 + (x / 2 + y) ** 4, (2.0, 2.0), (0.0, 0.0), 0.0,
            "a plate between steep walls",
        ),
        Problem(
            "trid", (x - 1) ** 2 + (y - 1) ** 2 + (z - 1) ** 2 - x * y - y * z, (0.0,) * 3,
            (3.0, 4.0, 3.0), -7.0, "its unknowns hang together", (x, y, z),
        ),
        Problem(
            "brown", (x - 10**6) ** 2 + (y - sp.Rational(2, 10**6)) ** 2 + (x * y - 2) ** 2,
            (1.0, 1.0), (1e6, 2e-6), 0.0, "its unknowns differ by twelve orders of magnitude",
        ),
        Problem(
            "freudenstein_roth",
            (-13 + x + ((5 - y) * y - 2) * y) ** 2 + (-29 + x + ((y + 1) * y - 14) * y) ** 2,
            (0.5, 2.0), (5.0, 4.0), 0.0, "a second minimum at 48.98 draws the start",
        ),
        Problem(
            "helical_valley",
            100 * ((z - 10 * sp.atan2(y, x) / (2 * sp.pi)) ** 2 + (sp.sqrt(x**2 + y**2) - 1) ** 2)
            + z**2,
            (-1.0, 0.1, 0.0), (1.0, 0.0, 0.0), 0.0, "an angle that jumps", (x, y, z),
        ),
    ]  # fmt: skip


def _many_minima() -> list[Problem]:
    himmelblau = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
    ackley = (
        -20 * sp.exp(-sp.sqrt((x**2 + y**2) / 2) / 5)
        - sp.exp((sp.cos(2 * sp.pi * x) + sp.cos(2 * sp.pi * y)) / 2) + sp.E + 20
    )  # fmt: skip
    branin = (
        (y - sp.Rational(51, 10) * x**2 / (4 * sp.pi**2) + 5 * x / sp.pi - 6) ** 2
        + 10 * (1 - 1 / (8 * sp.pi)) * sp.cos(x) + 10
    )  # fmt: skip
    goldstein = (
        1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    ) * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))
    p, q = 1 + (x - 1) / 4, 1 + (y - 1) / 4
    levy = (
        sp.sin(sp.pi * p) ** 2 + (p - 1) ** 2 * (1 + 10 * sp.sin(sp.pi * p + 1) ** 2)
        + (q - 1) ** 2 * (1 + sp.sin(2 * sp.pi * q) ** 2)
    )  # fmt: skip
    camel = (4 - sp.Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2
    griewank = 1 + (x**2 + y**2) / 4000 - sp.cos(x) * sp.cos(y / sp.sqrt(2))
    return [
        Problem("himmelblau", himmelblau, (0.0, 0.0), (3.0, 2.0), 0.0, "four equal minima"),
        Problem(
            "ackley", ackley, (0.6, -0.4), (0.0, 0.0), 0.0,
            "a funnel of small minima with a cone at the bottom", smooth=False,
        ),
        Problem(
            "rastrigin",
            20 + x**2 + y**2 - 10 * (sp.cos(2 * sp.pi * x) + sp.cos(2 * sp.pi * y)),
            (0.3, -0.2), (0.0, 0.0), 0.0, "a lattice of minima",
        ),
        Problem("griewank", griewank, (1.5, -1.0), (0.0, 0.0), 0.0, "a product of cosines"),
        Problem("levy", levy, (0.0, 0.5), (1.0, 1.0), 0.0, "waves across a bowl"),
        Problem(
            "styblinski_tang",
            (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) / 2, (-1.0, -1.0),
            (-2.903534027771177,) * 2, -78.33233140754282, "four minima of different depth",
        ),
        Problem(
            "branin", branin, (2.0, 3.0), (pi, 2.275), 10 / (8 * pi),
            "three equal minima; decimals beside pi",
        ),
        Problem(
            "goldstein_price", goldstein, (0.2, -0.8), (0.0, -1.0), 3.0,
            "values from 3 to a million",
        ),
        Problem(
            "mccormick", sp.sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1, (0.0, 0.0),
            (0.5 - pi / 3, -0.5 - pi / 3), -sqrt(3) / 2 - pi / 3,
            "unbounded below beyond its box", local=True,
        ),
        Problem(
            "easom", -sp.cos(x) * sp.cos(y) * sp.exp(-((x - sp.pi) ** 2) - (y - sp.pi) ** 2),
            (2.5, 3.5), (pi, pi), -1.0, "flat but for one small hole",
        ),
        Problem(
            "six_hump_camel", camel, (0.5, -0.5), (0.08984201310031806, -0.7126564030207396),
            -1.0316284534898774, "six minima, two of them the deepest",
        ),
        Problem(
            "three_hump_camel", 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2, (1.0, -1.0),
            (0.0, 0.0), 0.0, "three minima",
        ),
        Problem(
            "drop_wave",
            -(1 + sp.cos(12 * sp.sqrt(x**2 + y**2))) / ((x**2 + y**2) / 2 + 2), (0.1, 0.1),
            (0.0, 0.0), -1.0, "rings around the minimum, where sqrt has no derivative",
            smooth=False,
        ),
    ]  # fmt: skip


MISRA1A = (
    (77.6, 10.07), (114.9, 14.73), (141.1, 17.94), (190.8, 23.93), (239.9, 29.61), (289.0, 35.18),
    (332.8, 40.02), (378.4, 44.82), (434.8, 50.76), (477.3, 55.05), (536.8, 61.01), (593.1, 66.40),
    (689.1, 75.47), (760.0, 81.78),
)  # fmt: skip
DANWOOD = (
    (1.309, 2.138), (1.471, 3.421), (1.490, 3.597), (1.565, 4.340), (1.611, 4.882), (1.680, 5.660),
)  # fmt: skip
WORDS = ((0.5, 0), (1.0, 0), (1.5, 1), (2.0, 0), (2.5, 1), (3.0, 1))


def _fits() -> list[Problem]:
    a, b = sp.symbols("a b")
    misra = sum((c - a * (1 - sp.exp(-b * t))) ** 2 for t, c in MISRA1A)
    danwood = sum((c - a * t**b) ** 2 for t, c in DANWOOD)
    logistic = sum(sp.log(1 + sp.exp((1 - 2 * c) * (a + b * t))) for t, c in WORDS)
    target = (0.2, 0.3, 0.5)
    softmax = sp.log(sp.exp(a) + sp.exp(b) + 1) - target[0] * a - target[1] * b
    huber = sum(
        sp.Piecewise(((t - a) ** 2 / 2, sp.Abs(t - a) <= 1), (sp.Abs(t - a) - 0.5, True))
        for t in (0, 1, 2, 10)
    )
    return [
        Problem(
            "misra1a", misra, (250.0, 5e-4), (238.94212918, 5.5015643181e-4), 0.12455138894,
            "NIST StRD: its unknowns differ by six orders of magnitude", (a, b),
        ),
        Problem(
            "danwood", danwood, (0.7, 4.0), (0.76886226176, 3.8604055871), 4.3173084083e-3,
            "NIST StRD: an unknown in the exponent", (a, b),
        ),
        Problem(
            "logistic", logistic, (0.0, 0.0), (-4.2490965504799708, 2.4280551717028405),
            2.4779868350496126,
            "classes that overlap", (a, b),
        ),
        Problem(
            "softmax", softmax, (0.0, 0.0), (log(0.4), log(0.6)),
            -sum(p * log(p) for p in target), "cross entropy of three classes", (a, b),
        ),
        Problem(
            "huber", huber, (5.0,), (1.5,), 9.25, "an outlier; pieces", (a,),
        ),
        Problem(
            "median", sp.Add(*(sp.Abs(x - k) for k in (-3, 1, 2, 5, 40))), (7.5,), (2.0,), 47.0,
            "a kink at the minimum, and an outlier", (x,), smooth=False,
        ),
        Problem(
            "chebyshev_centre", sp.Max(x, -x, y - 1, -y - 1, x + y), (3.0, 2.0), (0.0, 0.0), 0.0,
            "kinks everywhere, ties at the minimum", smooth=False,
        ),
    ]  # fmt: skip


def _physics() -> list[Problem]:
    def pair(square: sp.Expr) -> sp.Expr:
        return 4 * (square**-6 - square**-3)

    trimer = pair(x**2) + pair(y**2 + z**2) + pair((x - y) ** 2 + z**2)
    side = 2 ** (1 / 6)
    morse = 4.75 * (1 - sp.exp(-1.94 * (x - 0.741))) ** 2
    planck = -(x**3) / (sp.exp(x) - 1)
    kepler = (x - sp.Rational(9, 10) * sp.sin(x) - sp.Rational(1, 2)) ** 2
    rayleigh = (2 * x**2 - 2 * x * y + 2 * y**2 - 2 * y * z + 2 * z**2) / (x**2 + y**2 + z**2)
    return [
        Problem(
            "lennard_jones", pair(x**2), (1.5,), (side,), -1.0,
            "a wall on one side, flat on the other", (x,),
        ),
        Problem(
            "trimer", trimer, (1.2, 0.5, 1.0), (side, side / 2, side * sqrt(3) / 2), -3.0,
            "singular where atoms meet", (x, y, z),
        ),
        Problem("morse", morse, (1.5,), (0.741,), 0.0, "decimal constants", (x,)),
        Problem(
            "planck", planck, (1.0,), (2.8214393721220787,), -1.4214354727477363,
            "exp(x) - 1 cancels near 0", (x,),
        ),
        Problem(
            "kepler", kepler, (3.0,), (1.3844127202021626,), 0.0, "nearly flat near x = 0", (x,),
        ),
        Problem(
            "rayleigh", rayleigh, (1.0, 0.5, 0.2), (1.0, sqrt(2), 1.0), 2 - sqrt(2),
            "a whole line of minima", (x, y, z),
        ),
        Problem(
            "two_charges",
            -1 / sp.sqrt((x - 1) ** 2 + y**2 + 1) - 1 / sp.sqrt((x + 1) ** 2 + y**2 + 1)
            + (x**2 + y**2) / 4,
            (0.5, 1.0), (0.0, 0.0), -sqrt(2), "roots of sums", local=True,
        ),
    ]  # fmt: skip


def _special() -> list[Problem]:
    return [
        Problem(
            "self_power", x**x, (1.0,), (1 / e,), exp(-1 / e), "NaN below 0", (x,), local=True,
        ),
        Problem(
            "entropy", x * sp.log(x), (2.0,), (1 / e,), -1 / e, "NaN below 0", (x,),
        ),
        Problem(
            "gamma", sp.gamma(x), (3.0,), (1.4616321449683623,), 0.8856031944108887,
            "poles at 0, -1, ...", (x,), local=True,
        ),
        Problem(
            "bessel", sp.besselj(0, x), (2.5,), (3.8317059702075125,), -0.40275939570255315,
            "waves", (x,),
        ),
        Problem(
            "dip", sp.tanh(x) ** 2 + sp.erf(x) ** 2, (1.0,), (0.0,), 0.0, "flat far away", (x,),
        ),
    ]  # fmt: skip


PROBLEMS: tuple[Problem, ...] = (
    *_classics(), *_valleys(), *_many_minima(), *_fits(), *_physics(), *_special(),
)  # fmt: skip
SMOOTH = tuple(problem for problem in PROBLEMS if problem.smooth)
BY_NAME = {problem.name: problem for problem in PROBLEMS}
assert len(BY_NAME) == len(PROBLEMS)

"""An array of unknowns: Rosenbrock's function, and a chain of springs with a load."""

import argparse

import numpy as np
import sympy as sp

import symadamax as sx
from symadamax.viewer import style

i, n = sp.symbols("i n", integer=True)
w, load = sp.IndexedBase("w"), sp.IndexedBase("load")

rosenbrock = sp.Sum(100 * (w[i + 1] - w[i] ** 2) ** 2 + (1 - w[i]) ** 2, (i, 0, n - 2))

# Springs between neighbours, and a weaker one that holds each mass: the gradient is linear in w,
# with the tridiagonal matrix of rows (-1, 2.1, -1).
energy = (
    sp.Sum((w[i + 1] - w[i]) ** 2, (i, 0, n - 2)) / 2
    + sp.Sum(sp.Rational(1, 20) * w[i] ** 2 - load[i] * w[i], (i, 0, n - 1))
)  # fmt: skip


def valley(size, steps=10_000):
    """Return the run down Rosenbrock's valley, from random numbers in [0, 2]."""
    method = sx.Adamax(learning_rate=sx.schedules.cosine(0.005, steps))
    start = {w: np.random.default_rng(0).uniform(0, 2, size)}
    return sx.minimize(rosenbrock, start, method=method, steps=steps)


def chain(loads, steps=4000):
    """Return the run to the chain's rest."""
    method = sx.Adamax(learning_rate=sx.schedules.cosine(0.05, steps))
    start = {w: np.zeros(len(loads))}
    return sx.minimize(energy, start, data={load: loads}, method=method, steps=steps)


def draw(loads, rest, path, shown=100):
    """Write the picture of the first masses: the load on each, and where it comes to rest."""
    figure, (axes,) = style.new_picture((920, 540), panels=1)
    masses = np.arange(min(shown, len(loads)))
    axes.bar(masses, loads[masses], color="#6FAFD8", width=0.8, label="load")
    axes.plot(masses, rest[masses], color=style.PATH, lw=2.2, label="where it rests")
    style.label(axes, "mass", "")
    style.legend(axes, loc="upper right")
    style.headline(axes, "A chain of springs at rest", f"{len(masses)} of {len(loads):,} masses")
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000, help="the length of the array")
    parser.add_argument("--plot", default="chains.png", help="where the picture is written")
    given = parser.parse_args()
    size = given.rows
    print("Rosenbrock:", sx.Objective(rosenbrock).stages.loops, sep="\n")
    result = valley(size)
    print(f"{result.message} Farthest from 1: {np.abs(result.x - 1).max():.2e}")
    loads = np.random.default_rng(0).normal(size=size)
    result = chain(loads)
    print(f"Chain: {result.message} Largest gradient: {np.abs(result.jac).max():.2e}")
    draw(loads, result.x, given.plot)


if __name__ == "__main__":
    main()

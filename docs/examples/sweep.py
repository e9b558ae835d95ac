"""A sweep: how many steps Adamax needs down Rosenbrock's valley, by learning rate and beta2."""

import argparse

import numpy as np
import sympy as sp
from matplotlib.colors import LogNorm

import symadamax as sx
from symadamax.viewer import style

x, y = sp.symbols("x y")
rosenbrock = 100 * (y - x**2) ** 2 + (1 - x) ** 2
START = {x: -1.2, y: 1.0}


def grid(side):
    """Return all pairs of a learning rate and beta2."""
    return sx.product(
        learning_rate=np.geomspace(0.001, 1, side), beta2=1 - np.geomspace(0.05, 1e-4, side)
    )


def sweep(pairs, steps=10_000, target=1e-6):
    """Return the runs, one for each pair, until the value is below the target."""
    stop = sx.Stop(target=target)
    return sx.minimize_many(rosenbrock, START, method=sx.Adamax(**pairs), steps=steps, stop=stop)


def draw(pairs, results, path):
    """Write the heat map: a cell for each pair, white where the target was not reached."""
    needed = np.where(results.success, results.nit, np.nan)
    figure, (axes,) = style.new_picture((900, 600), panels=1)
    cells = axes.pcolormesh(
        pairs.axes["learning_rate"], 1 - pairs.axes["beta2"], pairs.reshape(needed).T,
        norm=LogNorm(), cmap="cividis_r",
    )  # fmt: skip
    axes.set(xscale="log", yscale="log")
    style.label(axes, "learning rate", "1 - beta2")
    figure.colorbar(cells, label="steps")
    style.headline(axes, "Steps until the value is below 1e-6", "Rosenbrock's function, (-1.2, 1)")
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="of learning rates, and of beta2")
    parser.add_argument("--plot", default="sweep.png", help="where the picture is written")
    given = parser.parse_args()
    pairs = grid(given.count)
    results = sweep(pairs)
    print(f"{results.success.sum()} of {len(results)} pairs reach the target")
    fastest = int(np.where(results.success, results.nit, np.inf).argmin())
    settings = ", ".join(f"{name} = {values[fastest]:.4g}" for name, values in pairs.items())
    print(f"fewest steps: {results.nit[fastest]}, with {settings}")
    draw(pairs, results, given.plot)


if __name__ == "__main__":
    main()

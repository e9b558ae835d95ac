"""Rastrigin's function of ten unknowns, with 11**10 minima in its box, from a million starts."""

import argparse
from functools import reduce

import numpy as np
import sympy as sp

import symadamax as sx
from symadamax.viewer import style

SIZE = 10
HALF = 5.12  # of the side of the box


def term(unknown):
    """Return what one unknown adds to the function."""
    return unknown**2 - 10 * sp.cos(2 * sp.pi * unknown) + 10


def explore(count, size=SIZE, keep=100, steps=400):
    """Return the best of many runs, and what is known of all of them."""
    unknowns = sp.symbols(f"x:{size}")
    return sx.minimize_many(
        sp.Add(*map(term, unknowns)),
        sx.sample(dict.fromkeys(unknowns, (-HALF, HALF)), count, rng=0),
        method=sx.Adamax(learning_rate=0.05), steps=steps, keep=keep,
    )  # fmt: skip


def chances(value, size=SIZE, width=0.01):
    """Return the part of all starts that ends in each slice of this width below a value.

    In each unknown a run goes its own way, so their values add, and their chances multiply.
    """
    minima = explore(2**17, size=1, keep="all").summary().minima
    cells = int(value / width)
    places = np.minimum([round(minimum.fun / width) for minimum in minima], cells)
    one = np.bincount(places, [minimum.share for minimum in minima], cells + 1)[:cells]
    return reduce(lambda a, b: np.convolve(a, b)[:cells], [one] * size)


def chance(value, size=SIZE):
    """Return the part of all starts from which a run comes below a value."""
    return chances(value, size).sum()


def draw(values, expected, total, path):
    """Write the picture of how many runs came below each value, beside what was expected."""
    figure, (axes,) = style.new_picture((920, 540), panels=1)
    slices = np.linspace(0, values[-1], len(expected))
    axes.plot(slices, np.cumsum(expected), color=style.BLUE, lw=2.2, label="expected")
    counted = np.arange(1, len(values) + 1)
    axes.step(values, counted, where="post", color=style.PATH, lw=2.2, label="counted")
    axes.set(yscale="log", ylim=(0.5, None), xlim=(4, None))
    style.label(axes, "value", "runs that came so low")
    style.legend(axes, loc="upper left")
    style.headline(axes, "The best of many runs", f"of {total:,} in ten unknowns")
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10**6, help="the number of starts")
    parser.add_argument("--plot", default="rastrigin.png", help="where the picture is written")
    given = parser.parse_args()
    count = given.count
    results = explore(count)
    print(f"Of {results.total:,} runs the best {len(results)} are kept, with the values")
    values, runs = np.unique(results.fun.round(2), return_counts=True)
    print(", ".join(f"{value} ({n})" for value, n in zip(values, runs, strict=True)))
    limit = values[-1] - 0.5  # all runs that came below are among those kept
    print(f"below {limit:.2f}: {runs[:-1].sum()} runs")
    expected = count * chances(limit)
    print(f"expected there by the chances of one unknown: {expected.sum():.0f}")
    draw(results.fun[results.fun < limit], expected, count, given.plot)


if __name__ == "__main__":
    main()

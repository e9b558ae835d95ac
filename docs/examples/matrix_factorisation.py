"""Complete a matrix of low rank of which few entries are known, as ratings of films by people."""

import argparse

import numpy as np
import sympy as sp

import symadamax as sx
from symadamax.viewer import style

RANK = 3

k, f, r, c = sp.symbols("k f r c", integer=True)
known, rank, rows, columns = sp.symbols("known rank rows columns", integer=True)
U, V = sp.IndexedBase("U"), sp.IndexedBase("V")
row, column, rating = map(sp.IndexedBase, ("row", "column", "rating"))
penalty = sp.Symbol("penalty")

guess = sp.Sum(U[row[k], f] * V[column[k], f], (f, 0, rank - 1))
loss = (
    sp.Sum((guess - rating[k]) ** 2, (k, 0, known - 1))
    + penalty * sp.Sum(U[r, f] ** 2, (f, 0, rank - 1), (r, 0, rows - 1))
    + penalty * sp.Sum(V[c, f] ** 2, (f, 0, rank - 1), (c, 0, columns - 1))
) / known


def ratings(shape, share, seed=0):
    """Return the whole matrix, and the row, the column and the value of the entries known."""
    rng = np.random.default_rng(seed)
    whole = rng.normal(size=(shape[0], RANK)) @ rng.normal(size=(RANK, shape[1]))
    entries = np.sort(rng.permutation(whole.size)[: int(share * whole.size)])
    at = np.unravel_index(entries, shape)
    return whole, (*at, whole[at])


def first_factors(shape, seed=1):
    """Return a small random start."""
    rng = np.random.default_rng(seed)
    return {U: rng.normal(size=(shape[0], RANK)), V: rng.normal(size=(shape[1], RANK))}


def complete(entries, shape, strength=1e-3, steps=4000):
    """Return the result of the run."""
    return sx.minimize(
        loss, first_factors(shape), data=dict(zip((row, column, rating), entries, strict=True)),
        parameters={penalty: strength}, steps=steps,
        method=sx.Adamax(learning_rate=sx.schedules.cosine(0.05, steps)),
    )  # fmt: skip


def draw(whole, entries, found, path):
    """Write the picture of the matrix, of what is known of it, and of what was found."""
    known = np.full(whole.shape, np.nan)
    known[entries[0], entries[1]] = entries[2]
    figure, panels = style.new_picture((960, 480), panels=3)
    for axes, matrix, title in zip(
        panels, (known, found, whole), ("What is known", "What is found", "The truth"), strict=True
    ):
        axes.imshow(matrix, cmap="RdBu", vmin=-5, vmax=5, aspect="auto", interpolation="nearest")
        axes.grid(False)
        style.label(axes, "column", "row" if axes is panels[0] else "")
        share = np.mean(np.isfinite(matrix))
        style.headline(axes, title, f"{share:.0%} of the entries")
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100, help="of the matrix")
    parser.add_argument("--plot", default="matrix_factorisation.png", help="the picture to write")
    given = parser.parse_args()
    shape = (given.rows, 80)
    whole, entries = ratings(shape, share=0.3)
    result = complete(entries, shape)
    found = result.point[U] @ result.point[V].T
    print(f"{result.message} {len(entries[0])} of {whole.size} entries are known.")
    print(f"root mean square of all entries: {np.sqrt(np.mean(whole**2)):.4f}")
    print(f"and of the errors in them:       {np.sqrt(np.mean((found - whole) ** 2)):.4f}")
    draw(whole, entries, found, given.plot)


if __name__ == "__main__":
    main()

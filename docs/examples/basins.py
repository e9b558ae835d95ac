"""Four minima, and the starts from which each is reached: Himmelblau's function."""

import argparse

import sympy as sp

import symadamax as sx

x, y = sp.symbols("x y")
himmelblau = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def explore(count, steps=3000):
    """Return the runs from so many starts, spread evenly over a square."""
    starts = sx.sample({x: (-6, 6), y: (-6, 6)}, count, rng=0)
    method, stop = sx.Adamax(learning_rate=0.05), sx.Stop(gtol=1e-6)
    return sx.minimize_many(himmelblau, starts, method=method, steps=steps, stop=stop)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2**16, help="the number of starts")
    parser.add_argument("--plot", default="basins.png", help="where the picture is written")
    given = parser.parse_args()
    results = explore(given.count)
    print(results.summary())
    results.plot(given.plot)


if __name__ == "__main__":
    main()

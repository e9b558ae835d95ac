"""The two classic problems: a cubic in one unknown, and a tilted bowl in two."""

import argparse

import numpy as np
import sympy as sp

import symadamax as sx

x, y = sp.symbols("x y")
cubic = x - x**3
bowl = 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x


def solve(function, start, steps=1000):
    """Return the run from a start, with every point on its way."""
    method = sx.Adamax(learning_rate=0.01)
    return sx.minimize(function, start, method=method, steps=steps, record=1)


def arrival(result, minimum, distance=5e-3):
    """Return the step from which a run is so near to the minimum for good."""
    apart = np.abs(result.history.x - minimum).max(axis=1)
    return int(np.max(np.flatnonzero(apart >= distance), initial=-1)) + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", default="classic.png", help="where the picture is written")
    path = parser.parse_args().plot
    one = solve(cubic, {x: -1})
    two = solve(bowl, {x: 1, y: 0})
    print(f"{cubic}: {one.point}, within 0.005 from step {arrival(one, [-1 / np.sqrt(3)])}")
    print(f"{bowl}: {two.point}, within 0.005 from step {arrival(two, [2, -1])}")
    sx.plot(two, path, minimum=(2, -1))


if __name__ == "__main__":
    main()

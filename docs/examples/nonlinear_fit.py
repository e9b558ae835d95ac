"""Fit a*exp(-b*t) + c*sin(d*t) to noisy rows, with a standard error for each parameter."""

import argparse

import numpy as np
import sympy as sp

import symadamax as sx
from symadamax.viewer import style

a, b, c, d = UNKNOWNS = sp.symbols("a b c d")
TRUTH = dict(zip(UNKNOWNS, (2.0, 0.7, 0.5, 3.0), strict=True))
START = dict(zip(UNKNOWNS, (1.0, 1.0, 1.0, 2.8), strict=True))
NOISE = 0.1

i, n = sp.symbols("i n", integer=True)
t, y = sp.IndexedBase("t"), sp.IndexedBase("y")


def model(time):
    """Return the curve at a time."""
    return a * sp.exp(-b * time) + c * sp.sin(d * time)


loss = sp.Sum((model(t[i]) - y[i]) ** 2, (i, 0, n - 1)) / n


def measure(rows, seed=0):
    """Return times in [0, 5] and what is measured there."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0, 5, rows)
    curve = sp.lambdify(t, model(t).subs(TRUTH))
    return times, curve(times) + NOISE * rng.normal(size=rows)


def fit(times, values, steps=2000):
    """Return the result of the run."""
    method = sx.Adamax(learning_rate=sx.schedules.cosine(0.02, steps))
    return sx.minimize(loss, START, data={t: times, y: values}, method=method, steps=steps)


def covariance(point, times, values):
    """Return s^2 (J'J)^-1 with the Jacobian J of the model and s^2 = RSS/(rows - parameters)."""
    time = sp.Symbol("t")
    partials = [model(time).diff(unknown) for unknown in UNKNOWNS]
    functions = sp.lambdify((time, *UNKNOWNS), [model(time), *partials])
    curve, *slopes = functions(times, *(point[unknown] for unknown in UNKNOWNS))
    jacobian = np.stack(slopes, axis=1)
    variance = np.sum((curve - values) ** 2) / (len(times) - len(UNKNOWNS))
    return variance * np.linalg.inv(jacobian.T @ jacobian)


def draw(times, values, point, path):
    """Write the picture of the measurements and the fitted curve."""
    curve = sp.lambdify(t, model(t).subs(point))
    figure, (axes,) = style.new_picture((920, 540), panels=1)
    some = slice(None, None, max(1, len(times) // 1000))
    axes.plot(times[some], values[some], ".", color=style.GREY, ms=3, alpha=0.6, label="rows")
    axes.plot(times, curve(times), color=style.PATH, lw=2.2, label="the fit")
    style.label(axes, "t", "y")
    style.legend(axes, loc="upper right")
    style.headline(
        axes, "A fit to noisy rows", f"{len(times[some]):,} of {len(times):,} rows are drawn"
    )
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--plot", default="nonlinear_fit.png", help="where the picture is written")
    given = parser.parse_args()
    times, values = measure(given.rows)
    result = fit(times, values)
    errors = np.sqrt(np.diag(covariance(result.point, times, values)))
    print(f"{result.message} Mean square: {result.fun:.6f}")
    for unknown, error in zip(UNKNOWNS, errors, strict=True):
        print(f"{unknown} = {result.point[unknown]:.5f} +- {error:.5f}, truly {TRUTH[unknown]}")
    draw(times, values, result.point, given.plot)


if __name__ == "__main__":
    main()

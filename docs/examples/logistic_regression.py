"""Logistic regression with an L2 penalty: is a tumour malignant, by 30 measurements?"""

import argparse

import numpy as np
import sympy as sp
from sklearn.datasets import load_breast_cancer

import symadamax as sx
from symadamax.viewer import style

i, j, n, d = sp.symbols("i j n d", integer=True)
X, s, w = sp.IndexedBase("X"), sp.IndexedBase("s"), sp.IndexedBase("w")
intercept, penalty = sp.symbols("intercept penalty")


score = intercept + sp.Sum(X[i, j] * w[j], (j, 0, d - 1))
losses = sp.log(1 + sp.exp(-s[i] * score))
loss = sp.Sum(losses, (i, 0, n - 1)) / n + penalty / 2 * sp.Sum(w[j] ** 2, (j, 0, d - 1))


def measurements(rows=None):
    """Return the standardised measurements, (rows, 30), and the signs: +1 benign, -1 malignant."""
    table, kinds = load_breast_cancer(return_X_y=True)
    table, kinds = table[:rows], kinds[:rows]
    return (table - table.mean(axis=0)) / table.std(axis=0), 2.0 * kinds - 1


def fit(table, signs, strength, steps=10_000):
    """Return the result of the run."""
    start = {intercept: 0, w: np.zeros(table.shape[1])}
    method = sx.Adamax(learning_rate=sx.schedules.cosine(0.02, steps))
    return sx.minimize(
        loss, start, data={X: table, s: signs}, parameters={penalty: strength},
        method=method, steps=steps,
    )  # fmt: skip


def draw(weights, names, path):
    """Write the picture of the weights, the largest on top."""
    figure, (axes,) = style.new_picture((920, 620), panels=1)
    colours = [style.BLUE if weight > 0 else style.PATH for weight in weights]
    axes.barh(range(len(weights)), weights, color=colours)
    axes.set_yticks(range(len(weights)), names)
    axes.invert_yaxis()
    style.label(axes, "weight of the standardised measurement", "")
    style.headline(axes, "The twelve largest weights", "left: malignant, right: benign")
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="default: all 569")
    parser.add_argument("--plot", default="logistic_regression.png", help="the picture to write")
    given = parser.parse_args()
    table, signs = measurements(given.rows)
    result = fit(table, signs, strength=1 / len(signs))
    weights = result.point[w]
    right = np.mean(np.sign(table @ weights + result.point[intercept]) == signs)
    print(f"{result.message} Loss: {result.fun:.6f}, right: {right:.1%}")
    names = load_breast_cancer().feature_names
    largest = np.argsort(-np.abs(weights))[:12]
    for k in largest[:5]:
        print(f"{weights[k]:+.3f} {names[k]}")
    draw(weights[largest], names[largest], given.plot)


if __name__ == "__main__":
    main()

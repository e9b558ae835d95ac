"""A network of two layers that reads digits, written in sums and trained on minibatches."""

import argparse

import numpy as np
import sympy as sp
from sklearn.datasets import load_digits

import symadamax as sx
from symadamax.viewer import style

HIDDEN = 16

i, j, k, p = sp.symbols("i j k p", integer=True)
n, hidden, classes, pixels = sp.symbols("n hidden classes pixels", integer=True)
X, label = sp.IndexedBase("X"), sp.IndexedBase("label")
A, a, B, b = UNKNOWNS = [sp.IndexedBase(name) for name in ("A", "a", "B", "b")]


def score(kind):
    """Return how much row i looks like a digit of this kind."""
    inner = a[j] + sp.Sum(X[i, p] * A[p, j], (p, 0, pixels - 1))
    return b[kind] + sp.Sum(sp.tanh(inner) * B[j, kind], (j, 0, hidden - 1))


# The negative logarithm of the softmax at the label.
cross_entropy = sp.log(sp.Sum(sp.exp(score(k)), (k, 0, classes - 1))) - score(label[i])
loss = sp.Sum(cross_entropy, (i, 0, n - 1)) / n


def digits(rows=None):
    """Return the pixels in [0, 1], (rows, 64), and the labels, in random order."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))[:rows]
    return images[order] / 16, labels[order]


def first_weights(rng, width=HIDDEN):
    """Return where the training starts."""
    return {
        A: rng.normal(size=(64, width)) / 8,
        a: np.zeros(width),
        B: rng.normal(size=(width, 10)) / np.sqrt(width),
        b: np.zeros(10),
    }


def train(images, labels, epochs=10, seed=0):
    """Return the result of the run."""
    objective = sx.Objective(loss, UNKNOWNS, data={X: images, label: labels})
    start = first_weights(np.random.default_rng(seed))
    method = sx.Adamax(learning_rate=0.02)
    return sx.minimize(objective, start, method=method, batch=32, epochs=epochs, rng=seed)


def read(point, images):
    """Return the most likely digit of each row."""
    inner = np.tanh(images @ point[A] + point[a])
    return np.argmax(inner @ point[B] + point[b], axis=1)


def draw(images, found, labels, path, shape=(6, 16)):
    """Write the picture of some digits, each with what was read."""
    figure, (axes,) = style.new_picture((960, 480), panels=1)
    wide = np.full((shape[0] * 12, shape[1] * 10), np.nan)
    for k, image in enumerate(images[: shape[0] * shape[1]]):
        top, left = 12 * (k // shape[1]), 10 * (k % shape[1])
        wide[top : top + 8, left : left + 8] = image.reshape(8, 8)
        colour = style.BLUE if found[k] == labels[k] else style.PATH
        weight = "normal" if found[k] == labels[k] else "bold"
        axes.text(left + 3.5, top + 9.3, found[k], color=colour, ha="center", va="center",
                  fontsize=10, fontweight=weight)  # fmt: skip
    axes.imshow(wide, cmap="Greys", vmin=0, vmax=1, aspect="equal")
    axes.set_axis_off()
    style.headline(axes, "What the network reads", "digits that it has not seen; bold: misread")
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="default: all 1,797")
    parser.add_argument("--plot", default="digits.png", help="where the picture is written")
    given = parser.parse_args()
    images, labels = digits(given.rows)
    held_out = len(labels) // 4
    result = train(images[held_out:], labels[held_out:])
    unseen, truth = images[:held_out], labels[:held_out]
    found = read(result.point, unseen)
    print(f"{result.message} Loss: {result.fun:.4f}")
    print(f"right on {held_out} digits that it has not seen: {np.mean(found == truth):.1%}")
    draw(unseen, found, truth, given.plot)


if __name__ == "__main__":
    main()

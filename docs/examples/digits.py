"""A network of two layers that reads digits, written in sums and trained on minibatches."""

import argparse

import numpy as np
import sympy as sp
from sklearn.datasets import load_digits

import symadamax as sx

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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="default: all 1,797")
    images, labels = digits(parser.parse_args().rows)
    held_out = len(labels) // 4
    result = train(images[held_out:], labels[held_out:])
    right = np.mean(read(result.point, images[:held_out]) == labels[:held_out])
    print(f"{result.message} Loss: {result.fun:.4f}")
    print(f"right on {held_out} digits that it has not seen: {right:.1%}")


if __name__ == "__main__":
    main()

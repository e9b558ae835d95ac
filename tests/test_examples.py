"""The examples of the docs: each runs, and agrees with what another library or method finds."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import sympy as sp
from scipy.linalg import solveh_banded
from scipy.optimize import brentq, least_squares, rosen, rosen_der

from symadamax import Adamax, Objective, Stop, minimize

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
ONCE = {"cluster"}  # processes take seconds to start: it runs in a test of its own
ROWS = {"digits": 400, "chains": 50, "matrix_factorisation": 40}
# Those with many runs: how many, and what they say of them.
COUNTS = {
    "basins": (300, "4 distinct minima"),
    "rastrigin": (500, "expected there"),
    "sweep": (5, "fewest steps"),
}
WHOLE = {"classic": "within 0.005 from step 165"}  # what they say; they have no size


def load(name):
    """Return the names of a script, which does not run on import."""
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / f"{name}.py")))


@pytest.mark.parametrize(
    "script", [path for path in SCRIPTS if path.stem not in ONCE], ids=lambda path: path.stem
)
def test_a_script_runs_by_itself(script, monkeypatch, capsys, tmp_path):
    words, said = small(script.stem)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script.name, *words, "--plot", "picture.png"])
    runpy.run_path(str(script), run_name="__main__")
    assert said in capsys.readouterr().out
    assert Path("picture.png").read_bytes().startswith(b"\x89PNG")


def small(name):
    """Return the words that make a script short, and what it says."""
    if name in WHOLE:
        return [], WHOLE[name]
    if name in COUNTS:
        count, said = COUNTS[name]
        return ["--count", str(count)], said
    return ["--rows", str(ROWS.get(name, 100))], "steps are done."


def test_every_script_has_a_page_that_shows_and_runs_it_and_a_card():
    gallery = (EXAMPLES / "index.md").read_text(encoding="utf-8")
    for script in SCRIPTS:
        page = script.with_suffix(".md").read_text(encoding="utf-8")
        for shown in ("literalinclude", "prints", "draws"):
            assert f"{{{shown}}} {script.name}" in page
        assert f"{{example}} {script.stem}\n" in gallery


# ---- the classic problems ----------------------------------------------------------------------


def test_the_classic_problems_end_at_their_minima():
    example = load("classic")
    one = example.solve(example.cubic, {example.x: -1})
    two = example.solve(example.bowl, {example.x: 1, example.y: 0})
    np.testing.assert_allclose(one.x, [-1 / np.sqrt(3)], atol=1e-12)
    np.testing.assert_allclose(two.x, [2, -1], atol=1e-9)


def test_an_arrival_is_for_good():
    example = load("classic")
    swinging = SimpleNamespace(history=SimpleNamespace(x=np.array([[1.0], [0], [1], [0], [0]])))
    assert example.arrival(swinging, [0]) == 3


# ---- the nonlinear fit -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curve():
    example = load("nonlinear_fit")
    times, values = example.measure(2000)
    result = example.fit(times, values)
    return example, times, values, result


def residuals(p, times, values):
    return p[0] * np.exp(-p[1] * times) + p[2] * np.sin(p[3] * times) - values


def test_the_fit_is_that_of_scipy(curve):
    example, times, values, result = curve
    start = list(example.START.values())
    other = least_squares(residuals, start, args=(times, values), xtol=1e-15, ftol=1e-15)
    np.testing.assert_allclose(result.x, other.x, rtol=1e-8)
    assert result.fun == pytest.approx(2 * other.cost / len(times), rel=1e-12)


def test_its_covariance_is_that_of_scipys_jacobian(curve):
    example, times, values, result = curve
    other = least_squares(residuals, result.x, args=(times, values), jac="3-point", max_nfev=1)
    variance = 2 * other.cost / (len(times) - 4)
    expected = variance * np.linalg.inv(other.jac.T @ other.jac)
    np.testing.assert_allclose(
        example.covariance(result.point, times, values), expected, rtol=1e-6, atol=1e-12
    )


def test_the_truth_lies_within_four_standard_errors(curve):
    example, times, values, result = curve
    errors = np.sqrt(np.diag(example.covariance(result.point, times, values)))
    assert np.all(np.abs(result.x - list(example.TRUTH.values())) < 4 * errors)


# ---- logistic regression -----------------------------------------------------------------------


def test_logistic_regression_is_that_of_scikit_learn():
    example = load("logistic_regression")
    linear_model = pytest.importorskip("sklearn.linear_model")
    table, signs = example.measurements()
    result = example.fit(table, signs, strength=1 / len(signs))
    other = linear_model.LogisticRegression(C=1.0, tol=1e-12, solver="newton-cholesky")
    other.fit(table, signs)
    assert result.point[example.intercept] == pytest.approx(other.intercept_[0], abs=1e-8)
    np.testing.assert_allclose(result.point[example.w], other.coef_[0], atol=1e-8)


# ---- the network -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("sklearn")
    return load("digits")


def by_hand(example, point, images, labels):
    """Return the loss of the network and its gradient by the chain rule."""
    inner = np.tanh(images @ point[example.A] + point[example.a])
    scores = inner @ point[example.B] + point[example.b]
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    outer = np.exp(logs)
    outer[rows, labels] -= 1
    outer /= len(labels)
    hidden = outer @ point[example.B].T * (1 - inner**2)
    parts = images.T @ hidden, hidden.sum(axis=0), inner.T @ outer, outer.sum(axis=0)
    return -logs[rows, labels].mean(), np.concatenate([part.ravel() for part in parts])


def at_one_point(example):
    images, labels = example.digits(60)
    data = {example.X: images, example.label: labels}
    objective = Objective(example.loss, example.UNKNOWNS, data=data)
    point = example.first_weights(np.random.default_rng(3))
    return objective, point, images, labels


def test_its_gradient_is_that_of_the_chain_rule(network):
    objective, point, images, labels = at_one_point(network)
    value, gradient = objective.value_and_gradient(point)
    expected, slopes = by_hand(network, point, images, labels)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, slopes, atol=1e-14)


def test_its_gradient_is_that_of_pytorch(network):
    torch = pytest.importorskip("torch")
    objective, point, images, labels = at_one_point(network)
    tensors = [torch.tensor(point[u], requires_grad=True) for u in network.UNKNOWNS]
    first, shift, second, last = tensors
    scores = torch.tanh(torch.tensor(images) @ first + shift) @ second + last
    torch.nn.functional.cross_entropy(scores, torch.tensor(labels)).backward()
    expected = np.concatenate([tensor.grad.numpy().ravel() for tensor in tensors])
    np.testing.assert_allclose(objective.value_and_gradient(point)[1], expected, atol=1e-14)


def test_it_learns_to_read(network):
    images, labels = network.digits(800)
    result = network.train(images[200:], labels[200:], epochs=8)
    assert np.mean(network.read(result.point, images[:200]) == labels[:200]) > 0.9


# ---- matrix factorisation ----------------------------------------------------------------------


def alternate(left, right, entries, strength, rounds=200):
    """Return the factors by alternating least squares, each row from its known entries."""
    rows, columns, values = entries
    for _ in range(rounds):
        for one, other, mine, theirs in (
            (left, right, rows, columns), (right, left, columns, rows),
        ):  # fmt: skip
            for k in range(len(one)):
                known = mine == k
                matrix = other[theirs[known]]
                inverse = matrix.T @ matrix + strength * np.eye(matrix.shape[1])
                one[k] = np.linalg.solve(inverse, matrix.T @ values[known])
    return left @ right.T


@pytest.fixture(scope="module")
def completion():
    example = load("matrix_factorisation")
    shape = (40, 30)
    whole, entries = example.ratings(shape, share=0.5)
    return example, shape, whole, entries


def test_a_matrix_of_low_rank_is_recovered(completion):
    example, shape, whole, entries = completion
    result = example.complete(entries, shape)
    found = result.point[example.U] @ result.point[example.V].T
    assert np.abs(found - whole).max() < 0.02


def test_it_is_that_of_alternating_least_squares(completion):
    example, shape, _, entries = completion
    result = example.complete(entries, shape, strength=1.0)
    factors = example.first_factors(shape).values()
    expected = alternate(*factors, entries, strength=1.0)
    found = result.point[example.U] @ result.point[example.V].T
    np.testing.assert_allclose(found, expected, atol=1e-4)


# ---- arrays of unknowns ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chains():
    return load("chains")


def test_rosenbrock_is_that_of_scipy(chains):
    point = np.random.default_rng(5).uniform(-2, 2, 1000)
    value, gradient = Objective(chains.rosenbrock).value_and_gradient({chains.w: point})
    assert value == pytest.approx(rosen(point), rel=1e-14)
    np.testing.assert_allclose(gradient, rosen_der(point), rtol=1e-12, atol=1e-10)


def test_the_valley_ends_at_one(chains):
    np.testing.assert_allclose(chains.valley(1000).x, 1, atol=1e-12)


def test_the_chain_rests_where_the_linear_system_says(chains):
    loads = np.random.default_rng(6).normal(size=1000)
    bands = np.stack([np.full(1000, -1.0), np.full(1000, 2.1)])
    bands[1, [0, -1]] = 1.1  # an end has one neighbour
    np.testing.assert_allclose(chains.chain(loads).x, solveh_banded(bands, loads), atol=1e-10)


# ---- many starts -------------------------------------------------------------------------------


def test_the_basins_are_of_the_minima_that_solve_the_equations():
    example = load("basins")
    # Both squares are 0: y = 11 - x**2, and a polynomial of x.
    x = sp.Symbol("x")
    roots = sp.Poly((11 - x**2) ** 2 + x - 7).nroots(n=20)
    exact = sorted((float(root), float(11 - root**2)) for root in roots)
    minima = example.explore(2000).summary().minima
    found = sorted(tuple(minimum.x) for minimum in minima)
    np.testing.assert_allclose(found, exact, atol=1e-6)
    assert sum(minimum.count for minimum in minima) == 2000


def test_each_basin_is_that_of_adamax_in_numpy():
    example = load("basins")
    results = example.explore(500)
    x, y = results.start.T
    ended = adamax(
        lambda p: np.stack([
            4 * p[0] * (p[0] ** 2 + p[1] - 11) + 2 * (p[0] + p[1] ** 2 - 7),
            2 * (p[0] ** 2 + p[1] - 11) + 4 * p[1] * (p[0] + p[1] ** 2 - 7),
        ]),
        np.stack([x, y]), 0.05, 4000,
    )  # fmt: skip
    np.testing.assert_allclose(results.x.T, ended, atol=1e-3)


def adamax(gradient, start, learning_rate, steps):
    """Return the points of many runs at once after so many steps, in NumPy."""
    p, m, u = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for t in range(1, steps + 1):
        g = gradient(p)
        m = 0.9 * m + 0.1 * g
        u = np.maximum(0.999 * u, np.abs(g))
        p -= learning_rate / (1 - 0.9**t) * m / (u + 1e-8)
    return p


@pytest.fixture(scope="module")
def rastrigin():
    return load("rastrigin")


def test_the_best_runs_are_those_of_adamax_in_numpy(rastrigin):
    results = rastrigin.explore(3000, keep=50)
    ended = adamax(lambda p: 2 * p + 20 * np.pi * np.sin(2 * np.pi * p), results.start, 0.05, 400)
    np.testing.assert_allclose(results.x, ended, atol=1e-7)
    assert np.all(np.diff(results.fun) >= 0)
    assert results.summary().runs == 3000


def test_two_unknowns_reach_all_minima_of_the_lattice(rastrigin):
    minima = rastrigin.explore(20_000, size=2, keep=5).summary().minima
    one = [brentq(lambda x: x + 10 * np.pi * np.sin(2 * np.pi * x), k - 0.2, k + 0.2)
           for k in range(-5, 6)]  # fmt: skip
    exact = sorted((a, b) for a in one for b in one)
    assert len(minima) == 121
    found = sorted((round(m.x[0], 4), round(m.x[1], 4)) for m in minima)
    np.testing.assert_allclose(found, sorted(np.round(exact, 4).tolist()), atol=2e-4)


def test_the_chances_of_one_unknown_tell_those_of_ten(rastrigin):
    count = 20_000
    values = rastrigin.explore(count, keep=400).fun
    limit = values[-1] - 0.5
    expected = count * rastrigin.chance(limit)
    assert abs(np.sum(values < limit) - expected) < 4 * np.sqrt(expected)


def test_each_cell_of_the_sweep_is_a_single_run():
    example = load("sweep")
    pairs = example.grid(4)
    results = example.sweep(pairs, steps=2000)
    for k in range(16):
        method = Adamax(learning_rate=pairs["learning_rate"][k], beta2=pairs["beta2"][k])
        single = minimize(
            example.rosenbrock, example.START, method=method, steps=2000, stop=Stop(target=1e-6)
        )
        assert (single.fun, single.nit) == (results.fun[k], results.nit[k])
    assert pairs.reshape(results.nit)[1, 2] == results.nit[6]


# ---- the cluster -------------------------------------------------------------------------------


def test_the_cluster_has_the_bits_of_one_thread(monkeypatch, capsys, tmp_path):
    script = str(EXAMPLES / "cluster.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script, "--rows", "3000"])
    runpy.run_path(script, run_name="__main__")
    printed = capsys.readouterr().out
    assert "The cluster has the same bits: True" in printed
    assert "'a': 2.0" in printed


def test_its_fit_is_that_of_scipy(tmp_path):
    example, path = load("cluster"), tmp_path / "rows.parquet"
    example.write(path, 3000)
    _, fit = example.search(path, threads=2)
    table = pq.read_table(path)
    times, values = (table.column(name).to_numpy() for name in "ty")
    other = least_squares(residuals, [2, 0.7, 0.5, 3], args=(times, values))
    np.testing.assert_allclose(fit.x, other.x, atol=1e-3)

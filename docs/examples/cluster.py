"""One program on a thread and on a cluster of Dask: a fit to rows in a file, and many starts."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sympy as sp
from distributed import Client, LocalCluster

import symadamax as sx
from symadamax.viewer import style

i, n = sp.symbols("i n", integer=True)
a, b, c, d = sp.symbols("a b c d")
t, y = sp.IndexedBase("t"), sp.IndexedBase("y")

curve = a * sp.exp(-b * t[i]) + c * sp.sin(d * t[i])
loss = sp.Sum((curve - y[i]) ** 2, (i, 0, n - 1)) / n
BOX = {a: (0, 3), b: (0, 2), c: (-1, 1), d: (1, 6)}


def write(path, rows):
    """Write a Parquet file with measurements of a = 2, b = 0.7, c = 0.5, d = 3."""
    rng = np.random.default_rng(0)
    times = rng.uniform(0, 4, rows)
    values = 2 * np.exp(-0.7 * times) + 0.5 * np.sin(3 * times) + 0.1 * rng.normal(size=rows)
    pq.write_table(pa.table({"t": times, "y": values}), path, row_group_size=-(-rows // 8))


def search(path, **where):
    """Return the best of many starts on the first rows, and the fit to all rows from there."""
    some = pq.ParquetFile(path).read_row_group(0).slice(0, 500)
    method = sx.Adamax(learning_rate=0.02)
    starts = sx.sample(BOX, 40, rng=0)
    many = sx.minimize_many(loss, starts, data=some, method=method, steps=400, **where)
    data = sx.rows(path, shard=pq.ParquetFile(path).metadata.row_group(0).num_rows)
    return many, sx.minimize(loss, many.best.point, data=data, method=method, steps=60, **where)


def draw(many, fit, path):
    """Write the picture of the curves that the starts ended at, and of the fit to all rows."""
    figure, (axes,) = style.new_picture((920, 540), panels=1)
    times, formula = np.linspace(0, 4, 300), sp.lambdify((t[i], a, b, c, d), curve)
    for k, point in enumerate(many.x):
        name = "from 40 starts, on 500 rows" if k == 0 else None
        axes.plot(times, formula(times, *point), color=style.GREY, lw=0.8, alpha=0.6, label=name)
    axes.plot(times, formula(times, *fit.x), color=style.PATH, lw=2.6, label="all rows")
    axes.set_ylim(-1, 3.5)
    style.label(axes, "t", "y")
    style.legend(axes, loc="upper right")
    style.headline(axes, "From the best of many starts to the fit", "each grey line is one run")
    figure.savefig(path, dpi="figure")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--plot", default="cluster.png", help="where the picture is written")
    given = parser.parse_args()
    rows, here = given.rows, "127.0.0.1"
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=2, threads_per_worker=1, host=here, dashboard_address=f"{here}:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        path = Path(folder, "rows.parquet")
        write(path, rows)
        many, fit = search(path, threads=1)
        many_there, fit_there = search(path, executor=client)
    print(fit.message, {str(symbol): round(value, 3) for symbol, value in fit.point.items()})
    print("Runs that found the best minimum:", many.summary().minima[0].count)
    same = many.x.tobytes() == many_there.x.tobytes() and fit.x.tobytes() == fit_there.x.tobytes()
    print("The cluster has the same bits:", same)
    draw(many, fit, given.plot)


if __name__ == "__main__":
    main()

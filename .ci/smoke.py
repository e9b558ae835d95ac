"""Exercise an installed symadamax from a folder that is not the checkout, given as the argument."""

import math
import sys
import tomllib
from pathlib import Path

import sympy as sp

import symadamax as sx

checkout = Path(sys.argv[1])
version = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["version"]
assert sx.__version__ == version, (sx.__version__, version)
assert checkout not in Path(sx.__file__).parents, sx.__file__

x, y = sp.symbols("x y")
method = sx.Adamax(learning_rate=0.01)
one = sx.minimize(x - x**3, {x: -1}, method=method, steps=1000, record=1)
two = sx.minimize(2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x, {x: 1, y: 0}, method=method, steps=1000)
assert math.isclose(one.point[x], -1 / math.sqrt(3), abs_tol=1e-6), one
assert math.isclose(two.point[x], 2, abs_tol=1e-6), two
assert math.isclose(two.point[y], -1, abs_tol=1e-6), two
assert sx.animate(one, "one.gif", frames=10).stat().st_size > 0
assert "play-map" in one.to_html("one.html").read_text(encoding="utf-8")
print(f"symadamax {version} in {Path(sx.__file__).parent}: {one.point}, {two.point}")

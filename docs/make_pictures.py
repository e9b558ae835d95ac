"""Write the pictures of the README and the docs into docs/images/: python docs/make_pictures.py."""

from pathlib import Path

import sympy as sp

import symadamax as sx

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Run the tilted bowl and the banana of Rosenbrock, and draw them."""
    IMAGES.mkdir(exist_ok=True)
    x, y = sp.symbols("x y")
    bowl = 2 * x**2 + 2 * x * y + 2 * y**2 - 6 * x
    banana = (1 - x) ** 2 + 100 * (y - x**2) ** 2

    two = run(bowl, {x: 1, y: 0}, steps=1000)
    sx.plot(two, IMAGES / "two-unknowns.png", minimum=(2, -1))

    valley = run(banana, {x: -1.2, y: 1}, steps=4000, learning_rate=0.02)
    sx.animate(valley, IMAGES / "rosenbrock.gif", minimum=(1, 1), size=(800, 450))


def run(expression: sp.Expr, start: dict[sp.Symbol, float], **options: float) -> sx.Result:
    """Minimise with every step recorded."""
    steps = int(options.pop("steps"))
    method = sx.Adamax(**{"learning_rate": 0.01, **options})
    return sx.minimize(expression, start, method=method, steps=steps, record=1)


if __name__ == "__main__":
    main()

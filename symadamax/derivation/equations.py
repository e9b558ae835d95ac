"""The equations of a method and its settings in LaTeX, made of those of the book."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from symadamax.derivation.algorithm import CORRECTED, ITERATE, MEAN, MOMENT, WEIGHT
from symadamax.derivation.printing import latex
from symadamax.derivation.symbols import alpha, g, t, x

__all__ = ["equations"]

alpha_t = sp.Symbol("alpha_t", positive=True)
ell, lam, bound, most = sp.symbols("ell lambda c d", positive=True)
norm = sp.Symbol(r"\left\lVert g_{t} \right\rVert", nonnegative=True)

with sp.evaluate(False):
    # What the options do to a gradient before the step; (5) to (7) of cython_src/adamax.pxd.
    GRADIENTS = {
        "l2": g[t] + ell * x[t - 1],
        "clip_norm": g[t] * (bound / sp.Max(norm, bound)),
        "clip_value": sp.Min(sp.Max(g[t], -most), most),
    }
    DECAY = lam * x[t - 1]


def equations(method: Any) -> str:
    """Return what a step of an `Adamax` computes, as a notebook shows it.

    Parameters
    ----------
    method : Adamax
        The settings.

    Returns
    -------
    str
        Two displayed formulas in LaTeX: the lines of the algorithm, and the settings.
    """
    joined = " \\\\\n".join([*_gradient(method), *_step(method)])
    settings = r",\ ".join(f"{name} = {_value(value)}" for name, value in _settings(method).items())
    return f"$$\\begin{{aligned}}\n{joined}\n\\end{{aligned}}$$\n$${settings}$$"


def _gradient(method: Any) -> Iterator[str]:
    for name, expression in GRADIENTS.items():
        if getattr(method, name):
            yield rf"{latex(g[t])} &\leftarrow {latex(expression)}"


def _step(method: Any) -> Iterator[str]:
    place = method.epsilon_placement
    mean = (MEAN, CORRECTED) if method.average else ()
    for equation in (MOMENT, WEIGHT[place], _iterate(method), *mean):
        yield f"{latex(equation.lhs)} &= {latex(equation.rhs)}"


def _iterate(method: Any) -> Any:
    """Return the last equation, with the learning rate of each step and the weight decay."""
    equation, rate = ITERATE[method.epsilon_placement], _rate(method)
    with sp.evaluate(False):
        terms = list(equation.rhs.xreplace({alpha: rate}).args)
        decay = [-(rate * DECAY)] if method.weight_decay else []
        return sp.Eq(equation.lhs, sp.Add(*terms, *decay))


def _rate(method: Any) -> Any:
    scheduled = callable(method.learning_rate) or hasattr(method.learning_rate, "free_symbols")
    return alpha_t if scheduled else alpha


def _settings(method: Any) -> dict[str, Any]:
    rate = {latex(_rate(method)): method.learning_rate}
    settings = rate | {r"\beta_{1}": method.beta1, r"\beta_{2}": method.beta2}
    if method.epsilon_placement != "none":
        settings[r"\epsilon"] = method.epsilon
    options = {r"\ell": method.l2, "c": method.clip_norm, "d": method.clip_value,
               r"\lambda": method.weight_decay}  # fmt: skip
    return settings | {name: value for name, value in options.items() if value}


def _value(value: Any) -> str:
    """Write a number with its power of ten, 1e-08 as 10^{-8}; a schedule as a function of t."""
    if isinstance(value, float):
        digits, _, exponent = f"{value:g}".partition("e")
        power = f"10^{{{int(exponent)}}}" if exponent else ""
        return rf"{digits} \times {power}" if power and digits != "1" else power or digits
    if getattr(value, "free_symbols", None):
        (step,) = value.free_symbols
        return str(sp.latex(value.xreplace({step: t})))
    if not callable(value):  # a number for each of many runs
        return rf"\text{{{value}}}"
    name = getattr(value, "__name__", type(value).__name__).replace("_", r"\_")
    return rf"\mathrm{{{name}}}(t)" if name.isidentifier() or "\\" in name else "f(t)"

"""Adamax as SymPy equations, for each place of epsilon: what all else here is held against.

The chapters show these objects and prove things of them, `reference.step` must compute them, and
`Adamax` shows them in a notebook. The numbers are those of cython_src/adamax.pxd.
"""

from __future__ import annotations

import sympy as sp

from symadamax.derivation.symbols import (
    alpha,
    alphahat,
    beta1,
    beta2,
    epsilon,
    g,
    m,
    t,
    u,
    x,
    xbar,
    xhat,
)

__all__ = ["CORRECTED", "ITERATE", "MEAN", "MOMENT", "PLACEMENTS", "RATE", "WEIGHT"]

PLACEMENTS = ("none", "denominator", "maximum")

with sp.evaluate(False):
    RATE = sp.Eq(alphahat[t], alpha / (1 - beta1**t))  # (1)
    MOMENT = sp.Eq(m[t], beta1 * m[t - 1] + (1 - beta1) * g[t])  # (2)
    _PLAIN = sp.Eq(u[t], sp.Max(beta2 * u[t - 1], sp.Abs(g[t])))
    _RAISED = sp.Eq(u[t], sp.Max(beta2 * u[t - 1], sp.Abs(g[t]) + epsilon))
    _BARE = sp.Eq(x[t], x[t - 1] - alpha / (1 - beta1**t) * (m[t] / u[t]))
    _WIDENED = sp.Eq(x[t], x[t - 1] - alpha / (1 - beta1**t) * (m[t] / (u[t] + epsilon)))
    MEAN = sp.Eq(xbar[t], beta2 * xbar[t - 1] + (1 - beta2) * x[t])  # (10)
    CORRECTED = sp.Eq(xhat[t], xbar[t] / (1 - beta2**t))

WEIGHT = {"none": _PLAIN, "denominator": _PLAIN, "maximum": _RAISED}  # (3)
ITERATE = {"none": _BARE, "denominator": _WIDENED, "maximum": _BARE}  # (4)

"""The equations of a method, with its settings, in LaTeX."""

from __future__ import annotations

from typing import Any

from symadamax.solver.rates import is_number

__all__ = ["equations"]


def equations(method: Any) -> str:
    """Return what a step of an `Adamax` computes, as a notebook shows it."""
    alpha = r"\alpha" if is_number(method.learning_rate) else r"\alpha_t"
    lines = [*_gradient(method), *_step(method, alpha), *_mean(method)]
    joined = " \\\\\n".join(lines)
    settings = r",\ ".join(f"{name} = {_latex(v)}" for name, v in _settings(method, alpha).items())
    return f"$$\\begin{{aligned}}\n{joined}\n\\end{{aligned}}$$\n$${settings}$$"


def _gradient(method: Any) -> list[str]:
    lines = {
        r"g_t &\leftarrow g_t + \ell x_{t-1}": method.l2,
        r"g_t &\leftarrow g_t\, \frac{c}{\max(\lVert g_t \rVert, c)}": method.clip_norm,
        r"g_t &\leftarrow \min(\max(g_t, -d), d)": method.clip_value,
    }
    return [line for line, given in lines.items() if given]


def _step(method: Any, alpha: str) -> list[str]:
    inside = r" + \epsilon" if method.epsilon_placement == "maximum" else ""
    outside = r" + \epsilon" if method.epsilon_placement == "denominator" else ""
    decay = rf" - {alpha} \lambda x_{{t-1}}" if method.weight_decay else ""
    return [
        r"m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t",
        rf"u_t &= \max(\beta_2 u_{{t-1}},\ |g_t|{inside})",
        rf"x_t &= x_{{t-1}} - \frac{{{alpha}}}{{1 - \beta_1^t}}"
        rf" \frac{{m_t}}{{u_t{outside}}}{decay}",
    ]


def _mean(method: Any) -> list[str]:
    lines = [
        r"\bar x_t &= \beta_2 \bar x_{t-1} + (1 - \beta_2) x_t",
        r"\hat x_t &= \frac{\bar x_t}{1 - \beta_2^t}",
    ]
    return lines if method.average else []


def _settings(method: Any, alpha: str) -> dict[str, Any]:
    settings = {alpha: method.learning_rate, r"\beta_1": method.beta1, r"\beta_2": method.beta2}
    if method.epsilon_placement != "none":
        settings[r"\epsilon"] = method.epsilon
    options = {r"\ell": method.l2, "c": method.clip_norm, "d": method.clip_value,
               r"\lambda": method.weight_decay}  # fmt: skip
    return settings | {name: value for name, value in options.items() if value}


def _latex(value: Any) -> str:
    """Write a number with its power of ten, 1e-08 as 10^{-8}; a schedule as a function of t."""
    if isinstance(value, float):
        digits, _, exponent = f"{value:g}".partition("e")
        power = f"10^{{{int(exponent)}}}" if exponent else ""
        return rf"{digits} \times {power}" if power and digits != "1" else power or digits
    if getattr(value, "free_symbols", None):
        (step,) = value.free_symbols
        text: str = value.xreplace({step: type(step)("t")})._repr_latex_()
        return text.removeprefix("$\\displaystyle ").removesuffix("$")
    if is_number(value):
        return rf"\text{{{value}}}"
    name = getattr(value, "__name__", type(value).__name__).replace("_", r"\_")
    return rf"\mathrm{{{name}}}(t)" if name.isidentifier() or "\\" in name else "f(t)"

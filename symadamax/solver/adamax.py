"""Adamax: its settings, and its state between two steps."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.solver.checks import natural, number

__all__ = ["Adamax", "State"]

PLACEMENTS = ("denominator", "maximum", "none")


@dataclass(frozen=True)
class Adamax:
    r"""The settings of Adamax, validated once.

    With the gradient :math:`g_t` at step :math:`t = 1, 2, \ldots`, and :math:`m_0 = u_0 = 0`:

    .. math::
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        u_t &= \max(\beta_2 u_{t-1}, |g_t|) \\
        x_t &= x_{t-1} - \frac{\alpha}{1 - \beta_1^t} \frac{m_t}{u_t + \epsilon}

    each coordinate by itself. This is algorithm 2 in section 7.1 of Kingma and Ba, "Adam: a method
    for stochastic optimization", arXiv 1412.6980, with the :math:`\epsilon` that the paper has not.
    0/0 moves nothing.

    Parameters
    ----------
    learning_rate : float
        :math:`\alpha > 0`, in the units of the unknowns: about the length of a step.
    beta1 : float
        Decay of the moment m, in [0, 1).
    beta2 : float
        Decay of the weight u, in [0, 1).
    epsilon : float
        At least 0.
    epsilon_placement : {"denominator", "maximum", "none"}
        Where epsilon stands: in the denominator, as above (Keras, Optimisers.jl); in the maximum,
        :math:`u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon)` (PyTorch, Optax); or nowhere (the
        paper).

    Raises
    ------
    InputError
        When a setting is not a number in its range.

    Warns
    -----
    RuntimeWarning
        When beta1 >= beta2: no bound on the length of a step is left.

    Notes
    -----
    With a fixed learning rate a run comes to rest where the function is smooth and evenly curved.
    At a kink it goes on swinging at about half of :math:`\alpha`, and in a narrow valley it leaves
    the minimum now and then by a few hundredths of it. A step is no longer than

    .. math::
        \alpha \frac{1 - \beta_1}{1 - \beta_1^t}
        \frac{1 - (\beta_1/\beta_2)^t}{1 - \beta_1/\beta_2},

    which tends to 111/110 of the learning rate for the usual betas, and grows without limit when
    beta1 >= beta2.

    Examples
    --------
    >>> Adamax(learning_rate=0.01, epsilon_placement="none").beta2
    0.999
    """

    learning_rate: float = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_placement: str = "denominator"

    def __post_init__(self) -> None:
        for name, accepted, holds in (
            ("learning_rate", "a finite number > 0", lambda value: value > 0),
            ("beta1", "a number in [0, 1)", lambda value: 0 <= value < 1),
            ("beta2", "a number in [0, 1)", lambda value: 0 <= value < 1),
            ("epsilon", "a finite number >= 0", lambda value: value >= 0),
        ):
            object.__setattr__(self, name, number(getattr(self, name), name, accepted, holds))
        if self.epsilon_placement not in PLACEMENTS:
            raise InputError(
                f"epsilon_placement is {self.epsilon_placement!r}; accepted are "
                f"{', '.join(map(repr, PLACEMENTS))}."
            )
        if self.beta1 >= self.beta2:
            warnings.warn(
                f"beta1 = {self.beta1} is not below beta2 = {self.beta2}: the moment m outlives "
                "the weight u that it is divided by, so a step can become longer than any multiple "
                "of the learning rate. Usual are beta1 = 0.9 and beta2 = 0.999.",
                RuntimeWarning,
                stacklevel=3,
            )

    def _repr_latex_(self) -> str:
        inside = r" + \epsilon" if self.epsilon_placement == "maximum" else ""
        outside = r" + \epsilon" if self.epsilon_placement == "denominator" else ""
        settings = {r"\alpha": self.learning_rate, r"\beta_1": self.beta1, r"\beta_2": self.beta2}
        if self.epsilon_placement != "none":
            settings[r"\epsilon"] = self.epsilon
        shown = r",\ ".join(f"{name} = {_latex(value)}" for name, value in settings.items())
        return rf"""$$\begin{{aligned}}
m_t &= \beta_1 m_{{t-1}} + (1 - \beta_1) g_t \\
u_t &= \max(\beta_2 u_{{t-1}},\ |g_t|{inside}) \\
x_t &= x_{{t-1}} - \frac{{\alpha}}{{1 - \beta_1^t}} \frac{{m_t}}{{u_t{outside}}}
\end{{aligned}}$$
$${shown}$$"""


def _latex(value: float) -> str:
    """Write a number with its power of ten: 1e-08 as 10^{-8}."""
    digits, _, exponent = f"{value:g}".partition("e")
    if not exponent:
        return digits
    power = f"10^{{{int(exponent)}}}"
    return power if digits == "1" else rf"{digits} \times {power}"


@dataclass(frozen=True, eq=False)
class State:
    """What Adamax carries from one step to the next.

    Taken out of a Result and handed back to `minimize` with the point, it goes on as if nothing had
    happened: 600 steps and then 400 give the same bits as 1,000.

    Parameters
    ----------
    step : int
        The number of steps done.
    m : ndarray, shape (n,)
        The moment: the decaying mean of the gradients.
    u : ndarray, shape (n,)
        The weight: the decaying maximum of their sizes; not negative. Of m's dtype, float64 or
        float32. Both arrays are copied and read-only.

    Raises
    ------
    InputError
        When the arrays are not finite, or differ in shape or dtype.

    Examples
    --------
    >>> State(2, [0.1, 0.0], [1.0, 0.5]).m
    array([0.1, 0. ])
    """

    step: int
    m: npt.NDArray[Any]
    u: npt.NDArray[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", natural(self.step, "the state's step"))
        for name in ("m", "u"):
            object.__setattr__(self, name, _frozen(getattr(self, name), name))
        if self.m.shape != self.u.shape or self.m.dtype != self.u.dtype:
            raise InputError(
                f"The state's m has shape {self.m.shape} and dtype {self.m.dtype}, and u has "
                f"{self.u.shape} and {self.u.dtype}; they must agree."
            )
        if (self.u < 0).any():
            raise InputError("The state's u has a negative entry; it is a maximum of sizes.")

    @classmethod
    def _of_run(cls, step: int, m: npt.NDArray[Any], u: npt.NDArray[Any]) -> State:
        """Return the state of a run, whose arrays nobody else holds and need no looking at."""
        state = object.__new__(cls)
        m.setflags(write=False)
        u.setflags(write=False)
        state.__dict__.update(step=step, m=m, u=u)
        return state

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        return (
            self.step == other.step
            and self.m.dtype == other.m.dtype
            and np.array_equal(self.m, other.m)
            and np.array_equal(self.u, other.u)
        )

    def __hash__(self) -> int:
        return hash((self.step, self.m.tobytes(), self.u.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return State, (self.step, self.m, self.u)  # made anew, so read-only there too


def _frozen(given: Any, name: str) -> npt.NDArray[Any]:
    try:
        array = np.array(given)
    except ValueError:  # rows of different length
        array = np.array(None)
    if array.dtype.kind in "iu" or (array.dtype.kind == "f" and array.dtype != np.float32):
        array = array.astype(np.float64)
    if array.dtype.kind != "f" or array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(
            f"The state's {name} is {given!r}; accepted is an array of finite numbers of one "
            "dimension."
        )
    array.flags.writeable = False
    return array

"""Adamax: its settings, and its state between two steps."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.solver.batches import Sample
from symadamax.solver.checks import natural, truth
from symadamax.solver.columns import Column, common_count
from symadamax.solver.rates import as_rate
from symadamax.solver.settings import RANGES, in_range, warn_of_long_steps

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

    With all options a step is, in this order: the gradient of the objective, with the opposite sign
    where it is maximised; `l2`; `clip_norm`; `clip_value`; the three equations above;
    `weight_decay`; and the projection on the bounds.

    Each number below may be an array of shape (B,), with one for each run of `minimize_many`.

    Parameters
    ----------
    learning_rate : float, sympy.Expr or callable
        :math:`\alpha > 0`, in the units of the unknowns: about the length of a step. Or a schedule:
        an expression in one symbol, which is taken as the step t = 1, 2, ..., such as
        `symadamax.schedules` has; or a function ``f(t) -> float``. At each step it must be finite
        and at least 0, or the run ends there. A function is called once for each step, in their
        order and ahead of them, but never beyond the next callback.
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
    average : bool
        Whether the result has an `average_x`, the averaged iterate of the paper's section 7.2:
        :math:`\bar x_t = \beta_2 \bar x_{t-1} + (1 - \beta_2) x_t` from :math:`\bar x_0 = 0`,
        divided by :math:`1 - \beta_2^t`.
    weight_decay : float
        :math:`\lambda \ge 0`: a step also takes :math:`\alpha_t \lambda x_{t-1}` from x, without
        the correction :math:`1 - \beta_1^t` (decoupled, as in AdamW: Loshchilov and Hutter, arXiv
        1711.05101).
    l2 : float
        :math:`\ell \ge 0`: to :math:`g_t` is added :math:`\ell x_{t-1}`, the gradient of
        :math:`\ell \lVert x \rVert^2/2` (what PyTorch's Adamax calls weight_decay).
    clip_norm : float, optional
        c > 0: :math:`g_t` is shortened to :math:`g_t\, c/\max(\lVert g_t \rVert, c)`, with its
        Euclidean norm over all unknowns that are not frozen (Pascanu, Mikolov and Bengio, arXiv
        1211.5063).
    clip_value : float, optional
        c > 0: each entry of :math:`g_t` becomes :math:`\min(\max(g_{t,i}, -c), c)`.

    Attributes
    ----------
    count : int or None
        B, where a setting is an array.

    Raises
    ------
    InputError
        When a setting is not a number in its range, or arrays differ in length.

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

    learning_rate: Any = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_placement: str = "denominator"
    _: KW_ONLY
    average: bool = False
    weight_decay: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None

    def __post_init__(self) -> None:
        for name in RANGES:
            object.__setattr__(self, name, in_range(getattr(self, name), name))
        object.__setattr__(self, "learning_rate", as_rate(self.learning_rate))
        object.__setattr__(self, "average", truth(self.average, "average"))
        if self.epsilon_placement not in PLACEMENTS:
            raise InputError(
                f"epsilon_placement is {self.epsilon_placement!r}; accepted are "
                f"{', '.join(map(repr, PLACEMENTS))}."
            )
        common_count({name: len(values) for name, values in self._columns().items()})
        warn_of_long_steps(self.beta1, self.beta2)

    @property
    def count(self) -> int | None:
        """For how many runs the settings are; None where all are plain numbers."""
        return next((len(values) for values in self._columns().values()), None)

    def of_run(self, number: int) -> Adamax:
        """Return the settings of one run, all of them plain numbers."""
        return self._with({name: values[number] for name, values in self._columns().items()})

    def of_runs(self, first: int, last: int) -> Adamax:
        """Return the settings of the runs first, ..., last - 1."""
        return self._with({name: values[first:last] for name, values in self._columns().items()})

    def _columns(self) -> dict[str, Column]:
        """Return the settings that are arrays, by name."""
        return {name: value for name, value in vars(self).items() if type(value) is Column}

    def _with(self, changed: dict[str, Any]) -> Adamax:
        """Return these settings with some in another form; they were checked, and warned of."""
        if not changed:
            return self
        other = object.__new__(Adamax)
        other.__dict__.update(self.__dict__, **changed)
        return other

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if not field.kw_only or getattr(self, field.name) != field.default
        ]
        return f"Adamax({', '.join(shown)})"

    def _repr_latex_(self) -> str:
        from symadamax.derivation.equations import equations

        return equations(self)


@dataclass(frozen=True, eq=False)
class State:
    r"""What Adamax carries from one step to the next.

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
        float32. The arrays are copied and read-only.
    mean : ndarray, shape (n,), optional
        :math:`\bar x`, the decaying mean of the points, of a run with `average`.
    sample : Sample, optional
        The rows that come next, of a run on batches.

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
    mean: npt.NDArray[Any] | None = None
    sample: Sample | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", natural(self.step, "the state's step"))
        for name in ("m", "u", "mean"):
            if name != "mean" or self.mean is not None:
                object.__setattr__(self, name, _frozen(getattr(self, name), name))
        for name, array in self._arrays().items():
            if self.m.shape != array.shape or self.m.dtype != array.dtype:
                raise InputError(
                    f"The state's m has shape {self.m.shape} and dtype {self.m.dtype}, and {name} "
                    f"has {array.shape} and {array.dtype}; they must agree."
                )
        if (self.u < 0).any():
            raise InputError("The state's u has a negative entry; it is a maximum of sizes.")

    @classmethod
    def _of_run(
        cls, step: int, *arrays: npt.NDArray[Any] | None, sample: Sample | None = None
    ) -> State:
        """Return the state of a run, whose arrays nobody else holds and need no looking at."""
        state = object.__new__(cls)
        for array in arrays:
            if array is not None:
                array.setflags(write=False)
        state.__dict__.update(zip(("step", "m", "u", "mean"), (step, *arrays), strict=True))
        state.__dict__["sample"] = sample
        return state

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        arrays = {"m": self.m, "u": self.u, "mean": self.mean}
        return {name: array for name, array in arrays.items() if array is not None}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        mine, theirs = self._arrays(), other._arrays()
        return (
            self.step == other.step
            and self.m.dtype == other.m.dtype
            and mine.keys() == theirs.keys()
            and all(np.array_equal(mine[name], theirs[name]) for name in mine)
        )

    def __hash__(self) -> int:
        return hash((self.step, *(array.tobytes() for array in self._arrays().values())))

    def __reduce__(self) -> tuple[Any, ...]:
        # Made anew, so read-only there too.
        return State, (self.step, self.m, self.u, self.mean, self.sample)


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

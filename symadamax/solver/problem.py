"""What is minimised, made ready for the loop: a function, its context and the start."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from symadamax import _core
from symadamax.errors import InputError
from symadamax.points import NO_SHAPES, Shapes, Symbol, point_array, shaped
from symadamax.solver.shards import Recipe, ShardSum

if TYPE_CHECKING:
    from symadamax.compiler.loop_stages import Bound, Update
    from symadamax.objective import Objective
    from symadamax.solver.batches import Batches

__all__ = [
    "Entries",
    "Problem",
    "hold_bare",
    "hold_dtype",
    "is_function",
    "names_of",
    "objective_of",
    "prepare",
]

BACKENDS = ("native", "numpy")
DTYPES = ("float64", "float32")
NOBODY: AbstractContextManager[Any] = nullcontext()


class Problem(NamedTuple):
    """A function that the loop can call, and where it starts.

    Attributes
    ----------
    function : capsule or callable
        As `_core.Run` takes it.
    context : ndarray, shape (p,), or Team
        The values of the parameters; or what evaluates an objective with sums.
    start : ndarray, shape (n,)
        Its dtype is the run's.
    objective : Objective or None
        None for a Python callable.
    shapes : mapping of IndexedBase to shape
        Those of arrays of unknowns, which stand behind the scalars in the start.
    owner : object
        Keeps code and data alive.
    batches : Batches or None
        What draws the rows that a step sees.
    whole : Bound or None
        With batches, the function of all rows.
    update : Update or None
        As in `Bound`: what an evaluation may do as well.
    workers : context manager
        Inside it the function may be called.
    """

    function: Any
    context: npt.NDArray[Any] | _core.Team
    start: npt.NDArray[Any]
    objective: Objective | None
    shapes: Shapes = NO_SHAPES
    owner: object = None
    batches: Batches | None = None
    whole: Bound | None = None
    update: Update | None = None
    workers: AbstractContextManager[Any] = NOBODY

    @property
    def unknowns(self) -> Sequence[Symbol]:
        """The unknowns; those of a callable have names alone."""
        return Entries(len(self.start)) if self.objective is None else self.objective.unknowns

    @property
    def names(self) -> Sequence[str]:
        """The names of the unknowns; those of a callable are x[0], x[1], ..."""
        return names_of(self.objective, self.shapes, len(self.start))

    def point(self, x: npt.NDArray[Any]) -> dict[Any, Any] | None:
        """Return a point by unknown."""
        return shaped(x, self.objective.unknowns, self.shapes) if self.objective else None

    def evaluate_whole(self, x: npt.NDArray[Any], gradient: npt.NDArray[Any]) -> float:
        """Evaluate on all rows: the value is returned, the gradient written."""
        assert self.whole is not None
        return self.whole.evaluate(x, gradient)


def names_of(objective: Objective | None, shapes: Shapes, size: int) -> Sequence[str]:
    """Return the names of the numbers of a point; those of a callable are x[0], x[1], ..."""
    if objective is None:
        return _Names((), {"x": (size,)})
    scalars = tuple(u.name for u in objective.unknowns if u not in shapes)
    return _Names(scalars, {array.name: shape for array, shape in shapes.items()})


@dataclass(frozen=True)
class _Names(Sequence[str]):
    """The names of scalars and of elements, each made when it is looked at."""

    scalars: tuple[str, ...]
    arrays: Mapping[str, tuple[int, ...]]

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[k] for k in range(len(self))[place]]
        rest = range(len(self))[place] - len(self.scalars)
        if rest < 0:
            return self.scalars[rest]
        for name, shape in self.arrays.items():
            size = math.prod(shape)
            if rest < size:
                position = ", ".join(str(int(k)) for k in np.unravel_index(rest, shape))
                return f"{name}[{position}]"
            rest -= size
        raise IndexError(place)

    def __len__(self) -> int:
        return len(self.scalars) + sum(math.prod(shape) for shape in self.arrays.values())


@dataclass(eq=False)
class _Entry:
    """An unknown of a Python callable."""

    name: str


@dataclass(frozen=True)
class Entries(Sequence[_Entry]):
    """The unknowns of a Python callable, each named when it is looked at: there may be millions."""

    size: int

    @overload
    def __getitem__(self, place: int) -> _Entry: ...
    @overload
    def __getitem__(self, place: slice) -> list[_Entry]: ...
    def __getitem__(self, place: int | slice) -> _Entry | list[_Entry]:
        found = range(self.size)[place]
        if isinstance(found, range):
            return [self[k] for k in found]
        return _Entry(f"x[{found}]")

    def __len__(self) -> int:
        return self.size


def prepare(
    given: Any,
    start: Any,
    parameters: Any,
    data: Any,
    backend: str,
    dtype: str,
    threads: int | None = 1,
    batches: Batches | None = None,
    arithmetic: str | None = None,
    executor: Any = None,
) -> Problem:
    """Return the problem of an Objective, an expression or a Python callable."""
    _check_choice(backend, "backend", BACKENDS)
    hold_dtype(dtype)
    if is_function(given):
        if batches is not None:
            raise InputError("batch was given with a Python function, which has no rows to draw.")
        if executor is not None:
            raise InputError("executor was given with a Python function, which has no rows.")
        hold_bare(parameters, data, arithmetic)
        return _of_callable(given, start, dtype)
    objective = objective_of(given, parameters, data, arithmetic)
    point, shapes = objective.flat(start, dtype)
    if objective.rows is not None and batches is None:
        total = ShardSum(Recipe(objective, dict(shapes), backend, dtype), threads, executor)
        nothing = np.empty(0, dtype)
        return Problem(total, nothing, point, objective, shapes, total.sharded, workers=total)
    if executor is not None:
        raise InputError(
            "executor was given, and the data are not rows: give data=symadamax.rows(...)."
        )
    bound = objective.bound(shapes, backend, dtype, threads, batches)
    whole = objective.bound(shapes, backend, dtype, threads) if batches else None
    return Problem(
        bound.function,
        bound.context,
        point,
        objective,
        shapes,
        bound.owner,
        batches,
        whole,
        bound.update,
    )


def is_function(given: Any) -> bool:
    """Tell whether an objective is a Python function, and not an expression."""
    return callable(given) and not hasattr(given, "free_symbols") and not hasattr(given, "stages")


def objective_of(given: Any, parameters: Any, data: Any, arithmetic: str | None) -> Objective:
    """Return the Objective that was given, or of an expression, with what else was given."""
    from symadamax.objective import Objective

    if isinstance(given, Objective):
        objective = given.with_parameters(parameters) if parameters is not None else given
        objective = objective.with_data(data) if data is not None else objective
    else:
        objective = Objective(given, parameters=parameters, data=data)
    return objective if arithmetic is None else objective.with_arithmetic(arithmetic)


def hold_bare(parameters: Any, data: Any, arithmetic: str | None) -> None:
    """Refuse what a Python function has no use for."""
    if arithmetic is not None:
        raise InputError("arithmetic was given with a Python function, which has its own.")
    for name, given in (("parameters", parameters), ("data", data)):
        if given is not None:
            raise InputError(
                f"{name} was given with a Python function, which has none; "
                "bind them in the function itself."
            )


def hold_dtype(dtype: Any) -> None:
    """Refuse what is no type of numbers of ours."""
    _check_choice(dtype, "dtype", DTYPES)


def _check_choice(given: Any, name: str, accepted: tuple[str, ...]) -> None:
    # NumPy's dtypes equal their names, and are not text.
    if not isinstance(given, str) or given not in accepted:
        raise InputError(f"{name} is {given!r}; accepted are {', '.join(map(repr, accepted))}.")


def _of_callable(function: Callable[..., Any], start: Any, dtype: str) -> Problem:
    if isinstance(start, Mapping):
        raise InputError(
            "The start is a mapping, and a Python function has no symbols; "
            "give the start as a sequence or an array."
        )
    try:
        size = np.size(start)
    except ValueError as error:
        raise InputError(f"The start {start!r} is not a regular array of numbers.") from error
    if size == 0:
        raise InputError("The start has no numbers: there is nothing to optimise.")
    point = point_array(start, Entries(size), dtype)
    return Problem(_checked(function, size), np.empty(0, dtype), point, None)


def _checked(function: Callable[..., Any], size: int) -> Callable[..., float]:
    """Return ``f(x, gradient) -> value`` from ``f(x) -> (value, gradient)``, checked each time."""

    def evaluate(x: npt.NDArray[Any], gradient: npt.NDArray[Any]) -> float:
        returned = function(x.copy())
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            raise InputError(
                f"The objective returned {returned!r}; "
                "it must return two things: the value and the gradient."
            )
        value = _real(returned[0], "value")
        slope = _real(returned[1], "gradient")
        if value.size != 1:
            raise InputError(f"The objective's value is {returned[0]!r}; it must be one number.")
        if slope.shape not in {(size,), (size, 1), (1, size)}:
            raise InputError(
                f"The objective's gradient has the shape {slope.shape}; "
                f"it must be ({size},), as the start's."
            )
        with np.errstate(over="ignore"):
            gradient[:] = slope.reshape(-1)
        return float(value.reshape(-1)[0])

    return evaluate


def _real(given: Any, what: str) -> npt.NDArray[Any]:
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "fiu":
        raise InputError(f"The objective's {what} is {given!r}; it must consist of real numbers.")
    return array

"""product: numbers along several axes -> all combinations, as columns for a sweep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.errors import InputError
from symadamax.solver.columns import column, is_column

__all__ = ["Grid", "product"]

Array = npt.NDArray[np.float64]


def product(axes: Mapping[Any, Any] | None = None, /, **named: Any) -> Grid:
    """Return all combinations of numbers along several axes, for a sweep by `minimize_many`.

    Parameters
    ----------
    axes : mapping, optional
        Of a symbol or a name to an array of finite numbers of shape (k,): settings of `Adamax`,
        parameters, unknowns.
    **named : array_like of shape (k,)
        The same by keyword, behind those of the mapping.

    Returns
    -------
    Grid
        A mapping of each key to a flat array of shape (B,), B being the product of the lengths;
        the last axis changes fastest.

    Raises
    ------
    InputError
        When there is no axis, or one is not an array of finite numbers.

    Examples
    --------
    >>> grid = product(learning_rate=[0.01, 0.1], beta2=[0.95, 0.99, 0.999])
    >>> grid["beta2"]
    array([0.95 , 0.99 , 0.999, 0.95 , 0.99 , 0.999])
    >>> grid.shape, grid.reshape(grid["learning_rate"] < 0.05).tolist()
    ((2, 3), [[True, True, True], [False, False, False]])
    >>> from symadamax import Adamax
    >>> Adamax(**grid).learning_rate
    array of 6
    """
    if axes is not None and not isinstance(axes, Mapping):
        raise InputError(
            f"product was given {axes!r}; accepted is a mapping of names to arrays, or arrays by "
            "keyword, such as product(learning_rate=[0.01, 0.1])."
        )
    given = {**(axes or {}), **named}
    if not given:
        raise InputError("product was given no axis; give one array or more, by keyword.")
    names = [getattr(key, "name", key) for key in given]
    if len(set(names)) != len(names):
        raise InputError(f"product was given two axes of one name: {', '.join(map(str, names))}.")
    return Grid({key: _axis(values, key) for key, values in given.items()})


class Grid(Mapping[Any, Any]):
    """All combinations of numbers along axes: `product` makes it.

    Attributes
    ----------
    axes : mapping of key to ndarray of float64, shape (k,)
        What was given; read-only.
    shape : tuple of int
        The length of each.
    """

    def __init__(self, axes: Mapping[Any, Array]) -> None:
        self.axes = MappingProxyType(dict(axes))
        self.shape = tuple(map(len, axes.values()))
        self._flat: dict[Any, Array] = {}

    def __getitem__(self, key: Any) -> Array:
        if key not in self._flat:
            place = list(self.axes).index(key) if key in self.axes else -1
            if place < 0:
                raise KeyError(key)
            lengths = [1] * len(self.shape)
            lengths[place] = -1
            spread = np.broadcast_to(self.axes[key].reshape(lengths), self.shape)
            self._flat[key] = flat = spread.reshape(-1).copy()
            flat.flags.writeable = False
        return self._flat[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.axes)

    def __len__(self) -> int:
        return len(self.axes)

    def reshape(self, values: Any) -> npt.NDArray[Any]:
        """Return values of all runs in the shape of the grid, for a table or a heat map.

        Parameters
        ----------
        values : array_like of shape (B,) or (B, n)

        Returns
        -------
        ndarray of the shape of the grid, or that and (n,)

        Raises
        ------
        InputError
            When there are not as many values as combinations.
        """
        array = np.asarray(values)
        count = math.prod(self.shape)
        if array.ndim == 0 or len(array) != count:
            raise InputError(
                f"The values have the shape {array.shape}, and the grid has "
                f"{' x '.join(map(str, self.shape))} = {count} combinations; accepted is one value "
                "for each."
            )
        return array.reshape(self.shape + array.shape[1:])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return list(self.axes) == list(other.axes) and all(
            np.array_equal(axis, other.axes[key]) for key, axis in self.axes.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        axes = " x ".join(f"{key} ({len(axis)})" for key, axis in self.axes.items())
        return f"Grid of {math.prod(self.shape):,} combinations: {axes}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Grid, (dict(self.axes),)


def _axis(given: Any, key: Any) -> Array:
    if not is_column(given):
        raise InputError(
            f"The axis {str(key)!r} is {given!r}; accepted is an array of finite numbers, such as "
            "[0.01, 0.1]."
        )
    return column(given, str(key), "a finite number", np.isfinite).values

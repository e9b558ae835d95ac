"""Arrays -> the sizes of sums: what the data and the unknowns of an objective say together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from symadamax.compiler.affine import Index
from symadamax.compiler.ir import Program
from symadamax.compiler.loop_stages import LoopStages
from symadamax.compiler.meaning import Meaning
from symadamax.compiler.sampling import row_indices
from symadamax.compiler.sizes import Sizes
from symadamax.errors import InputError
from symadamax.given import whole_number
from symadamax.points import Shapes, listed

__all__ = ["sampled_index", "sizes_of"]


def sizes_of(
    stages: LoopStages,
    meaning: Meaning,
    known: Mapping[Any, Any],
    shapes: Shapes,
    parameters: Mapping[sp.Symbol, float],
) -> Sizes:
    """Find and check the sizes.

    Parameters
    ----------
    stages : LoopStages
    meaning : Meaning
    known : mapping of array to ndarray or Outline
        What is known of the data.
    shapes : mapping of array to shape
        Those of the unknowns.
    parameters : mapping of sympy.Symbol to float
        Some of which may be sizes.

    Raises
    ------
    InputError
        When an array is missing or has another number of axes, or sizes disagree.
    """
    _hold_axes(meaning, {**known, **shapes})
    # Of an array of unknowns the shape is all that is asked for.
    unknown = {base: np.broadcast_to(0.0, shape) for base, shape in shapes.items()}
    given = {
        size: whole_number(parameters[s], s.name)
        for s, size in meaning.sizes.items()
        if s in parameters
    }
    return stages.sizes(meaning.bound({**known, **unknown}), given, meaning.declared)


def _hold_axes(meaning: Meaning, given: Mapping[sp.IndexedBase, Any]) -> None:
    """Refuse arrays that are missing, or have another number of axes than of indices."""
    missing = [base.name for base in meaning.arrays if base not in given]
    if missing:
        raise InputError(
            f"No data are given for {listed(missing)}. Give an array for each in data, or add "
            "it to the unknowns."
        )
    for base, found in given.items():
        shape = tuple(getattr(found, "shape", found))
        axes = meaning.arrays[base].axes
        column = axes == 1 and isinstance(base, sp.MatrixSymbol) and 1 in shape
        if len(shape) != axes and not (len(shape) == 2 and column):
            raise InputError(
                f"{base.name} is given with the shape {shape}, and has {axes} "
                f"{'index' if axes == 1 else 'indices'} in the objective."
            )


def sampled_index(program: Program, name: str | None) -> Index:
    """Return the index whose rows a batch is drawn of.

    Raises
    ------
    InputError
        When there is none of this name, or, without a name, none or several.
    """
    found = row_indices(program)
    chosen = [index for index in found if name is None or index.name == name]
    if len(chosen) == 1:
        return chosen[0]
    names = listed(sorted({index.name for index in found}))
    if not found:
        raise InputError("batch was given, and the objective has no sum over data.")
    if name is None:
        raise InputError(
            f"The objective has several sums over data, over {names}; say which is sampled, "
            f"such as batch={{{found[0].name}: 256}}."
        )
    raise InputError(f"batch names the index {name!r}; accepted are {names}, each once.")

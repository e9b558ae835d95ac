"""A fit -> a picture: the data and the curve over one column, or residuals over what is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from symadamax.fit import Fit
from symadamax.viewer.style import BLUE, INK, PATH, Picture, headline, label, legend, new_picture

__all__ = ["draw_fit"]

SIZE = (960, 600)
POINTS = 500  # of the curve
CROWD = 5_000  # rows, from which the dots of a vector picture are stored as pixels


def draw_fit(found: Fit, columns: Mapping[str, npt.NDArray[np.float64]]) -> Picture:
    """Return a picture of the data and the fit, where it reads one column, or of the residuals."""
    figure, (axes,) = new_picture(SIZE, 1)
    response = columns[found.model.response]
    dots: dict[str, Any] = {
        "s": 12,
        "alpha": 0.6,
        "linewidths": 0,
        "rasterized": len(response) > CROWD,
    }
    if len(found.model.columns) == 1:
        (name,) = found.model.columns
        across = np.linspace(columns[name].min(), columns[name].max(), POINTS)
        axes.scatter(columns[name], response, color=BLUE, label="data", **dots)
        axes.plot(across, found.predict({name: across}), color=PATH, linewidth=2, label="fit")
        label(axes, name, found.model.response)
        legend(axes)
    else:
        fitted = found.predict(columns)
        axes.scatter(fitted, response - fitted, color=BLUE, **dots)
        axes.axhline(0, color=INK, linewidth=1)
        label(axes, "fitted", f"{found.model.response} - fitted")
    headline(axes, f"{found.model.response} = {found.model.formula}"[:80], _under(found))
    return figure


def _under(found: Fit) -> str:
    shown = [f"{name} = {value:.5g}" for name, value in list(found.estimate.items())[:6]]
    return ", ".join(shown)

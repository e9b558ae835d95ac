"""Pictures of a run: `plot` draws the still, `animate` the moving point, `to_html` the page.

matplotlib comes with the extra ``plot`` and is imported when a picture is asked for. Figures are
made without pyplot, so that the backend and the open figures of the caller stay as they are.

    result -> Run (run.py) -> landscape (landscape.py) -> figure (trajectory.py)
                                                       -> frames (animation.py) -> file (movie.py)
    results of many runs -> figure (many.py)
    result -> Run -> page (page/)
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symadamax.errors import InputError, require
from symadamax.viewer.checks import check_frames, check_interval, check_path, check_size
from symadamax.viewer.run import read_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["animate", "plot", "to_html"]


def plot(
    result: Any,
    path: str | PathLike[str] | None = None,
    *,
    minimum: Any = None,
    tol: float | None = None,
    size: tuple[int, int] = (1200, 500),
) -> Figure:
    """Draw a result: where the run went, and its value against the step; or the results of many.

    One unknown is drawn as the curve with the path over it, two as contours with the path, more as
    each coordinate against the step (the seven that moved most when there are more), and so are
    the unknowns of a Python function.

    Of many runs the values that were reached are drawn, as bars in the colours of the minima; more
    than six minima are coloured by their value. Beside the bars stand, for two unknowns, the basins
    of attraction: each start in the colour of the minimum that was reached from there, with the
    minima as stars. Else it is how many runs reached which minimum.

    Parameters
    ----------
    result : Result or Results
        What `minimize` returned, with a history: run it with ``record=1``. Or what `minimize_many`
        returned.
    path : str or path, optional
        Where to write the picture as well: ``.png``, ``.svg`` or ``.pdf``. Not written by default.
    minimum : mapping, sequence or number, optional
        A known minimum, in any form that `minimize` takes as a start. By default the best point
        that the run reached is marked, and named so.
    tol : float, optional
        What tells minima of many runs apart, as in `Results.summary`.
    size : (int, int), optional
        Width and height in pixels, 1200 by 500 by default; each from 200 to 4000, and
        neither more than three times the other.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, which shows itself in a notebook. It does not belong to pyplot.

    Raises
    ------
    InputError
        When the result has no history, or an argument cannot be used.
    MissingDependencyError
        When matplotlib is not installed.

    Examples
    --------
    >>> import sympy as sp, symadamax as sx
    >>> x = sp.Symbol("x")
    >>> result = sx.minimize(x - x**3, {x: -1}, steps=200, record=1)
    >>> figure = sx.plot(result)
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['x', 'step']
    """
    require("matplotlib", "plot", "plotting")
    from symadamax.viewer.many import draw_many
    from symadamax.viewer.trajectory import draw_still

    target = None if path is None else check_path(path, (".png", ".svg", ".pdf"))
    pixels, many = check_size(size, limit=(4000, 4000)), hasattr(result, "basins")
    if tol is not None and not many:
        raise InputError("tol tells the minima of many runs apart, and this is a single run.")
    if minimum is not None and many:
        raise InputError("minimum is marked on a single run; of many runs the minima found are.")
    figure = (
        draw_many(result, pixels, tol) if many else draw_still(read_run(result, minimum), pixels)
    )
    if target is not None:
        figure.savefig(target, dpi="figure", bbox_inches=figure.bbox_inches)
    return figure


def animate(
    result: Any,
    path: str | PathLike[str],
    *,
    minimum: Any = None,
    frames: int = 200,
    interval: float = 20,
    size: tuple[int, int] = (960, 540),
) -> Path:
    """Write a result as an animation: the point on its way down.

    One unknown is drawn as the curve, the moving point and the dashed line of the minimum; two as
    contours with the growing path and the point. The frames are spread evenly over the recorded
    steps; where there are fewer of those than frames, each is shown for longer.

    Parameters
    ----------
    result : Result
        What `minimize` returned, of one or two unknowns, with a history (``record=1``).
    path : str or path
        Where to write it: ``.gif``, or ``.mp4`` where the program ffmpeg is installed.
    minimum : mapping, sequence or number, optional
        A known minimum, as for `plot`.
    frames : int, optional
        How many frames, 200 by default.
    interval : float, optional
        Milliseconds from a frame to the next, 20 by default. A GIF counts in steps of 10 ms.
    size : (int, int), optional
        Width and height in pixels, 960 by 540 by default and at most 1920 by 1080.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    InputError
        When the result has no history, more than two unknowns or an objective that is a Python
        function, or an argument cannot be used.
    MissingDependencyError
        When matplotlib, or for ``.mp4`` the program ffmpeg, is not installed.

    Examples
    --------
    >>> import sympy as sp, symadamax as sx
    >>> x = sp.Symbol("x")
    >>> result = sx.minimize(x - x**3, {x: -1}, steps=200, record=1)
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = sx.animate(result, f"{folder}/adamax.gif", frames=20)
    >>> path.name
    'adamax.gif'
    """
    require("matplotlib", "plot", "plotting")
    from symadamax.viewer.animation import Film
    from symadamax.viewer.movie import WRITERS

    target = check_path(path, tuple(WRITERS))
    width, height = check_size(size, limit=(1920, 1080))
    count = check_frames(frames, width * height)
    milliseconds = check_interval(interval, target)
    run = read_run(result, minimum)
    if run.objective is None or len(run.names) > 2:
        raise InputError(
            "animate draws an objective in SymPy of one or two unknowns, and this run was of "
            f"{run.formula} with {len(run.names)}: use plot(result), which draws each coordinate "
            "against the step."
        )
    film = Film(run, (width, height), count)
    WRITERS[target.suffix.lower()](film, target, milliseconds)
    return target


def to_html(result: Any, path: str | PathLike[str], *, minimum: Any = None) -> Path:
    """Write a run as a page that shows every step, and on which its settings can be changed.

    The page is one file. It needs no network and no other file, and can be opened anywhere: it does
    the run again in the browser. It shows the path over the curve or the contours, the equations
    with the numbers of a step, the size of the gradient under u, the steps within their bound, and
    the value. Start, settings and a second run beside the first are for the reader to choose.
    Polynomials give the library's bits; where the browser's exp and cos lead elsewhere, the page
    says so.

    Parameters
    ----------
    result : Result
        What `minimize` returned, of one or two unknowns, with a history (``record=1``; one that
        keeps fewer steps will do). Its objective is an elementary function in SymPy without sums
        over an index, in float64, and the run had the plain equations of Adamax. A browser has no
        special functions, such as erf, gamma and those of Bessel: `plot` draws them. Names may be
        any text. Of more than 5,000 steps the first 5,000 are shown.
    path : str or path
        Where to write it: ``.html``.
    minimum : mapping, sequence or number, optional
        A known minimum, as for `plot`.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    InputError
        When the result has no history, a page cannot compute it, or an argument cannot be used.

    Examples
    --------
    >>> import sympy as sp, symadamax as sx
    >>> x = sp.Symbol("x")
    >>> result = sx.minimize(x - x**3, {x: -1}, steps=200, record=1)
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = sx.to_html(result, f"{folder}/run.html")
    >>> path.name
    'run.html'
    """
    from symadamax.viewer.page import page

    target = check_path(path, (".html",))
    target.write_text(page(result, minimum), encoding="utf-8", newline="\n")
    return target

"""symadamax: write an objective as mathematics, have it minimised by compiled Adamax.

>>> import sympy as sp
>>> import symadamax as sx
>>> x, y = sp.symbols("x y")
>>> result = sx.minimize(2*x**2 + 2*x*y + 2*y**2 - 6*x, start={x: 1, y: 0},
...                      method=sx.Adamax(learning_rate=0.01), steps=1000)
>>> result.x.round(6)
array([ 2., -1.])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symadamax._build import require_core

# Before all else: a core built from other sources would compute something else than stands here.
__version__: str = require_core().VERSION

from symadamax.errors import (
    FormulaError,
    InputError,
    InternalError,
    MissingDependencyError,
    StaleBuildError,
    SymadamaxError,
    UnsupportedError,
    WorkerError,
)

if TYPE_CHECKING:
    from symadamax import derivation, schedules
    from symadamax.objective import Objective
    from symadamax.parse import parse_formula
    from symadamax.solver import Adamax, History, Record, Result, State, Status, Stop
    from symadamax.solver.many import minimize_many
    from symadamax.solver.many.grid import product
    from symadamax.solver.many.results import Results
    from symadamax.solver.many.sample import sample
    from symadamax.solver.minimize import minimize
    from symadamax.sources import rows
    from symadamax.viewer import animate, plot, to_html

__all__ = [
    "Adamax",
    "FormulaError",
    "History",
    "InputError",
    "InternalError",
    "MissingDependencyError",
    "Objective",
    "Record",
    "Result",
    "Results",
    "StaleBuildError",
    "State",
    "Status",
    "Stop",
    "SymadamaxError",
    "UnsupportedError",
    "WorkerError",
    "animate",
    "derivation",
    "minimize",
    "minimize_many",
    "parse_formula",
    "plot",
    "product",
    "rows",
    "sample",
    "schedules",
    "to_html",
]

# Each name is imported when it is first used: SymPy and SciPy take a second, and some need an
# optional package.
_HOMES = {
    "Objective": "symadamax.objective",
    "parse_formula": "symadamax.parse",
    "derivation": "symadamax.derivation",
    "rows": "symadamax.sources",
    "schedules": "symadamax.schedules",
    "minimize_many": "symadamax.solver.many",
    "product": "symadamax.solver.many.grid",
    "Results": "symadamax.solver.many.results",
    "sample": "symadamax.solver.many.sample",
    **dict.fromkeys(("animate", "plot", "to_html"), "symadamax.viewer"),
    **dict.fromkeys(
        ("Adamax", "History", "Record", "Result", "State", "Status", "Stop", "minimize"),
        "symadamax.solver",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'symadamax' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    value = globals()[name] = getattr(home, name, home)  # a module is its own home
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

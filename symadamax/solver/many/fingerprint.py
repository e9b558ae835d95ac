"""A task with its starts -> a text that is the same for the same work alone, in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from symadamax import _core
from symadamax.solver.many.starts import Starts
from symadamax.solver.many.task import Task

__all__ = ["fingerprint"]

ROWS = 65_536  # of an array looked at together


def fingerprint(task: Task, starts: Starts, **more: Any) -> str:
    """Return the fingerprint of what is computed, and from where; of no time limit.

    Objectives count by what they compute, Python functions by their names and their code. Another
    version of symadamax has other fingerprints, since it may have other bits.
    """
    digest = hashlib.blake2b(digest_size=32)
    timeless = replace(task, stop=replace(task.stop, seconds=None))
    method = {f.name: getattr(task.method, f.name) for f in fields(task.method)}
    if task.rates is not None:  # a schedule, of which they are all that matters
        method["learning_rate"] = None
    parts = {f.name: getattr(timeless, f.name) for f in fields(timeless)}
    _feed(digest, {**parts, "method": method, "starts": starts, "version": _core.VERSION, **more})
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Add a value to a digest: its kind, how long it is, and what it consists of."""
    digest.update(f"<{type(value).__name__}>".encode())
    if isinstance(value, np.ndarray):
        digest.update(f"{value.shape} {value.dtype.str}".encode())
        rows = value if value.ndim else value.reshape(1)
        for first in range(0, len(rows), ROWS):
            digest.update(np.ascontiguousarray(rows[first : first + ROWS]).data)
    elif isinstance(value, Mapping):
        for name, part in sorted((str(key), part) for key, part in value.items()):
            _feed(digest, name)
            _feed(digest, part)
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        digest.update(str(len(value)).encode())
        for part in parts:
            _feed(digest, part)
    elif isinstance(value, float):
        digest.update(value.hex().encode())
    elif parts := _parts(value):
        _feed(digest, parts)
    else:
        text = repr(value).encode()
        digest.update(f"{len(text)}:".encode() + text)


def _parts(value: Any) -> Any:
    """Return what an object counts for, where that is not its text."""
    if hasattr(value, "stages"):  # an objective
        names = [(unknown.name, type(unknown).__name__) for unknown in value.unknowns]
        return [value.stages.digest, value.stages.arithmetic, names, value.parameters, value.data]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "values") and hasattr(value, "__array__"):  # a column
        return [np.asarray(value)]
    if hasattr(value, "lb") and hasattr(value, "ub"):  # SciPy's bounds
        return [np.asarray(value.lb), np.asarray(value.ub)]
    if hasattr(value, "name"):  # a symbol
        return [value.name]
    if hasattr(value, "__code__"):  # a function
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return [value.__module__, value.__qualname__, value.__code__, value.__defaults__, cells]
    if hasattr(value, "co_code"):
        return [value.co_code, value.co_consts, value.co_names]
    return None

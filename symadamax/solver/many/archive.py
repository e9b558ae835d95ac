"""Runs and digests as plain arrays, and such arrays in a file: written at once, read with care."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symadamax._core import Status
from symadamax.errors import InputError
from symadamax.solver.many.minima import MOST, Minima
from symadamax.solver.many.runs import Runs
from symadamax.solver.many.summary import Digest

__all__ = [
    "digests_of_arrays", "digests_to_arrays", "of_arrays", "read", "to_arrays", "write",
]  # fmt: skip

Arrays = Mapping[str, np.ndarray]

STATUSES = sorted(Status)
ENDED = [s for s in STATUSES if s not in (Status.RUNNING, Status.INTERRUPTED, Status.TIME_LIMIT)]
FORM = "symadamax runs, 1"
LONGEST_HEADER = 4096


# ---- runs and digests ----------------------------------------------------------------------------


def to_arrays(runs: Runs, prefix: str = "") -> dict[str, np.ndarray]:
    """Return the arrays of runs by name."""
    return {prefix + name: array for name, array in runs._asdict().items()}


def of_arrays(arrays: Arrays, rows: int, prefix: str = "") -> Runs:
    """Return so many runs of arrays by name; refuse what no runs can be."""
    runs = Runs(*(arrays[prefix + name] for name in Runs._fields))
    _hold(all(len(array) == rows for array in runs), "another number of rows")
    _hold(np.isin(runs.status, ENDED).all(), "runs that have not ended")
    _hold((runs.nit >= 0).all() and (runs.number >= 0).all(), "numbers below 0")
    return runs


def digests_to_arrays(digests: Sequence[Digest]) -> dict[str, np.ndarray]:
    """Return digests as arrays by name."""
    minima = [digest.minima for digest in digests]
    return {
        "ends": np.array([[d.counts.get(s, 0) for s in STATUSES] for d in digests], np.int64),
        "elsewhere": np.array([found.elsewhere for found in minima], np.int64),
        "minima": np.array([len(found.counts) for found in minima], np.int64),
        "counts": np.concatenate([found.counts for found in minima]),
        **to_arrays(Runs.joined([found.best for found in minima]), "minimum_"),
    }


def digests_of_arrays(arrays: Arrays, tol: float, rows: int) -> list[Digest]:
    """Return the digests of so many runs; refuse what none can be."""
    ends, elsewhere, minima = arrays["ends"], arrays["elsewhere"], arrays["minima"]
    _hold(len(ends) == len(elsewhere) == len(minima) > 0, "another number of digests")
    _hold(ends.shape[1] == len(STATUSES), "other statuses")
    _hold(ends.sum() == rows, "digests of another number of runs")
    for numbers in (ends, elsewhere, minima, arrays["counts"]):
        _hold((numbers >= 0).all(), "numbers below 0")
    _hold((minima <= MOST).all(), "too many minima")
    best = of_arrays(arrays, int(minima.sum()), "minimum_")
    _hold(len(arrays["counts"]) == best.rows, "another number of minima")
    digests, place = [], 0
    for k, number in enumerate(minima.tolist()):
        mine = slice(place, place + number)
        place += number
        counts = {s: int(n) for s, n in zip(STATUSES, ends[k], strict=True) if n}
        found = Minima(best.take(mine), arrays["counts"][mine], int(elsewhere[k]), tol)
        digests.append(Digest(counts, found))
    return digests


def _hold(holds: Any, what: str) -> None:
    if not holds:
        raise ValueError(f"it has {what}")


# ---- files ---------------------------------------------------------------------------------------


def write(path: Path, fingerprint: str, blocks: int, arrays: Arrays) -> None:
    """Write a file as a whole: whoever reads finds the old one or the new one."""
    header = {
        "form": FORM, "fingerprint": fingerprint, "blocks": blocks, "content": _content(arrays),
    }  # fmt: skip
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with beside.open("xb") as file:
            np.savez(file, allow_pickle=False, header=text, **arrays)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path, fingerprint: str, like: Arrays) -> tuple[int, dict[str, np.ndarray]]:
    """Return how many blocks a file has, and its arrays, which are of the kinds of some others.

    Nothing in the file is executed, and no more memory is taken than it is long.

    Raises
    ------
    InputError
        When it is of another task, or no such file, or damaged.
    FileNotFoundError
    """
    try:
        header, arrays = _parts(path, like)
        blocks, belongs = int(header["blocks"]), header["fingerprint"] == fingerprint
        _hold(blocks >= 0, "numbers below 0")
        if belongs:
            for name, array in arrays.items():
                alike = array.dtype == like[name].dtype and array.ndim == like[name].ndim
                _hold(alike and array.shape[1:] == like[name].shape[1:], f"another {name!r}")
            _hold(header["content"] == _content(arrays), "other numbers than were written")
    except FileNotFoundError:
        raise
    except Exception as error:  # of the file's own making: NumPy and zipfile raise many kinds
        raise refused(path, error) from error
    if not belongs:
        raise InputError(
            f"The checkpoint {path} is of another task: of another objective, method, starts, "
            "number of steps, stop or keep, or of another version of symadamax. Give the same "
            "to go on, or another path."
        )
    return blocks, arrays


def refused(path: Path, error: Exception) -> InputError:
    """Return what says that a file is no checkpoint."""
    return InputError(
        f"{path} cannot be used as a checkpoint: {error}. Give another path, or delete the file to "
        "begin anew."
    )


def _parts(path: Path, like: Arrays) -> tuple[Any, dict[str, np.ndarray]]:
    with zipfile.ZipFile(path) as archive:
        packed = [m.filename for m in archive.infolist() if m.compress_type != zipfile.ZIP_STORED]
        _hold(not packed, "packed members, which such files have not")
        _hold(archive.getinfo("header.npy").file_size <= LONGEST_HEADER, "too long a header")
    with np.load(path, allow_pickle=False) as file:
        header = json.loads(file["header"].tobytes())
        _hold(isinstance(header, dict) and header.get("form") == FORM, "another form")
        names = set(file.files) - {"header"}
        arrays = {name: file[name] for name in like if name in names}
    return header, arrays if set(arrays) == set(like) else {}


def _content(arrays: Arrays) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()

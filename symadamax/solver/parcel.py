"""Parcels: what a task is made of, pickled once, and opened once in each process at work on it."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["MISSING", "Parcel", "is_missing", "opened"]

MOST_OPEN = 4  # parcels of a process, the most recent
MISSING = "the content is not here"  # what a worker returns for an address that it does not know


class Parcel(NamedTuple):
    """A pickled object with its address, by which a process that has it knows it.

    Attributes
    ----------
    address : str
        A hash of the content.
    content : bytes or None
        None in a copy that is sent where the content is thought to be.
    """

    address: str
    content: bytes | None

    @classmethod
    def of(cls, value: Any) -> Parcel:
        """Return a parcel of an object."""
        content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        return cls(hashlib.blake2b(content, digest_size=20).hexdigest(), content)

    @property
    def light(self) -> Parcel:
        """The address alone."""
        return Parcel(self.address, None)


def is_missing(answer: Any) -> bool:
    """Tell whether a worker has answered that it needs the content."""
    return isinstance(answer, str) and answer == MISSING


_opened: OrderedDict[tuple[str, Callable[..., Any]], Any] = OrderedDict()
_lock = threading.Lock()


def opened(parcel: Parcel, make: Callable[[Any], Any]) -> Any:
    """Return what `make` has made of the content, once in this process; MISSING without content.

    A process opens parcels from those who have sent it here to work, as pickle demands.
    """
    key = parcel.address, make
    with _lock:
        if key not in _opened:
            if parcel.content is None:
                return MISSING
            _opened[key] = make(pickle.loads(parcel.content))
            while len(_opened) > MOST_OPEN:
                _opened.popitem(last=False)
        _opened.move_to_end(key)
        return _opened[key]

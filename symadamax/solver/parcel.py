"""Parcels: what a task is made of, pickled once, and opened once in each process at work on it."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from symadamax import _core
from symadamax.errors import InputError

__all__ = ["MISSING", "Parcel", "is_missing", "opened"]

MOST_OPEN = 4  # parcels of a process, the most recent
MISSING = "the content is not here"  # what a worker returns for an address that it does not know

Dumps = Callable[..., bytes]


class Parcel(NamedTuple):
    """A pickled object with its address, by which a process that has it knows it.

    Attributes
    ----------
    address : str
        A hash of the content.
    content : bytes or None
        None in a copy that is sent where the content is thought to be.
    value : object
        The object itself, in a parcel that does not leave this process.
    version : str
        That of symadamax where it was packed: with another one the bits may be others.
    """

    address: str
    content: bytes | None
    value: Any = None
    version: str = _core.VERSION

    @classmethod
    def of(cls, value: Any, dumps: Dumps = pickle.dumps) -> Parcel:
        """Return a parcel of an object.

        Raises
        ------
        InputError
            When it cannot be pickled.
        """
        try:
            content = dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(
                f"The objective cannot be sent to other processes: {error}. A Python function must "
                "be one of a module that they can import."
            ) from error
        return cls(hashlib.blake2b(content, digest_size=20).hexdigest(), content)

    @classmethod
    def here(cls, value: Any) -> Parcel:
        """Return a parcel for threads of this process, of an object that need not be pickled."""
        return cls("", None, value)

    @property
    def light(self) -> Parcel:
        """The address alone."""
        return self._replace(content=None)


def is_missing(answer: Any) -> bool:
    """Tell whether a worker has answered that it needs the content."""
    return isinstance(answer, str) and answer == MISSING


_opened: OrderedDict[tuple[str, Callable[..., Any]], Any] = OrderedDict()
_lock = threading.Lock()


def opened(parcel: Parcel, make: Callable[[Any], Any]) -> Any:
    """Return what `make` has made of the content, once in this process; MISSING without content.

    A process opens parcels from those who have sent it here to work, as pickle demands.

    Raises
    ------
    InputError
        When it was packed by another version of symadamax.
    """
    if parcel.version != _core.VERSION:
        raise InputError(
            f"A worker has symadamax {_core.VERSION}, and the caller {parcel.version}: install the "
            "same version on both."
        )
    if parcel.value is not None:
        return make(parcel.value)
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

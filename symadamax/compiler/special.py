"""Special functions -> addresses: the C functions that SciPy offers to Cython.

`scipy.special.cython_special` lists them in capsules whose names are C signatures, such as
``double (double, double, int __pyx_skip_dispatch)``. Some come for several types, so the signature
is read. Behind their arguments they take a flag, and some a pointer to options: a call passes both,
0 and null, which a function that takes fewer does not see.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache

from symadamax.errors import InternalError

__all__ = ["TRAILING", "scipy_address"]

TRAILING = ("i32 0", "ptr null")  # what a call passes behind the arguments

_KINDS = {"double": "double", "long": "integer", "Py_ssize_t": "integer", "int": "integer"}


@cache
def scipy_address(name: str, types: tuple[str, ...]) -> int:
    """Return the address of a special function.

    Parameters
    ----------
    name : str
        Its name in `scipy.special`.
    types : tuple of str
        ``"double"`` or ``"integer"`` for each argument.

    Raises
    ------
    InternalError
        When SciPy has no such function.
    """
    import scipy.special.cython_special as functions

    for full, capsule in functions.__pyx_capi__.items():
        if re.sub(r"^__pyx_fuse_[\d_]*", "", full) == name:
            signature = _capsule_name(capsule)
            if _matches(signature.decode(), types):
                return _capsule_pointer(capsule, signature)
    raise InternalError(f"scipy.special.cython_special has no {name}({', '.join(types)}).")


def _matches(signature: str, types: tuple[str, ...]) -> bool:
    """Tell whether a signature is a double of these types, then a flag, then perhaps options."""
    result, _, rest = signature.rstrip(")").partition(" (")
    parts = [part.strip() for part in rest.split(",")]
    trailing = parts[len(types) :]
    return (
        result == "double"
        and [_KINDS.get(part) for part in parts[: len(types)]] == list(types)
        and trailing[:1] == ["int __pyx_skip_dispatch"]
        and all(part.startswith("struct ") for part in trailing[1:])
    )


def _capsule_name(capsule: object) -> bytes:
    function = ctypes.pythonapi.PyCapsule_GetName
    function.restype, function.argtypes = ctypes.c_char_p, [ctypes.py_object]
    name: bytes = function(capsule)
    return name


def _capsule_pointer(capsule: object, name: bytes) -> int:
    function = ctypes.pythonapi.PyCapsule_GetPointer
    function.restype, function.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    pointer: int = function(capsule, name)
    return pointer

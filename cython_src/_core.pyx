"""The compiled core of symadamax: typed doors to compiled objectives."""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.stdint cimport uintptr_t

from objective cimport NAME32, NAME64, Evaluate32, Evaluate64

cdef extern from *:
    """
    #define SYMADAMAX_TEXT_(token) #token
    #define SYMADAMAX_TEXT(token) SYMADAMAX_TEXT_(token)
    """
    const char *BUILT_VERSION "SYMADAMAX_TEXT(SYMADAMAX_VERSION)"
    const char *BUILT_SOURCES "SYMADAMAX_TEXT(SYMADAMAX_SOURCES)"

VERSION = BUILT_VERSION.decode("ascii")
SOURCES = BUILT_SOURCES.decode("ascii")


def function_capsule(uintptr_t address, str dtype):
    """Wrap the address of a compiled objective in the capsule that the core accepts.

    Parameters
    ----------
    address : int
        Address of a function with the C interface of objective.pxd; not zero.
    dtype : {"float64", "float32"}
        The type of its numbers.
    """
    if address == 0:
        raise ValueError("the address of a compiled objective is 0")
    if dtype == "float64":
        return PyCapsule_New(<void *> address, NAME64, NULL)
    if dtype == "float32":
        return PyCapsule_New(<void *> address, NAME32, NULL)
    raise ValueError(f"dtype is {dtype!r}; the core knows 'float64' and 'float32'")


def evaluate(function, context, x, gradient):
    """Evaluate a compiled objective once: the value is returned, the gradient written.

    Parameters
    ----------
    function : capsule
        As made by `function_capsule`.
    context, x, gradient : ndarray
        The parameters' values, the point and the array that receives the gradient: contiguous, of
        one dimension and of the capsule's dtype; `x` and `gradient` of one length.
    """
    if PyCapsule_IsValid(function, NAME64):
        return _evaluate64(function, context, x, gradient)
    if PyCapsule_IsValid(function, NAME32):
        return _evaluate32(function, context, x, gradient)
    raise TypeError(f"a capsule made by function_capsule is needed, not {function!r}")


cdef _evaluate64(function, const double[::1] context, const double[::1] x, double[::1] gradient):
    cdef Evaluate64 call = <Evaluate64> PyCapsule_GetPointer(function, NAME64)
    cdef double value
    _same_length(x.shape[0], gradient.shape[0])
    with nogil:
        value = call(&x[0], &gradient[0], <void *> (&context[0] if context.shape[0] else NULL))
    return value


cdef _evaluate32(function, const float[::1] context, const float[::1] x, float[::1] gradient):
    cdef Evaluate32 call = <Evaluate32> PyCapsule_GetPointer(function, NAME32)
    cdef float value
    _same_length(x.shape[0], gradient.shape[0])
    with nogil:
        value = call(&x[0], &gradient[0], <void *> (&context[0] if context.shape[0] else NULL))
    return value


cdef int _same_length(Py_ssize_t x, Py_ssize_t gradient) except -1:
    if x != gradient:
        raise ValueError(f"x has {x} entries and gradient {gradient}; they must agree")
    return 0

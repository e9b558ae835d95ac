"""The compiled core of symadamax: the loop without the GIL, and its typed doors.

Mathematics stands in adamax.pxd and has no loop; the loop stands in loop.pxi and has no
mathematics; the doors stand here and have neither. The interface of an objective stands in
objective.pxd. Errors leave the loop as a `Status`; sentences are made in Python.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport INFINITY, NAN, fabs
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memcpy, memset

from adamax cimport correction, displacement, magnitude, moment, real, weight
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

cpdef enum Status:
    """How a run ended: >= 0 the point is usable, < 0 the objective failed or was not finite."""
    RUNNING = 0
    STEPS_DONE = 1
    GTOL_MET = 2
    FTOL_MET = 3
    XTOL_MET = 4
    TARGET_MET = 5
    NOT_CONVERGED = 6
    TIME_LIMIT = 7
    STOPPED_BY_CALLBACK = 8
    CALLBACK_FAILED = 9
    INTERRUPTED = 10
    VALUE_NOT_FINITE = -1
    GRADIENT_NOT_FINITE = -2
    POINT_NOT_FINITE = -3
    OBJECTIVE_FAILED = -4

cdef double CHUNK = 5e-3  # seconds between two looks at signals

include "loop.pxi"

# Rows of the array that a `Run` works in.
cdef enum:
    SLOT = 4        # x, gradient, m and u of one slot, and then of the other
    BEST = 8        # the best point
    SHOWN = 9       # the point and the gradient as a Python callable sees them
    ROWS = 11

WORK_ROWS = ROWS


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
        return evaluate64(function, context, x, gradient)
    if PyCapsule_IsValid(function, NAME32):
        return evaluate32(function, context, x, gradient)
    raise TypeError(f"a capsule made by function_capsule is needed, not {function!r}")


cdef evaluate64(function, const double[::1] context, const double[::1] x, double[::1] gradient):
    cdef Evaluate64 call = <Evaluate64> PyCapsule_GetPointer(function, NAME64)
    cdef void *values = <void *> &context[0] if context.shape[0] else NULL
    cdef double value
    if x.shape[0] != gradient.shape[0] or x.shape[0] == 0:
        raise ValueError(f"x has {x.shape[0]} entries and gradient {gradient.shape[0]}")
    with nogil:
        value = call(&x[0], &gradient[0], values)
    return value


cdef evaluate32(function, const float[::1] context, const float[::1] x, float[::1] gradient):
    cdef Evaluate32 call = <Evaluate32> PyCapsule_GetPointer(function, NAME32)
    cdef void *values = <void *> &context[0] if context.shape[0] else NULL
    cdef float value
    if x.shape[0] != gradient.shape[0] or x.shape[0] == 0:
        raise ValueError(f"x has {x.shape[0]} entries and gradient {gradient.shape[0]}")
    with nogil:
        value = call(&x[0], &gradient[0], values)
    return value


cdef class PythonObjective:
    """A Python callable ``f(x, gradient) -> value`` behind the C interface: the context."""

    cdef object function, x, gradient, error
    cdef char *x_data
    cdef char *gradient_data
    cdef size_t bytes

    cdef double call(self, const char *x, char *gradient):
        memcpy(self.x_data, x, self.bytes)
        try:
            value = <double> self.function(self.x, self.gradient)
        except BaseException as error:
            self.error = error
            return NAN
        memcpy(gradient, self.gradient_data, self.bytes)
        return value


cdef double trampoline64(const double *x, double *gradient, void *context) noexcept nogil:
    with gil:
        return (<PythonObjective> context).call(<const char *> x, <char *> gradient)


cdef float trampoline32(const float *x, float *gradient, void *context) noexcept nogil:
    with gil:
        return <float> (<PythonObjective> context).call(<const char *> x, <char *> gradient)


cdef class Run:
    """One run of Adamax: `start`, and then `advance` until the status is not RUNNING.

    Parameters
    ----------
    function : capsule or callable
        As made by `function_capsule`, or ``f(x, gradient) -> value`` that writes `gradient`.
    context : ndarray, shape (p,)
        The values of the parameters, handed to a capsule's function.
    work : ndarray, shape (WORK_ROWS, at least size)
        Contiguous, of the objective's dtype. Row 0 holds the start, rows 2 and 3 m and u.
    size : int
        The number of unknowns, at least 1.
    method : Adamax
        Anything with its attributes.
    stop : Stop
        Anything with its attributes.
    t, steps : int
        The number of steps that m and u have behind them, and that may be done now.
    every : int
        Steps between two rows of the history; 0 for none.
    rows : tuple of ndarray
        The history's arrays step, fun, x, m and u; the last two may be None.
    """

    cdef Loop loop
    cdef Point64[2] slots64
    cdef Point32[2] slots32
    cdef bint is_double
    cdef readonly object work
    cdef object context, rows
    cdef PythonObjective python

    def __init__(
        self, function, context, work, Py_ssize_t size, method, stop, int64_t t, int64_t steps,
        int64_t every=0, rows=None,
    ):
        memset(&self.loop, 0, sizeof(Loop))
        self.loop.size = size
        self.work, self.context, self.rows = work, context, rows
        self.is_double = work.dtype == "float64"
        if self.is_double:
            self._lay_out64(work)
        else:
            self._lay_out32(work)
        self._set_function(function)
        self._set_method(method)
        self._set_stop(stop)
        self.loop.t = self.loop.first = t
        self.loop.last = t + steps
        self.loop.burst = 1
        if every:
            self._set_history(every, rows)

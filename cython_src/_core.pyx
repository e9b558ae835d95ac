"""The compiled core of symadamax: the loop without the GIL, and its typed doors.

Mathematics stands in adamax.pxd and has no loop; the loop stands in loop.pxi and has no
mathematics; the doors stand here and have neither. The interface of an objective stands in
objective.pxd. Errors leave the loop as a `Status`; sentences are made in Python.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_CheckExact, PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.float cimport DBL_EPSILON, DBL_MIN, FLT_EPSILON, FLT_MIN
from libc.math cimport INFINITY, NAN, fabs, sqrt
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uintptr_t
from libc.string cimport memcpy, memset

from adamax cimport (
    clipped, correction, decayed, displacement, magnitude, mean, moment, projected, real,
    regularised, weight, within,
)
from objective cimport NAME32, NAME64, Evaluate32, Evaluate64
from special cimport hurwitz_zeta as zeta_of, lambert_w as w_of

cdef extern from *:
    """
    #define SYMADAMAX_TEXT_(token) #token
    #define SYMADAMAX_TEXT(token) SYMADAMAX_TEXT_(token)
    """
    const char *BUILT_VERSION "SYMADAMAX_TEXT(SYMADAMAX_VERSION)"
    const char *BUILT_SOURCES "SYMADAMAX_TEXT(SYMADAMAX_SOURCES)"

VERSION = BUILT_VERSION.decode("ascii")
SOURCES = BUILT_SOURCES.decode("ascii")

cdef const char *MARCH64 = "symadamax.march.float64"
cdef const char *MARCH32 = "symadamax.march.float32"

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
    SCHEDULE_FAILED = -5

include "loop.pxi"
include "sampler.pxi"
include "team.pxi"
include "choice.pxi"
include "passes.pxi"
include "fused.pxi"
include "lanes.pxi"

# Rows of the array that a `Run` works in: x, gradient, m and u of one slot, the same of the other,
# the best point, and the point and the gradient as a Python callable sees them.
cdef enum:
    X, GRADIENT, M, U, SLOT_ROWS
    BEST = 2*SLOT_ROWS
    SHOWN_X, SHOWN_GRADIENT, ROWS

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


def march_capsule(uintptr_t address, str dtype):
    """Wrap the address of a march in the capsule that `Run` accepts; as `function_capsule`."""
    if address == 0:
        raise ValueError("the address of a march is 0")
    return PyCapsule_New(<void *> address, MARCH64 if dtype == "float64" else MARCH32, NULL)


def evaluate(function, context, x, gradient):
    """Evaluate a compiled objective once: the value is returned, the gradient written.

    Parameters
    ----------
    function : capsule
        As made by `function_capsule`.
    context, x, gradient : ndarray
        The parameters' values, the point and the array that receives the gradient: contiguous, of
        one dimension and of the capsule's dtype; `x` and `gradient` of one length. A context may
        also be a `Team`, which then evaluates.
    """
    if isinstance(context, Team):
        return evaluate_by(context, x, gradient)
    if PyCapsule_IsValid(function, NAME64):
        return evaluate64(function, context, x, gradient)
    if PyCapsule_IsValid(function, NAME32):
        return evaluate32(function, context, x, gradient)
    raise TypeError(f"a capsule made by function_capsule is needed, not {function!r}")


cdef evaluate_by(Team team, x, gradient):
    cdef const char[::1] point = x.view("int8")
    cdef char[::1] slope = gradient.view("int8")
    cdef double value
    if point.shape[0] != slope.shape[0] or point.shape[0] == 0:
        raise ValueError(f"x has {len(x)} entries and gradient {len(gradient)}")
    with nogil:
        value = team.run(&point[0], &slope[0])
    team.raise_error()
    return value


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
    cdef Py_ssize_t size
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
        if any_broken(<alone64> x, (<PythonObjective> context).size):
            return NAN  # the loop will find that the point is broken; nobody else need see it
        return (<PythonObjective> context).call(<const char *> x, <char *> gradient)


cdef float trampoline32(const float *x, float *gradient, void *context) noexcept nogil:
    with gil:
        if any_broken(<alone32> x, (<PythonObjective> context).size):
            return NAN
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
    history : tuple of ndarray
        Its arrays step, fun, x, m and u, with steps//every + 1 rows; the last two may be None.
    options : Options, optional
        Anything with the attributes of `symadamax.solver.options.Options`; its arrays are kept,
        and its mean is written.
    march : capsule, optional
        What does many steps at once of the same function, of few unknowns; where there are neither
        criteria of convergence nor options.
    """

    cdef Loop loop
    cdef Options options
    cdef int64_t fed_until
    cdef Point64[2] slots64
    cdef Point32[2] slots32
    cdef bint is_double
    cdef object work, context, history, arrays, rates
    cdef PythonObjective python
    cdef Team team

    def __init__(
        self, function, context, work, Py_ssize_t size, method, stop, int64_t t, int64_t steps,
        int64_t every=0, history=None, options=None, march=None,
    ):
        memset(&self.loop, 0, sizeof(Loop))
        memset(&self.options, 0, sizeof(Options))
        self.work, self.context, self.history = work, context, history
        self.loop.size = size
        self.loop.t = self.loop.first = t
        self.loop.last = t + steps
        self.loop.burst = 1
        self.loop.history.next = NO_ROW
        self.is_double = work.dtype == "float64"
        if self.is_double:
            self.loop.best_x = lay_out64(self.slots64, work)
        else:
            self.loop.best_x = lay_out32(self.slots32, work)
        self.loop.sign = 1
        self.fed_until = INT64_MAX
        if options is not None:
            self.set_options(options)
        set_method(&self.loop, method, options is not None and options.scheduled)
        set_stop(&self.loop, stop)
        if every:
            set_history(&self.loop, every, history)
        if march is not None:
            if size > MARCHING:
                raise ValueError(f"a march has {MARCHING} unknowns at most, not {size}")
            if options is not None or self.loop.watching:
                raise ValueError("a march has neither options nor criteria")
            self.loop.march = PyCapsule_GetPointer(march, MARCH64 if self.is_double else MARCH32)
        if PyCapsule_CheckExact(function):
            self.set_native(function, context)
        else:
            self.set_python(function)

    cdef int set_native(self, function, context) except -1:
        cdef const double[::1] values64
        cdef const float[::1] values32
        if isinstance(context, Team):
            self.team = context
            self.loop.context = <void *> context
            self.loop.function = <void *> team64 if self.is_double else <void *> team32
        elif self.is_double:
            values64 = context
            self.loop.function = PyCapsule_GetPointer(function, NAME64)
            self.loop.context = <void *> &values64[0] if values64.shape[0] else NULL
        else:
            values32 = context
            self.loop.function = PyCapsule_GetPointer(function, NAME32)
            self.loop.context = <void *> &values32[0] if values32.shape[0] else NULL
        return 0

    cdef int set_python(self, function) except -1:
        cdef PythonObjective python = PythonObjective()
        cdef size_t row = self.work.strides[0]
        python.function = function
        python.size = self.loop.size
        python.x = self.work[SHOWN_X, :self.loop.size]
        python.gradient = self.work[SHOWN_GRADIENT, :self.loop.size]
        python.x_data = self.loop.best_x + (SHOWN_X - BEST)*row
        python.gradient_data = self.loop.best_x + (SHOWN_GRADIENT - BEST)*row
        python.bytes = self.loop.size*<size_t> self.work.itemsize
        self.python = python
        self.loop.context = <void *> python
        self.loop.function = <void *> trampoline64 if self.is_double else <void *> trampoline32
        return 0

    cdef int set_options(self, options) except -1:
        cdef const char[::1] frozen
        self.arrays = lower, upper, mean, mask = (
            options.lower, options.upper, options.mean, options.frozen
        )
        for array in self.arrays:
            if array is not None and len(array) != self.loop.size:
                raise ValueError(f"an option has {len(array)} entries for {self.loop.size} unknowns")
        self.options.steps = <void *> steps64 if self.is_double else <void *> steps32
        self.options.sign = self.loop.sign = -1 if options.maximize else 1
        self.options.l2, self.options.weight_decay = options.l2, options.weight_decay
        self.options.clip_norm, self.options.clip_value = options.clip_norm, options.clip_value
        self.options.lower = self.entries(lower)
        self.options.upper = self.entries(upper)
        self.options.mean = self.entries(mean)
        if mask is not None:
            frozen = mask.view("int8")
            self.options.frozen = &frozen[0]
        if options.scheduled:
            self.fed_until = self.loop.t
        self.loop.options = &self.options
        return 0

    cdef void *entries(self, array) except? NULL:
        """Return the data of an array of the point's type; NULL for None."""
        cdef const double[::1] values64
        cdef const float[::1] values32
        if array is None:
            return NULL
        if self.is_double:
            values64 = array
            return <void *> &values64[0]
        values32 = array
        return <void *> &values32[0]

    def feed(self, const double[::1] rates):
        """Take the learning rates of the next steps, at least one, where there is a schedule.

        `advance` goes no further than they reach.
        """
        self.rates = rates
        self.options.rates = &rates[0]
        self.options.fed = self.loop.t
        self.fed_until = self.loop.t + rates.shape[0]

    @property
    def hungry(self):
        """Whether the next step needs a learning rate to be fed."""
        return self.loop.t == self.fed_until

    def start(self):
        """Evaluate at the start; a status < 0 says that it is not finite there."""
        cdef Status status
        with nogil:
            if self.is_double:
                status = begin(self.slots64, &self.loop)
            else:
                status = begin(self.slots32, &self.loop)
        self.raise_error()
        return status

    def advance(self, int64_t steps):
        """Do up to `steps` more steps, for about 5 ms; pending signals are served before return."""
        cdef int64_t until = min(self.loop.last, self.loop.t + steps, self.fed_until)
        cdef Status status
        with nogil:
            if self.is_double:
                status = run_chunk(self.slots64, &self.loop, until)
            else:
                status = run_chunk(self.slots32, &self.loop, until)
        self.raise_error()
        PyErr_CheckSignals()
        return status

    cdef int raise_error(self) except -1:
        if self.team is not None:
            self.team.raise_error()
        if self.python is not None and self.python.error is not None:
            error, self.python.error = self.python.error, None
            raise error
        return 0

    def copy_slot(self, bint rejected=False):
        """Return a copy of x, gradient, m and u, the rows of one array, at the last finite point.

        With `rejected`, at the point that was tried after it and was not finite.
        """
        cdef int first = SLOT_ROWS*(current(&self.loop) != rejected)
        return self.work[first:first + SLOT_ROWS, :self.loop.size].copy()

    @property
    def rejected_value(self):
        """The value at the point that was tried last and was not finite."""
        return value_of(self, not current(&self.loop))

    @property
    def fun(self):
        """The value at the last finite point."""
        return value_of(self, current(&self.loop))

    @property
    def best_fun(self):
        """The smallest value seen; to maximise, the largest."""
        return self.loop.sign*self.loop.best_value

    @property
    def best_x(self):
        """A copy of the point where that value was seen."""
        if self.loop.best_is_here:
            return self.work[SLOT_ROWS*current(&self.loop) + X, :self.loop.size].copy()
        return self.work[BEST, :self.loop.size].copy()

    @property
    def nit(self):
        """The number of steps done in this run."""
        return self.loop.t - self.loop.first

    @property
    def rows(self):
        """The number of rows of the history that are filled."""
        return self.loop.history.row


cdef double value_of(Run run, bint slot):
    return run.slots64[slot].value if run.is_double else run.slots32[slot].value


cdef char *lay_out64(Point64 *slots, double[:, ::1] work) except NULL:
    cdef int k
    for k in range(2):
        slots[k].value = NAN
        slots[k].x = &work[k*SLOT_ROWS + X, 0]
        slots[k].gradient = &work[k*SLOT_ROWS + GRADIENT, 0]
        slots[k].m = &work[k*SLOT_ROWS + M, 0]
        slots[k].u = &work[k*SLOT_ROWS + U, 0]
    return <char *> &work[BEST, 0]


cdef char *lay_out32(Point32 *slots, float[:, ::1] work) except NULL:
    cdef int k
    for k in range(2):
        slots[k].value = NAN
        slots[k].x = &work[k*SLOT_ROWS + X, 0]
        slots[k].gradient = &work[k*SLOT_ROWS + GRADIENT, 0]
        slots[k].m = &work[k*SLOT_ROWS + M, 0]
        slots[k].u = &work[k*SLOT_ROWS + U, 0]
    return <char *> &work[BEST, 0]


cdef int set_method(Loop *loop, method, bint scheduled) except -1:
    loop.learning_rate = NAN if scheduled else method.learning_rate
    loop.beta1, loop.beta2 = method.beta1, method.beta2
    loop.inside = method.epsilon if method.epsilon_placement == "maximum" else 0.0
    loop.outside = method.epsilon if method.epsilon_placement == "denominator" else 0.0
    loop.correcting, loop.factor = True, 1
    return 0


cdef int set_stop(Loop *loop, stop) except -1:
    """A criterion that is not given is one that no finite point meets."""
    cdef double never = -1
    loop.gtol = never if stop.gtol is None else stop.gtol
    loop.ftol = never if stop.ftol is None else stop.ftol
    loop.xtol = never if stop.xtol is None else stop.xtol
    loop.target = -INFINITY if stop.target is None else loop.sign*<double> stop.target
    loop.deadline = INFINITY if stop.seconds is None else seconds() + <double> stop.seconds
    loop.watching = max(loop.gtol, loop.ftol, loop.xtol) >= 0 or stop.target is not None
    return 0


cdef int set_history(Loop *loop, int64_t every, history) except -1:
    cdef int64_t[::1] step = history[0]
    cdef double[::1] fun = history[1]
    x, m, u = history[2:]
    loop.history.every = every
    loop.history.next = loop.t
    loop.history.step = &step[0]
    loop.history.fun = &fun[0]
    loop.history.x = row_data(x)
    loop.history.m = row_data(m) if m is not None else NULL
    loop.history.u = row_data(u) if u is not None else NULL
    return 0


cdef char *row_data(rows) except NULL:
    cdef char[:, ::1] view = rows.view("int8")
    return &view[0, 0]


# Special functions that machine code calls, and one door to each.

cdef double hurwitz_zeta_c(double s, double q) noexcept nogil:
    return zeta_of(s, q)


cdef double lambert_w_c(long long branch, double x) noexcept nogil:
    return w_of(branch, x)


def special_functions():
    """Return the addresses of our own special functions, by name."""
    return {
        "hurwitz_zeta": <uintptr_t> &hurwitz_zeta_c,
        "lambert_w": <uintptr_t> &lambert_w_c,
    }


def hurwitz_zeta(double s, double q):
    """Return the sum of (q + k)**-s over k = 0, 1, ..."""
    return zeta_of(s, q)


def lambert_w(long long branch, double x):
    """Return the real w with w*exp(w) = x on branch 0 or -1, NaN where there is none."""
    return w_of(branch, x)

# The loop without the GIL: evaluate, finite?, best, stop?, update.
#
# A point stands in one of two slots. A step reads the slot that is `here` and writes the other,
# and only a step that came out finite makes that one the current: whatever happens, the last
# finite point, its value and its gradient, and the m and u that belong to it, are still there.
#
# For one unknown a step is a chain of dependent operations, x -> gradient -> m -> quotient -> x.
# Everything else is kept off it: branches that are foreseen, comparisons gathered in integers
# (which, unlike a floating maximum, the compiler turns into vector code).

cdef extern from *:
    """
    #ifdef _WIN32
    #include <windows.h>
    static double symadamax_seconds(void) {
        LARGE_INTEGER ticks, frequency;
        QueryPerformanceCounter(&ticks);
        QueryPerformanceFrequency(&frequency);
        return (double)ticks.QuadPart/(double)frequency.QuadPart;
    }
    #else
    #include <time.h>
    static double symadamax_seconds(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9*(double)now.tv_nsec;
    }
    #endif
    #define SYMADAMAX_NO_ROW INT64_MAX  /* the next row where nothing is recorded */
    #define SYMADAMAX_REST 1024  /* steps between two looks for subnormal numbers */
    #define SYMADAMAX_CHUNK 5e-3  /* seconds between two looks at signals */
    /* Code for wide vectors beside that for all processors, chosen when the module is loaded. No
       operation is contracted, so the bits are the same. */
    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
    #define SYMADAMAX_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
    #else
    #define SYMADAMAX_WIDE
    #endif
    """
    ctypedef void wide "SYMADAMAX_WIDE void"
    const int64_t NO_ROW "SYMADAMAX_NO_ROW"
    const int64_t REST "SYMADAMAX_REST"
    const double CHUNK "SYMADAMAX_CHUNK"
    double seconds "symadamax_seconds"() noexcept nogil
    # Arrays that overlap no other: without the promise the sweep is not vectorised.
    ctypedef double *alone64 "double *__restrict"
    ctypedef float *alone32 "float *__restrict"

ctypedef fused alone:
    alone64
    alone32

# Many steps at once, of few unknowns: see symadamax/compiler/llvm_march.py.
ctypedef int64_t (*March)(
    void *state, void *context, const void *settings, int64_t steps
) noexcept nogil

cdef enum:
    MARCHING = 4  # unknowns, at most
    WORTH_MARCHING = 16  # steps, at least

cdef struct Point64:
    double value
    alone64 x, gradient, m, u

cdef struct Point32:
    double value
    alone32 x, gradient, m, u

ctypedef fused Point:
    Point64
    Point32

cdef struct History:
    int64_t every, next, row  # steps between rows, t at the next row, its index
    int64_t *step
    double *fun
    char *x
    char *m
    char *u

# What surrounds the four equations; a Loop without any of it has no Options.
cdef struct Options:
    void *steps  # Steps: behind a pointer, so that the plain loop compiles as if they were not there
    double sign, l2, clip_norm, clip_value, weight_decay
    const double *rates  # the learning rates after step `fed`, where there is a schedule
    int64_t fed
    # Arrays of the type of the point, or NULL.
    void *lower
    void *upper
    void *mean
    const char *frozen

cdef struct Loop:
    void *function
    void *context
    Py_ssize_t size
    # Adamax
    double learning_rate, beta1, beta2, inside, outside
    double rate, factor
    bint correcting  # until 1 - beta1**t is 1 to the last bit
    # Stop
    double gtol, ftol, xtol, target, deadline
    bint watching  # a criterion of convergence was given
    # where it stands
    int64_t t, first, last  # steps of the state; those at the start and at the step limit
    int64_t burst  # steps between two looks at the clock
    bint best_is_here
    double best_value
    char *best_x
    History history
    double sign  # -1 to maximise
    Options *options
    void *march  # March, or NULL


cdef inline int64_t any_broken(alone values, Py_ssize_t size) noexcept nogil:
    cdef int64_t broken = 0
    cdef Py_ssize_t i
    for i in range(size):
        broken |= is_broken(values[i])
    return broken


cdef inline int64_t is_broken(real value) noexcept nogil:
    """Return 0 for a finite value: the bits of 0*|value|, which is NaN for any other.

    Bits can be gathered by `or`, in vector code too; results of comparisons cannot in SSE2.
    """
    cdef real zero = 0*magnitude(value)
    cdef int64_t bits64
    cdef int32_t bits32
    if real is double:
        memcpy(&bits64, &zero, sizeof(bits64))
        return bits64
    else:
        memcpy(&bits32, &zero, sizeof(bits32))
        return bits32


cdef inline int64_t sweep(
    alone x, alone m, alone u, alone g, alone new_x, alone new_m, alone new_u, const Loop *loop
) noexcept nogil:
    """Update every coordinate by (2), (3) and (4) of adamax.pxd; not 0 when one is not finite."""
    cdef int64_t broken = 0
    cdef double rate = loop.rate, beta1 = loop.beta1, beta2 = loop.beta2
    cdef double inside = loop.inside, outside = loop.outside
    cdef Py_ssize_t i
    for i in range(loop.size):
        new_m[i] = moment(m[i], g[i], beta1)
        new_u[i] = weight(u[i], g[i], beta2, inside)
        new_x[i] = x[i] + displacement(new_m[i], new_u[i], rate, outside)
        broken |= is_broken(new_x[i])
    return broken


include "options.pxi"


cdef inline double evaluate_at(alone x, alone gradient, const Loop *loop) noexcept nogil:
    if alone is alone64:
        return (<Evaluate64> loop.function)(x, gradient, loop.context)
    else:
        return (<Evaluate32> loop.function)(x, gradient, loop.context)


cdef Status examine(const Point *point, const Loop *loop) noexcept nogil:
    """Say what is not finite, the cause before the consequence."""
    if any_broken(point.x, loop.size):
        return POINT_NOT_FINITE
    if is_broken(point.value):
        return VALUE_NOT_FINITE
    if any_broken(point.gradient, loop.size):
        return GRADIENT_NOT_FINITE
    return RUNNING


cdef Status settle(const Point *here, Point *there, const Loop *loop) noexcept nogil:
    """0/0 moves nothing: put such coordinates back, and look again."""
    cdef Py_ssize_t i
    cdef bint settled = False
    for i in range(loop.size):
        if there.m[i] == 0 and there.u[i] + loop.outside == 0:
            there.x[i] = here.x[i]
            settled = True
    if settled:
        there.value = evaluate_at(there.x, there.gradient, loop)
    return examine(there, loop)


cdef Status begin(Point *slots, Loop *loop) noexcept nogil:
    """Evaluate at the start, which stands in slot 0."""
    cdef Status status
    slots[0].value = evaluate_at(slots[0].x, slots[0].gradient, loop)
    status = examine(&slots[0], loop)
    if status < 0:
        return status
    loop.best_value = loop.sign*slots[0].value
    loop.best_is_here = True
    if loop.t == loop.history.next:
        record(&slots[0], loop)
    if loop.watching:
        status = met(&slots[0], &slots[1], loop)
    return at_limit(loop) if status == RUNNING else status


cdef inline Status at_limit(const Loop *loop) noexcept nogil:
    if loop.t < loop.last:
        return RUNNING
    return NOT_CONVERGED if loop.watching else STEPS_DONE


cdef inline void correct_rate(Loop *loop) noexcept nogil:
    """Equation (1) of adamax.pxd, as long as it changes anything."""
    cdef double factor
    if loop.correcting:
        factor = correction(loop.beta1, loop.t + 1)
        loop.rate = loop.learning_rate/factor
        loop.correcting = factor != 1


cdef inline Status step(Point *here, Point *there, Loop *loop) noexcept nogil:
    """Go from here to there; a status < 0 says that there is no finite point there."""
    cdef Status status
    cdef int64_t broken
    correct_rate(loop)
    broken = sweep(here.x, here.m, here.u, here.gradient, there.x, there.m, there.u, loop)
    # Evaluated even where x is broken, so that one branch in a step decides on x, f and gradient.
    there.value = evaluate_at(there.x, there.gradient, loop)
    broken |= is_broken(there.value) | any_broken(there.gradient, loop.size)
    if broken:
        status = settle(here, there, loop)
        if status < 0:
            return status
    loop.t += 1
    keep_best(here, there.value, loop)
    return met(there, here, loop) if loop.watching else RUNNING


cdef inline void keep_best(const Point *here, double value, Loop *loop) noexcept nogil:
    """Note that a step from here has come to a value, negative to maximise."""
    if value < loop.best_value:
        loop.best_value = value
        loop.best_is_here = True
    elif loop.best_is_here:
        # Only now is the best point in danger: the next step writes over it.
        loop.best_is_here = False
        memcpy(loop.best_x, here.x, loop.size*sizeof(here.x[0]))


cdef Status met(const Point *here, const Point *before, const Loop *loop) noexcept nogil:
    """Return the criterion of convergence that is met, or RUNNING."""
    cdef double change = fabs(here.value - before.value)
    cdef int64_t steep = 0, moved = 0
    cdef Py_ssize_t i
    if loop.sign*here.value <= loop.target:
        return TARGET_MET
    if loop.options:
        steep = is_steep(here.x, here.gradient, loop)
    else:
        for i in range(loop.size):
            steep |= not magnitude(here.gradient[i]) <= loop.gtol
    if not steep:
        return GTOL_MET
    if change <= loop.ftol*max(1.0, fabs(here.value), fabs(before.value)):
        return FTOL_MET
    if loop.t == loop.first:
        return RUNNING
    for i in range(loop.size):
        moved |= not magnitude(here.x[i] - before.x[i]) <= loop.xtol*max(1.0, fabs(here.x[i]))
    return RUNNING if moved else XTOL_MET


cdef inline bint current(const Loop *loop) noexcept nogil:
    """Return the slot of the current point: every step changes it."""
    return (loop.t - loop.first) & 1


cdef inline void record(const Point *here, Loop *loop) noexcept nogil:
    cdef History *history = &loop.history
    cdef size_t bytes = loop.size*sizeof(here.x[0])
    history.step[history.row] = loop.t - loop.first
    history.fun[history.row] = here.value
    memcpy(history.x + history.row*bytes, here.x, bytes)
    if history.m:
        memcpy(history.m + history.row*bytes, here.m, bytes)
        memcpy(history.u + history.row*bytes, here.u, bytes)
    history.row += 1
    history.next += history.every


cdef inline void march(Point *slots, real zero, Loop *loop, int64_t until) noexcept nogil:
    """Do steps in machine code, of the real type of `zero`, as far as all is finite."""
    cdef Point *here = &slots[current(loop)]
    cdef real state[5*MARCHING + 2]
    cdef real settings[6]
    cdef Py_ssize_t size = loop.size, bytes = size*sizeof(real)
    settings[0], settings[1] = <real> -loop.rate, <real> loop.beta1
    settings[2], settings[3] = <real> (1 - loop.beta1), <real> loop.beta2
    settings[4], settings[5] = <real> loop.inside, <real> loop.outside
    memcpy(state, here.x, bytes)
    memcpy(&state[size], here.m, bytes)
    memcpy(&state[2*size], here.u, bytes)
    memcpy(&state[3*size], here.gradient, bytes)
    memcpy(&state[4*size], here.x if loop.best_is_here else loop.best_x, bytes)
    state[5*size], state[5*size + 1] = <real> here.value, <real> loop.best_value
    loop.t += (<March> loop.march)(state, loop.context, settings, until - loop.t)
    here = &slots[current(loop)]
    memcpy(here.x, state, bytes)
    memcpy(here.m, &state[size], bytes)
    memcpy(here.u, &state[2*size], bytes)
    memcpy(here.gradient, &state[3*size], bytes)
    memcpy(loop.best_x, &state[4*size], bytes)
    here.value, loop.best_value, loop.best_is_here = state[5*size], state[5*size + 1], False


cdef inline Status steps_until(Point *slots, Loop *loop, int64_t until) noexcept nogil:
    cdef Point *here
    cdef Point *there
    cdef Status status = RUNNING
    if loop.march and not loop.correcting and until - loop.t >= WORTH_MARCHING:
        if Point is Point64:
            march(slots, <double> 0, loop, until)
        else:
            march(slots, <float> 0, loop, until)
    here, there = &slots[current(loop)], &slots[not current(loop)]
    while loop.t < until and status == RUNNING:
        status = step(here, there, loop)
        here, there = there, here
    return status


cdef inline real normal(real like) noexcept nogil:
    """Return the smallest number that is not subnormal."""
    if real is double:
        return DBL_MIN
    else:
        return FLT_MIN


cdef inline real ample(real like) noexcept nogil:
    """Return a number that the usual beta2 does not make subnormal before the next rest."""
    if real is double:
        return DBL_MIN/DBL_EPSILON
    else:
        return FLT_MIN/FLT_EPSILON


cdef void rest(Point *here, const Loop *loop) noexcept nogil:
    """Lift m and u out of the subnormal numbers, where a step takes 20 times as long.

    A gradient that stays 0 lets them decay until they stick there, too small to move anything. This
    is done by the count of steps, never by the clock, so that equal runs stay equal.
    """
    cdef Py_ssize_t i
    for i in range(loop.size):
        if here.gradient[i] == 0:
            if magnitude(here.m[i]) < normal(here.m[i]):
                here.m[i] = 0
            if 0 < here.u[i] < ample(here.u[i]):
                here.u[i] = ample(here.u[i])


cdef inline Status marked_until(Point *slots, Loop *loop, int64_t until) noexcept nogil:
    """Go on until step `until`, resting and recording on the way."""
    cdef Status status = RUNNING
    cdef int64_t mark
    while loop.t < until and status == RUNNING:
        mark = min(loop.t - loop.t % REST + REST, loop.history.next)
        if loop.options:
            status = (<Steps> loop.options.steps)(slots, loop, min(until, mark))
        else:
            status = steps_until(slots, loop, min(until, mark))
        if loop.t % REST == 0:
            rest(&slots[current(loop)], loop)
        if loop.t == loop.history.next:
            record(&slots[current(loop)], loop)
    return status


cdef Status run_chunk(Point *slots, Loop *loop, int64_t until) noexcept nogil:
    """Run until step `until`, or a status, or about CHUNK seconds have passed.

    The clock is read after 1, 2, 4, ... steps, and then about 16 times in a chunk: a slow
    objective comes back after each evaluation, and a fast one pays nothing.
    """
    cdef double begin = seconds(), before, now = begin
    cdef Status status
    while True:
        status = marked_until(slots, loop, min(until, loop.t + loop.burst))
        if status == RUNNING:
            status = at_limit(loop)
        before, now = now, seconds()
        if status == RUNNING and now >= loop.deadline:
            return TIME_LIMIT
        if status != RUNNING or loop.t == until or now - begin >= CHUNK:
            return status
        if now - before < CHUNK/16:
            loop.burst *= 2
        elif now - before > CHUNK/8 and loop.burst > 1:
            loop.burst //= 2

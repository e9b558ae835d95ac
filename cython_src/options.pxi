# A step with options: what stands around the four equations, (5) to (10) of adamax.pxd.
#
# An option that needs an array has a loop of its own, which runs only where the option is given.

cdef inline void schedule_rate(Loop *loop) noexcept nogil:
    """Equation (1) with the learning rate of this step."""
    cdef Options *options = loop.options
    if options.rates:
        loop.learning_rate = options.rates[loop.t - options.fed]
    if loop.correcting:
        loop.factor = correction(loop.beta1, loop.t + 1)
        loop.correcting = loop.factor != 1
    loop.rate = loop.learning_rate/loop.factor


cdef inline bint is_frozen(Py_ssize_t i, const Options *options) noexcept nogil:
    return options.frozen != NULL and options.frozen[i] != 0


cdef double norm(alone x, alone g, double unit, const Loop *loop) noexcept nogil:
    """Return the norm of (5), in multiples of `unit`, over the unknowns that may move."""
    cdef double sign = loop.options.sign, l2 = loop.options.l2, total = 0, size
    cdef Py_ssize_t i
    for i in range(loop.size):
        if not is_frozen(i, loop.options):
            size = <double> regularised(g[i], x[i], sign, l2)/unit
            total += size*size
    return sqrt(total)


cdef double largest(alone x, alone g, const Loop *loop) noexcept nogil:
    """Return the largest size of an entry of (5), of the unknowns that may move."""
    cdef double sign = loop.options.sign, l2 = loop.options.l2, found = 0
    cdef Py_ssize_t i
    for i in range(loop.size):
        if not is_frozen(i, loop.options):
            found = max(found, fabs(<double> regularised(g[i], x[i], sign, l2)))
    return found


cdef double shortening(alone x, alone g, const Loop *loop) noexcept nogil:
    """Return the quotient of (6)."""
    cdef double limit = loop.options.clip_norm, length, unit = 1
    if limit == INFINITY:
        return 1
    length = norm(x, g, unit, loop)
    if not 1e-140 < length < INFINITY:  # squares have overflowed, or lost their digits
        unit = largest(x, g, loop)
        if unit == 0:
            return 1
        length = norm(x, g, unit, loop)
    return limit/unit/max(length, limit/unit)


cdef inline real slope(
    real g, real x, double sign, double l2, double scale, double clip_value
) noexcept nogil:
    """Return g of (5) to (7)."""
    return clipped(<real> scale*regularised(g, x, sign, l2), clip_value)


cdef inline void sweep_with_options(
    alone x, alone m, alone u, alone g, alone new_x, alone new_m, alone new_u,
    double scale, const Loop *loop,
) noexcept nogil:
    """Update every coordinate by (5) to (7), (2) to (4) and (8)."""
    cdef double rate = loop.rate, beta1 = loop.beta1, beta2 = loop.beta2
    cdef double inside = loop.inside, outside = loop.outside
    cdef double sign = loop.options.sign, l2 = loop.options.l2, bound = loop.options.clip_value
    cdef double decay = loop.learning_rate*loop.options.weight_decay
    cdef Py_ssize_t i
    for i in range(loop.size):
        new_m[i] = moment(m[i], slope(g[i], x[i], sign, l2, scale, bound), beta1)
        new_u[i] = weight(u[i], slope(g[i], x[i], sign, l2, scale, bound), beta2, inside)
        new_x[i] = x[i] + displacement(new_m[i], new_u[i], rate, outside)
        new_x[i] = decayed(new_x[i], x[i], decay)


cdef inline void project(alone x, const Loop *loop) noexcept nogil:
    """Apply (9)."""
    cdef alone lower = <alone> loop.options.lower
    cdef alone upper = <alone> loop.options.upper
    cdef Py_ssize_t i
    for i in range(loop.size):
        x[i] = within(x[i], lower[i], upper[i])


cdef inline void hold(const Point *here, Point *there, const Loop *loop) noexcept nogil:
    """Put back x, m and u of what is frozen."""
    cdef Py_ssize_t i
    for i in range(loop.size):
        if is_frozen(i, loop.options):
            there.x[i] = here.x[i]
            there.m[i] = here.m[i]
            there.u[i] = here.u[i]


cdef bint rest_at_zero(const Point *here, Point *there, const Loop *loop) noexcept nogil:
    """Let 0/0 in (4) move nothing; tell whether there was any."""
    cdef double decay = loop.learning_rate*loop.options.weight_decay
    cdef Py_ssize_t i
    cdef bint found = False
    for i in range(loop.size):
        if there.m[i] == 0 and there.u[i] + loop.outside == 0:
            there.x[i] = decayed(here.x[i], here.x[i], decay)
            found = True
    return found


cdef inline void confine(const Point *here, Point *there, const Loop *loop) noexcept nogil:
    if loop.options.lower:
        project(there.x, loop)
    if loop.options.frozen:
        hold(here, there, loop)


cdef inline int64_t update_with_options(Point *here, Point *there, Loop *loop) noexcept nogil:
    """Write x, m and u of the next point; not 0 when a coordinate is not finite."""
    cdef double scale
    cdef int64_t broken
    schedule_rate(loop)
    scale = shortening(here.x, here.gradient, loop)
    sweep_with_options(
        here.x, here.m, here.u, here.gradient, there.x, there.m, there.u, scale, loop
    )
    confine(here, there, loop)
    broken = any_broken(there.x, loop.size)
    if broken and rest_at_zero(here, there, loop):
        confine(here, there, loop)
        broken = any_broken(there.x, loop.size)
    return broken


cdef inline Status step_with_options(Point *here, Point *there, Loop *loop) noexcept nogil:
    """Go from here to there; a status < 0 says that there is no finite point there."""
    cdef Status status
    cdef int64_t broken = update_with_options(here, there, loop)
    there.value = evaluate_at(there.x, there.gradient, loop)
    if broken | is_broken(there.value) | any_broken(there.gradient, loop.size):
        status = examine(there, loop)
        if status < 0:
            return status
    loop.t += 1
    if loop.options.mean:
        average(there.x, loop)
    keep_best(here, loop.sign*there.value, loop)
    return met(there, here, loop) if loop.watching else RUNNING


cdef inline Status steps_with_options(Point *slots, Loop *loop, int64_t until) noexcept nogil:
    cdef Point *here = &slots[current(loop)]
    cdef Point *there = &slots[not current(loop)]
    cdef Status status = RUNNING
    while loop.t < until and status == RUNNING:
        status = step_with_options(here, there, loop)
        here, there = there, here
    return status


ctypedef Status (*Steps)(void *slots, Loop *loop, int64_t until) noexcept nogil


cdef Status steps64(void *slots, Loop *loop, int64_t until) noexcept nogil:
    return steps_with_options(<Point64 *> slots, loop, until)


cdef Status steps32(void *slots, Loop *loop, int64_t until) noexcept nogil:
    return steps_with_options(<Point32 *> slots, loop, until)


cdef inline void average(alone x, const Loop *loop) noexcept nogil:
    """Apply (10) to a point that is accepted."""
    cdef alone before = <alone> loop.options.mean
    cdef double beta2 = loop.beta2
    cdef Py_ssize_t i
    for i in range(loop.size):
        before[i] = mean(before[i], x[i], beta2)


cdef int64_t is_steep(alone x, alone g, const Loop *loop) noexcept nogil:
    """Tell whether a derivative exceeds gtol after what bounds leave of it."""
    cdef alone lower = <alone> loop.options.lower
    cdef alone upper = <alone> loop.options.upper
    cdef double sign = loop.options.sign
    cdef int64_t steep = 0
    cdef Py_ssize_t i
    for i in range(loop.size):
        if is_frozen(i, loop.options):
            continue
        if loop.options.lower:
            steep |= not magnitude(projected(sign*g[i], x[i], lower[i], upper[i])) <= loop.gtol
        else:
            steep |= not magnitude(g[i]) <= loop.gtol
    return steep

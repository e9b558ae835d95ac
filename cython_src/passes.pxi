# One pass over large arrays, in which an evaluation takes the unknowns one step further as well.
#
# Where every element of the gradient is stored once (see symadamax/compiler/gather.py), machine code
# has each in a register and need not store it: it updates m and u in place, and writes the new point
# to another array, since neighbours still read the old one. A third array holds the point before.

cdef enum:
    LINE = 64  # bytes of a line of the cache

# Words of the context, as HEAD and SETTINGS have them in symadamax/compiler.
cdef enum:
    M_WORD = 5
    U_WORD, NEXT_WORD, BROKEN_WORD, SETTING_WORD


cdef struct Stretch:
    int64_t past_word, offset  # of an array: the word that says how it is stored, its first unknown


cdef int64_t sweep_in_place(
    alone x, alone g, alone m, alone u, alone new_x, Py_ssize_t size, const Loop *loop
) noexcept nogil:
    """Update by (2), (3) and (4) of adamax.pxd; not 0 when an unknown is not finite afterwards."""
    cdef int64_t broken = 0
    cdef Py_ssize_t i
    for i in range(size):
        m[i] = moment(m[i], g[i], loop.beta1)
        u[i] = weight(u[i], g[i], loop.beta2, loop.inside)
        new_x[i] = x[i] + displacement(m[i], u[i], loop.rate, loop.outside)
        broken |= is_broken(new_x[i])
    return broken


cdef int64_t find_broken(const alone values, Py_ssize_t size, double *value) noexcept nogil:
    """Return the place of the first number that is not finite, and the number; -1 if all are."""
    cdef Py_ssize_t k
    for k in range(size):
        if is_broken(values[k]):
            value[0] = values[k]
            return k
    return -1


cdef class Passes:
    """Three points that go round, m and u, and what takes them further.

    Parameters
    ----------
    team : Team
        The objective, without batches.
    points : sequence of ndarray, shape (n,)
        Three, of which the first is the start, and of the objective's dtype: they are written to,
        past the cache where the unknowns of an array begin at a cache line.
    m, u : ndarray, shape (n,)
        Of the same dtype, written to.
    method : Adamax
        With an epsilon > 0, and a number as the learning rate.
    stop : Stop
        Without criteria but the time limit.
    t, steps : int
        As for `Run`.
    updates : tuple of a sequence of int and an object
        For each loop at the top the address of the function that updates, or 0; and their owner.
    scalars : int
        The number of unknowns in front, whose derivatives are outputs.
    past : sequence of (int, int)
        For each array of unknowns the place of the word that says that it is stored past the cache,
        and the number of its first unknown.
    kept : ndarray, shape (3, n), optional
        Room for x, m and u as they were some steps ago. Without it, a run that meets something not
        finite has no m and u in the end.
    """

    cdef Loop loop
    cdef Choice choice
    cdef Team team
    cdef list points
    cdef object m_array, u_array, slopes, code, kept_array
    cdef char *x[3]
    cdef char *m
    cdef char *u
    cdef char *slope
    cdef char *kept
    cdef Stretch *stretches
    cdef int64_t stretch_count, scalars, width, here, gradient_slot
    cdef double value_here
    cdef bint is_double
    cdef readonly double rejected_value

    def __cinit__(
        self, Team team, points, m, u, method, stop, int64_t t, int64_t steps, updates,
        int64_t scalars, past, kept=None,
    ):
        cdef int64_t k
        memset(&self.loop, 0, sizeof(Loop))
        start = points[0]
        self.team, self.points, self.scalars = team, list(points), scalars
        self.is_double, self.width = start.dtype == "float64", start.itemsize
        self.m_array, self.u_array = m, u
        self.slopes = start[:max(scalars, 1)].copy()
        for k in range(3):
            self.x[k] = bytes_of(points[k])
        self.m, self.u, self.slope = bytes_of(m), bytes_of(u), bytes_of(self.slopes)
        self.loop.size = start.shape[0]
        self.loop.t = self.loop.first = t
        self.loop.last = t + steps
        self.loop.sign = 1
        set_method(&self.loop, method, False)
        set_stop(&self.loop, stop)
        set_choice(&self.choice, self.loop.size)
        addresses, self.code = updates
        team.set_updates(addresses)
        self.kept_array = kept
        if kept is not None:
            self.kept = bytes_of(kept.reshape(-1))
        self.stretch_count = len(past)
        self.stretches = <Stretch *> calloc(max(self.stretch_count, 1), sizeof(Stretch))
        if self.stretches == NULL:
            raise MemoryError()
        for k, (word, offset) in enumerate(past):
            self.stretches[k] = Stretch(past_word=word, offset=offset)

    def __dealloc__(self):
        free(self.stretches)

    cdef inline int64_t slot(self, int64_t ahead) noexcept nogil:
        """Return the slot of the next point, 1, or of the one before, 2."""
        return (self.here + ahead) % 3

    cdef Status evaluate(self) noexcept nogil:
        """Evaluate here; the gradient goes where the next point will stand."""
        cdef char *gradient = self.x[self.slot(1)]
        cdef int64_t broken
        self.gradient_slot = self.slot(1)
        self.value_here = self.team.run(self.x[self.here], gradient)
        if is_broken(self.value_here):
            self.rejected_value = self.value_here
            return VALUE_NOT_FINITE
        if self.is_double:
            broken = any_broken(<alone64> gradient, self.loop.size)
        else:
            broken = any_broken(<alone32> gradient, self.loop.size)
        return GRADIENT_NOT_FINITE if broken else RUNNING

    cdef void evaluate_aside(self) noexcept nogil:
        """Evaluate here, and leave the next slot as it is."""
        self.gradient_slot = self.slot(2)
        self.value_here = self.team.run(self.x[self.here], self.x[self.gradient_slot])

    cdef int64_t evaluate_and_update(self, double *value) noexcept nogil:
        """Evaluate here, and go over all unknowns; not 0 when one is not finite afterwards."""
        cdef char *x = self.x[self.here]
        cdef char *new_x = self.x[self.slot(1)]
        cdef int64_t broken
        self.set_words(self.team.words, new_x)
        self.team.updating = True
        value[0] = self.team.run(x, self.slope)
        self.team.updating = False
        if self.is_double:
            broken = sweep_in_place(
                <alone64> x, <alone64> self.slope, <alone64> self.m, <alone64> self.u,
                <alone64> new_x, self.scalars, &self.loop,
            )
        else:
            broken = sweep_in_place(
                <alone32> x, <alone32> self.slope, <alone32> self.m, <alone32> self.u,
                <alone32> new_x, self.scalars, &self.loop,
            )
        return broken | self.team.words[BROKEN_WORD]

    cdef void set_words(self, int64_t *words, char *new_x) noexcept nogil:
        """Say in the context where everything stands, and what the settings are."""
        cdef double *setting = <double *> &words[SETTING_WORD]
        cdef Stretch *stretch
        cdef int64_t k
        words[PAUSE_WORD] = words[BROKEN_WORD] = 0
        words[M_WORD] = <int64_t> <uintptr_t> self.m
        words[U_WORD] = <int64_t> <uintptr_t> self.u
        words[NEXT_WORD] = <int64_t> <uintptr_t> new_x
        setting[0], setting[1], setting[2] = -self.loop.rate, self.loop.beta1, 1 - self.loop.beta1
        setting[3], setting[4], setting[5] = self.loop.beta2, self.loop.inside, self.loop.outside
        for k in range(self.stretch_count):
            stretch = &self.stretches[k]
            words[stretch.past_word] = self.choice.past_cache and (
                <uintptr_t> (new_x + stretch.offset*self.width) % LINE == 0
            )

    cdef void rest(self) noexcept nogil:
        """Lift m and u out of the subnormal numbers, as `rest` of loop.pxi does."""
        cdef Point64 here64
        cdef Point32 here32
        self.evaluate()
        if self.is_double:
            here64.m, here64.u = <alone64> self.m, <alone64> self.u
            here64.gradient = <alone64> self.x[self.gradient_slot]
            rest(&here64, &self.loop)
        else:
            here32.m, here32.u = <alone32> self.m, <alone32> self.u
            here32.gradient = <alone32> self.x[self.gradient_slot]
            rest(&here32, &self.loop)


cdef char *bytes_of(array) except NULL:
    cdef char[::1] view = array.view("int8")
    return &view[0]

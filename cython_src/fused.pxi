# A run over large arrays: each block of the gradient is used up while it is in the cache.
#
# Where every element of the gradient is stored once (see symadamax/compiler/gather.py), a pass
# over the point computes a block of the gradient, updates m, u and the point there, and forgets the
# block. The new point goes to another array, since neighbours still read the old one, and a third
# holds the point before, in case this one turns out not to be finite: the value of a point is known
# when the pass over it is done. m and u are updated in place.

cdef double FUSED_CHUNK = 0.05  # seconds between two looks at signals


cdef struct Stretch:
    int64_t phase, offset, length  # the loop at the top, and the coordinates that it stores


cdef wide sweep_in_place(
    alone x, alone g, alone m, alone u, alone new_x, Py_ssize_t size, const Loop *loop,
    int64_t *result
) noexcept nogil:
    """Update by (2), (3) and (4) of adamax.pxd; `result` is not 0 when one is not finite."""
    cdef int64_t broken = 0
    cdef double rate = loop.rate, beta1 = loop.beta1, beta2 = loop.beta2
    cdef double inside = loop.inside, outside = loop.outside
    cdef Py_ssize_t i
    for i in range(size):
        m[i] = moment(m[i], g[i], beta1)
        u[i] = weight(u[i], g[i], beta2, inside)
        new_x[i] = x[i] + displacement(m[i], u[i], rate, outside)
        broken |= is_broken(new_x[i])
    result[0] = broken


cdef inline void rest_in_place(const alone g, alone m, alone u, Py_ssize_t size) noexcept nogil:
    """Lift m and u out of the subnormal numbers, as `rest` does."""
    cdef Py_ssize_t i
    for i in range(size):
        if g[i] == 0:
            if magnitude(m[i]) < normal(m[i]):
                m[i] = 0
            if 0 < u[i] < ample(u[i]):
                u[i] = ample(u[i])


cdef void fused_parts(Worker *worker, int64_t number) noexcept nogil:
    worker.broken = (<FusedRun> worker.run).do_blocks(worker, number)


cdef class FusedRun:
    """One run of Adamax in fused passes; its interface is that of `Run`.

    Parameters
    ----------
    team : Team
        The objective, without batches.
    start, m, u : ndarray, shape (n,)
        Of the objective's dtype; they are written to.
    method : Adamax
        With an epsilon > 0, and a number as the learning rate.
    stop : Stop
        Without criteria but the time limit.
    t, steps : int
        As for `Run`.
    stretches : sequence of (int, int, int)
        For each loop at the top that stores: its number, and where its coordinates begin and how
        many they are.
    scalars : int
        The number of unknowns in front, whose derivatives are outputs.
    block : int
        The number of coordinates of a part.
    """

    cdef Loop loop
    cdef Team team
    cdef list points
    cdef object m_array, u_array, slopes, best_array
    cdef char *x[3]
    cdef char *m
    cdef char *u
    cdef char *buffers
    cdef char *slope
    cdef Stretch *stretches
    cdef int64_t stretch_count, scalars, block, width, here, gradient_slot
    cdef double value_here, value_before
    cdef bint is_double, settled, stateless, gave_up, has_before
    cdef int64_t broken_place
    cdef double broken_value
    cdef readonly double rejected_value

    def __cinit__(
        self, Team team, start, m, u, method, stop, int64_t t, int64_t steps, stretches,
        int64_t scalars, int64_t block,
    ):
        cdef int64_t k
        memset(&self.loop, 0, sizeof(Loop))
        self.team = team
        self.is_double = start.dtype == "float64"
        self.width = start.itemsize
        self.points = [start, start.copy(), start.copy()]
        self.m_array, self.u_array = m, u
        self.slopes = start[:max(scalars, 1)].copy()
        for k in range(3):
            self.x[k] = bytes_of(self.points[k])
        self.m, self.u, self.slope = bytes_of(m), bytes_of(u), bytes_of(self.slopes)
        self.loop.size = start.shape[0]
        self.loop.t = self.loop.first = t
        self.loop.last = t + steps
        self.loop.sign = 1
        set_method(&self.loop, method, False)
        set_stop(&self.loop, stop)
        self.scalars, self.block = scalars, block
        self.stretch_count = len(stretches)
        self.stretches = <Stretch *> calloc(max(self.stretch_count, 1), sizeof(Stretch))
        self.buffers = <char *> calloc(team.threads*(block + LANES), self.width)
        if self.stretches == NULL or self.buffers == NULL:
            raise MemoryError()
        for k, (phase, offset, length) in enumerate(stretches):
            self.stretches[k] = Stretch(phase=phase, offset=offset, length=length)

    def __dealloc__(self):
        free(self.stretches)
        free(self.buffers)

    def start(self):
        """Evaluate at the start; a status < 0 says that it is not finite there."""
        cdef Status status
        with nogil:
            status = self.evaluate(1)
        self.team.raise_error()
        if status < 0:
            return status
        self.loop.best_value = self.value_here
        self.settled = self.team.patient = True  # half a pass would leave m and u torn
        return RUNNING if self.loop.t < self.loop.last else STEPS_DONE

    def advance(self, int64_t steps):
        """Do up to `steps` more steps, for about 50 ms; pending signals are served before return."""
        cdef int64_t until = min(self.loop.last, self.loop.t + steps)
        cdef double begin = seconds()
        cdef Status status = RUNNING
        with nogil:
            while self.loop.t < until and status == RUNNING:
                status = self.go()
                if status == RUNNING and seconds() >= self.loop.deadline:
                    status = TIME_LIMIT
                if seconds() - begin >= FUSED_CHUNK:
                    break
            if status == RUNNING and self.loop.t == self.loop.last:
                status = self.settle()
                if status == RUNNING:
                    status = STEPS_DONE
        self.team.raise_error()
        PyErr_CheckSignals()
        return status

    cdef Status evaluate(self, int64_t free_slot) noexcept nogil:
        """Evaluate here; the gradient goes to a slot that is free."""
        cdef char *gradient = self.x[free_slot]
        cdef double value = self.team.run(self.x[self.here], gradient)
        self.value_here, self.gradient_slot = value, free_slot
        if is_broken(value):
            self.rejected_value = value
            return VALUE_NOT_FINITE
        if self.is_double:
            return GRADIENT_NOT_FINITE if any_broken(<alone64> gradient, self.loop.size) else RUNNING
        return GRADIENT_NOT_FINITE if any_broken(<alone32> gradient, self.loop.size) else RUNNING

    cdef Status go(self) noexcept nogil:
        """Do one pass: evaluate here, and step to the next slot."""
        cdef double value
        cdef int64_t broken
        cdef Status status
        correct_rate(&self.loop)
        broken = self.sweep_all(&value)
        if is_broken(value):
            self.rejected_value = value
            return self.step_back(VALUE_NOT_FINITE)
        if broken:
            self.find_broken()
            status = self.evaluate((self.here + 1) % 3)
            return self.step_back(status) if status < 0 else self.give_up()
        self.note(value)
        self.value_before, self.value_here = value, NAN
        self.has_before = True
        self.here = (self.here + 1) % 3
        self.loop.t += 1
        self.settled = False
        return RUNNING

    cdef void find_broken(self) noexcept nogil:
        """Remember the first coordinate of the next point that is not finite."""
        cdef int64_t k, tried = (self.here + 1) % 3
        cdef double coordinate
        for k in range(self.loop.size):
            if self.is_double:
                coordinate = (<double *> self.x[tried])[k]
            else:
                coordinate = (<float *> self.x[tried])[k]
            if is_broken(coordinate):
                self.broken_place, self.broken_value = k, coordinate
                return

    cdef int64_t sweep_all(self, double *value) noexcept nogil:
        """Go over all coordinates; not 0 when one is not finite afterwards."""
        cdef int64_t k, phase, broken = 0
        cdef int64_t *words = self.team.words
        words[0] = <int64_t> <uintptr_t> self.x[self.here]
        words[1] = <int64_t> <uintptr_t> self.slope
        self.team.open(words)
        for phase in range(self.team.count):
            for k in range(self.stretch_count):
                if self.stretches[k].phase == phase:
                    broken |= self.share_out(&self.stretches[k], &self.team.phases[phase])
                    break
            else:
                self.team.do_phase(&self.team.phases[phase])
            self.team.phases[phase].close(words)
        memcpy(value, &words[2], sizeof(double))
        return broken | self.sweep_stretch(self.slope, 0, self.scalars)

    cdef int64_t share_out(self, Stretch *stretch, Phase *phase) noexcept nogil:
        """Let each thread do its share of the parts of a loop that stores."""
        cdef int64_t k, broken = 0, parts = phase.parts[0]
        cdef int64_t threads = 1 if self.team.dismissed else min(<int64_t> self.team.threads, parts)
        cdef Worker *workers = self.team.workers
        for k in range(max(threads, 1)):
            workers[k].phase = phase
            workers[k].first = parts*k//max(threads, 1)
            workers[k].last = parts*(k + 1)//max(threads, 1)
            workers[k].broken = 0
            workers[k].run = <void *> self
            workers[k].stretch = stretch
            if k:
                PyThread_release_lock(workers[k].start)
        fused_parts(&workers[0], 0)
        for k in range(1, threads):
            PyThread_acquire_lock(workers[k].done, WAIT_LOCK)
        for k in range(max(threads, 1)):
            workers[k].run = NULL
            broken |= workers[k].broken
        return broken

    cdef int64_t do_blocks(self, Worker *worker, int64_t number) noexcept nogil:
        """Do a thread's parts, one after another."""
        cdef int64_t words[MOST_WORDS]
        cdef int64_t part, first, size, broken = 0
        cdef Stretch *stretch = <Stretch *> worker.stretch
        cdef char *buffer = self.buffers + number*(self.block + LANES)*self.width
        memcpy(words, self.team.words, self.team.word_count*sizeof(int64_t))
        for part in range(worker.first, worker.last):
            first = part*self.block
            size = min(self.block, stretch.length - first)
            # The code stores element k of the gradient at words[1] + offset + k.
            words[1] = <int64_t> <uintptr_t> (buffer - (stretch.offset + first)*self.width)
            worker.phase.nest(words, part, part + 1)
            broken |= self.sweep_stretch(buffer, stretch.offset + first, size)
        return broken

    cdef int64_t sweep_stretch(self, char *g, int64_t first, int64_t size) noexcept nogil:
        cdef int64_t shift = first*self.width
        cdef char *x = self.x[self.here] + shift
        cdef char *new_x = self.x[(self.here + 1) % 3] + shift
        cdef char *m = self.m + shift
        cdef char *u = self.u + shift
        cdef bint resting = self.loop.t % REST == 0 and self.loop.t > self.loop.first
        cdef int64_t broken
        if self.is_double:
            if resting:
                rest_in_place(<alone64> g, <alone64> m, <alone64> u, size)
            sweep_in_place(
                <alone64> x, <alone64> g, <alone64> m, <alone64> u, <alone64> new_x, size,
                &self.loop, &broken,
            )
            return broken
        if resting:
            rest_in_place(<alone32> g, <alone32> m, <alone32> u, size)
        sweep_in_place(
            <alone32> x, <alone32> g, <alone32> m, <alone32> u, <alone32> new_x, size,
            &self.loop, &broken,
        )
        return broken

    cdef void note(self, double value) noexcept nogil:
        """Keep the best point: it is copied only when the next slot would be written over it."""
        if value < self.loop.best_value or self.loop.t == self.loop.first:
            self.loop.best_value = value
            self.loop.best_is_here = True
        elif self.loop.best_is_here and self.has_before:
            self.loop.best_is_here = False
            self.save_best((self.here + 2) % 3)

    cdef void save_best(self, int64_t slot) noexcept nogil:
        with gil:
            if self.best_array is None:
                self.best_array = self.points[slot].copy()
            else:
                self.best_array[:] = self.points[slot]

    cdef Status settle(self) noexcept nogil:
        """Evaluate where the run stands, and go back where that is not finite."""
        cdef Status status
        if self.settled:
            return RUNNING
        status = self.evaluate((self.here + 1) % 3)
        if status < 0:
            return self.step_back(status)
        self.note(self.value_here)
        self.settled = True
        return RUNNING

    cdef Status step_back(self, Status status) noexcept nogil:
        """Stand at the point before, the last that is finite; m and u are past it."""
        self.stateless = True
        if self.has_before:
            self.here = (self.here + 2) % 3
            self.loop.t -= 1
            self.evaluate((self.here + 2) % 3)
        self.settled = True
        return status

    cdef Status give_up(self) noexcept nogil:
        """Stand here: the next point is not finite."""
        self.stateless = self.gave_up = True
        self.note(self.value_here)
        self.settled = True
        return POINT_NOT_FINITE

    def copy_slot(self, bint rejected=False):
        """Return x, gradient, m and u at the last finite point: the run's own arrays.

        With `rejected`, the point that was tried after it, and its gradient.
        """
        if rejected:
            return self.rejected_slot()
        with nogil:
            self.settle()
        self.team.raise_error()
        gradient = self.points[self.gradient_slot]
        if self.stateless:
            return self.points[self.here], gradient, None, None
        return self.points[self.here], gradient, self.m_array, self.u_array

    def rejected_slot(self):
        if self.gave_up:
            point = self.points[self.here].copy()
            point[self.broken_place] = self.broken_value
        else:
            point = self.points[(self.here + 1) % 3].copy()
        gradient = point.copy()
        evaluate_by(self.team, point, gradient)
        return point, gradient, None, None

    @property
    def fun(self):
        """The value at the last point whose value is known."""
        return self.value_here if self.settled else self.value_before

    @property
    def best_fun(self):
        """The smallest value seen."""
        return self.loop.best_value

    @property
    def best_x(self):
        """The point where the smallest value was seen."""
        if self.loop.best_is_here or self.best_array is None:
            return self.points[self.here]
        return self.best_array

    @property
    def nit(self):
        """The number of steps done in this run."""
        return self.loop.t - self.loop.first

    @property
    def rows(self):
        """The number of rows of the history: there is none."""
        return 0

    @property
    def hungry(self):
        """Whether the loop waits for learning rates: it never does."""
        return False


cdef char *bytes_of(array) except NULL:
    cdef char[::1] view = array.view("int8")
    return &view[0]

# A run over large arrays in passes that evaluate and update (passes.pxi).
#
# The value of a point is known when the pass over it is done. When it is not finite, the point before
# is still there, but m and u are past it. Where there is room for a copy of x, m and u from some
# steps ago, the run goes from there to the last finite point again.

cdef double FUSED_CHUNK = 0.05  # seconds between two looks at signals

cdef enum:
    MOST_AGAIN = 1 << 27  # unknowns times steps that are gone again: about 0.1 s


cdef class FusedRun(Passes):
    """One run of Adamax in fused passes, made as `Passes`; its interface is that of `Run`."""

    cdef object best_array
    cdef int64_t kept_t, keep_next  # the step of what is kept, and at which it will be kept next
    cdef double value_before
    cdef bint settled, stateless, gave_up, has_before, again
    cdef int64_t broken_place
    cdef double broken_value

    def start(self):
        """Evaluate at the start; a status < 0 says that it is not finite there."""
        cdef Status status
        with nogil:
            status = self.evaluate()
        self.team.raise_error()
        if status < 0:
            return status
        self.loop.best_value = self.value_here
        self.keep_next = self.loop.t if self.kept else -1
        self.settled = self.team.patient = True  # half a pass would leave m and u torn
        return RUNNING if self.loop.t < self.loop.last else STEPS_DONE

    def advance(self, int64_t steps):
        """Do up to `steps` more steps, for about 50 ms; pending signals are served before return."""
        cdef int64_t until = min(self.loop.last, self.loop.t + steps)
        cdef double begin = seconds(), now
        cdef Status status = RUNNING
        with nogil:
            while self.loop.t < until and status == RUNNING:
                status = self.go()
                now = seconds()
                if status == RUNNING and now >= self.loop.deadline:
                    status = TIME_LIMIT
                if now - begin >= FUSED_CHUNK:
                    break
            if status == RUNNING and self.loop.t == self.loop.last:
                status = self.settle()
                if status == RUNNING:
                    status = STEPS_DONE
        self.team.raise_error()
        PyErr_CheckSignals()
        return status

    cdef Status go(self) noexcept nogil:
        """Do one pass: evaluate here, and step to the next slot."""
        cdef double value
        cdef int64_t broken
        cdef Status status
        correct_rate(&self.loop)
        if self.loop.t == self.keep_next:
            status = self.keep()
            if status < 0:
                return status
        if self.loop.t % REST == 0 and self.loop.t > self.loop.first:
            self.rest()
        begin_trial(&self.choice)
        broken = self.evaluate_and_update(&value)
        end_trial(&self.choice)
        if is_broken(value):
            self.rejected_value = value
            return self.step_back(VALUE_NOT_FINITE)
        if broken:
            return self.give_up()
        self.note(value)
        self.value_before, self.value_here = value, NAN
        self.has_before = True
        self.here = self.slot(1)
        self.loop.t += 1
        self.settled = False
        return RUNNING

    cdef void note(self, double value) noexcept nogil:
        """Keep the best point: it is copied only when the next slot would be written over it."""
        if self.again:
            return
        if value < self.loop.best_value or self.loop.t == self.loop.first:
            self.loop.best_value = value
            self.loop.best_is_here = True
        elif self.loop.best_is_here and self.has_before:
            self.loop.best_is_here = False
            self.save_best(self.slot(2))

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
        status = self.evaluate()
        if status < 0:
            return self.step_back(status)
        self.note(self.value_here)
        self.settled = True
        return RUNNING

    # ---- where something is not finite ---------------------------------------------------------

    cdef Status keep(self) noexcept nogil:
        """Copy x, m and u, where everything is finite."""
        cdef int64_t bytes = self.loop.size*self.width
        cdef Status status = RUNNING if self.settled else self.evaluate()
        if status < 0:
            return self.step_back(status)
        memcpy(self.kept, self.x[self.here], bytes)
        memcpy(self.kept + bytes, self.m, bytes)
        memcpy(self.kept + 2*bytes, self.u, bytes)
        self.kept_t = self.loop.t
        self.keep_next = self.loop.t + max(min(MOST_AGAIN//self.loop.size, REST), 1)
        return RUNNING

    cdef Status step_back(self, Status status) noexcept nogil:
        """Stand at the point before, the last that is finite; m and u are past it."""
        self.stateless = True
        if self.has_before:
            self.here = self.slot(2)
            self.loop.t -= 1
            self.evaluate_aside()
        self.settled = True
        return status

    cdef Status give_up(self) noexcept nogil:
        """Stand here, unless the gradient is not finite: a coordinate of the next point is not."""
        cdef Status status
        cdef char *tried = self.x[self.slot(1)]
        if self.is_double:
            self.broken_place = find_broken(<alone64> tried, self.loop.size, &self.broken_value)
        else:
            self.broken_place = find_broken(<alone32> tried, self.loop.size, &self.broken_value)
        status = self.evaluate()
        if status < 0:
            return self.step_back(status)
        self.stateless = self.gave_up = True
        self.note(self.value_here)
        self.settled = True
        return POINT_NOT_FINITE

    cdef void go_again(self) noexcept nogil:
        """Go to where the run stands once more, so that m and u are those of this point."""
        cdef int64_t last = self.loop.t, bytes = self.loop.size*self.width
        cdef Status status = RUNNING
        memcpy(self.x[self.here], self.kept, bytes)
        memcpy(self.m, self.kept + bytes, bytes)
        memcpy(self.u, self.kept + 2*bytes, bytes)
        self.loop.t, self.keep_next = self.kept_t, -1
        self.loop.correcting = self.again = True
        while self.loop.t < last and status == RUNNING:
            status = self.go()
        self.evaluate()
        self.settled, self.stateless = True, status < 0

    # ---- what is asked from outside ------------------------------------------------------------

    def copy_slot(self, bint rejected=False):
        """Return x, gradient, m and u at the last finite point: the run's own arrays.

        With `rejected`, the point that was tried after it, and its gradient; this must be asked
        for first.
        """
        if rejected:
            return self.rejected_slot()
        with nogil:
            self.settle()
            if self.stateless and self.kept:
                self.go_again()
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
            point = self.points[self.slot(1)].copy()
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

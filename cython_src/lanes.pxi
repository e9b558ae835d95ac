# Many runs side by side: each lane of a deck is a run of Adamax by itself.
#
# Machine code takes all lanes one step further (see symadamax/compiler/llvm_lanes.py). It notes
# which of them give cause for doubt; these are looked at one by one, by the same functions as a
# single run, and so are those that have done their steps. A run that has ended makes place for the
# next start. When there is none left, the last lane moves to the free place, so that the lanes in
# use stay together and fewer and fewer are computed.
#
# The points of three steps go round, since a step may turn out to have led nowhere when the next is
# under way. m and u are updated in place.

from libc.stdint cimport int8_t, uint8_t

ctypedef int64_t (*LaneStep)(
    const void *before, const void *here, void *next, void *rows, const double *stop,
    const void *limits, const uint8_t *alive, uint8_t *doubts, int64_t groups,
) noexcept nogil

cdef enum:
    GROUP = 8  # lanes that machine code computes at once

# The rows of settings, behind those of m and u.
cdef enum:
    MINUS_RATE, BETA1, ONE_MINUS_BETA1, BETA2, INSIDE, OUTSIDE
    L2, CLIP, MINUS_CLIP, DECAY, SETTING_ROWS

# The columns of settings, in order.
cdef enum:
    BY_LEARNING_RATE, BY_BETA1, BY_BETA2, BY_INSIDE, BY_OUTSIDE, BY_L2, BY_CLIP, BY_DECAY, COLUMNS

cdef const char *LANES_CAPSULE = "symadamax.lanes"


def lanes_capsule(uintptr_t address):
    """Wrap the address of a step on lanes in the capsule that `Lanes` accepts."""
    if address == 0:
        raise ValueError("the address of a step on lanes is 0")
    return PyCapsule_New(<void *> address, LANES_CAPSULE, NULL)


# The settings of a run: entry `run*stride` of a column, where a stride of 0 is for all runs.
cdef struct Column:
    const double *values
    int64_t stride


# What 1 - beta1**t is for t = 1, 2, ..., for one value of beta1.
cdef struct Corrections:
    const double *values
    int64_t length
    bint complete  # all behind the last is 1; else it is computed


cdef struct Lane:
    int64_t run, born  # its start, and the pass at which it stood there
    int64_t table  # of corrections
    double learning_rate, beta1, weight_decay
    bint correcting  # until 1 - beta1**t is 1, or for ever where there is a schedule


cdef struct Deck:
    int64_t size, parameters, row, width  # unknowns, parameters, lanes, bytes of a number
    int64_t active, passes  # lanes in use, and passes done
    int64_t due, tired  # passes at which a lane has done its steps, or is to rest
    int64_t next_run, runs
    bint together  # all lanes have the same rate
    bint correcting  # some lane does
    char *points[3]  # those before, here and next go round
    char *rows


cdef inline double column_at(const Column *column, int64_t run) noexcept nogil:
    return column.values[run*column.stride]


cdef class Lanes:
    """Many runs of Adamax, side by side: `advance` until nothing is left.

    Parameters
    ----------
    step : capsule
        As made by `lanes_capsule`.
    function : capsule
        The same objective for one point, as made by `function_capsule`.
    starts : ndarray of float64, shape (runs, size)
    context : ndarray of float64, shape (runs or 1, parameters)
    settings : sequence of ndarray of float64
        The columns learning_rate, beta1, beta2, inside, outside, l2, clip_value and weight_decay, of
        runs entries or of one.
    corrections : sequence of (ndarray of float64, bool)
        What 1 - beta1**t is for t = 1, 2, ..., for each value of beta1; and whether all behind is 1.
    tables : ndarray of int64
        Which of these each run has; of runs entries or of one.
    rates : ndarray of float64, or None
        The learning rates of a schedule, by step; a run can do no more steps than there are.
    stop : Stop
        Anything with its attributes.
    steps : int
    row, value_row : int
        The number of lanes, and the row of values, as machine code has them.
    ended : tuple of ndarray
        x and jac of shape (runs, size) and of the objective's dtype; fun float64, status int8 and
        nit int64 of shape (runs,). They are written to.
    owner : object
        Kept alive.
    limits : ndarray, shape (2, size), or None
        The lower and the upper bounds, of the objective's dtype.
    frozen : ndarray of bool, shape (size,), or None
        Which unknowns do not move.
    """

    cdef Loop loop
    cdef Options options
    cdef char *limits
    cdef Deck deck
    cdef LaneStep step
    cdef object arrays
    cdef const double[:, ::1] starts
    cdef const double[:, ::1] context
    cdef Column columns[8]
    cdef Corrections *corrections
    cdef const int64_t[::1] tables
    cdef const double *rates
    cdef int64_t rate_count, table_count
    cdef double stops[4]
    cdef Lane *lanes
    cdef uint8_t *alive
    cdef uint8_t *doubts
    cdef char *memory
    cdef Point64[2] points64  # where a lane stands and stood, for the functions of a single run
    cdef Point32[2] points32
    cdef int64_t row_count
    cdef char *x_out
    cdef char *jac_out
    cdef double[::1] fun_out
    cdef int8_t[::1] status_out
    cdef int64_t[::1] nit_out
    cdef bint is_double, running_out

    def __cinit__(
        self, step, function, starts, context, settings, corrections, tables, rates, stop,
        int64_t steps, int64_t row, int64_t value_row, ended, owner,
        limits=None, frozen=None,
    ):
        cdef int64_t k
        memset(&self.loop, 0, sizeof(Loop))
        memset(&self.deck, 0, sizeof(Deck))
        self.arrays = (step, function, starts, context, settings, corrections, rates, ended, owner, limits, frozen)
        self.step = <LaneStep> PyCapsule_GetPointer(step, LANES_CAPSULE)
        self.starts, self.context, self.tables = starts, context, tables
        self.is_double = ended[0].dtype == "float64"
        self.deck.size, self.deck.parameters = self.starts.shape[1], self.context.shape[1]
        self.deck.runs, self.deck.row = self.starts.shape[0], row
        self.deck.width = 8 if self.is_double else 4
        self.loop.function = PyCapsule_GetPointer(function, NAME64 if self.is_double else NAME32)
        self.loop.size = self.deck.size
        self.loop.last = steps
        self.loop.sign = 1
        self.set_options(limits, frozen)
        set_stop(&self.loop, stop)
        self.stops[0], self.stops[1] = self.loop.gtol, self.loop.ftol
        self.stops[2], self.stops[3] = self.loop.xtol, self.loop.target
        for k in range(COLUMNS):
            self.columns[k].values = numbers_of(settings[k])
            self.columns[k].stride = len(settings[k]) > 1
        self.table_count = len(corrections)
        self.corrections = <Corrections *> calloc(self.table_count, sizeof(Corrections))
        self.lanes = <Lane *> calloc(row, sizeof(Lane))
        self.alive = <uint8_t *> calloc(2*(row//GROUP), 1)
        self.allocate(value_row)
        if self.corrections == NULL or self.lanes == NULL or self.alive == NULL:
            raise MemoryError()
        self.doubts = self.alive + row//GROUP
        for k, (values, complete) in enumerate(corrections):
            self.corrections[k].values = numbers_of(values)
            self.corrections[k].length = len(values)
            self.corrections[k].complete = complete
        if rates is not None:
            self.rates, self.rate_count = numbers_of(rates), len(rates)
            if self.rate_count < steps:
                self.loop.last, self.running_out = self.rate_count, True
        self.x_out, self.jac_out = bytes_of_all(ended[0]), bytes_of_all(ended[1])
        self.fun_out, self.status_out, self.nit_out = ended[2:]

    cdef int set_options(self, limits, frozen) except -1:
        """Let single lanes be looked at with bounds, and with what is frozen."""
        cdef const char[::1] mask
        if limits is None and frozen is None:
            return 0
        memset(&self.options, 0, sizeof(Options))
        self.options.sign = 1
        if limits is not None:
            self.limits = bytes_of_all(limits)
            self.options.lower = <void *> self.limits
            self.options.upper = <void *> (self.limits + self.deck.size*self.deck.width)
        if frozen is not None:
            mask = frozen.view("int8")
            self.options.frozen = &mask[0]
        self.loop.options = &self.options
        return 0

    cdef int allocate(self, int64_t value_row) except -1:
        """Lay out the points, the rows, and what a single lane is looked at in."""
        cdef Deck *deck = &self.deck
        cdef int64_t line = deck.row*deck.width, point = deck.size*deck.width, k
        cdef char *place
        self.row_count = value_row + 1
        self.memory = <char *> calloc(
            (3*deck.size + self.row_count)*line + 4*point + (deck.parameters + 1)*deck.width + 64, 1
        )
        if self.memory == NULL:
            raise MemoryError()
        place = self.memory + (-<uintptr_t> self.memory & 63)
        for k in range(3):
            deck.points[k] = place + k*deck.size*line
        deck.rows = place + 3*deck.size*line
        place = deck.rows + self.row_count*line
        for k in range(2):
            self.points64[k].x = <alone64> (place + 2*k*point)
            self.points64[k].gradient = <alone64> (place + (2*k + 1)*point)
            self.points32[k].x = <alone32> (place + 2*k*point)
            self.points32[k].gradient = <alone32> (place + (2*k + 1)*point)
        self.loop.context = <void *> (place + 4*point)
        self.loop.best_x = place  # where a lane is looked at that goes on
        return 0

    def __dealloc__(self):
        free(self.memory)
        free(self.lanes)
        free(self.alive)
        free(self.corrections)

    def advance(self, double seconds_each=5e-3):
        """Go on for about so many seconds; return how many runs have not ended."""
        cdef int64_t left
        with nogil:
            if self.is_double:
                left = advance_lanes(self, <alone64> NULL, seconds_each)
            else:
                left = advance_lanes(self, <alone32> NULL, seconds_each)
        return left

    def end(self, Status status):
        """End all runs that are under way where they stand."""
        with nogil:
            if self.is_double:
                end_lanes(self, <alone64> NULL, status)
            else:
                end_lanes(self, <alone32> NULL, status)

    @property
    def begun(self):
        """How many runs were begun: the first so many."""
        return self.deck.next_run


cdef char *bytes_of_all(array) except NULL:
    cdef char[::1] view = array.reshape(-1).view("int8") if array.size else bytearray(1)
    return &view[0]


cdef inline void fill_row(alone row, int64_t count, double value) noexcept nogil:
    cdef int64_t lane
    for lane in range(count):
        store_number(row, lane, value)


cdef inline void store_number(alone row, int64_t place, double value) noexcept nogil:
    if alone is alone64:
        row[place] = value
    else:
        row[place] = <float> value


cdef const double *numbers_of(array) except? NULL:
    cdef const double[::1] view = array
    return &view[0] if view.shape[0] else NULL


cdef inline alone points_of(Lanes lanes, alone like, int64_t age) noexcept nogil:
    """Return the points before (0), here (1) or next (2)."""
    return <alone> lanes.deck.points[(lanes.deck.passes + age) % 3]


cdef int64_t advance_lanes(Lanes self, alone like, double seconds_each) noexcept nogil:
    cdef double begin = seconds()
    cdef int64_t k, burst = 1
    cdef double before, now = begin
    if self.deck.next_run == 0:
        fill_deck(self, like)
    while self.deck.active:
        for k in range(burst):
            one_pass(self, like)
            if not self.deck.active:
                return 0
        before, now = now, seconds()
        if now >= self.loop.deadline:
            end_lanes(self, like, TIME_LIMIT)
            return 0
        if now - begin >= seconds_each:
            break
        if now - before < seconds_each/16:
            burst *= 2
        elif now - before > seconds_each/8 and burst > 1:
            burst //= 2
    return self.deck.active + self.deck.runs - self.deck.next_run


# ---- the lanes ----------------------------------------------------------------------------------


cdef void fill_deck(Lanes self, alone like) noexcept nogil:
    cdef Deck *deck = &self.deck
    cdef int64_t lane
    deck.active = min(deck.row, deck.runs)
    deck.due = deck.tired = INT64_MAX
    for lane in range(deck.active):
        take_start(self, points_of(self, like, 1), points_of(self, like, 0), lane, 0)
    mark_lanes(self)


cdef void mark_lanes(Lanes self) noexcept nogil:
    """Note which lanes are in use, when one of them is due, and whether they have one rate."""
    cdef Deck *deck = &self.deck
    cdef int64_t k, rest
    for k in range(deck.row//GROUP):
        rest = deck.active - k*GROUP
        self.alive[k] = 255 if rest >= GROUP else ((1 << rest) - 1 if rest > 0 else 0)
    deck.together = not (
        self.columns[BY_LEARNING_RATE].stride
        or self.columns[BY_BETA1].stride
        or self.columns[BY_DECAY].stride
    )
    deck.due = INT64_MAX
    for k in range(deck.active):
        deck.together = deck.together and self.lanes[k].born == self.lanes[0].born
        deck.due = min(deck.due, self.lanes[k].born + self.loop.last)


cdef void take_start(Lanes self, alone x, alone before, int64_t lane, int64_t born) noexcept nogil:
    """Let a lane begin the next run at `x`; nothing stands before its start."""
    cdef Deck *deck = &self.deck
    cdef Lane *here = &self.lanes[lane]
    cdef int64_t run = deck.next_run, row = deck.row, size = deck.size, k
    cdef alone rows = <alone> deck.rows
    here.run, here.born, here.correcting = run, born, True
    here.learning_rate = column_at(&self.columns[BY_LEARNING_RATE], run)
    here.beta1 = column_at(&self.columns[BY_BETA1], run)
    here.weight_decay = column_at(&self.columns[BY_DECAY], run)
    here.table = self.tables[run if self.tables.shape[0] > 1 else 0]
    for k in range(size):
        store_number(x, k*row + lane, self.starts[run, k])
        store_number(before, k*row + lane, NAN)
        store_number(rows, k*row + lane, 0)
        store_number(rows, (size + k)*row + lane, 0)
    rows = rows + 2*size*row + lane
    store_number(rows, BETA1*row, here.beta1)
    store_number(rows, ONE_MINUS_BETA1*row, 1 - here.beta1)
    store_number(rows, BETA2*row, column_at(&self.columns[BY_BETA2], run))
    store_number(rows, INSIDE*row, column_at(&self.columns[BY_INSIDE], run))
    store_number(rows, OUTSIDE*row, column_at(&self.columns[BY_OUTSIDE], run))
    store_number(rows, L2*row, column_at(&self.columns[BY_L2], run))
    store_number(rows, CLIP*row, column_at(&self.columns[BY_CLIP], run))
    store_number(rows, MINUS_CLIP*row, -column_at(&self.columns[BY_CLIP], run))
    rows = rows + SETTING_ROWS*row
    for k in range(deck.parameters):
        store_number(rows, k*row, self.context[run if self.context.shape[0] > 1 else 0, k])
    store_number(rows, deck.parameters*row, NAN)  # no value stands before its first
    deck.next_run += 1
    deck.correcting = True
    deck.tired = min(deck.tired, born + REST)


cdef void move_lane(Lanes self, alone like, int64_t source, int64_t target) noexcept nogil:
    """Let a run go on in another lane."""
    cdef Deck *deck = &self.deck
    cdef int64_t k, age
    cdef alone rows = <alone> deck.rows
    cdef alone points
    self.lanes[target] = self.lanes[source]
    for k in range(self.row_count):
        rows[k*deck.row + target] = rows[k*deck.row + source]
    for age in range(3):
        points = points_of(self, like, age)
        for k in range(deck.size):
            points[k*deck.row + target] = points[k*deck.row + source]


# ---- a pass -------------------------------------------------------------------------------------


cdef void one_pass(Lanes self, alone like) noexcept nogil:
    """Take all lanes one step further, and end the runs that are to end."""
    cdef Deck *deck = &self.deck
    cdef int64_t doubts
    if deck.correcting:
        set_rates(self, like)
    if deck.passes >= deck.tired:
        rest_lanes(self, like)
    doubts = self.step(
        points_of(self, like, 0), points_of(self, like, 1), points_of(self, like, 2), deck.rows,
        self.stops, self.limits, self.alive, self.doubts, (deck.active + GROUP - 1)//GROUP,
    )
    if doubts or deck.passes >= deck.due:
        decide_all(self, like)
    deck.passes += 1


cdef inline double learning_rate_of(Lanes self, const Lane *lane) noexcept nogil:
    """Return the learning rate of the next step of a lane; 0 where a schedule has ended."""
    cdef int64_t t = self.deck.passes - lane.born
    if self.rates == NULL:
        return lane.learning_rate
    return self.rates[t] if t < self.rate_count else 0


cdef inline double factor_of(Lanes self, Lane *lane) noexcept nogil:
    """Return 1 - beta1**t for the next step of a lane, and note whether that changes any more."""
    cdef const Corrections *table = &self.corrections[lane.table]
    cdef int64_t t = self.deck.passes - lane.born
    cdef double factor = 1
    if t < table.length:
        factor = table.values[t]
    elif not table.complete:
        factor = correction(lane.beta1, t + 1)
    lane.correcting = factor != 1 or self.rates != NULL
    return factor


cdef void set_rates(Lanes self, alone like) noexcept nogil:
    """Put the rates of the next step into their rows, for the lanes in which they change."""
    cdef Deck *deck = &self.deck
    cdef int64_t lane, row = deck.row
    cdef alone rows = <alone> deck.rows + 2*deck.size*row
    cdef double rate, factor
    deck.correcting = False
    if deck.together:
        rate = learning_rate_of(self, &self.lanes[0])
        factor = factor_of(self, &self.lanes[0])
        deck.correcting = self.lanes[0].correcting
        fill_row(rows + MINUS_RATE*row, row, -(rate/factor))
        fill_row(rows + DECAY*row, row, rate*self.lanes[0].weight_decay)
        if not deck.correcting:
            for lane in range(1, deck.active):
                self.lanes[lane].correcting = False
        return
    for lane in range(deck.active):
        if self.lanes[lane].correcting:
            rate = learning_rate_of(self, &self.lanes[lane])
            factor = factor_of(self, &self.lanes[lane])
            deck.correcting = deck.correcting or self.lanes[lane].correcting
            store_number(rows, MINUS_RATE*row + lane, -(rate/factor))
            store_number(rows, DECAY*row + lane, rate*self.lanes[lane].weight_decay)


cdef void rest_lanes(Lanes self, alone like) noexcept nogil:
    """Do for each lane what `rest` in loop.pxi does, at every REST-th of its steps."""
    cdef Deck *deck = &self.deck
    cdef alone rows = <alone> deck.rows
    cdef int64_t lane, t
    deck.tired = INT64_MAX
    for lane in range(deck.active):
        t = deck.passes - self.lanes[lane].born
        deck.tired = min(deck.tired, deck.passes + REST - t % REST)
        if t and t % REST == 0:
            if is_low(rows + lane, rows + deck.size*deck.row + lane, deck):
                lift_lane(self, like, lane)


cdef bint is_low(alone m, alone u, const Deck *deck) noexcept nogil:
    """Tell whether m or u of a lane may be among the subnormal numbers."""
    cdef int64_t k, row = deck.row
    cdef bint low = False
    for k in range(deck.size):
        low |= magnitude(m[k*row]) < normal(m[k*row]) or 0 < u[k*row] < ample(u[k*row])
    return low


cdef void lift_lane(Lanes self, alone like, int64_t lane) noexcept nogil:
    """Lift m and u of a lane where the gradient is 0."""
    cdef Deck *deck = &self.deck
    cdef int64_t k, row = deck.row
    cdef alone m = <alone> deck.rows + lane
    cdef alone u = <alone> deck.rows + deck.size*row + lane
    cdef alone x = <alone> self.loop.best_x
    cdef alone gradient = x + deck.size
    look(self, points_of(self, like, 1), lane, x, gradient)
    for k in range(deck.size):
        if gradient[k] == 0:
            if magnitude(m[k*row]) < normal(m[k*row]):
                m[k*row] = 0
            if 0 < u[k*row] < ample(u[k*row]):
                u[k*row] = ample(u[k*row])


cdef double look(Lanes self, alone points, int64_t lane, alone x, alone gradient) noexcept nogil:
    """Copy the point of a lane to `x`, and evaluate there."""
    cdef Deck *deck = &self.deck
    cdef int64_t k, row = deck.row, size = deck.size
    cdef alone context = <alone> self.loop.context
    cdef alone rows = <alone> deck.rows + (2*size + SETTING_ROWS)*row + lane
    for k in range(size):
        x[k] = points[k*row + lane]
    for k in range(deck.parameters):
        context[k] = rows[k*row]
    return evaluate_at(x, gradient, &self.loop)


# ---- the end of a run ---------------------------------------------------------------------------


cdef void decide_all(Lanes self, alone like) noexcept nogil:
    """Look at the lanes that give cause to, from the last to the first: the last may move."""
    cdef Deck *deck = &self.deck
    cdef int64_t lane
    cdef bint due = deck.passes >= deck.due, changed = due
    for lane in range(deck.active - 1, -1, -1):
        if self.doubts[lane//GROUP] >> (lane % GROUP) & 1 or (
            due and deck.passes - self.lanes[lane].born >= self.loop.last
        ):
            if end_lane(self, like, lane, RUNNING):
                replace(self, like, lane)
                changed = True
    if changed:
        mark_lanes(self)


cdef void replace(Lanes self, alone like, int64_t lane) noexcept nogil:
    """Let the next start have the place of a run that has ended, or the last lane."""
    cdef Deck *deck = &self.deck
    if deck.next_run < deck.runs:
        take_start(
            self, points_of(self, like, 2), points_of(self, like, 1), lane, deck.passes + 1
        )
        return
    deck.active -= 1
    if lane != deck.active:
        move_lane(self, like, deck.active, lane)
    elif lane:
        move_lane(self, like, 0, lane)  # what is computed there in vain is nothing of its own


cdef void end_lanes(Lanes self, alone like, Status reason) noexcept nogil:
    """End all runs that are under way, between two passes."""
    cdef int64_t lane
    for lane in range(self.deck.active):
        end_lane(self, like, lane, reason)
    self.deck.active = 0


cdef bint end_lane(Lanes self, alone like, int64_t lane, Status reason) noexcept nogil:
    """End a run where there is cause to; a `reason` other than RUNNING is one."""
    if alone is alone64:
        return decided(self, &self.points64[0], &self.points64[1], lane, reason)
    else:
        return decided(self, &self.points32[0], &self.points32[1], lane, reason)


cdef bint decided(Lanes self, Point *here, Point *before, int64_t lane, Status reason) noexcept nogil:
    """Tell whether the run of a lane has ended; then what it came to has been written."""
    cdef Status status
    self.loop.t = self.deck.passes - self.lanes[lane].born
    look_at(self, here, lane, 1)
    status = examine(here, &self.loop)
    if status < 0 and self.loop.t:
        look_at(self, before, lane, 0)
        write_out(self, before, lane, status, self.loop.t - 1)
        return True
    if status == RUNNING and self.loop.watching:
        if self.loop.t:
            look_at(self, before, lane, 0)
        else:
            before.value = NAN
        status = met(here, before, &self.loop)
    if status == RUNNING:
        status = at_limit(&self.loop)
        if status != RUNNING and self.running_out:
            status = SCHEDULE_FAILED
    if status == RUNNING:
        status = reason
    if status == RUNNING and leads_nowhere(self, points_of(self, here.x, 2), lane):
        status = POINT_NOT_FINITE
    if status == RUNNING:
        return False
    write_out(self, here, lane, status, self.loop.t)
    return True


cdef bint leads_nowhere(Lanes self, alone points, int64_t lane) noexcept nogil:
    """Tell whether the point of a lane is not finite."""
    cdef int64_t k, broken = 0
    for k in range(self.deck.size):
        broken |= is_broken(points[k*self.deck.row + lane])
    return broken != 0


cdef void look_at(Lanes self, Point *point, int64_t lane, int64_t age) noexcept nogil:
    """Evaluate where a lane stands (1), or stood before (0)."""
    point.value = look(self, points_of(self, point.x, age), lane, point.x, point.gradient)


cdef void write_out(
    Lanes self, const Point *point, int64_t lane, Status status, int64_t nit
) noexcept nogil:
    cdef int64_t run = self.lanes[lane].run, bytes = self.deck.size*self.deck.width
    memcpy(self.x_out + run*bytes, point.x, bytes)
    memcpy(self.jac_out + run*bytes, point.gradient, bytes)
    self.fun_out[run] = point.value
    self.status_out[run] = <int8_t> status
    self.nit_out[run] = nit


def corrections(double beta1, int64_t steps):
    """Return 1 - beta1**t for t = 1, 2, ..., at most `steps`; and whether all behind is 1.

    Parameters
    ----------
    beta1 : float
    steps : int

    Returns
    -------
    tuple of (list of float, bool)
    """
    cdef list found = []
    cdef int64_t t
    cdef double factor
    for t in range(1, steps + 1):
        factor = correction(beta1, t)
        if factor == 1:
            return found, True
        found.append(factor)
    return found, False

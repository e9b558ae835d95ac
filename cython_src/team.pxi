# The evaluation of an objective with loops: by several threads, in interruptible parts, on batches.
#
# The machine code comes in pieces: `open`, then for each loop at the top `nest` over some of its
# parts and `close`. How a loop is cut into parts depends on its length alone, so the bits do not
# depend on who computes which part. The threads are Python's, and wait here without the GIL.

from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.pythread cimport (
    PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_release_lock,
    PyThread_type_lock, WAIT_LOCK,
)
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil

cdef extern from *:
    """
    /* What NumPy's capsule "BitGenerator" points to: its public C interface, written out so that
       NumPy's headers are not needed to build. */
    typedef struct {
        void *state;
        uint64_t (*next_uint64)(void *state);
        uint32_t (*next_uint32)(void *state);
        double (*next_double)(void *state);
        uint64_t (*next_raw)(void *state);
    } symadamax_bitgen;
    """
    ctypedef struct bitgen_t "symadamax_bitgen":
        void *state
        uint64_t (*next_uint64)(void *state) noexcept nogil
        uint32_t (*next_uint32)(void *state) noexcept nogil

ctypedef void (*Piece)(void *words) noexcept nogil
ctypedef void (*Nest)(void *words, int64_t first, int64_t last) noexcept nogil

cdef double PATIENCE = 0.02  # seconds between two looks at signals
cdef enum:
    LANES = 8  # rows are readable so far behind the last
    PAUSE_WORD = 3  # of the context: where `pause` stands, and the Team that it asks
    TEAM_WORD = 4
    MOST_WORDS = 512  # of a context that each thread of a fused run copies


cdef struct Phase:
    Nest nest
    Piece close
    int64_t *parts  # a word of the context


cdef struct Worker:
    PyThread_type_lock start, done
    int64_t first, last
    Phase *phase
    # in a fused run (see fused.pxi): whose, what is stored, and whether something is not finite
    void *run
    void *stretch
    int64_t broken


cdef int pause(int64_t *words) noexcept nogil:
    """Called by machine code between two blocks: not 0 ends the evaluation."""
    return (<Team> <void *> <uintptr_t> words[TEAM_WORD]).look()


cdef inline int64_t bounded(uint32_t bits, uint32_t n, bitgen_t *source) noexcept nogil:
    """Return a whole number from 0 to n - 1 from 32 bits, each equally likely (Lemire 2019)."""
    cdef uint64_t product = <uint64_t> bits*<uint64_t> n
    cdef uint32_t low = <uint32_t> product
    cdef uint32_t floor
    if low < n:
        floor = (<uint32_t> -n) % n
        while low < floor:
            product = <uint64_t> source.next_uint32(source.state)*<uint64_t> n
            low = <uint32_t> product
    return <int64_t> (product >> 32)


cdef inline int64_t below(bitgen_t *source, int64_t n) noexcept nogil:
    """Return a whole number from 0 to n - 1; above 2**32 bits are masked, and drawn again."""
    cdef uint64_t mask, found
    if n >> 32 == 0:
        return bounded(source.next_uint32(source.state), <uint32_t> n, source)
    mask = <uint64_t> n - 1
    mask |= mask >> 1
    mask |= mask >> 2
    mask |= mask >> 4
    mask |= mask >> 8
    mask |= mask >> 16
    mask |= mask >> 32
    found = source.next_uint64(source.state) & mask
    while found >= <uint64_t> n:
        found = source.next_uint64(source.state) & mask
    return <int64_t> found


cdef inline void swap(int64_t *rows, int64_t one, int64_t other) noexcept nogil:
    cdef int64_t kept = rows[one]
    rows[one] = rows[other]
    rows[other] = kept


cdef class Sampler:
    """Draws the rows of each batch from a generator's own stream of bits.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator
    rows : ndarray of int64, shape (count + 8,)
        With `shuffle` all rows, in the order in which an epoch takes them; otherwise those of the
        batch at hand.
    first, count, batch : int
        The smallest row, the number of rows, and how many a batch has.
    shuffle : bool
        Every row once an epoch, the last batch of which may be smaller; or with replacement.
    position : int
        Where the batch at hand begins in `rows`; -1 before the first.
    """

    cdef bitgen_t *bits
    cdef object generator
    cdef readonly object rows
    cdef int64_t *row
    cdef readonly int64_t first, count, batch, position, size
    cdef readonly bint shuffle
    cdef bint again

    def __init__(
        self, bit_generator, int64_t[::1] rows, int64_t first, int64_t count, int64_t batch,
        bint shuffle, int64_t position=-1, int64_t size=0,
    ):
        self.bits = <bitgen_t *> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
        self.generator, self.rows = bit_generator, rows.base
        self.row = &rows[0]
        self.first, self.count, self.batch, self.shuffle = first, count, batch, shuffle
        self.position, self.size = position, size
        self.again = position >= 0  # a run that goes on begins with the batch at hand

    def next(self):
        """Take the next batch, and return its rows."""
        self.draw()
        return self.rows[self.position:self.position + self.size]

    cdef void draw(self) noexcept nogil:
        """Take the next batch: it begins at `position`, and has `size` rows."""
        cdef int64_t k
        if self.again:
            self.again = False
            return
        if not self.shuffle:
            self.position, self.size = 0, self.batch
            for k in range(self.batch):
                self.row[k] = self.first + below(self.bits, self.count)
            return
        self.position = self.count if self.position < 0 else self.position + self.size
        if self.position >= self.count:
            self.mix()
        self.size = min(self.batch, self.count - self.position)

    cdef void mix(self) noexcept nogil:
        """Shuffle the rows for a new epoch (Fisher and Yates, Durstenfeld's form).

        One word of 64 bits serves two rows: most of the time is spent on the generator.
        """
        cdef int64_t k = self.count - 1
        cdef uint64_t word
        cdef uint32_t high, low
        cdef int64_t i
        self.position = 0
        for i in range(self.count):
            self.row[i] = self.first + i
        while k >> 32:
            swap(self.row, k, below(self.bits, k + 1))
            k -= 1
        while k > 1:
            word = self.bits.next_uint64(self.bits.state)
            high, low = <uint32_t> (word >> 32), <uint32_t> word
            swap(self.row, k, bounded(high, <uint32_t> (k + 1), self.bits))
            swap(self.row, k - 1, bounded(low, <uint32_t> k, self.bits))
            k -= 2
        if k == 1:
            swap(self.row, 1, below(self.bits, 2))


cdef class Team:
    """What evaluates an objective with loops: the context of the interface in objective.pxd.

    Parameters
    ----------
    words : ndarray of int64
        The context of the machine code.
    pieces : sequence of int
        The addresses of open, nest0, close0, nest1, close1, ...
    parts : sequence of int
        For each loop the place of the word that says in how many parts it is cut.
    owner : object
        Kept alive.
    threads : int
        How many work; all but one call `work` and stay there until `dismiss`.
    sampler : Sampler, optional
    batch : tuple, optional
        The places of the words of the sampled loop: rows, scale, and the tuple of (upper, last,
        blocks) of each of its loops; and how many turns a block has.
    """

    cdef object owner
    cdef int64_t *words
    cdef Piece open
    cdef Phase *phases
    cdef Worker *workers
    cdef int64_t count, word_count
    cdef readonly int threads
    cdef bint cancelled, dismissed
    cdef bint patient  # signals wait: half an evaluation would be lost, or tear a run apart
    cdef double looked
    cdef unsigned long caller
    cdef object error
    cdef Sampler sampler
    cdef int64_t rows_place, scale_place, block, loops
    cdef int64_t loop_places[64]

    def __cinit__(
        self, int64_t[::1] words, pieces, parts, owner, int threads=1,
        Sampler sampler=None, batch=None,
    ):
        cdef int64_t k
        self.owner = (words.base, owner)
        self.words = &words[0]
        self.word_count = words.shape[0]
        self.words[PAUSE_WORD] = <int64_t> <uintptr_t> &pause
        self.words[TEAM_WORD] = <int64_t> <uintptr_t> <void *> self
        self.threads = max(threads, 1)
        self.count = len(parts)
        self.open = <Piece> <uintptr_t> pieces[0]
        self.phases = <Phase *> calloc(max(self.count, 1), sizeof(Phase))
        self.workers = <Worker *> calloc(self.threads, sizeof(Worker))
        if self.phases == NULL or self.workers == NULL:
            raise MemoryError()
        for k in range(self.count):
            self.phases[k].nest = <Nest> <uintptr_t> pieces[1 + 2*k]
            self.phases[k].close = <Piece> <uintptr_t> pieces[2 + 2*k]
            self.phases[k].parts = &self.words[<int64_t> parts[k]]
        for k in range(1, self.threads):
            self.workers[k].start = PyThread_allocate_lock()
            self.workers[k].done = PyThread_allocate_lock()
            PyThread_acquire_lock(self.workers[k].start, WAIT_LOCK)
            PyThread_acquire_lock(self.workers[k].done, WAIT_LOCK)
        self.sampler = sampler
        if sampler is not None:
            self.set_batch(batch)

    cdef int set_batch(self, batch) except -1:
        cdef int64_t k
        self.rows_place, self.scale_place, loops, self.block = batch
        self.loops = len(loops)
        if 3*self.loops > 64:
            raise ValueError("the sampled index has too many loops")
        for k, places in enumerate(loops):
            self.loop_places[3*k], self.loop_places[3*k + 1], self.loop_places[3*k + 2] = places
        return 0

    def __dealloc__(self):
        cdef int64_t k
        if self.workers != NULL:
            for k in range(1, self.threads):
                if self.workers[k].start != NULL:
                    PyThread_free_lock(self.workers[k].start)
                if self.workers[k].done != NULL:
                    PyThread_free_lock(self.workers[k].done)
        free(self.workers)
        free(self.phases)

    def work(self, int64_t k):
        """Work as thread k = 1, 2, ... until `dismiss` is called."""
        cdef Worker *worker = &self.workers[k]
        with nogil:
            while True:
                PyThread_acquire_lock(worker.start, WAIT_LOCK)
                if self.dismissed:
                    break
                if worker.run:
                    fused_parts(worker, k)
                else:
                    self.do_parts(worker)
                PyThread_release_lock(worker.done)

    @property
    def fusible(self):
        """Whether a fused run can copy its context."""
        return self.word_count <= MOST_WORDS and self.sampler is None

    def dismiss(self):
        """Let the threads go; nothing may be evaluated any more but by one thread."""
        cdef int64_t k
        if not self.dismissed:
            self.dismissed = True
            for k in range(1, self.threads):
                PyThread_release_lock(self.workers[k].start)

    cdef void do_parts(self, Worker *worker) noexcept nogil:
        cdef int64_t part
        for part in range(worker.first, worker.last):
            if self.look():
                return
            worker.phase.nest(self.words, part, part + 1)

    cdef int look(self) noexcept nogil:
        """Look for signals now and then, in the thread that evaluates; not 0 to end."""
        if self.caller == PyThread_get_thread_ident() and not self.patient:
            if seconds() - self.looked > PATIENCE:
                self.listen()
                self.looked = seconds()
        return self.cancelled

    cdef void listen(self) noexcept nogil:
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as error:
                self.error = error
                self.cancelled = True

    cdef void draw(self) noexcept nogil:
        """Let the sampled loop run over the next batch."""
        cdef double scale
        cdef int64_t k, size
        self.sampler.draw()
        size = self.sampler.size
        scale = <double> self.sampler.count/<double> max(size, 1)
        self.words[self.rows_place] = <int64_t> <uintptr_t> (
            self.sampler.row + self.sampler.position
        )
        memcpy(&self.words[self.scale_place], &scale, sizeof(scale))
        for k in range(self.loops):
            self.words[self.loop_places[3*k]] = size - 1
            self.words[self.loop_places[3*k + 1]] = size - 1
            self.words[self.loop_places[3*k + 2]] = (size + self.block - 1)//self.block

    cdef double run(self, const void *x, void *gradient) noexcept nogil:
        """Evaluate; NaN when it was interrupted, with the exception in `error`."""
        cdef int64_t k
        cdef double value
        if self.cancelled:  # until the exception has been raised
            return NAN
        self.looked, self.caller = seconds(), PyThread_get_thread_ident()
        if self.sampler is not None:
            self.draw()
        self.words[0] = <int64_t> <uintptr_t> x
        self.words[1] = <int64_t> <uintptr_t> gradient
        self.open(self.words)
        for k in range(self.count):
            self.do_phase(&self.phases[k])
            if self.cancelled:
                return NAN
            self.phases[k].close(self.words)
        memcpy(&value, &self.words[2], sizeof(value))
        return value

    cdef void do_phase(self, Phase *phase) noexcept nogil:
        """Do one loop: each thread its share of the parts."""
        cdef int64_t k, parts = phase.parts[0]
        cdef int64_t threads = 1 if self.dismissed else min(<int64_t> self.threads, parts)
        for k in range(max(threads, 1)):
            self.workers[k].phase = phase
            self.workers[k].first = parts*k//max(threads, 1)
            self.workers[k].last = parts*(k + 1)//max(threads, 1)
            if k:
                PyThread_release_lock(self.workers[k].start)
        self.do_parts(&self.workers[0])
        for k in range(1, threads):
            PyThread_acquire_lock(self.workers[k].done, WAIT_LOCK)

    cdef int raise_error(self) except -1:
        if self.error is not None:
            error, self.error = self.error, None
            self.cancelled = False
            raise error
        return 0


cdef double team64(const double *x, double *gradient, void *context) noexcept nogil:
    return (<Team> context).run(x, gradient)


cdef float team32(const float *x, float *gradient, void *context) noexcept nogil:
    return <float> (<Team> context).run(x, gradient)

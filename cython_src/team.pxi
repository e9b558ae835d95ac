# The evaluation of an objective with loops: by several threads, in interruptible parts, on batches.
#
# The machine code comes in pieces: `open`, then for each loop at the top `nest` over some of its
# parts and `close`. How a loop is cut into parts depends on its length alone, so the bits do not
# depend on who computes which part. So each thread takes the next few parts whenever it is free: one
# whose processor is slower, or busy with something else, keeps nobody waiting. The threads are
# Python's, and wait here without the GIL.

from cpython.pythread cimport (
    PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_release_lock,
    PyThread_type_lock, NOWAIT_LOCK, WAIT_LOCK,
)
from libc.stdlib cimport calloc, free

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil

cdef extern from *:
    """
    #if defined(__x86_64__) || defined(_M_X64)
    #include <emmintrin.h>
    #define symadamax_fence() _mm_sfence()
    #else  /* what is stored past the cache is in order there */
    #define symadamax_fence() ((void)0)
    #endif
    /* Add to a number that several threads add to, and return what it was. */
    #ifdef _MSC_VER
    #include <intrin.h>
    #define symadamax_take(number, count) _InterlockedExchangeAdd64((number), (count))
    #else
    #define symadamax_take(number, count) __atomic_fetch_add((number), (count), __ATOMIC_RELAXED)
    #endif
    """
    void fence "symadamax_fence"() noexcept nogil
    int64_t take "symadamax_take"(int64_t *number, int64_t count) noexcept nogil

ctypedef void (*Piece)(void *words) noexcept nogil
ctypedef void (*Nest)(void *words, int64_t first, int64_t last) noexcept nogil

cdef double PATIENCE = 0.02  # seconds between two looks at signals
cdef enum:
    LANES = 8  # rows are readable so far behind the last
    PAUSE_WORD = 3  # of the context: where `pause` stands, and the Team that it asks
    TEAM_WORD = 4
    PORTIONS = 16  # of the parts of a loop, for each thread


cdef struct Phase:
    Nest nest
    Nest update  # what takes the unknowns further as well, or NULL
    Piece close
    int64_t *parts  # a word of the context


cdef struct Worker:
    PyThread_type_lock start, done


# What the threads do at the moment: `nest` on parts, `portion` of them at a time from `next` on.
cdef struct Work:
    Nest nest
    int64_t next, parts, portion


cdef int pause(int64_t *words) noexcept nogil:
    """Called by machine code between two blocks: not 0 ends the evaluation."""
    return (<Team> <void *> <uintptr_t> words[TEAM_WORD]).look()


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
    cdef Work at_hand
    cdef int64_t count
    cdef readonly int threads
    cdef bint cancelled, dismissed
    cdef bint patient  # signals wait: half an evaluation would be lost, or tear a run apart
    cdef bint updating  # an evaluation takes the unknowns further as well
    cdef double looked, listened  # when: at the clock, and for signals
    cdef int64_t unseen, stride  # looks since that at the clock, and how many there are between two
    cdef unsigned long caller
    cdef object error
    cdef Sampler sampler
    cdef int64_t scale_place, block, loops, drawn
    cdef int64_t loop_places[64]

    def __cinit__(
        self, int64_t[::1] words, pieces, parts, owner, int threads=1,
        Sampler sampler=None, batch=None,
    ):
        cdef int64_t k
        self.owner = (words.base, owner)
        self.words = &words[0]
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
        rows_place, self.scale_place, loops, self.block = batch
        self.words[<int64_t> rows_place] = <int64_t> <uintptr_t> self.sampler.row
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
                self.do_parts()
                PyThread_release_lock(worker.done)

    cdef int set_updates(self, addresses) except -1:
        cdef int64_t k
        for k in range(self.count):
            self.phases[k].update = <Nest> <uintptr_t> addresses[k]
        return 0

    def dismiss(self):
        """Let the threads go; nothing may be evaluated any more but by one thread."""
        cdef int64_t k
        if not self.dismissed:
            self.dismissed = True
            for k in range(1, self.threads):
                PyThread_release_lock(self.workers[k].start)

    cdef void do_parts(self) noexcept nogil:
        """Do what nobody else has taken, portion by portion."""
        cdef Work *work = &self.at_hand
        cdef int64_t first = take(&work.next, work.portion), part, last
        while first < work.parts:
            last = min(first + work.portion, work.parts)
            if self.updating:
                work.nest(self.words, first, last)
            else:
                for part in range(first, last):
                    if part > 0 and self.look():
                        return
                    work.nest(self.words, part, part + 1)
            first = take(&work.next, work.portion)
        if self.updating:
            fence()  # before another thread reads what was stored past the cache

    cdef int look(self) noexcept nogil:
        """Look for signals now and then, in the thread that evaluates; not 0 to end."""
        if self.caller == PyThread_get_thread_ident() and not self.patient:
            self.unseen += 1
            if self.unseen >= self.stride:
                self.look_at_clock()
        return self.cancelled

    cdef void look_at_clock(self) noexcept nogil:
        """Look at the clock, the less often the sooner one comes back, and perhaps for signals.

        Three looks in each evaluation were half of the time of the shortest.
        """
        cdef double now = seconds()
        self.stride = min(2*self.stride + 1, 64) if now - self.looked < PATIENCE/64 else 1
        self.looked, self.unseen = now, 0
        if now - self.listened > PATIENCE:
            self.listen()
            self.listened = now

    cdef void listen(self) noexcept nogil:
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as error:
                self.error = error
                self.cancelled = True

    cdef void draw(self) noexcept nogil:
        """Let the sampled loop run over the next batch."""
        self.sampler.draw()
        if self.sampler.size != self.drawn:
            self.resize(self.sampler.size)

    cdef void resize(self, int64_t size) noexcept nogil:
        """Let the sampled loop run over so many rows."""
        cdef double scale = <double> self.sampler.count/<double> size
        cdef int64_t k
        self.drawn = size
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
        self.caller = PyThread_get_thread_ident()
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
        """Do one loop, with all threads."""
        cdef int64_t k, parts = phase.parts[0], threads = 1
        if self.threads > 1 and not self.dismissed:
            threads = max(min(<int64_t> self.threads, parts), 1)
        self.at_hand.nest = phase.update if self.updating and phase.update else phase.nest
        self.at_hand.next, self.at_hand.parts = 0, parts
        self.at_hand.portion = max(parts//(threads*PORTIONS), 1) if threads > 1 else parts
        for k in range(1, threads):
            PyThread_release_lock(self.workers[k].start)
        self.do_parts()
        for k in range(1, threads):
            # Take the start back from a thread that has not begun: nothing is left for it.
            if not PyThread_acquire_lock(self.workers[k].start, NOWAIT_LOCK):
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

# Rows for batches, drawn from a NumPy generator's own stream of bits.
#
# The rows are one endless stream (with an order, epoch after epoch), which batches are cut from. A
# window on it holds the batch at hand, some rows that come next, and numbers that were drawn for
# those after them. So the sampler asks for the memory of a place in the order, and the machine code
# for the data of a row, long before they come to it, across the ends of batches and epochs.

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint64_t
from libc.string cimport memmove

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

    /* Return the upper half of a product of 128 bits; the lower takes the place of a factor. */
    static inline uint64_t symadamax_split(uint64_t *a, uint64_t b) {
    #if defined(__SIZEOF_INT128__)
        unsigned __int128 product = (unsigned __int128)*a*b;
        *a = (uint64_t)product;
        return (uint64_t)(product >> 64);
    #else
        uint64_t low = 0xFFFFFFFF, a0 = *a & low, a1 = *a >> 32, b0 = b & low, b1 = b >> 32;
        uint64_t middle = a1*b0 + (a0*b0 >> 32), other = a0*b1 + (middle & low);
        *a *= b;
        return a1*b1 + (middle >> 32) + (other >> 32);
    #endif
    }

    #if defined(__GNUC__)
    #define SYMADAMAX_FETCH(place) __builtin_prefetch(place, 0, 2)  /* into the second cache */
    #define SYMADAMAX_RARE __attribute__((noinline, cold))
    #else
    #define SYMADAMAX_FETCH(place) ((void)(place))
    #define SYMADAMAX_RARE
    #endif
    """
    ctypedef struct bitgen_t "symadamax_bitgen":
        void *state
        uint64_t (*next_uint64)(void *state) noexcept nogil
    ctypedef void rare "SYMADAMAX_RARE void"
    uint64_t split "symadamax_split"(uint64_t *a, uint64_t b) noexcept nogil
    void fetch "SYMADAMAX_FETCH"(const void *place) noexcept nogil

cdef enum:
    STRETCH = 256  # places that are drawn before the first of them is looked at
    NEAR = 1 << 14  # rows whose order is in a cache anyway

ctypedef fused whole:
    int32_t
    int64_t


cdef inline uint64_t digits(
    uint64_t word, uint64_t n, uint64_t fewer, int64_t many, uint64_t *found
) noexcept nogil:
    """Write a word, a fraction of 2**64, in the mixed radix n, n - fewer, ...; return the rest."""
    cdef int64_t k
    for k in range(many):
        found[k] = split(&word, n - <uint64_t> k*fewer)
    return word


cdef inline void roll(
    bitgen_t *bits, uint64_t n, uint64_t fewer, int64_t many, uint64_t most, uint64_t *found
) noexcept nogil:
    """Draw whole numbers below n, n - fewer, n - 2*fewer, ... from one word of 64 bits.

    Each combination is equally likely (Brackett-Rozinsky and Lemire 2024): the numbers are the
    word's digits, and a word is drawn again where some combinations had more words than others. The
    product of the ranges is at most `most`, and below 2**64.
    """
    cdef uint64_t rest = digits(bits.next_uint64(bits.state), n, fewer, many, found)
    if rest < most:
        roll_again(bits, n, fewer, many, rest, found)


cdef rare roll_again(
    bitgen_t *bits, uint64_t n, uint64_t fewer, int64_t many, uint64_t rest, uint64_t *found
) noexcept nogil:
    """Draw again as long as the rest is below 2**64 modulo the product of the ranges."""
    cdef uint64_t product = 1, floor
    cdef int64_t k
    for k in range(many):
        product *= n - <uint64_t> k*fewer
    floor = (0 - product) % product
    while rest < floor:
        rest = digits(bits.next_uint64(bits.state), n, fewer, many, found)


cdef inline void roll_all(
    bitgen_t *bits, uint64_t n, uint64_t fewer, int64_t at_once, int64_t many, uint64_t *found
) noexcept nogil:
    """Draw as many whole numbers as are wanted, so many at once from a word."""
    cdef uint64_t most = 1
    cdef int64_t k
    for k in range(at_once):
        most *= n
    k = 0
    while k + at_once <= many:
        roll(bits, n - <uint64_t> k*fewer, fewer, at_once, most, found + k)
        k += at_once
    if k < many:
        roll(bits, n - <uint64_t> k*fewer, fewer, many - k, most, found + k)


cdef int64_t at_once_below(int64_t n) noexcept nogil:
    """Return how many numbers below n are drawn from a word: 1 rest in 16 or fewer is looked at."""
    if n <= 1 << 15:
        return 4
    if n <= 1 << 20:
        return 3
    return 2 if n <= 1 << 30 else 1


cdef inline void exchange(
    whole *order, int64_t many, int64_t first, int64_t *window
) noexcept nogil:
    """Make rows of numbers: the next of an epoch is one of those left (Fisher and Yates)."""
    cdef int64_t k
    cdef whole taken
    for k in range(many):
        taken = order[k + window[k]]
        order[k + window[k]] = order[k]
        order[k] = taken
        window[k] = first + taken


cdef class Sampler:
    """Draws the rows of each batch from a generator's own stream of bits.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator
    order : ndarray of int32 or int64, shape (count,), or None
        A permutation of 0, 1, ...: the rows, less the first, as far as drawn in the order of this
        epoch, which takes each once; its last batch may be smaller. None draws with replacement.
    window : ndarray of int64, shape (batch + 2*ahead,)
        The rows of the batch at hand, `ahead` rows that come next, and as many numbers that were
        drawn for the rows after those.
    first, count, batch : int
        The smallest row, the number of rows, and how many a batch has.
    position : int
        Where the batch at hand begins in its epoch; -1 before the first.
    """

    cdef bitgen_t *bits
    cdef object generator
    cdef readonly object order, window
    cdef int32_t *order32
    cdef int64_t *order64
    cdef int64_t *row
    cdef readonly int64_t first, count, batch, position, size
    cdef int64_t ahead, at_once
    cdef bint again

    def __init__(
        self, bit_generator, order, int64_t[::1] window, int64_t first, int64_t count,
        int64_t batch, int64_t position=-1,
    ):
        self.bits = <bitgen_t *> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
        self.generator, self.window = bit_generator, window.base
        self.row = &window[0]
        self.first, self.count, self.batch = first, count, batch
        self.ahead = (window.shape[0] - batch)//2
        if self.ahead < LANES:
            raise ValueError(f"the window has {window.shape[0]} rows, and a batch {batch}")
        if order is not None:
            self.set_order(order)
        self.at_once = at_once_below(count)
        self.position = position
        self.again = position >= 0  # a run that goes on begins with the batch at hand
        if self.again:
            self.size = self.size_here()

    cdef int set_order(self, order) except -1:
        cdef int32_t[::1] narrow
        cdef int64_t[::1] wide
        if len(order) != self.count:
            raise ValueError(f"the order has {len(order)} rows of {self.count}")
        if order.dtype == "int32":
            narrow = order
            self.order32 = &narrow[0]
        else:
            wide = order
            self.order64 = &wide[0]
        self.order = order
        return 0

    def next(self):
        """Take the next batch, and return its rows."""
        self.draw()
        return self.window[:self.size]

    cdef bint shuffles(self) noexcept nogil:
        return self.order32 != NULL or self.order64 != NULL

    cdef int64_t size_here(self) noexcept nogil:
        return min(self.batch, self.count - self.position) if self.shuffles() else self.batch

    cdef void draw(self) noexcept nogil:
        """Take the next batch: the first `size` rows of the window."""
        if self.again:
            self.again = False
            return
        if self.position < 0:
            self.position = 0
            self.roll_part(self.row, 0, self.ahead)
            self.extend(self.row, 0, self.ahead)
        else:
            memmove(self.row, self.row + self.size, 2*self.ahead*sizeof(int64_t))
            self.position = (self.position + self.size) % self.count if self.shuffles() else 0
        self.size = self.size_here()
        self.extend(self.row + self.ahead, self.position + self.ahead, self.size)

    cdef void extend(self, int64_t *window, int64_t position, int64_t many) noexcept nogil:
        """Make rows of numbers that were drawn before, and draw as many behind them."""
        cdef int64_t part
        while many:
            part = min(many, STRETCH)
            self.roll_part(window + self.ahead, position + self.ahead, part)
            self.take_part(window, position, part)
            window, position, many = window + part, position + part, many - part

    cdef int64_t together(self, int64_t position, int64_t many) noexcept nogil:
        """Return how many of the next rows are of the same epoch."""
        return min(many, self.count - position % self.count) if self.shuffles() else many

    cdef void roll_part(self, int64_t *window, int64_t position, int64_t many) noexcept nogil:
        """Draw numbers for the rows at a position, which may be one of a later epoch."""
        cdef int64_t part
        while many:
            part = self.together(position, many)
            if self.shuffles():
                self.roll_some(self.count - position % self.count, 1, part, <uint64_t *> window)
                self.fetch_places(window, position % self.count, part)
            else:
                self.roll_some(self.count, 0, part, <uint64_t *> window)
            window, position, many = window + part, position + part, many - part

    cdef void take_part(self, int64_t *window, int64_t position, int64_t many) noexcept nogil:
        """Make rows of numbers, in the order in which they were drawn."""
        cdef int64_t part, k
        while many:
            part = self.together(position, many)
            if self.order32:
                exchange(self.order32 + position % self.count, part, self.first, window)
            elif self.order64:
                exchange(self.order64 + position % self.count, part, self.first, window)
            else:
                for k in range(part):
                    window[k] += self.first
            window, position, many = window + part, position + part, many - part

    cdef void fetch_places(self, const int64_t *window, int64_t place, int64_t many) noexcept nogil:
        """Ask for the memory of the order where rows will be taken from."""
        cdef int64_t k, width = 4 if self.order32 else 8
        cdef const char *order = <const char *> (
            <void *> self.order32 if self.order32 else <void *> self.order64
        )
        if self.count > NEAR:
            for k in range(many):
                fetch(order + (place + k + window[k])*width)

    cdef void roll_some(
        self, uint64_t n, uint64_t fewer, int64_t many, uint64_t *found
    ) noexcept nogil:
        """Draw from few words; for each number at once a loop of its own, a third faster."""
        if self.at_once == 4:
            roll_all(self.bits, n, fewer, 4, many, found)
        elif self.at_once == 3:
            roll_all(self.bits, n, fewer, 3, many, found)
        elif self.at_once == 2:
            roll_all(self.bits, n, fewer, 2, many, found)
        else:
            roll_all(self.bits, n, fewer, 1, many, found)

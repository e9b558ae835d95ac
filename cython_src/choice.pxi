# Two ways to write the same numbers: the first passes try both, the others take the faster one.
#
# A store past the cache does not read first what it overwrites, and leaves nothing in the cache for
# the next pass. Which way is faster depends on the processor and on the sizes of its caches; the
# bits are the same.

cdef extern from *:
    """
    #ifdef _WIN32
    #define symadamax_own_seconds symadamax_seconds
    #else  /* of a processor: others may have it meanwhile */
    static double symadamax_own_seconds(void) {
        struct timespec now;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (double)now.tv_sec + 1e-9*(double)now.tv_nsec;
    }
    #endif
    """
    double own_seconds "symadamax_own_seconds"() noexcept nogil

cdef enum:
    TRIALS = 12  # passes, three in a row of each way
    LEAST_TRIED = 1 << 18  # unknowns; fewer fit into the cache


cdef struct Choice:
    bint past_cache
    int64_t trials
    double begun
    double fastest[2]


cdef inline void set_choice(Choice *choice, int64_t size) noexcept nogil:
    choice.past_cache = False
    choice.trials = 0 if size >= LEAST_TRIED else TRIALS
    choice.fastest[0] = choice.fastest[1] = INFINITY


cdef inline void begin_trial(Choice *choice) noexcept nogil:
    if choice.trials < TRIALS:
        choice.begun = own_seconds()


cdef inline void end_trial(Choice *choice) noexcept nogil:
    """Note how long a pass took; the first of three finds in the cache what the other way left."""
    cdef int way = choice.past_cache
    if choice.trials < TRIALS:
        if choice.trials % 3:
            choice.fastest[way] = min(choice.fastest[way], own_seconds() - choice.begun)
        choice.trials += 1
        choice.past_cache = choice.trials//3 % 2
        if choice.trials == TRIALS:
            choice.past_cache = choice.fastest[1] < choice.fastest[0]

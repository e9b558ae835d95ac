"""The C interface of a compiled objective: what the loop calls, once a step.

    value = evaluate(x, gradient, context)

`x` holds the point and is only read; every entry of `gradient` is written, and nothing else is
touched. `context` is whatever the objective needs besides the point: for machine code the values of
its parameters, for a Python callable the box that holds it. An address travels through Python in a
capsule that bears one of the two names below, and so cannot be taken for the other.
"""

ctypedef double (*Evaluate64)(const double *x, double *gradient, void *context) noexcept nogil
ctypedef float (*Evaluate32)(const float *x, float *gradient, void *context) noexcept nogil

cdef extern from *:
    """
    #define SYMADAMAX_EVALUATE64 "symadamax.evaluate.float64"
    #define SYMADAMAX_EVALUATE32 "symadamax.evaluate.float32"
    """
    const char *NAME64 "SYMADAMAX_EVALUATE64"
    const char *NAME32 "SYMADAMAX_EVALUATE32"

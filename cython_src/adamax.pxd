"""Adamax for one coordinate: four equations, no loop, no memory.

Kingma and Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980, section 7.1,
algorithm 2, at step t = 1, 2, ... with the gradient g:

    rate = learning_rate/(1 - beta1**t)             (1)
    m    = beta1*m + (1 - beta1)*g                  (2)
    u    = max(beta2*u, |g| + inside)               (3)
    x    = x - rate*m/(u + outside)                 (4)

The paper has no epsilon; libraries put it `inside` the maximum, or `outside` it in the denominator
of (4). Adding 0 to a number that is not negative changes no bit, so one form serves all three.

A gradient that stays 0 lets m and u decay into the subnormal numbers, where they stick, move no
point, and make a step 20 times slower. So m becomes 0 there, and u stops above them.

The settings are doubles whatever the type of the point, and are rounded to it here: in float32
(1) and 1 - beta1 would lose digits.
"""

from libc.float cimport DBL_EPSILON, DBL_MIN, FLT_EPSILON, FLT_MIN
from libc.math cimport fabs, fabsf, pow

ctypedef fused real:
    float
    double


cdef inline double correction(double beta1, long long t) noexcept nogil:
    """Return 1 - beta1**t of (1)."""
    return 1 - pow(beta1, <double> t)


cdef inline real magnitude(real a) noexcept nogil:
    if real is double:
        return fabs(a)
    else:
        return fabsf(a)


cdef inline real smallest(real like) noexcept nogil:
    """Return the smallest number that is not subnormal."""
    if real is double:
        return DBL_MIN
    else:
        return FLT_MIN


cdef inline real floor_of_u(real like) noexcept nogil:
    """Return the size below which u stays: times any usual beta2 it is not subnormal."""
    if real is double:
        return DBL_MIN/DBL_EPSILON
    else:
        return FLT_MIN/FLT_EPSILON


cdef inline real moment(real m, real g, double beta1) noexcept nogil:
    """Return m of (2)."""
    cdef real mixed = <real> beta1*m + <real> (1 - beta1)*g
    if g == 0 and magnitude(mixed) < smallest(g):
        return 0
    return mixed


cdef inline real weight(real u, real g, double beta2, double inside) noexcept nogil:
    """Return u of (3)."""
    cdef real decayed = u if u < floor_of_u(g) else <real> beta2*u
    cdef real size = magnitude(g) + <real> inside
    return decayed if decayed > size else size


cdef inline real displacement(real m, real u, double rate, double outside) noexcept nogil:
    """Return what (4) adds to x."""
    return <real> -rate*m/(u + <real> outside)

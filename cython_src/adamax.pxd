"""Adamax for one coordinate: four equations, no loop, no memory.

Kingma and Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980, section 7.1,
algorithm 2, at step t = 1, 2, ... with the gradient g:

    rate = learning_rate/(1 - beta1**t)             (1)
    m    = beta1*m + (1 - beta1)*g                  (2)
    u    = max(beta2*u, |g| + inside)               (3)
    x    = x - rate*m/(u + outside)                 (4)

The paper has no epsilon; libraries put it `inside` the maximum, or `outside` it in the denominator
of (4). Adding 0 to a number that is not negative changes no bit, so one form serves all three.

The settings are doubles whatever the type of the point, and are rounded to it here: in float32
(1) and 1 - beta1 would lose digits.
"""

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


cdef inline real moment(real m, real g, double beta1) noexcept nogil:
    """Return m of (2)."""
    return <real> beta1*m + <real> (1 - beta1)*g


cdef inline real weight(real u, real g, double beta2, double inside) noexcept nogil:
    """Return u of (3)."""
    cdef real decayed = <real> beta2*u
    cdef real size = magnitude(g) + <real> inside
    return decayed if decayed > size else size


cdef inline real displacement(real m, real u, double rate, double outside) noexcept nogil:
    """Return what (4) adds to x."""
    return <real> -rate*m/(u + <real> outside)

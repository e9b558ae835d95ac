"""Adamax for one coordinate: four equations, no loop, no memory.

Kingma and Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980, section 7.1,
algorithm 2, at step t = 1, 2, ... with the gradient g:

    rate = learning_rate/(1 - beta1**t)             (1)
    m    = beta1*m + (1 - beta1)*g                  (2)
    u    = max(beta2*u, |g| + inside)               (3)
    x    = x - rate*m/(u + outside)                 (4)

The paper has no epsilon; libraries put it `inside` the maximum, or `outside` it in the denominator
of (4). Adding 0 to a number that is not negative changes no bit, so one form serves all three.

The options stand around these four. Of the objective's gradient g at x, with sign -1 to maximise:

    g    = sign*g + l2*x                            (5)
    g    = g*clip_norm/max(norm(g), clip_norm)      (6)
    g    = min(max(g, -clip_value), clip_value)     (7)

and after (4), with the x before the step in the product of (8):

    x    = x - learning_rate*weight_decay*x         (8)
    x    = min(max(x, lower), upper)                (9)
    mean = beta2*mean + (1 - beta2)*x               (10)

Where l2 is 0, (5) adds nothing, and (8) takes nothing where its product of settings is: the sum of
-0 and 0 would be another bit than stood there, and an option that is not given changes none.

(10) is section 7.2 of the paper; mean/(1 - beta2**t) is the averaged iterate.

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


cdef inline real regularised(real g, real x, double sign, double l2) noexcept nogil:
    """Return g of (5)."""
    cdef real signed = <real> sign*g
    return signed + <real> l2*x if <real> l2 != 0 else signed


cdef inline real clipped(real g, double clip_value) noexcept nogil:
    """Return g of (7)."""
    return within(g, <real> -clip_value, <real> clip_value)


cdef inline real decayed(real moved, real x, double decay) noexcept nogil:
    """Return x of (8) from that of (4) and the one before, with `decay` the settings' product."""
    return moved - <real> decay*x if <real> decay != 0 else moved


cdef inline real within(real x, real lower, real upper) noexcept nogil:
    """Return x of (9); NaN stays."""
    cdef real raised = lower if x < lower else x
    return upper if raised > upper else raised


cdef inline real mean(real before, real x, double beta2) noexcept nogil:
    """Return the mean of (10)."""
    return <real> beta2*before + <real> (1 - beta2)*x


cdef inline real projected(real g, real x, real lower, real upper) noexcept nogil:
    """Return x - (x - g) with (9) applied in the bracket: what bounds leave of a derivative."""
    return min(g, x - lower) if g > 0 else max(g, x - upper)

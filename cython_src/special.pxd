"""Two special functions of one real number that SciPy does not offer to C: Hurwitz's zeta function
and Lambert's W. Inline, without the GIL, no memory."""

from libc.float cimport DBL_EPSILON
from libc.math cimport INFINITY, NAN, ceil, fabs, floor, isinf, isnan, log, log1p, pow, sqrt

cdef extern from *:
    """
    /* B(2k)/(2k)! for k = 1, 2, ..., 12. */
    static const double symadamax_bernoulli[12] = {
        0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05,
        -8.267195767195768e-07, 2.08767569878681e-08, -5.284190138687493e-10,
        1.3382536530684679e-11, -3.3896802963225827e-13, 8.586062056277845e-15,
        -2.174868698558062e-16, 5.5090028283602295e-18, -1.3954464685812522e-19
    };
    /* W = -1 + sum of c(k) p^k, k = 1, 2, ..., 26, with p = sqrt(2 (e x + 1)) (Corless et al., 1996). */
    static const double symadamax_branch_point[26] = {
        1.0, -0.3333333333333333, 0.1527777777777778, -0.07962962962962963,
        0.044502314814814814, -0.02598471487360376, 0.01563563253233392, -0.009616892024299432,
        0.006014543252956118, -0.0038112980348919993, 0.0024408779911439826, -0.0015769303446867841,
        0.0010262633205076071, -0.0006720616311561362, 0.0004424730618146209, -0.00029267722472962746,
        0.00019438727605453933, -0.00012957426685274883, 8.665035805208128e-05, -5.811360750441382e-05,
        3.907668486743905e-05, -2.63380647472311e-05, 1.7790345805079586e-05, -1.2040352739559977e-05,
        8.163531982496613e-06, -5.544203208567359e-06
    };
    """
    const double *BERNOULLI "symadamax_bernoulli"
    const double *BRANCH_POINT "symadamax_branch_point"


cdef inline double zeta_above_zero(double s, double q) noexcept nogil:
    """Sum of (q + k)**-s over k = 0, 1, ..., for q > 0: terms, then Euler and Maclaurin's formula."""
    cdef double total = 0, term, rising, power
    cdef int k
    cdef double far = 10 + s  # from here the formula's terms fall fast enough
    while q < far:
        term = pow(q, -s)
        total += term
        q += 1
        if term <= DBL_EPSILON*DBL_EPSILON*total:
            return total
    power = pow(q, -s)
    total += pow(q, 1 - s)/(s - 1) + 0.5*power
    rising = s*power/q  # s (s+1) ... (s+2k-2) q**(-s-2k+1)
    for k in range(12):
        term = BERNOULLI[k]*rising
        total += term
        if fabs(term) <= 0.25*DBL_EPSILON*total:
            break
        rising *= (s + 2*k + 1)*(s + 2*k + 2)/(q*q)
    return total


cdef inline double hurwitz_zeta(double s, double q) noexcept nogil:
    """Sum of (q + k)**-s over k = 0, 1, ...; NaN where that is not real, infinite at its poles."""
    cdef double below, sign
    if isnan(s) or isnan(q) or s < 1:
        return NAN
    if s == 1:
        return INFINITY
    if q > 0:
        return 0.0 if isinf(q) else (1.0 if q == 1 else 0.0) if isinf(s) else zeta_above_zero(s, q)
    if q == floor(q):
        return INFINITY
    if s != floor(s):
        return NAN
    # The terms below 0 are (-1)**s times a finite sum, which is a difference of two zetas.
    sign = 1.0 if s == 2*floor(0.5*s) else -1.0
    below = ceil(-q)  # how many terms; the last of them is 1 - below - q, without rounding
    return zeta_above_zero(s, q + below) + sign*(
        zeta_above_zero(s, -q - (below - 1)) - zeta_above_zero(s, 1 - q)
    )


cdef inline double branch_point_series(double p) noexcept nogil:
    cdef double total = 0
    cdef int k
    for k in range(25, -1, -1):
        total = (total + BRANCH_POINT[k])*p
    return total - 1


cdef inline double lambert_w(long long branch, double x) noexcept nogil:
    """The real w with w exp(w) = x, above -1 for branch 0 and below for branch -1; else NaN."""
    cdef double w, above, logarithm, z, one, q
    cdef int k
    # x + 1/e, with 1/e in two doubles: nothing cancels near the branch point.
    above = (x + 0.36787944117144233) - 1.2428753672788363e-17
    if isnan(x) or above < 0 or (branch == -1 and x > 0):
        return NAN
    if x == 0:
        return x if branch == 0 else -INFINITY
    if isinf(x):
        return x
    if above < 0.0166:
        z = sqrt(2*2.718281828459045*above)
        return branch_point_series(z if branch == 0 else -z)
    logarithm = log(fabs(x))
    if branch == -1:
        w = logarithm - log(-logarithm) if x > -0.25 else -1 - sqrt(2*2.718281828459045*above)
    elif fabs(x) < 1e-8:
        return x*(1 - x)
    elif x < 3:
        w = log1p(x)*(1 - 0.3*log1p(x)/(1 + log1p(x))) if x > 0 else x/(1 + x)
    else:
        w = logarithm - log(logarithm)
    # Fritsch, Shafer and Crowley's iteration (1973), of fourth order.
    for k in range(4):
        # The quotient loses no digit where x and w are near each other; it may underflow.
        z = (log(x/w) if fabs(x) > 1e-300 else logarithm - log(fabs(w))) - w
        one = 1 + w
        q = 2*one*(one + 2*z/3)
        z = z/one*(q - z)/(q - 2*z)
        w += w*z
        if fabs(z) <= DBL_EPSILON:
            break
    return w

/* What the memory can do, and Adamax on an array as one writes it by hand in C. */

#include <math.h>

double read_all(const double *x, long n)
{
    double sums[32] = {0}, total = 0;
    for (long i = 0; i + 32 <= n; i += 32)
        for (int k = 0; k < 32; k++)
            sums[k] += x[i + k];
    for (int k = 0; k < 32; k++)
        total += sums[k];
    return total;
}

/* What the memory takes for rows that lie anywhere: each is asked for 64 rows before it is read. */
double read_rows(const double *t, const double *y, const long *rows, long n, long first, long count)
{
    double sums[4] = {0};
    for (long i = first, end; count > 0; count -= end - i, i = 0) {
        end = i + count < n ? i + count : n;
        for (long j = i; j + 4 <= end; j += 4)
            for (int k = 0; k < 4; k++) {
                long row = rows[j + k], later = rows[j + k + 64];
                __builtin_prefetch(t + later, 0, 2);
                __builtin_prefetch(y + later, 0, 2);
                sums[k] += t[row] + y[row];
            }
    }
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* The gradient is that of x*x/2, which costs nothing: what is timed is the update. */
long adamax(double *restrict x, double *restrict m, double *restrict u, long n, long t, long steps,
            double learning_rate, double beta1, double beta2, double epsilon)
{
    for (long last = t + steps; t < last; ) {
        double rate = learning_rate/(1 - pow(beta1, (double) ++t));
        for (long i = 0; i < n; i++) {
            double gradient = x[i], size = fabs(gradient), kept = beta2*u[i];
            m[i] = beta1*m[i] + (1 - beta1)*gradient;
            u[i] = kept > size ? kept : size;
            x[i] -= rate*m[i]/(u[i] + epsilon);
        }
    }
    return t;
}

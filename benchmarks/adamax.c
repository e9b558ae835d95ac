/* Adamax on x - x**3, as one writes it by hand in C: the gradient stands in the loop. */

#include <math.h>

double adamax(double x, long steps, double learning_rate, double beta1, double beta2,
              double epsilon)
{
    double m = 0, u = 0, rate = learning_rate;
    int correcting = 1;
    for (long t = 1; t <= steps; t++) {
        double gradient = 1 - 3*(x*x), size = fabs(gradient);
        if (correcting) {
            double correction = 1 - pow(beta1, (double) t);
            rate = learning_rate/correction;
            correcting = correction != 1;
        }
        m = beta1*m + (1 - beta1)*gradient;
        u = beta2*u > size ? beta2*u : size;
        x -= rate*m/(u + epsilon);
    }
    return x;
}

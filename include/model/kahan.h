/* Compensated summation as Prometheus does it, so that sums agree to the last bits. Any thread. */
#pragma once
#include <math.h>

/* Adds v to *sum; *comp takes what the addition lost (Kahan-Babuska, with Neumaier's exchange of the two when v is the
 * larger). A sum that reaches an infinity forgets its compensation, which would be NaN. The result is *sum + *comp. */
static inline void gv_kahan_add(double v, double *sum, double *comp)
{
    double t = *sum + v;
    if (isinf(t))
        *comp = 0;
    else if (fabs(*sum) >= fabs(v))
        *comp += (*sum - t) + v;
    else
        *comp += (v - t) + *sum;
    *sum = t;
}

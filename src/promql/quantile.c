/* Quantiles by selection: the two values around a rank need no sorted array. */
#include "promql/quantile.h"
#include <math.h>

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

static size_t move_nans_first(double *values, size_t n)
{
    size_t nans = 0;
    for (size_t i = 0; i < n; i++)
        if (isnan(values[i]))
            swap(&values[nans++], &values[i]);
    return nans;
}

static double median_of_three(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Hoare's FIND: puts the k-th smallest of values[0..n) at k, none larger before it, none smaller behind. No NaN.
 * Both scans stop at what equals the pivot, so that equal values, which are common, are spread over both sides. */
static void select_nth(double *values, size_t n, size_t k)
{
    size_t left = 0, right = n - 1;
    while (left < right) {
        double pivot = median_of_three(values[left], values[left + (right - left) / 2], values[right]);
        size_t i = left, j = right;
        for (;; i++, j--) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&values[i], &values[j]);
        }
        if (k <= j)
            right = j;
        else
            left = j + 1;
    }
}

static double smallest(const double *values, size_t n)
{
    double min = values[0];
    for (size_t i = 1; i < n; i++)
        min = values[i] < min ? values[i] : min;
    return min;
}

double gv_quantile(double phi, double *values, size_t n)
{
    if (n == 0 || isnan(phi))
        return NAN;
    if (phi < 0 || phi > 1)
        return phi < 0 ? -INFINITY : INFINITY;
    double rank = phi * (double)(n - 1), floored = floor(rank), weight = rank - floored;
    size_t lower = (size_t)floored, upper = lower + 1 < n ? lower + 1 : n - 1;
    size_t nans = move_nans_first(values, n);
    if (lower >= nans)
        select_nth(values + nans, n - nans, lower - nans);
    double at_upper = upper == lower ? values[lower] : upper < nans ? NAN : smallest(values + upper, n - upper);
    return values[lower] * (1 - weight) + at_upper * weight;
}

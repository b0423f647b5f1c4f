#include "base/double_shim.h"
#include <double-conversion/double-conversion.h>

using double_conversion::DoubleToStringConverter;
using double_conversion::StringToDoubleConverter;

int gv_double_digits(double v, char digits[18], int *point)
{
    bool negative;
    int n;
    DoubleToStringConverter::DoubleToAscii(v, DoubleToStringConverter::SHORTEST, 0, digits, 18, &negative, &n, point);
    return n;
}

double gv_double_from_decimal(const char *p, size_t n)
{
    static const StringToDoubleConverter converter(StringToDoubleConverter::NO_FLAGS, 0.0, 0.0, nullptr, nullptr);
    int used;
    return converter.StringToDouble(p, static_cast<int>(n), &used);
}

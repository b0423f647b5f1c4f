/* Which form of exposition a client gets, by what it accepts. */
#include "api/accept.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PROTOBUF "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum gv_exposition_format format;
    } cases[] = {
        {"", GV_EXPOSITION_TEXT},
        {"*/*", GV_EXPOSITION_TEXT},
        {"text/plain", GV_EXPOSITION_TEXT},
        {"text/plain;version=0.0.4", GV_EXPOSITION_TEXT},
        {"application/json", GV_EXPOSITION_TEXT},
        {"application/openmetrics-text;version=1.0.0,text/plain;q=0.5", GV_EXPOSITION_TEXT},
        {PROTOBUF, GV_EXPOSITION_PROTOBUF},
        {" Application/vnd.google.protobuf ; proto=\"io.prometheus.client.MetricFamily\" ; encoding=delimited ",
         GV_EXPOSITION_PROTOBUF},
        {PROTOBUF ",text/plain", GV_EXPOSITION_PROTOBUF},
        {"text/plain," PROTOBUF, GV_EXPOSITION_TEXT},
        {PROTOBUF ";q=0.3,text/plain;q=0.5", GV_EXPOSITION_TEXT},
        {"text/plain;q=0.3," PROTOBUF ";q=0.5", GV_EXPOSITION_PROTOBUF},
        {"*/*;q=0.1," PROTOBUF ";q=0.5", GV_EXPOSITION_PROTOBUF},
        {"*/*;q=0.9," PROTOBUF ";q=0.5", GV_EXPOSITION_TEXT},
        {PROTOBUF ";q=0", GV_EXPOSITION_TEXT},
        {PROTOBUF ";q=x", GV_EXPOSITION_TEXT},
        {PROTOBUF ";q=nan", GV_EXPOSITION_TEXT},
        {"application/vnd.google.protobuf", GV_EXPOSITION_TEXT},
        {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", GV_EXPOSITION_TEXT},
        {"application/vnd.google.protobuf;proto=other;encoding=delimited", GV_EXPOSITION_TEXT},
        {";;,=;=,,", GV_EXPOSITION_TEXT},
        /* as Prometheus 2.42 and 3.x ask */
        {PROTOBUF ",application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
                  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         GV_EXPOSITION_PROTOBUF},
        {PROTOBUF ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
         GV_EXPOSITION_PROTOBUF},
    };
    for (size_t i = 0; i < GV_COUNT(cases); i++)
        if (accept_exposition(gv_slice_of(cases[i].accept)).format != cases[i].format)
            fail_msg("%s", cases[i].accept);
}

static void names_in_full_are_asked_for_by_form(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum gv_exposition_escaping escaping;
    } cases[] = {
        {"", GV_ESCAPE_UNDERSCORES},
        {"text/plain;version=0.0.4;escaping=allow-utf-8", GV_ESCAPE_ALLOW_UTF8},
        {"text/plain;version=0.0.4;escaping=underscores", GV_ESCAPE_UNDERSCORES},
        {"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.2", GV_ESCAPE_ALLOW_UTF8},
        {PROTOBUF ";escaping=allow-utf-8,text/plain;q=0.2", GV_ESCAPE_ALLOW_UTF8},
        {PROTOBUF ",text/plain;escaping=allow-utf-8;q=0.2", GV_ESCAPE_UNDERSCORES},
    };
    for (size_t i = 0; i < GV_COUNT(cases); i++)
        if (accept_exposition(gv_slice_of(cases[i].accept)).escaping != cases[i].escaping)
            fail_msg("%s", cases[i].accept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(names_in_full_are_asked_for_by_form),
    };
    return cmocka_run_group_tests_name("api.accept", tests, NULL, NULL);
}

/* CRC-32C: the examples of RFC 3720 (appendix B.4), and the ways to compute it against each other. */
#include "base/crc32c_impl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

static uint8_t bytes[1024];

static void examples_of_the_rfc(void **state)
{
    (void)state;
    uint8_t b[32];
    memset(b, 0, sizeof b);
    assert_int_equal(gv_crc32c(0, b, sizeof b), 0x8a9136aa);
    memset(b, 0xff, sizeof b);
    assert_int_equal(gv_crc32c(0, b, sizeof b), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof b; i++)
        b[i] = i;
    assert_int_equal(gv_crc32c(0, b, sizeof b), 0x46dd794e);
    assert_int_equal(gv_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(gv_crc32c(0, NULL, 0), 0);
}

static void all_ways_agree_at_every_length_and_alignment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t from = 0; from < 8; from++)
        for (size_t n = 0; n < 200; n++)
            assert_int_equal(gv_crc32c(7, bytes + from, n), crc32c_by_table(7, bytes + from, n));
}

static void pieces_make_the_whole(void **state)
{
    (void)state;
    uint32_t whole = gv_crc32c(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 13)
        assert_int_equal(gv_crc32c(gv_crc32c(0, bytes, cut), bytes + cut, sizeof bytes - cut), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc),
        cmocka_unit_test(all_ways_agree_at_every_length_and_alignment),
        cmocka_unit_test(pieces_make_the_whole),
    };
    return cmocka_run_group_tests_name("base.crc32c", tests, NULL, NULL);
}

/* Request smuggling: every file of tests/system/smuggling against a real server, whole and in small pieces. */
#include "http_rig.h"
#include <dirent.h>
#include <netinet/tcp.h>

#define CORPUS GV_SOURCE_DIR "/tests/system/smuggling"

static struct gv_buf read_file(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, CORPUS "/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot read %s", path);
    struct gv_buf text = GV_BUF_INIT;
    size_t n;
    while ((n = fread(gv_buf_reserve(&text, 4096), 1, 4096, f)) > 0)
        text.n += n;
    fclose(f);
    return text;
}

static void send_in_pieces(int fd, struct gv_slice text, size_t piece)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    for (size_t i = 0; i < text.n; i += piece)
        rig_send(fd, (struct gv_slice){text.p + i, text.n - i < piece ? text.n - i : piece});
}

static void check(struct rig *rig, const char *name, struct gv_slice text, size_t piece)
{
    int status = atoi(name), fd = rig_connect(rig);
    unsigned before = rig->requests;
    struct gv_buf reply = GV_BUF_INIT;
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    send_in_pieces(fd, text, piece);
    rig_read_to_end(fd, &reply); /* fails where the connection stays open */
    close(fd);
    const char *got = gv_buf_cstr(&reply);
    if (strncmp(got, line, strlen(line)))
        fail_msg("%s in pieces of %zu: got \"%s\"", name, piece, got);
    if (rig_count(got, "HTTP/1.1 ") != 1)
        fail_msg("%s in pieces of %zu: a second reply: \"%s\"", name, piece, got);
    if (!strstr(got, "\r\nConnection: close\r\n"))
        fail_msg("%s in pieces of %zu: the close is not announced: \"%s\"", name, piece, got);
    if (rig->smuggled)
        fail_msg("%s in pieces of %zu: the second request was served", name, piece);
    assert_int_equal(rig->requests - before, status == 200);
    gv_buf_fini(&reply);
}

static void nothing_is_smuggled(void **state)
{
    (void)state;
    static struct rig rig;
    rig_start(&rig, NULL);
    unsigned files = 0;
    DIR *dir = opendir(CORPUS);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        if (!strstr(e->d_name, ".http"))
            continue;
        struct gv_buf text = read_file(e->d_name);
        check(&rig, e->d_name, gv_buf_slice(&text), text.n);
        check(&rig, e->d_name, gv_buf_slice(&text), text.n < 2000 ? 7 : 1000);
        gv_buf_fini(&text);
        files++;
    }
    closedir(dir);
    assert_true(files >= 60);
    rig_stop(&rig);
}

/* Were it served, this would notice. */
static void the_rig_sees_a_second_request(void **state)
{
    (void)state;
    static struct rig rig;
    rig_start(&rig, NULL);
    struct gv_buf reply = rig_ask(&rig, "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n"
                                        "GET /smuggled HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_int_equal(rig.smuggled, 1);
    assert_int_equal(rig_count(reply.p, "HTTP/1.1 "), 2);
    gv_buf_fini(&reply);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_smuggled),
        cmocka_unit_test(the_rig_sees_a_second_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

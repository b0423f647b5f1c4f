/* Inside of a profile, for the client: the options, and the credentials as they are now. Any thread. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "net/http_settings.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

struct x509_store_st;

/* What was read from files, as one immutable value: calls hold the one they began with. */
struct gv_http_credentials {
    _Atomic unsigned refs;
    struct curl_slist *headers;     /* Authorization and http_headers */
    struct x509_store_st *roots;    /* trust anchors; NULL: nothing is verified */
    struct gv_buf roots_mark;       /* tells curl's pool connections of different trust apart (http_roots.c) */
    struct gv_buf certificate, key; /* of the client, PEM; empty: none */
};

/* A file's identity at the time it was read. */
struct gv_http_stamp {
    int64_t size, mtime_ns;
    uint64_t inode;
};

struct gv_http_profile {
    _Atomic unsigned refs;
    struct gv_arena arena;
    struct gv_http_settings settings; /* in arena */
    long tls_versions;                /* as CURLOPT_SSLVERSION takes them */
    pthread_mutex_t lock;             /* of what follows */
    struct gv_http_credentials *credentials;
    struct gv_http_stamp stamps[5];
};

struct gv_http_credentials *gv_http_profile_credentials(struct gv_http_profile *p); /* takes a reference */
void gv_http_credentials_put(struct gv_http_credentials *c);

/* Trust anchors of a PEM bundle, read once per process and file version; path NULL: the system's. A reference is the
 * caller's; *mark is appended a text that stands for exactly these anchors. Blocks. */
GV_MUST_CHECK struct x509_store_st *gv_http_roots(const char *path, struct gv_buf *mark, struct gv_err *err);
/* Reads a small file whole. Errors name the key and the file. */
GV_MUST_CHECK bool gv_http_read_file(const char *key, const char *path, struct gv_buf *out, struct gv_err *err);
struct gv_http_stamp gv_http_stamp(const char *path); /* all zero where there is no such file, or path is NULL */

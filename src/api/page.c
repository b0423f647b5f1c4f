/* `/`: one small page with the clusters' state, for a person with a browser and no dashboard yet. */
#include "api/handlers.h"

static void add_html(struct gv_buf *b, struct gv_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '<':
            gv_buf_adds(b, "&lt;");
            break;
        case '>':
            gv_buf_adds(b, "&gt;");
            break;
        case '&':
            gv_buf_adds(b, "&amp;");
            break;
        case '"':
            gv_buf_adds(b, "&quot;");
            break;
        default:
            gv_buf_addc(b, s.p[i]);
        }
}

static void add_cell(struct gv_buf *b, struct gv_slice s)
{
    gv_buf_adds(b, "<td>");
    add_html(b, s);
    gv_buf_adds(b, "</td>");
}

static void add_row(struct gv_buf *b, const struct gv_cluster *c, const struct gv_replica_status *replica)
{
    const char *state = !replica->probed ? "unknown" : replica->healthy ? "up" : "down";
    gv_buf_adds(b, "<tr>");
    add_cell(b, c->name);
    gv_buf_printf(b, "<td class=\"%s\">%s</td>", state, state);
    add_cell(b, replica->version_text);
    add_cell(b, gv_slice_of(replica->url));
    gv_buf_printf(b, "<td>%.1f ms</td><td>%s</td>", replica->latency_p50 * 1000,
                  gv_breaker_state_text(replica->breaker));
    add_cell(b, replica->last_error);
    gv_buf_adds(b, "</tr>\n");
}

static const char head[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>globalview</title><style>"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3em .8em;border-bottom:1px solid #ddd}"
    ".up{color:#176b2c}.down{color:#b3261e;font-weight:bold}.unknown{color:#666}code{background:#f3f3f3;padding:.1em "
    ".3em}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}code{background:#"
    "2a2a2a}"
    ".up{color:#7bd88f}.down{color:#ff8a80}.unknown{color:#999}}"
    "</style></head><body><h1>globalview " GV_VERSION "</h1>"
    "<p>One Prometheus endpoint over the clusters below. Point a Prometheus data source at this address.</p>"
    "<table><thead><tr><th>Cluster</th><th>State</th><th>Version</th><th>Replica</th><th>Latency</th><th>Breaker</th>"
    "<th>Last error</th></tr></thead><tbody>\n";

static const char foot[] = "</tbody></table><p><a href=\"api/v1/status/clusters\">clusters as JSON</a> &middot; "
                           "<a href=\"api/v1/status/config\">configuration</a> &middot; <a href=\"metrics\">metrics</a>"
                           "</p></body></html>\n";

static void add_pushed_state(struct request *r, struct gv_slice cluster)
{
    char text[GV_TIME_TEXT_MAX];
    int64_t ms = last_write(r, cluster);
    if (!ms) {
        gv_buf_adds(&r->body, "<td class=\"unknown\">pushed; no write since the start</td>");
        return;
    }
    gv_time_format(text, ms);
    gv_buf_printf(&r->body, "<td class=\"up\">pushed; last write %s</td>", text);
}

static void add_pushed(struct request *r)
{
    size_t n = 0;
    const struct gv_local *local = r->settings->local;
    const struct gv_slice *names =
        local ? gv_local_clusters(local, r->x->arena, gv_slice_of(r->settings->clusters->label), &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        gv_buf_adds(&r->body, "<tr>");
        add_cell(&r->body, names[i]);
        add_pushed_state(r, names[i]);
        gv_buf_adds(&r->body, "<td></td><td></td><td></td><td></td><td></td></tr>\n");
    }
}

void serve_page(struct request *r)
{
    const struct gv_clusters *cs = r->settings->clusters;
    gv_buf_adds(&r->body, head);
    for (size_t i = 0; i < cs->n; i++) {
        struct gv_cluster_status s = gv_cluster_status(&cs->at[i], r->x->arena);
        for (size_t k = 0; k < s.n_replicas; k++)
            add_row(&r->body, &cs->at[i], &s.replicas[k]);
    }
    add_pushed(r);
    gv_buf_adds(&r->body, foot);
    reply_text(r, 200, "text/html; charset=utf-8", gv_buf_slice(&r->body));
}

/* /rules and /alerts: the groups of all clusters, one after the other, their rules and alerts with injected labels.
 * Pages (group_limit, group_next_token) are cut here, over all clusters; the token names the first group of the next.
 * match[] is applied here, to the labels that are shown: backends know nothing of the injected ones, and there is no
 * selector of rules that picks them all. */
#include "api/documents.h"
#include <stdio.h>

struct rules_state {
    struct selectors match;
    uint64_t limit;
    struct gv_slice token;
};

static const char *const passed[] = {"type", "rule_name[]", "rule_group[]", "file[]", "exclude_alerts"};

static bool prepare(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct rules_state *s = r->state = gv_arena_new(r->x->arena, struct rules_state);
    struct gv_slice type = gv_url_params_get(&r->params, "type");
    if (type.n && !gv_slice_is(type, "alert") && !gv_slice_is(type, "record"))
        return gv_fail(err, GV_BAD_DATA, "invalid parameter \"type\": not supported value \"%.*s\"", GV_ARG(type));
    for (size_t i = 0; i < GV_COUNT(passed); i++)
        form_pass(form, &r->params, passed[i]);
    s->token = gv_url_params_get(&r->params, "group_next_token");
    struct gv_err why = {0};
    if (!selectors_read(&s->match, r, "match[]", &why))
        return gv_fail(err, why.code, "invalid parameter \"match[]\": %s", why.msg);
    if (!params_limit(&r->params, "group_limit", &s->limit, err))
        return false;
    return s->limit || !s->token.n ||
           gv_fail(err, GV_BAD_DATA,
                   "invalid parameter \"group_next_token\": group_limit needs to be present in order to "
                   "paginate over the groups");
}

/* Leaves out clusters whose injected labels cannot match. */
static bool shape(struct request *r, const struct gv_cluster *c, struct gv_arena *a, const char **path,
                  struct gv_slice *form)
{
    (void)path, (void)form;
    const struct rules_state *s = r->state;
    struct gv_slice unused;
    return selectors_shape(&s->match, "match[]", (struct gv_slice){NULL, 0}, c, a, &unused);
}

static bool is_wanted(const struct rules_state *s, struct gv_arena *a, const struct gv_cluster *c, const json_t *rule)
{
    if (!s->match.n)
        return true;
    const struct gv_labels *labels = json_labels(c, a, json_object_get(rule, "labels"));
    for (size_t i = 0; i < s->match.n; i++)
        if (gv_matchers_match(s->match.at[i]->matchers, s->match.at[i]->n_matchers, labels))
            return true;
    return false;
}

static bool has_wanted(const struct rules_state *s, struct gv_arena *a, const struct gv_cluster *c, const json_t *group)
{
    const json_t *rules = json_object_get(group, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (is_wanted(s, a, c, json_array_get(rules, i)))
            return true;
    return !s->match.n;
}

/* Two rules or alerts of different clusters may share name and labels: the injected ones tell them apart. */
static void write_with_labels(struct gv_fanout *f, const struct gv_cluster *c, const json_t *entry, const char *list,
                              struct gv_buf *out)
{
    const json_t *inner = list ? json_object_get(entry, list) : NULL;
    json_t *rest = json_copy((json_t *)(uintptr_t)entry);
    if (inner)
        json_object_del(rest, list);
    gv_buf_addc(out, '{');
    json_write_members(out, rest, "labels");
    json_decref(rest);
    gv_buf_adds(out, "\"labels\":");
    json_write_labels(out, c, gv_fanout_arena(f), json_object_get(entry, "labels"));
    if (inner) {
        gv_buf_printf(out, ",\"%s\":[", list);
        for (size_t i = 0; i < json_array_size(inner); i++) {
            if (i)
                gv_buf_addc(out, ',');
            write_with_labels(f, c, json_array_get(inner, i), NULL, out);
        }
        gv_buf_addc(out, ']');
    }
    gv_buf_addc(out, '}');
}

static void write_group(const struct rules_state *s, struct gv_fanout *f, const struct gv_cluster *c,
                        const json_t *group, struct gv_buf *out)
{
    const json_t *rules = json_object_get(group, "rules");
    gv_buf_addc(out, '{');
    json_write_members(out, group, "rules");
    gv_buf_adds(out, "\"cluster\":");
    gv_buf_add_json(out, c->name);
    gv_buf_adds(out, ",\"rules\":[");
    for (size_t i = 0, written = 0; i < json_array_size(rules); i++) {
        if (!is_wanted(s, gv_fanout_arena(f), c, json_array_get(rules, i)))
            continue;
        if (written++)
            gv_buf_addc(out, ',');
        write_with_labels(f, c, json_array_get(rules, i), "alerts", out);
    }
    gv_buf_adds(out, "]}");
}

static const char *token_of(struct gv_arena *a, const struct gv_cluster *c, const json_t *group)
{
    const char *text =
        gv_arena_printf(a, "%.*s;%s;%s", GV_ARG(c->name), json_string_value(json_object_get(group, "file")),
                        json_string_value(json_object_get(group, "name")));
    return gv_arena_printf(a, "%016llx", (unsigned long long)gv_hash(text, strlen(text)));
}

static bool merge(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    const struct rules_state *s = r->state;
    struct gv_arena *a = gv_fanout_arena(f);
    bool started = !s->token.n;
    const char *next = NULL;
    uint64_t written = 0;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_buf_adds(out, "{\"groups\":[");
    for (size_t i = 0; i < n && !next; i++) {
        const json_t *groups = answers[i].ok ? json_object_get(answers[i].data, "groups") : NULL;
        for (size_t k = 0; k < json_array_size(groups) && !next; k++) {
            const json_t *group = json_array_get(groups, k);
            started = started || gv_slice_is(s->token, token_of(a, answers[i].cluster, group));
            if (!started || !has_wanted(s, a, answers[i].cluster, group))
                continue;
            if (s->limit && written == s->limit) {
                next = token_of(a, answers[i].cluster, group);
                break;
            }
            if (written++)
                gv_buf_addc(out, ',');
            write_group(s, f, answers[i].cluster, group, out);
        }
    }
    if (!started)
        return gv_fail(err, GV_BAD_DATA, "invalid group_next_token '%.*s'. were rule groups changed?",
                       GV_ARG(s->token));
    gv_buf_addc(out, ']');
    if (next)
        gv_buf_printf(out, ",\"groupNextToken\":\"%s\"", next);
    gv_buf_addc(out, '}');
    return true;
}

const struct document document_rules = {"/api/v1/rules", false, {"groups", JSON_ARRAY, JSON_OBJECT}, prepare, shape,
                                        merge,           false};

static bool merge_alerts(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)r, (void)err;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_buf_adds(out, "{\"alerts\":[");
    for (size_t i = 0; i < n; i++) {
        const json_t *alerts = answers[i].ok ? json_object_get(answers[i].data, "alerts") : NULL;
        for (size_t k = 0; k < json_array_size(alerts); k++) {
            if (out->p[out->n - 1] != '[')
                gv_buf_addc(out, ',');
            write_with_labels(f, answers[i].cluster, json_array_get(alerts, k), NULL, out);
        }
    }
    gv_buf_adds(out, "]}");
    return true;
}

const struct document document_alerts = {"/api/v1/alerts", false, {"alerts", JSON_ARRAY, JSON_OBJECT}, NULL, NULL,
                                         merge_alerts,     false};

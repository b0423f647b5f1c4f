#include "query/envelope.h"
#include "base/json.h"

static const char *kind_text(json_type type)
{
    static const char *const texts[] = {[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_STRING] = "a text"};
    return type < GV_COUNT(texts) ? texts[type] : "something else";
}

static bool check_kind(const json_t *value, json_type wanted, const char *name, struct gv_err *err)
{
    if (!value)
        return gv_fail(err, GV_BAD_DATA, "%s is missing in the reply", name);
    return json_typeof(value) == wanted || gv_fail(err, GV_BAD_DATA, "%s of the reply should be %s and is %s", name,
                                                   kind_text(wanted), kind_text(json_typeof(value)));
}

static bool check_items(const json_t *list, json_type wanted, const char *name, struct gv_err *err)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!check_kind(json_array_get(list, i), wanted, "an item", err))
            return gv_err_prefix(err, "%s[%zu]: ", name, i);
    return true;
}

static bool check_members(const json_t *object, json_type wanted, struct gv_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!check_kind(value, wanted, "a member", err))
            return false;
    }
    return true;
}

/* Go writes an empty list as null now and then. */
static bool check_data(const json_t *data, const struct gv_fanout_shape *shape, struct gv_err *err)
{
    const char *name = shape->member ? shape->member : "data";
    const json_t *held = shape->member ? json_object_get(data, shape->member) : data;
    if (shape->kind == JSON_ARRAY && json_is_null(held))
        return true;
    if (!check_kind(held, shape->kind, name, err))
        return false;
    return shape->items == JSON_NULL ||
           (check_items(held, shape->items, name, err) && check_members(held, shape->items, err));
}

json_t *envelope_read(struct gv_arena *a, struct gv_slice body, const struct gv_fanout_shape *shape, json_t **data,
                      struct gv_err *err)
{
    json_t *root = gv_json_parse(a, body, err);
    const char *status = json_string_value(json_object_get(root, "status"));
    const char *said = json_string_value(json_object_get(root, "error"));
    if (root && (!status || strcmp(status, "success") != 0)) {
        gv_fail(err, GV_BAD_DATA, "%s", said ? said : "the body is no reply of Prometheus's API");
        root = NULL;
    }
    *data = json_object_get(root, "data");
    return root && check_data(*data, shape, err) ? root : NULL;
}

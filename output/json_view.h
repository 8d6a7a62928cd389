/* json_view.h - looking into a record that the JSON writer has made, without taking it apart.
 *
 * A view is a slice of the text: one value. The text is valid JSON and has no blanks between tokens
 * (base/json.h writes none; the few objects that are handed through have been written by it too), and
 * a view of anything else is merely not found. */
#ifndef TAPIR_OUTPUT_JSON_VIEW_H
#define TAPIR_OUTPUT_JSON_VIEW_H

#include "base/slice.h"

/* The value at a dotted path (a number in it is a list's member), as it stands in the text ("\"text\"", "12", "{…}"). Empty: there is none. */
struct slice view_find(struct slice value, const char *path);
/* Members of an object, one after the other: *at begins at 0. False: no more. key is without its quotes. */
bool view_member(struct slice object, size_t *at, struct slice *key, struct slice *value);
/* Members of a list. */
bool view_item(struct slice list, size_t *at, struct slice *value);
/* A string without its quotes, with its escapes resolved; other values as they stand. Cut at cap - 1. */
size_t view_text(struct slice value, char *out, size_t cap);
/* A whole number; otherwise where it isn't one. */
int64_t view_int(struct slice value, int64_t otherwise);

static inline bool view_is_object(struct slice v)
{
	return v.len > 1 && v.data[0] == '{';
}

static inline bool view_is_list(struct slice v)
{
	return v.len > 1 && v.data[0] == '[';
}

static inline bool view_is_string(struct slice v)
{
	return v.len > 1 && v.data[0] == '"';
}

#endif

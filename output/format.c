/* format.c - the formats, and EVE's own: the record as the worker wrote it, with an event id where that is wanted. */
#include "output/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/format_map.h"
#include "output/json_view.h"

struct format {
	const char *name;
	bool (*write)(const struct format_context *ctx, const struct record_head *head, struct text *out);
};

const char format_names[] = "eve, ecs, ocsf or cef";

#define DEPTH_MAX 8
#define NAME_MAX_BYTES 64

void text_add(struct text *t, const void *data, size_t len)
{
	if (t->len + len > t->cap) {
		size_t cap = t->cap ? t->cap : 65536;
		char *more;

		while (cap < t->len + len)
			cap *= 2;
		more = realloc(t->data, cap);
		if (more == NULL) {
			t->failed = true;
			return;
		}
		t->data = more;
		t->cap = cap;
	}
	if (len > 0)
		memcpy(t->data + t->len, data, len);
	t->len += len;
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

static bool write_eve(const struct format_context *ctx, const struct record_head *head, struct text *out)
{
	static const char key[] = ",\"event_id\":\"";

	if (ctx->event_id == NULL || head->len < 2) {
		text_add(out, record_text(head), head->len);
		return true;
	}
	text_add(out, record_text(head), head->len - 1);        /* without its last brace */
	text_add(out, key, sizeof(key) - 1);
	text_add(out, ctx->event_id, strlen(ctx->event_id));
	text_add(out, "\"}", 2);
	return true;
}

/* Nested objects out of dotted names: what is open, from the outermost. */
struct nest {
	struct text *out;
	struct slice open[DEPTH_MAX];
	unsigned depth;
	bool comma;
};

static void put(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

static bool is_one_list(struct slice name)
{
	return name.len > 2 && name.data[name.len - 1] == ']';
}

static void nest_close(struct nest *n, unsigned depth)
{
	while (n->depth > depth) {
		n->depth--;
		put(n->out, is_one_list(n->open[n->depth]) ? "}]" : "}");
		n->comma = true;
	}
}

static void nest_key(struct nest *n, struct slice name)
{
	if (n->comma)
		put(n->out, ",");
	put(n->out, "\"");
	text_add(n->out, name.data, is_one_list(name) ? name.len - 2 : name.len);
	put(n->out, "\":");
}

/* Opens what the path needs, closes what it doesn't, writes the last key. */
static void nest_path(struct nest *n, const char *path)
{
	unsigned level = 0;

	for (;; level++) {
		struct slice name = slice_of(path, strcspn(path, "."));

		if (path[name.len] == '\0') {
			nest_close(n, level);
			nest_key(n, name);
			n->comma = true;
			return;
		}
		path += name.len + 1;
		if (level < n->depth && slice_eq(n->open[level], name))
			continue;
		nest_close(n, level);
		if (level == DEPTH_MAX)
			return;
		nest_key(n, name);
		put(n->out, is_one_list(name) ? "[{" : "{");
		n->open[n->depth++] = name;
		n->comma = false;
	}
}

static struct slice event_type_of(struct slice record)
{
	struct slice v = view_find(record, "event_type");

	return v.len > 2 ? slice_of(v.data + 1, v.len - 2) : slice_of(NULL, 0);
}

static bool has_place(const struct map *m, struct slice event_type)
{
	if (m->event_types == NULL)
		return true;
	for (const char *const *t = m->event_types; *t != NULL; t++)
		if (slice_eq(event_type, slice_str(*t)))
			return true;
	return false;
}

/* The event id is no part of the record: it is a value that rows may ask for. */
static bool row_value(const struct map_row *row, const struct format_context *ctx, struct slice record, char *room, size_t cap,
		      struct slice *out)
{
	if (strcmp(row->from, "event_id") != 0)
		return map_value(row, record, room, cap, out);
	if (ctx->event_id == NULL)
		return false;
	*out = slice_of(room, (size_t)snprintf(room, cap, "\"%s\"", ctx->event_id));
	return true;
}

static bool write_map(const struct map *m, const char *whole, const struct format_context *ctx, const struct record_head *head,
		      struct text *out)
{
	struct slice record = slice_of(record_text(head), head->len), type = event_type_of(record), value;
	struct nest n = { .out = out };
	char room[2048];

	if (!has_place(m, type))
		return false;
	put(out, "{");
	for (unsigned i = 0; i < m->count; i++) {
		if (!map_applies(&m->rows[i], type) || !row_value(&m->rows[i], ctx, record, room, sizeof(room), &value))
			continue;
		nest_path(&n, m->rows[i].to);
		text_add(out, value.data, value.len);
	}
	nest_path(&n, whole);
	text_add(out, record.data, record.len);
	nest_close(&n, 0);
	put(out, "}");
	return true;
}

static bool write_ecs(const struct format_context *ctx, const struct record_head *head, struct text *out)
{
	return write_map(&map_ecs, "suricata.eve", ctx, head, out);
}

static bool write_ocsf(const struct format_context *ctx, const struct record_head *head, struct text *out)
{
	return write_map(&map_ocsf, "unmapped", ctx, head, out);
}

/* A value's text, with what would end it escaped. */
static void put_cef(struct text *out, struct slice value, const char *special)
{
	char text[1024];
	size_t n = view_text(value, text, sizeof(text));

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n' || text[i] == '\r') {
			put(out, text[i] == '\n' ? "\\n" : "\\r");
			continue;
		}
		if (strchr(special, text[i]) != NULL && text[i] != '\0')
			put(out, "\\");
		text_add(out, &text[i], 1);
	}
}

static void put_cef_header(struct text *out, struct slice record)
{
	static const struct map_row severity = { NULL, "alert.severity", "severity", MAP_CEF_SEVERITY };
	char room[32];
	struct slice value = slice_str("1");

	put(out, "CEF:0|tapir|tapir|" TAPIR_VERSION "|");
	put_cef(out, view_find(record, "alert.signature_id"), "|\\");
	put(out, "|");
	put_cef(out, view_find(record, "alert.signature"), "|\\");
	put(out, "|");
	map_value(&severity, record, room, sizeof(room), &value);
	text_add(out, value.data, value.len);
	put(out, "|");
}

static bool write_cef(const struct format_context *ctx, const struct record_head *head, struct text *out)
{
	struct slice record = slice_of(record_text(head), head->len), value;
	const struct map *m = &map_cef;
	bool first = true;
	char room[256];

	if (!has_place(m, event_type_of(record)))
		return false;
	put_cef_header(out, record);
	for (unsigned i = 0; i < m->count; i++) {
		const struct map_row *row = &m->rows[i];
		struct slice next;
		char ahead[64];

		/* A label without its value says nothing. */
		if (row->how == MAP_CONST && !row_value(row + 1, ctx, record, ahead, sizeof(ahead), &next))
			continue;
		if (!row_value(row, ctx, record, room, sizeof(room), &value))
			continue;
		put(out, first ? "" : " ");
		first = false;
		put(out, row->to);
		put(out, "=");
		put_cef(out, value, "=\\");
	}
	return true;
}

static const struct format formats[] = {
	{ "eve", write_eve }, { "ecs", write_ecs }, { "ocsf", write_ocsf }, { "cef", write_cef },
};

const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

bool format_is_plain(const struct format *f, const struct format_context *ctx)
{
	return f == &formats[0] && ctx->event_id == NULL && ctx->prefix == NULL;
}

bool format_write(const struct format *f, const struct format_context *ctx, const struct record_head *head, struct text *out)
{
	if (ctx->prefix != NULL)
		text_add(out, ctx->prefix, strlen(ctx->prefix));
	return f->write(ctx, head, out) && !out->failed;
}

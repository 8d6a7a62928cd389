/* format.c - the formats, and EVE's own: the record as the worker wrote it, with an event id where that is wanted. */
#include "output/format.h"

#include <stdlib.h>
#include <string.h>

struct format {
	const char *name;
	bool (*write)(const struct format_context *ctx, const struct record_head *head, struct text *out);
};

const char format_names[] = "eve";

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

static const struct format formats[] = {
	{ "eve", write_eve },
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

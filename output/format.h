/* format.h - what a record looks like at a sink: EVE as it is, or mapped to ECS, OCSF or CEF. */
#ifndef TAPIR_OUTPUT_FORMAT_H
#define TAPIR_OUTPUT_FORMAT_H

#include "base/slice.h"
#include "output/feed.h"

/* Text that grows; what was appended stays at its offset. */
struct text {
	char *data;
	size_t len, cap;
	bool failed;            /* memory ran out: the text is incomplete */
};

void text_add(struct text *t, const void *data, size_t len);
void text_free(struct text *t);

struct format;

struct format_context {
	const char *event_id;   /* NULL: not wanted */
	const char *prefix;     /* before each record; or NULL */
	const char *sensor;
};

/* NULL: there is no format of this name. */
const struct format *format_find(const char *name);
/* "eve, ecs, ocsf or cef" */
extern const char format_names[];
/* EVE without id and prefix: the record's text is what is sent. */
bool format_is_plain(const struct format *f, const struct format_context *ctx);
/* Appends the record. False: this format has no place for such a record. */
bool format_write(const struct format *f, const struct format_context *ctx, const struct record_head *head, struct text *out);

#endif

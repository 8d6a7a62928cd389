/* body.c - bodies: decoded, kept as far as rules look at them, and passed on as files.
 *
 * What rules see ends at the configured limit, and so does the file, unless it is to be stored. */
#include "analyzers/http/http.h"

#define FILE_NAME_MAX 4096

struct sink {
	struct analysis *a;
	struct http_tx *t;
	enum side side;
};

static bool layer_add(struct analysis *a, struct http_tx *t, enum side side, enum decode_kind kind)
{
	struct http_side *h = &t->side[side];

	if (h->decode == NULL)
		h->decode = decode_new(a->budget, &t->options->decode);
	h->coded = true;
	return h->decode != NULL && decode_layer(h->decode, kind);
}

/* The codings that are written as they ought to be. */
static enum decode_kind coding_of(struct slice s, bool *known)
{
	static const struct {
		const char *text;
		enum decode_kind kind;
	} rows[] = {
		{ "gzip", DECODE_GZIP }, { "x-gzip", DECODE_GZIP }, { "deflate", DECODE_DEFLATE },
		{ "x-deflate", DECODE_DEFLATE }, { "lzma", DECODE_LZMA }, { "br", DECODE_BROTLI },
		{ "inflate", DECODE_NONE }, { "none", DECODE_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		*known = http_eq_nozero(s, rows[i].text);
		if (*known)
			return rows[i].kind;
	}
	return DECODE_NONE;
}

/* One word of a list of codings; what only resembles one is taken for it, and is an event. */
static enum decode_kind coding_in_list(struct analysis *a, struct http_tx *t, struct slice s)
{
	static const char *const exact[] = { "gzip", "x-gzip", "deflate", "x-deflate", "lzma", "br", "inflate", "none" };
	bool known = false;
	enum decode_kind kind = coding_of(s, &known);

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (slice_eq(s, slice_str(exact[i])))
			return kind;
	http_event(a, t, HTTP_EV_ABNORMAL_CE);
	if (http_has_nocase(s, "gzip"))
		return DECODE_GZIP;
	if (http_has_nocase(s, "deflate"))
		return DECODE_DEFLATE;
	return DECODE_NONE;
}

static void layers_read(struct analysis *a, struct http_tx *t, enum side side, struct slice list)
{
	unsigned layers = 0, lzma = 0;

	for (size_t i = 0; i < list.len;) {
		size_t n = 0;
		enum decode_kind kind;

		while (i + n < list.len && list.data[i + n] != ',' && list.data[i + n] != ' ')
			n++;
		if (n == 0) {
			i++;
			continue;
		}
		if (t->options->layers_max != 0 && ++layers > t->options->layers_max) {
			http_event(a, t, HTTP_EV_TOO_MANY_LAYERS);
			return;
		}
		kind = coding_in_list(a, t, slice_of(list.data + i, n));
		i += n;
		if (kind == DECODE_LZMA && ++lzma > 1) {
			http_event(a, t, side == TO_SERVER ? HTTP_EV_REQUEST_TOO_MANY_LZMA :
				   HTTP_EV_RESPONSE_TOO_MANY_LZMA);
			return;
		}
		if (kind != DECODE_NONE)
			layer_add(a, t, side, kind);
	}
}

void http_body_start(struct analysis *a, struct http_tx *t, enum side side)
{
	const struct http_header *h = http_header_find(t, side, "content-encoding", true);
	struct http_side *s = &t->side[side];
	struct slice v;
	bool known;
	enum decode_kind kind;

	if (h == NULL || s->coding == HTTP_NO_BODY || s->coding == HTTP_CODING_INVALID)
		return;
	v = http_text(t, h->value);
	kind = coding_of(v, &known);
	if (!known)
		layers_read(a, t, side, v);
	else if (kind != DECODE_NONE)
		layer_add(a, t, side, kind);
}

struct range {
	uint64_t start, end, total;     /* total 0 = unknown */
};

/* "bytes 0-99/200", "bytes 0-99/…", and what isn't that. */
static bool range_read(struct slice s, struct range *out)
{
	uint64_t v[3] = { 0, 0, 0 };
	unsigned k = 0;
	bool digits = false;

	s = http_trim(s);
	if (s.len < 6 || !http_eq_nocase(slice_head(s, 5), "bytes"))
		return false;
	s = http_trim(slice_skip(s, 5));
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];

		if (c >= '0' && c <= '9' && v[k] < UINT64_MAX / 16) {
			v[k] = v[k] * 10 + (uint64_t)(c - '0');
			digits = true;
		} else if (digits && ((c == '-' && k == 0) || (c == '/' && k == 1))) {
			k++;
			digits = c == '/';
		} else if (k == 2 && c == '*') {
			break;
		} else {
			return false;
		}
	}
	*out = (struct range){ .start = v[0], .end = v[1], .total = v[2] };
	return k == 2 && v[0] <= v[1];
}

/* The response's bytes are part of a larger file: which one, host and path say. */
static void range_open(struct analysis *a, struct http_tx *t, struct http_side *s)
{
	struct slice text = http_header_value(t, TO_CLIENT, "content-range");
	struct slice host = http_text(t, t->host), path = http_text(t, t->path);
	struct range range = { 0 };
	struct bytes key = { 0 };

	if (text.len == 0)
		return;
	s->file->has_range = range_read(text, &range);
	if (!s->file->has_range) {
		http_event(a, t, HTTP_EV_RANGE_INVALID);
		return;
	}
	s->file->start = range.start;
	s->file->end = range.end;
	bytes_append(&key, a->budget, host.data, host.len);
	bytes_append(&key, a->budget, path.data, path.len);
	s->range = range_begin(t->options->ranges, bytes_slice(&key), range.start, range.end, range.total, a->time_ns);
	bytes_fini(&key, a->budget);
}

struct joined {
	struct analysis *a;
	struct http_tx *t;
	struct slice name;
	bool tried;
	struct file *file;
};

static void joined_add(void *ctx, struct slice data)
{
	struct joined *k = ctx;

	if (!k->tried)
		k->file = file_open(k->a, &k->t->tx, TO_CLIENT, k->name);
	k->tried = true;
	if (k->file != NULL)
		file_data(k->a, k->file, data);
}

static struct slice file_name(struct analysis *a, struct http_tx *t, enum side side)
{
	struct slice name = http_text(t, t->path), disposition;

	if (side == TO_CLIENT) {
		disposition = http_header_value(t, side, "content-disposition");
		http_parameter(disposition, "filename", &name);
	}
	if (name.len > FILE_NAME_MAX) {
		http_event(a, t, HTTP_EV_FILE_NAME_TOO_LONG);
		name.len = FILE_NAME_MAX;
	}
	return name;
}

static void file_begin(struct analysis *a, struct http_tx *t, enum side side)
{
	struct http_side *s = &t->side[side];
	struct slice name = file_name(a, t, side);

	s->file_done = true;
	if (name.len == 0)
		return;
	if (side == TO_SERVER && t->method != HTTP_POST && t->method != HTTP_PUT)
		return;
	if (side == TO_SERVER && t->method == HTTP_POST) {
		t->multipart = http_multipart_new(a, t);
		if (t->multipart != NULL)
			return;
	}
	s->file = file_open(a, &t->tx, side, name);
	if (s->file == NULL)
		return;
	s->file_done = false;
	s->file->limits = s->limits;
	if (side == TO_CLIENT)
		range_open(a, t, s);
}

/* The part is over. If it was the last one missing, the transaction has the whole file as well. */
static void range_finish(struct analysis *a, struct http_tx *t, struct http_side *s)
{
	struct joined k = { .a = a, .t = t, .name = file_name(a, t, TO_CLIENT) };
	struct range_part *part = s->range;

	s->range = NULL;
	if (range_end(t->options->ranges, part, joined_add, &k) && k.file != NULL)
		file_close(a, k.file, FILE_CLOSED);
}

static void file_finish(struct analysis *a, struct http_tx *t, enum side side, enum file_state state)
{
	struct http_side *s = &t->side[side];

	if (s->file != NULL)
		file_close(a, s->file, state);
	s->file = NULL;
	s->file_done = true;
	if (s->range != NULL)
		range_finish(a, t, s);
}

static void plain_add(void *ctx, struct slice data)
{
	struct sink *k = ctx;
	struct http_side *s = &k->t->side[k->side];
	uint64_t limit = s->limits.limit, had = s->entity_len;
	struct slice kept = data;

	s->entity_len += data.len;
	if (!s->body_seen) {
		s->body_seen = true;
		if (!s->file_done)
			file_begin(k->a, k->t, k->side);
	}
	if (s->file != NULL && s->file->store)
		limit = 0;
	if (limit != 0 && had >= limit) {
		if (s->file != NULL)
			file_finish(k->a, k->t, k->side, FILE_TRUNCATED);
		return;
	}
	if (limit != 0 && data.len > limit - had)
		kept.len = (size_t)(limit - had);
	if (analysis_wanted(k->a, APP_WANT_BODIES | APP_WANT_FILES))
		window_add(&s->body, k->a->budget, &s->limits, kept);
	else
		s->body.size += kept.len;
	if (s->file != NULL)
		file_data(k->a, s->file, kept);
	if (s->range != NULL && !range_data(k->t->options->ranges, s->range, kept)) {
		range_abort(k->t->options->ranges, s->range);
		s->range = NULL;
	}
	if (k->t->multipart != NULL && k->side == TO_SERVER)
		http_multipart_data(k->a, k->t, kept);
	k->t->tx.updated[k->side] = true;
}

void http_body_data(struct analysis *a, struct http_tx *t, enum side side, struct slice data)
{
	struct http_side *s = &t->side[side];
	struct sink k = { .a = a, .t = t, .side = side };

	if (data.len == 0)
		return;
	if (s->decode == NULL) {
		if (!s->coded)
			plain_add(&k, data);
		return;
	}
	if (s->limits.limit != 0 && s->entity_len > s->limits.limit && s->file == NULL)
		return;                 /* nobody will look at what would come out */
	decode_add(s->decode, data, plain_add, &k);
	if (decode_bomb(s->decode))
		http_event(a, t, HTTP_EV_COMPRESSION_BOMB);
	if (decode_lzma_memlimit(s->decode))
		http_event(a, t, HTTP_EV_LZMA_MEMLIMIT);
}

void http_body_gap(struct analysis *a, struct http_tx *t, enum side side, uint64_t len)
{
	struct http_side *s = &t->side[side];

	if (s->decode != NULL)
		return;                 /* what follows can't be decoded; nor does it need to be right */
	if (!s->body_seen) {
		s->body_seen = true;
		if (!s->file_done)
			file_begin(a, t, side);
	}
	s->entity_len += len;
	if (s->file != NULL)
		file_gap(a, s->file, len);
	if (s->range != NULL) {
		range_abort(t->options->ranges, s->range);
		s->range = NULL;
	}
}

void http_body_end(struct analysis *a, struct http_tx *t, enum side side)
{
	file_finish(a, t, side, FILE_CLOSED);
	if (side == TO_SERVER && t->multipart != NULL)
		http_multipart_end(a, t);
	decode_free(t->side[side].decode);
	t->side[side].decode = NULL;
}

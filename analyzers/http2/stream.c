/* stream.c - streams: their headers, their bodies as files, when they end. */
#include "analyzers/http2/http2.h"

struct h2_tx *h2_tx_new(struct analysis *a, uint32_t stream)
{
	struct h2_tx *t = tx_new(a, sizeof(*t));

	if (t != NULL)
		t->stream = stream;
	return t;
}

struct h2_tx *h2_tx_of(struct analysis *a, uint32_t stream)
{
	for (struct tx *tx = a->tx_last; tx != NULL; tx = tx->prev) {
		struct h2_tx *t = (struct h2_tx *)tx;

		if (t->stream == stream && stream != 0)
			return t;
	}
	return NULL;
}

void h2_tx_free(struct analysis *a, struct tx *tx)
{
	struct h2_tx *t = (struct h2_tx *)tx;

	for (unsigned i = 0; i < 2; i++) {
		struct h2_side *s = &t->side[i];

		budget_put(a->budget, s->rows, s->cap * sizeof(*s->rows));
		budget_put(a->budget, s->notes, s->note_cap * sizeof(*s->notes));
		decode_free(s->decode);
		bytes_fini(&s->header_text, a->budget);
		bytes_fini(&s->header_names, a->budget);
		bytes_fini(&s->first_line, a->budget);
		bytes_fini(&s->one_header, a->budget);
	}
	bytes_fini(&t->text, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

void h2_note(struct analysis *a, struct h2_tx *t, enum side side, enum h2_note_kind kind, uint32_t id, uint32_t value)
{
	struct h2_side *s = &t->side[side];

	if (s->note_count == HTTP2_NOTES_MAX)
		return;
	if (s->note_count == s->note_cap) {
		unsigned cap = s->note_cap != 0 ? s->note_cap * 2 : 4;
		void *notes = budget_resize(a->budget, s->notes, s->note_cap * sizeof(*s->notes),
					    cap * sizeof(*s->notes));

		if (notes == NULL)
			return;
		s->notes = notes;
		s->note_cap = cap;
	}
	s->notes[s->note_count++] = (struct h2_note){ .kind = (uint8_t)kind, .id = id, .value = value };
	t->tx.updated[side] = true;
}

static struct h2_row *row_new(struct analysis *a, struct h2_side *s)
{
	if (s->count == s->cap) {
		unsigned cap = s->cap != 0 ? s->cap * 2 : 12;
		void *rows = budget_resize(a->budget, s->rows, s->cap * sizeof(*s->rows), cap * sizeof(*s->rows));

		if (rows == NULL)
			return NULL;
		s->rows = rows;
		s->cap = cap;
	}
	s->rows[s->count] = (struct h2_row){ 0 };
	return &s->rows[s->count++];
}

static struct h2_span keep(struct analysis *a, struct h2_tx *t, struct slice s)
{
	struct h2_span span = { .at = t->text.len, .len = (uint32_t)s.len };

	if (s.len == 0 || !bytes_append(&t->text, a->budget, s.data, s.len))
		span.len = 0;
	return span;
}

void h2_header_add(struct analysis *a, struct h2_tx *t, enum side side, struct slice name, struct slice value)
{
	struct h2_row *r;

	if (t->text.len + name.len + value.len > HTTP2_TEXT_MAX || t->side[side].count > HTTP2_ROWS_MAX)
		return;
	r = row_new(a, &t->side[side]);
	if (r == NULL)
		return;
	r->name = keep(a, t, name);
	r->value = keep(a, t, value);
	t->side[side].has_headers = true;
}

void h2_table_size_add(struct analysis *a, struct h2_tx *t, enum side side, uint32_t size)
{
	struct h2_row *r = row_new(a, &t->side[side]);

	if (r == NULL)
		return;
	r->is_table_size = true;
	r->table_size = size;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool eq_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

const struct h2_row *h2_header_find(const struct h2_tx *t, enum side side, const char *name)
{
	const struct h2_side *s = &t->side[side];

	for (unsigned i = 0; i < s->count; i++)
		if (!s->rows[i].is_table_size && slice_eq(h2_text(t, s->rows[i].name), slice_str(name)))
			return &s->rows[i];
	return NULL;
}

struct slice h2_header_any_case(const struct h2_tx *t, enum side side, const char *name)
{
	const struct h2_side *s = &t->side[side];

	for (unsigned i = 0; i < s->count; i++)
		if (!s->rows[i].is_table_size && eq_nocase(h2_text(t, s->rows[i].name), slice_str(name)))
			return h2_text(t, s->rows[i].value);
	return slice_of(NULL, 0);
}

struct slice h2_header_value(const struct h2_tx *t, enum side side, const char *name)
{
	const struct h2_row *r = h2_header_find(t, side, name);

	if (r == NULL)
		return slice_of(NULL, 0);
	return h2_text(t, r->joined.len != 0 ? r->joined : r->value);
}

/* Values of one name become one, behind the others in the arena. */
static void values_join(struct analysis *a, struct h2_tx *t, struct h2_side *s, unsigned first)
{
	struct slice name = h2_text(t, s->rows[first].name);
	const char *between = eq_nocase(name, slice_str("cookie")) ? "; " : ", ";
	struct h2_span joined = { 0 };

	if (name.len > 0 && name.data[0] == ':')
		return;
	for (unsigned i = first + 1; i < s->count; i++) {
		struct slice v;

		if (s->rows[i].is_table_size ||
		    !eq_nocase(h2_text(t, s->rows[i].name), h2_text(t, s->rows[first].name)))
			continue;
		if (!bytes_reserve(&t->text, a->budget, t->text.len + s->rows[first].value.len + 2 + s->rows[i].value.len))
			return;
		if (joined.len == 0)
			joined = keep(a, t, h2_text(t, s->rows[first].value));
		v = h2_text(t, s->rows[i].value);
		bytes_append(&t->text, a->budget, between, 2);
		bytes_append(&t->text, a->budget, v.data, v.len);
		joined.len = t->text.len - joined.at;
		s->rows[i].joined.len = UINT32_MAX;     /* part of another's */
	}
	s->rows[first].joined = joined;
}

static void host_make(struct analysis *a, struct h2_tx *t, enum side side)
{
	struct slice authority = h2_header_value(t, side, ":authority");
	struct slice host = h2_header_value(t, side, "host");
	struct slice use = authority.len != 0 ? authority : host;
	const uint8_t *at;
	size_t n = use.len;

	if (authority.len != 0 && host.len != 0 && !eq_nocase(authority, host))
		h2_event(a, t, H2_EV_AUTHORITY_HOST_MISMATCH);
	at = use.len != 0 ? memchr(use.data, '@', use.len) : NULL;
	if (at != NULL)
		h2_event(a, t, H2_EV_USERINFO_IN_URI);
	if (use.len == 0 || !bytes_reserve(&t->text, a->budget, t->text.len + use.len))
		return;
	use = authority.len != 0 ? h2_header_value(t, side, ":authority") : h2_header_value(t, side, "host");
	if (use.data[0] != '[') {
		const uint8_t *colon = memchr(use.data, ':', use.len);

		if (colon != NULL)
			n = (size_t)(colon - use.data);
	} else {
		const uint8_t *close = memchr(use.data, ']', use.len);

		if (close != NULL)
			n = (size_t)(close + 1 - use.data);
	}
	t->side[side].host = keep(a, t, slice_head(use, n));
	for (uint32_t i = 0; i < t->side[side].host.len; i++) {
		uint8_t *c = &t->text.data[t->side[side].host.at + i];

		*c = lower(*c);
	}
}

static void coding_begin(struct analysis *a, struct h2_tx *t, enum side side)
{
	struct slice v = h2_header_value(t, side, "content-encoding");
	static const struct decode_limits limits = { 0 };
	enum decode_kind kind = DECODE_NONE;

	if (v.len == 0 || t->side[side].decode != NULL)
		return;
	if (eq_nocase(v, slice_str("gzip")))
		kind = DECODE_GZIP;
	else if (eq_nocase(v, slice_str("deflate")))
		kind = DECODE_DEFLATE;
	else if (eq_nocase(v, slice_str("br")))
		kind = DECODE_BROTLI;
	if (kind == DECODE_NONE)
		return;
	t->side[side].decode = decode_new(a->budget, &limits);
	if (t->side[side].decode != NULL)
		decode_layer(t->side[side].decode, kind);
}

void h2_headers_done(struct analysis *a, struct h2_tx *t, enum side side)
{
	struct h2_side *s = &t->side[side];

	for (unsigned i = 0; i < s->count; i++)
		s->rows[i].joined = (struct h2_span){ 0 };
	for (unsigned i = 0; i < s->count; i++)
		if (!s->rows[i].is_table_size && s->rows[i].joined.len == 0)
			values_join(a, t, s, i);
	if (side == TO_SERVER || h2_header_find(t, side, ":authority") != NULL)
		host_make(a, t, side);
	coding_begin(a, t, side);
	tx_progress(a, &t->tx, side, H2_HEADERS);
}

struct sink {
	struct analysis *a;
	struct h2_tx *t;
	enum side side;
};

static void plain_add(void *ctx, struct slice data)
{
	struct sink *k = ctx;
	struct h2_side *s = &k->t->side[k->side];

	if (!s->file_tried) {
		s->file_tried = true;
		s->file = file_open(k->a, &k->t->tx, k->side, slice_of(NULL, 0));
	}
	if (s->file != NULL)
		file_data(k->a, s->file, data);
}

void h2_data(struct analysis *a, struct h2_tx *t, enum side side, struct slice data)
{
	struct sink k = { .a = a, .t = t, .side = side };

	if (data.len == 0 || t->ended[side])
		return;
	tx_progress(a, &t->tx, side, H2_DATA);
	t->side[side].body_len += data.len;
	if (t->side[side].decode == NULL)
		plain_add(&k, data);
	else
		decode_add(t->side[side].decode, data, plain_add, &k);
}

void h2_data_gap(struct analysis *a, struct h2_tx *t, enum side side, uint64_t len)
{
	if (t->side[side].file != NULL)
		file_gap(a, t->side[side].file, len);
}

void h2_side_end(struct analysis *a, struct h2_tx *t, enum side side)
{
	struct h2_side *s = &t->side[side];

	t->ended[side] = true;
	if (s->file != NULL)
		file_close(a, s->file, FILE_CLOSED);
	s->file = NULL;
	decode_free(s->decode);
	s->decode = NULL;
	tx_progress(a, &t->tx, side, H2_CLOSED);
}

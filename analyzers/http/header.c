/* header.c - a header block, a field at a time, as lenient as browsers and servers are.
 *
 * Lines end in CRLF or LF; those of a response also in CR or LFCR. A line that begins with a blank
 * continues the one before it, except that in a response what looks like a field of its own is one.
 * Whether a line end stands alone is known only with the bytes behind it, so up to six are awaited: the
 * result doesn't depend on how the block was cut. */
#include "analyzers/http/http.h"

#define FOLDS_MAX 128

struct text {
	const uint8_t *p;
	size_t len;
	bool response;
	bool ended;             /* nothing will follow */
};

enum { NEED_MORE = -1 };

static int at(const struct text *t, size_t i)
{
	return i < t->len ? t->p[i] : -1;
}

static bool fold_char(int c)
{
	return c == ' ' || c == '\t' || c == 0;
}

/* A plain line end at i: its length, 0 = none there. */
static int end_plain(const struct text *t, size_t i)
{
	int c = at(t, i), d = at(t, i + 1);

	if (c == '\r' && d == '\n')
		return 2;
	if (c == '\n')
		return t->response && d == '\r' ? 2 : 1;
	return c == '\r' && t->response ? 1 : 0;
}

/* "\n\r\r\n" in front of another line end. */
static int end_lf_cr_cr_lf(const struct text *t, size_t i)
{
	static const uint8_t want[4] = "\n\r\r\n";

	for (size_t k = 0; k < 4; k++) {
		if (i + k >= t->len)
			return t->ended ? 0 : NEED_MORE;
		if (t->p[i + k] != want[k])
			return 0;
	}
	if (at(t, i + 4) == '\n' || (at(t, i + 4) == '\r' && at(t, i + 5) == '\n'))
		return 4;
	if (!t->ended && (i + 4 >= t->len || (at(t, i + 4) == '\r' && i + 5 >= t->len)))
		return NEED_MORE;
	return 0;
}

/* "\r\n\r", more of CR and blanks, maybe LF, and no line end behind it: only in responses. */
static int end_cr_run(const struct text *t, size_t i)
{
	size_t k = i + 3;

	if (at(t, i) != '\r' || at(t, i + 1) != '\n')
		return 0;
	if (at(t, i + 2) != '\r')
		return i + 2 >= t->len && !t->ended ? NEED_MORE : 0;
	while (at(t, k) == '\r' || at(t, k) == ' ' || at(t, k) == '\t')
		k++;
	if (k >= t->len && !t->ended)
		return NEED_MORE;
	if (k == i + 3)
		return 0;
	if (at(t, k) == '\n')
		k++;
	if (k >= t->len && !t->ended)
		return NEED_MORE;
	if (at(t, k) == '\n')
		return 0;
	if (at(t, k) == '\r') {
		if (k + 1 >= t->len && !t->ended)
			return NEED_MORE;
		if (at(t, k + 1) == '\n')
			return 0;
	}
	return (int)(k - i);
}

static int end_deformed(const struct text *t, size_t i)
{
	int n = end_lf_cr_cr_lf(t, i);

	if (n != 0)
		return n;
	if (t->response)
		return end_cr_run(t, i);
	if (at(t, i) == '\n' && at(t, i + 1) == '\r') {
		if (at(t, i + 2) == '\r' && at(t, i + 3) == '\n')
			return 2;
		if (!t->ended && (i + 2 >= t->len || (at(t, i + 2) == '\r' && i + 3 >= t->len)))
			return NEED_MORE;
	}
	return 0;
}

struct part {
	size_t from, to;        /* the text */
	size_t end_len;         /* of the line end */
	size_t next;            /* behind the line end, and behind the blank of a fold */
	bool folds;
	bool deformed;
	int blank;              /* what it folds with */
};

/* One line of a value from i on. */
static enum parse part_read(const struct text *t, size_t i, struct part *out)
{
	size_t e = i;
	int n, d;

	while (e < t->len && t->p[e] != '\n' && !(t->response && t->p[e] == '\r'))
		e++;
	if (e == t->len)
		return PARSE_MORE;
	if (!t->response && e > i && t->p[e - 1] == '\r')
		e--;
	*out = (struct part){ .from = i, .to = e };
	n = end_plain(t, e);
	d = end_deformed(t, e);
	if (!t->ended && (d == NEED_MORE || e + (size_t)n >= t->len))
		return PARSE_MORE;
	if (!t->response && d > 0) {
		n = d;
		out->deformed = true;
	}
	if (fold_char(at(t, e + (size_t)n))) {
		out->folds = true;
		out->blank = at(t, e + (size_t)n);
		out->next = e + (size_t)n + 1;
	} else {
		if (d > 0) {
			n = d;
			out->deformed = true;
		}
		out->next = e + (size_t)n;
	}
	out->end_len = (size_t)n;
	return PARSE_OK;
}

/* Does "token:" stand at i? Then a response's fold is no fold. */
static enum parse field_stands(const struct text *t, size_t i)
{
	size_t k = i, from;

	while (at(t, k) == ' ' || at(t, k) == '\t')
		k++;
	for (from = k; k < t->len && http_token(t->p[k]); k++)
		;
	if (k == from)
		return k == t->len && !t->ended ? PARSE_MORE : PARSE_BAD;
	while (at(t, k) == ' ' || at(t, k) == '\t')
		k++;
	if (k == t->len)
		return t->ended ? PARSE_BAD : PARSE_MORE;
	return t->p[k] == ':' ? PARSE_OK : PARSE_BAD;
}

static void value_add(struct http_field *f, struct budget *b, const struct text *t, const struct part *p)
{
	bytes_append(f->value, b, t->p + p->from, p->to - p->from);
}

/* A value with its folds, from i on; *rest is where the next field begins. */
static enum parse value_read(const struct text *t, size_t i, struct http_field *f, struct budget *b, size_t *rest)
{
	struct part p;
	enum parse got = part_read(t, i, &p);

	if (got != PARSE_OK)
		return got;
	value_add(f, b, t, &p);
	*rest = p.next;
	for (unsigned folds = 0; p.folds; folds++) {
		int blank = p.blank;

		if (p.deformed)
			f->flags |= HF_DEFORMED_EOL;
		i = p.next;
		if (t->response) {
			got = field_stands(t, i);
			if (got == PARSE_OK)
				*rest = i;
			if (got != PARSE_BAD)
				return got;
		}
		got = part_read(t, i, &p);
		if (got != PARSE_OK)
			return got;
		if (f->value->len > 0)
			bytes_append_u8(f->value, b, (uint8_t)blank);
		if (p.to > p.from || p.end_len > 1) {
			*rest = p.next;
			value_add(f, b, t, &p);
		} else if (at(t, p.next) == '\n') {
			*rest = p.next;         /* a blank line, then an empty one: the block's end */
		}
		if (folds + 1 >= FOLDS_MAX)
			break;
	}
	if (p.deformed)
		f->flags |= HF_DEFORMED_EOL;
	return PARSE_OK;
}

/* Where the name ends, at its colon; 0 and *colon false where the line has none. */
static size_t name_read(const struct text *t, bool *colon)
{
	uint8_t ended_by = 0;

	*colon = false;
	for (size_t i = 0; i < t->len; i++) {
		uint8_t c = t->p[i];

		if (ended_by == 0) {
			if (c == ':') {
				*colon = true;
				return i;
			}
			if (c == '\n' || (t->response && c == '\r'))
				ended_by = c;
		} else if (c == ' ') {
			ended_by = 0;
		} else if (c == '\n' && ended_by == '\r') {
			ended_by = c;
		} else {
			break;
		}
	}
	return 0;
}

static uint32_t name_flags(struct slice name)
{
	uint32_t flags = 0;
	size_t i = 0, to = name.len;

	if (name.len == 0)
		return HF_NAME_EMPTY;
	if (name.data[0] == ' ' || name.data[0] == '\t')
		flags |= HF_NAME_LEADING_SPACE;
	if (name.data[to - 1] == ' ' || name.data[to - 1] == '\t')
		flags |= HF_NAME_TRAILING_SPACE;
	while (i < to && (name.data[i] == ' ' || name.data[i] == '\t'))
		i++;
	while (i < to && http_token(name.data[i]))
		i++;
	while (i < to && (name.data[i] == ' ' || name.data[i] == '\t'))
		i++;
	return i < to ? flags | HF_NOT_TOKEN : flags;
}

int http_block_end(struct slice in, bool response, bool ended)
{
	struct text t = { .p = in.data, .len = in.len, .response = response, .ended = ended };

	if (at(&t, 0) == '\r' && in.len == 1 && !ended)
		return -1;
	return end_plain(&t, 0);
}

enum parse http_field_read(struct slice in, bool response, bool ended, struct http_field *f, struct budget *b)
{
	struct text t = { .p = in.data, .len = in.len, .response = response, .ended = ended };
	size_t name_len, i = 0;
	bool colon;
	enum parse got;

	f->flags = 0;
	f->value->len = 0;
	f->name = slice_of(in.data, 0);
	if (in.len == 0)
		return PARSE_MORE;
	if (at(&t, 0) == '\n' || (at(&t, 0) == '\r' && at(&t, 1) == '\n')) {
		f->used = at(&t, 0) == '\n' ? 1 : 2;
		return PARSE_BAD;
	}
	if (at(&t, 0) == '\r' && in.len == 1)
		return PARSE_MORE;
	name_len = name_read(&t, &colon);
	if (colon) {
		f->flags = name_flags(slice_of(in.data, name_len));
		f->name = http_trim(slice_of(in.data, name_len));
		for (i = name_len + 1; at(&t, i) == ' ' || at(&t, i) == '\t'; i++)
			;
	} else {
		f->flags = HF_NO_COLON | HF_NAME_EMPTY;
	}
	got = value_read(&t, i, f, b, &f->used);
	if (got == PARSE_OK) {
		struct slice v = http_trim(bytes_slice(f->value));

		if (v.len > 0)
			memmove(f->value->data, v.data, v.len);
		f->value->len = (uint32_t)v.len;
	}
	return got;
}

/* --- a transaction's headers --- */

struct http_span http_keep(struct analysis *a, struct http_tx *t, struct slice s)
{
	struct http_span span = { .at = t->text.len, .len = (uint32_t)s.len };

	if (s.len == 0 || !bytes_append(&t->text, a->budget, s.data, s.len))
		span.len = 0;
	return span;
}

static uint8_t name_hash(struct slice name)
{
	uint8_t h = 0;

	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] != 0)
			h = (uint8_t)(h * 31 + (name.data[i] | 0x20));
	return h;
}

static bool name_eq(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		uint8_t x = a.data[i], y = b.data[i];

		if (x >= 'A' && x <= 'Z')
			x = (uint8_t)(x + 32);
		if (y >= 'A' && y <= 'Z')
			y = (uint8_t)(y + 32);
		if (x != y)
			return false;
	}
	return true;
}

struct http_header *http_header_find(const struct http_tx *t, enum side side, const char *name, bool nozero)
{
	const struct http_headers *h = &t->side[side].headers;
	uint8_t hash = name_hash(slice_str(name));

	for (unsigned i = 0; i < h->count; i++) {
		struct slice s = http_text(t, h->rows[i].name);

		if (h->rows[i].hash == hash &&
		    (nozero ? http_eq_nozero(s, name) : http_eq_nocase(s, name)))
			return &h->rows[i];
	}
	return NULL;
}

struct slice http_header_value(const struct http_tx *t, enum side side, const char *name)
{
	const struct http_header *h = http_header_find(t, side, name, false);

	return h != NULL ? http_text(t, h->value) : slice_of(NULL, 0);
}

static bool header_repeat(struct analysis *a, struct http_tx *t, enum side side, struct http_header *h,
			  struct slice value)
{
	struct http_headers *hs = &t->side[side].headers;
	bool request = side == TO_SERVER, before, after;
	uint32_t len = h->value.len;

	if (!h->repeated)
		http_event(a, t, request ? HTTP_EV_REQUEST_HEADER_REPETITION :
			   HTTP_EV_RESPONSE_HEADER_REPETITION);
	else if (hs->repeats++ >= HTTP_REPEATS_MAX)
		return true;
	h->repeated = true;
	if (http_eq_nocase(http_text(t, h->name), "content-length")) {
		uint64_t was = http_number(http_text(t, h->value), &before, &after);
		uint64_t is = http_number(value, &before, &after);

		if (was == HTTP_UNKNOWN_LEN || is == HTTP_UNKNOWN_LEN || was != is)
			http_event(a, t, request ? HTTP_EV_DUPLICATE_CL_REQUEST : HTTP_EV_DUPLICATE_CL_RESPONSE);
		return true;
	}
	if (h->value.at + len != t->text.len) {
		if (!bytes_reserve(&t->text, a->budget, t->text.len + len + 2 + value.len))
			return true;
		h->value = http_keep(a, t, http_text(t, h->value));
	}
	if (bytes_append(&t->text, a->budget, ", ", 2) && bytes_append(&t->text, a->budget, value.data, value.len))
		h->value.len = len + 2 + (uint32_t)value.len;
	return true;
}

bool http_header_add(struct analysis *a, struct http_tx *t, enum side side, const struct http_field *f)
{
	struct http_headers *hs = &t->side[side].headers;
	struct slice value = bytes_slice(f->value);
	uint8_t hash = name_hash(f->name);
	struct http_header *h;

	for (unsigned i = 0; i < hs->count; i++)
		if (hs->rows[i].hash == hash && name_eq(http_text(t, hs->rows[i].name), f->name))
			return header_repeat(a, t, side, &hs->rows[i], value);
	if (hs->count > t->options->headers_max) {
		http_event(a, t, side == TO_SERVER ? HTTP_EV_REQUEST_TOO_MANY_HEADERS :
			   HTTP_EV_RESPONSE_TOO_MANY_HEADERS);
		return false;
	}
	if (hs->count == hs->cap) {
		unsigned cap = hs->cap != 0 ? hs->cap * 2 : 12;
		void *rows = budget_resize(a->budget, hs->rows, hs->cap * sizeof(*h), cap * sizeof(*h));

		if (rows == NULL)
			return false;
		hs->rows = rows;
		hs->cap = cap;
	}
	h = &hs->rows[hs->count++];
	h->hash = hash;
	h->repeated = false;
	h->name = http_keep(a, t, f->name);
	h->value = http_keep(a, t, value);
	return true;
}

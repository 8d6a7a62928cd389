/* machine.c - lines and header blocks out of a stream that comes in pieces. What isn't whole is kept, up to the
 * field limit; a line that lies whole in the input isn't copied. */
#include "analyzers/http/machine.h"

static void too_long(struct analysis *a, struct http_machine *m)
{
	struct http_state *s = a->state;

	http_event(a, m->tx, m == &s->side[TO_SERVER] ? HTTP_EV_REQUEST_FIELD_TOO_LONG :
		   HTTP_EV_RESPONSE_FIELD_TOO_LONG);
}

/* Length of the line in s with its end; 0 where it isn't whole. */
static size_t line_len(struct slice s, size_t from, bool cr)
{
	for (size_t i = from; i < s.len; i++) {
		if (s.data[i] == '\n')
			return i + 1;
		if (cr && s.data[i] == '\r' && i + 1 < s.len)
			return s.data[i + 1] == '\n' ? i + 2 : i + 1;
	}
	return 0;
}

enum parse http_line_read(struct analysis *a, struct http_machine *m, struct reader *in, bool cr, struct slice *out)
{
	struct http_state *s = a->state;
	struct slice rest = slice_of(in->at, reader_left(in));
	size_t had = m->line.len, n;

	if (had == 0) {
		m->line_off = http_offset(a, in);
		n = line_len(rest, 0, cr);
		if (n > s->options->field_max) {
			too_long(a, m);
			return PARSE_BAD;
		}
		if (n != 0) {
			*out = read_slice(in, n);
			return PARSE_OK;
		}
	}
	n = rest.len;
	if (cr && had > 0 && m->line.data[had - 1] == '\r' && n > 0 && rest.data[0] != '\n') {
		*out = bytes_slice(&m->line);
		return PARSE_OK;
	}
	for (size_t i = 0; had > 0 && i < rest.len; i++) {
		if (rest.data[i] != '\n' && !(cr && rest.data[i] == '\r'))
			continue;
		n = i + 1;
		if (rest.data[i] == '\r' && n < rest.len && rest.data[n] == '\n')
			n++;
		break;
	}
	if (had + n > s->options->field_max || !bytes_append(&m->line, a->budget, rest.data, n)) {
		too_long(a, m);
		return PARSE_BAD;
	}
	reader_skip(in, n);
	if (had > 0 && n > 0) {
		uint8_t last = m->line.data[m->line.len - 1];

		if (last == '\n' || (cr && last == '\r' && reader_left(in) > 0)) {
			*out = bytes_slice(&m->line);
			return PARSE_OK;
		}
	}
	return PARSE_MORE;
}

static void field_events(struct analysis *a, struct http_tx *t, bool response, uint32_t flags)
{
	if (flags & HF_DEFORMED_EOL)
		http_event(a, t, HTTP_EV_DEFORMED_EOL);
	if (flags & HF_NAME_TRAILING_SPACE)
		http_event(a, t, response ? HTTP_EV_RESPONSE_LWS_AFTER_NAME : HTTP_EV_REQUEST_LWS_AFTER_NAME);
	if (flags & HF_NAME_LEADING_SPACE)
		http_event(a, t, response ? HTTP_EV_INVALID_RESPONSE_FOLDING : HTTP_EV_INVALID_REQUEST_FOLDING);
	if (flags & HF_NOT_TOKEN)
		http_event(a, t, response ? HTTP_EV_RESPONSE_NAME_NOT_TOKEN : HTTP_EV_REQUEST_HEADER_INVALID);
	if (flags & HF_NO_COLON)
		http_event(a, t, response ? HTTP_EV_RESPONSE_FIELD_MISSING_COLON :
			   HTTP_EV_REQUEST_FIELD_MISSING_COLON);
	else if (flags & HF_NAME_EMPTY)
		http_event(a, t, response ? HTTP_EV_RESPONSE_HEADER_INVALID : HTTP_EV_REQUEST_HEADER_INVALID);
}

/* Fields out of text; *used bytes are done with. OK: the block ended. */
static enum parse fields_read(struct analysis *a, struct http_tx *t, enum side side, struct slice text, bool ended,
			      struct bytes *scratch, size_t *used)
{
	bool response = side == TO_CLIENT;

	*used = 0;
	for (;;) {
		struct http_field f = { .value = scratch };
		struct slice rest = slice_skip(text, *used);
		enum parse got = http_field_read(rest, response, ended, &f, a->budget);
		int end;

		if (got == PARSE_BAD) {
			*used += f.used;
			return PARSE_OK;
		}
		if (got == PARSE_MORE)
			return PARSE_MORE;
		end = http_block_end(slice_skip(rest, f.used), response, ended);
		if (end < 0)
			return PARSE_MORE;
		*used += f.used + (size_t)end;
		field_events(a, t, response, f.flags);
		if (!http_header_add(a, t, side, &f))
			return PARSE_BAD;
		if (end > 0)
			return PARSE_OK;
	}
}

static bool has_end(struct slice s, bool response)
{
	if (s.len == 0)
		return false;
	return memchr(s.data, '\n', s.len) != NULL || (response && memchr(s.data, '\r', s.len) != NULL);
}

enum parse http_block_read(struct analysis *a, struct http_tx *t, enum side side, struct reader *in, bool ended)
{
	struct http_state *s = a->state;
	struct http_machine *m = &s->side[side];
	struct slice fresh = read_rest(in), text = fresh;
	struct bytes scratch = { 0 };
	size_t had = m->line.len, used;
	enum parse got;

	if (fresh.len == 0 && !ended)
		return PARSE_MORE;
	if (had > 0) {
		if (!bytes_append(&m->line, a->budget, fresh.data, fresh.len))
			return PARSE_BAD;
		text = bytes_slice(&m->line);
		if (!m->line_has_end && !ended && !has_end(fresh, side == TO_CLIENT)) {
			if (text.len <= s->options->field_max)
				return PARSE_MORE;
			too_long(a, m);
			return PARSE_BAD;
		}
	}
	got = fields_read(a, t, side, text, ended, &scratch, &used);
	bytes_fini(&scratch, a->budget);
	bytes_append(&t->side[side].raw_headers, a->budget, text.data, used);
	if (got == PARSE_OK) {
		/* What lies behind the block is fresh: older bytes would have ended it earlier. */
		in->at -= text.len - used < fresh.len ? text.len - used : fresh.len;
		m->line.len = 0;
		m->line_has_end = false;
		return PARSE_OK;
	}
	if (got == PARSE_BAD)
		return PARSE_BAD;
	if (had > 0)
		bytes_drop(&m->line, used);
	else if (!bytes_append(&m->line, a->budget, text.data + used, text.len - used))
		return PARSE_BAD;
	m->line_has_end = has_end(bytes_slice(&m->line), side == TO_CLIENT);
	if (m->line.len > s->options->field_max) {
		too_long(a, m);
		return PARSE_BAD;
	}
	return PARSE_MORE;
}

enum parse http_chunk_end_read(struct http_machine *m, enum side side, struct reader *in)
{
	bool whole;

	if (reader_left(in) == 0)
		return PARSE_MORE;
	m->tx->side[side].message_len += http_line_part(in, &whole).len;
	if (!whole)
		return PARSE_MORE;
	m->state = HS_CHUNK_LEN;
	return PARSE_OK;
}

bool http_body_lost(struct analysis *a, struct http_machine *m, enum side side, uint64_t len)
{
	uint64_t n = len < m->left ? len : m->left;

	m->left -= n;
	m->tx->side[side].message_len += n;
	http_body_gap(a, m->tx, side, n);
	if (m->left == 0 && m->state == HS_CHUNK_DATA)
		m->state = HS_CHUNK_END;
	return m->left == 0 && m->state == HS_IDENTITY;
}

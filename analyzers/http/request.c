/* request.c - the client's direction.
 *
 * A request whose line names no protocol is HTTP/0.9 if nothing but blanks follows it until the server
 * answers. Behind CONNECT the machine stands still until the server has decided. Lines behind a message that
 * don't begin with a known method, and come before the server has answered, belong to its body. */
#include "analyzers/http/machine.h"

#define JUNK_0_9_MAX 16

static struct http_machine *machine(struct analysis *a)
{
	return &((struct http_state *)a->state)->side[TO_SERVER];
}

void http_request_complete(struct analysis *a, struct http_tx *t)
{
	if (tx_done(a, &t->tx, TO_SERVER))
		return;
	if (t->is_0_9 && t->method == HTTP_METHOD_UNKNOWN)
		http_event(a, t, HTTP_EV_REQUEST_LINE_INVALID);
	tx_progress(a, &t->tx, TO_SERVER, HTTP_COMPLETE);
}

static void request_done(struct analysis *a, struct http_machine *m, const struct reader *in)
{
	frame_end(a, m->tx->side[TO_SERVER].frame, http_offset(a, in));
	m->tx->side[TO_SERVER].frame = NULL;
	http_request_complete(a, m->tx);
	m->state = m->tx->is_0_9 ? HS_IGNORE : HS_FINALIZE;
	m->line.len = 0;
}

static bool line_ignorable(struct slice line)
{
	return line.len == 0 || slice_eq(line, slice_str("\r\n")) || slice_eq(line, slice_str("\n")) ||
	       slice_eq(line, slice_str("\r"));
}

static bool has_other_space(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (http_space(s.data[i]) && s.data[i] != ' ')
			return true;
	return false;
}

/* "METHOD URI PROTOCOL", with all that may be wrong about it. */
static void request_line_parse(struct analysis *a, struct http_tx *t, struct slice line)
{
	struct slice s = line, method, uri, protocol = { 0 };
	size_t n = 0, k;
	bool extra;

	t->side[0].line = http_keep(a, t, line);
	t->flags |= HTTP_FLAG_REQUEST_LINE;
	while (n < s.len && http_space(s.data[n]))
		n++;
	if (n > 0)
		http_event(a, t, HTTP_EV_LINE_LEADING_WHITESPACE);
	s = slice_skip(s, n);
	for (n = 0; n < s.len && !http_space(s.data[n]); n++)
		;
	method = slice_head(s, n);
	for (k = n; k < s.len && http_space(s.data[k]); k++)
		;
	if (has_other_space(slice_of(s.data + n, k - n)))
		http_event(a, t, HTTP_EV_METHOD_DELIM);
	t->method = (uint8_t)http_method_of(method);
	t->method_text = http_keep(a, t, method);
	s = http_trim(slice_skip(s, k));
	t->is_0_9 = true;
	t->side[0].version = HTTP_0_9;
	if (s.len == 0) {
		if (t->method == HTTP_METHOD_UNKNOWN)
			http_event(a, t, HTTP_EV_UNKNOWN_METHOD);
		return;
	}
	for (n = 0; n < s.len && s.data[n] != ' '; n++)
		;
	if (has_other_space(slice_head(s, n))) {
		http_event(a, t, HTTP_EV_URI_DELIM);
		if (n == s.len)
			for (n = 0; n < s.len && !http_space(s.data[n]); n++)
				;
	}
	uri = http_trim(slice_head(s, n));
	protocol = http_trim(slice_skip(s, n));
	t->uri_raw = http_keep(a, t, uri);
	if (protocol.len == 0) {
		if (t->method == HTTP_METHOD_UNKNOWN)
			http_event(a, t, HTTP_EV_UNKNOWN_METHOD_NO_PROTOCOL);
		return;
	}
	t->is_0_9 = false;
	t->side[0].protocol = http_keep(a, t, protocol);
	t->side[0].version = (uint8_t)http_version_of(protocol, &extra);
	if (extra)
		http_event(a, t, HTTP_EV_PROTOCOL_EXTRA_DATA);
	if (t->method == HTTP_METHOD_UNKNOWN && t->side[0].version == HTTP_VERSION_INVALID)
		http_event(a, t, HTTP_EV_UNKNOWN_METHOD_INVALID_PROTOCOL);
}

static void line_complete(struct analysis *a, struct http_machine *m, struct slice line)
{
	struct http_tx *t = m->tx;

	request_line_parse(a, t, http_chomp(line));
	if (t->uri_raw.len != 0)
		http_uri_read(a, t);
	tx_progress(a, &t->tx, TO_SERVER, HTTP_HEADERS);
	m->state = t->is_0_9 ? HS_PROTOCOL : HS_HEADERS;
}

/* Blanks behind a line without protocol; anything else, and it is no HTTP/0.9. */
static bool protocol_decide(struct analysis *a, struct http_machine *m, struct reader *in)
{
	while (reader_left(in) > 0) {
		if (!http_space(peek_u8(in)) || m->line.len > JUNK_0_9_MAX) {
			m->tx->is_0_9 = false;
			http_event(a, m->tx, HTTP_EV_MISSING_PROTOCOL);
			m->line_has_end = true;
			m->state = HS_HEADERS;
			return true;
		}
		bytes_append_u8(&m->line, a->budget, read_u8(in));
	}
	return false;
}

void http_request_decide(struct analysis *a)
{
	struct http_machine *m = machine(a);
	struct reader none = reader_of(NULL, 0);

	if (m->state != HS_PROTOCOL || m->tx == NULL)
		return;
	m->line.len = 0;
	tx_progress(a, &m->tx->tx, TO_SERVER, HTTP_BODY);
	request_done(a, m, &none);
}

void http_request_refused(struct analysis *a)
{
	struct http_machine *m = machine(a);
	struct reader none = reader_of(NULL, 0);

	if (m->state == HS_CONNECT_WAIT && m->tx != NULL)
		request_done(a, m, &none);
}

/* --- headers are there --- */

static void host_check(struct analysis *a, struct http_tx *t)
{
	const struct http_header *h = http_header_find(t, TO_SERVER, "host", true);
	bool in_uri = (t->flags & HTTP_FLAG_HOST_IN_URI) != 0, has_port;
	struct slice host;
	uint32_t port;

	if (in_uri) {
		t->host = t->uri_host;
		t->host_port = t->uri_port;
	}
	if (h == NULL) {
		if (t->side[0].version >= HTTP_1_1)
			http_event(a, t, HTTP_EV_MISSING_HOST);
		return;
	}
	if (!http_host_port(http_text(t, h->value), &host, &port, &has_port))
		http_event(a, t, HTTP_EV_HEADER_HOST_INVALID);
	if (in_uri) {
		struct slice was = http_text(t, t->host);
		bool same = was.len == host.len;

		for (size_t i = 0; same && i < host.len; i++)
			same = (host.data[i] | ((host.data[i] >= 'A' && host.data[i] <= 'Z') << 5)) == was.data[i];
		if (!same || (has_port && t->host_port != 0 && t->host_port != port))
			http_event(a, t, HTTP_EV_HOST_AMBIGUOUS);
		return;
	}
	if (host.len == 0 || !bytes_reserve(&t->text, a->budget, t->text.len + h->value.len))
		return;
	http_host_port(http_text(t, h->value), &host, &port, &has_port);
	t->host = http_keep(a, t, host);
	for (uint32_t i = 0; i < t->host.len; i++) {
		uint8_t *c = &t->text.data[t->host.at + i];

		if (*c >= 'A' && *c <= 'Z')
			*c = (uint8_t)(*c + 32);
	}
	t->host_port = port;
}

static void coding_by_length(struct analysis *a, struct http_machine *m, struct http_tx *t, struct slice value)
{
	bool before, after;

	m->body_len = http_number(value, &before, &after);
	if (before)
		http_event(a, t, HTTP_EV_CL_EXTRA_START);
	if (after)
		http_event(a, t, HTTP_EV_CL_EXTRA_END);
	t->side[0].coding = m->body_len != HTTP_UNKNOWN_LEN ? HTTP_IDENTITY : HTTP_CODING_INVALID;
	if (m->body_len == HTTP_UNKNOWN_LEN)
		http_event(a, t, HTTP_EV_INVALID_CL_REQUEST);
}

static void headers_judge(struct analysis *a, struct http_machine *m, struct http_tx *t)
{
	const struct http_header *cl = http_header_find(t, TO_SERVER, "content-length", true);
	const struct http_header *te = http_header_find(t, TO_SERVER, "transfer-encoding", true);
	const struct http_header *auth = http_header_find(t, TO_SERVER, "authorization", true);

	if (te != NULL) {
		bool chunked = http_has_nozero(http_text(t, te->value), "chunked");

		if (!chunked || t->side[0].version < HTTP_1_1)
			http_event(a, t, HTTP_EV_INVALID_TE_REQUEST);
		t->side[0].coding = chunked ? HTTP_CHUNKED : HTTP_CODING_INVALID;
	} else if (cl != NULL) {
		coding_by_length(a, m, t, http_text(t, cl->value));
	} else {
		t->side[0].coding = HTTP_NO_BODY;
	}
	host_check(a, t);
	if (auth != NULL) {
		struct slice v = http_text(t, auth->value);

		if (!http_eq_nocase(slice_head(v, 5), "basic") && !http_eq_nocase(slice_head(v, 6), "digest") &&
		    !http_eq_nocase(slice_head(v, 6), "bearer"))
			http_event(a, t, HTTP_EV_AUTH_UNRECOGNIZED);
	}
}

static enum parse headers_complete(struct analysis *a, struct http_machine *m, const struct reader *in)
{
	struct http_tx *t = m->tx;

	m->body_len = HTTP_UNKNOWN_LEN;
	headers_judge(a, m, t);
	http_body_start(a, t, TO_SERVER);
	tx_progress(a, &t->tx, TO_SERVER, HTTP_BODY);
	if (t->method == HTTP_CONNECT) {
		m->state = HS_CONNECT_WAIT;
		return PARSE_OK;
	}
	switch (t->side[0].coding) {
	case HTTP_CHUNKED:
		m->state = HS_CHUNK_LEN;
		return PARSE_OK;
	case HTTP_IDENTITY:
		m->left = m->body_len;
		m->state = HS_IDENTITY;
		if (m->left == 0)
			request_done(a, m, in);
		return PARSE_OK;
	case HTTP_NO_BODY:
		request_done(a, m, in);
		return PARSE_OK;
	default:
		return PARSE_BAD;
	}
}

/* --- bodies --- */

static enum parse chunk_len_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	struct slice line;
	bool extension;
	int64_t len;
	enum parse got;

	got = http_line_read(a, m, in, false, &line);
	if (got == PARSE_MORE && http_chunk_junk(bytes_slice(&m->line))) {
		http_event(a, m->tx, HTTP_EV_INVALID_REQUEST_CHUNK_LEN);
		return PARSE_BAD;
	}
	if (got != PARSE_OK)
		return got;
	m->tx->side[0].message_len += line.len;
	len = http_chunk_blank(line) ? -3 : http_chunk_len(line, &extension);
	http_line_done(m);
	if (len == -3)
		return PARSE_OK;
	if (len < 0) {
		http_event(a, m->tx, HTTP_EV_INVALID_REQUEST_CHUNK_LEN);
		return PARSE_BAD;
	}
	if (extension)
		http_event(a, m->tx, HTTP_EV_REQUEST_CHUNK_EXTENSION);
	m->left = (uint64_t)len;
	m->state = len > 0 ? HS_CHUNK_DATA : HS_TRAILER;
	if (len == 0)
		tx_progress(a, &m->tx->tx, TO_SERVER, HTTP_TRAILER);
	return PARSE_OK;
}

static void body_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	size_t n = reader_left(in) < m->left ? reader_left(in) : (size_t)m->left;

	m->tx->side[0].message_len += n;
	http_body_data(a, m->tx, TO_SERVER, read_slice(in, n));
	m->left -= n;
	if (m->left > 0)
		return;
	if (m->state == HS_IDENTITY)
		request_done(a, m, in);
	else
		m->state = HS_CHUNK_END;
}

static bool tx_begin(struct analysis *a, struct http_machine *m, uint64_t offset)
{
	if (m->tx != NULL)
		http_body_end(a, m->tx, TO_SERVER);
	m->tx = http_tx_new(a);
	if (m->tx == NULL)
		return false;
	m->tx->flags |= HTTP_FLAG_REQUEST_SEEN;
	tx_progress(a, &m->tx->tx, TO_SERVER, HTTP_LINE);
	m->tx->side[0].frame = frame_open(a, TO_SERVER, 0, offset, -1);
	frame_set_tx(m->tx->side[0].frame, &m->tx->tx);
	m->state = HS_LINE;
	return true;
}

static enum parse idle(struct analysis *a, struct http_machine *m, struct reader *in)
{
	while (m->line.len == 0 && reader_left(in) > 0 && (peek_u8(in) == '\r' || peek_u8(in) == '\n'))
		reader_skip(in, 1);
	if (reader_left(in) == 0)
		return PARSE_MORE;
	return tx_begin(a, m, http_offset(a, in) - m->line.len) ? PARSE_OK : PARSE_BAD;
}

static struct slice first_word(struct slice line)
{
	size_t n = 0;

	while (n < line.len && http_space(line.data[n]))
		n++;
	line = slice_skip(line, n);
	for (n = 0; n < line.len && !http_space(line.data[n]); n++)
		;
	return slice_head(line, n);
}

static void junk_add(struct analysis *a, struct http_machine *m, struct slice junk)
{
	if (m->tx != NULL)
		http_body_data(a, m->tx, TO_SERVER, junk);
}

/* A line behind a message. False: no memory. */
static bool line_behind(struct analysis *a, struct http_machine *m, struct slice line, uint64_t offset)
{
	struct slice word = first_word(line);

	if (word.len > 0 && http_method_of(word) != HTTP_METHOD_UNKNOWN) {
		if (!tx_begin(a, m, offset))
			return false;
		line_complete(a, m, line);
		return true;
	}
	if (word.len > 0 && m->tx != NULL)
		http_event(a, m->tx, HTTP_EV_REQUEST_BODY_UNEXPECTED);
	if (word.len > 0 || (m->tx != NULL && m->tx->side[0].coding != HTTP_NO_BODY))
		junk_add(a, m, line);
	return true;
}

static enum parse finalize(struct analysis *a, struct http_machine *m, struct reader *in)
{
	const struct http_state *s = a->state;
	struct slice line, rest = slice_of(in->at, reader_left(in));
	enum parse got;

	if (rest.len == 0)
		return PARSE_MORE;
	if (m->tx == NULL || m->tx->tx.progress[TO_CLIENT] >= HTTP_LINE) {
		m->state = HS_IDLE;
		return PARSE_OK;
	}
	if (m->line.len + rest.len > s->options->field_max && memchr(rest.data, '\n', rest.len) == NULL) {
		http_event(a, m->tx, HTTP_EV_REQUEST_BODY_UNEXPECTED);
		junk_add(a, m, bytes_slice(&m->line));
		http_line_done(m);
		m->state = HS_JUNK;
		return PARSE_OK;
	}
	got = http_line_read(a, m, in, false, &line);
	if (got != PARSE_OK)
		return got;
	if (!line_behind(a, m, line, http_offset(a, in) - line.len))
		return PARSE_BAD;
	http_line_done(m);
	return PARSE_OK;
}

static enum parse junk_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	bool whole;

	if (reader_left(in) == 0)
		return PARSE_MORE;
	junk_add(a, m, http_line_part(in, &whole));
	if (whole)
		m->state = HS_FINALIZE;
	return PARSE_OK;
}

static enum parse line_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	struct slice line;
	enum parse got = http_line_read(a, m, in, false, &line);

	if (got != PARSE_OK)
		return got;
	if (!line_ignorable(line))
		line_complete(a, m, line);
	http_line_done(m);
	return PARSE_OK;
}

static enum parse step(struct analysis *a, struct http_machine *m, struct reader *in)
{
	enum parse got;

	switch (m->state) {
	case HS_IDLE:
		return idle(a, m, in);
	case HS_LINE:
		return line_read(a, m, in);
	case HS_PROTOCOL:
		return protocol_decide(a, m, in) ? PARSE_OK : PARSE_MORE;
	case HS_HEADERS:
		got = http_block_read(a, m->tx, TO_SERVER, in, false);
		return got == PARSE_OK ? headers_complete(a, m, in) : got;
	case HS_TRAILER:
		got = http_block_read(a, m->tx, TO_SERVER, in, false);
		if (got == PARSE_OK)
			request_done(a, m, in);
		return got;
	case HS_IDENTITY:
	case HS_CHUNK_DATA:
		if (reader_left(in) == 0)
			return PARSE_MORE;
		body_read(a, m, in);
		return PARSE_OK;
	case HS_CHUNK_LEN:
		return reader_left(in) > 0 ? chunk_len_read(a, m, in) : PARSE_MORE;
	case HS_CHUNK_END:
		return http_chunk_end_read(m, TO_SERVER, in);
	case HS_FINALIZE:
		return finalize(a, m, in);
	case HS_JUNK:
		return junk_read(a, m, in);
	case HS_IGNORE:
		read_rest(in);
		return PARSE_MORE;
	default:                        /* CONNECT waits for its answer; a tunnel is the framework's */
		http_blank_skip(in);
		return PARSE_MORE;
	}
}

/* The body and its files stay open until what came at once with their end is read. */
static void body_close(struct analysis *a, struct http_machine *m)
{
	if (m->tx != NULL && (m->state == HS_FINALIZE || m->state == HS_JUNK || m->state == HS_IDLE ||
			      m->state == HS_IGNORE))
		http_body_end(a, m->tx, TO_SERVER);
}

enum parse http_request_feed(struct analysis *a, struct reader *in)
{
	struct http_machine *m = machine(a);
	enum parse got;

	do
		got = step(a, m, in);
	while (got == PARSE_OK);
	body_close(a, m);
	return got;
}

bool http_request_gap(struct analysis *a, uint64_t len)
{
	struct http_machine *m = machine(a);
	struct reader none = reader_of(NULL, 0);

	switch (m->state) {
	case HS_IDENTITY:
	case HS_CHUNK_DATA:
		if (http_body_lost(a, m, TO_SERVER, len))
			request_done(a, m, &none);
		break;
	case HS_FINALIZE:
	case HS_JUNK:
		m->state = HS_IDLE;
		m->line.len = 0;
		break;
	case HS_IDLE:
	case HS_IGNORE:
	case HS_TUNNEL:
		break;
	default:
		http_event(a, m->tx, HTTP_EV_INVALID_GAP);
		break;
	}
	body_close(a, m);
	return true;
}

void http_request_end(struct analysis *a)
{
	struct http_machine *m = machine(a);
	struct reader none = reader_of(NULL, 0);
	struct slice line = bytes_slice(&m->line);

	if (m->complete)
		return;
	m->complete = true;
	if (m->state == HS_FINALIZE && line.len > 0) {
		line_behind(a, m, line, m->line_off);
		http_line_done(m);
	}
	if (m->tx == NULL)
		return;
	if (m->state == HS_LINE && line.len > 0 && !line_ignorable(line)) {
		line_complete(a, m, line);
		http_line_done(m);
	} else if (m->state == HS_HEADERS) {
		http_block_read(a, m->tx, TO_SERVER, &none, true);
		headers_judge(a, m, m->tx);
	}
	if (m->state == HS_PROTOCOL)
		http_request_decide(a);
	body_close(a, m);
}

/* response.c - the server's direction: as lenient as browsers are.
 *
 * A response belongs to the oldest request that has none. What doesn't begin like a status line is body; so is
 * what follows a message, doesn't begin like another, and comes before the client's next request. A chunk length
 * that is none turns the rest into plain body. */
#include "analyzers/http/machine.h"

static struct http_machine *machine(struct analysis *a)
{
	return &((struct http_state *)a->state)->side[TO_CLIENT];
}

/* Blanks and NULs aside, does it begin with "http"? */
static bool line_http(struct slice s)
{
	while (s.len > 0 && (http_space(s.data[0]) || s.data[0] == 0))
		s = slice_of(s.data + 1, s.len - 1);
	return s.len >= 4 && http_eq_nocase(slice_head(s, 4), "http");
}

/* YES: begins with "http", blanks and NULs aside. MORE: it might, once there is more of it. */
static enum probe http_begins(struct slice a, struct slice b)
{
	static const char http[] = "http";
	size_t matched = 0;

	for (size_t i = 0; i < a.len + b.len; i++) {
		uint8_t c = i < a.len ? a.data[i] : b.data[i - a.len];

		if (matched == 0 && (http_space(c) || c == 0)) {
			if (c == '\n')
				return PROBE_NO;
			continue;
		}
		if ((c | 0x20) != http[matched])
			return PROBE_NO;
		if (++matched == 4)
			return PROBE_YES;
	}
	return PROBE_MORE;
}

static void response_done(struct analysis *a, struct http_machine *m, uint64_t offset)
{
	struct http_tx *t = m->tx;

	frame_end(a, t->side[TO_CLIENT].frame, offset);
	t->side[TO_CLIENT].frame = NULL;
	tx_progress(a, &t->tx, TO_CLIENT, HTTP_COMPLETE);
	m->state = HS_FINALIZE;
	m->over_at = a->tx_count;
	m->line.len = 0;
}

static struct http_tx *unanswered(struct analysis *a)
{
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
		if (!tx_done(a, tx, TO_CLIENT))
			return (struct http_tx *)tx;
	return NULL;
}

static enum parse idle(struct analysis *a, struct http_machine *m, struct reader *in)
{
	struct http_state *s = a->state;
	struct http_tx *t;

	if (reader_left(in) == 0)
		return PARSE_MORE;
	if (m->tx != NULL)
		http_body_end(a, m->tx, TO_CLIENT);
	m->tx = NULL;
	http_request_decide(a);
	t = unanswered(a);
	if (t == NULL) {
		t = http_tx_new(a);
		if (t == NULL)
			return PARSE_BAD;
		http_event(a, t, HTTP_EV_UNMATCHED_RESPONSE);
		t->path = t->uri_raw = t->uri = http_keep(a, t, slice_str("/libhtp::request_uri_not_seen"));
		tx_progress(a, &t->tx, TO_SERVER, HTTP_COMPLETE);
	} else if (s->side[TO_SERVER].tx == t && s->side[TO_SERVER].state == HS_LINE) {
		http_event(a, t, HTTP_EV_REQUEST_LINE_INCOMPLETE);
	}
	m->tx = t;
	m->left = 0;
	m->body_len = HTTP_UNKNOWN_LEN;
	t->side[1].frame = frame_open(a, TO_CLIENT, 1, http_offset(a, in) - m->line.len, -1);
	frame_set_tx(t->side[1].frame, &t->tx);
	if (t->is_0_9) {
		t->side[1].coding = HTTP_IDENTITY;
		http_body_start(a, t, TO_CLIENT);
		tx_progress(a, &t->tx, TO_CLIENT, HTTP_BODY);
		m->state = HS_UNTIL_CLOSE;
	} else {
		tx_progress(a, &t->tx, TO_CLIENT, HTTP_LINE);
		m->state = HS_LINE;
	}
	return PARSE_OK;
}

static void body_add(struct analysis *a, struct http_machine *m, struct slice data)
{
	if (m->tx == NULL)
		return;
	m->tx->side[1].message_len += data.len;
	http_body_data(a, m->tx, TO_CLIENT, data);
}

static uint16_t status_of(struct slice s)
{
	bool before, after;
	uint64_t v = http_number(s, &before, &after);

	return v >= 100 && v <= 999 && !before && !after ? (uint16_t)v : 0;
}

static size_t run_of(struct slice s, bool space)
{
	size_t n = 0;

	while (n < s.len && http_space(s.data[n]) == space)
		n++;
	return n;
}

static void status_line_parse(struct analysis *a, struct http_tx *t, struct slice line)
{
	struct http_side *side = &t->side[1];
	struct slice s = line, protocol;
	bool extra = false;
	size_t n = 0;

	side->line = http_keep(a, t, line);
	t->flags |= HTTP_FLAG_RESPONSE_LINE;
	side->version = HTTP_VERSION_INVALID;
	side->protocol = t->status_text = t->message = (struct http_span){ 0 };
	t->status = 0;
	while (n < s.len && (http_space(s.data[n]) || s.data[n] == 0))
		n++;
	s = slice_skip(s, n);
	protocol = slice_head(s, run_of(s, false));
	s = slice_skip(s, protocol.len);
	side->protocol = http_keep(a, t, protocol);
	side->version = (uint8_t)http_version_of(protocol, &extra);
	if (extra)
		http_event(a, t, HTTP_EV_PROTOCOL_EXTRA_DATA);
	n = run_of(s, true);
	s = slice_skip(s, n);
	if (n > 0 && s.len > 0) {
		n = run_of(s, false);
		t->status_text = http_keep(a, t, slice_head(s, n));
		t->status = status_of(slice_head(s, n));
		s = slice_skip(s, n);
		n = run_of(s, true);
		if (n > 0)
			t->message = http_keep(a, t, http_chomp(slice_skip(s, n)));
	}
	if (side->version == HTTP_VERSION_INVALID)
		http_event(a, t, HTTP_EV_INVALID_PROTOCOL);
	if (t->status == 0)
		http_event(a, t, HTTP_EV_INVALID_STATUS);
}

static bool blank_line(struct slice line)
{
	return http_chomp(line).len == 0 && line.len <= 2;
}

/* A line where a status line was due. MORE: with the next byte. */
static enum parse line_complete(struct analysis *a, struct http_machine *m, struct slice line, int next)
{
	struct http_tx *t = m->tx;

	if (blank_line(line))
		return PARSE_OK;
	if (line_http(line)) {
		status_line_parse(a, t, http_chomp(line));
		tx_progress(a, &t->tx, TO_CLIENT, HTTP_HEADERS);
		m->state = HS_HEADERS;
		return PARSE_OK;
	}
	if (http_chomp(line).len <= 2)
		return PARSE_OK;
	if (next < 0 && !m->complete)
		return PARSE_MORE;
	if (next == 'H')
		return PARSE_OK;
	t->side[1].coding = HTTP_IDENTITY;
	body_add(a, m, line);
	tx_progress(a, &t->tx, TO_CLIENT, HTTP_LINE);
	return PARSE_OK;
}

static enum parse line_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	struct slice line;
	enum parse got;

	if (reader_left(in) == 0)
		return PARSE_MORE;
	if (m->line_has_end) {          /* a line that waited for what follows it */
		line = bytes_slice(&m->line);
		got = PARSE_OK;
	} else {
		got = http_line_read(a, m, in, true, &line);
	}
	if (got != PARSE_OK)
		return got;
	if (line_complete(a, m, line, reader_left(in) > 0 ? peek_u8(in) : -1) == PARSE_MORE) {
		if (m->line.len == 0)
			bytes_append(&m->line, a->budget, line.data, line.len);
		m->line_has_end = true;
		return PARSE_MORE;
	}
	m->line_has_end = false;
	http_line_done(m);
	return PARSE_OK;
}

/* --- is there a body, and how long is it? --- */

static bool interim(struct analysis *a, struct http_machine *m, const struct http_header *cl)
{
	struct http_tx *t = m->tx;
	bool before, after;
	uint64_t len = cl != NULL ? http_number(http_text(t, cl->value), &before, &after) : 0;

	if (len != HTTP_UNKNOWN_LEN && len > 0)
		return false;
	if (t->flags & HTTP_FLAG_CONTINUE_SEEN)
		http_event(a, t, HTTP_EV_100_CONTINUE_ALREADY_SEEN);
	t->flags |= HTTP_FLAG_CONTINUE_SEEN;
	t->side[1].headers.count = 0;
	m->state = HS_LINE;
	return true;
}

/* A request that waited for "100 Continue" and was refused has no body to come. */
static void expectation_refused(struct analysis *a, struct http_tx *t)
{
	struct http_state *s = a->state;
	struct http_machine *r = &s->side[TO_SERVER];

	if (t->status < 400 || t->status > 499 || r->tx != t || r->state != HS_IDENTITY || r->left != r->body_len)
		return;
	if (http_eq_nocase(http_header_value(t, TO_SERVER, "expect"), "100-continue"))
		r->state = HS_FINALIZE;
}

static enum parse body_by_headers(struct analysis *a, struct http_machine *m, const struct http_header *cl,
				  const struct http_header *te)
{
	struct http_tx *t = m->tx;
	bool before, after;

	if (te != NULL && http_has_nozero(http_text(t, te->value), "chunked")) {
		if (!http_eq_nocase(http_text(t, te->value), "chunked"))
			http_event(a, t, HTTP_EV_ABNORMAL_TE);
		if (t->side[1].version < HTTP_1_1)
			http_event(a, t, HTTP_EV_CHUNKED_OLD_PROTO);
		t->side[1].coding = HTTP_CHUNKED;
		m->state = HS_CHUNK_LEN;
		return PARSE_OK;
	}
	t->side[1].coding = HTTP_IDENTITY;
	if (cl != NULL) {
		m->body_len = m->left = http_number(http_text(t, cl->value), &before, &after);
		if (before)
			http_event(a, t, HTTP_EV_CL_EXTRA_START);
		if (after)
			http_event(a, t, HTTP_EV_CL_EXTRA_END);
		if (m->body_len == HTTP_UNKNOWN_LEN) {
			http_event(a, t, HTTP_EV_INVALID_CL_RESPONSE);
			return PARSE_BAD;
		}
		m->state = m->left > 0 ? HS_IDENTITY : HS_FINALIZE;
		return PARSE_OK;
	}
	if (http_has_nocase(http_header_value(t, TO_CLIENT, "content-type"), "multipart/byteranges")) {
		http_event(a, t, HTTP_EV_MULTIPART_BYTERANGES);
		return PARSE_BAD;
	}
	m->state = HS_UNTIL_CLOSE;
	return PARSE_OK;
}

static void tunnel(struct analysis *a, struct http_machine *m, const char *to, uint16_t port)
{
	struct http_state *s = a->state;
	struct http_tx *t = m->tx;

	if (a->switching) {
		http_event(a, t, HTTP_EV_FAILED_PROTOCOL_CHANGE);
		return;
	}
	response_done(a, m, a->feeding_offset + a->feeding.len);
	http_body_end(a, t, TO_CLIENT);
	http_request_complete(a, t);
	http_body_end(a, t, TO_SERVER);
	s->side[TO_SERVER].state = HS_TUNNEL;
	s->side[TO_SERVER].tx = NULL;
	m->state = HS_TUNNEL;
	a->switch_port = port;
	analysis_switch(a, to, to);
}

/* "101 Switching Protocols": what follows isn't HTTP/1. */
static bool upgraded(struct analysis *a, struct http_machine *m, const struct http_header *cl,
		     const struct http_header *te)
{
	struct http_tx *t = m->tx;
	const struct http_header *up = http_header_find(t, TO_CLIENT, "upgrade", true);
	const char *to = NULL;

	if (cl != NULL || te != NULL) {
		http_event(a, t, HTTP_EV_SWITCHING_WITH_CL);
		return false;
	}
	if (up != NULL && http_has_nozero(http_text(t, up->value), "h2c"))
		to = "http2";
	else if (up != NULL && http_has_nozero(http_text(t, up->value), "websocket"))
		to = "websocket";
	tunnel(a, m, to, 0);
	return true;
}

static enum parse headers_complete(struct analysis *a, struct http_machine *m, const struct reader *in)
{
	struct http_tx *t = m->tx;
	const struct http_header *cl = http_header_find(t, TO_CLIENT, "content-length", true);
	const struct http_header *te = http_header_find(t, TO_CLIENT, "transfer-encoding", true);
	enum parse got = PARSE_OK;

	if (t->method == HTTP_CONNECT && t->status >= 200 && t->status < 300) {
		tx_progress(a, &t->tx, TO_CLIENT, HTTP_BODY);
		tunnel(a, m, NULL, (uint16_t)t->host_port);
		return PARSE_OK;
	}
	if (t->method == HTTP_CONNECT)
		http_request_refused(a);
	if (t->status == 101) {
		tx_progress(a, &t->tx, TO_CLIENT, HTTP_BODY);
		if (upgraded(a, m, cl, te))
			return PARSE_OK;
	} else if (t->status == 100 && te == NULL) {
		if (interim(a, m, cl))
			return PARSE_OK;
	}
	expectation_refused(a, t);
	if (t->method == HTTP_HEAD) {
		t->side[1].coding = HTTP_NO_BODY;
		m->state = HS_FINALIZE;
	} else if (((t->status >= 100 && t->status < 200) || t->status == 204 || t->status == 304) &&
		   te == NULL && cl == NULL) {
		t->side[1].coding = HTTP_NO_BODY;
		m->state = HS_FINALIZE;
	} else {
		if ((t->status >= 100 && t->status < 200) || t->status == 204 || t->status == 304)
			http_event(a, t, HTTP_EV_RESPONSE_BODY_UNEXPECTED);
		got = body_by_headers(a, m, cl, te);
	}
	http_body_start(a, t, TO_CLIENT);
	tx_progress(a, &t->tx, TO_CLIENT, HTTP_BODY);
	if (m->state == HS_FINALIZE)
		response_done(a, m, http_offset(a, in));
	return got;
}

/* --- bodies --- */

static enum parse chunks_broken(struct analysis *a, struct http_machine *m)
{
	http_event(a, m->tx, HTTP_EV_INVALID_RESPONSE_CHUNK_LEN);
	m->tx->side[1].coding = HTTP_IDENTITY;
	m->state = HS_UNTIL_CLOSE;
	return PARSE_OK;
}

static enum parse chunk_len_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	struct slice line;
	bool extension;
	int64_t len;
	enum parse got;

	got = http_line_read(a, m, in, false, &line);
	if (got == PARSE_MORE && http_chunk_junk(bytes_slice(&m->line))) {
		chunks_broken(a, m);
		body_add(a, m, bytes_slice(&m->line));
		http_line_done(m);
		return PARSE_OK;
	}
	if (got != PARSE_OK)
		return got;
	len = http_chunk_blank(line) ? -2 : http_chunk_len(line, &extension);
	if (len == -1) {
		chunks_broken(a, m);
		body_add(a, m, line);
	} else if (len >= 0) {
		if (extension)
			http_event(a, m->tx, HTTP_EV_RESPONSE_CHUNK_EXTENSION);
		m->left = (uint64_t)len;
		m->state = len > 0 ? HS_CHUNK_DATA : HS_TRAILER;
		if (len == 0)
			tx_progress(a, &m->tx->tx, TO_CLIENT, HTTP_TRAILER);
	}
	if (len != -1)
		m->tx->side[1].message_len += line.len;
	http_line_done(m);
	return PARSE_OK;
}

static void body_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	size_t n = reader_left(in) < m->left ? reader_left(in) : (size_t)m->left;

	body_add(a, m, read_slice(in, n));
	m->left -= n;
	if (m->left > 0)
		return;
	if (m->state == HS_IDENTITY)
		response_done(a, m, http_offset(a, in));
	else
		m->state = HS_CHUNK_END;
}

/* Behind a message. */
static enum parse finalize(struct analysis *a, struct http_machine *m, struct reader *in)
{
	const struct http_state *s = a->state;
	struct slice rest = slice_of(in->at, reader_left(in));
	enum probe begins;

	if (rest.len == 0)
		return PARSE_MORE;
	if (a->tx_count > m->over_at) {
		m->state = HS_IDLE;
		return PARSE_OK;
	}
	begins = http_begins(bytes_slice(&m->line), rest);
	if (begins == PROBE_MORE && m->line.len + rest.len < s->options->field_max) {
		bytes_append(&m->line, a->budget, rest.data, rest.len);
		read_rest(in);
		return PARSE_MORE;
	}
	if (begins == PROBE_YES) {
		m->state = HS_IDLE;
		return PARSE_OK;
	}
	if (m->tx != NULL)
		http_event(a, m->tx, HTTP_EV_RESPONSE_BODY_UNEXPECTED);
	body_add(a, m, bytes_slice(&m->line));
	http_line_done(m);
	m->state = HS_JUNK;
	return PARSE_OK;
}

static enum parse junk_read(struct analysis *a, struct http_machine *m, struct reader *in)
{
	bool whole;

	if (reader_left(in) == 0)
		return PARSE_MORE;
	body_add(a, m, http_line_part(in, &whole));
	if (whole)
		m->state = HS_FINALIZE;
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
	case HS_HEADERS:
		got = http_block_read(a, m->tx, TO_CLIENT, in, false);
		return got == PARSE_OK ? headers_complete(a, m, in) : got;
	case HS_TRAILER:
		got = http_block_read(a, m->tx, TO_CLIENT, in, false);
		if (got == PARSE_OK)
			response_done(a, m, http_offset(a, in));
		return got;
	case HS_IDENTITY:
	case HS_CHUNK_DATA:
		if (reader_left(in) == 0)
			return PARSE_MORE;
		body_read(a, m, in);
		return PARSE_OK;
	case HS_UNTIL_CLOSE:
		if (reader_left(in) > 0)
			body_add(a, m, read_rest(in));
		return PARSE_MORE;
	case HS_CHUNK_LEN:
		return reader_left(in) > 0 ? chunk_len_read(a, m, in) : PARSE_MORE;
	case HS_CHUNK_END:
		return http_chunk_end_read(m, TO_CLIENT, in);
	case HS_FINALIZE:
		return finalize(a, m, in);
	case HS_JUNK:
		return junk_read(a, m, in);
	case HS_IGNORE:
		read_rest(in);
		return PARSE_MORE;
	default:                        /* a tunnel: the framework takes it from here */
		http_blank_skip(in);
		return PARSE_MORE;
	}
}

/* The body and its file stay open until what came at once with their end is read. */
static void body_close(struct analysis *a, struct http_machine *m)
{
	if (m->tx != NULL && (m->state == HS_FINALIZE || m->state == HS_JUNK || m->state == HS_IDLE))
		http_body_end(a, m->tx, TO_CLIENT);
}

enum parse http_response_feed(struct analysis *a, struct reader *in)
{
	struct http_machine *m = machine(a);
	enum parse got;

	do
		got = step(a, m, in);
	while (got == PARSE_OK);
	body_close(a, m);
	return got;
}

bool http_response_gap(struct analysis *a, uint64_t len)
{
	struct http_machine *m = machine(a);

	switch (m->state) {
	case HS_IDENTITY:
	case HS_CHUNK_DATA:
		if (http_body_lost(a, m, TO_CLIENT, len))
			response_done(a, m, a->feeding_offset);
		break;
	case HS_UNTIL_CLOSE:
		m->tx->side[1].message_len += len;
		http_body_gap(a, m->tx, TO_CLIENT, len);
		break;
	case HS_FINALIZE:
	case HS_JUNK:
		m->state = HS_IDLE;
		m->line.len = 0;
		break;
	case HS_IDLE:
	case HS_TUNNEL:
		return m->state == HS_TUNNEL || a->tx_count > 0;
	default:
		http_event(a, m->tx, HTTP_EV_INVALID_GAP);
		break;
	}
	body_close(a, m);
	return true;
}

void http_response_end(struct analysis *a)
{
	struct http_machine *m = machine(a);
	struct reader none = reader_of(NULL, 0);

	if (m->complete)
		return;
	m->complete = true;
	if (m->tx == NULL || m->state == HS_JUNK)
		return;
	if (m->state == HS_FINALIZE) {
		if (m->line.len > 0) {
			http_event(a, m->tx, HTTP_EV_RESPONSE_BODY_UNEXPECTED);
			body_add(a, m, bytes_slice(&m->line));
		}
		body_close(a, m);
		return;
	}
	if (m->state == HS_LINE && m->line.len > 0) {
		line_complete(a, m, bytes_slice(&m->line), -1);
		http_line_done(m);
	}
	if (m->state == HS_HEADERS || m->state == HS_TRAILER)
		http_block_read(a, m->tx, TO_CLIENT, &none, true);
	if (m->state == HS_CHUNK_LEN && m->line.len > 0)
		http_line_done(m);
	response_done(a, m, a->feeding_offset);
	body_close(a, m);
}

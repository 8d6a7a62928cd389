/* http2.c - HTTP/2 (RFC 9113): frames.
 *
 * DATA goes on as it comes; any other frame is awaited whole, up to HTTP2_FRAME_MAX bytes of it, beyond which
 * it is passed over. What is awaited at once, and what a stream may keep, is bounded. */
#include "analyzers/http2/http2.h"

#include <errno.h>

#include "base/must.h"

enum { FLAG_END_STREAM = 1, FLAG_ACK = 1, FLAG_END_HEADERS = 4, FLAG_PADDED = 8, FLAG_PRIORITY = 0x20 };
enum { FRAME_HDR, FRAME_DATA, FRAME_PDU };

#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)

static const char *const events[H2_EVENTS + 1] = {
	[H2_EV_INVALID_FRAME_HEADER] = "invalid_frame_header",
	[H2_EV_INVALID_CLIENT_MAGIC] = "invalid_client_magic",
	[H2_EV_INVALID_FRAME_DATA] = "invalid_frame_data",
	[H2_EV_INVALID_HEADER] = "invalid_header",
	[H2_EV_INVALID_FRAME_LENGTH] = "invalid_frame_length",
	[H2_EV_EXTRA_HEADER_DATA] = "extra_header_data",
	[H2_EV_LONG_FRAME_DATA] = "long_frame_data",
	[H2_EV_STREAM_ID_REUSE] = "stream_id_reuse",
	[H2_EV_INVALID_HTTP1_SETTINGS] = "invalid_http1_settings",
	[H2_EV_FAILED_DECOMPRESSION] = "failed_decompression",
	[H2_EV_INVALID_RANGE] = "invalid_range",
	[H2_EV_HEADER_INTEGER_OVERFLOW] = "header_integer_overflow",
	[H2_EV_TOO_MANY_STREAMS] = "too_many_streams",
	[H2_EV_AUTHORITY_HOST_MISMATCH] = "authority_host_mismatch",
	[H2_EV_USERINFO_IN_URI] = "userinfo_in_uri",
	[H2_EV_REASSEMBLY_LIMIT] = "reassembly_limit_reached",
	[H2_EV_DNS_REQUEST_TOO_LONG] = "dns_request_too_long",
	[H2_EV_DNS_RESPONSE_TOO_LONG] = "dns_response_too_long",
	[H2_EV_DATA_STREAM_ZERO] = "data_stream_zero",
	[H2_EV_TOO_MANY_FRAMES] = "too_many_frames",
};

static struct h2_machine *machine(struct analysis *a, enum side side)
{
	return &((struct h2_state *)a->state)->side[side];
}

/* --- headers --- */

struct sink {
	struct analysis *a;
	struct h2_tx *t;
	enum side side;
};

static void header_take(void *ctx, struct slice name, struct slice value)
{
	struct sink *k = ctx;

	h2_header_add(k->a, k->t, k->side, name, value);
}

static void table_size_take(void *ctx, uint32_t size)
{
	struct sink *k = ctx;

	h2_table_size_add(k->a, k->t, k->side, size);
}

static void block_read(struct analysis *a, struct h2_tx *t, enum side side, struct slice block, bool ends)
{
	struct h2_machine *m = machine(a, side);
	struct sink k = { .a = a, .t = t, .side = side };
	struct hpack_sink sink = { .ctx = &k, .header = header_take, .table_size = table_size_take };

	if (m->hpack == NULL || !hpack_decode(m->hpack, block, &sink))
		h2_event(a, t, H2_EV_INVALID_HEADER);
	h2_headers_done(a, t, side);
	if (ends)
		h2_side_end(a, t, side);
}

/* The stream's transaction; headers for one that has ended are an event. */
static struct h2_tx *tx_get(struct analysis *a, uint32_t stream, enum side side, bool headers)
{
	struct h2_tx *t = h2_tx_of(a, stream);

	if (t == NULL)
		return h2_tx_new(a, stream);
	if (headers && t->ended[side])
		h2_event(a, t, H2_EV_STREAM_ID_REUSE);
	return t;
}

static void block_begin(struct analysis *a, struct h2_machine *m, struct h2_tx *t, enum side side,
			struct slice block, uint8_t flags)
{
	bool ends = (flags & FLAG_END_STREAM) != 0 && m->type == HTTP2_HEADERS;

	tx_progress(a, &t->tx, side, H2_OPEN);
	if (flags & FLAG_END_HEADERS) {
		block_read(a, t, side, block, ends);
		return;
	}
	m->block.len = 0;
	bytes_append(&m->block, a->budget, block.data, block.len);
	m->block_stream = t->stream;
	m->block_ends = ends;
}

static void continuation(struct analysis *a, struct h2_machine *m, struct h2_tx *t, enum side side,
			 struct slice payload, uint8_t flags)
{
	if (m->block_stream != t->stream) {
		h2_event(a, t, H2_EV_INVALID_FRAME_DATA);
		return;
	}
	if (m->block.len + payload.len > HTTP2_BLOCK_MAX)
		h2_event(a, t, H2_EV_REASSEMBLY_LIMIT);
	else
		bytes_append(&m->block, a->budget, payload.data, payload.len);
	if ((flags & FLAG_END_HEADERS) == 0)
		return;
	block_read(a, t, side, bytes_slice(&m->block), m->block_ends);
	bytes_fini(&m->block, a->budget);
	m->block_stream = 0;
}

/* Takes the padding off; false: it is longer than the frame. */
static bool padding_cut(struct slice *s, uint8_t flags)
{
	size_t pad;

	if ((flags & FLAG_PADDED) == 0)
		return true;
	if (s->len == 0 || s->data[0] > s->len - 1)
		return false;
	pad = s->data[0];
	*s = slice_of(s->data + 1, s->len - 1 - pad);
	return true;
}

static bool headers_frame(struct analysis *a, struct h2_machine *m, struct h2_tx *t, enum side side,
			  struct slice s, uint8_t flags)
{
	if (!padding_cut(&s, flags))
		return false;
	if (flags & FLAG_PRIORITY) {
		if (s.len < 5)
			return false;
		h2_note(a, t, side, H2_NOTE_PRIORITY, 0, s.data[4]);
		s = slice_of(s.data + 5, s.len - 5);
	}
	block_begin(a, m, t, side, s, flags);
	return true;
}

static bool push_frame(struct analysis *a, struct h2_machine *m, enum side side, struct slice s, uint8_t flags)
{
	struct h2_tx *t;

	if (!padding_cut(&s, flags) || s.len < 4)
		return false;
	t = tx_get(a, load_be32(s.data) & 0x7fffffff, side, true);
	if (t == NULL)
		return true;
	block_begin(a, m, t, side, slice_of(s.data + 4, s.len - 4), flags);
	return true;
}

/* --- the other frames --- */

void h2_settings_read(struct analysis *a, struct h2_tx *t, enum side side, struct slice s)
{
	if (s.len % 6 != 0)
		h2_event(a, t, H2_EV_INVALID_FRAME_LENGTH);
	for (; s.len >= 6; s = slice_of(s.data + 6, s.len - 6))
		h2_note(a, t, side, H2_NOTE_SETTING, load_be16(s.data), load_be32(s.data + 2));
}

/* What says something about the stream without being headers or data. False: it is malformed. */
static bool control_frame(struct analysis *a, struct h2_tx *t, enum side side, uint8_t type, struct slice s)
{
	switch (type) {
	case HTTP2_PRIORITY:
		if (s.len != 5)
			return false;
		h2_note(a, t, side, H2_NOTE_PRIORITY, 0, s.data[4]);
		return true;
	case HTTP2_RST_STREAM:
		if (s.len != 4)
			return false;
		h2_note(a, t, side, H2_NOTE_ERROR, 0, load_be32(s.data));
		h2_side_end(a, t, TO_SERVER);
		h2_side_end(a, t, TO_CLIENT);
		return true;
	case HTTP2_SETTINGS:
		h2_settings_read(a, t, side, s);
		return true;
	case HTTP2_PING:
		return s.len == 8;
	case HTTP2_GOAWAY:
		if (s.len < 8)
			return false;
		h2_note(a, t, side, H2_NOTE_ERROR, 0, load_be32(s.data + 4));
		return true;
	case HTTP2_WINDOW_UPDATE:
		if (s.len != 4)
			return false;
		h2_note(a, t, side, H2_NOTE_WINDOW, 0, load_be32(s.data) & 0x7fffffff);
		return true;
	default:
		return true;
	}
}

static enum parse frame_read(struct analysis *a, struct h2_machine *m, enum side side, struct slice payload, bool cut)
{
	bool headers = m->type == HTTP2_HEADERS || m->type == HTTP2_CONTINUATION;
	struct h2_tx *t;
	bool ok = true;

	t = m->stream == 0 ? h2_tx_new(a, 0) : tx_get(a, m->stream, side, m->type == HTTP2_HEADERS);
	if (t == NULL)
		return PARSE_BAD;
	h2_note(a, t, side, H2_NOTE_FRAME, m->type, 0);
	if (cut)
		h2_event(a, t, H2_EV_LONG_FRAME_DATA);
	if (m->stream != 0 && m->type == HTTP2_HEADERS)
		ok = headers_frame(a, m, t, side, payload, m->flags);
	else if (m->stream != 0 && m->type == HTTP2_PUSH_PROMISE)
		ok = push_frame(a, m, side, payload, m->flags);
	else if (m->stream != 0 && m->type == HTTP2_CONTINUATION)
		continuation(a, m, t, side, payload, m->flags);
	else if (!headers)
		ok = control_frame(a, t, side, m->type, payload);
	if (!ok)
		h2_event(a, t, H2_EV_INVALID_FRAME_DATA);
	if (m->stream == 0)
		tx_complete(a, &t->tx);
	return PARSE_OK;
}

/* --- DATA --- */

static enum parse data_begin(struct analysis *a, struct h2_machine *m, enum side side)
{
	struct h2_tx *t = m->stream != 0 ? tx_get(a, m->stream, side, false) : h2_tx_new(a, 0);

	if (t == NULL)
		return PARSE_BAD;
	h2_note(a, t, side, H2_NOTE_FRAME, HTTP2_DATA, 0);
	if (m->left > HTTP2_FRAME_MAX)
		h2_event(a, t, H2_EV_LONG_FRAME_DATA);
	if (m->stream == 0) {
		h2_event(a, t, H2_EV_DATA_STREAM_ZERO);
		tx_complete(a, &t->tx);
	}
	m->in_data = true;
	m->pad_known = (m->flags & FLAG_PADDED) == 0;
	m->pad = 0;
	return PARSE_OK;
}

static void data_end(struct analysis *a, struct h2_machine *m, enum side side)
{
	struct h2_tx *t = h2_tx_of(a, m->stream);

	m->in_data = false;
	if (t != NULL && (m->flags & FLAG_END_STREAM) != 0)
		h2_side_end(a, t, side);
}

static void data_read(struct analysis *a, struct h2_machine *m, enum side side, struct reader *in)
{
	struct h2_tx *t = h2_tx_of(a, m->stream);
	struct slice s = read_slice(in, reader_left(in) < m->left ? reader_left(in) : m->left);
	uint32_t before = m->left, body;

	m->left -= (uint32_t)s.len;
	if (!m->pad_known && s.len > 0) {
		m->pad_known = true;
		m->pad = s.data[0];
		s = slice_of(s.data + 1, s.len - 1);
		before--;
	}
	body = before > m->pad ? before - m->pad : 0;
	if (t != NULL && body > 0)
		h2_data(a, t, side, slice_head(s, body));
}

/* --- the stream of frames --- */

static void frames_note(struct analysis *a, struct h2_machine *m, enum side side, uint64_t offset)
{
	frame_open(a, side, FRAME_HDR, offset, HTTP2_HEAD_LEN);
	frame_open(a, side, FRAME_DATA, offset + HTTP2_HEAD_LEN, m->left);
	frame_open(a, side, FRAME_PDU, offset, (int64_t)m->left + HTTP2_HEAD_LEN);
}

static enum parse head_read(struct analysis *a, struct h2_machine *m, enum side side, struct reader *in)
{
	uint64_t offset = a->feeding_offset + reader_pos(in);
	uint32_t len, whole;

	if (reader_left(in) < HTTP2_HEAD_LEN)
		return PARSE_MORE;
	len = load_be24(in->at);
	m->type = in->at[3];
	m->flags = in->at[4];
	m->stream = load_be32(in->at + 5) & 0x7fffffff;
	whole = len < HTTP2_FRAME_MAX ? len : HTTP2_FRAME_MAX;
	if (m->type != HTTP2_DATA && reader_left(in) < HTTP2_HEAD_LEN + whole) {
		analysis_need(a, side, HTTP2_HEAD_LEN + whole);
		return PARSE_MORE;
	}
	m->left = len;
	frames_note(a, m, side, offset);
	reader_skip(in, HTTP2_HEAD_LEN);
	if (m->type == HTTP2_DATA) {
		if (data_begin(a, m, side) != PARSE_OK)
			return PARSE_BAD;
		if (len == 0)
			data_end(a, m, side);
		return PARSE_OK;
	}
	m->skip = len - whole;
	return frame_read(a, m, side, read_slice(in, whole), len > whole);
}

static enum parse magic_read(struct analysis *a, struct h2_machine *m, struct reader *in)
{
	size_t n = reader_left(in) < MAGIC_LEN ? reader_left(in) : MAGIC_LEN;

	if (memcmp(in->at, MAGIC, n) != 0) {
		m->magic_done = true;
		h2_event(a, NULL, H2_EV_INVALID_CLIENT_MAGIC);
		return PARSE_OK;
	}
	if (n < MAGIC_LEN)
		return PARSE_MORE;
	reader_skip(in, MAGIC_LEN);
	m->magic_done = true;
	return PARSE_OK;
}

static enum parse http2_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct h2_machine *m = machine(a, side);
	enum parse got = PARSE_OK;

	while (got == PARSE_OK && reader_left(in) > 0) {
		if (side == TO_SERVER && !m->magic_done) {
			got = magic_read(a, m, in);
		} else if (m->skip > 0) {
			uint32_t n = reader_left(in) < m->skip ? (uint32_t)reader_left(in) : m->skip;

			reader_skip(in, n);
			m->skip -= n;
		} else if (m->in_data) {
			data_read(a, m, side, in);
			if (m->left == 0)
				data_end(a, m, side);
		} else {
			got = head_read(a, m, side, in);
		}
	}
	return got;
}

static bool http2_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct h2_machine *m = machine(a, side);
	struct h2_tx *t = h2_tx_of(a, m->stream);

	if (m->skip >= len) {
		m->skip -= (uint32_t)len;
		return true;
	}
	/* Only inside of a body is it known where the next frame begins. */
	if (!m->in_data || len > m->left)
		return false;
	m->left -= (uint32_t)len;
	if (t != NULL)
		h2_data_gap(a, t, side, len);
	if (m->left == 0)
		data_end(a, m, side);
	return true;
}

static void http2_close(struct analysis *a)
{
	struct h2_state *s = a->state;

	for (unsigned i = 0; i < 2; i++) {
		hpack_free(s->side[i].hpack);
		bytes_fini(&s->side[i].block, a->budget);
	}
	budget_put(a->budget, s, sizeof(*s));
}

static int http2_open(struct analysis *a)
{
	struct h2_state *s = budget_get(a->budget, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->side[0].hpack = hpack_new(a->budget);
	s->side[1].hpack = hpack_new(a->budget);
	a->state = s;
	h2_upgrade(a);
	return 0;
}

/* A server's first frame is SETTINGS. */
static enum probe http2_probe(struct slice data, enum side side, bool is_udp)
{
	(void)is_udp;
	if (side == TO_SERVER) {
		size_t n = data.len < MAGIC_LEN ? data.len : MAGIC_LEN;

		if (memcmp(data.data, MAGIC, n) != 0)
			return PROBE_NO;
		return n == MAGIC_LEN ? PROBE_YES : PROBE_MORE;
	}
	if (data.len < HTTP2_HEAD_LEN)
		return data.data[0] == 0 ? PROBE_MORE : PROBE_NO;
	if (load_be24(data.data) > 16384 || load_be24(data.data) % 6 != 0 || data.data[3] != HTTP2_SETTINGS || (data.data[4] & 0xfe) != 0 ||
	    load_be32(data.data + 5) != 0)
		return PROBE_NO;
	return PROBE_YES;
}

static const struct probe_pattern patterns[] = {
	{ .side = TO_SERVER, .bytes = { (const uint8_t *)MAGIC, MAGIC_LEN } },
};

static const char *const states[] = { "idle", "open", "headers", "data", "closed", NULL };
static const char *const frames[] = { "hdr", "data", "pdu", NULL };

const struct analyzer analyzer_http2 = {
	.abi = ANALYZER_ABI,
	.name = "http2",
	.summary = "HTTP/2, by prior knowledge or upgrade",
	.transports = TRANSPORT_TCP,
	.ports = "80",
	.patterns = patterns,
	.pattern_count = ARRAY_LEN(patterns),
	.probe = http2_probe,
	.pending_max = 1 << 17,
	.tx_open_max = 512,
	.open = http2_open,
	.close = http2_close,
	.feed = http2_feed,
	.gap = http2_gap,
	.tx_free = h2_tx_free,
	.complete = { H2_CLOSED, H2_CLOSED },
	.states = { states, states },
	.fields = http2_fields,
	.field_count = HTTP2_FIELD_COUNT,
	.events = events,
	.frames = frames,
	.event_type = "http",
	.record = http2_record,
};

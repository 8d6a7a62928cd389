/* sip.c - SIP (RFC 3261) over UDP and TCP: requests, responses, and the sessions they describe.
 *
 * A message is a start line, headers and a body of Content-Length bytes; in a datagram all that is left is
 * its body. Each message is a transaction of its own: who answers whom is for those who read records. */
#include "analyzers/sip/sip.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "analyzers/frame.h"
#include "base/must.h"
#include "base/text.h"

#define BODY_MAX 65536                  /* longer ones aren't kept: a session description is short */
#define HEAD_MAX 65536

enum sip_event { INCOMPLETE_DATA, INVALID_DATA };
static const char *const sip_events[] = { "incomplete_data", "invalid_data", NULL };

enum sip_frame {
	FRAME_PDU, FRAME_REQUEST_LINE, FRAME_REQUEST_HEADERS, FRAME_REQUEST_BODY, FRAME_RESPONSE_LINE,
	FRAME_RESPONSE_HEADERS, FRAME_RESPONSE_BODY,
};
static const char *const sip_frames[] = {
	"pdu", "request.line", "request.headers", "request.body", "response.line", "response.headers", "response.body",
	NULL,
};

struct sip_state {
	uint64_t skip[2];               /* of a body that isn't kept */
};

static int sip_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct sip_state));
	return a->state ? 0 : -ENOMEM;
}

static void sip_close(struct analysis *a)
{
	budget_put(a->budget, a->state, sizeof(struct sip_state));
	a->state = NULL;
}

static void sip_tx_free(struct analysis *a, struct tx *tx)
{
	struct sip_tx *t = (struct sip_tx *)tx;

	bytes_fini(&t->head, a->budget);
	bytes_fini(&t->body, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

/* --- reading a message --- */

/* Up to the next blank, which is taken too. */
static struct slice word_take(struct slice *line)
{
	const uint8_t *blank = memchr(line->data, ' ', line->len);
	struct slice word = slice_head(*line, blank != NULL ? (size_t)(blank - line->data) : line->len);

	*line = slice_skip(*line, word.len + (blank != NULL));
	return word;
}

static bool version_valid(struct slice version)
{
	return version.len > 4 && memcmp(version.data, "SIP/", 4) == 0;
}

/* The start line into t: a response begins with the version, a request ends with it. */
static bool line_read(struct sip_tx *t, enum side side)
{
	struct slice rest = t->line;

	t->response = side == TO_CLIENT;
	if (t->response) {
		t->version = word_take(&rest);
		t->code = word_take(&rest);
		t->reason = rest;
		return version_valid(t->version) && t->code.len == 3;
	}
	t->method = word_take(&rest);
	t->uri = word_take(&rest);
	t->version = rest;
	if (t->method.len == 0 || t->uri.len == 0)
		return false;
	for (size_t i = 0; i < t->method.len; i++)
		if (!isalpha(t->method.data[i]))
			return false;
	return version_valid(t->version);
}

bool sip_header_next(struct reader *in, struct slice *name, struct slice *value)
{
	struct slice field = slice_of(in->at, 0);
	const uint8_t *colon;

	if (reader_left(in) == 0)
		return false;
	do {                                    /* a line that starts with a blank goes on with the one before */
		const uint8_t *lf = memchr(in->at, '\n', reader_left(in));

		reader_skip(in, lf != NULL ? (size_t)(lf + 1 - in->at) : reader_left(in));
	} while (reader_left(in) > 0 && (peek_u8(in) == ' ' || peek_u8(in) == '\t'));
	field.len = (size_t)(in->at - field.data);
	colon = memchr(field.data, ':', field.len);
	*name = text_trim(slice_head(field, colon != NULL ? (size_t)(colon - field.data) : 0));
	*value = text_trim(slice_skip(field, colon != NULL ? (size_t)(colon + 1 - field.data) : 0));
	return true;
}

/* Value number index of a header that has a long and a short name. */
static bool header_find(const struct sip_tx *t, const char *longer, const char *shorter, unsigned index,
			struct slice *out)
{
	struct reader in = reader_slice(t->headers);
	struct slice name;

	while (sip_header_next(&in, &name, out))
		if ((text_is_nocase(name, longer) || (shorter != NULL && text_is_nocase(name, shorter))) &&
		    index-- == 0)
			return true;
	return false;
}

/* Length of the start line and the headers, with the empty line behind them; 0 where they aren't whole. */
static size_t head_len(struct slice data)
{
	size_t at = 0;

	while (at < data.len) {
		const uint8_t *lf = memchr(data.data + at, '\n', data.len - at);
		size_t len;

		if (lf == NULL)
			return 0;
		len = (size_t)(lf + 1 - data.data) - at;
		if (at > 0 && (len == 1 || (len == 2 && data.data[at] == '\r')))
			return at + len;
		at += len;
	}
	return 0;
}

static size_t line_end_len(struct slice head)
{
	return head.len >= 2 && head.data[head.len - 2] == '\r' ? 2 : 1;
}

/* A transaction out of a whole head; NULL where its start line isn't one, or the budget is spent. */
static struct sip_tx *message_add(struct analysis *a, enum side side, struct slice head)
{
	struct sip_tx *t = tx_new(a, sizeof(*t)), probe = { 0 };
	const uint8_t *lf = memchr(head.data, '\n', head.len);
	struct slice all;
	size_t line_len = (size_t)(lf + 1 - head.data);

	if (t == NULL)
		return NULL;
	tx_one_sided(a, &t->tx, side);
	probe.line = slice_head(head, line_len - line_end_len(slice_head(head, line_len)));
	if (!line_read(&probe, side) || !bytes_append(&t->head, a->budget, head.data, head.len)) {
		tx_event(a, &t->tx, INVALID_DATA);
		tx_progress(a, &t->tx, side, 1);
		return NULL;
	}
	all = bytes_slice(&t->head);
	t->line = slice_head(all, probe.line.len);
	line_read(t, side);
	t->headers = slice_skip(all, line_len);
	t->headers.len -= line_end_len(all);
	return t;
}

static void body_take(struct analysis *a, struct sip_tx *t, struct slice body)
{
	struct slice type;

	if (body.len == 0 || !bytes_append(&t->body, a->budget, body.data, body.len))
		return;
	t->has_sdp = header_find(t, "content-type", "c", 0, &type) && text_is_nocase(type, "application/sdp") &&
		     sdp_valid(bytes_slice(&t->body));
}

static void frames_add(struct analysis *a, const struct sip_tx *t, enum side side, uint64_t offset, uint64_t body_len)
{
	const size_t line_len = t->head.len - t->headers.len - line_end_len(bytes_slice(&t->head));
	const uint8_t first = side == TO_SERVER ? FRAME_REQUEST_LINE : FRAME_RESPONSE_LINE;

	frame_set_tx(frame_open(a, side, FRAME_PDU, offset, (int64_t)(t->head.len + body_len)), &t->tx);
	frame_set_tx(frame_open(a, side, first, offset, (int64_t)line_len), &t->tx);
	frame_set_tx(frame_open(a, side, first + 1, offset + line_len, (int64_t)t->headers.len), &t->tx);
	if (body_len > 0)
		frame_set_tx(frame_open(a, side, first + 2, offset + t->head.len, (int64_t)body_len), &t->tx);
}

/* A datagram is one message. */
static enum parse datagram_read(struct analysis *a, enum side side, struct reader *in)
{
	struct slice data = slice_of(in->at, reader_left(in));
	size_t len = head_len(data);
	struct sip_tx *t;

	if (len == 0) {
		tx_event(a, NULL, INCOMPLETE_DATA);
		return PARSE_BAD;
	}
	t = message_add(a, side, slice_head(data, len));
	if (t == NULL)
		return PARSE_BAD;
	frames_add(a, t, side, 0, data.len - len);
	body_take(a, t, slice_head(slice_skip(data, len), BODY_MAX));
	tx_progress(a, &t->tx, side, 1);
	read_rest(in);
	return PARSE_OK;
}

/* How long a body the head announces. */
static uint64_t body_len_of(struct slice head)
{
	const uint8_t *lf = memchr(head.data, '\n', head.len);
	struct sip_tx probe = { .headers = slice_skip(head, (size_t)(lf + 1 - head.data)) };
	struct slice value;
	uint64_t len;

	return header_find(&probe, "content-length", "l", 0, &value) && text_u64(value, &len) ? len : 0;
}

static enum parse message_read(struct analysis *a, enum side side, struct reader *in)
{
	struct sip_state *s = a->state;
	const uint64_t offset = a->feeding_offset + reader_pos(in);
	struct slice data = slice_of(in->at, reader_left(in));
	size_t len = head_len(data);
	uint64_t body;
	struct sip_tx *t;

	if (len == 0 && data.len < HEAD_MAX)
		return PARSE_MORE;
	if (len == 0) {
		tx_event(a, NULL, INVALID_DATA);
		return PARSE_BAD;
	}
	body = body_len_of(slice_head(data, len));
	if (body <= BODY_MAX && data.len - len < body) {
		analysis_need(a, side, (uint32_t)(len + body));
		return PARSE_MORE;
	}
	t = message_add(a, side, slice_head(data, len));
	if (t == NULL)
		return PARSE_BAD;
	frames_add(a, t, side, offset, body);
	reader_skip(in, len);
	if (body <= BODY_MAX)
		body_take(a, t, read_slice(in, (size_t)body));
	else
		s->skip[side] = body;
	tx_progress(a, &t->tx, side, 1);
	return PARSE_OK;
}

static enum parse sip_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct sip_state *s = a->state;
	enum parse got = PARSE_OK;

	if (a->flow->tcp == NULL && a->flow->key.proto == 17)
		return datagram_read(a, side, in);
	while (got == PARSE_OK && reader_left(in) > 0) {
		size_t skip = reader_left(in) < s->skip[side] ? reader_left(in) : (size_t)s->skip[side];

		reader_skip(in, skip);
		s->skip[side] -= skip;
		/* Empty lines between messages keep a connection alive (RFC 5626). */
		while (s->skip[side] == 0 && reader_left(in) > 0 && (peek_u8(in) == '\r' || peek_u8(in) == '\n'))
			reader_skip(in, 1);
		if (reader_left(in) > 0)
			got = message_read(a, side, in);
	}
	return got;
}

static bool sip_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct sip_state *s = a->state;

	if (len > s->skip[side])
		return false;
	s->skip[side] -= len;
	return true;
}

/* --- recognition --- */

static enum probe sip_probe(struct slice data, enum side side, bool is_udp)
{
	const uint8_t *lf = memchr(data.data, '\n', data.len);
	struct sip_tx t = { 0 };

	if (lf == NULL)
		return is_udp || data.len > 1024 ? PROBE_NO : PROBE_MORE;
	t.line = slice_head(data, (size_t)(lf - data.data));
	if (t.line.len > 0 && t.line.data[t.line.len - 1] == '\r')
		t.line.len--;
	return line_read(&t, side) ? PROBE_YES : PROBE_NO;
}

#define METHOD(text)                                                                                           \
	{ .side = TO_SERVER, .depth = sizeof(text) - 1,                                                        \
	  .bytes = { (const uint8_t *)(text), sizeof(text) - 1 } }

static const struct probe_pattern sip_patterns[] = {
	METHOD("REGISTER"), METHOD("INVITE"), METHOD("ACK"), METHOD("BYE"), METHOD("CANCEL"), METHOD("UPDATE"),
	METHOD("REFER"), METHOD("PRACK"), METHOD("SUBSCRIBE"), METHOD("NOTIFY"), METHOD("PUBLISH"), METHOD("MESSAGE"),
	METHOD("INFO"), METHOD("OPTIONS"),
	{ .side = TO_CLIENT, .depth = 8, .bytes = { (const uint8_t *)"SIP/2.0 ", 8 } },
};

/* --- fields --- */

#define GETTER(getter, member)                                                                                 \
	static bool getter(struct analysis *a, struct tx *tx, enum side side, unsigned index,                  \
			   struct field_value *out)                                                            \
	{                                                                                                      \
		(void)a;                                                                                       \
		(void)side;                                                                                    \
		out->bytes = ((struct sip_tx *)tx)->member;                                                    \
		return index == 0 && out->bytes.len > 0;                                                       \
	}

GETTER(get_method, method)
GETTER(get_uri, uri)
GETTER(get_version, version)
GETTER(get_code, code)
GETTER(get_reason, reason)
GETTER(get_line, line)

#define HEADER(getter, longer, shorter)                                                                        \
	static bool getter(struct analysis *a, struct tx *tx, enum side side, unsigned index,                  \
			   struct field_value *out)                                                            \
	{                                                                                                      \
		(void)a;                                                                                       \
		(void)side;                                                                                    \
		return header_find((struct sip_tx *)tx, longer, shorter, index, &out->bytes);                  \
	}

HEADER(get_from, "from", "f")
HEADER(get_to, "to", "t")
HEADER(get_via, "via", "v")
HEADER(get_user_agent, "user-agent", NULL)
HEADER(get_content_type, "content-type", "c")
HEADER(get_content_length, "content-length", "l")

static bool sdp_find(const struct tx *tx, char type, bool media, unsigned index, struct field_value *out)
{
	const struct sip_tx *t = (const struct sip_tx *)tx;
	struct sdp_lines lines = sdp_lines(bytes_slice(&t->body));
	struct sdp_line line;

	while (t->has_sdp && sdp_line_next(&lines, &line)) {
		if (line.type != type || line.media != media || index-- != 0)
			continue;
		out->bytes = line.value;
		return true;
	}
	return false;
}

#define SDP(getter, type, media)                                                                               \
	static bool getter(struct analysis *a, struct tx *tx, enum side side, unsigned index,                  \
			   struct field_value *out)                                                            \
	{                                                                                                      \
		(void)a;                                                                                       \
		(void)side;                                                                                    \
		return sdp_find(tx, type, media, index, out);                                                  \
	}

SDP(sdp_origin, 'o', false)
SDP(sdp_name, 's', false)
SDP(sdp_info, 'i', false)
SDP(sdp_uri, 'u', false)
SDP(sdp_email, 'e', false)
SDP(sdp_phone, 'p', false)
SDP(sdp_connection, 'c', false)
SDP(sdp_bandwidth, 'b', false)
SDP(sdp_time, 't', false)
SDP(sdp_repeat, 'r', false)
SDP(sdp_zone, 'z', false)
SDP(sdp_key, 'k', false)
SDP(sdp_attribute, 'a', false)
SDP(sdp_media, 'm', true)
SDP(sdp_media_info, 'i', true)
SDP(sdp_media_connection, 'c', true)
SDP(sdp_media_key, 'k', true)

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define TEXT(keyword, where, getter, text)                                                                     \
	{ .name = keyword, .type = FIELD_BYTES, .flags = (where), .progress = { 1, 1 }, .get = getter, .summary = text }

static const struct field sip_fields[] = {
	TEXT("sip.method", FIELD_TO_SERVER, get_method, "method of a request"),
	TEXT("sip.uri", FIELD_TO_SERVER, get_uri, "URI of a request"),
	TEXT("sip.protocol", BOTH, get_version, "protocol and version in the start line"),
	TEXT("sip.stat_code", FIELD_TO_CLIENT, get_code, "status code of a response"),
	TEXT("sip.stat_msg", FIELD_TO_CLIENT, get_reason, "reason phrase of a response"),
	TEXT("sip.request_line", FIELD_TO_SERVER, get_line, "start line of a request"),
	TEXT("sip.response_line", FIELD_TO_CLIENT, get_line, "start line of a response"),
	TEXT("sip.from", BOTH | FIELD_MULTI, get_from, "each From header"),
	TEXT("sip.to", BOTH | FIELD_MULTI, get_to, "each To header"),
	TEXT("sip.via", BOTH | FIELD_MULTI, get_via, "each Via header"),
	TEXT("sip.user_agent", BOTH | FIELD_MULTI, get_user_agent, "each User-Agent header"),
	TEXT("sip.content_type", BOTH | FIELD_MULTI, get_content_type, "each Content-Type header"),
	TEXT("sip.content_length", BOTH | FIELD_MULTI, get_content_length, "each Content-Length header"),
	TEXT("sdp.origin", BOTH, sdp_origin, "who made the session description"),
	TEXT("sdp.session_name", BOTH, sdp_name, "name of the session"),
	TEXT("sdp.session_info", BOTH, sdp_info, "what the session is about"),
	TEXT("sdp.uri", BOTH, sdp_uri, "URI of the session's description"),
	TEXT("sdp.email", BOTH, sdp_email, "e-mail address of who is responsible"),
	TEXT("sdp.phone_number", BOTH, sdp_phone, "phone number of who is responsible"),
	TEXT("sdp.connection_data", BOTH, sdp_connection, "address of the session"),
	TEXT("sdp.bandwidth", BOTH | FIELD_MULTI, sdp_bandwidth, "each bandwidth of the session"),
	TEXT("sdp.time", BOTH | FIELD_MULTI, sdp_time, "when the session starts and stops"),
	TEXT("sdp.repeat_time", BOTH | FIELD_MULTI, sdp_repeat, "when the session is repeated"),
	TEXT("sdp.timezone", BOTH, sdp_zone, "adjustments of the session's time zone"),
	TEXT("sdp.encryption_key", BOTH, sdp_key, "key of the session"),
	TEXT("sdp.attribute", BOTH | FIELD_MULTI, sdp_attribute, "each attribute of the session"),
	TEXT("sdp.media.media", BOTH | FIELD_MULTI, sdp_media, "each medium: kind, port, protocol, formats"),
	{ .name = "sdp.media.media_info", .aliases = "sdp.media.session_info", .type = FIELD_BYTES,
	  .flags = BOTH | FIELD_MULTI, .progress = { 1, 1 }, .get = sdp_media_info, .summary = "title of a medium" },
	TEXT("sdp.media.connection_data", BOTH | FIELD_MULTI, sdp_media_connection, "address of a medium"),
	TEXT("sdp.media.encryption_key", BOTH | FIELD_MULTI, sdp_media_key, "key of a medium"),
};

/* --- record --- */

static enum record_way sip_record_way(const struct tx *tx, const void *options)
{
	(void)options;
	return tx->one_sided == 1 + TO_CLIENT ? RECORD_TO_CLIENT : RECORD_TO_SERVER;
}

static bool sip_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct sip_tx *t = (const struct sip_tx *)tx;

	(void)a;
	(void)req;
	if (t->line.len == 0)
		return false;                   /* it was none */
	json_object(j, "sip");
	if (t->response) {
		json_slice(j, "version", t->version);
		json_slice(j, "code", t->code);
		json_slice(j, "reason", t->reason);
		json_slice(j, "response_line", t->line);
	} else {
		json_slice(j, "method", t->method);
		json_slice(j, "uri", t->uri);
		json_slice(j, "version", t->version);
		json_slice(j, "request_line", t->line);
	}
	if (t->has_sdp)
		sdp_record(bytes_slice(&t->body), j);
	json_close(j);
	return true;
}

const struct analyzer analyzer_sip = {
	.abi = ANALYZER_ABI,
	.name = "sip",
	.summary = "SIP requests and responses, with session descriptions",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.patterns = sip_patterns,
	.pattern_count = ARRAY_LEN(sip_patterns),
	.probe = sip_probe,
	.pending_max = HEAD_MAX + BODY_MAX,
	.open = sip_open,
	.close = sip_close,
	.feed = sip_feed,
	.gap = sip_gap,
	.tx_free = sip_tx_free,
	.complete = { 1, 1 },
	.fields = sip_fields,
	.field_count = ARRAY_LEN(sip_fields),
	.events = sip_events,
	.frames = sip_frames,
	.event_type = "sip",
	.record_way = sip_record_way,
	.record = sip_record,
};

/* fields.c - what rules and scripts can look at in an HTTP/2 stream: HTTP's fields, and frames. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/http2/http2.h"
#include "analyzers/number.h"
#include "base/text.h"

static struct h2_tx *h2_of(struct tx *tx)
{
	return (struct h2_tx *)tx;
}

static bool give(struct field_value *out, struct slice s)
{
	out->bytes = s;
	out->complete = true;
	return true;
}

static bool give_header(struct tx *tx, enum side side, const char *name, struct field_value *out)
{
	const struct h2_tx *t = h2_of(tx);

	return h2_header_find(t, side, name) != NULL && give(out, h2_header_value(t, side, name));
}

#define HEADER_FIELD(fn, header)                                                                   \
	static bool fn(struct analysis *a, struct tx *tx, enum side side, unsigned index,            \
		       struct field_value *out)                                                      \
	{                                                                                            \
		(void)a;                                                                             \
		return index == 0 && give_header(tx, side, header, out);                             \
	}

HEADER_FIELD(uri_get, ":path")
HEADER_FIELD(method_get, ":method")
HEADER_FIELD(stat_code_get, ":status")
HEADER_FIELD(user_agent_get, "user-agent")
HEADER_FIELD(accept_get, "accept")
HEADER_FIELD(accept_enc_get, "accept-encoding")
HEADER_FIELD(accept_lang_get, "accept-language")
HEADER_FIELD(referer_get, "referer")
HEADER_FIELD(connection_get, "connection")
HEADER_FIELD(content_type_get, "content-type")
HEADER_FIELD(content_len_get, "content-length")
HEADER_FIELD(location_get, "location")
HEADER_FIELD(server_get, "server")

static bool cookie_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	return index == 0 && give_header(tx, side, side == TO_SERVER ? "cookie" : "set-cookie", out);
}

static bool host_raw_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	return index == 0 && (give_header(tx, side, ":authority", out) || give_header(tx, side, "host", out));
}

static bool host_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct h2_tx *t = h2_of(tx);

	(void)a;
	return index == 0 && t->side[side].host.len != 0 && give(out, h2_text(t, t->side[side].host));
}

static bool protocol_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)tx;
	(void)side;
	return index == 0 && give(out, slice_str("HTTP/2"));
}

/* HTTP/2 has no status message: an empty one. */
static bool stat_msg_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)tx;
	(void)side;
	return index == 0 && give(out, slice_str(""));
}

static void add(struct analysis *a, struct bytes *b, struct slice s, const char *behind)
{
	bytes_append(b, a->budget, s.data, s.len);
	bytes_append(b, a->budget, behind, strlen(behind));
}

/* Whether what was built from the rows still holds; if not, it is emptied. */
static bool built(struct h2_side *s, const struct bytes *b)
{
	if (s->built_from != s->count) {
		s->built_from = s->count;
		s->header_text.len = s->header_names.len = s->first_line.len = 0;
	}
	return b->len != 0;
}

static bool first_line_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			   struct field_value *out)
{
	struct h2_tx *t = h2_of(tx);
	struct h2_side *s = &t->side[side];
	struct bytes *b = &s->first_line;

	if (index != 0 || !s->has_headers)
		return false;
	if (!built(s, b) && side == TO_SERVER) {
		add(a, b, h2_header_value(t, side, ":method"), " ");
		add(a, b, h2_header_value(t, side, ":path"), " HTTP/2");
	} else if (b->len == 0) {
		add(a, b, slice_str("HTTP/2 "), "");
		add(a, b, h2_header_value(t, side, ":status"), "\r\n");
	}
	return give(out, bytes_slice(b));
}

static bool headers_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	struct h2_tx *t = h2_of(tx);
	struct h2_side *s = &t->side[side];
	struct bytes *b = &s->header_text;

	if (index != 0 || !s->has_headers)
		return false;
	if (!built(s, b)) {
		for (unsigned i = 0; i < s->count; i++) {
			if (s->rows[i].is_table_size)
				continue;
			add(a, b, h2_text(t, s->rows[i].name), ": ");
			add(a, b, h2_text(t, s->rows[i].value), "\r\n");
		}
	}
	return b->len != 0 && give(out, bytes_slice(b));
}

static bool header_names_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			     struct field_value *out)
{
	struct h2_tx *t = h2_of(tx);
	struct h2_side *s = &t->side[side];
	struct bytes *b = &s->header_names;

	if (index != 0 || !s->has_headers)
		return false;
	if (!built(s, b)) {
		bytes_append(b, a->budget, "\r\n", 2);
		for (unsigned i = 0; i < s->count; i++)
			if (!s->rows[i].is_table_size)
				add(a, b, h2_text(t, s->rows[i].name), "\r\n");
		bytes_append(b, a->budget, "\r\n", 2);
	}
	return give(out, bytes_slice(b));
}

static const struct h2_row *row_at(const struct h2_side *s, unsigned index)
{
	for (unsigned i = 0; i < s->count; i++)
		if (!s->rows[i].is_table_size && index-- == 0)
			return &s->rows[i];
	return NULL;
}

static void add_escaped(struct analysis *a, struct bytes *b, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		bytes_append_u8(b, a->budget, s.data[i]);
		if (s.data[i] == ':')
			bytes_append_u8(b, a->budget, ':');
	}
}

/* "name: value", each colon in either doubled. */
static bool one_header_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			   struct field_value *out)
{
	struct h2_tx *t = h2_of(tx);
	struct h2_side *s = &t->side[side];
	const struct h2_row *r = row_at(s, index);

	if (r == NULL)
		return false;
	s->one_header.len = 0;
	add_escaped(a, &s->one_header, h2_text(t, r->name));
	bytes_append(&s->one_header, a->budget, ": ", 2);
	add_escaped(a, &s->one_header, h2_text(t, r->value));
	return give(out, bytes_slice(&s->one_header));
}

static bool header_name_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			    struct field_value *out)
{
	const struct h2_tx *t = h2_of(tx);
	const struct h2_row *r = row_at(&t->side[side], index);

	(void)a;
	return r != NULL && give(out, h2_text(t, r->name));
}

static bool body_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	struct file *f = file_at(tx, side, 0);

	return index == 0 && f != NULL && window_view(&f->window, &f->limits, file_complete(a, f), out);
}

static bool note_get(struct tx *tx, enum side side, enum h2_note_kind kind, unsigned index, struct field_value *out)
{
	const struct h2_side *s = &h2_of(tx)->side[side];

	for (unsigned i = 0; i < s->note_count; i++) {
		if (s->notes[i].kind != kind || index-- != 0)
			continue;
		out->number = kind == H2_NOTE_FRAME ? s->notes[i].id : s->notes[i].value;
		return true;
	}
	return false;
}

#define NOTE_FIELD(fn, kind)                                                                       \
	static bool fn(struct analysis *a, struct tx *tx, enum side side, unsigned index,            \
		       struct field_value *out)                                                      \
	{                                                                                            \
		(void)a;                                                                             \
		return note_get(tx, side, kind, index, out);                                         \
	}

NOTE_FIELD(frametype_get, H2_NOTE_FRAME)
NOTE_FIELD(errorcode_get, H2_NOTE_ERROR)
NOTE_FIELD(priority_get, H2_NOTE_PRIORITY)
NOTE_FIELD(window_get, H2_NOTE_WINDOW)

static bool size_update_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			    struct field_value *out)
{
	const struct h2_side *s = &h2_of(tx)->side[side];

	(void)a;
	for (unsigned i = 0; i < s->count; i++) {
		if (!s->rows[i].is_table_size || index-- != 0)
			continue;
		out->number = s->rows[i].table_size;
		return true;
	}
	return false;
}

/* http2.settings:SETTINGS_HEADER_TABLE_SIZE>1000 */
struct settings_test {
	uint32_t id;
	bool any;               /* it is enough that it is there */
	struct number_test value;
};

static const struct field_name setting_words[] = {
	{ "SETTINGS_HEADER_TABLE_SIZE", 1 }, { "SETTINGS_ENABLE_PUSH", 2 }, { "SETTINGS_MAX_CONCURRENT_STREAMS", 3 },
	{ "SETTINGS_INITIAL_WINDOW_SIZE", 4 }, { "SETTINGS_MAX_FRAME_SIZE", 5 },
	{ "SETTINGS_MAX_HEADER_LIST_SIZE", 6 },
};

static void *settings_parse(const char *argument, const char **error)
{
	struct settings_test *t = calloc(1, sizeof(*t));
	struct slice rest;

	if (t == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(setting_words) / sizeof(setting_words[0]); i++) {
		size_t n = strlen(setting_words[i].text);

		if (strncasecmp(argument, setting_words[i].text, n) != 0 || argument[n] == '_')
			continue;
		t->id = (uint32_t)setting_words[i].value;
		rest = text_trim(slice_str(argument + n));
		t->any = rest.len == 0;
		if (t->any || number_test_parse(&t->value, rest, 32, NULL, error))
			return t;
		free(t);
		return NULL;
	}
	*error = "a setting is expected: SETTINGS_HEADER_TABLE_SIZE, SETTINGS_ENABLE_PUSH, …";
	free(t);
	return NULL;
}

static bool settings_match(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct settings_test *t = parsed;
	const struct h2_side *s = &h2_of(tx)->side[side];

	(void)a;
	for (unsigned i = 0; i < s->note_count; i++)
		if (s->notes[i].kind == H2_NOTE_SETTING && s->notes[i].id == t->id &&
		    (t->any || number_test_match(&t->value, s->notes[i].value)))
			return true;
	return false;
}

static const struct field_name frame_names[] = {
	{ "DATA", 0 }, { "HEADERS", 1 }, { "PRIORITY", 2 }, { "RST_STREAM", 3 }, { "RSTSTREAM", 3 }, { "SETTINGS", 4 },
	{ "PUSH_PROMISE", 5 }, { "PUSHPROMISE", 5 }, { "PING", 6 }, { "GOAWAY", 7 }, { "WINDOW_UPDATE", 8 },
	{ "WINDOWUPDATE", 8 }, { "CONTINUATION", 9 }, { NULL, 0 },
};

static const struct field_name error_names[] = {
	{ "NO_ERROR", 0 }, { "PROTOCOL_ERROR", 1 }, { "INTERNAL_ERROR", 2 }, { "FLOW_CONTROL_ERROR", 3 },
	{ "SETTINGS_TIMEOUT", 4 }, { "STREAM_CLOSED", 5 }, { "FRAME_SIZE_ERROR", 6 }, { "REFUSED_STREAM", 7 },
	{ "CANCEL", 8 }, { "COMPRESSION_ERROR", 9 }, { "CONNECT_ERROR", 10 }, { "ENHANCE_YOUR_CALM", 11 },
	{ "INADEQUATE_SECURITY", 12 }, { "HTTP_1_1_REQUIRED", 13 }, { "HTTP11_REQUIRED", 13 }, { NULL, 0 },
};

#define TS FIELD_TO_SERVER
#define TC FIELD_TO_CLIENT
#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define DONE .progress = { H2_HEADERS, H2_HEADERS }
#define ANY .progress = { H2_IDLE, H2_IDLE }, .final = { H2_CLOSED, H2_CLOSED }
#define ROW(n, al, mod, letter, fl, fn, text)                                                      \
	{ .name = n, .aliases = al, .modifier = mod, .pcre_letter = letter, .type = FIELD_BYTES, .flags = fl, DONE, \
	  .get = fn, .summary = text }
#define NUMBER(n, w, nm, fn, text)                                                                 \
	{ .name = n, .type = FIELD_UINT, .width = w, .flags = BOTH | FIELD_MULTI, ANY, .names = nm, .get = fn,      \
	  .summary = text }

const struct field http2_fields[HTTP2_FIELD_COUNT] = {
	ROW("http.uri", NULL, "http_uri", 'U', TS, uri_get, ":path"),
	ROW("http.uri.raw", "http_raw_uri", "http_raw_uri", 'I', TS, uri_get, ":path"),
	ROW("http.method", NULL, "http_method", 'M', TS, method_get, ":method"),
	ROW("http.protocol", "http_protocol", NULL, 0, BOTH, protocol_get, "HTTP/2"),
	ROW("http.request_line", "http_request_line", NULL, 0, TS, first_line_get, "METHOD PATH HTTP/2"),
	ROW("http.response_line", "http_response_line", NULL, 0, TC, first_line_get, "HTTP/2 STATUS"),
	ROW("http.stat_code", NULL, "http_stat_code", 'S', TC, stat_code_get, ":status"),
	ROW("http.stat_msg", NULL, "http_stat_msg", 'Y', TC, stat_msg_get, "always empty"),
	ROW("http.header", NULL, "http_header", 'H', BOTH, headers_get, "all headers, one form"),
	ROW("http.header.raw", NULL, "http_raw_header", 'D', BOTH, headers_get, "all headers"),
	ROW("http.header_names", "http_header_names", NULL, 0, BOTH, header_names_get, "names of all headers"),
	ROW("http.request_header", "http_request_header", NULL, 0, TS | FIELD_MULTI, one_header_get,
	    "each request header, \"name: value\""),
	ROW("http.response_header", "http_response_header", NULL, 0, TC | FIELD_MULTI, one_header_get,
	    "each response header, \"name: value\""),
	ROW("http.host", NULL, "http_host", 'W', TS | FIELD_LOWER, host_get, ":authority or Host, lower case, no port"),
	ROW("http.host.raw", NULL, "http_raw_host", 'Z', TS, host_raw_get, ":authority or Host"),
	ROW("http.user_agent", NULL, "http_user_agent", 'V', TS, user_agent_get, "User-Agent"),
	ROW("http.cookie", NULL, "http_cookie", 'C', BOTH, cookie_get, "Cookie, Set-Cookie"),
	ROW("http.accept", "http_accept", NULL, 0, TS, accept_get, "Accept"),
	ROW("http.accept_enc", "http_accept_enc", NULL, 0, TS, accept_enc_get, "Accept-Encoding"),
	ROW("http.accept_lang", "http_accept_lang", NULL, 0, TS, accept_lang_get, "Accept-Language"),
	ROW("http.referer", "http_referer", NULL, 0, TS, referer_get, "Referer"),
	ROW("http.connection", "http_connection", NULL, 0, BOTH, connection_get, "Connection"),
	ROW("http.content_type", "http_content_type", NULL, 0, BOTH, content_type_get, "Content-Type"),
	ROW("http.content_len", "http_content_len", NULL, 0, BOTH, content_len_get, "Content-Length"),
	ROW("http.location", "http_location", NULL, 0, TC, location_get, "Location"),
	ROW("http.server", "http_server", NULL, 0, TC, server_get, "Server"),
	{ .name = "http.request_body", .modifier = "http_client_body", .pcre_letter = 'P', .type = FIELD_BYTES,
	  .flags = TS | FIELD_GROWS, .progress = { H2_DATA, H2_DATA }, .final = { H2_CLOSED, H2_CLOSED },
	  .get = body_get, .summary = "body of the request, decoded" },
	{ .name = "http.response_body", .modifier = "http_server_body", .pcre_letter = 'Q', .type = FIELD_BYTES,
	  .flags = TC | FIELD_GROWS, .progress = { H2_DATA, H2_DATA }, .final = { H2_CLOSED, H2_CLOSED },
	  .get = body_get, .summary = "body of the response, decoded" },
	ROW("http2.header_name", NULL, NULL, 0, BOTH | FIELD_MULTI, header_name_get, "each header's name"),
	ROW("http2.header", NULL, NULL, 0, BOTH | FIELD_MULTI, one_header_get, "each header, \"name: value\""),
	NUMBER("http2.frametype", 8, frame_names, frametype_get, "types of the stream's frames"),
	NUMBER("http2.errorcode", 32, error_names, errorcode_get, "error codes of RST_STREAM and GOAWAY"),
	NUMBER("http2.priority", 8, NULL, priority_get, "weights"),
	NUMBER("http2.window", 32, NULL, window_get, "WINDOW_UPDATE sizes"),
	NUMBER("http2.size_update", 64, NULL, size_update_get, "sizes that the header table was changed to"),
	{ .name = "http2.settings", .type = FIELD_TEST, .flags = BOTH, ANY, .test_parse = settings_parse,
	  .test = settings_match, .test_free = free, .summary = "a setting, and what its value is compared with" },
};

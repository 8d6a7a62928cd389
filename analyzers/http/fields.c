/* fields.c - what rules and scripts can look at in an HTTP transaction.
 *
 * Most are spans of the arena. http.header and its like are put together the first time somebody asks. */
#include "analyzers/http/http.h"

static struct http_tx *http_of(struct tx *tx)
{
	return (struct http_tx *)tx;
}

static bool give(struct field_value *out, struct slice s)
{
	out->bytes = s;
	out->complete = true;
	return true;
}

static bool give_span(struct field_value *out, const struct http_tx *t, struct http_span s)
{
	return s.len != 0 && give(out, http_text(t, s));
}

#define SPAN_FIELD(name, span)                                                                     \
	static bool name(struct analysis *a, struct tx *tx, enum side side, unsigned index,          \
			 struct field_value *out)                                                    \
	{                                                                                            \
		const struct http_tx *t = http_of(tx);                                               \
                                                                                                     \
		(void)a;                                                                             \
		(void)side;                                                                          \
		return index == 0 && give_span(out, t, span);                                        \
	}

SPAN_FIELD(uri_get, t->uri)
SPAN_FIELD(uri_raw_get, t->uri_raw)
SPAN_FIELD(method_get, t->method_text)
SPAN_FIELD(host_get, t->host)
SPAN_FIELD(request_line_get, t->side[0].line)
SPAN_FIELD(response_line_get, t->side[1].line)
SPAN_FIELD(protocol_get, t->side[side].protocol)
SPAN_FIELD(stat_code_get, t->status_text)
SPAN_FIELD(stat_msg_get, t->message)

static bool header_get(const struct http_tx *t, enum side side, const char *name, struct field_value *out)
{
	const struct http_header *h = http_header_find(t, side, name, false);

	return h != NULL && give(out, http_text(t, h->value));
}

#define HEADER_FIELD(fn, header)                                                                   \
	static bool fn(struct analysis *a, struct tx *tx, enum side side, unsigned index,            \
		       struct field_value *out)                                                      \
	{                                                                                            \
		(void)a;                                                                             \
		return index == 0 && header_get(http_of(tx), side, header, out);                     \
	}

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
	return index == 0 && header_get(http_of(tx), side, side == TO_SERVER ? "cookie" : "set-cookie", out);
}

static bool host_raw_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct http_tx *t = http_of(tx);

	(void)a;
	if (index != 0)
		return false;
	if (t->flags & HTTP_FLAG_HOST_IN_URI)
		return give_span(out, t, t->uri_host);
	return header_get(t, side, "host", out);
}

static bool is_cookie(const struct http_tx *t, enum side side, const struct http_header *h)
{
	return http_eq_nocase(http_text(t, h->name), side == TO_SERVER ? "cookie" : "set-cookie");
}

static void add(struct analysis *a, struct bytes *b, struct slice s, const char *behind)
{
	bytes_append(b, a->budget, s.data, s.len);
	bytes_append(b, a->budget, behind, strlen(behind));
}

static void headers_add(struct analysis *a, const struct http_tx *t, enum side side, struct bytes *b)
{
	const struct http_headers *hs = &t->side[side].headers;

	for (unsigned i = 0; i < hs->count; i++) {
		if (is_cookie(t, side, &hs->rows[i]))
			continue;
		add(a, b, http_text(t, hs->rows[i].name), ": ");
		add(a, b, http_text(t, hs->rows[i].value), "\r\n");
	}
}

/* What was built is good as long as no header was added since (trailers). */
static bool built(struct http_side *s, struct bytes *b)
{
	if (s->built_from != s->headers.count) {
		s->built_from = s->headers.count;
		s->header_text.len = s->header_names.len = s->start_text.len = 0;
	}
	return b->len != 0;
}

static bool all_headers_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			    struct field_value *out)
{
	struct http_tx *t = http_of(tx);
	struct bytes *b = &t->side[side].header_text;

	if (index != 0 || t->side[side].headers.count == 0)
		return false;
	if (!built(&t->side[side], b))
		headers_add(a, t, side, b);
	return b->len != 0 && give(out, bytes_slice(b));
}

static bool raw_headers_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			    struct field_value *out)
{
	const struct bytes *b = &http_of(tx)->side[side].raw_headers;

	(void)a;
	return index == 0 && b->len != 0 && give(out, bytes_slice(b));
}

static bool header_names_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			     struct field_value *out)
{
	struct http_tx *t = http_of(tx);
	const struct http_headers *hs = &t->side[side].headers;
	struct bytes *b = &t->side[side].header_names;

	if (index != 0 || hs->count == 0)
		return false;
	if (!built(&t->side[side], b)) {
		bytes_append(b, a->budget, "\r\n", 2);
		for (unsigned i = 0; i < hs->count; i++)
			if (!is_cookie(t, side, &hs->rows[i]))
				add(a, b, http_text(t, hs->rows[i].name), "\r\n");
		bytes_append(b, a->budget, "\r\n", 2);
	}
	return give(out, bytes_slice(b));
}

static bool start_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	struct http_tx *t = http_of(tx);
	struct bytes *b = &t->side[side].start_text;

	if (index != 0 || t->side[side].line.len == 0)
		return false;
	if (!built(&t->side[side], b)) {
		add(a, b, http_text(t, t->side[side].line), "\r\n");
		headers_add(a, t, side, b);
		bytes_append(b, a->budget, "\r\n", 2);
	}
	return give(out, bytes_slice(b));
}

/* "Name: value" of the header number index. */
static bool one_header_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			   struct field_value *out)
{
	struct http_tx *t = http_of(tx);
	const struct http_headers *hs = &t->side[side].headers;
	struct bytes *b = &t->side[side].one_header;

	if (index >= hs->count)
		return false;
	b->len = 0;
	add(a, b, http_text(t, hs->rows[index].name), ": ");
	add(a, b, http_text(t, hs->rows[index].value), "");
	return b->len != 0 && give(out, bytes_slice(b));
}

static bool body_get(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct http_side *s = &http_of(tx)->side[side];

	return index == 0 && s->body_seen && window_view(&s->body, &s->limits, tx_done(a, tx, side), out);
}

/* What a server sends is looked at as the body it is, the client's uploads as files. */
static bool file_data_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			  struct field_value *out)
{
	struct file *f;

	if (side == TO_CLIENT)
		return body_get(a, tx, side, index, out);
	f = file_at(tx, side, index);
	return f != NULL && window_view(&f->window, &f->limits, file_complete(a, f), out);
}

#define TS FIELD_TO_SERVER
#define TC FIELD_TO_CLIENT
#define LINE_DONE { HTTP_HEADERS, HTTP_HEADERS }
#define HEADERS_DONE { HTTP_BODY, HTTP_BODY }
#define ROW(n, al, mod, letter, fl, prog, fn, text)                                                \
	{ .name = n, .aliases = al, .modifier = mod, .pcre_letter = letter, .type = FIELD_BYTES, .flags = fl, \
	  .progress = prog, .get = fn, .summary = text }

const struct field http_fields[HTTP_FIELD_COUNT] = {
	ROW("http.uri", NULL, "http_uri", 'U', TS, LINE_DONE, uri_get, "URI, normalised: path, query, fragment"),
	ROW("http.uri.raw", "http_raw_uri", "http_raw_uri", 'I', TS, LINE_DONE, uri_raw_get, "URI as written"),
	ROW("http.method", NULL, "http_method", 'M', TS, LINE_DONE, method_get, "request method"),
	ROW("http.request_line", "http_request_line", NULL, 0, TS, LINE_DONE, request_line_get,
	    "request line without its line end"),
	ROW("http.response_line", "http_response_line", NULL, 0, TC, LINE_DONE, response_line_get,
	    "status line without its line end"),
	ROW("http.protocol", "http_protocol", NULL, 0, TS | TC, LINE_DONE, protocol_get, "protocol and version"),
	ROW("http.stat_code", NULL, "http_stat_code", 'S', TC, LINE_DONE, stat_code_get, "status code"),
	ROW("http.stat_msg", NULL, "http_stat_msg", 'Y', TC, LINE_DONE, stat_msg_get, "status message"),
	ROW("http.header", NULL, "http_header", 'H', TS | TC, HEADERS_DONE, all_headers_get,
	    "all headers but cookies, one form"),
	ROW("http.header.raw", NULL, "http_raw_header", 'D', TS | TC, HEADERS_DONE, raw_headers_get,
	    "header block as written"),
	ROW("http.header_names", "http_header_names", NULL, 0, TS | TC, HEADERS_DONE, header_names_get,
	    "names of all headers but cookies"),
	{ .name = "http.request_header", .aliases = "http_request_header", .type = FIELD_BYTES, .flags = TS | FIELD_MULTI,
	  .progress = HEADERS_DONE, .get = one_header_get, .summary = "each request header, \"name: value\"" },
	{ .name = "http.response_header", .aliases = "http_response_header", .type = FIELD_BYTES, .flags = TC | FIELD_MULTI,
	  .progress = HEADERS_DONE, .get = one_header_get, .summary = "each response header, \"name: value\"" },
	ROW("http.host", NULL, "http_host", 'W', TS | FIELD_LOWER, HEADERS_DONE, host_get,
	    "host of the URI or the Host header, lower case, no port"),
	ROW("http.host.raw", NULL, "http_raw_host", 'Z', TS, HEADERS_DONE, host_raw_get, "host as written"),
	ROW("http.user_agent", NULL, "http_user_agent", 'V', TS, HEADERS_DONE, user_agent_get, "User-Agent"),
	ROW("http.cookie", NULL, "http_cookie", 'C', TS | TC, HEADERS_DONE, cookie_get, "Cookie, Set-Cookie"),
	ROW("http.accept", "http_accept", NULL, 0, TS, HEADERS_DONE, accept_get, "Accept"),
	ROW("http.accept_enc", "http_accept_enc", NULL, 0, TS, HEADERS_DONE, accept_enc_get, "Accept-Encoding"),
	ROW("http.accept_lang", "http_accept_lang", NULL, 0, TS, HEADERS_DONE, accept_lang_get, "Accept-Language"),
	ROW("http.referer", "http_referer", NULL, 0, TS, HEADERS_DONE, referer_get, "Referer"),
	ROW("http.connection", "http_connection", NULL, 0, TS | TC, HEADERS_DONE, connection_get, "Connection"),
	ROW("http.content_type", "http_content_type", NULL, 0, TS | TC, HEADERS_DONE, content_type_get,
	    "Content-Type"),
	ROW("http.content_len", "http_content_len", NULL, 0, TS | TC, HEADERS_DONE, content_len_get,
	    "Content-Length"),
	ROW("http.start", "http_start", NULL, 0, TS | TC, HEADERS_DONE, start_get, "first line and headers"),
	ROW("http.location", "http_location", NULL, 0, TC, HEADERS_DONE, location_get, "Location"),
	ROW("http.server", "http_server", NULL, 0, TC, HEADERS_DONE, server_get, "Server"),
	{ .name = "http.request_body", .modifier = "http_client_body", .pcre_letter = 'P', .type = FIELD_BYTES,
	  .flags = TS | FIELD_GROWS, .progress = HEADERS_DONE, .final = { HTTP_COMPLETE, HTTP_COMPLETE },
	  .get = body_get, .summary = "body of the request, decoded" },
	{ .name = "http.response_body", .modifier = "http_server_body", .pcre_letter = 'Q', .type = FIELD_BYTES,
	  .flags = TC | FIELD_GROWS, .progress = HEADERS_DONE, .final = { HTTP_COMPLETE, HTTP_COMPLETE },
	  .get = body_get, .summary = "body of the response, decoded" },
	{ .name = "file.data", .aliases = "file_data", .type = FIELD_BYTES,
	  .flags = TS | TC | FIELD_MULTI | FIELD_GROWS | FIELD_FILE, .progress = HEADERS_DONE,
	  .final = { HTTP_COMPLETE, HTTP_COMPLETE }, .get = file_data_get,
	  .summary = "body of the response; files that the request sends" },
};

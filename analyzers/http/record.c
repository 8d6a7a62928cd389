/* record.c - the "http" object of EVE records. */
#include <stdlib.h>

#include "analyzers/http/http.h"

struct custom {
	const char *header;
	const char *key;
};

/* Headers that can be asked for by name (custom: […]). */
static const struct custom customs[] = {
	{ "accept", "accept" }, { "accept-charset", "accept_charset" }, { "accept-encoding", "accept_encoding" },
	{ "accept-language", "accept_language" }, { "accept-datetime", "accept_datetime" },
	{ "authorization", "authorization" }, { "cache-control", "cache_control" }, { "cookie", "cookie" },
	{ "from", "from" }, { "max-forwards", "max_forwards" }, { "origin", "origin" }, { "pragma", "pragma" },
	{ "proxy-authorization", "proxy_authorization" }, { "range", "range" }, { "te", "te" }, { "via", "via" },
	{ "x-requested-with", "x_requested_with" }, { "dnt", "dnt" },
	{ "x-forwarded-proto", "x_forwarded_proto" }, { "x-authenticated-user", "x_authenticated_user" },
	{ "x-flash-version", "x_flash_version" }, { "accept-range", "accept_range" }, { "age", "age" },
	{ "allow", "allow" }, { "connection", "connection" }, { "content-encoding", "content_encoding" },
	{ "content-language", "content_language" }, { "content-length", "content_length" },
	{ "content-location", "content_location" }, { "content-md5", "content_md5" },
	{ "content-range", "content_range" }, { "content-type", "content_type" }, { "date", "date" },
	{ "etag", "etag" }, { "expires", "expires" }, { "last-modified", "last_modified" }, { "link", "link" },
	{ "location", "location" }, { "proxy-authenticate", "proxy_authenticate" }, { "referer", "referer" },
	{ "refresh", "refresh" }, { "retry-after", "retry_after" }, { "server", "server" },
	{ "set-cookie", "set_cookie" }, { "trailer", "trailer" }, { "transfer-encoding", "transfer_encoding" },
	{ "upgrade", "upgrade" }, { "vary", "vary" }, { "warning", "warning" },
	{ "www-authenticate", "www_authenticate" },
};
#define CUSTOM_COUNT (sizeof(customs) / sizeof(customs[0]))
/* From here on they are the response's. */
#define CUSTOM_RESPONSE 21

struct options {
	bool extended;
	bool dump[2];                   /* all headers, by side */
	bool custom[CUSTOM_COUNT];
};

void *http_record_options(const struct conf *type)
{
	struct options *o = calloc(1, sizeof(*o));
	const struct conf *list;
	const char *dump;

	if (o == NULL)
		return NULL;
	o->extended = type == NULL || conf_bool(type, "extended", false);
	if (type == NULL)
		return o;
	dump = conf_str(type, "dump-all-headers", "none");
	o->dump[TO_SERVER] = strcmp(dump, "both") == 0 || strcmp(dump, "request") == 0;
	o->dump[TO_CLIENT] = strcmp(dump, "both") == 0 || strcmp(dump, "response") == 0;
	list = conf_find(type, "custom");
	for (const struct conf *c = list != NULL ? list->first : NULL; c != NULL; c = c->next)
		for (size_t i = 0; c->value != NULL && i < CUSTOM_COUNT; i++)
			if (http_eq_nocase(slice_str(c->value), customs[i].header) ||
			    http_eq_nocase(slice_str(c->value), customs[i].key))
				o->custom[i] = true;
	return o;
}

void http_record_options_free(void *options)
{
	free(options);
}

static void text(struct json *j, const char *key, struct slice s)
{
	if (s.len != 0)
		json_slice(j, key, s);
}

static void content_range(struct json *j, struct slice v)
{
	uint64_t n[3] = { 0 };
	bool have[3] = { false };
	unsigned k = 0;
	struct slice raw = v;

	if (v.len == 0)
		return;
	json_object(j, "content_range");
	json_slice(j, "raw", raw);
	for (size_t i = 0; i < v.len && k < 3; i++) {
		uint8_t c = v.data[i];

		if (c >= '0' && c <= '9' && n[k] < UINT64_MAX / 16) {
			n[k] = n[k] * 10 + (uint64_t)(c - '0');
			have[k] = true;
		} else if ((c == '-' && k == 0) || (c == '/' && k < 2)) {
			k = c == '/' ? 2 : 1;
		}
	}
	if (have[0] && have[1]) {
		json_uint(j, "start", n[0]);
		json_uint(j, "end", n[1]);
	}
	if (have[2])
		json_uint(j, "size", n[2]);
	json_close(j);
}

static void headers_dump(struct json *j, const struct http_tx *t, enum side side)
{
	const struct http_headers *hs = &t->side[side].headers;

	json_array(j, side == TO_SERVER ? "request_headers" : "response_headers");
	for (unsigned i = 0; i < hs->count; i++) {
		json_object(j, NULL);
		json_slice(j, "name", http_text(t, hs->rows[i].name));
		json_slice(j, "value", http_text(t, hs->rows[i].value));
		json_close(j);
	}
	json_close(j);
}

static void extended(struct json *j, const struct http_tx *t)
{
	text(j, "http_refer", http_header_value(t, TO_SERVER, "referer"));
	text(j, "http_method", http_text(t, t->method_text));
	text(j, "protocol", http_text(t, t->side[TO_SERVER].protocol));
	if (t->status != 0)
		json_uint(j, "status", t->status);
	else
		text(j, "status_string", http_text(t, t->status_text));
	if (t->status > 300 && t->status < 400)
		text(j, "redirect", http_header_value(t, TO_CLIENT, "location"));
	json_uint(j, "length", t->side[TO_CLIENT].message_len);
}

bool http_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct http_tx *t = (const struct http_tx *)tx;
	const struct options *o = req->options;
	struct slice type = http_header_value(t, TO_CLIENT, "content-type");
	const uint8_t *semicolon = type.len != 0 ? memchr(type.data, ';', type.len) : NULL;

	(void)a;
	if (semicolon != NULL)
		type.len = (size_t)(semicolon - type.data);
	json_object(j, "http");
	text(j, "hostname", http_text(t, t->host));
	if (t->host_port != 0)
		json_uint(j, "http_port", t->host_port);
	text(j, "url", http_text(t, t->uri_raw));
	text(j, "http_user_agent", http_header_value(t, TO_SERVER, "user-agent"));
	text(j, "http_content_type", type);
	content_range(j, http_header_value(t, TO_CLIENT, "content-range"));
	for (size_t i = 0; i < CUSTOM_COUNT; i++)
		if (o->custom[i])
			text(j, customs[i].key,
			     http_header_value(t, i < CUSTOM_RESPONSE ? TO_SERVER : TO_CLIENT, customs[i].header));
	if (o->dump[TO_SERVER])
		headers_dump(j, t, TO_SERVER);
	if (o->dump[TO_CLIENT])
		headers_dump(j, t, TO_CLIENT);
	if (o->extended || req->alert)
		extended(j, t);
	json_close(j);
	return true;
}

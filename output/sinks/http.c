/* http.c - records by HTTP POST, in bulk: Elasticsearch and OpenSearch (_bulk), Splunk (HEC), Loki, or plain NDJSON.
 *
 * What the server says decides: 2xx settles a batch, or each item of it where the answer speaks of items; "later"
 * (429, 408, 5xx, no answer) makes all of it come again; "this is wrong" (400, 413, 422) halves the batch until it
 * is one record that is wrong, which is refused. Elasticsearch gets each record under its event id, so that one that
 * was there already is recognised (409) and counts as arrived. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "output/compress.h"
#include "output/json_view.h"
#include "output/record_type.h"
#include "output/sink.h"

extern const struct sink_kind sink_kind_http;

#define REPLY_MAX (16u << 20)

enum http_api { API_NDJSON, API_ELASTIC, API_SPLUNK, API_LOKI };

struct http_sink {
	struct sink sink;
	CURL *curl;
	struct curl_slist *headers;
	enum http_api api;
	bool gzip;
	const struct conf *conf;
	char url[2048];
	char index[256], source_type[128], host[256];
	struct text body, packed, reply;
};

static void http_close(struct sink *sink)
{
	struct http_sink *s = (struct http_sink *)sink;

	if (s->curl != NULL)
		curl_easy_cleanup(s->curl);
	curl_slist_free_all(s->headers);
	text_free(&s->body);
	text_free(&s->packed);
	text_free(&s->reply);
	free(s);
}

static size_t received(char *data, size_t size, size_t count, void *arg)
{
	struct text *reply = arg;

	if (reply->len + size * count > REPLY_MAX)
		return 0;
	text_add(reply, data, size * count);
	return size * count;
}

static void add_header(struct http_sink *s, const char *fmt, const char *value)
{
	char line[1024];

	snprintf(line, sizeof(line), fmt, value);
	s->headers = curl_slist_append(s->headers, line);
}

static int find_api(struct http_sink *s, char *error, size_t error_len)
{
	static const struct { const char *name; enum http_api api; } rows[] = {
		{ "ndjson", API_NDJSON }, { "elasticsearch", API_ELASTIC }, { "opensearch", API_ELASTIC }, { "elastic", API_ELASTIC },
		{ "splunk", API_SPLUNK }, { "loki", API_LOKI },
	};
	const char *name = conf_str(s->conf, "api", "ndjson");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		s->api = rows[i].api;
		return 0;
	}
	snprintf(error, error_len, "http.api: \"%s\"; expected ndjson, elasticsearch, opensearch, splunk or loki", name);
	return -EINVAL;
}

/* The url as given, with the API's own path where only a host was given. */
static int read_url(struct http_sink *s, char *error, size_t error_len)
{
	static const char *const paths[] = { "", "/_bulk", "/services/collector/event", "/loki/api/v1/push" };
	const char *url = conf_str(s->conf, "url", NULL), *path = url ? strstr(url, "://") : NULL;
	size_t len = url ? strlen(url) : 0;

	path = path ? strchr(path + 3, '/') : NULL;
	if (path != NULL && path[1] == '\0')
		len--;
	if (url == NULL || snprintf(s->url, sizeof(s->url), "%.*s%s", (int)len, url, path == NULL || path[1] == '\0' ?
				    paths[s->api] : "") >= (int)sizeof(s->url)) {
		snprintf(error, error_len, "http.url: expected the server's address, such as http://127.0.0.1:9200");
		return -EINVAL;
	}
	return 0;
}

static void set_headers(struct http_sink *s)
{
	static const char *const types[] = { "application/x-ndjson", "application/x-ndjson", "application/json", "application/json" };
	static const char *const schemes[] = { "Bearer", "ApiKey", "Splunk", "Bearer" };
	const char *token = conf_str(s->conf, "token", NULL);
	const struct conf *more = conf_find(s->conf, "headers");
	char format[64];

	add_header(s, "Content-Type: %s", conf_str(s->conf, "content-type", types[s->api]));
	add_header(s, "%s", "Expect:");         /* no round trip before each body */
	if (s->gzip)
		add_header(s, "%s", "Content-Encoding: gzip");
	if (token != NULL) {
		snprintf(format, sizeof(format), "Authorization: %s %%s", conf_str(s->conf, "token-scheme", schemes[s->api]));
		add_header(s, format, token);
	}
	for (const struct conf *h = more ? more->first : NULL; h != NULL; h = h->next)
		if (h->value != NULL)
			add_header(s, "%s", h->value);
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
}

static void set_options(struct http_sink *s)
{
	const struct conf *c = s->conf;
	const char *user = conf_str(c, "username", NULL), *ca = conf_str(c, "tls.ca-file", NULL);
	const char *cert = conf_str(c, "tls.certificate", NULL), *key = conf_str(c, "tls.key", NULL);
	bool verify = conf_bool(c, "tls.verify", true);

	curl_easy_setopt(s->curl, CURLOPT_URL, s->url);
	curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->curl, CURLOPT_TIMEOUT_MS, (long)(1000 * conf_int(c, "timeout", 30)));
	curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(s->curl, CURLOPT_USERAGENT, "tapir/" TAPIR_VERSION);
	curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, received);
	curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &s->reply);
	if (user != NULL) {
		curl_easy_setopt(s->curl, CURLOPT_USERNAME, user);
		curl_easy_setopt(s->curl, CURLOPT_PASSWORD, conf_str(c, "password", ""));
	}
	if (ca != NULL)
		curl_easy_setopt(s->curl, CURLOPT_CAINFO, ca);
	if (cert != NULL)
		curl_easy_setopt(s->curl, CURLOPT_SSLCERT, cert);
	if (key != NULL)
		curl_easy_setopt(s->curl, CURLOPT_SSLKEY, key);
	curl_easy_setopt(s->curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(s->curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
}

static int http_open(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	struct http_sink *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->sink.kind = &sink_kind_http;
	s->conf = conf_find(opts->conf, "http");
	err = find_api(s, error, error_len);
	if (err == 0)
		err = read_url(s, error, error_len);
	if (err == 0 && (s->curl = curl_easy_init()) == NULL)
		err = -ENOMEM;
	if (err < 0) {
		http_close(&s->sink);
		return err;
	}
	s->gzip = conf_bool(s->conf, "gzip", s->api != API_NDJSON);
	snprintf(s->index, sizeof(s->index), "%s", conf_str(s->conf, "index", s->api == API_ELASTIC ? "logs-tapir.eve-default" : ""));
	snprintf(s->source_type, sizeof(s->source_type), "%s", conf_str(s->conf, "sourcetype", "suricata"));
	snprintf(s->host, sizeof(s->host), "%s", opts->host ? opts->host : "tapir");
	set_options(s);
	set_headers(s);
	*out = &s->sink;
	return 0;
}

static void add_str(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

/* A data stream wants a time under this name; ECS has it already. */
static void add_elastic(struct http_sink *s, const struct sink_record *r)
{
	char head[512], when[48];

	snprintf(head, sizeof(head), "{\"create\":{\"_index\":\"%.255s\",\"_id\":\"%s\"}}\n", s->index, r->id);
	add_str(&s->body, head);
	if (r->len > 2 && r->text[0] == '{' && view_find(slice_of(r->text, r->len), "@timestamp").len == 0) {
		sink_record_time(r, when);
		snprintf(head, sizeof(head), "{\"@timestamp\":\"%s\",", when);
		add_str(&s->body, head);
		text_add(&s->body, r->text + 1, r->len - 1);
	} else {
		text_add(&s->body, r->text, r->len);
	}
	add_str(&s->body, "\n");
}

static void add_splunk(struct http_sink *s, const struct sink_record *r)
{
	char head[1024];

	snprintf(head, sizeof(head), "{\"time\":%.6f,\"host\":\"%s\",\"source\":\"tapir\",\"sourcetype\":\"%s\",%s%s%s\"event\":",
		 (double)sink_record_time_us(r) / 1e6, s->host, s->source_type, s->index[0] ? "\"index\":\"" : "", s->index,
		 s->index[0] ? "\"," : "");
	add_str(&s->body, head);
	text_add(&s->body, r->text, r->len);
	add_str(&s->body, "}\n");
}

/* Loki wants its lines as strings; JSON that is in a string has its quotes and backslashes escaped. */
static void add_quoted(struct text *t, const char *text, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '"' && text[i] != '\\')
			continue;
		text_add(t, text + from, i - from);
		text_add(t, "\\", 1);
		from = i;
	}
	text_add(t, text + from, len - from);
}

static void add_loki(struct http_sink *s, const struct sink_record *records, unsigned count)
{
	bool seen[256] = { false };
	char head[600];
	bool first = true;

	add_str(&s->body, "{\"streams\":[");
	for (unsigned i = 0; i < count; i++) {
		const char *type = record_type_name(records[i].type);
		bool first_value = true;

		if (seen[records[i].type])
			continue;
		seen[records[i].type] = true;
		snprintf(head, sizeof(head), "%s{\"stream\":{\"job\":\"tapir\",\"host\":\"%s\",\"event_type\":\"%s\"},\"values\":[",
			 first ? "" : ",", s->host, type ? type : "other");
		add_str(&s->body, head);
		first = false;
		for (unsigned k = i; k < count; k++) {
			if (records[k].type != records[i].type)
				continue;
			snprintf(head, sizeof(head), "%s[\"%llu000\",\"", first_value ? "" : ",",
				 (unsigned long long)sink_record_time_us(&records[k]));
			add_str(&s->body, head);
			add_quoted(&s->body, records[k].text, records[k].len);
			add_str(&s->body, "\"]");
			first_value = false;
		}
		add_str(&s->body, "]}");
	}
	add_str(&s->body, "]}");
}

static bool build_body(struct http_sink *s, const struct sink_record *records, unsigned count)
{
	s->body.len = s->packed.len = s->reply.len = 0;
	s->body.failed = s->packed.failed = false;
	if (s->api == API_LOKI)
		add_loki(s, records, count);
	for (unsigned i = 0; i < count && s->api != API_LOKI; i++) {
		if (s->api == API_ELASTIC) {
			add_elastic(s, &records[i]);
		} else if (s->api == API_SPLUNK) {
			add_splunk(s, &records[i]);
		} else {
			text_add(&s->body, records[i].text, records[i].len);
			add_str(&s->body, "\n");
		}
	}
	if (s->gzip && !compress_gzip(&s->packed, s->body.data, s->body.len))
		return false;
	return !s->body.failed;
}

/* Elasticsearch's answer has an item for each record, in order. */
static int elastic_items(struct http_sink *s, struct sink_record *records, unsigned count)
{
	struct slice reply = slice_of(s->reply.data, s->reply.len), items = view_find(reply, "items"), item, key, what;
	size_t at = 0;
	unsigned i = 0, again = 0;

	for (; i < count && view_item(items, &at, &item); i++) {
		size_t inside = 0;
		int64_t status = 0;
		char why[160] = "";

		if (view_member(item, &inside, &key, &what)) {
			status = view_int(view_find(what, "status"), 0);
			view_text(view_find(what, "error.reason"), why, sizeof(why));
		}
		records[i].verdict = (status >= 200 && status < 300) || status == 409 ? SINK_SENT :
				     status == 429 || status >= 500 || status == 0 ? SINK_AGAIN : SINK_REFUSED;
		if (records[i].verdict != SINK_SENT)
			sink_failed(&s->sink, 0, "%.100s: status %d for a record: %.100s", s->url, (int)status, why);
		again += records[i].verdict == SINK_AGAIN;
	}
	if (i < count)          /* an answer that doesn't speak of all of them */
		return sink_failed(&s->sink, -EIO, "%.120s: the answer can't be understood", s->url);
	return again > 0 ? -EAGAIN : 0;
}

/* 0: settled; -errno: some come again; 1: the server says that something in here is wrong. */
static int post(struct http_sink *s, struct sink_record *records, unsigned count)
{
	const struct text *body = s->gzip ? &s->packed : &s->body;
	long status = 0;
	CURLcode code;

	sink_verdicts(records, 0, count, SINK_AGAIN);
	if (!build_body(s, records, count))
		return sink_failed(&s->sink, -ENOMEM, "out of memory");
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, body->data);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	code = curl_easy_perform(s->curl);
	if (code != CURLE_OK)
		return sink_failed(&s->sink, -EIO, "%.150s: %s", s->url, curl_easy_strerror(code));
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300) {
		if (s->api == API_ELASTIC)
			return elastic_items(s, records, count);
		sink_verdicts(records, 0, count, SINK_SENT);
		return 0;
	}
	sink_failed(&s->sink, -EIO, "%.120s: status %ld: %.*s", s->url, status, (int)(s->reply.len < 80 ? s->reply.len : 80),
		    s->reply.data ? s->reply.data : "");
	return status == 400 || status == 413 || status == 422 ? 1 : -EIO;
}

static int post_halves(struct http_sink *s, struct sink_record *records, unsigned count)
{
	int err = post(s, records, count), other;

	if (err <= 0)
		return err;
	if (count == 1) {
		records[0].verdict = SINK_REFUSED;
		return 0;
	}
	err = post_halves(s, records, count / 2);
	other = post_halves(s, records + count / 2, count - count / 2);
	return err < 0 ? err : other;
}

static int http_send(struct sink *sink, struct sink_record *records, unsigned count)
{
	return post_halves((struct http_sink *)sink, records, count);
}

const struct sink_kind sink_kind_http = {
	.name = "http", .remote = true, .open = http_open, .send = http_send, .close = http_close,
};

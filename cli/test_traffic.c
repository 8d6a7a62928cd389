/* test_traffic.c - see test_traffic.h. A TCP conversation has its handshake, acknowledgements and end, as a sensor wants to see
 * them; UDP is a datagram a message. Messages longer than a segment become several. */
#include "cli/test_traffic.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/pcap_writer.h"
#include "stack/wire/craft.h"

#define SEGMENT 1400
#define MESSAGE_MAX (1024 * 1024)
#define TIME_BEGIN_NS UINT64_C(1700000000000000000)
#define TIME_STEP_NS UINT64_C(1000000)

struct traffic {
	const struct conf *test;
	const struct conf *where;
	char *error;
	size_t error_size;
	struct pcap_writer *out;
	uint64_t now_ns;
	bool udp;
	const char *addr[2];            /* [0] the client's */
	unsigned port[2];
	uint32_t seq[2];
};

struct message {
	char *data;
	size_t len, cap;
};

static int __attribute__((format(printf, 3, 4))) wrong(struct traffic *t, const struct conf *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->error, t->error_size, fmt, ap);
	va_end(ap);
	t->where = where;
	return -EINVAL;
}

static int frame_send(struct traffic *t, const char *text)
{
	uint8_t bytes[2048];
	struct craft_error why;
	struct frame frame = { .data = bytes, .time_ns = t->now_ns, .link = LINK_ETHERNET };
	int len = craft_with(bytes, sizeof(bytes), text, &craft_opts_default, &why);

	if (len < 0)
		return wrong(t, conf_child(t->test, "flow") ? conf_child(t->test, "flow") : t->test, "%.*s: %s",
			     (int)why.len, text + why.at, why.text);
	frame.len = frame.wire_len = (uint32_t)len;
	t->now_ns += TIME_STEP_NS;
	return pcap_writer_frame(t->out, &frame);
}

/* One packet from a side (0: the client). */
static int packet_send(struct traffic *t, unsigned side, const char *flags, const uint8_t *data, size_t len)
{
	char text[2 * SEGMENT + 512];
	unsigned other = !side;
	int n = snprintf(text, sizeof(text), "eth / ip %s %s / ", t->addr[side], t->addr[other]);

	if (t->udp)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "udp %u %u", t->port[side], t->port[other]);
	else
		n += snprintf(text + n, sizeof(text) - (size_t)n, "tcp %u %u %s seq=%u ack=%u", t->port[side], t->port[other], flags,
			      t->seq[side], strchr(flags, 'A') ? t->seq[other] : 0);
	if (len > 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " / hex:");
	for (size_t i = 0; i < len; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", data[i]);
	return frame_send(t, text);
}

static int data_send(struct traffic *t, unsigned side, const char *data, size_t len)
{
	int err = 0;

	for (size_t at = 0; at < len && err == 0;) {
		size_t n = len - at > SEGMENT ? SEGMENT : len - at;

		err = packet_send(t, side, "PA", (const uint8_t *)data + at, n);
		t->seq[side] += (uint32_t)n;
		at += n;
		if (err == 0 && !t->udp)
			err = packet_send(t, !side, "A", NULL, 0);
	}
	return err;
}

static int opened(struct traffic *t)
{
	int err;

	if (t->udp)
		return 0;
	err = packet_send(t, 0, "S", NULL, 0);
	t->seq[0]++;
	if (err == 0)
		err = packet_send(t, 1, "SA", NULL, 0);
	t->seq[1]++;
	return err < 0 ? err : packet_send(t, 0, "A", NULL, 0);
}

static int closed(struct traffic *t)
{
	int err = 0;

	for (unsigned side = 0; side < 2 && !t->udp && err == 0; side++) {
		err = packet_send(t, side, "FA", NULL, 0);
		t->seq[side]++;
		if (err == 0)
			err = packet_send(t, !side, "A", NULL, 0);
	}
	return err;
}

static int message_add(struct message *m, const void *data, size_t len)
{
	char *bigger;

	if (len > MESSAGE_MAX - m->len)
		return -E2BIG;
	if (m->len + len > m->cap) {
		size_t cap = (m->len + len) * 2 + 64;

		bigger = realloc(m->data, cap);
		if (bigger == NULL)
			return -ENOMEM;
		m->data = bigger;
		m->cap = cap;
	}
	if (len > 0)
		memcpy(m->data + m->len, data, len);
	m->len += len;
	return 0;
}

static int __attribute__((format(printf, 2, 3))) message_print(struct message *m, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n, err;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	err = n < 0 ? -ENOMEM : message_add(m, text, (size_t)n);
	free(n < 0 ? NULL : text);
	return err;
}

static int message_hex(struct traffic *t, struct message *m, const struct conf *node)
{
	const char *p = node->value ? node->value : "";
	int high = -1, err = 0;

	for (; *p != '\0' && err == 0; p++) {
		int digit = isdigit((unsigned char)*p) ? *p - '0' : tolower((unsigned char)*p) - 'a' + 10;

		if (isspace((unsigned char)*p) || *p == ':')
			continue;
		if (!isxdigit((unsigned char)*p))
			return wrong(t, node, "expected hexadecimal digits, found \"%c\"", *p);
		if (high < 0) {
			high = digit;
		} else {
			uint8_t byte = (uint8_t)(high << 4 | digit);

			err = message_add(m, &byte, 1);
			high = -1;
		}
	}
	return err < 0 ? err : high >= 0 ? wrong(t, node, "a hexadecimal digit is missing at the end") : 0;
}

/* A node of the list "messages", or of a test itself: to-server, to-client, as text or hex. */
static int message_send(struct traffic *t, const struct conf *node)
{
	static const struct { const char *key; bool hex; unsigned side; } keys[] = {
		{ "to-server", false, 0 }, { "to-client", false, 1 }, { "to-server-hex", true, 0 }, { "to-client-hex", true, 1 },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct conf *value = conf_find(node, keys[i].key);
		struct message m = { 0 };
		int err;

		if (value == NULL)
			continue;
		any = true;
		if (keys[i].hex)
			err = message_hex(t, &m, value);
		else
			err = message_add(&m, value->value ? value->value : "", value->value ? strlen(value->value) : 0);
		if (err == 0)
			err = data_send(t, keys[i].side, m.data, m.len);
		free(m.data);
		if (err < 0)
			return err;
	}
	return any ? 0 : wrong(t, node, "expected to-server, to-client, to-server-hex or to-client-hex");
}

static int headers_print(struct message *m, const struct conf *headers)
{
	int err = 0;

	for (const struct conf *h = headers ? headers->first : NULL; h != NULL && err == 0; h = h->next) {
		if (headers->is_list)           /* "Name: value", as they are to be sent */
			err = message_print(m, "%s\r\n", h->value ? h->value : "");
		else
			err = message_print(m, "%s: %s\r\n", h->name, h->value ? h->value : "");
	}
	return err;
}

static bool has_header(const struct conf *headers, const char *name)
{
	for (const struct conf *h = headers ? headers->first : NULL; h != NULL; h = h->next)
		if (strcasecmp(h->name, name) == 0 ||
		    (headers->is_list && h->value != NULL && strncasecmp(h->value, name, strlen(name)) == 0))
			return true;
	return false;
}

/* http: a request in one line, or with its parts; and the answer to it. */
static int http_send(struct traffic *t, const struct conf *http)
{
	const struct conf *headers = conf_find(http, "headers"), *response = conf_find(http, "response");
	const struct conf *answered = conf_find(response, "headers");
	const char *line = http->value ? http->value : conf_str(http, "request", "GET /");
	const char *body = conf_str(http, "body", NULL), *reply = conf_str(response, "body", "");
	const char *version = strstr(line, " HTTP/") ? "" : " HTTP/1.1";
	struct message m = { 0 };
	int err = message_print(&m, "%s%s\r\n", line, version);

	if (err == 0 && !has_header(headers, "Host"))
		err = message_print(&m, "Host: %s\r\n", conf_str(http, "host", t->addr[1]));
	if (err == 0)
		err = headers_print(&m, headers);
	if (err == 0 && body != NULL && !has_header(headers, "Content-Length"))
		err = message_print(&m, "Content-Length: %zu\r\n", strlen(body));
	if (err == 0)
		err = message_print(&m, "\r\n%s", body ? body : "");
	if (err == 0)
		err = data_send(t, 0, m.data, m.len);
	m.len = 0;
	if (err == 0)
		err = message_print(&m, "HTTP/1.1 %s\r\n", response && response->value ? response->value : conf_str(response, "status", "200 OK"));
	if (err == 0)
		err = headers_print(&m, answered);
	if (err == 0 && !has_header(answered, "Content-Length"))
		err = message_print(&m, "Content-Length: %zu\r\n", strlen(reply));
	if (err == 0)
		err = message_print(&m, "\r\n%s", reply);
	if (err == 0)
		err = data_send(t, 1, m.data, m.len);
	free(m.data);
	return err;
}

static int conversation(struct traffic *t)
{
	const struct conf *messages = conf_find(t->test, "messages"), *http = conf_find(t->test, "http");
	const struct conf *payload = conf_find(t->test, "payload"), *hex = conf_find(t->test, "payload-hex");
	struct message m = { 0 };
	int err = opened(t);

	if (err == 0 && payload != NULL)
		err = data_send(t, 0, payload->value ? payload->value : "", payload->value ? strlen(payload->value) : 0);
	if (err == 0 && hex != NULL)
		err = message_hex(t, &m, hex);
	if (err == 0 && m.len > 0)
		err = data_send(t, 0, m.data, m.len);
	free(m.data);
	for (const struct conf *c = messages ? messages->first : NULL; c != NULL && err == 0; c = c->next)
		err = message_send(t, c);
	if (err == 0 && http != NULL && http->is_list)
		for (const struct conf *c = http->first; c != NULL && err == 0; c = c->next)
			err = http_send(t, c);
	else if (err == 0 && http != NULL)
		err = http_send(t, http);
	return err < 0 ? err : closed(t);
}

static int flow_read(struct traffic *t)
{
	const struct conf *flow = conf_find(t->test, "flow");
	const char *proto = conf_str(flow, "proto", "tcp");
	int64_t client = conf_int(flow, "client-port", 40000), server = conf_int(flow, "server-port", 80);

	t->addr[0] = conf_str(flow, "client", "203.0.113.10");
	t->addr[1] = conf_str(flow, "server", "192.168.10.80");
	t->udp = strcasecmp(proto, "udp") == 0;
	if (!t->udp && strcasecmp(proto, "tcp") != 0)
		return wrong(t, conf_find(flow, "proto"), "expected tcp or udp, found \"%s\"", proto);
	if (client < 0 || client > 65535 || server < 0 || server > 65535)
		return wrong(t, flow, "expected ports up to 65535");
	t->port[0] = (unsigned)client;
	t->port[1] = (unsigned)server;
	t->seq[0] = 1000;
	t->seq[1] = 2000;
	return 0;
}

bool test_traffic_given(const struct conf *test)
{
	return conf_child(test, "payload") || conf_child(test, "payload-hex") || conf_child(test, "messages") || conf_child(test, "http");
}

int test_traffic_write(const struct conf *test, const char *path, const struct conf **where, char *error, size_t size)
{
	struct traffic t = { .test = test, .error = error, .error_size = size, .now_ns = TIME_BEGIN_NS };
	struct pcap_writer_opts opts = { .path = path, .link = LINK_ETHERNET };
	int err = flow_read(&t), end;

	if (err == 0)
		err = pcap_writer_open(&t.out, &opts);
	if (err == 0) {
		err = conversation(&t);
		end = pcap_writer_close(t.out);
		err = err < 0 ? err : end;
	}
	*where = t.where;
	if (err < 0 && t.where == NULL)
		snprintf(error, size, "%s", strerror(-err));
	return err;
}

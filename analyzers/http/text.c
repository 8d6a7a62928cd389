/* text.c - small judgements on bytes of HTTP: what is blank, a token, a number, a host. */
#include <arpa/inet.h>

#include "analyzers/http/http.h"

bool http_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool http_token(uint8_t c)
{
	return c > 32 && c < 127 && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

struct slice http_trim(struct slice s)
{
	while (s.len > 0 && http_space(s.data[0]))
		s = slice_of(s.data + 1, s.len - 1);
	while (s.len > 0 && http_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

struct slice http_chomp(struct slice s)
{
	while (s.len > 0 && (s.data[s.len - 1] == '\n' || s.data[s.len - 1] == '\r'))
		s.len--;
	return s;
}

bool http_eq_nocase(struct slice a, const char *b)
{
	size_t i;

	for (i = 0; i < a.len && b[i] != '\0'; i++)
		if (lower(a.data[i]) != lower((uint8_t)b[i]))
			return false;
	return i == a.len && b[i] == '\0';
}

bool http_eq_nozero(struct slice a, const char *b)
{
	for (size_t i = 0; i < a.len; i++) {
		if (a.data[i] == 0)
			continue;
		if (*b == '\0' || lower(a.data[i]) != lower((uint8_t)*b))
			return false;
		b++;
	}
	return *b == '\0';
}

bool http_has_nozero(struct slice a, const char *b)
{
	for (size_t i = 0; i < a.len; i++) {
		const char *t = b;

		for (size_t k = i; k < a.len && *t != '\0'; k++) {
			if (a.data[k] == 0)
				continue;
			if (lower(a.data[k]) != (uint8_t)*t)
				break;
			t++;
		}
		if (*t == '\0')
			return true;
	}
	return false;
}

bool http_has_nocase(struct slice a, const char *b)
{
	size_t n = strlen(b);

	for (size_t i = 0; i + n <= a.len; i++)
		if (http_eq_nocase(slice_of(a.data + i, n), b))
			return true;
	return false;
}

enum http_method http_method_of(struct slice s)
{
	static const char *const others[] = {
		"DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE",
		"LOCK", "UNLOCK", "VERSION-CONTROL", "CHECKOUT", "UNCHECKOUT", "CHECKIN", "UPDATE", "LABEL",
		"REPORT", "MKWORKSPACE", "MKACTIVITY", "BASELINE-CONTROL", "MERGE", "INVALID",
	};
	static const struct {
		const char *text;
		enum http_method method;
	} main_ones[] = {
		{ "GET", HTTP_GET }, { "HEAD", HTTP_HEAD }, { "PUT", HTTP_PUT }, { "POST", HTTP_POST },
		{ "CONNECT", HTTP_CONNECT },
	};

	for (size_t i = 0; i < sizeof(main_ones) / sizeof(main_ones[0]); i++)
		if (slice_eq(s, slice_str(main_ones[i].text)))
			return main_ones[i].method;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (slice_eq(s, slice_str(others[i])))
			return HTTP_METHOD_OTHER;
	return HTTP_METHOD_UNKNOWN;
}

static struct slice skip_space(struct slice s, bool zeros, bool *skipped)
{
	while (s.len > 0 && (http_space(s.data[0]) || (zeros && s.data[0] == '0'))) {
		s = slice_of(s.data + 1, s.len - 1);
		*skipped = true;
	}
	return s;
}

enum http_version http_version_of(struct slice s, bool *extra)
{
	bool ignored = false;

	*extra = false;
	s = skip_space(s, false, &ignored);
	if (s.len < 4 || !http_eq_nocase(slice_head(s, 4), "http"))
		return HTTP_VERSION_INVALID;
	s = skip_space(slice_skip(s, 4), false, extra);
	if (s.len == 0 || s.data[0] != '/')
		return HTTP_VERSION_INVALID;
	s = skip_space(slice_skip(s, 1), true, extra);
	while (s.len > 0 && http_space(s.data[s.len - 1]))
		s.len--;
	if (slice_eq(s, slice_str(".9"))) {
		return HTTP_0_9;
	}
	if (slice_eq(s, slice_str("1.0")))
		return HTTP_1_0;
	if (slice_eq(s, slice_str("1.1")))
		return HTTP_1_1;
	return HTTP_VERSION_INVALID;
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

uint64_t http_number(struct slice s, bool *before, bool *after)
{
	uint64_t v = 0;
	size_t i = 0, from;

	*before = *after = false;
	while (i < s.len && blank(s.data[i]))
		i++;
	from = i;
	while (i < s.len && (s.data[i] < '0' || s.data[i] > '9'))
		i++;
	if (i == s.len)
		return HTTP_UNKNOWN_LEN;
	*before = i > from;
	for (; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
		if (v > (UINT64_MAX - 9) / 10)
			return HTTP_UNKNOWN_LEN;
		v = v * 10 + (uint64_t)(s.data[i] - '0');
	}
	while (i < s.len && blank(s.data[i]))
		i++;
	*after = i < s.len;
	return v;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool chunk_blank(uint8_t c)
{
	return http_space(c);
}

bool http_chunk_blank(struct slice line)
{
	for (size_t i = 0; i < line.len; i++)
		if (!chunk_blank(line.data[i]))
			return false;
	return true;
}

bool http_chunk_junk(struct slice data)
{
	size_t i = 0;

	while (i < data.len && chunk_blank(data.data[i]))
		i++;
	return i < data.len && hex(data.data[i]) < 0;
}

int64_t http_chunk_len(struct slice line, bool *extension)
{
	int64_t v = 0;
	size_t i = 0, from;

	*extension = false;
	while (i < line.len && chunk_blank(line.data[i]))
		i++;
	for (from = i; i < line.len && hex(line.data[i]) >= 0; i++) {
		v = v * 16 + hex(line.data[i]);
		if (v > INT32_MAX)
			return -2;
	}
	if (i == from)
		return i == line.len ? -2 : -1;
	*extension = memchr(line.data + i, ';', line.len - i) != NULL;
	return v;
}

static bool label_valid(struct slice s)
{
	if (s.len > 63)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = lower(s.data[i]);

		if (c != '_' && c != '-' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c < 0x80)
			return false;
	}
	return true;
}

bool http_host_valid(struct slice host)
{
	if (host.len == 0 || host.len > 255)
		return false;
	if (host.data[0] == '[' && host.len > 2 && host.data[host.len - 1] == ']') {
		char text[64];
		struct in6_addr addr;

		if (host.len - 2 >= sizeof(text))
			return false;
		memcpy(text, host.data + 1, host.len - 2);
		text[host.len - 2] = '\0';
		return inet_pton(AF_INET6, text, &addr) == 1;
	}
	if (host.data[0] == '.')
		return false;
	while (host.len > 0) {
		const uint8_t *dot = memchr(host.data, '.', host.len);
		size_t n = dot != NULL ? (size_t)(dot - host.data) : host.len;

		if (!label_valid(slice_head(host, n)) || (n == 0 && dot != NULL))
			return false;
		host = slice_skip(host, n + 1);
	}
	return true;
}

bool http_host_port(struct slice text, struct slice *host, uint32_t *port, bool *has_port)
{
	size_t n = 0;
	bool valid;
	uint64_t v = 0;

	*port = 0;
	*has_port = false;
	if (text.len >= 2 && text.data[0] == '/' && text.data[1] == '/')
		text = slice_skip(text, 2);
	while (text.len > 0 && text.data[0] == ' ')
		text = slice_skip(text, 1);
	if (text.len > 0 && text.data[0] == '[') {
		while (n < text.len && memchr("/?#]", text.data[n], 4) == NULL)
			n++;
		if (n < text.len && text.data[n] == ']')
			n++;
	} else {
		while (n < text.len && memchr("/?#:", text.data[n], 4) == NULL)
			n++;
	}
	*host = slice_head(text, n);
	while (host->len > 0 && host->data[host->len - 1] == ' ')
		host->len--;
	valid = http_host_valid(*host);
	text = slice_skip(text, n);
	if (text.len == 0)
		return valid;
	if (text.data[0] != ':' || text.len == 1)
		return false;
	*has_port = true;
	text = http_trim(slice_skip(text, 1));
	for (n = 0; n < text.len && text.data[n] >= '0' && text.data[n] <= '9' && v <= 65535; n++)
		v = v * 10 + (uint64_t)(text.data[n] - '0');
	if (n == 0 || n < text.len || v == 0 || v > 65535)
		return false;
	*port = (uint32_t)v;
	return valid;
}

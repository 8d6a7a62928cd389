/* json.c - each member is written whole or not at all.
 *
 * json_begin makes room for the comma, the key and the longest the value can
 * become, and leaves so much that all open objects and the newline still fit:
 * hence a record that reached its limit can always be closed. A value whose
 * longest form would not fit is measured first. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/guard.h"
#include "base/must.h"

#define MEASURE_FROM 1024       /* strings longer than this are measured before room is made */
#define CUT_NOTE_MAX 64
#define ESCAPE_LEN_MAX 6        /* \u001f */

/* 0 = as it is, 'u' = \u00XX, else the letter behind the backslash. */
static const char escape_of[256] = {
	['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
	['\r'] = 'r',
	[0] = 'u', [1] = 'u', [2] = 'u', [3] = 'u', [4] = 'u', [5] = 'u', [6] = 'u', [7] = 'u',
	[11] = 'u', [14] = 'u', [15] = 'u', [16] = 'u', [17] = 'u', [18] = 'u', [19] = 'u',
	[20] = 'u', [21] = 'u', [22] = 'u', [23] = 'u', [24] = 'u', [25] = 'u', [26] = 'u',
	[27] = 'u', [28] = 'u', [29] = 'u', [30] = 'u', [31] = 'u',
};

static const char hex_digits[] = "0123456789abcdef";

int json_init(struct json *j, size_t cap, size_t max)
{
	memset(j, 0, sizeof(*j));
	if (max < 64)
		max = 64;
	if (cap < 64)
		cap = 64;
	if (cap > max)
		cap = max;
	j->buf = malloc(cap);
	if (j->buf == NULL)
		return -ENOMEM;
	j->cap = cap;
	j->max = max;
	j->first[0] = 1;
	return 0;
}

void json_fini(struct json *j)
{
	free(j->buf);
	memset(j, 0, sizeof(*j));
}

void json_reset(struct json *j)
{
	j->len = 0;
	j->depth = 0;
	j->skipped = 0;
	j->overflowed = false;
	j->first[0] = 1;
}

/* Room for n more bytes besides what it takes to close everything and end the line. */
static bool json_room(struct json *j, size_t n)
{
	size_t need = j->len + n + j->depth + 2;
	size_t cap = j->cap;
	char *buf;

	if (likely(need <= cap))
		return true;
	if (need > j->max || n > j->max)
		return false;
	while (cap < need)
		cap *= 2;
	if (cap > j->max)
		cap = j->max;
	guard_pause();          /* a buffer grows to its record size once, then stays */
	buf = realloc(j->buf, cap);
	guard_resume();
	if (buf == NULL)
		return false;
	j->buf = buf;
	j->cap = cap;
	return true;
}

/* Starts a member: where its value goes, with value_len bytes of room, or NULL
 * where the record is full. Nothing is kept until json_end. */
static char *json_begin(struct json *j, const char *key, size_t value_len)
{
	size_t key_len = key ? strlen(key) : 0;
	char *p;

	if (unlikely(j->overflowed))
		return NULL;
	if (unlikely(!json_room(j, key_len + 4 + value_len))) {
		j->overflowed = true;
		return NULL;
	}
	p = j->buf + j->len;
	if (!j->first[j->depth])
		*p++ = ',';
	if (key != NULL) {
		*p++ = '"';
		memcpy(p, key, key_len);
		p += key_len;
		*p++ = '"';
		*p++ = ':';
	}
	return p;
}

static inline void json_end(struct json *j, const char *end)
{
	j->len = (size_t)(end - j->buf);
	j->first[j->depth] = j->depth == 0;
}

static void json_open(struct json *j, char opener, char closer, char *p)
{
	if (p == NULL) {
		j->skipped++;
		return;
	}
	must(j->depth + 1 < JSON_DEPTH_MAX);
	*p++ = opener;
	json_end(j, p);
	j->depth++;
	j->closer[j->depth] = closer;
	j->first[j->depth] = 1;
}

void json_object(struct json *j, const char *key)
{
	/* One byte more: its own closer. */
	json_open(j, '{', '}', json_begin(j, key, 2));
}

void json_array(struct json *j, const char *key)
{
	json_open(j, '[', ']', json_begin(j, key, 2));
}

void json_close(struct json *j)
{
	if (j->skipped > 0) {
		j->skipped--;
		return;
	}
	must(j->depth > 0);
	j->buf[j->len++] = j->closer[j->depth];
	j->depth--;
}

static inline uint64_t load_word(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

#define BYTES_OF(b) (UINT64_C(0x0101010101010101) * (b))

/* Whether eight bytes hold one below 0x20, a quote, a backslash or one above 0x7f. */
static inline bool word_is_special(uint64_t w)
{
	uint64_t quote = w ^ BYTES_OF('"');
	uint64_t slash = w ^ BYTES_OF('\\');

	return ((w | (w - BYTES_OF(0x20)) | (quote - BYTES_OF(1)) | (slash - BYTES_OF(1))) &
		BYTES_OF(0x80)) != 0;
}

/* The length of the well-formed UTF-8 sequence at p (RFC 3629, table 3-7 of
 * Unicode: no overlong forms, no surrogates, nothing above U+10FFFF), or 0. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
	uint8_t lead = p[0], low = 0x80, high = 0xbf;
	size_t len;

	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool json_utf8_valid(const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i = 0;

	while (i < len) {
		size_t n;

		while (i + 8 <= len && (load_word(p + i) & BYTES_OF(0x80)) == 0)
			i += 8;
		if (i == len)
			break;
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		n = utf8_sequence(p + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* How long the text becomes; utf8 tells whether it may be written as it is. */
static size_t escaped_len(const uint8_t *p, size_t len, bool utf8)
{
	size_t out = len;

	for (size_t i = 0; i < len; i++) {
		char e = escape_of[p[i]];

		if (e != 0)
			out += e == 'u' ? 5 : 1;
		else if (p[i] >= 0x80 && !utf8)
			out += 4;               /* \\xHH */
	}
	return out;
}

static char *escape_byte(char *out, uint8_t c)
{
	char e = escape_of[c];

	*out++ = '\\';
	if (e == 'u') {
		memcpy(out, "u00", 3);
		out += 3;
		*out++ = hex_digits[c >> 4];
		*out++ = hex_digits[c & 15];
	} else if (e != 0) {
		*out++ = e;
	} else {                                /* a byte that is no text */
		memcpy(out, "\\x", 2);
		out += 2;
		*out++ = hex_digits[c >> 4];
		*out++ = hex_digits[c & 15];
	}
	return out;
}

static char *escape_text(char *out, const uint8_t *p, size_t len, bool utf8)
{
	size_t i = 0;

	while (i < len) {
		while (i + 8 <= len && !word_is_special(load_word(p + i))) {
			memcpy(out, p + i, 8);
			out += 8;
			i += 8;
		}
		/* A word that has something special, or the last bytes: one at a time. */
		for (size_t end = i + 8 < len ? i + 8 : len; i < end; i++) {
			if (escape_of[p[i]] != 0 || (p[i] >= 0x80 && !utf8))
				out = escape_byte(out, p[i]);
			else
				*out++ = (char)p[i];
		}
	}
	return out;
}

static size_t text_room(const uint8_t *p, size_t len, bool utf8)
{
	return len <= MEASURE_FROM ? len * ESCAPE_LEN_MAX : escaped_len(p, len, utf8);
}

/* As json_begin, for a key that needs escaping. */
static char *json_begin_keyed(struct json *j, struct slice key, size_t value_len)
{
	bool utf8 = json_utf8_valid(key.data, key.len);
	char *p = json_begin(j, NULL, text_room(key.data, key.len, utf8) + 4 + value_len);

	if (p == NULL)
		return NULL;
	*p++ = '"';
	p = escape_text(p, key.data, key.len, utf8);
	*p++ = '"';
	*p++ = ':';
	return p;
}

void json_object_keyed(struct json *j, struct slice key)
{
	json_open(j, '{', '}', json_begin_keyed(j, key, 2));
}

void json_array_keyed(struct json *j, struct slice key)
{
	json_open(j, '[', ']', json_begin_keyed(j, key, 2));
}

static void json_text(struct json *j, char *p, const uint8_t *data, size_t len, bool utf8)
{
	if (p == NULL)
		return;
	*p++ = '"';
	p = escape_text(p, data, len, utf8);
	*p++ = '"';
	json_end(j, p);
}

void json_bytes(struct json *j, const char *key, const void *data, size_t len)
{
	bool utf8 = json_utf8_valid(data, len);

	json_text(j, json_begin(j, key, text_room(data, len, utf8) + 2), data, len, utf8);
}

void json_bytes_max(struct json *j, const char *key, const void *data, size_t len, size_t max)
{
	const uint8_t *text = data;
	bool utf8 = json_utf8_valid(text, len);
	size_t head = max;
	char note[CUT_NOTE_MAX], *p;
	int n;

	if (len <= max) {
		json_bytes(j, key, data, len);
		return;
	}
	while (utf8 && head > 0 && (text[head] & 0xc0) == 0x80)
		head--;                         /* not within a character */
	n = snprintf(note, sizeof(note), "[truncated %zu additional bytes]", len - head);
	p = json_begin(j, key, text_room(text, head, utf8) + (size_t)n + 2);
	if (p == NULL)
		return;
	*p++ = '"';
	p = escape_text(p, text, head, utf8);
	memcpy(p, note, (size_t)n);
	p += n;
	*p++ = '"';
	json_end(j, p);
}

void json_bytes_keyed(struct json *j, struct slice key, struct slice value)
{
	bool utf8 = json_utf8_valid(value.data, value.len);
	size_t room = text_room(value.data, value.len, utf8) + 2;

	json_text(j, json_begin_keyed(j, key, room), value.data, value.len, utf8);
}

void json_slice(struct json *j, const char *key, struct slice s)
{
	json_bytes(j, key, s.data, s.len);
}

void json_str(struct json *j, const char *key, const char *value)
{
	must(value != NULL);
	json_bytes(j, key, value, strlen(value));
}

static char *write_decimal(char *p, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	memcpy(p, digits + at, sizeof(digits) - at);
	return p + sizeof(digits) - at;
}

void json_uint(struct json *j, const char *key, uint64_t v)
{
	char *p = json_begin(j, key, 20);

	if (p != NULL)
		json_end(j, write_decimal(p, v));
}

void json_int(struct json *j, const char *key, int64_t v)
{
	char *p = json_begin(j, key, 21);

	if (p == NULL)
		return;
	if (v < 0)
		*p++ = '-';
	json_end(j, write_decimal(p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
}

static void json_literal(struct json *j, const char *key, const char *text, size_t len)
{
	char *p = json_begin(j, key, len);

	if (p == NULL)
		return;
	memcpy(p, text, len);
	json_end(j, p + len);
}

void json_bool(struct json *j, const char *key, bool v)
{
	if (v)
		json_literal(j, key, "true", 4);
	else
		json_literal(j, key, "false", 5);
}

void json_null(struct json *j, const char *key)
{
	json_literal(j, key, "null", 4);
}

void json_double(struct json *j, const char *key, double v)
{
	char text[40];
	int len = 0;

	if (!isfinite(v)) {
		json_null(j, key);
		return;
	}
	/* The shortest of three forms that gives the same number back. */
	for (int digits = 15; digits <= 17; digits++) {
		len = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	for (char *c = text; *c; c++) {
		if (*c == ',')                  /* a locale's decimal point */
			*c = '.';
	}
	if (strpbrk(text, ".e") == NULL) {
		memcpy(text + len, ".0", 3);
		len += 2;
	}
	json_literal(j, key, text, (size_t)len);
}

void json_base64(struct json *j, const char *key, const void *data, size_t len)
{
	char *p = json_begin(j, key, base64_len(len) + 2);

	if (p == NULL)
		return;
	*p++ = '"';
	p += base64_encode(p, data, len);
	*p++ = '"';
	json_end(j, p);
}

void json_hex(struct json *j, const char *key, const void *data, size_t len, char sep)
{
	const uint8_t *in = data;
	char *p = json_begin(j, key, len * 3 + 2);

	if (p == NULL)
		return;
	*p++ = '"';
	for (size_t i = 0; i < len; i++) {
		if (sep != 0 && i > 0)
			*p++ = sep;
		*p++ = hex_digits[in[i] >> 4];
		*p++ = hex_digits[in[i] & 15];
	}
	*p++ = '"';
	json_end(j, p);
}

void json_printable(struct json *j, const char *key, const void *data, size_t len)
{
	const uint8_t *in = data;
	char *p = json_begin(j, key, len * 2 + 2);

	if (p == NULL)
		return;
	*p++ = '"';
	for (size_t i = 0; i < len; i++) {
		uint8_t c = in[i];

		if (c == '\r' || c == '\n' || c == '"' || c == '\\')
			p = escape_byte(p, c);
		else
			*p++ = c >= 0x20 && c < 0x7f ? (char)c : '.';
	}
	*p++ = '"';
	json_end(j, p);
}

void json_printf(struct json *j, const char *key, const char *fmt, ...)
{
	char text[512], *more = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(text)) {
		va_start(ap, fmt);
		guard_pause();
		len = vasprintf(&more, fmt, ap);
		guard_resume();
		va_end(ap);
	}
	if (len < 0)
		j->overflowed = true;
	else
		json_bytes(j, key, more ? more : text, (size_t)len);
	free(more);
}

void json_raw(struct json *j, const char *key, struct slice value)
{
	must(value.len > 0);
	json_literal(j, key, (const char *)value.data, value.len);
}

struct json_mark json_mark(const struct json *j)
{
	return (struct json_mark){ .len = j->len, .depth = j->depth, .skipped = j->skipped,
				   .first = j->first[j->depth] };
}

void json_rewind(struct json *j, struct json_mark m)
{
	must(m.len <= j->len && m.depth <= j->depth);
	j->len = m.len;
	j->depth = m.depth;
	j->skipped = m.skipped;
	j->first[j->depth] = m.first;
}

bool json_overflowed(const struct json *j)
{
	return j->overflowed;
}

void json_line(struct json *j)
{
	must(j->depth == 0 && j->skipped == 0);
	j->buf[j->len++] = '\n';
}

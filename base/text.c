/* text.c - see text.h. Nothing here allocates. */
#include "base/text.h"

#include <strings.h>

#define DISTANCE_LEN_MAX 48

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

struct slice text_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool text_part(struct slice *rest, char sep, struct slice *part)
{
	const uint8_t *at;

	if (rest->data == NULL)
		return false;
	at = memchr(rest->data, sep, rest->len);
	if (at == NULL) {
		*part = text_trim(*rest);
		*rest = slice_of(NULL, 0);
		return true;
	}
	*part = text_trim(slice_of(rest->data, (size_t)(at - rest->data)));
	*rest = slice_of(at + 1, rest->len - (size_t)(at - rest->data) - 1);
	return true;
}

bool text_word(struct slice *rest, struct slice *word)
{
	struct slice s = text_trim(*rest);
	size_t n = 0;

	while (n < s.len && !is_blank(s.data[n]))
		n++;
	*word = slice_of(s.data, n);
	*rest = slice_of(s.data + n, s.len - n);
	return n > 0;
}

bool text_is(struct slice s, const char *word)
{
	return slice_eq(s, slice_str(word));
}

bool text_is_nocase(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp((const char *)s.data, word, s.len) == 0;
}

bool text_starts(struct slice s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && memcmp(s.data, prefix, len) == 0;
}

bool text_listed(const char *list, struct slice word)
{
	struct slice rest, item;

	if (list == NULL || word.len == 0)
		return false;
	rest = slice_str(list);
	while (text_word(&rest, &item))
		if (slice_eq(item, word))
			return true;
	return false;
}

bool text_u64(struct slice s, uint64_t *value)
{
	int base = 10;
	uint64_t v = 0;

	if (s.len > 2 && s.data[0] == '0' && (s.data[1] == 'x' || s.data[1] == 'X')) {
		base = 16;
		s = slice_skip(s, 2);
	}
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int d = text_hex_digit(s.data[i]);

		if (d < 0 || d >= base || v > (UINT64_MAX - (uint64_t)d) / (uint64_t)base)
			return false;
		v = v * (uint64_t)base + (uint64_t)d;
	}
	*value = v;
	return true;
}

bool text_u32(struct slice s, uint32_t max, uint32_t *value)
{
	uint64_t v;

	if (!text_u64(s, &v) || v > max)
		return false;
	*value = (uint32_t)v;
	return true;
}

bool text_i64(struct slice s, int64_t *value)
{
	bool negative = s.len > 0 && s.data[0] == '-';
	uint64_t v;

	if (s.len > 0 && (s.data[0] == '-' || s.data[0] == '+'))
		s = slice_of(s.data + 1, s.len - 1);
	if (!text_u64(s, &v) || v > INT64_MAX)
		return false;
	*value = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

unsigned text_distance(struct slice a, struct slice b, unsigned limit)
{
	unsigned row[DISTANCE_LEN_MAX + 1];
	unsigned best;

	if (a.len > DISTANCE_LEN_MAX || b.len > DISTANCE_LEN_MAX)
		return limit + 1;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		best = row[0];
		for (size_t j = 1; j <= b.len; j++) {
			unsigned cost = diagonal + (a.data[i - 1] != b.data[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < cost)
				cost = row[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			row[j] = cost;
			if (cost < best)
				best = cost;
		}
		if (best > limit)
			return limit + 1;
	}
	return row[b.len] <= limit ? row[b.len] : limit + 1;
}

bool text_mac(struct slice s, uint8_t mac[6])
{
	if (s.len != 17)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		const uint8_t *p = s.data + (size_t)i * 3;

		if (text_hex_digit(p[0]) < 0 || text_hex_digit(p[1]) < 0 || (i < 5 && p[2] != ':'))
			return false;
		mac[i] = (uint8_t)(text_hex_digit(p[0]) << 4 | text_hex_digit(p[1]));
	}
	return true;
}

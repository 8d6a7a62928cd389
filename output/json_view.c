/* json_view.c - see json_view.h. Every step moves forwards, so that a search costs the bytes it passes. */
#include "output/json_view.h"

#include <stdlib.h>
#include <string.h>

static size_t skip_blanks(struct slice s, size_t at)
{
	while (at < s.len && (s.data[at] == ' ' || s.data[at] == '\n' || s.data[at] == '\t' || s.data[at] == '\r'))
		at++;
	return at;
}

/* Behind the string that begins at `at`. */
static size_t skip_string(struct slice s, size_t at)
{
	for (at++; at < s.len && s.data[at] != '"'; at++)
		if (s.data[at] == '\\')
			at++;
	return at < s.len ? at + 1 : s.len;
}

static size_t skip_value(struct slice s, size_t at)
{
	unsigned depth = 0;

	if (at >= s.len)
		return s.len;
	if (s.data[at] == '"')
		return skip_string(s, at);
	if (s.data[at] != '{' && s.data[at] != '[') {
		while (at < s.len && s.data[at] != ',' && s.data[at] != '}' && s.data[at] != ']')
			at++;
		return at;
	}
	while (at < s.len) {
		uint8_t c = s.data[at];

		if (c == '"') {
			at = skip_string(s, at);
			continue;
		}
		at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			break;
	}
	return at;
}

bool view_item(struct slice list, size_t *at, struct slice *value)
{
	size_t start, end;

	if (!view_is_list(list) && *at == 0)
		return false;
	start = skip_blanks(list, *at == 0 ? 1 : *at);
	if (start >= list.len || list.data[start] == ']')
		return false;
	end = skip_value(list, start);
	*value = slice_of(list.data + start, end - start);
	end = skip_blanks(list, end);
	*at = end < list.len && list.data[end] == ',' ? end + 1 : end;
	return value->len > 0;
}

bool view_member(struct slice object, size_t *at, struct slice *key, struct slice *value)
{
	size_t start, end;

	if (!view_is_object(object) && *at == 0)
		return false;
	start = skip_blanks(object, *at == 0 ? 1 : *at);
	if (start >= object.len || object.data[start] != '"')
		return false;
	end = skip_string(object, start);
	*key = slice_of(object.data + start + 1, end - start - 2);
	start = skip_blanks(object, end);
	if (start >= object.len || object.data[start] != ':')
		return false;
	start = skip_blanks(object, start + 1);
	end = skip_value(object, start);
	*value = slice_of(object.data + start, end - start);
	end = skip_blanks(object, end);
	*at = end < object.len && object.data[end] == ',' ? end + 1 : end;
	return value->len > 0;
}

static struct slice nth(struct slice list, unsigned long n)
{
	struct slice item = { 0 };
	size_t at = 0;

	for (unsigned long i = 0; i <= n; i++)
		if (!view_item(list, &at, &item))
			return slice_of(NULL, 0);
	return item;
}

struct slice view_find(struct slice value, const char *path)
{
	while (*path != '\0') {
		size_t len = strcspn(path, "."), at = 0;
		struct slice key, member, found = { 0 };

		if (view_is_list(value))
			found = nth(value, strtoul(path, NULL, 10));
		while (!view_is_list(value) && found.len == 0 && view_member(value, &at, &key, &member))
			if (key.len == len && memcmp(key.data, path, len) == 0)
				found = member;
		if (found.len == 0)
			return found;
		value = found;
		path += len + (path[len] == '.');
	}
	return value;
}

static unsigned hex4(const uint8_t *p)
{
	char digits[5] = { (char)p[0], (char)p[1], (char)p[2], (char)p[3], '\0' };

	return (unsigned)strtoul(digits, NULL, 16);
}

static size_t put_utf8(unsigned c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | c >> 12);
	out[1] = (char)(0x80 | (c >> 6 & 0x3f));
	out[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

size_t view_text(struct slice v, char *out, size_t cap)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	size_t n = 0;

	if (!view_is_string(v)) {
		n = v.len < cap - 1 ? v.len : cap - 1;
		if (n > 0)
			memcpy(out, v.data, n);
		out[n] = '\0';
		return n;
	}
	for (size_t i = 1; i + 1 < v.len && n + 4 < cap; i++) {
		uint8_t c = v.data[i];
		const char *known;

		if (c != '\\') {
			out[n++] = (char)c;
			continue;
		}
		c = v.data[++i];
		known = strchr(from, c);
		if (c == 'u' && i + 4 < v.len) {
			n += put_utf8(hex4(v.data + i + 1), out + n);
			i += 4;
		} else {
			out[n++] = known != NULL && c != '\0' ? to[known - from] : (char)c;
		}
	}
	out[n] = '\0';
	return n;
}

int64_t view_int(struct slice v, int64_t otherwise)
{
	char text[32], *end;
	long long n;

	if (v.len == 0 || view_is_object(v) || view_is_list(v))
		return otherwise;
	view_text(v, text, sizeof(text));
	n = strtoll(text, &end, 10);
	return end != text && *end == '\0' ? n : otherwise;
}

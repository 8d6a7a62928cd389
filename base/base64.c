/* base64.c - four characters carry three bytes. */
#include "base/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const int8_t base64_values[256] = {
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
	-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
	-1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

size_t base64_encode(char *out, const void *data, size_t len)
{
	const uint8_t *in = data;
	char *p = out;
	size_t i;

	for (i = 0; i + 3 <= len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

		*p++ = alphabet[v >> 18];
		*p++ = alphabet[v >> 12 & 63];
		*p++ = alphabet[v >> 6 & 63];
		*p++ = alphabet[v & 63];
	}
	if (i < len) {
		uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0);

		*p++ = alphabet[v >> 18];
		*p++ = alphabet[v >> 12 & 63];
		*p++ = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
		*p++ = '=';
	}
	return (size_t)(p - out);
}

int64_t base64_decode(void *out, size_t cap, const void *text, size_t len, enum base64_mode mode,
		      size_t *used)
{
	const uint8_t *in = text;
	uint8_t *p = out;
	uint32_t bits = 0;
	unsigned have = 0, pads = 0;    /* characters of the current group */
	size_t n = 0, i;
	int64_t err = 0;

	for (i = 0; i < len && n < cap; i++) {
		int v = base64_value(in[i]);

		if (in[i] == '=' && have >= 2) {
			if (++pads + have == 4) {
				i++;
				break;
			}
			continue;
		}
		if (v < 0 && mode == BASE64_SKIP)
			continue;
		if (v < 0 || pads > 0) {
			err = -EINVAL;
			break;
		}
		bits = bits << 6 | (uint32_t)v;
		have++;
		if (have >= 2)
			p[n++] = (uint8_t)(bits >> (2 * (4 - have)));
		if (have == 4)
			have = 0;
	}
	if (used != NULL)
		*used = i;
	if (err == 0 && mode == BASE64_STRICT && n < cap && (have == 0 ? i < len : pads + have != 4))
		err = -EINVAL;
	if (err == 0 && mode != BASE64_SKIP && i < len && n < cap)
		err = -EINVAL;
	if (err == 0 && mode == BASE64_LOOSE && have == 1)
		err = -EINVAL;
	return err < 0 ? err : (int64_t)n;
}

/* base64.h - RFC 4648 base64: exact when written, as tolerant as asked for when read. */
#ifndef TAPIR_BASE_BASE64_H
#define TAPIR_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum base64_mode {
	BASE64_STRICT,          /* whole groups with padding, nothing else */
	BASE64_LOOSE,           /* RFC 4648 without padding is fine too */
	BASE64_SKIP,            /* RFC 2045: characters outside the alphabet are skipped */
};

/* By character: what it stands for; -1 = it isn't of the alphabet. */
extern const int8_t base64_values[256];
static inline int base64_value(uint8_t c)
{
	return base64_values[c];
}

/* How many characters len bytes become. */
static inline size_t base64_len(size_t len)
{
	return (len + 2) / 3 * 4;
}

/* Writes base64_len(len) characters, no terminator; returns how many. */
size_t base64_encode(char *out, const void *data, size_t len);
/* Decodes up to cap bytes; *used (may be NULL) is how many characters were read.
 * Returns the number of bytes, or -EINVAL where a strict or loose reading meets
 * something else; what was decoded before that is in out. */
int64_t base64_decode(void *out, size_t cap, const void *text, size_t len, enum base64_mode mode,
		      size_t *used);

#endif

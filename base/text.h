/* text.h - small parts of what a person wrote: trimming, splitting, numbers, near misses. */
#ifndef TAPIR_BASE_TEXT_H
#define TAPIR_BASE_TEXT_H

#include "base/slice.h"

/* Without blanks at both ends. */
struct slice text_trim(struct slice s);
/* Takes the part of *rest up to sep (or all), trimmed; *rest is what lies behind sep. False once nothing is
 * left; an empty part between two separators is a part. */
bool text_part(struct slice *rest, char sep, struct slice *part);
/* The same for parts separated by blanks. */
bool text_word(struct slice *rest, struct slice *word);
bool text_is(struct slice s, const char *word);
bool text_is_nocase(struct slice s, const char *word);
bool text_starts(struct slice s, const char *prefix);
/* word stands in list, whose words are separated by blanks. */
bool text_listed(const char *list, struct slice word);
/* The whole slice is a number: decimal, or hex behind 0x. False also where it doesn't fit. */
bool text_u64(struct slice s, uint64_t *value);
bool text_u32(struct slice s, uint32_t max, uint32_t *value);
bool text_i64(struct slice s, int64_t *value);
/* The whole slice is a MAC address, as 02:00:00:00:00:01. */
bool text_mac(struct slice s, uint8_t mac[6]);
/* What a hex digit stands for; -1 = it is none. */
static inline int text_hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* How many letters have to be changed, added or taken away; more than limit is limit + 1. */
unsigned text_distance(struct slice a, struct slice b, unsigned limit);

/* "%.*s" of a slice. */
#define SLICE_ARG(s) (int)(s).len, (const char *)(s).data

#endif

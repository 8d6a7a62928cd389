/* slice.h - bytes that somebody else owns. */
#ifndef TAPIR_BASE_SLICE_H
#define TAPIR_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *data;
	size_t len;
};

static inline struct slice slice_of(const void *data, size_t len)
{
	return (struct slice){ .data = data, .len = len };
}

static inline struct slice slice_str(const char *s)
{
	return slice_of(s, strlen(s));
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The slice behind its first n bytes; empty where it is shorter than that. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	return n < s.len ? slice_of(s.data + n, s.len - n) : slice_of(NULL, 0);
}

/* Its first n bytes, or all where it is shorter than that. */
static inline struct slice slice_head(struct slice s, size_t n)
{
	return slice_of(s.data, n < s.len ? n : s.len);
}

#endif

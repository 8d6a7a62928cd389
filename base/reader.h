/* reader.h - bytes from the wire, read in bounds.
 *
 * Every read checks; the first one that would leave the input sets ran_out and
 * returns zero, and so does every later one. A parser reads a whole header and
 * checks ran_out once. Multi-byte values are given in host byte order. */
#ifndef TAPIR_BASE_READER_H
#define TAPIR_BASE_READER_H

#include "base/slice.h"

/* What a parser answers. */
enum parse {
	PARSE_OK,       /* done with this unit */
	PARSE_MORE,     /* the unit isn't complete yet */
	PARSE_BAD,      /* this isn't the protocol, or not in a way that can be followed */
};

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	const uint8_t *start;
	bool ran_out;
};

static inline struct reader reader_of(const void *data, size_t len)
{
	const uint8_t *p = data;
	return (struct reader){ .at = p, .end = len ? p + len : p, .start = p };
}

static inline struct reader reader_slice(struct slice s)
{
	return reader_of(s.data, s.len);
}

static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

/* How many bytes were read so far. */
static inline size_t reader_pos(const struct reader *r)
{
	return (size_t)(r->at - r->start);
}

static inline bool reader_has(struct reader *r, size_t n)
{
	if (reader_left(r) >= n && !r->ran_out)
		return true;
	r->ran_out = true;
	return false;
}

static inline void reader_skip(struct reader *r, size_t n)
{
	if (reader_has(r, n))
		r->at += n;
}

static inline uint8_t read_u8(struct reader *r)
{
	return reader_has(r, 1) ? *r->at++ : 0;
}

static inline uint8_t peek_u8(const struct reader *r)
{
	return reader_left(r) ? *r->at : 0;
}

static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

static inline uint16_t load_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t load_le64(const uint8_t *p)
{
	return (uint64_t)load_le32(p + 4) << 32 | load_le32(p);
}

#define READER_READ(name, type, width, load)                            \
	static inline type name(struct reader *r)                       \
	{                                                               \
		type v;                                                 \
		if (!reader_has(r, width))                              \
			return 0;                                       \
		v = load(r->at);                                        \
		r->at += (width);                                       \
		return v;                                               \
	}
READER_READ(read_be16, uint16_t, 2, load_be16)
READER_READ(read_be24, uint32_t, 3, load_be24)
READER_READ(read_be32, uint32_t, 4, load_be32)
READER_READ(read_be64, uint64_t, 8, load_be64)
READER_READ(read_le16, uint16_t, 2, load_le16)
READER_READ(read_le32, uint32_t, 4, load_le32)
READER_READ(read_le64, uint64_t, 8, load_le64)
#undef READER_READ

/* The next n bytes, as a slice of the input. Empty where fewer are left. */
static inline struct slice read_slice(struct reader *r, size_t n)
{
	struct slice s = { 0 };
	if (reader_has(r, n)) {
		s = slice_of(r->at, n);
		r->at += n;
	}
	return s;
}

/* All that is left. */
static inline struct slice read_rest(struct reader *r)
{
	struct slice s = slice_of(r->at, r->ran_out ? 0 : reader_left(r));
	if (!r->ran_out)
		r->at = r->end;
	return s;
}

/* A reader over the next n bytes; it has run out from the start where fewer are left. */
static inline struct reader read_sub(struct reader *r, size_t n)
{
	struct slice s = read_slice(r, n);
	struct reader sub = reader_slice(s);
	sub.ran_out = r->ran_out;
	return sub;
}

#endif

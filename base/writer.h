/* writer.h - bytes to the wire, written in bounds; the counterpart of reader.h.
 *
 * The first write that does not fit sets ran_out and nothing is written from
 * then on. Values are taken in host byte order. */
#ifndef TAPIR_BASE_WRITER_H
#define TAPIR_BASE_WRITER_H

#include "base/slice.h"

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool ran_out;
};

static inline struct writer writer_of(void *data, size_t cap)
{
	uint8_t *p = data;
	return (struct writer){ .start = p, .at = p, .end = p + cap };
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

static inline bool writer_fits(struct writer *w, size_t n)
{
	if ((size_t)(w->end - w->at) >= n && !w->ran_out)
		return true;
	w->ran_out = true;
	return false;
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, (uint16_t)(v >> 16));
	store_be16(p + 2, (uint16_t)v);
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
	store_be32(p, (uint32_t)(v >> 32));
	store_be32(p + 4, (uint32_t)v);
}

static inline void write_u8(struct writer *w, uint8_t v)
{
	if (writer_fits(w, 1))
		*w->at++ = v;
}

static inline void write_be16(struct writer *w, uint16_t v)
{
	if (writer_fits(w, 2)) {
		store_be16(w->at, v);
		w->at += 2;
	}
}

static inline void write_be24(struct writer *w, uint32_t v)
{
	write_u8(w, (uint8_t)(v >> 16));
	write_be16(w, (uint16_t)v);
}

static inline void write_be32(struct writer *w, uint32_t v)
{
	if (writer_fits(w, 4)) {
		store_be32(w->at, v);
		w->at += 4;
	}
}

static inline void write_be64(struct writer *w, uint64_t v)
{
	if (writer_fits(w, 8)) {
		store_be64(w->at, v);
		w->at += 8;
	}
}

static inline void write_bytes(struct writer *w, const void *data, size_t len)
{
	if (len && writer_fits(w, len)) {
		memcpy(w->at, data, len);
		w->at += len;
	}
}

/* Room for n bytes that the caller fills in; NULL where they don't fit. */
static inline uint8_t *write_room(struct writer *w, size_t n)
{
	uint8_t *p = w->at;
	if (!writer_fits(w, n))
		return NULL;
	w->at += n;
	return p;
}

#endif

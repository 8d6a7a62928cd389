/* seq.h - arithmetic on TCP sequence numbers: a circle of 2^32 (RFC 9293 3.4).
 *
 * a is before b where the way from a to b is shorter than half the circle; it is what every TCP
 * does, and why a window may not exceed 2^30. */
#ifndef TAPIR_WIRE_SEQ_H
#define TAPIR_WIRE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* How far b lies behind a: negative where it lies before. */
static inline int32_t seq_diff(uint32_t b, uint32_t a)
{
	return (int32_t)(b - a);
}

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_geq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) >= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

/* start <= seq < start + len. */
static inline bool seq_in(uint32_t seq, uint32_t start, uint32_t len)
{
	return seq - start < len;
}

#endif

/* ring.h - single producer, single consumer, fixed-size elements, no locks.
 *
 * One thread pushes, one pops; a push into a full ring fails and the caller
 * counts it. Indices run free and are masked. */
#ifndef TAPIR_BASE_RING_H
#define TAPIR_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *slots;
	uint32_t size;          /* power of two */
	uint32_t elem_len;
	_Alignas(64) _Atomic uint32_t head;     /* producer writes */
	uint32_t tail_seen;                     /* producer's copy */
	_Alignas(64) _Atomic uint32_t tail;     /* consumer writes */
	uint32_t head_seen;                     /* consumer's copy */
};

/* size is rounded up to a power of two. Returns 0 or -ENOMEM. */
int ring_init(struct ring *r, uint32_t size, uint32_t elem_len);
void ring_fini(struct ring *r);
/* Copies one element in or out; false where full or empty. */
bool ring_push(struct ring *r, const void *elem);
bool ring_pop(struct ring *r, void *elem);
uint32_t ring_used(struct ring *r);

#endif

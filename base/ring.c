/* ring.c - the indices run free; each side keeps a copy of the other's and looks
 * again only when the copy says full or empty, so that the cache line moves once
 * per batch rather than once per element. */
#include "base/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *r, uint32_t size, uint32_t elem_len)
{
	uint32_t rounded = 2;

	if (size > 1U << 30)
		return -ENOMEM;
	while (rounded < size)
		rounded *= 2;
	memset(r, 0, sizeof(*r));
	r->slots = calloc(rounded, elem_len);
	if (r->slots == NULL)
		return -ENOMEM;
	r->size = rounded;
	r->elem_len = elem_len;
	return 0;
}

void ring_fini(struct ring *r)
{
	free(r->slots);
	r->slots = NULL;
	r->size = 0;
}

static inline uint8_t *ring_slot(struct ring *r, uint32_t index)
{
	return r->slots + (size_t)(index & (r->size - 1)) * r->elem_len;
}

bool ring_push(struct ring *r, const void *elem)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - r->tail_seen >= r->size) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head - r->tail_seen >= r->size)
			return false;
	}
	memcpy(ring_slot(r, head), elem, r->elem_len);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

bool ring_pop(struct ring *r, void *elem)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == r->head_seen) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail == r->head_seen)
			return false;
	}
	memcpy(elem, ring_slot(r, tail), r->elem_len);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

uint32_t ring_used(struct ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_acquire) -
	       atomic_load_explicit(&r->tail, memory_order_acquire);
}

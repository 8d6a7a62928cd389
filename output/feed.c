/* feed.c - see feed.h. Records are aligned to 16 bytes and never wrap: what is left at the ring's end is
 * skipped by a head with len SKIP. Positions run free and are masked. */
#include "output/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SKIP UINT32_MAX

struct feed {
	char *data;
	size_t size;
	_Alignas(64) _Atomic size_t head;       /* the writer's */
	size_t tail_seen;
	_Alignas(64) _Atomic size_t tail;       /* the reader's */
	size_t head_seen;
	_Alignas(64) _Atomic uint64_t shed[RECORD_TYPES_MAX];
};

int feed_new(struct feed **out, size_t size)
{
	struct feed *f = aligned_alloc(64, sizeof(*f));
	size_t rounded = 4096;

	if (f == NULL)
		return -ENOMEM;
	memset(f, 0, sizeof(*f));
	while (rounded < size)
		rounded *= 2;
	f->size = rounded;
	f->data = aligned_alloc(64, rounded);
	if (f->data == NULL) {
		free(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

void feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	free(f->data);
	free(f);
}

bool feed_put(struct feed *f, const struct record_head *head, const char *text)
{
	size_t at = atomic_load_explicit(&f->head, memory_order_relaxed);
	size_t room = record_room(head->len), left = f->size - (at & (f->size - 1));
	size_t need = room <= left ? room : left + room;
	size_t reserve = head->type == RECORD_TYPE_ALERT ? 0 : f->size / 8;
	struct record_head *slot;

	if (at - f->tail_seen + need + reserve > f->size) {
		f->tail_seen = atomic_load_explicit(&f->tail, memory_order_acquire);
		if (at - f->tail_seen + need + reserve > f->size)
			return false;
	}
	slot = (struct record_head *)(f->data + (at & (f->size - 1)));
	if (room > left) {
		slot->len = SKIP;
		slot = (struct record_head *)f->data;
	}
	*slot = *head;
	memcpy(slot + 1, text, head->len);
	atomic_store_explicit(&f->head, at + need, memory_order_release);
	return true;
}

void feed_shed(struct feed *f, unsigned type)
{
	atomic_fetch_add_explicit(&f->shed[type], 1, memory_order_relaxed);
}

bool feed_could_fit(const struct feed *f, size_t len)
{
	/* Wherever the ring's end lies, and beside the alerts' share. */
	return 2 * record_room(len) <= f->size - f->size / 8;
}

size_t feed_used(const struct feed *f)
{
	return atomic_load_explicit(&f->head, memory_order_acquire) - atomic_load_explicit(&f->tail, memory_order_acquire);
}

const struct record_head *feed_peek(struct feed *f)
{
	size_t at = atomic_load_explicit(&f->tail, memory_order_relaxed);
	const struct record_head *slot;

	if (at == f->head_seen) {
		f->head_seen = atomic_load_explicit(&f->head, memory_order_acquire);
		if (at == f->head_seen)
			return NULL;
	}
	slot = (const struct record_head *)(f->data + (at & (f->size - 1)));
	if (slot->len != SKIP)
		return slot;
	at += f->size - (at & (f->size - 1));
	atomic_store_explicit(&f->tail, at, memory_order_release);
	return (const struct record_head *)f->data;     /* the writer publishes both at once */
}

void feed_pop(struct feed *f)
{
	size_t at = atomic_load_explicit(&f->tail, memory_order_relaxed);
	const struct record_head *slot = (const struct record_head *)(f->data + (at & (f->size - 1)));

	atomic_store_explicit(&f->tail, at + record_room(slot->len), memory_order_release);
}

uint64_t feed_shed_count(const struct feed *f, unsigned type)
{
	return atomic_load_explicit(&f->shed[type], memory_order_relaxed);
}

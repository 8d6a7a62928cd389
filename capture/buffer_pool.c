/* buffer_pool.c - frame memory in three sizes, taken and given back in O(1).
 *
 * All buffers of a pool lie in one mapping, tier behind tier, so that the address
 * alone tells the tier: nothing is written in front of a buffer, and giving back a
 * stranger is noticed. Free buffers are a stack of indices: the last used comes
 * first, while the cache still has it. One thread takes and gives; the numbers
 * that statistics show may be read by any. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/must.h"
#include "capture/frame.h"

static const uint32_t tier_sizes[BUFFER_TIERS] = { 512, 2048, 9216 };

struct tier {
	uint8_t *start;
	uint32_t count;
	_Atomic uint32_t free_count;
	_Atomic uint32_t high;
	_Atomic uint64_t failures;
	uint32_t *free;
	uint8_t *taken;         /* per buffer, so that giving back twice is noticed */
};

#define get(v) atomic_load_explicit(&(v), memory_order_relaxed)
#define set(v, to) atomic_store_explicit(&(v), to, memory_order_relaxed)

struct buffer_pool {
	uint8_t *memory;
	size_t len;
	struct tier tiers[BUFFER_TIERS];
};

int buffer_pool_new(struct buffer_pool **out, const uint32_t counts[BUFFER_TIERS])
{
	struct buffer_pool *p = calloc(1, sizeof(*p));
	uint8_t *at;

	if (p == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < BUFFER_TIERS; i++)
		p->len += (size_t)counts[i] * tier_sizes[i];
	if (p->len) {
		at = mmap(NULL, p->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED) {
			free(p);
			return -ENOMEM;
		}
		p->memory = at;
	}
	at = p->memory;
	for (unsigned i = 0; i < BUFFER_TIERS; i++) {
		struct tier *t = &p->tiers[i];

		t->start = at;
		t->count = counts[i];
		t->free_count = counts[i];
		at += (size_t)counts[i] * tier_sizes[i];
		t->free = malloc((counts[i] + 1) * sizeof(*t->free));
		t->taken = calloc(counts[i] + 1, 1);
		if (t->free == NULL || t->taken == NULL) {
			buffer_pool_free(p);
			return -ENOMEM;
		}
		for (uint32_t k = 0; k < counts[i]; k++)
			t->free[k] = counts[i] - 1 - k;
	}
	*out = p;
	return 0;
}

void buffer_pool_free(struct buffer_pool *pool)
{
	if (pool == NULL)
		return;
	for (unsigned i = 0; i < BUFFER_TIERS; i++) {
		free(pool->tiers[i].free);
		free(pool->tiers[i].taken);
	}
	if (pool->memory)
		munmap(pool->memory, pool->len);
	free(pool);
}

void *buffer_get(struct buffer_pool *pool, size_t size)
{
	struct tier *wanted = NULL;

	for (unsigned i = 0; i < BUFFER_TIERS; i++) {
		struct tier *t = &pool->tiers[i];
		uint32_t n, k;

		if (size > tier_sizes[i])
			continue;
		if (wanted == NULL)
			wanted = t;
		n = get(t->free_count);
		if (n == 0)
			continue;
		k = t->free[--n];
		set(t->free_count, n);
		t->taken[k] = 1;
		if (t->count - n > get(t->high))
			set(t->high, t->count - n);
		return t->start + (size_t)k * tier_sizes[i];
	}
	if (wanted == NULL)
		wanted = &pool->tiers[BUFFER_TIERS - 1];
	set(wanted->failures, get(wanted->failures) + 1);
	return NULL;
}

void buffer_put(struct buffer_pool *pool, void *buffer)
{
	const uint8_t *p = buffer;
	unsigned i = BUFFER_TIERS - 1;
	struct tier *t;
	uint32_t n;
	size_t at;

	must(p >= pool->memory && p < pool->memory + pool->len);
	while (p < pool->tiers[i].start)
		i--;
	t = &pool->tiers[i];
	at = (size_t)(p - t->start);
	must(at % tier_sizes[i] == 0 && t->taken[at / tier_sizes[i]]);
	t->taken[at / tier_sizes[i]] = 0;
	n = get(t->free_count);
	t->free[n] = (uint32_t)(at / tier_sizes[i]);
	set(t->free_count, n + 1);
}

void buffer_pool_stats(const struct buffer_pool *pool, struct buffer_tier_stats out[BUFFER_TIERS])
{
	for (unsigned i = 0; i < BUFFER_TIERS; i++) {
		const struct tier *t = &pool->tiers[i];

		out[i] = (struct buffer_tier_stats){
			.size = tier_sizes[i],
			.count = t->count,
			.in_use = t->count - get(t->free_count),
			.high = get(t->high),
			.failures = get(t->failures),
		};
	}
}

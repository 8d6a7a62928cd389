/* frame_pool.c - a buffer pool with a stack of merged-frame buffers beside it. Their
 * memory is mapped, not touched: it costs nothing until merged frames turn up. */
#include "capture/frame_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct frame_pool {
	struct buffer_pool *tiers;
	size_t tier_len_max;
	uint8_t *merged;
	size_t merged_len;
	uint32_t free_count;
	uint32_t free[];
};

int frame_pool_new(struct frame_pool **out, const uint32_t counts[BUFFER_TIERS], uint32_t merged)
{
	struct frame_pool *p = calloc(1, sizeof(*p) + merged * sizeof(p->free[0]));
	struct buffer_tier_stats tiers[BUFFER_TIERS];
	void *at;
	int err;

	if (p == NULL)
		return -ENOMEM;
	err = buffer_pool_new(&p->tiers, counts);
	if (err < 0)
		goto fail;
	buffer_pool_stats(p->tiers, tiers);
	p->tier_len_max = tiers[BUFFER_LARGE].size;
	p->merged_len = (size_t)merged * FRAME_POOL_LEN_MAX;
	if (merged) {
		at = mmap(NULL, p->merged_len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		err = -ENOMEM;
		if (at == MAP_FAILED)
			goto fail;
		p->merged = at;
	}
	while (p->free_count < merged) {
		p->free[p->free_count] = merged - 1 - p->free_count;
		p->free_count++;
	}
	*out = p;
	return 0;
fail:
	frame_pool_free(p);
	return err;
}

void frame_pool_free(struct frame_pool *p)
{
	if (p == NULL)
		return;
	if (p->merged)
		munmap(p->merged, p->merged_len);
	buffer_pool_free(p->tiers);
	free(p);
}

void *frame_pool_get(struct frame_pool *p, size_t len)
{
	if (len <= p->tier_len_max)
		return buffer_get(p->tiers, len);
	if (len > FRAME_POOL_LEN_MAX || p->free_count == 0)
		return NULL;
	return p->merged + (size_t)p->free[--p->free_count] * FRAME_POOL_LEN_MAX;
}

void frame_pool_put(struct frame_pool *p, void *buffer)
{
	const uint8_t *b = buffer;

	if (p->merged && b >= p->merged && b < p->merged + p->merged_len)
		p->free[p->free_count++] = (uint32_t)((size_t)(b - p->merged) / FRAME_POOL_LEN_MAX);
	else
		buffer_put(p->tiers, buffer);
}

void frame_pool_stats(const struct frame_pool *p, struct buffer_tier_stats out[BUFFER_TIERS])
{
	buffer_pool_stats(p->tiers, out);
}

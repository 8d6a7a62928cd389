/* pbuf.c - memory of a host: what tables and sockets take, and buffers for packets.
 *
 * Without a memory function of the user's, tables come from a budgeted allocator without
 * locks, and packets from the three-tier pool that devices use as well (with a few buffers
 * beside it for datagrams of up to 64 KiB). With one, each piece is asked for by itself, and
 * both limits are kept here. */
#include "stack/host/internal.h"

#include <string.h>

#define BUFFER_HUGE BUFFER_TIERS
#define HUGE_COUNT 64
#define DATA_MAX (FRAME_POOL_LEN_MAX - (uint32_t)sizeof(struct pbuf))

static const uint32_t tier_sizes[BUFFER_TIERS + 1] = { 512, 2048, 9216, FRAME_POOL_LEN_MAX };

_Static_assert(PBUF_HEADROOM + PBUF_LEN_MAX <= FRAME_POOL_LEN_MAX - sizeof(struct pbuf),
	       "the largest IP packet fits a buffer");

void *host_alloc(struct tapir_host *h, size_t size)
{
	struct budget *b = &h->budget;
	void *p;

	if (h->cfg.memory == NULL)
		return budget_get(b, size);
	if (b->max != 0 && b->used + size > b->max) {
		b->denied++;
		return NULL;
	}
	p = h->cfg.memory(h->cfg.ctx, NULL, 0, size);
	if (p == NULL) {
		b->denied++;
		return NULL;
	}
	memset(p, 0, size);
	b->used += size;
	if (b->used > b->high)
		b->high = b->used;
	return p;
}

void host_free(struct tapir_host *h, void *p, size_t size)
{
	if (p == NULL)
		return;
	if (h->cfg.memory == NULL) {
		budget_put(&h->budget, p, size);
		return;
	}
	h->budget.used -= size;
	h->cfg.memory(h->cfg.ctx, p, size, 0);
}

void *host_realloc(struct tapir_host *h, void *p, size_t old_size, size_t size)
{
	void *to = host_alloc(h, size);

	if (to == NULL)
		return NULL;
	if (p != NULL)
		memcpy(to, p, old_size < size ? old_size : size);
	host_free(h, p, old_size);
	return to;
}

/* A buffer of the user's memory, from the smallest tier that has room for size and isn't spent. */
static struct pbuf *buffer_take(struct tapir_host *h, size_t size, uint32_t *cap)
{
	for (unsigned i = 0; i <= BUFFER_HUGE; i++) {
		struct buffer_tier_stats *t = &h->tiers[i];
		struct pbuf *p;

		if (size > tier_sizes[i])
			continue;
		if (t->in_use == t->count)
			continue;
		p = h->cfg.memory(h->cfg.ctx, NULL, 0, tier_sizes[i]);
		if (p == NULL) {
			t->failures++;
			return NULL;
		}
		if (++t->in_use > t->high)
			t->high = t->in_use;
		*cap = tier_sizes[i];
		return p;
	}
	h->tiers[BUFFER_HUGE].failures++;
	return NULL;
}

/* What the pool gave may be from a larger tier than was asked for: only what was asked for counts on. */
static uint32_t tier_size(size_t size)
{
	for (unsigned i = 0; i < BUFFER_HUGE; i++)
		if (size <= tier_sizes[i])
			return tier_sizes[i];
	return FRAME_POOL_LEN_MAX;
}

struct pbuf *pbuf_get(struct tapir_host *h, uint32_t headroom, uint32_t size)
{
	const size_t need = sizeof(struct pbuf) + headroom + size;
	uint32_t cap = 0;
	struct pbuf *p;

	if (headroom + size > DATA_MAX)
		return NULL;
	if (h->pool == NULL) {
		p = buffer_take(h, need, &cap);
	} else {
		p = frame_pool_get(h->pool, need);
		cap = tier_size(need);
		if (need > tier_sizes[BUFFER_LARGE]) {
			struct buffer_tier_stats *t = &h->tiers[BUFFER_HUGE];

			t->in_use += p != NULL;
			t->failures += p == NULL;
			t->high = t->in_use > t->high ? t->in_use : t->high;
		}
	}
	if (p == NULL) {
		host_ip(h)->no_buffer++;
		return NULL;
	}
	p->next = NULL;
	p->cap = cap - (uint32_t)sizeof(*p);
	p->data = p->start + headroom;
	p->len = 0;
	p->time_ns = h->now_ns;
	return p;
}

void pbuf_put(struct tapir_host *h, struct pbuf *p)
{
	const uint32_t size = p->cap + (uint32_t)sizeof(*p);

	if (h->pool != NULL) {
		h->tiers[BUFFER_HUGE].in_use -= size == FRAME_POOL_LEN_MAX;
		frame_pool_put(h->pool, p);
		return;
	}
	for (unsigned i = 0; i <= BUFFER_HUGE; i++)
		h->tiers[i].in_use -= size == tier_sizes[i];
	h->cfg.memory(h->cfg.ctx, p, size, 0);
}

void pbuf_queue_put(struct pbuf_queue *q, struct pbuf *p)
{
	p->next = NULL;
	if (q->last != NULL)
		q->last->next = p;
	else
		q->first = p;
	q->last = p;
	q->count++;
	q->charge += pbuf_charge(p);
}

struct pbuf *pbuf_queue_take(struct pbuf_queue *q)
{
	struct pbuf *p = q->first;

	if (p == NULL)
		return NULL;
	q->first = p->next;
	if (q->first == NULL)
		q->last = NULL;
	p->next = NULL;
	q->count--;
	q->charge -= pbuf_charge(p);
	return p;
}

void pbuf_queue_clear(struct tapir_host *h, struct pbuf_queue *q)
{
	struct pbuf *p;

	while ((p = pbuf_queue_take(q)) != NULL)
		pbuf_put(h, p);
}

int pbuf_pool_init(struct tapir_host *h)
{
	static const uint32_t normal[BUFFER_TIERS] = { 8192, 8192, 512 };
	uint32_t counts[BUFFER_TIERS];

	for (unsigned i = 0; i < BUFFER_TIERS; i++) {
		counts[i] = h->cfg.buffers[i] ? h->cfg.buffers[i] : normal[i];
		h->tiers[i] = (struct buffer_tier_stats){ .size = tier_sizes[i], .count = counts[i] };
	}
	h->tiers[BUFFER_HUGE].size = FRAME_POOL_LEN_MAX;
	h->tiers[BUFFER_HUGE].count = HUGE_COUNT;
	return h->cfg.memory != NULL ? 0 : frame_pool_new(&h->pool, counts, HUGE_COUNT);
}

void pbuf_pool_fini(struct tapir_host *h)
{
	frame_pool_free(h->pool);
}

void tapir_memory_use(struct tapir_host *h, struct tapir_memory_use *out)
{
	host_enter(h);
	*out = (struct tapir_memory_use){
		.bytes = h->budget.used, .bytes_high = h->budget.high, .denied = h->budget.denied,
	};
	if (h->pool != NULL)
		frame_pool_stats(h->pool, h->tiers);    /* all but the last */
	for (unsigned i = 0; i <= BUFFER_HUGE; i++) {
		out->buffers[i] = h->tiers[i].in_use;
		out->buffers_high[i] = h->tiers[i].high;
		out->buffer_failures += h->tiers[i].failures;
	}
	host_leave(h);
}

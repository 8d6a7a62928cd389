/* delivery_collect.c - the collector: from the workers' feeds into blocks, in memory and on disk. */
#include "output/delivery_own.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define BLOCK_TARGET (256 * 1024)
#define FEED_SHARE (64 * 1024)          /* of a block, before the next feed has its turn */
#define LINGER_NS 1000000               /* after a wake: what comes together goes together */
#define SLEEP_MS 500
#define STUCK_MS 10000                  /* offline: how long a sink may do nothing before records are shed */

/* Moves records into the block, at most share bytes. */
static size_t take(struct feed *f, struct block *b, size_t room, size_t share)
{
	const struct record_head *h;
	size_t taken = 0;

	while (taken < share && (h = feed_peek(f)) != NULL) {
		size_t n = record_room(h->len);

		if (b->head.len + n > room)
			break;
		memcpy((char *)block_data(b) + b->head.len, h, sizeof(*h) + h->len);
		b->head.len += (uint32_t)n;
		b->head.count++;
		taken += n;
		feed_pop(f);
	}
	return taken;
}

static size_t waiting(struct delivery *d)
{
	size_t n = 0;

	for (unsigned i = 0; i < d->feed_count; i++)
		n += feed_used(d->feeds[i]);
	return n;
}

/* The first feed is the main thread's: over a capture file, its stats come behind all that the workers have written
 * before, so that one capture gives one order. */
static size_t take_round(struct delivery *d, struct block *b, size_t room)
{
	bool main_first = d->opts.live || d->feed_count == 1, main_has = feed_used(d->feeds[0]) > 0;
	size_t taken = main_first ? take(d->feeds[0], b, room, FEED_SHARE) : 0;

	for (unsigned i = 1; i < d->feed_count; i++)
		taken += take(d->feeds[i], b, room, FEED_SHARE);
	if (main_first || taken > 0 || !main_has)
		return taken;
	for (unsigned i = 1; i < d->feed_count; i++)
		if (feed_used(d->feeds[i]) > 0)         /* the block is full */
			return 0;
	return take(d->feeds[0], b, room, FEED_SHARE);
}

/* The next block of records, or NULL. */
static struct block *collect(struct delivery *d)
{
	size_t there = waiting(d), room, taken;
	struct block *b;

	if (there == 0)
		return NULL;
	/* One record may be longer than a block should be: there is always room for the longest. */
	room = there < BLOCK_TARGET ? there : there < 2 * BLOCK_TARGET ? 2 * BLOCK_TARGET : BLOCK_MAX / 2;
	b = malloc(sizeof(*b) + room);
	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->only_here = false;
	b->head = (struct block_head){ .run_id = d->run_id, .time_ns = clock_wall_ns() };
	do {
		taken = take_round(d, b, room);
	} while (taken > 0 && b->head.len < BLOCK_TARGET);
	if (b->head.count == 0) {
		free(b);
		return NULL;
	}
	return b;
}

/* Memory blocks numbered below seq no longer match what the spool has. The lock is held. */
static void forget_before(struct delivery *d, uint64_t seq)
{
	struct block **at = &d->first;

	d->last = NULL;
	while (*at != NULL) {
		struct block *b = *at;

		if (b->head.seq < seq && !b->only_here) {
			*at = b->next;
			d->memory -= b->head.len;
			free(b);
		} else {
			d->last = b;
			at = &b->next;
		}
	}
}

/* Takes the alerts out where there is no room for more; NULL when nothing is left. The lock is held. */
static struct block *alerts_only(struct delivery *d, struct block *b)
{
	block_thin(&b->head, d->stats.shed_type);
	if (b->head.count > 0)
		return b;
	free(b);
	return NULL;
}

/* Offline there is time to wait, as long as the sink does something. The lock is held. */
static bool sink_is_slow_only(struct delivery *d)
{
	if (d->opts.live || d->closing || clock_ms() - d->progress_ms > STUCK_MS)
		return false;
	delivery_wait(d, 100);
	return true;
}

/* The block gets its number. NULL: it had to be shed. */
static struct block *store_on_disk(struct delivery *d, struct block *b)
{
	uint64_t lost = 0;
	int err;

	while ((err = spool_append(d->spool, &b->head, false, &lost)) == -ENOBUFS) {
		bool wait;

		pthread_mutex_lock(&d->lock);
		forget_before(d, lost);
		wait = sink_is_slow_only(d);
		if (!wait)
			b = alerts_only(d, b);
		pthread_mutex_unlock(&d->lock);
		if (wait)
			continue;
		err = b != NULL ? spool_append(d->spool, &b->head, true, &lost) : 0;
		break;
	}
	pthread_mutex_lock(&d->lock);
	forget_before(d, lost);
	pthread_mutex_unlock(&d->lock);
	if (err < 0) {
		b->only_here = true;
		b->head.seq = spool_skip(d->spool);
	}
	if ((err < 0) != d->spool_fails) {
		d->spool_fails = err < 0;
		if (err < 0)
			log_warning("%s: the spool cannot be written: %s; records wait in memory only", d->name, strerror(-err));
		else
			log_notice("%s: the spool can be written again", d->name);
	}
	return b;
}

/* Whether the block may stay in memory; where memory is all there is, alerts may have a quarter more. The lock is held. */
static struct block *store_in_memory(struct delivery *d, struct block *b)
{
	while (d->memory + b->head.len > d->memory_max && sink_is_slow_only(d))
		;
	if (d->memory + b->head.len > d->memory_max)
		b = alerts_only(d, b);
	if (b != NULL && d->memory + b->head.len > d->memory_max + d->memory_max / 4) {
		delivery_shed_block(d, &b->head);
		free(b);
		b = NULL;
	}
	return b;
}

static void store(struct delivery *d, struct block *b)
{
	uint32_t count = b->head.count;

	if (d->spool != NULL)
		b = store_on_disk(d, b);
	pthread_mutex_lock(&d->lock);
	d->stats.collected += count;
	if (b != NULL && d->spool != NULL)
		d->next_seq = b->head.seq + 1;
	if (b != NULL && (d->spool == NULL || b->only_here)) {
		b = store_in_memory(d, b);
		if (b != NULL && d->spool == NULL)
			b->head.seq = d->next_seq++;
	} else if (b != NULL && d->memory + b->head.len > d->memory_max) {
		free(b);                        /* the sender will read it from disk */
		b = NULL;
	}
	if (b != NULL) {
		d->memory += b->head.len;
		if (d->first != NULL)
			d->last->next = b;
		else
			d->first = b;
		d->last = b;
	}
	pthread_cond_broadcast(&d->news);
	pthread_mutex_unlock(&d->lock);
}

static void sleep_until_woken(struct delivery *d)
{
	static const struct timespec linger = { .tv_nsec = LINGER_NS };
	struct pollfd fd = { .fd = d->wake_fd, .events = POLLIN };
	uint64_t n;

	d->sleeping = true;
	atomic_thread_fence(memory_order_seq_cst);
	if (waiting(d) == 0 && !d->closing)
		poll(&fd, 1, SLEEP_MS);
	d->sleeping = false;
	if (read(d->wake_fd, &n, sizeof(n)) > 0 && !d->closing && d->opts.live)
		nanosleep(&linger, NULL);
}

void *delivery_collect(void *arg)
{
	struct delivery *d = arg;

	for (;;) {
		bool closing = d->closing;
		struct block *b = collect(d);

		if (b != NULL) {
			store(d, b);
			continue;
		}
		if (d->spool != NULL)
			spool_tick(d->spool, clock_wall_ns());
		if (closing)
			return NULL;
		sleep_until_woken(d);
	}
}

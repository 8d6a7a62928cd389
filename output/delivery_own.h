/* delivery_own.h - inside of a delivery, for delivery.c, delivery_collect.c and delivery_send.c. */
#ifndef TAPIR_OUTPUT_DELIVERY_OWN_H
#define TAPIR_OUTPUT_DELIVERY_OWN_H

#include <pthread.h>

#include "output/condition.h"
#include "output/delivery.h"
#include "output/format.h"
#include "output/spool.h"

#define FEEDS_MAX 80

/* A block in memory; bytes behind head. */
struct block {
	struct block *next;
	bool only_here;                 /* the spool couldn't take it */
	struct block_head head;
};

struct delivery {
	struct delivery_opts opts;
	char name[64];
	struct sink *sink;
	const struct sink_kind *kind;
	/* Read once, from the configuration. */
	const struct format *format;
	struct condition *when;
	char *prefix;
	bool event_id, remote;
	uint64_t memory_max, feed_size;
	unsigned batch_records;
	size_t batch_bytes;
	uint64_t retry_min_ms, retry_max_ms, patience_ms;
	uint64_t run_id;

	struct feed *feeds[FEEDS_MAX];
	_Atomic unsigned feed_count;
	int wake_fd;                    /* eventfd: the collector's */
	_Atomic bool sleeping;          /* the collector wants to be woken */
	_Atomic bool closing, reopen;

	pthread_mutex_t lock;           /* of all below */
	pthread_cond_t news;            /* for the sender: a block, an end; for who waits: progress */
	struct block *first, *last;     /* in memory, by seq */
	uint64_t memory;
	uint64_t next_seq, cursor;      /* of blocks: to be made, to be sent */
	uint64_t acked;
	uint64_t oldest_ns;             /* when the block being sent was collected; 0: none is */
	uint64_t progress_ms;           /* when the sink last took something */
	bool collected_all;
	bool down, spool_fails;
	struct delivery_stats stats;    /* numbers that only grow */
	struct spool *spool;            /* NULL: memory only */

	pthread_t collector, sender;
	bool collector_runs, sender_runs;
};

static inline void *block_data(struct block *b)
{
	return &b->head + 1;
}

uint64_t clock_ms(void);
uint64_t clock_wall_ns(void);
/* Waits for news; false: time is over. The lock is held. */
bool delivery_wait(struct delivery *d, uint64_t ms);
void *delivery_collect(void *arg);
void *delivery_send(void *arg);
/* Counts every record of the block as shed. The lock is held. */
void delivery_shed_block(struct delivery *d, const struct block_head *b);

#endif

/* stream.h - one direction's bytes on their way from packets to whoever pulls them.
 *
 * Bytes that arrive in order are never copied: the direct piece points into the packet and is gone
 * with it. What arrives early waits in a sorted array of segments, charged to the stream budget. */
#ifndef TAPIR_TRACK_STREAM_H
#define TAPIR_TRACK_STREAM_H

#include "base/budget.h"
#include "stack/track/policy.h"
#include "stack/track/tcp.h"
#include "stack/track/tree.h"

/* seq .. end is what it stands for in the sequence space; end - seq is more than len where a FIN counts. */
struct segment {
	struct tree_node node;          /* first: its place among Linux's early segments */
	uint32_t seq, end;
	uint32_t len;
	uint32_t cap;
	uint8_t parts;          /* pieces it was joined from */
	bool fin;
	bool doubt;             /* a strict receiver drops it: real only once it was acknowledged */
	uint8_t data[];
};

struct segments {
	struct tcp_dir *dir;            /* whose */
	struct segments *older, *newer; /* of all queues, by when they began */
	struct tree tree;               /* Linux: those of them that wait for a hole to be filled */
	uint32_t count, cap;
	struct segment *at[];   /* by seq, then by age */
};

/* The packet's own bytes, in order, waiting to be pulled. */
struct direct {
	struct tcp_dir *dir;    /* NULL: none */
	const uint8_t *data;
	uint32_t seq, len;
};

struct stream_pool {
	struct budget *budget;          /* for data */
	uint32_t segments_max;
	uint64_t depth;                 /* 0 = none */
	bool urgent_gap;                /* an urgent byte becomes a gap; else it is left out */
	struct direct direct;
	struct segment *lent;           /* pulled last: freed at the next call */
	struct segments *oldest, *newest;
	uint64_t gaps, overlaps, overlaps_differing, shed;
	uint64_t queues_shed, lost_bytes;
};

enum stream_insert {
	INSERT_OK,
	INSERT_OVERLAP = 1 << 0,        /* some of it was there */
	INSERT_DIFFERS = 1 << 1,        /* with other content */
	INSERT_SHED = 1 << 2,           /* no memory: it is lost */
};

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* Keeps data that can't be handed out yet. Returns a set of enum stream_insert. */
unsigned stream_insert(struct stream_pool *pool, struct tcp_dir *dir, const struct segment *what,
		       const uint8_t *data);
/* Takes a segment that starts at or before rcv_nxt and ends behind it; moves rcv_nxt, over what waited
 * behind it too. */
unsigned stream_in_order(struct stream_pool *pool, struct tcp_dir *dir, const struct segment *what,
			 const uint8_t *data);
/* The receiver has acknowledged up to ack: doubts below it are settled, and what is still missing
 * before data that is there won't come. Where nothing is there, the data may just be late to us. True
 * where a gap was declared. */
bool stream_acknowledged(struct tcp_dir *dir, uint32_t ack);
/* All that waits becomes readable, holes become gaps; doubtful data is dropped. */
void stream_flush(struct stream_pool *pool, struct tcp_dir *dir);
/* Before the packet's bytes go away: what nobody pulled is kept. */
void stream_settle(struct stream_pool *pool);
bool stream_next(struct stream_pool *pool, struct tcp_dir *dir, const uint8_t **data, uint32_t *len,
		 bool *is_gap);
/* A copy of the direction stands in another place now. */
void stream_moved(struct tcp_dir *dir);
void stream_drop(struct stream_pool *pool, struct tcp_dir *dir);
/* The end of the highest out-of-order run, for SACK's sake; doubtful ones count where doubts is set. rcv_nxt where
 * there is none. */
uint32_t stream_highest(const struct tcp_dir *dir, bool doubts);

#endif

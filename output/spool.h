/* spool.h - records on disk until their sink has them.
 *
 * A spool is a folder of segments; a segment is a row of blocks, each with its own checksum and a
 * sequence number that only grows. The collector appends at the end, the sender reads and
 * acknowledges from the front, and a file beside the segments says how far that got: after a kill
 * -9 everything that was appended is still there, after a power cut everything up to the last sync.
 *
 * Where the size limit is reached, the oldest segments lose what isn't an alert, then whole segments
 * go, oldest first; what was lost is counted by type. */
#ifndef TAPIR_OUTPUT_SPOOL_H
#define TAPIR_OUTPUT_SPOOL_H

#include "output/feed.h"

#define BLOCK_MAX (1024 * 1024)         /* of records in one block */

/* Before each block, in memory and on disk. */
struct block_head {
	uint32_t magic;
	uint32_t len;           /* of what follows */
	uint32_t count;         /* records */
	uint32_t unused;
	uint64_t seq;
	uint64_t run_id;        /* the first half of its records' event ids */
	uint64_t time_ns;       /* when it was collected */
	uint64_t sum;           /* over all of the above and what follows */
};

enum spool_sync { SPOOL_SYNC_NEVER, SPOOL_SYNC_INTERVAL, SPOOL_SYNC_ALWAYS };

struct spool_opts {
	const char *dir;
	uint64_t size_max, segment_max;
	enum spool_sync sync;
	uint64_t sync_ns;       /* SPOOL_SYNC_INTERVAL */
};

struct spool_stats {
	uint64_t bytes, segments;
	uint64_t damaged;       /* bytes that were skipped because their checksum was wrong */
	uint64_t shed[RECORD_TYPES_MAX];
};

struct spool;

/* Takes up what an earlier run has left. */
int spool_open(struct spool **out, const struct spool_opts *opts, char *error, size_t error_len);
void spool_close(struct spool *s);
/* The block's first acknowledged sequence number, and the next to give away. */
uint64_t spool_acked(const struct spool *s);
uint64_t spool_next_seq(const struct spool *s);
/* Writes a complete block (seq is set here). Makes room for it where it has to: then the segments that lost
 * something are all numbered below *lost. 0; -ENOBUFS: no room can be made; or -errno of the disk. */
int spool_append(struct spool *s, struct block_head *block, bool alerts, uint64_t *lost);
/* Gives away the next number for a block that is kept elsewhere. */
uint64_t spool_skip(struct spool *s);
/* The first block at or behind *seq, into a buffer of sizeof(struct block_head) + BLOCK_MAX. 0; or -ENODATA: there is
 * none, and *seq is the number of the next one that will be appended. */
int spool_read(struct spool *s, uint64_t *seq, struct block_head *out);
/* Everything before seq has arrived. */
void spool_ack(struct spool *s, uint64_t seq);
/* SPOOL_SYNC_INTERVAL: when it is time. */
void spool_tick(struct spool *s, uint64_t now_ns);
void spool_stats(struct spool *s, struct spool_stats *out);
/* What the sink will never accept is kept for a person: refused.json. */
void spool_refused(struct spool *s, const char *text, size_t len);

/* Fills in magic and checksum. */
void block_seal(struct block_head *block);
/* Keeps the alerts of a block only; the others are counted. */
void block_thin(struct block_head *block, uint64_t shed[RECORD_TYPES_MAX]);

#endif

/* delivery.h - records on their way to one sink: at least once, in order, and never in the worker's way.
 *
 *   worker --feed--> collector thread --blocks in memory, and the spool--> sender thread --> sink
 *
 * The collector empties the workers' feeds into blocks. Where there is a spool, a block is on disk
 * before anybody sends it; blocks also wait in memory, as far as memory goes, so that the disk is read
 * only by who has fallen behind. The sender takes the oldest block, sends until the sink has every
 * record of it, backing off in between, and acknowledges. What can't be kept is counted by type;
 * alerts go last. */
#ifndef TAPIR_OUTPUT_DELIVERY_H
#define TAPIR_OUTPUT_DELIVERY_H

#include "output/feed.h"
#include "output/sink.h"

struct delivery;

struct delivery_opts {
	const struct conf *conf;        /* the output's node */
	const char *name;               /* of the sink, for people and statistics; NULL: by its kind */
	unsigned index;                 /* among all deliveries */
	const char *log_dir;
	const char *default_name;
	const char *host;
	const char *sensor_name;
	bool plain;                     /* text of its own, not EVE: no format, no id (fast.log) */
	bool live;                      /* a full feed sheds; offline the worker waits */
};

struct delivery_stats {
	const char *name, *kind;
	uint64_t collected;             /* records taken from workers */
	uint64_t sent, retried, refused;
	uint64_t filtered;              /* left out by `when`, or because the format has no place for them */
	uint64_t shed;                  /* all types together */
	uint64_t shed_type[RECORD_TYPES_MAX];
	uint64_t waiting;               /* blocks not yet acknowledged */
	uint64_t memory_bytes, spool_bytes, spool_damaged;
	uint64_t lag_ms;                /* age of the oldest record that hasn't arrived */
	uint64_t failures;              /* sends that failed */
	bool down;
};

/* Opens the sink; the threads start with delivery_start. */
int delivery_new(struct delivery **out, const struct delivery_opts *opts, char *error, size_t error_len);
int delivery_start(struct delivery *d);
/* Sends what there is, for as long as the sink makes progress; the rest stays in the spool. */
void delivery_free(struct delivery *d);
void delivery_reopen(struct delivery *d);
const char *delivery_path(const struct delivery *d);
void delivery_stats(struct delivery *d, struct delivery_stats *out);

/* A worker's way in; it lives as long as the delivery. */
int delivery_feed(struct delivery *d, struct feed **out);
/* One record; false: it was shed, and is counted. */
bool delivery_put(struct delivery *d, struct feed *f, const struct record_head *head, const char *text);
/* At the end of a burst: the collector may have to be woken. */
void delivery_kick(struct delivery *d);

#endif

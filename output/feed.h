/* feed.h - records from one worker to one sink's queue: a byte ring with one writer and one reader.
 *
 * Writing takes no lock and no memory, and never waits: a record that doesn't fit is refused, and
 * counted by type. The last eighth of the ring is for alerts alone, so that they are refused last. */
#ifndef TAPIR_OUTPUT_FEED_H
#define TAPIR_OUTPUT_FEED_H

#include <stdatomic.h>
#include <stddef.h>

#include "output/record_type.h"

/* What stands before each record's text, here, in blocks and in the spool. */
struct record_head {
	uint32_t len;           /* of the text */
	uint8_t type;           /* enum record_type */
	uint8_t severity;       /* of alerts; else 0 */
	uint16_t unused;
	uint64_t id;            /* within the run; see event_id_text */
};

struct feed;

/* size is rounded up to a power of two. */
int feed_new(struct feed **out, size_t size);
void feed_free(struct feed *f);

/* The worker's side. False: it is refused; feed_shed counts it. */
bool feed_put(struct feed *f, const struct record_head *head, const char *text);
void feed_shed(struct feed *f, unsigned type);
/* Whether a record that is refused now could fit later. */
bool feed_could_fit(const struct feed *f, size_t len);
size_t feed_used(const struct feed *f);

/* The queue's side: the oldest record, until feed_pop. NULL: there is none. */
const struct record_head *feed_peek(struct feed *f);
void feed_pop(struct feed *f);
uint64_t feed_shed_count(const struct feed *f, unsigned type);

static inline const char *record_text(const struct record_head *head)
{
	return (const char *)(head + 1);
}

/* Bytes that a record takes. */
static inline size_t record_room(size_t text_len)
{
	return (sizeof(struct record_head) + text_len + 15) & ~(size_t)15;
}

#endif

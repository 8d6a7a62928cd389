/* ranges.h - a file that comes in byte ranges, in any order, over any number of flows. */
#ifndef TAPIR_ANALYZERS_RANGES_H
#define TAPIR_ANALYZERS_RANGES_H

#include "base/slice.h"

struct ranges;
struct range_part;

/* One for all workers. memcap is for the bytes of all files that aren't whole yet. 0 or -ENOMEM. */
int ranges_new(struct ranges **out, uint64_t memcap, uint32_t timeout_s);
void ranges_free(struct ranges *r);

/* Bytes from start to end (both count) of a file of total bytes are about to come; key says which file. NULL: it
 * can't be joined with others (no memory, nonsense). */
struct range_part *range_begin(struct ranges *r, struct slice key, uint64_t start, uint64_t end, uint64_t total,
			       uint64_t now_ns);
/* False: more came than was announced, or the memory is spent; the part is to be given up. */
bool range_data(struct ranges *r, struct range_part *p, struct slice data);
void range_abort(struct ranges *r, struct range_part *p);
/* The part is whole. If that completes the file, its bytes are handed out in order, and true is returned. */
bool range_end(struct ranges *r, struct range_part *p, void (*out)(void *ctx, struct slice data), void *ctx);

#endif

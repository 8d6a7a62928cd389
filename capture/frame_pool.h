/* frame_pool.h - buffers for a device that copies its frames: the three tiers, and
 * a few more for frames that GRO merged, which are up to 64 KiB long. */
#ifndef TAPIR_CAPTURE_FRAME_POOL_H
#define TAPIR_CAPTURE_FRAME_POOL_H

#include "capture/frame.h"

/* Merged frames are cut to this; wire_len then tells. */
#define FRAME_POOL_LEN_MAX (64 * 1024 + 256)

struct frame_pool;

/* counts: buffers per tier; merged: how many more of FRAME_POOL_LEN_MAX. Returns 0 or -ENOMEM. */
int frame_pool_new(struct frame_pool **out, const uint32_t counts[BUFFER_TIERS], uint32_t merged);
void frame_pool_free(struct frame_pool *p);
/* Memory for len bytes, NULL where none is left (or len is above the limit). One thread. */
void *frame_pool_get(struct frame_pool *p, size_t len);
void frame_pool_put(struct frame_pool *p, void *buffer);
/* Any thread. */
void frame_pool_stats(const struct frame_pool *p, struct buffer_tier_stats out[BUFFER_TIERS]);

#endif

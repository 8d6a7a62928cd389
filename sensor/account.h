/* account.h - nothing vanishes uncounted: every frame received ends in exactly one counter.
 *
 * A frame is followed when one of its packets has a flow or waits in defragmentation; otherwise it
 * was left out, for the reason that its outermost packet met. Both sums move in one function, so
 * that received = followed + sum(dropped) holds whenever anybody looks. */
#ifndef TAPIR_SENSOR_ACCOUNT_H
#define TAPIR_SENSOR_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/track/tracker.h"

/* The tracker's reasons, then the sensor's own. */
enum account_drop {
	ACCOUNT_HANDOVER_FULL = TRACK_DROPS,    /* for another worker, whose ring was full */
	ACCOUNT_DROPS,
};

struct account {
	uint64_t received;
	uint64_t received_bytes;
	uint64_t followed;
	uint64_t held;                          /* of those followed: fragments */
	uint64_t dropped[ACCOUNT_DROPS];        /* those that count as followed stay 0 here */
};

static inline bool account_follows(unsigned why)
{
	return why == TRACK_FOLLOWED || why == TRACK_FLOWLESS || why == TRACK_FRAGMENT_HELD;
}

static inline void account_frame(struct account *a, uint32_t bytes, unsigned why)
{
	a->received++;
	a->received_bytes += bytes;
	if (account_follows(why)) {
		a->followed++;
		a->held += why == TRACK_FRAGMENT_HELD;
	} else {
		a->dropped[why]++;
	}
}

uint64_t account_dropped(const struct account *a);
bool account_holds(const struct account *a);
void account_add(struct account *total, const struct account *one);
/* "not_ip", "handover_full", ... */
const char *account_drop_name(unsigned why);

#endif

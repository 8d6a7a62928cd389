/* impair.h - a wrapper that makes any device behave like a bad network, the same way each time.
 *
 * All chance comes from the seed, and all time from frames and device_advance: the same
 * frames at the same times give the same result. A frame passes, in this order: loss,
 * corruption, duplication, the rate with its queue, delay and jitter, reordering. */
#ifndef TAPIR_CAPTURE_IMPAIR_H
#define TAPIR_CAPTURE_IMPAIR_H

#include "capture/device.h"

/* Chances are in parts per million. */
#define IMPAIR_CERTAIN 1000000u

enum impair_jitter { IMPAIR_UNIFORM, IMPAIR_NORMAL, IMPAIR_PARETO };

/* What happens to one direction. All zero = nothing. */
struct impair_link {
	uint32_t loss;                  /* of each frame, in the good state */
	uint32_t burst_enter;           /* Gilbert-Elliott: from the good state to the bad one, per frame */
	uint32_t burst_leave;           /* and back */
	uint32_t burst_loss;            /* loss in the bad state; 0 = certain where burst_enter is set */
	uint32_t corrupt;               /* one bit flipped, anywhere in the frame */
	uint32_t duplicate;
	uint32_t reorder;               /* the frame is held back until a few later ones have passed */
	uint32_t reorder_gap;           /* how many, at most; 0 = 3 */
	uint64_t delay_ns;
	uint64_t jitter_ns;             /* uniform: up to +-; normal: standard deviation; pareto: scale */
	enum impair_jitter jitter;
	bool jitter_reorders;           /* else a frame never overtakes one before it because of jitter */
	uint64_t rate_bps;              /* bits a second; 0 = no limit */
	uint32_t queue_len_max;         /* frames waiting for the rate or the delay; 0 = 1000 */
};

struct impair_opts {
	uint64_t seed;
	struct impair_link rx;          /* what arrives */
	struct impair_link tx;          /* what is sent */
};

/* What happened to one direction so far. */
struct impair_count {
	uint64_t frames;                /* that came in */
	uint64_t lost;                  /* by chance, in either state */
	uint64_t queue_full;            /* lost because too many waited; of duplicates, too */
	uint64_t corrupted, duplicated, reordered;
	uint64_t passed;                /* that went on, duplicates included */
};

/* "loss=2%,delay=20ms,jitter=5ms,rate=10mbit,seed=7,...": both directions, or one with "rx." or "tx." in
 * front of a name. Returns 0, or -EINVAL with what is wrong in why. */
int impair_opts_parse(struct impair_opts *out, const char *text, char *why, size_t why_len);

/* Takes inner over: closing the wrapper closes it. Returns 0 or -errno, and inner is still the caller's
 * then. */
int impair_new(struct device **out, struct device *inner, const struct impair_opts *opts);
/* Of a device that impair_new made; for the thread that uses it. */
void impair_counts(const struct device *dev, struct impair_count *rx, struct impair_count *tx);

#endif

/* sweep.h - one text that stands for many: {1-100} counts, {a,b,c} lists, {random} draws.
 *
 *   ip src=10.0.0.{1-254} dst=10.0.1.1 / tcp sport={random} dport={22,80,8000-8100} flags=S
 *
 * {FROM-TO} counts up, {FROM-TO/STEP} in steps; numbers are decimal, or hex as in {x0-xff}. Each combination
 * comes once, the last {} changing fastest. {random} is 1 to 65535, {random:FROM-TO} between these: drawn anew each
 * time, which makes no combination more. Within "quotes" braces are text. */
#ifndef TAPIR_WIRE_SWEEP_H
#define TAPIR_WIRE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWEEP_HOLES_MAX 16
#define SWEEP_ITEMS_MAX 64
#define SWEEP_TEXT_MAX 8192

struct sweep_item {
	const char *word;               /* as it is, where word_len > 0 */
	uint32_t word_len;
	uint32_t from, to, step;
	bool hex, random;
};

struct sweep_hole {
	uint32_t open, close;           /* where { is, and what is behind } */
	struct sweep_item items[SWEEP_ITEMS_MAX];
	unsigned count;
	unsigned item;                  /* where it stands now */
	uint32_t value;
};

struct sweep {
	const char *text;
	struct sweep_hole holes[SWEEP_HOLES_MAX];
	unsigned count;
	bool random;                    /* some hole is drawn anew each time */
	bool ended;
	uint64_t state;                 /* of the random numbers */
	char out[SWEEP_TEXT_MAX];
	uint16_t origin[SWEEP_TEXT_MAX];        /* where in text each byte of out is from */
};

/* text must outlive the sweep. Returns 0, or -EINVAL with the place and the reason. */
int sweep_init(struct sweep *s, const char *text, uint64_t seed, size_t *at, const char **why);
/* The next combination, valid until the next call; NULL behind the last. */
const char *sweep_next(struct sweep *s);
/* From the first again; random numbers go on. */
void sweep_rewind(struct sweep *s);
/* How many combinations there are; UINT64_MAX where that doesn't fit. */
uint64_t sweep_count(const struct sweep *s);
/* Where in the text the byte at `at` of what sweep_next gave came from. */
size_t sweep_origin(const struct sweep *s, size_t at);

#endif

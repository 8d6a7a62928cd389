/* wheel.h - a hierarchical timer wheel: arming, moving and cancelling are O(1).
 *
 * Four levels of 256 slots. The tick is the caller's (the flow table uses 1/16 s,
 * the host stack 1 ms). Time is an argument; the wheel never asks for it. A timer
 * that is due is handed out by wheel_next; at most a bounded number of slots are
 * touched per call, so that a jump of the clock doesn't stall the caller. */
#ifndef TAPIR_BASE_WHEEL_H
#define TAPIR_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 256

struct timer {
	struct timer *next;
	struct timer **pprev;   /* NULL = not armed */
	uint64_t due_tick;
};

struct wheel {
	uint64_t tick_ns;
	uint64_t now_tick;
	struct timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64];
	struct timer *due;      /* expired, to be handed out */
	uint64_t armed;
};

void wheel_init(struct wheel *w, uint64_t tick_ns, uint64_t now_ns);
/* Arms or re-arms. A time that is past fires at the next wheel_next. */
void wheel_arm(struct wheel *w, struct timer *t, uint64_t due_ns);
void wheel_cancel(struct wheel *w, struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
	return t->pprev != 0;
}
/* The next timer that is due at now_ns, disarmed; NULL where none is. */
struct timer *wheel_next(struct wheel *w, uint64_t now_ns);
/* The earliest time at which a timer may be due; UINT64_MAX where none is armed.
 * Exact to the tick for timers within 256 ticks, a lower bound beyond. */
uint64_t wheel_deadline(const struct wheel *w);

#endif

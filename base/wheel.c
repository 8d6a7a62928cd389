/* wheel.c - four wheels of 256 slots; a timer waits in the wheel whose slots are
 * as wide as it is far away, and moves to finer ones as its time comes near.
 *
 * A bitmap a level tells which slots hold anything, so that the wheel steps from
 * one occupied slot to the next however far the clock has jumped. Each timer moves
 * at most three times; between two timers handed out at most four slots are opened.
 * Timers of one tick that were armed from the same distance come out in order. */
#include "base/wheel.h"

#include <stddef.h>
#include <string.h>

#include "base/must.h"

#define NEVER UINT64_MAX
#define REACH_TICKS ((UINT64_C(1) << (8 * WHEEL_LEVELS)) - 1)

void wheel_init(struct wheel *w, uint64_t tick_ns, uint64_t now_ns)
{
	must(tick_ns > 0);
	memset(w, 0, sizeof(*w));
	w->tick_ns = tick_ns;
	w->now_tick = now_ns / tick_ns;
}

static inline void timer_link(struct timer **head, struct timer *t)
{
	t->next = *head;
	t->pprev = head;
	if (t->next != NULL)
		t->next->pprev = &t->next;
	*head = t;
}

static inline void timer_unlink(struct timer *t)
{
	*t->pprev = t->next;
	if (t->next != NULL)
		t->next->pprev = t->pprev;
	t->next = NULL;
	t->pprev = NULL;
}

/* Into the slot that its distance asks for. */
static void wheel_place(struct wheel *w, struct timer *t)
{
	uint64_t away, tick;
	unsigned level = 0, slot;

	if (t->due_tick <= w->now_tick) {
		timer_link(&w->due, t);
		return;
	}
	away = t->due_tick - w->now_tick;
	/* Beyond the reach: it waits at the far end and is placed again from there. */
	tick = away <= REACH_TICKS ? t->due_tick : w->now_tick + REACH_TICKS;
	while (level < WHEEL_LEVELS - 1 && away >> (8 * (level + 1)))
		level++;
	slot = (unsigned)(tick >> (8 * level)) % WHEEL_SLOTS;
	timer_link(&w->slots[level][slot], t);
	w->occupied[level][slot / 64] |= UINT64_C(1) << (slot % 64);
}

void wheel_arm(struct wheel *w, struct timer *t, uint64_t due_ns)
{
	wheel_cancel(w, t);
	/* Rounded up: a timer is never early. */
	t->due_tick = due_ns / w->tick_ns + (due_ns % w->tick_ns != 0);
	w->armed++;
	wheel_place(w, t);
}

void wheel_cancel(struct wheel *w, struct timer *t)
{
	struct timer **first = &w->slots[0][0];
	struct timer **head = t->pprev;

	if (head == NULL)
		return;
	timer_unlink(t);
	w->armed--;
	if (*head == NULL && head >= first && head < first + WHEEL_LEVELS * WHEEL_SLOTS) {
		unsigned slot = (unsigned)(head - first);

		w->occupied[slot / WHEEL_SLOTS][slot % WHEEL_SLOTS / 64] &=
			~(UINT64_C(1) << (slot % 64));
	}
}

/* How many slots from start (itself excluded) to the next occupied one, 1..256; 0 = none. */
static unsigned slots_until(const uint64_t occupied[WHEEL_SLOTS / 64], unsigned start)
{
	for (unsigned away = 1; away <= WHEEL_SLOTS;) {
		unsigned slot = (start + away) % WHEEL_SLOTS;
		uint64_t bits = occupied[slot / 64] >> (slot % 64);

		if (bits != 0) {
			away += (unsigned)__builtin_ctzll(bits);
			return away <= WHEEL_SLOTS ? away : 0;
		}
		away += 64 - slot % 64;
	}
	return 0;
}

/* The next tick at which a slot has to be opened. */
static uint64_t wheel_next_tick(const struct wheel *w)
{
	uint64_t best = NEVER;

	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		uint64_t window = w->now_tick >> (8 * level);
		unsigned away = slots_until(w->occupied[level], (unsigned)window % WHEEL_SLOTS);
		uint64_t tick = (window + away) << (8 * level);

		if (away != 0 && tick < best)
			best = tick;
	}
	return best;
}

/* Empties a slot; the timers come back oldest first. */
static struct timer *slot_take(struct wheel *w, unsigned level, unsigned slot)
{
	struct timer *t = w->slots[level][slot];
	struct timer *out = NULL;

	w->slots[level][slot] = NULL;
	w->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	while (t != NULL) {
		struct timer *next = t->next;

		t->next = out;
		out = t;
		t = next;
	}
	return out;
}

static void wheel_open(struct wheel *w, uint64_t tick)
{
	struct timer *t;

	w->now_tick = tick;
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		if (tick & ((UINT64_C(1) << (8 * level)) - 1))
			continue;
		t = slot_take(w, level, (unsigned)(tick >> (8 * level)) % WHEEL_SLOTS);
		while (t != NULL) {
			struct timer *next = t->next;

			/* What is due in this very tick joins its slot, which is opened below. */
			if (t->due_tick == tick)
				timer_link(&w->slots[0][tick % WHEEL_SLOTS], t);
			else
				wheel_place(w, t);
			t = next;
		}
	}
	t = slot_take(w, 0, (unsigned)tick % WHEEL_SLOTS);
	for (struct timer **tail = &w->due; t != NULL; t = t->next) {
		t->pprev = tail;
		*tail = t;
		tail = &t->next;
	}
}

struct timer *wheel_next(struct wheel *w, uint64_t now_ns)
{
	uint64_t target = now_ns / w->tick_ns;
	struct timer *t;

	while (w->due == NULL) {
		uint64_t tick;

		if (target <= w->now_tick)
			return NULL;
		tick = w->armed ? wheel_next_tick(w) : NEVER;
		if (tick > target) {
			w->now_tick = target;
			return NULL;
		}
		wheel_open(w, tick);
	}
	t = w->due;
	timer_unlink(t);
	w->armed--;
	return t;
}

uint64_t wheel_deadline(const struct wheel *w)
{
	uint64_t tick;

	if (w->due != NULL)
		return w->now_tick * w->tick_ns;
	if (w->armed == 0)
		return NEVER;
	tick = wheel_next_tick(w);
	return tick > NEVER / w->tick_ns ? NEVER : tick * w->tick_ns;
}

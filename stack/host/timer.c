/* timer.c - timers in a pairing heap: exact, without allocation, deterministic.
 *
 * Arming and cancelling what nobody has melded under are O(1): that is nearly every timer of
 * a stack, since a retransmission timer is moved or cancelled long before it is due. Moving a
 * timer to a later time only notes the time: it sinks when it comes to the top. */
#include "stack/host/internal.h"

/* The one with the smaller key becomes the other's parent; a where they are equal. */
static struct host_timer *meld(struct host_timer *a, struct host_timer *b)
{
	if (b->key < a->key) {
		struct host_timer *t = a;

		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child != NULL)
		a->child->prev = b;
	a->child = b;
	return a;
}

/* Melds a list of siblings to one tree: in pairs from left to right, then from right to left. */
static struct host_timer *meld_all(struct host_timer *first)
{
	struct host_timer *pairs = NULL, *root;

	while (first != NULL) {
		struct host_timer *a = first, *b = a->next;

		first = b != NULL ? b->next : NULL;
		a->next = NULL;
		if (b != NULL) {
			b->next = NULL;
			a = meld(a, b);
		}
		a->next = pairs;
		pairs = a;
	}
	root = pairs;
	if (root != NULL) {
		pairs = root->next;
		root->next = NULL;
	}
	while (pairs != NULL) {
		struct host_timer *a = pairs;

		pairs = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	if (root != NULL)
		root->prev = NULL;
	return root;
}

static void heap_insert(struct tapir_host *h, struct host_timer *t)
{
	t->child = t->next = t->prev = NULL;
	h->timers = h->timers != NULL ? meld(h->timers, t) : t;
	h->timers->prev = NULL;
	h->timers->next = NULL;
}

static void heap_remove(struct tapir_host *h, struct host_timer *t)
{
	struct host_timer *below = meld_all(t->child);

	if (h->timers == t) {
		h->timers = below;
		return;
	}
	if (t->prev->child == t)
		t->prev->child = t->next;
	else
		t->prev->next = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	if (below != NULL)
		h->timers = meld(h->timers, below);
	h->timers->prev = NULL;
	h->timers->next = NULL;
}

void host_timer_arm(struct tapir_host *h, struct host_timer *t, uint64_t due_ns)
{
	if (due_ns == NEVER) {
		host_timer_cancel(h, t);
		return;
	}
	if (t->due != NEVER) {
		if (due_ns >= t->key) {
			t->due = due_ns;
			return;
		}
		heap_remove(h, t);
	}
	t->due = t->key = due_ns;
	heap_insert(h, t);
}

void host_timer_cancel(struct tapir_host *h, struct host_timer *t)
{
	if (t->due == NEVER)
		return;
	heap_remove(h, t);
	t->due = NEVER;
}

/* Timers that were moved to later sink to where they belong. */
static void settle(struct tapir_host *h)
{
	struct host_timer *t;

	while ((t = h->timers) != NULL && t->due > t->key) {
		heap_remove(h, t);
		t->key = t->due;
		heap_insert(h, t);
	}
}

uint64_t host_timers_deadline(struct tapir_host *h)
{
	settle(h);
	return h->timers != NULL ? h->timers->due : NEVER;
}

bool host_timers_run(struct tapir_host *h)
{
	const uint64_t until = h->now_ns;
	bool any = false;

	/* What fires may arm itself for this very moment: each pass is bounded all the same, since a timer
	 * that was armed for now goes behind those that stand already. */
	for (unsigned i = 0; i < HOST_TIMERS_A_RUN && host_timers_deadline(h) <= until; i++) {
		struct host_timer *t = h->timers;

		heap_remove(h, t);
		t->due = NEVER;
		any = true;
		t->fire(h, t);
	}
	return any;
}

/* memory.c - what each protocol's flows hold, and its memcap.
 *
 * All analyzers take from one budget, so what a call took or gave back shows in how that moved: it is noted with
 * the flow, and with its protocol. A protocol at its memcap gets no more for the length of a call: the budget's
 * cap stands where it is then, and analyzers meet it as they meet any spent budget. */
#include "analyzers/app.h"

struct memory_mark memory_begin(struct app *app, const struct flow *flow)
{
	const struct analysis *a = analysis_of(flow);
	struct budget *b = &app->budget;
	struct memory_mark mark = { .used = b->used, .max = b->max, .denied = b->denied };
	uint64_t cap, held;

	if (a == NULL || a->row >= app->settings->count || app->settings->protos[a->row].memcap == 0)
		return mark;
	cap = mem_part(b->mem, app->settings->protos[a->row].memcap);
	held = app->stats[a->row].memuse;
	if (b->max == 0 || b->max - b->used > (cap > held ? cap - held : 0))
		b->max = b->used + (cap > held ? cap - held : 0);
	return mark;
}

static void memory_add(struct app *app, struct analysis *a, uint64_t bytes)
{
	if (a->memory_row != a->row) {
		app->stats[a->memory_row].memuse -= a->memory;
		app->stats[a->row].memuse += a->memory;
		a->memory_row = a->row;
	}
	a->memory += bytes;             /* less than nothing wraps round, and back when the rest comes */
	app->stats[a->row].memuse += bytes;
}

void memory_end(struct app *app, const struct flow *flow, const struct memory_mark *mark)
{
	struct analysis *a = analysis_of(flow);
	struct budget *b = &app->budget;

	b->max = mark->max;
	if (a == NULL)
		return;
	memory_add(app, a, b->used - mark->used);
	app->stats[a->row].memcap_denied += b->denied - mark->denied;
}

void memory_move(struct app *app, struct analysis *from, struct analysis *to)
{
	uint64_t bytes = from->memory;

	app->stats[from->memory_row].memuse -= bytes;
	from->memory = 0;
	if (to != NULL)
		memory_add(app, to, bytes);
}

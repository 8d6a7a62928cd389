/* explain.c - notes of one rule's judgements, see explain.h. */
#include "rules/explain.h"

#include "rules/explain_notes.h"

static struct explain_try *current(struct explain *e)
{
	return e->active && e->count ? &e->tries[(e->count - 1) % EXPLAIN_TRIES] : NULL;
}

void explain_note_begin(struct explain *e, const struct inspect *in, const struct rule *rule)
{
	struct explain_try *t;

	e->active = rule->sid == e->sid && (e->gid == 0 || rule->gid == e->gid);
	if (!e->active)
		return;
	t = &e->tries[e->count++ % EXPLAIN_TRIES];
	*t = (struct explain_try){
		.rule = rule, .packet = in->pkt->number, .side = in->side, .flow = in->flow ? in->flow->id : 0,
		.has_tx = in->tx != NULL, .tx_id = in->tx ? in->tx->id : 0, .stop = EXPLAIN_MATCHED,
	};
}

void explain_note_flow(struct explain *e, const struct inspect *in, const struct rule *rule)
{
	struct explain_try *t = current(e);

	(void)in;
	(void)rule;
	if (t != NULL)
		t->stop = EXPLAIN_FLOW;
}

void explain_note_condition(struct explain *e, const struct inspect *in, const struct rule *rule, unsigned condition)
{
	struct explain_try *t = current(e);

	(void)in;
	(void)rule;
	if (t == NULL)
		return;
	t->stop = EXPLAIN_CONDITION;
	t->condition = condition;
}

static void head_keep(struct explain_try *t, const struct view *view)
{
	t->value_len = view->bytes.len;
	t->head_len = view->bytes.len < EXPLAIN_BYTES ? (unsigned)view->bytes.len : EXPLAIN_BYTES;
	memcpy(t->head, view->bytes.data, t->head_len);
}

void explain_note_view(struct explain *e, const struct buffer_list *list, unsigned index, const struct view *view)
{
	struct explain_try *t = current(e);

	if (t == NULL)
		return;
	t->list = list;
	t->value_index = index;
	t->reached = 0;
	t->stop = EXPLAIN_MATCH;
	t->number_known = t->place_known = false;
	if (view->bytes.len)
		head_keep(t, view);
}

void explain_note_no_value(struct explain *e, const struct buffer_list *list)
{
	struct explain_try *t = current(e);

	if (t == NULL)
		return;
	t->list = list;
	t->stop = EXPLAIN_NO_VALUE;
}

void explain_note_reached(struct explain *e, const struct buffer_list *list, unsigned match, size_t at)
{
	struct explain_try *t = current(e);

	if (t == NULL || (t->list == list && match < t->reached))
		return;
	t->list = list;
	t->stop = EXPLAIN_MATCH;
	t->reached = match;
	t->at = at;
	t->number_known = t->place_known = false;
}

void explain_note_found(struct explain *e, unsigned match, size_t place)
{
	struct explain_try *t = current(e);

	if (t == NULL || match < t->reached)
		return;
	t->place_known = true;
	t->place = place;
}

void explain_note_number(struct explain *e, unsigned match, size_t place, uint64_t value)
{
	struct explain_try *t = current(e);

	if (t == NULL || match < t->reached)
		return;
	t->place_known = t->number_known = true;
	t->place = place;
	t->number = value;
}

void explain_note_matched(struct explain *e)
{
	struct explain_try *t = current(e);

	if (t != NULL)
		t->stop = EXPLAIN_MATCHED;
}

/* explain.c - notes of one rule's judgements, see explain.h. A candidate has one note; when it makes room for another, or at
 * the end, it is counted under its reason. */
#include "rules/explain.h"

#include <errno.h>
#include <stdlib.h>

#include "rules/engine.h"
#include "rules/explain_notes.h"
#include "rules/explain_own.h"
#include "stack/track/tcp.h"

int rules_explain_start(struct rules *r, uint32_t gid, uint32_t sid)
{
	struct explain *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < r->set->count && e->rule == NULL; i++)
		if (r->set->rules[i]->sid == sid && (gid == 0 || r->set->rules[i]->gid == gid))
			e->rule = r->set->rules[i];
	if (e->rule == NULL) {
		free(e);
		return -ENOENT;
	}
	rules_explain_stop(r);
	r->explain = e;
	return 0;
}

void rules_explain_stop(struct rules *r)
{
	free(r->explain);
	r->explain = NULL;
}

static bool same_reason(const struct explain_note *a, const struct explain_note *b)
{
	bool losses = a->stop == EXPLAIN_APP || a->stop == EXPLAIN_FAST || a->stop == EXPLAIN_FLOW || a->stop == EXPLAIN_WAITING;

	if (a->stop != b->stop || a->occurs != b->occurs || a->source != b->source)
		return false;
	if ((a->stop == EXPLAIN_APP && a->app != b->app) ||
	    (losses && (a->gap != b->gap || a->midstream != b->midstream)))
		return false;
	return a->condition == b->condition && a->list == b->list && a->reached == b->reached &&
	       a->other_field == b->other_field && a->elsewhere_known == b->elsewhere_known && a->other_case == b->other_case;
}

static void note_count(struct explain *e, const struct explain_note *n)
{
	if (n->rule == NULL)
		return;
	for (unsigned i = 0; i < e->reason_count; i++)
		if (same_reason(&e->reasons[i].first, n)) {
			e->reasons[i].count++;
			return;
		}
	if (e->reason_count < EXPLAIN_REASONS)
		e->reasons[e->reason_count++] = (struct explain_reason){ *n, 1 };
}

/* What was stopped by its header, but has the bytes that are looked for, is nearer than what hasn't. */
static unsigned rank(const struct explain_note *n)
{
	return n->occurs && n->stop < EXPLAIN_FAST ? EXPLAIN_FAST * 32u + n->stop + 1u : n->stop * 32u;
}

/* Equally far: the one that has more to say. */
static unsigned hints(const struct explain_note *n)
{
	return n->other_case ? 3 : n->elsewhere_known ? 2 : n->other_field != NULL ? 1 : 0;
}

static int reason_order(const void *a, const void *b)
{
	const struct explain_reason *x = a, *y = b;
	unsigned m = rank(&x->first), n = rank(&y->first);

	if (m == n && x->first.stop == EXPLAIN_MATCH && x->first.reached != y->first.reached)
		return x->first.reached > y->first.reached ? -1 : 1;
	if (m == n && hints(&x->first) != hints(&y->first))
		return hints(&x->first) > hints(&y->first) ? -1 : 1;
	if (m == n)
		return x->count > y->count ? -1 : x->count < y->count;
	return m > n ? -1 : 1;
}

const struct explain *rules_explain_end(struct rules *r)
{
	struct explain *e = r->explain;

	for (unsigned i = 0; i < EXPLAIN_NOTES; i++) {
		note_count(e, &e->notes[i]);
		e->notes[i].rule = NULL;
	}
	qsort(e->reasons, e->reason_count, sizeof(*e->reasons), reason_order);
	return e;
}

struct explain_note *explain_note_new(struct explain *e, const struct inspect *in)
{
	struct explain_note *n = &e->notes[e->count++ % EXPLAIN_NOTES];
	const struct packet *pkt = in->pkt;

	note_count(e, n);
	*n = (struct explain_note){
		.rule = e->rule, .packet = pkt->number, .packet_flags = pkt->flags, .side = in->side,
		.flow = in->flow ? in->flow->id : 0, .has_flow = in->flow != NULL, .midstream = in->flow && in->flow->midstream,
		.has_tx = in->tx != NULL, .tx_id = in->tx ? in->tx->id : 0, .ip_version = pkt->ip_version, .proto = pkt->proto,
		.src = pkt->src, .dst = pkt->dst, .src_port = pkt->src_port, .dst_port = pkt->dst_port,
		.app = in->analysis ? in->analysis->proto : NULL,
	};
	n->gap = in->flow != NULL && in->flow->tcp != NULL && tcp_gap(in->flow->tcp, in->side);
	return n;
}

struct explain_note *explain_note_of_tx(struct explain *e, const struct inspect *in)
{
	unsigned kept = e->count < EXPLAIN_NOTES ? (unsigned)e->count : EXPLAIN_NOTES;

	for (unsigned i = 1; in->tx != NULL && i <= kept; i++) {
		struct explain_note *n = &e->notes[(e->count - i) % EXPLAIN_NOTES];

		if (n->has_tx && n->flow == in->flow->id && n->tx_id == in->tx->id && n->side == in->side &&
		    n->app == in->analysis->proto)
			return n;
	}
	return NULL;
}

void explain_note_begin(struct explain *e, const struct inspect *in, const struct rule *rule)
{
	struct explain_note *n;

	e->active = rule == e->rule;
	if (!e->active)
		return;
	e->tried = true;
	n = explain_note_of_tx(e, in);
	/* One that has matched is done; what comes then is another candidate. */
	if (n == NULL || n->stop >= EXPLAIN_MATCHED)
		n = explain_note_new(e, in);
	n->stop = EXPLAIN_FLOW;
	if (in->tx != NULL)
		n->stop = EXPLAIN_WAITING;
	e->now = n;
}

static struct explain_note *current(struct explain *e)
{
	return e->active ? e->now : NULL;
}

void explain_note_stop(struct explain *e, uint8_t stop)
{
	struct explain_note *n = current(e);

	if (n != NULL)
		n->stop = stop;
}

void explain_note_fits(struct explain *e)
{
	struct explain_note *n = current(e);

	if (n != NULL)
		n->stop = n->has_tx ? EXPLAIN_WAITING : EXPLAIN_NO_PAYLOAD;
}

void explain_note_condition(struct explain *e, unsigned condition)
{
	struct explain_note *n = current(e);

	if (n == NULL)
		return;
	n->stop = EXPLAIN_CONDITION;
	n->condition = condition;
}

void explain_note_step(struct explain *e, const struct buffer_list *list, unsigned condition, bool later)
{
	struct explain_note *n = current(e);

	if (n == NULL)
		return;
	if (list == NULL) {
		n->stop = later ? EXPLAIN_WAITING : EXPLAIN_CONDITION;
		n->condition = condition;
		n->list = NULL;
	} else if (n->list != list || (n->stop != EXPLAIN_MATCH && n->stop != EXPLAIN_NO_VALUE)) {
		n->stop = EXPLAIN_WAITING;
		n->list = list;
	}
}

void explain_note_step_holds(struct explain *e)
{
	struct explain_note *n = current(e);

	if (n == NULL)
		return;
	n->stop = EXPLAIN_WAITING;
	n->list = NULL;
	n->reached = 0;
	n->condition = 0;
	n->elsewhere_known = n->other_case = false;
	n->other_field = NULL;
}

static void match_begin(struct explain_note *n, const struct buffer_list *list, unsigned match, size_t at)
{
	n->list = list;
	n->stop = EXPLAIN_MATCH;
	n->reached = match;
	n->at = at;
	n->number_known = n->place_known = n->elsewhere_known = n->other_case = false;
	n->other_field = NULL;
}

void explain_note_view(struct explain *e, const struct buffer_list *list, unsigned index)
{
	struct explain_note *n = current(e);

	if (n == NULL)
		return;
	match_begin(n, list, 0, 0);
	n->value_index = index;
}

void explain_note_bytes(struct explain *e, const struct buffer_list *list, struct slice bytes)
{
	struct explain_note *n = current(e);

	if (n == NULL)
		return;
	if (n->list != list)
		match_begin(n, list, 0, 0);
	n->value_len = bytes.len;
	n->head_len = bytes.len < EXPLAIN_BYTES ? (unsigned)bytes.len : EXPLAIN_BYTES;
	if (n->head_len > 0)
		memcpy(n->head, bytes.data, n->head_len);
}

void explain_note_failed(struct explain *e, const struct inspect *in, const struct buffer_list *list, struct slice bytes)
{
	struct explain_note *n = current(e);
	const struct match *m;

	if (n == NULL || n->list != list || n->reached >= list->count)
		return;
	m = &list->matches[n->reached];
	if (m->kind == MATCH_CONTENT && !(m->content.flags & CONTENT_NEGATED))
		explain_look_around(n, in, &m->content, list->buffer, bytes);
}

void explain_note_no_value(struct explain *e, const struct buffer_list *list)
{
	struct explain_note *n = current(e);

	if (n == NULL)
		return;
	n->list = list;
	n->stop = EXPLAIN_NO_VALUE;
}

void explain_note_reached(struct explain *e, const struct buffer_list *list, unsigned match, size_t at)
{
	struct explain_note *n = current(e);

	if (n != NULL && (n->list != list || n->stop != EXPLAIN_MATCH || match >= n->reached))
		match_begin(n, list, match, at);
}

void explain_note_found(struct explain *e, unsigned match, size_t place)
{
	struct explain_note *n = current(e);

	if (n == NULL || match < n->reached)
		return;
	n->place_known = true;
	n->place = place;
}

void explain_note_number(struct explain *e, unsigned match, size_t place, uint64_t value)
{
	struct explain_note *n = current(e);

	if (n == NULL || match < n->reached)
		return;
	n->place_known = n->number_known = true;
	n->place = place;
	n->number = value;
}

void explain_note_outcome(struct explain *e, const struct inspect *in, const struct rule *rule, uint8_t stop)
{
	struct explain_note *last = NULL;

	if (rule != e->rule)
		return;
	if (stop == EXPLAIN_MATCHED) {
		e->now->stop = stop;
		return;
	}
	/* Decided once the packet's rules were all judged: its oldest note that waits for that. */
	for (unsigned i = 0; i < EXPLAIN_NOTES; i++) {
		struct explain_note *n = &e->notes[i];

		if (n->rule != NULL && n->stop == EXPLAIN_MATCHED && (!n->has_tx || in->tx == NULL || n->tx_id == in->tx->id))
			last = n;
	}
	if (last != NULL)
		last->stop = stop;
}

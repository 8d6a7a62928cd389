/* queue.c - from rules that matched to alerts: thresholds, order, limit, and what becomes of packet and flow. */
#include <stdlib.h>

#include "analyzers/frame.h"
#include "rules/engine.h"
#include "rules/explain.h"
#include "rules/explain_notes.h"
#include "rules/keyword.h"
#include "rules/profile.h"
#include "rules/state.h"

static void post_act(struct inspect *in, const struct rule *rule)
{
	const struct program *p = rule->program;

	for (unsigned i = p->stage_end[STAGE_STATE]; i < rule->condition_count; i++)
		if (rule->conditions[i].keyword != NULL && rule->conditions[i].keyword->match != NULL)
			rule->conditions[i].keyword->match(in, rule, rule->conditions[i].data);
}

void texts_begin(struct rules *r)
{
	r->text_count = r->packet_text_count = 0;
	r->text_used = 0;
}

/* The bytes that were captured go with the buffer: what is to be shown is copied. */
static bool text_copy(struct rules *r, struct alert_text *t, const struct inspect *in, unsigned i)
{
	struct slice value = in->captures[i].value;

	if (r->text_count + r->packet_text_count == TEXTS_MAX || value.len > TEXT_BYTES_MAX - r->text_used)
		return false;
	if (value.len)
		memcpy(r->text_bytes + r->text_used, value.data, value.len);
	*t = (struct alert_text){ .name = in->captures[i].to->name,
				  .value = slice_of(r->text_bytes + r->text_used, value.len),
				  .is_json = in->captures[i].to->kind == 'j' };
	r->text_used += value.len;
	return true;
}

static void captures_keep(struct rules *r, struct inspect *in, struct alert *a)
{
	a->texts = &r->texts[r->text_count];
	for (unsigned i = 0; i < in->capture_count; i++) {
		switch (in->captures[i].to->kind) {
		case 'f':
			flow_vars_text_set(in, in->captures[i].to->id, in->captures[i].value);
			break;
		case 'p':
			if (text_copy(r, &r->texts[TEXTS_MAX - 1 - r->packet_text_count], in, i))
				r->packet_text_count++;
			break;
		default:
			if (text_copy(r, &r->texts[r->text_count], in, i)) {
				r->text_count++;
				a->text_count++;
			}
			break;
		}
	}
	in->capture_count = 0;
}

void rules_packet_vars(const struct rules *r, void (*text)(void *ctx, const char *name, struct slice value), void *ctx)
{
	for (unsigned i = 0; i < r->packet_text_count; i++)
		text(ctx, r->texts[TEXTS_MAX - 1 - i].name, r->texts[TEXTS_MAX - 1 - i].value);
}

void found_add(struct rules *r, struct inspect *in, const struct rule *rule, uint16_t flags)
{
	struct alert *a;

	explain_outcome(in, rule, EXPLAIN_MATCHED);
	profile_match(r, rule);
	post_act(in, rule);
	if (r->found_count == FOUND_MAX) {
		r->stats.alert_queue_overflow++;
		return;
	}
	a = &r->found[r->found_count++];
	*a = (struct alert){
		.rule = rule, .tx = in->tx, .tx_id = in->tx ? in->tx->id : 0, .side = in->side,
		.action = rule->action, .flags = flags | (in->tx ? ALERT_TX : 0),
	};
	captures_keep(r, in, a);
}

void found_add_frame(struct rules *r, struct inspect *in, const struct rule *rule, const struct app_frame *frame)
{
	unsigned at = r->found_count;

	for (struct tx *tx = in->analysis->tx_first; tx != NULL && in->tx == NULL; tx = tx->next)
		if (tx->id == frame->tx_id)
			in->tx = tx;
	found_add(r, in, rule, ALERT_FRAME);
	if (r->found_count > at)
		r->found[at].frame_id = frame->id;
	in->tx = NULL;
}

static int alert_order(const void *a, const void *b)
{
	const struct alert *x = a, *y = b;

	if (x->rule->index != y->rule->index)
		return x->rule->index < y->rule->index ? -1 : 1;
	return x->tx_id < y->tx_id ? -1 : x->tx_id > y->tx_id;
}

/* Drop and pass of what isn't bound to one packet mean the flow. */
static bool acts_on_flow(const struct alert *a)
{
	const struct program *p = a->rule->program;

	switch (p->kind) {
	case RULE_IPONLY:
	case RULE_LIKE_IPONLY:
	case RULE_PROTOCOL_ONLY:
	case RULE_APP:
	case RULE_TX:
		return true;
	case RULE_STREAM:
	case RULE_PACKETS_STREAM:
		return a->flags & ALERT_STREAM;
	default:
		return false;
	}
}

static bool is_reject(uint8_t action)
{
	return action == ACTION_REJECT || action == ACTION_REJECT_DST || action == ACTION_REJECT_BOTH;
}

static uint8_t reject_to(uint8_t action)
{
	switch (action) {
	case ACTION_REJECT:
		return REJECT_TO_SOURCE;
	case ACTION_REJECT_DST:
		return REJECT_TO_DESTINATION;
	case ACTION_REJECT_BOTH:
		return REJECT_TO_SOURCE | REJECT_TO_DESTINATION;
	default:
		return 0;
	}
}

static void action_apply(struct rules *r, struct inspect *in, struct alert *a, struct alert_queue *q)
{
	struct flow *flow = in->flow;
	bool undecided = flow != NULL && acts_on_flow(a) && !flow->dropped && !flow->pass;

	if (a->action == ACTION_DROP || is_reject(a->action)) {
		if (q->drop_rule == NULL) {
			q->drop_rule = a->rule;
			q->drop_by_threshold = a->flags & ALERT_RATE_CHANGED;
		}
		q->drop = true;
		q->reject |= is_reject(a->action);
		q->reject_to |= reject_to(a->action);
		if (undecided)
			flow->dropped = true;
		if (is_reject(a->action) || r->inline_mode)
			a->flags |= ALERT_DROPPED;
	} else if (a->action == ACTION_PASS) {
		q->pass = true;
		if (undecided && !q->drop)
			flow->pass = true;
	}
}

static bool makes_alert(const struct rule *rule)
{
	if (rule->flags & RULE_ALERT)
		return true;
	return !(rule->flags & RULE_NOALERT) && rule->action != ACTION_CONFIG && rule->action != ACTION_PASS;
}

void found_finish(struct rules *r, struct inspect *in, struct alert_queue *q)
{
	if (r->found_count > 1)
		qsort(r->found, r->found_count, sizeof(*r->found), alert_order);
	for (unsigned i = 0; i < r->found_count; i++) {
		struct alert *a = &r->found[i];
		enum threshold_answer answer = THRESHOLD_ALERT_IT;

		in->tx = a->tx;
		in->side = a->side;
		if (a->rule->thresholds != NULL) {
			answer = rule_threshold(in, a->rule, &a->action);
			if (a->action != a->rule->action)
				a->flags |= ALERT_RATE_CHANGED;
		}
		if (answer != THRESHOLD_NO)
			action_apply(r, in, a, q);
		if (answer != THRESHOLD_ALERT_IT || !makes_alert(a->rule)) {
			explain_outcome(in, a->rule, answer != THRESHOLD_ALERT_IT ? EXPLAIN_THRESHOLD : EXPLAIN_NOALERT);
			q->suppressed++;
			r->stats.alerts_suppressed++;
		} else if (q->count < q->max && q->count < ALERTS_MAX) {
			q->items[q->count++] = *a;
			r->stats.alerts++;
			explain_outcome(in, a->rule, EXPLAIN_ALERT);
		} else {
			explain_outcome(in, a->rule, EXPLAIN_LIMIT);
			q->discarded++;
			r->stats.alert_queue_overflow++;
		}
		if (answer != THRESHOLD_NO && a->action == ACTION_PASS) {
			for (unsigned k = i + 1; k < r->found_count; k++)
				explain_outcome(in, r->found[k].rule, EXPLAIN_PASSED);
			break;
		}
	}
	if (q->count && in->flow != NULL)
		in->flow->alerted = true;
	r->found_count = 0;
}

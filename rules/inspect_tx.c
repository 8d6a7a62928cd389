/* inspect_tx.c - judging the transactions of one side of a flow.
 *
 * A buffer is scanned when the transaction has come far enough for it to be there, once, or in pieces where it
 * grows. A rule that came up is judged step by step in the order in which steps become possible: a step
 * that holds needn't be looked at again, one that can't hold any more ends the rule, and one that may hold later
 * leaves it half way, in the state that hangs on the transaction. A rule matches once a transaction and side. */
#include "analyzers/file.h"
#include "base/must.h"
#include "rules/engine.h"
#include "rules/explain.h"
#include "rules/keyword.h"
#include "rules/profile.h"

#define STEP_HOOK 0xffff        /* see programs.c */
#define VALUES_MAX 1024         /* of one buffer: more aren't looked at */

enum step_answer { STEP_HOLDS, STEP_LATER, STEP_NEVER };

/* One side of one transaction, as it stands now. */
struct tx_look {
	struct rules *r;
	struct inspect *in;
	const struct group *group;
	const struct raw_ready *raw;
	const struct analyzer_plan *plan;
	uint8_t progress[2];            /* by side, acknowledged */
	bool over;                      /* this side is complete */
};

void tx_state_free(struct rules *r, struct rules_flow *f, struct tx_state *s)
{
	for (unsigned side = 0; side < 2; side++)
		budget_put(&r->budget, s->sides[side].rules, s->sides[side].cap * sizeof(struct tx_rule));
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		f->states = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	if (s->tx != NULL)
		s->tx->rules = NULL;
	budget_put(&r->budget, s, sizeof(*s));
}

static struct tx_side *side_state(struct tx_look *l, bool make)
{
	struct tx_state *s = l->in->tx->rules;
	struct rules_flow *f = rules_flow_of(l->in->flow);

	if (s == NULL && make && f != NULL) {
		s = budget_get(&l->r->budget, sizeof(*s));
		if (s == NULL)
			return NULL;
		s->tx = l->in->tx;
		s->next = f->states;
		if (f->states != NULL)
			f->states->prev = s;
		f->states = s;
		l->in->tx->rules = s;
	}
	return s ? &s->sides[l->in->side] : NULL;
}

static struct tx_rule *rule_state_find(struct tx_side *s, uint32_t rule)
{
	for (uint32_t i = 0; s != NULL && i < s->count; i++)
		if (s->rules[i].rule == rule)
			return &s->rules[i];
	return NULL;
}

static void rule_state_keep(struct tx_look *l, struct tx_rule *have, const struct tx_rule *now)
{
	struct tx_side *s;

	if (have != NULL) {
		*have = *now;
		return;
	}
	s = side_state(l, true);
	if (s == NULL)
		return;
	if (s->count == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 4;
		struct tx_rule *grown = budget_resize(&l->r->budget, s->rules, s->cap * sizeof(*grown),
						      cap * sizeof(*grown));
		if (grown == NULL)
			return;
		s->rules = grown;
		s->cap = cap;
	}
	s->rules[s->count++] = *now;
}

/* Does a list hold on any of its buffer's values? */
static enum step_answer list_judge(struct tx_look *l, const struct rule *rule, const struct buffer_list *list,
				   uint8_t side)
{
	const struct field *f = l->plan->by_buffer[list->buffer->id];
	struct inspect *in = l->in;
	uint8_t side_before = in->side, progress = l->progress[side];
	bool complete = true, any = false, holds = false;
	uint8_t final;

	if (f == NULL)
		return STEP_NEVER;
	if (progress < f->progress[side] || progress < list->progress)
		return STEP_LATER;
	final = f->final[side] > f->progress[side] ? f->final[side] : f->progress[side];
	in->side = side;
	for (unsigned i = 0; i < VALUES_MAX && !holds; i++) {
		struct view view;

		if (!buffer_value(l->r, in, list->buffer, f, i, &view))
			break;
		any = true;
		complete &= view.complete;
		explain_view(in, list, i);
		holds = inspect_bytes(in, l->r->bytes, rule, list, &view);
		if (!(f->flags & (FIELD_MULTI | FIELD_FILE)))
			break;
	}
	in->side = side_before;
	if (holds)
		return STEP_HOLDS;
	if (f->flags & (FIELD_GROWS | FIELD_FILE) && !tx_done(in->analysis, in->tx, side))
		return STEP_LATER;
	if (progress < final || (!complete && !tx_done(in->analysis, in->tx, side)))
		return STEP_LATER;
	if (!any) {
		explain_no_value(in, list);
		if (list->count && list->matches[0].kind == MATCH_ABSENT)
			return STEP_HOLDS;
	}
	return STEP_NEVER;
}

/* The packet's bytes, for rules that look at payload beside fields. */
static enum step_answer payload_judge(struct tx_look *l, const struct rule *rule, const struct buffer_list *list)
{
	struct view view = { .complete = true };

	if (l->in->pkt->proto != 6) {
		view.bytes = l->in->pkt->payload;
		return inspect_bytes(l->in, l->r->bytes, rule, list, &view) ? STEP_HOLDS : STEP_LATER;
	}
	for (unsigned i = 0; i < l->raw->count; i++) {
		view.bytes = l->raw->blocks[i];
		if (inspect_bytes(l->in, l->r->bytes, rule, list, &view))
			return STEP_HOLDS;
	}
	if (unlikely(l->raw->other.len > 0)) {
		view.bytes = l->raw->other;
		if (inspect_bytes(l->in, l->r->bytes, rule, list, &view))
			return STEP_HOLDS;
	}
	return STEP_LATER;
}

static bool number_judge(struct inspect *in, const struct field *f, const struct field_number *t)
{
	struct field_value v = { 0 };
	unsigned count = 0;
	bool any = false;

	if (t->pick == PICK_INDEX && t->index >= 0)
		return f->get(in->analysis, in->tx, in->side, (unsigned)t->index, &v) &&
		       number_test_match(&t->test, v.number);
	for (; count < VALUES_MAX && f->get(in->analysis, in->tx, in->side, count, &v); count++) {
		bool yes = t->pick != PICK_COUNT && number_test_match(&t->test, v.number);

		if (t->pick == PICK_ANY && yes)
			return true;
		if (t->pick == PICK_ALL && !yes)
			return false;
		any = true;
		if (!(f->flags & (FIELD_MULTI | FIELD_FILE))) {
			count++;
			break;
		}
	}
	if (t->pick == PICK_COUNT)
		return number_test_match(&t->test, count);
	if (t->pick == PICK_INDEX)
		return count >= (unsigned)-t->index &&
		       f->get(in->analysis, in->tx, in->side, count - (unsigned)-t->index, &v) &&
		       number_test_match(&t->test, v.number);
	return t->pick == PICK_ALL && any;
}

static enum step_answer condition_judge(struct tx_look *l, const struct rule *rule, const struct condition *c, uint8_t side)
{
	struct inspect *in = l->in;
	uint8_t side_before = in->side, progress = c->progress;
	const struct field *f = NULL;
	bool holds, over;

	if (c->field != NULL) {
		f = field_in(l->plan->analyzer, c->field->name);
		if (f == NULL)
			return STEP_NEVER;
		if (f->progress[side] > progress)
			progress = f->progress[side];
	}
	if (l->progress[side] < progress)
		return STEP_LATER;
	in->side = side;
	if (f == NULL) {
		holds = c->keyword->match(in, rule, c->data);
	} else if (f->type == FIELD_TEST) {
		holds = f->test(in->analysis, in->tx, side, c->data);
	} else if (f->type == FIELD_UINT) {
		holds = number_judge(in, f, c->data);
	} else {
		struct field_value v = { 0 };

		holds = f->get(in->analysis, in->tx, side, 0, &v);
	}
	over = tx_done(in->analysis, in->tx, side) ||
	       (f != NULL && !(f->flags & (FIELD_FILE | FIELD_GROWS)) && l->progress[side] > progress &&
		l->progress[side] >= f->final[side]);
	in->side = side_before;
	if (holds != c->negated)
		return STEP_HOLDS;
	return over ? STEP_NEVER : STEP_LATER;
}

static enum step_answer step_judge(struct tx_look *l, const struct rule *rule, const struct step *s)
{
	uint8_t side = s->side == SIDE_BOTH ? l->in->side : s->side;

	if (s->is_condition && s->index == STEP_HOOK)
		return l->progress[side] >= s->progress ? STEP_HOLDS : STEP_LATER;
	if (s->is_condition)
		return condition_judge(l, rule, &rule->conditions[s->index], side);
	if (rule->buffers[s->index].buffer->kind == BUFFER_PAYLOAD)
		return payload_judge(l, rule, &rule->buffers[s->index]);
	return list_judge(l, rule, &rule->buffers[s->index], side);
}

/* Does this step belong to what is judged now? */
static bool step_is_ours(const struct tx_look *l, const struct rule *rule, const struct step *s)
{
	return s->side == SIDE_BOTH || s->side == l->in->side || rule->flags & RULE_TX_BOTH;
}

/* A step of the other side that isn't there yet waits; one of this side that fails ends it. */
static enum step_answer steps_judge(struct tx_look *l, const struct rule *rule, uint64_t *held)
{
	const struct program *p = rule->program;

	for (unsigned i = 0; i < p->step_count; i++) {
		const struct step *s = &p->steps[i];
		enum step_answer a;

		if (*held >> i & 1 || !step_is_ours(l, rule, s))
			continue;
		a = step_judge(l, rule, s);
		if (a != STEP_HOLDS) {
			explain_step(l->in, s->is_condition ? NULL : &rule->buffers[s->index], s->index, a == STEP_LATER);
			return a;
		}
		explain_step_holds(l->in);
		*held |= 1ull << i;
	}
	return STEP_HOLDS;
}

static void tx_rule_judge(struct tx_look *l, const struct rule *rule)
{
	const struct program *p = rule->program;
	struct inspect *in = l->in;
	struct tx_side *s = side_state(l, false);
	struct tx_rule *have = rule_state_find(s, rule->index);
	struct tx_rule now = { .rule = rule->index };
	enum step_answer answer;
	bool is_new = have == NULL;

	if (have == NULL && rule->flags & RULE_TX_BOTH && l->in->tx->rules != NULL)
		have = rule_state_find(&((struct tx_state *)l->in->tx->rules)->sides[other_side(in->side)], rule->index);
	if (have != NULL) {
		if (have->state == TX_RULE_DONE)
			return;
		now = *have;
		is_new = false;
	}
	if (!(p->sides >> in->side & 1) || !rule_takes_app(rule, in->analysis->proto))
		return;
	in->steps = l->r->steps_max;
	in->limit_hit = in->regex_limit_hit = false;
	in->capture_count = 0;
	l->r->stats.inspected++;
	explain_begin(in, rule);
	profile_begin(l->r, rule);
	if (is_new && !(rule_fits_packet(in, rule, in->analysis->proto) && conditions_hold(in, rule, STAGE_STATE)))
		answer = STEP_NEVER;
	else
		answer = steps_judge(l, rule, &now.held);
	profile_end(l->r, rule);
	if (unlikely(in->limit_hit || in->regex_limit_hit)) {
		l->r->limit_hits[rule->index]++;
		l->r->stats.step_limit_hits += in->limit_hit;
		l->r->stats.pcre_limit_hits += in->regex_limit_hit;
	}
	if (answer == STEP_HOLDS)
		found_add(l->r, in, rule, 0);
	if (answer != STEP_LATER)
		now.state = TX_RULE_DONE;
	/* What ended needn't be kept where nothing can bring it up again. */
	if (!is_new || answer == STEP_LATER || answer == STEP_HOLDS)
		rule_state_keep(l, have, &now);
}

/* Up to where a growing value was scanned; NULL: not remembered, it is scanned whole each time. */
static uint64_t *grow_mark(struct tx_look *l, const struct field_plan *plan, unsigned index)
{
	struct tx_side *s = side_state(l, true);

	for (unsigned i = 0; s != NULL && i < GROWS_MAX; i++) {
		if (s->grows[i].buffer == 0) {
			s->grows[i].buffer = plan->buffer->id + 1;
			s->grows[i].index = index;
		}
		if (s->grows[i].buffer == plan->buffer->id + 1 && s->grows[i].index == index)
			return &s->grows[i].scanned;
	}
	return NULL;
}

static void value_scan(struct tx_look *l, const struct field_plan *plan, unsigned index, const struct view *view)
{
	struct slice text = view->bytes;

	if (plan->field->flags & FIELD_GROWS && plan->buffer->transform_count == 0) {
		uint64_t *scanned = grow_mark(l, plan, index);
		uint64_t end = view->offset + text.len, from = 0;

		if (scanned != NULL) {
			from = *scanned > plan->db->longest ? *scanned - plan->db->longest : 0;
			if (from > view->offset && from < end)
				text = slice_skip(text, (size_t)(from - view->offset));
			else if (from >= end)
				text.len = 0;
			*scanned = end;
		}
	}
	candidates_scan(l->r, l->group, plan->db, text);
}

static void field_scan(struct tx_look *l, const struct field_plan *plan)
{
	for (unsigned i = 0; i < VALUES_MAX; i++) {
		struct view view;

		if (!buffer_value(l->r, l->in, plan->buffer, plan->field, i, &view))
			return;
		value_scan(l, plan, i, &view);
		if (!(plan->field->flags & (FIELD_MULTI | FIELD_FILE)))
			return;
	}
}

static bool group_needs(const struct tx_look *l, const struct database *db)
{
	for (uint32_t i = 0; i < l->r->set->compiled->header_words; i++)
		if (l->group->headers[i] & db->headers[i])
			return true;
	return false;
}

/* Buffers that are there now and weren't scanned before. */
static void fields_scan(struct tx_look *l)
{
	unsigned side = l->in->side;
	uint8_t before = l->in->tx->inspected[side], now = l->progress[side];

	for (unsigned i = 0; i < l->plan->field_count[side]; i++) {
		const struct field_plan *p = &l->plan->fields[side][i];

		if (p->progress > now)
			return;
		if (p->db == NULL || (p->final && p->final <= before && !(p->field->flags & (FIELD_GROWS | FIELD_FILE))))
			continue;
		if (group_needs(l, p->db))
			field_scan(l, p);
	}
}

static void tx_candidates(struct tx_look *l)
{
	struct candidates *c = &l->r->candidates;
	struct tx_side *s;

	fields_scan(l);
	for (unsigned i = 0; i < l->plan->rule_count[l->in->side]; i++) {
		uint32_t rule = l->plan->rules[l->in->side][i];

		if (group_has(l->group, l->r->set->compiled->programs[rule].header))
			candidate_add(c, rule);
	}
	s = side_state(l, false);
	for (uint32_t i = 0; s != NULL && i < s->count; i++)
		if (s->rules[i].state == TX_RULE_OPEN)
			candidate_add(c, s->rules[i].rule);
	candidates_sort(c);
}

/* Rules of both directions that wait for this one stand in the other side's state. */
static void both_sides_join(struct tx_look *l)
{
	struct tx_state *state = l->in->tx->rules;
	const struct tx_side *other = state ? &state->sides[other_side(l->in->side)] : NULL;

	for (uint32_t i = 0; other != NULL && i < other->count; i++) {
		const struct rule *rule = l->r->set->rules[other->rules[i].rule];

		if (rule->flags & RULE_TX_BOTH && other->rules[i].state == TX_RULE_OPEN)
			candidate_add(&l->r->candidates, rule->index);
	}
}

/* A file was closed, but its end isn't acknowledged. */
static bool file_is_due(const struct tx_look *l)
{
	for (const struct file *f = l->in->tx->files; f != NULL; f = f->next)
		if (f->side == l->in->side && f->state != FILE_OPEN && !file_complete(l->in->analysis, f))
			return true;
	return false;
}

static void tx_finish(struct tx_look *l)
{
	struct tx *tx = l->in->tx;
	struct rules_flow *f = rules_flow_of(l->in->flow);
	const struct analyzer *proto = l->in->analysis->proto;
	unsigned side = l->in->side;

	if (l->over)
		explain_tx(l->in, l->plan);
	tx->inspected[side] = l->progress[side];
	if (tx->progress[side] == l->progress[side] && !file_is_due(l))
		tx->updated[side] = false;
	tx->updated_off[side] = tx->updated[side] ? stream_offset(l->in->flow, side) : 0;
	if (tx->rules != NULL && f != NULL && tx->inspected[0] >= proto->complete[0] &&
	    tx->inspected[1] >= proto->complete[1])
		tx_state_free(l->r, f, tx->rules);
}

/* What changed short of progress counts once the receiver has what changed it. */
static bool update_is_due(const struct inspect *in, struct tx *tx)
{
	if (!tx->updated[in->side])
		return false;
	if (tx->updated_off[in->side] == 0)
		tx->updated_off[in->side] = stream_offset(in->flow, in->side);
	return stream_acked(in->flow, in->side) >= tx->updated_off[in->side];
}

static void tx_inspect(struct rules *r, struct inspect *in, const struct group *g, const struct raw_ready *raw,
		       const struct analyzer_plan *plan, struct tx *tx, const uint32_t *from_payload, unsigned from_payload_count)
{
	struct tx_look l = { .r = r, .in = in, .group = g, .raw = raw, .plan = plan };
	uint8_t complete = plan->analyzer->complete[in->side];

	if (tx->inspected[in->side] >= complete && complete > 0)
		return;
	for (unsigned side = 0; side < 2; side++)
		l.progress[side] = analysis_progress(in->analysis, tx, side, stream_acked(in->flow, side));
	if (l.progress[in->side] == tx->inspected[in->side] && !update_is_due(in, tx) && from_payload_count == 0)
		return;
	in->tx = tx;
	l.over = l.progress[in->side] >= complete;
	candidates_begin(&r->candidates, r->set->count);
	for (unsigned i = 0; i < from_payload_count; i++)
		candidate_add(&r->candidates, from_payload[i]);
	both_sides_join(&l);
	tx_candidates(&l);
	r->stats.candidates += r->candidates.count;
	for (unsigned i = 0; i < r->candidates.count; i++)
		tx_rule_judge(&l, r->set->rules[r->candidates.items[i]]);
	tx_finish(&l);
	in->tx = NULL;
}

static const struct analyzer_plan *plan_of(const struct compiled *c, const struct analyzer *proto)
{
	for (unsigned i = 0; i < c->analyzer_count; i++)
		if (c->analyzers[i].analyzer == proto)
			return &c->analyzers[i];
	return NULL;
}

/* The transaction rules that the payload brought up; the list itself is needed anew for each transaction. */
static unsigned payload_rules_take(struct rules *r, uint32_t *out, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->candidates.count && n < max; i++)
		if (r->set->compiled->programs[r->candidates.items[i]].kind == RULE_TX)
			out[n++] = r->candidates.items[i];
	return n;
}

void inspect_txs(struct rules *r, struct inspect *in, const struct group *g, const struct raw_ready *raw)
{
	uint32_t from_payload[256];
	unsigned count = payload_rules_take(r, from_payload, ARRAY_LEN(from_payload));
	struct analysis *newest = in->analysis;
	struct app *app = newest ? newest->app : NULL;
	bool any = false;

	for (struct analysis *a = newest; a != NULL; a = a->older) {
		const struct analyzer_plan *plan = a->proto ? plan_of(r->set->compiled, a->proto) : NULL;

		in->analysis = a;
		for (struct tx *tx = plan ? a->tx_first : NULL; tx != NULL; tx = tx->next) {
			tx_inspect(r, in, g, raw, plan, tx, from_payload, count);
			any = true;
		}
	}
	in->analysis = newest;
	if (any && app != NULL)
		app_inspected(app, in->flow, in->side);
}

void txs_pass(struct inspect *in)
{
	for (struct analysis *a = in->analysis; a != NULL; a = a->older)
		for (struct tx *tx = a->proto ? a->tx_first : NULL; tx != NULL; tx = tx->next) {
			tx->inspected[in->side] = tx->progress[in->side];
			tx->updated[in->side] = false;
			tx->updated_off[in->side] = 0;
		}
	if (in->analysis != NULL && in->analysis->app != NULL)
		app_inspected(in->analysis->app, in->flow, in->side);
}

static bool some_tx_complete(const struct inspect *in, enum side side)
{
	const uint64_t acked = stream_acked(in->flow, side);

	for (struct analysis *a = in->analysis; a != NULL; a = a->older)
		for (struct tx *tx = a->proto ? a->tx_first : NULL; tx != NULL; tx = tx->next)
			if (tx->inspected[side] < a->proto->complete[side] &&
			    analysis_progress(a, tx, side, acked) >= a->proto->complete[side])
				return true;
	return false;
}

/* An acknowledgement shows the other side's transactions, which may be gone by the time that side sends again. */
void raw_note_txs(struct inspect *in)
{
	struct rules_flow *f = in->flow ? rules_flow_of(in->flow) : NULL;

	for (unsigned side = 0; f != NULL && side < 2; side++) {
		struct raw_stream *raw = &f->sides[side].raw;

		if (raw->bytes.len > 0 && !raw->triggered)
			raw->triggered = some_tx_complete(in, side);
	}
}

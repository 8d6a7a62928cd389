/* finish.c - a rule as a whole: can it ever match, does it say which way it looks, what does the engine
 * need to know. Then what was built moves into the arena. */
#include <errno.h>
#include <stdlib.h>

#include "rules/field_checks.h"
#include "rules/parser.h"

static int identity_check(struct rule_parser *p)
{
	if (!p->has_sid) {
		rule_hint(p, "write sid:NUMBER; (1000000 to 1999999 are for local rules)");
		return rule_error(p, p->where.text.data + p->where.text.len - 1, "the rule has no sid");
	}
	return 0;
}

static int sticky_check(struct rule_parser *p)
{
	struct list_builder *l;

	if (!p->sticky || p->current < 0)
		return 0;
	l = &p->lists[p->current];
	if (l->count > 0 || rule_unused_allowed(p, l))
		return 0;
	rule_hint(p, "write a content, pcre or another match behind %s", l->buffer.name);
	return rule_error(p, l->at, "%s is named, but nothing is matched on it", l->buffer.name);
}

struct sides {
	bool ts, tc, both;              /* something looks only at this one; something at either */
	const uint8_t *ts_at, *tc_at, *both_at;
};

static void side_see(struct sides *s, uint8_t side, const uint8_t *at)
{
	if (side == TO_SERVER) {
		s->ts = true;
		s->ts_at = at;
	} else if (side == TO_CLIENT) {
		s->tc = true;
		s->tc_at = at;
	} else {
		s->both = true;
		s->both_at = at;
	}
}

static int transaction_sides(struct rule_parser *p, const struct sides *s)
{
	if (p->rule->flow & (FLOW_TO_SERVER | FLOW_TO_CLIENT)) {
		rule_hint(p, "leave the direction out of flow");
		return rule_error(p, p->direction_at, "a rule with => is about both directions: flow can't name one");
	}
	if (!s->ts || !s->tc) {
		rule_hint(p, "match something of the request and something of the response, or write ->");
		return rule_error(p, p->direction_at, "a rule with => has to match on both directions, but doesn't");
	}
	if (s->both)
		return rule_error(p, s->both_at, "a rule with => can't use what exists in both directions");
	if (p->rule->flags & (RULE_NEEDS_PACKET | RULE_NEEDS_PAYLOAD))
		return rule_error(p, p->direction_at, "a rule with => is about transactions, not packets");
	return 0;
}

/* Which way the rule looks follows from its buffers; flow may say it too, but not otherwise. */
static int sides_check(struct rule_parser *p)
{
	struct rule *r = p->rule;
	struct sides s = { 0 };

	for (unsigned i = 0; i < p->list_count; i++)
		if (p->lists[i].count > 0 && p->lists[i].buffer.kind == BUFFER_FIELD)
			side_see(&s, p->lists[i].side, p->lists[i].at);
	for (unsigned i = 0; i < p->condition_count; i++)
		if (p->conditions[i].stage == STAGE_TX && p->conditions[i].field != NULL)
			side_see(&s, p->conditions[i].side, NULL);
	if (r->flags & RULE_TX_BOTH)
		return transaction_sides(p, &s);
	if (s.ts && s.tc) {
		rule_hint(p, "split it, write \"=>\", or tie two rules together with flowbits");
		return rule_error(p, s.ts_at != NULL ? s.ts_at : s.tc_at,
				  "the rule looks at the request and at the response: both never come in one direction");
	}
	if (s.ts && (r->flow & FLOW_TO_CLIENT)) {
		rule_hint(p, "write flow:to_server");
		return rule_error(p, s.ts_at, "this is sent to the server, but flow says to_client");
	}
	if (s.tc && (r->flow & FLOW_TO_SERVER)) {
		rule_hint(p, "write flow:to_client");
		return rule_error(p, s.tc_at, "this is sent to the client, but flow says to_server");
	}
	if (s.ts)
		r->flow |= FLOW_TO_SERVER;
	if (s.tc)
		r->flow |= FLOW_TO_CLIENT;
	return 0;
}

/* The least bytes that the contents of a list need, following relative ones. */
static int64_t content_need(const struct list_builder *l)
{
	int64_t end = 0, most = 0;

	for (unsigned i = 0; i < l->count; i++) {
		const struct content *c = &l->matches[i].content;
		int64_t begin = 0;

		if (l->matches[i].kind != MATCH_CONTENT || (c->flags & CONTENT_NEGATED))
			continue;
		if ((c->flags & (CONTENT_DISTANCE | CONTENT_WITHIN)) && !c->distance.is_var)
			begin = end + (c->flags & CONTENT_DISTANCE ? c->distance.value : 0);
		else if ((c->flags & CONTENT_OFFSET) && !c->offset.is_var)
			begin = c->offset.value;
		if (begin < 0)
			begin = 0;
		end = begin + (int64_t)c->bytes.len;
		if (end > most)
			most = end;
	}
	return most;
}

/* The end of a range doesn't belong to it, but Suricata takes rules that need just that much: only a warning. */
static int64_t number_most(const struct number_test *t)
{
	switch (t->op) {
	case '=':
	case 'l':
	case '<':
		return (int64_t)t->a;
	case 'r':
		return (int64_t)t->b;
	}
	return INT64_MAX;
}

static int length_check(struct rule_parser *p, const uint8_t *at, int64_t need, const struct number_test *t, const char *what)
{
	int64_t most = number_most(t);

	if (need > most)
		return rule_error(p, at, "the rule can't match: its contents need %lld bytes, %s allows %lld", (long long)need,
				  what, (long long)most);
	if (need == most && (t->op == '<' || t->op == 'r'))
		rule_warning(p, at, "the rule never matches: its contents need %lld bytes, %s allows fewer", (long long)need,
			     what);
	return 0;
}

static int lengths_check(struct rule_parser *p)
{
	for (unsigned i = 0; i < p->list_count; i++) {
		struct list_builder *l = &p->lists[i];
		int64_t need = content_need(l);

		if (l->buffer.kind == BUFFER_PAYLOAD && p->has_dsize &&
		    length_check(p, l->at, need, &p->dsize, "dsize") < 0)
			return -EINVAL;
		for (unsigned k = 0; k < l->count; k++)
			if (l->matches[k].kind == MATCH_BSIZE &&
			    length_check(p, l->at, need, &l->matches[k].bsize, "bsize") < 0)
				return -EINVAL;
	}
	return 0;
}

static int absent_check(struct rule_parser *p)
{
	for (unsigned i = 0; i < p->list_count; i++) {
		const struct list_builder *l = &p->lists[i];

		for (unsigned k = 0; k < l->count; k++) {
			if (l->matches[k].kind != MATCH_ABSENT)
				continue;
			if (!l->matches[k].absent.or_else && l->count > 1)
				return rule_error(p, l->at, "nothing can be matched on %s when it is to be absent",
						  l->buffer.name);
			if (l->matches[k].absent.or_else && l->count == 1)
				return rule_error(p, l->at, "absent: or_else needs another match on %s", l->buffer.name);
			if (k > 0)
				return rule_error(p, l->at, "absent comes first behind %s", l->buffer.name);
		}
	}
	return 0;
}

/* tcp-stream with what only packets have, no_stream with only_stream, frames with transactions, … */
static int kinds_check(struct rule_parser *p)
{
	struct rule *r = p->rule;
	bool frame = false, field = false;

	for (unsigned i = 0; i < p->list_count; i++) {
		const struct list_builder *l = &p->lists[i];

		if (l->count == 0)
			continue;
		frame = frame || l->buffer.kind == BUFFER_FRAME;
		field = field || l->buffer.kind == BUFFER_FIELD;
		if (l->buffer.kind == BUFFER_PAYLOAD)
			r->flags |= RULE_NEEDS_PAYLOAD;
		if (l->buffer.kind == BUFFER_FIELD)
			r->flags |= RULE_NEEDS_TX;
		if (l->buffer.kind == BUFFER_PACKET)
			r->flags |= RULE_NEEDS_PACKET;
	}
	for (unsigned i = 0; i < p->condition_count; i++)
		if (p->conditions[i].stage == STAGE_TX)
			r->flags |= RULE_NEEDS_TX;
	if (frame && field)
		return rule_error(p, NULL, "a rule can't match on frames and on fields of transactions");
	if (r->flow & FLOW_ONLY_STREAM)
		r->flags |= RULE_STREAM_ONLY;
	if (r->flow & FLOW_NO_STREAM)
		r->flags |= RULE_PACKET_ONLY;
	if ((r->flags & RULE_STREAM_ONLY) && (r->flags & RULE_NEEDS_PACKET)) {
		rule_hint(p, "use tcp instead of tcp-stream, and flow without only_stream");
		return rule_error(p, NULL, "what looks at packets can't be mixed with tcp-stream or flow:only_stream");
	}
	if ((r->flags & RULE_STREAM_ONLY) && (r->flags & RULE_PACKET_ONLY))
		return rule_error(p, NULL, "the rule wants the stream only and packets only");
	if (r->flags & RULE_STREAM_ONLY)
		r->flags |= RULE_NEEDS_STREAM;
	return 0;
}

static bool transport_fits(const struct rule *r, const struct analyzer *an)
{
	return ((an->transports & TRANSPORT_TCP) && (r->protos[0] & 1 << 6)) ||
	       ((an->transports & TRANSPORT_UDP) && (r->protos[2] & 1 << 1));
}

static int app_check(struct rule_parser *p)
{
	struct rule *r = p->rule;

	if (r->app == NULL)
		return 0;
	if (p->load->app != NULL && !app_enabled(p->load->app, r->app)) {
		rule_hint(p, "set app-layer.protocols.%s.enabled", r->app->conf ? r->app->conf : r->app->name);
		return rule_error(p, p->app_at, "the protocol %s is switched off", r->app->name);
	}
	if (!transport_fits(r, r->app))
		rule_warning(p, p->app_at, "%s doesn't travel in this rule's protocol: it never matches", r->app->name);
	r->flags |= RULE_NEEDS_FLOW;
	return 0;
}

static int condition_order(const void *a, const void *b)
{
	const struct condition *x = a, *y = b;

	return (int)x->stage - (int)y->stage;
}

/* Stable, few. */
static void conditions_sort(struct condition *c, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct condition one = c[i];
		unsigned k = i;

		while (k > 0 && condition_order(&c[k - 1], &one) > 0) {
			c[k] = c[k - 1];
			k--;
		}
		c[k] = one;
	}
}

static void *moved(struct rule_parser *p, const void *items, size_t count, size_t size)
{
	void *copy = count > 0 ? rule_alloc(p, count * size) : NULL;

	if (copy != NULL)
		memcpy(copy, items, count * size);
	return copy;
}

static uint8_t progress_of(const struct field *f, uint8_t side)
{
	if (f == NULL)
		return 0;
	if (side == SIDE_BOTH)
		return f->progress[0] > f->progress[1] ? f->progress[0] : f->progress[1];
	return f->progress[side];
}

static int assemble(struct rule_parser *p)
{
	struct rule *r = p->rule;
	unsigned used = 0;

	for (unsigned i = 0; i < p->list_count; i++)
		used += p->lists[i].count > 0;
	r->buffers = used > 0 ? rule_alloc(p, used * sizeof(*r->buffers)) : NULL;
	if (used > 0 && r->buffers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < p->list_count; i++) {
		struct list_builder *l = &p->lists[i];
		struct buffer_list *out = &r->buffers[r->buffer_count];

		if (l->count == 0)
			continue;
		out->buffer = rule_buffer_intern(p, &l->buffer);
		out->matches = moved(p, l->matches, l->count, sizeof(*l->matches));
		if (out->buffer == NULL || out->matches == NULL)
			return -ENOMEM;
		out->count = l->count;
		out->side = l->side;
		out->progress = progress_of(l->buffer.field, l->side);
		out->fast = -1;
		for (unsigned k = 0; k < l->count; k++)
			if (l->matches[k].kind == MATCH_CONTENT && (l->matches[k].content.flags & CONTENT_FAST))
				out->fast = (int)k;
		r->buffer_count++;
	}
	conditions_sort(p->conditions, p->condition_count);
	for (unsigned i = 0; i < p->condition_count; i++)
		if (p->conditions[i].field != NULL)
			p->conditions[i].progress = progress_of(p->conditions[i].field, p->conditions[i].side);
	r->conditions = moved(p, p->conditions, p->condition_count, sizeof(*p->conditions));
	r->references = moved(p, p->references, p->reference_count, sizeof(*p->references));
	r->metadata = moved(p, p->metadata, p->metadata_count, sizeof(*p->metadata));
	if ((p->condition_count > 0 && r->conditions == NULL) ||
	    (p->reference_count > 0 && r->references == NULL) || (p->metadata_count > 0 && r->metadata == NULL))
		return -ENOMEM;
	r->condition_count = p->condition_count;
	r->reference_count = p->reference_count;
	r->metadata_count = p->metadata_count;
	return 0;
}

/* Nothing but addresses to look at: judged once a flow and direction. */
static bool only_addresses(const struct rule *r)
{
	if (r->app != NULL || r->buffer_count > 0 || r->flow != 0 || !r->src_ports->any || !r->dst_ports->any ||
	    (r->flags & (RULE_NEEDS_PACKET | RULE_HOOK | RULE_EVENT_ONLY)) || r->protos[31] != 0xff ||
	    (r->src->any && r->dst->any))
		return false;
	for (unsigned i = 0; i < r->condition_count; i++)
		if (r->conditions[i].stage == STAGE_PACKET || r->conditions[i].stage == STAGE_TX)
			return false;
	return true;
}

int rule_finish(struct rule_parser *p)
{
	struct rule *r = p->rule;
	int err;

	if (identity_check(p) < 0 || sticky_check(p) < 0 || absent_check(p) < 0 || kinds_check(p) < 0 ||
	    sides_check(p) < 0 || lengths_check(p) < 0 || app_check(p) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < p->list_count; i++)
		if (p->lists[i].count > 0 && field_contents_check(p, &p->lists[i]) < 0)
			return -EINVAL;
	if (!p->has_priority)
		r->priority = p->has_classtype ? p->classtype_priority : 3;
	if (r->flow != 0)
		r->flags |= RULE_NEEDS_FLOW;
	err = assemble(p);
	if (err == 0 && only_addresses(r))
		r->flags |= RULE_IP_ONLY;
	return err;
}

/* inspect.c - judging one packet with all that it brought.
 *
 * First what is due once a flow's direction (addresses, protocol), then the rules that its payload, the stream or
 * its group bring up, in order of evaluation; then frames and transactions of the packet's side. Nothing is
 * fetched or scanned that no rule of the flow's group needs. What matched is sorted and limited at the end. */
#include "rules/engine.h"

#include "analyzers/frame.h"
#include "base/must.h"
#include "rules/explain.h"
#include "rules/explain_notes.h"
#include "rules/keyword.h"
#include "rules/profile.h"
#include "stack/track/tcp.h"

const struct analyzer *app_shown(const struct flow *flow)
{
	const struct analysis *a = flow ? analysis_of(flow) : NULL;

	if (a == NULL || a->proto == NULL)
		return NULL;
	if (flow->key.proto != 6)
		return a->proto;
	for (unsigned side = 0; side < 2; side++)
		if (a->side_proto[side] != NULL && stream_offset(flow, side) > 0 && stream_acked(flow, side) > 0)
			return a->proto;
	return NULL;
}

static bool flow_fits(const struct inspect *in, const struct rule *r)
{
	uint32_t flags = in->pkt->flags;

	if (r->flow & FLOW_OPT_ESTABLISHED && !(flags & PACKET_ESTABLISHED))
		return false;
	if (r->flow & FLOW_OPT_NOT_ESTABLISHED && flags & PACKET_ESTABLISHED)
		return false;
	if (r->flow & FLOW_ONLY_FRAG && !(flags & PACKET_REASSEMBLED))
		return false;
	return !(r->flow & FLOW_NO_FRAG && flags & PACKET_REASSEMBLED);
}

bool conditions_hold(struct inspect *in, const struct rule *rule, enum condition_stage stage)
{
	const struct program *p = rule->program;

	for (unsigned i = stage ? p->stage_end[stage - 1] : 0; i < p->stage_end[stage]; i++) {
		const struct condition *c = &rule->conditions[i];

		if (c->keyword->match(in, rule, c->data) == c->negated) {
			explain_condition(in, i);
			return false;
		}
	}
	return true;
}

bool rule_fits_packet(struct inspect *in, const struct rule *rule, const struct analyzer *shown)
{
	const struct program *p = rule->program;

	if (p->needs_flow && in->flow == NULL)
		return false;
	if (rule->app != NULL && (shown == NULL || !rule_takes_app(rule, shown))) {
		explain_stop(in, EXPLAIN_APP);
		return false;
	}
	if (p->needs_regular_packet && in->pkt->flags & PACKET_END_OF_FLOW)
		return false;
	if (!flow_fits(in, rule)) {
		explain_stop(in, EXPLAIN_FLOW);
		return false;
	}
	if (!conditions_hold(in, rule, STAGE_PACKET))
		return false;
	explain_fits(in);
	return true;
}

static void rule_begin(struct rules *r, struct inspect *in)
{
	in->steps = r->steps_max;
	in->limit_hit = false;
	in->regex_limit_hit = false;
	in->capture_count = 0;
	r->stats.inspected++;
}

static void rule_end(struct rules *r, struct inspect *in, const struct rule *rule)
{
	if (unlikely(in->limit_hit || in->regex_limit_hit)) {
		r->limit_hits[rule->index]++;
		r->stats.step_limit_hits += in->limit_hit;
		r->stats.pcre_limit_hits += in->regex_limit_hit;
	}
}

/* All payload lists of a rule on these bytes. */
static bool payload_holds(struct rules *r, struct inspect *in, const struct rule *rule, struct slice bytes)
{
	struct view view = { .bytes = bytes, .complete = true };

	for (unsigned i = 0; i < rule->buffer_count; i++)
		if (rule->buffers[i].buffer->kind == BUFFER_PAYLOAD &&
		    !inspect_bytes(in, r->bytes, rule, &rule->buffers[i], &view))
			return false;
	return true;
}

static bool has_payload_list(const struct rule *rule)
{
	for (unsigned i = 0; i < rule->buffer_count; i++)
		if (rule->buffers[i].buffer->kind == BUFFER_PAYLOAD)
			return true;
	return false;
}

/* Stream first, then the packet where it isn't part of the stream, or where the rule is about packets. */
static bool payload_match(struct rules *r, struct inspect *in, const struct rule *rule, const struct raw_ready *raw,
			  uint16_t *flags)
{
	const struct program *p = rule->program;
	const struct packet *pkt = in->pkt;

	if (!has_payload_list(rule))
		return true;
	if (p->in_stream && pkt->proto == 6) {
		for (unsigned i = 0; i < raw->count; i++)
			if (payload_holds(r, in, rule, raw->blocks[i])) {
				*flags |= ALERT_STREAM | (raw->other.len > 0 ? ALERT_READING_ASSUMED : 0);
				return true;
			}
		if (unlikely(raw->other.len > 0) && payload_holds(r, in, rule, raw->other)) {
			*flags |= ALERT_STREAM | ALERT_READING_OTHER;
			return true;
		}
		if (!p->in_packets && (pkt->flags & PACKET_STREAM_ADDED || rule->flags & RULE_STREAM_ONLY ||
				       rule->flow & FLOW_ONLY_STREAM))
			return false;
	}
	if (p->needs_payload && pkt->payload.len == 0)
		return false;
	if (pkt->flags & (PACKET_END_OF_FLOW | PACKET_NO_PAYLOAD_INSPECT))
		return false;
	return payload_holds(r, in, rule, pkt->payload);
}

static bool packet_buffers_match(struct rules *r, struct inspect *in, const struct rule *rule)
{
	for (unsigned i = 0; i < rule->buffer_count; i++) {
		const struct buffer_list *list = &rule->buffers[i];
		struct view view = { .complete = true };

		if (list->buffer->kind != BUFFER_PACKET)
			continue;
		view.bytes = list->buffer->packet_bytes(in->pkt);
		if (view.bytes.data == NULL)
			return false;
		view.bytes = buffer_transformed(r, list->buffer, view.bytes);
		if (!inspect_bytes(in, r->bytes, rule, list, &view))
			return false;
	}
	return true;
}

/* Where there is one transaction only, what matched beside it is taken to be about it. */
static struct tx *tx_guess(const struct rules *r, const struct inspect *in, const struct rule *rule, uint16_t *flags)
{
	struct analysis *a = in->analysis;
	struct tx *tx = NULL;

	if (a == NULL || a->proto == NULL || app_shown(in->flow) == NULL)
		return NULL;
	if (rule->app != NULL && in->flow->key.proto == 17) {
		for (tx = a->tx_first; tx != NULL && tx->inspected[in->side] >= a->proto->complete[in->side];)
			tx = tx->next;
	} else if (*flags & ALERT_STREAM) {
		for (tx = a->tx_first; tx != NULL && tx->inspected[in->side] >= a->proto->complete[in->side];)
			tx = tx->next;
	} else if (r->guess_tx && a->tx_first != NULL && a->tx_first == a->tx_last) {
		tx = a->tx_first;
	}
	if (tx == NULL || tx->guessed >= r->guess_limit)
		return NULL;
	tx->guessed++;
	if (in->flow->key.proto != 17)
		*flags |= ALERT_TX_GUESSED;
	return tx;
}

static void packet_rule(struct rules *r, struct inspect *in, const struct rule *rule, const struct analyzer *shown,
			const struct raw_ready *raw)
{
	const struct program *p = rule->program;
	uint16_t flags = 0;

	if (p->kind == RULE_EVENTS ? in->pkt->event_count == 0 && !event_of_app(in) : false)
		return;
	if (p->needs_payload && in->pkt->payload.len == 0 && raw->count == 0)
		return;
	if (p->kind == RULE_PACKETS && in->pkt->flags & PACKET_END_OF_FLOW)
		return;
	rule_begin(r, in);
	explain_begin(in, rule);
	profile_begin(r, rule);
	if (rule_fits_packet(in, rule, shown) && packet_buffers_match(r, in, rule) &&
	    payload_match(r, in, rule, raw, &flags) && conditions_hold(in, rule, STAGE_STATE)) {
		in->tx = tx_guess(r, in, rule, &flags);
		found_add(r, in, rule, flags);
		in->tx = NULL;
	}
	profile_end(r, rule);
	rule_end(r, in, rule);
}

/* Addresses alone, once a direction; without a flow each time. */
static void ip_only(struct rules *r, struct inspect *in, const struct group *g)
{
	static const struct raw_ready nothing;
	struct rules_flow *f = in->flow ? rules_flow_of(in->flow) : NULL;

	if (in->pkt->flags & PACKET_END_OF_FLOW || (f != NULL && f->sides[in->side].ip_only_done))
		return;
	if (f != NULL)
		f->sides[in->side].ip_only_done = true;
	for (unsigned i = 0; i < g->ip_only_count; i++)
		packet_rule(r, in, r->set->rules[g->ip_only[i]], NULL, &nothing);
}

/* Protocol alone: with the first packet of a direction after that direction's protocol has shown. */
static bool protocol_due(struct inspect *in)
{
	struct rules_flow *f = in->flow ? rules_flow_of(in->flow) : NULL;
	const struct analysis *a = in->analysis;

	if (f == NULL || a == NULL || f->sides[in->side].protocol_done || in->pkt->flags & PACKET_END_OF_FLOW)
		return false;
	if (!a->decided[in->side] && !a->failed[in->side] && a->side_proto[in->side] == NULL)
		return false;
	if (in->flow->key.proto == 6 && stream_acked(in->flow, in->side) == 0)
		return false;
	f->sides[in->side].protocol_done = true;
	return true;
}

/* The rules that this packet's payload and the stream bring up join those of the group. */
static void packet_candidates(struct rules *r, struct inspect *in, const struct group *g, const struct raw_ready *raw)
{
	const struct compiled *c = r->set->compiled;
	const struct packet *pkt = in->pkt;

	for (unsigned i = 0; i < g->packet_count; i++)
		candidate_add(&r->candidates, g->packet[i]);
	if (pkt->event_count || event_of_app(in))
		for (unsigned i = 0; i < c->events.count; i++)
			if (group_has(g, c->programs[c->events.rules[i]].header))
				candidate_add(&r->candidates, c->events.rules[i]);
	if (protocol_due(in))
		for (unsigned i = 0; i < c->protocol_only.count; i++)
			if (group_has(g, c->programs[c->protocol_only.rules[i]].header))
				candidate_add(&r->candidates, c->protocol_only.rules[i]);
	for (unsigned k = 0; k < raw->count; k++)
		for (unsigned i = 0; i < g->in_stream_count; i++)
			candidates_scan(r, g, g->in_stream[i], raw->blocks[k]);
	for (unsigned i = 0; unlikely(raw->other.len > 0) && i < g->in_stream_count; i++)
		candidates_scan(r, g, g->in_stream[i], raw->other);
	if (pkt->payload.len == 0 || pkt->flags & (PACKET_NO_PAYLOAD_INSPECT | PACKET_END_OF_FLOW))
		return;
	for (unsigned i = 0; i < g->in_packet_count; i++)
		candidates_scan(r, g, g->in_packet[i], pkt->payload);
	if (pkt->proto == 6 && !(pkt->flags & PACKET_STREAM_ADDED))
		for (unsigned i = 0; i < g->in_stream_count; i++)
			candidates_scan(r, g, g->in_stream[i], pkt->payload);
}

static void frame_rule(struct rules *r, struct inspect *in, const struct rule *rule, const struct analyzer *shown,
		       struct app_frame *frame)
{
	rule_begin(r, in);
	explain_begin(in, rule);
	if (rule_fits_packet(in, rule, shown)) {
		bool all = true;

		for (unsigned i = 0; all && i < rule->buffer_count; i++) {
			const struct buffer_list *list = &rule->buffers[i];
			struct view view = { .complete = frame->closed };

			if (list->buffer->kind != BUFFER_FRAME)
				continue;
			view.bytes = buffer_transformed(r, list->buffer, bytes_slice(&frame->bytes));
			all = list->buffer->frame_type == frame->type &&
			      inspect_bytes(in, r->bytes, rule, list, &view);
		}
		if (all && conditions_hold(in, rule, STAGE_STATE))
			found_add_frame(r, in, rule, frame);
	}
	rule_end(r, in, rule);
}

/* Once it is whole and acknowledged; one that goes on for long, chunk by chunk. */
static bool frame_is_due(const struct rules *r, const struct inspect *in, const struct app_frame *frame)
{
	uint64_t fresh = frame->bytes.len - frame->inspected;

	if (!frame->updated || frame->bytes.len == 0 ||
	    stream_acked(in->flow, in->side) < frame->offset + frame->bytes.len)
		return false;
	return frame->closed || (frame->len >= 0 && frame->bytes.len >= (uint64_t)frame->len) ||
	       in->pkt->flags & PACKET_END_OF_FLOW || r->inline_mode || fresh >= r->chunk[in->side];
}

static void inspect_frames(struct rules *r, struct inspect *in, const struct group *g, const struct analyzer *shown)
{
	const struct compiled *c = r->set->compiled;
	const struct analyzer_plan *plan = NULL;

	for (unsigned i = 0; i < c->analyzer_count; i++)
		if (c->analyzers[i].analyzer == shown)
			plan = &c->analyzers[i];
	if (plan == NULL || plan->frame_rule_count[in->side] == 0)
		return;
	for (struct app_frame *frame = frames_of(in->analysis); frame != NULL; frame = frame->next) {
		if (frame->side != in->side || !frame_is_due(r, in, frame))
			continue;
		frame->updated = false;
		frame->inspected = frame->bytes.len;
		for (unsigned i = 0; i < plan->frame_rule_count[in->side]; i++) {
			const struct rule *rule = r->set->rules[plan->frame_rules[in->side][i]];

			if (group_has(g, c->programs[rule->index].header))
				frame_rule(r, in, rule, shown, frame);
		}
	}
}

/* A packet that isn't IP, or whose IP header is broken. */
static void inspect_no_ip(struct rules *r, struct inspect *in)
{
	static const struct raw_ready nothing;
	const struct compiled *c = r->set->compiled;

	for (unsigned i = 0; in->pkt->event_count && i < c->events.count; i++)
		packet_rule(r, in, r->set->rules[c->events.rules[i]], NULL, &nothing);
	for (unsigned i = 0; i < c->no_flow.count; i++)
		packet_rule(r, in, r->set->rules[c->no_flow.rules[i]], NULL, &nothing);
}

static void inspect_side(struct rules *r, struct inspect *in)
{
	const struct group *g = group_of_packet(r, in->flow, in->pkt);
	const struct analyzer *shown;
	struct raw_ready raw;

	ip_only(r, in, g);
	shown = app_shown(in->flow);
	raw_note_txs(in);
	raw_ready(r, in->flow, in->pkt, in->side, &raw);
	candidates_begin(&r->candidates, r->set->count);
	packet_candidates(r, in, g, &raw);
	candidates_sort(&r->candidates);
	r->stats.candidates += r->candidates.count;
	for (unsigned i = 0; i < r->candidates.count; i++) {
		const struct rule *rule = r->set->rules[r->candidates.items[i]];

		if (((const struct program *)rule->program)->kind != RULE_TX)
			packet_rule(r, in, rule, shown, &raw);
	}
	if (shown != NULL && in->pkt->proto == in->flow->key.proto &&
	    (in->flow->tcp == NULL || in->flow->tcp->state >= TCP_ESTABLISHED)) {
		inspect_frames(r, in, g, shown);
		inspect_txs(r, in, g, &raw);
	}
	explain_packet(in, &raw);
	if (in->flow != NULL && in->pkt->proto == 6 && rules_flow_of(in->flow) != NULL)
		raw_done(r, in->flow, in->side, &raw);
}

static struct inspect inspect_begin(struct rules *r, struct flow *flow, const struct packet *pkt)
{
	return (struct inspect){
		.rules = r, .state = r->state, .flow = flow, .pkt = pkt, .side = pkt->side, .now_ns = pkt->time_ns,
		.analysis = flow ? analysis_of(flow) : NULL, .explain = r->explain,
	};
}

void rules_inspect(struct rules *r, struct flow *flow, struct packet *pkt, struct alert_queue *queue)
{
	struct inspect in = inspect_begin(r, flow, pkt);

	if (flow != NULL && (flow->pass || flow->dropped || flow->no_inspect)) {
		explain_packet(&in, NULL);
		txs_pass(&in);
		return;
	}
	if (pkt->flags & PACKET_NO_INSPECT)
		return;
	texts_begin(r);
	if (flow != NULL && rules_flow_make(r, flow) == NULL)
		r->stats.flows_unwatched++;
	if (pkt->ip_version == 0)
		inspect_no_ip(r, &in);
	else
		inspect_side(r, &in);
	found_finish(r, &in, queue);
	if (r->set->has_tags)
		queue->tagged = rule_tags(&in);
}

/* Is there anything left to judge? */
static bool side_open(const struct rules *r, const struct flow *flow, enum side side)
{
	const struct rules_flow *f = rules_flow_of(flow);
	const struct flow_side *s = f ? &f->sides[side] : NULL;

	if (s != NULL && s->raw.bytes.len > s->raw.window + s->raw.done && (s->group == NULL || s->group->wants_stream))
		return true;
	for (const struct analysis *a = analysis_of(flow); a != NULL; a = a->older) {
		for (const struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
			if (a->proto != NULL && tx->inspected[side] < a->proto->complete[side])
				return true;
		if (!(r->set->compiled->wants & APP_WANT_FRAMES))
			continue;
		for (const struct app_frame *frame = frames_of(a); frame != NULL; frame = frame->next)
			if (frame->side == side && frame->updated)
				return true;
	}
	return false;
}

void rules_flow_end(struct rules *r, struct flow *flow, struct packet *pkt, struct alert_queue *queue)
{
	struct inspect in = inspect_begin(r, flow, pkt);
	struct rules_flow *f;

	if (flow->pass || flow->dropped || flow->no_inspect) {
		txs_pass(&in);
		return;
	}
	f = rules_flow_make(r, flow);
	if (f == NULL)
		return;
	explain_flow_end(&in);
	/* Whether it ends with anything left to judge is asked once, for both sides. */
	if (pkt->side == TO_SERVER)
		f->end_open = side_open(r, flow, TO_SERVER) || side_open(r, flow, TO_CLIENT);
	if (!f->end_open)
		return;
	texts_begin(r);
	inspect_side(r, &in);
	found_finish(r, &in, queue);
}

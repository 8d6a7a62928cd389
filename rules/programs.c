/* programs.c - what each rule looks at, and the lists through which rules without a fast pattern come up.
 *
 * A rule's kind is Suricata's: it decides when the rule is judged (packet, stream, transaction) and whether a
 * drop or pass of it means the packet or the whole flow. */
#include <errno.h>
#include <stdlib.h>

#include "base/must.h"
#include "rules/compile.h"
#include "rules/inspect_bytes.h"
#include "rules/keyword.h"

/* The hook alone is a step that always holds. */
#define STEP_HOOK 0xffff

static bool has_proto(const struct rule *r, unsigned proto)
{
	return r->protos[proto / 8] >> (proto % 8) & 1;
}

static bool named(const struct condition *c, const char *const *names)
{
	if (c->keyword == NULL)
		return false;
	for (; *names != NULL; names++)
		if (!strcmp(c->keyword->name, *names))
			return true;
	return false;
}

/* Of flowbits those that set; of what reads state across flows, both. */
static bool is_ip_only(const struct rule *r)
{
	static const char *const flowbits[] = { "flowbits", NULL };
	static const char *const fitting[] = { "flowbits", "xbits", "hostbits", "geoip", "iprep", "tag", NULL };

	if (r->app != NULL || r->buffer_count || r->flow ||
	    r->flags & (RULE_NEEDS_PACKET | RULE_NEEDS_PAYLOAD | RULE_PKTHDR | RULE_HOOK) || r->pkt_hook)
		return false;
	for (unsigned i = 0; i < r->condition_count; i++)
		if (!named(&r->conditions[i], fitting) ||
		    (named(&r->conditions[i], flowbits) && r->conditions[i].stage != STAGE_POST))
			return false;
	return true;
}

/* All but a few addresses: written with a "!". */
static bool is_negated(const struct addr_set *set)
{
	static const struct ip_addr lowest;

	if (set == NULL || set->any)
		return false;
	for (unsigned f = 0; f < 2; f++)
		if (set->count[f] && !memcmp(&set->spans[f][0].lo, &lowest, sizeof(lowest)))
			return true;
	return false;
}

static bool is_protocol_only(const struct rule *r)
{
	static const char *const fitting[] = { "app-layer-protocol", NULL };

	if (r->app != NULL || r->buffer_count || r->condition_count == 0 || r->flow & ~(FLOW_TO_SERVER | FLOW_TO_CLIENT))
		return false;
	for (unsigned i = 0; i < r->condition_count; i++)
		if (r->conditions[i].stage < STAGE_POST && !named(&r->conditions[i], fitting))
			return false;
	return named(&r->conditions[0], fitting);
}

static bool has_buffer(const struct rule *r, enum buffer_kind kind)
{
	for (unsigned i = 0; i < r->buffer_count; i++)
		if (r->buffers[i].buffer->kind == kind)
			return true;
	return false;
}

static bool has_stage(const struct rule *r, enum condition_stage stage)
{
	for (unsigned i = 0; i < r->condition_count; i++)
		if (r->conditions[i].stage == stage)
			return true;
	return false;
}

/* Contents on payload are looked for in the stream; those bound to a place, beside stream_size, in packets too. */
static void payload_places(const struct rule *r, struct program *p)
{
	static const char *const stream_size[] = { "stream_size", NULL };

	p->in_packets = r->flags & (RULE_NEEDS_PACKET | RULE_PACKET_ONLY) || r->flow & FLOW_NO_STREAM;
	p->in_stream = r->flags & (RULE_NEEDS_STREAM | RULE_STREAM_ONLY) || r->flow & FLOW_ONLY_STREAM;
	if (!p->in_packets && !p->in_stream) {
		p->in_stream = has_proto(r, 6);
		for (unsigned i = 0; i < r->buffer_count; i++)
			for (unsigned j = 0; r->buffers[i].buffer->kind == BUFFER_PAYLOAD && j < r->buffers[i].count; j++) {
				const struct match *m = &r->buffers[i].matches[j];

				if (m->kind == MATCH_CONTENT && m->content.flags & (CONTENT_DEPTH | CONTENT_OFFSET))
					p->in_packets = true;
			}
		for (unsigned i = 0; i < r->condition_count; i++)
			if (named(&r->conditions[i], stream_size))
				p->in_packets = true;
	}
}

static uint8_t kind_of(const struct rule *r, const struct program *p)
{
	if (is_protocol_only(r))
		return RULE_PROTOCOL_ONLY;
	if (is_ip_only(r))
		return is_negated(r->src) || is_negated(r->dst) ? RULE_LIKE_IPONLY : RULE_IPONLY;
	if (r->flags & RULE_EVENT_ONLY)
		return RULE_EVENTS;
	if (has_buffer(r, BUFFER_PACKET))
		return RULE_PACKETS;
	if (has_buffer(r, BUFFER_FRAME))
		return RULE_FRAME;
	if (has_buffer(r, BUFFER_FIELD) || has_stage(r, STAGE_TX) || r->flags & RULE_HOOK)
		return RULE_TX;
	if (has_buffer(r, BUFFER_PAYLOAD))
		return p->in_stream ? (p->in_packets ? RULE_PACKETS_STREAM : RULE_STREAM) : RULE_PACKETS;
	if (r->app != NULL && !has_stage(r, STAGE_PACKET) && !(r->flow & ~(FLOW_TO_SERVER | FLOW_TO_CLIENT)))
		return RULE_APP;
	return RULE_PACKETS;
}

/* A payload list with a content that must be there can't hold without payload. */
static bool needs_payload(const struct rule *r)
{
	for (unsigned i = 0; i < r->buffer_count; i++)
		for (unsigned j = 0; r->buffers[i].buffer->kind == BUFFER_PAYLOAD && j < r->buffers[i].count; j++) {
			const struct match *m = &r->buffers[i].matches[j];

			if (m->kind == MATCH_CONTENT && !(m->content.flags & CONTENT_NEGATED))
				return true;
			if (m->kind == MATCH_PCRE && !m->pcre.negated)
				return true;
		}
	return false;
}

static void step_add(struct program *p, bool is_condition, unsigned index, uint8_t side, uint8_t progress)
{
	unsigned i = p->step_count;

	if (p->step_count == STEPS_MAX)
		return;
	for (; i > 0 && p->steps[i - 1].progress > progress; i--)
		p->steps[i] = p->steps[i - 1];
	p->steps[i] = (struct step){ is_condition, side, progress, (uint16_t)index };
	p->step_count++;
}

static void steps_make(const struct rule *r, struct program *p)
{
	uint8_t allowed = 3;

	if (r->flow & FLOW_TO_SERVER)
		allowed = 1 << TO_SERVER;
	else if (r->flow & FLOW_TO_CLIENT)
		allowed = 1 << TO_CLIENT;
	for (unsigned i = 0; i < r->buffer_count; i++) {
		uint8_t kind = r->buffers[i].buffer->kind;

		if (kind == BUFFER_FIELD || kind == BUFFER_PAYLOAD)
			step_add(p, false, i, kind == BUFFER_PAYLOAD ? SIDE_BOTH : r->buffers[i].side,
				 r->buffers[i].progress);
	}
	for (unsigned i = 0; i < r->condition_count; i++)
		if (r->conditions[i].stage == STAGE_TX)
			step_add(p, true, i, r->conditions[i].side, r->conditions[i].progress);
	if (r->flags & RULE_HOOK)
		step_add(p, true, STEP_HOOK, r->hook_side, r->hook_progress);
	for (unsigned i = 0; i < p->step_count; i++)
		p->sides |= p->steps[i].side == SIDE_BOTH ? 3 : 1 << p->steps[i].side;
	/* One-sided steps say where the rule is judged; those of both sides follow them. */
	for (unsigned i = 0; i < p->step_count; i++)
		if (p->steps[i].side != SIDE_BOTH && !(r->flags & RULE_TX_BOTH))
			allowed &= 1 << p->steps[i].side;
	if (r->flags & RULE_TX_BOTH)
		allowed = 3;
	p->sides &= allowed;
}

static int program_make(struct compiled *c, const struct rule *r, struct program *p, struct step **steps)
{
	unsigned i = 0;

	payload_places(r, p);
	p->kind = kind_of(r, p);
	p->needs_payload = p->kind != RULE_TX && needs_payload(r);
	p->needs_regular_packet = r->flags & RULE_NEEDS_PACKET;
	p->needs_flow = r->flags & RULE_NEEDS_FLOW || p->kind == RULE_TX || r->app != NULL;
	for (unsigned stage = 0; stage < 4; stage++) {
		while (i < r->condition_count && r->conditions[i].stage <= stage)
			i++;
		if (i > UINT8_MAX)
			return -EINVAL;
		p->stage_end[stage] = (uint8_t)i;
	}
	if (p->kind == RULE_TX) {
		p->steps = *steps;
		steps_make(r, p);
		*steps += p->step_count;
	}
	(void)c;
	return 0;
}

static unsigned strength(const struct content *c)
{
	struct slice s = c->bytes;
	bool seen[256] = { false };
	unsigned sum = 0;

	if (c->fast_len)
		s = slice_head(slice_skip(s, c->fast_offset), c->fast_len);
	for (size_t i = 0; i < s.len; i++) {
		sum += seen[s.data[i]] ? 1 : 2 + byte_rarity(s.data[i]) / 50u;
		seen[s.data[i]] = true;
	}
	return sum;
}

/* The literal that must occur wherever the list holds; longer and rarer is better. */
static int list_fast(const struct buffer_list *list, bool explicit_only, unsigned *score)
{
	int best = -1;

	*score = 0;
	for (unsigned i = 0; i < list->count; i++) {
		const struct match *m = &list->matches[i];
		unsigned s;

		if (m->kind == MATCH_ABSENT && m->absent.or_else)
			return -1;
		if (m->kind != MATCH_CONTENT || m->content.flags & CONTENT_NEGATED || m->content.bytes.len == 0)
			continue;
		if (explicit_only && !(m->content.flags & (CONTENT_FAST | CONTENT_FAST_ONLY)))
			continue;
		s = strength(&m->content);
		if (s > *score) {
			*score = s;
			best = (int)i;
		}
	}
	return best;
}

static bool list_may_gate(const struct rule *r, const struct program *p, const struct buffer_list *list)
{
	(void)r;
	switch (p->kind) {
	case RULE_TX:
		return list->buffer->kind == BUFFER_FIELD || list->buffer->kind == BUFFER_PAYLOAD;
	case RULE_PACKETS:
	case RULE_PACKETS_STREAM:
	case RULE_STREAM:
		return list->buffer->kind == BUFFER_PAYLOAD;
	default:
		return false;
	}
}

/* Fields before payload: they are smaller, and fewer flows have them. */
static unsigned list_class(const struct buffer_list *list)
{
	if (list->buffer->kind != BUFFER_FIELD)
		return 1;
	return list->buffer->field != NULL && list->buffer->field->flags & FIELD_NO_FAST ? 2 : 3;
}

static void fast_choose(struct rule *r, struct program *p)
{
	unsigned best_class = 0, best_score = 0;

	r->fast_buffer = -1;
	for (int explicit_only = 1; explicit_only >= 0 && r->fast_buffer < 0; explicit_only--) {
		for (unsigned i = 0; i < r->buffer_count; i++) {
			struct buffer_list *list = &r->buffers[i];
			unsigned score, class = list_class(list);
			int fast;

			if (!list_may_gate(r, p, list))
				continue;
			fast = list_fast(list, explicit_only, &score);
			if (fast < 0 || class < best_class || (class == best_class && score <= best_score))
				continue;
			best_class = class;
			best_score = score;
			list->fast = fast;
			r->fast_buffer = (int)i;
		}
	}
	p->has_fast = r->fast_buffer >= 0;
}

bool rule_takes_app(const struct rule *r, const struct analyzer *proto)
{
	/* Carriers: what is written for the first is meant for what the second carries, too. */
	static const char *const relatives[][2] = {
		{ "http", "http2" }, { "http1", "http2" }, { "http", "doh2" }, { "http2", "doh2" }, { "dns", "doh2" },
		{ "dcerpc", "smb" },
	};

	if (r->app == NULL || r->app == proto)
		return true;
	if (!r->app_any_version || proto == NULL)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(relatives); i++)
		if (!strcmp(r->app->name, relatives[i][0]) && !strcmp(proto->name, relatives[i][1]))
			return true;
	return false;
}

static int list_add(uint32_t **rules, unsigned *count, uint32_t rule)
{
	if ((*count & (*count - 1)) == 0) {     /* room is a power of two */
		uint32_t *grown = realloc(*rules, (*count ? 2 * (size_t)*count : 1) * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		*rules = grown;
	}
	(*rules)[(*count)++] = rule;
	return 0;
}

static int into_list(struct rule_list *list, uint32_t rule)
{
	return list_add(&list->rules, &list->count, rule);
}

static int packet_lists(struct compiled *c, const struct rule *r, const struct program *p)
{
	switch (p->kind) {
	case RULE_IPONLY:
		return into_list(&c->ip_only, r->index);
	case RULE_PROTOCOL_ONLY:
		return into_list(&c->protocol_only, r->index);
	case RULE_EVENTS:
		return into_list(&c->events, r->index);
	case RULE_TX:
	case RULE_FRAME:
		return 0;
	default:
		if (r->flags & RULE_PKTHDR && into_list(&c->no_flow, r->index) < 0)
			return -ENOMEM;
		return p->has_fast ? 0 : into_list(&c->packet, r->index);
	}
}

static uint8_t plan_progress(const struct field *f, unsigned side)
{
	return f->progress[side];
}

static int field_plan_order(const void *a, const void *b)
{
	const struct field_plan *x = a, *y = b;

	return x->progress != y->progress ? (x->progress < y->progress ? -1 : 1)
					  : (int)x->buffer->id - (int)y->buffer->id;
}

/* The buffers that rules use, as this analyzer fills them. */
static int analyzer_fields(struct compiled *c, const struct rule_set *set, struct analyzer_plan *plan)
{
	plan->by_buffer = calloc(set->buffer_count ? set->buffer_count : 1, sizeof(*plan->by_buffer));
	for (unsigned side = 0; side < 2; side++)
		plan->fields[side] = calloc(set->buffer_count ? set->buffer_count : 1, sizeof(struct field_plan));
	if (plan->by_buffer == NULL || plan->fields[0] == NULL || plan->fields[1] == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < set->buffer_count; i++) {
		const struct buffer *b = set->buffers[i];
		const struct field *f;

		if (b->kind != BUFFER_FIELD || b->field == NULL)
			continue;
		f = b->analyzer == plan->analyzer ? b->field : field_in(plan->analyzer, b->field->name);
		if (f == NULL || f->get == NULL)
			continue;
		plan->by_buffer[b->id] = f;
		for (unsigned side = 0; side < 2; side++) {
			if (!(f->flags & (side == TO_SERVER ? FIELD_TO_SERVER : FIELD_TO_CLIENT)))
				continue;
			plan->fields[side][plan->field_count[side]++] = (struct field_plan){
				.buffer = b, .field = f, .progress = plan_progress(f, side),
				.final = f->final[side] > f->progress[side] ? f->final[side] : f->progress[side],
			};
		}
	}
	for (unsigned side = 0; side < 2; side++)
		qsort(plan->fields[side], plan->field_count[side], sizeof(struct field_plan), field_plan_order);
	(void)c;
	return 0;
}

/* Is any buffer or field of this rule one that the analyzer has? */
static bool rule_fits_analyzer(const struct rule *r, const struct analyzer_plan *plan)
{
	if (!rule_takes_app(r, plan->analyzer))
		return false;
	for (unsigned i = 0; i < r->buffer_count; i++)
		if (r->buffers[i].buffer->kind == BUFFER_FIELD && plan->by_buffer[r->buffers[i].buffer->id] == NULL)
			return false;
	for (unsigned i = 0; i < r->condition_count; i++)
		if (r->conditions[i].stage == STAGE_TX && r->conditions[i].field != NULL &&
		    field_in(plan->analyzer, r->conditions[i].field->name) == NULL)
			return false;
	return true;
}

static int analyzer_rules(const struct compiled *c, const struct rule_set *set, struct analyzer_plan *plan)
{
	for (unsigned i = 0; i < set->count; i++) {
		const struct rule *r = set->rules[i];
		const struct program *p = &c->programs[i];

		if (p->kind == RULE_FRAME) {
			const struct buffer *b = NULL;

			for (unsigned k = 0; b == NULL && k < r->buffer_count; k++)
				if (r->buffers[k].buffer->kind == BUFFER_FRAME)
					b = r->buffers[k].buffer;
			if (b->analyzer != NULL && b->analyzer != plan->analyzer)
				continue;
			for (unsigned side = 0; side < 2; side++)
				if (c->headers[p->header].sides >> side & 1 &&
				    list_add(&plan->frame_rules[side], &plan->frame_rule_count[side], i) < 0)
					return -ENOMEM;
		}
		if (p->kind != RULE_TX || p->has_fast || !rule_fits_analyzer(r, plan))
			continue;
		for (unsigned side = 0; side < 2; side++)
			if (p->sides >> side & 1 && list_add(&plan->rules[side], &plan->rule_count[side], i) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* What the analyzers have to keep for rules. */
static void wants_note(struct compiled *c, const struct rule *r, const struct program *p)
{
	if (p->kind == RULE_FRAME)
		c->wants |= APP_WANT_FRAMES;
	if (p->in_stream)               /* its alerts show the transaction that the stream was about */
		c->wants |= APP_WANT_RULES;
	if (p->kind != RULE_TX)
		return;
	c->wants |= APP_WANT_RULES;
	for (unsigned i = 0; i < r->buffer_count; i++) {
		const struct buffer *b = r->buffers[i].buffer;

		c->tx_raw |= b->kind == BUFFER_PAYLOAD;
		if (b->kind == BUFFER_FIELD && b->field != NULL && strcmp(b->field->name, "file.magic") == 0)
			c->wants |= APP_WANT_MAGIC;
		if (b->kind != BUFFER_FIELD || b->field == NULL || !(b->field->flags & FIELD_GROWS))
			continue;
		c->wants |= b->field->flags & FIELD_FILE ? APP_WANT_FILES : APP_WANT_BODIES;
	}
}

static size_t search_count(const struct rule_set *set)
{
	size_t n = 0;

	for (unsigned i = 0; i < set->count; i++)
		for (unsigned k = 0; k < set->rules[i]->buffer_count; k++)
			for (unsigned j = 0; j < set->rules[i]->buffers[k].count; j++)
				n += set->rules[i]->buffers[k].matches[j].kind == MATCH_CONTENT;
	return n;
}

static size_t step_room(const struct rule_set *set)
{
	size_t n = 0;

	for (unsigned i = 0; i < set->count; i++) {
		size_t steps = set->rules[i]->buffer_count + set->rules[i]->condition_count + 1u;

		n += steps < STEPS_MAX ? steps : STEPS_MAX;
	}
	return n;
}

int programs_make(struct compiled *c, const struct rule_set *set)
{
	struct search *searches = calloc(search_count(set) + 1, sizeof(*searches));
	struct step *steps = calloc(step_room(set) + 1, sizeof(*steps));
	int err = 0;

	c->searches = searches;
	c->steps = steps;
	c->analyzer_count = analyzer_count();
	c->analyzers = calloc(c->analyzer_count ? c->analyzer_count : 1, sizeof(*c->analyzers));
	if (searches == NULL || steps == NULL || c->analyzers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; err == 0 && i < set->count; i++) {
		struct rule *r = set->rules[i];

		err = program_make(c, r, &c->programs[i], &steps);
		for (unsigned k = 0; k < r->buffer_count; k++) {
			r->buffers[k].fast = -1;
			searches += inspect_bytes_plan(&r->buffers[k], searches);
		}
		fast_choose(r, &c->programs[i]);
		r->program = &c->programs[i];
		wants_note(c, r, &c->programs[i]);
		if (err == 0)
			err = packet_lists(c, r, &c->programs[i]);
	}
	for (unsigned i = 0; err == 0 && i < c->analyzer_count; i++) {
		c->analyzers[i].analyzer = analyzer_at(i);
		err = analyzer_fields(c, set, &c->analyzers[i]);
		if (err == 0)
			err = analyzer_rules(c, set, &c->analyzers[i]);
	}
	return err;
}

/* explain_look.c - why a rule didn't come up: its header, the flow, or a fast pattern that isn't there. The engine skips
 * such rules without looking at them; here each is looked at, one rule and only where somebody asked. */
#include <string.h>
#include <strings.h>

#include "rules/engine.h"
#include "rules/explain.h"
#include "rules/explain_own.h"

#define VALUES_MAX 64

static bool find(struct slice text, struct slice what, bool nocase, size_t *place)
{
	for (size_t i = 0; what.len > 0 && text.len >= what.len && i <= text.len - what.len; i++)
		if (nocase ? !strncasecmp((const char *)text.data + i, (const char *)what.data, what.len) :
			     !memcmp(text.data + i, what.data, what.len)) {
			*place = i;
			return true;
		}
	return false;
}

static const char *field_with(const struct inspect *in, const struct content *c, const struct field *except)
{
	const struct analyzer *proto = in->analysis ? in->analysis->proto : NULL;
	size_t place;

	for (unsigned i = 0; proto != NULL && in->tx != NULL && i < proto->field_count; i++) {
		const struct field *f = &proto->fields[i];

		if (f->type != FIELD_BYTES || f == except || f->flags & FIELD_FILE)
			continue;
		for (unsigned side = 0; side < 2; side++)
			for (unsigned k = 0; k < VALUES_MAX; k++) {
				struct field_value v = { 0 };

				if (in->tx->progress[side] < f->progress[side] ||
				    !(f->flags & (side == TO_SERVER ? FIELD_TO_SERVER : FIELD_TO_CLIENT)) ||
				    !f->get(in->analysis, in->tx, side, k, &v))
					break;
				if (find(v.bytes, c->bytes, c->flags & CONTENT_NOCASE, &place))
					return f->name;
				if (!(f->flags & FIELD_MULTI))
					break;
			}
	}
	return NULL;
}

void explain_look_around(struct explain_note *n, const struct inspect *in, const struct content *c,
			 const struct buffer *where, struct slice bytes)
{
	n->elsewhere_known = find(bytes, c->bytes, c->flags & CONTENT_NOCASE, &n->elsewhere);
	if (!n->elsewhere_known)
		n->elsewhere_known = n->other_case = find(bytes, c->bytes, true, &n->elsewhere);
	if (!n->elsewhere_known)
		n->other_field = field_with(in, c, where->field);
}

static const struct content *fast_of(const struct rule *rule, const struct buffer_list **list)
{
	if (rule->fast_buffer < 0)
		return NULL;
	*list = &rule->buffers[rule->fast_buffer];
	return (*list)->fast >= 0 ? &(*list)->matches[(*list)->fast].content : NULL;
}

static bool ports_fit(const struct rule *rule, const struct packet *pkt, uint16_t src, uint16_t dst)
{
	bool has_ports = (pkt->proto == 6 || pkt->proto == 17 || pkt->proto == 132) && !(pkt->flags & PACKET_FRAGMENT);

	if (port_set_any(rule->src_ports) && port_set_any(rule->dst_ports))
		return true;
	return has_ports && port_set_match(rule->src_ports, src) && port_set_match(rule->dst_ports, dst);
}

static bool addresses_fit(const struct rule *rule, const struct packet *pkt, const struct ip_addr *src,
			  const struct ip_addr *dst)
{
	return addr_set_match(rule->src, src, pkt->ip_version) && addr_set_match(rule->dst, dst, pkt->ip_version);
}

/* What of the header doesn't fit; EXPLAIN_STOPS where all does. */
static uint8_t header_look(const struct rules *r, const struct inspect *in, bool *source)
{
	const struct explain *e = r->explain;
	const struct rule *rule = e->rule;
	const struct header *h = &r->set->compiled->headers[r->set->compiled->programs[rule->index].header];
	const struct packet *p = in->pkt;
	unsigned side = in->flow != NULL ? in->side : HEADER_NO_FLOW;
	bool direct, turned;

	if (p->ip_version == 0 || !(rule->protos[p->proto / 8] >> (p->proto % 8) & 1) ||
	    !(rule->ip_versions & (p->ip_version == 4 ? 1 : 2)))
		return EXPLAIN_PROTO;
	direct = addresses_fit(rule, p, &p->src, &p->dst) && ports_fit(rule, p, p->src_port, p->dst_port);
	turned = addresses_fit(rule, p, &p->dst, &p->src) && ports_fit(rule, p, p->dst_port, p->src_port);
	if (direct || (turned && h->both_ways))
		return h->sides >> side & 1 ? EXPLAIN_STOPS : in->flow != NULL ? EXPLAIN_SIDE : EXPLAIN_FLOW;
	if (turned)
		return EXPLAIN_TURNED;
	if (!addresses_fit(rule, p, &p->src, &p->dst)) {
		*source = !addr_set_match(rule->src, &p->src, p->ip_version);
		return EXPLAIN_ADDRESS;
	}
	*source = !port_set_match(rule->src_ports, p->src_port);
	return EXPLAIN_PORT;
}

/* The first bytes of what was scanned, and whether the pattern is in there in other letters. */
static void fast_note(struct explain_note *n, const struct inspect *in, const struct buffer_list *list,
		      const struct content *c, struct slice bytes)
{
	n->list = list;
	n->reached = (unsigned)list->fast;
	n->value_len = bytes.len;
	n->head_len = bytes.len < EXPLAIN_BYTES ? (unsigned)bytes.len : EXPLAIN_BYTES;
	if (n->head_len > 0)
		memcpy(n->head, bytes.data, n->head_len);
	if (!n->elsewhere_known)
		explain_look_around(n, in, c, list->buffer, bytes);
}

/* The header fits, but the rule didn't come up. */
static void not_tried(struct rules *r, const struct inspect *in, const struct raw_ready *raw)
{
	const struct rule *rule = r->explain->rule;
	const struct program *p = rule->program;
	const struct buffer_list *list = NULL;
	const struct content *c = fast_of(rule, &list);
	struct explain_note *n;

	if (p->kind == RULE_IPONLY || (in->pkt->flags & PACKET_END_OF_FLOW && raw->count == 0))
		return;
	n = explain_note_new(r->explain, in);
	n->stop = EXPLAIN_NO_PAYLOAD;
	if (p->kind == RULE_EVENTS) {
		n->stop = EXPLAIN_EVENT;
	} else if (p->kind == RULE_PROTOCOL_ONLY) {
		n->stop = EXPLAIN_CONDITION;
	} else if (c != NULL && (raw->count > 0 || (in->pkt->payload.len > 0 && p->in_packets))) {
		n->stop = EXPLAIN_FAST;
		for (unsigned i = 0; i < raw->count; i++)
			fast_note(n, in, list, c, raw->blocks[i]);
		if (raw->count == 0)
			fast_note(n, in, list, c, in->pkt->payload);
	}
}

void explain_look_packet(struct rules *r, const struct inspect *in, const struct raw_ready *raw)
{
	struct explain *e = r->explain;
	static const struct raw_ready nothing;
	const struct rule *rule = e->rule;
	const struct program *p = rule->program;
	const struct buffer_list *list;
	const struct content *c = fast_of(rule, &list);
	const struct packet *pkt = in->pkt;
	bool source = false, tried = e->tried, ignored;
	struct explain_note *n;
	uint8_t stop;
	size_t place;

	e->tried = e->active = false;
	stop = header_look(r, in, &source);
	if (!(pkt->flags & PACKET_END_OF_FLOW)) {
		e->packets++;
		e->packets_of_proto += stop != EXPLAIN_PROTO;
	}
	if (tried)
		return;
	ignored = in->flow != NULL && (in->flow->pass || in->flow->dropped || in->flow->no_inspect);
	if (stop == EXPLAIN_STOPS && ignored)
		stop = EXPLAIN_IGNORED;
	if (stop == EXPLAIN_STOPS && rule->app != NULL && in->analysis != NULL && in->analysis->proto != NULL &&
	    !rule_takes_app(rule, in->analysis->proto))
		stop = EXPLAIN_APP;
	if (stop == EXPLAIN_STOPS && p->kind != RULE_TX && p->kind != RULE_FRAME)
		not_tried(r, in, raw ? raw : &nothing);
	if (stop == EXPLAIN_STOPS || pkt->flags & PACKET_END_OF_FLOW)
		return;
	n = explain_note_new(e, in);
	n->stop = stop;
	n->source = source;
	if (stop != EXPLAIN_APP)
		n->app = NULL;
	/* To tell apart by these would say nothing. */
	n->midstream = n->gap = false;
	n->occurs = c != NULL && !(pkt->flags & PACKET_NO_PAYLOAD_INSPECT) &&
		    find(pkt->payload, c->bytes, c->flags & CONTENT_NOCASE, &place);
}

void explain_look_tx(struct rules *r, const struct inspect *in, const struct analyzer_plan *plan)
{
	struct explain *e = r->explain;
	const struct rule *rule = e->rule;
	const struct program *p = rule->program;
	const struct buffer_list *list;
	const struct content *c = fast_of(rule, &list);
	struct explain_note *n;
	bool source, any = false;

	if (c == NULL || p->kind != RULE_TX || !(p->sides >> in->side & 1) || !rule_takes_app(rule, plan->analyzer) ||
	    explain_note_of_tx(e, in) != NULL || header_look(r, in, &source) != EXPLAIN_STOPS ||
	    list->buffer->kind != BUFFER_FIELD)
		return;
	n = explain_note_new(e, in);
	n->stop = EXPLAIN_FAST;
	for (unsigned i = 0; i < VALUES_MAX && plan->by_buffer[list->buffer->id] != NULL; i++) {
		struct view view;

		if (!buffer_value(r, in, list->buffer, plan->by_buffer[list->buffer->id], i, &view))
			break;
		if (!any || !n->elsewhere_known)
			fast_note(n, in, list, c, view.bytes);
		any = true;
		if (!(plan->by_buffer[list->buffer->id]->flags & (FIELD_MULTI | FIELD_FILE)))
			break;
	}
	if (!any) {
		n->stop = EXPLAIN_NO_VALUE;
		n->list = list;
		n->other_field = field_with(in, c, list->buffer->field);
	}
}

/* A rule about a protocol, and a flow whose protocol never showed. */
void explain_look_flow_end(struct rules *r, const struct inspect *in)
{
	struct explain *e = r->explain;
	const struct rule *rule = e->rule;
	bool source;
	uint8_t stop = header_look(r, in, &source);

	if (rule->app == NULL || (in->analysis != NULL && in->analysis->proto != NULL) || stop != EXPLAIN_STOPS)
		return;
	explain_note_new(e, in)->stop = EXPLAIN_APP;
}

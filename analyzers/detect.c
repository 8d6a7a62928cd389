/* detect.c - which protocol do these bytes speak?
 *
 * A direction is judged by its own first bytes: literals at their places first (a table by first byte, so
 * that a flow costs a handful of comparisons), then the probes of protocols expected on its ports, then
 * the probes that look at any port. The verdict must not depend on how the bytes were cut: a weaker
 * witness is not heard while the bytes so far are the beginning of a literal, and a probe that has said
 * yes or no never changes its mind with more bytes. Work is bounded by the number of protocols and by
 * the deepest literal. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/app.h"
#include "base/must.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool pattern_loose(const struct probe_pattern *p)
{
	return p->depth == 0 || p->depth > p->offset + p->bytes.len || p->offset != 0;
}

static bool pattern_at(const struct probe_pattern *p, struct slice data, size_t at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t a = data.data[at + i], b = p->bytes.data[i];

		if (a != b && (!p->nocase || lower(a) != lower(b)))
			return false;
	}
	return true;
}

/* YES: it stands there. MORE: the bytes so far are the beginning of it. */
static enum probe pattern_match(const struct probe_pattern *p, struct slice data)
{
	size_t end = p->depth != 0 ? p->depth : p->offset + p->bytes.len;

	for (size_t at = p->offset; at + p->bytes.len <= end; at++) {
		if (at >= data.len)
			return PROBE_NO;
		if (at + p->bytes.len > data.len) {
			if (pattern_at(p, data, at, data.len - at))
				return PROBE_MORE;
		} else if (pattern_at(p, data, at, p->bytes.len)) {
			return PROBE_YES;
		}
	}
	return PROBE_NO;
}

static bool ports_have(const struct port_ranges *r, uint16_t port)
{
	for (unsigned i = 0; i < r->count; i++)
		if (port >= r->at[i].from && port <= r->at[i].to)
			return true;
	return false;
}

static bool refused(const struct detect *d, enum side side, unsigned proto)
{
	return d != NULL && (d->sides[side].refused[proto / 64 % 4] >> (proto % 64) & 1) != 0;
}

static void refuse(struct detect *d, enum side side, unsigned proto)
{
	if (d != NULL)
		d->sides[side].refused[proto / 64 % 4] |= 1ull << (proto % 64);
}

struct search {
	const struct analysis *a;
	const struct app_settings *s;
	struct detect *d;
	enum side side;                 /* as the flow has it */
	enum side as;                   /* as it is looked at: the other one when reversed */
	unsigned transport;
	struct slice data;
	bool more_comes;
	struct probe_result *out;
};

static enum probe probe_one(struct search *s, unsigned index, enum side as)
{
	const struct analyzer *an = s->s->protos[index].analyzer;
	enum probe p = an->probe(s->data, as, s->transport == 1);

	if (p == PROBE_MORE && !s->more_comes)
		p = PROBE_NO;
	return p;
}

static bool found(struct search *s, unsigned index, bool reversed)
{
	s->out->proto = &s->s->protos[index];
	s->out->reversed = reversed;
	s->out->wait = false;
	return true;
}

static bool pattern_try(struct search *s, const struct pattern_ref *ref, unsigned *best)
{
	const struct proto_conf *pc = &s->s->protos[ref->proto];
	enum probe p;

	if (s->out->proto != NULL && ref->pattern->bytes.len <= *best)
		return false;
	if (s->as == s->side && refused(s->d, s->side, ref->proto))
		return false;
	p = pattern_match(ref->pattern, s->data);
	if (p == PROBE_MORE && s->more_comes)
		s->out->blocked = true;
	if (p != PROBE_YES)
		return false;
	if (pc->analyzer->probe != NULL) {
		p = probe_one(s, ref->proto, s->as);
		if (p == PROBE_MORE)
			s->out->blocked = true;
		if (p == PROBE_NO || p == PROBE_MORE)
			return false;
	}
	*best = (unsigned)ref->pattern->bytes.len;
	return found(s, ref->proto, p == PROBE_REVERSED ? s->as == s->side : s->as != s->side);
}

static bool patterns_try(struct search *s)
{
	const struct pattern_table *t = &s->s->patterns[s->transport][s->as];
	unsigned best = 0;
	uint8_t c = s->data.data[0];

	for (unsigned i = 0; i < t->loose; i++)
		pattern_try(s, &t->refs[i], &best);
	for (unsigned i = t->first[c]; i < t->first[c] + t->first_count[c]; i++)
		pattern_try(s, &t->refs[i], &best);
	if (s->data.len < t->depth_max && s->more_comes)
		s->out->wait = s->out->proto == NULL;
	return s->out->proto != NULL;
}

static bool probe_try(struct search *s, unsigned index, enum side as)
{
	enum probe p;

	if (as == s->side && refused(s->d, s->side, index))
		return false;
	p = probe_one(s, index, as);
	if (p == PROBE_MORE)
		s->out->wait = true;
	else if (p == PROBE_NO && as == s->side)
		refuse(s->d, s->side, index);
	if (p == PROBE_YES)
		return found(s, index, as != s->side);
	if (p == PROBE_REVERSED)
		return found(s, index, as == s->side);
	return false;
}

/* Probes by port: the packet's destination says that it goes to a server, its source that it comes from one. */
static bool ports_try(struct search *s, bool may_reverse)
{
	const struct flow_key *k = &s->a->flow->key;
	const struct detect *d = s->d;
	uint16_t dst = k->port[s->side == TO_SERVER ? 1 : 0];
	uint16_t src = k->port[s->side == TO_SERVER ? 0 : 1];

	for (unsigned i = 0; i < s->s->count; i++) {
		const struct proto_conf *pc = &s->s->protos[i];
		const struct port_ranges *server = &pc->server_ports[s->transport];
		const struct port_ranges *client = &pc->client_ports[s->transport];
		bool to = ports_have(server, dst) || ports_have(client, src);
		bool from = ports_have(server, src) || ports_have(client, dst);

		if (pc->mode[s->transport] == PROTO_OFF || pc->analyzer->probe == NULL)
			continue;
		if (d != NULL && d->switch_port != 0 && ports_have(server, d->switch_port)) {
			to = s->side == TO_SERVER;
			from = !to;
		}
		if (to && (s->side == TO_SERVER || may_reverse) && probe_try(s, i, TO_SERVER))
			return true;
		if (from && (s->side == TO_CLIENT || may_reverse) && probe_try(s, i, TO_CLIENT))
			return true;
	}
	return false;
}

/* What the other direction speaks is asked first, whatever the port. */
static bool same_try(struct search *s)
{
	const struct analysis *a = s->a;

	if (a->proto == NULL || a->proto->probe == NULL)
		return false;
	return probe_try(s, (unsigned)(proto_conf_of(s->s, a->proto) - s->s->protos), s->side);
}

static bool any_port_try(struct search *s)
{
	for (unsigned i = 0; i < s->s->count; i++) {
		const struct proto_conf *pc = &s->s->protos[i];

		if (pc->mode[s->transport] == PROTO_OFF || !pc->analyzer->any_port ||
		    pc->analyzer->probe == NULL)
			continue;
		if (probe_try(s, i, s->side))
			return true;
	}
	return false;
}

struct probe_result detect_bytes(struct analysis *a, enum side side, struct slice data, bool more_comes)
{
	struct probe_result out = { 0 };
	struct detect *d = a->detect;
	bool udp = analysis_transport(a) == 1;
	bool alone = !a->decided[!side] && (d == NULL || !d->sides[!side].seen);
	bool may_reverse = (udp || a->flow->midstream) && alone;
	struct search s = {
		.a = a, .s = a->app->settings, .d = d, .side = side, .as = side, .transport = udp,
		.data = data, .more_comes = more_comes, .out = &out,
	};

	if (data.len == 0) {
		out.wait = more_comes;
		return out;
	}
	if (patterns_try(&s))
		return out;
	if (may_reverse) {
		s.as = other_side(side);
		if (patterns_try(&s))
			return out;
		s.as = side;
	}
	if (out.blocked) {
		/* Too short for a pattern of somebody else's; what the other direction speaks may know it. */
		if (a->proto != NULL && a->proto->probe != NULL && probe_try(&s, a->row, side))
			return out;
		out.wait = true;
		return out;
	}
	if (same_try(&s) || ports_try(&s, may_reverse) || any_port_try(&s))
		return out;
	return out;
}

static unsigned patterns_count(const struct app_settings *s, unsigned transport, enum side side)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->count; i++) {
		if (s->protos[i].mode[transport] == PROTO_OFF)
			continue;
		for (unsigned k = 0; k < s->protos[i].analyzer->pattern_count; k++)
			n += s->protos[i].analyzer->patterns[k].side == side;
	}
	return n;
}

static void pattern_add(struct pattern_table *t, uint16_t proto, const struct probe_pattern *p)
{
	unsigned end = p->depth != 0 ? p->depth : p->offset + (unsigned)p->bytes.len;

	must(p->bytes.len > 0);
	t->refs[t->count++] = (struct pattern_ref){ .pattern = p, .proto = proto };
	if (end > t->depth_max && end <= 64)
		t->depth_max = end;
}

static void table_fill(struct pattern_table *t, const struct app_settings *s, unsigned transport,
		       enum side side, int first)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct analyzer *an = s->protos[i].analyzer;

		if (s->protos[i].mode[transport] == PROTO_OFF)
			continue;
		for (unsigned k = 0; k < an->pattern_count; k++) {
			const struct probe_pattern *p = &an->patterns[k];
			uint8_t c = p->bytes.data[0];

			if (p->side != side || pattern_loose(p) != (first < 0))
				continue;
			if (first < 0 || c == first || (p->nocase && lower(c) == lower((uint8_t)first)))
				pattern_add(t, (uint16_t)i, p);
		}
	}
}

static int table_new(struct pattern_table *t, const struct app_settings *s, unsigned transport,
		     enum side side)
{
	unsigned n = patterns_count(s, transport, side);

	if (n == 0)
		return 0;
	t->refs = calloc(2 * n, sizeof(*t->refs));      /* nocase: under both letters */
	if (t->refs == NULL)
		return -ENOMEM;
	table_fill(t, s, transport, side, -1);
	t->loose = t->count;
	for (int c = 0; c < 256; c++) {
		t->first[c] = (uint16_t)t->count;
		table_fill(t, s, transport, side, c);
		t->first_count[c] = (uint16_t)(t->count - t->first[c]);
	}
	return 0;
}

int detect_tables_new(struct app_settings *s)
{
	int err = 0;

	for (unsigned i = 0; i < 4 && err == 0; i++)
		err = table_new(&s->patterns[i / 2][i % 2], s, i / 2, i % 2);
	return err;
}

void detect_tables_free(struct app_settings *s)
{
	for (unsigned i = 0; i < 4; i++)
		free(s->patterns[i / 2][i % 2].refs);
}

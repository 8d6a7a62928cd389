/* groups.c - which rules a flow's direction can meet, worked out once for all that look alike.
 *
 * Four class numbers, protocol and side make the key; the group behind it has a bit for each header and the
 * short lists that follow from them. Groups that no flow holds are dropped when there are too many; an
 * attacker who makes up addresses gets no further than the classes that rules tell apart. */
#include <errno.h>
#include <stdlib.h>

#include "base/must.h"
#include "rules/engine.h"

static uint32_t key_hash(const struct group_key *k)
{
	const uint64_t *w = (const uint64_t *)(const void *)k;
	uint64_t h = w[0] * 0x9e3779b97f4a7c15ull ^ w[1];

	_Static_assert(sizeof(*k) == 16, "two words");
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(h >> 40) & (GROUPS_HASH - 1);
}

static bool fits_one_way(const struct classes *c, const struct header *h, const struct group_key *k, bool turned)
{
	bool has_ports = (k->proto == 6 || k->proto == 17 || k->proto == 132) && !k->fragment;

	if (!h->ports_any) {
		if (!has_ports)
			return false;
		if (!classes_port_in(c, turned ? k->dst_port : k->src_port, h->src_ports) ||
		    !classes_port_in(c, turned ? k->src_port : k->dst_port, h->dst_ports))
			return false;
	}
	return classes_addr_in(c, turned ? k->dst : k->src, h->src) &&
	       classes_addr_in(c, turned ? k->src : k->dst, h->dst);
}

static bool fits(const struct classes *c, const struct header *h, const struct group_key *k)
{
	if (!(h->sides >> k->side & 1) || !(h->protos[k->proto / 8] >> (k->proto % 8) & 1) ||
	    !(h->ip_versions & (k->ip_version == 4 ? 1 : 2)))
		return false;
	return fits_one_way(c, h, k, false) || (h->both_ways && fits_one_way(c, h, k, true));
}

static bool any_header(const struct compiled *c, const struct group *g, const uint64_t *headers)
{
	for (uint32_t i = 0; i < c->header_words; i++)
		if (g->headers[i] & headers[i])
			return true;
	return false;
}

static unsigned payload_pick(const struct compiled *c, const struct group *g, const struct payload_databases *all,
			     const struct database **out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < all->count; i++) {
		const struct payload_database *p = &all->items[i];

		if ((p->dst_ports && !classes_port_in(&c->classes, g->key.dst_port, p->dst_ports)) ||
		    (p->src_ports && !classes_port_in(&c->classes, g->key.src_port, p->src_ports)))
			continue;
		if (p->db.prefilter && any_header(c, g, p->db.headers))
			out[n++] = &p->db;
	}
	return n;
}

static enum payload_kind packet_kind(uint8_t proto)
{
	return proto == 6 ? PAYLOAD_TCP_PACKET : proto == 17 ? PAYLOAD_UDP : PAYLOAD_OTHER;
}

/* Rules without fast pattern that look at the raw stream, or bytes of it in transactions. */
static bool stream_rules(const struct rules *r, const struct group *g)
{
	for (unsigned i = 0; i < g->packet_count; i++) {
		const struct program *p = &r->set->compiled->programs[g->packet[i]];

		if (p->kind == RULE_STREAM || p->kind == RULE_PACKETS_STREAM)
			return true;
	}
	return r->set->compiled->tx_raw;
}

/* Fills g; lists lie behind one another at `room`, which is large enough for all rules of the lists. */
static void group_fill(const struct rules *r, struct group *g, const struct group_key *key)
{
	const struct compiled *c = r->set->compiled;
	unsigned side = key->side == HEADER_NO_FLOW ? TO_SERVER : key->side;

	g->key = *key;
	memset(g->headers, 0, c->header_words * sizeof(uint64_t));
	for (uint32_t i = 0; i < c->header_count; i++)
		if (fits(&c->classes, &c->headers[i], key))
			g->headers[i / 64] |= 1ull << (i % 64);
	g->packet_count = g->ip_only_count = 0;
	for (unsigned i = 0; i < c->packet.count; i++)
		if (group_has(g, c->programs[c->packet.rules[i]].header))
			g->packet[g->packet_count++] = c->packet.rules[i];
	for (unsigned i = 0; i < c->ip_only.count; i++)
		if (group_has(g, c->programs[c->ip_only.rules[i]].header))
			g->ip_only[g->ip_only_count++] = c->ip_only.rules[i];
	g->in_packet_count = payload_pick(c, g, &c->payload[packet_kind(key->proto)][side], g->in_packet);
	g->in_stream_count =
		key->proto == 6 ? payload_pick(c, g, &c->payload[PAYLOAD_TCP_STREAM][side], g->in_stream) : 0;
	g->wants_stream = key->proto == 6 && (g->in_stream_count || stream_rules(r, g));
}

struct room {
	size_t headers, packet, ip_only, in_packet, in_stream, total;
};

static size_t align(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

/* How much a group takes: all that its lists can hold, or what `like` holds. */
static struct room room_of(const struct rules *r, const struct group *like)
{
	const struct compiled *c = r->set->compiled;
	size_t in_packet = 0, in_stream = 0;
	struct room m;

	for (unsigned kind = 0; kind < PAYLOAD_KINDS; kind++)
		for (unsigned side = 0; side < 2; side++) {
			size_t n = c->payload[kind][side].count;

			if (kind == PAYLOAD_TCP_STREAM)
				in_stream = n > in_stream ? n : in_stream;
			else
				in_packet = n > in_packet ? n : in_packet;
		}
	m.headers = align(sizeof(struct group));
	m.packet = m.headers + align(c->header_words * sizeof(uint64_t));
	m.ip_only = m.packet + align((like ? like->packet_count : c->packet.count) * sizeof(uint32_t));
	m.in_packet = m.ip_only + align((like ? like->ip_only_count : c->ip_only.count) * sizeof(uint32_t));
	m.in_stream = m.in_packet + align((like ? like->in_packet_count : in_packet) * sizeof(void *));
	m.total = m.in_stream + align((like ? like->in_stream_count : in_stream) * sizeof(void *));
	return m;
}

static struct group *group_place(void *memory, const struct room *m)
{
	uint8_t *base = memory;
	struct group *g = memory;

	memset(g, 0, sizeof(*g));
	g->headers = (uint64_t *)(void *)(base + m->headers);
	g->packet = (uint32_t *)(void *)(base + m->packet);
	g->ip_only = (uint32_t *)(void *)(base + m->ip_only);
	g->in_packet = (const struct database **)(void *)(base + m->in_packet);
	g->in_stream = (const struct database **)(void *)(base + m->in_stream);
	g->size = m->total;
	return g;
}

/* A copy that takes no more than it needs. */
static struct group *group_copy(struct rules *r, const struct group *from)
{
	struct room m = room_of(r, from);
	void *memory = budget_get_raw(&r->budget, m.total);
	struct group *g;

	if (memory == NULL)
		return NULL;
	g = group_place(memory, &m);
	g->key = from->key;
	memcpy(g->headers, from->headers, r->set->compiled->header_words * sizeof(uint64_t));
	memcpy(g->packet, from->packet, from->packet_count * sizeof(uint32_t));
	memcpy(g->ip_only, from->ip_only, from->ip_only_count * sizeof(uint32_t));
	memcpy(g->in_packet, from->in_packet, from->in_packet_count * sizeof(void *));
	memcpy(g->in_stream, from->in_stream, from->in_stream_count * sizeof(void *));
	g->packet_count = from->packet_count;
	g->ip_only_count = from->ip_only_count;
	g->in_packet_count = from->in_packet_count;
	g->in_stream_count = from->in_stream_count;
	g->wants_stream = from->wants_stream;
	return g;
}

static void groups_sweep(struct rules *r)
{
	for (unsigned i = 0; i < GROUPS_HASH; i++)
		for (struct group **at = &r->groups[i]; *at != NULL;) {
			struct group *g = *at;

			if (g->users) {
				at = &g->next;
				continue;
			}
			*at = g->next;
			r->group_bytes -= g->size;
			r->group_count--;
			budget_put(&r->budget, g, g->size);
		}
}

/* They may have this part of the budget; the rest is for what flows hold. */
static bool groups_exceed(const struct rules *r, unsigned part)
{
	return r->budget.max != 0 && r->group_bytes >= r->budget.max / part;
}

static struct group *group_get(struct rules *r, const struct group_key *key)
{
	uint32_t slot = key_hash(key);
	struct group *g;

	for (g = r->groups[slot]; g != NULL; g = g->next)
		if (!memcmp(&g->key, key, sizeof(*key)))
			return g;
	if (r->group_count >= GROUPS_KEPT || groups_exceed(r, 4))
		groups_sweep(r);
	group_fill(r, r->spare, key);
	/* Many in use: more are held up to four times the number, then worked out packet by packet. */
	g = r->group_count < 4 * GROUPS_KEPT && !groups_exceed(r, 3) ? group_copy(r, r->spare) : NULL;
	if (g == NULL)
		return r->spare;
	g->next = r->groups[slot];
	r->groups[slot] = g;
	r->group_count++;
	r->group_bytes += g->size;
	return g;
}

static struct group_key key_of(const struct classes *c, const struct packet *pkt, uint8_t side)
{
	bool has_ports = (pkt->proto == 6 || pkt->proto == 17 || pkt->proto == 132) &&
			 !(pkt->flags & PACKET_FRAGMENT);
	struct group_key k = {
		.src = classes_addr(c, &pkt->src, pkt->ip_version),
		.dst = classes_addr(c, &pkt->dst, pkt->ip_version),
		.proto = pkt->proto,
		.ip_version = pkt->ip_version,
		.side = side,
		.fragment = (pkt->flags & PACKET_FRAGMENT) != 0,
	};

	if (has_ports) {
		k.src_port = c->port_class[pkt->src_port];
		k.dst_port = c->port_class[pkt->dst_port];
	}
	return k;
}

struct group *group_of_side(struct rules *r, struct flow *flow, enum side side)
{
	const struct classes *c = &r->set->compiled->classes;
	struct rules_flow *f = rules_flow_make(r, flow);
	const struct flow_key *fk = &flow->key;
	bool has_ports = fk->proto == 6 || fk->proto == 17 || fk->proto == 132;
	unsigned from = side == TO_SERVER ? 0 : 1;
	struct group_key k = { .proto = fk->proto, .ip_version = fk->ip_version, .side = side };
	struct group *g;

	if (f == NULL)
		return NULL;
	if (f->sides[side].group != NULL)
		return f->sides[side].group;
	k.src = classes_addr(c, &fk->addr[from], fk->ip_version);
	k.dst = classes_addr(c, &fk->addr[!from], fk->ip_version);
	if (has_ports) {
		k.src_port = c->port_class[fk->port[from]];
		k.dst_port = c->port_class[fk->port[!from]];
	}
	g = group_get(r, &k);
	if (g == r->spare)
		return NULL;
	g->users++;
	f->sides[side].group = g;
	return g;
}

struct group *group_of_packet(struct rules *r, struct flow *flow, const struct packet *pkt)
{
	struct group_key k;
	struct group *g;

	/* An ICMP error in a TCP flow, or a later fragment, isn't what the flow's group is for. */
	if (flow != NULL && pkt->proto == flow->key.proto && !(pkt->flags & (PACKET_FRAGMENT | PACKET_ICMP_ERROR))) {
		g = group_of_side(r, flow, pkt->side);
		if (g != NULL)
			return g;
	}
	k = key_of(&r->set->compiled->classes, pkt, flow ? pkt->side : HEADER_NO_FLOW);
	return group_get(r, &k);
}

void group_drop(struct rules *r, struct flow_side *side)
{
	(void)r;
	if (side->group != NULL)
		side->group->users--;
	side->group = NULL;
}

int groups_init(struct rules *r)
{
	struct room m = room_of(r, NULL);
	void *memory = budget_get_raw(&r->budget, m.total);

	r->groups = budget_get(&r->budget, GROUPS_HASH * sizeof(*r->groups));
	if (memory == NULL || r->groups == NULL)
		return -ENOMEM;
	r->spare = group_place(memory, &m);
	r->group_count = 0;
	r->group_bytes = 0;
	return 0;
}

void groups_fini(struct rules *r)
{
	if (r->groups == NULL)
		return;
	for (unsigned i = 0; i < GROUPS_HASH; i++)
		for (struct group *g = r->groups[i], *next; g != NULL; g = next) {
			next = g->next;
			budget_put(&r->budget, g, g->size);
		}
	budget_put(&r->budget, r->groups, GROUPS_HASH * sizeof(*r->groups));
	if (r->spare != NULL)
		budget_put(&r->budget, r->spare, r->spare->size);
	r->groups = NULL;
	r->spare = NULL;
}

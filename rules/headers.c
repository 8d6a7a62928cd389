/* headers.c - the headers that occur in a set, each once. A full rule set has some thousand rules a header, or one
 * (lists of addresses); a flow works them all out at once (groups.c). */
#include <errno.h>
#include <stdlib.h>

#include "rules/compile.h"

static struct header header_of(const struct rule *r)
{
	struct header h;

	memset(&h, 0, sizeof(h));       /* compared as bytes */
	memcpy(h.protos, r->protos, sizeof(h.protos));
	h.ip_versions = r->ip_versions;
	h.src = r->src;
	h.dst = r->dst;
	h.src_ports = r->src_ports;
	h.dst_ports = r->dst_ports;
	h.ports_any = port_set_any(r->src_ports) && port_set_any(r->dst_ports);
	h.both_ways = r->flags & RULE_BIDIRECTIONAL;
	if (!(r->flow & FLOW_TO_CLIENT) || r->flow & FLOW_TO_SERVER)
		h.sides |= 1 << TO_SERVER;
	if (!(r->flow & FLOW_TO_SERVER) || r->flow & FLOW_TO_CLIENT)
		h.sides |= 1 << TO_CLIENT;
	if (!(r->flow & (FLOW_TO_SERVER | FLOW_TO_CLIENT)))
		h.sides |= 1 << HEADER_NO_FLOW;
	return h;
}

static uint64_t header_hash(const struct header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	uint64_t v = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < sizeof(*h); i++)
		v = (v ^ p[i]) * 0x100000001b3ull;
	return v;
}

int headers_make(struct compiled *c, const struct rule_set *set)
{
	uint32_t size = 64, *table;

	while (size < set->count * 2)
		size *= 2;
	table = calloc(size, sizeof(*table));
	c->headers = calloc(set->count ? set->count : 1, sizeof(*c->headers));
	if (table == NULL || c->headers == NULL) {
		free(table);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < set->count; i++) {
		struct header h = header_of(set->rules[i]);
		uint32_t slot = (uint32_t)header_hash(&h) & (size - 1);

		while (table[slot] && memcmp(&c->headers[table[slot] - 1], &h, sizeof(h)) != 0)
			slot = (slot + 1) & (size - 1);
		if (table[slot] == 0) {
			c->headers[c->header_count] = h;
			table[slot] = ++c->header_count;
		}
		c->programs[i].header = table[slot] - 1;
	}
	free(table);
	c->header_words = c->header_count / 64 + 1;
	return 0;
}

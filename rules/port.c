/* port.c - port lists: "[80,8080:8090,!8085,$HTTP_PORTS]" to sorted, disjoint spans. A list has one bit
 * a port while it is put together. */
#include <errno.h>
#include <stdlib.h>

#include "rules/lists.h"

#define PORTS 65536

struct port_walk {
	struct list_walk walk;
	bool listed;                    /* anything was named that isn't negated */
	uint8_t *bits[2];               /* named, negated: a byte a port */
};

static int port_leaf(struct list_walk *w, struct slice item, bool negated)
{
	struct port_walk *pw = (struct port_walk *)w;
	const uint8_t *colon = memchr(item.data, ':', item.len);
	uint32_t lo = 0, hi = PORTS - 1;
	bool ok = true;

	if (colon != NULL) {
		struct slice first = text_trim(slice_of(item.data, (size_t)(colon - item.data)));
		struct slice last = text_trim(slice_skip(item, first.len + 1));

		ok = item.len > 1 && (first.len == 0 || text_u32(first, PORTS - 1, &lo)) &&
		     (last.len == 0 || text_u32(last, PORTS - 1, &hi));
		if (ok && lo > hi)
			return rule_error(w->p, list_place(w, item), "the range %.*s ends before it begins",
					  SLICE_ARG(item));
	} else if (!text_is_nocase(item, "any")) {
		ok = text_u32(item, PORTS - 1, &lo);
		hi = lo;
	}
	if (!ok) {
		if (item.data[0] >= 'A' && item.data[0] <= 'Z')
			rule_hint(w->p, "variables begin with $: $%.*s", SLICE_ARG(item));
		else
			rule_hint(w->p, "ports are 80, 80:90, :1024, 1024:, $HTTP_PORTS, any, [lists]");
		return rule_error(w->p, list_place(w, item), "\"%.*s\" isn't a port or a range of ports", SLICE_ARG(item));
	}
	pw->listed = pw->listed || !negated;
	memset(pw->bits[negated] + lo, 1, hi - lo + 1);
	return 0;
}

static const struct port_set *port_set_intern(struct rule_parser *p, const struct port_span *spans, uint32_t count)
{
	bool any = count == 1 && spans[0].lo == 0 && spans[0].hi == PORTS - 1;
	struct rule_set *set = p->set;
	struct port_set *s;

	for (unsigned i = 0; i < set->port_set_count; i++) {
		s = set->port_sets[i];
		if (any ? s->any
			: !s->any && s->count == count && memcmp(s->spans, spans, count * sizeof(*spans)) == 0)
			return s;
	}
	if (!parsed_grow((void **)&set->port_sets, set->port_set_count, &p->parsed->port_cap, sizeof(s)))
		return NULL;
	s = rule_alloc(p, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->id = set->port_set_count;
	s->any = any;
	if (!any) {
		s->spans = rule_alloc(p, count * sizeof(*spans));
		if (s->spans == NULL)
			return NULL;
		memcpy(s->spans, spans, count * sizeof(*spans));
		s->count = count;
	}
	set->port_sets[set->port_set_count++] = s;
	return s;
}

static int port_walk_init(struct port_walk *pw)
{
	pw->listed = false;
	pw->bits[0] = calloc(2, PORTS);
	if (pw->bits[0] == NULL)
		return -ENOMEM;
	pw->bits[1] = pw->bits[0] + PORTS;
	return 0;
}

/* bits[0] becomes what is listed without what is excluded. */
static int port_walk_resolve(struct port_walk *pw, struct slice text)
{
	bool any = false;

	for (uint32_t port = 0; port < PORTS; port++) {
		pw->bits[0][port] = (pw->bits[0][port] || !pw->listed) && !pw->bits[1][port];
		any = any || pw->bits[0][port];
	}
	if (!any)
		return rule_error(pw->walk.p, list_place(&pw->walk, text), "no port is left of \"%.*s\"", SLICE_ARG(text));
	return 0;
}

static int port_excluded(struct list_walk *w, struct slice inner)
{
	struct port_walk *outer = (struct port_walk *)w, pw = { .walk = *w };
	int err = port_walk_init(&pw);

	if (err < 0)
		return err;
	pw.walk.members = 0;
	err = list_walk(&pw.walk, inner);
	if (err == 0)
		err = port_walk_resolve(&pw, inner);
	for (uint32_t port = 0; err == 0 && port < PORTS; port++)
		outer->bits[1][port] |= pw.bits[0][port];
	free(pw.bits[0]);
	w->members++;
	return err;
}

static const struct port_set *port_walk_intern(const struct port_walk *pw, struct rule_parser *p)
{
	const struct port_set *set = NULL;
	struct port_span *spans = NULL;
	unsigned count = 0, cap = 0;
	uint32_t port;

	for (port = 0; port < PORTS; port++) {
		if (!pw->bits[0][port])
			continue;
		if (count > 0 && spans[count - 1].hi + 1u == port) {
			spans[count - 1].hi = (uint16_t)port;
			continue;
		}
		if (!parsed_grow((void **)&spans, count, &cap, sizeof(*spans)))
			break;
		spans[count++] = (struct port_span){ (uint16_t)port, (uint16_t)port };
	}
	if (port == PORTS)
		set = port_set_intern(p, spans, count);
	free(spans);
	return set;
}

const struct port_set *port_set_parse(struct rule_parser *p, struct slice text)
{
	const char *name = arena_intern(&p->parsed->arena, text);
	const struct port_set *set = name != NULL ? set_cache_get(&p->parsed->port_cache, name) : NULL;
	struct port_walk pw = { .walk = { .p = p, .group = "port-groups", .what = "port", .leaf = port_leaf,
					  .excluded = port_excluded } };

	if (set != NULL || name == NULL)
		return set;
	if (port_walk_init(&pw) < 0)
		return NULL;
	if (list_walk(&pw.walk, text) == 0 && port_walk_resolve(&pw, text) == 0)
		set = port_walk_intern(&pw, p);
	free(pw.bits[0]);
	if (set != NULL)
		set_cache_put(&p->parsed->port_cache, name, set);
	return set;
}

bool port_set_any(const struct port_set *set)
{
	return set->any;
}

bool port_set_match(const struct port_set *set, uint16_t port)
{
	uint32_t lo = 0, hi = set->count;

	if (set->any)
		return true;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (port < set->spans[mid].lo)
			hi = mid;
		else if (port > set->spans[mid].hi)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

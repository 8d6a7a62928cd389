/* addr.c - address lists: "[10.0.0.0/8,!10.1.2.3,$HOME_NET]" to sorted, disjoint ranges.
 *
 * What is listed is collected, what is negated is collected, and the second is taken out of the first;
 * a list of negations only starts from every address. A negated list is worked out by itself first. Addresses are computed with as 128-bit numbers. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "rules/lists.h"

typedef unsigned __int128 addr_number;

struct range {
	addr_number lo, hi;
};
struct ranges {
	struct range *items;
	unsigned count, cap;
};
/* One walk: [negated][family], family 0 IPv4, 1 IPv6. */
struct addr_walk {
	struct list_walk walk;
	struct ranges ranges[2][2];
};

static const addr_number family_max[2] = { UINT32_MAX, ~(addr_number)0 };

static addr_number number_of(const struct ip_addr *a, int family)
{
	addr_number v = 0;

	for (int i = 0; i < (family ? 16 : 4); i++)
		v = v << 8 | a->bytes[i];
	return v;
}

static struct ip_addr addr_of(addr_number v, int family)
{
	struct ip_addr a = { 0 };

	for (int i = family ? 15 : 3; i >= 0; i--) {
		a.bytes[i] = (uint8_t)v;
		v >>= 8;
	}
	return a;
}

bool addr_text_parse(struct slice text, struct ip_addr *out, int *family)
{
	char buf[INET6_ADDRSTRLEN + 1];

	memset(out, 0, sizeof(*out));
	if (text.len == 0 || text.len >= sizeof(buf))
		return false;
	memcpy(buf, text.data, text.len);
	buf[text.len] = '\0';
	*family = memchr(buf, ':', text.len) != NULL;
	return inet_pton(*family ? AF_INET6 : AF_INET, buf, out->bytes) == 1;
}

static addr_number host_bits(unsigned width, unsigned prefix)
{
	if (prefix == 0)
		return width == 128 ? ~(addr_number)0 : (((addr_number)1 << width) - 1);
	return ((addr_number)1 << (width - prefix)) - 1;
}

/* "a", "a/24", "a/255.255.255.0", "a-b". A static text on a mistake, else NULL. */
static const char *range_parse(struct slice item, struct range *out, int *family)
{
	const uint8_t *slash = memchr(item.data, '/', item.len), *dash = memchr(item.data, '-', item.len);
	struct ip_addr a, b;
	uint32_t prefix;
	int other;

	if (slash != NULL) {
		struct slice mask = text_trim(slice_skip(item, (size_t)(slash - item.data) + 1));
		addr_number bits;

		item.len = (size_t)(slash - item.data);
		if (!addr_text_parse(text_trim(item), &a, family))
			return "this isn't an IP address";
		if (text_u32(mask, *family ? 128 : 32, &prefix)) {
			bits = host_bits(*family ? 128 : 32, prefix);
		} else if (!*family && addr_text_parse(mask, &b, &other) && other == 0) {
			bits = (uint32_t)~(uint32_t)number_of(&b, 0);
			if (bits & (bits + 1))
				return "the netmask has holes";
		} else {
			return *family ? "the prefix length isn't between 0 and 128" :
					 "the prefix length isn't between 0 and 32, nor a netmask";
		}
		out->lo = number_of(&a, *family) & ~bits;
		out->hi = out->lo | bits;
		return NULL;
	}
	if (dash != NULL) {
		struct slice last = text_trim(slice_skip(item, (size_t)(dash - item.data) + 1));

		item.len = (size_t)(dash - item.data);
		if (!addr_text_parse(text_trim(item), &a, family) || !addr_text_parse(last, &b, &other) ||
		    other != *family)
			return "a range has two addresses of one family, like 10.0.0.1-10.0.0.9";
		out->lo = number_of(&a, *family);
		out->hi = number_of(&b, *family);
		return out->lo <= out->hi ? NULL : "the range ends before it begins";
	}
	if (!addr_text_parse(item, &a, family))
		return "this isn't an IP address";
	out->lo = out->hi = number_of(&a, *family);
	return NULL;
}

static int ranges_add(struct ranges *r, struct range one)
{
	if (!parsed_grow((void **)&r->items, r->count, &r->cap, sizeof(*r->items)))
		return -ENOMEM;
	r->items[r->count++] = one;
	return 0;
}

static int addr_leaf(struct list_walk *w, struct slice item, bool negated)
{
	struct addr_walk *aw = (struct addr_walk *)w;
	struct range one;
	const char *error;
	int family;

	if (text_is_nocase(item, "any")) {
		for (family = 0; family < 2; family++)
			if (ranges_add(&aw->ranges[negated][family], (struct range){ 0, family_max[family] }) < 0)
				return -ENOMEM;
		return 0;
	}
	error = range_parse(item, &one, &family);
	if (error != NULL) {
		if (item.data[0] >= 'A' && item.data[0] <= 'Z')
			rule_hint(w->p, "variables begin with $: $%.*s", SLICE_ARG(item));
		else
			rule_hint(w->p, "addresses are 10.1.2.3, 10.0.0.0/8, 10.0.0.1-10.0.0.9, fe80::/10, $HOME_NET, any, [lists]");
		return rule_error(w->p, list_place(w, item), "\"%.*s\": %s", SLICE_ARG(item), error);
	}
	return ranges_add(&aw->ranges[negated][family], one);
}

static int range_compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sorted; what touches or overlaps becomes one. */
static void ranges_join(struct ranges *r)
{
	unsigned n = 0;

	if (r->count == 0)
		return;
	qsort(r->items, r->count, sizeof(*r->items), range_compare);
	for (unsigned i = 1; i < r->count; i++) {
		struct range *last = &r->items[n];

		if (r->items[i].lo <= last->hi || r->items[i].lo - 1 == last->hi) {
			if (r->items[i].hi > last->hi)
				last->hi = r->items[i].hi;
		} else {
			r->items[++n] = r->items[i];
		}
	}
	r->count = n + 1;
}

/* out = from without what; both joined. */
static int ranges_subtract(struct ranges *out, const struct ranges *from, const struct ranges *what)
{
	unsigned k = 0;

	for (unsigned i = 0; i < from->count; i++) {
		struct range left = from->items[i];
		bool gone = false;

		while (k < what->count && what->items[k].hi < left.lo)
			k++;
		for (unsigned j = k; j < what->count && what->items[j].lo <= left.hi && !gone; j++) {
			if (what->items[j].lo > left.lo &&
			    ranges_add(out, (struct range){ left.lo, what->items[j].lo - 1 }) < 0)
				return -ENOMEM;
			if (what->items[j].hi >= left.hi)
				gone = true;
			else
				left.lo = what->items[j].hi + 1;
		}
		if (!gone && ranges_add(out, left) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool ranges_full(const struct ranges *r, int family)
{
	return r->count == 1 && r->items[0].lo == 0 && r->items[0].hi == family_max[family];
}

static bool addr_set_equal(const struct addr_set *s, const struct ranges r[2])
{
	for (int f = 0; f < 2; f++) {
		if (s->count[f] != r[f].count)
			return false;
		for (unsigned i = 0; i < r[f].count; i++) {
			struct ip_addr lo = addr_of(r[f].items[i].lo, f), hi = addr_of(r[f].items[i].hi, f);

			if (!ip_addr_eq(&s->spans[f][i].lo, &lo) || !ip_addr_eq(&s->spans[f][i].hi, &hi))
				return false;
		}
	}
	return true;
}

static const struct addr_set *addr_set_intern(struct rule_parser *p, const struct ranges r[2])
{
	bool any = ranges_full(&r[0], 0) && ranges_full(&r[1], 1);
	struct rule_set *set = p->set;
	struct addr_set *s;

	for (unsigned i = 0; i < set->addr_set_count; i++) {
		s = set->addr_sets[i];
		if (any ? s->any : !s->any && addr_set_equal(s, r))
			return s;
	}
	if (!parsed_grow((void **)&set->addr_sets, set->addr_set_count, &p->parsed->addr_cap, sizeof(s)))
		return NULL;
	s = rule_alloc(p, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->any = any;
	s->id = set->addr_set_count;
	for (int f = 0; f < 2 && !any; f++) {
		s->spans[f] = rule_alloc(p, r[f].count * sizeof(*s->spans[f]) + 1);
		if (s->spans[f] == NULL)
			return NULL;
		s->count[f] = r[f].count;
		for (unsigned i = 0; i < r[f].count; i++) {
			s->spans[f][i].lo = addr_of(r[f].items[i].lo, f);
			s->spans[f][i].hi = addr_of(r[f].items[i].hi, f);
		}
	}
	set->addr_sets[set->addr_set_count++] = s;
	return s;
}

static void addr_walk_free(struct addr_walk *aw)
{
	for (int n = 0; n < 2; n++)
		for (int f = 0; f < 2; f++)
			free(aw->ranges[n][f].items);
}

/* What is listed without what is excluded; a list that only excludes begins with everything. */
static int addr_walk_resolve(struct addr_walk *aw, struct slice text, struct ranges left[2])
{
	bool listed;

	for (int n = 0; n < 2; n++)
		for (int f = 0; f < 2; f++)
			ranges_join(&aw->ranges[n][f]);
	if (ranges_full(&aw->ranges[1][0], 0) || ranges_full(&aw->ranges[1][1], 1))
		return rule_error(aw->walk.p, list_place(&aw->walk, text), "\"%.*s\" excludes every address", SLICE_ARG(text));
	listed = aw->ranges[0][0].count > 0 || aw->ranges[0][1].count > 0;
	for (int f = 0; f < 2; f++) {
		if (!listed && ranges_add(&aw->ranges[0][f], (struct range){ 0, family_max[f] }) < 0)
			return -ENOMEM;
		if (ranges_subtract(&left[f], &aw->ranges[0][f], &aw->ranges[1][f]) < 0)
			return -ENOMEM;
	}
	if (left[0].count == 0 && left[1].count == 0)
		return rule_error(aw->walk.p, list_place(&aw->walk, text), "no address is left of \"%.*s\"", SLICE_ARG(text));
	return 0;
}

static int addr_excluded(struct list_walk *w, struct slice inner)
{
	struct addr_walk *outer = (struct addr_walk *)w, aw = { .walk = *w };
	struct ranges left[2] = { { 0 } };
	int err;

	aw.walk.members = 0;
	err = list_walk(&aw.walk, inner);
	if (err == 0)
		err = addr_walk_resolve(&aw, inner, left);
	for (int f = 0; f < 2; f++) {
		for (unsigned i = 0; err == 0 && i < left[f].count; i++)
			err = ranges_add(&outer->ranges[1][f], left[f].items[i]);
		free(left[f].items);
	}
	addr_walk_free(&aw);
	w->members++;
	return err;
}

const struct addr_set *addr_set_parse(struct rule_parser *p, struct slice text)
{
	const char *name = arena_intern(&p->parsed->arena, text);
	const struct addr_set *set = name != NULL ? set_cache_get(&p->parsed->addr_cache, name) : NULL;
	struct addr_walk aw = { .walk = { .p = p, .group = "address-groups", .what = "address", .leaf = addr_leaf,
					  .excluded = addr_excluded } };
	struct ranges left[2] = { { 0 } };

	if (set != NULL || name == NULL)
		return set;
	if (list_walk(&aw.walk, text) == 0 && addr_walk_resolve(&aw, text, left) == 0)
		set = addr_set_intern(p, left);
	free(left[0].items);
	free(left[1].items);
	addr_walk_free(&aw);
	if (set != NULL)
		set_cache_put(&p->parsed->addr_cache, name, set);
	return set;
}

bool addr_set_any(const struct addr_set *set)
{
	return set->any;
}

bool addr_set_match(const struct addr_set *set, const struct ip_addr *addr, uint8_t ip_version)
{
	int family = ip_version == 6;
	size_t len = family ? 16 : 4;
	uint32_t lo = 0, hi = set->count[family];

	if (set->any)
		return true;
	if (ip_version != 4 && ip_version != 6)
		return false;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct addr_span *span = &set->spans[family][mid];

		if (memcmp(addr->bytes, span->lo.bytes, len) < 0)
			hi = mid;
		else if (memcmp(addr->bytes, span->hi.bytes, len) > 0)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

/* classes.c - see classes.h. One sweep over the sorted boundaries of all lists, with a row of bits for the lists that
 * are open; rows that were seen before share a class. */
#include "rules/classes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/must.h"
#include "base/reader.h"

/* Rows of bits, each kept once. */
struct rows {
	uint64_t *bits;
	uint32_t count, cap;
	uint32_t words;
	uint32_t *table;                /* open addressing: row + 1 */
	uint32_t table_size;
};

struct edge {
	struct ip_addr at;
	uint32_t set;
	bool opens;
};

static uint64_t row_hash(const uint64_t *row, uint32_t words)
{
	uint64_t h = 0x9e3779b97f4a7c15ull;

	for (uint32_t i = 0; i < words; i++)
		h = (h ^ row[i]) * 0xff51afd7ed558ccdull, h ^= h >> 32;
	return h;
}

static int rows_grow(struct rows *r)
{
	uint32_t cap = r->cap ? r->cap * 2 : 64;
	uint64_t *bits = realloc(r->bits, (size_t)cap * r->words * sizeof(uint64_t));
	uint32_t *table;

	if (bits == NULL)
		return -ENOMEM;
	r->bits = bits;
	table = calloc(cap * 4, sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	free(r->table);
	r->table = table;
	r->table_size = cap * 4;
	r->cap = cap;
	for (uint32_t i = 0; i < r->count; i++) {
		uint32_t slot = (uint32_t)row_hash(r->bits + (size_t)i * r->words, r->words) & (r->table_size - 1);

		while (r->table[slot])
			slot = (slot + 1) & (r->table_size - 1);
		r->table[slot] = i + 1;
	}
	return 0;
}

/* The number of this row; -ENOMEM. */
static int64_t rows_add(struct rows *r, const uint64_t *row)
{
	uint32_t slot;

	if (r->count == r->cap && rows_grow(r) < 0)
		return -ENOMEM;
	slot = (uint32_t)row_hash(row, r->words) & (r->table_size - 1);
	for (; r->table[slot]; slot = (slot + 1) & (r->table_size - 1))
		if (!memcmp(r->bits + (size_t)(r->table[slot] - 1) * r->words, row, r->words * sizeof(uint64_t)))
			return r->table[slot] - 1;
	memcpy(r->bits + (size_t)r->count * r->words, row, r->words * sizeof(uint64_t));
	r->table[slot] = ++r->count;
	return r->count - 1;
}

static int edge_order(const void *a, const void *b)
{
	return memcmp(&((const struct edge *)a)->at, &((const struct edge *)b)->at, sizeof(struct ip_addr));
}

/* The address behind; false where there is none. IPv4 lies in the first four bytes. */
static bool addr_next(struct ip_addr *a, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0;)
		if (++a->bytes[i] != 0)
			return true;
	return false;
}

static struct edge *edges_make(const struct rule_set *set, unsigned family, uint32_t *count)
{
	size_t total = 0, n = 0;
	struct edge *edges;

	for (unsigned i = 0; i < set->addr_set_count; i++)
		total += 2 * (size_t)set->addr_sets[i]->count[family];
	edges = calloc(total ? total : 1, sizeof(*edges));
	if (edges == NULL)
		return NULL;
	for (unsigned i = 0; i < set->addr_set_count; i++) {
		const struct addr_set *s = set->addr_sets[i];

		for (uint32_t j = 0; j < s->count[family]; j++) {
			struct ip_addr end = s->spans[family][j].hi;

			edges[n++] = (struct edge){ s->spans[family][j].lo, i, true };
			if (addr_next(&end, family ? 16 : 4))
				edges[n++] = (struct edge){ end, i, false };
		}
	}
	qsort(edges, n, sizeof(*edges), edge_order);
	*count = (uint32_t)n;
	return edges;
}

/* One family: runs and their classes. */
static int sweep(const struct rule_set *set, unsigned family, struct rows *rows, struct ip_addr **starts,
		 uint32_t **classes, uint32_t *run_count)
{
	uint32_t edge_count = 0, runs = 0;
	struct edge *edges = edges_make(set, family, &edge_count);
	uint64_t *row = calloc(rows->words, sizeof(*row));
	struct ip_addr *at = calloc(edge_count + 1, sizeof(*at));
	uint32_t *class = calloc(edge_count + 1, sizeof(*class));
	int err = -ENOMEM;

	if (edges == NULL || row == NULL || at == NULL || class == NULL)
		goto out;
	for (uint32_t i = 0;;) {
		int64_t got;

		/* A list may end where its next span begins: closing comes in any order, so bits are toggled
		 * only after both were seen. */
		for (; i < edge_count && !memcmp(&edges[i].at, &at[runs], sizeof(at[0])); i++)
			row[edges[i].set / 64] ^= 1ull << (edges[i].set % 64);
		got = rows_add(rows, row);
		if (got < 0)
			goto out;
		class[runs++] = (uint32_t)got;
		if (i == edge_count)
			break;
		at[runs] = edges[i].at;
	}
	*starts = at;
	*classes = class;
	*run_count = runs;
	at = NULL;
	class = NULL;
	err = 0;
out:
	free(edges);
	free(row);
	free(at);
	free(class);
	return err;
}

static int addrs_init(struct classes *c, const struct rule_set *set)
{
	struct rows rows = { .words = set->addr_set_count / 64 + 1 };
	struct ip_addr *starts4 = NULL;
	int err = sweep(set, 0, &rows, &starts4, &c->classes4, &c->starts4_count);

	if (err == 0)
		err = sweep(set, 1, &rows, &c->starts6, &c->classes6, &c->starts6_count);
	if (err == 0) {
		c->starts4 = calloc(c->starts4_count, sizeof(*c->starts4));
		if (c->starts4 == NULL)
			err = -ENOMEM;
	}
	for (uint32_t i = 0; err == 0 && i < c->starts4_count; i++)
		c->starts4[i] = load_be32(starts4[i].bytes);
	free(starts4);
	free(rows.table);
	c->addr_members = rows.bits;
	c->addr_class_count = rows.count;
	c->addr_words = rows.words;
	return err;
}

static int ports_init(struct classes *c, const struct rule_set *set)
{
	struct rows rows = { .words = set->port_set_count / 64 + 1 };
	uint64_t *row = calloc(rows.words, sizeof(*row));
	uint8_t *edge = calloc(65537, 1);
	int64_t class = 0;

	c->port_class = calloc(65536, sizeof(*c->port_class));
	if (row == NULL || edge == NULL || c->port_class == NULL)
		class = -ENOMEM;
	for (unsigned i = 0; class >= 0 && i < set->port_set_count; i++)
		for (uint32_t j = 0; j < set->port_sets[i]->count; j++) {
			edge[set->port_sets[i]->spans[j].lo] = 1;
			edge[set->port_sets[i]->spans[j].hi + 1u] = 1;
		}
	for (uint32_t port = 0; class >= 0 && port < 65536; port++) {
		if (port == 0 || edge[port]) {
			for (unsigned i = 0; i < set->port_set_count; i++) {
				bool in = !set->port_sets[i]->any && port_set_match(set->port_sets[i], (uint16_t)port);

				row[i / 64] = (row[i / 64] & ~(1ull << (i % 64))) | (uint64_t)in << (i % 64);
			}
			class = rows_add(&rows, row);
		}
		if (class >= 0)
			c->port_class[port] = (uint16_t)class;
	}
	free(row);
	free(edge);
	free(rows.table);
	c->port_members = rows.bits;
	c->port_class_count = rows.count;
	c->port_words = rows.words;
	return class < 0 ? (int)class : 0;
}

int classes_init(struct classes *c, const struct rule_set *set)
{
	int err;

	memset(c, 0, sizeof(*c));
	err = addrs_init(c, set);
	if (err == 0)
		err = ports_init(c, set);
	if (err < 0)
		classes_fini(c);
	return err;
}

void classes_fini(struct classes *c)
{
	free(c->starts4);
	free(c->classes4);
	free(c->starts6);
	free(c->classes6);
	free(c->addr_members);
	free(c->port_class);
	free(c->port_members);
	memset(c, 0, sizeof(*c));
}

uint32_t classes_addr(const struct classes *c, const struct ip_addr *addr, uint8_t ip_version)
{
	uint32_t lo = 0, hi;

	if (ip_version == 4) {
		uint32_t a = load_be32(addr->bytes);

		for (hi = c->starts4_count; hi - lo > 1;) {
			uint32_t mid = (lo + hi) / 2;

			if (c->starts4[mid] <= a)
				lo = mid;
			else
				hi = mid;
		}
		return c->classes4[lo];
	}
	for (hi = c->starts6_count; hi - lo > 1;) {
		uint32_t mid = (lo + hi) / 2;

		if (memcmp(&c->starts6[mid], addr, sizeof(*addr)) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return c->classes6[lo];
}

/* databases.c - one multi-pattern database per buffer, from the rules' fast patterns.
 *
 * Fields have one a buffer and side. Payload has one a transport and side for rules of any port, and one for each list
 * of few ports, so that a pattern that only matters on port 445 is looked for on port 445 alone. Compiling
 * takes most of a start's time: what the cache has isn't compiled, the rest is shared out among threads. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzers/digest.h"
#include "base/must.h"
#include "rules/cache.h"
#include "rules/compile.h"

#define FEW_PORTS 256
#define THREADS_MAX 4
/* Fewer literals are compiled sooner than a file is found. */
#define CACHED_FROM 1000

/* A literal of a rule, on its way into a database. */
struct use {
	struct database *db;
	struct slice bytes;
	bool nocase;
	uint32_t rule;
};

struct uses {
	struct use *items;
	size_t count, cap;
};

/* A database to be made. */
struct job {
	struct database *db;
	struct prefilter_literal *literals;
	unsigned count;
	struct cache_key key;
	char *saved;
	size_t saved_len;
};

struct jobs {
	struct job *items;
	unsigned count;
	_Atomic unsigned next;
	_Atomic int err;
};

static int use_add(struct uses *u, struct database *db, const struct content *c, uint32_t rule)
{
	struct slice bytes = c->bytes;

	if (u->count == u->cap) {
		size_t cap = u->cap ? u->cap * 2 : 1024;
		struct use *grown = realloc(u->items, cap * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		u->items = grown;
		u->cap = cap;
	}
	if (c->fast_len)
		bytes = slice_head(slice_skip(bytes, c->fast_offset), c->fast_len);
	u->items[u->count++] = (struct use){ db, bytes, c->flags & CONTENT_NOCASE, rule };
	return 0;
}

/* NULL where a list says next to nothing. */
static const struct port_set *few_ports(const struct port_set *set)
{
	unsigned n = 0;

	if (set == NULL || set->any)
		return NULL;
	for (uint32_t i = 0; i < set->count; i++)
		n += set->spans[i].hi - set->spans[i].lo + 1u;
	return n <= FEW_PORTS ? set : NULL;
}

/* Databases are pointed at while they are collected: room for all that there can be is made first. */
static struct database *payload_database(struct payload_databases *all, const struct header *h)
{
	const struct port_set *dst = few_ports(h->dst_ports);
	const struct port_set *src = dst ? NULL : few_ports(h->src_ports);

	if (h->both_ways)
		dst = src = NULL;
	for (unsigned i = 0; i < all->count; i++)
		if (all->items[i].src_ports == src && all->items[i].dst_ports == dst)
			return &all->items[i].db;
	all->items[all->count] = (struct payload_database){ .src_ports = src, .dst_ports = dst };
	return &all->items[all->count++].db;
}

static bool in_kind(const struct rule *r, const struct program *p, enum payload_kind kind)
{
	bool tcp = r->protos[0] >> 6 & 1, udp = r->protos[2] >> 1 & 1;

	switch (kind) {
	case PAYLOAD_TCP_PACKET:
		return tcp && p->in_packets;
	case PAYLOAD_TCP_STREAM:
		return tcp && (p->in_stream || p->kind == RULE_TX);
	case PAYLOAD_UDP:
		return udp && !(r->flags & RULE_STREAM_ONLY);
	default:
		for (unsigned i = 0; i < 32; i++)
			if (r->protos[i] & ~(i == 0 ? 1u << 6 : i == 2 ? 2u : 0u))
				return true;
		return false;
	}
}

static int payload_uses(struct compiled *c, struct uses *u, const struct rule *r, const struct content *content)
{
	const struct program *p = &c->programs[r->index];
	const struct header *h = &c->headers[p->header];
	int err = 0;

	for (unsigned kind = 0; kind < PAYLOAD_KINDS; kind++)
		for (unsigned side = 0; side < 2 && in_kind(r, p, kind); side++)
			if (err == 0 && h->sides >> side & 1)
				err = use_add(u, payload_database(&c->payload[kind][side], h), content, r->index);
	return err;
}

static int field_uses(struct compiled *c, struct uses *u, const struct rule *r, const struct buffer_list *list,
		      const struct content *content)
{
	uint8_t sides = c->programs[r->index].sides;
	int err = 0;

	for (unsigned side = 0; side < 2 && err == 0; side++)
		if ((list->side == SIDE_BOTH ? sides : sides & 1u << list->side) >> side & 1)
			err = use_add(u, field_database(c, list->buffer, side), content, r->index);
	return err;
}

static int uses_collect(struct compiled *c, const struct rule_set *set, struct uses *u)
{
	unsigned payload_rules = 0;
	int err = 0;

	for (unsigned i = 0; i < set->count; i++)
		payload_rules += c->programs[i].has_fast &&
				 set->rules[i]->buffers[set->rules[i]->fast_buffer].buffer->kind == BUFFER_PAYLOAD;
	/* Room that isn't used is never touched. */
	for (unsigned kind = 0; kind < PAYLOAD_KINDS; kind++)
		for (unsigned side = 0; side < 2; side++) {
			c->payload[kind][side].items = calloc(payload_rules + 1, sizeof(struct payload_database));
			if (c->payload[kind][side].items == NULL)
				return -ENOMEM;
		}
	for (unsigned i = 0; i < set->count && err == 0; i++) {
		const struct rule *r = set->rules[i];
		const struct buffer_list *list;

		if (!c->programs[i].has_fast)
			continue;
		list = &r->buffers[r->fast_buffer];
		if (list->buffer->kind == BUFFER_PAYLOAD)
			err = payload_uses(c, u, r, &list->matches[list->fast].content);
		else
			err = field_uses(c, u, r, list, &list->matches[list->fast].content);
	}
	return err;
}

static int use_order(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	size_t len = x->bytes.len < y->bytes.len ? x->bytes.len : y->bytes.len;
	int order;

	if (x->db != y->db)
		return x->db < y->db ? -1 : 1;
	if (x->nocase != y->nocase)
		return x->nocase ? 1 : -1;
	order = memcmp(x->bytes.data, y->bytes.data, len);
	if (order)
		return order;
	if (x->bytes.len != y->bytes.len)
		return x->bytes.len < y->bytes.len ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static bool same_literal(const struct use *a, const struct use *b)
{
	return a->nocase == b->nocase && slice_eq(a->bytes, b->bytes);
}

/* One database's part of the sorted uses. */
static int job_make(struct compiled *c, struct job *j, const struct use *uses, size_t count)
{
	struct database *db = uses[0].db;

	j->db = db;
	j->literals = calloc(count, sizeof(*j->literals));
	db->first = calloc(count + 1, sizeof(*db->first));
	db->rules = calloc(count, sizeof(*db->rules));
	db->headers = calloc(c->header_words, sizeof(*db->headers));
	if (j->literals == NULL || db->first == NULL || db->rules == NULL || db->headers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		uint32_t header = c->programs[uses[i].rule].header;

		if (i == 0 || !same_literal(&uses[i - 1], &uses[i])) {
			db->first[j->count] = (uint32_t)i;
			j->literals[j->count++] = (struct prefilter_literal){ uses[i].bytes, uses[i].nocase };
			if (uses[i].bytes.len > db->longest)
				db->longest = (uint32_t)uses[i].bytes.len;
		}
		db->rules[i] = uses[i].rule;
		db->headers[header / 64] |= 1ull << (header % 64);
	}
	db->first[j->count] = (uint32_t)count;
	db->literal_count = j->count;
	return 0;
}

static void job_key(struct job *j, struct digest *d, const char *identity)
{
	digest_start(d);
	digest_add(d, identity, strlen(identity) + 1);
	for (unsigned i = 0; i < j->count; i++) {
		uint64_t head = j->literals[i].bytes.len << 1 | j->literals[i].nocase;

		digest_add(d, &head, sizeof(head));
		digest_add(d, j->literals[i].bytes.data, j->literals[i].bytes.len);
	}
	digest_finish(d, j->key.bytes);
}

static void *jobs_work(void *arg)
{
	struct jobs *jobs = arg;

	for (;;) {
		unsigned i = atomic_fetch_add(&jobs->next, 1);
		struct job *j;
		int err;

		if (i >= jobs->count || atomic_load(&jobs->err) < 0)
			return NULL;
		j = &jobs->items[i];
		if (j->db->prefilter != NULL)
			continue;
		err = prefilter_compile(&j->db->prefilter, j->literals, j->count);
		if (err < 0)
			atomic_store(&jobs->err, err);
	}
}

static int jobs_run(struct jobs *jobs)
{
	pthread_t threads[THREADS_MAX];
	unsigned started = 0, missing = 0;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (unsigned i = 0; i < jobs->count; i++)
		missing += jobs->items[i].db->prefilter == NULL ? jobs->items[i].count : 0;
	while (missing > 500 && started + 1 < THREADS_MAX && (long)started + 1 < cpus &&
	       pthread_create(&threads[started], NULL, jobs_work, jobs) == 0)
		started++;
	jobs_work(jobs);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	return atomic_load(&jobs->err);
}

static int job_larger(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	return x->count != y->count ? (x->count > y->count ? -1 : 1) : x->db < y->db ? -1 : 1;
}

static void cache_fill(const struct jobs *jobs, const char *dir, const struct cache_key *set, struct rule_report *report)
{
	struct cache_entry *entries = calloc(jobs->count ? jobs->count : 1, sizeof(*entries));
	char text[128];
	unsigned n = 0;
	int err = 0;

	for (unsigned i = 0; entries != NULL && i < jobs->count; i++) {
		struct job *j = &jobs->items[i];

		if (prefilter_save(j->db->prefilter, &j->saved, &j->saved_len) == 0)
			entries[n++] = (struct cache_entry){ j->key, slice_of(j->saved, j->saved_len) };
	}
	/* Without a cache the next start takes longer: no reason to fail this one. */
	if (entries != NULL)
		err = cache_write(dir, set, entries, n);
	if (err < 0) {
		snprintf(text, sizeof(text), "compiled rules can't be kept here: %s", strerror(-err));
		rule_report_add(report, DIAG_HINT, dir, 0, 0, 0, text, "see detect.sgh-mpm-caching-path");
	}
	free(entries);
}

static int key_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cache_key));
}

/* Of all databases together, in whatever order they were made. */
static int set_key_make(const struct jobs *jobs, struct digest *d, struct cache_key *out)
{
	struct cache_key *keys = calloc(jobs->count ? jobs->count : 1, sizeof(*keys));

	if (keys == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < jobs->count; i++)
		keys[i] = jobs->items[i].key;
	qsort(keys, jobs->count, sizeof(*keys), key_order);
	digest_start(d);
	digest_add(d, keys, jobs->count * sizeof(*keys));
	digest_finish(d, out->bytes);
	free(keys);
	return 0;
}

/* What was wrong with the cache; the rules are none the worse for it. */
static void cache_note(struct rule_report *report, const char *dir, enum cache_answer answer)
{
	if (answer == CACHE_DAMAGED)
		rule_report_add(report, DIAG_WARNING, dir, 0, 0, 0,
				"a file of compiled rules here is damaged: they are compiled anew", NULL);
	else if (answer == CACHE_FOREIGN)
		rule_report_add(report, DIAG_WARNING, dir, 0, 0, 0,
				"others could have written the compiled rules here: they are compiled anew",
				"it should belong to who runs tapir, without write permission for others");
}

static void cache_load(struct compiled *c, struct jobs *jobs, struct cache *cache)
{
	for (unsigned i = 0; cache != NULL && i < jobs->count; i++) {
		struct slice bytes;

		if (cache_find(cache, &jobs->items[i].key, &bytes) &&
		    prefilter_load(&jobs->items[i].db->prefilter, bytes, jobs->items[i].count) == 0)
			c->databases_cached++;
	}
}

static bool cache_pays(const struct jobs *jobs)
{
	unsigned literals = 0;

	for (unsigned i = 0; i < jobs->count; i++)
		literals += jobs->items[i].count;
	return literals >= CACHED_FROM;
}

/* Compiles what the cache doesn't have. */
static int jobs_do(struct compiled *c, struct jobs *jobs, const char *cache_dir, struct rule_report *report)
{
	struct digest *d = cache_dir != NULL && cache_pays(jobs) ? digest_new(DIGEST_SHA256) : NULL;
	enum cache_answer answer = CACHE_OPEN;
	struct cache *cache = NULL;
	struct cache_key set_key;
	char identity[256];
	int err;

	prefilter_identity(identity, sizeof(identity));
	if (d == NULL)
		cache_dir = NULL;
	for (unsigned i = 0; d != NULL && i < jobs->count; i++)
		job_key(&jobs->items[i], d, identity);
	if (cache_dir != NULL && set_key_make(jobs, d, &set_key) < 0)
		cache_dir = NULL;
	if (cache_dir != NULL)
		answer = cache_open(&cache, cache_dir, &set_key);
	cache_load(c, jobs, cache);
	cache_note(report, cache_dir, cache_is_damaged(cache) ? CACHE_DAMAGED : answer);
	err = jobs_run(jobs);
	if (err == 0 && cache_dir != NULL && answer != CACHE_FOREIGN &&
	    (!cache_is_current(cache) || c->databases_cached < jobs->count))
		cache_fill(jobs, cache_dir, &set_key, report);
	cache_close(cache);
	digest_free(d);
	return err;
}

static void plans_fill(struct compiled *c)
{
	for (unsigned i = 0; i < c->analyzer_count; i++)
		for (unsigned side = 0; side < 2; side++)
			for (unsigned k = 0; k < c->analyzers[i].field_count[side]; k++) {
				struct field_plan *f = &c->analyzers[i].fields[side][k];
				const struct database *db = field_database(c, f->buffer, side);

				f->db = db->prefilter ? db : NULL;
			}
}

int databases_make(struct compiled *c, const struct rule_set *set, const char *cache_dir, struct rule_report *report)
{
	struct uses uses = { 0 };
	struct jobs jobs = { 0 };
	int err;

	c->databases = calloc(2 * (size_t)set->buffer_count + 2, sizeof(*c->databases));
	if (c->databases == NULL)
		return -ENOMEM;
	err = uses_collect(c, set, &uses);
	if (err < 0)
		goto out;
	qsort(uses.items, uses.count, sizeof(*uses.items), use_order);
	jobs.items = calloc(uses.count + 1, sizeof(*jobs.items));
	if (jobs.items == NULL) {
		err = -ENOMEM;
		goto out;
	}
	for (size_t i = 0, end; i < uses.count && err == 0; i = end) {
		for (end = i + 1; end < uses.count && uses.items[end].db == uses.items[i].db;)
			end++;
		err = job_make(c, &jobs.items[jobs.count++], &uses.items[i], end - i);
	}
	if (err == 0) {
		qsort(jobs.items, jobs.count, sizeof(*jobs.items), job_larger);
		err = jobs_do(c, &jobs, cache_dir, report);
	}
	if (err == 0)
		plans_fill(c);
	for (unsigned i = 0; i < jobs.count; i++) {
		if (err == 0)
			c->database_bytes += prefilter_size(jobs.items[i].db->prefilter);
		free(jobs.items[i].literals);
		free(jobs.items[i].saved);
	}
	c->database_count = jobs.count;
out:
	free(jobs.items);
	free(uses.items);
	return err;
}

static void database_free(struct database *db)
{
	prefilter_free(db->prefilter);
	free(db->first);
	free(db->rules);
	free(db->headers);
}

void databases_free(struct compiled *c, const struct rule_set *set)
{
	for (unsigned i = 0; c->databases != NULL && i < 2 * set->buffer_count; i++)
		database_free(&c->databases[i]);
	free(c->databases);
	for (unsigned kind = 0; kind < PAYLOAD_KINDS; kind++)
		for (unsigned side = 0; side < 2; side++) {
			for (unsigned i = 0; i < c->payload[kind][side].count; i++)
				database_free(&c->payload[kind][side].items[i].db);
			free(c->payload[kind][side].items);
		}
}

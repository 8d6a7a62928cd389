/* table.c - see table.h. Entries are named by index + 1, so that zeroed memory is an empty table and pages
 * that were never needed are never touched. */
#include "rules/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int table_init(struct table *t, uint64_t memory)
{
	uint32_t cap = 64;

	memset(t, 0, sizeof(*t));
	while ((uint64_t)cap * 2 * TABLE_STRIPES * (sizeof(struct table_entry) + sizeof(uint32_t)) <= memory &&
	       cap < (1u << 24))
		cap *= 2;
	if (hash_key_random(&t->key) < 0)
		return -EIO;
	for (int i = 0; i < TABLE_STRIPES; i++) {
		struct table_stripe *s = &t->stripes[i];

		pthread_mutex_init(&s->lock, NULL);
		s->entries = calloc(cap, sizeof(*s->entries));
		s->buckets = calloc(cap, sizeof(*s->buckets));
		s->cap = cap;
		if (s->entries == NULL || s->buckets == NULL) {
			table_fini(t);
			return -ENOMEM;
		}
	}
	return 0;
}

void table_fini(struct table *t)
{
	for (int i = 0; i < TABLE_STRIPES; i++) {
		if (t->stripes[i].cap == 0)
			continue;
		free(t->stripes[i].entries);
		free(t->stripes[i].buckets);
		pthread_mutex_destroy(&t->stripes[i].lock);
	}
	memset(t, 0, sizeof(*t));
}

struct table_stripe *table_lock(struct table *t, const struct table_key *key, uint64_t *hash)
{
	uint64_t words[sizeof(*key) / 8];
	struct table_stripe *s;

	memcpy(words, key, sizeof(*key));
	*hash = hash_words(&t->key, words, sizeof(*key) / 8);
	s = &t->stripes[*hash >> 58 & (TABLE_STRIPES - 1)];
	pthread_mutex_lock(&s->lock);
	return s;
}

void table_unlock(struct table_stripe *s)
{
	pthread_mutex_unlock(&s->lock);
}

static void use_unlink(struct table_stripe *s, struct table_entry *e)
{
	if (e->newer)
		s->entries[e->newer - 1].older = e->older;
	else
		s->newest = e->older;
	if (e->older)
		s->entries[e->older - 1].newer = e->newer;
	else
		s->oldest = e->newer;
	e->newer = e->older = 0;
}

static void use_link(struct table_stripe *s, struct table_entry *e)
{
	uint32_t self = (uint32_t)(e - s->entries) + 1;

	e->newer = 0;
	e->older = s->newest;
	if (s->newest)
		s->entries[s->newest - 1].newer = self;
	else
		s->oldest = self;
	s->newest = self;
}

void table_drop(struct table_stripe *s, struct table_entry *e)
{
	uint32_t self = (uint32_t)(e - s->entries) + 1;
	uint32_t *at = &s->buckets[e->hash & (s->cap - 1)];

	while (*at != 0 && *at != self)
		at = &s->entries[*at - 1].chain;
	if (*at == self)
		*at = e->chain;
	use_unlink(s, e);
	memset(e, 0, sizeof(*e));
	e->chain = s->free;
	s->free = self;
	s->count--;
}

struct table_entry *table_find(struct table_stripe *s, uint64_t hash, const struct table_key *key, uint64_t now_ns)
{
	for (uint32_t at = s->buckets[hash & (s->cap - 1)]; at != 0; at = s->entries[at - 1].chain) {
		struct table_entry *e = &s->entries[at - 1];

		if (e->hash != hash || memcmp(&e->key, key, sizeof(*key)) != 0)
			continue;
		if (e->expires_ns != 0 && now_ns > e->expires_ns) {
			table_drop(s, e);
			return NULL;
		}
		if (s->newest != at) {
			use_unlink(s, e);
			use_link(s, e);
		}
		return e;
	}
	return NULL;
}

struct table_entry *table_make(struct table_stripe *s, uint64_t hash, const struct table_key *key)
{
	struct table_entry *e;
	uint32_t *bucket = &s->buckets[hash & (s->cap - 1)];

	if (s->free == 0 && s->fill == s->cap) {
		s->evicted++;
		table_drop(s, &s->entries[s->oldest - 1]);
	}
	if (s->free != 0) {
		e = &s->entries[s->free - 1];
		s->free = e->chain;
	} else {
		e = &s->entries[s->fill++];
	}
	memset(e, 0, sizeof(*e));
	e->key = *key;
	e->hash = hash;
	e->used = true;
	e->chain = *bucket;
	*bucket = (uint32_t)(e - s->entries) + 1;
	use_link(s, e);
	s->count++;
	return e;
}

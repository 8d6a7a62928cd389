/* table.h - shared state by key: thresholds, bits of hosts, tags of hosts.
 *
 * The table is split into stripes by hash; each has its lock, its buckets and a fixed number of entries,
 * taken once at the start. When a stripe is full the entry that was not used for longest makes room. */
#ifndef TAPIR_RULES_TABLE_H
#define TAPIR_RULES_TABLE_H

#include <pthread.h>

#include "base/hash.h"
#include "stack/wire/packet.h"

struct table_key {
	uint32_t kind;          /* the user's: what the entry is */
	uint32_t id, gid;
	uint32_t ip_version;
	struct ip_addr a, b;
};

struct table_entry {
	struct table_key key;
	uint64_t hash;
	uint64_t start_ns;      /* the user's */
	uint64_t expires_ns;    /* 0 = never */
	uint64_t timeout_ns;    /* the user's */
	uint64_t bytes;         /* the user's */
	uint32_t count, next;   /* the user's */
	uint32_t chain;         /* next in the bucket, +1; 0 = end */
	uint32_t newer, older;  /* by use, +1 */
	bool used;
};

#define TABLE_STRIPES 64

struct table_stripe {
	pthread_mutex_t lock;
	struct table_entry *entries;
	uint32_t *buckets;      /* entry + 1 */
	uint32_t cap, fill;     /* entries, and how many were ever used */
	uint32_t free;          /* list of given-back ones, +1 */
	uint32_t newest, oldest;
	uint32_t count;
	uint64_t evicted;
};

struct table {
	struct hash_key key;
	struct table_stripe stripes[TABLE_STRIPES];
};

/* memory: bytes for all entries together. */
int table_init(struct table *t, uint64_t memory);
void table_fini(struct table *t);
/* Locks the stripe that key belongs to. */
struct table_stripe *table_lock(struct table *t, const struct table_key *key, uint64_t *hash);
void table_unlock(struct table_stripe *s);
/* Under the lock. Entries that have expired aren't found. */
struct table_entry *table_find(struct table_stripe *s, uint64_t hash, const struct table_key *key, uint64_t now_ns);
/* Zeroed but for key. */
struct table_entry *table_make(struct table_stripe *s, uint64_t hash, const struct table_key *key);
void table_drop(struct table_stripe *s, struct table_entry *e);

#endif

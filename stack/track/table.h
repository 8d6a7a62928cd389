/* table.h - the flow table: keyed hash, timeouts, eviction. */
#ifndef TAPIR_TRACK_TABLE_H
#define TAPIR_TRACK_TABLE_H

#include "base/hash.h"
#include "stack/track/config.h"
#include "stack/track/flow.h"

/* Value of a flow to us, cheapest first: what is evicted under pressure. One that talks has had data of either
 * side taken by the other (TCP), or both sides have sent (others). */
enum flow_lru { LRU_CLOSED, LRU_NEW, LRU_QUIET, LRU_TALKING, FLOW_LRUS };

#define WATCHED_MAX 4

struct flow_list {
	struct flow *first, *last;
	uint32_t count;
};

struct flow_table {
	const struct track_config *cfg;
	struct budget budget;           /* flows and the buckets */
	const struct budget *watched[WATCHED_MAX];      /* what else flows cost: when one is tight, flows go */
	unsigned watched_count;
	struct hash_key key;
	struct flow **buckets;
	struct flow **old;              /* being emptied into buckets, a few at a time; or NULL */
	uint32_t mask, old_mask, old_next;
	uint32_t count;
	bool emergency;
	bool started;                   /* the wheel has its first time */
	uint64_t now_ns;
	struct wheel wheel;
	struct flow_list lru[FLOW_LRUS];
	struct flow_list ended;         /* linked through lru_next */
	uint64_t lookups, probes;       /* flow_table_find: calls, and flows looked at in them */
	uint64_t total, evicted, emergency_entered, ended_by[4];
	uint64_t evicted_by[FLOW_LRUS];
};

/* How a packet is looked up: its key in its own direction. */
struct flow_lookup {
	struct flow_key key;
	uint32_t hash;
	bool creates;                   /* may start a flow */
};

int flow_table_init(struct flow_table *t, struct mem *mem, const struct track_config *cfg,
		    const struct hash_key *key);
void flow_table_fini(struct flow_table *t);

/* False where packets like this one belong to no flow. */
bool flow_lookup_init(const struct flow_table *t, struct flow_lookup *l, const struct packet *pkt);
void flow_table_prefetch(const struct flow_table *t, uint32_t hash);
/* A little later: the flow that the bucket begins with. */
void flow_table_prefetch_flow(const struct flow_table *t, uint32_t hash);
/* NULL where there is none. A flow that has timed out is ended on the way. */
struct flow *flow_table_find(struct flow_table *t, const struct flow_lookup *l, uint64_t now_ns);
/* NULL where the budget is spent; room is being made for the next. */
struct flow *flow_table_add(struct flow_table *t, const struct flow_lookup *l,
			    const struct packet *pkt);
/* Which side of flow sent pkt. */
enum side flow_side(const struct flow *f, const struct packet *pkt);
/* The client is the server after all. */
void flow_swap(struct flow *f);
/* Its data was taken: it is worth more than one that only says hello. */
void flow_talks(struct flow_table *t, struct flow *f);
void flow_state_set(struct flow_table *t, struct flow *f, enum flow_state state);
/* A packet came: last seen, eviction order. */
void flow_touch(struct flow_table *t, struct flow *f, uint64_t now_ns);
/* Out of the table and onto the list of ended ones. */
void flow_table_end(struct flow_table *t, struct flow *f, enum flow_end reason);
struct flow *flow_table_ended(struct flow_table *t);
void flow_table_release(struct flow_table *t, struct flow *f);
/* Ends what has timed out; bounded work. */
void flow_table_advance(struct flow_table *t, uint64_t now_ns);
void flow_table_finish(struct flow_table *t, enum flow_end reason);

#endif

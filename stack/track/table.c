/* table.c - the flow table.
 *
 * Chains hang off an array of buckets that doubles when there are as many flows as buckets; the old
 * array is emptied a few buckets per new flow, so that growing never stalls a packet. The hash is
 * SipHash with a secret key, over the same words for both directions.
 *
 * Timeouts: each flow has one timer. A packet only notes its time; the timer looks at that when it
 * fires and re-arms itself. A lookup that meets a flow which is past its time ends it there and then,
 * so that the result doesn't depend on when timers fire. Timers go by the newest time seen: where a
 * file's clock steps back, flows that still have packets don't expire for it.
 *
 * Eviction: four lists, by what a flow is worth (closed, never answered, quiet, talking), each in the
 * order of the last packet to within a second. When the budget, or one of those that flows cost as well
 * (connections, analyzers, rules), is nearly spent, every new flow evicts up to two: first the closed, then
 * the unanswered, then the quiet. But a quarter of the table is left to the unanswered, and one to the quiet,
 * so that those who fill the one list don't keep newcomers from growing into the next; and those that talk
 * give way only where they have more than the half that remains. */
#include "stack/track/table.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/must.h"
#include "base/reader.h"

#define NS_PER_S ((uint64_t)1000000000)
#define TICK_NS (NS_PER_S / 16)
#define BUCKETS_MIN 256
#define BUCKETS_MAX (1u << 27)
#define MOVE_BUCKETS 4          /* old buckets emptied per new flow */
#define EXPIRE_MAX 512          /* timers handled per call */
#define FLOW_ID_MASK ((uint64_t)0x7ffffffffffff)

static struct flow *timer_flow(struct timer *timer)
{
	return (struct flow *)((char *)timer - offsetof(struct flow, timer));
}

static uint32_t buckets_for(uint32_t hint)
{
	uint32_t n = BUCKETS_MIN;

	while (n < hint && n < BUCKETS_MAX)
		n <<= 1;
	return n;
}

int flow_table_init(struct flow_table *t, struct mem *mem, const struct track_config *cfg,
		    const struct hash_key *key)
{
	uint32_t n = buckets_for(cfg->flow_hash_size);

	memset(t, 0, sizeof(*t));
	t->cfg = cfg;
	t->key = *key;
	budget_init_class(&t->budget, mem, MEM_FLOW, cfg->flow_memcap);
	/* A small memcap gets a small array; it grows with the flows. */
	while (n > BUCKETS_MIN && (uint64_t)n * sizeof(*t->buckets) > t->budget.max / 8)
		n >>= 1;
	t->buckets = budget_get(&t->budget, n * sizeof(*t->buckets));
	if (t->buckets == NULL)
		return -ENOMEM;
	t->mask = n - 1;
	return 0;
}

void flow_table_fini(struct flow_table *t)
{
	if (t->old != NULL)
		budget_put(&t->budget, t->old, ((size_t)t->old_mask + 1) * sizeof(*t->old));
	if (t->buckets != NULL)
		budget_put(&t->budget, t->buckets, ((size_t)t->mask + 1) * sizeof(*t->buckets));
	t->old = t->buckets = NULL;
}

/* Growing */

static struct flow **bucket_of(const struct flow_table *t, uint32_t hash)
{
	if (t->old != NULL && (hash & t->old_mask) >= t->old_next)
		return &t->old[hash & t->old_mask];
	return &t->buckets[hash & t->mask];
}

static void move_buckets(struct flow_table *t)
{
	for (unsigned i = 0; i < MOVE_BUCKETS && t->old != NULL; i++) {
		struct flow *f = t->old[t->old_next], *next;

		for (; f != NULL; f = next) {
			struct flow **b = &t->buckets[f->hash & t->mask];

			next = f->hash_next;
			f->hash_next = *b;
			*b = f;
		}
		if (t->old_next++ < t->old_mask)
			continue;
		budget_put(&t->budget, t->old, ((size_t)t->old_mask + 1) * sizeof(*t->old));
		t->old = NULL;
	}
}

static void grow(struct flow_table *t)
{
	size_t n = ((size_t)t->mask + 1) * 2;
	struct flow **wider;

	if (t->old != NULL || t->count <= t->mask || n > BUCKETS_MAX)
		return;
	wider = budget_get(&t->budget, n * sizeof(*wider));
	if (wider == NULL)
		return;                         /* longer chains then */
	t->old = t->buckets;
	t->old_mask = t->mask;
	t->old_next = 0;
	t->buckets = wider;
	t->mask = (uint32_t)n - 1;
}

/* Keys */

/* The type that answers an ICMP type; -1 where none does. */
static int icmp_answer(uint8_t ip_version, uint8_t type)
{
	static const uint8_t v4[][2] = { { 8, 0 }, { 10, 9 }, { 13, 14 }, { 15, 16 },
					 { 17, 18 } };
	static const uint8_t v6[][2] = { { 128, 129 }, { 130, 131 }, { 133, 134 }, { 135, 136 },
					 { 139, 140 }, { 144, 145 } };
	const uint8_t(*pairs)[2] = ip_version == 4 ? v4 : v6;
	size_t n = ip_version == 4 ? ARRAY_LEN(v4) : ARRAY_LEN(v6);

	for (size_t i = 0; i < n; i++) {
		if (pairs[i][0] == type)
			return pairs[i][1];
		if (pairs[i][1] == type)
			return pairs[i][0];
	}
	return -1;
}

static bool icmp4_is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static bool is_icmp(const struct flow_key *k)
{
	return (k->proto == IPPROTO_ICMP && k->ip_version == 4) ||
	       (k->proto == IPPROTO_ICMPV6 && k->ip_version == 6);
}

static uint32_t key_hash(const struct flow_table *t, const struct flow_key *k)
{
	int order = memcmp(&k->addr[0], &k->addr[1], sizeof(k->addr[0]));
	bool ports = has_ports(k->proto) || k->proto == IPPROTO_ESP;
	uint64_t words[6];
	unsigned n = 0, a;
	uint64_t hash;

	if (order == 0 && ports && k->port[0] > k->port[1])
		order = 1;
	a = order > 0;
	words[n++] = k->addr[a].quads[0];
	words[n++] = k->addr[!a].quads[0];
	if (k->ip_version == 6) {
		words[n++] = k->addr[a].quads[1];
		words[n++] = k->addr[!a].quads[1];
	}
	words[n++] = (uint64_t)k->proto << 56 | (uint64_t)k->ip_version << 48 |
		     (uint64_t)k->tunnel_depth << 40 |
		     (ports ? (uint64_t)k->port[a] << 16 | k->port[!a] : 0);
	words[n++] = (uint64_t)k->vlan[0] << 48 | (uint64_t)k->vlan[1] << 32 |
		     (uint64_t)k->vlan[2] << 16 | k->device;
	hash = hash_words(&t->key, words, n);
	return (uint32_t)(hash ^ hash >> 32);
}

/* ICMP: an error that quotes a TCP or UDP packet belongs to that packet's flow, as its receiver's
 * kernel would have it; others pair by type. */
static void icmp_key(struct flow_lookup *l, const struct packet *pkt)
{
	struct flow_key *k = &l->key;
	int answer = icmp_answer(k->ip_version, pkt->icmp_type);

	if (k->ip_version == 4 && icmp4_is_error(pkt->icmp_type)) {
		l->creates = false;
		if (pkt->icmp_type == 3 && pkt->emb_ip_version == 4 &&
		    (pkt->emb_proto == IPPROTO_TCP || pkt->emb_proto == IPPROTO_UDP)) {
			k->proto = pkt->emb_proto;
			k->addr[0] = pkt->emb_src;
			k->addr[1] = pkt->emb_dst;
			k->port[0] = pkt->emb_src_port;
			k->port[1] = pkt->emb_dst_port;
			return;
		}
	}
	k->port[0] = pkt->icmp_type;
	k->port[1] = answer < 0 ? 0 : (uint16_t)answer;
	if (k->ip_version == 6)
		k->port[0] |= (uint16_t)(pkt->icmp_code << 8);
}

bool flow_lookup_init(const struct flow_table *t, struct flow_lookup *l, const struct packet *pkt)
{
	struct flow_key *k = &l->key;

	memset(l, 0, sizeof(*l));
	l->creates = true;
	k->addr[0] = pkt->src;
	k->addr[1] = pkt->dst;
	k->proto = pkt->proto;
	k->ip_version = pkt->ip_version;
	if (t->cfg->depth_tracking)
		k->tunnel_depth = pkt->depth;
	if (t->cfg->vlan_tracking)
		memcpy(k->vlan, pkt->vlan, sizeof(k->vlan));
	if (t->cfg->device_tracking)
		k->device = pkt->device;
	if (has_ports(k->proto)) {
		k->port[0] = pkt->src_port;
		k->port[1] = pkt->dst_port;
	} else if (is_icmp(k)) {
		icmp_key(l, pkt);
	} else if (k->proto == IPPROTO_ESP && pkt->l4 != NULL) {
		k->port[0] = load_be16(pkt->l4);
		k->port[1] = load_be16(pkt->l4 + 2);
	} else if (k->proto != IPPROTO_ESP && k->proto != IPPROTO_IPIP &&
		   k->proto != IPPROTO_IPV6) {
		return false;
	}
	l->hash = pkt->flow_hash ? pkt->flow_hash : key_hash(t, k);
	return true;
}

static bool key_rest_eq(const struct flow_key *a, const struct flow_key *b)
{
	return a->proto == b->proto && a->ip_version == b->ip_version &&
	       a->tunnel_depth == b->tunnel_depth && a->device == b->device &&
	       memcmp(a->vlan, b->vlan, sizeof(a->vlan)) == 0;
}

static bool key_matches(const struct flow_key *f, const struct flow_key *k)
{
	if (!key_rest_eq(f, k))
		return false;
	if (f->port[0] == k->port[0] && f->port[1] == k->port[1] &&
	    ip_addr_eq(&f->addr[0], &k->addr[0]) && ip_addr_eq(&f->addr[1], &k->addr[1]))
		return true;
	return f->proto != IPPROTO_ESP && f->port[0] == k->port[1] && f->port[1] == k->port[0] &&
	       ip_addr_eq(&f->addr[0], &k->addr[1]) && ip_addr_eq(&f->addr[1], &k->addr[0]);
}

enum side flow_side(const struct flow *f, const struct packet *pkt)
{
	const struct flow_key *k = &f->key;

	if (pkt->proto != k->proto || is_icmp(k))       /* also an ICMP error about this flow */
		return ip_addr_eq(&k->addr[0], &pkt->src) ? TO_SERVER : TO_CLIENT;
	if (!has_ports(k->proto))
		return TO_SERVER;
	if (pkt->src_port != pkt->dst_port)
		return k->port[0] == pkt->src_port ? TO_SERVER : TO_CLIENT;
	return ip_addr_eq(&k->addr[0], &pkt->src) ? TO_SERVER : TO_CLIENT;
}

/* Lists */

static void list_append(struct flow_list *list, struct flow *f)
{
	f->lru_next = NULL;
	f->lru_prev = list->last;
	if (list->last != NULL)
		list->last->lru_next = f;
	else
		list->first = f;
	list->last = f;
	list->count++;
}

static void list_remove(struct flow_list *list, struct flow *f)
{
	if (f->lru_prev != NULL)
		f->lru_prev->lru_next = f->lru_next;
	else
		list->first = f->lru_next;
	if (f->lru_next != NULL)
		f->lru_next->lru_prev = f->lru_prev;
	else
		list->last = f->lru_prev;
	f->lru_next = f->lru_prev = NULL;
	list->count--;
}

static enum flow_lru lru_of(const struct flow *f)
{
	switch (f->state) {
	case FLOW_NEW:
		return LRU_NEW;
	case FLOW_CLOSED:
		return LRU_CLOSED;
	default:
		return f->talks || f->key.proto != IPPROTO_TCP ? LRU_TALKING : LRU_QUIET;
	}
}

static void lru_renew(struct flow_table *t, struct flow *f)
{
	list_remove(&t->lru[f->lru], f);
	f->lru = (uint8_t)lru_of(f);
	f->lru_s = (uint32_t)(t->now_ns / NS_PER_S);
	list_append(&t->lru[f->lru], f);
}

void flow_talks(struct flow_table *t, struct flow *f)
{
	f->talks = true;
	if (f->lru == LRU_QUIET)
		lru_renew(t, f);
}

/* Time */

static uint32_t timeout_s(const struct flow_table *t, const struct flow *f)
{
	enum timeout_proto p = TIMEOUT_DEFAULT;

	if (f->key.proto == IPPROTO_TCP)
		p = TIMEOUT_TCP;
	else if (f->key.proto == IPPROTO_UDP)
		p = TIMEOUT_UDP;
	else if (is_icmp(&f->key))
		p = TIMEOUT_ICMP;
	return t->cfg->timeouts[t->emergency][p][f->state];
}

static bool timed_out(const struct flow_table *t, const struct flow *f, uint64_t last_ns, uint64_t now_ns)
{
	return now_ns > last_ns + timeout_s(t, f) * NS_PER_S;
}

/* When it has timed out for certain: by the table's clock, which lru_s has in whole seconds. */
static uint64_t due_ns(const struct flow_table *t, const struct flow *f)
{
	return ((uint64_t)f->lru_s + timeout_s(t, f) + 1) * NS_PER_S;
}

static void arm(struct flow_table *t, struct flow *f)
{
	wheel_arm(&t->wheel, &f->timer, due_ns(t, f));
}

void flow_state_set(struct flow_table *t, struct flow *f, enum flow_state state)
{
	uint8_t before = f->state;

	if (before == state)
		return;
	f->state = (uint8_t)state;
	if (f->lru_prev == NULL && f->lru_next == NULL && t->lru[f->lru].first != f)
		return;                         /* has ended already */
	lru_renew(t, f);
	if (state != FLOW_ESTABLISHED || before != FLOW_NEW)
		arm(t, f);                      /* a shorter time than the timer knows, maybe */
}

void flow_touch(struct flow_table *t, struct flow *f, uint64_t now_ns)
{
	if (now_ns > f->last_ns)
		f->last_ns = now_ns;
	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	if ((uint32_t)(t->now_ns / NS_PER_S) > f->lru_s)
		lru_renew(t, f);
}

/* Coming and going */

void flow_table_prefetch(const struct flow_table *t, uint32_t hash)
{
	__builtin_prefetch(bucket_of(t, hash));
}

void flow_table_prefetch_flow(const struct flow_table *t, uint32_t hash)
{
	const char *f = (const char *)*bucket_of(t, hash);

	for (size_t at = 0; f != NULL && at < sizeof(struct flow); at += 64)
		__builtin_prefetch(f + at);
}

static void unlink_flow(struct flow_table *t, struct flow *f)
{
	struct flow **at = bucket_of(t, f->hash);

	while (*at != f)
		at = &(*at)->hash_next;
	*at = f->hash_next;
	f->hash_next = NULL;
}

void flow_table_end(struct flow_table *t, struct flow *f, enum flow_end reason)
{
	unlink_flow(t, f);
	wheel_cancel(&t->wheel, &f->timer);
	list_remove(&t->lru[f->lru], f);
	f->end = (uint8_t)reason;
	f->ended_ns = reason == FLOW_END_TIMEOUT ? f->last_ns + timeout_s(t, f) * NS_PER_S : t->now_ns;
	if (f->ended_ns < f->last_ns)
		f->ended_ns = f->last_ns;
	t->ended_by[reason]++;
	t->count--;
	list_append(&t->ended, f);
}

struct flow *flow_table_ended(struct flow_table *t)
{
	struct flow *f = t->ended.first;

	if (f != NULL)
		list_remove(&t->ended, f);
	return f;
}

void flow_table_release(struct flow_table *t, struct flow *f)
{
	budget_put(&t->budget, f, sizeof(*f));
	if (t->emergency && t->budget.max != 0 &&
	    t->budget.used * 100 < t->budget.max * (100 - t->cfg->emergency_recovery))
		t->emergency = false;
}

struct flow *flow_table_find(struct flow_table *t, const struct flow_lookup *l, uint64_t now_ns)
{
	t->lookups++;
	for (struct flow *f = *bucket_of(t, l->hash); f != NULL; f = f->hash_next) {
		t->probes++;
		if (f->hash != l->hash || !key_matches(&f->key, &l->key))
			continue;
		if (timed_out(t, f, f->last_ns, now_ns)) {
			flow_table_end(t, f, FLOW_END_TIMEOUT);
			return NULL;
		}
		return f;
	}
	return NULL;
}

static bool evict_from(struct flow_table *t, enum flow_lru lru)
{
	struct flow *f = t->lru[lru].first;

	if (f == NULL)
		return false;
	f->emergency = true;
	t->evicted++;
	t->evicted_by[lru]++;
	flow_table_end(t, f, FLOW_END_FORCED);
	return true;
}

static void evict_one(struct flow_table *t)
{
	if (evict_from(t, LRU_CLOSED))
		return;
	if (t->lru[LRU_NEW].count > t->count / 4)
		evict_from(t, LRU_NEW);
	else if (t->lru[LRU_QUIET].count > t->count / 4)
		evict_from(t, LRU_QUIET);
	else if (!evict_from(t, LRU_TALKING) && !evict_from(t, LRU_QUIET))
		evict_from(t, LRU_NEW);
}

/* Keeps a share of the budget free, as an evicted flow only gives its memory back once the worker has
 * written its record. */
static void make_room(struct flow_table *t)
{
	struct budget *b = &t->budget;
	bool tight = budget_tight(b);

	if (tight && !t->emergency) {
		t->emergency = true;
		t->emergency_entered++;
	}
	for (unsigned i = 0; i < t->watched_count; i++)
		tight |= budget_tight(t->watched[i]);
	if (!tight)
		return;
	if (t->ended.first != NULL && b->used + 64 * sizeof(struct flow) < b->max)
		return;                         /* some is coming back already */
	evict_one(t);
	evict_one(t);
}

static uint64_t flow_id(const struct flow_table *t, const struct flow *f, const struct packet *pkt)
{
	uint64_t words[3] = { (uint64_t)f->hash << 16 | pkt->depth, pkt->time_ns, pkt->number };
	uint64_t id = hash_words(&t->key, words, 3) & FLOW_ID_MASK;

	return id != 0 ? id : 1;
}

struct flow *flow_table_add(struct flow_table *t, const struct flow_lookup *l,
			    const struct packet *pkt)
{
	struct flow *f, **bucket;

	if (!t->started) {
		wheel_init(&t->wheel, TICK_NS, pkt->time_ns);
		t->started = true;
		t->now_ns = pkt->time_ns;
	}
	make_room(t);
	f = budget_get(&t->budget, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->key = l->key;
	f->hash = l->hash;
	f->first_ns = f->last_ns = pkt->time_ns;
	f->device = pkt->device;
	f->tunnel = pkt->tunnel;
	f->id = flow_id(t, f, pkt);
	grow(t);
	move_buckets(t);
	bucket = bucket_of(t, f->hash);
	f->hash_next = *bucket;
	*bucket = f;
	f->lru = LRU_NEW;
	if (pkt->time_ns > t->now_ns)
		t->now_ns = pkt->time_ns;
	f->lru_s = (uint32_t)(t->now_ns / NS_PER_S);
	f->vlan_count = pkt->vlan_count;
	memcpy(f->vlan, pkt->vlan, sizeof(f->vlan));
	list_append(&t->lru[LRU_NEW], f);
	t->count++;
	t->total++;
	arm(t, f);
	return f;
}

void flow_swap(struct flow *f)
{
	struct ip_addr addr = f->key.addr[0];
	uint8_t eth[6];

#define SWAP_PAIR(type, a)                  \
	do {                                \
		type swap = (a)[0];         \
		(a)[0] = (a)[1];            \
		(a)[1] = swap;              \
	} while (0)
	f->key.addr[0] = f->key.addr[1];
	f->key.addr[1] = addr;
	SWAP_PAIR(uint16_t, f->key.port);
	SWAP_PAIR(uint64_t, f->pkts);
	SWAP_PAIR(uint64_t, f->bytes);
	SWAP_PAIR(uint8_t, f->ttl_min);
	SWAP_PAIR(uint8_t, f->ttl_max);
	SWAP_PAIR(uint8_t, f->tcp_flags);
#undef SWAP_PAIR
	memcpy(eth, f->eth[0], 6);
	memcpy(f->eth[0], f->eth[1], 6);
	memcpy(f->eth[1], eth, 6);
	f->seen = (uint8_t)((f->seen & 1) << 1 | (f->seen >> 1 & 1));
	f->swapped = !f->swapped;
}

void flow_table_advance(struct flow_table *t, uint64_t now_ns)
{
	struct timer *timer;

	if (!t->started)
		return;
	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	for (unsigned i = 0; i < EXPIRE_MAX; i++) {
		struct flow *f;

		timer = wheel_next(&t->wheel, t->now_ns);
		if (timer == NULL)
			return;
		f = timer_flow(timer);
		if (t->now_ns >= due_ns(t, f))
			flow_table_end(t, f, FLOW_END_TIMEOUT);
		else
			arm(t, f);
	}
}

void flow_table_finish(struct flow_table *t, enum flow_end reason)
{
	/* In the order of the last packets, the cheapest first: the same on every run. */
	for (unsigned i = 0; i < FLOW_LRUS; i++) {
		while (t->lru[i].first != NULL)
			flow_table_end(t, t->lru[i].first, reason);
	}
}

/* state.c - thresholds and tags, and the object that holds all shared rule state. */
#include "rules/dataset.h"
#include "rules/state.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)
#define MEMORY_DEFAULT (16u * 1024 * 1024)
#define LIMITS_MAX 256
#define TAGS_MAX 50
#define TAG_MATCHES_MAX 10

int rule_state_new(struct rule_state **out, struct rule_set *set, const struct conf *conf)
{
	struct rule_state *s = calloc(1, sizeof(*s));
	uint64_t memory = MEMORY_DEFAULT;
	int err;

	*out = NULL;
	if (s == NULL)
		return -ENOMEM;
	if (conf != NULL)
		memory = conf_size(conf, "detect.thresholds.memcap", conf_size(conf, "host.memcap", MEMORY_DEFAULT));
	err = table_init(&s->table, memory);
	if (err < 0) {
		free(s);
		return err;
	}
	if (set != NULL && set->datasets != NULL)
		s->datasets = dataset_store_get(set->datasets);
	*out = s;
	return 0;
}

void rule_state_free(struct rule_state *s)
{
	if (s == NULL)
		return;
	table_fini(&s->table);
	dataset_store_put(s->datasets);
	free(s);
}

void rule_state_save(struct rule_state *s)
{
	if (s != NULL && s->datasets != NULL)
		dataset_store_save(s->datasets);
}

/* A threshold's counters, wherever they are kept. */
struct counters {
	uint64_t *start_ns, *timeout_ns;
	uint32_t *count, *next;
};

static enum threshold_answer first_answer(const struct threshold *t, const struct counters *c)
{
	*c->count = 1;
	switch (t->type) {
	case THRESHOLD_LIMIT:
	case THRESHOLD_RATE:
		return THRESHOLD_ALERT_IT;
	case THRESHOLD_THRESHOLD:
		if (t->count > 1)
			return THRESHOLD_NO;
		*c->count = 0;
		return THRESHOLD_ALERT_IT;
	case THRESHOLD_BOTH:
		return t->count == 1 ? THRESHOLD_ALERT_IT : THRESHOLD_NO;
	case THRESHOLD_BACKOFF:
		*c->next = t->count;
		if (t->count > 1)
			return THRESHOLD_NO;
		*c->next = t->count * t->multiplier;
		return THRESHOLD_ALERT_IT;
	}
	return THRESHOLD_NO;
}

static enum threshold_answer rate_answer(const struct threshold *t, const struct counters *c, bool fresh,
					 uint64_t now_ns, uint8_t *action)
{
	if (*c->timeout_ns != 0) {
		if (now_ns / SECOND_NS - *c->timeout_ns / SECOND_NS > t->timeout)
			*c->timeout_ns = 0;
		else
			*action = t->new_action;
	} else if (!fresh) {
		*c->start_ns = now_ns;
		*c->count = 1;
	} else if (++*c->count > t->count) {
		*c->timeout_ns = now_ns;
		*action = t->new_action;
	}
	return *action == ACTION_PASS ? THRESHOLD_SILENT : THRESHOLD_ALERT_IT;
}

static enum threshold_answer backoff_answer(const struct threshold *t, const struct counters *c)
{
	if (*c->count == UINT32_MAX || ++*c->count != *c->next)
		return THRESHOLD_SILENT;
	*c->next = *c->next > UINT32_MAX / t->multiplier ? UINT32_MAX : *c->next * t->multiplier;
	return THRESHOLD_ALERT_IT;
}

static enum threshold_answer next_answer(const struct threshold *t, const struct counters *c, uint64_t now_ns,
					 uint8_t *action)
{
	bool fresh = now_ns <= *c->start_ns + t->seconds * SECOND_NS;

	if (t->type == THRESHOLD_RATE)
		return rate_answer(t, c, fresh, now_ns, action);
	if (t->type == THRESHOLD_BACKOFF)
		return backoff_answer(t, c);
	if (!fresh) {
		*c->start_ns = now_ns;
		return first_answer(t, c);
	}
	++*c->count;
	switch (t->type) {
	case THRESHOLD_LIMIT:
		return *c->count <= t->count ? THRESHOLD_ALERT_IT : THRESHOLD_SILENT;
	case THRESHOLD_THRESHOLD:
		if (*c->count < t->count)
			return THRESHOLD_NO;
		*c->count = 0;
		return THRESHOLD_ALERT_IT;
	case THRESHOLD_BOTH:
		if (*c->count == t->count)
			return THRESHOLD_ALERT_IT;
		return *c->count > t->count ? THRESHOLD_SILENT : THRESHOLD_NO;
	case THRESHOLD_DETECTION:
		return *c->count > t->count ? THRESHOLD_ALERT_IT : THRESHOLD_NO;
	}
	return THRESHOLD_NO;
}

static enum threshold_answer flow_threshold(struct inspect *in, const struct rule *rule, const struct threshold *t,
					    uint8_t *action)
{
	struct flow_vars *v = flow_vars_of(in, true);
	struct flow_limit *l;
	struct counters c;

	if (v == NULL)
		return THRESHOLD_ALERT_IT;
	for (unsigned i = 0; i < v->limit_count; i++) {
		l = &v->limits[i];
		if (l->sid == rule->sid && l->gid == rule->gid && l->type == t->type) {
			c = (struct counters){ &l->start_ns, &l->timeout_ns, &l->count, &l->next };
			return next_answer(t, &c, in->now_ns, action);
		}
	}
	l = flow_vars_grow(in, (void **)&v->limits, &v->limit_count, &v->limit_cap, sizeof(*l), LIMITS_MAX);
	if (l == NULL)
		return THRESHOLD_ALERT_IT;
	l->sid = rule->sid;
	l->gid = rule->gid;
	l->type = t->type;
	l->start_ns = in->now_ns;
	c = (struct counters){ &l->start_ns, &l->timeout_ns, &l->count, &l->next };
	return first_answer(t, &c);
}

static void key_addresses(struct table_key *key, const struct packet *pkt, uint8_t track)
{
	key->ip_version = pkt->ip_version;
	if (track == TRACK_BY_SRC) {
		key->a = pkt->src;
	} else if (track == TRACK_BY_DST) {
		key->a = pkt->dst;
	} else if (memcmp(&pkt->src, &pkt->dst, sizeof(pkt->src)) < 0) {
		key->a = pkt->src;
		key->b = pkt->dst;
	} else {
		key->a = pkt->dst;
		key->b = pkt->src;
	}
}

static enum threshold_answer shared_threshold(struct inspect *in, const struct rule *rule, const struct threshold *t,
					      uint8_t *action)
{
	struct table_key key = { .kind = ENTRY_THRESHOLD | (uint32_t)t->type << 8 | (uint32_t)t->track << 16,
				 .id = rule->sid, .gid = rule->gid };
	enum threshold_answer answer;
	struct table_stripe *stripe;
	struct table_entry *e;
	struct counters c;
	uint64_t hash;

	if (t->track != TRACK_BY_RULE)
		key_addresses(&key, in->pkt, t->track);
	stripe = table_lock(&in->state->table, &key, &hash);
	e = table_find(stripe, hash, &key, in->now_ns);
	if (e != NULL) {
		c = (struct counters){ &e->start_ns, &e->timeout_ns, &e->count, &e->next };
		answer = next_answer(t, &c, in->now_ns, action);
	} else {
		e = table_make(stripe, hash, &key);
		e->start_ns = in->now_ns;
		c = (struct counters){ &e->start_ns, &e->timeout_ns, &e->count, &e->next };
		answer = first_answer(t, &c);
	}
	table_unlock(stripe);
	return answer;
}

static enum threshold_answer suppress(const struct inspect *in, const struct threshold *t)
{
	bool src, dst;

	if (t->addrs == NULL)
		return THRESHOLD_SILENT;
	src = t->track != TRACK_BY_DST && addr_set_match(t->addrs, &in->pkt->src, in->pkt->ip_version);
	dst = t->track != TRACK_BY_SRC && addr_set_match(t->addrs, &in->pkt->dst, in->pkt->ip_version);
	return src || dst ? THRESHOLD_SILENT : THRESHOLD_ALERT_IT;
}

enum threshold_answer rule_threshold(struct inspect *in, const struct rule *rule, uint8_t *action)
{
	for (const struct threshold *t = rule->thresholds; t != NULL; t = t->next) {
		enum threshold_answer answer = t->type == THRESHOLD_SUPPRESS ? suppress(in, t) : THRESHOLD_ALERT_IT;

		if (answer != THRESHOLD_ALERT_IT)
			return answer;
	}
	for (const struct threshold *t = rule->thresholds; t != NULL; t = t->next) {
		enum threshold_answer answer;

		if (t->type == THRESHOLD_SUPPRESS)
			continue;
		answer = t->track == TRACK_BY_FLOW ? flow_threshold(in, rule, t, action) :
						     shared_threshold(in, rule, t, action);
		if (answer != THRESHOLD_ALERT_IT)
			return answer;
	}
	return THRESHOLD_ALERT_IT;
}

static void flow_tag_set(struct inspect *in, const struct rule *rule, const struct tag_spec *spec)
{
	struct flow_vars *v = flow_vars_of(in, true);
	struct flow_tag *tag;

	if (v == NULL)
		return;
	for (unsigned i = 0; i < v->tag_count; i++) {
		tag = &v->tags[i];
		if (tag->sid != rule->sid || tag->gid != rule->gid)
			continue;
		/* Again: it lasts longer, but not for ever. */
		if (++tag->matches <= TAG_MATCHES_MAX)
			tag->count += spec->count;
		return;
	}
	tag = flow_vars_grow(in, (void **)&v->tags, &v->tag_count, &v->tag_cap, sizeof(*tag), TAGS_MAX);
	if (tag == NULL)
		return;
	tag->sid = rule->sid;
	tag->gid = rule->gid;
	tag->metric = spec->metric;
	tag->count = spec->count;
	tag->first_ns = in->now_ns;
	tag->matches = 1;
}

static void host_tag_set(struct inspect *in, const struct tag_spec *spec)
{
	struct table_key key = { .kind = ENTRY_TAG, .id = spec->metric, .ip_version = in->pkt->ip_version,
				 .a = spec->dst ? in->pkt->dst : in->pkt->src };
	struct table_stripe *stripe;
	struct table_entry *e;
	uint64_t hash, sofar;

	stripe = table_lock(&in->state->table, &key, &hash);
	e = table_find(stripe, hash, &key, in->now_ns);
	if (e == NULL) {
		e = table_make(stripe, hash, &key);
		e->start_ns = in->now_ns;
		e->next = 1;            /* this packet itself is the alert's */
		atomic_fetch_add(&in->state->host_tags, 1);
	}
	/* Each tag counts from its own start; the one that lasts longest is kept. */
	sofar = spec->metric == TAG_PACKETS ? e->count : spec->metric == TAG_BYTES ? e->bytes :
		in->now_ns / SECOND_NS - e->start_ns / SECOND_NS;
	if (e->timeout_ns < sofar + spec->count)
		e->timeout_ns = sofar + spec->count;
	table_unlock(stripe);
}

void rule_tag_set(struct inspect *in, const struct rule *rule, const struct tag_spec *spec)
{
	if (spec->host)
		host_tag_set(in, spec);
	else
		flow_tag_set(in, rule, spec);
}

/* Counts the packet; 0: the tag is over, 1: it is the alert's own packet, 2: it is tagged. */
static int tag_count(uint8_t metric, uint64_t first_ns, uint32_t *packets, uint64_t *bytes, uint64_t limit, bool first,
		     const struct inspect *in)
{
	*packets += metric == TAG_PACKETS;
	*bytes += metric == TAG_BYTES ? in->pkt->wire_len : 0;
	if (first)
		return 1;
	switch (metric) {
	case TAG_PACKETS:
		return *packets > limit ? 0 : 2;
	case TAG_BYTES:
		return *bytes > limit ? 0 : 2;
	}
	return in->now_ns / SECOND_NS - first_ns / SECOND_NS > limit ? 0 : 2;
}

static bool flow_tags(struct inspect *in)
{
	struct flow_vars *v = flow_vars_of(in, false);
	bool tagged = false;

	for (unsigned i = 0; v != NULL && i < v->tag_count;) {
		struct flow_tag *t = &v->tags[i];
		int answer = tag_count(t->metric, t->first_ns, &t->packets, &t->bytes, t->count, !t->skipped_first, in);

		t->skipped_first = true;
		if (answer == 0) {
			v->tags[i] = v->tags[--v->tag_count];
			continue;
		}
		tagged = tagged || answer == 2;
		i++;
	}
	return tagged;
}

static bool host_tags(struct inspect *in, const struct ip_addr *addr)
{
	bool tagged = false;

	for (uint32_t metric = TAG_PACKETS; metric <= TAG_BYTES; metric++) {
		struct table_key key = { .kind = ENTRY_TAG, .id = metric, .ip_version = in->pkt->ip_version, .a = *addr };
		struct table_stripe *stripe;
		struct table_entry *e;
		uint64_t hash;
		int answer;

		stripe = table_lock(&in->state->table, &key, &hash);
		e = table_find(stripe, hash, &key, in->now_ns);
		if (e != NULL) {
			answer = tag_count((uint8_t)metric, e->start_ns, &e->count, &e->bytes, e->timeout_ns, e->next == 1, in);
			e->next = 0;
			tagged = tagged || answer == 2;
			if (answer == 0) {
				table_drop(stripe, e);
				atomic_fetch_sub(&in->state->host_tags, 1);
			}
		}
		table_unlock(stripe);
	}
	return tagged;
}

bool rule_tags(struct inspect *in)
{
	bool tagged = flow_tags(in);

	if (in->state != NULL && atomic_load_explicit(&in->state->host_tags, memory_order_relaxed) > 0 &&
	    in->pkt->ip_version != 0) {
		tagged = host_tags(in, &in->pkt->src) || tagged;
		tagged = host_tags(in, &in->pkt->dst) || tagged;
	}
	return tagged;
}

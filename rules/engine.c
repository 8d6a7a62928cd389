/* engine.c - one worker's engine: its memory, its flows' slots, the list of rules that came up. */
#include <errno.h>
#include <stdlib.h>

#include "base/must.h"
#include "rules/engine.h"
#include "rules/profile_report.h"

static int scratch_fit(struct rules *r, const struct compiled *c)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < 2 * r->set->buffer_count; i++)
		if (c->databases[i].prefilter != NULL)
			err = prefilter_scratch_fit(&r->prefilter, c->databases[i].prefilter);
	for (unsigned kind = 0; kind < PAYLOAD_KINDS; kind++)
		for (unsigned side = 0; side < 2; side++)
			for (unsigned i = 0; err == 0 && i < c->payload[kind][side].count; i++)
				if (c->payload[kind][side].items[i].db.prefilter != NULL)
					err = prefilter_scratch_fit(&r->prefilter,
								    c->payload[kind][side].items[i].db.prefilter);
	return err;
}

/* What depends on the set's size. */
static int set_begin(struct rules *r)
{
	unsigned n = r->set->count ? r->set->count : 1;
	int err;

	r->candidates.items = calloc(n, sizeof(*r->candidates.items));
	r->candidates.stamps = calloc(n, sizeof(*r->candidates.stamps));
	r->limit_hits = calloc(n, sizeof(*r->limit_hits));
	if (r->candidates.items == NULL || r->candidates.stamps == NULL || r->limit_hits == NULL)
		return -ENOMEM;
	err = scratch_fit(r, r->set->compiled);
	return err < 0 ? err : groups_init(r);
}

static void set_end(struct rules *r)
{
	groups_fini(r);
	free(r->candidates.items);
	free(r->candidates.stamps);
	free(r->limit_hits);
	memset(&r->candidates, 0, sizeof(r->candidates));
	r->limit_hits = NULL;
}

/* Does an output put payload into alerts? */
static bool payload_is_shown(const struct conf *conf)
{
	const struct conf *outputs = conf ? conf_find(conf, "outputs") : NULL;

	for (const struct conf *o = outputs ? outputs->first : NULL; o != NULL; o = o->next) {
		const struct conf *types = conf_find(o, "eve-log.types");

		for (const struct conf *t = types ? types->first : NULL; t != NULL; t = t->next)
			if (conf_bool(t, "alert.payload", false) || conf_bool(t, "alert.payload-printable", false))
				return true;
	}
	return false;
}

static void settings_read(struct rules *r, const struct conf *conf)
{
	int64_t n = conf ? conf_int(conf, "packet-alert-max", 15) : 15;
	int64_t depth = conf ? conf_int(conf, "detect.inspection-recursion-limit", 3000) : 3000;

	r->alerts_max = n > 0 && n <= ALERTS_MAX ? (unsigned)n : n > ALERTS_MAX ? ALERTS_MAX : 15;
	r->steps_max = depth > 0 ? depth * STEPS_A_LEVEL : STEPS_MAX_DEFAULT;
	r->chunk[TO_SERVER] = conf ? (uint32_t)conf_size(conf, "stream.reassembly.toserver-chunk-size", 2560) : 2560;
	r->chunk[TO_CLIENT] = conf ? (uint32_t)conf_size(conf, "stream.reassembly.toclient-chunk-size", 2560) : 2560;
	r->keep_stream = payload_is_shown(conf);
	r->guess_tx = conf && conf_bool(conf, "detect.guess-applayer-tx", false);
	n = conf ? conf_int(conf, "detect.stream-tx-log-limit", 4) : 4;
	r->guess_limit = n > 0 && n < 255 ? (unsigned)n : 4;
}

int rules_new(struct rules **out, struct mem *mem, struct rule_set *set, struct rule_state *state, const struct conf *conf)
{
	struct rules *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->mem = mem;
	budget_init_class(&r->budget, mem, MEM_RULES, conf ? conf_size(conf, "detect.memcap", 512ull << 20) : 512ull << 20);
	r->set = rule_set_get(set);
	r->state = state;
	r->inline_mode = set->inline_mode;
	settings_read(r, conf);
	r->found = calloc(FOUND_MAX, sizeof(*r->found));
	r->transformed = malloc(2 * TRANSFORM_MAX);
	r->text_bytes = malloc(TEXT_BYTES_MAX);
	err = r->found && r->transformed && r->text_bytes ? 0 : -ENOMEM;
	if (err == 0)
		err = bytes_scratch_new(&r->bytes, &r->budget,
					(uint32_t)(conf ? conf_int(conf, "pcre.match-limit", 3500) : 3500),
					(uint32_t)(conf ? conf_int(conf, "pcre.match-limit-recursion", 1500) : 1500));
	if (err == 0)
		err = set_begin(r);
	if (err < 0) {
		rules_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	rules_profile_stop(r);
	set_end(r);
	bytes_scratch_free(r->bytes);
	prefilter_scratch_free(r->prefilter);
	rule_set_put(r->set);
	free(r->found);
	free(r->transformed);
	free(r->text_bytes);
	free(r);
}

int rules_swap(struct rules *r, struct rule_set *set)
{
	struct rules next = *r;
	unsigned one_in;
	int err;

	next.set = set;
	next.groups = NULL;
	next.spare = NULL;
	memset(&next.candidates, 0, sizeof(next.candidates));
	next.limit_hits = NULL;
	err = set_begin(&next);
	if (err < 0) {
		set_end(&next);
		r->prefilter = next.prefilter;
		r->budget = next.budget;
		return err;
	}
	one_in = r->profile ? r->profile->one_in : 0;
	rules_profile_stop(r);
	next.profile = NULL;
	/* Flows notice by the generation that what they hold is gone (rules_flow_make). */
	r->budget = next.budget;
	set_end(r);
	next.budget = r->budget;
	rule_set_get(set);
	rule_set_put(r->set);
	*r = next;
	if (one_in > 0)
		rules_profile_start(r, one_in);         /* without memory for it, it ends here */
	return 0;
}

struct budget *rules_budget(struct rules *r)
{
	return &r->budget;
}

struct rules_flow *rules_flow_make(struct rules *r, struct flow *flow)
{
	struct rules_flow *f = rules_flow_of(flow);

	if (f == NULL) {
		f = budget_get(&r->budget, sizeof(*f));
		if (f == NULL)
			return NULL;
		f->generation = r->set->generation;
		flow->slot[FLOW_RULES] = f;
	} else if (f->generation != r->set->generation) {
		flow_carry(r, f);
	}
	return f;
}

void rules_turned(struct rules *r, struct flow *flow)
{
	struct rules_flow *f = rules_flow_of(flow);
	struct flow_side side;

	if (f == NULL)
		return;
	group_drop(r, &f->sides[TO_SERVER]);
	group_drop(r, &f->sides[TO_CLIENT]);
	side = f->sides[TO_SERVER];
	f->sides[TO_SERVER] = f->sides[TO_CLIENT];
	f->sides[TO_CLIENT] = side;
}

struct flow_vars **rules_vars_slot(struct rules *r, struct flow *flow)
{
	struct rules_flow *f = rules_flow_make(r, flow);

	return f ? &f->vars : NULL;
}

void rules_flow_free(struct rules *r, struct flow *flow)
{
	struct rules_flow *f = rules_flow_of(flow);

	if (f == NULL)
		return;
	if (f->generation == r->set->generation) {
		group_drop(r, &f->sides[0]);
		group_drop(r, &f->sides[1]);
	}
	raw_fini(r, &f->sides[0].raw);
	raw_fini(r, &f->sides[1].raw);
	while (f->states != NULL)
		tx_state_free(r, f, f->states);
	flow_vars_free(r->state, f->vars, &r->budget);
	budget_put(&r->budget, f, sizeof(*f));
	flow->slot[FLOW_RULES] = NULL;
}

bool rules_wants(struct rules *r, struct flow *flow, enum side side)
{
	const struct group *g = group_of_side(r, flow, side);

	return g == NULL || g->wants_stream || r->keep_stream;
}

uint32_t rules_app_wants(const struct rule_set *set)
{
	return set->wants | (set->compiled ? set->compiled->wants : 0);
}

void rules_stats(const struct rules *r, struct rules_stats *out)
{
	*out = r->stats;
}

uint32_t rules_limit_hits(const struct rules *r, const struct rule *rule)
{
	return r->limit_hits[rule->index];
}

void rules_limited(const struct rules *r, void (*name)(void *ctx, const struct rule *rule, uint32_t hits), void *ctx)
{
	for (unsigned i = 0; r->limit_hits != NULL && i < r->set->count; i++)
		if (r->limit_hits[i] > 0)
			name(ctx, r->set->rules[i], r->limit_hits[i]);
}

void candidates_begin(struct candidates *c, unsigned rules)
{
	c->count = 0;
	if (++c->round == 0) {
		memset(c->stamps, 0, rules * sizeof(*c->stamps));
		c->round = 1;
	}
}

static int number_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void candidates_sort(struct candidates *c)
{
	if (c->count > 32) {
		qsort(c->items, c->count, sizeof(*c->items), number_order);
		return;
	}
	for (unsigned i = 1; i < c->count; i++) {
		uint32_t v = c->items[i];
		unsigned j = i;

		for (; j > 0 && c->items[j - 1] > v; j--)
			c->items[j] = c->items[j - 1];
		c->items[j] = v;
	}
}

struct scan {
	struct rules *rules;
	const struct group *group;
	const struct database *db;
};

static void scan_hit(void *ctx, unsigned number)
{
	const struct scan *s = ctx;
	const struct program *programs = s->rules->set->compiled->programs;

	for (uint32_t i = s->db->first[number]; i < s->db->first[number + 1]; i++)
		if (group_has(s->group, programs[s->db->rules[i]].header))
			candidate_add(&s->rules->candidates, s->db->rules[i]);
}

void candidates_scan(struct rules *r, const struct group *g, const struct database *db, struct slice text)
{
	struct scan scan = { .rules = r, .group = g, .db = db };

	if (text.len == 0)
		return;
	r->stats.bytes_scanned += text.len;
	prefilter_scan(db->prefilter, r->prefilter, text, scan_hit, &scan);
}

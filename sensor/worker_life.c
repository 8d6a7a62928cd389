/* worker_life.c - a worker's beginning and end, and what it tells others between two bursts. */
#include "sensor/worker_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"

void packet_of_flow(struct packet *pkt, const struct flow *flow, enum side side, uint64_t time_ns)
{
	const struct flow_key *key = &flow->key;

	*pkt = (struct packet){
		.time_ns = time_ns,
		.device = flow->device,
		.flags = PACKET_END_OF_FLOW | (flow->state != FLOW_NEW ? PACKET_ESTABLISHED : 0u),
		.ip_version = key->ip_version,
		.proto = key->proto,
		.src = key->addr[side],
		.dst = key->addr[other_side(side)],
		.src_port = key->port[side],
		.dst_port = key->port[other_side(side)],
		.side = side,
	};
	pkt->vlan_count = flow->vlan_count;
	memcpy(pkt->vlan, flow->vlan, sizeof(pkt->vlan));
}

void worker_verdict(struct worker *w, const struct flow *flow, struct packet *pkt)
{
	struct worker_counts *c = &w->counts;

	pkt->passed = w->alerts.pass;
	pkt->reject_to = w->alerts.reject_to;
	if (pkt->flags & PACKET_END_OF_FLOW)
		return;
	if (unlikely(w->shared->responder != NULL && (w->alerts.reject_to != 0 || w->alerts.drop)))
		responder_packet(w->shared->responder, pkt, w->alerts.drop, &c->answers_sent, &c->answers_failed);
	if (!w->shared->inline_mode)
		return;
	if (w->alerts.drop && pkt->drop_reason == DROP_REASON_NONE) {
		pkt->flags |= PACKET_WOULD_DROP;
		pkt->drop_reason = w->alerts.drop_by_threshold ? DROP_REASON_RULES_THRESHOLD : DROP_REASON_RULES;
	} else if (flow != NULL && flow->dropped && pkt->drop_reason == DROP_REASON_NONE) {
		pkt->flags |= PACKET_WOULD_DROP;
		pkt->drop_reason = flow->dropped_by_policy ? DROP_REASON_EXCEPTION_FLOW_DROP : DROP_REASON_FLOW_DROP;
	}
	if (w->alerts.reject)
		c->ips_rejected++;
	if (pkt->flags & PACKET_WOULD_DROP) {
		c->ips_blocked++;
		c->drop_reasons[pkt->drop_reason < DROP_REASONS ? pkt->drop_reason : 0]++;
	} else if (!w->alerts.reject) {
		c->ips_accepted++;
	}
}

void worker_snapshot(struct worker *w)
{
	struct worker_stats *s = &w->snapshot;

	s->counts = w->counts;
	tracker_stats(w->tracker, &s->tracker);
	if (w->rules != NULL) {
		rules_stats(w->rules, &s->rules);
		s->rules_budget = *rules_budget(w->rules);
	}
	s->memory_held = mem_held(w->mem);
	records_stats_get(w->records, &s->records);
	s->app_budget = *app_budget(w->app);
	for (s->proto_count = 0; s->proto_count < WORKER_PROTOS_MAX; s->proto_count++) {
		if (!app_stats(w->app, s->proto_count, &s->protos[s->proto_count]))
			break;
	}
}

void worker_stats_ask(struct worker *w)
{
	atomic_store_explicit(&w->stats_wanted, true, memory_order_release);
}

bool worker_stats_ready(const struct worker *w)
{
	return !atomic_load_explicit(&w->stats_wanted, memory_order_acquire);
}

const struct worker_stats *worker_stats(const struct worker *w)
{
	return &w->snapshot;
}

struct rules *worker_rules(struct worker *w)
{
	return w->rules;
}

bool worker_rules_current(const struct worker *w)
{
	return w->rules_generation == w->shared->rules_generation;
}

/* What rules and outputs together need of transactions and files. */
static void worker_want(struct worker *w)
{
	uint32_t wants = output_wants(w->shared->output);

	if (w->shared->rules != NULL)
		wants |= rules_app_wants(w->shared->rules);
	app_want(w->app, wants);
}

static void worker_rules_take(struct worker *w, uint32_t generation)
{
	struct worker_shared *s = w->shared;

	records_rules_change(w->records);
	pthread_mutex_lock(&s->rules_lock);
	if (w->rules != NULL && rules_swap(w->rules, s->rules) < 0)
		log_warning("worker %u: no memory for the new rules: it keeps the ones before", w->index);
	worker_want(w);
	pthread_mutex_unlock(&s->rules_lock);
	w->rules_generation = generation;
}

void worker_between_bursts(struct worker *w, struct device *device)
{
	uint32_t generation = w->shared->rules_generation;
	char warning[DEVICE_WARNING_MAX];

	if (generation != w->rules_generation)
		worker_rules_take(w, generation);
	if (device != NULL && device_warning_take(device, warning))
		log_warning("%s", warning);
	if (atomic_load_explicit(&w->stats_wanted, memory_order_relaxed)) {
		worker_snapshot(w);
		atomic_store_explicit(&w->stats_wanted, false, memory_order_release);
	}
}

int worker_new(struct worker **out, struct worker_shared *shared, unsigned index)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	*out = NULL;
	if (w == NULL)
		return -ENOMEM;
	w->index = index;
	w->shared = shared;
	w->steered = shared->steered;
	w->apart = shared->worker_count > 1 && (shared->steered || !shared->live);
	w->stream_bypass = conf_bool(shared->conf, "stream.bypass", false);
	w->rules_generation = shared->rules_generation;
	w->decode = shared->decode;
	w->decode.stats = &w->counts.wire;
	w->mem = mem_new();
	if (w->mem == NULL)
		goto fail;
	mem_plan(w->mem, conf_size(shared->conf, "memory", 0), shared->worker_count);
	err = tracker_new(&w->tracker, w->mem, shared->conf, &shared->key);
	if (err == 0)
		err = app_new(&w->app, w->mem, shared->app);
	if (err == 0 && shared->rules != NULL)
		err = rules_new(&w->rules, w->mem, shared->rules, shared->rule_state, shared->conf);
	if (err == 0 && shared->rules != NULL)
		app_want(w->app, app_wanted(w->app) | rules_app_wants(shared->rules));
	if (err == 0)
		err = records_new(&w->records, shared->output);
	if (err < 0)
		goto fail;
	tracker_watch(w->tracker, app_budget(w->app));
	if (w->rules != NULL)
		tracker_watch(w->tracker, rules_budget(w->rules));
	worker_want(w);
	*out = w;
	return 0;
fail:
	worker_free(w);
	return err;
}

#define LIMITED_NAMED 10        /* rules a worker names: the statistics have the sum */

/* An attacker's doing, or a rule that wants mending: it may have missed something. */
static void limited_name(void *ctx, const struct rule *rule, uint32_t hits)
{
	unsigned *named = ctx;

	if ((*named)++ < LIMITED_NAMED)
		log_warning("rule %u:%u met its limit of steps or of its regex %u times: what it looked for may have been missed",
			    rule->gid, rule->sid, hits);
}

void worker_free(struct worker *w)
{
	unsigned named = 0;

	if (w == NULL)
		return;
	if (w->rules != NULL)
		rules_limited(w->rules, limited_name, &named);
	if (w->records != NULL)
		records_free(w->records);
	if (w->rules != NULL)
		rules_free(w->rules);
	if (w->app != NULL)
		app_free(w->app);
	if (w->tracker != NULL)
		tracker_free(w->tracker);
	if (w->mem != NULL)
		mem_free(w->mem);
	free(w);
}

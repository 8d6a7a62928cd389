/* stats.c - from the workers' counters to stats records.
 *
 * Over a capture file there is one record, at the end, and everything in it follows from the
 * capture: its time is the last packet's, uptime is how long the capture lasted. Live there is
 * one every stats.interval seconds. */
#include "sensor/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "sensor/run.h"
#include "sensor/stats_list.h"

#define NS_PER_S 1000000000u
#define JSON_START (64 * 1024)
#define JSON_MAX (4 * 1024 * 1024)

struct stats {
	bool enabled;
	bool log_zeros;         /* eve-log stats: null-values */
	unsigned forms;         /* enum stats_part that some output wants */
	bool decoder_events, stream_events;
	const char *events_prefix;
	uint64_t interval_s;
	double next_s;          /* of the run, when the next are due */
	struct stats_list list, last;   /* now, and when records were written last */
	struct json json;
	struct worker_stats total;
	FILE *table;            /* stats.log */
};

static const struct conf *output_named(const struct conf *conf, const char *name)
{
	const struct conf *outputs = conf_find(conf, "outputs");

	for (const struct conf *c = outputs ? outputs->first : NULL; c != NULL; c = c->next) {
		const struct conf *o = conf_child(c, name);

		if (o != NULL && conf_bool(o, "enabled", true))
			return o;
	}
	return NULL;
}

static int table_open(struct stats *s, struct run *r)
{
	const struct conf *o = output_named(r->conf, "stats");
	const char *name = conf_str(o, "filename", "stats.log");
	bool append = conf_bool(o, "append", true);
	char *path = NULL;

	if (o == NULL)
		return 0;
	if (*name != '/' && asprintf(&path, "%s/%s", r->log_dir, name) < 0)
		return -ENOMEM;
	s->table = fopen(path ? path : name, append ? "ae" : "we");
	if (s->table == NULL)
		log_error("%s: %s", path ? path : name, strerror(errno));
	free(path);
	return s->table != NULL ? 0 : -EIO;
}

int stats_new(struct stats **out, struct run *r)
{
	struct stats *s = calloc(1, sizeof(*s));
	const struct conf *eve = output_named(r->conf, "eve-log");
	int64_t interval = conf_int(r->conf, "stats.interval", 8);

	*out = s;
	if (s == NULL || json_init(&s->json, JSON_START, JSON_MAX) < 0)
		return -ENOMEM;
	s->enabled = conf_bool(r->conf, "stats.enabled", true);
	s->decoder_events = conf_bool(r->conf, "stats.decoder-events", true);
	s->events_prefix = conf_str(r->conf, "stats.decoder-events-prefix", "decoder.event");
	s->stream_events = conf_bool(r->conf, "stats.stream-events", false);
	s->log_zeros = conf_bool(eve, "types.stats.null-values", true);
	s->interval_s = interval < 1 ? 1 : (uint64_t)interval;
	s->next_s = (double)s->interval_s;
	return s->enabled ? table_open(s, r) : 0;
}

void stats_free(struct stats *s)
{
	if (s == NULL)
		return;
	if (s->table != NULL)
		fclose(s->table);
	stats_list_fini(&s->list);
	stats_list_fini(&s->last);
	json_fini(&s->json);
	free(s);
}

const struct worker_stats *stats_total(const struct stats *s)
{
	return &s->total;
}

static void budget_sum(struct budget *total, const struct budget *one)
{
	total->used += one->used;
	total->high += one->high;
	total->max += one->max;
	total->denied += one->denied;
}

/* Structs that hold nothing but uint64_t counters. */
static void counters_sum(void *total, const void *one, size_t size)
{
	uint64_t *t = total;
	const uint64_t *o = one;

	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		t[i] += o[i];
}

static void protos_sum(struct worker_stats *t, const struct worker_stats *o)
{
	for (unsigned i = 0; i < o->proto_count; i++) {
		const char *name = o->protos[i].name;

		t->protos[i].name = NULL;       /* a pointer isn't a count */
		counters_sum((char *)&t->protos[i] + offsetof(struct app_stats, flows),
			     (const char *)&o->protos[i] + offsetof(struct app_stats, flows),
			     sizeof(struct app_stats) - offsetof(struct app_stats, flows));
		t->protos[i].name = name;
	}
	t->proto_count = o->proto_count;
}

void stats_sum(struct stats *s, const struct run *r)
{
	struct worker_stats *t = &s->total;

	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < r->worker_count; i++) {
		const struct worker_stats *o = worker_stats(r->workers[i].worker);

		account_add(&t->counts.account, &o->counts.account);
		wire_stats_add(&t->counts.wire, &o->counts.wire);
		for (unsigned k = 0; k < 4; k++)
			t->counts.flow_states[k] += o->counts.flow_states[k];
		for (unsigned k = 0; k <= TCP_CLOSED; k++)
			t->counts.tcp_states[k] += o->counts.tcp_states[k];
		t->counts.ips_accepted += o->counts.ips_accepted;
		t->counts.ips_blocked += o->counts.ips_blocked;
		t->counts.ips_rejected += o->counts.ips_rejected;
		for (unsigned k = 0; k < DROP_REASONS; k++)
			t->counts.drop_reasons[k] += o->counts.drop_reasons[k];
		t->counts.bypassed_packets += o->counts.bypassed_packets;
		t->counts.bypassed_bytes += o->counts.bypassed_bytes;
		t->counts.handed_over += o->counts.handed_over;
		t->counts.parts_lost += o->counts.parts_lost;
		t->counts.answers_sent += o->counts.answers_sent;
		t->counts.answers_failed += o->counts.answers_failed;
		if (o->counts.time_ns > t->counts.time_ns)
			t->counts.time_ns = o->counts.time_ns;
		if (o->counts.first_ns != 0 && (t->counts.first_ns == 0 || o->counts.first_ns < t->counts.first_ns))
			t->counts.first_ns = o->counts.first_ns;
		counters_sum(&t->tracker, &o->tracker, offsetof(struct tracker_stats, exception_policies));
		memcpy(t->tracker.exception_policies, o->tracker.exception_policies, sizeof(t->tracker.exception_policies));
		budget_sum(&t->tracker.flow, &o->tracker.flow);
		budget_sum(&t->tracker.session, &o->tracker.session);
		budget_sum(&t->tracker.stream, &o->tracker.stream);
		budget_sum(&t->tracker.defrag, &o->tracker.defrag);
		counters_sum(&t->rules, &o->rules, sizeof(t->rules));
		counters_sum(&t->records, &o->records, sizeof(t->records));
		budget_sum(&t->app_budget, &o->app_budget);
		budget_sum(&t->rules_budget, &o->rules_budget);
		t->memory_held += o->memory_held;
		protos_sum(t, o);
	}
	wire_stats_finish(&t->counts.wire);
}

struct device_stats stats_devices(const struct run *r)
{
	struct device_stats total = { 0 };

	for (unsigned i = 0; i < r->device_count; i++) {
		struct device_stats one = { 0 };

		device_stats(r->devices[i], &one);
		total.rx_frames += one.rx_frames;
		total.rx_bytes += one.rx_bytes;
		for (unsigned k = 0; k < DEVICE_DROPS; k++)
			total.drops[k] += one.drops[k];
		for (unsigned k = 0; k < BUFFER_TIERS; k++) {
			total.buffers[k].size = one.buffers[k].size;
			total.buffers[k].count += one.buffers[k].count;
			total.buffers[k].in_use += one.buffers[k].in_use;
			total.buffers[k].high += one.buffers[k].high;
			total.buffers[k].failures += one.buffers[k].failures;
		}
	}
	return total;
}

static void list_decoder(struct stats *s, const struct wire_stats *w)
{
	struct stats_list *l = &s->list;

	for (unsigned i = 0; i < WIRE_COUNTER_COUNT; i++)
		stats_list_add(l, w->count[i], "decoder.%s", wire_counter_name(i));
	if (!s->decoder_events)
		return;
	for (unsigned i = 0; i < DECODE_EVENTS; i++) {
		const char *name = decode_event_name((uint16_t)i);

		if (name != NULL)
			stats_list_add(l, w->events[i], "%s.%s", s->events_prefix, name);
	}
}

static void list_tcp(struct stats_list *l, const struct tracker_stats *t)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "syn", t->tcp_syn }, { "synack", t->tcp_synack }, { "rst", t->tcp_rst }, { "urg", t->tcp_urg },
		{ "active_sessions", 0 }, { "sessions", t->tcp_sessions }, { "ssn_memcap_drop", t->tcp_session_denied },
		{ "ssn_from_cache", 0 }, { "ssn_from_pool", t->tcp_sessions }, { "pseudo", 0 }, { "pseudo_failed", 0 },
		{ "invalid_checksum", t->tcp_bad_checksum }, { "midstream_pickups", t->tcp_midstream },
		{ "pkt_on_wrong_thread", 0 }, { "ack_unseen_data", t->mirror.acks_before_data }, { "segment_memcap_drop", t->tcp_segments_shed },
		{ "segment_from_cache", 0 }, { "segment_from_pool", 0 }, { "stream_depth_reached", 0 },
		{ "reassembly_gap", t->tcp_gaps }, { "overlap", t->tcp_overlaps },
		{ "overlap_diff_data", t->tcp_overlaps_differing }, { "insert_data_normal_fail", 0 },
		{ "insert_data_overlap_fail", 0 }, { "urgent_oob_data", 0 }, { "memuse", t->session.used },
		{ "reassembly_memuse", t->stream.used },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		stats_list_add(l, rows[i].value, "tcp.%s", rows[i].name);
}

static void list_flow(struct stats_list *l, const struct worker_stats *t)
{
	static const char *const zero[] = {
		"flow.elephant", "flow.elephant_toserver", "flow.elephant_toclient", "flow.get_used",
		"flow.get_used_eval", "flow.get_used_eval_reject", "flow.get_used_eval_busy", "flow.get_used_failed",
		"flow.wrk.spare_sync_avg", "flow.wrk.spare_sync", "flow.wrk.spare_sync_incomplete",
		"flow.wrk.spare_sync_empty", "flow.wrk.flows_evicted_needs_work", "flow.wrk.flows_evicted_pkt_inject",
		"flow.wrk.flows_evicted", "flow.wrk.flows_injected", "flow.wrk.flows_injected_max",
		"flow.mgr.full_hash_pass", "flow.mgr.rows_per_sec", "flow.mgr.rows_maxlen", "flow.mgr.flows_checked",
		"flow.mgr.flows_notimeout",
		"flow.mgr.flows_evicted_needs_work", "flow.recycler.recycled", "flow.recycler.queue_avg",
		"flow.recycler.queue_max", "flow.emerg_mode_over", "flow.spare",
		"flow_bypassed.local_capture_pkts", "flow_bypassed.local_capture_bytes",
		"flow_bypassed.closed", "flow_bypassed.pkts", "flow_bypassed.bytes", "stream.wrong_thread",
		"defrag.max_trackers_reached", "defrag.max_frags_reached", "defrag.tracker_soft_reuse",
		"defrag.tracker_hard_reuse", "defrag.wrk.tracker_timeout",
	};
	static const char *const states[] = { "new", "established", "closed", "local_bypassed" };
	const struct tracker_stats *k = &t->tracker;

	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		stats_list_add(l, 0, "%s", zero[i]);
	stats_list_add(l, k->flows_total, "flow.total");
	stats_list_add(l, k->flows_active, "flow.active");
	stats_list_add(l, k->flows_tcp, "flow.tcp");
	stats_list_add(l, k->flows_udp, "flow.udp");
	stats_list_add(l, k->flows_icmpv4, "flow.icmpv4");
	stats_list_add(l, k->flows_icmpv6, "flow.icmpv6");
	stats_list_add(l, k->emergency_entered, "flow.emerg_mode_entered");
	stats_list_add(l, k->flow.denied, "flow.memcap");
	stats_list_add(l, k->flows_ended[FLOW_END_TCP_REUSE], "flow.tcp_reuse");
	stats_list_add(l, k->evicted, "flow.mgr.flows_evicted");
	stats_list_add(l, k->flows_ended[FLOW_END_TIMEOUT], "flow.mgr.flows_timeout");
	stats_list_add(l, k->flow.used, "flow.memuse");
	stats_list_add(l, t->counts.bypassed_packets, "flow_bypassed.local_pkts");
	stats_list_add(l, t->counts.bypassed_bytes, "flow_bypassed.local_bytes");
	for (unsigned i = 0; i < 4; i++)
		stats_list_add(l, t->counts.flow_states[i], "flow.end.state.%s", states[i]);
	stats_list_add(l, 0, "flow.end.state.capture_bypassed");
	for (unsigned i = 0; i <= TCP_CLOSED; i++) {
		if (i != TCP_LISTEN)
			stats_list_add(l, t->counts.tcp_states[i], "flow.end.tcp_state.%s", tcp_state_name((uint8_t)i));
	}
	stats_list_add(l, 0, "flow.end.tcp_liberal");
	stats_list_add(l, k->frag_ipv4, "defrag.ipv4.fragments");
	stats_list_add(l, k->frag_reassembled4, "defrag.ipv4.reassembled");
	stats_list_add(l, k->frag_ipv6, "defrag.ipv6.fragments");
	stats_list_add(l, k->frag_reassembled6, "defrag.ipv6.reassembled");
	stats_list_add(l, k->frag_timeouts4 + k->frag_timeouts6, "defrag.mgr.tracker_timeout");
	stats_list_add(l, k->defrag.used, "defrag.memuse");
}

/* Those that Suricata tells of. */
static void list_app_memory(struct stats_list *l, const struct worker_stats *t)
{
	for (unsigned i = 0; i < t->proto_count && i < analyzer_count(); i++) {
		const struct app_stats *p = &t->protos[i];

		if (strcmp(p->name, "http") != 0 && strcmp(p->name, "ftp") != 0)
			continue;
		stats_list_add(l, p->memuse, "%s.memuse", p->name);
		stats_list_add(l, p->memcap_denied, "%s.memcap", p->name);
	}
}

/* An analyzer over both transports has a name for each, as "dns_tcp"; over one, its own. */
static void list_app(struct stats_list *l, const struct worker_stats *t)
{
	static const char *const suffix[2] = { "_tcp", "_udp" };

	for (unsigned i = 0; i < t->proto_count; i++) {
		const struct app_stats *p = &t->protos[i];
		const struct analyzer *an = i < analyzer_count() ? analyzer_at(i) : NULL;
		unsigned transports = an ? an->transports : (TRANSPORT_TCP | TRANSPORT_UDP);
		bool both = transports == (TRANSPORT_TCP | TRANSPORT_UDP);

		for (unsigned k = 0; k < 2; k++) {
			const char *tail = both ? suffix[k] : "";

			if ((transports & (k == 0 ? TRANSPORT_TCP : TRANSPORT_UDP)) == 0)
				continue;
			stats_list_add(l, p->flows[k], "app_layer.flow.%s%s", p->name, tail);
			if (an == NULL)
				continue;
			stats_list_add(l, p->transactions[k], "app_layer.tx.%s%s", p->name, tail);
			/* The rest isn't kept by transport: it stands with the first. */
			if (both && k == 1 && (transports & TRANSPORT_TCP) != 0 && p->flows[0] > 0)
				continue;
			stats_list_add(l, p->errors_gap, "app_layer.error.%s%s.gap", p->name, tail);
			stats_list_add(l, p->errors_alloc, "app_layer.error.%s%s.alloc", p->name, tail);
			stats_list_add(l, p->errors_parser, "app_layer.error.%s%s.parser", p->name, tail);
			stats_list_add(l, p->errors_internal, "app_layer.error.%s%s.internal", p->name, tail);
		}
	}
	stats_list_add(l, 0, "app_layer.expectations");
	list_app_memory(l, t);
	stats_list_add(l, 0, "http.byterange.memuse");
	stats_list_add(l, 0, "http.byterange.memcap");
	stats_list_add(l, 0, "file_store.open_files");
	stats_list_add(l, 0, "file_store.fs_errors");
	stats_list_add(l, 0, "memcap.pressure");
	stats_list_add(l, 0, "memcap.pressure_max");
}

/* Only where there is a policy: what is ignored isn't counted. */
static void list_exceptions(struct stats_list *l, const struct tracker_stats *t)
{
	for (unsigned target = 0; target < EXCEPTION_TARGETS; target++) {
		if (t->exception_policies[target] == EXCEPTION_IGNORE)
			continue;
		for (unsigned policy = EXCEPTION_IGNORE + 1; policy < EXCEPTION_POLICIES; policy++)
			stats_list_add(l, t->exceptions[target][policy], "exception_policy.%s.%s",
				       exception_target_stats[target], exception_policy_names[policy]);
	}
}

static void list_detect(struct stats_list *l, const struct run *r, const struct worker_stats *t, uint64_t loaded_ns)
{
	time_t loaded = (time_t)(loaded_ns / NS_PER_S);
	char stamp[64] = "";
	char *engines = NULL;
	struct tm tm;

	if (r->rules == NULL)
		return;
	if (gmtime_r(&loaded, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S.000000+0000", &tm);
	if (asprintf(&engines, "[{\"id\":0,\"last_reload\":\"%s\",\"rules_loaded\":%u,\"rules_failed\":%u,\"rules_skipped\":%u}]",
		     stamp, rule_set_count(r->rules), r->rules_report.rules_failed,
		     r->rules_report.rules_skipped) >= 0)
		stats_list_add_raw(l, engines, "detect.engines");
	stats_list_add(l, t->rules.alerts, "detect.alert");
	stats_list_add(l, t->rules.alert_queue_overflow, "detect.alert_queue_overflow");
	stats_list_add(l, t->rules.alerts_suppressed, "detect.alerts_suppressed");
	stats_list_add(l, t->rules.step_limit_hits, "tapir.rules.out_of_steps");
	stats_list_add(l, t->rules.pcre_limit_hits, "tapir.rules.regex_limit");
	stats_list_add(l, 0, "detect.thresholds.memuse");
	stats_list_add(l, 0, "detect.thresholds.bitmap_memuse");
	stats_list_add(l, 0, "detect.thresholds.bitmap_alloc_fail");
}

static void list_ips(struct stats_list *l, const struct worker_counts *c)
{
	static const char *const reasons[DROP_REASONS] = {
		[DROP_REASON_DECODE_ERROR] = "decode_error", [DROP_REASON_DEFRAG_ERROR] = "defrag_error",
		[DROP_REASON_DEFRAG_MEMCAP] = "defrag_memcap", [DROP_REASON_FLOW_MEMCAP] = "flow_memcap",
		[DROP_REASON_FLOW_DROP] = "flow_drop", [DROP_REASON_STREAM_ERROR] = "stream_error",
		[DROP_REASON_STREAM_MEMCAP] = "stream_memcap", [DROP_REASON_STREAM_MIDSTREAM] = "stream_midstream",
		[DROP_REASON_STREAM_REASSEMBLY] = "stream_reassembly", [DROP_REASON_STREAM_URGENT] = "stream_urgent",
		[DROP_REASON_APPLAYER_ERROR] = "applayer_error", [DROP_REASON_APPLAYER_MEMCAP] = "applayer_memcap",
		[DROP_REASON_RULES] = "rules", [DROP_REASON_RULES_THRESHOLD] = "threshold_detection_filter",
		[DROP_REASON_TUNNEL_PACKET] = "tunnel_packet_drop",
		[DROP_REASON_EXCEPTION_FLOW_DROP] = "default_packet_policy",
	};

	stats_list_add(l, c->ips_accepted, "ips.accepted");
	stats_list_add(l, c->ips_blocked, "ips.blocked");
	stats_list_add(l, c->ips_rejected, "ips.rejected");
	stats_list_add(l, 0, "ips.replaced");
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		if (reasons[i] != NULL)
			stats_list_add(l, c->drop_reasons[i], "ips.drop_reason.%s", reasons[i]);
	}
}

static void list_budget(struct stats_list *l, const char *name, const struct budget *b)
{
	stats_list_add(l, b->used, "tapir.budget.%s.used", name);
	stats_list_add(l, b->high, "tapir.budget.%s.high", name);
	stats_list_add(l, b->max, "tapir.budget.%s.max", name);
	stats_list_add(l, b->denied, "tapir.budget.%s.denied", name);
}

/* What traffic costs, by class; and what was given up where it would have cost more than it may. */
static void list_memory(struct stats_list *l, const struct worker_stats *t)
{
	static const char *const worth[] = { "closed", "unanswered", "quiet", "talking" };
	const struct tracker_stats *k = &t->tracker;

	list_budget(l, "flow", &k->flow);
	list_budget(l, "session", &k->session);
	list_budget(l, "stream", &k->stream);
	list_budget(l, "defrag", &k->defrag);
	list_budget(l, "analyzer", &t->app_budget);
	list_budget(l, "rules", &t->rules_budget);
	stats_list_add(l, t->memory_held, "tapir.memory.held");
	for (unsigned i = 0; i < sizeof(worth) / sizeof(worth[0]); i++)
		stats_list_add(l, k->evicted_by[i], "tapir.shed.flows_%s", worth[i]);
	stats_list_add(l, k->packets[TRACK_NO_FLOW], "tapir.shed.packets_no_flow");
	stats_list_add(l, k->tcp_session_denied, "tapir.shed.sessions_denied");
	stats_list_add(l, k->tcp_queues_shed, "tapir.shed.stream_queues");
	stats_list_add(l, k->tcp_segments_shed, "tapir.shed.stream_segments");
	stats_list_add(l, k->frag_shed, "tapir.shed.datagrams");
}

/* What the span port did to the traffic. */
static void list_mirror(struct stats_list *l, const struct mirror_stats *m)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "frames_duplicate", m->frames_duplicate }, { "frames_cut", m->frames_cut },
		{ "frames_giant", m->frames_giant }, { "time_backward", m->time_backward },
		{ "time_steps", m->time_steps }, { "flows_one_way", m->flows_one_way },
		{ "flows_midstream", m->flows_midstream }, { "flows_vlan_asymmetric", m->flows_vlan_asymmetric },
		{ "acks_before_data", m->acks_before_data }, { "data_after_ack", m->data_after_ack },
		{ "gaps", m->gaps }, { "lost_bytes", m->lost_bytes },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		stats_list_add(l, rows[i].value, "tapir.mirror.%s", rows[i].name);
}

/* What only tapir tells: the account of every frame, the devices, the budgets. */
static void list_own(struct stats_list *l, const struct run *r, const struct worker_stats *t)
{
	const struct account *a = &t->counts.account;
	struct device_stats d = stats_devices(r);

	stats_list_add(l, a->received, "tapir.received");
	stats_list_add(l, a->received_bytes, "tapir.received_bytes");
	stats_list_add(l, a->followed, "tapir.followed");
	stats_list_add(l, a->held, "tapir.fragments_held");
	for (unsigned i = 0; i < ACCOUNT_DROPS; i++) {
		if (!account_follows(i))
			stats_list_add(l, a->dropped[i], "tapir.dropped.%s", account_drop_name(i));
	}
	stats_list_add_bool(l, account_holds(a), "tapir.accounted");
	stats_list_add(l, t->counts.handed_over, "tapir.handed_over");
	stats_list_add(l, t->counts.parts_lost, "tapir.handover_parts_lost");
	stats_list_add(l, t->counts.answers_sent, "tapir.reject.sent");
	stats_list_add(l, t->counts.answers_failed, "tapir.reject.failed");
	stats_list_add(l, r->worker_count, "tapir.workers");
	stats_list_add(l, d.rx_frames, "tapir.device.frames");
	stats_list_add(l, d.rx_bytes, "tapir.device.bytes");
	for (unsigned i = 0; i < DEVICE_DROPS; i++)
		stats_list_add(l, d.drops[i], "tapir.device.dropped.%s", device_drop_names[i]);
	for (unsigned i = 0; i < BUFFER_TIERS; i++) {
		if (d.buffers[i].count == 0)
			continue;
		stats_list_add(l, d.buffers[i].in_use, "tapir.buffers.%u.in_use", d.buffers[i].size);
		stats_list_add(l, d.buffers[i].high, "tapir.buffers.%u.high", d.buffers[i].size);
		stats_list_add(l, d.buffers[i].failures, "tapir.buffers.%u.failures", d.buffers[i].size);
	}
	list_memory(l, t);
	list_mirror(l, &t->tracker.mirror);
	stats_list_add(l, t->tracker.contests, "tapir.ambiguity.contests");
	stats_list_add(l, t->tracker.contests_shed, "tapir.ambiguity.contests_shed");
	stats_list_add(l, t->tracker.os_learned, "tapir.ambiguity.hosts_fingerprinted");
	stats_list_add(l, t->records.alerts, "tapir.records.alerts");
	stats_list_add(l, t->records.events, "tapir.records.events");
	stats_list_add(l, t->records.bytes, "tapir.records.bytes");
	stats_list_add(l, t->records.shed, "tapir.records.shed");
	stats_list_add(l, t->records.truncated, "tapir.records.truncated");
}

/* One worker's, as Suricata names its threads. */
static void list_worker(struct stats *s, const struct worker_stats *t, unsigned index)
{
	char name[16];

	snprintf(name, sizeof(name), "W#%02u", index + 1);
	s->list.thread = name;
	list_decoder(s, &t->counts.wire);
	list_tcp(&s->list, &t->tracker);
	list_flow(&s->list, t);
	list_app(&s->list, t);
	s->list.thread = NULL;
}

static void list_build(struct stats *s, const struct run *r, uint64_t uptime)
{
	const struct worker_stats *t = &s->total;
	struct stats_list *l = &s->list;

	stats_list_reset(l);
	stats_list_add(l, uptime, "uptime");
	if (r->live) {
		struct device_stats d = stats_devices(r);
		uint64_t lost = d.drops[DROP_KERNEL] + d.drops[DROP_RING_FULL] + d.drops[DROP_FILL_EMPTY];

		stats_list_add(l, d.rx_frames + lost, "capture.kernel_packets");
		stats_list_add(l, lost, "capture.kernel_drops");
		stats_list_add(l, d.drops[DROP_INTERFACE], "capture.kernel_ifdrops");
	}
	list_decoder(s, &t->counts.wire);
	list_tcp(l, &t->tracker);
	list_flow(l, t);
	list_exceptions(l, &t->tracker);
	list_app(l, t);
	list_detect(l, r, t, r->live ? r->rules_loaded_ns : t->counts.first_ns);
	if (r->shared.inline_mode)
		list_ips(l, &t->counts);
	list_own(l, r, t);
	for (unsigned i = 0; (s->forms & STATS_THREADS) && i < r->worker_count; i++)
		list_worker(s, worker_stats(r->workers[i].worker), i);
	stats_list_sort(l);
}

static void write_table(struct stats *s, uint64_t now_ns, uint64_t uptime)
{
	time_t now = (time_t)(now_ns / NS_PER_S);
	char stamp[64] = "";
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%-m/%-d/%Y -- %H:%M:%S", &tm);
	for (unsigned i = 0; i < 100; i++)
		fputc('-', s->table);
	fprintf(s->table, "\nDate: %s (uptime: %ud, %02uh %02um %02us)\n", stamp, (unsigned)(uptime / 86400),
		(unsigned)(uptime / 3600 % 24), (unsigned)(uptime / 60 % 60), (unsigned)(uptime % 60));
	for (unsigned i = 0; i < 100; i++)
		fputc('-', s->table);
	fputc('\n', s->table);
	stats_list_table(&s->list, s->table);
	fflush(s->table);
}

static void list_write(struct stats *s, unsigned parts)
{
	json_reset(&s->json);
	json_object(&s->json, NULL);
	stats_list_json(&s->list, &s->json, parts | (s->log_zeros ? STATS_ZEROS : 0));
	json_close(&s->json);
}

void stats_now(struct stats *s, struct run *r)
{
	run_snapshots(r);
	stats_sum(s, r);
	list_build(s, r, (uint64_t)r->seconds);
	list_write(s, STATS_TOTALS);
}

struct slice stats_json(const struct stats *s)
{
	return slice_of(s->json.buf, s->json.len);
}

static void stats_write(struct stats *s, struct run *r)
{
	uint64_t now_ns = s->total.counts.time_ns, uptime;

	if (r->live) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
		uptime = (uint64_t)r->seconds;
	} else {
		uptime = (now_ns - s->total.counts.first_ns) / NS_PER_S;
	}
	for (unsigned form = 0; form < STATS_FORMS; form++)
		s->forms |= records_stats_wanted(r->records, form) ? form : 0;
	list_build(s, r, uptime);
	if (s->table != NULL)
		write_table(s, now_ns, uptime);
	stats_list_deltas(&s->list, &s->last);
	for (unsigned form = 0; form < STATS_FORMS; form++) {
		if (!records_stats_wanted(r->records, form))
			continue;
		list_write(s, form);
		records_stats(r->records, form, slice_of(s->json.buf, s->json.len), now_ns);
	}
	records_flush(r->records);
}

void stats_tick(struct stats *s, struct run *r)
{
	if (!r->live || !s->enabled || r->seconds < s->next_s)
		return;
	s->next_s = r->seconds + (double)s->interval_s;
	run_snapshots(r);
	stats_sum(s, r);
	stats_write(s, r);
}

void stats_finish(struct stats *s, struct run *r)
{
	stats_sum(s, r);
	if (s->enabled)
		stats_write(s, r);
}

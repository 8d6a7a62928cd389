/* output.h - what the sensor found, written down: EVE JSON and the logs beside it.
 *
 * `struct output` is the process's: the configured outputs and their sinks. Each worker has a
 * `struct records` over it, with a feed of its own into each sink's delivery (output/delivery.h), so
 * that writing a record takes no lock. Everything a record says comes from the packet, the flow and
 * the transactions; there is no clock in the worker's part. */
#ifndef TAPIR_OUTPUT_OUTPUT_H
#define TAPIR_OUTPUT_OUTPUT_H

#include "analyzers/analyzer.h"
#include "output/delivery.h"
#include "rules/rules.h"

struct output;
struct records;

struct output_opts {
	const struct conf *conf;                /* outputs, eve-log, sensor-name, … */
	const char *log_dir;
	const struct app_settings *app;
	bool inline_mode;                       /* drop means drop */
	bool live;                              /* flush every burst; pkt_src and in_iface differ */
	const char *const *device_names;        /* in_iface by packet.device; NULL offline */
	unsigned device_count;
	const char *capture_name;               /* the file being read, for pcap_filename; NULL live */
};

/* Opens every enabled output. On failure the reason is in output_error(). 0 or -errno. */
int output_new(struct output **out, const struct output_opts *opts);
const char *output_error(void);
/* From now on records are delivered: threads are made. After the process has gone to the background. */
int output_start(struct output *o);
/* How the sink number `index` does; false where there are no more. */
bool output_sink_stats(struct output *o, unsigned index, struct delivery_stats *out);
/* SIGHUP: files are closed and opened again by name. Any thread. */
void output_reopen(struct output *o);
/* Everything flushed and closed. After all records are freed. */
void output_free(struct output *o);
/* The capture file changed (a directory is read). */
void output_capture_name(struct output *o, const char *path);
/* Where the first EVE file lies, for people; NULL where there is none. */
const char *output_eve_path(const struct output *o);

/* What the outputs need the application layer to keep: enum app_want, for app_want(). */
uint32_t output_wants(const struct output *o);

int records_new(struct records **out, struct output *o);
void records_free(struct records *r);

/* Everything one packet brought, in this order: alerts, drop, anomalies, transactions that are ready,
 * files that are done. flow may be NULL. */
void records_packet(struct records *r, struct rules *rules, struct flow *flow, struct packet *pkt,
		    const struct alert_queue *alerts);
/* A piece of a stream that receivers read in two ways: an anomaly with a digest of each reading. */
void records_ambiguity(struct records *r, struct flow *flow, const struct packet *pkt, enum side side, const struct piece *piece);
/* The flow has ended (after records_packet for what inspecting its end found): flow and netflow records. */
void records_flow(struct records *r, struct rules *rules, struct flow *flow, uint64_t now_ns);
/* A stats record: stats is a complete JSON object. Into every EVE output that has the type enabled. */
void records_stats(struct records *r, unsigned form, struct slice stats, uint64_t now_ns);
/* Outputs want them with totals (1), threads (2), deltas (4): whether one wants exactly this set. */
#define STATS_FORMS 8
bool records_stats_wanted(const struct records *r, unsigned form);
/* Whole lines to the sinks: at the end of a burst when live, and at the end of the run. */
void records_flush(struct records *r);

struct records_stats {
	uint64_t alerts, events, bytes, shed;
	uint64_t truncated;             /* records cut at the length limit */
};
void records_stats_get(const struct records *r, struct records_stats *out);

/* Rules of the set before go: nothing may point at them any more. */
void records_rules_change(struct records *r);

struct signature_count {
	uint32_t gid, sid, rev;
	const struct rule *rule;        /* while it is there: a worker's counts; in the output's, NULL */
	char *msg;                      /* the output's */
	uint64_t count;                 /* 0: free */
};
/* Alerts by signature, for the summary: calls back in order of count. */
void output_top_signatures(const struct output *o, unsigned max,
			   void (*row)(void *ctx, const struct signature_count *signature), void *ctx);

#endif

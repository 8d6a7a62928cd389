/* worker.h - one thread's sensor: it follows whatever frames it is given. */
#ifndef TAPIR_SENSOR_WORKER_H
#define TAPIR_SENSOR_WORKER_H

#include <pthread.h>

#include "capture/device.h"
#include "output/output.h"
#include "rules/rules.h"
#include "sensor/account.h"
#include "sensor/handover.h"
#include "sensor/respond.h"
#include "stack/track/tcp.h"
#include "stack/track/tracker.h"
#include "stack/wire/stats.h"

/* Fragments of fragments: a datagram that was put together may hold a tunnel with fragments. */
#define DATAGRAM_NEST_MAX 3

/* What the workers of a run share; read-only while they run, but for the last part. */
struct worker_shared {
	const struct conf *conf;
	const struct app_settings *app;
	pthread_mutex_t rules_lock;     /* over the pointer below while it is replaced or a reference to it taken */
	struct rule_set *rules;         /* NULL: detection is off */
	struct rule_state *rule_state;
	struct output *output;
	struct responder *responder;    /* NULL: rules that reject are recorded only */
	struct hash_key key;
	struct packet_config decode;
	bool live;
	bool inline_mode;
	bool steered;                   /* a frame may have to be handed to another worker */
	unsigned alert_max;
	unsigned worker_count;
	unsigned feeder_count;          /* threads that send to mailboxes */
	struct mailbox *mailboxes;      /* [worker * feeder_count + feeder] */

	_Atomic bool stopping;
	_Atomic int receive_error;              /* -errno of a device that failed, 0 = none */
	_Atomic uint64_t end_ns;                /* of a file: the newest packet that its reader saw */
	_Atomic uint32_t rules_generation;      /* rules were swapped */
};

/* Counters that only the worker touches; copied to a snapshot when somebody asks. */
struct worker_counts {
	struct account account;
	struct wire_stats wire;
	uint64_t flows_ended;
	uint64_t flow_states[4];                /* of those, by enum flow_state */
	uint64_t tcp_states[TCP_CLOSED + 1];    /* of TCP flows that ended, by enum tcp_state */
	uint64_t ips_accepted, ips_blocked, ips_rejected;
	uint64_t drop_reasons[DROP_REASONS];    /* of packets that are, or would be, dropped */
	uint64_t bypassed_packets, bypassed_bytes;
	uint64_t answers_sent, answers_failed;  /* of rules that reject */
	uint64_t first_ns, time_ns;             /* of the first and the newest packet */
	uint64_t handed_over;
	uint64_t parts_lost;                    /* what a tunnel carried, for another worker that was behind */
};

#define WORKER_PROTOS_MAX 128

struct worker_stats {
	struct worker_counts counts;
	struct tracker_stats tracker;
	struct rules_stats rules;
	struct records_stats records;
	struct budget app_budget, rules_budget;
	uint64_t memory_held;
	unsigned proto_count;
	struct app_stats protos[WORKER_PROTOS_MAX];
};

struct worker;

int worker_new(struct worker **out, struct worker_shared *shared, unsigned index);
/* After worker_run: flows end, records are flushed. */
void worker_free(struct worker *w);

/* The thread's function: receives from device (or NULL) and from its mailboxes until both have ended
 * or the run is stopped, then lets every flow end. */
void worker_run(struct worker *w, struct device *device, uint16_t device_index);

/* From another thread: asks for a snapshot; the worker answers between two bursts. */
void worker_stats_ask(struct worker *w);
/* Whether the answer is there. */
bool worker_stats_ready(const struct worker *w);
/* The snapshot; once the worker has ended, its last. */
const struct worker_stats *worker_stats(const struct worker *w);
/* Its engine; NULL where detection is off. For the thread that runs it. */
struct rules *worker_rules(struct worker *w);
/* Whether the worker uses the newest rules. */
bool worker_rules_current(const struct worker *w);

#endif

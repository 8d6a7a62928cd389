/* rules.h - the rule engine as the worker, the output and the command line use it.
 *
 * A rule_set is everything that was loaded and compiled: read-only, shared by the workers, replaced as
 * a whole by a reload. A struct rules is one worker's engine over a set: scratch memory, per-flow
 * state, counters. */
#ifndef TAPIR_RULES_RULES_H
#define TAPIR_RULES_RULES_H

#include <stdio.h>

#include "rules/rule.h"
#include "stack/track/tracker.h"

struct dataset_store;
struct rule_set;
struct rule_state;
struct rules;

/* One problem in something a person wrote. */
enum diagnostic_level { DIAG_ERROR, DIAG_WARNING, DIAG_HINT };
struct diagnostic {
	uint8_t level;
	const char *file;
	uint32_t line, column;          /* from 1; 0 = the whole file or line */
	uint32_t sid;                   /* 0 = unknown */
	char *message;                  /* what is wrong */
	char *suggestion;               /* what would be right, or NULL */
};
struct rule_report {
	struct diagnostic *items;
	unsigned count, cap;
	unsigned rules_loaded, rules_failed, rules_skipped, files, files_missing;
	unsigned errors, warnings;      /* items by level */
};
void rule_report_free(struct rule_report *r);
/* One line a problem: "file:line:column: error: message (suggestion) [sid]". */
void rule_report_print(const struct rule_report *r, FILE *out);
void rule_report_json(const struct rule_report *r, FILE *out);
/* level: enum diagnostic_level. NULL suggestion: none. Both texts are copied. */
void rule_report_add(struct rule_report *r, uint8_t level, const char *file, uint32_t line, uint32_t column,
		     uint32_t sid, const char *message, const char *suggestion);

struct rule_load {
	const struct conf *conf;        /* vars, classification-file, reference-config-file, threshold-file, default-rule-path, datasets, iprep, … */
	const char *const *files;       /* paths or globs, in order; none: what conf's rule-files names */
	unsigned file_count;
	const struct app_settings *app; /* which protocols are enabled */
	const char *cache_dir;          /* compiled databases; NULL = none */
	bool inline_mode;               /* --simulate-ips: drop drops */
	const char *data_dir;           /* --data-dir */
	bool parse_only;                /* nothing is compiled: `rules list`, editors */
	bool lint;                      /* what is doubtful is told, too; no databases: `rules check` */
	const struct rule_set *previous;        /* a reload: bits and numbers keep their ids. NULL = none */
};

/* Loads and compiles. Rules with mistakes are left out and reported. 0, or -errno when nothing usable could be made. */
int rule_set_load(struct rule_set **out, const struct rule_load *load, struct rule_report *report);
/* Workers hold a reference each. */
struct rule_set *rule_set_get(struct rule_set *set);
void rule_set_put(struct rule_set *set);
unsigned rule_set_count(const struct rule_set *set);
const struct rule *rule_set_at(const struct rule_set *set, unsigned index);
/* The data sets that its rules, and those before it, use. */
struct dataset_store *rule_set_datasets(const struct rule_set *set);

/* Flowbit and xbit names, thresholds, datasets, reputation: survives a reload, shared by all workers. */
int rule_state_new(struct rule_state **out, struct rule_set *set, const struct conf *conf);
void rule_state_free(struct rule_state *s);
/* Datasets with `save` are written. */
void rule_state_save(struct rule_state *s);

int rules_new(struct rules **out, struct mem *mem, struct rule_set *set, struct rule_state *state, const struct conf *conf);
void rules_free(struct rules *r);
/* From the next packet on. 0, or -ENOMEM and nothing has changed. */
int rules_swap(struct rules *r, struct rule_set *set);

enum alert_flag {
	ALERT_STREAM = 1 << 0,          /* matched in the reassembled stream */
	ALERT_TX = 1 << 1,              /* tx is set */
	ALERT_TX_GUESSED = 1 << 2,
	ALERT_FRAME = 1 << 3,
	ALERT_DROPPED = 1 << 4,         /* action is blocked */
	ALERT_RATE_CHANGED = 1 << 5,    /* rate_filter changed the action */
	ALERT_FILES = 1 << 6,           /* put files[] in */
	ALERT_READING_ASSUMED = 1 << 7, /* the stream can be read in two ways: found in the one that the receiver is taken to read */
	ALERT_READING_OTHER = 1 << 8,   /* … only in the other */
};
/* Something to be shown with an alert: alert.context. */
struct alert_text {
	const char *name;
	struct slice value;
	bool is_json;
};
struct alert {
	const struct rule *rule;
	struct tx *tx;
	uint64_t tx_id;
	uint64_t frame_id;
	uint8_t side;
	uint8_t action;                 /* enum rule_action in effect */
	uint16_t flags;                 /* enum alert_flag */
	uint16_t text_count;
	const struct alert_text *texts; /* until the next packet */
};

#define ALERTS_MAX 256
struct alert_queue {
	unsigned count, max;            /* packet-alert-max, 15 */
	unsigned discarded, suppressed;
	bool drop, reject, pass;        /* verdict over all that matched */
	uint8_t reject_to;              /* enum reject_to: whom the rejecting rules tell */
	bool tagged;                    /* a tag asks for this packet to be recorded */
	const struct rule *drop_rule;   /* the first that drops, */
	bool drop_by_threshold;         /* or that a rate_filter made drop */
	struct alert items[ALERTS_MAX];
};

/* One piece of a TCP direction, for raw stream inspection. */
void rules_piece(struct rules *r, struct flow *flow, enum side side, const struct piece *piece);
/* Judges a packet with all that it brought: headers, payload, stream, transactions of its side. flow may be NULL.
 * Alerts are added to the queue, ordered and limited, thresholds applied. */
void rules_inspect(struct rules *r, struct flow *flow, struct packet *pkt, struct alert_queue *queue);
/* The flow ends: what is still un-inspected on pkt's side is judged now. pkt is a pseudo packet; first comes TO_SERVER's. */
void rules_flow_end(struct rules *r, struct flow *flow, struct packet *pkt, struct alert_queue *queue);
void rules_flow_free(struct rules *r, struct flow *flow);
/* What flows cost here. */
struct budget *rules_budget(struct rules *r);
/* Client and server of the flow have changed places. */
void rules_turned(struct rules *r, struct flow *flow);
/* Whether raw stream bytes of this direction can still matter to any rule of the flow. */
bool rules_wants(struct rules *r, struct flow *flow, enum side side);

/* The reassembled bytes of one direction that raw rules look at now: what an alert's payload shows. Blocks are
 * parted by losses; none where nothing is kept. */
struct stream_block {
	uint64_t missing;               /* so many bytes are lost before it */
	struct slice bytes;
};
#define STREAM_BLOCKS_MAX 6
unsigned rules_stream(const struct rules *r, const struct flow *flow, enum side side,
		      struct stream_block blocks[STREAM_BLOCKS_MAX]);
/* The same as another kind of receiver reads it, where that differs (struct piece, other); else empty. */
struct slice rules_stream_other(const struct rules *r, const struct flow *flow, enum side side);

/* For records: metadata.flowbits and friends. Calls back per name; a callback may be NULL. */
void rules_flow_vars(struct rules *r, const struct flow *flow,
		     void (*bit)(void *ctx, const char *name), void (*integer)(void *ctx, const char *name, uint32_t value),
		     void (*text)(void *ctx, const char *name, struct slice value), void *ctx);

/* What rules captured for this packet alone: metadata.pktvars. */
void rules_packet_vars(const struct rules *r, void (*text)(void *ctx, const char *name, struct slice value), void *ctx);

struct rules_stats {
	uint64_t alerts, alert_queue_overflow, alerts_suppressed;
	uint64_t candidates, inspected, step_limit_hits, pcre_limit_hits;
	uint64_t bytes_scanned;
	uint64_t flows_unwatched;       /* packets of flows that there was no memory to follow */
};
void rules_stats(const struct rules *r, struct rules_stats *out);
/* How often judging this rule was given up because it cost too much. */
uint32_t rules_limit_hits(const struct rules *r, const struct rule *rule);
/* Names each rule that met its limits, since the rules were loaded. */
void rules_limited(const struct rules *r, void (*name)(void *ctx, const struct rule *rule, uint32_t hits), void *ctx);
/* What the set needs the analyzers to keep: enum app_want. */
uint32_t rules_app_wants(const struct rule_set *set);

#endif

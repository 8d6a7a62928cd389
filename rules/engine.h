/* engine.h - inside of one worker's engine: what engine.c, groups.c, stream.c, inspect.c and queue.c share. */
#ifndef TAPIR_RULES_ENGINE_H
#define TAPIR_RULES_ENGINE_H

#include "base/bytes.h"
#include "rules/compile.h"
#include "rules/inspect.h"
#include "rules/inspect_bytes.h"

/* What tells one kind of packet from another, as far as headers of rules go. */
struct group_key {
	uint32_t src, dst;              /* address classes */
	uint16_t src_port, dst_port;    /* port classes */
	uint8_t proto;
	uint8_t ip_version;
	uint8_t side;                   /* enum side, or HEADER_NO_FLOW */
	uint8_t fragment;               /* no ports were read */
};

/* The rules that such packets can meet. Kept while flows use it, and longer while there is room. */
struct group {
	struct group_key key;
	struct group *next;             /* in its hash chain */
	uint32_t users;                 /* sides of flows that hold it */
	size_t size;                    /* as charged */
	uint64_t *headers;              /* bit by header: it fits */
	uint32_t *packet;               /* rules for every packet, in order */
	uint32_t *ip_only;
	unsigned packet_count, ip_only_count;
	const struct database **in_packet, **in_stream; /* payload databases */
	unsigned in_packet_count, in_stream_count;
	bool wants_stream;              /* some rule looks at the raw stream */
};

#define RAW_GAPS_MAX 4
/* The raw bytes of one direction that rules haven't seen yet. */
struct raw_stream {
	struct bytes bytes;
	struct bytes other;             /* as long, from where readings of the chunk differ: as another receiver reads it */
	uint64_t offset;                /* of the first byte in the stream */
	uint32_t done;                  /* so many bytes at the front go with the next packet */
	uint32_t window;                /* inline: so many bytes at the front were seen already */
	uint8_t gap_count;
	struct {
		uint32_t at;            /* before this byte … */
		uint64_t len;           /* … so many are missing */
	} gaps[RAW_GAPS_MAX];
	bool triggered;                 /* a transaction side was completed: don't wait for a whole chunk */
	bool ended;                     /* nothing will follow */
};

struct flow_side {
	struct group *group;
	struct raw_stream raw;
	bool ip_only_done;
	bool protocol_done;
};

struct tx_state;

/* What the engine keeps of a flow, in slot FLOW_RULES. */
struct rules_flow {
	uint64_t generation;            /* of the set that groups and half-matched rules belong to */
	struct flow_vars *vars;         /* state.c's */
	struct flow_side sides[2];
	struct tx_state *states;        /* all of this flow's */
	bool end_open;                  /* when it ended, there was something left to judge */
};

/* A rule on its way in one side of a transaction. */
enum tx_rule_state { TX_RULE_OPEN, TX_RULE_DONE };
struct tx_rule {
	uint32_t rule;
	uint8_t state;                  /* enum tx_rule_state */
	uint64_t held;                  /* steps that held */
};

#define GROWS_MAX 6
struct tx_side {
	struct tx_rule *rules;
	uint32_t count, cap;
	struct {
		uint32_t buffer;        /* id + 1; 0 = free */
		uint32_t index;
		uint64_t scanned;       /* up to here in the value */
	} grows[GROWS_MAX];
};

/* Hangs on tx->rules while rules are half way. */
struct tx_state {
	struct tx_state *next, *prev;
	struct tx *tx;
	struct tx_side sides[2];
};

/* Rules that came up, each once. */
struct candidates {
	uint32_t *items;
	unsigned count;
	uint32_t *stamps;               /* by rule: in the list since round `round` */
	uint32_t round;
};

#define TEXTS_MAX 64
#define TEXT_BYTES_MAX 65536

struct rules {
	struct mem *mem;
	struct budget budget;
	struct rule_set *set;
	struct rule_state *state;
	struct prefilter_scratch *prefilter;
	struct bytes_scratch *bytes;
	struct candidates candidates;
	uint8_t *transformed;           /* two halves of TRANSFORM_MAX bytes */
	struct alert *found;            /* what matched on this packet, before thresholds and limits */
	unsigned found_count;
	struct alert_text texts[TEXTS_MAX];     /* of alerts, and from the end those of the packet */
	unsigned text_count, packet_text_count;
	uint8_t *text_bytes;
	size_t text_used;
	struct group **groups;          /* hash table */
	unsigned group_count;
	size_t group_bytes;
	struct group *spare;            /* worked out for one packet where there is no memory for another */
	uint32_t chunk[2];              /* stream.reassembly.to{server,client}-chunk-size */
	int64_t steps_max;
	unsigned alerts_max;            /* packet-alert-max */
	bool inline_mode;
	bool guess_tx;
	bool keep_stream;               /* alerts show the stream they were found in, whether rules need it or not */
	unsigned guess_limit;
	uint32_t *limit_hits;           /* by rule index: how often its budget ran out */
	struct explain *explain;
	struct profile *profile;
	struct rules_stats stats;
};

#define GROUPS_HASH 4096
#define GROUPS_KEPT 2048
#define FOUND_MAX 1024
#define TRANSFORM_MAX (256 * 1024)

static inline struct rules_flow *rules_flow_of(const struct flow *flow)
{
	return flow->slot[FLOW_RULES];
}

/* groups.c: the group of a packet; never NULL. With a flow it is remembered there. */
struct group *group_of_packet(struct rules *r, struct flow *flow, const struct packet *pkt);
/* The group of a flow's direction, whatever packet comes. NULL where memory is short. */
struct group *group_of_side(struct rules *r, struct flow *flow, enum side side);
void group_drop(struct rules *r, struct flow_side *side);
int groups_init(struct rules *r);
void groups_fini(struct rules *r);

static inline bool group_has(const struct group *g, uint32_t header)
{
	return g->headers[header / 64] >> (header % 64) & 1;
}

/* engine.c: the flow's slot, made when it isn't there; NULL where memory is short. */
struct rules_flow *rules_flow_make(struct rules *r, struct flow *flow);

/* carry.c: the flow's state belongs to an older set; what both have goes on. */
void flow_carry(struct rules *r, struct rules_flow *f);

/* candidates: engine.c */
void candidates_begin(struct candidates *c, unsigned rules);
static inline void candidate_add(struct candidates *c, uint32_t rule)
{
	if (c->stamps[rule] == c->round)
		return;
	c->stamps[rule] = c->round;
	c->items[c->count++] = rule;
}
void candidates_sort(struct candidates *c);
/* All rules of db that occur in text and whose header fits. */
void candidates_scan(struct rules *r, const struct group *g, const struct database *db, struct slice text);

/* stream.c: the raw bytes that are to be inspected with this packet. */
#define RAW_BLOCKS_MAX (RAW_GAPS_MAX + 1)
struct raw_ready {
	unsigned count;
	struct slice blocks[RAW_BLOCKS_MAX];
	struct slice other;             /* another reading of them all; empty = there is none */
};
void raw_ready(struct rules *r, struct flow *flow, const struct packet *pkt, enum side side, struct raw_ready *out);
/* They were inspected. */
void raw_done(struct rules *r, struct flow *flow, enum side side, const struct raw_ready *ready);
void raw_fini(struct rules *r, struct raw_stream *raw);

/* queue.c: what alerts of the packet before had to show is forgotten. */
void texts_begin(struct rules *r);
/* a rule matched; acts (flowbits:set, …) and notes it. */
void found_add(struct rules *r, struct inspect *in, const struct rule *rule, uint16_t flags);
struct app_frame;
void found_add_frame(struct rules *r, struct inspect *in, const struct rule *rule, const struct app_frame *frame);
/* Thresholds, order, limits, verdict. */
void found_finish(struct rules *r, struct inspect *in, struct alert_queue *queue);

/* inspect_tx.c */
void inspect_txs(struct rules *r, struct inspect *in, const struct group *g, const struct raw_ready *raw);
void tx_state_free(struct rules *r, struct rules_flow *f, struct tx_state *s);
/* The values of a buffer, transformed. False where there is none (now). */
bool buffer_value(struct rules *r, const struct inspect *in, const struct buffer *b, const struct field *field,
		  unsigned index, struct view *out);
/* Other bytes, through the buffer's transforms. */
struct slice buffer_transformed(struct rules *r, const struct buffer *b, struct slice in);
/* This side's transactions aren't judged: they needn't wait for it. */
void txs_pass(struct inspect *in);
/* A transaction that is complete on this side lets the raw stream be inspected now. */
void raw_note_txs(struct inspect *in);

/* Protocol detection noted something with this packet. */
static inline bool event_of_app(const struct inspect *in)
{
	return in->analysis != NULL && in->analysis->events && in->analysis->events_packet == in->pkt->number;
}

/* Protocol of the flow as far as the receiver has acknowledged what shows it; NULL: not known. */
const struct analyzer *app_shown(const struct flow *flow);
/* What a rule asks of the packet itself: flow options, protocol, conditions of this stage. */
bool rule_fits_packet(struct inspect *in, const struct rule *rule, const struct analyzer *shown);
bool conditions_hold(struct inspect *in, const struct rule *rule, enum condition_stage stage);

#endif

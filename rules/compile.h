/* compile.h - what compiling makes of a set: headers, programs, lists, databases. Read-only once made, for the engine only. */
#ifndef TAPIR_RULES_COMPILE_H
#define TAPIR_RULES_COMPILE_H

#include "rules/classes.h"
#include "rules/prefilter.h"
#include "rules/search.h"
#include "rules/set.h"

/* What a rule looks at decides when it is judged, and what a drop or pass of it applies to. */
enum rule_kind {
	RULE_IPONLY,            /* addresses and ports alone: once a direction of a flow */
	RULE_LIKE_IPONLY,       /* the same with a negated address list: every packet, but acts on the flow */
	RULE_PROTOCOL_ONLY,     /* app-layer-protocol alone: once a direction, when the protocol is known */
	RULE_EVENTS,            /* decode-event and the like */
	RULE_PACKETS,
	RULE_PACKETS_STREAM,    /* content: in packets and in the stream */
	RULE_STREAM,
	RULE_APP,               /* a protocol in the header and nothing else: every packet of its flows */
	RULE_TX,
	RULE_FRAME,
};

/* What of a rule's header can be worked out once for all packets of a flow's direction. Equal ones are one. */
struct header {
	uint8_t protos[32];
	uint8_t ip_versions;
	uint8_t sides;                  /* bit TO_SERVER, bit TO_CLIENT, bit HEADER_NO_FLOW */
	bool both_ways;                 /* "<>" */
	bool ports_any;
	const struct addr_set *src, *dst;
	const struct port_set *src_ports, *dst_ports;
};
#define HEADER_NO_FLOW 2

/* One thing to be true of a transaction: a buffer's list, or a condition. */
struct step {
	bool is_condition;
	uint8_t side;                   /* enum side, or SIDE_BOTH */
	uint8_t progress;
	uint16_t index;                 /* in rule->buffers or rule->conditions */
};
#define STEPS_MAX 64

struct program {
	uint32_t header;
	uint8_t kind;                   /* enum rule_kind */
	bool in_packets, in_stream;     /* where payload is looked at */
	bool has_fast;                  /* a database brings it up; else a list does */
	bool needs_payload, needs_flow, needs_regular_packet;
	uint8_t sides;                  /* RULE_TX: bits of the sides that have steps */
	uint8_t stage_end[4];           /* conditions of stage s end there (enum condition_stage) */
	uint8_t step_count;
	struct step *steps;             /* by progress */
};

/* A database of one buffer's fast patterns, and the rules behind each. */
struct database {
	struct prefilter *prefilter;
	unsigned literal_count;
	uint32_t *first;                /* literal i: rules[first[i]] … rules[first[i + 1] - 1] */
	uint32_t *rules;
	uint64_t *headers;              /* bits of the headers that occur */
	uint32_t longest;               /* literal: what has to be looked at again where text comes in pieces */
};

enum payload_kind { PAYLOAD_TCP_PACKET, PAYLOAD_TCP_STREAM, PAYLOAD_UDP, PAYLOAD_OTHER, PAYLOAD_KINDS };

/* Payload databases: those for any port, and one for each port list that names few. */
struct payload_database {
	const struct port_set *src_ports, *dst_ports;   /* NULL: any */
	struct database db;
};
struct payload_databases {
	struct payload_database *items;
	unsigned count;
};

/* A buffer as one analyzer fills it. */
struct field_plan {
	const struct buffer *buffer;
	const struct field *field;      /* this analyzer's */
	uint8_t progress;
	uint8_t final;                  /* at this progress it doesn't change any more */
	const struct database *db;      /* NULL: no rule has its fast pattern here */
};

struct analyzer_plan {
	const struct analyzer *analyzer;
	struct field_plan *fields[2];   /* by side, by progress: those with a database first get their values scanned */
	unsigned field_count[2];
	const struct field **by_buffer; /* buffer id → this analyzer's field, NULL where it has none */
	uint32_t *rules[2];             /* by side: transaction rules without a fast pattern */
	unsigned rule_count[2];
	uint32_t *frame_rules[2];
	unsigned frame_rule_count[2];
	bool has_frames[2];
};

struct rule_list {
	uint32_t *rules;
	unsigned count;
};

struct compiled {
	struct classes classes;
	struct header *headers;
	uint32_t header_count, header_words;
	struct program *programs;       /* by rule index */
	struct step *steps;
	struct search *searches;
	struct database *databases;     /* of fields, packet bytes and frames: by buffer id and side */
	struct payload_databases payload[PAYLOAD_KINDS][2];
	struct rule_list ip_only;
	struct rule_list protocol_only;
	struct rule_list packet;        /* without fast pattern: every packet that fits */
	struct rule_list events;        /* judged where a packet has an event */
	struct rule_list no_flow;       /* any packet, broken ones and those without IP too */
	const struct buffer **packet_buffers;   /* of packet bytes, with a database */
	unsigned packet_buffer_count;
	struct analyzer_plan *analyzers;        /* by analyzer index */
	unsigned analyzer_count;
	uint32_t wants;                 /* enum app_want */
	bool tx_raw;                    /* some transaction rule looks at the raw stream as well */
	unsigned database_count, databases_cached;
	uint64_t database_bytes;
};

static inline struct database *field_database(const struct compiled *c, const struct buffer *b, unsigned side)
{
	return &c->databases[2 * b->id + side];
}

/* Whether a rule written for one protocol is meant for another as well ("http" for http2). */
bool rule_takes_app(const struct rule *rule, const struct analyzer *proto);

/* order.c: sorts in order of evaluation. */
void rules_order(struct rule **rules, unsigned count, const struct conf *conf);
/* headers.c */
int headers_make(struct compiled *c, const struct rule_set *set);
/* programs.c: kinds, steps, lists. */
int programs_make(struct compiled *c, const struct rule_set *set);
/* databases.c: fast patterns and their databases, from the cache or compiled. */
int databases_make(struct compiled *c, const struct rule_set *set, const char *cache_dir, struct rule_report *report);
void databases_free(struct compiled *c, const struct rule_set *set);

#endif

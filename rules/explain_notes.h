/* explain_notes.h - what explain.h's calls leave behind, for whoever shows it to a person. */
#ifndef TAPIR_RULES_EXPLAIN_NOTES_H
#define TAPIR_RULES_EXPLAIN_NOTES_H

#include "base/json.h"
#include "rules/inspect_bytes.h"
#include "rules/rules.h"

#define EXPLAIN_NOTES 256       /* still open: a transaction is judged again and again */
#define EXPLAIN_REASONS 128
#define EXPLAIN_BYTES 64

/* Where a rule stopped: the further down, the nearer to an alert. */
enum explain_stop {
	EXPLAIN_PROTO,          /* another transport or IP version */
	EXPLAIN_NO_PAYLOAD,     /* nothing to look at in this packet */
	EXPLAIN_SIDE,           /* the header fits, but flow asks for the other direction */
	EXPLAIN_ADDRESS,
	EXPLAIN_PORT,
	EXPLAIN_TURNED,         /* the header would fit with source and destination exchanged */
	EXPLAIN_EVENT,          /* the packet has no such event */
	EXPLAIN_IGNORED,        /* the flow was passed, dropped or bypassed before */
	EXPLAIN_APP,            /* the flow speaks another protocol, or an unknown one */
	EXPLAIN_FAST,           /* the fast pattern isn't there */
	EXPLAIN_FLOW,           /* flow options */
	EXPLAIN_WAITING,        /* what comes next was never there */
	EXPLAIN_CONDITION,      /* one of rule->conditions */
	EXPLAIN_NO_VALUE,       /* the buffer isn't there */
	EXPLAIN_MATCH,          /* match number `reached` of list */
	EXPLAIN_MATCHED,        /* everything holds */
	EXPLAIN_NOALERT,        /* … but it makes no alert */
	EXPLAIN_THRESHOLD,
	EXPLAIN_PASSED,         /* a pass rule came before it */
	EXPLAIN_LIMIT,          /* more alerts than a packet may have */
	EXPLAIN_ALERT,
	EXPLAIN_STOPS,
};

/* One candidate: a packet, or one side of a transaction. */
struct explain_note {
	const struct rule *rule;
	uint64_t packet, flow, tx_id;
	uint32_t packet_flags;
	bool has_tx, has_flow, midstream, gap;
	uint8_t ip_version, proto, side;
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	const struct analyzer *app;     /* what the flow speaks; NULL: not known */
	uint8_t stop;                   /* enum explain_stop */
	bool occurs;                    /* stopped before it was looked for, but the fast pattern is in there */
	bool source;                    /* ADDRESS, PORT: it is the source's */
	unsigned condition;
	const struct buffer_list *list;
	unsigned value_index;           /* of a buffer with several values */
	unsigned reached;
	size_t at;                      /* where the match before ended */
	bool place_known, number_known;
	size_t place;
	uint64_t number;
	bool elsewhere_known, other_case;       /* the content is in the buffer, but not where it has to be, or not as written */
	size_t elsewhere;
	const char *other_field;        /* … or in this one */
	size_t value_len;
	unsigned head_len;
	uint8_t head[EXPLAIN_BYTES];    /* the buffer's first bytes */
};

struct explain_reason {
	struct explain_note first;
	uint64_t count;
};

struct explain {
	const struct rule *rule;
	bool active;                    /* the rule being judged is the one */
	bool tried;                     /* … with this packet */
	struct explain_note *now;       /* its note */
	uint64_t count;                 /* notes so far */
	uint64_t packets, packets_of_proto;
	struct explain_note notes[EXPLAIN_NOTES];
	unsigned reason_count;
	struct explain_reason reasons[EXPLAIN_REASONS];
};

/* Notes are taken from now on. 0, -ENOENT where the set has no such rule, -ENOMEM. gid 0: any. */
int rules_explain_start(struct rules *r, uint32_t gid, uint32_t sid);
/* No more notes: reasons are complete, the one nearest to an alert first. */
const struct explain *rules_explain_end(struct rules *r);
void rules_explain_stop(struct rules *r);

/* explain_text.c: a reason's name for programs; what it says, for people. */
const char *explain_name(uint8_t stop);
void explain_write(const struct explain_reason *reason, char *out, size_t size);
/* What it comes to; out may be empty where nothing was seen at all. Returns the name. */
const char *explain_verdict(const struct explain *e, char *out, size_t size);

#endif

/* explain_notes.h - what explain.h's calls leave behind, for whoever shows it to a person. */
#ifndef TAPIR_RULES_EXPLAIN_NOTES_H
#define TAPIR_RULES_EXPLAIN_NOTES_H

#include "rules/inspect_bytes.h"

#define EXPLAIN_TRIES 256       /* the newest are kept */
#define EXPLAIN_BYTES 64

enum explain_stop {
	EXPLAIN_MATCHED,
	EXPLAIN_FLOW,           /* flow options */
	EXPLAIN_CONDITION,      /* one of rule->conditions */
	EXPLAIN_NO_VALUE,       /* the buffer isn't there */
	EXPLAIN_MATCH,          /* match number `reached` of list */
};

/* One judgement of the rule. */
struct explain_try {
	const struct rule *rule;
	uint64_t packet, flow, tx_id;
	bool has_tx;
	uint8_t side;
	uint8_t stop;                   /* enum explain_stop */
	unsigned condition;
	const struct buffer_list *list;
	unsigned value_index;           /* of a buffer with several values */
	unsigned reached;
	size_t at;                      /* where the match before ended */
	bool place_known, number_known;
	size_t place;
	uint64_t number;
	size_t value_len;
	unsigned head_len;
	uint8_t head[EXPLAIN_BYTES];    /* the buffer's first bytes */
};

struct explain {
	uint32_t sid, gid;              /* gid 0: any */
	bool active;                    /* the rule being judged is the one */
	uint64_t count;                 /* tries so far */
	struct explain_try tries[EXPLAIN_TRIES];
};

#endif

/* state.h - what rules remember across packets: flowbits, xbits, flowints, thresholds, tags, datasets,
 * reputation.
 *
 * What belongs to a flow (struct flow_vars) sits in the engine's slot of that flow and needs no lock.
 * What is shared by all workers (struct rule_state) is split into stripes, each with its own lock, and is
 * touched only once a rule's bytes have matched. Every table has a keyed hash, a cap, and expiry. How the
 * engine asks is in inspect.h; here is what keywords use. */
#ifndef TAPIR_RULES_STATE_H
#define TAPIR_RULES_STATE_H

#include "rules/inspect.h"
#include "rules/set.h"
#include "rules/table.h"

struct dataset_store;   /* rules/dataset.h */

struct rule_state {
	struct table table;             /* thresholds, xbits, hostbits, tags of hosts */
	_Atomic uint64_t host_tags;     /* some host may be tagged: packets have to ask */
	struct dataset_store *datasets;
};

enum table_kind { ENTRY_THRESHOLD, ENTRY_XBIT, ENTRY_TAG };

struct flow_int {
	uint32_t id, value;
};
struct flow_text {
	uint32_t id, len;
	uint8_t *data;
};
struct flow_limit {             /* a threshold by flow */
	uint32_t sid, gid;
	uint64_t start_ns, timeout_ns;
	uint32_t count, next;
	uint8_t type;                   /* enum threshold_type */
};
struct flow_tag {
	uint32_t sid, gid;
	uint64_t first_ns;
	uint64_t bytes;
	uint32_t packets, count, matches;
	uint8_t metric;
	bool skipped_first;
};
struct flow_tx_bit {            /* xbits: track tx */
	uint64_t tx_id;
	uint32_t id;
};

struct flow_vars {
	uint64_t *bits;                 /* flowbits */
	struct flow_int *ints;
	struct flow_text *texts;        /* captured by pcre */
	struct flow_limit *limits;
	struct flow_tag *tags;
	struct flow_tx_bit *tx_bits;
	uint16_t words, int_count, int_cap, text_count, text_cap, limit_count, limit_cap, tag_count, tag_cap;
	uint16_t tx_bit_count, tx_bit_cap;
};

/* The flow's, made where make is set and there is none; NULL without a flow or memory. */
struct flow_vars *flow_vars_of(struct inspect *in, bool make);
bool flow_bit_get(struct inspect *in, uint32_t id);
void flow_bit_set(struct inspect *in, uint32_t id);
void flow_bit_unset(struct inspect *in, uint32_t id);
/* NULL where it was never set. */
struct flow_int *flow_int_of(struct inspect *in, uint32_t id, bool make);
/* A text that a pcre captured into a flow or alert variable; the newest value replaces an older one. */
bool flow_vars_text_set(struct inspect *in, uint32_t id, struct slice value);
/* Appends a zeroed item to an array of the flow's, of at most max; NULL where that can't be. */
void *flow_vars_grow(struct inspect *in, void **items, uint16_t *count, uint16_t *cap, size_t size, uint16_t max);

/* tag: the rule alerted on this packet. */
enum tag_metric { TAG_PACKETS, TAG_SECONDS, TAG_BYTES };
struct tag_spec {
	bool host;
	bool dst;                       /* of a host: the destination's */
	uint8_t metric;
	uint32_t count;
};
void rule_tag_set(struct inspect *in, const struct rule *rule, const struct tag_spec *spec);

#endif

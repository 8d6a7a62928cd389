/* set.h - what a rule_set is made of: the two halves of loading, and what they hand each other.
 *
 * rules_parse() reads files into rules (parser.c and what it uses); compile() puts them in order of
 * evaluation, groups them and builds the databases (compile.c). Afterwards nothing changes. */
#ifndef TAPIR_RULES_SET_H
#define TAPIR_RULES_SET_H

#include <stdatomic.h>

#include "rules/rules.h"

/* Inclusive; sorted and disjoint in a set, negations already taken out. Bytes are in network order. */
struct addr_span {
	struct ip_addr lo, hi;
};
struct addr_set {
	uint32_t id;                    /* among the set's distinct address lists, from 0 */
	bool any;                       /* every address of both versions: spans are empty */
	uint32_t count[2];              /* [0] IPv4, [1] IPv6 */
	struct addr_span *spans[2];
};
struct port_span {
	uint16_t lo, hi;
};
struct port_set {
	uint32_t id;                    /* among the set's distinct port lists, from 0 */
	bool any;
	uint32_t count;
	struct port_span *spans;
};

struct parsed;          /* parsed.h: what owns the rules' memory */
struct dataset_store;
struct reputation;
struct compiled;        /* compile.c: groups, databases, programs */

/* Names that rules give to bits, numbers and texts; an id is an index here. rule_state knows them by name,
 * so that they survive a reload. */
enum name_kind {
	NAME_FLOWBIT, NAME_XBIT, NAME_FLOWINT,
	NAME_TEXT,              /* captured by a pcre into a flow, packet or alert variable */
	NAME_KINDS,
};
struct name_use {
	const char *name;
	uint32_t set_by, read_by;       /* how many rules, for the checker */
	uint32_t sid;                   /* of the first rule that names it */
};
struct name_table {
	struct name_use *names;
	uint32_t count, cap;
};

struct rule_set {
	_Atomic unsigned refs;
	uint64_t generation;            /* no other set of this process has it: tells per-flow state of an older set apart */
	uint64_t carried_from;          /* the set that a reload replaces with this one: */
	uint32_t *carried;              /* its rules' indexes to the same rules here, */
	uint32_t carried_count;         /* of which there are so many */
	bool inline_mode;
	struct rule **rules;            /* in order of evaluation once compiled: rules[i]->index == i */
	unsigned count;
	struct addr_set **addr_sets;    /* by id */
	unsigned addr_set_count;
	struct port_set **port_sets;
	unsigned port_set_count;
	struct buffer **buffers;        /* by id */
	unsigned buffer_count;
	struct name_table names[NAME_KINDS];
	struct dataset_store *datasets; /* rules/dataset.h; shared with the sets before and after */
	struct reputation *reputation;  /* rules/reputation.h; NULL = none */
	uint32_t wants;                 /* enum app_want: what keywords need of files */
	bool has_tags, has_hostbits;    /* some rule may mark a host: every packet has to ask */
	struct parsed *parsed;
	struct compiled *compiled;      /* NULL after parse_only */
};

/* Fills set->rules, addr_sets, port_sets, parsed. Rules with mistakes are left out and reported. A rule
 * with "<>" is handed over as it is (RULE_BIDIRECTIONAL). 0 or -errno. */
int rules_parse(struct rule_set *set, const struct rule_load *load, struct rule_report *report);
void rules_parse_free(struct rule_set *set);
/* Sorts set->rules, fills their index, and makes set->compiled. 0 or -errno. */
int compile(struct rule_set *set, const struct rule_load *load, struct rule_report *report);
void compile_free(struct rule_set *set);
/* carry.c: fills set->carried. 0 or -ENOMEM. */
#define RULE_NOT_CARRIED UINT32_MAX
int rule_set_carry(struct rule_set *set, const struct rule_set *previous);

#endif

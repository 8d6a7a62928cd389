/* parsed.h - what owns the memory of parsed rules, and the tables that only loading needs. */
#ifndef TAPIR_RULES_PARSED_H
#define TAPIR_RULES_PARSED_H

#include "rules/arena.h"
#include "rules/set.h"

struct geoip;
struct lexicon;
struct rule_parser;
struct classification {
	const char *name;
	const char *description;
	uint32_t priority;
};
struct reference_system {
	const char *name;
	const char *url;
};
/* A text that was turned into a set before: most rules write the same few. */
struct set_cache {
	struct { const char *text; const void *set; } *slots;
	uint32_t count, cap;
};
/* A line of threshold.config; sid 0: every rule of the gid; gid 0: every rule. */
struct threshold_line {
	uint32_t gid, sid;
	struct threshold threshold;
};

struct parsed {
	struct arena arena;
	struct lexicon *lexicon;
	char **texts;                   /* files as read; rules point into them */
	unsigned text_count, text_cap;
	struct classification *classes;
	unsigned class_count, class_cap;
	struct reference_system *systems;
	unsigned system_count, system_cap;
	struct set_cache addr_cache, port_cache;
	unsigned addr_cap, port_cap, buffer_cap, rule_cap, dataset_cap;
	struct owned { void (*free)(void *); void *data; } *owned;      /* what else needs more than the arena's end */
	unsigned owned_count, owned_cap;
	struct sid_slot { uint64_t key; uint32_t index_plus_1; } *sids;  /* gid and sid to the rule's place */
	uint32_t sid_count, sid_cap;
	struct geoip *geoip;            /* the country database, once a rule asks */
};

/* Room for one more of an array's items; false where memory ran out. */
bool parsed_grow(void **items, unsigned count, unsigned *cap, size_t size);
/* free(data) when the set ends. */
int parsed_own(struct parsed *parsed, void (*release)(void *), void *data);
const struct classification *classification_find(const struct parsed *parsed, struct slice name);
const struct reference_system *reference_find(const struct parsed *parsed, struct slice name);

/* conf_files.c: the files beside the rules. What is missing is reported, not fatal. */
void classification_load(struct parsed *parsed, const struct rule_load *load, struct rule_report *report);
void references_load(struct parsed *parsed, const struct rule_load *load, struct rule_report *report);
/* Hangs thresholds on the rules that are there. */
void thresholds_load(struct rule_set *set, struct rule_parser *p);

/* load.c: like rules_parse, from text in memory: for tests, editors and the fuzzer. */
int rules_parse_text(struct rule_set *set, const struct rule_load *load, const char *name, const char *text, size_t len,
		     struct rule_report *report);

#endif

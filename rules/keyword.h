/* keyword.h - rule keywords: one table per file in rules/keywords/.
 *
 * Each file there exports one `const struct keyword_table keywords_<file>`; the build makes the list.
 * Keywords of analyzers' fields aren't here: they follow from the field tables. */
#ifndef TAPIR_RULES_KEYWORD_H
#define TAPIR_RULES_KEYWORD_H

#include "rules/rule.h"

struct rule_parser;     /* rules/parser.h: the rule being built, and where errors go */

enum keyword_flag {
	KEYWORD_NO_ARGUMENT = 1 << 0,
	KEYWORD_OPTIONAL_ARGUMENT = 1 << 1,
	KEYWORD_NEGATABLE = 1 << 2,     /* "!" in front of the argument is handed over as negated */
	KEYWORD_MODIFIER = 1 << 3,      /* changes the content before it */
	KEYWORD_STICKY = 1 << 4,        /* selects a buffer */
	KEYWORD_TRANSFORM = 1 << 5,
	KEYWORD_META = 1 << 6,          /* doesn't affect matching */
	KEYWORD_QUOTED = 1 << 7,        /* the argument is one quoted string; quotes and escapes are removed before parse */
	KEYWORD_DEPRECATED = 1 << 8,
	KEYWORD_STATE = 1 << 9,         /* reads or writes state across packets */
	KEYWORD_MAY_QUOTE = 1 << 10,    /* as QUOTED, but the quotes may be left out */
	KEYWORD_PACKET = 1 << 11,       /* looks at the packet: the rule can't be judged on a stream or transaction alone */
	KEYWORD_PREFILTER = 1 << 12,    /* may stand beside "prefilter" */
	KEYWORD_RAW_ARGUMENT = 1 << 13, /* quotes are the keyword's own business */
	KEYWORD_EVENT = 1 << 14,        /* also for packets without a flow or without IP */
};

struct keyword {
	const char *name;
	const char *aliases;            /* separated by spaces, or NULL */
	const char *summary;
	uint32_t flags;                 /* enum keyword_flag */
	/* Adds to the rule that p builds. Errors: rule_error(p, position, …) and -EINVAL. */
	int (*parse)(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated);
	/* For conditions (STAGE_*): does it hold? POST: act, the result doesn't matter. */
	bool (*match)(struct inspect *in, const struct rule *rule, const void *data);
	void (*free)(void *data);
	/* Transforms: can the text hold these bytes afterwards? NULL: always. */
	bool (*content_fits)(struct slice bytes);
};

struct keyword_table {
	const struct keyword *keywords;
	unsigned count;
};

/* Made from the files. */
extern const struct keyword_table *const keyword_tables[];
extern const unsigned keyword_table_count;

const struct keyword *keyword_find(struct slice name);

#endif

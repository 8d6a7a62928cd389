/* parse.h - the parser as loading drives it, and its parts to each other. */
#ifndef TAPIR_RULES_PARSE_H
#define TAPIR_RULES_PARSE_H

#include "rules/parser.h"

struct option {
	struct slice name;
	struct slice argument;          /* data NULL: there is no ":" */
	bool terminated;                /* by ";" */
};
/* Takes the first option off *rest; false where none is left. */
bool option_next(struct slice *rest, struct option *option);

/* fields.c: the words that analyzers' fields give. */
int field_apply(struct rule_parser *p, const struct word *word, struct slice argument);
int modifier_apply(struct rule_parser *p, const struct word *word, struct slice argument);

/* p->where is set: parses it. 0 and *out; 1: the rule is for somebody else (requires); -EINVAL: reported. */
int rule_parse(struct rule_parser *p, struct rule **out);
void parser_free(struct rule_parser *p);

#endif

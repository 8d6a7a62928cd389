/* lint.h - what is doubtful about rules that load: for `tapir rules check`. */
#ifndef TAPIR_RULES_LINT_H
#define TAPIR_RULES_LINT_H

#include "rules/set.h"

/* A set that was compiled, databases or not. */
void rules_lint(const struct rule_set *set, struct rule_report *report);
/* Whether a regex can take time that grows beyond measure with what it looks at: a repetition of what may repeat itself. */
bool regex_is_slow(struct slice pattern);
/* snort.c: what to write instead of a word that only Snort knows; NULL where it isn't one. */
const char *snort_word(struct slice name);

#endif

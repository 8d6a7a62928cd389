/* reputation.h - scores of addresses by category, as configured: reputation-categories-file, reputation-files. */
#ifndef TAPIR_RULES_REPUTATION_H
#define TAPIR_RULES_REPUTATION_H

#include "rules/rules.h"

struct reputation;

/* *out stays NULL where nothing is configured. What is wrong in files is reported, not fatal. 0 or -ENOMEM. */
int reputation_load(struct reputation **out, const struct rule_load *load, struct rule_report *report);
void reputation_free(struct reputation *r);
/* The number of a category by its short name; -1 where unknown. */
int reputation_category(const struct reputation *r, struct slice name);
/* The score, or -1 where the address has none there. The longest prefix counts. */
int reputation_score(const struct reputation *r, const struct ip_addr *addr, uint8_t ip_version, uint8_t category);

#endif

/* field_checks.h - what a field's values look like, so that contents which can't occur are found. */
#ifndef TAPIR_RULES_FIELD_CHECKS_H
#define TAPIR_RULES_FIELD_CHECKS_H

#include "rules/parser.h"

/* Adapts contents that mean the same in another spelling (serials in lower case); -EINVAL where one can never match. */
int field_contents_check(struct rule_parser *p, struct list_builder *list);

#endif

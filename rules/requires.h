/* requires.h - "requires:version >= 8, feature ja4, keyword foo": rules that choose their engine. */
#ifndef TAPIR_RULES_REQUIRES_H
#define TAPIR_RULES_REQUIRES_H

#include "rules/parse.h"

/* Before any other option is read: 0 go on, 1 the rule is to be left out silently, -EINVAL reported. */
int requires_judge(struct rule_parser *p, struct slice options);

#endif

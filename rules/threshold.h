/* threshold.h - thresholds as written in rules and in threshold.config. */
#ifndef TAPIR_RULES_THRESHOLD_H
#define TAPIR_RULES_THRESHOLD_H

#include "rules/parser.h"

/* "type limit, track by_src, count 1, seconds 60": the keyword's argument. allowed: bit set of enum threshold_type
 * that "type" may name; 0 = there is no type (detection_filter). 0 or -EINVAL. */
int threshold_parse(struct rule_parser *p, struct slice text, uint32_t allowed, struct threshold *out);
/* A line of threshold.config. */
int threshold_line_parse(struct rule_parser *p, struct slice line, struct threshold_line *out);

#endif

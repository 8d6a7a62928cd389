/* regex.h - regular expressions of rules: the seam to PCRE2. */
#ifndef TAPIR_RULES_REGEX_H
#define TAPIR_RULES_REGEX_H

#include "rules/rule.h"

struct regex;
struct regex_scratch;           /* one a thread: match data, JIT stack */

/* options: enum pcre_option. On a mistake in the pattern -EINVAL, with a text in error (at most size bytes)
 * and where in the pattern it is. jit: worth the time, because it will run on traffic. */
int regex_compile(struct regex **out, struct slice pattern, uint32_t options, bool jit,
		  char *error, size_t size, size_t *offset);
void regex_free(struct regex *re);
unsigned regex_captures(const struct regex *re);
/* Number of a named group, or -1. */
int regex_group(const struct regex *re, const char *name);

int regex_scratch_new(struct regex_scratch **out, uint32_t match_limit, uint32_t depth_limit);
void regex_scratch_free(struct regex_scratch *s);

enum regex_answer { REGEX_NO, REGEX_YES, REGEX_LIMIT /* gave up: counted, never silent */ };
struct regex_span { size_t start, end; };       /* start == SIZE_MAX: the group took no part */
/* Looks in subject from offset on (what lies before is visible to lookbehinds). spans[0] is the whole match. */
enum regex_answer regex_match(const struct regex *re, struct regex_scratch *s, struct slice subject, size_t offset,
			      struct regex_span *spans, unsigned span_count);

#endif

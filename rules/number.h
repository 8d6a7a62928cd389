/* number.h - tests on numbers as rules write them: ">3", "1<>9", "!=0", "&0x80", names. */
#ifndef TAPIR_RULES_NUMBER_H
#define TAPIR_RULES_NUMBER_H

#include "analyzers/field.h"
#include "rules/rule.h"

/* A test on a number of `bits` bits; names may be NULL. On a mistake false, and what is wrong in *error. */
bool number_test_parse(struct number_test *out, struct slice text, unsigned bits, const struct field_name *names,
		       const char **error);

#endif

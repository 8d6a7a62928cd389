/* number.h - tests on numbers as rules write them: ">3", "1<>9", "!=0", "&0x80", names. */
#ifndef TAPIR_ANALYZERS_NUMBER_H
#define TAPIR_ANALYZERS_NUMBER_H

#include "analyzers/field.h"
#include "base/slice.h"

struct number_test {
	uint8_t op;     /* '=' '<' '>' 'l' (<=) 'g' (>=) '!' 'r' (a < v < b) 'x' (not so) '&' ((v & a) == b) 'n' (… != b) */
	uint64_t a, b;
};

bool number_test_match(const struct number_test *t, uint64_t v);
/* A test on a number of `bits` bits; names may be NULL. On a mistake false, and what is wrong in *error. */
bool number_test_parse(struct number_test *out, struct slice text, unsigned bits, const struct field_name *names,
		       const char **error);

#endif

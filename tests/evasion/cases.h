/* cases.h - what is played: named scripts, one for each thing that a receiver may take otherwise than a sensor. */
#ifndef TAPIR_TESTS_EVASION_CASES_H
#define TAPIR_TESTS_EVASION_CASES_H

#include <stddef.h>
#include <stdint.h>

struct evasion_case {
	const char *name;
	const char *script;             /* play.h */
};

struct evasion_group {
	const char *name;
	const struct evasion_case *cases;
	size_t count;
};

/* The named ones, table after table; *count groups in each. NULL behind the last table. */
const struct evasion_group *evasion_table(unsigned i, size_t *count);

/* Cases made by nesting lists: calls each with a name and a script. */
typedef void evasion_visit(void *arg, const char *name, const char *script);
void evasion_generate(evasion_visit *visit, void *arg);
/* A random script of its own for each seed. */
void evasion_random(uint64_t seed, char *out, size_t cap);

#endif

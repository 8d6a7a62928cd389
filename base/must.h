/* must.h - our own mistakes stop the program; the traffic's mistakes never meet this. */
#ifndef TAPIR_BASE_MUST_H
#define TAPIR_BASE_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(cond)                                                                          \
	do {                                                                                \
		if (__builtin_expect(!(cond), 0)) {                                         \
			fprintf(stderr, "tapir: %s:%d: must hold: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                            \
		}                                                                           \
	} while (0)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif

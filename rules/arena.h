/* arena.h - memory of what was loaded: taken piece by piece, given back as a whole.
 *
 * A rule set is some hundred thousand small objects with one life. One thread fills an arena; after
 * that it is only read. Strings are interned: equal texts are one pointer. */
#ifndef TAPIR_RULES_ARENA_H
#define TAPIR_RULES_ARENA_H

#include <stddef.h>

#include "base/hash.h"
#include "base/slice.h"

struct arena_block;
struct arena {
	struct arena_block *blocks;     /* newest first */
	uint8_t *at, *end;              /* free part of the newest */
	size_t used;                    /* bytes given out */
	bool failed;                    /* memory ran out at some time: what was built is not to be used */
	struct hash_key key;
	const char **names;             /* interned, open addressing */
	uint32_t name_count, name_cap;
};

int arena_init(struct arena *a);
void arena_fini(struct arena *a);
/* Zeroed, aligned to 16. NULL (and a->failed) where there is no memory. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy with a zero byte behind it. */
char *arena_copy(struct arena *a, struct slice s);
/* The same text gives the same pointer. */
const char *arena_intern(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

/* cache.h - compiled databases on disk, so that a restart needn't compile.
 *
 * One file a rule set, private to its owner, written beside its place and moved there. An entry is found by
 * the hash of what it was compiled from, so a file of an older set still serves what hasn't changed. Files
 * that are damaged, come from another library version or processor, or could be written by others are passed over:
 * what is in them becomes code, as good as. */
#ifndef TAPIR_RULES_CACHE_H
#define TAPIR_RULES_CACHE_H

#include <stdbool.h>

#include "base/slice.h"

#define CACHE_KEY_LEN 32
struct cache_key {
	uint8_t bytes[CACHE_KEY_LEN];
};

struct cache;

enum cache_answer {
	CACHE_OPEN,             /* what was there can be used, as far as it goes; also when nothing was there */
	CACHE_DAMAGED,          /* a file was passed over: cut off, altered */
	CACHE_FOREIGN,          /* a file or the directory was passed over: others could have written it */
};

/* Opens what is there for this set, or the newest of another one. NULL serves as an empty cache. */
enum cache_answer cache_open(struct cache **out, const char *dir, const struct cache_key *set);
/* The compiled bytes; valid until cache_close. False where there is no such entry. */
bool cache_find(struct cache *c, const struct cache_key *key, struct slice *out);
/* An entry that was asked for wasn't as it was written. */
bool cache_is_damaged(const struct cache *c);
/* It was written for this very set: nothing to write. */
bool cache_is_current(const struct cache *c);
void cache_close(struct cache *c);

struct cache_entry {
	struct cache_key key;
	struct slice bytes;
};
/* Makes the directory, and those above, where they are missing. Old files are removed but for a few. 0 or -errno. */
int cache_write(const char *dir, const struct cache_key *set, const struct cache_entry *entries, unsigned count);

#endif

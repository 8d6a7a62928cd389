/* search.h - one literal in a run of bytes.
 *
 * The two rarest bytes of the literal are looked for side by side, sixteen places at a time, and
 * what they leave is compared. Preparing takes no memory of its own, so it is done where the content lies. */
#ifndef TAPIR_RULES_SEARCH_H
#define TAPIR_RULES_SEARCH_H

#include "base/slice.h"

struct search {
	const uint8_t *bytes;           /* lower case where nocase */
	uint32_t len;
	uint32_t first, second;         /* places of the two bytes that are looked for */
	bool nocase;
};

void search_init(struct search *s, struct slice bytes, bool nocase);
/* The first place in text at or behind from; SIZE_MAX where there is none. An empty literal is found at once. */
size_t search_find(const struct search *s, struct slice text, size_t from);
/* Whether it stands exactly at this place. */
bool search_at(const struct search *s, struct slice text, size_t place);
/* How rare a byte is in traffic, 0 (common) to 255: what makes a pattern good. */
uint8_t byte_rarity(uint8_t byte);

#endif
